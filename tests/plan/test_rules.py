import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from siting.actions.planwords import sentence
from siting.errors import BadInput
from siting.plan.rules import loads, one_per_candidate, quota, required_venues, slots, spacing


def _options(rng, count, *, operators=None):
    return pd.DataFrame({
        "option_id": [f"o{at:03d}" for at in range(count)],
        "candidate_id": [f"c{at // 2}" for at in range(count)],
        "easting_m": rng.random(count) * 400,
        "northing_m": rng.random(count) * 400,
        "street_office": rng.choice(["东街", "西街"], count),
        "operators": [["ctc"]] * count if operators is None else operators,
        "slots": 1, "weight_kg": 20.0, "sail_m2": 0.2, "power_kva": 0.3,
    })  # fmt: skip


def _meets(rules, chosen):
    taken = np.isin(np.arange(1000), list(chosen))
    return all(
        (rule.at_most is None or rule.coefficient @ taken[rule.option_index] <= rule.at_most)
        and (rule.at_least is None or rule.coefficient @ taken[rule.option_index] >= rule.at_least)
        for rule in rules
    )


def test_spacing_forbids_exactly_the_pairs_that_are_too_near(rng):
    options = _options(rng, 40)
    rules = spacing(options, min_spacing_m=90.0)
    xy = options[["easting_m", "northing_m"]].to_numpy()
    for pair in itertools.combinations(range(40), 2):
        near = np.hypot(*(xy[pair[0]] - xy[pair[1]])) < 90.0
        assert _meets(rules, pair) != near


def test_spacing_by_operator_leaves_different_operators_alone(rng):
    options = _options(rng, 2, operators=[["ctc"], ["cmcc"]]).assign(easting_m=0.0, northing_m=0.0)
    assert spacing(options, min_spacing_m=50.0) == []
    assert len(spacing(options, min_spacing_m=50.0, by="all")) == 1
    with pytest.raises(BadInput):
        spacing(options, min_spacing_m=-1.0)


def test_a_spacing_rule_is_named_after_every_operator_that_has_it(rng):
    options = _options(rng, 3, operators=[["ctc", "cucc"], ["ctc", "cucc"], ["cmcc"]]).assign(
        easting_m=0.0, northing_m=0.0
    )
    (rule,) = spacing(options, min_spacing_m=50.0)
    assert rule.name.startswith("spacing:ctc+cucc:")
    assert sentence(rule.name, names={}, ends={"min_spacing_m": 50.0}).say(lang="zh_CN").startswith("电信·联通")


def test_one_option_per_candidate_and_operator(rng):
    rules = one_per_candidate(_options(rng, 4, operators=[["ctc"], ["ctc", "cucc"], ["ctc"], ["cmcc"]]))
    assert [set(rule.option_index) for rule in rules] == [{0, 1}]


def test_slots_leave_what_is_reserved_and_taken_and_ask_nothing_where_unknown(rng):
    options = _options(rng, 4)
    assets = pd.DataFrame(
        {
            "asset_id": ["c0", "c1"],
            "slots_total": [3.0, np.nan],
            "slots_reserved": [1.0, np.nan],
            "slots_taken": [1.0, 0],
        }
    )
    rules = slots(options, assets)
    assert [(rule.name, rule.at_most, set(rule.option_index)) for rule in rules] == [("slots:c0", 1.0, {0, 1})]


def test_loads_limit_weight_sail_and_power_of_each_asset(rng):
    assets = pd.DataFrame(
        {"asset_id": ["c0"], "spare_weight_kg": [30.0], "spare_sail_m2": [1.0], "power_kva_spare": [0.5]}
    )
    assert {(rule.name, rule.at_most) for rule in loads(_options(rng, 4), assets)} == {
        ("weight_kg:c0", 30.0),
        ("power_kva:c0", 0.5),
    }


def test_a_joint_option_charges_each_operators_quota_its_share(rng):
    rules = quota(
        _options(rng, 2, operators=[["cmcc", "cbn"], ["cmcc"]]), by="operators", at_most={"cmcc": 1, "cbn": 2}
    )
    by_name = {rule.name: rule for rule in rules}
    assert by_name["quota:operators:cmcc"].coefficient.tolist() == [0.5, 1.0]
    assert by_name["quota:operators:cbn"].coefficient.tolist() == [0.5]


def test_options_of_unknown_owner_are_in_no_quota(rng):
    options = _options(rng, 4).assign(owner_org=["区", None, np.nan, "区"])
    assert [(r.name, r.option_index.tolist()) for r in quota(options, by="owner_org", at_least=1)] == [
        ("quota:owner_org:区", [0, 3])
    ]


@pytest.mark.parametrize("wrong", [{"by": "nothing", "at_most": 1}, {"by": "street_office", "at_least": {"北街": 1}}])
def test_a_quota_on_what_does_not_exist_is_refused(rng, wrong):
    with pytest.raises(BadInput):
        quota(_options(rng, 4), **wrong)


def test_each_uncovered_key_point_of_a_required_venue_asks_for_an_option_that_covers_it(rng):
    class Reach:
        p = sparse.csc_matrix(np.array([[0.95, 0.0], [0.0, 0.5], [0.99, 0.99], [0.2, 0.95]]))

    units = pd.DataFrame(
        {"unit_id": [1, 2, 3, 4], "venue": ["医院", "医院", "学校", "医院"], "key_point": [True, True, True, False]}
    )
    rules = required_venues(units, Reach(), _options(rng, 2), venues=["医院"], cell_probability=0.9)
    assert [(rule.name, rule.option_index.tolist()) for rule in rules] == [("venue:医院:1", [0]), ("venue:医院:2", [])]
    covered = required_venues(
        units, Reach(), _options(rng, 2), venues=["医院"], cell_probability=0.9, base=[0.99, 0.99, 0, 0]
    )
    assert covered == []


def test_at_no_distance_not_even_options_of_one_place_are_too_near(rng):
    options = _options(rng, 3).assign(easting_m=5.0, northing_m=5.0)
    assert spacing(options, min_spacing_m=0.0, by="all") == []
