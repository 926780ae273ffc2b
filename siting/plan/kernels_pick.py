"""What the relaxed problem picks at given prices of the rows: the best under a count, a budget, or both."""

from typing import NamedTuple

import numba
import numpy as np

from siting.plan.kernels import Flags, Floats

_jit = numba.njit(cache=True)

STEPS = 60
WIDEN, MOST = 1.02, 2.0
EXACT = 1e-12


class Limit(NamedTuple):
    """Costs of the options with the budget (infinite: none), and how many options may be picked at most."""

    cost: Floats
    budget: float
    most: int


class Side(NamedTuple):
    """One side of the best price of a yuan: (price, bound, what is left of the budget), and who is picked there."""

    line: Floats
    inside: Flags


@_jit
def last_of(rho: Floats, count: int) -> float:
    """The smallest of the `count` largest, at least 0; 0 where fewer are there."""
    if count < 1 or count >= rho.size:
        return 0.0
    return max(0.0, np.partition(rho, rho.size - count)[rho.size - count])


@_jit
def _top(rho: Floats, count: int, inside: Flags) -> float:
    """Mark the `count` largest of those above 0 (smaller position on ties); returns their sum."""
    least, total, size = last_of(rho, count), 0.0, 0
    for option in range(rho.size):
        inside[option] = count > 0 and rho[option] > least
        if inside[option]:
            total += rho[option]
            size += 1
    if least > 0.0:
        for option in range(rho.size):
            if size < count and rho[option] == least:
                inside[option] = True
                total += rho[option]
                size += 1
    return total


@_jit
def _look(rho: Floats, limit: Limit, price: float, side: Side) -> float:
    """Write the bound at a price of a yuan and what is left of the budget, its slope there; returns the slope."""
    worth = np.empty(rho.size)
    for option in range(rho.size):
        worth[option] = rho[option] - price * limit.cost[option]
    total, left = price * limit.budget + _top(worth, limit.most, side.inside), limit.budget
    for option in range(rho.size):
        if side.inside[option]:
            left -= limit.cost[option]
    side.line[0], side.line[1], side.line[2] = price, total, left
    return left


@_jit
def _dearest(rho: Floats, limit: Limit) -> float:
    """A price of a yuan at which nothing that costs anything is picked."""
    most = 0.0
    for option in range(rho.size):
        if limit.cost[option] > 0.0 and rho[option] > most * limit.cost[option]:
            most = rho[option] / limit.cost[option]
    return most


@_jit
def _next(low: Side, high: Side) -> float:
    """Where the two tangents of the bound meet; outside the two prices once no better one lies between."""
    meet = (high.line[1] - high.line[2] * high.line[0]) - (low.line[1] - low.line[2] * low.line[0])
    price = meet / (low.line[2] - high.line[2])
    least = min(low.line[1], high.line[1])
    return price if least - (low.line[1] + low.line[2] * (price - low.line[0])) > EXACT * abs(least) else -1.0


@_jit
def _copy(source: Side, target: Side) -> None:
    target.line[:] = source.line
    target.inside[:] = source.inside


@_jit
def _narrowed(rho: Floats, limit: Limit, start: float, low: Side, high: Side) -> None:
    """Bring the two sides to the best price of a yuan; low begins at 0, where too much is spent."""
    most, widen = _dearest(rho, limit), WIDEN
    price = start if 0.0 < start < most else most
    side = Side(np.empty(3), np.empty(rho.size, dtype=np.bool_))
    for _ in range(STEPS):
        if _look(rho, limit, price, side) < 0.0:
            _copy(side, low)
            price = min(most, price * widen)
        else:
            _copy(side, high)
            price /= widen
        widen *= widen
        if high.line[0] < np.inf and (low.line[0] > 0.0 or widen > MOST):
            price = _next(low, high)
            if not low.line[0] < price < high.line[0]:
                return


@_jit
def picked(rho: Floats, limit: Limit, start: float, x: Floats) -> tuple[float, float]:
    """Write the best x of 0..1 under count and budget; returns rho'x (never too small) and the price of a yuan there.

    The price is found by the tangents of its convex bound, from `start` on; x mixes what is picked on both sides of it
    so that the budget is just spent.
    """
    low, high = (
        Side(np.empty(3), np.empty(rho.size, dtype=np.bool_)),
        Side(np.full(3, np.inf), np.zeros(rho.size, dtype=np.bool_)),
    )
    if limit.budget == np.inf:
        total = _top(rho, limit.most, low.inside)
        x[:] = low.inside
        return total, 0.0
    if _look(rho, limit, 0.0, low) >= 0.0:
        x[:] = low.inside
        return low.line[1], 0.0
    _narrowed(rho, limit, start, low, high)
    share = high.line[2] / (high.line[2] - low.line[2])
    for option in range(rho.size):
        x[option] = share * low.inside[option] + (1.0 - share) * high.inside[option]
    best = low if low.line[1] < high.line[1] else high
    return best.line[1], best.line[0]
