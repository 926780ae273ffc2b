from datetime import date

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from siting import words
from siting.errors import BadInput
from siting.ledger.screening import codes
from siting.plan import tables
from siting.plan.eligibility import Profile, eligibility
from siting.plan.options import COLUMNS, from_assets, sectors_of, unserved

TODAY = date(2026, 11, 1)
GOOD = {
    "asset_id": "a", "class": "multi_pole", "owner_org": "城管委", "street_office": "长虹街道", "height_m": 12.0,
    "mount_height_m": 10.0, "open_status": "open_free", "slots_total": 4, "slots_reserved": 1, "slots_taken": 0,
    "spare_weight_kg": 100.0, "spare_sail_m2": 1.0, "spare_moment_knm": 60.0, "design_wind_kpa": 0.5, "year": 2020,
    "structural_status": "paper_ok", "power": "h24", "power_kva_spare": 2.0, "geom_accuracy_m": 1.0,
    "geometry": shapely.Point(500, 700),
}  # fmt: skip


def _assets(*changes):
    return gpd.GeoDataFrame([{**GOOD, **change} for change in changes], geometry="geometry", crs="EPSG:4548")


def _judged(**change):
    assets = _assets(change)
    options = from_assets(assets, network="ctcu-n78-a", operators=["cucc", "ctc"])
    return eligibility(options, assets, None, profile=Profile(today=TODAY)).iloc[0]


def test_an_option_is_named_by_place_configuration_and_operators_and_priced():
    options = from_assets(_assets({}, {"asset_id": "r", "class": "public_roof", "height_m": 20.0, "mount_height_m": None}),
                          network="ctcu-n78-a", operators=["cucc", "ctc"])  # fmt: skip
    assert tuple(options.columns) == COLUMNS
    assert options["option_id"].tolist() == ["a|micro_omni|ctc+cucc", "r|macro_three|ctc+cucc"]
    assert options["antenna_height_m"].tolist() == [10.0, 23.0]
    assert options["azimuths"].tolist() == [[0.0], [0.0, 120.0, 240.0]]
    assert (options["cost_yuan"] > 0).all()


def test_sectors_have_one_line_each_and_skip_options_without_a_height():
    options = from_assets(_assets({"class": "public_roof", "height_m": 20.0}, {"asset_id": "b", "class": "public_roof", "height_m": None,
                          "mount_height_m": None}), network="n", operators=["ctc"])  # fmt: skip
    sectors = sectors_of(options)
    assert sectors["azimuth_deg"].tolist() == [0.0, 120.0, 240.0]
    assert set(sectors["option_id"]) == {"a|macro_three|ctc"}
    assert sectors["sector_id"].is_unique


def test_a_class_without_configuration_is_listed_and_one_without_price_is_refused():
    assert unserved(_assets({"class": "tunnel"}, {}))["class"].tolist() == ["tunnel"]
    with pytest.raises(BadInput, match="multi_pole"):
        from_assets(_assets({}), network="n", operators=["ctc"], costs=tables.costs().iloc[:1])


@pytest.mark.parametrize(("change", "state", "code"), [
    ({}, "eligible", None),
    ({"open_status": "conditional", "conditions": ["night_work"]}, "conditional", "conditions"),
    ({"open_status": "not_surveyed"}, "unknown", "not_surveyed"),
    ({"open_status": "refused"}, "excluded", "NOT_OPEN"),
    ({"owner_org": None}, "unknown", "owner_missing"),
    ({"slots_taken": 4}, "excluded", "NO_SLOT"),
    ({"slots_taken": 3, "reserved_for": "owner"}, "blocked", "reserved_by_other"),
    ({"objection_open": True}, "blocked", "objection_open"),
    ({"power": "night_only"}, "conditional", "POWER_NIGHT_ONLY"),
    ({"geom_accuracy_m": 20.0}, "conditional", "position_uncertain"),
    ({"class": "green_space", "height_m": 0.0, "mount_height_m": None, "spare_weight_kg": None}, "conditional", "LIMIT_UNKNOWN"),
    ({"class": "public_roof", "height_m": None, "mount_height_m": None, "spare_sail_m2": 9.0, "spare_weight_kg": 900.0}, "unknown", "building_height_unknown"),
])  # fmt: skip
def test_each_asset_gets_the_state_the_handbook_gives_it(change, state, code):
    found = _judged(**change)
    assert found["state"] == state
    assert code is None or code in found["codes"]
    assert found["message"].startswith(words.say(f"plan.state.{state}"))


def test_an_open_problem_point_blocks_with_its_number_and_flags_exclude():
    assets = _assets({})
    options = from_assets(assets, network="n", operators=["ctc"])
    cases = pd.DataFrame({"site_ref": ["a"], "case_no": ["NK-2026-0001"], "effect": ["forbidden"]})
    blocked = eligibility(options, assets, cases, profile=Profile(today=TODAY)).iloc[0]
    assert blocked["state"] == "blocked"
    assert "NK-2026-0001" in blocked["message"]
    flagged = eligibility(options.assign(outside_district=True), assets, cases, profile=Profile(today=TODAY)).iloc[0]
    assert flagged["state"] == "excluded"
    assert set(flagged["codes"]) == {"open_problem_point", "outside_district"}


def test_every_code_has_a_sentence_in_both_languages():
    for code in [*tables.state_of_code(), *codes()]:
        for lang in words.LANGUAGES:
            assert words.has(f"plan.code.{code}", lang=lang)


def test_every_figure_of_the_tables_has_source_and_mark():
    found = {path.stem: pd.read_csv(path) for path in tables.DATA.glob("*.csv")}
    assert {"cost", "score", "numbers", "stability"} <= set(found)
    # states of eligibility are words, not figures
    for table in (frame for name, frame in found.items() if name != "eligibility"):
        assert table["source"].notna().all()
        assert set(table["mark"]) <= {"std", "2nd", "unverified"}
