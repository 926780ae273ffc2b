import json
import shutil
from datetime import timedelta

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from scipy.stats import norm

from siting import settings
from siting.access import Actor, local_admin
from siting.actions import assets, calibrations, coverage, measured, projects, runs, worker
from siting.errors import BadInput, NotAllowed, NotFound
from siting.geo import crs
from siting.radio.calibration import STATES, Calibration, ClassFit
from siting.store import artefacts, journal, layers
from siting.store.database import open_database
from siting.store.runs import Run
from tests.conftest import NOW

NOON = NOW + timedelta(hours=3)
AUDITOR = Actor(id="l", name="l", org="l", role="auditor")


def units_of(done) -> pd.DataFrame:
    return artefacts.load_table(done.db.settings.runs_folder / done.coverage.id, "units")


def cover(db, actor, now, **given) -> Run:
    return worker.run_now(db, actor, "coverage", coverage.params(db, given), clock=lambda: now)


def boundary_only(folder, now, *, side_deg=0.006, **options):
    """A district without anything in it but its outline."""
    square = shapely.geometry.mapping(shapely.box(117.15, 39.11, 117.15 + side_deg, 39.11 + side_deg))
    data = json.dumps({"type": "Feature", "properties": {}, "geometry": square}).encode()
    return projects.init(folder, name="空区", data=data, file_name="b.geojson", datum="wgs84", now=now, **options)


def add(db, actor, now, layer, features, **options):
    """Import features (properties, lon/lat geometry) into a layer."""
    rows = [{"type": "Feature", "properties": p, "geometry": shapely.geometry.mapping(g)} for p, g in features]
    data = json.dumps({"type": "FeatureCollection", "features": rows}).encode()
    plan = assets.dry_run(db, actor, data, name=f"{layer}.geojson", layer=layer, datum="wgs84", now=now, **options)
    return assets.commit(db, actor, plan.id, now=now)


def test_the_figures_add_up_to_the_people_of_the_district(done):
    found = done.coverage.result
    assert found["measure"] == "persons"
    assert found["persons"] == pytest.approx(layers.read(done.db, "buildings")["residents"].sum())
    assert found["covered"] + found["uncovered"] + found["unknown"] == pytest.approx(found["persons"])
    assert found["uncovered_indoor"] + found["uncovered_outdoor"] == pytest.approx(found["uncovered"])


def test_the_indoor_gap_of_the_sample_is_neither_nothing_nor_everything(done):
    asked = done.coverage.params
    assert (asked["network"], asked["profile"], asked["mix"]) == ("ctcu-n78-a", "weak-110", "night")
    assert 0.03 < done.coverage.result["indoor_gap_share"] < 0.60


def test_an_uncalibrated_result_says_so_everywhere(done, actor, tmp_path):
    assert done.coverage.result["calibrated"] is False
    assert not coverage.figures(done.db, actor, done.coverage.id)["calibrated"].any()
    coverage.write_geotiff(done.db, actor, done.coverage.id, tmp_path / "c.tif")
    with rasterio.open(tmp_path / "c.tif") as file:
        assert file.tags()["calibrated"] == "false"


def test_the_gap_raster_sums_to_the_figures(done, actor):
    grid, gap = coverage.raster(done.db, actor, done.coverage.id, "gap")
    assert gap.shape == grid.shape
    assert np.nansum(gap.astype(float)) == pytest.approx(done.coverage.result["uncovered"], rel=1e-5)
    _, share = coverage.raster(done.db, actor, done.coverage.id, "gap_share")
    assert 0 <= np.nanmin(share) <= np.nanmax(share) <= 1


def test_the_figures_by_sub_district_sum_to_the_district(done, actor):
    table = coverage.figures(done.db, actor, done.coverage.id)
    assert table["rank"].tolist() == list(range(1, len(table) + 1))
    assert table["uncovered"].is_monotonic_decreasing
    for name in ("persons", "covered", "uncovered", "unknown"):
        assert table[name].sum() == pytest.approx(done.coverage.result[name])
    buildings = coverage.figures(done.db, actor, done.coverage.id, by="building")
    assert buildings["uncovered"].sum() == pytest.approx(done.coverage.result["uncovered_indoor"])


