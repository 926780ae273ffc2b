import numpy as np
import pandas as pd
import pytest
from conftest_plan import make_problem, random_problem
from proof_cases import draw

from siting.errors import BadInput
from siting.plan import Limits, Rule, alternatives, solve
from siting.plan.core import open_part
from siting.plan.pool import nearby, twins_of
from siting.plan.result import Watch
from siting.plan.twins import as_plan, choose

KINDS = ("count", "budget", "spacing", "slots", "quota street", "required venues", "locked", "mixture")


@pytest.mark.parametrize("kind", KINDS)
def test_alternatives_keep_every_rule_lose_what_they_say_and_differ_from_each_other(kind):
    rng = np.random.default_rng([4, len(kind)])
    asked = shown = 0
    while asked < 6:
        case = draw(rng, kind)
        if case.best is None:
            continue
        asked += 1
        plan = solve(case.problem, gap=0.0)
        found = choose(case.problem, plan, count=3, within=0.3)
        shown += len(found.alternatives)
        sets = [frozenset(plan.chosen), *(frozenset(other.plan.chosen) for other in found.alternatives)]
        assert len(set(sets)) == len(sets)
        assert (found.why == "") == (len(found.alternatives) == 3)
        for other in found.alternatives:
            true = case.reached[case.subset(other.plan.chosen)]
            assert case.allowed[case.subset(other.plan.chosen)]
            assert other.value == pytest.approx(true, rel=1e-9)
            assert other.loss == pytest.approx(case.best - true, abs=1e-6)
            assert other.loss <= 0.3 * plan.added + 1e-6
            assert set(other.enters) == sets[0].symmetric_difference(other.plan.chosen) - sets[0]
            assert set(other.leaves) == sets[0] - set(other.plan.chosen)
    assert shown > 0


def test_the_pool_holds_the_best_plan_without_each_site_where_one_change_makes_it():
    problem = make_problem(np.eye(5), weight=[9.0, 8.0, 7.0, 6.0, 5.0], limits=Limits(count=2))
    core = open_part(problem)
    met = nearby(core, core.positions(["o000", "o001"]), seed=0, watch=Watch())
    assert {tuple(sorted(chosen)): how.added for chosen, how in met.items()} == {(1, 2): 15.0, (0, 2): 16.0}


def test_a_near_twin_is_the_option_that_shares_most_people_and_a_stranger_is_none():
    cover = np.array([[1, 1, 0, 0], [1, 1, 1, 0], [1, 0, 1, 0], [1, 1, 0, 0], [0, 0, 0, 1.0]])
    core = open_part(make_problem(cover))
    assert twins_of(core, 0) == [1, 2]
    assert twins_of(core, 3) == []


def test_a_twin_is_offered_even_where_the_plan_without_the_site_would_take_another():
    # without o000 the best is o002; o001 is its twin, a little worse
    cover = np.array([[1, 1, 0], [1, 1, 0], [1, 0, 0], [0, 0, 1.0]])
    problem = make_problem(cover, weight=[10.0, 10.0, 1.0, 20.5], limits=Limits(count=1))
    plan = solve(problem, gap=0.0)
    found = alternatives(problem, plan, within=0.1)
    assert {other.enters: other.origin for other in found} == {("o002",): "without", ("o001",): "twin"}


def test_an_alternative_says_what_it_trades():
    cover = np.array([[1.0, 0.0], [0.0, 1.0]])
    problem = make_problem(cover, weight=[10.0, 9.0], cost=[5.0, 3.0], limits=Limits(count=1))
    rows = pd.DataFrame({"operator": ["ctc", "cucc"], "street_office": ["东街", "西街"], "venue": ["医院", "学校"]})
    options = pd.DataFrame({"state": "eligible", "codes": [[], ["advisory_30m"]], "fibre_m": [10.0, 40.0]})
    problem = type(problem)(**{**problem.__dict__, "row_table": rows, "option_table": options})
    plan = solve(problem, gap=0.0)
    (other,) = alternatives(problem, plan, within=0.2)
    assert (other.enters, other.leaves, other.loss, other.cost_yuan) == (("o001",), ("o000",), 1.0, -2.0)
    assert (other.venues_won, other.venues_lost) == (("学校",), ("医院",))
    assert dict(other.operators.to_numpy()) == {"ctc": -10.0, "cucc": 9.0}
    assert dict(other.street_offices.to_numpy()) == {"东街": -10.0, "西街": 9.0}
    assert other.gap == pytest.approx(0.1, abs=1e-6)
    traded = other.options.set_index("role")
    assert traded["fibre_m"].to_dict() == {"enters": 40.0, "leaves": 10.0}
    assert traded["codes"].to_dict() == {"enters": ["advisory_30m"], "leaves": []}
    assert traded["permission"].isna().all()


@pytest.mark.parametrize(
    ("weight", "asked", "why"),
    [([9.0, 1.0], {}, "all_lose_more"), ([9.0, 8.9], {}, "all_shown"), ([9.0, 8.9], {"min_changes": 2}, "too_alike")],
)
def test_fewer_than_asked_is_said_with_the_reason(weight, asked, why):
    problem = make_problem(np.eye(2), weight=weight, limits=Limits(count=1))
    assert choose(problem, solve(problem, gap=0.0), **asked).why == why


def test_where_nothing_else_can_be_done_no_other_plan_is_met():
    problem = make_problem(np.eye(1), limits=Limits(count=1), rules=[Rule("must", [0], [1.0], at_least=1.0)])
    found = choose(problem, solve(problem, gap=0.0))
    assert (found.alternatives, found.met, found.why) == ((), 0, "none_met")


def test_alternatives_are_the_same_each_time_and_stop_when_asked(rng):
    problem = random_problem(rng, rows=60, options=25, limits=Limits(count=6))
    plan = solve(problem, gap=0.0)
    first, second = (alternatives(problem, plan, within=0.2) for _ in range(2))
    assert [other.plan.chosen for other in first] == [other.plan.chosen for other in second]
    stopped = choose(problem, plan, watch=Watch(cancelled=lambda: True))
    assert (stopped.alternatives, stopped.why) == ((), "stopped")


def test_an_alternative_as_a_plan_of_its_own_keeps_the_bound_and_claims_no_more(rng):
    problem = random_problem(rng, rows=60, options=25, limits=Limits(count=6))
    plan = solve(problem, gap=0.0)
    other = alternatives(problem, plan, within=0.2)[0]
    own = as_plan(problem, plan, other.plan.chosen, origin=other.origin)
    assert (own.chosen, own.value, own.method) == (other.plan.chosen, other.value, "alternative")
    assert own.bound == pytest.approx(plan.bound, rel=1e-8)
    assert own.status == ("within_gap" if own.gap <= 0.01 else "work_limit")
    with pytest.raises(BadInput):
        as_plan(problem, plan, [*plan.chosen, *other.enters], origin="hand")


def test_a_plan_that_breaks_the_rules_has_no_alternatives(rng):
    plan = solve(random_problem(rng, limits=Limits(count=4)), gap=0.0)
    with pytest.raises(BadInput):
        alternatives(random_problem(rng, limits=Limits(count=1)), plan)


@pytest.mark.parametrize("wrong", [{"count": -1}, {"within": 1.5}, {"min_changes": 0}])
def test_an_impossible_wish_is_refused(wrong, rng):
    problem = random_problem(rng)
    with pytest.raises(BadInput):
        alternatives(problem, solve(problem), **wrong)
