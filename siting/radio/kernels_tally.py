"""Adding masts to what is kept per unit, so that no order of masts and no number of threads shows.

Mean powers are summed as whole steps of 2^-62 mW (-186.6 dBm); the server is the largest of a whole
number made of its level and its sector; everything else is a maximum.
"""
# mypy: disable-error-code="no-untyped-def"

import numpy as np
from numba import njit

from siting.radio.kernels_formulas import LOS, NLOS, UNKNOWN, link_flags
from siting.radio.kernels_gain import LOOSE_BITS
from siting.radio.kernels_link import DEPTH_CAP_M, follow, room_for, send, within
from siting.radio.kernels_math import DB_PER_LOG2, LOG2_PER_DB, F, bits_of, exp2_of, log2_of, normal_of
from siting.radio.kernels_threads import on_threads

LOS_UNKNOWN, OWN_ROOF, DEPTH_CAPPED = 32, 128, 256
STEPS_PER_MW = 2.0**62
#: One mast may add no more than this to a unit [mW]: then a sum that runs over shows as a negative one.
MOST_MW = F(1.0)
LAST_SECTOR = (1 << 31) - 1
LOS_AT, NLOS_AT, MAYBE_LOS_AT, MAYBE_NLOS_AT = 0, 1, 2, 3
SECTOR_BITS = 31
BLOCK = 64  # stretches that one thread takes at once


@njit(cache=True, error_model="numpy")
def probability_over(units, kind, paths, p, level_dbm):  # noqa: ANN001, ANN201 - compiled
    """Probability that a level exceeds one behind the wall; paths: level and spread's column clear, the same hidden."""
    total = F(0.0)
    los_dbm, los_at, nlos_dbm, nlos_at = paths
    for wall in range(2):
        weight = F(units.weight[kind, wall])
        if weight == F(0.0):
            continue
        loss = F(units.wall_db[kind, wall] + level_dbm)
        if p > F(0.0):
            total += weight * p * normal_of((los_dbm - loss) / F(units.sigma_db[kind, wall, los_at]))
        if p < F(1.0):
            total += weight * (F(1.0) - p) * normal_of((nlos_dbm - loss) / F(units.sigma_db[kind, wall, nlos_at]))
    return total


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _sum_up(total_fx, top, rest):  # noqa: ANN001, ANN202 - compiled
    """Add a mast to the sums; returns a negative number if one ran over."""
    for i in range(len(top)):
        total_fx[i] += np.int64(np.float64(top[i]) * STEPS_PER_MW) + np.int64(np.float64(rest[i]) * STEPS_PER_MW)
    low, most = np.int64(0), F(0.0)
    for i in range(len(top)):
        low |= total_fx[i]
    for i in range(len(top)):
        most = max(most, top[i] + rest[i])
    return low if most <= MOST_MW else np.int64(-1)


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _known(state, top, wanted, kept):  # noqa: ANN001, ANN202 - compiled
    """Keep the strongest over paths of one known state."""
    for i in range(len(top)):
        kept[i] = max(kept[i], top[i] if state[i] == wanted else F(0.0))


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _maybe(units, unit, work, inside_db, tally, levels, i):  # noqa: ANN001, ANN202 - compiled
    """Keep what an unknown path would give either way."""
    at = unit + i
    los = work.top[i] * exp2_of((work.loss_db[i] - inside_db - work.los_db[i]) * LOG2_PER_DB)
    nlos = work.top[i] * exp2_of((work.loss_db[i] - inside_db - work.nlos_db[i]) * LOG2_PER_DB)
    tally.maybe_los_mw[at] = max(tally.maybe_los_mw[at], los)
    tally.maybe_nlos_mw[at] = max(tally.maybe_nlos_mw[at], nlos)
    paths = (DB_PER_LOG2 * log2_of(los), MAYBE_LOS_AT, DB_PER_LOG2 * log2_of(nlos), MAYBE_NLOS_AT)
    for number in range(len(levels)):
        chance = probability_over(units, units.kind[at], paths, work.p_los[i], levels[number])
        tally.p_maybe[number, at] = max(tally.p_maybe[number, at], chance)


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _keys(top, lift_db, which, keys):  # noqa: ANN001, ANN202 - compiled
    """Level and sector as one number: a higher level is larger, then a smaller sector."""
    for i in range(len(top)):
        drawn = top[i] * (exp2_of(lift_db[i] * LOG2_PER_DB) if lift_db[i] != F(0.0) else F(1.0))
        level = np.int64(bits_of(drawn)) >> np.int64(LOOSE_BITS)
        keys[i] = (level << np.int64(SECTOR_BITS)) | np.int64(LAST_SECTOR - which[i])


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _serve(stage, m, first, unit, work, keys, tally):  # noqa: ANN001, ANN202 - compiled
    """Let the mast serve the units where it beats what served so far."""
    for i in range(len(keys)):
        at = unit + i
        if keys[i] <= tally.key[at]:
            continue
        state, spot = work.state[i], stage.units.host[at] - first
        ut, building = stage.units.height_m[at], stage.receivers.building[stage.units.host[at]]
        flags = link_flags(stage.masts.model[m], work.unit_d2_m[i], float(work.drop_m[i] + ut), ut)
        flags |= DEPTH_CAPPED if work.depth_m[spot] > DEPTH_CAP_M else 0
        flags |= OWN_ROOF if building > 0 and building == stage.masts.roof[m] else 0
        flags |= LOS_UNKNOWN if state == UNKNOWN else 0
        tally.key[at], tally.mean_mw[at], tally.flags[at] = keys[i], work.top[i], flags
        tally.state[at], tally.p_los[at] = state, work.p_los[i] if state == UNKNOWN else F(state)


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _meet(stage, m, span, views, at, work, keys, tally, levels):  # noqa: ANN001, ANN202, PLR0917 - compiled
    """Add the mast to the units of the receivers span[0] to span[1]; returns a negative number if a sum ran over."""
    count, unknown = follow(stage, m, span, views, at, work)
    send(stage, m, work, count)
    unit = stage.receivers.units[span[0]]
    top, state = work.top[:count], work.state[:count]
    bad = _sum_up(tally.total_fx[unit : unit + count], top, work.rest[:count])
    _known(state, top, LOS, tally.los_mw[unit : unit + count])
    _known(state, top, NLOS, tally.nlos_mw[unit : unit + count])
    if unknown:
        for i in range(count):
            if state[i] == UNKNOWN:
                inside = work.inside_db[stage.units.host[unit + i] - span[0]]
                _maybe(stage.units, unit, work, inside, tally, levels, i)
    _keys(top, work.lift_db[:count], work.which[:count], keys[:count])
    _serve(stage, m, span[0], unit, work, keys[:count], tally)
    return bad