def test_the_card_of_a_place_sums_to_the_raster_there(done, actor):
    grid, gap = coverage.raster(done.db, actor, done.coverage.id, "gap")
    row, col = np.unravel_index(np.nanargmax(gap), gap.shape)
    place = grid.west_m + (col + 0.5) * grid.cell_m, grid.north_m - (row + 0.5) * grid.cell_m
    card = coverage.card(done.db, actor, done.coverage.id, easting_m=place[0], northing_m=place[1])
    assert (card["row"], card["col"]) == (row, col)
    assert card["uncovered"] == pytest.approx(float(gap[row, col]), rel=1e-5)
    assert card["units"]["uncovered"].sum() == pytest.approx(card["uncovered"])
    assert card["units"]["floor"].is_monotonic_decreasing
    sectors = set(layers.read(done.db, "sectors")["sector_id"])
    assert set(card["units"]["server"].dropna()) <= sectors
    west = coverage.card(done.db, actor, done.coverage.id, easting_m=grid.west_m - 5000, northing_m=place[1])
    assert west is None


def test_a_card_names_the_strongest_server_of_each_unit(done, actor):
    units = units_of(done)
    unit = units[(units["server"] >= 0) & (units["floor"] > 0)].iloc[0]
    sectors = artefacts.load_table(done.db.settings.runs_folder / done.coverage.id, "sectors")
    card = coverage.card(done.db, actor, done.coverage.id, easting_m=unit["easting_m"], northing_m=unit["northing_m"])
    same = card["units"].set_index("unit_id").loc[unit["unit_id"]]
    assert same["server"] == sectors["sector_id"].iloc[int(unit["server"])]


def test_the_geotiff_holds_the_rasters_in_place_and_says_what_they_are(done, actor, tmp_path):
    coverage.write_geotiff(done.db, actor, done.coverage.id, tmp_path / "c.tif")
    with rasterio.open(tmp_path / "c.tif") as file:
        assert file.crs.to_epsg() == 4548
        assert file.descriptions == coverage.RASTERS
        for number, name in enumerate(coverage.RASTERS, start=1):
            grid, values = coverage.raster(done.db, actor, done.coverage.id, name)
            np.testing.assert_array_equal(file.read(number), values)
        assert tuple(file.bounds) == pytest.approx(grid.bounds)
        tags = file.tags()
    assert (tags["network"], tags["profile"], tags["measure"], tags["district"]) == ("ctcu-n78-a", "weak-110", "persons", "南开区")  # fmt: skip
    assert tags["modelled"] == "true"


def test_outdoor_levels_on_the_raster_are_those_of_the_outdoor_units(done, actor):
    units = units_of(done)
    outdoors = units[units["floor"] == 0]
    _, level = coverage.raster(done.db, actor, done.coverage.id, "rsrp_dbm")
    np.testing.assert_array_equal(level[outdoors["row"], outdoors["col"]], outdoors["rsrp_dbm"].to_numpy(np.float32))
    assert np.isfinite(level).sum() == np.isfinite(outdoors["rsrp_dbm"]).sum()


@pytest.mark.parametrize(
    "wrong",
    [{"network": "6g"}, {"profile": "none"}, {"mix": "noon"}, {"cell_m": 0}, {"cell_m": -10}, {"cell_m": float("nan")}, {"cell_m": float("inf")}],
)  # fmt: skip
def test_an_unknown_parameter_is_refused(district, wrong):
    with pytest.raises(BadInput):
        coverage.params(district, wrong)


def test_a_map_cell_that_does_not_nest_is_refused(district, actor, now):
    with pytest.raises(BadInput, match=r"7\.0"):
        cover(district, actor, now, cell_m=7.0)


def test_nothing_given_means_the_settings_of_the_district(district):
    assert coverage.params(district, {}) == {"network": "ctcu-n78-a", "networks": ["ctcu-n78-a"], "profile": "weak-110", "mix": "night", "cell_m": 10.0}  # fmt: skip


@pytest.fixture(scope="module")
def two(small_project, tmp_path_factory, actor, now):
    """The small district with a run over both shared networks; read only."""
    folder = tmp_path_factory.mktemp("two") / "district"
    shutil.copytree(small_project, folder)
    db = open_database(settings.load(folder))
    run = cover(db, actor, now, networks=["ctcu-n78-a", "cm-n41"], cell_m=20)
    yield db, run
    db.engine.dispose()


def test_a_run_over_several_networks_keeps_each_and_the_first_has_the_plain_names(two, actor):
    db, run = two
    assert coverage.views(run) == ("ctcu-n78-a", "cm-n41", "all")
    assert run.operators == ""
    each = [run.result["networks"][name]["uncovered"] for name in coverage.networks_of(run)]
    assert run.result["uncovered"] == each[0] != each[1]
    for name, uncovered in zip(coverage.networks_of(run), each, strict=True):
        assert coverage.figures(db, actor, run.id, network=name)["uncovered"].sum() == pytest.approx(uncovered)
        _, raster = coverage.raster(db, actor, run.id, "gap", network=name)
        assert np.nansum(raster.astype(float)) == pytest.approx(uncovered, rel=1e-5)
    alone = cover(db, actor, NOON, network="cm-n41", cell_m=20)
    assert alone.result["uncovered"] == pytest.approx(each[1], rel=1e-12)


