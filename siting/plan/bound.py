"""What no plan can beat: Lagrangian and linear-programming bounds, valid at any accuracy.

For row prices lambda >= 0 and rule prices mu >= 0, with rho_j = sum_i max(0, c_ij - lambda_i) - (mu A)_j,
U = base + sum lambda + mu b + max{rho'x : x within the count (or the budget)} bounds every feasible plan
(Cornuejols, Fisher, Nemhauser 1977).  Prices are found by subgradients with Polyak steps on the options that
matter (the core); the value counts over all options.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np
import numpy.typing as npt
from scipy import sparse

from siting.plan import kernels_price
from siting.plan.core import BUDGET, Core, open_part
from siting.plan.model import chains, cover_model, row_prices
from siting.plan.problem import CoverProblem
from siting.plan.result import ROUNDING, Bound, Watch
from siting.plan.search import whole_value

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

BLOCK_ROUNDS = 25
WHOLE_WORK = 100_000_000
PATIENCE = 20
SHRINK = 0.7
SMALLEST_STEP = 1e-4
LEAST_PROGRESS = 1e-6
FRESH_STEP = 0.5
FEW_MISSED = 3
NO_VALUE = 1e300
SMALL_COST = 1e-12
CORE_OPTIONS = 1000


@dataclass(frozen=True, eq=False)
class _Rules:
    """All rules as A x <= b: lower limits negated, the budget left out where it shapes X."""

    matrix: sparse.csr_matrix
    limit: Floats


@dataclass(frozen=True, eq=False)
class _Prices:
    """Prices of rows and rules and the bound they give [persons added]."""

    row: Floats
    rule: Floats
    value: float


def lagrangian_bound(problem: CoverProblem, *, value: float, rounds: int = 3000) -> Bound:
    """An upper bound by subgradients.

    Parameters
    ----------
    problem : CoverProblem
        The question.
    value : float
        The value of a known plan [persons]; it only steers the steps, the bound is valid whatever it is.
    rounds : int
        Subgradient rounds.
    """
    core, started = open_part(problem), perf_counter()
    prices = priced(core, added=max(0.0, value - core.base_value), rows=None, rounds=rounds, watch=Watch())
    return _bound(core, prices, perf_counter() - started)


def lp_bound(problem: CoverProblem) -> Bound:
    """The bound of the linear relaxation: HiGHS interior point, its duals re-priced so that any tolerance is valid."""
    core, started = open_part(problem), perf_counter()
    return _bound(core, lp_prices(core), perf_counter() - started)


def _bound(core: Core, prices: _Prices, seconds: float) -> Bound:
    names = [name for name in core.rule_names if name != BUDGET]
    text = f"count<={core.count}" + (", budget" if core.has_budget else "") + (f", {len(names)} rules" if names else "")
    return Bound(bound_value(core, prices), prices.row, prices.rule, seconds, text)


def bound_value(core: Core, prices: _Prices) -> float:
    """The bound on the whole value [persons], left-out entries added."""
    return min(core.base_value + prices.value + core.slack, whole_value(core))


def cheapest(core: Core, prices: _Prices, target: float) -> float:
    """The least budget [yuan] under which these prices allow `target` people to be added; valid for any prices.

    With U(B) the bound under the budget B, no plan that costs B or less adds more than U(B), which never falls with B.
    """
    rho, x = np.empty(core.options), np.empty(core.options)
    rules = _rules(core)
    missing = target - core.slack - kernels_price.reduced(_part(core, rules), prices.row, prices.rule, rho)
    missing -= ROUNDING * max(1.0, target)
    kernels_price.picked(rho, core.cost_yuan, core.options, math.inf, x)
    useful = np.flatnonzero(x > 0)
    ratio = rho[useful] / np.maximum(core.cost_yuan[useful], SMALL_COST)
    order = useful[np.argsort(-ratio, kind="stable")]
    gained = np.cumsum(rho[order])
    before = int(np.searchsorted(gained, missing))
    if missing <= 0 or before >= order.size:
        return 0.0 if missing <= 0 else float(core.cost_yuan[order].sum())
    last = order[before]
    part = (missing - (gained[before - 1] if before else 0.0)) / rho[last]
    return float(core.cost_yuan[order[:before]].sum() + part * core.cost_yuan[last])


def hopeless(core: Core, prices: _Prices, *, value: float) -> npt.NDArray[np.bool_]:
    """Options that no plan better than a known one can hold.

    With U the bound, rho the reduced gains and rho_(p) the p-th largest of them (0 if fewer are positive), no plan with
    option j exceeds U - rho_(p) + rho_j; where that is no more than `value`, j may be left out.  A budget allows no such
    test here, so nothing is left out.

    Parameters
    ----------
    core : Core
        The open problem.
    prices : _Prices
        From `priced`.
    value : float
        Whole value of a known plan [persons].

    Returns
    -------
    array of bool [options]
    """
    none = np.zeros(core.options, dtype=np.bool_)
    if _knapsack(core) or core.has_budget or core.count >= core.options or core.count < 1:
        return none
    added, rho = _value_at(core, _rules(core), prices.row, prices.rule)
    last = _last_picked(rho, core.count)
    bound = core.base_value + added + core.slack
    margin = ROUNDING * max(1.0, abs(bound))
    return np.asarray(bound - last + np.minimum(rho, last) + margin <= value)


def picked_at(core: Core, prices: _Prices) -> Ints:
    """Options worth more than these prices, the best first: near the end of the rounds, nearly a best plan."""
    _, rho = _value_at(core, _rules(core), prices.row, prices.rule)
    worth = rho / np.maximum(core.cost_yuan, SMALL_COST) if core.has_budget else rho
    order = np.argsort(-worth, kind="stable")
    return order[rho[order] > 0].astype(np.int64)


def _rules(core: Core) -> _Rules:
    limits = core.limits
    matrix = sparse.csc_matrix(
        (limits.coefficient, limits.rule, limits.ptr), shape=(limits.low.size, core.options)
    ).tocsr()
    shaping = np.array([name == BUDGET and _knapsack(core) for name in core.rule_names], dtype=np.bool_)
    upper = np.flatnonzero(np.isfinite(limits.high) & ~shaping)
    lower = np.flatnonzero(np.isfinite(limits.low))
    return _Rules(
        sparse.vstack([matrix[upper], -matrix[lower]]).tocsr(), np.concatenate([limits.high[upper], -limits.low[lower]])
    )


def _knapsack(core: Core) -> bool:
    return core.has_budget and core.count >= core.options


def _value_at(core: Core, rules: _Rules, row: Floats, rule: Floats) -> tuple[float, Floats]:
    """The bound of these prices over all options [persons added], and the reduced gains."""
    rho, x = np.empty(core.options), np.empty(core.options)
    cost = kernels_price.reduced(_part(core, rules), row, rule, rho)
    return float(cost + kernels_price.picked(rho, core.cost_yuan, core.count, _budget(core), x)), rho


def _budget(core: Core) -> float:
    return float(core.limits.high[core.rule_names.index(BUDGET)]) if _knapsack(core) else math.inf


def _part(core: Core, rules: _Rules) -> kernels_price.Part:
    """All options of a core for the kernels."""
    cover, matrix = core.cover, rules.matrix.tocsc()
    table = (matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), matrix.data.astype(np.float64))
    return kernels_price.Part(cover.col_ptr, cover.col_row, cover.col_gain, *table, rules.limit, core.cost_yuan)


def start_prices(core: Core, chosen: Ints | None) -> Floats:
    """Row prices to begin with: the gains of a known plan, which give the online bound of submodularity."""
    price = np.zeros(core.rows)
    for option in chosen if chosen is not None else ():
        part = slice(core.cover.col_ptr[option], core.cover.col_ptr[option + 1])
        rows = core.cover.col_row[part]
        price[rows] = np.maximum(price[rows], core.cover.col_gain[part])
    return price


def priced(core: Core, *, added: float, rows: Floats | None, rounds: int, watch: Watch, target: float = 0.0) -> _Prices:
    """Subgradient rounds on a growing core of options; the returned value holds for all options.

    Parameters
    ----------
    core : Core
        The open problem.
    added : float
        What a known plan adds [persons].
    rows : array or None
        Row prices to begin with.
    rounds : int
        Most rounds.
    watch : Watch
        Clock and wish to stop.
    target : float
        Stop once (bound - added) / bound falls to this.
    """
    rules = _rules(core)
    row = np.zeros(core.rows) if rows is None else rows.copy()
    now = _Prices(row, np.zeros(rules.limit.size), math.inf)
    value, rho = _value_at(core, rules, now.row, now.rule)
    best, theta, done = replace(now, value=value), 1.0, 0
    inside = _largest(core.empty().gain, core) | _largest(rho, core)
    descent = _Descent(core, rules, np.arange(core.options), theta)
    block = min(rounds, BLOCK_ROUNDS * max(1, min(4, WHOLE_WORK // (BLOCK_ROUNDS * max(1, core.entries)))))
    while done < rounds:
        now, lowest = descent.run(now, added=added, rounds=block)
        done, theta, block = done + block, descent.theta, min(BLOCK_ROUNDS, max(1, rounds - done - block))
        value, rho = _value_at(core, rules, lowest.row, lowest.rule)
        best = min(best, replace(lowest, value=value), key=lambda prices: prices.value)
        watch.tell("bound", core.base_value + added, bound_value(core, best), 0.5 + 0.4 * done / rounds)
        if best.value - added <= target * best.value or theta < SMALLEST_STEP or watch.stop(share=0.9):
            break
        fresh = _largest(rho, core) & ~inside
        missed = int((fresh & (rho >= _last_picked(rho, core.count))).sum())
        if missed or descent.options == core.options:
            inside |= fresh
            theta = max(theta, FRESH_STEP) if missed > FEW_MISSED else theta
            descent = _Descent(core, rules, np.flatnonzero(inside), theta)
    return best


def _largest(rho: Floats, core: Core) -> npt.NDArray[np.bool_]:
    many = min(core.options, max(CORE_OPTIONS, 10 * min(core.count, core.options)))
    mask = np.zeros(core.options, dtype=np.bool_)
    mask[np.argsort(-rho, kind="stable")[:many]] = True
    return mask & (rho > 0)


def _last_picked(rho: Floats, count: int) -> float:
    """The smallest reduced gain among the largest within the count, at least 0."""
    return max(0.0, float(np.partition(rho, -count)[-count])) if 0 < count <= rho.size else 0.0


class _Descent:
    """Subgradient rounds on some options and the rows they touch; other prices stay."""

    def __init__(self, core: Core, rules: _Rules, options: Ints, theta: float) -> None:
        part = _part(core, rules)
        matrix = sparse.csc_matrix((part.gain, part.row, part.ptr), shape=(core.rows, core.options))[:, options]
        self.rows, compact = np.unique(matrix.indices, return_inverse=True)
        cut = rules.matrix.tocsc()[:, options]
        table = (cut.indptr.astype(np.int64), cut.indices.astype(np.int32), cut.data.astype(np.float64))
        starts = matrix.indptr.astype(np.int64)
        self.part = kernels_price.Part(
            starts, compact.astype(np.int32), matrix.data, *table, rules.limit, core.cost_yuan[options]
        )
        self.core, self.theta, self.options = core, theta, options.size

    def run(self, start: _Prices, *, added: float, rounds: int) -> tuple[_Prices, _Prices]:
        """The prices reached and the best ones met, both for all rows and rules."""
        price, rule = start.row[self.rows].copy(), start.rule.copy()
        outside = float(start.row.sum() - price.sum())
        state = np.array([NO_VALUE, self.theta, 0.0, 0.0])
        descent = kernels_price.Descent(price, rule, price.copy(), rule.copy(), state)
        tuning = (PATIENCE, SHRINK, LEAST_PROGRESS)
        kernels_price.descend(self.part, descent, self.core.count, _budget(self.core), added - outside, rounds, *tuning)
        self.theta = float(state[kernels_price.THETA])
        return self._whole(start, price, rule), self._whole(start, descent.best_price, descent.best_rule)

    def _whole(self, start: _Prices, price: Floats, rule: Floats) -> _Prices:
        row = start.row.copy()
        row[self.rows] = price
        return _Prices(row, rule, math.inf)


def lp_prices(core: Core, *, time_limit_s: float = math.inf) -> _Prices:
    """Prices from the linear relaxation over all rows and rules."""
    tree = chains(core)
    model = cover_model(core, tree)
    solver = model.solver(integer=False)
    for name, value in {"solver": "ipm", "run_crossover": "off", "time_limit": time_limit_s}.items():
        solver.setOptionValue(name, value)
    solver.run()
    dual = np.array(solver.getSolution().row_dual)
    nodes = tree.parent.size
    row = row_prices(tree, _positive(dual[:nodes], nodes), core.rows)
    rules = _rules(core)
    rule = _rule_prices(core, _positive(-dual[nodes : nodes + core.limits.low.size], core.limits.low.size, signed=True))
    value, _ = _value_at(core, rules, row, rule)
    return _Prices(row, rule, value)


def _positive(dual: Floats, size: int, *, signed: bool = False) -> Floats:
    clean = np.nan_to_num(dual, posinf=0.0, neginf=0.0) if dual.size == size else np.zeros(size)
    return clean if signed else np.abs(clean)


def _rule_prices(core: Core, dual: Floats) -> Floats:
    """Split signed rule duals into prices of upper and of lower limits, in the order of `_rules`."""
    limits = core.limits
    shaping = np.array([name == BUDGET and _knapsack(core) for name in core.rule_names], dtype=np.bool_)
    upper = np.flatnonzero(np.isfinite(limits.high) & ~shaping)
    lower = np.flatnonzero(np.isfinite(limits.low))
    return np.concatenate([np.maximum(0.0, dual[upper]), np.maximum(0.0, -dual[lower])])
