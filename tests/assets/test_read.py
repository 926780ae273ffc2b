import pytest

from siting.assets import headings
from siting.assets.read import read_layer, read_table
from siting.errors import BadInput


def codes(table):
    return [f.code for f in table.findings]


def test_title_rows_above_the_headings_are_skipped_and_rows_keep_their_number(files):
    data = files.xlsx(["南开区路灯普查表"], ["填报单位：城管委"], ["编号", "类别", "经度"], ["007", "路灯杆", 117.15])
    table = read_table(data, name="x.xlsx")
    assert table.header_rows == (3,)
    assert table.frame.index.tolist() == [4]
    assert table.frame.loc[4, "编号"] == "007"


def test_two_rows_of_headings_are_joined(files):
    data = files.xlsx(["编号", "位置", None], [None, "经度", "纬度"], ["1", 117.15, 39.12])
    table = read_table(data, name="x.xlsx")
    assert table.header_rows == (1, 2)
    assert table.frame.columns.tolist() == ["编号", "经度", "纬度"]


def test_merged_group_headings_above_are_no_obstacle(files):
    data = files.xlsx(
        [],
        ["编号", "经度", "纬度", "杆高（米）"],
        ["1", 117.15, 39.12, 9],
        merges=((0, 0, 0, 1, "基本信息"), (0, 2, 0, 3, "位置与杆体")),
    )
    table = read_table(data, name="x.xlsx")
    assert table.frame.columns.tolist() == ["编号", "经度", "纬度", "杆高（米）"]


def test_sums_and_signatures_are_left_out_and_said(files):
    data = files.xlsx(["编号", "杆高"], ["1", 9], ["合计", 9], ["填表人：张三"])
    table = read_table(data, name="x.xlsx")
    assert len(table.frame) == 1
    assert codes(table).count("ROW_DROPPED") == 2


def test_hidden_rows_are_read_and_said(files):
    table = read_table(files.xlsx(["编号", "杆高"], ["1", 9], ["2", 9], hidden=(2,)), name="x.xlsx")
    assert len(table.frame) == 2
    assert "HIDDEN_ROWS" in codes(table)


def test_several_sheets_are_said_and_can_be_chosen(files):
    data = files.xlsx(["编号", "杆高"], ["1", 9], sheets=("一", "二"))
    assert "SHEETS" in codes(read_table(data, name="x.xlsx"))
    assert read_table(data, name="x.xlsx", sheet="二").sheet == "二"


def test_a_name_that_does_not_fit_the_content_is_said(files):
    assert "NAME_TYPE" in codes(read_table(b"a,b\n1,2\n", name="x.xlsx"))
    assert "NAME_TYPE" not in codes(read_table(b"a,b\n1,2\n", name="x.csv"))


@pytest.mark.parametrize(
    "text", ["杆高(m)", "杆 高（米）", "杆高*", "ＨＥＩＧＨＴ＿Ｍ", "Height_m", "高度", "杆高[米]"]
)
def test_a_heading_is_matched_in_every_common_writing(text):
    assert headings.match([text], layer="assets").fields == {"height_m": text}


def test_two_headings_for_one_column_are_an_error_until_somebody_decides():
    found = headings.match(["杆高", "高度"], layer="assets")
    assert [f.code for f in found.findings] == ["HEADING_TWICE"]
    decided = headings.match(["杆高", "高度"], layer="assets", mapping={"高度": "height_m"})
    assert decided.fields == {"height_m": "高度"}
    assert decided.findings == ()


def test_the_ground_elevation_of_a_pole_is_never_its_height():
    assert headings.match(["ELEV"], layer="assets").unmapped == ("ELEV",)


def test_a_cut_heading_is_matched_by_its_beginning_with_a_warning():
    found = headings.match(["structural"], layer="assets", cut=True)
    assert found.fields == {"structural_status": "structural"}
    assert [f.code for f in found.findings] == ["HEADING_CUT"]


def test_a_mapping_of_an_absent_heading_or_a_derived_column_is_refused():
    with pytest.raises(BadInput, match="没有表头"):
        headings.match(["a"], layer="assets", mapping={"b": "name"})
    with pytest.raises(BadInput):
        headings.match(["a"], layer="assets", mapping={"a": "slots_taken"})


def test_a_table_gets_its_places_from_degrees_in_any_form():
    data = "编号,经度,纬度\n1,117°09′00″,39.12\n2,东经117.15,北纬39.12\n3,坏,39\n".encode()
    table = read_layer(data, name="x.csv", datum="cgcs2000", layer="assets")
    assert [(p.x, p.y) for p in table.frame.geometry[:2]] == [pytest.approx((117.15, 39.12))] * 2
    assert table.frame.geometry[4] is None
    assert [(f.code, f.row) for f in table.findings] == [("TYPE", 4)]


def test_the_datum_decides_between_degrees_and_metres():
    data = "编号,经度,纬度,东坐标,北坐标\n1,117.15,39.12,512971.987,4331836.694\n".encode()
    degrees = read_layer(data, name="x.csv", datum="wgs84", layer="assets").frame.geometry[2]
    metres = read_layer(data, name="x.csv", datum="epsg:4548", layer="assets").frame.geometry[2]
    assert (degrees.x, metres.x) == (117.15, 512971.987)


def test_a_person_may_say_which_columns_are_the_place():
    data = b"id,lon_gcj02,lat_gcj02\n1,117.1,39.1\n"
    table = read_layer(
        data, name="x.csv", datum="gcj02", layer="venues", mapping={"lon_gcj02": "lon_deg", "lat_gcj02": "lat_deg"}
    )
    assert table.frame.geometry[2].x == 117.1


def test_a_table_without_coordinates_or_a_file_without_a_datum_is_refused(files):
    with pytest.raises(BadInput, match="坐标列"):
        read_layer("编号,类别\n1,路灯杆\n".encode(), name="x.csv", datum="wgs84", layer="assets")
    with pytest.raises(BadInput, match="坐标基准"):
        read_layer(files.geojson((117, 39)), name="x.geojson", datum=None, layer="assets")