def test_all_networks_together_weigh_the_operators_and_tell_whom_nobody_covers(two, actor):
    db, run = two
    each = [run.result["networks"][name] for name in coverage.networks_of(run)]
    both = run.result["all"]
    assert both["uncovered"] == pytest.approx(np.mean([one["uncovered"] for one in each]), rel=0.02)
    assert 0 < both["nobody"] < min(one["uncovered"] for one in each)
    assert both["p05"] < both["uncovered"] < both["p95"]
    table = coverage.figures(db, actor, run.id, by="operator", network="all").set_index("operator")
    assert set(table.index) == {"ctc", "cucc", "cmcc", "cbn"}
    assert table["persons"].sum() == pytest.approx(both["persons"])
    assert table["uncovered"].sum() == pytest.approx(both["uncovered"])


def test_another_profile_is_read_without_computing_and_equals_a_run_under_it(two, actor, now):
    db, run = two
    with pytest.raises(NotFound):
        coverage.figures(db, actor, run.id, profile="target-105")
    for view in coverage.views(run):
        coverage.judge(db, actor, run.id, "target-105", network=view, now=now)
    strict = cover(db, actor, NOON, networks=run.params["networks"], cell_m=20, profile="target-105")
    for view in coverage.views(run):
        for by in ("street_office", "operator", "building"):
            read = coverage.figures(db, actor, run.id, by=by, network=view, profile="target-105")
            pd.testing.assert_frame_equal(read, coverage.figures(db, actor, strict.id, by=by, network=view))
        for name in ("gap", "probability"):
            _, read_map = coverage.raster(db, actor, run.id, name, network=view, profile="target-105")
            np.testing.assert_array_equal(read_map, coverage.raster(db, actor, strict.id, name, network=view)[1])
    event = journal.recent(db, kind="coverage.profile")[0]
    assert (event["payload"]["run"], event["payload"]["profile"]) == (run.id, "target-105")
    with pytest.raises(BadInput, match="none"):
        coverage.judge(db, actor, run.id, "none", now=now)


def test_the_floors_of_a_building_sum_to_it_in_every_network(two, actor):
    db, run = two
    for name in coverage.networks_of(run):
        worst = coverage.figures(db, actor, run.id, by="building", network=name).iloc[0]
        table = coverage.floors(db, actor, run.id, worst["building_id"])
        own = table[table["network"] == name]
        assert own["floor"].tolist() == list(range(len(own), 0, -1))
        assert own["uncovered"].sum() == pytest.approx(worst["uncovered"])
        assert own["persons"].sum() == pytest.approx(worst["persons"])
        assert (own["lowest"] <= own["probability"] + 1e-6).all()


def test_a_card_gives_every_network_and_how_far_a_probability_may_be_off(two, actor):
    db, run = two
    units = artefacts.load_table(db.settings.runs_folder / run.id, "units@cm-n41")
    unit = units[(units["floor"] > 0) & units["probability"].between(0.3, 0.7)].iloc[0]
    place = {"easting_m": unit["easting_m"], "northing_m": unit["northing_m"]}
    card = coverage.card(db, actor, run.id, network="cm-n41", **place)
    found = card["units"].set_index("unit_id").loc[unit["unit_id"]]
    z, far = norm.ppf(float(unit["probability"])), 8.0 * norm.ppf(0.95) / unit["sigma_db"]
    assert (found["low"], found["high"]) == pytest.approx((norm.cdf(z - far), norm.cdf(z + far)), abs=1e-4)
    assert set(card["networks"]) == {"ctcu-n78-a", "cm-n41"}
    strict = coverage.card(db, actor, run.id, network="cm-n41", profile="target-105", **place)
    assert strict["uncovered"] > card["uncovered"]


def test_all_networks_are_in_the_geotiff_and_their_servers_are_named(two, actor, tmp_path):
    db, run = two
    coverage.write_geotiff(db, actor, run.id, tmp_path / "c.tif")
    with rasterio.open(tmp_path / "c.tif") as file:
        bands = dict(zip(file.descriptions, file.indexes, strict=True))
        assert {"rsrp_dbm", "server@cm-n41", "gap@all"} <= set(bands)
        servers = json.loads(file.tags()["servers"])["cm-n41"]
        values = file.read(bands["server@cm-n41"])
    known = values[np.isfinite(values)].astype(int)
    assert {servers[n] for n in np.unique(known)} <= set(layers.read(db, "sectors")["sector_id"])


