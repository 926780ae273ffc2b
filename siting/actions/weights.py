"""The district's weight profiles of the score, and scores by other weights from what a score run kept.

What is shipped holds until the district writes a profile of its own over it; an edit never overwrites, it raises the
version.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from siting.access import Actor
from siting.actions import permission, radiotables, runs
from siting.actions.doors import require
from siting.errors import BadInput, NotFound
from siting.plan import score, tables
from siting.plan.permission import COLUMNS as LEARNT
from siting.store import artefacts
from siting.store import radiotables as stored
from siting.store.database import Database
from siting.store.radiotables import Change

READING = "report.read"
PERMISSION = radiotables.PERMISSION
DEFAULT = score.DEFAULT_WEIGHTS
FAMILY, KIND = "score", "score.weights"
NUMBERS = ("zero", "full", "weight")
FILE = "weights"
LONGEST = 40
OWN = "chosen by the district"
UNVERIFIED = "unverified"


#: Weights that somebody gives: a profile, or part -> weight over another one; None: nothing but the other one.
Given = pd.DataFrame | Mapping[str, float] | None


@dataclass(frozen=True)
class Saved:
    """A profile that was kept: its name, version, and the revision of all profiles."""

    name: str
    edition: int
    revision: int


def profile(db: Database, name: str = DEFAULT) -> pd.DataFrame:
    """A weight profile as it counts: ``part, unit, zero, full, weight, source, mark``.

    Raises
    ------
    NotFound
        If there is none of this name.
    """
    shipped = tables.weights(name).drop(columns="profile")
    entry = stored.latest(db, KIND).get(name)
    if entry is not None and entry.record:
        return _over(entry.record, f"{OWN}: {entry.reason}")
    if shipped.empty:
        raise NotFound("score.profile.none", name=name, known=", ".join(_names(db)))
    return shipped


def profiles(db: Database, actor: Actor) -> pd.DataFrame:
    """All profiles by name: ``name, state, edition, changed_at, changed_by, reason``; the default one first."""
    require(db, actor, READING)
    latest = stored.latest(db, KIND)
    return pd.DataFrame(
        [{"name": name, **radiotables.about(latest.get(name), shipped=name == DEFAULT)} for name in _names(db)]
    )


def read(db: Database, actor: Actor, name: str = DEFAULT) -> pd.DataFrame:
    """A weight profile, see `profile`."""
    require(db, actor, READING)
    return profile(db, name)


def revision(db: Database) -> int:
    """Place of the last change of a profile; 0: what is shipped."""
    return stored.revision(db, family=FAMILY)


def history(db: Database, actor: Actor) -> pd.DataFrame:
    """All changes of profiles, newest first: ``name, version, at, person, org, reason``."""
    require(db, actor, READING)
    names = ("name", "version", "at", "person", "org", "reason")
    told = [{name: getattr(entry, name) for name in names} for entry in stored.history(db, KIND)]
    return pd.DataFrame(told, columns=list(names))


def save(
    db: Database,
    actor: Actor,
    name: str,
    weights: pd.DataFrame | Mapping[str, float],
    *,
    reason: str,
    seen: int | None = None,
    now: datetime,
) -> Saved:
    """Keep a profile under a name, over what it said before.

    Parameters
    ----------
    weights : DataFrame or mapping
        ``part, zero, full, weight`` of all parts; or part -> weight, the rest as the profile, or the default one, has it.
    reason : str
        Why, for the journal.
    seen : int, optional
        Revision that the person looked at; default the present one.

    Raises
    ------
    BadInput
        If the name, a part or a number cannot be used, or no reason is given.
    Conflict
        If a profile changed since ``seen``.
    """
    require(db, actor, PERMISSION)
    told, label = radiotables.reason_of(reason), name.strip()
    if not label or len(label) > LONGEST:
        raise BadInput("score.profile.name", most=LONGEST)
    table = weighed(profile(db, label if label in _names(db) else DEFAULT), weights)
    numbers = table[list(NUMBERS)].to_numpy(float)
    cells = {str(p): " ".join(f"{v:.10g}" for v in own) for p, own in zip(table["part"], numbers, strict=True)}
    edition = 1 + max([e.version for e in stored.history(db, KIND) if e.name == label], default=int(label == DEFAULT))
    change = Change(kind=KIND, name=label, version=edition, record=cells, said={"cells": cells})
    with db.write() as connection:
        at = stored.revision(db, family=FAMILY) if seen is None else seen
        found = stored.add(
            connection, [change], seen=at, reason=told, key=db.key(), actor=actor, now=now, family=FAMILY
        )
    return Saved(label, edition, found)


def weighed(base: pd.DataFrame, weights: Given) -> pd.DataFrame:
    """A whole profile out of what somebody gives of it.

    Parameters
    ----------
    base : DataFrame
        A profile.
    weights : DataFrame, mapping or None
        Another profile; or part -> weight over the base; or nothing but the base.

    Raises
    ------
    BadInput
        If a part is not known, or the profile makes no score.
    """
    known = tables.weights()["part"]
    given = weights["part"] if isinstance(weights, pd.DataFrame) else weights or ()
    strange = sorted(set(given) - set(known))
    if strange:
        raise BadInput("score.profile.parts", parts=", ".join(strange), known=", ".join(known))
    if not isinstance(weights, Mapping):
        return score.checked(base if weights is None else weights.reset_index(drop=True))
    changed = [float(weights.get(part, weight)) for part, weight in zip(base["part"], base["weight"], strict=True)]
    return score.checked(base.assign(weight=changed))


def text(profile: pd.DataFrame) -> str:
    """A profile in one line: ``part=weight (zero > full)``."""
    numbers = profile[["part", "weight", "zero", "full"]].itertuples(index=False, name=None)
    return "; ".join(f"{part}={weight:g} ({zero:g} > {full:g})" for part, weight, zero, full in numbers)


def of_run(db: Database, actor: Actor, score_run: str) -> pd.DataFrame:
    """The weights by which a score run ranked."""
    runs.finished(db, actor, "score", score_run)
    folder = runs.folder(db, score_run)
    return artefacts.load_table(folder, FILE) if artefacts.has(folder, f"{FILE}.parquet") else tables.weights()


def rescored(db: Database, actor: Actor, score_run: str, weights: Given = None) -> pd.DataFrame:
    """Scored options of a run by other weights, from the stored parts: no new run.

    Parameters
    ----------
    weights : DataFrame, mapping or None
        A profile, or part -> weight over that of the run; None: that of the run.

    Returns
    -------
    DataFrame
        The run's table ``scored`` with the probability of an agreement as this person's cases tell it, points, score and
        rank; best first.  Parts that the run did not measure have no weight.
    """
    return score.rescored(*measured(db, actor, score_run, weights))


def measured(db: Database, actor: Actor, score_run: str, weights: Given = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The table ``scored`` of a run as it was stored, with what this person's cases tell of permission, and the profile.

    See `rescored`; parts that nobody measured are left out of the profile.
    """
    own = weighed(of_run(db, actor, score_run), weights)
    scored = artefacts.load_table(runs.folder(db, score_run), "scored")
    bare = scored.drop(columns=[name for name in LEARNT if name in scored])
    whole = bare.join(permission.learnt(db, actor, bare))
    return whole, own[own["part"].isin(whole.columns)].reset_index(drop=True)


def _names(db: Database) -> list[str]:
    return list(dict.fromkeys([DEFAULT, *(n for n, e in stored.latest(db, KIND).items() if e.record)]))


def _over(record: Mapping[str, str], source: str) -> pd.DataFrame:
    """A stored profile in the form of the shipped one; parts that came later have what is shipped, without weight."""
    lines = []
    for row in tables.weights().drop(columns="profile").to_dict("records"):
        shipped = {str(name): value for name, value in row.items()}
        cells = record.get(shipped["part"])
        given = [shipped["zero"], shipped["full"], 0.0] if cells is None else [float(cell) for cell in cells.split()]
        numbers = {name: float(value) for name, value in zip(NUMBERS, given, strict=True)}
        lines.append({**shipped, **numbers, "source": source, "mark": UNVERIFIED})
    return pd.DataFrame(lines)
