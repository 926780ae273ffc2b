"""What a solver gives back: a plan, what it covers, and how far it can be from the best one."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np
import numpy.typing as npt
import pandas as pd

from siting.plan.core import Core, open_part
from siting.plan.kernels import add
from siting.plan.problem import CoverProblem

Progress = Callable[[str, float, float, float], None]
ROUNDING = 1e-9
PROVEN = 1e-6
# Reason code of an option that its question forbids without saying why.
FORBIDDEN = "FORBIDDEN"


@dataclass(frozen=True)
class Step:
    """One step of the work: its value and bound [persons] and how long it took [s]."""

    name: str
    value: float
    bound: float
    seconds: float


@dataclass(frozen=True, eq=False)
class Bound:
    """No plan can be better than `value` [persons]; `valid_for` names the limits and rules it rests on.

    `multipliers` are prices per open row [persons], `rule_prices` per rule.
    """

    value: float
    multipliers: npt.NDArray[np.float64]
    rule_prices: npt.NDArray[np.float64]
    seconds: float
    valid_for: str


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a set of options covers and which rules it breaks."""

    value: float
    added: float
    by_row: npt.NDArray[np.float64]
    feasible: bool
    violations: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Plan:
    """A set of options with a proven distance from the best possible one.

    Parameters
    ----------
    chosen : tuple of str
        Option ids in build order (each next one adds most), locked ones excluded.
    value, base_value, added, bound : float
        Expected people covered with the plan, without it, the difference, and the most any plan could cover.
    gap : float
        (bound - value) / (bound - base_value), 0 where nothing can be added.
    status : str
        ``optimal`` (proven), ``within_gap``, ``work_limit``, ``time_limit`` or ``cancelled``.
    seconds, seed, kicks, repeatable, method, steps
        How it was found; a plan touched by the clock or by a person is not repeatable.
    cost_yuan : float
        Cost of the chosen options [yuan].
    operators, street_offices, venues : DataFrame
        People covered before and after, by operator, sub-district and venue (empty where unknown).
    marginals : DataFrame
        Per chosen option in build order: people added then, the running total, cost.
    conditions, excluded : dict
        Codes attached to chosen options; reason codes of options never used.
    rules : DataFrame
        Activity and limits of every rule.
    problem_hash : str
        Fingerprint of the question.
    radio : str
        Where the probabilities come from, as the caller states it.
    checked_value : float or None
        Value after recomputing the whole network, set by the caller.
    cost_bound_yuan : float or None
        Where the cost was made least: what no plan reaching the target can cost less than [yuan]; gap and status are
        those of the cost then.
    dominated : mapping
        Options left out because another does at least as much everywhere for no more yuan, and that other one.
    """

    chosen: tuple[str, ...]
    value: float
    base_value: float
    added: float
    bound: float
    gap: float
    status: str
    seconds: float
    seed: int
    kicks: int
    repeatable: bool
    method: str
    steps: tuple[Step, ...]
    cost_yuan: float
    operators: pd.DataFrame
    street_offices: pd.DataFrame
    venues: pd.DataFrame
    marginals: pd.DataFrame
    conditions: dict[str, str]
    excluded: dict[str, str]
    rules: pd.DataFrame
    problem_hash: str
    radio: str = ""
    checked_value: float | None = None
    cost_bound_yuan: float | None = None
    dominated: Mapping[str, str] = field(default_factory=dict)

    @property
    def gap_of_total(self) -> float:
        """The gap relative to everything covered, printed second."""
        return (self.bound - self.value) / self.bound if self.bound > 0 else 0.0


@dataclass
class Watch:
    """The clock, the wish to stop and the reporting of one run."""

    time_limit_s: float = math.inf
    cancelled: Callable[[], bool] | None = None
    progress: Progress | None = None
    started: float = field(default_factory=perf_counter)
    stopped_by: str = ""

    @property
    def seconds(self) -> float:
        """Since the start [s]."""
        return perf_counter() - self.started

    def stop(self, *, share: float = 1.0) -> bool:
        """Whether to stop now: a person asked, or `share` of the time is used up (later steps have shares of their own)."""
        if self.cancelled is not None and self.cancelled():
            self.stopped_by = "cancelled"
        late = self.seconds > share * self.time_limit_s
        if late and not self.stopped_by:
            self.stopped_by = "time_limit"
        return late or self.stopped_by == "cancelled"

    def tell(self, name: str, value: float, bound: float, fraction: float) -> None:
        """Report one step with what is known."""
        if self.progress is not None:
            self.progress(name, value, bound, min(1.0, max(0.0, fraction)))


