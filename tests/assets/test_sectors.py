"""Sectors come without coordinates: each names its site, and everything wrong is said at once."""

from datetime import date

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from siting.assets import schema
from siting.assets.incoming import Known, Request, prepare
from siting.assets.sitenames import Hosts
from siting.errors import BadInput

PROJECT = "EPSG:4548"
TODAY = date(2026, 11, 2)
IDS = [f"00000000-0000-0000-0000-00000000000{n}" for n in range(1, 5)]
HEAD = "站号,铁塔权属,站名,网络,方位角,挂高,设备,安装方式\n"
GOOD = "S-1,铁塔公司,甲站,net-a,120,30,macro,楼顶\n"


@pytest.fixture
def hosts():
    sites = gpd.GeoDataFrame(
        {
            "site_id": IDS,
            "site_no": ["S-1", "S-2", "S-2", "S-4"],
            "tower_owner": ["铁塔公司", "铁塔公司", "移动", "铁塔公司"],
            "name": ["甲站", "乙站", "丙站", "乙站"],
            "height_m": [31.0, 32.0, 33.0, None],
            "host_class": ["telecom_tower", "public_roof", "ground", "street_light"],
        },
        geometry=[shapely.Point(512000 + 100 * n, 4331000) for n in range(4)],
        crs=PROJECT,
    )
    return Hosts(sites=sites, networks=("net-a", "net-b"), equipment=("macro", "micro"), patterns=("sector", "kathrein"),
        omni=frozenset({"micro"}))  # fmt: skip


@pytest.fixture
def bring(hosts, empty_layer):
    def run(text, *, datum=None, old=None, name="x.csv", **options):
        data = text if isinstance(text, bytes) else text.encode()
        request = Request(data=data, name=name, layer="sectors", datum=datum, **options)
        known = Known(project=PROJECT, old=empty_layer("sectors") if old is None else old, hosts=hosts)
        found = prepare(request, known, today=TODAY)
        diff = found.difference
        counted = len(diff.new) + len(diff.changed) + len(diff.unchanged) + len(found.rejected)
        assert counted == len(found.table.frame)
        return found

    return run


def said(found, *severities):
    return {(f.row, f.column, f.code) for f in found.findings.of(*(severities or ("error", "warning", "info")))}


def test_a_row_lies_where_the_site_lies_that_it_names_and_needs_no_datum(bring, hosts):
    row = bring(HEAD + GOOD).difference.merged.iloc[0]
    assert row["geometry"] == hosts.sites.geometry.iloc[0]
    assert (row["site_id"], row["network"], row["azimuth_deg"], row["antenna_height_m"]) == (IDS[0], "net-a", 120, 30)
    assert (row["equipment"], row["mount"]) == ("macro", "roof")


@pytest.mark.parametrize(
    ("text", "at"),
    [
        (f"站址ID,网络,设备,方位角,挂高\n{IDS[2]},net-a,macro,0,30\n", 2),
        ("站号,铁塔权属,网络,设备,方位角,挂高\nS-2,移动,net-a,macro,0,30\n", 2),
        ("站号,站名,网络,设备,方位角,挂高\nS-2,乙站,net-a,macro,0,30\n", 1),
        ("站名,网络,设备,方位角,挂高\n丙站,net-a,macro,0,30\n", 2),
        ("site_no,tower_owner,network,equipment,azimuth_deg\nＳ-1,,NET-A,Macro,0\n", 0),
    ],
)
def test_a_site_may_be_named_by_id_by_number_and_owner_or_by_its_only_name(bring, text, at):
    found = bring(text)
    assert found.difference.merged["site_id"].tolist() == [IDS[at]]


def test_all_that_is_wrong_is_said_at_once_with_row_and_heading(bring):
    rows = [
        "S-9,,,net-a,0,30,macro,楼顶",
        "S-2,,,net-a,0,30,macro,楼顶",
        ",,,net-a,0,30,macro,楼顶",
        ",,乙站,net-a,0,30,macro,楼顶",
        "S-1,,,net-x,0,30,macro,楼顶",
        "S-1,,,net-a,0,30,macrow,楼顶",
        "S-1,,,net-a,400,30,macro,楼顶",
        "S-4,,,net-a,0,,macro,楼顶",
        "S-1,,,net-a,,,macro,",
        "S-1,,,net-b,,30,micro,杆",
    ]
    found = bring(HEAD + "\n".join(rows) + "\n")
    assert said(found, "error") == {
        (2, "站号", "SITE_UNKNOWN"),
        (3, "站号", "SITE_AMBIGUOUS"),
        (4, "站号", "SITE_UNNAMED"),
        (5, "站名", "SITE_AMBIGUOUS"),
        (6, "网络", "NETWORK_UNKNOWN"),
        (7, "设备", "EQUIPMENT_UNKNOWN"),
        (8, "方位角", "RANGE"),
        (9, "挂高", "HEIGHT_UNKNOWN"),
    }
    assert said(found, "warning") == {(10, "挂高", "HEIGHT_FROM_SITE"), (10, "方位角", "AZIMUTH_UNKNOWN")}
    assert (None, "", "MOUNT_FROM_SITE") in said(found, "info")
    assert found.rejected.index.tolist() == list(range(2, 10))
    landed = found.difference.merged.loc[10]
    assert (landed["antenna_height_m"], landed["mount"]) == (31.0, "tower")


def test_an_id_and_a_number_that_mean_different_sites_are_not_settled_by_guessing(bring):
    found = bring(f"站址ID,站号,网络,设备,方位角,挂高\n{IDS[0]},S-4,net-a,macro,0,30\n{IDS[1]},S-2,net-a,macro,0,30\n")
    assert said(found, "error") == {(2, "站号", "SITE_CONTRADICTS")}
    assert found.difference.merged["site_id"].tolist() == [IDS[1]]


