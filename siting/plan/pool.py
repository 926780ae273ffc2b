"""Other plans near a known one: repaired without each of its options, with each near twin, and after random kicks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from siting.errors import BadInput
from siting.plan import kernels
from siting.plan.core import Core
from siting.plan.kernels import Limits, State
from siting.plan.result import Watch, added_by

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

PASSES = 10
KICKS = 100
LEAST_SHAKEN = 2
MOST_SHAKEN_SHARE = 0.4
TWINS = 3
TWIN_SHARE = 0.5


@dataclass(frozen=True)
class Met:
    """What a set of options adds [persons], and how it was met."""

    added: float
    origin: str


class _Bench:
    """One state that walks from the plan to a neighbour and back; two rules beside the core's bar or hold an option."""

    def __init__(self, core: Core, own: Ints) -> None:
        self.core, self.own, self.ones = core, own, np.ones(core.options)
        self.price = np.maximum(core.cost_yuan, 1e-9) if core.has_budget else self.ones
        self.limits = _with_two_rules(core)
        self.entry = self.limits.ptr[1:] - 1
        self.state: State = core.empty()._replace(activity=np.zeros(self.limits.low.size))
        for option in own:
            kernels.add(core.cover, self.limits, self.state, option)

    def settled(self, *, barred: int = -1, held: int = -1) -> Ints | None:
        """The local optimum near the present state that keeps every rule, else None."""
        core, state = self.core, self.state
        self._mark(barred, held)
        self._mend()
        self._fill(self.price)
        state.dirty[:] = state.chosen
        kernels.settle(core.cover, self.limits, state, self.ones, PASSES)
        self._fill(self.ones)
        sound = kernels.short_rules(self.limits, state) == 0
        found = np.flatnonzero(state.chosen).astype(np.int64)
        self._unmark(barred, held)
        return found if sound else None

    def _mend(self) -> None:
        """Where the lower limit of a rule is missed, one option that mends all such rules, if there is one."""
        short = kernels.short_rules(self.limits, self.state)
        if short and self.state.chosen.sum() < self.core.count:
            option = kernels.best_addition(self.limits, self.state, self.ones, short)
            if option >= 0:
                kernels.add(self.core.cover, self.limits, self.state, option)

    def _fill(self, price: Floats) -> None:
        core, size = self.core, int(self.state.chosen.sum())
        if kernels.short_rules(self.limits, self.state) == 0:
            kernels.fill(core.cover, self.limits, self.state, price, size, core.count)

    def _mark(self, barred: int, held: int) -> None:
        """The rule ``out`` allows nothing of the barred option, the rule ``held`` asks for the held one."""
        rules = self.limits.low.size
        if barred >= 0:
            self.limits.coefficient[self.entry[barred] - 1] = 1.0
        if held >= 0:
            self.limits.coefficient[self.entry[held]] = 1.0
            self.limits.low[rules - 1] = 1.0
            self.state.activity[rules - 1] = float(self.state.chosen[held])

    def _unmark(self, barred: int, held: int) -> None:
        rules = self.limits.low.size
        if barred >= 0:
            self.limits.coefficient[self.entry[barred] - 1] = 0.0
        if held >= 0:
            self.limits.coefficient[self.entry[held]] = 0.0
            self.limits.low[rules - 1] = -np.inf
            self.state.activity[rules - 1] = 0.0

    def take(self, option: int) -> None:
        kernels.remove(self.core.cover, self.limits, self.state, option)

    def put(self, option: int) -> bool:
        """Put an option in if no upper limit forbids it."""
        fine = not self.state.chosen[option] and kernels.fits(self.limits, self.state, option, -1)
        if fine and self.state.chosen.sum() < self.core.count:
            kernels.add(self.core.cover, self.limits, self.state, option)
            return True
        return False

    def home(self) -> None:
        """Back to the plan; the additions are exact, so nothing is left behind."""
        wanted = np.zeros(self.core.options, dtype=np.bool_)
        wanted[self.own] = True
        for option in np.flatnonzero(self.state.chosen & ~wanted):
            self.take(int(option))
        for option in np.flatnonzero(wanted & ~self.state.chosen):
            kernels.add(self.core.cover, self.limits, self.state, int(option))


