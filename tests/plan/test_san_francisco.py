"""Sixteen stores and 205 census tracts against an independent model in scipy's own solver."""

import numpy as np
import pandas as pd
import pytest
from conftest_plan import make_problem
from scipy import optimize, sparse

from siting.plan import Limits, blocking, solve, value_of_unblocking

pytestmark = pytest.mark.data
REACH_M = 5000.0
# Optima of spopt 0.7.0 (MCLP, CBC of pulp 3.3.2) for 1 to 8 stores.
BY_SPOPT = (448255.0, 671938.0, 791499.0, 875247.0, 927402.0, 941462.0, 950428.0, 955113.0)


@pytest.fixture(scope="module")
def town(data_folder):
    folder = data_folder / "san-francisco-cover"
    table = pd.read_csv(folder / "SF_network_distance_candidateStore_16_censusTract_205_new.csv")
    distance = table.pivot_table(index="DestinationName", columns="name", values="distance")
    people = table.groupby("DestinationName")["demand"].first().reindex(distance.index)
    return (distance.to_numpy() <= REACH_M).astype(float), people.to_numpy(float), distance.columns.tolist()


def _by_milp(cover, people, count):
    """Maximal covering (Church and ReVelle 1974): max w'y, y_i <= sum of its x_j, sum x <= p."""
    rows, options = cover.shape
    link = sparse.hstack([sparse.csr_matrix(-cover), sparse.identity(rows)])
    size = sparse.hstack([np.ones((1, options)), sparse.csr_matrix((1, rows))])
    found = optimize.milp(
        -np.concatenate([np.zeros(options), people]),
        constraints=[optimize.LinearConstraint(link, -np.inf, 0), optimize.LinearConstraint(size, -np.inf, count)],
        integrality=np.concatenate([np.ones(options), np.zeros(rows)]), bounds=optimize.Bounds(0, 1),
    )  # fmt: skip
    return -found.fun


@pytest.mark.parametrize("count", range(1, 9))
def test_stores_are_placed_as_well_as_an_independent_solver_places_them(town, count):
    cover, people, names = town
    plan = solve(make_problem(cover, weight=people, ids=names, limits=Limits(count=count)), gap=0.0)
    assert plan.status == "optimal"
    assert plan.value == pytest.approx(_by_milp(cover, people, count), rel=1e-9)
    assert plan.value == pytest.approx(BY_SPOPT[count - 1], rel=1e-9)


@pytest.mark.parametrize("large", [False, True], ids=["closed", "repaired"])
def test_every_store_of_the_best_plan_blocked_in_turn_costs_what_the_independent_solver_says(town, large, monkeypatch):
    if large:
        monkeypatch.setattr(blocking, "small_enough", lambda _core: False)
    cover, people, names = town
    problem = make_problem(cover, weight=people, ids=names, limits=Limits(count=5))
    plan = solve(problem, gap=0.0)
    known = {plan.problem_hash: plan.bound}
    for name in plan.chosen:
        left = np.array([other != name for other in names])
        true = plan.value - _by_milp(cover[:, left], people, 5)
        found = value_of_unblocking(problem, [name], plan=plan, bounds=known)
        assert found.people_low - 1e-3 <= true <= found.people_high + 1e-3
        assert found.value == pytest.approx(true, rel=0.1, abs=1e-3)
