"""Corrections by measurements, measured patterns, mechanical tilt and free space, through the kernels."""

from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import box

from siting.errors import BadInput, OutOfRange
from siting.radio import antenna, coverage, decibel, demand, diffraction, network, o2i, pathloss, reach, terrain
from siting.radio.calibration import Calibration, ClassFit, causal
from tests.radio.radio_scenes import CRS, buildings, grid, sector

NETWORK = network.load_networks()["cm-n41"]
WEAK = network.load_thresholds()["weak-110"]
COVARIANCE = tuple(tuple(row) for row in np.diag([1.0, 4.0, 0.01, 0.0, 0.0]).tolist())


def _calibration(*fits, name=NETWORK.name):
    fits = [ClassFit(name, **fit) for fit in fits]
    return Calibration(tuple(fits), {}, pd.DataFrame(), pd.DataFrame(), True, data_hash="samples-1")


@pytest.fixture(scope="module")
def city():
    frame = buildings(3)
    ground = terrain.from_layers(grid(), frame)[0]
    return ground, demand.units(grid(20.0), ground, {"buildings": frame.assign(residents=10.0)})


@pytest.fixture(scope="module")
def plain():
    """Open ground, one unit per 10 m cell."""
    frame = gpd.GeoDataFrame({"building_id": ["a"], "height_m": [9.0]}, geometry=[box(2, 2, 8, 8)], crs=CRS)
    ground = terrain.from_layers(grid(), frame)[0]
    units = demand.units(grid(10.0), ground, {"buildings": frame})
    return ground, units[units["floor"] == 0].reset_index(drop=True)


def _run(scene, rows, **more):
    return coverage.coverage(pd.DataFrame(rows), *scene, NETWORK, **more)


def _directions(units, mast):
    east, north = units["easting_m"] - mast["easting_m"], units["northing_m"] - mast["northing_m"]
    d = np.hypot(east, north).to_numpy()
    bearing = np.degrees(np.arctan2(east, north)).to_numpy()
    return d, bearing - mast["azimuth_deg"], np.degrees(np.arctan2(mast["antenna_height_m"] - 1.5, d))


def _shape(seed):
    draw = np.random.default_rng(seed)
    wide, high = 30.0 * np.sin(np.radians(np.arange(360) / 2)) ** 2, 20.0 * np.sin(np.radians(np.arange(360))) ** 2
    return antenna.Pattern(
        "measured",
        15.5,
        horizontal_db=tuple(wide + draw.uniform(0, 2, 360)),
        vertical_db=tuple(high + draw.uniform(0, 2, 360)),
    )


@pytest.mark.parametrize("mechanical", [0.0, 7.0])
@pytest.mark.parametrize("measured", [True, False])
def test_levels_follow_measured_and_parabolic_patterns_with_mechanical_tilt(plain, mechanical, measured):
    pattern = _shape(2) if measured else antenna.sector(17.0)
    gear = network.Gear(network.load_equipment(), {"ours": pattern})
    mast = sector(azimuth=40.0, mechanical_tilt_deg=mechanical, model="free_space", pattern="ours" if measured else "")
    found = _run(plain, [mast], gear=gear)
    d, phi, down = _directions(plain[1], mast)
    gain = antenna.gain_dbi(pattern, phi, down, mechanical_tilt_deg=mechanical, electrical_tilt_deg=6.0)
    slant = np.hypot(np.maximum(d, 10.0), 28.5)
    power = decibel.power_per_re_dbm(200.0, NETWORK.n_rb)
    expected = power + gain - 0.5 - pathloss.free_space_db(slant, NETWORK.frequency_ghz)
    np.testing.assert_allclose(found.rsrp_dbm, expected, atol=0.01)


