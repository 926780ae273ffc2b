"""Samples of measuring tools: what is understood, what is set aside, and that nothing is lost on the way."""

import io
from datetime import UTC, datetime
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import xlsxwriter

from siting.assets import measurements, samplecells, sampledevices, sampletime
from siting.assets.measurements import Carrier, Ground, Request
from siting.errors import BadInput
from siting.geo import crs

NETWORK = "ctcu-n78-a"
CARRIER = Carrier(name=NETWORK, operators=("ctc", "cucc"), low_mhz=3400.0, high_mhz=3500.0)
SECTORS = pd.DataFrame({"sector_id": ["100-1", "人民公园_2"], "site_id": ["s1", "s2"], "network": [NETWORK, NETWORK]})
DATUM = "wgs84"
#: Columns of the OpenCellID export of single measurements.
OPENCELLID = (
    "mcc,net,area,cell,lon,lat,signal,measured,created,rating,speed,direction,radio,ta,rnc,cid,psc,tac,pci,sid,nid,bid"
)


@pytest.fixture
def ground():
    return Ground(project="EPSG:4548", region=None, reference=None, carriers={NETWORK: CARRIER}, sectors=SECTORS)


def read(text, ground, *, network=NETWORK, datum=DATUM, **more):
    data = text if isinstance(text, bytes) else text.encode()
    return measurements.prepare(Request(data=data, name="drive.csv", datum=datum, network=network, **more), ground)


def codes(found):
    return found.findings.counts()


def test_a_gbk_table_with_chinese_headings_becomes_samples(ground):
    text = "测量时间,经度,纬度,楼层,SS-RSRP（dBm）,物理小区标识,小区名称,终端\n2026/11/2 9:30:05,117.15,39.12,3,-95.5,12,人民公园-2,甲\n"
    found = read(text.encode("gbk"), ground)
    row = found.frame.iloc[0]
    assert row["time"] == pd.Timestamp("2026-11-02T01:30:05Z")
    assert (row["floor"], row["rsrp_dbm"], row["pci"], row["device_id"]) == (3, -95.5, 12, "甲")
    back = crs.from_project(
        gpd.GeoDataFrame(geometry=[shapely.Point(row["easting_m"], row["northing_m"])]), datum=DATUM, crs="EPSG:4548"
    )
    assert back.geometry.iloc[0].x == pytest.approx(117.15, abs=1e-7)
    assert found.named == 1


def test_a_drive_test_spreadsheet_in_english_becomes_samples(ground):
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        sheet = book.add_worksheet("log")
        sheet.write_row(0, 0, ["Time", "Longitude", "Latitude", "PCI", "NCI", "NR-ARFCN", "SSB RSRP (dBm)"])
        sheet.write_row(1, 0, [46328.5, 117.15, 39.12, 12, 100 * 4096 + 1, 627264, -88.25])
        sheet.write_row(2, 0, [46328.5, 117.16, 39.12, 12, 7, 504990, -88.25])
    found = read(buffer.getvalue(), ground)
    assert found.frame["time"].iloc[0] == pd.Timestamp("2026-11-02T12:00:00+08:00")
    assert found.named == 1
    assert [f.row for f in found.findings if f.code == "CARRIER_OTHER"] == [3]


def test_measurements_of_opencellid_keep_to_the_operators_and_radio_of_the_network(ground):
    cells = {"ctc": "460,11", "cmcc": "460,0", "abroad": "262,1"}
    rows = [f"{cells[who]},1,409601,117.15,39.1{i},-9{i},179358300{i},1,,,,{radio},,,,,,,,," for i, (who, radio) in enumerate(
        [("ctc", "NR"), ("cmcc", "NR"), ("ctc", "GSM"), ("abroad", "NR"), ("ctc", "LTE")])]  # fmt: skip
    found = read("\n".join([OPENCELLID, *rows]), ground)
    assert list(found.frame["row"]) == [2, 6]
    assert codes(found) | {"OPERATOR_OTHER": 2, "RADIO_OTHER": 1, "RADIO_LTE": 1} == codes(found)
    assert found.frame["time"].iloc[0] == datetime.fromtimestamp(1793583000, UTC)


