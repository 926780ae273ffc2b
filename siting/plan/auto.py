"""The usual way to a plan: search, bound, and branch and bound where it is small enough."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from siting.errors import BadInput
from siting.plan.bound import bound_value, hopeless, lp_prices, picked_at, priced, start_prices
from siting.plan.core import Core, open_part, trimmed
from siting.plan.exact import branch, small_enough
from siting.plan.problem import CoverProblem, Limits, with_changes
from siting.plan.ready import compiled
from siting.plan.reduce import reduced
from siting.plan.result import Found, Plan, Progress, Step, Watch, added_by, dress, relative_gap
from siting.plan.search import greedy_set, improved, led_by, searched, start_set, whole_value

METHODS = ("auto", "greedy", "search", "exact")
BOUND_ROUNDS = 3000
FEW_ROUNDS = 200
TRIM_ENTRIES = 200_000
Ints = npt.NDArray[np.int64]


@dataclass
class _Run:
    """The state of one solve: the incumbent, the best bound and the steps so far."""

    core: Core
    watch: Watch
    chosen: Ints
    bound: float
    steps: list[Step]
    hopeless: npt.NDArray[np.bool_]
    most: float = math.inf

    @property
    def value(self) -> float:
        return self.core.base_value + added_by(self.core, self.chosen)

    @property
    def gap(self) -> float:
        return relative_gap(self.value, self.bound, self.core.base_value)

    def take(self, found: Ints, *, most: float) -> None:
        """Go over to a better plan unless it is worth more than `most` [persons] (see `siting.plan.search.searched`)."""
        value = self.core.base_value + added_by(self.core, found)
        if self.value < value <= most:
            self.chosen = found

    def note(self, name: str, fraction: float) -> None:
        self.steps.append(Step(name, self.value, self.bound, self.watch.seconds))
        self.watch.tell(name, self.value, self.bound, fraction)


def solve(
    problem: CoverProblem,
    *,
    method: str = "auto",
    gap: float = 0.01,
    kicks: int = 60,
    time_limit_s: float = 60.0,
    seed: int = 0,
    start: Plan | Collection[str] | None = None,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Plan:
    """The best plan found under the limits and rules, with a proven bound on any other.

    Parameters
    ----------
    problem : CoverProblem
        The question.
    method : str
        ``auto`` (search, bound, and branch and bound if small; stops at the wanted gap), ``greedy``, ``search`` (both
        with a bound), or ``exact`` (branch and bound always).
    gap : float
        Wanted (bound - value) / (bound - base_value).
    kicks : int
        Random replacements per size in the search.
    time_limit_s : float
        Safety stop [s]; a plan it touched says so.  Compiling on the first call of all does not count.
    seed : int
        Of all random numbers.
    start : Plan, option ids or None
        A known plan; if feasible here, the result is never worse.
    progress : callable or None
        Called with step name, value, bound and fraction done.
    cancelled : callable or None
        Asked whether to stop; the best plan so far is returned with status ``cancelled``.

    Raises
    ------
    BadInput
        For an unknown method, a gap outside 0..1, negative kicks or seed, or a time limit that is no number.
    NotSolved
        If no plan meets the rules, naming a smallest clashing set.
    """
    if method not in METHODS or not 0 <= gap <= 1:
        raise BadInput("plan.solve.method", method=method, gap=gap, methods=", ".join(METHODS))
    if min(kicks, seed) < 0 or math.isnan(time_limit_s):
        raise BadInput("plan.solve.effort", kicks=kicks, seed=seed, seconds=time_limit_s)
    compiled()
    slim = reduced(problem)
    core, watch = slim.core, Watch(time_limit_s, cancelled, progress)
    first = greedy_set(core)
    run = _Run(core, watch, first, whole_value(core), [], np.zeros(core.options, dtype=np.bool_))
    run.note("greedy", 0.05)
    if method != "greedy":
        _search(run, kicks=kicks, seed=seed, start=_mapped(start, slim.dominated))
    _bound(run, gap=gap, kicks=0 if method == "greedy" else kicks, seed=seed)
    if method == "exact" or (method == "auto" and run.gap > gap and small_enough(core)):
        _branch(run, gap=gap, seed=seed)
    elif method == "auto" and run.gap > gap:
        _branch_over_the_rest(run, seed=seed)
    found = Found(run.chosen, tuple(run.steps), run.bound, method, kicks, seed, "work_limit")
    plan = replace(dress(core, found, watch, gap=gap), dominated=slim.dominated)
    watch.tell("done", plan.value, plan.bound, 1.0)
    return plan


def _mapped(start: Plan | Collection[str] | None, dominated: Mapping[str, str]) -> list[str] | None:
    """The start with every dominated option replaced by the one that stands in for it."""
    if start is None:
        return None
    names = start.chosen if isinstance(start, Plan) else start
    return list(dict.fromkeys(dominated.get(name, name) for name in names))


def resume(
    problem: CoverProblem,
    start: Collection[str],
    *,
    gap: float = 0.01,
    kicks: int = 60,
    seed: int = 0,
    time_limit_s: float = math.inf,
    bound: float = math.inf,
) -> Plan:
    """A plan by repairing a known one near where it broke, with a bound; much quicker than starting anew.

    Parameters
    ----------
    problem : CoverProblem
        The question as it stands now.
    start : collection of str
        Options of the old plan; those no longer free are left out.
    gap, kicks, seed, time_limit_s
        As for `solve`; kicks in all, not per size.
    bound : float
        What no plan of this very problem can exceed, where that is proven already; it is not proven anew then.

    Raises
    ------
    NotSolved
        If no plan meets the rules.
    """
    compiled()
    core, watch = open_part(problem), Watch(time_limit_s)
    first = start_set(core, start)
    first = greedy_set(core) if first is None else first
    chosen = improved(core, first, kicks=kicks, seed=seed, watch=watch)
    run = _Run(core, watch, chosen, min(bound, whole_value(core)), [], np.zeros(core.options, dtype=np.bool_))
    run.note("repair", 0.5)
    if math.isinf(bound):
        _bound(run, gap=gap, kicks=0, seed=seed)
    return dress(core, Found(run.chosen, tuple(run.steps), run.bound, "resume", kicks, seed), watch, gap=gap)


def _search(run: _Run, *, kicks: int, seed: int, start: Plan | Collection[str] | None) -> None:
    core = run.core
    slim = trimmed(core, added=added_by(core, run.chosen)) if core.entries > TRIM_ENTRIES else core
    found, most = searched(slim, kicks=kicks, seed=seed, start=start_set(core, start), watch=run.watch)
    run.most = core.base_value + most
    if added_by(core, found) > added_by(core, run.chosen):
        run.chosen = found
    run.note("search", 0.5)


def _bound(run: _Run, *, gap: float, kicks: int, seed: int) -> None:
    core, added = run.core, added_by(run.core, run.chosen)
    if core.rows == 0:
        run.bound = min(run.bound, core.base_value + core.slack)
        return run.note("bound", 0.9)
    slim = trimmed(core, added=added) if core.entries > TRIM_ENTRIES else core
    rounds = FEW_ROUNDS if small_enough(slim) else BOUND_ROUNDS
    start = start_prices(slim, run.chosen)
    prices = priced(slim, added=added, rows=start, rounds=rounds, watch=run.watch, target=gap / 2)
    run.bound = min(run.bound, bound_value(slim, prices))
    if run.gap > gap and kicks and not run.watch.stop(share=0.5):
        led = led_by(slim, picked_at(slim, prices), kicks=kicks, seed=seed, watch=run.watch)
        run.take(led, most=run.most)
    run.hopeless = hopeless(slim, prices, value=run.value)
    if run.gap > gap and small_enough(slim) and not run.watch.stop(share=0.5):
        left = run.watch.time_limit_s - run.watch.seconds
        run.bound = min(run.bound, bound_value(slim, lp_prices(slim, time_limit_s=left)))
    return run.note("bound", 0.9)


def _branch(run: _Run, *, gap: float, seed: int) -> None:
    """Branch and bound over all options; with no gap wanted every count ends proven, else what the path allows is kept."""
    if run.watch.stop():
        return
    found, bound = branch(run.core, run.chosen, seed=seed, watch=run.watch, most=run.bound)
    run.bound = min(run.bound, bound)
    run.take(found, most=run.most if gap > 0 else math.inf)
    run.note("exact", 0.98)


def _branch_over_the_rest(run: _Run, *, seed: int) -> None:
    """Branch and bound over the options that could still be part of a better plan, if they are few enough.

    No plan with any other option beats the one at hand, so the larger of its value and the bound over the rest holds
    for all.
    """
    core, out = run.core, run.hopeless.copy()
    out[run.chosen] = False
    if not out.any() or run.watch.stop(share=0.9):
        return
    left = np.ones(core.problem.option_id.size, dtype=np.bool_)
    left[core.place[~out]] = False
    rest = open_part(core.problem, without=np.flatnonzero(left & ~core.problem.locked))
    if not small_enough(rest):
        return
    known = run.value
    found, bound = branch(rest, rest.positions(core.ids(run.chosen)), seed=seed, watch=run.watch, most=run.bound)
    run.bound = min(run.bound, max(bound, known))
    run.take(core.positions(rest.ids(found)), most=run.most)
    run.note("rest", 0.98)


def frontier(
    problem: CoverProblem, limits: Sequence[Limits], *, gap: float = 0.01, kicks: int = 60, seed: int = 0
) -> tuple[Plan, ...]:
    """One plan per limit, limits increasing; each starts from the one before, so the value never falls.

    Raises
    ------
    BadInput
        If a limit is smaller than the one before.
    """
    for before, after in pairwise(limits):
        if _looser(before.count, after.count) or _looser(before.budget_yuan, after.budget_yuan):
            raise BadInput("plan.frontier.order", before=str(before), after=str(after))
    plans: list[Plan] = []
    for limit in limits:
        start = plans[-1] if plans else None
        plans.append(solve(with_changes(problem, limits=limit), gap=gap, kicks=kicks, seed=seed, start=start))
    return tuple(plans)


def _looser(before: float | None, after: float | None) -> bool:
    return (math.inf if before is None else before) > (math.inf if after is None else after)
