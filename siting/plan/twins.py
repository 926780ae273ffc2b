"""Other plans that are nearly as good, and what differs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from siting.errors import BadInput
from siting.plan.core import Core, open_part
from siting.plan.pool import Met, nearby
from siting.plan.problem import CoverProblem
from siting.plan.result import Found, Plan, Step, Watch, added_by, dress, evaluate, relative_gap

# A venue whose people differ by less is not named [persons].
LEAST_VENUE_PERSONS = 0.5
OPTION_COLUMNS = ("option_id", "role", "cost_yuan", "fibre_m", "permission", "codes")


@dataclass(frozen=True, eq=False)
class Alternative:
    """A plan beside the plan.

    Parameters
    ----------
    plan : Plan
        The other plan.
    value, loss : float
        People covered, and how many fewer than the first plan covers [persons]; a negative loss is an improvement.
    gap : float
        Distance from the bound of the first plan, relative to what can be added.
    enters, leaves : tuple of str
        Options only in this plan, and only in the first.
    origin : str
        How it was met: ``without`` (a chosen option forbidden), ``twin`` (a near twin forced), ``kick`` (on the way).
    cost_yuan : float
        What it costs more than the first plan [yuan].
    operators, street_offices : DataFrame
        ``operator`` or ``street_office``, and ``change`` of people covered [persons].
    venues_won, venues_lost : tuple of str
        Venues with more and with fewer people covered, the largest change first.
    options : DataFrame
        Columns `OPTION_COLUMNS`: cost, fibre, permission and conditions of every option that enters or leaves; NaN and
        empty where the problem's option table does not know them.
    """

    plan: Plan
    value: float
    loss: float
    gap: float
    enters: tuple[str, ...]
    leaves: tuple[str, ...]
    origin: str
    cost_yuan: float
    operators: pd.DataFrame
    street_offices: pd.DataFrame
    venues_won: tuple[str, ...]
    venues_lost: tuple[str, ...]
    options: pd.DataFrame


@dataclass(frozen=True, eq=False)
class Choice:
    """Alternatives to a plan, and why there are not more.

    Parameters
    ----------
    alternatives : tuple of Alternative
        The farthest from the plan and from each other first.
    met : int
        Other feasible plans that were met in all.
    near : int
        Those of them that lose little enough.
    why : str
        Why there are fewer than asked: ``none_met``, ``all_lose_more`` (none loses little enough), ``too_alike`` (the rest
        differ too little), ``all_shown``, ``stopped`` before all were looked for; empty where there are as many as asked.
    """

    alternatives: tuple[Alternative, ...]
    met: int
    near: int
    why: str


def alternatives(
    problem: CoverProblem, plan: Plan, *, count: int = 5, within: float = 0.02, min_changes: int = 1, seed: int = 0
) -> tuple[Alternative, ...]:
    """Feasible plans nearly as good as the plan and as different from it and each other as the pool allows.

    The parameters are those of `choose`, which also says why there are fewer than asked.
    """
    return choose(problem, plan, count=count, within=within, min_changes=min_changes, seed=seed).alternatives


def choose(
    problem: CoverProblem,
    plan: Plan,
    *,
    count: int = 5,
    within: float = 0.02,
    min_changes: int = 1,
    seed: int = 0,
    watch: Watch | None = None,
) -> Choice:
    """The plans farthest from the plan and from each other among those met that lose little.

    Met are repairs of the plan with each chosen option forbidden, with each near twin of one forced, and the local optima
    after random kicks (`siting.plan.pool`).  The one with the largest smallest distance to all taken is taken next.

    Parameters
    ----------
    problem : CoverProblem
        The question that the plan answers.
    plan : Plan
        The plan.
    count : int
        Most alternatives.
    within : float
        Largest loss as a share of what the plan adds.
    min_changes : int
        Options in which any two differ at least.
    seed : int
        Of the random numbers.
    watch : Watch or None
        Clock and wish to stop; what was met so far is chosen from.

    Raises
    ------
    BadInput
        If the plan breaks a limit or rule of the problem, or a number is out of range.
    """
    if count < 0 or not 0 <= within <= 1 or min_changes < 1:
        raise BadInput("plan.alternatives.asked", count=count, within=within, min_changes=min_changes)
    core, clock = open_part(problem), watch or Watch()
    own = core.positions(plan.chosen)
    met = nearby(core, own, seed=seed, watch=clock)
    floor = (1.0 - within) * plan.added - 1e-9 * max(1.0, plan.added)
    near = {chosen: how for chosen, how in met.items() if how.added >= floor}
    taken = _farthest(core, frozenset(own.tolist()), near, count=count, min_changes=min_changes)
    short = "stopped" if clock.stopped_by else _why(met, near, len(taken))
    found = [_alternative(core, plan, chosen, near[chosen], watch=clock) for chosen in taken]
    return Choice(tuple(found), len(met), len(near), "" if len(taken) == count else short)


def _farthest(
    core: Core, own: frozenset[int], near: dict[frozenset[int], Met], *, count: int, min_changes: int
) -> list[frozenset[int]]:
    """Greedy choice by the largest smallest distance; ties by value, then by the names."""
    left = sorted(near, key=lambda chosen: (-near[chosen].added, core.ids(sorted(chosen))))
    distance = {chosen: _changes(chosen, own) for chosen in left}
    taken: list[frozenset[int]] = []
    while left and len(taken) < count:
        best = max(left, key=lambda chosen: distance[chosen])
        if distance[best] < min_changes:
            break
        taken.append(best)
        left.remove(best)
        distance = {chosen: min(distance[chosen], _changes(chosen, best)) for chosen in left}
    return taken


def _changes(first: frozenset[int], second: frozenset[int]) -> int:
    return max(len(first - second), len(second - first))


def _why(met: dict[frozenset[int], Met], near: dict[frozenset[int], Met], taken: int) -> str:
    if not met:
        return "none_met"
    if not near:
        return "all_lose_more"
    return "all_shown" if taken == len(near) else "too_alike"


def as_plan(problem: CoverProblem, plan: Plan, option_ids: Collection[str], *, origin: str, gap: float = 0.01) -> Plan:
    """Another set of options as a plan, held against the bound of a known plan of the same problem.

    Parameters
    ----------
    problem : CoverProblem
        The question that both answer.
    plan : Plan
        The known plan.
    option_ids : collection of str
        The other set.
    origin : str
        How it was met; the name of its only step.
    gap : float
        Wanted gap, for the status.

    Raises
    ------
    BadInput
        If the set breaks a limit or rule.
    """
    broken = evaluate(problem, option_ids).violations
    if broken:
        raise BadInput("plan.alternatives.broken", rules=", ".join(broken))
    core = open_part(problem)
    return _dressed(core, plan, core.positions(option_ids), origin, Watch(), gap=gap)


def _dressed(core: Core, plan: Plan, places: npt.NDArray[np.int64], origin: str, watch: Watch, *, gap: float) -> Plan:
    value = core.base_value + added_by(core, places)
    bound = max(plan.bound, value)
    found = Found(places, (Step(origin, value, bound, watch.seconds),), bound, "alternative", plan.kicks, plan.seed)
    return dress(core, found, watch, gap=gap)


def _alternative(core: Core, plan: Plan, chosen: frozenset[int], how: Met, *, watch: Watch) -> Alternative:
    other = _dressed(core, plan, np.array(sorted(chosen), dtype=np.int64), how.origin, watch, gap=0.01)
    first, second = set(plan.chosen), set(other.chosen)
    enters, leaves = tuple(sorted(second - first)), tuple(sorted(first - second))
    venues = _change(plan.venues, other.venues, "venue")
    return Alternative(
        plan=other,
        value=other.value,
        loss=plan.value - other.value,
        gap=relative_gap(other.value, plan.bound, plan.base_value),
        enters=enters,
        leaves=leaves,
        origin=how.origin,
        cost_yuan=other.cost_yuan - plan.cost_yuan,
        operators=_change(plan.operators, other.operators, "operator"),
        street_offices=_change(plan.street_offices, other.street_offices, "street_office"),
        venues_won=_named(venues, sign=1.0),
        venues_lost=_named(venues, sign=-1.0),
        options=_options(core.problem, enters, leaves),
    )


def _change(first: pd.DataFrame, second: pd.DataFrame, column: str) -> pd.DataFrame:
    both = first[[column, "covered"]].merge(second[[column, "covered"]], on=column, suffixes=("_first", "_second"))
    return both.assign(change=both["covered_second"] - both["covered_first"])[[column, "change"]]


def _named(venues: pd.DataFrame, *, sign: float) -> tuple[str, ...]:
    amount = sign * venues["change"]
    named = venues.assign(amount=amount)[(amount >= LEAST_VENUE_PERSONS) & (venues["venue"] != "")]
    return tuple(str(name) for name in named.sort_values("amount", ascending=False, kind="stable")["venue"])


def _options(problem: CoverProblem, enters: tuple[str, ...], leaves: tuple[str, ...]) -> pd.DataFrame:
    names = [*enters, *leaves]
    places = problem.index_of(names)
    known = pd.DataFrame() if problem.option_table is None else problem.option_table.iloc[places]
    codes = known["codes"] if "codes" in known else [()] * len(names)
    return pd.DataFrame(
        {
            "option_id": names,
            "role": ["enters"] * len(enters) + ["leaves"] * len(leaves),
            "cost_yuan": problem.cost_yuan[places],
            **{c: known[c].to_numpy(float) if c in known else np.nan for c in ("fibre_m", "permission")},
            "codes": [list(c) for c in codes],
        },
        columns=list(OPTION_COLUMNS),
    )
