"""The links from one mast to a stretch of units: geometry, state of the path, loss.

Formulas are those of `pathloss`, `losprob` and `antenna` (which tests hold against these), in single
precision and one short loop each, which the compiler turns into vector instructions.  A link comes
out the same whatever stands beside it, so results do not depend on threads, order or stretches.
"""
# mypy: disable-error-code="no-untyped-def"

import math

import numpy as np
from numba import njit

from siting.radio.kernels_diffraction import bullington_db
from siting.radio.kernels_formulas import FREE_DB, FREE_SPACE, LOS, NLOS, UMA, UNKNOWN, los_probability
from siting.radio.kernels_gain import join, level_of, to_mw
from siting.radio.kernels_math import DB_PER_LOG2, LG2, LOG2_PER_DB, F, atan2_deg, exp2_of, log2_of
from siting.radio.kernels_shapes import Work
from siting.radio.kernels_sight import IDENTITY

DEPTH_CAP_M = 25.0
DEPTH_DB_M = 0.5
NEAREST_M = F(10.0)
NLOS_ABOVE_M = 60.0
PAST = 1e-9  # cells
MOST_DIFFRACTION_DB = 60.0
LIGHT_GHZ = 10.0 / 3.0  # 1e9 / c


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def room_for(receivers, units):  # noqa: ANN001, ANN201 - compiled
    """Scratch for stretches of so many receivers and units."""
    r, u = np.empty((6, receivers), np.float32), np.empty((17, units), np.float32)
    whole = np.empty((2, units), np.int32)
    return Work(
        r[0], r[1], r[2], r[3], r[4], r[5],
        u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15], u[16],
        whole[0], whole[1],
    )  # fmt: skip


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def within(masts, m, receivers, stretch):  # noqa: ANN001, ANN201 - compiled
    """The receivers of a stretch of one row within the mast's radius, as a stretch."""
    first, last = stretch
    reach = masts.radius_m[m]
    north = receivers.northing_m[first] - masts.northing_m[m]
    if abs(north) > reach:
        return first, first
    wide = math.sqrt(reach * reach - north * north)
    easting = receivers.easting_m[first:last]
    low, high = masts.easting_m[m] - wide, masts.easting_m[m] + wide
    if easting[-1] < low or easting[0] > high:
        return first, first
    begin = 0 if easting[0] >= low else np.searchsorted(easting, low)
    end = last - first if easting[-1] <= high else np.searchsorted(easting, high, side="right")
    return first + begin, first + end


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _plan(east_m, north_m, easting_m, northing_m, work):  # noqa: ANN001, ANN202 - compiled
    """Plan distance and bearing of receivers."""
    for i in range(len(easting_m)):
        east, north = F(easting_m[i] - east_m), F(northing_m[i] - north_m)
        work.distance_m[i] = F(np.sqrt(east * east + north * north))
    for i in range(len(easting_m)):
        east, north = F(easting_m[i] - east_m), F(northing_m[i] - north_m)
        work.bearing_deg[i] = atan2_deg(east, north)


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _approach(stage, m, span, views, at, work):  # noqa: ANN001, ANN202 - compiled
    """Distance, bearing, depth and clear heights of the receivers span[0] to span[1]."""
    masts, receivers = stage.masts, stage.receivers
    first, count = span[0], span[1] - span[0]
    spot = views.begin[at] + first - masts.first[m]
    _plan(
        masts.easting_m[m],
        masts.northing_m[m],
        receivers.easting_m[first : span[1]],
        receivers.northing_m[first : span[1]],
        work,
    )
    work.clear_m[:count] = views.clear_m[spot : spot + count]
    work.cap_m[:count] = np.maximum(work.clear_m[:count], views.cap_m[spot : spot + count])
    building = receivers.building[first : span[1]]
    for i in range(count):
        work.depth_m[i] = F(0.0)
        if building[i] > 0 and building[i] == masts.roof[m]:
            work.clear_m[i], work.cap_m[i] = F(-np.inf), F(np.inf)
    own = (receivers.row[first : span[1]], receivers.col[first : span[1]], building)
    places = (receivers.easting_m[first : span[1]], receivers.northing_m[first : span[1]])
    _depths(stage.field.code, stage.field.cell_m, own, (masts.easting_m[m], masts.northing_m[m]), places, work.depth_m)
    for i in range(count):
        work.inside_db[i] = F(DEPTH_DB_M) * min(work.depth_m[i], F(DEPTH_CAP_M))


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _depths(code, cell_m, own, mast, places, depth):  # noqa: ANN001, ANN202 - compiled
    """Write the length of the way inside each receiver's building towards a mast [m]."""
    row, col, building = own
    easting_m, northing_m = places
    for i in range(len(row)):
        if building[i] <= 0:
            continue
        east, south = mast[0] - easting_m[i], northing_m[i] - mast[1]
        d2 = math.sqrt(east * east + south * south)
        if d2 > 0.0:
            limit = min(d2, DEPTH_CAP_M + 1.0) / cell_m
            depth[i] = F(way_out(code, row[i], col[i], east / d2, south / d2, building[i], limit) * cell_m)


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def depth_m(field, row, col, along, down, building, limit_m):  # noqa: ANN001, ANN201 - compiled
    """Length of the straight way out of a building from the middle of a cell [m], followed up to just past the cap."""
    limit = min(limit_m, DEPTH_CAP_M + 1.0) / field.cell_m
    return way_out(field.code, row, col, along, down, building, limit) * field.cell_m


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def way_out(code, row, col, along, down, building, limit):  # noqa: ANN001, ANN201 - compiled
    """Length of the straight way out of a building from the middle of a cell [cells], up to a limit."""
    across_x, across_y = 1.0 / max(abs(along), 1e-12), 1.0 / max(abs(down), 1e-12)
    to_x, to_y, here = 0.5 * across_x, 0.5 * across_y, 0.0
    step_x, step_y = 1 if along > 0.0 else -1, 1 if down > 0.0 else -1
    rows, cols = code.shape
    r, c = row, col
    while here < limit:
        here = min(to_x, to_y)
        aside, ahead = to_x <= to_y + PAST, to_y <= to_x + PAST
        c += step_x if aside else 0
        r += step_y if ahead else 0
        to_x += across_x if aside else 0.0
        to_y += across_y if ahead else 0.0
        if r < 0 or r >= rows or c < 0 or c >= cols or code[r, c] & IDENTITY != building:
            break
    return min(here, limit)


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _spread_out(host, first, work, count):  # noqa: ANN001, ANN202 - compiled
    """Plan distance and bearing by unit."""
    for i in range(count):
        work.unit_d2_m[i] = work.distance_m[host[i] - first]
    for i in range(count):
        work.unit_bearing_deg[i] = work.bearing_deg[host[i] - first]


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _see(z_m, host, first, work, count):  # noqa: ANN001, ANN202 - compiled
    """State of each path; returns how many are clear and how many unknown."""
    state = work.state
    for i in range(count):
        at = host[i] - first
        state[i] = NLOS if z_m[i] < work.clear_m[at] else (LOS if z_m[i] >= work.cap_m[at] else UNKNOWN)
    clear, unknown = 0, 0
    for i in range(count):
        clear += 1 if state[i] == LOS else 0
    for i in range(count):
        unknown += 1 if state[i] == UNKNOWN else 0
    return clear, unknown


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _rise(mast_z_m, z_m, d2_m, drop_m, lg_d, depression_deg):  # noqa: ANN001, ANN202 - compiled
    """How far receivers lie below the antenna [m and deg], and lg of the slant distance."""
    for i in range(len(z_m)):
        drop_m[i] = F(mast_z_m - z_m[i])
    for i in range(len(z_m)):
        near = max(d2_m[i], NEAREST_M)
        lg_d[i] = F(0.5) * LG2 * log2_of(near * near + drop_m[i] * drop_m[i])
    for i in range(len(z_m)):
        depression_deg[i] = atan2_deg(drop_m[i], d2_m[i])


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _hidden_db(model, lg_f, lg_d, height_m, nlos_db):  # noqa: ANN001, ANN202 - compiled
    """Loss without line of sight, before it is held to the loss in line of sight."""
    base, slope, lift = (13.54 + 20.0 * lg_f, 39.08, 0.6) if model == UMA else (22.4 + 21.3 * lg_f, 35.3, 0.3)
    if model == FREE_SPACE:
        base, slope, lift = FREE_DB + 20.0 * lg_f, 20.0, 0.0
    b, s, h = F(base), F(slope), F(lift)
    for i in range(len(nlos_db)):
        nlos_db[i] = b + s * lg_d[i] - h * (min(max(height_m[i], F(1.5)), F(22.5)) - F(1.5))


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _clear_db(model, frequency_ghz, lg_d, height_m, d2_m, drop_m, los_db):  # noqa: ANN001, ANN202 - compiled
    """Loss in line of sight of clamped heights."""
    base, slope, fold = (28.0, 22.0, 9.0) if model == UMA else (32.4, 21.0, 9.5)
    low, high = (F(10.0), F(80.0)) if model == UMA else (F(3.0), F(25.0))
    lg_f = math.log10(frequency_ghz)
    b, s, o, turns = F(base + 20.0 * lg_f), F(slope), F(fold) * LG2, F(4.0 * LIGHT_GHZ * frequency_ghz)
    for i in range(len(los_db)):
        ut = min(max(height_m[i], F(1.5)), F(22.5))
        bs = min(max(drop_m[i] + height_m[i], low), high)
        turn = turns * (bs - F(1.0)) * (ut - F(1.0))
        far = b + F(40.0) * lg_d[i] - o * log2_of(turn * turn + (bs - ut) * (bs - ut))
        los_db[i] = b + s * lg_d[i] if max(d2_m[i], NEAREST_M) <= turn else far


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _lose(stage, m, height_m, found, work, count):  # noqa: ANN001, ANN202 - compiled
    """Write both textbook losses; where every path is hidden and far off, the one in line of sight is left out.

    Beyond `NLOS_ABOVE_M`, with the break point beyond it too, the NLOS formulas of both models exceed the LOS
    ones for every receiver height (tests compare them), so holding NLOS to LOS or more changes nothing there.
    """
    model, los, nlos = stage.masts.model[m], work.los_db[:count], work.nlos_db[:count]
    _hidden_db(model, math.log10(stage.frequency_ghz), work.lg_d[:count], height_m, nlos)
    if model == FREE_SPACE:
        los[:] = nlos
        return
    low = 10.0 if model == UMA else 3.0
    over = 2.0 * (max(np.min(work.drop_m[:count] + height_m), low) - 1.0) * LIGHT_GHZ * stage.frequency_ghz
    far = np.min(work.distance_m[: found[2]]) > NLOS_ABOVE_M and over > NLOS_ABOVE_M
    if found[0] + found[1] == 0 and far and not stage.corrections.diffracts:
        return
    d2, drop = work.unit_d2_m[:count], work.drop_m[:count]
    _clear_db(model, stage.frequency_ghz, work.lg_d[:count], height_m, d2, drop, los)
    for i in range(count):
        nlos[i] = max(los[i], nlos[i])


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _correct(corrections, kind, work, count):  # noqa: ANN001, ANN202 - compiled
    """Apply what measurements taught to both losses, and note what pattern and power count for."""
    c = corrections
    for i in range(count):
        k, s = kind[i], work.state[i]
        shift = c.offset_db[k, s] + c.slope_db[k, s] * (work.lg_d[i] - F(2.0))
        shift -= c.power[k, s] * c.power_mean_dbm[k, s]
        work.los_db[i] -= shift
        work.nlos_db[i] -= shift
        work.weight[i], work.slope[i] = c.pattern[k, s], c.power[k, s]


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _bend(stage, m, unit, work, count):  # noqa: ANN001, ANN202 - compiled
    """Add the site's own diffraction to hidden paths; never below the loss in line of sight."""
    c, units = stage.corrections, stage.units
    for i in range(count):
        k, s = units.kind[unit + i], work.state[i]
        if s == LOS or c.beta[k, s] == 0.0:
            continue
        loss = bullington_db(stage, m, units.host[unit + i], units.z_m[unit + i])
        more = c.beta[k, s] * F(min(max(loss, 0.0), MOST_DIFFRACTION_DB) - c.loss_mean_db[k, s])
        work.nlos_db[i] = max(work.los_db[i], work.nlos_db[i] + more)


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _settle(state, los_db, nlos_db, loss_db, lift_db):  # noqa: ANN001, ANN202 - compiled
    """The loss of each path of known state."""
    for i in range(len(loss_db)):
        loss_db[i] = nlos_db[i] if state[i] == NLOS else los_db[i]
    for i in range(len(lift_db)):
        lift_db[i] = F(0.0)


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _mix(model, first, host, height_m, work, count):  # noqa: ANN001, ANN202 - compiled
    """Of unknown paths: chance of line of sight, loss of the mean power, and what the mean in dB lies below it."""
    for i in range(count):
        work.p_los[i] = F(work.state[i])
        if work.state[i] != UNKNOWN:
            continue
        outdoors = work.unit_d2_m[i] - work.depth_m[host[i] - first]
        p = F(los_probability(model, float(outdoors), float(height_m[i])))
        los, nlos = work.los_db[i], work.nlos_db[i]
        passed = p + (F(1.0) - p) * exp2_of((los - nlos) * LOG2_PER_DB)
        work.p_los[i], work.loss_db[i] = p, los - DB_PER_LOG2 * log2_of(max(passed, F(1e-30)))
        work.lift_db[i] = work.loss_db[i] - (p * los + (F(1.0) - p) * nlos)


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _indoors(host, first, inside_db, loss_db):  # noqa: ANN001, ANN202 - compiled
    """Add the way inside the building."""
    for i in range(len(loss_db)):
        loss_db[i] += inside_db[host[i] - first]


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def follow(stage, m, span, views, at, work):  # noqa: ANN001, ANN201 - compiled
    """All of the links of mast m and the receivers span[0] to span[1] but the antenna; returns units and unknown paths."""
    first, last = span
    _approach(stage, m, span, views, at, work)
    unit, end = stage.receivers.units[first], stage.receivers.units[last]
    count = end - unit
    host, height = stage.units.host[unit:end], stage.units.height_m[unit:end]
    z = stage.units.z_m[unit:end]
    _spread_out(host, first, work, count)
    clear, unknown = _see(z, host, first, work, count)
    drop, lg, down = work.drop_m[:count], work.lg_d[:count], work.depression_deg[:count]
    _rise(stage.masts.z_m[m], z, work.unit_d2_m[:count], drop, lg, down)
    _lose(stage, m, height, (clear, unknown, last - first), work, count)
    if stage.corrections.diffracts:
        _bend(stage, m, unit, work, count)
    if stage.corrections.given:
        _correct(stage.corrections, stage.units.kind[unit:end], work, count)
    loss, lift = work.loss_db[:count], work.lift_db[:count]
    _settle(work.state[:count], work.los_db[:count], work.nlos_db[:count], loss, lift)
    if unknown:
        _mix(stage.masts.model[m], first, host, height, work, count)
    _indoors(host, first, work.inside_db, loss)
    return count, unknown


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def send(stage, m, work, count):  # noqa: ANN001, ANN201 - compiled
    """Powers of the mast's strongest sector and of all others at the units of a stretch [mW], and which it is."""
    top, rest, which = work.top[:count], work.rest[:count], work.which[:count]
    top[:], rest[:], which[:] = F(0.0), F(0.0), -1
    for k in range(stage.masts.sector[m], stage.masts.sector[m + 1]):
        level_of(stage.sectors, k, work, count, stage.corrections.given)
        to_mw(work.pattern_db[:count])
        join(stage.sectors.number[k], work.pattern_db[:count], top, rest, which)


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def strongest_dbm(stage, m, work, count):  # noqa: ANN001, ANN201 - compiled
    """Write the level of the mast's strongest sector [dBm] into `work.top`."""
    top = work.top[:count]
    top[:] = F(-np.inf)
    for k in range(stage.masts.sector[m], stage.masts.sector[m + 1]):
        level_of(stage.sectors, k, work, count, stage.corrections.given)
        for i in range(count):
            top[i] = max(top[i], work.pattern_db[i])