def evaluate(problem: CoverProblem, option_ids: Collection[str]) -> Evaluation:
    """What the named options cover beside the locked ones, and which limits and rules they break.

    Parameters
    ----------
    problem : CoverProblem
        The question.
    option_ids : collection of str
        Options; locked ones may be named or not.

    Returns
    -------
    Evaluation
        ``by_row`` is the people covered in each row of the problem [persons].
    """
    core = open_part(problem, whole=True)
    chosen = core.positions(set(option_ids))
    places = np.concatenate([core.place[chosen], np.flatnonzero(problem.locked)])
    part = problem.cover[:, places]
    best = np.asarray(part.max(axis=1).todense()).ravel() if places.size else np.zeros(problem.weight.size)
    by_row = problem.weight * np.maximum(problem.base, best)
    added = added_by(core, chosen)
    violations = broken(problem, np.concatenate([places, _forbidden_among(problem, option_ids)]))
    return Evaluation(core.base_value + added, added, by_row, not violations, violations)


def _forbidden_among(problem: CoverProblem, option_ids: Collection[str]) -> npt.NDArray[np.int64]:
    named = problem.index_of(sorted(set(option_ids)))
    return named[problem.forbidden[named]]


def broken(problem: CoverProblem, places: npt.NDArray[np.int64]) -> tuple[str, ...]:
    """Names of limits and rules that the options at these positions (locked ones among them) break."""
    inside = np.zeros(problem.option_id.size)
    inside[places] = 1.0
    free = (inside > 0) & ~problem.locked
    limits = problem.limits
    names = []
    if limits.count is not None and free.sum() > limits.count:
        names.append("count")
    if limits.budget_yuan is not None and _above(problem.cost_yuan[free].sum(), limits.budget_yuan):
        names.append("budget_yuan")
    names += [f"forbidden:{problem.option_id[at]}" for at in np.flatnonzero((inside > 0) & problem.forbidden)]
    for rule in problem.rules:
        activity = float(rule.coefficient @ inside[rule.option_index])
        high, low = rule.at_most, rule.at_least
        if (high is not None and _above(activity, high)) or (low is not None and _above(-activity, -low)):
            names.append(rule.name)
    return tuple(names)


def _above(activity: float, limit: float) -> bool:
    return bool(activity > limit + 1e-6 * max(1.0, abs(limit)))


def added_by(core: Core, chosen: npt.NDArray[np.int64]) -> float:
    """What options of the core add together [persons]."""
    return float(best_gains(core, chosen).sum())


