"""What a blocked site costs: the plan without it, and what it would be worth to unblock it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from siting.errors import BadInput
from siting.plan.auto import resume, solve
from siting.plan.problem import CoverProblem, Limits, with_changes
from siting.plan.result import Plan, evaluate

STEPS_AWAY = 2


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
        The difference with every chosen option farther than two shared-row steps kept [persons].
    local_proven : bool
        Whether both local plans are proven best.
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

    Raises
    ------
    NotSolved
        If no plan meets the rules any more.
    """
    changed = with_changes(problem, forbid=list(forbid), free=list(free))
    kept = [name for name in plan.chosen if name not in set(forbid)]
    return resume(changed, kept, kicks=kicks, seed=seed)


def value_of_unblocking(
    problem: CoverProblem,
    option_ids: Collection[str],
    *,
    plan: Plan | None = None,
    gap: float = 0.01,
    time_limit_s: float = 60.0,
    seed: int = 0,
) -> Unblocking:
    """People that allowing some blocked options would add, with bounds on both sides.

    Both plans start from each other, so the difference is never negative.

    Parameters
    ----------
    problem : CoverProblem
        The question; whether the options are forbidden in it does not matter.
    option_ids : collection of str
        The blocked options, valued together; values of single ones do not add up.
    plan : Plan or None
        A known plan to start from.
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
    with_them, without = with_changes(problem, free=blocked), with_changes(problem, forbid=blocked)
    forbid, free = _both(with_them, without, plan, gap=gap, time_limit_s=time_limit_s, seed=seed)
    local_value, proven = _local(with_them, without, free, places, time_limit_s=time_limit_s, seed=seed)
    low = max(0.0, free.value - forbid.bound)
    high = free.bound - forbid.value
    if _only_uses_up(problem, places):
        alone = evaluate(with_changes(with_them, limits=Limits(), rules=()), blocked)
        high = min(high, alone.added)
    return Unblocking(
        value=free.value - forbid.value,
        people_low=low,
        people_high=max(high, low),
        local_value=local_value,
        local_proven=proven,
        plan_free=free,
        plan_forbid=forbid,
        substitutes=tuple(sorted(set(forbid.chosen) - set(free.chosen))),
        by_operator=_lost(free.operators, forbid.operators, "operator"),
        venues_lost=_lost(free.venues, forbid.venues, "venue"),
    )


def _both(
    with_them: CoverProblem, without: CoverProblem, plan: Plan | None, *, gap: float, time_limit_s: float, seed: int
) -> tuple[Plan, Plan]:
    """The plans without and with the options, neither worse than the other one shows possible."""
    blocked = set(without.option_id[without.forbidden].tolist())

    def allowed(names: Collection[str]) -> list[str]:
        return [name for name in names if name not in blocked]

    first = None if plan is None else allowed(plan.chosen)
    forbid = solve(without, gap=gap, time_limit_s=time_limit_s, seed=seed, start=first)
    free = solve(with_them, gap=gap, time_limit_s=time_limit_s, seed=seed, start=forbid)
    again = resume(without, allowed(free.chosen), gap=gap, seed=seed)
    if again.value > forbid.value:
        forbid = again
    if forbid.value > free.value:
        free = solve(with_them, gap=gap, time_limit_s=time_limit_s, seed=seed, start=forbid)
    return forbid, free


def _only_uses_up(problem: CoverProblem, places: npt.NDArray[np.int64]) -> bool:
    """Whether leaving the options out never breaks a rule, which makes submodularity bound their value."""
    return not any(
        (rule.at_least is not None or (rule.coefficient < 0).any()) and np.isin(places, rule.option_index).any()
        for rule in problem.rules
    )


def _local(
    with_them: CoverProblem,
    without: CoverProblem,
    free: Plan,
    places: npt.NDArray[np.int64],
    *,
    time_limit_s: float,
    seed: int,
) -> tuple[float, bool]:
    """The difference with far chosen options kept, both sides solved exactly if time allows."""
    near = _near(with_them, places)
    chosen = with_them.index_of(free.chosen)
    far = chosen[~near[chosen]]
    limits = with_them.limits
    rest = Limits(
        None if limits.count is None else limits.count - far.size,
        None if limits.budget_yuan is None else max(0.0, limits.budget_yuan - float(with_them.cost_yuan[far].sum())),
    )
    kept = [str(name) for name in with_them.option_id[far]]
    without_local = with_changes(without, lock=kept, limits=rest)
    with_local = with_changes(with_them, lock=kept, limits=rest)
    forbid = solve(without_local, gap=0.0, time_limit_s=time_limit_s, seed=seed)
    best = solve(with_local, gap=0.0, time_limit_s=time_limit_s, seed=seed, start=forbid)
    return max(0.0, best.value - forbid.value), best.status == forbid.status == "optimal"


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
