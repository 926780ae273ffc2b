"""Other plans that are nearly as good, and what differs."""

from __future__ import annotations

from dataclasses import dataclass

from siting.plan.auto import resume
from siting.plan.problem import CoverProblem, with_changes
from siting.plan.result import Plan, relative_gap

KICKS = 20


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
    """

    plan: Plan
    value: float
    loss: float
    gap: float
    enters: tuple[str, ...]
    leaves: tuple[str, ...]


def alternatives(
    problem: CoverProblem, plan: Plan, *, count: int = 5, within: float = 0.02, min_changes: int = 1, seed: int = 0
) -> tuple[Alternative, ...]:
    """Feasible plans nearly as good as the plan and as different from it and each other as the pool allows.

    The pool holds one repaired plan per chosen option forbidden; then the farthest from all taken is taken.

    Parameters
    ----------
    problem : CoverProblem
        The question that the plan answers.
    plan : Plan
        The plan.
    count : int
        Most alternatives; fewer are returned where the pool holds no more.
    within : float
        Largest loss as a share of what the plan adds.
    min_changes : int
        Options in which any two differ at least.
    seed : int
        Of the repairs.
    """
    floor = plan.base_value + (1.0 - within) * plan.added
    pool = {frozenset(other.chosen): other for other in _pool(problem, plan, seed=seed) if other.value >= floor - 1e-9}
    taken: list[frozenset[str]] = [frozenset(plan.chosen)]
    while len(taken) <= count:
        ranked = sorted(
            ((min(_changes(names, other) for other in taken), pool[names].value, sorted(names)) for names in pool),
            reverse=True,
        )
        if not ranked or ranked[0][0] < min_changes:
            break
        taken.append(frozenset(ranked[0][2]))
    return tuple(_alternative(plan, pool[names]) for names in taken[1:])


def _pool(problem: CoverProblem, plan: Plan, *, seed: int) -> list[Plan]:
    found = []
    for name in plan.chosen:
        changed = with_changes(problem, forbid=[name])
        found.append(
            resume(changed, [other for other in plan.chosen if other != name], gap=1.0, kicks=KICKS, seed=seed)
        )
    return found


def _changes(first: frozenset[str], second: frozenset[str]) -> int:
    return max(len(first - second), len(second - first))


def _alternative(plan: Plan, other: Plan) -> Alternative:
    first, second = set(plan.chosen), set(other.chosen)
    return Alternative(
        plan=other,
        value=other.value,
        loss=plan.value - other.value,
        gap=relative_gap(other.value, plan.bound, plan.base_value),
        enters=tuple(sorted(second - first)),
        leaves=tuple(sorted(first - second)),
    )
