"""What problem points do to candidates now: which are forbidden, which are agreed or being built.

Effects are laid over stored candidates whenever these are read or planned with; a block needs no new score.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from siting import words
from siting.access import Actor
from siting.actions import cases
from siting.plan.eligibility import STATES
from siting.store import layers
from siting.store.database import Database

FORBIDDEN, LOCKED = "forbidden", "locked"
CODE = "open_problem_point"
GONE = "withdrawn"
COLUMNS = ("candidate_id", "case_no", "effect", "option_id", "configuration")
_PROPOSED = ("host_asset_id", "option_id", "configuration", "state", "proposed_at")


def current(db: Database, actor: Actor | None, *, leave_out: str = "") -> pd.DataFrame:
    """One line per candidate that a problem point forbids or locks.

    Parameters
    ----------
    db : Database
        The district.
    actor : Actor or None
        Whose problem points count: those this person sees; None takes all of them.
    leave_out : str
        Number of a problem point to be left out.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`; ``option_id`` and ``configuration`` are those of the proposal where there is one, else empty.
        A candidate that one problem point locks and another forbids is locked: it will be there.
    """
    found = cases.effects(db, actor)
    found = found[(found["case_no"] != leave_out) & found["site_ref"].astype(bool)]
    if found.empty:
        return pd.DataFrame(columns=list(COLUMNS), dtype=object)
    hosts, proposed = _hosts(db, actor)
    place = found["site_ref"].map(hosts).astype(object)
    merged = found.assign(candidate_id=place.where(place.notna(), found["site_ref"])).merge(
        proposed, on="candidate_id", how="left"
    )
    merged[["option_id", "configuration"]] = merged[["option_id", "configuration"]].fillna("").astype(object)
    merged = merged.sort_values(["effect", "case_no"], ascending=[False, True], kind="stable")
    first = merged.drop_duplicates("candidate_id")
    return first[list(COLUMNS)].sort_values("candidate_id", ignore_index=True)


def version(db: Database, actor: Actor | None) -> str:
    """Name of the effects that this person sees: equal for equal effects, other as soon as one changes."""
    text = current(db, actor).to_csv(index=False)
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def places(db: Database, site_ref: str) -> str:
    """The candidate that a problem point's ``site_ref`` names: itself, the host of a proposal, or that of a site."""
    return str(_hosts(db)[0].get(site_ref, site_ref))


def _hosts(db: Database, viewer: Actor | None = None) -> tuple[pd.Series, pd.DataFrame]:
    """Host asset by proposal and by site; per host the option that its latest living proposal names, as the viewer sees."""
    proposals = pd.DataFrame(
        layers.read(db, "candidates", columns=list(_PROPOSED), viewer=viewer).drop(columns="geometry")
    )
    sites = pd.DataFrame(layers.read(db, "sites", columns=["host_asset_id"], viewer=viewer).drop(columns="geometry"))
    hosts = pd.concat(
        [
            sites.set_index("site_id")["host_asset_id"],
            proposals.set_index("candidate_id")["host_asset_id"],
        ]
    ).dropna()
    living = proposals[proposals["state"] != GONE].dropna(subset=["host_asset_id"])
    latest = living.sort_values("proposed_at").drop_duplicates("host_asset_id", keep="last")
    named = latest[["host_asset_id", "option_id", "configuration"]].rename(columns={"host_asset_id": "candidate_id"})
    return hosts[hosts != ""], named


def applied(options: pd.DataFrame, held: pd.DataFrame) -> pd.DataFrame:
    """Options with the effects laid over them.

    Parameters
    ----------
    options : DataFrame
        ``option_id, candidate_id, configuration, state, codes, message``, best option of a candidate first.
    held : DataFrame
        From `current`.

    Returns
    -------
    DataFrame
        A copy with ``effect`` (``forbidden``, ``locked`` or empty) and ``case_no``; forbidden ones are blocked with the
        case's number among their reasons, of a locked candidate one option is locked.
    """
    own = options.reset_index(drop=True)
    found = own[["option_id", "candidate_id", "configuration"]].merge(
        held.rename(columns={"option_id": "wanted", "configuration": "kind"}), on="candidate_id"
    )
    found = pd.concat([found[found["effect"] == FORBIDDEN], _best(found[found["effect"] == LOCKED])])
    by_option = found.set_index("option_id")
    touched = np.flatnonzero(own["option_id"].isin(by_option.index))
    shown = {name: own[name].to_numpy(object, copy=True) for name in ("state", "codes", "message")}
    shown |= {name: np.full(len(own), "", dtype=object) for name in ("effect", "case_no")}
    for at in touched:
        line = by_option.loc[own["option_id"].iloc[at]]
        said = _said({name: cells[at] for name, cells in shown.items()}, str(line["effect"]), str(line["case_no"]))
        for name, value in said.items():
            shown[name][at] = value
    return options.assign(**{name: pd.Series(cells, index=options.index) for name, cells in shown.items()})


def _best(locked: pd.DataFrame) -> pd.DataFrame:
    """One option of each locked candidate: the proposed one, else the first of the proposed kind, else the first."""
    named, kind = locked["option_id"] == locked["wanted"], locked["configuration"] == locked["kind"]
    rank = np.where(named, 0, np.where(kind, 1, 2))
    return locked.assign(rank=rank).sort_values("rank", kind="stable").drop_duplicates("candidate_id")


def _said(one: Mapping[str, Any], effect: str, case_no: str) -> dict[str, object]:
    """What an option shows once a problem point forbids or locks it."""
    known: dict[str, object] = {"effect": effect, "case_no": case_no}
    if effect == LOCKED:
        return {**known, "message": _joined(words.say("unblocking.agreed", case_no=case_no), one)}
    state = max(str(one["state"]), "blocked", key=STATES.index)
    reason = words.say(f"plan.code.{CODE}", case_no=case_no)
    head = words.say(f"plan.state.{state}") + "：" + reason
    return {**known, "state": state, "codes": [*one["codes"], CODE], "message": _joined(head, one)}


def _joined(head: str, one: Mapping[str, Any]) -> str:
    """A sentence before the reasons that stand already."""
    rest = str(one["message"]).partition("：")[2]
    return f"{head}；{rest}" if rest else head
