"""An update equals a full run bit for bit, whatever changed."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from siting.errors import BadInput, OutOfRange
from siting.radio import antenna, coverage, demand, links, network, terrain
from siting.radio.calibration import Calibration, ClassFit
from tests.radio.radio_scenes import buildings, grid, sector

NETWORK = network.load_networks()["ctcu-n78-a"]
PLAIN = ("rsrp_dbm", "sinr_db", "server", "flags", "p_los", "state", "sigma_db")
BEST = ("los_dbm", "nlos_dbm", "maybe_los_dbm", "maybe_nlos_dbm", "p_maybe")


def same(one, two):
    for name in PLAIN:
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name), name)
    for name in BEST:
        np.testing.assert_array_equal(getattr(one.strongest, name), getattr(two.strongest, name), name)
    for a, b in zip(one.kept.tally, two.kept.tally, strict=True):
        np.testing.assert_array_equal(a, b)
    assert one.provenance == two.provenance


@pytest.fixture(scope="module")
def city():
    frame = buildings(11, unknown=0.2)
    ground = terrain.from_layers(grid(), frame)[0]
    return ground, demand.units(grid(10.0), ground, {"buildings": frame})


def _site(name, easting, northing, azimuth, height):
    mount = "roof" if height > 30.0 else "wall"
    return [
        sector(
            name, k, easting=easting, northing=northing, height=height, mount=mount, azimuth=(azimuth + 120.0 * k) % 360
        )
        for k in range(3)
    ]


def _some(seed, count=6):
    draw = np.random.default_rng(seed)
    rows = [
        row
        for i, (e, n, a, h) in enumerate(draw.uniform([20, 20, 0, 12], [280, 280, 360, 70], (count, 4)))
        for row in _site(f"s{i}", e, n, a, h)
    ]
    return pd.DataFrame(rows)


def _changed(sites, kind, at, draw):
    frame, mine = sites.copy(), sites["site_id"] == f"s{at}"
    if kind == "remove":
        return frame[~mine].reset_index(drop=True)
    if kind == "add":
        more = _site(f"r{at}", *draw.uniform([20, 20, 0, 12], [280, 280, 360, 70]))
        return pd.concat([pd.DataFrame(more), frame], ignore_index=True)
    if kind == "move":
        frame.loc[mine, ["easting_m", "northing_m"]] = draw.uniform(20, 280, 2)
    if kind == "turn":
        frame.loc[mine, "azimuth_deg"] = (frame.loc[mine, "azimuth_deg"] + draw.uniform(5, 100)) % 360
    if kind == "tilt":
        frame.loc[mine, "electrical_tilt_deg"] = draw.uniform(0, 12)
        frame.loc[mine, "mechanical_tilt_deg"] = draw.uniform(0, 6)
    if kind == "power":
        frame.loc[mine, "power_w"] = draw.uniform(5, 300)
    return frame


@pytest.fixture(scope="module")
def start(city):
    ground, units = city
    return coverage.coverage(_some(1), ground, units, NETWORK)


@given(
    seed=st.integers(0, 10_000),
    changes=st.lists(
        st.tuples(st.sampled_from(["remove", "add", "move", "turn", "tilt", "power"]), st.integers(0, 5)),
        min_size=1,
        max_size=3,
    ),
)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_changes_of_sites_equal_a_full_run_bit_for_bit(city, start, seed, changes):
    ground, units = city
    draw = np.random.default_rng(seed)
    sites = _some(1)
    for kind, at in changes:
        sites = _changed(sites, kind, at, draw)
    same(coverage.update(start, sites, ground), coverage.coverage(sites, ground, units, NETWORK))


def test_an_update_of_an_update_there_and_back_is_the_first_result(city, start):
    ground, _units = city
    moved = _changed(_some(1), "move", 2, np.random.default_rng(3))
    away = coverage.update(start, moved, ground)
    assert not np.array_equal(away.rsrp_dbm, start.rsrp_dbm)
    same(coverage.update(away, _some(1), ground), start)


def test_an_update_from_nothing_and_to_nothing_equals_full_runs(city, start):
    ground, units = city
    none = coverage.coverage(_some(1).iloc[:0], ground, units, NETWORK)
    same(coverage.update(none, _some(1), ground), start)
    same(coverage.update(start, _some(1).iloc[:0], ground), none)


def test_an_update_keeps_calibration_patterns_and_diffraction(city):
    ground, units = city
    cut = tuple(15.0 * (1.0 - np.cos(np.radians(np.arange(360.0)))))
    gear = network.Gear(
        network.load_equipment(), {"cut": antenna.Pattern("cut", 16.0, horizontal_db=cut, vertical_db=cut)}
    )
    fits = tuple(
        ClassFit(NETWORK.name, s, "", offset_db=-2.0, pattern=0.4, power=-0.2, beta=0.3 * (s != 1), n=90)
        for s in (0, 1, 2)
    )
    taught = Calibration(fits, {}, pd.DataFrame(), pd.DataFrame(), True, data_hash="one")
    sites = _some(5, 4).assign(pattern=["cut", "", ""] * 4)
    before = coverage.coverage(sites, ground, units, NETWORK, calibration=taught, gear=gear, levels_dbm=[-110.0])
    after = _changed(sites, "turn", 1, np.random.default_rng(8))
    full = coverage.coverage(after, ground, units, NETWORK, calibration=taught, gear=gear, levels_dbm=[-110.0])
    same(coverage.update(before, after, ground), full)


def test_an_update_over_other_obstacles_is_refused(city, start):
    ground, _units = city
    with pytest.raises(BadInput):
        coverage.update(start, _some(1), replace(ground, surface_m=ground.surface_m + np.float32(1.0)))
    with pytest.raises(BadInput):
        coverage.update(replace(start, kept=None), _some(1), ground)


def test_a_radius_of_its_own_holds_for_updates_too_and_is_recorded(city):
    ground, units = city
    before, after = _some(2), _changed(_some(2), "turn", 1, np.random.default_rng(3))
    near = coverage.coverage(before, ground, units, NETWORK, radius_m=120.0)
    same(coverage.update(near, after, ground), coverage.coverage(after, ground, units, NETWORK, radius_m=120.0))
    served = near.server >= 0
    mast = near.sectors.iloc[near.server[served]]
    away = np.hypot(*(units.loc[served, c].to_numpy() - mast[c].to_numpy() for c in ("easting_m", "northing_m")))
    assert (away.max() <= 122.0, near.provenance["radius_m"]) == (True, "120.0")
    with pytest.raises(OutOfRange):
        coverage.coverage(before, ground, units, NETWORK, radius_m=9000.0)


def test_models_follow_the_mean_of_the_known_roofs_around(city):
    ground, _units = city
    draw = np.random.default_rng(5)
    east, north, height = draw.uniform([0, 0, 3], [300, 300, 60], (40, 3)).T
    centre_east, centre_north = np.meshgrid(*ground.grid.centres())
    row, col = ground.grid.cells_of(east, north)
    known = (ground.building > 0) & ~np.isnan(ground.surface_m)
    for e, n, h, model in zip(
        centre_east[row, col], centre_north[row, col], height, links.models_at(ground, east, north, height), strict=True
    ):
        roofs = ground.surface_m[known & (np.hypot(centre_east - e, centre_north - n) <= 100.0 + 1e-6)]
        assert model == ("uma" if h > roofs.mean(dtype=float) else "umi")