def test_rows_without_level_place_or_in_an_impossible_range_are_set_aside_and_named(ground):
    rows = [
        "117.15,39.12,-90",
        ",39.12,-90",
        "117.15,39.12,",
        "117.15,39.12,-30",
        "117.15,39.12,-157",
        "117.15,39.12,-31",
        "117.15,39.12,坏",
    ]
    found = read("\n".join(["lon,lat,rsrp_dbm", *rows]), ground)
    assert list(found.frame["row"]) == [2, 7]
    assert sorted(found.rejected.index) == [3, 4, 5, 6, 8]
    errors = {f.row: f.code for f in found.findings if f.severity == "error"}
    assert errors == {3: "REQUIRED", 4: "REQUIRED", 5: "RANGE", 6: "RANGE", 8: "TYPE"}


def test_of_rows_that_agree_in_everything_the_first_stays(ground):
    rows = ["2026-11-02 09:30:05,117.15,39.12,-90,a"] * 3 + ["2026-11-02 09:30:05,117.15,39.12,-90,b"]
    found = read("\n".join(["time,lon,lat,rsrp,device", *rows]), ground)
    assert list(found.frame["row"]) == [2, 5]
    assert [(f.row, dict(f.values)) for f in found.findings if f.code == "SAMPLE_TWICE"] == [
        (3, {"first": 2}),
        (4, {"first": 2}),
    ]


@pytest.mark.parametrize("seed", range(3))
def test_every_row_lands_or_is_set_aside(ground, seed):
    draw = np.random.default_rng(seed)
    lon = draw.choice(["117.15", "", "abc", "1e9", "0"], 60)
    level = draw.choice(["-90", "", "-200", "x", "-90.5 dBm"], 60)
    lines = [f"{a},39.12,{b}" for a, b in zip(lon, level, strict=True)]
    found = read("\n".join(["lon,lat,rsrp", *lines]), ground)
    assert len(found.frame) + len(found.rejected) == len(found.table.frame) == 60
    assert set(found.frame["row"]) | set(found.rejected.index) == set(found.table.frame.index)


def test_an_undeclared_datum_is_refused(ground):
    with pytest.raises(BadInput):
        read("lon,lat,rsrp\n117.15,39.12,-90\n", ground, datum=None)


def test_a_network_must_be_declared_or_stand_in_the_file(ground):
    with pytest.raises(BadInput) as refused:
        read("lon,lat,rsrp\n117.15,39.12,-90\n", ground, network=None)
    assert refused.value.key == "measure.no_column"
    found = read(f"lon,lat,rsrp,network\n117.15,39.12,-90,{NETWORK}\n117.15,39.12,-90,else\n", ground, network=None)
    assert list(found.frame["network"]) == [NETWORK]
    assert codes(found)["NETWORK_UNKNOWN"] == 1


def test_samples_declared_in_the_wrong_datum_are_held_against_the_roads(ground):
    xs = 512_000 + np.linspace(0, 2000, 120)
    road = gpd.GeoDataFrame(
        geometry=[shapely.LineString([(512_000, y), (514_000, y)]) for y in range(4_330_000, 4_333_000, 700)],
        crs="EPSG:4548",
    )
    spots = gpd.GeoDataFrame(geometry=gpd.points_from_xy(xs, np.full(120, 4_331_400.0)), crs="EPSG:4548")
    shown = crs.from_project(spots, datum="gcj02", crs="EPSG:4548").geometry
    text = "\n".join(["lon,lat,rsrp,time", *(f"{p.x:.7f},{p.y:.7f},-90,{1793583000 + i}" for i, p in enumerate(shown))])
    held = Ground(project="EPSG:4548", region=None, reference=road, carriers=ground.carriers, sectors=SECTORS)
    wrong, right = read(text, held), read(text, held, datum="gcj02")
    assert wrong.suspicion.likely == "gcj02"
    assert codes(wrong)["DATUM_SUSPECT"] == 1
    assert right.suspicion.verdict == "fits"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-02 09:30:05.120", "2026-11-02T01:30:05.120Z"),
        ("2026/11/2 9:30", "2026-11-02T01:30Z"),
        ("2026年11月2日 9:30:05", "2026-11-02T01:30:05Z"),
        ("20261102093005", "2026-11-02T01:30:05Z"),
        ("2026-11-02T01:30:05Z", "2026-11-02T01:30:05Z"),
        ("2026-11-02 10:30:05+09:00", "2026-11-02T01:30:05Z"),
        ("1793583005", "2026-11-02T01:30:05Z"),
        ("1793583005123", "2026-11-02T01:30:05.123Z"),
        ("46328.5", "2026-11-02T04:00:00Z"),
    ],
)
def test_moments_are_read_as_measuring_tools_write_them(text, moment):
    assert sampletime.moments([text], utc_offset_h=8)[0] == [datetime.fromisoformat(moment)]


