import json
from datetime import date

import geopandas as gpd
import pytest
import shapely

from siting.assets import schema
from siting.assets.incoming import Known, Request, prepare, with_class
from siting.assets.read import read_layer
from siting.errors import BadInput
from siting.geo import crs
from siting.geo.region import Region

PROJECT = "EPSG:4548"
TODAY = date(2026, 11, 2)
HEAD = "编号,权属单位,类别,经度,纬度,杆高,街道,普查日期,开放状态,名称\n"
GOOD = "1,城管委,路灯杆,117.15,39.12,9,,2026-05-01,,\n"


@pytest.fixture
def bring(empty_layer, square):
    def run(text, *, layer="assets", datum="wgs84", region=square, reference=None, old=None, **options):
        data = text if isinstance(text, bytes) else text.encode()
        request = Request(data=data, name=options.pop("name", "x.csv"), layer=layer, datum=datum, **options)
        known = Known(
            project=PROJECT, old=empty_layer(layer) if old is None else old, region=region, reference=reference
        )
        return prepare(request, known, today=TODAY)

    return run


def found(incoming, code):
    return [(f.row, f.severity) for f in incoming.findings if f.code == code]


def balanced(incoming):
    diff = incoming.difference
    assert len(incoming.table.frame) == len(diff.new) + len(diff.changed) + len(diff.unchanged) + len(incoming.rejected)
    return incoming


def test_a_good_row_lands_in_the_project_crs_with_everything_the_district_knows(bring):
    row = balanced(bring(HEAD + GOOD)).difference.merged.iloc[0]
    assert shapely.get_coordinates(row.geometry)[0] == pytest.approx((512971.987, 4331836.694), abs=1e-3)
    assert (row["class"], row["asset_no"], row["height_m"], row["source"]) == ("street_light", "1", 9.0, "x.csv")
    assert (row["street_office"], row["open_status"], row["data_level"]) == ("西街道", "not_surveyed", "internal")
    assert (row["power"], row["geom_accuracy_m"]) == ("night_only", pytest.approx(556.6, abs=0.1))


@pytest.mark.parametrize(
    ("row", "code", "severity"),
    [
        ("2,城管委,,117.15,39.12,9,,,,", "REQUIRED", "error"),
        ("2,城管委,路灯杆,117.15,39.12,高,,,,", "TYPE", "error"),
        ("2,城管委,路灯杆,117.15,39.12,900,,,,", "RANGE", "error"),
        ("2,城管委,路灯杆,117.15,39.12,9斤,,,,", "UNIT", "error"),
        ("2,城管委,火箭,117.15,39.12,9,,,,", "VOCAB", "error"),
        ("2,城管委,路灯杆,39.12,117.15,9,,,,", "LONLAT_SWAPPED", "error"),
        ("2,城管委,路灯杆,117.15,39.1400,9,,,,", "OUTSIDE_NEAR", "warning"),
        ("2,城管委,路灯杆,117.35,39.12,9,,,,", "OUTSIDE_FAR", "error"),
        ("2,城管委,路灯杆,0,0,9,,,,", "ZERO_POINT", "error"),
        ("2,城管委,路灯杆,217.15,239.12,9,,,,", "OUTSIDE_WORLD", "error"),
        ("2,城管委,路灯杆,,,9,,,,", "REQUIRED", "error"),
        ("2,城管委,路灯杆,117.15,39.12,约9,,,,", "CAUTIOUS", "info"),
        ("2,城管委,路灯杆,117.15,39.12,9,东街道,,,", "STREET_MISMATCH", "warning"),
        ("2,城管委,路灯杆,117.15,39.12,9,,2020-01-01,,", "STALE", "info"),
        ("2,,路灯杆,117.15,39.12,9,,,,", "NO_OWNER", "warning"),
        ("2,,路灯杆,117.15,39.12,9,,,免费开放,", "OPEN_WITHOUT_OWNER", "error"),
        ("2,城管委,路灯杆,117.150001,39.12,9,,,,", "SAME_PLACE", "warning"),
        ("1,城管委,路灯杆,117.151,39.12,9,,,,", "SAME_PLATE", "warning"),
        ("2,城管委,路灯杆,117.151,39.12,9,,,,=1+1", "FORMULA_TEXT", "info"),
    ],
)
def test_one_bad_row_gives_its_finding_at_the_row_the_user_sees(bring, row, code, severity):
    incoming = balanced(bring(HEAD + GOOD + row + "\n"))
    assert found(incoming, code) == [(3, severity)]
    assert incoming.rejected.index.tolist() == ([3] if severity == "error" else [])
    for finding in incoming.findings:
        for part in ("message", "remedy"):
            for lang in ("zh_CN", "en"):
                text = finding.say(part, lang=lang)
                assert not text.startswith("finding.")
                assert "{" not in text


