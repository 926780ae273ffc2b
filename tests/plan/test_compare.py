import itertools

import numpy as np
import pandas as pd
import pytest
from conftest_plan import make_problem, plain_value, random_problem

from siting.errors import BadInput
from siting.plan import Limits, Rule, solve
from siting.plan.compare import Kept, Origin, compare, defaults, only
from siting.plan.result import evaluate

# Four groups of people; a covers the first two, b the last two, c all of them half as surely.
COVER = [[1, 0, 0.5], [1, 0, 0.5], [0, 1, 0.5], [0, 1, 0.5]]
WEIGHT = [100, 50, 30, 20]
ROWS = {"street_office": ["东", "东", "西", "西"], "operator": ["x", "y", "x", "y"], "venue": [None, "站", None, "院"]}


def told(cover=COVER, weight=WEIGHT, **changes):
    made = make_problem(cover, weight=weight, ids=["a", "b", "c"], **changes)
    return type(made)(**{**vars(made), "row_table": pd.DataFrame(ROWS)})


def plan(*chosen, cost=1.0, gap=0.0, problem_hash="q"):
    return Kept(chosen, cost, gap, problem_hash)


def row(found, **where):
    lines = found.matrix
    for name, value in where.items():
        lines = lines[lines[name] == value]
    assert len(lines) == 1
    return lines.iloc[0]


def test_every_plan_is_held_against_every_problem_and_its_regret_is_what_the_best_has_more():
    day, night = told(), told(weight=[10, 10, 90, 90])
    found = compare({"A": plan("a"), "B": plan("b"), "C": plan("c")}, {"day": day, "night": night})
    assert found.by_problem().to_dict("index") == {
        "A": {"day": 150, "night": 20}, "B": {"day": 50, "night": 180}, "C": {"day": 100, "night": 100}}  # fmt: skip
    assert found.by_problem("regret").to_dict("index") == {
        "A": {"day": 0, "night": 160}, "B": {"day": 100, "night": 0}, "C": {"day": 50, "night": 80}}  # fmt: skip
    # The largest minimum: 20, 50 and 100.
    assert found.robust == "C"
    assert (found.robust_draws, dict(found.worst_mean)) == ("", {})


def test_plans_and_problems_without_names_are_numbered():
    found = compare([plan("a"), plan("b")], [told()])
    named = compare({"1": plan("a"), "2": plan("b")}, {"1": told()})
    pd.testing.assert_frame_equal(found.matrix, named.matrix)
    with pytest.raises(BadInput):
        compare([], [told()])


def test_differences_are_told_by_sub_district_operator_and_venue_the_largest_first():
    found = compare({"A": plan("a"), "B": plan("b")}, {"q": told()})
    offices = found.differences("q", "street_office", "A", "B")
    assert offices.to_dict("records") == [
        {"name": "东", "persons": 150, "covered_before": 0, "first": 150, "second": 0, "difference": -150},
        {"name": "西", "persons": 50, "covered_before": 0, "first": 0, "second": 50, "difference": 50},
    ]
    assert found.differences("q", "operator", "A", "B")["difference"].tolist() == [-70, -30]
    venues = found.differences("q", "venue", "A", "B")
    assert venues[["name", "difference"]].to_numpy().tolist() == [["站", -50], ["院", 20]]


def test_common_and_differing_sites_cost_gap_and_differing_questions_are_told():
    plans = {"A": plan("a", "c", cost=3.0, gap=0.01), "B": plan("c", "b", cost=7.0, gap=0.2, problem_hash="other")}
    found = compare(plans, {"q": told(limits=Limits(count=5))})
    assert found.sites.set_index("option_id").to_dict("index") == {
        "a": {"plans": ("A",), "common": False}, "c": {"plans": ("A", "B"), "common": True},
        "b": {"plans": ("B",), "common": False}}  # fmt: skip
    assert found.plans[["sites", "cost_yuan", "gap"]].to_numpy().tolist() == [[2, 3.0, 0.01], [2, 7.0, 0.2]]
    assert found.hashes_differ
    assert not compare({"A": plan("a"), "B": plan("b")}, {"q": told()}).hashes_differ


def test_options_that_a_problem_forbids_or_does_not_know_count_for_nothing_there_and_are_named():
    found = compare({"A": plan("a", "gone"), "B": plan("b")}, {"free": told(), "blocked": told(forbidden=[0])})
    assert row(found, plan="A", problem="free")["added"] == 150
    assert row(found, plan="A", problem="blocked")["added"] == 0
    assert found.left_out.to_numpy().tolist() == [
        ["A", "free", "gone", "unknown"],
        ["A", "blocked", "a", "forbidden"],
        ["A", "blocked", "gone", "unknown"],
    ]


