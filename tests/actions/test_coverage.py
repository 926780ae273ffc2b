import json

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely

from siting.access import Actor
from siting.actions import assets, coverage, projects, worker
from siting.errors import BadInput, NotAllowed, NotFound
from siting.geo import crs
from siting.store import artefacts, layers
from siting.store.runs import Run

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
    assert coverage.params(district, {}) == {"network": "ctcu-n78-a", "profile": "weak-110", "mix": "night", "cell_m": 10.0}  # fmt: skip


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