def best_gains(core: Core, chosen: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """The largest gain of the chosen options in each open row [persons]."""
    best = np.zeros(core.rows)
    for option in chosen:
        part = slice(core.cover.col_ptr[option], core.cover.col_ptr[option + 1])
        rows = core.cover.col_row[part]
        best[rows] = np.maximum(best[rows], core.cover.col_gain[part])
    return best


def build_order(core: Core, chosen: npt.NDArray[np.int64]) -> tuple[list[int], list[float]]:
    """Greedy order inside a chosen set and what each adds [persons]; ties by id."""
    state = core.empty()
    left = sorted(int(option) for option in chosen)
    order, gains = [], []
    while left:
        option = max(left, key=lambda at: (state.gain[at], -at))
        gains.append(float(add(core.cover, core.limits, state, option)))
        order.append(option)
        left.remove(option)
    return order, gains


@dataclass(frozen=True, eq=False)
class Found:
    """An incumbent of the core and the bounds known so far, before it is dressed as a plan."""

    chosen: npt.NDArray[np.int64]
    steps: tuple[Step, ...]
    bound: float
    method: str
    kicks: int = 0
    seed: int = 0
    finished: str = "work_limit"


def dress(core: Core, found: Found, watch: Watch, *, gap: float) -> Plan:
    """Make a plan of an incumbent: order, tables, gap and the status that its bound proves.

    Raises
    ------
    ValueError
        If the bound lies below the value, which is a fault of the program.
    """
    problem = core.problem
    order, gains = build_order(core, found.chosen)
    added = added_by(core, found.chosen)
    value = core.base_value + added
    bound = max(found.bound, value) if found.bound > value - PROVEN * max(1.0, value) else math.nan
    if math.isnan(bound):
        raise ValueError(f"bound {found.bound!r} below value {value!r}")
    proven = bound - value <= PROVEN * max(1.0, value)
    bound = bound if math.isinf(bound) else bound + ROUNDING * abs(bound)
    share = relative_gap(value, bound, core.base_value)
    ids = core.ids(order)
    places = np.concatenate([core.place[np.array(order, dtype=np.int64)], np.flatnonzero(problem.locked)])
    tables = {name: covered_by(problem, places, name) for name in ("operator", "street_office", "venue")}
    conditions, excluded = _notes(problem, ids)
    return Plan(
        chosen=ids,
        value=value,
        base_value=core.base_value,
        added=added,
        bound=bound,
        gap=share,
        status=_status(proven=proven, share=share, target=gap, finished=watch.stopped_by or found.finished),
        seconds=watch.seconds,
        seed=found.seed,
        kicks=found.kicks,
        repeatable=not watch.stopped_by,
        method=found.method,
        steps=found.steps,
        cost_yuan=math.fsum(core.cost_yuan[order]),
        operators=tables["operator"],
        street_offices=tables["street_office"],
        venues=tables["venue"],
        marginals=_marginal_table(core, order, gains),
        conditions=conditions,
        excluded=excluded,
        rules=_rule_table(problem, places),
        problem_hash=problem.digest(),
    )


def relative_gap(value: float, bound: float, base_value: float) -> float:
    """(bound - value) / (bound - base_value); 0 where nothing but rounding can be added, 1 for no bound at all."""
    if math.isinf(bound):
        return 1.0
    room = bound - base_value
    return max(0.0, bound - value) / room if room > 2 * ROUNDING * abs(bound) else 0.0


def _status(*, proven: bool, share: float, target: float, finished: str) -> str:
    if proven:
        return "optimal"
    if finished in ("cancelled", "time_limit") and share > target:
        return finished
    return "within_gap" if share <= target else "work_limit"


def covered_by(problem: CoverProblem, places: npt.NDArray[np.int64], column: str) -> pd.DataFrame:
    """People, people covered before and with the options at these positions, by one column of the row table."""
    table = problem.row_table
    names = [column, "persons", "covered_before", "covered", "added"]
    if table is None or column not in table:
        return pd.DataFrame(columns=names)
    part = problem.cover[:, places]
    best = np.asarray(part.max(axis=1).todense()).ravel() if places.size else np.zeros(problem.weight.size)
    frame = pd.DataFrame(
        {
            column: table[column].array,
            "persons": problem.weight,
            "covered_before": problem.weight * problem.base,
            "covered": problem.weight * np.maximum(problem.base, best),
        }
    )
    sums = frame.groupby(column, observed=True, sort=False).sum().reset_index()
    sums[column] = sums[column].astype(object)
    sums = sums.sort_values(column, ignore_index=True)
    return sums.assign(added=sums["covered"] - sums["covered_before"])[names]


def _marginal_table(core: Core, order: list[int], gains: list[float]) -> pd.DataFrame:
    cost = core.cost_yuan[order]
    return pd.DataFrame(
        {
            "option_id": core.ids(order),
            "added_persons": gains,
            "running_persons": np.cumsum(gains),
            "cost_yuan": cost,
            "yuan_per_person": [c / g if g > 0 else math.nan for c, g in zip(cost, gains, strict=True)],
        }
    )


def _rule_table(problem: CoverProblem, places: npt.NDArray[np.int64]) -> pd.DataFrame:
    inside = np.zeros(problem.option_id.size)
    inside[places] = 1.0
    free = np.where(problem.locked, 0.0, inside)
    limits = problem.limits
    lines: list[tuple[str, float, float | None, float | None]] = []
    if limits.count is not None:
        lines.append(("count", float(free.sum()), limits.count, None))
    if limits.budget_yuan is not None:
        lines.append(("budget_yuan", float(problem.cost_yuan @ free), limits.budget_yuan, None))
    lines += [(r.name, float(r.coefficient @ inside[r.option_index]), r.at_most, r.at_least) for r in problem.rules]
    return pd.DataFrame(lines, columns=["rule", "activity", "at_most", "at_least"])


def _notes(problem: CoverProblem, chosen: tuple[str, ...]) -> tuple[dict[str, str], dict[str, str]]:
    table = problem.option_table
    if table is None:
        return {}, {str(name): FORBIDDEN for name in problem.option_id[problem.forbidden]}
    codes = {str(name): ",".join(c) for name, c in zip(problem.option_id, table["codes"], strict=True)}
    kept = {name: codes[name] for name in chosen if codes[name]}
    return kept, {str(name): codes[str(name)] for name in problem.option_id[problem.forbidden]}
