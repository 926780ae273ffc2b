import numpy as np
import pandas as pd
import pytest

from siting.errors import BadInput
from siting.plan import score, tables
from siting.plan.score import rescored, score_candidates


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
    best = tables.weights().set_index("part")["full"].to_frame().T.astype(object).assign(structure="tested_ok", emf="power_exempt")
    assert score_candidates(pd.DataFrame({"option_id": ["x"]}, index=best.index), best)["score"].tolist() == pytest.approx([100.0])


def test_weights_of_ones_own_give_the_same_as_scoring_anew():
    found, mine = scored(), tables.weights().assign(weight=[5.0, 0, 0, 0, 0, 20, 0, 3, 1, 1, 2])
    again = rescored(found, mine)
    fresh = score_candidates(found[["option_id"]], found[mine["part"].tolist()], profile=mine)
    assert again.set_index("option_id")["score"].to_dict() == pytest.approx(fresh.set_index("option_id")["score"].to_dict())
    assert again["rank"].tolist() == list(range(1, len(found) + 1))
    assert rescored(again, tables.weights()).set_index("option_id")["score"].to_dict() == pytest.approx(
        found.set_index("option_id")["score"].to_dict()
    )


@pytest.mark.parametrize("change", [{"weight": 0.0}, {"weight": -1.0}, {"zero": 1.0, "full": 1.0}, {"weight": np.nan}, {"part": "emf"}])
def test_weights_that_make_no_score_are_refused(change):
    with pytest.raises(BadInput):
        score.checked(tables.weights().assign(**change))
