"""The rules of a planning question as linear rows, and the options that a rule bars from the start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp
from scipy.spatial import cKDTree

from siting import words
from siting.access import Actor
from siting.actions import radiotables, runs, scene, stations
from siting.actions.candidates import Base
from siting.actions.planparams import ENDS, QUOTA_COLUMNS
from siting.errors import BadInput
from siting.plan import Rule, permission, rules
from siting.plan.eligibility import STATES
from siting.plan.zones import ZONES, zones
from siting.store import artefacts, layers
from siting.store.database import Database

__all__ = ["ZONES"]

ROOM = (
    "slots_total", "slots_reserved", "slots_taken", "spare_weight_kg", "spare_sail_m2", "power_kva_spare",
)  # fmt: skip
#: Reasons for which an option is left out of one question, and the state each leads to.
BARRED: Mapping[str, str] = {
    "forbidden_by_hand": "blocked",
    "fibre_unreached": "blocked",
    "permission_unknown": "blocked",
    "too_close_to_own_site": "excluded",
}
Reaches = Mapping[str, sp.csc_array]


def barred(offered: pd.DataFrame, where: npt.NDArray[np.bool_], code: str) -> pd.DataFrame:
    """Options with some of them left out for a reason of `BARRED`, which joins their other reasons; agreed ones stay.

    Raises
    ------
    BadInput
        If a point picked by hand is among them.
    """
    hit = where & ~offered["standing"].to_numpy(bool)
    picked = offered[hit & offered["locked"].to_numpy(bool)]
    reason = words.say(f"plan.code.{code}")
    if len(picked):
        raise BadInput("plans.lock_barred", names="、".join(picked["name"].fillna("").astype(str)), reason=reason)
    if not hit.any():
        return offered
    held = {name: offered[name].to_numpy(object, copy=True) for name in ("state", "codes", "message")}
    for at in np.flatnonzero(hit):
        state = max(str(held["state"][at]), BARRED[code], key=STATES.index)
        rest = str(held["message"][at]).partition("：")[2]
        held["state"][at], held["codes"][at] = state, [*held["codes"][at], code]
        held["message"][at] = f"{words.say(f'plan.state.{state}')}：{reason}" + (f"；{rest}" if rest else "")
    changed = {name: pd.Series(cells, index=offered.index) for name, cells in held.items()}
    return offered.assign(**changed, forbidden=offered["forbidden"].to_numpy(bool) | hit)


def with_cases(scored: pd.DataFrame) -> tuple[int, int]:
    """Of how many options the probability of permission rests on enough closed cases of their kind, and how many that is."""
    least = int(permission.rows()["least_cases"])
    return int((pd.to_numeric(scored["permission_n"], errors="coerce") >= least).sum()), least


def by_hand(offered: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Options without those that somebody forbade, by option or with all options of a candidate.

    Raises
    ------
    BadInput
        If a name is neither.
    """
    known = set(offered["option_id"]) | set(offered["candidate_id"])
    missing = sorted(set(names) - known)
    if missing:
        raise BadInput("plans.forbid_unknown", names=", ".join(missing))
    hit = (offered["option_id"].isin(names) | offered["candidate_id"].isin(names)).to_numpy(bool)
    return barred(offered, hit, "forbidden_by_hand")


def apart(db: Database, actor: Actor, base: Base, offered: pd.DataFrame, asked: Mapping[str, Any]) -> pd.DataFrame:
    """Options without those nearer than the spacing to a site on air (of the same operator, unless all count).

    Only sites that the actor sees count: what is refused around others would tell where they stand.
    """
    spacing_m = asked["rules"]["min_spacing_m"]
    if spacing_m <= 0:
        return offered
    xy = offered[["easting_m", "northing_m"]].to_numpy(float)
    near = np.zeros(len(offered), bool)
    carriers = radiotables.networks(db)
    for name in base.run.params.get("networks") or [base.run.params["network"]]:
        carrier = carriers[name]
        own = scene.sectors(db, carrier, viewer=actor)[["easting_m", "northing_m"]].to_numpy(float)
        if len(own) == 0:
            continue
        close = cKDTree(own).query(xy, distance_upper_bound=spacing_m * (1 - 1e-12))[0] < np.inf
        shared = offered["operators"].map(lambda served, ops=carrier.operators: bool(set(served) & set(ops)))
        near |= close & (shared.to_numpy(bool) | (asked["rules"]["spacing_by"] == "all"))
    return barred(offered, near, "too_close_to_own_site")


