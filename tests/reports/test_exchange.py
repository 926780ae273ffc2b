"""Shapefile, KML and CSV as other programs read them."""

import io
import struct
import zipfile

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from defusedxml import ElementTree

from siting.errors import BadInput
from siting.maps import styles
from siting.reports.delimited import delimited
from siting.reports.kml import NAMESPACE, kml
from siting.reports.shapefile import Part, archive

CANARIES = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "</name><script>", '灯杆,"12"\n号', "\x01z"]
LONG = "权" * 100
AT = "2026-11-02T09:30:00+08:00"


def frame():
    count = len(CANARIES)
    columns = {"name": CANARIES, "class": "street_light", "message": LONG, "persons": np.arange(count) / 3, "tilts": [[6.0, 3.0]] * count,
        "owner": [None] * count, "n": range(count)}  # fmt: skip
    return gpd.GeoDataFrame(columns, geometry=shapely.points([[117.0 + i / 100, 39.1] for i in range(count)]), crs=4490)


def dbf_fields(data):
    """Names and the date of a dBase header, read byte by byte."""
    year, month, day = struct.unpack("3B", data[1:4])
    (size,) = struct.unpack("<H", data[8:10])
    names = [data[at : at + 11].split(b"\0")[0] for at in range(32, size - 1, 32)]
    return names, (1900 + year, month, day)


def made(names=None):
    names = names or {
        "name": "name",
        "message": "conditions",
        "persons": "added_own",
        "tilts": "tilts",
        "owner": "owner",
        "n": "n",
    }
    part = Part(frame(), names, "<qgis/>")
    return archive(
        {"plan_sites": part, "none": Part(frame().iloc[:0], names)},
        about=[("间隙", 0.5)],
        titles={"name": "站点"},
        as_of=AT,
    )


def test_a_shapefile_has_short_names_a_code_page_and_its_crs_and_reads_back(tmp_path):
    data = made()
    assert data == made()
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        assert file.testzip() is None
        assert {info.date_time for info in file.infolist()} == {(2026, 11, 2, 9, 30, 0)}
        file.extractall(tmp_path)
    assert (tmp_path / "plan_sites.cpg").read_text() == "UTF-8"
    assert (tmp_path / "plan_sites.qml").read_text() == "<qgis/>"
    names, day = dbf_fields((tmp_path / "plan_sites.dbf").read_bytes())
    assert names == [b"name", b"conditions", b"added_own", b"tilts", b"owner", b"n"]
    assert max(map(len, names)) <= 10
    assert day == (2026, 11, 2)
    found = gpd.read_file(tmp_path / "plan_sites.shp")
    assert found.crs.to_epsg() == 4490
    assert found["added_own"].to_numpy() == pytest.approx(np.arange(len(CANARIES)) / 3)
    assert found["name"].tolist()[7] == CANARIES[7]
    assert set(found["conditions"]) == {LONG[:84]}  # 254 bytes hold 84 characters of three
    assert found["tilts"][0] == "6.0、3.0"
    assert found["owner"].isna().all()
    told = pd.read_csv(tmp_path / "fields.csv").set_index(["layer", "field"])
    assert told.loc[("plan_sites", "conditions"), "cut"] == len(CANARIES)
    about = pd.read_csv(tmp_path / "about.csv").set_index("name")["value"]
    assert (float(about["间隙"]), float(about["none"])) == (0.5, 0.0)
    assert not (tmp_path / "none.shp").exists()


@pytest.mark.parametrize("names", [{"name": "eleven_byte"}, {"name": "名称名称"}, {"name": "a", "message": "a"}])
def test_a_name_that_is_too_long_or_stands_for_two_columns_is_refused(names):
    with pytest.raises(BadInput):
        made(names)


def test_a_spreadsheet_runs_nothing_of_a_csv_and_reads_its_characters():
    table = pd.DataFrame({"=名": CANARIES, "数": np.linspace(-1, 1, len(CANARIES)), "空": None})
    data = delimited(table, facts=[("性质", "-预评估"), ("间隙", 0.25)])
    assert data.startswith(b"\xef\xbb\xbf")
    back = pd.read_csv(io.BytesIO(data), dtype=str, keep_default_na=False)
    assert list(back) == ["'=名", "数", "空", "性质", "间隙"]
    live = [
        cell for cell in back[["'=名", "空", "性质"]].to_numpy().ravel() if cell[:1] in {"=", "+", "-", "@", "\t", "\r"}
    ]
    assert live == []
    assert [float(cell) for cell in back["数"]] == table["数"].tolist()
    assert set(back["性质"]) == {"'-预评估"}
    assert set(back["空"]) == {""}


def test_a_csv_without_rows_still_says_what_it_rests_on():
    back = pd.read_csv(io.BytesIO(delimited(pd.DataFrame(columns=["a", "b"]), facts=[("性质", "预评估")])))
    assert (len(back), back["性质"].tolist(), back["a"].isna().all()) == (1, ["预评估"], True)


def test_a_kml_is_read_by_other_programs_names_are_texts_and_nothing_is_fetched(tmp_path):
    points = frame()
    data = kml(
        points,
        points[["name", "persons"]].rename(columns={"persons": "人口"}),
        title="甲 & 乙",
        about=[("性质", "预评估")],
    )
    assert data.count(b"http") == data.count(NAMESPACE.encode()) == 1
    root = ElementTree.fromstring(data)
    marks = root.findall(f".//{{{NAMESPACE}}}Placemark")
    assert [m.find(f"{{{NAMESPACE}}}name").text for m in marks][:4] == CANARIES[:4]
    colour = root.find(f".//{{{NAMESPACE}}}IconStyle/{{{NAMESPACE}}}color").text
    red, green, blue = styles.rgb(styles.family("asset_class")["street_light"].fill)
    assert colour == f"ff{blue:02x}{green:02x}{red:02x}"
    assert root.find(f".//{{{NAMESPACE}}}Document/{{{NAMESPACE}}}ExtendedData/*").get("name") == "性质"
    (tmp_path / "x.kml").write_bytes(data)
    found = pyogrio.read_dataframe(tmp_path / "x.kml")
    assert found.geometry.x.to_numpy() == pytest.approx(points.geometry.x.to_numpy(), abs=1e-8)
    assert found.geometry.y.to_numpy() == pytest.approx(points.geometry.y.to_numpy(), abs=1e-8)
