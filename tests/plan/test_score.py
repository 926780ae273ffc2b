from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from siting.errors import BadInput
from siting.plan import score, tables
from siting.plan.score import added_people, rescored, score_candidates


@dataclass(frozen=True)
class Gains:
    p: sparse.csc_matrix


def columns(*rows):
    return sparse.csc_matrix(np.array(rows, float))


UNITS = pd.DataFrame({"persons": [10.0, 20.0, 30.0], "floor": [0, 1, 2]})
# Option 0 serves both operators, option 1 cmcc alone; by operator [units, options].
CMCC = columns([0.5, 0.9], [0.0, 0.4], [1.0, 0.0])
CTC = columns([0.8, 0.0], [0.6, 0.0], [0.2, 0.0])
BASE = {"cmcc": np.array([0.1, 0.0, 0.5]), "ctc": np.array([0.0, 0.6, 0.1])}
OPTIONS = pd.DataFrame({"operators": [["cmcc", "ctc"], ["cmcc"]]})


def test_people_are_counted_per_operator_and_weighed_by_their_shares():
    found = added_people(UNITS, {"cmcc": Gains(CMCC), "ctc": Gains(CTC)}, OPTIONS, base=BASE, shares={"cmcc": 3.0, "ctc": 1.0})
    # by hand: sum of persons x rise of the probability
    assert found["added_by_cmcc"].tolist() == pytest.approx([10 * 0.4 + 30 * 0.5, 10 * 0.8 + 20 * 0.4])
    assert found["added_by_ctc"].tolist() == pytest.approx([10 * 0.8 + 30 * 0.1, 0.0])
    assert found["added_persons"].tolist() == pytest.approx([0.75 * 19 + 0.25 * 11, 0.75 * 16])
    assert found["indoor_share"].tolist() == pytest.approx([(0.75 * 15 + 0.25 * 3) / 17, 6 / 12])


def test_joint_people_are_those_whom_all_operators_of_the_option_reach():
    found = added_people(UNITS, {"cmcc": Gains(CMCC), "ctc": Gains(CTC)}, OPTIONS, base=BASE)
    # least of both operators: before 0, 0, 0.1; after 0.5, 0 (cmcc has nothing there), 0.2
    assert found["added_joint"].tolist() == pytest.approx([10 * 0.5 + 30 * 0.1, 0.0])


def test_operators_of_one_network_are_newly_covered_together(rng):
    p = sparse.random(40, 6, density=0.4, random_state=3, format="csc")
    units = pd.DataFrame({"persons": rng.random(40), "floor": 0})
    present, options = rng.random(40) * 0.3, pd.DataFrame({"operators": [["ctc", "cucc"]] * 6})
    found = added_people(units, dict.fromkeys(("ctc", "cucc"), Gains(p)), options, base=dict.fromkeys(("ctc", "cucc"), present))
    plain = units["persons"].to_numpy() @ np.maximum(0.0, np.where(p.toarray() > 0, p.toarray() - present[:, None], 0.0))
    assert found["added_persons"].to_numpy() == pytest.approx(plain)
    assert found["added_joint"].to_numpy() == pytest.approx(plain)
    single = added_people(units, Gains(p), options, base=present)
    assert single["added_joint"].to_numpy() == pytest.approx(plain)


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
