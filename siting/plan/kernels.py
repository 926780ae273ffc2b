"""Compiled inner loops of the search and of the bound; plain arrays in, plain arrays changed in place.

All gains are multiples of one power of two and every sum stays below 2**52 of them (see `siting.plan.core`),
so additions are exact: an incremental update equals a fresh computation and no order of work shows in a result.
"""

from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Shorts = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]


class Cover(NamedTuple):
    """Gains c_ij [persons] by option (column) and by row."""

    col_ptr: Ints
    col_row: Shorts
    col_gain: Floats
    row_ptr: Ints
    row_col: Shorts
    row_gain: Floats


class Limits(NamedTuple):
    """Linear rules low <= a'x <= high, by option."""

    ptr: Ints
    rule: Shorts
    coefficient: Floats
    low: Floats
    high: Floats


class State(NamedTuple):
    """A set of options under change: `best` per row, `gain` per option still to be had."""

    chosen: Flags
    dirty: Flags
    best: Floats
    gain: Floats
    activity: Floats


_jit = numba.njit(cache=True)


@_jit
def _relevel(cover: Cover, state: State, row: int, old: float, new: float) -> None:
    for entry in range(cover.row_ptr[row], cover.row_ptr[row + 1]):
        value = cover.row_gain[entry]
        state.gain[cover.row_col[entry]] += max(0.0, value - new) - max(0.0, value - old)
    state.best[row] = new


@_jit
def add(cover: Cover, limits: Limits, state: State, option: int) -> float:
    """Put an option in; returns what it adds."""
    total = 0.0
    for entry in range(cover.col_ptr[option], cover.col_ptr[option + 1]):
        row = cover.col_row[entry]
        old = state.best[row]
        if cover.col_gain[entry] > old:
            _relevel(cover, state, row, old, cover.col_gain[entry])
            total += cover.col_gain[entry] - old
    state.chosen[option] = True
    for entry in range(limits.ptr[option], limits.ptr[option + 1]):
        state.activity[limits.rule[entry]] += limits.coefficient[entry]
    return total


@_jit
def _best_chosen(cover: Cover, state: State, row: int) -> float:
    best = 0.0
    for entry in range(cover.row_ptr[row], cover.row_ptr[row + 1]):
        if state.chosen[cover.row_col[entry]] and cover.row_gain[entry] > best:
            best = cover.row_gain[entry]
    return best


@_jit
def remove(cover: Cover, limits: Limits, state: State, option: int) -> float:
    """Take an option out; returns what is lost."""
    total = 0.0
    state.chosen[option] = False
    for entry in range(cover.col_ptr[option], cover.col_ptr[option + 1]):
        row = cover.col_row[entry]
        old = state.best[row]
        if cover.col_gain[entry] == old:
            new = _best_chosen(cover, state, row)
            if new < old:
                _relevel(cover, state, row, old, new)
                total += old - new
    for entry in range(limits.ptr[option], limits.ptr[option + 1]):
        state.activity[limits.rule[entry]] -= limits.coefficient[entry]
    return total


@_jit
def _slack(limit: float) -> float:
    return 1e-9 * max(1.0, abs(limit))


@_jit
def short_rules(limits: Limits, state: State) -> int:
    """How many rules are below their lower limit."""
    count = 0
    for rule in range(limits.low.size):
        if state.activity[rule] < limits.low[rule] - _slack(limits.low[rule]):
            count += 1
    return count


@_jit
def fits(limits: Limits, state: State, option: int, short: int) -> bool:
    """Whether every rule holds with the option in; `short` rules are below their lower limit now (-1: do not ask)."""
    mended = 0
    for entry in range(limits.ptr[option], limits.ptr[option + 1]):
        rule = limits.rule[entry]
        before = state.activity[rule]
        after = before + limits.coefficient[entry]
        if after > limits.high[rule] + _slack(limits.high[rule]):
            return False
        floor = limits.low[rule] - _slack(limits.low[rule])
        if after < floor and before >= floor:
            return False
        if after >= floor and before < floor:
            mended += 1
    return short < 0 or mended == short


@_jit
def best_addition(limits: Limits, state: State, price: Floats, short: int) -> int:
    """The option with the largest gain per price that fits (smallest index on ties), or -1."""
    best = 0.0
    found = -1
    for option in range(state.gain.size):
        if state.chosen[option] or state.gain[option] <= best * price[option]:
            continue
        if fits(limits, state, option, short):
            best = state.gain[option] / price[option]
            found = option
    return found


@_jit
def totals(ptr: Ints, value: Floats) -> Floats:
    """The sum of each group."""
    out = np.zeros(ptr.size - 1)
    for group in range(out.size):
        for entry in range(ptr[group], ptr[group + 1]):
            out[group] += value[entry]
    return out


@_jit
def _comes_first(key: Floats, one: int, other: int) -> bool:
    return key[one] > key[other] or (key[one] == key[other] and one < other)


@_jit
def _sink(heap: Shorts, size: int, key: Floats, place: int) -> None:
    """Move one option down a heap of options, the largest key on top (smaller position on ties)."""
    option = heap[place]
    while 2 * place + 1 < size:
        below = 2 * place + 1
        if below + 1 < size and _comes_first(key, heap[below + 1], heap[below]):
            below += 1
        if not _comes_first(key, heap[below], option):
            break
        heap[place] = heap[below]
        place = below
    heap[place] = option


