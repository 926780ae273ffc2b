import numpy as np
import pandas as pd
import pytest
from conftest_plan import make_problem, random_problem
from scipy import sparse

from siting.errors import BadInput, NotFound
from siting.plan import CoverProblem, Limits, Rule, solve
from siting.plan.build import build
from siting.plan.problem import with_changes
from siting.plan.result import evaluate


class Reach:
    def __init__(self, p):
        self.p = sparse.csc_matrix(p)


def _units(count):
    return pd.DataFrame({
        "unit_id": np.arange(count), "persons": np.arange(1.0, count + 1), "street_office": ["东街", "西街"] * (count // 2),
        "venue": [None] * count,
    })  # fmt: skip


def _options(operators):
    count = len(operators)
    return pd.DataFrame({
        "option_id": [f"o{at}" for at in range(count)], "candidate_id": [f"c{at}" for at in range(count)],
        "operators": operators, "cost_yuan": 1000.0, "permission": 0.5,
    })  # fmt: skip


def test_every_fault_of_a_problem_is_reported_at_once_with_positions():
    with pytest.raises(BadInput) as caught:
        CoverProblem(
            option_id=["a", "a"], row_id=[0, 1], cover=sparse.csc_matrix([[1.5, 0.2], [0.1, float("nan")]]),
            weight=[-1.0, float("nan")], base=[0.0, 2.0], cost_yuan=[1.0, -1.0], locked=[True, False],
            forbidden=[True, False], limits=Limits(count=1), rules=(Rule("far", [7], [1.0], at_most=1),),
            candidate_id=["a", "b"], operators=((), ()),
        )  # fmt: skip
    text = caught.value.message("zh_CN")
    assert caught.value.values["count"] == 7  # noqa: PD011 - an error, no frame
    for part in ("2 个权重", "1 个现网", "2 个选项含有", "1 个造价", "1 个选项编号重复", "既锁定又禁用", "far"):
        assert part in text


def test_wrong_lengths_are_named():
    with pytest.raises(BadInput, match="weight"):
        make_problem(np.eye(3), weight=[1.0, 2.0])


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"weight": ["many", 1.0, 1.0]}, "weight"),
        ({"weight": 1.0}, "weight"),
        ({"base": np.zeros((3, 1))}, "base"),
        ({"locked": ["no", "no", "yes"]}, "locked"),
        ({"forbidden": [float("nan"), 0, 1]}, "forbidden"),
        ({"row_id": np.array(["a", 1, "b"], dtype=object)}, "排序"),
        ({"row_id": [("a", 1), ("b", 2), ("c", 3)]}, "row_id"),
    ],
)
def test_values_of_a_wrong_kind_or_shape_are_refused_by_name(change, word):
    sound = make_problem(np.eye(3))
    with pytest.raises(BadInput, match=word):
        CoverProblem(**{**sound.__dict__, **change})


@pytest.mark.parametrize(
    "cover",
    [
        sparse.csr_matrix([[1.0, 0.0], [0.0, 1.0]]),
        sparse.coo_matrix(([1, 1], ([0, 1], [0, 1])), shape=(2, 2)),
        sparse.csc_matrix(np.eye(2, dtype=np.bool_)),
        sparse.csc_matrix(np.eye(2, dtype=np.float32)),
        sparse.csc_array(np.eye(2)),
        sparse.csc_matrix(([0.0, 1.0, 1.0, 0.0], [1, 0, 1, 0], [0, 2, 4]), shape=(2, 2)),
        sparse.csc_matrix(([0.25, 0.75, 1.0], [0, 0, 1], [0, 2, 3]), shape=(2, 2)),
    ],
    ids=["by rows", "whole numbers", "true and false", "single", "array", "zeros out of order", "in parts"],
)
def test_the_form_in_which_a_cover_is_given_changes_nothing(cover):
    given = CoverProblem(**{**make_problem(np.eye(2)).__dict__, "cover": cover})
    assert given.digest() == make_problem(np.eye(2)).digest()
    assert solve(given, gap=0.0).value == 2.0


