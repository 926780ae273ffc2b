"""The whole job at the command line on a new district, from a city's own files."""

import contextlib
import io
import json
from types import SimpleNamespace

import geopandas as gpd
import openpyxl
import pytest

from siting import cli, settings
from siting.actions import assets
from siting.store import layers
from siting.store.database import open_database

CAMBRIDGE = [
    ("districts", "BOUNDARY_CDDNeighborhoods.geojson", None, 13),
    ("roads", "TRANS_Centerlines.geojson", None, 2643),
    ("assets", "INFRA_StreetLights.geojson", "street_light", 6117),
    ("assets", "INFRA_StreetLightsNotCityOwned.geojson", "street_light", 1590),
    ("assets", "INFRA_UtilityPoles.geojson", "power_pole", 2457),
    ("assets", "INFRA_ParkLights.geojson", "street_light", 858),
    ("assets", "TRAFFIC_Signals.geojson", "traffic_signal", 785),
    ("assets", "BASEMAP_Bridges.geojson", "bridge", 52),
    ("assets", "RECREATION_OpenSpace.geojson", "green_space", 276),
    ("assets", "TRANS_SubwayStations.geojson", "metro_entrance", 10),
]


def figures(*args):
    """Run a command with --json and read its figures; a reason asked for or a code other than 0 ends it."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        try:
            cli.main([*map(str, args), "--json"])
        except SystemExit as left:
            assert left.code in {None, 0}  # noqa: PT017 - how a command ends
    return json.loads(out.getvalue())


@pytest.fixture(scope="module")
def city(data_folder, tmp_path_factory):
    """A district made of the city's files, what was said of each, and where the files are; for looking and adding runs."""
    source, folder = data_folder / "cambridge-ma", tmp_path_factory.mktemp("city") / "c"
    outline = source / "BOUNDARY_CityBoundary.geojson"
    made = figures("init", folder, "--name", "Cambridge", "--boundary", outline, "--datum", "wgs84")
    assert made["crs"] == "EPSG:32619"
    read = {}
    for layer, name, kind, _ in CAMBRIDGE:
        of = ("--class", kind) if kind else ()
        read[name] = figures("import", layer, source / name, "--datum", "wgs84", *of, "--project", folder)
    return SimpleNamespace(source=source, folder=folder, read=read)


@pytest.mark.data
def test_a_citys_files_land_and_their_sums_add_up(city, actor, now):
    for _, name, _, rows in CAMBRIDGE:
        found = city.read[name]
        assert found["read"] == rows == found["landed"] + found["unchanged"] + found["rejected"]
    db = open_database(settings.load(city.folder))
    stored = layers.read(db, "assets")
    assert stored["height_m"].isna().all()
    others = stored[stored["source"] == "INFRA_StreetLightsNotCityOwned.geojson"]
    assert others["owner_org"].isna().all()
    assert stored["class"].nunique() == 6
    assert layers.count(db, "roads") == 2643
    assert stored["street_office"].notna().mean() > 0.9
    for layer, name, kind, rows in (CAMBRIDGE[1], CAMBRIDGE[5]):
        data = (city.source / name).read_bytes()
        plan = assets.dry_run(db, actor, data, name=name, layer=layer, datum="wgs84", asset_class=kind, now=now)
        assert (plan.new, plan.changed, plan.unchanged) == (0, 0, rows)
        assert not plan.needs_reason
    db.engine.dispose()


@pytest.mark.data
def test_a_plan_comes_of_a_citys_files_alone(city, tmp_path):
    at = ("--project", city.folder)
    covered = figures("coverage", "--cell-m", "40", "--out", tmp_path / "c.tif", *at)
    assert (covered["measure"], covered["no_sites"]) == ("area_m2", True)
    # 18.5 km2 by the city's own count of land and water
    assert covered["persons"] / 1e6 == pytest.approx(18.5, rel=0.02)
    assert covered["uncovered"] == covered["persons"]
    asked = ("--count", "3", "--admit", "unknown", "--coverage", covered["run"], "--out", tmp_path / "p.gpkg")
    solved = figures("plan", *asked, *at)
    assert (solved["count"], solved["coverage"], solved["measure"]) == (3, covered["run"], "area_m2")
    assert 0 < solved["value"] <= solved["bound"] <= covered["persons"]
    sites = gpd.read_file(tmp_path / "p.gpkg", layer="plan_sites")
    assert (sites.crs.to_epsg(), set(sites["measure"])) == (32619, {"area_m2"})
    document = json.loads((tmp_path / "p.geojson").read_text(encoding="utf-8"))
    assert document["datum"] == "WGS 84"
    lon, lat = document["features"][0]["geometry"]["coordinates"]
    assert (-71.17 < lon < -71.06, 42.35 < lat < 42.41) == (True, True)
    heads = [c.value for c in openpyxl.load_workbook(tmp_path / "p.xlsx").worksheets[0][1]]
    assert any("m²" in h for h in heads)
    assert not any("人口" in h for h in heads)
