import numpy as np
import pandas as pd
import pytest
from conftest_plan import allowed, best_by_enumeration, make_problem, plain_value, random_problem
from scipy import sparse

from siting.errors import BadInput, NotSolved
from siting.plan import Limits, Rule, solve
from siting.plan.auto import frontier
from siting.plan.bound import lagrangian_bound, lp_bound
from siting.plan.exact import exact
from siting.plan.problem import with_changes
from siting.plan.result import evaluate
from siting.plan.rules import quota, spacing
from siting.plan.search import greedy, path_search


def _options(rng, count):
    return pd.DataFrame(
        {
            "option_id": [f"o{at:03d}" for at in range(count)],
            "easting_m": rng.random(count) * 300,
            "northing_m": rng.random(count) * 300,
            "street_office": rng.choice(["东街", "西街"], count),
            "operators": [["ctc", "cucc"]] * count,
        }
    )


def _ruled(kind, rng):
    options = _options(rng, 9)
    at = np.arange(3)
    return {
        "count": {"limits": Limits(count=int(rng.integers(0, 6)))},
        "budget": {"limits": Limits(budget_yuan=float(rng.integers(0, 30)))},
        "both": {"limits": Limits(count=3, budget_yuan=float(rng.integers(5, 25)))},
        "spacing": {"rules": spacing(options, min_spacing_m=120.0), "limits": Limits(count=4)},
        "slots": {"rules": [Rule("slots:a", at, np.array([2.0, 1.0, 1.0]), at_most=2.0)], "limits": Limits(count=4)},
        "quota": {"rules": quota(options, by="street_office", at_most=2, at_least=1), "limits": Limits(count=4)},
        "locked": {"locked": [1], "forbidden": [4, 5], "limits": Limits(count=2)},
        "unlimited": {"limits": Limits()},
        "required": {"rules": [Rule("venue", at, np.ones(3), at_least=1.0)], "limits": Limits(budget_yuan=20.0)},
    }[kind]


@pytest.mark.parametrize(
    "kind", ["count", "budget", "both", "spacing", "slots", "quota", "locked", "unlimited", "required"]
)
@pytest.mark.parametrize("method", ["auto", "search"])
def test_bound_optimum_and_value_stand_in_order_on_problems_small_enough_to_enumerate(kind, method):
    rng = np.random.default_rng([len(kind), ord(kind[0])])
    for case in range(25):
        problem = random_problem(rng, binary=case % 3 == 0, **_ruled(kind, rng))
        best = best_by_enumeration(problem)
        if best is None:
            with pytest.raises(NotSolved):
                solve(problem, method=method)
            continue
        plan = solve(problem, method=method, gap=0.0, kicks=10)
        tolerance = 1e-6 * max(1.0, best)
        assert plan.bound >= best - 1e-9 * max(1.0, best)
        assert plan.value <= best + 1e-9 * max(1.0, best)
        assert plan.status != "optimal" or plan.value >= best - tolerance
        assert plan.value == pytest.approx(plain_value(problem, problem.index_of(plan.chosen)), rel=1e-12)
        assert allowed(problem, problem.index_of(plan.chosen))
        if method == "auto":
            assert plan.status == "optimal"


def test_both_bounds_alone_are_valid_whatever_value_steers_them(rng):
    for kind in ("count", "budget", "both", "spacing", "quota", "required"):
        for _ in range(8):
            problem = random_problem(rng, **_ruled(kind, rng))
            best = best_by_enumeration(problem)
            if best is None:
                continue
            slack = 1e-9 * max(1.0, best)
            assert lp_bound(problem).value >= best - slack
            assert lagrangian_bound(problem, value=best * rng.random(), rounds=200).value >= best - slack


def test_lagrangian_and_lp_bounds_meet(rng):
    cover = rng.random((120, 40)) * (rng.random((120, 40)) < 0.15)
    problem = make_problem(cover, weight=rng.integers(1, 40, 120), limits=Limits(count=6))
    value = path_search(problem).value
    assert lagrangian_bound(problem, value=value).value == pytest.approx(lp_bound(problem).value, rel=2e-3)


def test_every_way_of_solving_is_feasible_and_greedy_is_never_called_optimal_without_proof(rng):
    problem = random_problem(rng, rows=40, options=15, limits=Limits(count=4))
    plans = [
        greedy(problem),
        path_search(problem),
        exact(problem, start=None),
        solve(problem, method="greedy", gap=0.0),
    ]
    best = exact(problem, start=None)
    assert best.status == "optimal"
    for plan in plans:
        assert evaluate(problem, plan.chosen).feasible
        assert plan.value <= best.bound
        assert plan.bound >= best.value
        assert plan.status != "optimal" or plan.value == pytest.approx(best.value)