def rows(
    db: Database,
    base: Base,
    offered: pd.DataFrame,
    *,
    asked: Mapping[str, Any],
    reaches: Reaches,
    cell_probability: float,
) -> list[Rule]:
    """All rules of a question; what is agreed already is never refused by any of them.

    Parameters
    ----------
    offered : DataFrame
        Options with ``standing``; with a quota by zone also ``zone``.
    asked : mapping
        Complete parameters of the plan run.
    reaches : mapping
        Operator -> probability of each option alone [units, options].
    cell_probability : float
        From here on a unit is covered.
    """
    assets = stations.with_taken(db, layers.read(db, "assets", columns=ROOM))
    own = pd.DataFrame(assets[assets["asset_id"].isin(offered["candidate_id"])].drop(columns="geometry"))
    given = asked["rules"]
    made = [*rules.one_per_candidate(offered), *rules.slots(offered, own), *rules.loads(offered, own)]
    if given["min_spacing_m"] > 0:
        made += rules.spacing(offered, min_spacing_m=given["min_spacing_m"], by=given["spacing_by"])
    standing = offered["standing"].to_numpy(bool)
    made = [_with_room(rule, standing) for rule in made] if standing.any() else made
    made += _quotas(offered, given["quotas"], standing)
    return made + _venues(base, offered, _by_id(db, given["required_venues"]), reaches, cell_probability)


def _with_room(rule: Rule, standing: npt.NDArray[np.bool_]) -> Rule:
    """A rule that never refuses what is agreed already: its slot may be entered as taken by itself."""
    held = float(rule.coefficient[standing[rule.option_index]].sum())
    return replace(rule, at_most=held) if rule.at_most is not None and held > rule.at_most else rule


def zoned(
    db: Database, base: Base, offered: pd.DataFrame, *, today: npt.NDArray[np.float64], covered: float
) -> pd.Series:
    """The zone in which each option stands: gap, normal or surplus."""
    units = artefacts.load_table(runs.folder(db, base.run.id), "units", columns=["floor", "easting_m", "northing_m"])
    outdoors = (units["floor"] == 0).to_numpy()
    cells = units.loc[outdoors, ["easting_m", "northing_m"]].to_numpy(float)
    places = offered[["easting_m", "northing_m"]].to_numpy(float)
    return pd.Series(zones(places, cells, today[outdoors], cell_probability=covered), index=offered.index)


def _quotas(offered: pd.DataFrame, wanted: Sequence[Mapping[str, Any]], standing: npt.NDArray[np.bool_]) -> list[Rule]:
    """Quotas over the points that are new: agreed ones are outside, as they are outside the count."""
    made = []
    for by, column in QUOTA_COLUMNS.items():
        own = [q for q in wanted if q["by"] == by]
        nobody = set(ZONES) - set(offered["zone"]) if own and by == "zone" else set()
        made += [_of_nobody(q) for q in own if q["value"] in nobody]
        ends = {end: {q["value"]: q[end] for q in own if end in q and q["value"] not in nobody} for end in ENDS}
        if any(ends.values()):
            found = rules.quota(offered, by=column, **{end: limits or None for end, limits in ends.items()})
            made += [_new_only(rule, standing, f"quota:{by}:{rule.name.split(':', 2)[2]}") for rule in found]
    return made


def _of_nobody(quota: Mapping[str, Any]) -> Rule:
    """A quota of a zone in which no option stands: nothing to hold back, and nothing to have at least."""
    ends = {end: quota[end] for end in ENDS if end in quota}
    return Rule(f"quota:{quota['by']}:{quota['value']}", np.zeros(0, np.int64), np.zeros(0), **ends)


def _new_only(rule: Rule, standing: npt.NDArray[np.bool_], name: str) -> Rule:
    keep = ~standing[rule.option_index]
    return replace(rule, name=name, option_index=rule.option_index[keep], coefficient=rule.coefficient[keep])


def _by_id(db: Database, venues: Sequence[str]) -> list[str]:
    """Venues by id, some of them given by name."""
    if not venues:
        return []
    places = layers.read(db, "venues", columns=["name"])
    ids = dict(zip(places["name"].astype(str), places["venue_id"].astype(str), strict=True))
    known = set(ids.values())
    return [name if name in known else ids.get(name, name) for name in venues]


def _venues(
    base: Base, offered: pd.DataFrame, venues: Sequence[str], reaches: Reaches, cell_probability: float
) -> list[Rule]:
    """Per key point of a required venue and network, unless covered already: an option that covers it.

    Of key points that the same options cover one rule is made.

    Raises
    ------
    BadInput
        If a venue has no key point.
    """
    if not venues:
        return []
    unknown = sorted(set(venues) - set(base.units["venue"].dropna().astype(str)))
    if unknown:
        raise BadInput("plans.venue_unknown", names=", ".join(unknown))
    seen: set[tuple[str, bytes]] = set()
    made = []
    for operator, gains in _different(base, reaches).items():
        present = base.presents[operator]
        found = rules.required_venues(
            base.units, gains, offered, venues=venues, cell_probability=cell_probability, base=present
        )
        for rule in found:
            key = (rule.name.split(":")[1], rule.option_index.tobytes())
            if key not in seen:
                seen.add(key)
                made.append(replace(rule, name=f"{rule.name}:{operator}"))
    return made


class _One:
    """The reach of one operator as the rules read it."""

    def __init__(self, p: sp.csc_array) -> None:
        self.p = p


def _different(base: Base, reaches: Reaches) -> dict[str, Any]:
    """One operator for each different coverage."""
    kept: dict[tuple[int, int], str] = {}
    for operator in sorted(base.presents):
        kept.setdefault((id(base.presents[operator]), id(reaches[operator])), operator)
    return {operator: _One(reaches[operator]) for operator in kept.values()}
