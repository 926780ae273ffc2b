"""Compiled subgradient rounds of the Lagrangian bound on some options and the rows they touch."""

from typing import NamedTuple

import numba
import numpy as np

from siting.plan.kernels import Floats, Ints, Shorts
from siting.plan.kernels_pick import Limit, picked

_jit = numba.njit(cache=True)

VALUE, THETA, IDLE, DONE, YUAN = range(5)


class Part(NamedTuple):
    """Gains and rules of some options, by option; each rule reads a'x <= limit."""

    ptr: Ints
    row: Shorts
    gain: Floats
    rule_ptr: Ints
    rule: Shorts
    coefficient: Floats
    limit: Floats


class Descent(NamedTuple):
    """Prices under change, the best ones met, and (best value, step factor, idle rounds, rounds done, price of a yuan)."""

    price: Floats
    rule_price: Floats
    best_price: Floats
    best_rule: Floats
    state: Floats


@_jit
def reduced(part: Part, price: Floats, rule_price: Floats, rho: Floats) -> float:
    """Write rho_j = sum_i max(0, c_ij - price_i) - (rule prices A)_j; returns what the prices cost."""
    total = 0.0
    for row in range(price.size):
        total += price[row]
    for rule in range(rule_price.size):
        total += rule_price[rule] * part.limit[rule]
    for option in range(rho.size):
        left = 0.0
        for entry in range(part.ptr[option], part.ptr[option + 1]):
            left += max(0.0, part.gain[entry] - price[part.row[entry]])
        for entry in range(part.rule_ptr[option], part.rule_ptr[option + 1]):
            left -= rule_price[part.rule[entry]] * part.coefficient[entry]
        rho[option] = left
    return total


@_jit
def _met(part: Part, price: Floats, x: Floats, met: Floats, use: Floats) -> None:
    met[:] = 0.0
    use[:] = 0.0
    for option in range(x.size):
        if x[option] > 0.0:
            for entry in range(part.ptr[option], part.ptr[option + 1]):
                if part.gain[entry] > price[part.row[entry]]:
                    met[part.row[entry]] += x[option]
            for entry in range(part.rule_ptr[option], part.rule_ptr[option + 1]):
                use[part.rule[entry]] += x[option] * part.coefficient[entry]


@_jit
def _norm(price: Floats, limit: Floats, met: Floats) -> float:
    total = 0.0
    for row in range(price.size):
        slope = limit[row] - met[row]
        if price[row] > 0.0 or slope < 0.0:
            total += slope * slope
    return total


@_jit
def _move(price: Floats, limit: Floats, met: Floats, step: float) -> None:
    for row in range(price.size):
        price[row] = max(0.0, price[row] - step * (limit[row] - met[row]))


@_jit
def _note(descent: Descent, value: float, progress: float, patience: int, shrink: float) -> None:
    state = descent.state
    if value < state[VALUE]:
        state[IDLE] = 0.0 if value < state[VALUE] - progress * abs(state[VALUE]) else state[IDLE] + 1.0
        state[VALUE] = value
        descent.best_price[:] = descent.price
        descent.best_rule[:] = descent.rule_price
    else:
        state[IDLE] += 1.0
    if state[IDLE] >= patience:
        state[THETA] *= shrink
        state[IDLE] = 0.0


@_jit
def descend(  # noqa: PLR0917 - compiled code takes plain arguments
    part: Part,
    descent: Descent,
    limit: Limit,
    aim: float,
    rounds: int,
    patience: int,
    shrink: float,
    progress: float,
) -> None:
    """Polyak steps towards `aim`; the descent is changed in place."""
    rho, x = np.empty(part.ptr.size - 1), np.empty(part.ptr.size - 1)
    met, use, ones = np.empty(descent.price.size), np.empty(part.limit.size), np.ones(descent.price.size)
    for _ in range(rounds):
        value = reduced(part, descent.price, descent.rule_price, rho)
        worth, descent.state[YUAN] = picked(rho, limit, descent.state[YUAN], x)
        value += worth
        _note(descent, value, progress, patience, shrink)
        descent.state[DONE] += 1.0
        _met(part, descent.price, x, met, use)
        norm = _norm(descent.price, ones, met) + _norm(descent.rule_price, part.limit, use)
        if norm == 0.0:
            return
        step = descent.state[THETA] * max(value - aim, 1e-9) / norm
        _move(descent.price, ones, met, step)
        _move(descent.rule_price, part.limit, use, step)
