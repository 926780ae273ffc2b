"""The link budget of many receivers at once: loss, gain, state, best server, interference, probability.

The formulas are those of `pathloss`, `losprob` and `antenna` (which tests hold against these);
here they run per link.  Every unit is written by one thread only and meets the antennas in their
fixed order, so results do not depend on the number of threads.
"""

import math
from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt
from numba import njit, prange

numba.config.THREADING_LAYER = "workqueue"

UMA, UMI = 0, 1
NLOS, LOS, UNKNOWN = 0, 1, 2
DISTANCE_LOW, UT_LOW, UT_HIGH, BS_UNUSUAL, LOS_UNKNOWN = 1, 4, 8, 16, 32
OWN_ROOF, DEPTH_CAPPED, BS_CLAMPED = 128, 256, 2048
TIE_DB = 1e-6
NEAREST_M = 10.0
DEPTH_CAP_M = 25.0
DEPTH_DB_M = 0.5
BLOCK = 512
LN10 = math.log(10.0)


class Receivers(NamedTuple):
    """Places with units: project CRS [m], ground [m above datum], building number, first unit of each (one more at the end)."""

    easting_m: npt.NDArray[np.float64]
    northing_m: npt.NDArray[np.float64]
    ground_m: npt.NDArray[np.float64]
    building: npt.NDArray[np.int32]
    units: npt.NDArray[np.int64]


class Units(NamedTuple):
    """Height above ground [m] and class of each unit; walls and spreads by class, two models with weights."""

    height_m: npt.NDArray[np.float32]
    kind: npt.NDArray[np.uint8]
    wall_db: npt.NDArray[np.float64]
    sigma_db: npt.NDArray[np.float64]
    weight: npt.NDArray[np.float64]


class Mast(NamedTuple):
    """One antenna position: place [m], height above datum [m], model, roof it stands on, radius, frequency."""

    easting_m: float
    northing_m: float
    z_m: float
    model: int
    roof: int
    radius_m: float
    frequency_ghz: float


class Sectors(NamedTuple):
    """Sectors of one mast: angles [deg], EIRP per resource element [dBm], beam widths [deg], caps [dB], number."""

    azimuth_deg: npt.NDArray[np.float64]
    mechanical_deg: npt.NDArray[np.float64]
    electrical_deg: npt.NDArray[np.float64]
    eirp_dbm: npt.NDArray[np.float64]
    width_h_deg: npt.NDArray[np.float64]
    width_v_deg: npt.NDArray[np.float64]
    max_loss_db: npt.NDArray[np.float64]
    sidelobe_db: npt.NDArray[np.float64]
    number: npt.NDArray[np.int32]


class Tally(NamedTuple):
    """What is kept per unit, before the wall: levels [dBm], powers [mW], server, its state, probability and flags."""

    best_dbm: npt.NDArray[np.float64]
    best_mw: npt.NDArray[np.float64]
    other_mw: npt.NDArray[np.float64]
    server: npt.NDArray[np.int32]
    state: npt.NDArray[np.uint8]
    p_los: npt.NDArray[np.float32]
    flags: npt.NDArray[np.uint16]
    los_dbm: npt.NDArray[np.float32]
    nlos_dbm: npt.NDArray[np.float32]
    maybe_los_dbm: npt.NDArray[np.float32]
    maybe_nlos_dbm: npt.NDArray[np.float32]
    p_maybe: npt.NDArray[np.float32]


@njit(cache=True, error_model="numpy")
def losses_db(model, distance_2d_m, bs_m, ut_m, frequency_ghz):  # noqa: ANN001, ANN201 - compiled
    """Clamped losses with and without line of sight [dB] and their flags (formulas of `pathloss`)."""
    d2 = max(distance_2d_m, NEAREST_M)
    lg_d = 0.5 * math.log10(d2 * d2 + (bs_m - ut_m) ** 2)
    lg_f = math.log10(frequency_ghz)
    ut = min(max(ut_m, 1.5), 22.5)
    low, high, usual_low, usual_high = (10.0, 80.0, 20.0, 35.0) if model == UMA else (3.0, 25.0, 5.0, 15.0)
    bs = min(max(bs_m, low), high)
    flags = DISTANCE_LOW if distance_2d_m < NEAREST_M else 0
    flags |= (UT_LOW if ut_m < ut else 0) | (UT_HIGH if ut_m > ut else 0)
    flags |= (BS_UNUSUAL if bs_m < usual_low or bs_m > usual_high else 0) | (BS_CLAMPED if bs_m != bs else 0)
    turn = 4.0 * (bs - 1.0) * (ut - 1.0) * frequency_ghz * 1e9 / 3.0e8
    base, slope, fold = (28.0, 22.0, 9.0) if model == UMA else (32.4, 21.0, 9.5)
    if d2 <= turn:
        los = base + slope * lg_d + 20.0 * lg_f
    else:
        los = base + 40.0 * lg_d + 20.0 * lg_f - fold * math.log10(turn * turn + (bs - ut) ** 2)
    if model == UMA:
        nlos = 13.54 + 39.08 * lg_d + 20.0 * lg_f - 0.6 * (ut - 1.5)
    else:
        nlos = 22.4 + 35.3 * lg_d + 21.3 * lg_f - 0.3 * (ut - 1.5)
    return los, max(los, nlos), flags


