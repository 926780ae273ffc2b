from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from siting.errors import BadInput
from siting.findings import Findings
from siting.radio import calibrate, coverage, heldout, learn, lessons, network, pathloss, terrain
from siting.radio import learned as learned_map
from siting.radio.samples import Prepared
from tests.radio.radio_scenes import buildings, grid, sector

NETWORK = network.load_networks()["ctcu-n78-a"]
SIDE_M = 1500.0
SITES = pd.DataFrame(
    [
        sector(f"s{i}", k, easting=east, northing=north, height=45.0, azimuth=120.0 * k, model="uma")
        for i, (east, north) in enumerate(((300.0, 350.0), (1200.0, 400.0), (700.0, 1200.0)))
        for k in range(3)
    ]
)
OPTIONS = calibrate.Options(level_dbm=-90.0)


@pytest.fixture(scope="module")
def scene():
    frame = buildings(4, count=350, side_m=SIDE_M, unknown=0.0)
    ground = terrain.from_layers(grid(5.0, SIDE_M), frame)[0]
    draw = np.random.default_rng(1)
    count = 1500
    asked = pd.DataFrame(
        {
            "easting_m": draw.uniform(10.0, SIDE_M - 10.0, count),
            "northing_m": draw.uniform(10.0, SIDE_M - 10.0, count),
            "rsrp_dbm": -90.0,
            "network": NETWORK.name,
        }
    )
    return ground, learn.features(asked, SITES, ground, {NETWORK.name: NETWORK})


def learned(scene, change_db, *, noise_db=5.0):
    ground, told = scene
    noise = np.random.default_rng(2).normal(0.0, noise_db, len(told))
    measured = told.assign(rsrp_dbm=told["textbook_dbm"] + change_db + noise)
    first = calibrate.fit_prepared(Prepared(measured, Findings(), {}), ground, seed=3, options=OPTIONS)
    return measured, first, learn.fit_correction(first, measured, seed=3, options=OPTIONS)


@pytest.fixture(scope="module")
def helpful(scene):
    built = scene[1]["built_share"].to_numpy()
    return learned(scene, np.where(built > np.median(built), -9.0, 3.0))


def test_a_planted_effect_of_the_surroundings_is_adopted(helpful):
    measured, _, found = helpful
    error = {name: heldout.whole(found.metrics, name, "rmse_db") for name in ("calibrated", "corrected")}
    assert found.adopted
    assert error["corrected"] < error["calibrated"] - 0.3
    assert error["corrected"] == pytest.approx(5.0, abs=1.2)
    shift = found.predict(measured)
    built = measured["built_share"].to_numpy()
    dense, inside = built > np.median(built), ~shift.outside
    assert shift.shift_db[dense & inside].mean() < shift.shift_db[~dense & inside].mean() - 8.0


def test_what_it_leaves_is_measured_on_unseen_blocks(helpful):
    _, first, found = helpful
    own = found.metrics.query("network == @NETWORK.name and `class` == '' and predictor == 'corrected'")[
        "rmse_db"
    ].item()
    assert found.sigma_db[NETWORK.name, -1, ""] == pytest.approx(own)
    same = heldout.whole(first.metrics, "calibrated", "rmse_db")
    assert heldout.whole(found.metrics, "calibrated", "rmse_db") == pytest.approx(same, rel=1e-9)


def test_noise_is_not_adopted_and_adds_nothing(scene):
    measured, _, found = learned(scene, -4.0, noise_db=8.0)
    assert not found.adopted
    shift = found.predict(measured)
    assert not shift.shift_db.any()
    assert not shift.outside.any()


def test_outside_what_it_has_seen_it_is_silent_and_says_so(helpful):
    measured, _, found = helpful
    strange = measured.head(3).assign(lg_distance=9.0)
    shift = found.predict(strange)
    assert shift.outside.all()
    assert not shift.shift_db.any()
    high = float(measured["built_share"].quantile(0.99))
    assert found.predict(measured[measured["built_share"] > high]).outside.all()


def test_no_level_is_moved_by_more_than_fifteen_decibels(scene):
    built = scene[1]["built_share"].to_numpy()
    measured, _, found = learned(scene, np.where(built > np.median(built), -40.0, 20.0))
    assert found.adopted
    moved = abs(found.predict(measured).shift_db)
    assert moved.max() == pytest.approx(15.0)


def test_the_twin_tells_weak_places_directly(helpful):
    measured, first, found = helpful
    chance = found.chance_weak(measured, measured["rsrp_dbm"])
    weak = measured["rsrp_dbm"].to_numpy() < OPTIONS.weak_dbm
    assert ((chance >= 0.0) & (chance <= 1.0)).all()
    assert chance[weak].mean() > chance[~weak].mean() + 0.5
    assert np.isfinite(heldout.whole(found.metrics, "classifier", "brier"))
    assert first.usable