def test_permuted_rows_and_options_give_the_same_plan(rng):
    cover = np.round(rng.random((60, 25)), 1) * (rng.random((60, 25)) < 0.3)
    ids = np.array([f"o{at:03d}" for at in range(25)])
    weight = rng.integers(1, 5, 60).astype(float)
    plans = []
    for _ in range(3):
        rows, columns = rng.permutation(60), rng.permutation(25)
        problem = make_problem(cover[rows][:, columns], weight=weight[rows], ids=ids[columns], limits=Limits(count=6))
        problem = type(problem)(**{**problem.__dict__, "row_id": rows})
        plans.append(solve(problem, gap=0.0))
    assert len({(plan.chosen, plan.value, plan.bound, plan.problem_hash) for plan in plans}) == 1


def test_value_never_falls_as_the_count_grows(rng):
    problem = random_problem(rng, rows=80, options=30)
    values = [
        solve(with_changes(problem, limits=Limits(count=count)), method="search", kicks=5).value for count in range(12)
    ]
    assert values == sorted(values)


def test_frontier_never_falls_along_budgets_and_refuses_a_falling_one(rng):
    problem = random_problem(rng, rows=60, options=20)
    plans = frontier(problem, [Limits(budget_yuan=float(b)) for b in range(0, 60, 6)], kicks=3)
    values = [plan.value for plan in plans]
    assert values == sorted(values)
    with pytest.raises(BadInput, match=r"限额"):
        frontier(problem, [Limits(count=3), Limits(count=2)])


def test_clashing_rules_are_named_and_the_others_are_not():
    rules = [
        Rule("at least three", np.arange(4), np.ones(4), at_least=3.0),
        Rule("harmless", np.arange(4), np.ones(4), at_most=4.0),
        Rule("at most one left", np.arange(2), np.ones(2), at_most=1.0),
        Rule("at most one right", np.arange(2, 4), np.ones(2), at_most=1.0),
    ]
    with pytest.raises(NotSolved) as caught:
        solve(make_problem(np.eye(4), limits=Limits(count=4), rules=rules))
    assert set(caught.value.values["rules"].split(", ")) == {"at least three", "at most one left", "at most one right"}  # noqa: PD011 - an error, no frame


def test_count_that_clashes_with_a_rule_is_named():
    rules = [Rule("two needed", np.arange(3), np.ones(3), at_least=2.0)]
    with pytest.raises(NotSolved) as caught:
        solve(make_problem(np.eye(3), limits=Limits(count=1), rules=rules))
    assert set(caught.value.values["rules"].split(", ")) == {"two needed", "count"}  # noqa: PD011 - an error, no frame


@pytest.mark.parametrize("closed", [{"forbidden": [0, 1, 2]}, {"limits": Limits(budget_yuan=0.5)}])
def test_where_no_option_is_left_only_the_rules_that_ask_for_one_are_named(closed):
    rules = [
        Rule("at most one", np.arange(3), np.ones(3), at_most=1.0),
        Rule("one needed", np.arange(3), np.ones(3), at_least=1.0),
        Rule("none needed", np.arange(3), np.ones(3), at_least=0.0),
    ]
    problem = make_problem(np.eye(3), rules=rules, **{"limits": Limits(budget_yuan=9.0, count=2), **closed})
    with pytest.raises(NotSolved) as caught:
        solve(problem)
    named = set(caught.value.values["rules"].split(", "))  # noqa: PD011 - an error, no frame
    assert named == {"one needed"} | ({"budget_yuan"} if "limits" in closed else set())


def test_cancelling_keeps_the_best_so_far_and_claims_nothing(rng):
    problem = random_problem(rng, rows=200, options=60, limits=Limits(count=10))
    plan = solve(problem, gap=0.0, cancelled=lambda: True)
    assert plan.status == "cancelled"
    assert not plan.repeatable
    assert len(plan.chosen) == 10
    assert plan.bound >= path_search(problem).value


def test_a_time_limit_never_makes_a_plan_optimal_without_proof(rng):
    problem = random_problem(rng, rows=300, options=80, limits=Limits(count=12))
    plan = solve(problem, gap=0.0, time_limit_s=1e-6)
    assert plan.status == "time_limit"
    assert plan.bound >= path_search(problem).value


