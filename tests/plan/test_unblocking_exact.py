"""The value of a blocked site against an independent model solved to proven optimality, case by case.

SITING_PROOF_CASES sets how many cases of each way are valued, up to 50.
"""

import os
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from conftest_plan import make_problem
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from siting.plan import Limits, Rule, blocking, solve, value_of_unblocking
from siting.plan.problem import with_changes

OPTIONS, ROWS, DISTRICTS = 24, 60, 5
CASES = min(50, max(10, int(os.environ.get("SITING_PROOF_CASES", "10"))))
TOUCH = 1e-6
ESTIMATE = 0.1


def district(seed, limits):
    """Sites over streets of two operators: option j serves one or both, neighbours cover the same people."""
    rng = np.random.default_rng(seed)
    here, there = rng.random((ROWS, 2)), rng.random((OPTIONS, 2))
    near = np.exp(-6.0 * np.linalg.norm(here[:, None] - there[None], axis=2) ** 2)
    near[near < 0.25] = 0.0
    serves = rng.random((2, OPTIONS)) < 0.8
    serves[:, ~serves.any(axis=0)] = True
    cover = np.vstack([near * serves[0], near * serves[1]])
    table = pd.DataFrame(
        {"operator": np.repeat(["ctc", "cucc"], ROWS), "venue": np.tile(["hospital", "", "school"], 2 * ROWS // 3)}
    )
    pairs = [Rule(f"one of {a} {a + 1}", [a, a + 1], np.ones(2), at_most=1.0) for a in range(0, 8, 2)]
    problem = make_problem(
        cover,
        weight=rng.integers(0, 90, 2 * ROWS) * 0.5,
        base=np.tile(rng.random(ROWS) * 0.4, 2),
        cost=rng.integers(2, 12, OPTIONS).astype(float),
        limits=limits,
        rules=pairs,
        locked=[OPTIONS - 1],
    )
    operators = tuple(tuple(n for n, on in zip(("ctc", "cucc"), serves[:, j], strict=True) if on) for j in range(OPTIONS))
    return replace(problem, row_table=table, operators=operators)


def best_value(problem):
    """The optimum by another formulation: every row is served by at most one chosen site, z_ij <= x_j."""
    gain = problem.cover.toarray() * problem.weight[:, None]
    held = problem.cover[:, problem.locked].toarray().max(axis=1) if problem.locked.any() else 0.0
    level = problem.weight * np.maximum(problem.base, held)
    row, option = np.nonzero(gain - level[:, None] > 0)
    extra = (gain - level[:, None])[row, option]
    n, m = OPTIONS, row.size
    served = sparse.coo_matrix((np.ones(m), (row, n + np.arange(m))), shape=(level.size, n + m))
    only = sparse.coo_matrix(
        (np.r_[np.ones(m), -np.ones(m)], (np.r_[np.arange(m), np.arange(m)], np.r_[n + np.arange(m), option])),
        shape=(m, n + m),
    )
    free = np.where(problem.locked, 0.0, 1.0)
    limits = problem.limits
    coefficient, most = (free, limits.count) if limits.count is not None else (free * problem.cost_yuan, limits.budget_yuan)
    lines, tops = [coefficient], [most]
    for rule in problem.rules:
        line = np.zeros(n)
        line[rule.option_index] = rule.coefficient
        lines.append(line)
        tops.append(rule.at_most)
    several = sparse.hstack([sparse.csr_matrix(np.array(lines)), sparse.csr_matrix((len(lines), m))])
    found = milp(
        np.r_[np.zeros(n), -extra],
        integrality=np.r_[np.ones(n), np.zeros(m)],
        bounds=Bounds(np.r_[problem.locked.astype(float), np.zeros(m)], np.r_[~problem.forbidden, np.ones(m)]),
        constraints=[LinearConstraint(served, ub=1), LinearConstraint(only, ub=0), LinearConstraint(several, ub=tops)],
        options={"mip_rel_gap": 0.0},
    )
    assert found.status == 0
    return float(level.sum()) - found.fun


@pytest.mark.parametrize("large", [False, True], ids=["closed", "repaired"])
@pytest.mark.parametrize("limits", [Limits(count=5), Limits(budget_yuan=25.0)], ids=["count", "budget"])
def test_the_true_value_of_a_blocked_site_lies_between_the_bounds_and_near_the_estimate(limits, large, monkeypatch):
    if large:
        monkeypatch.setattr(blocking, "small_enough", lambda _core: False)
    rng = np.random.default_rng(7)
    problems = [district(seed, limits) for seed in range(DISTRICTS)]
    plans = [solve(problem, gap=0.0) for problem in problems]
    best = [best_value(problem) for problem in problems]
    for turn in range(CASES):
        problem, plan = problems[turn % DISTRICTS], plans[turn % DISTRICTS]
        chosen = plan.chosen[turn // DISTRICTS % len(plan.chosen)]
        other = problem.option_id[rng.integers(OPTIONS - 1)]
        blocked = sorted({str(chosen), str(other)}) if turn % 3 == 0 else [str(chosen)]
        true = best[turn % DISTRICTS] - best_value(with_changes(problem, forbid=blocked))
        known = {plan.problem_hash: plan.bound}
        found = value_of_unblocking(problem, blocked, plan=plan.chosen, bounds=known, gap=0.0)
        assert found.people_low - TOUCH <= true <= found.people_high + TOUCH
        assert found.people_low >= 0.0
        assert found.value >= 0.0
        assert found.people_low - TOUCH <= found.value <= found.people_high + TOUCH
        assert found.value == pytest.approx(true, rel=ESTIMATE if large else 0.0, abs=1e-4)
        assert found.by_operator["lost"].sum() == pytest.approx(found.value, abs=1e-6)


def test_a_known_bound_of_another_question_is_not_believed():
    problem = district(1, Limits(count=4))
    plan = solve(problem, gap=0.0)
    wrong = {solve(district(2, Limits(count=4)), gap=0.0).problem_hash: plan.base_value}
    blocked = [plan.chosen[0]]
    true = best_value(problem) - best_value(with_changes(problem, forbid=blocked))
    found = value_of_unblocking(problem, blocked, plan=plan, bounds=wrong, gap=0.0)
    assert found.people_low - TOUCH <= true <= found.people_high + TOUCH


def test_a_blocked_site_that_nobody_would_choose_is_worth_nothing_and_not_less():
    problem = district(3, Limits(count=3))
    empty = [str(problem.option_id[j]) for j in range(OPTIONS - 1)]
    plan = solve(problem, gap=0.0)
    idle = next(name for name in empty if name not in plan.chosen)
    found = value_of_unblocking(problem, [idle], plan=plan, gap=0.0)
    assert found.value == 0.0
    assert found.people_low == 0.0
