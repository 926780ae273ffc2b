from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from siting.errors import BadInput
from siting.plan import Limits
from siting.plan.build import build
from siting.plan.result import evaluate


@dataclass(frozen=True)
class Given:
    p: sparse.csc_matrix


def test_operators_of_one_network_share_their_rows_and_those_of_another_are_reached_by_their_own():
    units = pd.DataFrame({"persons": [10.0, 20.0]})
    options = pd.DataFrame({
        "option_id": ["a|m|ctc+cucc", "a|m|cmcc", "a|m|cmcc+ctc+cucc"], "candidate_id": "a",
        "operators": [["ctc", "cucc"], ["cmcc"], ["cmcc", "ctc", "cucc"]], "cost_yuan": 1.0,
    })  # fmt: skip
    near = sparse.csc_matrix(np.array([[0.9, 0.0, 0.9], [0.2, 0.0, 0.2]]))
    far = sparse.csc_matrix(np.array([[0.0, 0.5, 0.5], [0.0, 0.1, 0.1]]))
    reach = {"ctc": Given(near), "cucc": Given(near), "cmcc": Given(far)}
    base = {"ctc": [0.1, 0.1], "cucc": [0.1, 0.1], "cmcc": [0.3, 0.0]}
    problem = build(units, reach, options, limits=Limits(count=1), base=base)
    assert problem.row_table["operator"].tolist() == ["cmcc", "cmcc", "ctc+cucc", "ctc+cucc"]
    # By hand: each operator's people are a third; the joint option adds cmcc (0.2 x 10 + 0.1 x 20) / 3 = 4 / 3
    # and ctc+cucc (0.8 x 10 + 0.1 x 20) x 2 / 3 = 20 / 3.
    assert evaluate(problem, ["a|m|cmcc+ctc+cucc"]).added == pytest.approx(8.0)
    assert evaluate(problem, ["a|m|cmcc"]).added == pytest.approx(4 / 3)
    with pytest.raises(BadInput, match="cmcc"):
        build(units, {"ctc": Given(near), "cucc": Given(near)}, options, limits=Limits(count=1))
