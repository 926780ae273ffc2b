import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from siting.errors import BadInput, NotFound
from siting.radio import draws
from siting.radio.chances import ALWAYS, NEVER, OPEN, Chance
from siting.radio.gap import KEYS, gap, operator_weights
from siting.radio.network import load_networks, load_thresholds

CARRIERS = load_networks()
WEAK = load_thresholds()["weak-110"]
PARTS = ["covered", "uncovered", "unknown"]


def units(persons, **more):
    n = len(persons)
    base = {
        "unit_id": np.arange(n),
        "row": np.arange(n) // 4,
        "col": np.arange(n) % 4,
        "floor": np.arange(n) % 3,
        "building_id": pd.Categorical([f"b{i // 3}" if i % 3 else None for i in range(n)]),
        "street_office": pd.Categorical(["west" if i % 2 else "east" for i in range(n)]),
        "venue": pd.Categorical(["hall" if i == 1 else None for i in range(n)]),
        "measure": "persons",
    }
    return pd.DataFrame({**base, "persons": np.asarray(persons, float), **more})


def chance(p, network="ctcu-n78-a", *, bound=None, hidden=None, sigma_db=9.0, kind=0, error_db=8.0):
    p = np.asarray(p, np.float32)
    return Chance(
        CARRIERS[network],
        p,
        np.where(p >= 0.9, ALWAYS, NEVER).astype(np.uint8) if bound is None else np.asarray(bound, np.uint8),
        np.zeros(len(p), bool) if hidden is None else np.asarray(hidden, bool),
        np.full(len(p), sigma_db, np.float32),
        np.broadcast_to(kind, len(p)).astype(np.uint8),
        np.full(30, error_db),
        calibrated=False,
        no_sites=False,
    )


def a_crowd(seed=3, n=60):
    draw = np.random.default_rng(seed)
    p = [draw.random(n), draw.random(n)]
    crowd = units(draw.random(n) * 5, street_office=pd.Categorical(draw.choice(["w", "e", None], n)))
    layers = [
        chance(p[0], bound=draw.integers(0, 3, n), hidden=draw.random(n) < 0.1, kind=draw.integers(0, 30, n)),
        chance(p[1], "cm-n41", bound=draw.integers(0, 3, n), hidden=draw.random(n) < 0.1),
    ]
    return crowd, [layers[0], layers[1]]


@pytest.mark.parametrize("level", sorted(KEYS))
def test_covered_uncovered_and_unknown_are_the_people_of_every_level(level):
    crowd, layers = a_crowd()
    table = gap(crowd, layers, thresholds=WEAK).by(level)
    np.testing.assert_allclose(table[PARTS].sum(axis=1), table["persons"], rtol=1e-9)
    np.testing.assert_allclose(table["uncovered_indoor"] + table["uncovered_outdoor"], table["uncovered"], rtol=1e-9)
    assert table["rank"].tolist() == list(range(1, len(table) + 1))
    assert table["uncovered"].is_monotonic_decreasing
    if level in {"cell", "street_office", "operator", "all"}:
        assert table["persons"].sum() == pytest.approx(crowd["persons"].sum(), rel=1e-9)


def test_one_network_leaves_out_each_person_with_the_chance_it_misses():
    found = gap(units([10.0, 4.0, 6.0]), chance([0.3, 1.0, 0.0]), thresholds=WEAK)
    assert found.total["uncovered"] == pytest.approx(10 * 0.7 + 0 + 6)
    assert found.total["uncovered_indoor"] == pytest.approx(6)
    assert found.total["nobody"] == pytest.approx(13)
    assert found.by("all")["share"].iloc[0] == pytest.approx(13 / 20)


def test_operators_weigh_the_same_and_share_the_people_between_them():
    both = gap(units([12.0]), [chance([1.0]), chance([0.25], "cm-n41")], thresholds=WEAK)
    table = both.by("operator").set_index("operator")
    assert set(table.index) == {"cmcc", "cbn", "ctc", "cucc"}
    assert set(operator_weights().values()) == {1.0}
    assert table["persons"].to_dict() == pytest.approx(dict.fromkeys(table.index, 3.0))
    assert table.loc["cmcc", "uncovered"] == pytest.approx(3 * 0.75)
    assert table.loc["ctc", "uncovered"] == pytest.approx(0.0)
    assert both.total["uncovered"] == pytest.approx(12 * (0.5 * 0.75))
    assert both.total["nobody"] == pytest.approx(0.0)


def test_an_operator_with_two_networks_has_the_better_one_and_never_their_sum():
    table = gap(units([8.0]), [chance([0.6], "cm-n41"), chance([0.5], "cm-cbn-n28")], thresholds=WEAK).by("operator")
    assert table["uncovered"].tolist() == pytest.approx([4 * 0.4, 4 * 0.4])


def test_people_whom_no_operator_covers_are_told_apart():
    found = gap(units([10.0]), [chance([0.2]), chance([0.6], "cm-n41")], thresholds=WEAK).total
    assert found["uncovered"] == pytest.approx(10 * (0.5 * 0.8 + 0.5 * 0.4))
    assert found["nobody"] == pytest.approx(10 * 0.4)


