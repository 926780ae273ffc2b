"""What no plan can beat: Lagrangian and linear-programming bounds, valid at any accuracy.

For row prices lambda >= 0 and rule prices mu >= 0, with rho_j = sum_i max(0, c_ij - lambda_i) - (mu A)_j,
U = base + sum lambda + mu b + max{rho'x : x within count and budget, 0 <= x <= 1} bounds every feasible plan
(Cornuejols, Fisher, Nemhauser 1977).  Every rule is divided by its largest coefficient, so that kilograms and metres
weigh no more in a step than people.  Prices are found by subgradients with Polyak steps on the options that
matter (the core); the value counts over all options.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np
import numpy.typing as npt
from scipy import sparse

from siting.plan import kernels_pick, kernels_price
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
    """All rules but the budget as A x <= b, each divided by `scale`: lower limits negated."""

    matrix: sparse.csr_matrix
    limit: Floats
    scale: Floats


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
    return Bound(bound_value(core, prices), prices.row, prices.rule / _rules(core).scale, seconds, text)


def bound_value(core: Core, prices: _Prices) -> float:
    """The bound on the whole value [persons], left-out entries added."""
    return min(core.base_value + prices.value + core.slack, whole_value(core))


def cheapest(core: Core, prices: _Prices, target: float) -> float:
    """The least budget [yuan] under which these prices allow `target` people to be added; valid for any prices.

    With U(B) the bound under the budget B, no plan that costs B or less adds more than U(B), which never falls with B.
    """
    rho, rules = np.empty(core.options), _rules(core)
    missing = target - core.slack - kernels_price.reduced(_part(core, rules), prices.row, prices.rule, rho)
    missing -= ROUNDING * max(1.0, target)
    useful = np.flatnonzero(rho > 0)
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

    With U the bound, rho the reduced gains less what the options cost at the price of a yuan, and rho_(p) the p-th largest
    of them (0 if fewer are positive), no plan with option j exceeds U - rho_(p) + rho_j; where that is no more than
    `value`, j may be left out.

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
    if core.count < 1:
        return np.zeros(core.options, dtype=np.bool_)
    seen = _value_at(core, _rules(core), prices.row, prices.rule)
    last = kernels_pick.last_of(seen.net, core.count)
    bound = core.base_value + seen.value + core.slack
    margin = ROUNDING * max(1.0, abs(bound))
    return np.asarray(bound - last + np.minimum(seen.net, last) + margin <= value)


def picked_at(core: Core, prices: _Prices) -> Ints:
    """Options worth more than these prices, the best first: near the end of the rounds, nearly a best plan."""
    seen = _value_at(core, _rules(core), prices.row, prices.rule)
    worth = seen.rho / np.maximum(core.cost_yuan, SMALL_COST) if _knapsack(core) else seen.net
    order = np.argsort(-worth, kind="stable")
    return order[seen.rho[order] > 0].astype(np.int64)


def _rules(core: Core) -> _Rules:
    limits = core.limits
    matrix = sparse.csc_matrix(
        (limits.coefficient, limits.rule, limits.ptr), shape=(limits.low.size, core.options)
    ).tocsr()
    upper, lower = _sides(core)
    both = sparse.vstack([matrix[upper], -matrix[lower]]).tocsr()
    scale = np.maximum(abs(both).max(axis=1).toarray().ravel(), SMALL_COST) if both.nnz else np.ones(both.shape[0])
    limit = np.concatenate([limits.high[upper], -limits.low[lower]])
    return _Rules(sparse.diags(1.0 / scale).dot(both).tocsr(), limit / scale, scale)


def _sides(core: Core) -> tuple[Ints, Ints]:
    """Positions of the rules with an upper limit, the budget left out, and of those with a lower one."""
    budget = np.array([name == BUDGET for name in core.rule_names], dtype=np.bool_)
    return np.flatnonzero(np.isfinite(core.limits.high) & ~budget), np.flatnonzero(np.isfinite(core.limits.low))


def _knapsack(core: Core) -> bool:
    return core.has_budget and core.count >= core.options


@dataclass(frozen=True, eq=False)
class _Seen:
    """The bound of some prices [persons added], the reduced gains, and those less what the options cost."""

    value: float
    rho: Floats
    net: Floats


def _value_at(core: Core, rules: _Rules, row: Floats, rule: Floats) -> _Seen:
    rho, x = np.empty(core.options), np.empty(core.options)
    cost = kernels_price.reduced(_part(core, rules), row, rule, rho)
    worth, yuan = kernels_pick.picked(rho, _limit(core, np.arange(core.options)), 0.0, x)
    return _Seen(float(cost + worth), rho, rho - yuan * core.cost_yuan)


def _limit(core: Core, options: Ints) -> kernels_pick.Limit:
    budget = float(core.limits.high[core.rule_names.index(BUDGET)]) if core.has_budget else math.inf
    return kernels_pick.Limit(core.cost_yuan[options], budget, core.count)


def _part(core: Core, rules: _Rules) -> kernels_price.Part:
    """All options of a core for the kernels."""
    cover, matrix = core.cover, rules.matrix.tocsc()
    table = (matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), matrix.data.astype(np.float64))
    return kernels_price.Part(cover.col_ptr, cover.col_row, cover.col_gain, *table, rules.limit)


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
    seen = _value_at(core, rules, now.row, now.rule)
    best, theta, done = replace(now, value=seen.value), 1.0, 0
    inside = _first(core) | _largest(seen, core)
    descent = _Descent(core, rules, np.arange(core.options), theta)
    block = min(rounds, BLOCK_ROUNDS * max(1, min(4, WHOLE_WORK // (BLOCK_ROUNDS * max(1, core.entries)))))
    while done < rounds:
        now, lowest = descent.run(now, added=added, rounds=block)
        done, theta, block = done + block, descent.theta, min(BLOCK_ROUNDS, max(1, rounds - done - block))
        seen = _value_at(core, rules, lowest.row, lowest.rule)
        best = min(best, replace(lowest, value=seen.value), key=lambda prices: prices.value)
        watch.tell("bound", core.base_value + added, bound_value(core, best), 0.5 + 0.4 * done / rounds)
        if best.value - added <= target * best.value or theta < SMALLEST_STEP or watch.stop(share=0.9):
            break
        fresh = _largest(seen, core) & ~inside
        missed = int((fresh & (seen.net >= kernels_pick.last_of(seen.net, core.count))).sum())
        if missed or descent.options == core.options:
            inside |= fresh
            theta = max(theta, FRESH_STEP) if missed > FEW_MISSED else theta
            descent = _Descent(core, rules, np.flatnonzero(inside), theta)
    return best


def _first(core: Core) -> npt.NDArray[np.bool_]:
    """Options of the largest gains, and where a budget counts, of the largest per yuan."""
    gain = core.empty().gain
    mask = _most(gain, core)
    return mask | _most(gain / np.maximum(core.cost_yuan, SMALL_COST), core) if core.has_budget else mask


def _largest(seen: _Seen, core: Core) -> npt.NDArray[np.bool_]:
    return _most(seen.net, core) & (seen.rho > 0)


def _most(worth: Floats, core: Core) -> npt.NDArray[np.bool_]:
    many = min(core.options, max(CORE_OPTIONS, 10 * min(core.count, core.options)))
    mask = np.zeros(core.options, dtype=np.bool_)
    mask[np.argsort(-worth, kind="stable")[:many]] = True
    return mask


class _Descent:
    """Subgradient rounds on some options and the rows they touch; other prices stay."""

    def __init__(self, core: Core, rules: _Rules, options: Ints, theta: float) -> None:
        part = _part(core, rules)
        matrix = sparse.csc_matrix((part.gain, part.row, part.ptr), shape=(core.rows, core.options))[:, options]
        self.rows, compact = np.unique(matrix.indices, return_inverse=True)
        cut = rules.matrix.tocsc()[:, options]
        table = (cut.indptr.astype(np.int64), cut.indices.astype(np.int32), cut.data.astype(np.float64))
        starts = matrix.indptr.astype(np.int64)
        self.part = kernels_price.Part(starts, compact.astype(np.int32), matrix.data, *table, rules.limit)
        self.limit, self.theta, self.options = _limit(core, options), theta, options.size

    def run(self, start: _Prices, *, added: float, rounds: int) -> tuple[_Prices, _Prices]:
        """The prices reached and the best ones met, both for all rows and rules."""
        price, rule = start.row[self.rows].copy(), start.rule.copy()
        outside = float(start.row.sum() - price.sum())
        state = np.array([NO_VALUE, self.theta, 0.0, 0.0, 0.0])
        descent = kernels_price.Descent(price, rule, price.copy(), rule.copy(), state)
        tuning = (PATIENCE, SHRINK, LEAST_PROGRESS)
        kernels_price.descend(self.part, descent, self.limit, added - outside, rounds, *tuning)
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
    rule = rules.scale * _rule_prices(
        core, _positive(-dual[nodes : nodes + core.limits.low.size], core.limits.low.size, signed=True)
    )
    return _Prices(row, rule, _value_at(core, rules, row, rule).value)


def _positive(dual: Floats, size: int, *, signed: bool = False) -> Floats:
    clean = np.nan_to_num(dual, posinf=0.0, neginf=0.0) if dual.size == size else np.zeros(size)
    return clean if signed else np.abs(clean)


def _rule_prices(core: Core, dual: Floats) -> Floats:
    """Split signed rule duals into prices of upper and of lower limits, in the order of `_rules`."""
    upper, lower = _sides(core)
    return np.concatenate([np.maximum(0.0, dual[upper]), np.maximum(0.0, -dual[lower])])
