import geopandas as gpd
import numba
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import box

from siting.compute import local
from siting.errors import BadInput
from siting.radio import antenna, coverage, demand, network, o2i, pathloss, reach, terrain
from tests.radio.radio_scenes import CRS, buildings, grid, sector

NETWORK = network.load_networks()["ctcu-n78-a"]
WEAK = network.load_thresholds()["weak-110"]
TARGET = network.load_thresholds()["target-105"]


def _city(seed=3, **more):
    frame = buildings(seed, **more)
    return terrain.from_layers(grid(), frame)[0], frame


def _residents(frame):
    return frame.assign(residents=10.0)


def _sites(seed=1, count=4):
    draw = np.random.default_rng(seed)
    rows = [
        sector(f"s{i}", k, easting=e, northing=n, height=70.0, azimuth=120.0 * k)
        for i, (e, n) in enumerate(draw.uniform(20, 280, (count, 2)))
        for k in range(3)
    ]
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def scene():
    ground, frame = _city()
    units = demand.units(grid(10.0), ground, {"buildings": _residents(frame)})
    return ground, units, coverage.coverage(_sites(), ground, units, NETWORK)


def _slow(sites, ground, units, network_):
    """RSRP of every sector at every unit, one trace per link, from the published formulas."""
    table = network.load_equipment()
    out = np.full((len(units), len(sites)), np.nan)
    unknown = np.zeros((len(units), len(sites)), bool)
    for j, s in enumerate(sites.itertuples()):
        unit_kind = table[s.equipment]
        mast = terrain.Antenna(s.easting_m, s.northing_m, s.antenna_height_m, s.mount)
        pattern = antenna.sector(unit_kind.broadcast_gain_dbi)
        eirp = 10 * np.log10(unit_kind.power_w * 1000 / (12 * network_.n_rb)) - unit_kind.feeder_db
        for i, u in enumerate(units.itertuples()):
            path = terrain.trace(ground, mast, terrain.Receiver(u.easting_m, u.northing_m, u.height_m))
            east, north = u.easting_m - s.easting_m, u.northing_m - s.northing_m
            d = np.hypot(east, north)
            gain = antenna.gain_dbi(
                pattern,
                np.degrees(np.arctan2(east, north)) - s.azimuth_deg,
                np.degrees(np.arctan2(s.antenna_height_m - u.height_m, d)),
                electrical_tilt_deg=s.electrical_tilt_deg,
            )
            los = pathloss.uma_los_db if path.state == 1 else pathloss.uma_nlos_db
            loss = los(
                d, network_.frequency_ghz, bs_height_m=s.antenna_height_m, ut_height_m=u.height_m, out_of_range="clamp"
            )
            wall = 0.0
            if u.floor > 0:
                loss_db = [
                    w * 10 ** (-float(o2i.wall_loss_db(network_.frequency_ghz, model=m)) / 10)
                    for m, w in o2i.class_models()[u.building_class]
                ]
                wall = -10 * np.log10(sum(loss_db)) + float(o2i.indoor_loss_db(path.depth_m))
            out[i, j] = eirp + gain - loss - wall
            unknown[i, j] = path.state == 2
    return out, unknown


def test_levels_servers_and_sinr_equal_one_trace_per_link_from_the_formulas():
    frame = buildings(5, count=12, unknown=0.0)
    ground = terrain.from_layers(grid(), frame)[0]
    units = demand.units(grid(10.0), ground, {"buildings": frame})
    sites = _sites(2, 2)
    fast = coverage.coverage(sites, ground, units, NETWORK)
    sample = np.random.default_rng(0).choice(len(units), 250, replace=False)
    slow, unknown = _slow(sites, ground, units.iloc[sample], NETWORK)
    assert not unknown.any()
    near = np.isclose(fast.rsrp_dbm[sample], slow.max(axis=1), atol=0.1)
    assert near.mean() >= 0.97
    server = slow.argmax(axis=1)
    assert (fast.server[sample] == server)[near].mean() >= 0.99
    power = 10 ** (slow / 10)
    noise = 10 ** ((-174 + 10 * np.log10(30e3) + 7) / 10)
    best = power.max(axis=1)
    sinr = 10 * np.log10(best / (noise + 0.5 * (power.sum(axis=1) - best)))
    close = np.isclose(fast.sinr_db[sample], sinr, atol=0.15)
    assert close.mean() >= 0.93