def test_limits_and_rules_that_a_plan_breaks_under_a_problem_are_named():
    rule = Rule("not both", np.array([0, 1]), np.ones(2), at_most=1)
    tight = told(limits=Limits(count=1), rules=[rule])
    found = compare({"A": plan("a", "b"), "B": plan("b")}, {"wide": told(), "tight": tight})
    assert row(found, plan="A", problem="tight")["violations"] == ("count", "not both")
    assert row(found, plan="A", problem="wide")["violations"] == ()
    assert row(found, plan="B", problem="tight")["violations"] == ()


def test_what_stands_already_is_added_by_no_plan():
    found = compare({"A": plan("a", "b"), "none": plan()}, {"q": told(locked=[0], base=[0, 0, 0.5, 0])})
    line = row(found, plan="A", problem="q")
    assert (line["added"], line["value"], line["cost_yuan"]) == (35, 200, 1)
    assert row(found, plan="none", problem="q")["added"] == 0


def test_of_many_draws_the_mean_of_the_worst_tenth_decides():
    # Twenty draws: the worst two of A are 1 and 2 (mean 1.5), of B 4 and 5, though A is better everywhere else.
    draws = {f"d{n}": told(weight=[n + 1, 0, 4 + n / 2, 0]) for n in range(20)}
    draws["d0"], draws["d1"] = told(weight=[1, 0, 4, 0]), told(weight=[2, 0, 5, 0])
    assert defaults()["worst_share"] == 0.1
    found = compare({"A": plan("a"), "B": plan("b")}, {"q": told(), **draws}, draws=set(draws))
    assert dict(found.worst_mean) == {"A": 1.5, "B": 4.5}
    assert (found.robust, found.robust_draws) == ("A", "B")
    assert list(found.by_problem().columns) == ["q"]
    assert set(found.groups["problem"]) == {"q"}
    few = dict(itertools.islice(draws.items(), 9))
    assert compare({"A": plan("a")}, {"q": told(), **few}, draws=set(few)).robust_draws == ""
    assert compare({"A": plan("a"), "B": plan("b")}, few, draws=set(few)).robust == "B"


def test_every_figure_equals_the_formula_and_the_evaluation_of_the_solver(rng):
    for _ in range(40):
        problem = random_problem(rng, locked=[3], forbidden=[5], limits=Limits(count=3))
        best = solve(problem)
        other = tuple(rng.choice([f"o{n:03d}" for n in (0, 1, 2, 4, 6, 7, 8)], 3, replace=False))
        found = compare({"best": best, "other": plan(*other)}, {"q": problem})
        for name, chosen in (("best", best.chosen), ("other", other)):
            line, places = row(found, plan=name), problem.index_of(chosen)
            assert line["value"] == pytest.approx(plain_value(problem, places))
            assert line["added"] == pytest.approx(plain_value(problem, places) - plain_value(problem, []))
            assert line["added"] == pytest.approx(evaluate(problem, chosen).added)
        # No other plan of its own question has more than the best one.
        assert row(found, plan="best")["regret"] <= 1e-6 + best.bound - best.value
        assert found.groups.empty


def test_a_problem_cut_down_to_the_plans_gives_the_same_figures(rng):
    rule = Rule("few", np.arange(9), np.ones(9), at_most=2)
    for _ in range(20):
        problem = random_problem(rng, locked=[3], forbidden=[5], rules=[rule])
        plans = {"A": plan("o000", "o005"), "B": plan("o001", "o002", "o008", "away")}
        whole = compare(plans, {"q": problem}).matrix
        small = compare(plans, {"q": only(problem, {"o000", "o005", "o001", "o002", "o008", "away"})}).matrix
        pd.testing.assert_frame_equal(small, whole)
        rows = compare(plans, {"q": only(problem, {"o000", "o005", "o001", "o002", "o008"}, open_rows=True)}).matrix
        pd.testing.assert_frame_equal(rows.drop(columns="value"), whole.drop(columns="value"))


def test_plans_and_problems_of_other_districts_or_reference_systems_are_refused():
    here, there, turned = Origin("南开区", "EPSG:4548"), Origin("和平区", "EPSG:4548"), Origin("南开区", "EPSG:4549")
    plans, problems = {"A": plan("a"), "B": plan("b")}, {"q": told()}
    compare(plans, problems, plan_origins={"A": here, "B": here}, problem_origins={"q": here})
    for other in (there, turned):
        with pytest.raises(BadInput) as caught:
            compare(plans, problems, plan_origins={"A": here, "B": other})
        assert caught.value.key == "compare.origin"
        with pytest.raises(BadInput):
            compare(plans, problems, plan_origins={"A": here}, problem_origins={"q": other})
    with pytest.raises(BadInput):
        compare({}, problems)
    with pytest.raises(BadInput):
        compare(plans, {})