def test_whole_numbers_ask_the_same_question_as_others():
    def asked(kind):
        rule = Rule("few", [0, 1], [kind(1), kind(1)], at_most=kind(2), at_least=kind(1))
        return make_problem(np.eye(3), rules=(rule,), limits=Limits(count=kind(2), budget_yuan=kind(3))).digest()

    assert asked(int) == asked(float) == asked(np.int64) == asked(np.float32)


def test_rules_of_one_name_have_a_fingerprint_in_any_order():
    rules = (Rule("same", [0], [1.0], at_most=1.0), Rule("same", [0], [1.0], at_least=0.0))
    assert make_problem(np.eye(3), rules=rules).digest() == make_problem(np.eye(3), rules=rules[::-1]).digest()


@pytest.mark.parametrize(
    "limits",
    [
        {"count": -1},
        {"count": 1.5},
        {"count": float("nan")},
        {"count": float("inf")},
        {"count": "3"},
        {"budget_yuan": float("nan")},
        {"budget_yuan": -3},
        {"budget_yuan": "3"},
    ],
)
def test_limits_that_mean_nothing_are_refused(limits):
    with pytest.raises(BadInput):
        Limits(**limits)


@pytest.mark.parametrize(
    "rule",
    [
        {"at_most": None},
        {"at_most": "1"},
        {"coefficient": [1.0]},
        {"coefficient": [1.0, np.inf]},
        {"option_index": [1, 1]},
        {"option_index": [0.0, 0.5]},
        {"option_index": ["a", "b"]},
    ],
)
def test_rules_that_mean_nothing_are_refused(rule):
    with pytest.raises(BadInput, match="nonsense"):
        Rule(**{"name": "nonsense", "option_index": [0, 1], "coefficient": [1.0, 1.0], "at_most": 1.0, **rule})


def test_changes_make_a_copy_and_unknown_names_are_refused(rng):
    problem = random_problem(rng)
    changed = with_changes(problem, lock=["o001"], forbid=["o002"], limits=Limits(count=4))
    assert (changed.locked[1], changed.forbidden[2], changed.limits.count) == (True, True, 4)
    assert not problem.locked.any()
    assert (
        with_changes(changed, free=["o001", "o002"]).digest() == with_changes(problem, limits=Limits(count=4)).digest()
    )
    with pytest.raises(NotFound, match="nowhere"):
        with_changes(problem, lock=["nowhere"])
    with pytest.raises(BadInput, match="o003"):
        with_changes(problem, lock=["o003", "o004"], forbid=["o003"])


def test_operators_served_alike_share_rows_and_others_do_not():
    p = np.array([[0.9, 0.0], [0.4, 0.8], [0.0, 0.5], [0.2, 0.2]])
    shared = build(_units(4), Reach(p), _options([["ctc", "cucc"]] * 2), limits=Limits(count=1))
    assert shared.cover.shape == (4, 2)
    assert shared.weight.sum() == pytest.approx(10.0)
    apart = build(_units(4), Reach(p), _options([["ctc"], ["cmcc", "ctc"]]), limits=Limits(count=1))
    assert apart.cover.shape == (8, 2)
    assert set(apart.row_table["operator"]) == {"ctc", "cmcc"}
    assert apart.weight.sum() == pytest.approx(10.0)


def test_value_of_a_built_problem_is_the_formula_of_the_handbook(rng):
    p, base = rng.random((6, 3)), {"ctc": rng.random(6), "cmcc": rng.random(6)}
    problem = build(
        _units(6), Reach(p), _options([["ctc"], ["cmcc", "ctc"], ["cmcc"]]), limits=Limits(count=2), base=base
    )
    persons = np.arange(1.0, 7)
    expected = 0.5 * persons @ np.maximum(base["ctc"], np.maximum(p[:, 0], p[:, 1])) + 0.5 * persons @ np.maximum(
        base["cmcc"], p[:, 1]
    )
    assert evaluate(problem, ["o0", "o1"]).value == pytest.approx(expected)
    plan = solve(problem, gap=0.0)
    assert plan.operators["added"].sum() == pytest.approx(plan.added)
    assert plan.street_offices["covered"].sum() == pytest.approx(plan.value)
    assert plan.street_offices["persons"].sum() == pytest.approx(21.0)


