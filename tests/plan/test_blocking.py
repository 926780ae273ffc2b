import numpy as np
import pytest
from conftest_plan import best_by_enumeration, make_problem, random_problem

from siting.errors import BadInput
from siting.plan import Limits, Rule, alternatives, solve, value_of_unblocking
from siting.plan.blocking import replan
from siting.plan.problem import with_changes
from siting.plan.result import evaluate


@pytest.mark.parametrize("kind", ["count", "budget", "rule"])
def test_value_of_unblocking_lies_between_its_bounds_and_equals_enumeration(kind):
    rng = np.random.default_rng(len(kind))
    for _ in range(6):
        limits = Limits(budget_yuan=18.0) if kind == "budget" else Limits(count=3)
        rules = [Rule("one of these", [0, 1, 2], np.ones(3), at_least=1.0)] if kind == "rule" else []
        problem = random_problem(rng, limits=limits, rules=rules)
        blocked = [f"o{at:03d}" for at in rng.choice(9, 2, replace=False)]
        true = best_by_enumeration(with_changes(problem, free=blocked)) - best_by_enumeration(
            with_changes(problem, forbid=blocked)
        )
        found = value_of_unblocking(problem, blocked, gap=0.0)
        assert found.people_low - 1e-6 <= true <= found.people_high + 1e-6
        assert found.value == pytest.approx(true, abs=1e-4)
        assert found.value >= 0
        assert not set(found.plan_forbid.chosen) & set(blocked)
        assert set(found.substitutes) <= set(found.plan_forbid.chosen)


def test_a_site_with_an_equal_twin_is_worth_nothing_to_unblock():
    cover = np.eye(3)[:, [0, 0, 1, 2]]
    found = value_of_unblocking(make_problem(cover, weight=[9.0, 5.0, 1.0], limits=Limits(count=2)), ["o000"], gap=0.0)
    assert (found.value, found.local_value, found.local_proven) == (0.0, 0.0, True)
    assert found.people_high < 1e-6


def test_a_locked_site_has_nothing_to_unblock():
    with pytest.raises(BadInput, match="o001"):
        value_of_unblocking(make_problem(np.eye(3), locked=[1]), ["o001"])


def test_a_replan_uses_no_blocked_site_and_keeps_a_valid_bound(rng):
    for _ in range(10):
        problem = random_problem(rng, limits=Limits(count=3))
        plan = solve(problem, gap=0.0)
        new = replan(problem, plan, forbid=plan.chosen[:1])
        best = best_by_enumeration(with_changes(problem, forbid=plan.chosen[:1]))
        assert plan.chosen[0] not in new.chosen
        assert new.value <= best + 1e-9
        assert new.bound >= best - 1e-9


def test_a_replan_after_a_small_loss_keeps_the_known_bound_and_after_a_large_one_proves_another():
    cover = np.eye(6)
    problem = make_problem(cover, weight=[100.0, 90.0, 80.0, 79.9, 1.0, 1.0], limits=Limits(count=3))
    plan = solve(problem, gap=0.0)
    assert replan(problem, plan, forbid=["o002"]).bound == pytest.approx(plan.bound)
    assert replan(problem, plan, forbid=["o002", "o003"]).bound < plan.bound - 70
    freed = replan(with_changes(problem, forbid=["o000"]), replan(problem, plan, forbid=["o000"]), free=["o000"])
    assert freed.value == plan.value


def test_alternatives_are_distinct_feasible_and_within_the_stated_loss(rng):
    problem = random_problem(rng, rows=50, options=20, limits=Limits(count=4))
    plan = solve(problem, gap=0.0)
    others = alternatives(problem, plan, count=3, within=0.2)
    sets = {frozenset(plan.chosen), *(frozenset(other.plan.chosen) for other in others)}
    assert len(sets) == 1 + len(others) > 1
    for other in others:
        assert evaluate(problem, other.plan.chosen).feasible
        assert other.loss <= 0.2 * plan.added + 1e-9
        assert set(other.leaves) == set(plan.chosen) - set(other.plan.chosen)
    assert alternatives(problem, plan, within=0.0) == ()
