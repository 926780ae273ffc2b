"""Where to measure next: the walk that removes most of what is uncertain about the uncovered people."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtri

from siting.errors import BadInput
from siting.radio.kriging import Covariance
from siting.radio.local import unmeasured
from siting.radio.network import Thresholds, defaults, load_thresholds
from siting.radio.verdict import Coverage, probability

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
HEAD = -1
METRES = 1000.0
#: Mean distance of two points in a square of side 1.
WITHIN_SQUARE = 0.5214
WINDOW_M = 400.0
SURE = 1e-6


@dataclass(frozen=True)
class _Blocks:
    """Blocks of the district [row, col]: middle of the first, people, what an error of 1 dB changes, who serves, how open.

    ``weight`` is the change of the expected uncovered people per dB; ``rest`` the share of the spread that earlier
    measurements have left; ``walk`` tells where there is ground to stand on.
    """

    west_m: float
    south_m: float
    persons: Floats
    weight: Floats
    server: Ints
    rest: Floats
    walk: npt.NDArray[np.bool_]


def next_samples(
    coverage: Coverage, *, budget_km: float, seed: int, thresholds: Thresholds | None = None
) -> pd.DataFrame:
    """Stops of a walk or drive, in order, that lower the uncertainty of the uncovered people most for their length.

    Each stop is a sample that speaks for its surroundings as kriging says, so a second one beside it brings little:
    spread beats amount.  Greedy: always the stop with the largest drop of the variance of uncovered people per km that
    it lengthens the walk, put where it lengthens it least.

    Parameters
    ----------
    coverage : Coverage
        With its units; measurements it follows already count.
    budget_km : float
        Longest walk between the first and the last stop, as the crow flies.
    seed : int
        Decides between equals.
    thresholds : Thresholds, optional
        Profile; default the first whose level the coverage kept.

    Returns
    -------
    DataFrame
        ``stop`` (1, 2, ... along the walk), ``easting_m, northing_m, persons`` (of the block around it), ``gain``
        (share of the variance of uncovered people it removes), ``cumulative_km``.

    Raises
    ------
    BadInput
        If the budget is not a positive number, or the coverage does not know where its units stand.
    """
    if not 0.0 < budget_km < np.inf:
        raise BadInput("radio.next.budget", value=budget_km)
    if coverage.units is None:
        raise BadInput("radio.next.units", value=coverage.network.name)
    blocks = _blocks(coverage, coverage.units, thresholds or _kept(coverage))
    covariance = coverage.local.covariance if coverage.local is not None else unmeasured(coverage)
    order = np.random.default_rng(seed).permutation(blocks.weight.size)
    return _walk(blocks, covariance, order, budget_km * METRES)


def _kept(coverage: Coverage) -> Thresholds:
    profiles = list(load_thresholds().values())
    return next((t for t in profiles if t.rsrp_dbm in coverage.strongest.levels_dbm), profiles[0])


def _blocks(coverage: Coverage, units: pd.DataFrame, thresholds: Thresholds) -> _Blocks:
    side = defaults()["sample_speaks_m"]
    row, col = (np.floor(units[n].to_numpy(np.float64) / side).astype(np.int64) for n in ("northing_m", "easting_m"))
    south, west = (int(v.min()) if len(v) else 0 for v in (row, col))
    shape = (int(row.max(initial=south)) - south + 1, int(col.max(initial=west)) - west + 1)
    block = (row - south) * shape[1] + col - west
    size = shape[0] * shape[1]
    served = (coverage.server >= 0) & (coverage.sigma_db > 0)
    p = np.clip(probability(coverage, thresholds).astype(np.float64), SURE, 1.0 - SURE)
    persons = units["persons"].to_numpy(np.float64)
    steep = np.exp(-0.5 * ndtri(p) ** 2) / np.sqrt(2.0 * np.pi) / np.where(served, coverage.sigma_db, np.inf)
    return _Blocks(
        (west + 0.5) * side,
        (south + 0.5) * side,
        _sums(block, persons, size).reshape(shape),
        _sums(block, persons * steep, size).reshape(shape),
        _servers(block, coverage.server, persons * steep, size).reshape(shape),
        _rest(coverage, block, size).reshape(shape),
        (_sums(block, (units["floor"] == 0).to_numpy() & served, size) > 0).reshape(shape),
    )


def _sums(block: Ints, values: npt.ArrayLike, size: int) -> Floats:
    return np.asarray(np.bincount(block, np.asarray(values, np.float64), size), np.float64)


def _servers(block: Ints, server: npt.NDArray[np.int32], weight: Floats, size: int) -> Ints:
    """The sector that serves most of what is uncertain in each block."""
    table = pd.DataFrame({"block": block, "server": server, "weight": weight})
    sums = table.groupby(["block", "server"])[["weight"]].sum().reset_index().sort_values("weight", kind="stable")
    most = np.full(size, -1, np.int64)
    most[sums["block"].to_numpy()] = sums["server"].to_numpy()
    return most


def _rest(coverage: Coverage, block: Ints, size: int) -> Floats:
    """Share of the field's spread that measurements have left in each block."""
    if coverage.local is None:
        return np.ones(size)
    covariance = coverage.local.covariance
    left = (coverage.local.sigma_db.astype(np.float64) ** 2 - covariance.nugget_db2) / covariance.field_db2
    share = np.clip(np.where(np.isnan(left) | ~coverage.local.walled, 1.0, left), 0.0, 1.0)
    return np.sqrt(_sums(block, share, size) / np.maximum(np.bincount(block, minlength=size), 1))


