"""Plans held against each other: every plan under every problem, where they differ, which one holds in all of them."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from siting.errors import BadInput
from siting.plan.problem import CoverProblem
from siting.plan.result import broken

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
T = TypeVar("T")

#: Columns of a problem's row table by which differences are told.
LEVELS = ("street_office", "operator", "venue")
UNKNOWN, FORBIDDEN = "unknown", "forbidden"
TABLE = Path(__file__).parent / "data" / "compare.csv"


class Chosen(Protocol):
    """What is compared: a `siting.plan.Plan`, or what was kept of one."""

    @property
    def chosen(self) -> Sequence[str]:
        """Option ids."""

    @property
    def cost_yuan(self) -> float:
        """What they cost [yuan]."""

    @property
    def gap(self) -> float:
        """How far the plan can be from the best one, 0..1."""

    @property
    def problem_hash(self) -> str:
        """Fingerprint of the question that it answers."""


@dataclass(frozen=True)
class Kept:
    """A plan of which only this was kept; see `Chosen`."""

    chosen: tuple[str, ...]
    cost_yuan: float
    gap: float
    problem_hash: str = ""


@dataclass(frozen=True)
class Origin:
    """Where a plan or a problem is from: only what is from one place can be compared.

    Parameters
    ----------
    district : str
        Name of the district.
    crs : str
        Its coordinate reference system.
    """

    district: str
    crs: str


@dataclass(frozen=True, eq=False)
class Comparison:
    """What `compare` finds.

    Parameters
    ----------
    plans : DataFrame
        One line per plan: ``plan, sites, cost_yuan, gap, problem_hash``.
    matrix : DataFrame
        One line per plan and problem: ``plan, problem, draw`` (whether the problem is a draw), ``value, added, regret``
        [persons], ``cost_yuan`` there, ``violations`` (names of limits and rules that the plan breaks there).
    groups : DataFrame
        People by group, for every problem that is no draw: ``problem, by`` (one of `LEVELS`), ``name, plan, persons,
        covered_before, covered, added``.
    sites : DataFrame
        One line per option of any plan: ``option_id``, ``plans`` (tuple of those that hold it), ``common``.
    left_out : DataFrame
        Options that count for nothing under a problem: ``plan, problem, option_id, why`` (`UNKNOWN` or `FORBIDDEN`).
    hashes_differ : bool
        Whether the plans answer different questions.
    robust : str
        The plan of the largest minimum over the problems (over the draws where there is nothing else).
    robust_draws : str
        The plan of the largest mean of the worst tenth of the draws; empty where there are too few.
    worst_mean : mapping
        That mean by plan [persons]; empty where there are too few draws.
    """

    plans: pd.DataFrame
    matrix: pd.DataFrame
    groups: pd.DataFrame
    sites: pd.DataFrame
    left_out: pd.DataFrame
    hashes_differ: bool
    robust: str
    robust_draws: str
    worst_mean: Mapping[str, float]

    def by_problem(self, column: str = "added") -> pd.DataFrame:
        """The matrix as plans by problems without the draws; `column` is ``added``, ``regret``, ``value`` or ``cost_yuan``."""
        told = self.matrix[~self.matrix["draw"]]
        wide = told.pivot_table(index="plan", columns="problem", values=column, sort=False)
        return wide.reindex(index=list(self.plans["plan"]), columns=list(dict.fromkeys(told["problem"])))

    def differences(self, problem: str, by: str, first: str, second: str) -> pd.DataFrame:
        """Where two plans differ under a problem, the largest difference first.

        Parameters
        ----------
        problem : str
            Name of a problem that is no draw.
        by : str
            One of `LEVELS`.
        first, second : str
            Names of plans.

        Returns
        -------
        DataFrame
            ``name, persons, covered_before, first, second`` (people added) and ``difference`` (second - first) [persons];
            groups without a name are left out.
        """
        own = self.groups[(self.groups["problem"] == problem) & (self.groups["by"] == by)]
        one, other = (own[own["plan"] == name].set_index("name") for name in (first, second))
        table = one[["persons", "covered_before"]].assign(first=one["added"], second=other["added"]).reset_index()
        table["difference"] = table["second"] - table["first"]
        order = table["difference"].abs().sort_values(ascending=False, kind="stable").index
        return table.loc[order].reset_index(drop=True)


def compare(
    plans: Mapping[str, Chosen] | Sequence[Chosen],
    problems: Mapping[str, CoverProblem] | Sequence[CoverProblem],
    *,
    draws: Collection[str] = (),
    plan_origins: Mapping[str, Origin] | None = None,
    problem_origins: Mapping[str, Origin] | None = None,
) -> Comparison:
    """Evaluate every plan under every problem.

    A plan's options that a problem does not know or forbids count for nothing there and are named in ``left_out``.

    Parameters
    ----------
    plans : mapping or sequence
        Plans by name, in the order in which ties are broken; in a sequence they are named 1, 2, ...
    problems : mapping or sequence
        Problems by name, or named likewise: the questions of the plans, and scenarios.
    draws : collection of str
        Names of the problems that are draws of one uncertainty.
    plan_origins, problem_origins : mapping or None
        Where each of them is from; None where the caller knows that all are from one district.

    Returns
    -------
    Comparison

    Raises
    ------
    BadInput
        If there is no plan or no problem, or they are of different districts or reference systems.
    """
    plans, problems = _by_name(plans), _by_name(problems)
    if not plans or not problems:
        raise BadInput("compare.nothing", plans=len(plans), problems=len(problems))
    _of_one_place({**(plan_origins or {})}, {**(problem_origins or {})})
    found = [_under(name, problem, label, plan) for label, plan in plans.items() for name, problem in problems.items()]
    matrix = _matrix(found, set(draws))
    worst = _worst_mean(matrix)
    return Comparison(
        plans=_plan_table(plans),
        matrix=matrix,
        groups=_stacked([part for one in found if one.problem_name not in set(draws) for part in _groups(one)]),
        sites=_sites(plans),
        left_out=pd.DataFrame(
            [line for one in found for line in one.left_out()], columns=["plan", "problem", "option_id", "why"]
        ),
        hashes_differ=len({plan.problem_hash for plan in plans.values()}) > 1,
        robust=_largest_minimum(matrix),
        robust_draws=max(worst, key=lambda name: worst[name]) if worst else "",
        worst_mean=worst,
    )


def _by_name(given: Mapping[str, T] | Sequence[T]) -> Mapping[str, T]:
    return given if isinstance(given, Mapping) else {str(number): one for number, one in enumerate(given, start=1)}


def only(problem: CoverProblem, option_ids: Collection[str], *, open_rows: bool = False) -> CoverProblem:
    """The problem with the named options and the locked ones alone: the same for every plan made of them, and small.

    Parameters
    ----------
    problem : CoverProblem
        The whole question.
    option_ids : collection of str
        Options to keep; those that the problem does not know are passed over.
    open_rows : bool
        Keep only rows that one of them reaches: what a plan adds stays the same, what is covered does not.
    """
    keep = problem.locked | np.isin(problem.option_id, np.array(sorted(set(option_ids)), dtype=np.str_))
    place = np.flatnonzero(keep)
    back = np.full(keep.size, -1, dtype=np.int64)
    back[place] = np.arange(place.size)
    cover = problem.cover[:, place].tocsc()
    rows = np.unique(cover.indices) if open_rows else np.arange(cover.shape[0])
    table, options = problem.row_table, problem.option_table
    return replace(
        problem,
        option_id=problem.option_id[place],
        row_id=problem.row_id[rows],
        cover=cover[rows] if open_rows else cover,
        weight=problem.weight[rows],
        base=problem.base[rows],
        cost_yuan=problem.cost_yuan[place],
        locked=problem.locked[place],
        forbidden=problem.forbidden[place],
        rules=tuple(
            replace(rule, option_index=back[rule.option_index][held], coefficient=rule.coefficient[held])
            for rule in problem.rules
            for held in [keep[rule.option_index]]
        ),
        candidate_id=problem.candidate_id[place],
        operators=tuple(problem.operators[at] for at in place),
        row_table=None if table is None else table.iloc[rows].reset_index(drop=True),
        option_table=None if options is None else options.iloc[place].reset_index(drop=True),
    )


@cache
def defaults() -> Mapping[str, float]:
    """Share and number of the draws that a comparison speaks of; rows of ``compare.csv``."""
    table = pd.read_csv(TABLE)
    return MappingProxyType(dict(zip(table["name"], table["value"].astype(float), strict=True)))


@dataclass(frozen=True, eq=False)
class _Under:
    """One plan under one problem: positions of its options (-1: none), what stands with it, probability of each row."""

    problem_name: str
    problem: CoverProblem
    plan_name: str
    ids: tuple[str, ...]
    place: Ints
    taken: Ints
    before: Floats
    after: Floats

    @property
    def added(self) -> float:
        """People that the plan adds to what stands [persons]."""
        return float((self.problem.weight * (self.after - self.before)).sum())

    @property
    def value(self) -> float:
        """People covered [persons]."""
        return float((self.problem.weight * self.after).sum())

    @property
    def cost_yuan(self) -> float:
        """What the plan's usable options cost there [yuan]."""
        return math.fsum(self.problem.cost_yuan[self.taken[~self.problem.locked[self.taken]]])

    def left_out(self) -> Iterator[tuple[str, str, str, str]]:
        """Options that count for nothing here, with the reason."""
        for name, at in zip(self.ids, self.place, strict=True):
            if at < 0 or self.problem.forbidden[at]:
                yield self.plan_name, self.problem_name, name, UNKNOWN if at < 0 else FORBIDDEN


