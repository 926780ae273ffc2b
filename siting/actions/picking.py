"""What points picked by hand add, at once: from the stored reach of every candidate, without a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

from siting.access import Actor, view
from siting.actions import candidates, effects, planparams, planwords, question, runs, stations
from siting.actions.doors import require
from siting.actions.planrules import ROOM
from siting.errors import Word
from siting.plan import Rule, rules
from siting.store import artefacts, layers
from siting.store.database import Database

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
COUNT, BUDGET, BLOCKED = "count", "budget_yuan", "blocked"


@dataclass(frozen=True, eq=False)
class Side:
    """Operators that are reached alike: their shares of the people, what they have today, what each option gives them.

    Parameters
    ----------
    shares : mapping
        Operator -> its part of the people.
    today : array [units]
        Probability from the network and the points agreed or being built.
    reach : sparse array [units, options]
        Probability of each option alone.
    """

    shares: Mapping[str, float]
    today: Floats
    reach: sp.csc_array

    @property
    def share(self) -> float:
        """Part of the people that is theirs together."""
        return sum(self.shares.values())


@dataclass(frozen=True, eq=False)
class Bench:
    """Everything that an answer to a click needs, laid out once.

    Parameters
    ----------
    offered : DataFrame
        Scored options with the effects of the problem points that the viewer sees; index 0, 1, ….
    persons : array [units]
        People known to be covered or not.
    streets : Series [units]
        Sub-district of each unit (categorical).
    sides : tuple of Side
        Per group of operators.
    rooms : DataFrame
        What hosts have left: slots, weight, sail area, power.
    """

    offered: pd.DataFrame
    persons: Floats
    streets: pd.Series
    sides: tuple[Side, ...]
    rooms: pd.DataFrame

    def places(self, option_ids: Sequence[str]) -> Places:
        """Positions of options by id, in the order given; what is not offered or named twice is passed over."""
        names = list(dict.fromkeys(option_ids))
        found = pd.Index(self.offered["option_id"]).get_indexer(pd.Index(names, dtype=object))
        return found[found >= 0].astype(np.int64)


@dataclass(frozen=True)
class Broken:
    """A rule that the picked points break: its kind, its sentence, how much they use, and which points they are."""

    kind: str
    rule: Word
    activity: float
    limit: float
    option_ids: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Effect:
    """What a set of points adds together.

    Parameters
    ----------
    count : int
        Points.
    added : float
        Expected people newly covered, or m2 where the district counts area.
    streets, operators : DataFrame
        ``street_office`` or ``operator`` and ``added``, the largest first; one line per operator.
    alone : mapping
        Point -> what would be lost without it.
    cost_yuan, fibre_m : float
        Sums.
    fibre_unknown : int
        Points that no access point reaches.
    broken : tuple of Broken
        Rules that this set breaks.
    """

    count: int
    added: float
    streets: pd.DataFrame
    operators: pd.DataFrame
    alone: Mapping[str, float]
    cost_yuan: float
    fibre_m: float
    fibre_unknown: int
    broken: tuple[Broken, ...]


def bench(db: Database, actor: Actor, score_run: str) -> Bench:
    """Lay out a score run for `effect`; every answer after it is made from memory.

    Raises
    ------
    NotFound
        If there is no such run that the actor sees.
    BadInput
        If the district changed since the coverage run beneath it.
    """
    require(db, actor, runs.READING)
    run = runs.get(db, actor, score_run)
    base = candidates.base_of(db, actor, run.params["coverage"])
    table = artefacts.load_table(runs.folder(db, run.id), "scored")
    table["operators"] = [list(names) for names in table["operators"]]
    offered = effects.applied(table, effects.current(db, actor)).reset_index(drop=True)
    standing = np.flatnonzero(offered["effect"] == effects.LOCKED)
    return Bench(
        offered=offered,
        persons=base.units["persons"].to_numpy(np.float64),
        streets=base.units["street_office"].astype("category"),
        sides=_sides(base, candidates.reaches(db, run.id), standing),
        rooms=_rooms(db, actor),
    )


def _sides(base: candidates.Base, reaches: Mapping[str, sp.csc_array], standing: Places) -> tuple[Side, ...]:
    """Operators of equal network and equal reach together; each has the share of the people that it has in a plan."""
    groups: dict[tuple[int, int], list[str]] = {}
    shares = question.operator_shares(sorted({*base.presents, *reaches}))
    for name in shares:
        groups.setdefault((id(base.presents.get(name)), id(reaches.get(name))), []).append(name)
    sides = []
    for names in groups.values():
        reach, present = reaches.get(names[0]), base.presents.get(names[0])
        if reach is not None:
            today = np.zeros(reach.shape[0]) if present is None else present.astype(np.float64)
            units, best = _best(reach, standing)
            today[units] = np.maximum(today[units], best)
            sides.append(Side({name: shares[name] for name in names}, today, reach))
    return tuple(sides)


def _rooms(db: Database, actor: Actor) -> pd.DataFrame:
    """What hosts have left, as far as the actor sees who stands there."""
    assets = pd.DataFrame(layers.read(db, "assets", columns=list(ROOM), viewer=actor).drop(columns="geometry"))
    return stations.with_taken(db, assets) if view(actor, "sites") == "all" else assets


def effect(found: Bench, option_ids: Sequence[str], asked: Mapping[str, Any]) -> Effect:
    """What these points add together, and which rules they break.

    Parameters
    ----------
    found : Bench
        From `bench`.
    option_ids : sequence of str
        Points; those agreed or being built count already and are passed over.
    asked : mapping
        Limits and rules as in the parameters of a plan run (`siting.actions.planparams`), all optional.

    Notes
    -----
    sum over units of persons x share x max(0, largest probability of the points - probability today), the objective of a
    plan (best server), evaluated on the units that the points reach.
    """
    chosen = found.places(option_ids)
    chosen = chosen[(found.offered["effect"].to_numpy()[chosen] != effects.LOCKED)]
    rows = found.offered.iloc[chosen]
    parts = [_gains(found, side, chosen) for side in found.sides]
    streets = sum((part.streets for part in parts), np.zeros(len(found.streets.cat.categories)))
    alone = sum((part.alone for part in parts), np.zeros(chosen.size))
    return Effect(
        count=int(chosen.size),
        added=float(sum(part.added for part in parts)),
        streets=_table("street_office", found.streets.cat.categories.astype(str), streets),
        operators=_by_operator(found.sides, parts),
        alone=dict(zip(rows["option_id"].astype(str), alone.tolist(), strict=True)),
        cost_yuan=float(rows["cost_yuan"].sum()),
        fibre_m=float(rows["fibre_m"].sum()),
        fibre_unknown=int(rows["fibre_m"].isna().sum()),
        broken=tuple(_broken(rows, found.rooms, asked)),
    )


@dataclass(frozen=True)
class _Part:
    added: float
    streets: Floats
    alone: Floats


def _gains(found: Bench, side: Side, chosen: Places) -> _Part:
    """What the points add to one group of operators: in all, by sub-district, and lost without each."""
    empty = np.zeros(len(found.streets.cat.categories))
    if chosen.size == 0:
        return _Part(0.0, empty, np.zeros(0))
    part = side.reach[:, chosen]
    units, at = np.unique(part.indices, return_inverse=True)
    member = np.repeat(np.arange(chosen.size), np.diff(part.indptr))
    over = np.maximum(0.0, part.data - side.today[part.indices])
    weight = found.persons[units] * side.share
    order = np.lexsort((over, at))
    last = np.flatnonzero(np.append(np.diff(at[order]) > 0, True)) if order.size else order
    best, second = over[order[last]], np.zeros(units.size)
    many = last[np.diff(np.append(-1, last)) > 1]
    second[at[order[many]]] = over[order[many - 1]]
    gain = weight * best
    codes = found.streets.cat.codes.to_numpy()[units]
    streets = np.bincount(codes[codes >= 0], weights=gain[codes >= 0], minlength=empty.size)
    alone = np.bincount(member[order[last]], weights=weight * (best - second), minlength=chosen.size)
    return _Part(float(gain.sum()), streets.astype(np.float64), alone.astype(np.float64))


def _best(reach: sp.csc_array, columns: Places) -> tuple[Places, Floats]:
    """Units that some options reach and the largest probability there."""
    part = reach[:, columns]
    units, at = np.unique(part.indices, return_inverse=True)
    best = np.zeros(units.size)
    np.maximum.at(best, at, part.data)
    return units.astype(np.int64), best


def _by_operator(sides: Sequence[Side], parts: Sequence[_Part]) -> pd.DataFrame:
    """What each operator gains: those reached alike share it as they share the people."""
    each = [
        (name, part.added * own / side.share)
        for side, part in zip(sides, parts, strict=True)
        for name, own in side.shares.items()
    ]
    return _table("operator", [name for name, _ in each], [added for _, added in each])


def _table(column: str, names: Any, added: Any) -> pd.DataFrame:
    frame = pd.DataFrame({column: list(names), "added": list(added)})
    return frame[frame["added"] > 0].sort_values("added", ascending=False, ignore_index=True)


def _broken(rows: pd.DataFrame, rooms: pd.DataFrame, asked: Mapping[str, Any]) -> Iterator[Broken]:
    """Limits and rules that a set breaks by itself; what it does not yet reach is left to the solver."""
    rows, wanted = rows.reset_index(drop=True), asked.get("rules") or {}
    names = dict(zip(rows["candidate_id"].astype(str), rows["name"].fillna("").astype(str), strict=True))
    for at in np.flatnonzero(rows["effect"] == effects.FORBIDDEN):
        held = Word("picking.blocked", {"name": str(rows["name"].iloc[at] or ""), "case_no": rows["case_no"].iloc[at]})
        yield Broken(BLOCKED, held, 1.0, 0.0, (str(rows["option_id"].iloc[at]),))
    for kind, used in ((COUNT, float(len(rows))), (BUDGET, float(rows["cost_yuan"].sum()))):
        if asked.get(kind) is not None and used > float(asked[kind]):
            said = planwords.sentence(kind, names=names, ends={"at_most": float(asked[kind])})
            yield Broken(kind, said, used, float(asked[kind]), ())
    held_rooms = rooms[rooms["asset_id"].isin(rows["candidate_id"])]
    made = [*rules.one_per_candidate(rows), *rules.slots(rows, held_rooms), *rules.loads(rows, held_rooms)]
    for rule in [*made, *_wanted(rows, wanted)]:
        used = float(rule.coefficient.sum())
        if rule.at_most is not None and used > rule.at_most:
            ends = {"at_most": rule.at_most, "min_spacing_m": wanted.get("min_spacing_m")}
            said = planwords.sentence(rule.name, names=names, ends=ends)
            members = tuple(rows["option_id"].iloc[rule.option_index].astype(str))
            yield Broken(rule.name.partition(":")[0], said, used, float(rule.at_most), members)


def _wanted(rows: pd.DataFrame, asked: Mapping[str, Any]) -> list[Rule]:
    """Rules of the planner's own: spacing and quotas."""
    made: list[Rule] = []
    if asked.get("min_spacing_m"):
        made += rules.spacing(rows, min_spacing_m=float(asked["min_spacing_m"]), by=asked["spacing_by"])
    for quota in asked.get("quotas") or ():
        column = planparams.QUOTA_COLUMNS[quota["by"]]
        if quota.get("at_most") is not None and column in rows and quota["value"] in _values(rows[column]):
            made += rules.quota(rows, by=column, at_most={quota["value"]: float(quota["at_most"])})
    return made


def _values(cells: pd.Series) -> set[str]:
    return {str(v) for cell in cells for v in (cell if isinstance(cell, list | tuple | np.ndarray) else [cell])}
