"""Many options at once: each thread sweeps and scores whole options, entries go to their own places."""
# mypy: disable-error-code="no-untyped-def"

from typing import NamedTuple

import numpy as np
from numba import njit

from siting.radio.kernels_formulas import LOS, UNKNOWN
from siting.radio.kernels_link import follow, room_for, strongest_dbm, within
from siting.radio.kernels_math import F
from siting.radio.kernels_shapes import Singles, Views
from siting.radio.kernels_sight import Sight, Start, sweep_alone
from siting.radio.kernels_tally import LOS_AT, MAYBE_LOS_AT, MAYBE_NLOS_AT, NLOS_AT, probability_over
from siting.radio.kernels_threads import on_threads

BLOCK = 16  # options that one thread takes at once


class Needs(NamedTuple):
    """Which entries are kept: per unit the probability to beat, and the level from which on a path can matter.

    floor_dbm is [class, path]: below it the probability stays under `keep`.
    """

    beat: Singles
    floor_dbm: Singles
    level_dbm: float
    keep: float
    stop_m: float


@njit(cache=True, error_model="numpy", no_cfunc_wrapper=True)
def count_room(masts, receivers, group, stretches, room):  # noqa: ANN001, ANN201 - compiled
    """Most entries each option can have: units of the receivers in its circle."""
    for at in range(len(group)):
        m, total = group[at], 0
        for number in range(np.searchsorted(stretches[:, 0], masts.first[m]), len(stretches)):
            if stretches[number, 0] >= masts.last[m]:
                break
            span = within(masts, m, receivers, (stretches[number, 0], stretches[number, 1]))
            total += receivers.units[span[1]] - receivers.units[span[0]]
        room[at] = total


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _fill(stage, span, work, found, needs, at, unit_out, p_out):  # noqa: ANN001, ANN202, PLR0917 - compiled
    """Write the kept entries of the receivers span[0] to span[1] from `at` on; returns where the next go."""
    unit, units = stage.receivers.units[span[0]], stage.units
    for i in range(found):
        state, kind, top = work.state[i], units.kind[unit + i], work.top[i]
        if state != UNKNOWN and top < needs.floor_dbm[kind, LOS_AT if state == LOS else NLOS_AT]:
            continue
        paths, p = (top, LOS_AT, top, NLOS_AT), F(1.0) if state == LOS else F(0.0)
        if state == UNKNOWN:
            # top lies behind the mean loss of both states
            inside = work.inside_db[units.host[unit + i] - span[0]]
            clear = top + work.loss_db[i] - inside
            paths = (clear - work.los_db[i], MAYBE_LOS_AT, clear - work.nlos_db[i], MAYBE_NLOS_AT)
            p = work.p_los[i]
        chance = probability_over(units, kind, paths, p, needs.level_dbm)
        if chance > needs.beat[unit + i] and chance >= needs.keep:
            unit_out[at], p_out[at] = unit + i, chance
            at += 1
    return at


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _reach_one(stage, m, stretches, room, needs, at, unit_out, p_out):  # noqa: ANN001, ANN202, PLR0917 - compiled
    """Sweep and score one option, writing from `at` on; returns how many entries it has."""
    masts = stage.masts
    blank = np.full((2, masts.last[m] - masts.first[m]), np.inf, np.float32)
    radius = masts.radius_m[m] / stage.field.cell_m
    start = Start(masts.col[m], masts.row[m], masts.z_m[m], radius, masts.roof[m], masts.first[m], needs.stop_m)
    sweep_alone(stage.field, start, Sight(blank[0], blank[1]))
    views, work = Views(blank[0], blank[1], np.zeros(1, np.int64)), room_for(room[0], room[1])
    end = at
    low = np.searchsorted(stretches[:, 0], masts.first[m])
    for number in range(low, len(stretches)):
        if stretches[number, 0] >= masts.last[m]:
            break
        span = within(masts, m, stage.receivers, (stretches[number, 0], stretches[number, 1]))
        if span[0] == span[1]:
            continue
        found, _unknown = follow(stage, m, span, views, 0, work)
        strongest_dbm(stage, m, work, found)
        end = _fill(stage, span, work, found, needs, end, unit_out, p_out)
    return end - at


@njit(cache=True, nogil=True, error_model="numpy", no_cfunc_wrapper=True)
def _reach_some(stage, part, group, stretches, room, needs, begin, unit_out, p_out, kept):  # noqa: ANN001, ANN202, PLR0913, PLR0917 - compiled
    """Sweep and score the options part[0] to part[1] of a group."""
    for at in range(part[0], part[1]):
        kept[at] = _reach_one(stage, group[at], stretches, room, needs, begin[at], unit_out, p_out)


def reach_options(stage, group, stretches, room, needs, begin, unit_out, p_out, kept):  # noqa: ANN001, ANN201, PLR0917 - compiled parts
    """Sweep and score each option on one thread; entries go to its own part of the output.

    `begin` holds where each option's part begins (one more at the end); `kept` receives how much of it is used.
    """
    rest = (group, stretches, room, needs, begin, unit_out, p_out, kept)
    parts = [(first, min(first + BLOCK, len(group))) for first in range(0, len(group), BLOCK)]
    on_threads(lambda part: _reach_some(stage, part, *rest), parts)