@njit(cache=True, error_model="numpy")
def los_probability(model, d, ut_m):  # noqa: ANN001, ANN201 - compiled
    """Probability of line of sight over an outdoor distance [m] where buildings are unknown (formulas of `losprob`)."""
    if d <= 18.0:
        return 1.0
    if model == UMI:
        return 18.0 / d + math.exp(-d / 36.0) * (1.0 - 18.0 / d)
    lift = (min(max(ut_m - 13.0, 0.0), 10.0) / 10.0) ** 1.5
    tall = 1.0 + lift * 1.25 * (d / 100.0) ** 3 * math.exp(-d / 150.0)
    return (18.0 / d + math.exp(-d / 63.0) * (1.0 - 18.0 / d)) * tall


@njit(cache=True, error_model="numpy")
def pattern_loss_db(sectors, k, bearing_deg, depression_deg):  # noqa: ANN001, ANN201 - compiled
    """Loss of a sector's parabolic pattern towards a bearing and a depression [deg] (formulas of `antenna`)."""
    phi = bearing_deg - sectors.azimuth_deg[k]
    phi -= 360.0 * math.ceil((phi - 180.0) / 360.0)
    delta = depression_deg
    if sectors.mechanical_deg[k] != 0.0:
        p, d, m = math.radians(phi), math.radians(delta), math.radians(sectors.mechanical_deg[k])
        x, y, z = math.cos(d) * math.cos(p), math.cos(d) * math.sin(p), -math.sin(d)
        up = min(max(x * math.sin(m) + z * math.cos(m), -1.0), 1.0)
        phi = math.degrees(math.atan2(y, x * math.cos(m) - z * math.sin(m)))
        delta = -math.degrees(math.asin(up))
    vertical = (delta - sectors.electrical_deg[k]) / sectors.width_v_deg[k]
    horizontal = phi / sectors.width_h_deg[k]
    loss = min(12.0 * vertical * vertical, sectors.sidelobe_db[k]) + min(12.0 * horizontal * horizontal, sectors.max_loss_db[k])
    return min(loss, sectors.max_loss_db[k])


@njit(cache=True, error_model="numpy")
def normal(z):  # noqa: ANN001, ANN201 - compiled
    """Standard normal distribution function."""
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


@njit(cache=True, error_model="numpy")
def probability_over(units, kind, los_dbm, nlos_dbm, p, level_dbm):  # noqa: ANN001, ANN201, PLR0913, PLR0917 - compiled
    """Probability that a level before the wall, in line of sight with probability p, exceeds a level behind it."""
    total = 0.0
    for wall in range(2):
        weight = units.weight[kind, wall]
        if weight == 0.0:
            continue
        loss = units.wall_db[kind, wall] + level_dbm
        seen = p * normal((los_dbm - loss) / units.sigma_db[kind, wall, 0]) if p > 0.0 else 0.0
        hidden = (1.0 - p) * normal((nlos_dbm - loss) / units.sigma_db[kind, wall, 1]) if p < 1.0 else 0.0
        total += weight * (seen + hidden)
    return total


@njit(cache=True, error_model="numpy")
def state_of(z, clear, cap, own):  # noqa: ANN001, ANN201 - compiled
    """State of a receiver at a height above datum; a receiver under its own roof antenna is UNKNOWN."""
    if own:
        return UNKNOWN
    if z < clear:
        return NLOS
    return LOS if z >= cap else UNKNOWN


@njit(cache=True, error_model="numpy")
def _note_known(tally, unit, seen, level):  # noqa: ANN001, ANN202 - compiled
    """Keep the strongest level of one known state."""
    if seen:
        tally.los_dbm[unit] = max(tally.los_dbm[unit], level)
    else:
        tally.nlos_dbm[unit] = max(tally.nlos_dbm[unit], level)


@njit(cache=True, error_model="numpy")
def _note_unknown(tally, units, unit, los, nlos, p, levels):  # noqa: ANN001, ANN202, PLR0913, PLR0917 - compiled
    """Keep the strongest levels of the unknown state and, per threshold, the best mixed probability."""
    tally.maybe_los_dbm[unit] = max(tally.maybe_los_dbm[unit], los)
    tally.maybe_nlos_dbm[unit] = max(tally.maybe_nlos_dbm[unit], nlos)
    for number in range(len(levels)):
        chance = probability_over(units, units.kind[unit], los, nlos, p, levels[number])
        tally.p_maybe[number, unit] = max(tally.p_maybe[number, unit], chance)