def nearby(core: Core, own: Ints, *, seed: int, watch: Watch) -> dict[frozenset[int], Met]:
    """Feasible sets near a plan, itself left out, as positions in the core; all by local repair, nothing is solved anew.

    Parameters
    ----------
    core : Core
        The open problem.
    own : array of int
        Positions of the plan's options.
    seed : int
        Of the kicks.
    watch : Watch
        Clock and wish to stop; what was met so far is returned.

    Raises
    ------
    BadInput
        If the plan breaks a limit or rule.
    """
    bench = _Bench(core, own)
    _require_sound(bench)
    met: dict[frozenset[int], Met] = {}
    for origin, found in _walks(core, own, bench, seed=seed, watch=watch):
        bench.home()
        if found is not None:
            met.setdefault(frozenset(found.tolist()), Met(added_by(core, found), origin))
    met.pop(frozenset(own.tolist()), None)
    return met


def _walks(core: Core, own: Ints, bench: _Bench, *, seed: int, watch: Watch) -> Iterator[tuple[str, Ints | None]]:
    """Every neighbour in turn; the bench must be brought home after each."""
    done, many = 0, own.size * (1 + TWINS) + KICKS
    for option in own.tolist():
        for twin in (-1, *twins_of(core, option)):
            if watch.stop():
                return
            done += 1
            watch.tell("alternatives", core.base_value, core.base_value, done / many)
            bench.take(option)
            if twin < 0:
                yield "without", bench.settled(barred=option)
            else:
                yield "twin", bench.settled(held=twin) if bench.put(twin) else None
    rng = np.random.Generator(np.random.PCG64([seed, 1]))
    for turn in range(KICKS if own.size else 0):
        if watch.stop():
            return
        watch.tell("alternatives", core.base_value, core.base_value, (done + turn) / many)
        _shake(core, own, bench, rng)
        yield "kick", bench.settled()


def _shake(core: Core, own: Ints, bench: _Bench, rng: np.random.Generator) -> None:
    """Replace some members, from a few to many, by options that share a row with them."""
    cover = core.cover
    most = max(LEAST_SHAKEN, round(MOST_SHAKEN_SHARE * own.size))
    many = min(own.size, int(rng.integers(LEAST_SHAKEN, most + 1)))
    for option in rng.choice(own, many, replace=False).tolist():
        bench.take(option)
        rows = cover.col_row[cover.col_ptr[option] : cover.col_ptr[option + 1]]
        if rows.size:
            row = int(rows[rng.integers(rows.size)])
            others = cover.row_col[cover.row_ptr[row] : cover.row_ptr[row + 1]]
            bench.put(int(others[rng.integers(others.size)]))


def twins_of(core: Core, option: int) -> list[int]:
    """Options that cover at least half of the people an option covers as well as it does, the most alike first."""
    cover = core.cover
    part = slice(cover.col_ptr[option], cover.col_ptr[option + 1])
    rows, gain = cover.col_row[part].astype(np.int64), cover.col_gain[part]
    start, stop = cover.row_ptr[rows], cover.row_ptr[rows + 1]
    size = stop - start
    entry = np.repeat(start - np.concatenate([[0], np.cumsum(size)[:-1]]), size) + np.arange(size.sum())
    alike = np.minimum(cover.row_gain[entry], np.repeat(gain, size))
    shared = np.bincount(cover.row_col[entry], weights=alike, minlength=core.options)
    shared[option] = 0.0
    order = np.argsort(-shared, kind="stable")[:TWINS]
    return [int(at) for at in order if shared[at] >= TWIN_SHARE * gain.sum() and shared[at] > 0]


def _require_sound(bench: _Bench) -> None:
    limits, state, core = bench.limits, bench.state, bench.core
    over = state.activity > limits.high + 1e-6 * np.maximum(1.0, np.abs(np.nan_to_num(limits.high, posinf=0.0)))
    if over.any() or kernels.short_rules(limits, state) or bench.own.size > core.count:
        raise BadInput("plan.alternatives.infeasible")


def _with_two_rules(core: Core) -> Limits:
    """The core's rules and two more with an entry of 0 for every option: ``out`` (at most 0) and ``held``."""
    limits, rules = core.limits, core.limits.low.size
    count = np.diff(limits.ptr)
    at = np.repeat(np.arange(core.options), count)
    rule = np.concatenate([limits.rule, np.full(core.options, rules), np.full(core.options, rules + 1)])
    coefficient = np.concatenate([limits.coefficient, np.zeros(2 * core.options)])
    option = np.concatenate([at, np.arange(core.options), np.arange(core.options)])
    order = np.lexsort((rule, option))
    return Limits(
        np.concatenate([[0], np.cumsum(count + 2)]).astype(np.int64),
        rule[order].astype(np.int32),
        coefficient[order].astype(np.float64),
        np.append(limits.low, [-np.inf, -np.inf]),
        np.append(limits.high, [0.0, np.inf]),
    )