@_jit
def lazy_greedy(cover: Cover, limits: Limits, state: State, price: Floats, size: int, count: int) -> int:
    """Add options by gain per price up to the count, the top of a heap of stale keys valued again until it stays.

    An option that does not fit when its turn comes is left out for good.  Returns the size.
    """
    key = state.gain / price
    heap = np.flatnonzero(state.gain > 0.0).astype(np.int32)
    left = heap.size
    for place in range(left // 2 - 1, -1, -1):
        _sink(heap, left, key, place)
    while left > 0 and size < count:
        option = heap[0]
        now = state.gain[option] / price[option]
        if now == key[option]:
            if not state.chosen[option] and fits(limits, state, option, 0):
                add(cover, limits, state, option)
                size += 1
            now = 0.0
        key[option] = now
        if now <= 0.0:
            left -= 1
            heap[0] = heap[left]
        if left > 0:
            _sink(heap, left, key, 0)
    return size


@_jit
def _touch(cover: Cover, state: State, option: int) -> None:
    for entry in range(cover.col_ptr[option], cover.col_ptr[option + 1]):
        row = cover.col_row[entry]
        for other in range(cover.row_ptr[row], cover.row_ptr[row + 1]):
            if state.chosen[cover.row_col[other]]:
                state.dirty[cover.row_col[other]] = True


@_jit
def fill(cover: Cover, limits: Limits, state: State, price: Floats, size: int, count: int) -> tuple[float, int]:
    """Add best options while any adds something and fits; returns (added, size)."""
    total = 0.0
    while size < count:
        option = best_addition(limits, state, price, 0)
        if option < 0:
            break
        total += add(cover, limits, state, option)
        _touch(cover, state, option)
        size += 1
    return total, size


@_jit
def _swap(cover: Cover, limits: Limits, state: State, ones: Floats, option: int) -> float:
    lost = remove(cover, limits, state, option)
    other = best_addition(limits, state, ones, short_rules(limits, state))
    if other >= 0 and state.gain[other] > lost:
        gained = add(cover, limits, state, other)
        _touch(cover, state, option)
        _touch(cover, state, other)
        return gained - lost
    add(cover, limits, state, option)
    return 0.0


@_jit
def settle(cover: Cover, limits: Limits, state: State, ones: Floats, passes: int) -> float:
    """Swap single marked members for better options until none helps; returns what was added."""
    total = 0.0
    for _ in range(passes):
        before = total
        for option in range(state.chosen.size):
            if state.chosen[option] and state.dirty[option]:
                state.dirty[option] = False
                total += _swap(cover, limits, state, ones, option)
        if total == before:
            break
    return total


@_jit
def _member(state: State, position: int) -> int:
    for option in range(state.chosen.size):
        if state.chosen[option]:
            if position == 0:
                return option
            position -= 1
    return -1


@_jit
def _neighbour(cover: Cover, option: int, first: float, second: float) -> int:
    start, stop = cover.col_ptr[option], cover.col_ptr[option + 1]
    if start == stop:
        return option
    row = cover.col_row[start + int(first * (stop - start))]
    start, stop = cover.row_ptr[row], cover.row_ptr[row + 1]
    return cover.row_col[start + int(second * (stop - start))]


@_jit
def _shake(cover: Cover, limits: Limits, state: State, size: int, draws: Floats) -> tuple[float, int]:
    total = 0.0
    for turn in range(min(draws.shape[0], size)):
        option = _member(state, int(draws[turn, 0] * size))
        total -= remove(cover, limits, state, option)
        _touch(cover, state, option)
        other = _neighbour(cover, option, draws[turn, 1], draws[turn, 2])
        if other != option and not state.chosen[other] and fits(limits, state, other, -1):
            total += add(cover, limits, state, other)
            _touch(cover, state, other)
            state.dirty[other] = True
        else:
            size -= 1
    return total, size


@_jit
def _restore(cover: Cover, limits: Limits, state: State, saved: Flags) -> None:
    for option in range(saved.size):
        if state.chosen[option] and not saved[option]:
            remove(cover, limits, state, option)
    for option in range(saved.size):
        if saved[option] and not state.chosen[option]:
            add(cover, limits, state, option)


@_jit
def kick(  # noqa: PLR0917 - compiled code takes plain arguments
    cover: Cover,
    limits: Limits,
    state: State,
    price: Floats,
    ones: Floats,
    size: int,
    count: int,
    draws: Floats,
    passes: int,
) -> tuple[float, int]:
    """Replace a few members at random, mend, swap; kept only if better. Returns (added, size)."""
    saved = state.chosen.copy()
    state.dirty[:] = False
    change, new_size = _shake(cover, limits, state, size, draws)
    added, new_size = fill(cover, limits, state, price, new_size, count)
    change += added
    if short_rules(limits, state) == 0:
        change += settle(cover, limits, state, ones, passes)
        added, new_size = fill(cover, limits, state, ones, new_size, count)
        change += added
        if change > 0.0:
            return change, new_size
    _restore(cover, limits, state, saved)
    return 0.0, size