def test_an_operator_computes_own_networks_only_and_does_not_see_a_run_over_others(two, now):
    db, run = two
    telecom = Actor(id="t", name="t", org="中国电信", role="operator", operator="ctc")
    with pytest.raises(NotAllowed):
        runs.start(db, telecom, "coverage", run.params, now=now)
    with pytest.raises(NotFound):
        coverage.figures(db, telecom, run.id, network="ctcu-n78-a")
    with pytest.raises(BadInput, match="cm-n79"):
        coverage.figures(db, local_admin(source="cli"), run.id, network="cm-n79")


def test_complaints_stand_beside_the_figures_and_change_none(district, actor, now):
    before = cover(district, actor, now, cell_m=20)
    assert "complaints" not in coverage.figures(district, actor, before.id)
    spot = layers.read(district, "buildings").geometry.iloc[0].representative_point()
    frame = gpd.GeoDataFrame(geometry=[spot], crs=district.settings.crs)
    lonlat = crs.from_project(frame, datum="wgs84", crs=district.settings.crs).geometry.iloc[0]
    row = {"venue_id": "c1", "name": "投诉", "class": "complaint", "as_of": "2026-05-06"}
    add(district, actor, now, "venues", [(row, lonlat)])
    after = cover(district, actor, now, cell_m=20)
    assert after.result["persons"] == before.result["persons"]
    assert after.result["uncovered"] == before.result["uncovered"]
    table = coverage.figures(district, actor, after.id)
    assert table["complaints"].sum() == pytest.approx(0.5)


def adopted(network, offset_db):
    """A calibration as if somebody had adopted it: every path of the network off by as much."""
    fits = tuple(ClassFit(network, state, "", offset_db=offset_db, n=500, covariance=((0.25,),)) for state in STATES)
    known = Calibration(fits, {"d": 3.0}, pd.DataFrame(), pd.DataFrame(), usable=True, data_hash="x")
    return calibrations.InForce("calibrate-x", "某人", "2026-11-01T09:00:00", known)


def test_a_calibrated_network_is_computed_with_it_and_follows_the_measurements_nearby(district, actor, monkeypatch):
    before = cover(district, actor, NOW, cell_m=20)
    units = artefacts.load_table(district.settings.runs_folder / before.id, "units")
    unit = units[(units["floor"] == 0) & (units["server"] >= 0)].iloc[200]
    heard = {"network": "ctcu-n78-a", "device_id": "d", "rsrp_dbm": float(unit["rsrp_dbm"]) - 25.0, "floor": 0}
    taken = pd.DataFrame([{**heard, "easting_m": unit["easting_m"], "northing_m": unit["northing_m"]}] * 8)
    held = adopted("ctcu-n78-a", -10.0)
    monkeypatch.setattr(calibrations, "in_force", lambda _db, network: held if network == "ctcu-n78-a" else None)
    monkeypatch.setattr(calibrations, "version", lambda _db, network: "1" if network == "ctcu-n78-a" else "")
    assert not coverage.current(district, before)
    found = cover(district, actor, NOON, networks=["ctcu-n78-a", "cm-n41"], cell_m=20)
    assert [found.result["networks"][n]["calibrated"] for n in coverage.networks_of(found)] == [True, False]
    assert found.result["calibration"] == "calibrate-x"
    assert found.result["p95"] - found.result["p05"] < before.result["p95"] - before.result["p05"]
    level = artefacts.load_table(district.settings.runs_folder / found.id, "units")["rsrp_dbm"] - units["rsrp_dbm"]
    assert level.median() == pytest.approx(-10.0, abs=0.5)
    monkeypatch.setattr(
        measured, "samples_of", lambda _db, network, **_: taken if network == "ctcu-n78-a" else taken.iloc[:0]
    )
    local = cover(district, actor, NOON + timedelta(minutes=1), cell_m=20)
    there = artefacts.load_table(district.settings.runs_folder / local.id, "units").loc[unit.name]
    assert local.result["samples"] == 8
    assert float(there["rsrp_dbm"]) < float(unit["rsrp_dbm"]) - 12.0


