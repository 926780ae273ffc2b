import numpy as np
import pandas as pd
import pytest
from conftest_plan import make_problem
from proof_cases import draw

from siting.plan import Limits, solve
from siting.plan.marginal import marginal_values


@pytest.mark.parametrize("kind", ["count", "budget", "locked", "spacing", "slots", "quota owner", "mixture"])
def test_the_loss_without_a_site_and_with_the_best_in_its_place_are_those_of_enumeration(kind):
    rng = np.random.default_rng([6, len(kind)])
    asked = 0
    while asked < 8:
        case = draw(rng, kind)
        if case.best is None:
            continue
        asked += 1
        plan = solve(case.problem, gap=0.0)
        table = marginal_values(case.problem, plan).set_index("option_id")
        assert tuple(table.index) == plan.chosen
        full, free = case.subset(plan.chosen), np.flatnonzero(case.free)
        for name, line in table.iterrows():
            at = int(case.problem.index_of([name])[0])
            without = full & ~(1 << at)
            swaps = [without | 1 << other for other in free if not full >> other & 1]
            values = {swap: case.reached[swap] for swap in swaps if case.allowed[swap]}
            gained = max([case.reached[without], *values.values()]) - case.reached[without]
            assert line["loss_alone"] == pytest.approx(case.reached[full] - case.reached[without], abs=1e-6)
            assert line["loss_alone"] - line["loss_replaced"] == pytest.approx(gained, abs=1e-6)
            if line["replacement"]:
                other = int(case.problem.index_of([line["replacement"]])[0])
                assert values[without | 1 << other] == pytest.approx(
                    case.reached[full] - line["loss_replaced"], abs=1e-6
                )


def test_losses_are_told_by_operator_and_venue_and_cost_per_person():
    cover = np.array([[0.9, 0.0], [0.9, 0.4], [0.0, 0.8]])
    problem = make_problem(cover, weight=[10.0, 10.0, 10.0], base=[0.5, 0.0, 0.0], cost=[26.0, 8.0], limits=Limits())
    rows = pd.DataFrame({"operator": ["ctc", "cucc", "cucc"], "street_office": "东街", "venue": ["医院", "学校", None]})
    problem = type(problem)(**{**problem.__dict__, "row_table": rows})
    table = marginal_values(problem, solve(problem, gap=0.0)).set_index("option_id")
    # o000: 10 x (0.9 - 0.5) + 10 x (0.9 - 0.4) = 4 + 5; o001: 10 x 0.8
    assert table["loss_alone"].to_dict() == pytest.approx({"o000": 9.0, "o001": 8.0})
    assert table["lost_ctc"].to_dict() == pytest.approx({"o000": 4.0, "o001": 0.0})
    assert table["lost_cucc"].to_dict() == pytest.approx({"o000": 5.0, "o001": 8.0})
    assert table["venues"].to_dict() == {"o000": ["学校", "医院"], "o001": []}
    assert table["yuan_per_person"].to_dict() == pytest.approx({"o000": 26 / 9, "o001": 1.0})
    assert table["replacement"].tolist() == ["", ""]


def test_an_empty_plan_has_no_lines():
    assert marginal_values(make_problem(np.zeros((2, 2))), solve(make_problem(np.zeros((2, 2))))).empty
