"""Hostile and broken files: refused with a reason, or read with the damage named; never believed."""

import io
import json
import sqlite3
import struct
import subprocess
import sys
import zipfile

import geopandas as gpd
import pytest
import shapely

from siting.assets import child, gate, rawsheet, rawtext, rawvector
from siting.assets.raw import Limits, NumberText, dump, load
from siting.errors import BadInput

LIMITS = Limits(max_bytes=2**20, max_rows=1000, max_columns=50, max_seconds=20)
CONTENT = "the content of another file"


def refused(data, key, **options):
    with pytest.raises(BadInput) as caught:
        kind = gate.sniff(data, limits=LIMITS)
        child.parse(data, kind=kind, sheet=options.get("sheet"), limits=options.get("limits", LIMITS))
    assert caught.value.key == key, caught.value.key
    for lang in ("zh_CN", "en"):
        message = caught.value.message(lang)
        assert message != key
        assert "{" not in message.replace(str(caught.value.values), "") or "{" in str(caught.value.values)
    return caught.value


@pytest.fixture
def other_file(tmp_path):
    path = tmp_path / "other.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [], "name": CONTENT}))
    return path


def test_a_vrt_named_geojson_is_not_opened(other_file):
    vrt = f'<OGRVRTDataSource><OGRVRTLayer name="x"><SrcDataSource>{other_file}</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>'
    refused(vrt.encode(), "assets.gate.xml")


def test_a_vrt_behind_a_byte_order_mark_and_spaces_is_not_opened():
    refused(b"\xef\xbb\xbf  \n <OGRVRTDataSource/>", "assets.gate.xml")


def test_a_streamed_algorithm_in_json_is_not_run(other_file):
    refused(
        json.dumps({"type": "gdal_streamed_alg", "command_line": f"gdal vector pipeline read {other_file}"}).encode(),
        "assets.gate.json_type",
    )


@pytest.mark.parametrize(
    "body",
    [
        "<wfs:FeatureCollection xmlns:wfs='x'/>",
        "<OGRWFSDataSource><URL>http://127.0.0.1/</URL></OGRWFSDataSource>",
        "<kml/>",
        "<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><x>&a;</x>",
    ],
)
def test_xml_of_any_kind_is_not_opened(body):
    refused(body.encode(), "assets.gate.xml")


def test_a_crs_given_as_a_link_is_never_fetched(files):
    link = {"type": "link", "properties": {"href": "http://127.0.0.1:1/crs", "type": "proj4"}}
    refused(files.geojson((117, 39), crs=link), "assets.gate.crs_link")


def test_a_named_crs_with_a_hidden_link_is_refused(files):
    refused(
        files.geojson((117, 39), crs={"type": "name", "properties": {"name": "x", "href": "file:///x"}}),
        "assets.gate.crs_link",
    )


def test_a_named_crs_is_shown_but_not_believed(files):
    raw = rawvector.parse_geojson(
        files.geojson((117, 39), crs={"type": "name", "properties": {"name": "EPSG:3857"}}), limits=LIMITS
    )
    assert raw.stated_crs == "EPSG:3857"


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:1/x.geojson",
        "/vsicurl/http://127.0.0.1:1/x",
        "/etc/passwd",
        "GPKG:/etc/passwd",
        "PG:host=127.0.0.1",
    ],
)
def test_a_file_that_only_holds_an_address_is_text_without_a_table(address):
    refused(address.encode(), "assets.gate.no_table")


@pytest.mark.parametrize(
    "body",
    [
        '{"type":"Topology","objects":{}}',
        '{"features":[{"attributes":{}}]}',
        '{"type":"FeatureCollection"}',
        '{"type":"FeatureCollection","features":[1]}',
        '{"type":["FeatureCollection"]}',
    ],
)
def test_other_json_is_named_and_refused(body):
    refused(body.encode(), "assets.gate.json_type")


def test_broken_json_is_refused_with_its_line():
    assert refused(b'{"type":"FeatureCollection",\n"features":[,]}', "assets.gate.json").values["line"] == 2


def test_json_nested_ten_thousand_deep_is_refused():
    refused(b'{"type":"FeatureCollection","features":' + b"[" * 10_000 + b"]" * 10_000 + b"}", "assets.gate.nesting")