def test_a_time_that_cannot_be_read_is_unknown_and_told():
    found, local, unread = sampletime.moments(["2026-13-40 09:00:00", "09:30:05", None, "46328.5"], utc_offset_h=8)
    assert (found[:3], local, unread) == ([None, None, None], 1, [0, 1])


@pytest.mark.parametrize(
    ("sector", "cell", "node"),
    [("100-1", None, None), (" 100_1", None, None), (None, "100-1", None), (None, "460-11-100-1", None), (None, "1", "100"),
     (None, str(100 * 4096 + 1), None), (None, str(100 * 256 + 1), None)],
)  # fmt: skip
def test_a_cell_is_found_by_name_by_station_and_number_and_by_its_identity(sector, cell, node):
    asked = pd.DataFrame({"network": [NETWORK], "sector_id": [sector], "cell": [cell], "node": [node]})
    assert samplecells.matched(asked, SECTORS).iloc[0].tolist() == ["100-1", "s1"]
    assert samplecells.matched(asked.assign(network="cm-n41"), SECTORS).iloc[0].tolist() == [None, None]


def test_a_device_that_reads_ten_decibels_low_is_named(ground):
    draw = np.random.default_rng(4)
    at = np.repeat(np.arange(40), 3)
    who = np.tile(["a", "b", "c"], 40)
    level = -80 - draw.normal(0, 1, 120) - 10 * (who == "c")
    lines = [f"{512_000 + 20 * i + 5:.2f},4331000,{v:.2f},{d},1" for i, v, d in zip(at, level, who, strict=True)]
    found = read("\n".join(["easting_m,northing_m,rsrp,device,pci", *lines]), ground, datum="cgcs2000_117")
    told = found.devices.set_index("device_id")
    assert told.loc["c", "offset_db"] == pytest.approx(-10, abs=1)
    assert told.loc["a", "offset_db"] == pytest.approx(5, abs=1)
    assert [f.value for f in found.findings if f.code == "DEVICE_OFF"] == ["c"]


def test_a_device_alone_at_its_places_is_compared_with_nothing():
    rows = {
        "easting_m": [0.0, 100.0],
        "northing_m": 0.0,
        "floor": 0,
        "network": NETWORK,
        "sector_id": None,
        "cell": None,
        "pci": 1,
    }
    frame = pd.DataFrame({**rows, "rsrp_dbm": [-80.0, -90.0], "device_id": ["a", "b"]})
    assert sampledevices.devices(frame, cell_m=20)["offset_db"].isna().all()


@pytest.mark.parametrize(
    ("number", "mhz"),
    [(620_000, 3300.0), (653_333, 3799.995), (499_200, 2496.0), (537_999, 2689.995), (693_334, 4400.01)],
)
def test_a_channel_number_means_the_frequency_of_the_standard(number, mhz):
    assert measurements.channel_mhz(number) == pytest.approx(mhz, abs=1e-9)


@pytest.mark.parametrize("name", ["measuring.csv", "plmn.csv"])
def test_every_number_about_samples_names_its_source_and_mark(name):
    table = pd.read_csv(Path(measurements.__file__).with_name(name))
    assert set(table["mark"]) <= {"std", "2nd", "unverified"}
    assert table["source"].notna().all()


def test_the_shipped_drive_is_marked_as_made_up_and_lands_whole(ground):
    path = Path(measurements.__file__).parents[2] / "data" / "samples" / "drive.csv"
    assert path.stat().st_size < 200_000
    found = read(path.read_bytes(), ground)
    assert len(found.rejected) == 0
    assert set(found.frame["source"]) == {"合成样例路测"}
