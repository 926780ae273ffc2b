"""The part of a problem that is still open, in canonical order and exact arithmetic.

People are rounded to one unit, a power of two small enough that the rounding vanishes beside float noise
(total / 2**52 per row) and large enough that every sum of gains is exact in float64.  Results therefore do
not depend on the order in which rows or options arrive.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import sparse

from siting.plan import kernels, kernels_open
from siting.plan.kernels import Cover, Limits, State
from siting.plan.problem import CoverProblem, Rule

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

BUDGET = "budget_yuan"
COUNT = "count"
EXACT_BITS = 52
TRIM_SHARE = 0.001
TRIM_TOTAL = 1e-4
REST = 1e-9
TOLERANCE = 1e-9


@dataclass(frozen=True, eq=False)
class Core:
    """Free options and the rows they can still improve.

    Parameters
    ----------
    problem : CoverProblem
        Where it comes from.
    place : array of int [options]
        Position of each free option in the problem, by ascending id.
    cover, limits
        Gains [persons] and rules (the budget is one of them) of the free options.
    rule_names : tuple of str
        Name of each rule, in the order of `limits`.
    cost_yuan : array of float [options]
        Cost of the free options.
    count : int
        Most options that may be added.
    base_value : float
        Expected people covered without any free option, locked ones included.
    row_weight : array of float [rows]
        People of each open row.
    slack : float
        What entries left out could add at most; belongs to every bound.
    """

    problem: CoverProblem
    place: Ints
    cover: Cover
    limits: Limits
    rule_names: tuple[str, ...]
    cost_yuan: Floats
    count: int
    base_value: float
    row_weight: Floats
    slack: float = 0.0

    @property
    def options(self) -> int:
        """Number of free options."""
        return self.place.size

    @property
    def rows(self) -> int:
        """Number of rows that a free option can improve."""
        return self.row_weight.size

    @property
    def entries(self) -> int:
        """Number of gains."""
        return self.cover.col_gain.size

    @property
    def has_budget(self) -> bool:
        """Whether yuan are limited."""
        return BUDGET in self.rule_names

    @property
    def has_floor(self) -> bool:
        """Whether any rule asks for at least something."""
        return bool(np.isfinite(self.limits.low).any())

    def empty(self) -> State:
        """The state before anything is chosen."""
        gain = kernels.totals(self.cover.col_ptr, self.cover.col_gain)
        flags = np.zeros(self.options, dtype=np.bool_)
        return State(flags, flags.copy(), np.zeros(self.rows), gain, np.zeros(self.limits.low.size))

    def ids(self, chosen: Collection[int]) -> tuple[str, ...]:
        """Names of free options by their position in the core."""
        return tuple(str(self.problem.option_id[self.place[at]]) for at in chosen)

    def positions(self, option_ids: Collection[str]) -> Ints:
        """Positions in the core of those named options that are free."""
        back = np.full(self.problem.option_id.size, -1, dtype=np.int64)
        back[self.place] = np.arange(self.options)
        found = back[self.problem.index_of(option_ids)]
        return np.sort(found[found >= 0])


def open_part(problem: CoverProblem, *, whole: bool = False, without: Ints | None = None) -> Core:
    """Fold existing and locked sites into the base, drop hopeless rows, sort by id.

    Options that no plan can hold are dropped too, unless the `whole` of the free ones is wanted; so are those at the positions
    `without`.
    """
    out = problem.locked | problem.forbidden
    out = out if whole else out | _impossible(problem)
    out[[] if without is None else without] = True
    free = np.flatnonzero(~out)
    place = free[np.argsort(problem.option_id[free], kind="stable")]
    back = np.full(problem.option_id.size, -1, dtype=np.int64)
    back[place] = np.arange(place.size)
    level, cover, rows = _open_cover(problem, place)
    names, limits = _limits(problem, place, back)
    return Core(
        problem=problem,
        place=place,
        cover=cover,
        limits=limits,
        rule_names=names,
        cost_yuan=problem.cost_yuan[place],
        count=place.size if problem.limits.count is None else min(place.size, int(problem.limits.count)),
        base_value=float(level.sum()),
        row_weight=problem.weight[rows],
    )


def _impossible(problem: CoverProblem) -> npt.NDArray[np.bool_]:
    """Options that alone break an upper limit to which nothing gives back."""
    out = np.zeros(problem.option_id.size, dtype=np.bool_)
    if problem.limits.budget_yuan is not None:
        out |= problem.cost_yuan > problem.limits.budget_yuan + TOLERANCE * max(1.0, problem.limits.budget_yuan)
    for rule in problem.rules:
        if rule.at_most is not None and (rule.coefficient >= 0).all():
            left = rule.at_most - float(rule.coefficient[problem.locked[rule.option_index]].sum())
            over = (rule.coefficient > 0) & (rule.coefficient > left + TOLERANCE * max(1.0, abs(left)))
            out[rule.option_index[over]] = True
    return out


def _open_cover(problem: CoverProblem, place: Ints) -> tuple[Floats, Cover, Ints]:
    """People covered already [rows], the gains beyond them in both orders, and the rows that have any, sorted by id."""
    unit, matrix = _unit(problem.weight), problem.cover
    ptr, row = matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32, copy=False)
    level = _rounded(problem.weight * problem.base, unit)
    kernels_open.raise_levels(ptr, row, matrix.data, problem.weight, unit, np.flatnonzero(problem.locked), level)
    starts, used = kernels_open.count_gains(ptr, row, matrix.data, problem.weight, unit, place, level)
    rows = np.flatnonzero(used)
    rows = rows[np.argsort(np.asarray(problem.row_id)[rows], kind="stable")]
    back = np.full(problem.weight.size, -1, dtype=np.int64)
    back[rows] = np.arange(rows.size)
    new_row, gain = np.empty(starts[-1], dtype=np.int32), np.empty(starts[-1])
    kernels_open.take_gains(ptr, row, matrix.data, problem.weight, unit, place, level, back, new_row, gain)
    return level, both_orders(starts, new_row, gain, rows.size), rows


def both_orders(ptr: Ints, row: npt.NDArray[np.int32], gain: Floats, rows: int) -> Cover:
    """Gains by option, rows in any order inside each, as a cover with both orders sorted."""
    by_row = kernels_open.transposed(ptr, row, gain, rows)
    return Cover(*kernels_open.transposed(*by_row, ptr.size - 1), *by_row)


def _unit(weight: Floats) -> float:
    total = float(weight.sum())
    return 2.0 ** (math.ceil(math.log2(total)) - EXACT_BITS) if total > 0 else 1.0


def _rounded(values: Floats, unit: float) -> Floats:
    return np.rint(values / unit) * unit


def cover_of(entries: sparse.spmatrix) -> Cover:
    """Both orders of a gain matrix [rows, options]."""
    by_column = sparse.csc_matrix(entries)
    gain = by_column.data.astype(np.float64)
    return both_orders(by_column.indptr.astype(np.int64), by_column.indices.astype(np.int32), gain, by_column.shape[0])


def _limits(problem: CoverProblem, place: Ints, back: Ints) -> tuple[tuple[str, ...], Limits]:
    names, low, high, triples = [], [], [], []
    budget = problem.limits.budget_yuan
    if budget is not None:
        names, low, high = [BUDGET], [-np.inf], [budget]
        triples.append((np.zeros(place.size, dtype=np.int64), np.arange(place.size), problem.cost_yuan[place]))
    for rule in _plain(problem.rules):
        held = float(rule.coefficient[problem.locked[rule.option_index]].sum())
        free = back[rule.option_index] >= 0
        triples.append((np.full(free.sum(), len(names)), back[rule.option_index[free]], rule.coefficient[free]))
        names.append(rule.name)
        low.append(-np.inf if rule.at_least is None else _left(rule.at_least, held))
        high.append(np.inf if rule.at_most is None else _left(rule.at_most, held))
    matrix = sparse.csc_matrix((len(names), place.size))
    if triples:
        rule_row, option, coefficient = (np.concatenate(part) for part in zip(*triples, strict=True))
        matrix = sparse.csc_matrix((coefficient, (rule_row, option)), shape=(len(names), place.size))
        matrix.eliminate_zeros()
    limits = Limits(
        matrix.indptr.astype(np.int64),
        matrix.indices.astype(np.int32),
        matrix.data.astype(np.float64),
        np.array(low, dtype=np.float64),
        np.array(high, dtype=np.float64),
    )
    return tuple(names), limits


def _plain(rules: Iterable[Rule]) -> Iterator[Rule]:
    """Rules by name; an upper limit to which some option gives back is written as a lower one.

    The search then asks for it again whenever an option leaves, and starts from a set that meets it.
    """
    for rule in sorted(rules, key=lambda rule: rule.name):
        if rule.at_most is None or not (rule.coefficient < 0).any():
            yield rule
            continue
        if rule.at_least is not None:
            yield replace(rule, at_most=None)
        yield replace(rule, coefficient=-rule.coefficient, at_most=None, at_least=-rule.at_most)


def _left(limit: float, held: float) -> float:
    """What locked options leave of a limit; a rest below rounding is none, or its price would grow without end."""
    rest = limit - held
    return 0.0 if abs(rest) <= REST * max(1.0, abs(limit)) else rest


def trimmed(core: Core, *, added: float) -> Core:
    """Leave out gains below a thousandth of their row's people while the loss stays below 0.01 % of `added` [persons].

    What the left-out entries could add at most is kept as `slack`.
    """
    cover = core.cover
    largest = kernels_open.small_gains(cover, core.row_weight, TRIM_SHARE)
    order = np.argsort(largest, kind="stable")
    allowed = np.zeros(core.rows, dtype=np.bool_)
    allowed[order] = np.cumsum(largest[order]) <= TRIM_TOTAL * added
    allowed &= largest > 0
    if not allowed.any():
        return core
    row = np.repeat(np.arange(core.rows), np.diff(cover.row_ptr))
    keep = (cover.row_gain >= TRIM_SHARE * core.row_weight[row]) | ~allowed[row]
    entries = sparse.coo_matrix(
        (cover.row_gain[keep], (row[keep], cover.row_col[keep])), shape=(core.rows, core.options)
    )
    return replace(core, cover=cover_of(entries), slack=core.slack + float(largest[allowed].sum()))
