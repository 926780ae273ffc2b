"""Good plans quickly: lazy greedy, then single swaps and seeded kicks along a path of growing sets."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from siting.errors import BadInput
from siting.plan import kernels
from siting.plan.core import Core, open_part
from siting.plan.feasible import feasible_set
from siting.plan.kernels import State
from siting.plan.problem import CoverProblem
from siting.plan.result import Found, Plan, Step, Watch, added_by, dress

PASSES = 10
MEMBERS_PER_KICK = 4
KICK_WORK = 120_000
FEWEST_KICKS = 2
ROUNDS_LED = 8
MOST_TRIED = 10
Ints = npt.NDArray[np.int64]


@dataclass
class _Walk:
    """A state with its size and what it adds [persons]."""

    core: Core
    state: State
    size: int
    added: float

    def put(self, options: Ints) -> None:
        for option in options:
            self.added += kernels.add(self.core.cover, self.core.limits, self.state, option)
            self.size += 1

    def chosen(self) -> Ints:
        return np.flatnonzero(self.state.chosen)


def greedy(problem: CoverProblem) -> Plan:
    """The plan of the lazy greedy, its bound the trivial one; fast and never shipped unproven."""
    core, watch = open_part(problem), Watch()
    chosen = greedy_set(core)
    found = Found(
        chosen,
        (Step("greedy", core.base_value + added_by(core, chosen), math.inf, watch.seconds),),
        whole_value(core),
        "greedy",
    )
    return dress(core, found, watch, gap=0.0)


def whole_value(core: Core) -> float:
    """Expected people covered if every free option were chosen: the trivial bound."""
    starts = core.cover.row_ptr[:-1]
    return (
        core.base_value
        + (float(np.maximum.reduceat(core.cover.row_gain, starts).sum()) if core.rows else 0.0)
        + core.slack
    )


def greedy_set(core: Core) -> Ints:
    """Lazy greedy by gain; with a budget also by gain per yuan and the best single option, the best of them."""
    start = feasible_set(core)
    choices = [_celf(core, start, np.ones(core.options))]
    if core.has_budget:
        choices.append(_celf(core, start, np.maximum(core.cost_yuan, 1e-9)))
        choices.append(_best_single(core, start))
    values = [added_by(core, chosen) for chosen in choices]
    return choices[int(np.argmax(values))]


def _celf(core: Core, start: Ints, price: npt.NDArray[np.float64]) -> Ints:
    """CELF (Leskovec et al. 2007) over gains that are kept exact, so that nothing is valued twice."""
    walk = _Walk(core, core.empty(), 0, 0.0)
    walk.put(start)
    kernels.lazy_greedy(core.cover, core.limits, walk.state, price, walk.size, core.count)
    return walk.chosen()


def _best_single(core: Core, start: Ints) -> Ints:
    walk = _Walk(core, core.empty(), 0, 0.0)
    walk.put(start)
    if walk.size < core.count:
        best = kernels.best_addition(core.limits, walk.state, np.ones(core.options), 0)
        walk.put(np.array([best] if best >= 0 else [], dtype=np.int64))
    return walk.chosen()


def path_search(
    problem: CoverProblem, *, kicks: int = 60, seed: int = 0, start: Plan | Collection[str] | None = None
) -> Plan:
    """The best plan met on the path of growing sets, its bound the trivial one.

    Parameters
    ----------
    problem : CoverProblem
        The question.
    kicks : int
        Random replacements tried at each size.
    seed : int
        Of the random numbers.
    start : Plan, option ids or None
        A known feasible plan; the result is never worse.

    Raises
    ------
    BadInput
        For negative kicks or seed.
    """
    if min(kicks, seed) < 0:
        raise BadInput("plan.solve.effort", kicks=kicks, seed=seed, seconds=math.inf)
    core, watch = open_part(problem), Watch()
    chosen = search_set(core, kicks=kicks, seed=seed, start=start_set(core, start), watch=watch)
    step = Step("search", core.base_value + added_by(core, chosen), math.inf, watch.seconds)
    return dress(core, Found(chosen, (step,), whole_value(core), "path_search", kicks, seed), watch, gap=0.0)


def start_set(core: Core, start: Plan | Collection[str] | None) -> Ints | None:
    """Positions of a start plan if it is feasible here, else None."""
    if start is None:
        return None
    names = start.chosen if isinstance(start, Plan) else start
    chosen = core.positions([name for name in names if name in set(core.problem.option_id.tolist())])
    walk = _Walk(core, core.empty(), 0, 0.0)
    walk.put(chosen)
    over = walk.state.activity > core.limits.high + 1e-9 * np.maximum(1.0, np.abs(core.limits.high))
    return None if over.any() or walk.size > core.count or kernels.short_rules(core.limits, walk.state) else chosen


def search_set(core: Core, *, kicks: int, seed: int, start: Ints | None, watch: Watch) -> Ints:
    """Positions of the best set met: by the path if only the number counts, else from the best greedy set."""
    return searched(core, kicks=kicks, seed=seed, start=start, watch=watch)[0]


def searched(core: Core, *, kicks: int, seed: int, start: Ints | None, watch: Watch) -> tuple[Ints, float]:
    """The best set met, and the most a better one from elsewhere may add here [persons].

    Where only the number counts, that is what the path adds with one option more: any larger count then has a plan at
    least as good, so that value never falls as the count grows.
    """
    if core.has_budget or core.has_floor:
        first, most = greedy_set(core), math.inf
        found = improved(core, first, kicks=kicks * max(1, first.size), seed=seed, watch=watch)
    else:
        found, most = _path(core, kicks=kicks, seed=seed, watch=watch)
    if start is None:
        return found, most
    other = improved(core, start, kicks=kicks, seed=seed, watch=watch, quiet=True)
    return (other if added_by(core, other) > added_by(core, found) else found), most


def _path(core: Core, *, kicks: int, seed: int, watch: Watch) -> tuple[Ints, float]:
    """Grow a set one by one to one more than asked; the set asked for, and what the larger one adds [persons].

    What one addition leaves untouched cannot be swapped for better afterwards (submodularity).
    """
    walk = _Walk(core, core.empty(), 0, 0.0)
    ones, kicks = np.ones(core.options), min(kicks, _affordable(core))
    found = walk.chosen()
    for size in range(1, core.count + 2):
        before = walk.size
        hurried = watch.stop(share=0.4)
        walk.state.dirty[:] = False
        _fill(walk, ones, core.count if hurried else size)
        if not hurried and walk.size > before:
            walk.added += kernels.settle(core.cover, core.limits, walk.state, ones, PASSES)
            _kick(walk, ones, size, rng=np.random.Generator(np.random.PCG64([seed, size])), kicks=kicks)
        if size <= core.count:
            found = walk.chosen()
            watch.tell("search", core.base_value + walk.added, math.inf, 0.5 * size / core.count)
        if hurried:
            return found, math.inf
        if walk.size == before:
            break
    return found, walk.added


def _affordable(core: Core) -> int:
    """Kicks per size, fewer where each option shares rows with very many others (a measure that ignores the limits)."""
    shared = float((np.diff(core.cover.row_ptr).astype(np.float64) ** 2).sum()) / max(1, core.options)
    return max(FEWEST_KICKS, int(KICK_WORK / max(1.0, shared)))


def improved(core: Core, first: Ints, *, kicks: int, seed: int, watch: Watch, quiet: bool = False) -> Ints:
    """A feasible set swapped, filled and kicked until nothing helps; never worse than it came.

    Where a better set may be known already, nothing is told on the way (`quiet`).
    """
    walk = _Walk(core, core.empty(), 0, 0.0)
    walk.put(first)
    ones = np.ones(core.options)
    price = np.maximum(core.cost_yuan, 1e-9) if core.has_budget else ones
    _settle(walk, ones)
    _fill(walk, ones, core.count)
    rng = np.random.Generator(np.random.PCG64([seed, 0]))
    block = 50
    for done in range(0, kicks, block):
        if watch.stop(share=0.5):
            break
        _kick(walk, price, core.count, rng=rng, kicks=min(block, kicks - done))
        if not quiet:
            watch.tell("search", core.base_value + walk.added, math.inf, 0.5 * done / kicks)
    return walk.chosen()


def led_by(core: Core, order: Ints, *, kicks: int, seed: int, watch: Watch) -> Ints:
    """A set of the first of these options that fit together, swapped, filled and kicked as `improved` does.

    `kicks` are those of one size of the path; `ROUNDS_LED` times as many are tried.
    """
    walk = _Walk(core, core.empty(), 0, 0.0)
    walk.put(feasible_set(core))
    for option in order[: MOST_TRIED * core.count]:
        if walk.size == core.count:
            break
        if not walk.state.chosen[option] and kernels.fits(core.limits, walk.state, option, 0):
            walk.put(np.array([option]))
    rounds = ROUNDS_LED * min(kicks, _affordable(core))
    return improved(core, walk.chosen(), kicks=rounds, seed=seed, watch=watch, quiet=True)


def _fill(walk: _Walk, price: npt.NDArray[np.float64], count: int) -> None:
    added, walk.size = kernels.fill(walk.core.cover, walk.core.limits, walk.state, price, walk.size, count)
    walk.added += added


def _settle(walk: _Walk, ones: npt.NDArray[np.float64]) -> None:
    walk.state.dirty[:] = walk.state.chosen
    walk.added += kernels.settle(walk.core.cover, walk.core.limits, walk.state, ones, PASSES)


def _kick(walk: _Walk, price: npt.NDArray[np.float64], count: int, *, rng: np.random.Generator, kicks: int) -> None:
    """Up to `kicks` random replacements; a third of them in vain is enough."""
    core, ones = walk.core, np.ones(walk.core.options)
    draws = rng.random((kicks, MEMBERS_PER_KICK, 3))
    if walk.size == 0:
        return
    vain = 0
    for turn in range(kicks):
        added, walk.size = kernels.kick(
            core.cover, core.limits, walk.state, price, ones, walk.size, count, draws[turn], PASSES
        )
        walk.added += added
        vain = 0 if added > 0 else vain + 1
        if vain > kicks // 3:
            return
