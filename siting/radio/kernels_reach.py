"""Many options at once: each thread sweeps and scores whole options, entries go to their own places."""
# mypy: disable-error-code="no-untyped-def"

import math
from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt
from numba import njit, prange

from siting.radio.kernels_formulas import UNKNOWN, los_probability, losses_db, state_of
from siting.radio.kernels_link import DEPTH_CAP_M, DEPTH_DB_M, Mast, Sectors, pattern_loss_db, probability_over, way_to
from siting.radio.kernels_sight import Sight, Start, sweep_alone

numba.config.THREADING_LAYER = "workqueue"


class Options(NamedTuple):
    """Many masts and their sectors: arrays as in Mast, first sector of each (one more at the end), receivers in reach."""

    easting_m: npt.NDArray[np.float64]
    northing_m: npt.NDArray[np.float64]
    z_m: npt.NDArray[np.float64]
    col: npt.NDArray[np.float64]
    row: npt.NDArray[np.float64]
    model: npt.NDArray[np.int64]
    roof: npt.NDArray[np.int64]
    radius_m: npt.NDArray[np.float64]
    sector: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    last: npt.NDArray[np.int64]


class Needs(NamedTuple):
    """Which entries are kept: per unit the probability to beat, NaN for units that count for nothing."""

    beat: npt.NDArray[np.float32]
    level_dbm: float
    frequency_ghz: float
    keep: float
    stop_m: float


@njit(cache=True, parallel=True, error_model="numpy")
def count_room(options, receivers, needs, room):  # noqa: ANN001, ANN201 - compiled
    """Most entries each option can have: units in its circle that it could still raise."""
    for option in prange(len(room)):
        total = 0
        for number in range(options.first[option], options.last[option]):
            if _distance(options, option, receivers, number) > options.radius_m[option]:
                continue
            for unit in range(receivers.units[number], receivers.units[number + 1]):
                total += 1 if needs.beat[unit] < 1.0 else 0
        room[option] = total


@njit(cache=True, error_model="numpy")
def _distance(options, option, receivers, number):  # noqa: ANN001, ANN202 - compiled
    east = receivers.easting_m[number] - options.easting_m[option]
    north = receivers.northing_m[number] - options.northing_m[option]
    return math.sqrt(east * east + north * north)


@njit(cache=True, error_model="numpy")
def _mast(options, option, needs):  # noqa: ANN001, ANN202 - compiled
    return Mast(
        options.easting_m[option],
        options.northing_m[option],
        options.z_m[option],
        options.model[option],
        options.roof[option],
        options.radius_m[option],
        needs.frequency_ghz,
    )


@njit(cache=True, error_model="numpy")
def _part(sectors, first, last):  # noqa: ANN001, ANN202 - compiled
    return Sectors(
        sectors.azimuth_deg[first:last],
        sectors.mechanical_deg[first:last],
        sectors.electrical_deg[first:last],
        sectors.eirp_dbm[first:last],
        sectors.width_h_deg[first:last],
        sectors.width_v_deg[first:last],
        sectors.max_loss_db[first:last],
        sectors.sidelobe_db[first:last],
        sectors.number[first:last],
        sectors.beam[first:last],
    )


@njit(cache=True, error_model="numpy")
def _fill_receiver(mast, sectors, units, span, way, needs, at, unit_out, p_out):  # noqa: ANN001, ANN202, PLR0917 - compiled
    """Write the kept entries of one receiver from `at` on; returns where the next go."""
    d2, bearing, ground, clear, cap, depth, own = way
    rise = mast.z_m - ground
    inside = DEPTH_DB_M * min(depth, DEPTH_CAP_M)
    for unit in range(span[0], span[1]):
        if not needs.beat[unit] < 1.0:
            continue
        ut = float(units.height_m[unit])
        los, nlos = losses_db(mast.model, d2, rise, ut, mast.frequency_ghz)
        state = state_of(ground + ut, clear, cap, own)
        p = los_probability(mast.model, d2 - depth, ut) if state == UNKNOWN else float(state)
        depression = math.degrees(math.atan2(rise - ut, d2))
        best = -np.inf
        for k in range(len(sectors.number)):
            best = max(best, sectors.eirp_dbm[k] - pattern_loss_db(sectors, k, bearing, depression))
        chance = probability_over(
            units, units.kind[unit], best - inside - los, best - inside - nlos, p, needs.level_dbm
        )
        if chance > needs.beat[unit] and chance >= needs.keep:
            unit_out[at], p_out[at] = unit, chance
            at += 1
    return at


@njit(cache=True, error_model="numpy")
def _fill(mast, sectors, receivers, units, sight, field, span, needs, at, unit_out, p_out):  # noqa: ANN001, ANN202, PLR0913, PLR0917 - compiled
    """Write the kept entries of one option from `at` on; returns how many."""
    end = at
    for number in range(span[0], span[1]):
        east = receivers.easting_m[number] - mast.easting_m
        north = receivers.northing_m[number] - mast.northing_m
        d2 = math.sqrt(east * east + north * north)
        if d2 > mast.radius_m:
            continue
        plan = (d2, math.degrees(math.atan2(east, north)))
        way = way_to(mast, receivers, number, plan, sight, number - span[0], field)
        own = (receivers.units[number], receivers.units[number + 1])
        end = _fill_receiver(mast, sectors, units, own, way, needs, end, unit_out, p_out)
    return end - at


@njit(cache=True, parallel=True, error_model="numpy")
def reach_options(field, options, sectors, receivers, units, needs, room, unit_out, p_out, kept):  # noqa: ANN001, ANN201, PLR0913, PLR0917 - compiled
    """Sweep and score each option on its own thread; entries go to its own part of the output.

    `room` holds where each option's part begins (one more at the end); `kept` receives how much of it is used.
    """
    for option in prange(len(kept)):
        first, last = options.first[option], options.last[option]
        size = last - first
        blank = np.full((2, size), np.inf, np.float32)
        sight = Sight(blank[0], blank[1])
        mast = _mast(options, option, needs)
        radius = mast.radius_m / field.cell_m
        sweep_alone(
            field,
            Start(options.col[option], options.row[option], mast.z_m, radius, mast.roof, first, needs.stop_m),
            sight,
        )
        mine = _part(sectors, options.sector[option], options.sector[option + 1])
        kept[option] = _fill(
            mast, mine, receivers, units, sight, field, (first, last), needs, room[option], unit_out, p_out
        )
