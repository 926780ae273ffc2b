import pandas as pd
import pytest

from siting.errors import BadInput
from siting.radio import changes

NET = "ctcu-n78-a"


@pytest.fixture
def sectors():
    rows = [
        {"site_id": site, "sector_id": f"{site}/{n}", "easting_m": x, "northing_m": 50.0, "antenna_height_m": 30.0, "mount": "roof",
         "azimuth_deg": 120.0 * n, "electrical_tilt_deg": 6.0, "mechanical_tilt_deg": 0.0, "power_w": 200.0, "equipment": "aau64-200w", "network": NET}
        for site, x in (("a", 0.0), ("b", 500.0))
        for n in range(3)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_tuning_touches_one_sector_and_leaves_the_network_itself_alone(sectors):
    before = sectors.copy()
    found = changes.apply(
        sectors, [{"op": "tune", "sector_id": "a/1", "azimuth_deg": 90.0, "power_w": 320.0}], network=NET
    )
    differs = (found != before).any(axis=1)
    assert list(found.loc[differs, "sector_id"]) == ["a/1"]
    assert list(found.loc[differs, ["azimuth_deg", "power_w"]].iloc[0]) == [90.0, 320.0]
    pd.testing.assert_frame_equal(sectors, before)


def test_a_site_moves_with_all_its_sectors_and_goes_with_all_of_them(sectors):
    moved = changes.apply(sectors, [{"op": "move", "site_id": "b", "easting_m": 7.0, "northing_m": 8.0}], network=NET)
    assert set(moved[moved["site_id"] == "b"]["easting_m"]) == {7.0}
    assert set(moved[moved["site_id"] == "a"]["easting_m"]) == {0.0}
    assert set(changes.apply(sectors, [{"op": "remove", "site_id": "a"}], network=NET)["site_id"]) == {"b"}


def test_an_added_site_has_one_sector_for_every_azimuth_in_the_order_of_names(sectors):
    new = {"op": "add", "site_id": "aa", "easting_m": 1.0, "northing_m": 2.0, "antenna_height_m": 12.0, "mount": "pole",
           "equipment": "micro-2x5w", "azimuths": [0.0, 360.0], "tilt_deg": 3.0}  # fmt: skip
    found = changes.apply(sectors, [new], network=NET)
    assert list(found["site_id"]) == ["a"] * 3 + ["aa"] * 2 + ["b"] * 3
    assert list(found.loc[found["site_id"] == "aa", "azimuth_deg"]) == [0.0, 0.0]
    assert found.loc[found["site_id"] == "aa", "power_w"].isna().all()
    alone = changes.apply(sectors.iloc[:0], [new], network=NET)
    assert len(alone) == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"op": "burn"}, "burn"),
        ({"op": "tune", "sector_id": "a/1"}, "azimuth_deg"),
        ({"op": "tune", "sector_id": "a/1", "azimuth_deg": 400.0}, "400"),
        ({"op": "tune", "sector_id": "zz", "azimuth_deg": 4.0}, "zz"),
        ({"op": "move", "site_id": "a"}, "easting_m"),
        ({"op": "add", "site_id": "a", "easting_m": 1.0, "northing_m": 2.0, "antenna_height_m": 12.0, "mount": "pole", "equipment": "x", "azimuths": [0]}, "a"),
        ({"op": "add", "site_id": "n", "easting_m": 1.0, "northing_m": 2.0, "antenna_height_m": 12.0, "mount": "pole", "equipment": "x", "azimuths": []}, "azimuths"),
    ],
)  # fmt: skip
def test_a_faulty_change_is_refused_by_name(sectors, change, said):
    with pytest.raises(BadInput, match=said):
        changes.apply(sectors, [change], network=NET)


def test_all_faults_are_told_at_once(sectors):
    with pytest.raises(BadInput, match=r"1: .*; 2: "):
        changes.apply(sectors, [{"op": "move", "site_id": "a"}, {"op": "remove"}], network=NET)
