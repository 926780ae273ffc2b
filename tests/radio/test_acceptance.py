"""What the kernels must give: worked examples, turned scenes, tiles with a halo, a real skyline."""

from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.affinity import rotate
from shapely.geometry import box

from siting.geo.grid import Grid
from siting.radio import antenna, coverage, decibel, demand, links, network, pathloss, terrain
from siting.radio import kernels_tally as kernel
from siting.radio.calibration import Calibration, ClassFit
from siting.radio.kernels_shapes import Units
from siting.radio.stage import classes_of
from tests.radio.radio_scenes import CRS, buildings, sector

NETWORK = network.load_networks()["cm-n41"]
CHAIN = network.Gear(
    {"unit": replace(network.load_equipment()["aau64-240w"], name="unit")}, {"beam": antenna.sector(16.0)}
)


def _far(side_m=600.0, cell_m=2.0):
    """Cells of which an odd number makes a map cell: its centre is the middle of one."""
    return Grid(0.0, side_m, cell_m, round(side_m / cell_m), round(side_m / cell_m), CRS)


def _outdoors(frame, side_m=600.0):
    ground = terrain.from_layers(_far(side_m), frame)[0]
    units = demand.units(_far(side_m, 10.0), ground, {"buildings": frame})
    return ground, units[units["floor"] == 0].reset_index(drop=True)


def _one(units, easting, northing):
    return int(np.argmin(np.hypot(units["easting_m"] - easting, units["northing_m"] - northing)))


@pytest.mark.parametrize(("hidden", "level"), [(False, -56.131), (True, -82.661)])
def test_the_worked_chain_comes_out_of_the_kernels(hidden, level):
    wall = box(240, 100, 250, 200) if hidden else box(2, 2, 4, 4)
    frame = gpd.GeoDataFrame({"building_id": ["a"], "height_m": [60.0]}, geometry=[wall], crs=CRS)
    ground, units = _outdoors(frame)
    north, east = 155.0, 355.0
    mast = sector(
        easting=east - 250.0, northing=north, height=25.0, azimuth=70.0, equipment="unit", pattern="beam", model="uma"
    )
    carrier = replace(NETWORK, frequency_ghz=2.6)
    found = coverage.coverage(pd.DataFrame([mast]), ground, units, carrier, gear=CHAIN)
    at = _one(units, east, north)
    assert (units["easting_m"][at], units["northing_m"][at]) == (east, north)
    assert found.rsrp_dbm[at] == pytest.approx(level, abs=0.01)
    assert found.state[at] == (0 if hidden else 1)


def test_the_worked_chain_behind_a_high_loss_wall_has_its_probability_in_the_kernels():
    kinds = links.kinds_at(2.6)
    office = kinds.names.index("office_curtain_wall")
    fits = tuple(ClassFit(NETWORK.name, state, "", sigma_db=sigma) for state, sigma in ((0, 6.0), (1, 4.0), (2, 6.0)))
    taught = Calibration(fits, {}, pd.DataFrame(), pd.DataFrame(), True)
    classes = classes_of(replace(NETWORK, frequency_ghz=2.6), taught)
    sigma = classes.spread_db.copy()
    sigma[office, 0, kernel.MAYBE_LOS_AT] = sigma[office, 0, kernel.LOS_AT]
    none = np.zeros(1, np.float32)
    units = Units(none, none, np.zeros(1, np.uint8), np.zeros(1, np.int32), kinds.wall_db, sigma, kinds.weight)
    paths = (np.float32(-56.131 - 2.5), kernel.MAYBE_LOS_AT, np.float32(-82.661 - 2.5), kernel.MAYBE_NLOS_AT)
    assert kernel.probability_over(units, office, paths, np.float32(0.089545), -105.0) == pytest.approx(
        0.35210, abs=2e-5
    )


@pytest.mark.parametrize("model", ["uma", "umi"])
def test_single_precision_stays_within_a_hundredth_of_a_decibel_of_the_formulas(model):
    frame = buildings(4, count=90, side_m=600.0, unknown=0.0)
    ground, units = _outdoors(frame)
    draw = np.random.default_rng(2)
    formulas = {
        "uma": (pathloss.uma_nlos_db, pathloss.uma_los_db),
        "umi": (pathloss.umi_nlos_db, pathloss.umi_los_db),
    }[model]
    for easting, northing, height in draw.uniform([5, 5, 62], [595, 595, 79], (4, 3)):
        mast = sector(
            easting=easting, northing=northing, height=height, azimuth=float(draw.uniform(0, 360)), model=model
        )
        found = coverage.coverage(pd.DataFrame([mast]), ground, units, NETWORK)
        east, north = units["easting_m"] - easting, units["northing_m"] - northing
        d = np.hypot(east, north).to_numpy()
        gain = antenna.gain_dbi(
            antenna.sector(17.0),
            np.degrees(np.arctan2(east, north)) - mast["azimuth_deg"],
            np.degrees(np.arctan2(height - 1.5, d)),
            electrical_tilt_deg=6.0,
        )
        link = {"bs_height_m": height, "out_of_range": "clamp"}
        loss = np.choose(found.state, [f(d, NETWORK.frequency_ghz, **link) for f in formulas])
        level = float(decibel.power_per_re_dbm(200.0, 273)) - 0.5 + gain - loss
        np.testing.assert_allclose(found.rsrp_dbm, level, atol=0.01)