def test_the_same_seed_gives_the_same_correction(helpful):
    measured, first, _ = helpful
    few = measured.iloc[::4].reset_index(drop=True)
    one, two = (learn.fit_correction(first, few, seed=7, options=OPTIONS) for _ in range(2))
    pd.testing.assert_frame_equal(one.metrics, two.metrics)
    np.testing.assert_array_equal(one.chance_weak(few, few["rsrp_dbm"]), two.chance_weak(few, few["rsrp_dbm"]))


def test_neither_places_nor_names_are_among_the_features():
    told = " ".join(learn.FEATURES)
    assert not any(word in told for word in ("easting", "northing", "site", "sector", "device", "time"))


def test_missing_features_are_named(helpful):
    with pytest.raises(BadInput) as caught:
        helpful[2].predict(helpful[0].drop(columns=["excess_m"]))
    assert "excess_m" in caught.value.message("en")


@pytest.fixture(scope="module")
def mapped(scene):
    ground, _ = scene
    side = np.arange(40.0, SIDE_M, 90.0)
    east, north = (axis.ravel() for axis in np.meshgrid(side, side))
    row, col = ground.grid.cells_of(east, north)
    floor = np.where(ground.building[row, col] > 0, 2, 0)
    units = pd.DataFrame({"unit_id": np.arange(len(east)), "easting_m": east, "northing_m": north, "floor": floor})
    units = units.assign(height_m=np.where(floor > 0, 4.5, 1.5), building_class="unknown", persons=1.0)
    before = coverage.coverage(SITES, ground, units, NETWORK)
    return before, learned_map.unit_features(before, units, SITES, ground)


def test_a_map_moves_by_what_each_units_own_path_says(helpful, mapped):
    found, (before, told) = helpful[2], mapped
    after = learned_map.corrected(before, found, told)
    shift = found.predict(told)
    np.testing.assert_array_equal(told.index, np.flatnonzero(before.server >= 0))
    moved = (after.rsrp_dbm - before.rsrp_dbm)[told.index]
    np.testing.assert_allclose(moved, shift.shift_db, atol=1e-4)
    assert shift.shift_db.any()
    flagged = (after.flags[told.index] & pathloss.FLAGS["learned_out_of_domain"]) > 0
    np.testing.assert_array_equal(flagged, shift.outside)
    assert after.spread_db[0, 0, 0] == found.sigma_db[NETWORK.name, 1, "outdoor"]
    weak = network.load_thresholds()["good-95"]
    fallen = shift.shift_db < -3.0
    lower = coverage.probability(after, weak)[told.index] - coverage.probability(before, weak)[told.index]
    assert fallen.any()
    assert lower[fallen].mean() < 0.0


def test_a_map_stays_as_it_is_where_nothing_was_adopted(helpful, mapped):
    before, told = mapped
    assert learned_map.corrected(before, replace(helpful[2], adopted=False), told) is before


def test_a_map_corrected_in_portions_is_the_one_corrected_at_once(helpful, scene, mapped, monkeypatch):
    before, told = mapped
    whole = learned_map.corrected(before, helpful[2], told)
    monkeypatch.setattr(learned_map, "PORTION", 50)
    parts = learned_map.corrected_map(before, helpful[2], before.units, SITES, scene[0])
    for name in ("rsrp_dbm", "sinr_db", "sigma_db", "flags", "spread_db"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))


def test_a_corrected_map_is_as_sure_as_unseen_blocks_say(helpful, mapped):
    before, told = mapped
    after = learned_map.corrected(before, helpful[2], told)
    seen = (after.state == 1) & (after.kind == 0)
    assert seen.any()
    np.testing.assert_allclose(after.sigma_db[seen], helpful[2].sigma_db[NETWORK.name, 1, "outdoor"], rtol=1e-6)


def test_what_was_kept_of_a_correction_gives_it_back_bit_for_bit(helpful):
    measured, first, found = helpful
    table = lessons.table_of(first, measured)
    record = lessons.from_json(lessons.to_json(lessons.record_of(found, first, table, seed=3)))
    back = lessons.again(record, table, first)
    ours, theirs = back.predict(measured), found.predict(measured)
    np.testing.assert_array_equal(ours.shift_db, theirs.shift_db)
    np.testing.assert_array_equal(ours.outside, theirs.outside)
    assert (back.adopted, back.sigma_db) == (True, dict(found.sigma_db))


def test_what_was_kept_holds_neither_places_nor_names(helpful):
    table = lessons.table_of(helpful[1], helpful[0])
    assert tuple(table.columns) == (*learn.FEATURES, "rest_db")


def test_another_table_or_other_samples_are_refused(helpful):
    measured, first, found = helpful
    table = lessons.table_of(first, measured)
    record = lessons.record_of(found, first, table, seed=3)
    touched = table.assign(rest_db=np.append(table["rest_db"].to_numpy()[:-1], 0.5))
    for other, calibration in ((touched, first), (table, replace(first, data_hash="x")), (table[["floor"]], first)):
        with pytest.raises(BadInput) as caught:
            lessons.again(record, other, calibration)
        assert caught.value.key == "lessons.other"
    with pytest.raises(BadInput):
        lessons.from_json("[1]")
