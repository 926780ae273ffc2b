"""The link budget of many receivers at once: loss, gain, state, best server, interference, probability.

The formulas are those of `pathloss`, `losprob` and `antenna` (which tests hold against these);
here they run per link.  Every unit is written by one thread only and meets the antennas in their
fixed order, so results do not depend on the number of threads.
"""
# mypy: disable-error-code="no-untyped-def"

import math
from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt
from numba import njit, prange

from siting.radio.kernels_formulas import LOS, NLOS, UNKNOWN, link_flags, los_probability, losses_in, normal, state_of
from siting.radio.kernels_sight import IDENTITY

numba.config.THREADING_LAYER = "workqueue"

LOS_UNKNOWN, OWN_ROOF, DEPTH_CAPPED = 32, 128, 256
TIE = 10.0 ** (1e-6 / 10.0)
TINY_M = 1e-6
DEPTH_CAP_M = 25.0
DEPTH_DB_M = 0.5
BLOCK = 512
PAST = 1e-9  # cells
PER_DB = math.log(10.0) / 10.0
GAIN, LEAST, COS_PHI, SIN_PHI, COS_AZIMUTH, SIN_AZIMUTH, COS_TILT, SIN_TILT = range(8)
PER_LN = 10.0 / math.log(10.0)


class Receivers(NamedTuple):
    """Places with units: project CRS [m], ground [m above datum], building, obstacle cell, first unit of each (one more at the end)."""

    easting_m: npt.NDArray[np.float64]
    northing_m: npt.NDArray[np.float64]
    ground_m: npt.NDArray[np.float64]
    building: npt.NDArray[np.int32]
    row: npt.NDArray[np.int64]
    col: npt.NDArray[np.int64]
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
    """Sectors of one mast: angles [deg], EIRP per resource element [dBm], beam widths [deg], caps [dB], number.

    beam is 0 where a sector's vertical beam equals that of the sector before it.
    """

    azimuth_deg: npt.NDArray[np.float64]
    mechanical_deg: npt.NDArray[np.float64]
    electrical_deg: npt.NDArray[np.float64]
    eirp_dbm: npt.NDArray[np.float64]
    width_h_deg: npt.NDArray[np.float64]
    width_v_deg: npt.NDArray[np.float64]
    max_loss_db: npt.NDArray[np.float64]
    sidelobe_db: npt.NDArray[np.float64]
    number: npt.NDArray[np.int32]
    beam: npt.NDArray[np.uint8]


class Tally(NamedTuple):
    """What is kept per unit, before the wall: powers [mW], server, its state, probability and flags.

    drawn_mw is the server's median (over an unknown path the mean in dB), best_mw its mean power.
    """

    drawn_mw: npt.NDArray[np.float64]
    best_mw: npt.NDArray[np.float64]
    other_mw: npt.NDArray[np.float64]
    server: npt.NDArray[np.int32]
    state: npt.NDArray[np.uint8]
    p_los: npt.NDArray[np.float32]
    flags: npt.NDArray[np.uint16]
    los_mw: npt.NDArray[np.float32]
    nlos_mw: npt.NDArray[np.float32]
    maybe_los_mw: npt.NDArray[np.float32]
    maybe_nlos_mw: npt.NDArray[np.float32]
    p_maybe: npt.NDArray[np.float32]


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
    loss = min(12.0 * vertical * vertical, sectors.sidelobe_db[k]) + min(
        12.0 * horizontal * horizontal, sectors.max_loss_db[k]
    )
    return min(loss, sectors.max_loss_db[k])


@njit(cache=True, error_model="numpy")
def probability_over(units, kind, los_dbm, nlos_dbm, p, level_dbm):  # noqa: ANN001, ANN201 - compiled
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
def _serve(drawn_mw, best_mw, other_mw, unit, drawn, mean, rest):  # noqa: ANN001, ANN202 - compiled
    """Sum a mast into the unit: its strongest sector serves or interferes, the rest interfere; nothing is subtracted.

    Returns whether the mast serves now.
    """
    if not drawn > drawn_mw[unit] * TIE:
        other_mw[unit] += mean + rest
        return False
    other_mw[unit] += best_mw[unit] + rest
    drawn_mw[unit], best_mw[unit] = drawn, mean
    return True


