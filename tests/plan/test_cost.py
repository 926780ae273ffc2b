import itertools

import numpy as np
import pytest
from conftest_plan import allowed, make_problem, plain_value, random_problem

from siting.errors import BadInput, NotSolved
from siting.plan import Limits, Rule, cost, solve
from siting.plan.cost import minimise_cost
from siting.plan.result import evaluate


def _cheapest(problem, target):
    base = plain_value(problem, [])
    sets = itertools.chain.from_iterable(
        itertools.combinations(range(len(problem.option_id)), size) for size in range(len(problem.option_id) + 1)
    )
    costs = [
        problem.cost_yuan[list(places)].sum()
        for places in sets
        if plain_value(problem, places) - base >= target - 1e-9 and allowed(problem, places)
    ]
    return min(costs, default=None)


def _ruled(kind):
    at = np.arange(3)
    return {
        "free": {"limits": Limits()},
        "count": {"limits": Limits(count=4)},
        "both": {"limits": Limits(count=5, budget_yuan=28.0)},
        "slots": {"rules": [Rule("slots", at, np.array([2.0, 1.0, 1.0]), at_most=2.0)], "limits": Limits()},
        "required": {"rules": [Rule("venue", at, np.ones(3), at_least=1.0)], "limits": Limits()},
    }[kind]


@pytest.mark.parametrize("kind", ["free", "count", "both", "slots", "required"])
@pytest.mark.parametrize("large", [False, True])
def test_cost_and_its_bound_enclose_the_least_cost_by_enumeration(kind, large, monkeypatch):
    if large:
        monkeypatch.setattr(cost, "small_enough", lambda _: False)
    rng = np.random.default_rng([7, len(kind)])
    for case in range(12):
        problem = random_problem(rng, binary=case % 3 == 0, **_ruled(kind))
        whole = plain_value(problem, range(9)) - plain_value(problem, [])
        target = whole * float(rng.choice([0.3, 0.6, 0.8]))
        least = _cheapest(problem, target)
        if least is None:
            with pytest.raises(NotSolved):
                minimise_cost(problem, target_persons=target)
            continue
        try:
            plan = minimise_cost(problem, target_persons=target, gap=0.0)
        except NotSolved:
            assert large  # branch and bound finds every plan there is
            continue
        assert plan.cost_bound_yuan <= least + 1e-6
        assert plan.cost_yuan >= least - 1e-9
        assert plan.added >= target - 1e-6
        assert evaluate(problem, plan.chosen).feasible
        assert plan.status != "optimal" or plan.cost_yuan == pytest.approx(least, abs=1e-5)
        assert large or plan.status == "optimal"
        assert plan.gap == pytest.approx((plan.cost_yuan - plan.cost_bound_yuan) / max(plan.cost_yuan, 1e-9))


def test_a_target_beyond_everybody_is_said_with_the_most_that_can_be_added():
    problem = make_problem(np.eye(4), weight=[5, 4, 3, 2], limits=Limits(count=2))
    with pytest.raises(NotSolved, match=r"9\.0|9"):
        minimise_cost(problem, target_persons=10.0)


def test_no_target_costs_nothing():
    plan = minimise_cost(make_problem(np.eye(4), limits=Limits()), target_persons=0.0)
    assert (plan.chosen, plan.cost_yuan, plan.cost_bound_yuan, plan.status) == ((), 0.0, 0.0, "optimal")


def test_the_bound_on_a_larger_question_is_near_the_cost(rng):
    cover = rng.random((400, 120)) * (rng.random((400, 120)) < 0.05)
    problem = make_problem(cover, weight=rng.integers(1, 40, 400), cost=rng.integers(50, 150, 120), limits=Limits())
    plan = minimise_cost(problem, target_persons=2500.0, gap=0.05)
    assert plan.added >= 2500.0
    assert plan.status in {"optimal", "within_gap"}


@pytest.mark.parametrize("wrong", [{"target_persons": -1.0}, {"target_persons": float("nan")}, {"gap": 2.0}])
def test_a_target_or_gap_that_cannot_be_is_refused(wrong, rng):
    with pytest.raises(BadInput):
        minimise_cost(random_problem(rng), **{"target_persons": 1.0, **wrong})


def test_a_limit_used_up_by_a_locked_option_but_for_rounding_makes_no_bound_too_high():
    """0.1 + 0.2 is above 0.3 in doubles, so the rest of this limit is a negative nothing."""
    rule = Rule("sail", np.array([0, 1]), np.array([0.1, 0.2]), at_most=0.3)
    problem = make_problem(
        np.eye(4), weight=[9, 9, 15, 30], cost=[1, 1, 0, 3], locked=(0, 1), rules=[rule], limits=Limits(count=1)
    )
    plan = minimise_cost(problem, target_persons=14.9, gap=0.0)
    assert (plan.cost_yuan, plan.cost_bound_yuan) == (0.0, 0.0)
    assert solve(problem, gap=0.0).bound == pytest.approx(48.0)
