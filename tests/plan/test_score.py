import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from siting.errors import BadInput
from siting.plan import score, tables
from siting.plan.score import added_people, rescored, score_candidates


def scored(n=12, seed=4):
    rng = np.random.default_rng(seed)
    parts = pd.DataFrame({
        "added_persons": rng.random(n) * 3000, "added_joint": rng.random(n) * 3000, "key_venues": rng.integers(0, 4, n).astype(float),
        "indoor_share": rng.random(n), "sinr_change": rng.normal(-1, 1, n), "cost_yuan": rng.random(n) * 6e5, "fibre_m": rng.random(n) * 600,
        "permission": rng.random(n), "structure": rng.choice(["paper_ok", "needs_test"], n), "emf": "passed_precheck", "tenants": 1.0,
    })  # fmt: skip
    return score_candidates(pd.DataFrame({"option_id": [f"o{at:02d}" for at in range(n)]}), parts)


def test_all_eleven_parts_add_up_to_the_score_between_0_and_100():
    found = scored()
    points = found.filter(like="points_")
    assert len(points.columns) == 11
    assert points.sum(axis=1).to_numpy() == pytest.approx(found["score"].to_numpy())
    assert found["score"].between(0, 100).all()
    # the best of every part is the whole of the score
    best = (
        tables.weights()
        .set_index("part")["full"]
        .to_frame()
        .T.astype(object)
        .assign(structure="tested_ok", emf="power_exempt")
    )
    assert score_candidates(pd.DataFrame({"option_id": ["x"]}, index=best.index), best)[
        "score"
    ].tolist() == pytest.approx([100.0])


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
    found = score_candidates(pd.DataFrame({"option_id": ["x"]}), parts).iloc[0]
    by_hand = 30 * 0.5 + 10 * 0.05 + 15 / 3 + 5 * 0.5 + 5 * 0.75 + 10 * 0.8 + 5 * 0.76 + 10 * 0.6 + 5 * 0.5 + 5 * 1
    assert found["score"] == pytest.approx(by_hand)
    assert found.filter(like="points_").sum() == pytest.approx(found["score"])


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
    found = score_candidates(options, _parts(1).assign(structure="unknown").drop(columns="emf")).iloc[0]
    assert np.isnan(found["score"])
    assert found["score_high"] - found["score_low"] == pytest.approx(10.0)
    assert found["reasons"] == "structure,emf"


def test_weights_of_ones_own_give_the_same_as_scoring_anew():
    found, mine = scored(), tables.weights().assign(weight=[5.0, 0, 0, 0, 0, 20, 0, 3, 1, 1, 2])
    again = rescored(found, mine)
    fresh = score_candidates(found[["option_id"]], found[mine["part"].tolist()], profile=mine)
    assert again.set_index("option_id")["score"].to_dict() == pytest.approx(
        fresh.set_index("option_id")["score"].to_dict()
    )
    assert again["rank"].tolist() == list(range(1, len(found) + 1))
    assert rescored(again, tables.weights()).set_index("option_id")["score"].to_dict() == pytest.approx(
        found.set_index("option_id")["score"].to_dict()
    )


@pytest.mark.parametrize("wrong", [{"profile": "nobody"}, {"parts": [0, 1]}, {"parts": [5, 6, 7]}, {"emf": "fine"}])
def test_parts_of_other_options_a_profile_or_a_word_that_is_not_known_are_refused(wrong):
    options = pd.DataFrame({"option_id": ["a", "b", "c"]})
    parts = pd.DataFrame({"emf": wrong.get("emf", "power_exempt")}, index=wrong.get("parts", [0, 1, 2]))
    with pytest.raises(BadInput, match=wrong.get("profile") or wrong.get("emf") or "选项 3"):
        score_candidates(options, parts, profile=wrong.get("profile", score.DEFAULT_WEIGHTS))


@pytest.mark.parametrize(
    "change", [{"weight": 0.0}, {"weight": -1.0}, {"zero": 1.0, "full": 1.0}, {"weight": np.nan}, {"part": "emf"}]
)
def test_weights_that_make_no_score_are_refused(change):
    with pytest.raises(BadInput):
        score.checked(tables.weights().assign(**change))