def test_all_problems_are_told_at_once(bring):
    incoming = bring(HEAD + "1,城管委,火箭,117.15,39.12,高,,2026-02-30,,\n")
    assert {f.code for f in incoming.findings.of("error")} == {"VOCAB", "TYPE", "REQUIRED"} - (
        {"REQUIRED"} - {f.code for f in incoming.findings}
    )


def test_an_identifier_twice_rejects_the_later_row_and_names_the_first(bring):
    shape = {"type": "Polygon", "coordinates": [[[117.14, 39.11], [117.15, 39.11], [117.15, 39.12], [117.14, 39.11]]]}
    features = [{"type": "Feature", "properties": {"code": "01", "name": n}, "geometry": shape} for n in "ab"]
    incoming = balanced(
        bring(json.dumps({"type": "FeatureCollection", "features": features}), layer="districts", name="x.geojson")
    )
    assert found(incoming, "ID_TWICE") == [(2, "error")]
    assert next(f for f in incoming.findings if f.code == "ID_TWICE").values["first"] == 1


def test_the_same_file_twice_is_all_unchanged(bring):
    text = HEAD + GOOD + "2,,路灯杆,117.16,39.12,9,,,,\n3,,路灯杆,117.16,39.12,9,,,,\n"
    stored = bring(text).difference.merged
    again = bring(text, old=stored)
    assert (len(again.difference.new), len(again.difference.changed), len(again.difference.unchanged)) == (0, 0, 3)


def test_a_row_is_known_again_by_owner_and_number_wherever_it_moved(bring):
    stored = bring(HEAD + GOOD).difference.merged
    moved = bring(HEAD + GOOD.replace("117.15", "117.17"), old=stored).difference
    assert (len(moved.new), len(moved.changed)) == (0, 1)
    assert {c.column for c in moved.changes} == {"geometry", "street_office"}
    assert moved.merged["street_office"].iloc[0] == "东街道"


def test_a_person_sets_a_value_for_every_row_over_the_file(bring):
    options = with_class({"owner_org": "电力公司"}, layer="assets", asset_class="power_pole")
    row = bring(HEAD + GOOD, set_values=options).difference.merged.iloc[0]
    assert (row["class"], row["owner_org"]) == ("power_pole", "电力公司")
    with pytest.raises(BadInput, match="street_light"):
        bring(HEAD + GOOD, set_values={"class": "street lamp"})
    with pytest.raises(BadInput):
        with_class({}, layer="buildings", asset_class="bridge")


def test_unmapped_columns_are_kept_aside(bring):
    row = bring("编号,类别,经度,纬度,ELEV\n1,路灯杆,117.15,39.12,16.4\n").difference.merged.iloc[0]
    assert row["extra"] == '{"ELEV": "16.4"}'
    assert row["height_m"] != row["height_m"]


def test_northings_first_are_exchanged_and_said(bring):
    text = "编号,类别,东坐标,北坐标\n1,路灯杆,4331836.694,512971.987\n"
    incoming = bring(text, datum="cgcs2000_117")
    assert incoming.difference.merged.geometry.iloc[0].x == pytest.approx(512971.987)
    assert found(incoming, "AXES_SWAPPED") == [(None, "warning")]


def test_a_zone_prefix_against_the_declaration_sets_everything_aside(bring):
    text = "编号,类别,东坐标,北坐标\n1,路灯杆,39512971.987,4331836.694\n"
    incoming = balanced(bring(text, datum="cgcs2000_117"))
    assert len(incoming.rejected) == 1
    assert found(incoming, "ZONE_PREFIX") == [(None, "error")]
    assert len(bring(text, datum="cgcs2000_39").difference.new) == 1