def test_samples_count_as_much_as_ten_of_the_model(two, actor):
    db, run = two
    units = artefacts.load_table(db.settings.runs_folder / run.id, "units")
    unit = units[units["floor"] == 0].iloc[5]
    taken = pd.DataFrame(
        {
            "easting_m": unit["easting_m"],
            "northing_m": unit["northing_m"],
            "floor": 0,
            "rsrp_dbm": [-109.0] * 12 + [-111.0] * 18,
            "device_id": "d",
        }
    )
    grid = coverage.grid_of(db, run.id)
    seen = measured.at_units(taken, units, grid, level_dbm=-110.0, devices={})
    assert seen.to_dict("records") == [{"unit_id": unit["unit_id"], "n": 30, "n_pass": 12}]
    shifted = measured.at_units(taken, units, grid, level_dbm=-110.0, devices={"d": 2.0})
    assert shifted["n_pass"].tolist() == [0]
    away = taken.assign(easting_m=0.0)
    assert measured.at_units(away, units, grid, level_dbm=-110.0, devices={}).empty


def test_a_result_stands_until_something_it_rests_on_changes(done, actor, now):
    wanted = coverage.params(done.db, {})
    assert coverage.standing(done.db, actor, wanted).id == done.coverage.id
    assert coverage.standing(done.db, actor, {**wanted, "mix": "day"}) is None
    spot = layers.read(done.db, "buildings").geometry.iloc[0].representative_point()
    frame = gpd.GeoDataFrame(geometry=[spot], crs=done.db.settings.crs)
    lonlat = crs.from_project(frame, datum="wgs84", crs=done.db.settings.crs).geometry
    add(done.db, actor, now, "assets", [({"编号": "x1"}, lonlat.iloc[0])], asset_class="street_light")
    assert coverage.standing(done.db, actor, wanted).id == done.coverage.id
    add(done.db, actor, now, "demand", [({"demand_id": "n1", "persons": 10, "kind": "resident"}, lonlat.iloc[0])])
    assert coverage.standing(done.db, actor, wanted) is None
    assert not coverage.current(done.db, done.coverage)


def test_a_district_without_people_measures_area_and_says_so(tmp_path, actor, now):
    db = boundary_only(tmp_path / "d", now)
    run = cover(db, actor, now)
    found = run.result
    assert found["measure"] == "area_m2"
    outline = shapely.union_all(layers.read(db, "districts").geometry.to_numpy())
    assert found["persons"] == pytest.approx(outline.area, rel=0.02)
    assert set(coverage.figures(db, actor, run.id)["measure"]) == {"area_m2"}
    coverage.write_geotiff(db, actor, run.id, tmp_path / "c.tif")
    with rasterio.open(tmp_path / "c.tif") as file:
        assert file.tags()["measure"] == "area_m2"
    db.engine.dispose()


def test_without_sites_everything_is_gap_and_says_so(tmp_path, actor, now):
    db = boundary_only(tmp_path / "d", now)
    found = cover(db, actor, now).result
    assert found["no_sites"] is True
    assert (found["sectors"], found["covered"]) == (0, 0)
    assert found["uncovered"] == found["persons"] > 0
    assert found["indoor_gap_share"] is None
    assert found["findings"]["radio_no_sites"] == 1
    db.engine.dispose()


def test_a_district_without_outline_cannot_be_computed(tmp_path, actor, now):
    db = boundary_only(tmp_path / "d", now)
    with db.write() as connection:
        connection.exec_driver_sql("UPDATE layer_districts SET level = 'community'")
    with pytest.raises(BadInput, match="没有边界"):
        cover(db, actor, now)
    db.engine.dispose()


def test_somebody_without_the_permission_sees_and_computes_nothing(done, tmp_path, now):
    run_id = done.coverage.id
    for forbidden in (
        lambda: coverage.raster(done.db, AUDITOR, run_id, "gap"),
        lambda: coverage.figures(done.db, AUDITOR, run_id),
        lambda: coverage.card(done.db, AUDITOR, run_id, easting_m=0, northing_m=0),
        lambda: coverage.write_geotiff(done.db, AUDITOR, run_id, tmp_path / "x.tif"),
        lambda: coverage.standing(done.db, AUDITOR, {}),
        lambda: cover(done.db, AUDITOR, now),
    ):
        with pytest.raises(NotAllowed):
            forbidden()
    assert not (tmp_path / "x.tif").exists()


def test_what_is_not_there_is_said_so(done, actor):
    with pytest.raises(BadInput, match="没有名为"):
        coverage.raster(done.db, actor, done.coverage.id, "none")
    with pytest.raises(NotFound):
        coverage.raster(done.db, actor, "none", "gap")
    with pytest.raises((NotFound, BadInput)):
        coverage.figures(done.db, actor, done.coverage.id, by="none")