@pytest.mark.parametrize("count", [1, 3, 5])
def test_no_progress_tells_of_more_than_the_best_set_of_the_size_asked_for_adds(rng, count):
    problem = random_problem(rng, rows=30, limits=Limits(count=count))
    told = []
    solve(problem, gap=0.0, progress=lambda _step, value, bound, _share: told.append((value, bound)))
    best = best_by_enumeration(problem)
    assert max(value for value, _ in told) <= best * (1 + 1e-9)
    assert min(bound for _, bound in told) >= best * (1 - 1e-9)


def test_progress_tells_step_value_and_bound_and_ends_done(rng):
    told = []
    plan = solve(random_problem(rng), progress=lambda *step: told.append(step))
    assert told[-1] == ("done", plan.value, plan.bound, 1.0)
    assert all(0 <= fraction <= 1 and bound >= value - 1e-6 for _, value, bound, fraction in told)


def test_a_start_is_never_made_worse(rng):
    problem = random_problem(rng, rows=60, options=20, limits=Limits(count=5))
    best = solve(problem, gap=0.0)
    again = solve(problem, method="search", kicks=0, start=best)
    assert again.value >= best.value


def test_locked_sites_stand_outside_the_count_and_lift_the_base():
    problem = make_problem(np.eye(4), weight=[5, 4, 3, 2], locked=[3], limits=Limits(count=2))
    plan = solve(problem, gap=0.0)
    assert set(plan.chosen) == {"o000", "o001"}
    assert (plan.base_value, plan.value, plan.status) == (2.0, 11.0, "optimal")
    assert plan.gap < 1e-8


def test_nothing_to_choose_is_an_optimal_empty_plan():
    plan = solve(make_problem(np.zeros((3, 2)), base=[0.5, 0.5, 0.5]))
    assert (plan.chosen, plan.value, plan.status, plan.gap) == ((), 1.5, "optimal", 0.0)
    locked = solve(make_problem(np.eye(3), locked=[0, 1, 2]))
    assert (locked.chosen, locked.value, locked.status, locked.gap) == ((), 3.0, "optimal", 0.0)
    assert solve(make_problem(sparse.csc_matrix((0, 0)))).status == "optimal"


def test_duplicate_columns_are_harmless(rng):
    cover = rng.random((30, 6))
    once = solve(make_problem(cover, limits=Limits(count=3)), gap=0.0)
    twice = solve(make_problem(np.hstack([cover, cover]), limits=Limits(count=3)), gap=0.0)
    assert twice.value == pytest.approx(once.value)


def test_build_order_is_greedy_inside_the_set_and_adds_up(rng):
    plan = solve(random_problem(rng, rows=60, options=20, limits=Limits(count=6)), gap=0.0)
    gains = plan.marginals["added_persons"].tolist()
    assert gains == sorted(gains, reverse=True)
    assert plan.marginals["running_persons"].iloc[-1] == pytest.approx(plan.added)
    assert plan.marginals["option_id"].tolist() == list(plan.chosen)


@pytest.mark.parametrize("wrong", [{"method": "magic"}, {"gap": -0.1}, {"gap": float("nan")}])
def test_an_unknown_method_or_gap_is_refused(wrong, rng):
    with pytest.raises(BadInput):
        solve(random_problem(rng), **wrong)


@pytest.mark.parametrize("wrong", [{"kicks": -1}, {"seed": -1}, {"time_limit_s": float("nan")}])
def test_an_effort_that_is_no_number_of_work_is_refused(wrong, rng):
    with pytest.raises(BadInput, match=r"-1|nan"):
        solve(random_problem(rng), **wrong)


def test_what_is_told_on_the_way_only_gets_better_up_to_the_plan(rng):
    problem = make_problem(rng.random((200, 60)) < 0.06, weight=rng.random(200), limits=Limits(count=8))
    told = []
    plan = solve(problem, method="exact", gap=0.0, kicks=2, progress=lambda *said: told.append(said))
    value, bound, done = (np.array([said[at] for said in told]) for at in (1, 2, 3))
    assert "exact" in {said[0] for said in told[:-2]}
    assert (value <= bound + 1e-6).all()
    proven = np.isfinite(bound)
    assert (np.diff(bound[proven]) <= 1e-6).all()
    assert (np.diff(done) >= 0).all()
    assert told[-1] == ("done", plan.value, plan.bound, 1.0)


def test_a_wish_to_stop_is_heard_in_branch_and_bound(rng):
    problem = make_problem(rng.random((400, 120)) < 0.05, weight=rng.random(400), limits=Limits(count=15))
    told = []
    plan = solve(
        problem,
        method="exact",
        gap=0.0,
        kicks=2,
        progress=lambda *said: told.append(said[0]),
        cancelled=lambda: "exact" in told,
    )
    assert plan.status == "cancelled"
    assert plan.bound > plan.value
