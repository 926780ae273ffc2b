import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest_plan import plain_value, random_problem

from siting.plan import Limits, kernels, solve
from siting.plan.core import open_part, trimmed
from siting.plan.result import Watch, added_by
from siting.plan.search import led_by

SCRIPT = """
import numpy as np
from conftest_plan import random_problem
from siting.plan import Limits, solve
for budget in (None, 25.0):
    limits = Limits(count=5, budget_yuan=budget)
    plan = solve(random_problem(np.random.default_rng(5), rows=40, options=16, limits=limits), method="search", kicks=4, time_limit_s=1e4)
    print(plan.chosen, repr(plan.value), repr(plan.bound))
"""


@pytest.mark.parametrize(
    "setting",
    [
        {"NUMBA_DISABLE_JIT": "1"},
        {"NUMBA_BOUNDSCHECK": "1", "NUMBA_OPT": "0", "NUMBA_CACHE_DIR": "bounds"},
        {"PYTHONHASHSEED": "7"},
    ],
)
def test_compiled_checked_and_plain_code_give_the_same_plan(setting, tmp_path):
    if "NUMBA_CACHE_DIR" in setting:
        setting = {**setting, "NUMBA_CACHE_DIR": str(tmp_path)}
    path = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[2])])
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, "PYTHONPATH": path, **setting},
        capture_output=True,
        text=True,
        check=True,
    )
    expected = []
    for budget in (None, 25.0):
        limits = Limits(count=5, budget_yuan=budget)
        plan = solve(
            random_problem(np.random.default_rng(5), rows=40, options=16, limits=limits),
            method="search",
            kicks=4,
            time_limit_s=1e4,
        )
        expected.append(f"{plan.chosen} {plan.value!r} {plan.bound!r}")
    assert run.stdout.splitlines() == expected


def test_adding_and_removing_in_any_order_leaves_exactly_the_fresh_state(rng):
    core = open_part(random_problem(rng, rows=80, options=20, limits=Limits(count=20)))
    state, inside = core.empty(), set()
    for option in rng.integers(0, 20, 400):
        change = kernels.remove if option in inside else kernels.add
        change(core.cover, core.limits, state, option)
        inside ^= {int(option)}
    fresh = core.empty()
    for option in sorted(inside):
        kernels.add(core.cover, core.limits, fresh, option)
    assert all(np.array_equal(left, right) for left, right in zip(state, fresh, strict=True))
    places = core.place[sorted(inside)]
    assert core.base_value + added_by(core, np.array(sorted(inside))) == pytest.approx(
        plain_value(core.problem, places), rel=1e-12
    )


def test_left_out_entries_never_cost_more_than_the_slack_that_enters_the_bound(rng):
    problem = random_problem(rng, rows=400, options=30, limits=Limits(count=5))
    problem = type(problem)(
        **{**problem.__dict__, "cover": problem.cover.multiply(rng.random(problem.cover.shape) ** 12).tocsc()}
    )
    core = open_part(problem)
    every = np.arange(core.options)
    slim = trimmed(core, added=added_by(core, every))
    assert slim.entries < core.entries
    assert 0 <= added_by(core, every) - added_by(slim, every) <= slim.slack <= 1e-4 * added_by(core, every)


def textbook_greedy(problem, price, count):
    """The set the lazy greedy must give: every option valued anew at every step, the smaller id on ties."""
    core, out = open_part(problem), []
    state = core.empty()
    left = list(range(core.options))
    while left and len(out) < count:
        best = max(left, key=lambda at: (state.gain[at] / price[at], -at))
        left.remove(best)
        if state.gain[best] > 0 and kernels.fits(core.limits, state, best, 0):
            kernels.add(core.cover, core.limits, state, best)
            out.append(best)
    return sorted(out)


@pytest.mark.parametrize("seed", range(20))
def test_the_lazy_greedy_is_the_textbook_greedy_with_ties_by_id_at_any_price(seed):
    rng = np.random.default_rng(seed)
    problem = random_problem(rng, rows=60, options=25, limits=Limits(count=8, budget_yuan=30.0))
    core = open_part(problem)
    for price in (np.ones(core.options), np.round(rng.uniform(1.0, 3.0, core.options))):
        state = core.empty()
        size = kernels.lazy_greedy(core.cover, core.limits, state, price, 0, 8)
        assert np.flatnonzero(state.chosen).tolist() == textbook_greedy(problem, price, 8)
        assert size == state.chosen.sum()


@pytest.mark.parametrize("seed", range(5))
def test_options_led_by_any_order_keep_every_rule_and_are_never_less_than_taken_one_after_the_other(seed):
    rng = np.random.default_rng(seed)
    problem = random_problem(rng, rows=60, options=25, limits=Limits(count=6, budget_yuan=30.0))
    core = open_part(problem)
    order = rng.permutation(core.options)
    plain = core.empty()
    for option in order:
        if plain.chosen.sum() < core.count and kernels.fits(core.limits, plain, option, 0):
            kernels.add(core.cover, core.limits, plain, option)
    led = led_by(core, order, kicks=5, seed=seed, watch=Watch())
    assert led.size <= core.count
    assert core.cost_yuan[led].sum() <= 30.0 + 1e-9
    assert added_by(core, led) >= plain.best.sum() - 1e-9


COLD = """
import numpy as np
from conftest_plan import random_problem
from siting.plan import Limits, kernels, solve
from siting.plan.ready import compiled
compiled()
known = [len(each.signatures) for each in (kernels.kick, kernels.lazy_greedy, kernels.settle)]
for limits in (Limits(count=4), Limits(budget_yuan=20.0), Limits(count=4, budget_yuan=20.0)):
    solve(random_problem(np.random.default_rng(5), rows=40, options=16, limits=limits), gap=0.0)
print(known, [len(each.signatures) for each in (kernels.kick, kernels.lazy_greedy, kernels.settle)])
"""


def test_nothing_is_left_to_compile_when_the_clock_of_a_solve_starts():
    path = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[2])])
    env = {**os.environ, "PYTHONPATH": path}
    run = subprocess.run([sys.executable, "-c", COLD], env=env, capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["[1,", "1,", "1]", "[1,", "1,", "1]"]
