"""Proof by enumeration: on every kind of question bound >= optimum >= value, and nothing is claimed that is not so.

SITING_PROOF_CASES sets how many random questions of each kind are asked (the suite asks few; 500 make a proof).
"""

import os

import numpy as np
import pytest
from proof_cases import KINDS, clashing, draw

from siting.errors import NotSolved
from siting.plan import solve
from siting.plan.result import evaluate

CASES = int(os.environ.get("SITING_PROOF_CASES", "5"))
EVERY = [*KINDS, "mixture"]
PROVEN = 1e-6


def _named_clash(problem):
    with pytest.raises(NotSolved) as caught:
        solve(problem, gap=0.0)
    return caught.value.values["rules"].split(", ")


@pytest.mark.parametrize("kind", EVERY)
def test_bound_optimum_and_value_stand_in_order_and_no_rule_is_broken(kind):
    rng = np.random.default_rng([20261123, EVERY.index(kind)])
    solved = clashes = 0
    while solved < CASES:
        case = draw(rng, kind)
        if case.best is None:
            clashes += 1
            if clashes <= CASES:
                names = _named_clash(case.problem)
                assert clashing(case, names)
                assert not any(clashing(case, [n for n in names if n != out]) for out in names)
            continue
        solved += 1
        plan = solve(case.problem, gap=0.0, kicks=10)
        rounding = 1e-9 * max(1.0, case.best)
        assert case.allowed[case.subset(plan.chosen)]
        assert plan.value == pytest.approx(case.reached[case.subset(plan.chosen)], rel=1e-9)
        assert plan.bound >= case.best - rounding
        assert plan.value <= case.best + rounding
        assert (plan.status == "optimal") == (case.best - plan.value <= PROVEN * max(1.0, case.best))
        assert plan.gap * (plan.bound - plan.base_value) >= case.best - plan.value - rounding


@pytest.mark.parametrize("kind", EVERY)
def test_a_plan_by_any_other_way_claims_no_more_than_is_true(kind):
    rng = np.random.default_rng([20261124, EVERY.index(kind)])
    ways = ({"method": "search"}, {"method": "greedy"}, {"time_limit_s": 1e-9}, {"cancelled": lambda: True})
    asked = 0
    while asked < max(1, CASES // 2):
        case = draw(rng, kind)
        if case.best is None:
            continue
        asked += 1
        plan = solve(case.problem, gap=0.0, kicks=3, **ways[asked % len(ways)])
        rounding = 1e-9 * max(1.0, case.best)
        assert case.allowed[case.subset(plan.chosen)]
        assert plan.bound >= case.best - rounding
        assert plan.value <= case.best + rounding
        assert plan.status != "optimal" or case.best - plan.value <= PROVEN * max(1.0, case.best)


@pytest.mark.parametrize("kind", EVERY)
def test_breaking_a_rule_is_seen_exactly_where_enumeration_sees_it(kind):
    rng = np.random.default_rng([20261125, EVERY.index(kind)])
    for _ in range(max(1, CASES // 4)):
        case = draw(rng, kind)
        for subset in rng.integers(0, case.allowed.size, 12):
            names = [str(case.problem.option_id[at]) for at in range(case.free.size) if subset >> at & 1]
            found = evaluate(case.problem, names)
            whole = int(subset) | case.subset([])
            assert found.feasible == bool(case.allowed[whole])
            if found.feasible:
                assert found.value == pytest.approx(case.reached[whole], rel=1e-9)