@njit(cache=True, error_model="numpy")
def _note_unknown(tally, units, unit, los, nlos, p, levels):  # noqa: ANN001, ANN202 - compiled
    """Keep what a link of unknown state would give either way; returns its median, the mean in dB [mW]."""
    tally.maybe_los_mw[unit] = max(tally.maybe_los_mw[unit], los)
    tally.maybe_nlos_mw[unit] = max(tally.maybe_nlos_mw[unit], nlos)
    los_dbm, nlos_dbm = PER_LN * math.log(los), PER_LN * math.log(nlos)
    for number in range(len(levels)):
        chance = probability_over(units, units.kind[unit], los_dbm, nlos_dbm, p, levels[number])
        tally.p_maybe[number, unit] = max(tally.p_maybe[number, unit], chance)
    return math.exp((p * los_dbm + (1.0 - p) * nlos_dbm) * PER_DB)


@njit(cache=True, error_model="numpy")
def _vertical(angle_deg, width_deg, sidelobe_db):  # noqa: ANN001, ANN202 - compiled
    """Linear vertical gain off the beam's axis."""
    share = angle_deg / width_deg
    return float(math.exp(np.float32(-min(12.0 * share * share, sidelobe_db) * PER_DB)))


@njit(cache=True, error_model="numpy")
def fill_across(sectors, east, north, across):  # noqa: ANN001, ANN201 - compiled
    """Write what a direction in plan (unit vector) makes of every sector into the rows of `least_eirp_mw`.

    EIRP times horizontal gain [mW] where the mast is upright, else cosine and sine off the azimuth.
    """
    bearing = math.degrees(float(math.atan2(np.float32(east), np.float32(north))))
    for k in range(len(sectors.number)):
        if sectors.mechanical_deg[k] != 0.0:
            across[COS_PHI, k] = north * across[COS_AZIMUTH, k] + east * across[SIN_AZIMUTH, k]
            across[SIN_PHI, k] = east * across[COS_AZIMUTH, k] - north * across[SIN_AZIMUTH, k]
            continue
        phi = bearing - sectors.azimuth_deg[k]
        phi -= 360.0 * math.ceil((phi - 180.0) / 360.0)
        share = phi / sectors.width_h_deg[k]
        loss = 12.0 * share * share
        across[GAIN, k] = across[LEAST, k]
        if loss < sectors.max_loss_db[k]:
            across[GAIN, k] = float(math.exp(np.float32((sectors.eirp_dbm[k] - loss) * PER_DB)))


@njit(cache=True, error_model="numpy")
def tilted_mw(sectors, across, k, cos_down, sin_down):  # noqa: ANN001, ANN201 - compiled
    """EIRP times gain of a mechanically tilted sector towards a depression given by cosine and sine [mW]."""
    ahead, aside = cos_down * across[COS_PHI, k], cos_down * across[SIN_PHI, k]
    x = ahead * across[COS_TILT, k] + sin_down * across[SIN_TILT, k]
    up = ahead * across[SIN_TILT, k] - sin_down * across[COS_TILT, k]
    flat = math.sqrt(x * x + aside * aside)
    share = math.degrees(float(math.atan2(np.float32(aside), np.float32(x)))) / sectors.width_h_deg[k]
    horizontal = 12.0 * share * share
    if horizontal >= sectors.max_loss_db[k]:
        return across[LEAST, k]
    down = -math.degrees(float(math.atan2(np.float32(up), np.float32(flat))))
    share = (down - sectors.electrical_deg[k]) / sectors.width_v_deg[k]
    loss = min(horizontal + min(12.0 * share * share, sectors.sidelobe_db[k]), sectors.max_loss_db[k])
    return float(math.exp(np.float32((sectors.eirp_dbm[k] - loss) * PER_DB)))


