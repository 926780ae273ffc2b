import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from siting.plan import tables
from siting.plan.joint import joint, own_share, sets_of
from siting.plan.options import best_turns, from_assets, sectors_of, turned

CTCU, CM = ("ctc", "cucc"), ("cmcc", "cbn")


def _roof(**change):
    row = {"asset_id": "r", "class": "public_roof", "height_m": 20.0, "geometry": shapely.Point(0, 0), **change}
    return gpd.GeoDataFrame([row], geometry="geometry", crs="EPSG:4548")


def _single(asset):
    parts = [
        from_assets(asset, network="ctcu-n78-a", operators=CTCU),
        from_assets(asset, network="cm-n41", operators=CM),
    ]
    return pd.concat(parts, ignore_index=True)


def test_two_networks_on_one_host_need_the_sum_and_each_pays_its_share():
    single = _single(_roof())
    found = joint(single, {"ctcu-n78-a": CTCU, "cm-n41": CM})
    assert found["option_id"].tolist() == ["r|macro_three|cbn+cmcc+ctc+cucc"]
    one = found.iloc[0]
    # By hand: 280,000 yuan each alone, 70 % of it each when shared, 392,000 together.
    assert single["cost_yuan"].tolist() == [280_000.0, 280_000.0]
    assert (one["cost_yuan"], one["own_cost_yuan"], one["parties"]) == (392_000.0, 196_000.0, 2)
    assert (one["slots"], one["weight_kg"], one["power_kva"]) == (2, 270, 7.2)
    assert one["networks"] == ["ctcu-n78-a", "cm-n41"]
    assert one["operators"] == ["cbn", "cmcc", "ctc", "cucc"]


def test_a_joint_option_transmits_each_of_its_networks_from_the_same_place():
    found = joint(_single(_roof()), {"ctcu-n78-a": CTCU, "cm-n41": CM})
    lines = {name: sectors_of(found, network=name) for name in ("ctcu-n78-a", "cm-n41", "cm-n79")}
    assert [len(part) for part in lines.values()] == [3, 3, 0]
    assert lines["cm-n41"]["network"].unique().tolist() == ["cm-n41"]
    assert lines["cm-n41"]["easting_m"].tolist() == lines["ctcu-n78-a"]["easting_m"].tolist()


def test_networks_of_a_common_operator_never_share_an_option_and_of_equal_ones_the_first_counts():
    networks = {"a": ("ctc", "cucc"), "b": ("ctc", "cucc"), "c": ("cmcc", "cbn"), "d": ("cmcc",)}
    assert list(sets_of(networks)) == [("a", "c"), ("a", "d")]
    three = {"a": ("ctc",), "b": ("cucc",), "c": ("cmcc",)}
    assert list(sets_of(three)) == [("a", "b"), ("a", "c"), ("b", "c"), ("a", "b", "c")]


def test_more_parties_than_the_table_knows_pay_as_the_most_it_knows():
    table = tables.sharing()
    assert [own_share(n, table) for n in (1, 2, 3, 4, 7)] == [1.0, 0.7, 0.6, 0.55, 0.55]


def test_three_sectors_are_tried_at_four_starts_and_named_by_them():
    found = turned(from_assets(_roof(), network="n", operators=["ctc"]))
    assert dict(zip(found["option_id"], found["azimuths"], strict=True)) == {
        "r|macro_three|ctc": [0.0, 120.0, 240.0],
        "r|macro_three@30|ctc": [30.0, 150.0, 270.0],
        "r|macro_three@60|ctc": [60.0, 180.0, 300.0],
        "r|macro_three@90|ctc": [90.0, 210.0, 330.0],
    }
    assert found["configuration"].unique().tolist() == ["macro_three"]


def test_an_all_round_option_has_one_variant_and_a_fourfold_one_has_no_turn_that_repeats():
    lamp = _roof(**{"class": "street_light", "mount_height_m": 8.0})
    assert turned(from_assets(lamp, network="n", operators=["ctc"]))["option_id"].tolist() == ["r|micro_omni|ctc"]
    four = (
        tables.configurations().query("configuration == 'macro_three'").assign(azimuths="0 90 180 270", tilts="6 6 6 6")
    )
    made = turned(from_assets(_roof(), network="n", operators=["ctc"], configurations=four))
    assert sorted(made["start_deg"]) == [0.0, 30.0, 60.0]


def test_the_two_starts_of_highest_value_stay_and_equal_ones_go_by_the_smaller_start():
    found = turned(from_assets(_roof(), network="n", operators=["ctc"]))
    value = found["start_deg"].map({0.0: 5.0, 30.0: 9.0, 60.0: 5.0, 90.0: 1.0})
    assert sorted(found.loc[best_turns(found, value), "start_deg"]) == [0.0, 30.0]
    assert best_turns(found, np.zeros(4)).sum() == 2


def test_what_parties_pay_is_unverified_and_sourced():
    for table in (tables.sharing(), tables.fibre()):
        assert table["source"].str.len().gt(10).all()
        assert table["mark"].isin(["std", "2nd", "unverified"]).all()
    assert tables.fibre()["cost_basis"].isin(["yuan", "relative"]).all()
    assert pytest.approx(0.7) == tables.sharing().set_index("parties").loc[2, "own_share"]