def test_a_deeply_nested_geometry_collection_does_not_kill_the_reader(files):
    deep = b'{"type":"GeometryCollection","geometries":[' * 400 + b"]}" * 400
    body = b'{"type":"FeatureCollection","features":[{"type":"Feature","properties":{},"geometry":' + deep + b"}]}"
    assert len(gate.open_file(body).rows) == 1


@pytest.mark.parametrize("data", [b"", b"   \n", b"\n\n"])
def test_an_empty_file_is_refused(data):
    refused(data, "assets.gate.empty")


def test_a_file_beyond_the_size_cap_is_refused_unread():
    refused(b"a,b\n" * 300_000, "assets.gate.size")


@pytest.mark.parametrize(
    "data",
    [
        b"\x7fELF\x00\x00",
        b"\x89PNG\r\n\x1a\n\x00",
        b"%PDF-1.7",
        b"[1,2]",
        b"\xd0\xcf\x11\xe0\x00",
        b"\x1f\x8b\x08\x00abc",
    ],
)
def test_binaries_and_lists_are_refused(data):
    refused(data, "assets.gate.binary")


def test_a_zip_that_expands_a_hundredfold_is_refused(files):
    refused(files.zipped({"a.shp": b"\0" * 12_000_000, "a.dbf": b""}), "assets.gate.expansion")


def test_a_zip_that_lies_about_its_size_is_refused(files):
    data = bytearray(files.zipped({"a.shp": b"\0" * 1000}))
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 4_000_000_000)
    refused(bytes(data), "assets.gate.expansion")


def test_a_zip_of_a_thousand_members_is_refused(files):
    refused(files.zipped({f"{i}.shp": b"" for i in range(1000)}), "assets.gate.entries")


@pytest.mark.parametrize("name", ["../x.shp", "/etc/x.shp", "a/../../x.shp", "..\\x.shp", "C:x.shp"])
def test_a_member_outside_the_archive_is_refused(files, name):
    refused(files.zipped({name: b"x"}), "assets.gate.member")


def test_a_link_in_an_archive_is_refused():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo("a.shp")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    refused(buffer.getvalue(), "assets.gate.member")


def test_an_archive_without_known_content_is_refused(files):
    refused(files.zipped({"a.geojson": b"{}", "inner.zip": b"PK"}), "assets.gate.zip_content")


def test_a_damaged_archive_is_refused(files):
    refused(files.zipped({"a.shp": b"x" * 100})[:60], "assets.gate.broken")


def test_a_sheet_with_one_cell_at_the_far_corner_is_refused_at_once(files):
    refused(files.sheet_xml("<row r='1048576'><c r='XFD1048576'><v>1</v></c></row>"), "assets.gate.extent")


def test_a_sheet_with_a_cell_in_a_far_column_is_refused(files):
    refused(files.sheet_xml("<row r='1'><c r='A1'><v>1</v></c><c r='XFD1'><v>1</v></c></row>"), "assets.gate.extent")


def test_a_sheet_with_an_entity_bomb_is_refused(files):
    bomb = "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]><worksheet>&b;</worksheet>"
    refused(files.zipped({**dict(workbook_parts()), "xl/worksheets/sheet1.xml": bomb}), "assets.gate.broken")


def test_a_sheet_merged_over_the_whole_grid_stays_small(files):
    body = "<row r='1'><c r='A1'><v>1</v></c></row></sheetData><mergeCells><mergeCell ref='A1:XFD1048576'/></mergeCells><sheetData>"
    raw = rawsheet.parse(files.sheet_xml(body), sheet=None, limits=LIMITS)
    assert len(raw.rows) == 1
    assert len(raw.rows[0]) < 100


def test_a_sheet_target_outside_the_archive_is_refused(files):
    rels = "<Relationships xmlns='http://schemas.openxmlformats.org/package/2006/relationships'><Relationship Id='r1' Target='../../../worksheets/../etc/passwd' TargetMode='External' Type='t'/></Relationships>"
    refused(files.sheet_xml("", **{"xl/_rels/workbook.xml.rels": rels}), "assets.gate.no_sheet")


def test_an_unknown_sheet_is_refused_with_the_known_ones(files):
    assert "清单" in refused(files.xlsx(["编号", "类别"]), "assets.gate.no_sheet", sheet="别的").message()


