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

from siting.plan import kernels
from siting.plan.core import BUDGET, Core, open_part
from siting.plan.model import chains, cover_model, row_prices
from siting.plan.problem import CoverProblem
from siting.plan.result import ROUNDING, Bound, Watch
from siting.plan.search import whole_value

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

BLOCK_ROUNDS = 100
PATIENCE = 20
SHRINK = 0.7
SMALLEST_STEP = 1e-4
LEAST_PROGRESS = 1e-6
FRESH_STEP = 0.5
FRESH_SHARE = 0.02
CORE_OPTIONS = 400


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
    last = max(0.0, float(np.partition(rho, -core.count)[-core.count]))
    bound = core.base_value + added + core.slack
    margin = ROUNDING * max(1.0, abs(bound))
    return np.asarray(bound - last + np.minimum(rho, last) + margin <= value)


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


def picked(core: Core, rho: Floats, cost: Floats, count: int) -> Floats:
    """The best x for given reduced gains: the largest within the count, or a fractional knapsack of the budget."""
    x = np.zeros(rho.size)
    if not _knapsack(core):
        order = np.argsort(-rho, kind="stable")[:count]
        x[order[rho[order] > 0]] = 1.0
        return x
    budget = core.limits.high[core.rule_names.index(BUDGET)]
    useful = np.flatnonzero(rho > 0)
    ratio = rho[useful] / np.maximum(cost[useful], 1e-12)
    order = useful[np.argsort(-ratio, kind="stable")]
    before = np.cumsum(cost[order]) - cost[order]
    x[order] = np.clip(
        np.divide(budget - before, cost[order], out=np.ones(order.size), where=cost[order] > 0), 0.0, 1.0
    )
    return x


def _value_at(core: Core, rules: _Rules, row: Floats, rule: Floats) -> tuple[float, Floats]:
    rho = np.empty(core.options)
    cover = core.cover
    kernels.reduced_gains(cover.col_ptr, cover.col_row, cover.col_gain, row, rho)
    rho -= rules.matrix.T @ rule
    x = picked(core, rho, core.cost_yuan, core.count)
    return float(row.sum() + rule @ rules.limit + rho @ x), rho


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
    best = replace(now, value=value)
    inside = _promising(core, core.empty().gain)
    theta = 1.0
    for done in range(0, rounds, BLOCK_ROUNDS):
        if (best.value - added) <= target * best.value or theta < SMALLEST_STEP or watch.stop(share=0.9):
            break
        promising = _promising(core, rho)
        theta = max(theta, FRESH_STEP) if (promising & ~inside).sum() > FRESH_SHARE * inside.sum() else theta
        inside |= promising
        descent = _Descent(core, rules, np.flatnonzero(inside), theta)
        now, lowest = descent.run(now, added=added, rounds=min(BLOCK_ROUNDS, rounds - done))
        theta = descent.theta
        value, rho = _value_at(core, rules, lowest.row, lowest.rule)
        best = min(best, replace(lowest, value=value), key=lambda prices: prices.value)
        watch.tell("bound", core.base_value + added, bound_value(core, best), 0.5 + 0.4 * done / rounds)
    return best


def _promising(core: Core, rho: Floats) -> npt.NDArray[np.bool_]:
    many = min(core.options, max(CORE_OPTIONS, 4 * min(core.count, core.options)))
    mask = np.zeros(core.options, dtype=np.bool_)
    mask[np.argsort(-rho, kind="stable")[:many]] = True
    return mask


class _Descent:
    """Subgradient rounds on some options and the rows they touch; other prices stay."""

    def __init__(self, core: Core, rules: _Rules, options: Ints, theta: float) -> None:
        cover = core.cover
        matrix = sparse.csc_matrix((cover.col_gain, cover.col_row, cover.col_ptr), shape=(core.rows, core.options))
        matrix = matrix[:, options]
        self.rows, compact = np.unique(matrix.indices, return_inverse=True)
        self.ptr, self.row, self.gain = matrix.indptr.astype(np.int64), compact.astype(np.int32), matrix.data
        self.core, self.limit, self.options, self.theta = core, rules.limit, options, theta
        self.rules = rules.matrix[:, options]
        self.cost = core.cost_yuan[options]

    def run(self, start: _Prices, *, added: float, rounds: int) -> tuple[_Prices, _Prices]:
        """The prices reached and the best ones met, both for all rows and rules."""
        price, rule = start.row[self.rows], start.rule
        outside = float(start.row.sum() - price.sum())
        best, best_price, best_rule, idle = math.inf, price, rule, 0
        met = np.empty(price.size)
        for _ in range(rounds):
            value, x = self._value(price, rule)
            value += outside
            if value < best - LEAST_PROGRESS * abs(best) or math.isinf(best):
                best, best_price, best_rule, idle = value, price, rule, 0
            else:
                idle += 1
            if idle >= PATIENCE:
                self.theta, idle = self.theta * SHRINK, 0
            kernels.demand_met(self.ptr, self.row, self.gain, price, x, met)
            price, rule = self._step(price, rule, 1.0 - met, self.limit - self.rules @ x, value - added)
        return self._whole(start, price, rule), self._whole(start, best_price, best_rule)

    def _value(self, price: Floats, rule: Floats) -> tuple[float, Floats]:
        rho = np.empty(self.options.size)
        kernels.reduced_gains(self.ptr, self.row, self.gain, price, rho)
        rho -= self.rules.T @ rule
        x = picked(self.core, rho, self.cost, self.core.count)
        return float(price.sum() + rule @ self.limit + rho @ x), x

    def _whole(self, start: _Prices, price: Floats, rule: Floats) -> _Prices:
        row = start.row.copy()
        row[self.rows] = price
        return _Prices(row, rule, math.inf)

    def _step(
        self, price: Floats, rule: Floats, slope: Floats, rule_slope: Floats, above: float
    ) -> tuple[Floats, Floats]:
        slope = np.where((price <= 0) & (slope > 0), 0.0, slope)
        rule_slope = np.where((rule <= 0) & (rule_slope > 0), 0.0, rule_slope)
        norm = float(slope @ slope + rule_slope @ rule_slope)
        if norm == 0.0:
            return price, rule
        step = self.theta * max(above, 1e-9) / norm
        return np.maximum(0.0, price - step * slope), np.maximum(0.0, rule - step * rule_slope)


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
