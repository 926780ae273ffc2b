"""The same question gives the same plan however it is put, and more means never give less."""

import os
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from conftest_plan import random_problem
from proof_cases import draw

from siting.plan import CoverProblem, Limits, solve
from siting.plan.auto import frontier
from siting.plan.problem import with_changes

KINDS = ("operators and joint options", "spacing", "slots", "quota street", "budget", "mixture")
PRINT = """
from siting.compute import local
from test_proof_order import plan_of
print(*local.mapper(processes=2)(plan_of, range(3)), sep="|")
"""


def plan_of(seed):
    """A plan of one of three questions in words that show every bit; also called in other processes."""
    rng = np.random.default_rng([5, seed])
    case = next(case for case in (draw(rng, KINDS[seed]) for _ in range(99)) if case.best is not None)
    plan = solve(case.problem, gap=0.0, kicks=20)
    return repr((plan.chosen, plan.value, plan.bound, plan.status, plan.problem_hash))


def permuted(problem, rng):
    """The same question with its rows, options and rules in another order."""
    rows, columns = rng.permutation(problem.weight.size), rng.permutation(problem.option_id.size)
    back = np.argsort(columns)
    rules = [
        replace(r, option_index=back[r.option_index][::-1], coefficient=r.coefficient[::-1]) for r in problem.rules
    ]
    return CoverProblem(
        option_id=problem.option_id[columns],
        row_id=np.asarray(problem.row_id)[rows],
        cover=problem.cover[rows][:, columns],
        weight=problem.weight[rows],
        base=problem.base[rows],
        cost_yuan=problem.cost_yuan[columns],
        locked=problem.locked[columns],
        forbidden=problem.forbidden[columns],
        limits=problem.limits,
        rules=[rules[at] for at in rng.permutation(len(rules))],
        candidate_id=problem.candidate_id[columns],
        operators=tuple(problem.operators[at] for at in columns),
    )


@pytest.mark.parametrize("kind", KINDS)
def test_any_order_of_rows_options_and_rules_gives_the_same_plan(kind):
    rng = np.random.default_rng([1, KINDS.index(kind)])
    asked = 0
    while asked < 4:
        case = draw(rng, kind)
        if case.best is None:
            continue
        asked += 1
        problems = [case.problem, *(permuted(case.problem, rng) for _ in range(2))]
        plans = [solve(problem, gap=0.0, kicks=10) for problem in problems]
        assert len({(plan.chosen, plan.value, plan.bound, plan.status, plan.problem_hash) for plan in plans}) == 1


def test_another_seed_of_hashing_and_two_processes_give_the_same_plan():
    folder = Path(__file__).parent
    made = {**os.environ, "PYTHONHASHSEED": "4242", "PYTHONPATH": str(folder)}
    other = subprocess.run(
        [sys.executable, "-c", PRINT], cwd=folder, env=made, capture_output=True, check=True, text=True
    )
    assert other.stdout.strip() == "|".join(plan_of(seed) for seed in range(3))


@pytest.mark.parametrize("method", ["auto", "search", "greedy"])
def test_value_never_falls_from_one_site_to_all(method):
    rng = np.random.default_rng(11)
    for _ in range(4):
        problem = random_problem(rng, rows=40, options=14)
        values = [
            solve(with_changes(problem, limits=Limits(count=count)), method=method, gap=0.05, kicks=4).value
            for count in range(1, 15)
        ]
        assert values == sorted(values)


@pytest.mark.parametrize("kind", ["budget", "quota owner", "permission", "load sail"])
def test_a_larger_budget_is_never_worse_along_the_frontier(kind):
    rng = np.random.default_rng([2, len(kind)])
    walked = 0
    while walked < 3:
        case = draw(rng, kind)
        first = case.problem.limits.budget_yuan
        if case.best is None:
            continue
        walked += 1
        plans = frontier(case.problem, [Limits(budget_yuan=first + 5e4 * more) for more in range(6)], gap=0.05, kicks=3)
        values = [plan.value for plan in plans]
        assert values == sorted(values)
        assert all(later.bound >= plan.value for plan, later in pairwise(plans))


def test_a_larger_count_is_never_worse_along_the_frontier_of_a_question_with_rules():
    rng = np.random.default_rng(3)
    for kind in ("spacing", "quota street", "required venues"):
        case = next(c for c in (draw(rng, kind) for _ in range(99)) if c.best is not None)
        first = case.problem.limits.count
        values = [p.value for p in frontier(case.problem, [Limits(count=first + more) for more in range(5)], kicks=3)]
        assert values == sorted(values)