def workbook_parts():
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    rel = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    yield "[Content_Types].xml", "<Types/>"
    yield (
        "xl/workbook.xml",
        f"<workbook xmlns='{main}' xmlns:r='{rel}'><sheets><sheet name='s' r:id='r1'/></sheets></workbook>",
    )
    yield (
        "xl/_rels/workbook.xml.rels",
        f"<Relationships xmlns='{package}'><Relationship Id='r1' Target='worksheets/sheet1.xml'/></Relationships>",
    )


@pytest.mark.parametrize("part", [".shp", ".shx", ".dbf"])
def test_a_shapefile_that_was_cut_off_is_refused_instead_of_losing_places(files, tmp_path, part):
    parts = files.shapefile_parts(tmp_path)
    parts[f"lights{part}"] = parts[f"lights{part}"][:-9]
    refused(files.zipped(parts), "assets.gate.truncated")


def test_a_shapefile_without_its_table_is_refused(files, tmp_path):
    parts = files.shapefile_parts(tmp_path)
    del parts["lights.dbf"]
    refused(files.zipped(parts), "assets.gate.parts")


def test_a_vrt_named_shp_is_refused(files, tmp_path):
    parts = files.shapefile_parts(tmp_path)
    parts["lights.shp"] = b"<OGRVRTDataSource><OGRVRTLayer name='x'/></OGRVRTDataSource>".ljust(200)
    refused(files.zipped(parts), "assets.gate.truncated")


@pytest.mark.parametrize("encoding", ["UTF-8", "GBK"])
@pytest.mark.parametrize("with_cpg", [True, False])
def test_a_shapefile_keeps_its_chinese_with_or_without_a_code_page(files, tmp_path, encoding, with_cpg):
    parts = files.shapefile_parts(tmp_path, encoding=encoding)
    if not with_cpg:
        parts.pop("lights.cpg")
    raw = rawvector.parse_shapefile(files.zipped(parts), sheet=None, limits=LIMITS)
    assert [row[0] for row in raw.rows] == ["路灯一", "路灯二"]


def test_an_unknown_code_page_is_refused(files, tmp_path):
    refused(files.zipped({**files.shapefile_parts(tmp_path), "lights.cpg": b"KLINGON"}), "assets.gate.code_page")


def test_a_geopackage_gives_the_same_as_another_reader(files, tmp_path):
    path = files.gpkg(tmp_path)
    raw = rawvector.parse_gpkg(path.read_bytes(), sheet=None, limits=LIMITS)
    theirs = gpd.read_file(path)
    assert raw.sheets == ("lights",)
    assert shapely.from_wkb(raw.wkb[0]).equals(theirs.geometry.iloc[0])
    assert raw.rows[0][raw.headings.index("name")] == theirs["name"].iloc[0]


def test_a_geopackage_whose_layer_is_a_recursive_view_is_refused(files, tmp_path):
    path = files.gpkg(tmp_path)
    endless = "CREATE VIEW lights AS WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM r) SELECT n AS fid, NULL AS geom FROM r"
    with sqlite3.connect(path) as connection:
        connection.create_function("ST_IsEmpty", 1, lambda _: 0)
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='trigger'").fetchall():
            connection.execute(f'DROP TRIGGER "{name}"')
        connection.execute("DROP TABLE lights")
        connection.execute(endless)
    connection.close()
    refused(path.read_bytes(), "assets.gate.no_table_layer")


def test_a_plain_sqlite_file_is_no_geopackage(tmp_path):
    with sqlite3.connect(tmp_path / "x.db") as connection:
        connection.execute("CREATE TABLE t (a)")
    connection.close()
    refused((tmp_path / "x.db").read_bytes(), "assets.gate.broken")


def test_a_geopackage_cut_in_half_is_refused(files, tmp_path):
    refused(files.gpkg(tmp_path).read_bytes()[:30_000], "assets.gate.broken")


def test_one_broken_shape_costs_one_row_and_not_the_file(files):
    data = files.shapes(
        {"type": "Point", "coordinates": [117, 39]},
        {"type": "Point", "coordinates": ["a", 2]},
        {"type": "Polygon", "coordinates": [[[0, 0]]]},
        None,
    )
    raw = rawvector.parse_geojson(data, limits=LIMITS)
    assert [w is not None for w in raw.wkb] == [True, False, False, False]