def test_a_units_pattern_counts_and_a_sectors_own_counts_before_it(plain):
    table = network.load_equipment()
    own = {**table, "aau64-200w": replace(table["aau64-200w"], pattern="unit")}
    patterns = {"unit": _shape(1), "own": _shape(5), "plain": antenna.sector(11.0)}
    gear = network.Gear(own, patterns)
    by_unit, named = _run(plain, [sector()], gear=gear), _run(plain, [sector(pattern="unit")], gear=gear)
    np.testing.assert_array_equal(by_unit.rsrp_dbm, named.rsrp_dbm)
    other = _run(plain, [sector(pattern="own")], gear=gear)
    assert not np.array_equal(other.rsrp_dbm, named.rsrp_dbm)
    weak = _run(plain, [sector(pattern="plain")], gear=gear)
    usual = _run(plain, [sector()])
    np.testing.assert_allclose(usual.rsrp_dbm - weak.rsrp_dbm, 6.0, atol=1e-3)
    with pytest.raises(BadInput) as error:
        _run(plain, [sector(pattern="lost")], gear=gear)
    assert "lost" in error.value.message("zh_CN")


def test_free_space_is_the_same_for_clear_and_hidden_paths(city):
    found = _run(city, [sector(model="free_space", equipment="micro-2x5w", height=65.0)])
    units = city[1]
    d = np.hypot(units["easting_m"] - 150.0, units["northing_m"] - 150.0)
    down = 65.0 - units["height_m"]
    slant = np.hypot(np.maximum(d, 10.0), down)
    gain = antenna.gain_dbi(antenna.omni(10.0), 0.0, np.degrees(np.arctan2(down, d)), electrical_tilt_deg=6.0)
    level = decibel.power_per_re_dbm(10.0, 273) + gain - 0.5 - pathloss.free_space_db(slant, NETWORK.frequency_ghz)
    outdoors = (units["floor"] == 0).to_numpy()
    assert set(found.state[outdoors]) == {0, 1, 2}
    np.testing.assert_allclose(found.rsrp_dbm[outdoors], level[outdoors], atol=0.01)


def test_offset_slope_pattern_and_power_move_the_level_as_the_correction_says(plain):
    terms = {"offset_db": -4.0, "slope_db": -6.0, "pattern": 0.25, "power": -0.5, "power_mean_dbm": 10.0}
    fits = [{"state": s, "kind": "", "sigma_db": 9.6, "n": 500, **terms} for s in (0, 1, 2)]
    mast = sector(azimuth=70.0)
    before, after = _run(plain, [mast]), _run(plain, [mast], calibration=_calibration(*fits))
    d, phi, down = _directions(plain[1], mast)
    pattern = antenna.gain_dbi(antenna.sector(17.0), phi, down, electrical_tilt_deg=6.0) - 17.0
    slant = np.hypot(np.maximum(d, 10.0), 28.5)
    power = decibel.power_per_re_dbm(200.0, NETWORK.n_rb)
    shift = -4.0 - 6.0 * np.log10(slant / 100.0) + (0.25 - 1.0) * pattern - 0.5 * (power - 10.0)
    np.testing.assert_allclose(after.rsrp_dbm - before.rsrp_dbm, shift, atol=0.01)
    assert after.calibrated
    assert after.provenance["calibration"] == "samples-1"
    assert not before.calibrated
    np.testing.assert_allclose(after.sigma_db, 9.6, rtol=1e-6)


def test_a_calibration_of_another_network_changes_nothing(city):
    other = _calibration({"state": 1, "kind": "", "offset_db": 20.0}, name="ctcu-n1")
    rows = [sector(number=k, azimuth=120.0 * k, height=65.0) for k in range(3)]
    before, after = _run(city, rows), _run(city, rows, calibration=other)
    np.testing.assert_array_equal(before.rsrp_dbm, after.rsrp_dbm)
    assert not after.calibrated


