from datetime import date

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from scipy import sparse

from siting import words
from siting.errors import BadInput
from siting.ledger.screening import codes
from siting.plan import score_candidates, tables
from siting.plan.eligibility import Profile, eligibility
from siting.plan.options import COLUMNS, from_assets, sectors_of, unserved
from siting.plan.score import added_people

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
    for table in (tables.costs(), tables.configurations(), tables.weights()):
        assert table[["source", "mark"]].notna().all().all()


def test_people_added_are_split_by_indoors_and_venues_turn_when_their_last_unit_does():
    units = pd.DataFrame(
        {
            "persons": [10.0, 20.0, 40.0],
            "floor": [0, 1, 2],
            "building_id": [None, "b", "b"],
            "venue": [None, "医院", "医院"],
        }
    )

    class Reach:
        p = sparse.csc_matrix([[0.5, 0.0], [0.95, 0.95], [0.95, 0.0]])

    options = pd.DataFrame({"option_id": ["x", "y"]})
    added = added_people(units, Reach(), options, base=[0.1, 0.2, 0.0])
    assert added["added_persons"].tolist() == pytest.approx([4.0 + 15.0 + 38.0, 15.0])
    assert added["added_outdoor"].tolist() == pytest.approx([4.0, 0.0])
    assert added["key_venues"].tolist() == [1.0, 0.0]


def _parts(count):
    return pd.DataFrame({
        "added_persons": np.linspace(0, 3000, count), "added_joint": 100.0, "key_venues": 1.0, "indoor_share": 0.5,
        "sinr_change": 0.0, "cost_yuan": 100_000.0, "fibre_m": 120.0, "permission": 0.6, "structure": "needs_test",
        "emf": "power_exempt", "tenants": 0.0,
    })  # fmt: skip


def test_score_is_the_weighted_sum_worked_by_hand():
    parts = _parts(1).assign(added_persons=1000.0)
    score = score_candidates(pd.DataFrame({"option_id": ["x"]}), parts).iloc[0]
    by_hand = (
        (30 * 0.5 + 10 * 0.05 + 15 / 3 + 5 * 0.5 + 5 * 0.75 + 10 * 0.8 + 5 * 0.76 + 10 * 0.6 + 5 * 0.5 + 5 * 1)
        / 100
        * 100
    )
    assert score["score"] == pytest.approx(by_hand)
    assert score.filter(like="points_").sum() == pytest.approx(score["score"])


def test_another_candidate_leaves_every_score_unchanged_and_twins_score_alike():
    options = pd.DataFrame({"option_id": [f"o{at}" for at in range(6)]})
    whole = score_candidates(options, _parts(6))
    part = score_candidates(options.iloc[:3], _parts(6).iloc[:3])
    assert part["score"].tolist() == whole["score"].tolist()[:3]
    twins = score_candidates(options.iloc[:2], _parts(6).iloc[[4, 4]].reset_index(drop=True))
    assert twins["score"].iloc[0] == twins["score"].iloc[1]
    assert twins["rank"].tolist() == [1, 2]


def test_an_unknown_part_makes_an_interval_and_is_named():
    options = pd.DataFrame({"option_id": ["x"]})
    score = score_candidates(options, _parts(1).assign(structure="unknown").drop(columns="emf")).iloc[0]
    assert np.isnan(score["score"])
    assert score["score_high"] - score["score_low"] == pytest.approx(10.0)
    assert score["reasons"] == "structure,emf"
    with pytest.raises(BadInput, match="solid"):
        score_candidates(options, _parts(1).assign(structure="solid"))
