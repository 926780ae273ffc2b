"""The whole job at the command line on a new district, from a city's own files."""

import json
from pathlib import Path

import geopandas as gpd
import openpyxl
import pytest

from siting import cli

CAMBRIDGE = [
    ("districts", "BOUNDARY_CDDNeighborhoods.geojson", None),
    ("roads", "TRANS_Centerlines.geojson", None),
    ("assets", "INFRA_StreetLights.geojson", "street_light"),
    ("assets", "INFRA_StreetLightsNotCityOwned.geojson", "street_light"),
    ("assets", "INFRA_UtilityPoles.geojson", "power_pole"),
    ("assets", "INFRA_ParkLights.geojson", "street_light"),
    ("assets", "TRAFFIC_Signals.geojson", "traffic_signal"),
    ("assets", "BASEMAP_Bridges.geojson", "bridge"),
    ("assets", "RECREATION_OpenSpace.geojson", "green_space"),
    ("assets", "TRANS_SubwayStations.geojson", "metro_entrance"),
]


@pytest.fixture
def figures(capsys, monkeypatch, tmp_path):
    """Run a command with --json in an empty folder and read its figures."""
    monkeypatch.chdir(tmp_path)

    def run(*args):
        code = 0
        try:
            cli.main([*map(str, args), "--json"])
        except SystemExit as left:
            code = left.code
        out, complaint = capsys.readouterr()
        assert code == 0, complaint
        return json.loads(out)

    return run


@pytest.mark.data
def test_the_whole_job_on_a_new_district_from_a_citys_files(figures, data_folder, tmp_path):
    source = data_folder / "cambridge-ma"
    made = figures("init", "c", "--name", "Cambridge", "--boundary", source / "BOUNDARY_CityBoundary.geojson", "--datum", "wgs84")  # fmt: skip
    assert made["crs"] == "EPSG:32619"
    at = ("--project", "c")
    read = {}
    for layer, name, kind in CAMBRIDGE:
        given = ("import", layer, source / name, "--datum", "wgs84", *(("--class", kind) if kind else ()), *at)
        found = figures(*given)
        assert found["read"] == found["landed"] + found["rejected"] + found["unchanged"]
        read[name] = found["read"]
    assert sum(read.values()) == 14_801
    covered = figures("coverage", "--cell-m", "20", "--out", "c.tif", *at)
    assert (covered["measure"], covered["no_sites"]) == ("area_m2", True)
    # 18.5 km2 by the city's own count of land and water
    assert covered["persons"] / 1e6 == pytest.approx(18.5, rel=0.02)
    assert covered["uncovered"] == covered["persons"]
    solved = figures("plan", "--count", "3", "--admit", "unknown", "--coverage", covered["run"], "--out", "p.gpkg", *at)
    assert (solved["count"], solved["coverage"], solved["measure"]) == (3, covered["run"], "area_m2")
    assert 0 < solved["value"] <= solved["bound"] <= covered["persons"]
    sites = gpd.read_file("p.gpkg", layer="plan_sites")
    assert (sites.crs.to_epsg(), set(sites["measure"])) == (32619, {"area_m2"})
    document = json.loads(Path("p.geojson").read_text(encoding="utf-8"))
    assert document["datum"] == "WGS 84"
    lon, lat = document["features"][0]["geometry"]["coordinates"]
    assert (-71.17 < lon < -71.06, 42.35 < lat < 42.41) == (True, True)
    heads = [c.value for c in openpyxl.load_workbook("p.xlsx").worksheets[0][1]]
    assert any("m²" in h for h in heads)
    assert not any("人口" in h for h in heads)