def _under(problem_name: str, problem: CoverProblem, plan_name: str, plan: Chosen) -> _Under:
    ids = tuple(str(name) for name in dict.fromkeys(plan.chosen))
    place = np.asarray(pd.Index(problem.option_id).get_indexer(pd.Index(ids, dtype=object)), dtype=np.int64)
    standing = np.flatnonzero(problem.locked)
    usable = place[place >= 0]
    taken = np.union1d(usable[~problem.forbidden[usable]], standing)
    before, after = _level(problem, standing), _level(problem, taken)
    return _Under(problem_name, problem, plan_name, ids, place, taken, before, after)


def _level(problem: CoverProblem, places: Ints) -> Floats:
    """Probability of each row with the options at these positions."""
    if places.size == 0:
        return problem.base
    return np.maximum(problem.base, np.asarray(problem.cover[:, places].max(axis=1).todense()).ravel())


def _matrix(found: Sequence[_Under], draws: set[str]) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "plan": [one.plan_name for one in found],
            "problem": [one.problem_name for one in found],
            "draw": [one.problem_name in draws for one in found],
            "value": [one.value for one in found],
            "added": [one.added for one in found],
            "cost_yuan": [one.cost_yuan for one in found],
            "violations": [broken(one.problem, one.taken) for one in found],
        }
    )
    best = table.groupby("problem", sort=False)["added"].transform("max")
    table.insert(5, "regret", best - table["added"])
    return table