def test_spread_is_the_held_out_one_with_walls_only_where_they_were_not_measured(city):
    kinds = ({"kind": "", "n": 300}, {"kind": "brick_residential", "n": 90, "covariance": COVARIANCE})
    fits = [{"state": s, "sigma_db": 8.0, "pattern_mean_db": -5.0, **kind} for s in (0, 1, 2) for kind in kinds]
    found = _run(city, [sector(height=65.0)], calibration=_calibration(*fits))
    units = city[1]
    model = 1.0 + 4.0 * np.log10(3.0) ** 2 + 0.01 * 25.0
    brick = ((units["floor"] > 0) & (units["building_class"] == "brick_residential")).to_numpy()
    office = ((units["floor"] > 0) & (units["building_class"] == "office_curtain_wall")).to_numpy()
    np.testing.assert_allclose(found.sigma_db[brick], np.sqrt(64.0 + model), rtol=1e-5)
    np.testing.assert_allclose(found.sigma_db[office], np.hypot(8.0, o2i.sigma_db("high")), rtol=1e-5)


def test_diffraction_shifts_hidden_paths_by_the_exact_paths_own_loss(city):
    ground, units = city
    beta = {"beta": 0.5, "loss_mean_db": 20.0}
    fits = [{"state": s, "kind": "", "n": 300, **(beta if s != 1 else {})} for s in (0, 1, 2)]
    mast = sector(height=65.0, easting=141.0, northing=163.0)
    before = _run(city, [mast])
    after = _run(city, [mast], calibration=_calibration(*fits))
    np.testing.assert_array_equal(before.state, after.state)
    hidden = np.flatnonzero((before.state == 0) & (units["floor"] == 0).to_numpy())
    assert len(hidden) > 60
    clear = before.state == 1
    np.testing.assert_allclose(after.rsrp_dbm[clear], before.rsrp_dbm[clear], atol=1e-4)
    antenna_ = terrain.Antenna(141.0, 163.0, 65.0, "tower")
    for i in hidden[:: len(hidden) // 60]:
        u = units.iloc[i]
        path = terrain.trace(ground, antenna_, terrain.Receiver(u.easting_m, u.northing_m, u.height_m))
        loss = np.clip(diffraction.bullington_db(path, NETWORK.frequency_ghz), 0.0, 60.0)
        d = np.hypot(u.easting_m - 141.0, u.northing_m - 163.0)
        heights = {"bs_height_m": 65.0, "ut_height_m": 1.5, "out_of_range": "clamp"}
        los = pathloss.uma_los_db(d, NETWORK.frequency_ghz, **heights)
        nlos = pathloss.uma_nlos_db(d, NETWORK.frequency_ghz, **heights)
        more = max(los, nlos + 0.5 * (loss - 20.0)) - nlos
        assert before.rsrp_dbm[i] - after.rsrp_dbm[i] == pytest.approx(more, abs=0.01)


def test_an_option_is_a_change_and_keeps_the_nominal_pattern(city):
    fits = [
        {"state": s, "kind": "", "n": 300, "offset_db": 5.0, "pattern": 0.2, "power": -0.8, "pattern_mean_db": -8.0}
        for s in (0, 1, 2)
    ]
    option = pd.DataFrame([sector(equipment="micro-2x5w", height=62.0, option_id="o")])
    taught = _calibration(*fits)
    one = reach.reach(option, *city, NETWORK, thresholds=WEAK, calibration=taught)
    two = reach.reach(option, *city, NETWORK, thresholds=WEAK, calibration=causal(taught))
    assert one.calibrated
    np.testing.assert_array_equal(one.p.toarray(), two.p.toarray())
    plain_ = reach.reach(option, *city, NETWORK, thresholds=WEAK)
    assert one.p.sum() > plain_.p.sum()


def test_powers_beyond_what_can_be_summed_are_refused(plain):
    with pytest.raises(OutOfRange) as error:
        _run(plain, [sector(model="free_space", power_w=2.0e9)])
    assert "mW" in error.value.message("en")
