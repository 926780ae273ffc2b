"""What a blocked site costs: the plan without it, and what it would be worth to unblock it."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import pandas as pd

from siting.errors import BadInput
from siting.plan.auto import resume, solve
from siting.plan.core import open_part
from siting.plan.exact import exact, small_enough
from siting.plan.problem import CoverProblem, Limits, with_changes
from siting.plan.result import Plan, evaluate
from siting.plan.search import whole_value

STEPS_AWAY = 2
KICKS = 200
GAP = 0.001
# A known bound is proven anew where it leaves a gap so many times wider than the old one.
WIDER = 1.5


@dataclass(frozen=True, eq=False)
class Unblocking:
    """People lost while some options stay blocked.

    Parameters
    ----------
    value : float
        Difference of the two plans found [persons], never negative; 0 is a true answer.
    people_low, people_high : float
        What the true difference lies between [persons].
    local_value : float
        The difference with every chosen option farther than two shared-row steps kept [persons]; `value` itself where
        both plans are proven best.  Where a plan near the options is worth more than the one found for the whole, that
        one is taken over.
    local_proven : bool
        Whether both of its plans are proven best.
    plan_free, plan_forbid : Plan
        With the options allowed and with them forbidden.
    substitutes : tuple of str
        Options that only the plan without them uses.
    by_operator, venues_lost : DataFrame
        People by operator; venues with fewer people covered [persons].
    """

    value: float
    people_low: float
    people_high: float
    local_value: float
    local_proven: bool
    plan_free: Plan
    plan_forbid: Plan
    substitutes: tuple[str, ...]
    by_operator: pd.DataFrame
    venues_lost: pd.DataFrame


def replan(
    problem: CoverProblem,
    plan: Plan,
    *,
    forbid: Collection[str] = (),
    free: Collection[str] = (),
    kicks: int = 60,
    seed: int = 0,
) -> Plan:
    """The plan after options were blocked or freed, repaired from the old one, with a bound.

    Where options are only blocked, the old bound holds still; it is proven anew only where it leaves too wide a gap.

    Raises
    ------
    NotSolved
        If no plan meets the rules any more.
    """
    changed = with_changes(problem, forbid=list(forbid), free=list(free))
    kept = [name for name in plan.chosen if name not in set(forbid)]
    if free or plan.problem_hash != problem.digest():
        return resume(changed, kept, kicks=kicks, seed=seed)
    quick = resume(changed, kept, kicks=kicks, seed=seed, bound=plan.bound)
    if quick.gap <= max(GAP, WIDER * plan.gap):
        return quick
    return min(quick, resume(changed, kept, kicks=kicks, seed=seed), key=lambda found: found.bound)


def value_of_unblocking(
    problem: CoverProblem,
    option_ids: Collection[str],
    *,
    plan: Plan | Collection[str] | None = None,
    bounds: Mapping[str, float] = MappingProxyType({}),
    gap: float = 0.01,
    time_limit_s: float = 60.0,
    seed: int = 0,
) -> Unblocking:
    """People that allowing some blocked options would add, with bounds on both sides.

    Both plans start from each other, so the difference is never negative.  With a known plan of a problem too large for
    branch and bound, both are repaired from it, which is much quicker than solving anew.

    Parameters
    ----------
    problem : CoverProblem
        The question; whether the options are forbidden in it does not matter.
    option_ids : collection of str
        The blocked options, valued together; values of single ones do not add up.
    plan : Plan, option ids or None
        A known plan to start from.
    bounds : mapping
        Proven bounds by `CoverProblem.digest`, with the options allowed or forbidden; those are not proven anew.
    gap, time_limit_s, seed
        As for `solve`, for each of the plans.

    Raises
    ------
    BadInput
        If one of the options is locked.
    """
    blocked = list(dict.fromkeys(option_ids))
    places = problem.index_of(blocked)
    if problem.locked[places].any():
        raise BadInput(
            "plan.unblock.locked", options=", ".join(str(n) for n in problem.option_id[places[problem.locked[places]]])
        )
    effort = _Effort(gap, time_limit_s, seed, bounds)
    with_them, without = with_changes(problem, free=blocked), with_changes(problem, forbid=blocked)
    names = plan.chosen if isinstance(plan, Plan) else plan
    ways = {True: _both, False: _closed if small_enough(open_part(with_them)) else _repaired}
    forbid, free = ways[names is None](with_them, without, names or (), effort)
    local = [forbid, free]
    if not _proven(local):
        kept, *local = _local(with_them, without, free, places, effort)
        forbid = _better(without, forbid, local[0], kept)
        free = _better(with_them, free, local[1], kept)
    return Unblocking(
        value=free.value - forbid.value,
        **_between(with_them, blocked, free, forbid),
        local_value=max(0.0, local[1].value - local[0].value),
        local_proven=_proven(local),
        plan_free=free,
        plan_forbid=forbid,
        substitutes=tuple(sorted(set(forbid.chosen) - set(free.chosen))),
        by_operator=_lost(free.operators, forbid.operators, "operator"),
        venues_lost=_lost(free.venues, forbid.venues, "venue"),
    )


@dataclass(frozen=True, eq=False)
class _Effort:
    """How hard to look, and what is proven already."""

    gap: float
    time_limit_s: float
    seed: int
    bounds: Mapping[str, float]

    def solve(self, problem: CoverProblem, start: Plan | Collection[str] | None) -> Plan:
        return solve(problem, gap=self.gap, time_limit_s=self.time_limit_s, seed=self.seed, start=start)

    def resume(self, problem: CoverProblem, start: Collection[str], *, otherwise: float = math.inf) -> Plan:
        """Repaired; the bound is the known one, else ``otherwise`` unless that has to be proven first."""
        known = self.bounds.get(problem.digest(), otherwise)
        effort = {"gap": self.gap, "time_limit_s": self.time_limit_s, "bound": known}
        return resume(problem, start, kicks=KICKS, seed=self.seed, **effort)

    def close(self, problem: CoverProblem, start: Collection[str]) -> Plan:
        """Repaired, then proven best by branch and bound as far as time allows."""
        first = self.resume(problem, start, otherwise=whole_value(open_part(problem)))
        if first.status == "optimal":
            return first
        return exact(problem, start=first, time_limit_s=self.time_limit_s, seed=self.seed)


def _between(problem: CoverProblem, blocked: list[str], free: Plan, forbid: Plan) -> dict[str, float]:
    """What the true difference lies between; a plan without the options is one with them too, and never exceeds its bound."""
    low = max(0.0, free.value - min(forbid.bound, free.bound))
    high = free.bound - forbid.value
    if _only_uses_up(problem, problem.index_of(blocked)):
        alone = evaluate(with_changes(problem, limits=Limits(), rules=()), blocked)
        high = min(high, alone.added)
    return {"people_low": low, "people_high": max(high, low)}


def _allowed(without: CoverProblem, names: Collection[str]) -> list[str]:
    blocked = set(without.option_id[without.forbidden].tolist())
    return [name for name in names if name not in blocked]


def _both(
    with_them: CoverProblem, without: CoverProblem, _names: Collection[str], effort: _Effort
) -> tuple[Plan, Plan]:
    """The plans without and with the options, solved anew, neither worse than the other one shows possible."""
    forbid = effort.solve(without, None)
    free = effort.solve(with_them, forbid)
    again = resume(without, _allowed(without, free.chosen), gap=effort.gap, seed=effort.seed)
    if again.value > forbid.value:
        forbid = again
    if forbid.value > free.value:
        free = effort.solve(with_them, forbid)
    return forbid, free


def _closed(
    with_them: CoverProblem, without: CoverProblem, names: Collection[str], effort: _Effort
) -> tuple[Plan, Plan]:
    """The plans without and with the options, closed by branch and bound from the known one."""
    forbid = effort.close(without, _allowed(without, names))
    free = effort.close(with_them, names)
    if forbid.value > free.value:
        free = effort.close(with_them, forbid.chosen)
    return forbid, free


def _repaired(
    with_them: CoverProblem, without: CoverProblem, names: Collection[str], effort: _Effort
) -> tuple[Plan, Plan]:
    """The plans without and with the options, each repaired from the known one and from the other."""
    forbid = effort.resume(without, _allowed(without, names))
    free = effort.resume(with_them, names)
    if forbid.value > free.value:
        free = effort.resume(with_them, forbid.chosen)
    elif not set(free.chosen) <= {*names, *forbid.chosen}:
        again = effort.resume(without, _allowed(without, free.chosen))
        forbid = max(forbid, again, key=lambda plan: plan.value)
    return forbid, free


def _only_uses_up(problem: CoverProblem, places: npt.NDArray[np.int64]) -> bool:
    """Whether leaving the options out never breaks a rule, which makes submodularity bound their value."""
    return not any(
        (rule.at_least is not None or (rule.coefficient < 0).any()) and np.isin(places, rule.option_index).any()
        for rule in problem.rules
    )


def _proven(plans: Collection[Plan]) -> bool:
    return all(plan.status == "optimal" for plan in plans)


def _local(
    with_them: CoverProblem, without: CoverProblem, free: Plan, places: npt.NDArray[np.int64], effort: _Effort
) -> tuple[list[str], Plan, Plan]:
    """Chosen options far away, and the plans without and with the options where those are kept, exact if time allows."""
    near = _near(with_them, places)
    chosen = with_them.index_of(free.chosen)
    far = chosen[~near[chosen]]
    limits = with_them.limits
    rest = Limits(
        None if limits.count is None else limits.count - far.size,
        None if limits.budget_yuan is None else max(0.0, limits.budget_yuan - float(with_them.cost_yuan[far].sum())),
    )
    kept = [str(name) for name in with_them.option_id[far]]
    exactly = replace(effort, gap=0.0)
    forbid = exactly.solve(with_changes(without, lock=kept, limits=rest), None)
    return kept, forbid, exactly.solve(with_changes(with_them, lock=kept, limits=rest), forbid)


def _better(problem: CoverProblem, found: Plan, local: Plan, kept: list[str]) -> Plan:
    """The plan at hand, or the one best near the options if that is worth more; the bound on all holds for it too."""
    if local.value <= found.value:
        return found
    return max(found, resume(problem, [*kept, *local.chosen], kicks=0, bound=found.bound), key=lambda plan: plan.value)


def _near(problem: CoverProblem, places: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Options within two steps of shared rows."""
    pattern = problem.cover.astype(bool).astype(np.float64)
    mark = np.zeros(problem.option_id.size)
    mark[places] = 1.0
    for _ in range(STEPS_AWAY):
        mark = (pattern.T @ (pattern @ mark) > 0).astype(np.float64) + mark
    return mark > 0


def _lost(free: pd.DataFrame, forbid: pd.DataFrame, column: str) -> pd.DataFrame:
    both = free[[column, "covered"]].merge(forbid[[column, "covered"]], on=column, suffixes=("_free", "_forbid"))
    lost = both.assign(lost=both["covered_free"] - both["covered_forbid"])
    return lost[lost["lost"] > 0].reset_index(drop=True) if column == "venue" else lost