@njit(cache=True, error_model="numpy")
def least_eirp_mw(sectors):  # noqa: ANN001, ANN201 - compiled
    """Room for `fill_across`, with what does not depend on the receiver: least EIRP [mW], azimuth and mechanical tilt."""
    across = np.empty((8, len(sectors.number)))
    for k in range(len(sectors.number)):
        across[LEAST, k] = math.exp((sectors.eirp_dbm[k] - sectors.max_loss_db[k]) * PER_DB)
        azimuth, tilt = math.radians(sectors.azimuth_deg[k]), math.radians(sectors.mechanical_deg[k])
        across[COS_AZIMUTH, k], across[SIN_AZIMUTH, k] = math.cos(azimuth), math.sin(azimuth)
        across[COS_TILT, k], across[SIN_TILT, k] = math.cos(tilt), math.sin(tilt)
    return across


@njit(cache=True, error_model="numpy")
def _gains(sectors, across, cos_down, sin_down):  # noqa: ANN001, ANN202 - compiled
    """EIRP and gain of the strongest sector towards a receiver, the sum of the others [mW], and which it is.

    All sectors of a mast share the path, so its loss need not be known to tell which is strongest.
    """
    top, rest, first, vertical, depression = 0.0, 0.0, 0, 0.0, math.nan
    for k in range(len(sectors.number)):
        if sectors.mechanical_deg[k] != 0.0:
            gain = tilted_mw(sectors, across, k, cos_down, sin_down)
        else:
            other = math.isnan(depression)
            if other:
                depression = math.degrees(float(math.atan2(np.float32(sin_down), np.float32(cos_down))))
            if other or sectors.beam[k] != 0:
                off = depression - sectors.electrical_deg[k]
                vertical = _vertical(off, sectors.width_v_deg[k], sectors.sidelobe_db[k])
            gain = max(across[GAIN, k] * vertical, across[LEAST, k])
        if gain > top * TIE:
            top, rest, first = gain, rest + top, k
        else:
            rest += gain
    return top, rest, first


@njit(cache=True, error_model="numpy")
def _link_notes(link_way, rise, ut, state, model):  # noqa: ANN001, ANN202 - compiled
    """Flags of a link that serves."""
    d2, depth, own = link_way
    flags = link_flags(model, d2, rise, ut) | (DEPTH_CAPPED if depth > DEPTH_CAP_M else 0)
    return flags | (OWN_ROOF if own else 0) | (LOS_UNKNOWN if state == UNKNOWN else 0)


@njit(cache=True, error_model="numpy")
def _add_block(mast, sectors, receivers, span, units, sight, field, tally, levels, start):  # noqa: ANN001, ANN202, PLR0913, PLR0917 - compiled
    """Add one mast to the units of the receivers span[0] to span[1]; start is the receiver of sight's first entry.

    One flat loop on purpose: handing the arrays over once per receiver costs more than the links themselves.
    """
    across, lg_f = least_eirp_mw(sectors), math.log10(mast.frequency_ghz)
    for number in range(span[0], span[1]):
        east, north = receivers.easting_m[number] - mast.easting_m, receivers.northing_m[number] - mast.northing_m
        d2 = math.sqrt(east * east + north * north)
        if d2 > mast.radius_m:
            continue
        fill_across(sectors, east / max(d2, TINY_M), north / max(d2, TINY_M), across)
        _, _, ground, clear, cap, depth, own = way_to(mast, receivers, number, (d2, 0.0), sight, number - start, field)
        rise, inside = mast.z_m - ground, DEPTH_DB_M * min(depth, DEPTH_CAP_M)
        for unit in range(receivers.units[number], receivers.units[number + 1]):
            ut = float(units.height_m[unit])
            state = state_of(ground + ut, clear, cap, own)
            los, nlos = losses_in(state, mast.model, d2, rise, ut, mast.frequency_ghz, lg_f)
            p = los_probability(mast.model, d2 - depth, ut) if state == UNKNOWN else float(state)
            passed = float(math.exp(np.float32(-((nlos if state == NLOS else los) + inside) * PER_DB)))
            way = max(math.sqrt(d2 * d2 + (rise - ut) * (rise - ut)), TINY_M)
            top, rest, first = _gains(sectors, across, d2 / way, (rise - ut) / way)
            drawn = mean = top * passed
            if state == LOS:
                tally.los_mw[unit] = max(tally.los_mw[unit], mean)
            elif state == NLOS:
                tally.nlos_mw[unit] = max(tally.nlos_mw[unit], mean)
            else:
                hidden = math.exp(-(nlos + inside) * PER_DB)
                drawn = _note_unknown(tally, units, unit, mean, top * hidden, p, levels)
                passed = p * passed + (1.0 - p) * hidden
                mean = top * passed
            if _serve(tally.drawn_mw, tally.best_mw, tally.other_mw, unit, drawn, mean, rest * passed):
                tally.flags[unit] = _link_notes((d2, depth, own), rise, ut, state, mast.model)
                tally.server[unit], tally.state[unit], tally.p_los[unit] = sectors.number[first], state, p