def test_binary_mode_counts_only_units_that_reach_the_threshold():
    p = np.array([[0.95, 0.0], [0.5, 0.9]])
    problem = build(_units(2), Reach(p), _options([["ctc"]] * 2), limits=Limits(count=2), mode="binary")
    assert evaluate(problem, ["o0"]).value == 1.0
    assert evaluate(problem, ["o0", "o1"]).value == 3.0


def test_permission_scales_the_probability():
    problem = build(_units(2), Reach([[1.0], [1.0]]), _options([["ctc"]]), limits=Limits(count=1), use_permission=True)
    assert evaluate(problem, ["o0"]).value == pytest.approx(1.5)


def test_states_that_may_not_be_used_are_forbidden_with_their_codes_unless_admitted():
    options = _options([["ctc"]] * 3).assign(
        state=["eligible", "unknown", "excluded"], codes=[(), ("not_surveyed",), ("NO_SLOT",)]
    )
    reach = Reach(np.eye(4)[:, :3])
    strict = build(_units(4), reach, options, limits=Limits(count=3))
    assert strict.forbidden.tolist() == [False, True, True]
    assert build(_units(4), reach, options, limits=Limits(count=3), admit=["unknown"]).forbidden.tolist() == [
        False,
        False,
        True,
    ]
    assert solve(strict).excluded == {"o1": "not_surveyed", "o2": "NO_SLOT"}
    assert solve(make_problem(np.eye(3), forbidden=[1])).excluded == {"o001": "FORBIDDEN"}


@pytest.mark.parametrize("change", [{"mode": "fuzzy"}, {"units": 3}])
def test_a_build_that_does_not_fit_is_refused(change):
    with pytest.raises(BadInput):
        build(_units(change.get("units", 4) + change.get("units", 4) % 2), Reach(np.eye(5)), _options([["ctc"]] * 5),
              limits=Limits(count=1), mode=change.get("mode", "probability"))  # fmt: skip


def test_evaluation_names_what_a_set_breaks():
    rule = Rule("not both", [0, 1], [1.0, 1.0], at_most=1.0)
    problem = make_problem(np.eye(4), limits=Limits(count=2, budget_yuan=2.0), rules=(rule,), forbidden=[3])
    found = evaluate(problem, ["o000", "o001", "o003"])
    assert not found.feasible
    assert set(found.violations) == {"count", "budget_yuan", "forbidden:o003", "not both"}


def test_gains_that_name_their_options_may_come_in_any_order_and_leave_some_out():
    reach = Reach([[0.7, 0.9], [0.0, 0.0]])
    reach.option_id = np.array(["o2", "o0"])
    problem = build(_units(2), reach, _options([["ctc"]] * 3), limits=Limits(count=1))
    assert problem.cover.toarray().tolist() == [[0.9, 0.0, 0.7], [0.0, 0.0, 0.0]]


def test_all_faults_of_a_problem_are_told_at_once_in_the_language_of_the_reader():
    with pytest.raises(BadInput) as caught:
        make_problem(np.eye(3), weight=[1.0, -1.0, np.nan], cost=[1.0, 2.0, -3.0])
    assert caught.value.values["count"] == 2  # noqa: PD011 - an error, no frame
    english, chinese = caught.value.message("en"), caught.value.message("zh_CN")
    assert "1, 2" in english
    assert not any("\u4e00" <= letter <= "\u9fff" for letter in english)
    assert "1, 2" in chinese
    assert any("\u4e00" <= letter <= "\u9fff" for letter in chinese)