def test_turning_the_scene_by_a_right_angle_turns_the_map():
    side, frame = 300.0, buildings(9, count=40, unknown=0.1)
    # whole cells, so that a turned footprint holds the turned centres
    frame["geometry"] = [box(*(np.round(np.array(g.bounds) / 2.0) * 2.0)) for g in frame.geometry]
    turned = frame.assign(geometry=[rotate(g, -90, origin=(side / 2, side / 2)) for g in frame.geometry])
    masts = [
        sector(f"s{i}", easting=e, northing=n, height=72.0, azimuth=a, model="uma")
        for i, (e, n, a) in enumerate(((61.3, 88.9, 20.0), (213.7, 140.2, 250.0), (121.1, 243.6, 130.0)))
    ]
    spun = [
        m | {"easting_m": m["northing_m"], "northing_m": side - m["easting_m"], "azimuth_deg": m["azimuth_deg"] + 90}
        for m in masts
    ]
    maps = []
    for shapes, sites in ((frame, masts), (turned, spun)):
        ground = terrain.from_layers(_far(side), shapes)[0]
        units = demand.units(_far(side, 10.0), ground, {"buildings": shapes})
        units = units[units["floor"] == 0]
        found = coverage.coverage(pd.DataFrame(sites), ground, units, NETWORK)
        level, state = np.full((30, 30), np.nan), np.full((30, 30), -1)
        row, col = units["row"].to_numpy(), units["col"].to_numpy()
        level[row, col], state[row, col] = found.rsrp_dbm, found.state
        maps.append((level, state))
    (level, state), (level_turned, state_turned) = maps
    np.testing.assert_array_equal(np.rot90(state, -1), state_turned)
    np.testing.assert_allclose(np.rot90(level, -1), level_turned, atol=1e-4)


def test_tiles_with_a_halo_show_no_seam(monkeypatch):
    reach_m = 150.0
    monkeypatch.setattr(coverage, "defaults", lambda: dict(network.defaults()) | {"max_range_m": reach_m})
    frame = buildings(6, count=150, side_m=600.0)
    ground, units = _outdoors(frame)
    places = ((90.0, 310.0), (310.0, 333.0), (500.0, 222.0))
    masts = pd.DataFrame([sector(f"s{i}", easting=e, northing=n, height=65.0) for i, (e, n) in enumerate(places)])
    whole = coverage.coverage(masts, ground, units, NETWORK)
    for low, high in ((0.0, 300.0), (300.0, 600.0)):
        west, east = max(low - reach_m, 0.0), min(high + reach_m, 600.0)
        tile = terrain.from_layers(Grid(west, 600.0, 2.0, 300, round((east - west) / 2.0), CRS), frame)[0]
        own = ((units["easting_m"] >= low) & (units["easting_m"] < high)).to_numpy()
        near = masts[(masts["easting_m"] > west) & (masts["easting_m"] < east)].reset_index(drop=True)
        part = coverage.coverage(near, tile, units[own].reset_index(drop=True), NETWORK)
        for name in ("rsrp_dbm", "sinr_db", "state"):
            np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[own])


def test_a_sixty_metre_block_hides_the_cell_behind_it_from_the_kernels():
    block = gpd.GeoDataFrame({"building_id": ["a"], "height_m": [60.0]}, geometry=[box(140, 100, 160, 200)], crs=CRS)
    ground, units = _outdoors(block)
    found = coverage.coverage(
        pd.DataFrame([sector(easting=120.0, northing=150.0, height=25.0)]), ground, units, NETWORK
    )
    behind, before = _one(units, 175.0, 155.0), _one(units, 135.0, 155.0)
    assert (found.state[behind], found.p_los[behind]) == (0, 0.0)
    assert (found.state[before], found.p_los[before]) == (1, 1.0)


@pytest.fixture(scope="module")
def skyline(data_folder):
    shapes = gpd.read_file(data_folder / "lujiazui" / "lujiazui_wgs84.gpkg", layer="buildings").to_crs("EPSG:4549")
    columns = {name.lower(): name for name in shapes.columns}
    height = pd.to_numeric(shapes[columns.get("height_m", columns.get("height"))], errors="coerce")
    return gpd.GeoDataFrame(
        {"building_id": [f"b{i}" for i in range(len(shapes))], "height_m": height, "building_class": "unknown"},
        geometry=shapes.geometry.to_numpy(),
        crs="EPSG:4549",
    )


@pytest.mark.data
def test_unknown_heights_of_a_real_skyline_show_as_unknown_and_its_tower_throws_its_shadow_away_from_the_antenna(
    skyline,
):
    tower = skyline.loc[skyline["height_m"].idxmax()]
    assert tower["height_m"] == pytest.approx(632.0, abs=1.0)
    middle = tower.geometry.centroid
    side = 800.0
    west, south = np.floor(middle.x / 10) * 10 - side, np.floor(middle.y / 10) * 10 - side
    cells = [
        Grid(west, south + 2 * side, c, round(2 * side / c), round(2 * side / c), "EPSG:4549") for c in (2.5, 10.0)
    ]
    near = skyline[skyline.intersects(box(west, south, west + 2 * side, south + 2 * side))].reset_index(drop=True)
    assert near["height_m"].isna().any()
    ground = terrain.from_layers(cells[0], near)[0]
    units = demand.units(cells[1], ground, {"buildings": near})
    units = units[units["floor"] == 0].reset_index(drop=True)
    mast = sector(easting=middle.x - 300.0, northing=middle.y, height=420.0, mount="wall", model="uma")
    found = coverage.coverage(pd.DataFrame([mast]), ground, units, NETWORK)
    assert {0, 1, 2} <= set(found.state)
    along = units["easting_m"] - middle.x
    line = np.abs(units["northing_m"] - middle.y) < 8.0
    behind, before = line & (along > 60.0) & (along < 400.0), line & (along < -60.0) & (along > -280.0)
    assert (found.state[behind] == 0).all()
    assert (found.state[before] != 0).mean() > 0.5
