"""Helpers that turn the district's rules into named linear rows; positions are those of the options frame."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.spatial import cKDTree

from siting.errors import BadInput
from siting.plan.build import GROUP_JOIN, Gains
from siting.plan.problem import Rule

LOADS = (("weight_kg", "spare_weight_kg"), ("sail_m2", "spare_sail_m2"), ("power_kva", "power_kva_spare"))


def one_per_candidate(options: pd.DataFrame) -> list[Rule]:
    """At most one option per candidate and operator."""
    rules: list[Rule] = []
    seen: set[tuple[int, ...]] = set()
    for (candidate, operator), members in _by_candidate_and_operator(options):
        if len(members) > 1 and tuple(members) not in seen:
            seen.add(tuple(members))
            rules.append(_at_most(f"one_per_candidate:{candidate}:{operator}", members, 1.0))
    return rules


def _by_candidate_and_operator(options: pd.DataFrame) -> Iterator[tuple[tuple[str, str], list[int]]]:
    groups: dict[tuple[str, str], list[int]] = {}
    for place, (candidate, operators) in enumerate(zip(options["candidate_id"], options["operators"], strict=True)):
        for operator in operators:
            groups.setdefault((str(candidate), str(operator)), []).append(place)
    yield from sorted(groups.items())


def _at_most(name: str, members: Collection[int], limit: float, coefficient: npt.ArrayLike | None = None) -> Rule:
    index = np.fromiter(members, dtype=np.int64)
    return Rule(
        name, index, np.ones(index.size) if coefficient is None else np.asarray(coefficient, float), at_most=limit
    )


def slots(options: pd.DataFrame, assets: pd.DataFrame) -> list[Rule]:
    """Free mounting slots of each asset; an asset whose number of slots is unknown gets no rule.

    Parameters
    ----------
    options : DataFrame
        ``candidate_id``, ``slots`` used by the option.
    assets : DataFrame
        ``asset_id``, ``slots_total``, and if known ``slots_reserved``, ``slots_taken``.
    """
    free = (
        _number(assets, "slots_total")
        - _number(assets, "slots_reserved").fillna(0)
        - _number(assets, "slots_taken").fillna(0)
    )
    return _per_asset("slots", options, options["slots"], pd.Series(free.to_numpy(), index=assets["asset_id"]))


def loads(options: pd.DataFrame, assets: pd.DataFrame) -> list[Rule]:
    """Spare weight [kg], sail area [m2] and power [kVA] of each asset, where known."""
    rules: list[Rule] = []
    for used, spare in LOADS:
        limit = pd.Series(_number(assets, spare).to_numpy(), index=assets["asset_id"])
        rules += _per_asset(used, options, options[used], limit)
    return rules


def _number(frame: pd.DataFrame, column: str) -> pd.Series:
    values = frame[column] if column in frame else pd.Series(np.nan, index=frame.index)
    return pd.to_numeric(values, errors="coerce").astype(float)


def _per_asset(what: str, options: pd.DataFrame, used: pd.Series, limit: pd.Series) -> list[Rule]:
    need = used.to_numpy(dtype=float)
    spare = {str(name): float(value) for name, value in limit.items() if value == value}  # noqa: PLR0124 - not NaN
    rules = []
    for candidate, group in pd.Series(np.arange(len(options))).groupby(options["candidate_id"].astype(str).to_numpy()):
        members = group.to_numpy()[need[group.to_numpy()] > 0]
        if str(candidate) in spare and need[members].sum() > spare[str(candidate)]:
            rules.append(_at_most(f"{what}:{candidate}", members, max(0.0, spare[str(candidate)]), need[members]))
    return rules


def spacing(options: pd.DataFrame, *, min_spacing_m: float, by: str = "operator") -> list[Rule]:
    """No two chosen options nearer than `min_spacing_m`, per operator or (``by="all"``) for all.

    Conflict pairs are covered by cliques, each one rule "at most one of these", named after every operator that has
    it; at 0 m nothing is too near, not even options of one place.

    Raises
    ------
    BadInput
        For an unknown `by` or a negative distance.
    """
    if by not in ("operator", "all") or not min_spacing_m >= 0:
        raise BadInput("plan.rule.spacing", by=by, min_spacing_m=min_spacing_m)
    if min_spacing_m == 0:
        return []
    sets = [("all", np.arange(len(options)))]
    if by == "operator":
        names = sorted({name for served in options["operators"] for name in served})
        served = [frozenset(names_of) for names_of in options["operators"]]
        sets = [(name, np.array([at for at, names_of in enumerate(served) if name in names_of])) for name in names]
    xy = options[["easting_m", "northing_m"]].to_numpy(dtype=float)
    whose: dict[tuple[int, ...], list[str]] = {}
    for name, members in sets:
        for places in _too_near(xy, members, min_spacing_m):
            whose.setdefault(places, []).append(name)
    first = options["option_id"].to_numpy()
    return [
        _at_most(f"spacing:{GROUP_JOIN.join(names)}:{first[places[0]]}:{at}", places, 1.0)
        for at, (places, names) in enumerate(whose.items())
    ]


def _too_near(
    xy: npt.NDArray[np.float64], members: npt.NDArray[np.int64], distance_m: float
) -> Iterator[tuple[int, ...]]:
    """Sets of options of which one may be chosen: those of a clique of places, which many options share."""
    spots, at = np.unique(xy[members], axis=0, return_inverse=True)
    order = np.argsort(at.ravel(), kind="stable")
    held = np.split(members[order], np.searchsorted(at.ravel()[order], np.arange(1, len(spots))))
    near = list(_cliques(spots, distance_m))
    covered = {spot for clique in near for spot in clique}
    alone = [[spot] for spot, own in enumerate(held) if len(own) > 1 and spot not in covered]
    for clique in [*near, *(alone if distance_m > 0 else [])]:
        yield tuple(int(option) for option in np.sort(np.concatenate([held[spot] for spot in clique])))


def _cliques(xy: npt.NDArray[np.float64], distance_m: float) -> Iterator[list[int]]:
    """Cliques that together hold every pair nearer than the distance, greedily grown in index order."""
    pairs = (
        cKDTree(xy).query_pairs(distance_m * (1 - 1e-12), output_type="ndarray") if len(xy) else np.zeros((0, 2), int)
    )
    near: dict[int, set[int]] = {}
    for first, second in pairs.tolist():
        near.setdefault(first, set()).add(second)
        near.setdefault(second, set()).add(first)
    held: set[tuple[int, int]] = set()
    for first, second in sorted((min(pair), max(pair)) for pair in pairs.tolist()):
        if (first, second) in held:
            continue
        clique, common = [first, second], near[first] & near[second]
        while common:
            clique.append(min(common))
            common = common & near[clique[-1]]
        clique.sort()
        held.update((a, b) for at, a in enumerate(clique) for b in clique[at + 1 :])
        yield clique


def quota(
    options: pd.DataFrame,
    *,
    by: str,
    at_most: float | Mapping[Hashable, float] | None = None,
    at_least: float | Mapping[Hashable, float] | None = None,
) -> list[Rule]:
    """Numbers of options per value of a column; in a list column of k values each is charged 1/k.

    Options whose value is unknown are in no quota.

    Raises
    ------
    BadInput
        If the column does not exist or a limit names a value that no option has.
    """
    if by not in options:
        raise BadInput("plan.rule.quota_column", column=by)
    charges: dict[Hashable, dict[int, float]] = {}
    for place, value in enumerate(options[by]):
        values = list(value) if isinstance(value, list | tuple | np.ndarray) else [value] if pd.notna(value) else []
        for one in values:
            charges.setdefault(one, {})[place] = 1.0 / len(values)
    limited = [limit for limit in (at_most, at_least) if isinstance(limit, Mapping)]
    unknown = {str(value) for limit in limited for value in limit if value not in charges}
    if unknown:
        raise BadInput("plan.rule.quota_value", column=by, values=", ".join(sorted(unknown)))
    rules = []
    for value in sorted(charges, key=str):
        high, low = _limit_of(at_most, value), _limit_of(at_least, value)
        if high is not None or low is not None:
            index, part = np.array(list(charges[value])), np.array(list(charges[value].values()))
            rules.append(Rule(f"quota:{by}:{value}", index, part, at_most=high, at_least=low))
    return rules


def _limit_of(limit: float | Mapping[Hashable, float] | None, value: Hashable) -> float | None:
    return limit.get(value) if isinstance(limit, Mapping) else limit


def required_venues(
    units: pd.DataFrame,
    gains: Gains,
    options: pd.DataFrame,  # noqa: ARG001 - the helpers share one signature
    *,
    venues: Collection[str],
    cell_probability: float,
    base: npt.ArrayLike | None = None,
) -> list[Rule]:
    """For every unit of the named venues not yet covered: at least one option that covers it.

    A unit no option can cover makes a rule that nothing meets, so that the clash is named and not hidden.

    Parameters
    ----------
    units : DataFrame
        ``unit_id``, ``venue``; with a boolean ``key_point`` column only those units count.
    gains : Gains
        ``p`` [units, options].
    options : DataFrame
        One line per column of ``p``.
    venues : collection of str
        Names as in ``units.venue``.
    cell_probability : float
        Probability from which a unit is covered.
    base : array or None
        Probability from existing sites [units].
    """
    wanted = units["venue"].isin(list(venues)).to_numpy()
    if "key_point" in units:
        wanted = wanted & units["key_point"].to_numpy(dtype=np.bool_)
    if base is not None:
        wanted = wanted & (np.asarray(base, dtype=float) < cell_probability)
    by_row = gains.p.tocsr()
    rules = []
    for row in np.flatnonzero(wanted):
        part = slice(by_row.indptr[row], by_row.indptr[row + 1])
        members = np.sort(by_row.indices[part][by_row.data[part] >= cell_probability]).astype(np.int64)
        name = f"venue:{units['venue'].iloc[row]}:{units['unit_id'].iloc[row]}"
        rules.append(Rule(name, members, np.ones(members.size), at_least=1.0))
    return rules
