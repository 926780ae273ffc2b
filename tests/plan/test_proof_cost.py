"""Proof by enumeration: of every kind of question the least cost lies between the bound and the cost that is found.

SITING_PROOF_CASES sets how many random questions of each kind are asked, as in the proof of plans.
"""

import os

import numpy as np
import pytest
from proof_cases import KINDS, draw

from siting.errors import NotSolved
from siting.plan import cost
from siting.plan.cost import minimise_cost

CASES = int(os.environ.get("SITING_PROOF_CASES", "3"))
EVERY = [*KINDS, "mixture"]
YUAN = 1e-6


def _costs(case):
    """Cost of the free options of every subset, and what it adds to the locked ones."""
    size = case.free.size
    inside = (np.arange(1 << size)[:, None] >> np.arange(size)) & 1 > 0
    locked = sum(1 << int(at) for at in np.flatnonzero(case.problem.locked))
    return inside[:, case.free] @ case.problem.cost_yuan[case.free], case.reached - case.reached[locked]


def _asked(rng, added, allowed):
    """A target that no subset meets only by rounding; sometimes more than any allowed one adds."""
    most = float(added[allowed].max())
    target = most * float(rng.choice([0.25, 0.5, 0.75, 0.95, 1.05])) + float(rng.random())
    return None if np.min(np.abs(added - target)) < 1e-4 else target


@pytest.mark.parametrize("large", [False, True], ids=["exact", "by prices"])
@pytest.mark.parametrize("kind", EVERY)
def test_bound_least_cost_and_cost_stand_in_order_and_optimal_is_said_of_the_least_alone(kind, large, monkeypatch):
    if large:
        monkeypatch.setattr(cost, "small_enough", lambda _: False)
    rng = np.random.default_rng([20261126, EVERY.index(kind), large])
    asked = 0
    while asked < (max(1, CASES // 5) if large else CASES):
        case = draw(rng, kind)
        if case.best is None:
            continue
        yuan, added = _costs(case)
        target = _asked(rng, added, case.allowed)
        if target is None:
            continue
        asked += 1
        reaching = case.allowed & (added >= target)
        if not reaching.any():
            _unreached(case, target, float(added[case.allowed].max()))
            continue
        try:
            plan = minimise_cost(case.problem, target_persons=target, gap=0.0)
        except NotSolved:
            assert large  # swaps alone may miss the only plans there are; branch and bound does not
            continue
        _holds(case, plan, float(yuan[reaching].min()), target, large=large)


def _holds(case, plan, least, target, *, large):
    place = case.subset(plan.chosen)
    yuan, added = _costs(case)
    assert case.allowed[place]
    assert added[place] >= target - 1e-6
    assert plan.cost_yuan == pytest.approx(yuan[place], abs=YUAN)
    assert plan.cost_bound_yuan <= least + YUAN
    assert plan.cost_yuan >= least - YUAN
    equal = plan.cost_yuan - least <= 1e-6 * max(1.0, least) + YUAN
    assert equal if plan.status == "optimal" else large
    assert plan.gap >= (plan.cost_yuan - least) / max(plan.cost_yuan, 1e-9) - 1e-9


def _unreached(case, target, most):
    """The refusal names people that some plan adds: never more than the best one."""
    with pytest.raises(NotSolved) as caught:
        minimise_cost(case.problem, target_persons=target, gap=0.0)
    told = float(caught.value.values["added"])
    assert told <= most + 1e-6 * max(1.0, most)