def _groups(one: _Under) -> Iterator[pd.DataFrame]:
    table, weight = one.problem.row_table, one.problem.weight
    for by in LEVELS:
        if table is None or by not in table:
            continue
        code, names = pd.factorize(table[by], sort=True)
        held = code >= 0
        persons, before, covered = (
            np.bincount(code[held], weights=values[held], minlength=len(names))
            for values in (weight, weight * one.before, weight * one.after)
        )
        about = {"problem": one.problem_name, "by": by, "name": np.asarray(names, dtype=object), "plan": one.plan_name}
        figures = {"persons": persons, "covered_before": before, "covered": covered, "added": covered - before}
        yield pd.DataFrame({**about, **figures})


def _stacked(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    held = [part for part in parts if len(part)]
    names = ["problem", "by", "name", "plan", "persons", "covered_before", "covered", "added"]
    return pd.concat(held, ignore_index=True) if held else pd.DataFrame(columns=names)


def _plan_table(plans: Mapping[str, Chosen]) -> pd.DataFrame:
    lines = [(name, len(set(p.chosen)), p.cost_yuan, p.gap, p.problem_hash) for name, p in plans.items()]
    return pd.DataFrame(lines, columns=["plan", "sites", "cost_yuan", "gap", "problem_hash"])


def _sites(plans: Mapping[str, Chosen]) -> pd.DataFrame:
    held: dict[str, list[str]] = {}
    for name, plan in plans.items():
        for option in dict.fromkeys(plan.chosen):
            held.setdefault(str(option), []).append(name)
    lines = [(option, tuple(names), len(names) == len(plans)) for option, names in held.items()]
    return pd.DataFrame(lines, columns=["option_id", "plans", "common"])


def _of_one_place(*origins: Mapping[str, Origin]) -> None:
    told = [(name, origin) for part in origins for name, origin in part.items()]
    for name, origin in told[1:]:
        if origin != told[0][1]:
            first = told[0]
            raise BadInput(
                "compare.origin", first=first[0], first_district=first[1].district, first_crs=first[1].crs,
                second=name, second_district=origin.district, second_crs=origin.crs,
            )  # fmt: skip


def _largest_minimum(matrix: pd.DataFrame) -> str:
    told = matrix[~matrix["draw"]] if (~matrix["draw"]).any() else matrix
    return str(told.groupby("plan", sort=False)["added"].min().idxmax())


def _worst_mean(matrix: pd.DataFrame) -> dict[str, float]:
    """Mean of the worst share of the draws by plan [persons]."""
    drawn, table = matrix[matrix["draw"]], defaults()
    if drawn["problem"].nunique() < table["least_draws"]:
        return {}
    size = math.ceil(drawn["problem"].nunique() * table["worst_share"])
    return {
        str(name): float(np.sort(own["added"].to_numpy())[:size].mean())
        for name, own in drawn.groupby("plan", sort=False)
    }