def test_an_unknown_number_or_word_is_answered_with_the_nearest_known_one(bring):
    found = bring(HEAD + "S-11,,,net-aa,0,30,macro,楼顶\nS-1,,,net-bb,0,30,makro,楼顶\n")
    remedies = {f.code: f.remedy for f in found.findings.of("error")}
    assert "S-1" in remedies["SITE_UNKNOWN"]
    assert "net-b" in remedies["NETWORK_UNKNOWN"]
    assert "macro" in remedies["EQUIPMENT_UNKNOWN"]


def test_an_unknown_pattern_is_said_and_left_out_and_the_word_of_a_form_means_none(bring):
    rows = ["kathrein", "Sector", "", "=1+1", "Kathrain"]
    head, good = HEAD.strip(), GOOD.strip()
    text = "\n".join([f"{head},方向图", *(f"{good.replace('120', str(10 * n))},{name}" for n, name in enumerate(rows))])
    found = bring(text + "\n")
    assert said(found, "error", "warning") == {(5, "方向图", "PATTERN_UNKNOWN"), (6, "方向图", "PATTERN_UNKNOWN")}
    landed = found.difference.merged.sort_values("azimuth_deg")["pattern"]
    assert [None if pd.isna(name) else name for name in landed] == ["kathrein", "sector", None, None, None]
    assert "kathrein" in {f.value: f.remedy for f in found.findings}["Kathrain"]


def test_the_same_file_again_changes_nothing_and_a_turned_sector_stays_the_same_sector(bring):
    rows = [GOOD, GOOD.replace("120", "0"), GOOD.replace("120", "240"), GOOD.replace("net-a", "net-b")]
    first = bring(HEAD + "".join(rows)).difference
    assert len(first.new) == 4
    assert first.merged["sector_id"].is_unique
    again = bring(HEAD + "".join(reversed(rows)), old=first.merged).difference
    assert (len(again.new), len(again.changed), len(again.unchanged)) == (0, 0, 4)
    turned = bring(HEAD + "".join(rows).replace(",120,30", ",125,30"), old=first.merged).difference
    assert (len(turned.new), len(turned.changed)) == (0, 2)


def test_sectors_that_a_newer_file_of_their_site_no_longer_has_are_named_as_missing(bring):
    first = bring(HEAD + GOOD + GOOD.replace("120", "240") + "S-4,,,net-a,0,30,macro,楼顶\n").difference.merged
    fewer = bring(HEAD + GOOD, old=first).difference
    assert len(fewer.missing) == 1
    assert first.set_index("sector_id").loc[fewer.missing[0], "azimuth_deg"] == 240


def test_a_column_that_the_file_does_not_have_keeps_what_is_stored(bring):
    first = bring(HEAD + GOOD).difference.merged
    again = bring("站号,网络,设备,方位角\nS-1,net-a,macro,120\n", old=first).difference
    assert (len(again.changed), len(again.unchanged)) == (0, 1)


def test_a_declared_datum_is_passed_over_where_there_are_no_coordinates(bring):
    found = bring(HEAD + GOOD, datum="wgs84")
    assert said(found) == {(None, "", "DATUM_UNUSED"), (None, "", "SECTOR_KEY")}


def test_a_file_of_sectors_with_coordinates_needs_a_datum_and_is_held_against_the_site(bring, hosts):
    x, y = hosts.sites.geometry.iloc[0].x, hosts.sites.geometry.iloc[0].y
    text = "站号,网络,设备,方位角,挂高,安装方式,东坐标,北坐标\n" + "".join(
        f"S-1,net-a,macro,{azimuth},30,楼顶,{x + away},{y}\n" for azimuth, away in ((0, 5), (120, 80))
    )
    with pytest.raises(BadInput, match="wgs84"):
        bring(text)
    found = bring(text, datum="cgcs2000_117")
    assert said(found, "warning") == {(3, "geometry", "SECTOR_AWAY")}
    assert set(found.difference.merged.geometry) == {hosts.sites.geometry.iloc[0]}


def test_a_person_may_say_which_heading_names_the_site_and_one_value_for_all_rows(bring):
    text = "局站,方位\nS-1,30\n"
    values = {"network": "net-a", "equipment": "macro"}
    found = bring(text, mapping={"局站": "site_no", "方位": "azimuth_deg"}, set_values=values)
    row = found.difference.merged.iloc[0]
    assert (row["site_id"], row["azimuth_deg"], row["network"], row["equipment"]) == (IDS[0], 30, "net-a", "macro")
    assert found.typed.mapped["site_no"] == "局站"


def test_the_template_of_sectors_comes_back_with_only_its_example_site_unknown(bring):
    named = [schema.column("sites", name) for name in ("site_no", "tower_owner", "name")]
    data = schema.template("sectors", before=named, lists={"network": ("net-a",), "equipment": ("macro", "micro")})
    found = bring(data, name="t.xlsx")
    assert said(found, "error") == {(2, "站号", "SITE_UNKNOWN")}


def test_without_any_site_the_file_is_answered_row_by_row(bring, hosts, empty_layer):
    known = Known(
        project=PROJECT,
        old=empty_layer("sectors"),
        hosts=Hosts(sites=hosts.sites.iloc[:0], networks=hosts.networks, equipment=hosts.equipment),
    )
    found = prepare(Request(data=(HEAD + GOOD).encode(), name="x.csv", layer="sectors", datum=None), known, today=TODAY)
    assert said(found, "error") == {(2, "站号", "SITE_UNKNOWN")}