def test_adding_a_site_never_lowers_the_probability_of_any_unit(scene):
    ground, units, before = scene
    more = pd.concat(
        [_sites(), pd.DataFrame([sector("zz", easting=33.0, northing=210.0, height=75.0, equipment="micro-2x5w")])]
    )
    after = coverage.coverage(more, ground, units, NETWORK)
    assert (coverage.probability(after, WEAK) >= coverage.probability(before, WEAK)).all()


def test_results_do_not_depend_on_the_number_of_threads_or_on_the_order_of_rows(scene):
    ground, units, both = scene
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    one = coverage.coverage(_sites().sample(frac=1.0, random_state=1), ground, units, NETWORK)
    numba.set_num_threads(before)
    for name in ("rsrp_dbm", "sinr_db", "server", "flags", "p_los"):
        np.testing.assert_array_equal(getattr(one, name), getattr(both, name))


def test_without_sites_everything_is_gap_and_the_result_says_so(scene):
    ground, units, _full = scene
    none = coverage.coverage(_sites().iloc[:0], ground, units, NETWORK)
    assert none.no_sites
    assert none.findings.counts() == {"radio_no_sites": 1}
    assert ((none.flags & pathloss.FLAGS["no_server"]) > 0).all()
    hole = demand.gap(units, none, thresholds=WEAK)
    assert hole.no_sites
    assert hole.total["covered"] == 0.0


def test_a_result_without_measurements_says_it_is_uncalibrated(scene):
    _ground, units, full = scene
    assert full.calibrated is False
    assert not demand.gap(units, full, thresholds=WEAK).by("building")["calibrated"].any()


@pytest.mark.parametrize("level", ["cell", "street_office", "all"])
def test_covered_uncovered_and_unknown_add_up_to_persons_on_every_level(scene, level):
    _ground, units, full = scene
    table = demand.gap(units, full, thresholds=TARGET).by(level)
    parts = table[["covered", "uncovered", "unknown"]].sum(axis=1)
    np.testing.assert_allclose(parts, table["persons"], rtol=1e-9)
    assert table["persons"].sum() == pytest.approx(units["persons"].sum(), rel=1e-12)
    np.testing.assert_allclose(
        table["uncovered_indoor"] + table["uncovered_outdoor"], table["uncovered"], rtol=1e-9, atol=1e-12
    )


def test_floors_sum_to_buildings(scene):
    _ground, units, full = scene
    hole = demand.gap(units, full, thresholds=WEAK)
    floors = hole.by("floor").groupby("building_id", observed=True)["uncovered"].sum()
    whole = hole.by("building").set_index("building_id")["uncovered"]
    np.testing.assert_allclose(floors.sort_index(), whole.sort_index(), rtol=1e-9)


def test_people_in_buildings_of_unknown_height_are_neither_covered_nor_uncovered(scene):
    _ground, units, full = scene
    table = demand.gap(units, full, thresholds=WEAK).table
    own = table["cell_unknown"].to_numpy()
    assert own.any()
    assert (table["covered"].to_numpy()[own] == 0).all()
    assert (table["uncovered"].to_numpy()[own] == 0).all()


def test_measured_passes_pull_a_unit_towards_covered(scene):
    _ground, units, full = scene
    p = coverage.probability(full, WEAK)
    weak = int(np.argmin(p))
    samples = pd.DataFrame({"unit_id": [units["unit_id"].iloc[weak]], "n": [30], "n_pass": [30]})
    table = demand.gap(units, full, thresholds=WEAK, measured=samples).table
    assert table["probability"].iloc[weak] == pytest.approx((10 * p[weak] + 30) / 40, rel=1e-6)


