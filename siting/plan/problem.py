"""The problem of choosing sites: who could be covered by which option, at what cost, under which rules."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from numbers import Real

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from siting.errors import BadInput, Listed, NotFound, Word

MODES = ("probability", "binary")
SHOWN_POSITIONS = 5


@dataclass(frozen=True)
class Limits:
    """How much may be chosen beside what is locked.

    Parameters
    ----------
    count : int or None
        Largest number of chosen options.
    budget_yuan : float or None
        Largest sum of their costs [yuan].
    """

    count: int | None = None
    budget_yuan: float | None = None

    def __post_init__(self) -> None:
        if self.count is not None:
            if isinstance(self.count, bool) or not (_finite(self.count) and self.count >= 0 and self.count % 1 == 0):
                raise BadInput("plan.limits.count", value=self.count)
            object.__setattr__(self, "count", int(self.count))
        if self.budget_yuan is not None:
            if not (_finite(self.budget_yuan) and self.budget_yuan >= 0):
                raise BadInput("plan.limits.budget", value=self.budget_yuan)
            object.__setattr__(self, "budget_yuan", float(self.budget_yuan))


def _finite(value: object) -> bool:
    return isinstance(value, Real) and math.isfinite(value)


@dataclass(frozen=True, eq=False)
class Rule:
    """A named linear rule: at_least <= sum of coefficient x over the named options <= at_most.

    Parameters
    ----------
    name : str
        What a person reads when the rule binds or clashes.
    option_index : array of int
        Positions in the problem's ``option_id``.
    coefficient : array of float
        What each of them uses or gives.
    at_most, at_least : float or None
        Limits; at least one is given.
    """

    name: str
    option_index: npt.NDArray[np.int64]
    coefficient: npt.NDArray[np.float64]
    at_most: float | None = None
    at_least: float | None = None

    def __post_init__(self) -> None:
        given = np.asarray(self.option_index)
        coefficient = _numbers(self.coefficient, "coefficient")
        limits = {"at_most": self.at_most, "at_least": self.at_least}
        named = [limit for limit in limits.values() if limit is not None]
        sound = given.shape == coefficient.shape and given.ndim == 1 and (given.dtype.kind in "iu" or not given.size)
        known = sound and np.isfinite(coefficient).all() and np.unique(given).size == given.size
        if not (known and named and all(_finite(limit) for limit in named)):
            raise BadInput("plan.rule.unsound", name=self.name)
        object.__setattr__(self, "option_index", given.astype(np.int64))
        object.__setattr__(self, "coefficient", coefficient)
        for name, limit in limits.items():
            object.__setattr__(self, name, None if limit is None else float(limit))


@dataclass(frozen=True, eq=False)
class CoverProblem:
    """Rows (people of one unit and operator) and columns (options) of one planning question, checked as a whole.

    Parameters
    ----------
    option_id : array of str [options]
        Unique names of the options.
    row_id : array [rows]
        Unique sortable names of the rows.
    cover : scipy CSC [rows, options]
        Coverage probability p_ij in 0..1; an absent entry is 0.
    weight : array of float [rows]
        People, >= 0.
    base : array of float [rows]
        Probability from existing sites, 0..1.
    cost_yuan : array of float [options]
        Cost after sharing [yuan], >= 0.
    locked, forbidden : array of bool [options]
        Chosen in any case (outside the limits); never chosen.
    limits, rules
        What may be chosen.
    candidate_id, operators : arrays [options]
        The place of each option; the tuple of operators it serves.
    row_table : DataFrame or None
        One line per row with columns ``operator``, ``street_office``, ``venue`` for the plan's tables.
    option_table : DataFrame or None
        One line per option with columns ``state`` and ``codes`` (from eligibility) for conditions and exclusions.

    Raises
    ------
    BadInput
        With every problem found and its first positions.
    """

    option_id: npt.NDArray[np.str_]
    row_id: npt.NDArray[np.generic]
    cover: sparse.csc_matrix
    weight: npt.NDArray[np.float64]
    base: npt.NDArray[np.float64]
    cost_yuan: npt.NDArray[np.float64]
    locked: npt.NDArray[np.bool_]
    forbidden: npt.NDArray[np.bool_]
    limits: Limits
    rules: tuple[Rule, ...]
    candidate_id: npt.NDArray[np.str_]
    operators: tuple[tuple[str, ...], ...]
    row_table: pd.DataFrame | None = None
    option_table: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        for name in ("weight", "base", "cost_yuan"):
            object.__setattr__(self, name, _numbers(getattr(self, name), name))
        for name in ("locked", "forbidden"):
            object.__setattr__(self, name, _flags(getattr(self, name), name))
        for name in ("option_id", "candidate_id"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=np.str_))
        object.__setattr__(self, "row_id", np.asarray(self.row_id))
        object.__setattr__(self, "rules", tuple(self.rules))
        object.__setattr__(self, "operators", tuple(tuple(o) for o in self.operators))
        object.__setattr__(self, "cover", _plain_csc(self.cover))
        problems = list(_shape_problems(self)) or [*_value_problems(self), *_rule_problems(self)]
        if problems:
            raise BadInput("plan.problem.invalid", count=len(problems), problems=Listed(tuple(problems)))

    def index_of(self, option_ids: Collection[str]) -> npt.NDArray[np.int64]:
        """Positions of the named options, in the given order.

        Raises
        ------
        NotFound
            If a name is not an option of this problem.
        """
        place = pd.Index(self.option_id).get_indexer(pd.Index(list(option_ids), dtype=object))
        missing = [name for name, at in zip(option_ids, place, strict=True) if at < 0]
        if missing:
            raise NotFound("plan.option.unknown", options=", ".join(missing[:SHOWN_POSITIONS]))
        return np.asarray(place, dtype=np.int64)

    def digest(self) -> str:
        """A fingerprint of the question, independent of the order of rows and options."""
        columns, rows = np.argsort(self.option_id), np.argsort(self.row_id)
        cover = self.cover[rows][:, columns].tocsc()
        cover.sort_indices()
        back = np.argsort(columns)
        parts: list[object] = [self.option_id[columns].tolist(), np.asarray(self.row_id)[rows].tolist()]
        parts += [
            sorted(
                (
                    (
                        r.name,
                        r.at_most,
                        r.at_least,
                        sorted(zip(back[r.option_index].tolist(), r.coefficient.tolist(), strict=True)),
                    )
                    for r in self.rules
                ),
                key=lambda rule: (rule[0], repr(rule)),
            ),
            self.limits.count,
            self.limits.budget_yuan,
        ]
        arrays = (
            cover.indptr,
            cover.indices,
            cover.data,
            self.weight[rows],
            self.base[rows],
            self.cost_yuan[columns],
            self.locked[columns],
            self.forbidden[columns],
        )
        digest = hashlib.blake2b(repr(parts).encode(), digest_size=16)
        for array in arrays:
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


def _numbers(values: object, name: str) -> npt.NDArray[np.float64]:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise BadInput("plan.problem.numbers", name=name) from None


def _flags(values: object, name: str) -> npt.NDArray[np.bool_]:
    given = np.asarray(values)
    if given.dtype.kind != "b" and not np.isin(given, (0, 1)).all():
        raise BadInput("plan.problem.flags", name=name)
    return given.astype(np.bool_)


def _plain_csc(matrix: object) -> sparse.csc_matrix:
    """One form of equal matrices: entries of float64, rows in order, none twice and none of 0."""
    plain = sparse.csc_matrix(matrix, dtype=np.float64)
    if not plain.has_canonical_format or not plain.data.all():
        plain = plain.copy()
        plain.sum_duplicates()
        plain.eliminate_zeros()
    return plain


def _shape_problems(problem: CoverProblem) -> Iterator[Word]:
    rows, options = problem.cover.shape
    sizes = {
        "option_id": options,
        "cost_yuan": options,
        "locked": options,
        "forbidden": options,
        "candidate_id": options,
        "operators": options,
        "row_id": rows,
        "weight": rows,
        "base": rows,
    }
    for name, expected in sizes.items():
        values = getattr(problem, name)
        given = values.shape if isinstance(values, np.ndarray) else (len(values),)
        if given != (expected,):
            told = given[0] if len(given) == 1 else given
            yield Word("plan.problem.length", {"name": name, "given": told, "expected": expected})
    for name, expected in (("row_table", rows), ("option_table", options)):
        table = getattr(problem, name)
        if table is not None and len(table) != expected:
            yield Word("plan.problem.length", {"name": name, "given": len(table), "expected": expected})
    if problem.row_id.dtype == object and len({isinstance(name, str) for name in problem.row_id.flat}) > 1:
        yield Word("plan.problem.row_mixed")


def _value_problems(problem: CoverProblem) -> Iterator[Word]:
    data = problem.cover.data
    entry_column = np.repeat(np.arange(problem.cover.shape[1]), np.diff(problem.cover.indptr))
    off_scale = np.unique(entry_column[~((data >= 0) & (data <= 1))])
    both = problem.locked & problem.forbidden
    checks = (
        ("plan.problem.weight", np.flatnonzero(~(np.isfinite(problem.weight) & (problem.weight >= 0)))),
        ("plan.problem.base", np.flatnonzero(~((problem.base >= 0) & (problem.base <= 1)))),
        ("plan.problem.cover", off_scale),
        ("plan.problem.cost", np.flatnonzero(~(np.isfinite(problem.cost_yuan) & (problem.cost_yuan >= 0)))),
        ("plan.problem.option_twice", _repeated(problem.option_id)),
        ("plan.problem.row_twice", _repeated(problem.row_id)),
        ("plan.problem.locked_forbidden", np.flatnonzero(both)),
    )
    for key, places in checks:
        if places.size:
            shown = ", ".join(str(at) for at in places[:SHOWN_POSITIONS])
            yield Word(key, {"count": places.size, "positions": shown})


def _rule_problems(problem: CoverProblem) -> Iterator[Word]:
    options = problem.cover.shape[1]
    for rule in problem.rules:
        if rule.option_index.size and not (rule.option_index.min() >= 0 and rule.option_index.max() < options):
            yield Word("plan.problem.rule_range", {"name": rule.name})


def _repeated(values: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
    return np.flatnonzero(pd.Series(values).duplicated(keep="first").to_numpy())


def with_changes(
    problem: CoverProblem,
    *,
    lock: Sequence[str] = (),
    forbid: Sequence[str] = (),
    free: Sequence[str] = (),
    limits: Limits | None = None,
    rules: Sequence[Rule] | None = None,
) -> CoverProblem:
    """A copy of the problem with options locked, forbidden or freed and other limits or rules.

    Raises
    ------
    NotFound
        If a named option does not exist.
    BadInput
        If an option is to be locked and forbidden at once.
    """
    both = sorted(set(lock) & set(forbid))
    if both:
        raise BadInput("plan.problem.asked_both", options=", ".join(both[:SHOWN_POSITIONS]))
    locked, forbidden = problem.locked.copy(), problem.forbidden.copy()
    for names, lock_value, forbid_value in ((free, False, False), (lock, True, False), (forbid, False, True)):
        places = problem.index_of(list(names))
        locked[places], forbidden[places] = lock_value, forbid_value
    return replace(
        problem,
        locked=locked,
        forbidden=forbidden,
        limits=problem.limits if limits is None else limits,
        rules=problem.rules if rules is None else tuple(rules),
    )