@njit(cache=True, error_model="numpy")
def _serve(tally, unit, level, number, state, p, flags):  # noqa: ANN001, ANN202, PLR0913, PLR0917 - compiled
    """Sum a link into the unit: the strongest serves, the others interfere; powers are never subtracted."""
    power = math.exp(level * (LN10 / 10.0))
    if not level > tally.best_dbm[unit] + TIE_DB:
        tally.other_mw[unit] += power
        return
    tally.other_mw[unit] += tally.best_mw[unit]
    tally.best_dbm[unit], tally.best_mw[unit] = level, power
    tally.server[unit], tally.state[unit], tally.p_los[unit], tally.flags[unit] = number, state, p, flags


@njit(cache=True, error_model="numpy")
def _serve_mixed(tally, unit, los, nlos, p, number, flags):  # noqa: ANN001, ANN202, PLR0913, PLR0917 - compiled
    """As `_serve` for an unknown state: the drawn level is the mean in dB, interference the mean in mW."""
    level = p * los + (1.0 - p) * nlos
    power = p * math.exp(los * (LN10 / 10.0)) + (1.0 - p) * math.exp(nlos * (LN10 / 10.0))
    if not level > tally.best_dbm[unit] + TIE_DB:
        tally.other_mw[unit] += power
        return
    tally.other_mw[unit] += tally.best_mw[unit]
    tally.best_dbm[unit], tally.best_mw[unit] = level, power
    tally.server[unit], tally.state[unit], tally.p_los[unit], tally.flags[unit] = number, UNKNOWN, p, flags


@njit(cache=True, error_model="numpy")
def _add_unit(mast, sectors, units, unit, way, tally, levels, floor_dbm):  # noqa: ANN001, ANN202, PLR0913, PLR0917 - compiled
    """Add all sectors of a mast to one unit; way = (distance, bearing, ground, clear, cap, depth, own roof)."""
    d2, bearing, ground, clear, cap, depth, own = way
    ut = units.height_m[unit]
    los, nlos, flags = losses_db(mast.model, d2, mast.z_m - ground, ut, mast.frequency_ghz)
    inside = DEPTH_DB_M * min(depth, DEPTH_CAP_M)
    state = state_of(ground + ut, clear, cap, own)
    flags |= (DEPTH_CAPPED if depth > DEPTH_CAP_M else 0) | (OWN_ROOF if own else 0) | (LOS_UNKNOWN if state == UNKNOWN else 0)
    depression = math.degrees(math.atan2(mast.z_m - ground - ut, d2))
    p = los_probability(mast.model, d2 - depth, ut) if state == UNKNOWN else float(state)
    least = los if state != NLOS else nlos
    for k in range(len(sectors.number)):
        bound = sectors.eirp_dbm[k] - inside - least
        known = tally.los_dbm[unit] if state == LOS else tally.nlos_dbm[unit]
        if bound < floor_dbm and state != UNKNOWN and bound <= known and bound <= tally.best_dbm[unit]:
            continue
        level = sectors.eirp_dbm[k] - inside - pattern_loss_db(sectors, k, bearing, depression)
        if state == UNKNOWN:
            _note_unknown(tally, units, unit, level - los, level - nlos, p, levels)
            _serve_mixed(tally, unit, level - los, level - nlos, p, sectors.number[k], flags)
        else:
            _note_known(tally, unit, state == LOS, level - least)
            _serve(tally, unit, level - least, sectors.number[k], state, p, flags)


@njit(cache=True, parallel=True, error_model="numpy")
def add_mast(mast, sectors, receivers, span, units, sight, tally, levels, floors):  # noqa: ANN001, ANN201, PLR0913, PLR0917 - compiled
    """Add one mast to all units of the receivers span[0] to span[1] within its radius.

    Parameters
    ----------
    mast, sectors, receivers, units, tally
        See the tuples above; tally is written.
    span : tuple of int
        Receivers that `sight` holds.
    sight : Sight
        From the sweep, first entry = receiver span[0].
    levels : ndarray
        Thresholds [dBm] at which probabilities over unknown paths are kept.
    floors : ndarray
        By class of unit: level before the wall [dBm] below which a link that cannot serve is left out.
    """
    first, last = span
    for block in prange((last - first + BLOCK - 1) // BLOCK):
        for number in range(first + block * BLOCK, min(first + (block + 1) * BLOCK, last)):
            east = receivers.easting_m[number] - mast.easting_m
            north = receivers.northing_m[number] - mast.northing_m
            d2 = math.sqrt(east * east + north * north)
            if d2 > mast.radius_m:
                continue
            spot = number - first
            own = mast.roof > 0 and receivers.building[number] == mast.roof
            bearing = math.degrees(math.atan2(east, north))
            ground = receivers.ground_m[number]
            depth = float(sight.depth_m[spot])
            way = (d2, bearing, ground, sight.clear_m[spot], max(sight.clear_m[spot], sight.cap_m[spot]), depth, own)
            for unit in range(receivers.units[number], receivers.units[number + 1]):
                _add_unit(mast, sectors, units, unit, way, tally, levels, floors[units.kind[unit]])
