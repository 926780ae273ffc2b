import numpy as np
import pytest
from conftest_plan import best_by_enumeration, make_problem, random_problem

from siting.plan import Limits, Rule, auto, solve
from siting.plan.problem import with_changes
from siting.plan.reduce import reduced


def test_an_option_that_another_covers_for_no_more_yuan_is_left_out_and_points_to_the_one_kept():
    cover = np.array([[1.0, 0.5, 0.5, 0.0], [1.0, 1.0, 0.0, 0.2], [0.0, 0.0, 0.0, 1.0]])
    slim = reduced(make_problem(cover, cost=[2, 2, 1, 1]))
    assert dict(slim.dominated) == {"o001": "o000"}
    assert dict(reduced(make_problem(cover, cost=[1, 1, 1, 1])).dominated) == {"o001": "o000", "o002": "o000"}


def test_of_two_alike_the_smaller_name_stays_and_a_rule_keeps_an_option_in():
    cover = np.ones((3, 3))
    assert dict(reduced(make_problem(cover)).dominated) == {"o001": "o000", "o002": "o000"}
    asked = Rule("venue", np.array([1]), np.ones(1), at_least=1.0)
    assert dict(reduced(make_problem(cover, rules=[asked])).dominated) == {"o000": "o001", "o002": "o001"}
    used = Rule("power", np.array([0]), np.ones(1), at_most=1.0)
    assert dict(reduced(make_problem(cover, rules=[used])).dominated) == {"o000": "o001", "o002": "o001"}


def test_leaving_options_out_never_costs_a_person(rng):
    for case in range(20):
        problem = random_problem(rng, rows=6, binary=case % 2 == 0, limits=Limits(count=3))
        assert solve(problem, gap=0.0).value == pytest.approx(best_by_enumeration(problem), rel=1e-12)


def test_a_start_with_a_dominated_option_is_never_made_worse():
    problem = make_problem(np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]), weight=[5.0, 3.0], limits=Limits(count=2))
    assert solve(problem, kicks=0, start=["o001", "o002"]).value == 8.0


def test_an_option_that_alone_breaks_a_rule_does_not_loosen_the_bound():
    heavy = Rule("power_kva", np.array([0]), np.array([3.6]), at_most=3.0)
    plan = solve(make_problem(np.eye(3), weight=[9, 2, 1], rules=[heavy], limits=Limits(count=1)), method="search")
    assert (plan.chosen, plan.status) == (("o001",), "optimal")


@pytest.mark.parametrize("gap", [0.0, 0.002, 0.05])
def test_value_never_falls_with_the_count_where_better_sets_come_from_branch_and_bound(gap, rng, monkeypatch):
    monkeypatch.setattr(auto, "small_enough", lambda core: core.options < 60)
    cover = rng.random((150, 60)) * (rng.random((150, 60)) < 0.1)
    problem = make_problem(cover, weight=rng.integers(1, 40, 150))
    values = [solve(with_changes(problem, limits=Limits(count=n)), gap=gap, kicks=3).value for n in range(14)]
    assert values == sorted(values)