def test_a_pole_inside_a_building_is_a_finding_and_is_not_computed():
    house = gpd.GeoDataFrame({"building_id": ["a"], "height_m": [30.0]}, geometry=[box(100, 100, 140, 140)], crs=CRS)
    ground = terrain.from_layers(grid(), house)[0]
    units = demand.units(grid(10.0), ground, {"buildings": house})
    poles = pd.DataFrame([sector("in", easting=120.0, northing=120.0, height=9.0, mount="pole")])
    result = coverage.coverage(poles, ground, units, NETWORK)
    assert result.findings.counts() == {"radio_pole_in_building": 1, "radio_no_sites": 1}
    assert (result.server == -1).all()


def test_reach_of_one_option_is_its_coverage_alone(scene):
    ground, units, _full = scene
    rows = [
        sector("o1", easting=40.0, northing=40.0, height=12.0, mount="tower", equipment="micro-2x5w", option_id="pole")
    ]
    rows += [sector("o2", k, height=65.0, azimuth=120.0 * k, option_id="roof") for k in range(3)]
    options = pd.DataFrame(rows)
    found = reach.reach(options, ground, units, NETWORK, thresholds=WEAK)
    assert found.option_id.tolist() == ["pole", "roof"]
    for column, name in enumerate(found.option_id):
        alone = coverage.coverage(options[options["option_id"] == name], ground, units, NETWORK)
        expected = coverage.probability(alone, WEAK)
        far = np.hypot(
            units["easting_m"] - alone.sectors["easting_m"][0], units["northing_m"] - alone.sectors["northing_m"][0]
        )
        kept = (far <= found.radius_m[column]) & (units["persons"] > 0) & (expected >= found.floor)
        same = np.isclose(found.p[:, [column]].toarray().ravel(), np.where(kept, expected, 0.0), atol=2e-6)
        assert same.mean() > 0.998  # the nearest ray depends on the radius: a few states at edges differ


def test_with_a_base_only_entries_that_raise_it_are_kept(scene):
    ground, units, full = scene
    option = pd.DataFrame(
        [sector("o1", easting=40.0, northing=40.0, height=12.0, equipment="micro-2x5w", option_id="pole")]
    )
    base = coverage.probability(full, WEAK)
    alone = reach.reach(option, ground, units, NETWORK, thresholds=WEAK).p.toarray().ravel()
    raised = reach.reach(option, ground, units, NETWORK, thresholds=WEAK, base=base).p.toarray().ravel()
    np.testing.assert_array_equal(raised, np.where(alone > base + np.float32(0.01), alone, 0.0))


def test_unknown_equipment_is_refused_by_name(scene):
    ground, units, _full = scene
    with pytest.raises(BadInput) as error:
        coverage.coverage(pd.DataFrame([sector(equipment="toaster")]), ground, units, NETWORK)
    assert "toaster" in error.value.message("zh_CN")


def test_serial_and_two_processes_give_the_same_bits(scene):
    ground, units, _full = scene
    sites = _sites(4, 40).assign(model=["uma", "umi", "free_space"] * 40)
    alone = coverage.coverage(sites, ground, units, NETWORK)
    apart = coverage.coverage(sites, ground, units, NETWORK, map=local.mapper(processes=2))
    for name in ("rsrp_dbm", "sinr_db", "server", "flags", "p_los", "state", "sigma_db"):
        np.testing.assert_array_equal(getattr(alone, name), getattr(apart, name))
    for one, two in zip(alone.kept.tally, apart.kept.tally, strict=True):
        np.testing.assert_array_equal(one, two)


def test_an_operator_has_the_best_of_its_networks_and_no_other(scene):
    _ground, _units, full = scene
    assert (coverage.best_of([full], operator="ctc", thresholds=WEAK) == coverage.probability(full, WEAK)).all()
    with pytest.raises(BadInput):
        coverage.best_of([full], operator="cmcc", thresholds=WEAK)


def test_shares_of_an_area_are_given_expected_and_reliable():
    shares = coverage.area_shares([0.95, 0.5, np.nan], [1.0, 2.0, 1.0], cell_probability=0.9)
    assert (shares.expected, shares.reliable, shares.unknown) == pytest.approx((0.4875, 0.25, 0.25))
