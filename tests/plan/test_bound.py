from dataclasses import replace

import numpy as np
import pytest
from conftest_plan import best_by_enumeration, make_problem, random_problem
from scipy.optimize import linprog

from siting.errors import NotSolved
from siting.plan import Limits, Rule, solve
from siting.plan.bound import hopeless, lagrangian_bound, priced
from siting.plan.core import open_part
from siting.plan.kernels_pick import Limit, picked
from siting.plan.problem import with_changes
from siting.plan.result import Watch, evaluate


@pytest.mark.parametrize("count", [0, 1, 7, 40, 60])
@pytest.mark.parametrize("budget", [0.0, 3.0, 55.0, 200.0, 5000.0, np.inf])
@pytest.mark.parametrize("start", [0.0, 0.3, 1e6])
def test_what_is_picked_under_count_and_budget_is_the_optimum_of_the_linear_program(count, budget, start):
    for seed in range(4):
        rng = np.random.default_rng(seed)
        rho, cost = rng.normal(4.0, 6.0, 40), rng.integers(0, 20, 40).astype(float)
        rho[::5] = rho[0]
        bounded = np.isfinite(budget)
        lines, tops = [np.ones(40), *([cost] if bounded else [])], [count, *([budget] if bounded else [])]
        best = -linprog(-rho, A_ub=np.array(lines), b_ub=tops, bounds=(0, 1)).fun
        x = np.empty(40)
        value, yuan = picked(rho, Limit(cost, budget, count), start, x)
        assert value == pytest.approx(best, rel=1e-9, abs=1e-9)
        assert rho @ x == pytest.approx(best, rel=1e-9, abs=1e-9)
        assert (x >= 0).all()
        assert (x <= 1).all()
        assert x.sum() <= count + 1e-9
        assert cost @ x <= budget + 1e-9
        assert yuan >= 0.0


def test_a_bound_under_count_and_budget_is_at_least_as_tight_as_under_either(rng):
    for _ in range(5):
        problem = random_problem(rng, rows=60, options=40, cost=rng.integers(1, 9, 40) * 1e4)
        bounds = []
        for limits in (Limits(count=6, budget_yuan=2e5), Limits(count=6), Limits(budget_yuan=2e5)):
            asked = with_changes(problem, limits=limits)
            bounds.append(lagrangian_bound(asked, value=solve(asked).value).value)
        assert bounds[0] <= min(bounds[1:]) * 1.001


def test_the_unit_of_a_rule_does_not_matter_to_the_bound(rng):
    coefficient = rng.uniform(10.0, 60.0, 30)
    problem = random_problem(rng, rows=50, options=30, limits=Limits(count=8))
    bounds = []
    for unit in (1.0, 1024.0, 1.0 / 1024.0):
        rule = Rule("load", np.arange(30), coefficient * unit, at_most=150.0 * unit)
        asked = with_changes(problem, rules=[rule])
        bounds.append(lagrangian_bound(asked, value=problem.weight.sum() / 2, rounds=200))
    assert bounds[1].value == pytest.approx(bounds[0].value, rel=1e-12)
    assert bounds[2].rule_prices == pytest.approx(bounds[0].rule_prices * 1024.0, rel=1e-9)


@pytest.mark.parametrize("limits", [Limits(budget_yuan=14.0), Limits(count=3, budget_yuan=14.0), Limits(count=3)])
def test_an_option_that_is_left_out_is_in_no_better_plan(limits, rng):
    left_out = 0
    for _ in range(25):
        problem = random_problem(rng, limits=limits)
        best = best_by_enumeration(problem)
        core = open_part(problem)
        value = best - 1e-6
        prices = priced(core, added=value - core.base_value, rows=None, rounds=300, watch=Watch())
        for option in np.flatnonzero(hopeless(core, prices, value=value)):
            left_out += 1
            taken = np.zeros(problem.option_id.size, dtype=bool)
            taken[core.place[option]] = True
            inside = replace(problem, rules=(Rule("in", np.flatnonzero(taken), np.ones(1), at_least=1.0),))
            with_it = best_by_enumeration(inside)
            assert with_it is None or with_it <= value + 1e-9
    assert left_out > 10


def test_an_option_that_alone_exceeds_a_limit_loosens_no_bound_and_is_named_where_it_is_needed():
    cover, load = np.eye(4), np.array([5.0, 50.0, 5.0, 5.0])
    rules = [
        Rule("load", np.arange(4), load, at_most=10.0),
        Rule("one of both", [0, 1], np.ones(2), at_least=1.0),
    ]
    problem = make_problem(cover, weight=[10.0, 1000.0, 8.0, 7.0], limits=Limits(count=3), rules=rules)
    plan = solve(problem, method="search", gap=0.0)
    assert plan.value == 18.0
    assert plan.bound < 100.0
    with pytest.raises(NotSolved) as caught:
        solve(with_changes(problem, rules=[rules[0], Rule("the heavy one", [1], np.ones(1), at_least=1.0)]))
    assert set(caught.value.values["rules"].split(", ")) == {"load", "the heavy one"}


@pytest.mark.parametrize("method", ["auto", "search", "greedy", "exact"])
def test_a_limit_to_which_options_give_back_is_kept(method, rng):
    solved = 0
    for _ in range(40):
        coefficient = rng.choice([-1.0, -0.5, 1.0, 2.0], 6)
        rules = [Rule("balance", rng.choice(9, 6, replace=False), coefficient, at_most=float(rng.integers(-1, 2)))]
        problem = random_problem(rng, limits=Limits(count=3), rules=rules, locked=[0])
        best = best_by_enumeration(problem)
        if best is None:
            continue
        solved += 1
        plan = solve(problem, method=method, gap=0.0)
        assert evaluate(problem, plan.chosen).feasible
        assert plan.value <= best + 1e-6
        assert plan.bound >= best - 1e-9
        assert method not in {"auto", "exact"} or plan.value == pytest.approx(best)
    assert solved > 20
