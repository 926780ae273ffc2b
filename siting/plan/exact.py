"""Branch and bound for what is small enough: HiGHS, warm-started, its own status never passed on."""

from __future__ import annotations

import math
from collections.abc import Collection

import highspy
import numpy as np
import numpy.typing as npt

from siting.plan import kernels
from siting.plan.core import Core, open_part
from siting.plan.model import chains, cover_model
from siting.plan.problem import CoverProblem
from siting.plan.result import Found, Plan, Step, Watch, added_by, best_gains, dress
from siting.plan.search import greedy_set, start_set, whole_value

Ints = npt.NDArray[np.int64]
MOST_OPTIONS = 1500
MOST_ENTRIES = 300_000
HALF = 0.5
WORKING = 0.95


def small_enough(core: Core) -> bool:
    """Whether the automatic method goes on to branch and bound (a test that ignores the limits)."""
    return core.options <= MOST_OPTIONS and core.entries <= MOST_ENTRIES


def exact(
    problem: CoverProblem,
    *,
    start: Plan | Collection[str] | None = None,
    time_limit_s: float = 60.0,
    seed: int = 0,
) -> Plan:
    """Close the gap by branch and bound.

    Parameters
    ----------
    problem : CoverProblem
        The question.
    start : Plan, option ids or None
        A known plan; the result is never worse.
    time_limit_s : float
        Safety stop [s].
    seed : int
        Of the solver.
    """
    core, watch = open_part(problem), Watch(time_limit_s)
    first = start_set(core, start)
    chosen = greedy_set(core) if first is None else first
    chosen, bound = branch(core, chosen, seed=seed, watch=watch)
    step = Step("exact", core.base_value + added_by(core, chosen), bound, watch.seconds)
    return dress(core, Found(chosen, (step,), bound, "exact", 0, seed), watch, gap=0.0)


def branch(core: Core, chosen: Ints, *, seed: int, watch: Watch, most: float = math.inf) -> tuple[Ints, float]:
    """The better of the start and of what branch and bound finds, and a valid bound on the whole value [persons].

    A bound known before, `most`, is only told on while no better one is there.
    """
    if core.rows == 0:
        return chosen, core.base_value + core.slack
    tree = chains(core)
    model = cover_model(core, tree)
    solver = model.solver(integer=True, seed=seed)
    settings = {"mip_rel_gap": 0.0, "mip_abs_gap": 1e-9, "mip_feasibility_tolerance": 1e-9}
    if math.isfinite(watch.time_limit_s):
        settings["time_limit"] = max(0.1, watch.time_limit_s - watch.seconds)
    for name, value in settings.items():
        solver.setOptionValue(name, value)
    _followed(solver, core, chosen, most=most, watch=watch)
    _offer(solver, core, chosen)
    solver.run()
    if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        watch.stop()
    dual = float(solver.getInfo().mip_dual_bound)
    bound = core.base_value + dual + core.slack if math.isfinite(dual) else math.inf
    return _better(core, chosen, solver), min(bound, whole_value(core))


def _followed(solver: highspy.Highs, core: Core, chosen: Ints, *, most: float, watch: Watch) -> None:
    """Tell value and bound as they change while the solver works, and stop it when asked."""
    if watch.cancelled is None and watch.progress is None:
        return
    known, told = core.base_value + added_by(core, chosen), [-math.inf, math.inf]

    def look(event: highspy.HighsCallbackEvent) -> None:
        if watch.stop():
            event.interrupt()
        value = max(known, core.base_value + event.data_out.mip_primal_bound)
        bound = max(value, min(most, core.base_value + event.data_out.mip_dual_bound + core.slack))
        if math.isfinite(value) and [value, bound] != told:
            told[:] = value, bound
            watch.tell("exact", value, bound, WORKING)

    solver.cbMipInterrupt.subscribe(look)


def _offer(solver: highspy.Highs, core: Core, chosen: Ints) -> None:
    x = np.zeros(core.options)
    x[chosen] = 1.0
    if best_gains(core, chosen).any():
        solver.setSolution(core.options, np.arange(core.options, dtype=np.int32), x)


def _better(core: Core, chosen: Ints, solver: highspy.Highs) -> Ints:
    values = np.array(solver.getSolution().col_value)
    if values.size < core.options:
        return chosen
    found = np.flatnonzero(values[: core.options] > HALF).astype(np.int64)
    return found if feasible(core, found) and added_by(core, found) > added_by(core, chosen) else chosen


def feasible(core: Core, chosen: Ints) -> bool:
    """Whether a set of free options meets the count and every rule."""
    state = core.empty()
    for option in chosen:
        kernels.add(core.cover, core.limits, state, option)
    room = 1e-6 * np.maximum(1.0, np.abs(np.nan_to_num(core.limits.high, posinf=0.0)))
    over = state.activity > core.limits.high + room
    return bool(not over.any() and kernels.short_rules(core.limits, state) == 0 and chosen.size <= core.count)
