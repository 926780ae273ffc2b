"""The least yuan that reach a number of people, with a proven lower bound."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import highspy
import numpy as np
import numpy.typing as npt
from scipy import sparse

from siting.errors import BadInput, NotSolved
from siting.plan import kernels
from siting.plan.bound import cheapest, priced, start_prices
from siting.plan.core import Core, open_part
from siting.plan.exact import feasible, small_enough
from siting.plan.feasible import feasible_set
from siting.plan.model import chains, cover_model
from siting.plan.problem import CoverProblem, Limits, with_changes
from siting.plan.ready import compiled
from siting.plan.result import ROUNDING, Found, Plan, Progress, Step, Watch, added_by, dress
from siting.plan.search import improved, whole_value

Ints = npt.NDArray[np.int64]

HALF = 0.5
ROUNDS = 1000
CUTS = (0.9, 0.95, 0.98, 0.99)
KICKS = 200
TIME_LIMIT_S = 60.0


def minimise_cost(
    problem: CoverProblem,
    *,
    target_persons: float,
    gap: float = 0.01,
    seed: int = 0,
    time_limit_s: float = TIME_LIMIT_S,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Plan:
    """The cheapest plan found that adds at least so many people, and what no such plan can cost less than.

    Parameters
    ----------
    problem : CoverProblem
        The question; its limits and rules hold beside the target.
    target_persons : float
        People to be added to those covered without the free options.
    gap : float
        Wanted (cost - bound) / cost.
    seed : int
        Of all random numbers.
    time_limit_s : float
        A safety stop; a plan it touched is not repeatable.
    progress : callable, optional
        Told step, people covered, bound (infinite: what is bounded is the cost) and the finished share.
    cancelled : callable, optional
        Asked now and then whether to stop with what is found.

    Returns
    -------
    Plan
        ``cost_yuan`` with ``cost_bound_yuan``; ``gap`` and ``status`` are those of the cost.

    Raises
    ------
    BadInput
        If the target is no number of at least 0, or the wanted gap lies outside 0..1.
    NotSolved
        If no plan found reaches the target, with the most people added, or if the rules clash.
    """
    if not (math.isfinite(target_persons) and target_persons >= 0 and 0 <= gap <= 1):
        raise BadInput("plan.cost.target", target=target_persons, gap=gap)
    compiled()
    core, watch = open_part(problem), Watch(time_limit_s, cancelled, progress)
    chosen = _slimmed(core, _reached(core, target_persons, seed=seed, watch=watch), target_persons)
    watch.tell("cost", core.base_value + added_by(core, chosen), math.inf, 1 / 3)
    bound = _bound(core, chosen, target_persons, watch=watch)
    watch.tell("cost", core.base_value + added_by(core, chosen), math.inf, 2 / 3)
    if _gap(core, chosen, bound) > gap:
        chosen = _cheaper(core, chosen, target_persons, seed=seed, watch=watch)
    if small_enough(core) and _gap(core, chosen, bound) > gap:
        chosen, proven = _branch(core, chosen, target_persons, seed=seed, watch=watch)
        bound = max(bound, proven)
    return _dressed(core, chosen, bound, gap=gap, seed=seed, watch=watch)


def _cost(core: Core, chosen: Ints) -> float:
    return math.fsum(core.cost_yuan[chosen])


def _gap(core: Core, chosen: Ints, bound: float) -> float:
    cost = _cost(core, chosen)
    return (cost - bound) / cost if cost > bound else 0.0


def _enough(core: Core, chosen: Ints, target: float) -> bool:
    return added_by(core, chosen) >= target - ROUNDING * max(1.0, target)


def _reached(core: Core, target: float, *, seed: int, watch: Watch) -> Ints:
    """Options of most people per yuan until the target is reached; where rules stop that, the best set found by swaps."""
    state, price = core.empty(), np.maximum(core.cost_yuan, ROUNDING)
    added = 0.0
    start = feasible_set(core)
    for option in start:
        added += kernels.add(core.cover, core.limits, state, option)
    size = start.size
    while size < core.count and added < target:
        option = kernels.best_addition(core.limits, state, price, 0)
        if option < 0:
            break
        added += kernels.add(core.cover, core.limits, state, option)
        size += 1
    chosen = np.flatnonzero(state.chosen)
    if _enough(core, chosen, target):
        return chosen
    chosen = improved(core, chosen, kicks=KICKS, seed=seed, watch=watch)
    if small_enough(core) and not _enough(core, chosen, target):
        chosen, _ = _branch(core, chosen, target, seed=seed, watch=watch)
    if not _enough(core, chosen, target):
        most = min(added_by(core, chosen), whole_value(core) - core.base_value)
        raise NotSolved("plan.cost.unreached", target=target, added=most)
    return chosen


def _slimmed(core: Core, chosen: Ints, target: float) -> Ints:
    """Leave out the dearest members that neither the target nor a rule needs."""
    for option in chosen[np.lexsort((chosen, -core.cost_yuan[chosen]))]:
        rest = chosen[chosen != option]
        if _enough(core, rest, target) and feasible(core, rest):
            chosen = rest
    return chosen


def _cheaper(core: Core, chosen: Ints, target: float, *, seed: int, watch: Watch) -> Ints:
    """Search for the most people under budgets below the cost at hand, from the dearest to the cheapest."""
    for cut in sorted(CUTS, reverse=True):
        if watch.stop():
            break
        limits = Limits(core.problem.limits.count, cut * _cost(core, chosen))
        part = open_part(with_changes(core.problem, limits=limits))
        members = part.positions(core.ids(chosen))
        order = members[np.lexsort((members, -part.cost_yuan[members]))]
        while order.size and not feasible(part, order):
            order = order[1:]
        if not order.size:
            break
        found = core.positions(part.ids(improved(part, np.sort(order), kicks=KICKS, seed=seed, watch=watch)))
        if _enough(core, found, target):
            chosen = _slimmed(core, found, target)
    return chosen


def _bound(core: Core, chosen: Ints, target: float, *, watch: Watch) -> float:
    """Prices for the budget at hand, and the least budget under which they still allow the target."""
    if target <= 0 or core.rows == 0:
        return 0.0
    limits = Limits(None, max(_cost(core, chosen), ROUNDING))
    loose = open_part(with_changes(core.problem, limits=limits))
    members = loose.positions(core.ids(chosen))
    prices = priced(loose, added=target, rows=start_prices(loose, members), rounds=ROUNDS, watch=watch)
    return cheapest(loose, prices, target)


def _branch(core: Core, chosen: Ints, target: float, *, seed: int, watch: Watch) -> tuple[Ints, float]:
    """The cheapest set that branch and bound finds, at least as good as the one given, and a bound on the cost [yuan]."""
    model = cover_model(core, chains(core))
    reach = sparse.csr_matrix(model.worth)
    model.blocks.append((np.array([target]), reach, np.array([np.inf])))
    model.worth = np.concatenate([-core.cost_yuan, np.zeros(model.worth.size - core.options)])
    solver = model.solver(integer=True, seed=seed)
    left = max(0.1, watch.time_limit_s - watch.seconds)
    settings = {"mip_rel_gap": 0.0, "mip_abs_gap": 1e-9, "mip_feasibility_tolerance": 1e-9, "time_limit": left}
    for name, value in settings.items():
        solver.setOptionValue(name, value)
    solver.run()
    if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        watch.stop()
    dual = -float(solver.getInfo().mip_dual_bound)
    values = np.array(solver.getSolution().col_value)[: core.options]
    found = np.flatnonzero(values > HALF) if values.size == core.options else chosen
    sound = feasible(core, found) and _enough(core, found, target)
    better = sound and (not _enough(core, chosen, target) or _cost(core, found) < _cost(core, chosen))
    return (found if better else chosen), max(0.0, dual) if math.isfinite(dual) else 0.0


def _dressed(core: Core, chosen: Ints, bound: float, *, gap: float, seed: int, watch: Watch) -> Plan:
    cost = _cost(core, chosen)
    bound = min(cost, bound - ROUNDING * abs(bound))
    share = (cost - bound) / cost if cost > 0 else 0.0
    step = Step("cost", core.base_value + added_by(core, chosen), math.inf, watch.seconds)
    plan = dress(core, Found(chosen, (step,), whole_value(core), "minimise_cost", KICKS, seed), watch, gap=1.0)
    proven = cost - bound <= 1e-6 * max(1.0, cost)
    ended = "within_gap" if share <= gap else watch.stopped_by or "work_limit"
    return replace(plan, cost_bound_yuan=bound, gap=share, status="optimal" if proven else ended)