@njit(cache=True, parallel=True, error_model="numpy")
def add_mast(mast, sectors, receivers, span, units, sight, field, tally, levels):  # noqa: ANN001, ANN201, PLR0917 - compiled
    """Add one mast to all units of the receivers span[0] to span[1] within its radius.

    Parameters
    ----------
    mast, sectors, receivers, units, field, tally
        See the tuples here and in `kernels_sight`; tally is written.
    span : tuple of int
        Receivers that `sight` holds.
    sight : Sight
        From the sweep, first entry = receiver span[0].
    levels : ndarray
        Thresholds [dBm] at which probabilities over unknown paths are kept.
    """
    first, last = span
    for block in prange((last - first + BLOCK - 1) // BLOCK):
        part = (first + block * BLOCK, min(first + (block + 1) * BLOCK, last))
        _add_block(mast, sectors, receivers, part, units, sight, field, tally, levels, first)


@njit(cache=True, error_model="numpy")
def way_to(mast, receivers, number, plan, sight, spot, field):  # noqa: ANN001, ANN201 - compiled
    """(distance, bearing, ground, clear, cap, depth, own roof) of a receiver."""
    d2, bearing = plan
    building = receivers.building[number]
    own = mast.roof > 0 and building == mast.roof
    clear = float(sight.clear_m[spot])
    cap = max(clear, float(sight.cap_m[spot]))
    depth = 0.0
    if building > 0 and d2 > 0.0:
        way = (receivers.row[number], receivers.col[number], mast.easting_m - receivers.easting_m[number])
        depth = depth_m(
            field, way[0], way[1], way[2] / d2, (receivers.northing_m[number] - mast.northing_m) / d2, building, d2
        )
    return d2, bearing, receivers.ground_m[number], clear, cap, depth, own


@njit(cache=True, error_model="numpy")
def depth_m(field, row, col, along, down, building, limit_m):  # noqa: ANN001, ANN201 - compiled
    """Length of the straight way out of a building from the middle of a cell [m], followed up to just past the cap."""
    x, y, here = col + 0.5, row + 0.5, 0.0
    limit = min(limit_m, DEPTH_CAP_M + 1.0) / field.cell_m
    while here < limit:
        to_x = (
            (np.floor(x) + 1.0 - x) / along
            if along > 0.0
            else (np.ceil(x) - 1.0 - x) / along
            if along < 0.0
            else np.inf
        )
        to_y = (np.floor(y) + 1.0 - y) / down if down > 0.0 else (np.ceil(y) - 1.0 - y) / down if down < 0.0 else np.inf
        step = min(to_x, to_y) + PAST
        x, y, here = x + step * along, y + step * down, here + step
        r, c = int(np.floor(y)), int(np.floor(x))
        if (
            r < 0
            or r >= field.code.shape[0]
            or c < 0
            or c >= field.code.shape[1]
            or field.code[r, c] & IDENTITY != building
        ):
            break
    return min(here, limit) * field.cell_m