class _Belief:
    """What is still uncertain: covariance of a sample in each block with the uncovered people, and its own variance.

    Every stop leaves a column: its covariance with all blocks over the root of its variance, given the stops before.
    """

    def __init__(self, blocks: _Blocks, covariance: Covariance) -> None:
        side = defaults()["sample_speaks_m"]
        self._blocks, self._reach = blocks, int(WINDOW_M // side)
        down, across = np.mgrid[-self._reach : self._reach + 1, -self._reach : self._reach + 1]
        apart = np.hypot(down, across) * side
        apart[self._reach, self._reach] = WITHIN_SQUARE * side
        self._common = np.where(apart <= WINDOW_M, covariance.between(apart, same=False), 0.0)
        self._sector = np.where(apart <= WINDOW_M, covariance.between(apart, same=True), 0.0) - self._common
        self._columns = np.zeros((0, blocks.weight.size), np.float32)
        self._least = covariance.nugget_db2
        self.variance = (blocks.rest**2 * covariance.field_db2 + covariance.nugget_db2).ravel()
        self.toward = self._people().ravel()
        self.whole = float(blocks.weight.ravel() @ self.toward)

    def gain(self) -> Floats:
        """Drop of the variance of uncovered people by one more sample in each block."""
        return self.toward**2 / self.variance

    def measure(self, block: int) -> None:
        """Take a sample in a block."""
        column = self._prior(block) - self._columns[:, block] @ self._columns
        column /= np.sqrt(self.variance[block])
        self.toward -= column * self.toward[block] / np.sqrt(self.variance[block])
        self.variance = np.maximum(self.variance - column**2, self._least)
        self._columns = np.append(self._columns, column[None].astype(np.float32), axis=0)

    def _prior(self, block: int) -> Floats:
        """Covariance of the field between a block and all others before any stop."""
        b, reach = self._blocks, self._reach
        row, col = divmod(block, b.weight.shape[1])
        out = np.zeros(b.weight.shape)
        top, left = max(row - reach, 0), max(col - reach, 0)
        part = np.s_[top : row + reach + 1, left : col + reach + 1]
        high, wide = out[part].shape
        mine = np.s_[top - row + reach : top - row + reach + high, left - col + reach : left - col + reach + wide]
        same = b.server[part] == b.server[row, col]
        out[part] = (self._common[mine] + self._sector[mine] * same) * b.rest[part] * b.rest[row, col]
        return out.ravel()

    def _people(self) -> Floats:
        """Covariance of a sample in each block with the uncovered people of all blocks."""
        b, reach = self._blocks, self._reach
        weight = np.pad(b.weight * b.rest, reach)
        server = np.pad(b.server, reach, constant_values=-2)
        total, (rows, cols) = np.zeros(b.weight.shape), b.weight.shape
        for i in range(2 * reach + 1):
            for j in range(2 * reach + 1):
                there = np.s_[i : i + rows, j : j + cols]
                total += weight[there] * (self._common[i, j] + self._sector[i, j] * (server[there] == b.server))
        return total * b.rest


class _Route:
    """A walk through blocks: where each other block would lengthen it least, and by how much."""

    def __init__(self, place: Floats, start: int) -> None:
        self._place, self.after = place, {HEAD: start, start: HEAD}
        self.slot = np.full(len(place), start, np.int64)
        self.added = self._detour(start, np.arange(len(place)))
        self.length_m = 0.0

    def insert(self, block: int) -> None:
        """Put a block where it lengthens the walk least."""
        slot = int(self.slot[block])
        self.length_m += float(self.added[block])
        self.after[block], self.after[slot] = self.after[slot], block
        lost = np.flatnonzero(self.slot == slot)
        self.added[lost] = np.inf
        for other in self.after:
            self._offer(other, lost)
        for other in (slot, block):
            self._offer(other, np.arange(len(self._place)))

    def stops(self) -> list[int]:
        """Blocks in the order of the walk."""
        found, at = [], self.after[HEAD]
        while at != HEAD:
            found.append(at)
            at = self.after[at]
        return found

    def _offer(self, slot: int, blocks: Ints) -> None:
        """Let some blocks come behind a stop where that is shorter than what they had."""
        length = self._detour(slot, blocks)
        better = length < self.added[blocks]
        self.added[blocks[better]], self.slot[blocks[better]] = length[better], slot

    def _detour(self, slot: int, blocks: Ints) -> Floats:
        """How much longer the walk gets by each of some blocks put behind a stop (`HEAD`: before the first)."""
        ends = [self._place[n] for n in (slot, self.after[slot]) if n != HEAD]
        legs = sum((np.hypot(*(self._place[blocks] - end).T) for end in ends), np.zeros(len(blocks)))
        return legs - (np.hypot(*(ends[0] - ends[1])) if len(ends) > 1 else 0.0)


def _walk(blocks: _Blocks, covariance: Covariance, order: Ints, budget_m: float) -> pd.DataFrame:
    """Choose stops one by one until the walk is as long as it may be; `order` decides between equals."""
    side, belief = defaults()["sample_speaks_m"], _Belief(blocks, covariance)
    row, col = np.divmod(np.arange(blocks.weight.size), blocks.weight.shape[1])
    place = np.column_stack([blocks.west_m + side * col, blocks.south_m + side * row])
    gains: dict[int, float] = {}
    free, route = blocks.walk.ravel().copy(), None
    while True:
        added = np.zeros(len(place)) if route is None else route.added
        spent = 0.0 if route is None else route.length_m
        worth = np.where(free & (spent + added <= budget_m), belief.gain() / (added + side), 0.0)
        block = int(order[np.argmax(worth[order])])
        if worth[block] <= 0.0:
            break
        gains[block] = float(belief.gain()[block])
        if route is None:
            route = _Route(place, block)
        else:
            route.insert(block)
        belief.measure(block)
        free[block] = False
    stops = np.array(route.stops() if route else [], np.int64)
    legs = np.hypot(*np.diff(place[stops], axis=0).T)
    return pd.DataFrame(
        {
            "stop": np.arange(1, len(stops) + 1),
            "easting_m": place[stops, 0],
            "northing_m": place[stops, 1],
            "persons": blocks.persons.ravel()[stops],
            "gain": np.array([gains[s] for s in stops], np.float64) / max(belief.whole, np.finfo(float).tiny),
            "cumulative_km": np.append(0.0, np.cumsum(legs))[: len(stops)] / METRES,
        }
    )