def test_unknown_paths_that_decide_make_their_people_unknown_for_that_operator_only():
    found = gap(units([10.0]), [chance([0.5], bound=[OPEN]), chance([0.5], "cm-n41")], thresholds=WEAK)
    assert found.total[PARTS].tolist() == pytest.approx([2.5, 2.5, 5.0])
    own = found.by("operator").set_index("operator")["unknown"].to_dict()
    assert own == pytest.approx({"ctc": 2.5, "cucc": 2.5, "cmcc": 0.0, "cbn": 0.0})


def test_a_second_network_that_surely_covers_settles_what_the_first_leaves_open():
    found = gap(units([4.0]), [chance([0.5], "cm-n41", bound=[OPEN]), chance([0.95], "cm-cbn-n28")], thresholds=WEAK)
    assert found.total["unknown"] == 0.0


def test_an_interval_is_that_of_an_error_shared_by_the_whole_class():
    found = gap(units([100.0, 50.0]), chance([0.5, 0.5]), thresholds=WEAK).by("all").iloc[0]
    far = norm.ppf(0.95) * 8.0 / 9.0
    assert found["p05"] == pytest.approx(150 * norm.cdf(-far), rel=0.01)
    assert found["p95"] == pytest.approx(150 * norm.cdf(far), rel=0.01)


def test_errors_of_two_classes_cancel_in_part_and_those_of_one_do_not():
    crowd = units([50.0, 50.0])
    one, two = (gap(crowd, chance([0.5, 0.5], kind=kind), thresholds=WEAK).by("all").iloc[0] for kind in (0, [0, 1]))
    assert two["p95"] - two["p05"] < 0.9 * (one["p95"] - one["p05"])
    assert two["p05"] < two["uncovered"] < two["p95"]


def test_the_same_seed_gives_the_same_interval_and_another_seed_another():
    crowd, layers = a_crowd()
    one, again = (gap(crowd, layers, thresholds=WEAK).by("building") for _ in range(2))
    pd.testing.assert_frame_equal(one, again)
    other = gap(crowd, layers, thresholds=WEAK, seed=1).by("building")
    assert not np.allclose(one["p05"], other["p05"])
    np.testing.assert_array_equal(one["uncovered"], other["uncovered"])


def test_what_is_certain_has_no_interval():
    certain = chance([1.0, 0.0], sigma_db=[9.0, np.nan])
    found = gap(units([5.0, 7.0]), certain, thresholds=WEAK).by("all").iloc[0]
    assert (found["p05"], found["uncovered"], found["p95"]) == pytest.approx((7.0, 7.0, 7.0))


def test_measurements_narrow_the_interval_and_end_what_is_unknown():
    crowd, layer = units([9.0]), chance([0.4], bound=[OPEN])
    samples = pd.DataFrame({"unit_id": [0, 0], "n": [12, 18], "n_pass": [12, 18]})
    before, after = (
        gap(crowd, chance([0.4]), thresholds=WEAK).by("all").iloc[0],
        gap(crowd, layer, thresholds=WEAK, measured=samples).by("all").iloc[0],
    )
    assert after["covered"] == pytest.approx(9 * (10 * 0.4 + 30) / 40)
    assert after["unknown"] == 0.0
    assert after["p95"] - after["p05"] == pytest.approx((before["p95"] - before["p05"]) / 4, rel=1e-6)


def test_measurements_of_a_network_speak_for_its_operators_only():
    samples = pd.DataFrame({"unit_id": [0], "n": [30], "n_pass": [30], "network": ["cm-n41"]})
    layers = [chance([0.5]), chance([0.5], "cm-n41")]
    table = gap(units([4.0]), layers, thresholds=WEAK, measured=samples).by("operator").set_index("operator")
    assert table.loc["cmcc", "uncovered"] == pytest.approx(1 - 35 / 40)
    assert table.loc["ctc", "uncovered"] == pytest.approx(0.5)


def test_several_levels_at_once_are_those_one_by_one():
    crowd, layers = a_crowd()
    found = gap(crowd, layers, thresholds=WEAK)
    for level, table in found.levels(["cell", "floor", "venue", "operator"]).items():
        pd.testing.assert_frame_equal(table, found.by(level))


def test_draws_meet_every_quantile_once_and_do_not_depend_on_other_networks():
    one = draws.errors_db("cm-n41", [8.0, 2.0], draws=40, seed=5)
    np.testing.assert_allclose(np.sort(one[:, 0]) / 8.0, norm.ppf((np.arange(40) + 0.5) / 40), rtol=1e-9)
    np.testing.assert_allclose(np.sort(one[:, 1]) * 4.0, np.sort(one[:, 0]), rtol=1e-9)
    assert not np.array_equal(one, draws.errors_db("cm-n79", [8.0, 2.0], draws=40, seed=5))
    with pytest.raises(BadInput):
        draws.errors_db("cm-n41", [8.0], draws=0, seed=5)


def test_an_unknown_level_and_networks_of_other_units_are_refused():
    with pytest.raises(NotFound):
        gap(units([1.0]), chance([1.0]), thresholds=WEAK).by("planet")
    for layers in ([], chance([1.0, 1.0])):
        with pytest.raises(BadInput):
            gap(units([1.0]), layers, thresholds=WEAK)