def test_a_bow_tie_is_set_aside_and_a_repeated_vertex_repaired(bring, files):
    bow = {
        "type": "Polygon",
        "coordinates": [[[117.14, 39.11], [117.15, 39.12], [117.15, 39.11], [117.14, 39.12], [117.14, 39.11]]],
    }
    spike = {
        "type": "Polygon",
        "coordinates": [
            [
                [117.14, 39.11],
                [117.15, 39.11],
                [117.16, 39.11],
                [117.15, 39.11],
                [117.15, 39.12],
                [117.14, 39.12],
                [117.14, 39.11],
            ]
        ],
    }
    point = {"type": "Point", "coordinates": [117.15, 39.12]}
    data = files.shapes(bow, spike, point)
    incoming = balanced(bring(data, layer="buildings", name="x.geojson"))
    assert found(incoming, "GEOM_REPAIRED") == [(1, "warning"), (2, "warning")] or found(incoming, "GEOM_BROKEN") == [
        (1, "error")
    ]
    assert found(incoming, "GEOM_KIND") == [(3, "error")]


def lights_and_roads():
    roads = gpd.GeoDataFrame(
        geometry=[shapely.LineString([(511000 + 137 * i, 4330000), (511300 + 131 * i, 4334000)]) for i in range(28)]
        + [shapely.LineString([(511000, 4330000 + 211 * i), (515000, 4330150 + 205 * i)]) for i in range(18)],
        crs=PROJECT,
    )
    spots = [line.interpolate(30 * k) for line in roads.geometry for k in range(1, 120, 4)]
    return gpd.GeoDataFrame(geometry=spots, crs=PROJECT), roads


@pytest.mark.parametrize(
    ("true", "declared", "suspect"),
    [("wgs84", "wgs84", False), ("gcj02", "gcj02", False), ("gcj02", "wgs84", True), ("bd09", "wgs84", True)],
)
def test_lights_in_a_web_maps_datum_declared_wgs84_are_flagged(bring, files, true, declared, suspect):
    lights, roads = lights_and_roads()
    raw = crs.from_project(lights, datum=true, crs=PROJECT)
    data = files.geojson(*shapely.get_coordinates(raw.geometry.to_numpy()).tolist(), **{"class": "street_light"})
    incoming = bring(data, datum=declared, reference=roads, name="x.geojson")
    doubts = [f for f in incoming.findings if f.code == "DATUM_SUSPECT"]
    assert bool(doubts) == suspect
    assert not suspect or doubts[0].values["likely"] == true


def test_without_a_reference_the_datum_is_said_to_be_untested(bring):
    assert found(bring(HEAD + GOOD), "DATUM_UNTESTED") == [(None, "info")]


@pytest.mark.parametrize(
    "text", ["{{7*7}}", "{% raw %}", "${1}", "<img src=x onerror=alert(1)>", "</script>", "`x`", "\\u0027"]
)
def test_a_text_that_would_run_elsewhere_lands_as_the_text_it_is(bring, text):
    row = bring(HEAD + GOOD.rstrip("\n") + text + "\n").difference.merged.iloc[0]
    assert row["name"] == text


def test_a_layer_without_a_district_is_not_called_outside(bring):
    incoming = bring(HEAD + GOOD, region=None)
    assert not found(incoming, "OUTSIDE_FAR")
    assert found(incoming, "STREET_UNKNOWN") == [(None, "info")]


@pytest.mark.parametrize("layer", [name for name in schema.LAYERS if name != "sectors"])
def test_the_example_row_of_a_template_comes_back_without_an_error(bring, layer):
    if schema.column(layer, "geometry").vocab not in {"geometry_any", "geometry_point", "geometry_point_area"}:
        pytest.skip("a spreadsheet holds points only")
    incoming = balanced(bring(schema.template(layer), layer=layer, name="t.xlsx"))
    assert list(incoming.findings.of("error")) == []
    assert len(incoming.difference.new) == 1


@pytest.mark.data
def test_the_tianjin_boundary_in_gcj02_overlaps_the_wgs84_one(data_folder):
    def outline(name, datum):
        table = read_layer((data_folder / "nankai" / name).read_bytes(), name=name, datum=datum, layer="districts")
        placed = crs.to_project(table.frame, datum=datum, crs=PROJECT)
        code = next(c for c in ("adcode", "district_adcode") if c in placed.columns)
        return shapely.make_valid(placed.loc[placed[code] == "120104"].geometry.iloc[0])

    right, wrong = (
        outline("tianjin_districts_gcj02.geojson", "gcj02"),
        outline("tianjin_districts_gcj02.geojson", "wgs84"),
    )
    theirs = outline("tianjin_districts_wgs84.geojson", "wgs84")

    def overlap(a, b):
        return a.intersection(b).area / a.union(b).area

    assert overlap(right, theirs) >= 0.995
    assert overlap(wrong, theirs) < 0.8
    assert Region("南开区", theirs, PROJECT).boundary.area == pytest.approx(41.4e6, rel=0.01)
