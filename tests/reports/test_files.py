import io
import json

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pyogrio
import shapely

from siting.reports.geofiles import geojson, geopackage
from siting.reports.workbook import Sheet, workbook

CANARIES = ["=1+1", "+1", "-1", "@SUM(A1)", "{{7*7}}", "</script>", "http://example.invalid/x", "000123"]


def frame():
    data = {"name": CANARIES[:3], "persons": [1.5, np.nan, 3.0], "operators": [["ctc", "cucc"], [], ["cmcc"]]}
    return gpd.GeoDataFrame(data, geometry=shapely.points([[517_000, 4_330_000]] * 3), crs="EPSG:4548")


def test_no_cell_of_a_workbook_is_a_formula_or_link():
    table = pd.DataFrame({"文本": CANARIES, "数": np.arange(len(CANARIES)) / 3})
    book = openpyxl.load_workbook(io.BytesIO(workbook([Sheet("任务清单", table)], properties={"title": "t"})))
    sheet = book["任务清单"]
    cells = [sheet.cell(row, 1) for row in range(2, len(CANARIES) + 2)]
    assert [c.value for c in cells] == CANARIES
    assert {c.data_type for c in cells} == {"s"}
    assert [c.hyperlink for c in cells] == [None] * len(CANARIES)
    assert sheet.cell(3, 2).value == 1 / 3
    assert sheet.freeze_panes == "A2"


def test_unknown_is_an_empty_cell_and_notes_stand_below():
    table = pd.DataFrame({"a": [None, np.nan, pd.NA]})
    book = openpyxl.load_workbook(io.BytesIO(workbook([Sheet("s", table, [("间隙", 0.5)])], properties={})))
    sheet = book["s"]
    assert [sheet.cell(r, 1).value for r in (2, 3, 4)] == [None, None, None]
    assert (sheet.cell(6, 1).value, sheet.cell(6, 2).value) == ("间隙", 0.5)


def test_a_geopackage_holds_its_crs_and_the_same_input_gives_the_same_bytes(tmp_path):
    args = {"about": {"gap": 0.01, "status": "within_gap"}, "as_of": "2026-11-02T09:30:00+08:00"}
    data = geopackage({"plan_sites": frame()}, **args)
    assert data == geopackage({"plan_sites": frame()}, **args)
    (tmp_path / "x.gpkg").write_bytes(data)
    found = gpd.read_file(tmp_path / "x.gpkg", layer="plan_sites")
    assert found.crs.to_epsg() == 4548
    assert found["name"].tolist() == CANARIES[:3]
    assert found["operators"].tolist()[0] == "ctc、cucc"
    assert np.isnan(found["persons"][1])
    about = pyogrio.read_dataframe(tmp_path / "x.gpkg", layer="about")
    assert dict(zip(about["name"], about["value"], strict=True)) == {"gap": "0.01", "status": "within_gap"}


def test_geojson_states_its_datum_and_carries_no_crs_member():
    document = json.loads(geojson(frame().to_crs("EPSG:4490"), about={"bound": np.float64(3.5)}))
    assert "crs" not in document
    assert document["datum"].startswith("CGCS2000")
    assert document["about"] == {"bound": 3.5}
    lon, lat = document["features"][0]["geometry"]["coordinates"]
    assert (round(lon, 1), round(lat, 1)) == (117.2, 39.1)
    assert document["features"][1]["properties"]["persons"] is None
