"""Compiled passes over all entries of a problem: what is still to be gained, both orders, what is dominated."""

import numba
import numpy as np

from siting.plan.kernels import Cover, Flags, Floats, Ints, Limits, Shorts

_jit = numba.njit(cache=True)


@_jit
def raise_levels(ptr: Ints, row: Shorts, p: Floats, weight: Floats, unit: float, columns: Ints, level: Floats) -> None:
    """Lift the level of each row to what the given columns already cover."""
    for column in columns:
        for entry in range(ptr[column], ptr[column + 1]):
            at = row[entry]
            level[at] = max(level[at], np.rint(p[entry] * weight[at] / unit) * unit)


@_jit
def count_gains(
    ptr: Ints, row: Shorts, p: Floats, weight: Floats, unit: float, columns: Ints, level: Floats
) -> tuple[Ints, Flags]:
    """Gains above the level in each of the columns, as a running sum, and whether each row has any."""
    out = np.zeros(columns.size + 1, dtype=np.int64)
    used = np.zeros(level.size, dtype=np.bool_)
    for place in range(columns.size):
        number = 0
        for entry in range(ptr[columns[place]], ptr[columns[place] + 1]):
            at = row[entry]
            if np.rint(p[entry] * weight[at] / unit) * unit > level[at]:
                number += 1
                used[at] = True
        out[place + 1] = out[place] + number
    return out, used


@_jit
def take_gains(  # noqa: PLR0913, PLR0917 - compiled code takes plain arguments
    ptr: Ints,
    row: Shorts,
    p: Floats,
    weight: Floats,
    unit: float,
    columns: Ints,
    level: Floats,
    back: Ints,
    new_row: Shorts,
    new_gain: Floats,
) -> None:
    """Write the gains above the level, column by column, with the rows' new positions."""
    filled = 0
    for place in range(columns.size):
        for entry in range(ptr[columns[place]], ptr[columns[place] + 1]):
            at = row[entry]
            people = np.rint(p[entry] * weight[at] / unit) * unit
            if people > level[at]:
                new_row[filled] = back[at]
                new_gain[filled] = people - level[at]
                filled += 1


@_jit
def transposed(ptr: Ints, index: Shorts, value: Floats, size: int) -> tuple[Ints, Shorts, Floats]:
    """The same entries by the other order; inside each group they stand in the order of the first."""
    out = np.zeros(size + 1, dtype=np.int64)
    for entry in range(index.size):
        out[index[entry] + 1] += 1
    for at in range(size):
        out[at + 1] += out[at]
    place = out[:-1].copy()
    new_index = np.empty(index.size, dtype=np.int32)
    new_value = np.empty(index.size, dtype=np.float64)
    for group in range(ptr.size - 1):
        for entry in range(ptr[group], ptr[group + 1]):
            to = place[index[entry]]
            new_index[to] = group
            new_value[to] = value[entry]
            place[index[entry]] = to + 1
    return out, new_index, new_value


@_jit
def small_gains(cover: Cover, row_weight: Floats, share: float) -> Floats:
    """The largest gain below a share of its row's people, by row (0 where there is none)."""
    out = np.zeros(row_weight.size)
    for row in range(row_weight.size):
        for entry in range(cover.row_ptr[row], cover.row_ptr[row + 1]):
            if cover.row_gain[entry] < share * row_weight[row]:
                out[row] = max(out[row], cover.row_gain[entry])
    return out


@_jit
def covers_all(cover: Cover, other: int, option: int) -> bool:
    """Whether another option gains at least as much in every row."""
    at, end = cover.col_ptr[other], cover.col_ptr[other + 1]
    for entry in range(cover.col_ptr[option], cover.col_ptr[option + 1]):
        row = cover.col_row[entry]
        while at < end and cover.col_row[at] < row:
            at += 1
        if at == end or cover.col_row[at] != row or cover.col_gain[at] < cover.col_gain[entry]:
            return False
    return True


@_jit
def uses_no_more(limits: Limits, other: int, option: int) -> bool:
    """Whether another option can stand in for one in every rule: no more of any upper limit, no less of any lower one."""
    for side in range(2):
        first, second = (other, option) if side == 0 else (option, other)
        for entry in range(limits.ptr[first], limits.ptr[first + 1]):
            rule, theirs = limits.rule[entry], 0.0
            for match in range(limits.ptr[second], limits.ptr[second + 1]):
                if limits.rule[match] == rule:
                    theirs = limits.coefficient[match]
            more = limits.coefficient[entry] - theirs if side == 0 else theirs - limits.coefficient[entry]
            if (more > 0 and limits.high[rule] < np.inf) or (more < 0 and limits.low[rule] > -np.inf):
                return False
    return True


@_jit
def stand_ins(cover: Cover, limits: Limits, cost: Floats) -> Ints:
    """For each option the smallest other one that does as much in every row and rule for no more yuan, or -1.

    Of two alike the smaller position stands in; an option that a lower limit counts keeps its place.
    """
    out = np.full(cost.size, -1)
    for option in range(cost.size):
        row, fewest = -1, cover.row_ptr[-1] + 1
        for entry in range(cover.col_ptr[option], cover.col_ptr[option + 1]):
            at = cover.col_row[entry]
            if cover.row_ptr[at + 1] - cover.row_ptr[at] < fewest:
                row, fewest = at, cover.row_ptr[at + 1] - cover.row_ptr[at]
        needed = row < 0
        for entry in range(limits.ptr[option], limits.ptr[option + 1]):
            needed = needed or limits.low[limits.rule[entry]] > -np.inf
        if needed:
            continue
        for entry in range(cover.row_ptr[row], cover.row_ptr[row + 1]):
            other = cover.row_col[entry]
            if other == option or cost[other] > cost[option] or not covers_all(cover, other, option):
                continue
            if not uses_no_more(limits, other, option):
                continue
            alike = cost[other] == cost[option] and covers_all(cover, option, other)
            if not alike or other < option or not uses_no_more(limits, option, other):
                out[option] = other
                break
    return out