@njit(cache=True, nogil=True, error_model="numpy", no_cfunc_wrapper=True)
def _meet_all(stage, group, stretches, views, room, tally, levels):  # noqa: ANN001, ANN202 - compiled
    """Add the masts of a group to all of some stretches; returns a negative number if a sum ran over."""
    work, keys = room_for(room[0], room[1]), np.empty(room[1], np.int64)
    bad, masts = np.int64(0), stage.masts
    for number in range(len(stretches)):
        stretch = (stretches[number, 0], stretches[number, 1])
        for at in range(len(group)):
            if masts.first[group[at]] >= stretch[1] or masts.last[group[at]] <= stretch[0]:
                continue
            span = within(masts, group[at], stage.receivers, stretch)
            if span[0] < span[1]:
                bad |= _meet(stage, group[at], span, views, at, work, keys, tally, levels)
    return bad


def add_masts(stage, group, stretches, views, room, tally, levels):  # noqa: ANN001, ANN201 - compiled parts
    """Add masts to the units of stretches of receivers.

    Parameters
    ----------
    stage, tally, views
        See `kernels_shapes`; tally is written, views hold the masts of the group in its order.
    group : ndarray
        Numbers of the masts.
    stretches : ndarray
        [n, 2] first and last (exclusive) receiver of stretches within one row.
    room : tuple of int
        Most receivers and units of a stretch.
    levels : ndarray
        Thresholds [dBm] at which probabilities over unknown paths are kept.

    Returns
    -------
    bool
        Whether all sums stayed in range.
    """
    parts = [stretches[first : first + BLOCK] for first in range(0, len(stretches), BLOCK)]
    return (
        min(on_threads(lambda part: _meet_all(stage, group, part, views, room, tally, levels), parts), default=0) >= 0
    )


def powers_mw(steps):  # noqa: ANN001, ANN201 - numpy
    """Sums in steps as powers [mW]."""
    return np.asarray(steps, np.float64) / STEPS_PER_MW


def servers_of(key):  # noqa: ANN001, ANN201 - numpy
    """Sector number and level [mW] of keys; -1 and 0 without a server."""
    key = np.asarray(key, np.int64)
    number = np.where(key < 0, -1, LAST_SECTOR - (key & LAST_SECTOR)).astype(np.int32)
    level = np.where(key < 0, 0, (key >> SECTOR_BITS) << LOOSE_BITS).astype(np.int32)
    return number, level.view(np.float32)


def numbered(key, number):  # noqa: ANN001, ANN201 - numpy
    """Keys with other sector numbers; the level stays."""
    key = np.asarray(key, np.int64)
    return np.where(key < 0, key, (key >> SECTOR_BITS << SECTOR_BITS) | (LAST_SECTOR - np.asarray(number, np.int64)))
