import itertools

import numpy as np
from scipy import sparse

from siting.plan import CoverProblem, Limits


def make_problem(cover, *, weight=None, base=None, cost=None, limits=None, rules=(), locked=(), forbidden=(), ids=None):
    cover = sparse.csc_matrix(cover)
    rows, options = cover.shape
    ids = [f"o{at:03d}" for at in range(options)] if ids is None else ids
    return CoverProblem(
        option_id=ids,
        row_id=np.arange(rows),
        cover=cover,
        weight=np.ones(rows) if weight is None else weight,
        base=np.zeros(rows) if base is None else base,
        cost_yuan=np.ones(options) if cost is None else cost,
        locked=np.isin(np.arange(options), list(locked)),
        forbidden=np.isin(np.arange(options), list(forbidden)),
        limits=Limits(count=2) if limits is None else limits,
        rules=rules,
        candidate_id=ids,
        operators=(("ctc", "cucc"),) * options,
    )


def random_problem(rng, *, rows=14, options=9, binary=False, **changes):
    cover = rng.random((rows, options)) * (rng.random((rows, options)) < 0.4)
    if binary:
        cover = (cover > 0).astype(float)
    weight = rng.integers(0, 60, rows) * rng.choice([0.5, 1.0, 1.37])
    base = rng.random(rows) * rng.choice([0.0, 0.5])
    cost = rng.integers(1, 12, options).astype(float)
    return make_problem(cover, **{"weight": weight, "base": base, "cost": cost, **changes})


def plain_value(problem, places):
    """F(x) written out on a dense matrix."""
    dense = problem.cover.toarray()
    taken = [*places, *np.flatnonzero(problem.locked)]
    best = dense[:, taken].max(axis=1) if taken else 0.0
    return float((problem.weight * np.maximum(problem.base, best)).sum())


def allowed(problem, places):
    taken = np.zeros(len(problem.option_id))
    taken[list(places)] = 1
    held = np.maximum(taken, problem.locked)
    limits = problem.limits
    return (
        (limits.count is None or taken.sum() <= limits.count)
        and (limits.budget_yuan is None or problem.cost_yuan @ taken <= limits.budget_yuan + 1e-9)
        and all(
            rule.at_most is None or rule.coefficient @ held[rule.option_index] <= rule.at_most + 1e-9
            for rule in problem.rules
        )
        and all(
            rule.at_least is None or rule.coefficient @ held[rule.option_index] >= rule.at_least - 1e-9
            for rule in problem.rules
        )
    )


def best_by_enumeration(problem):
    """The optimum over every subset of the free options, or None if none is allowed."""
    free = np.flatnonzero(~(problem.locked | problem.forbidden))
    sets = itertools.chain.from_iterable(itertools.combinations(free, size) for size in range(free.size + 1))
    return max((plain_value(problem, places) for places in sets if allowed(problem, places)), default=None)