def test_an_unclosed_ring_is_closed_and_said(files):
    raw = rawvector.parse_geojson(
        files.shapes({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1]]]}), limits=LIMITS
    )
    assert shapely.from_wkb(raw.wkb[0]).area == 0.5
    assert [f.code for f in raw.findings] == ["GEOM_REPAIRED"]


@pytest.mark.parametrize("value", ["NaN", "1e999", "-Infinity"])
def test_a_coordinate_that_is_no_number_does_not_fail_the_file(value):
    body = f'{{"type":"FeatureCollection","features":[{{"type":"Feature","properties":{{"a":{value}}},"geometry":{{"type":"Point","coordinates":[{value},39]}}}}]}}'
    assert len(rawvector.parse_geojson(body.encode(), limits=LIMITS).rows) == 1


def test_a_seventy_bit_number_keeps_every_digit(files):
    raw = rawvector.parse_geojson(files.geojson((117, 39), id_no=2**70 + 1), limits=LIMITS)
    assert raw.rows[0][0] == "1180591620717411303425"


def test_heights_in_the_coordinates_are_dropped(files):
    raw = rawvector.parse_geojson(files.geojson((117, 39, 12.5)), limits=LIMITS)
    assert not shapely.has_z(shapely.from_wkb(raw.wkb[0]))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16"])
def test_text_is_read_in_every_common_encoding(encoding):
    raw = rawtext.parse("编号,名称\n1,路灯\n".encode(encoding), limits=LIMITS)
    assert raw.rows[1] == ["1", "路灯"]


def test_a_byte_of_no_encoding_is_named_with_its_line():
    assert refused("编号,名称\n1,路".encode() + b"\xff\xff\n", "assets.gate.encoding").values["line"] == 2


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_by_how_evenly_it_cuts(mark):
    rows = [["a", "b", "c"], ["1", "x y", "3"], ["4", "5", "6"]]
    assert rawtext.parse("\n".join(mark.join(r) for r in rows).encode(), limits=LIMITS).rows == rows


def test_a_table_of_too_many_rows_is_refused():
    refused(b"a,b\n" * 1002, "assets.gate.extent")


def test_a_quote_that_never_ends_is_refused_or_read_but_never_hangs():
    data = b'a,b\n1,"' + b"x" * 200_000
    refused(data, "assets.gate.csv")


def test_numbers_of_a_sheet_stay_marked_and_read_as_typed(files):
    raw = rawsheet.parse(files.xlsx(["编号", "杆高"], ["007", 7.1], ["8", 12]), sheet=None, limits=LIMITS)
    assert raw.rows[1:] == [["007", "7.1"], ["8", "12"]]
    assert isinstance(raw.rows[1][1], NumberText)
    assert not isinstance(raw.rows[1][0], NumberText)


def test_a_raw_table_survives_the_way_out_of_the_child(files):
    raw = rawsheet.parse(files.xlsx(["编号", "杆高"], ["007", 7.1], hidden=(1,)), sheet=None, limits=LIMITS)
    back = load(json.loads(dump(raw)))
    assert back == raw
    assert isinstance(back.rows[1][1], NumberText)


def test_a_child_beyond_its_time_is_stopped(monkeypatch):
    with pytest.raises(BadInput) as caught:
        gate.open_file(b"a,b\n1,2\n", limits=Limits(max_seconds=0.01))
    assert caught.value.key == "assets.gate.time"


def test_a_child_beyond_its_memory_dies_and_the_parent_says_so():
    with pytest.raises(BadInput) as caught:
        gate.open_file(b"a,b\n" + b"1,2\n" * 100_000, limits=Limits(max_memory_bytes=60 * 2**20))
    assert caught.value.key in {"assets.gate.died", "assets.gate.memory"}


def test_the_parsing_process_has_no_network():
    code = "import json,socket,sys\nfrom siting.assets.child import confine\nfrom siting.assets.raw import Limits\nconfine(Limits())\ntry:\n socket.create_connection(('127.0.0.1', 9), timeout=1)\nexcept OSError as e:\n print(e.errno)\n"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(gate.ENVIRONMENT)
    )
    errno = int(done.stdout)
    if errno == 111:
        pytest.skip("this system grants no network namespace; the parsers open no address either way")
    assert errno == 101


def test_a_message_from_the_child_reaches_the_person(files):
    with pytest.raises(BadInput) as caught:
        gate.open_file(files.geojson((1, 1), crs={"type": "link"}))
    assert caught.value.key == "assets.gate.crs_link"
