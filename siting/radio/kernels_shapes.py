"""The tuples of arrays that the kernels hand each other."""

from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from siting.radio.kernels_sight import Field

numba.config.THREADING_LAYER = "workqueue"

Singles = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Wholes = npt.NDArray[np.int64]


class Receivers(NamedTuple):
    """Places with units: project CRS [m], ground [m above datum], building, obstacle cell, first unit of each (one more at the end)."""

    easting_m: Doubles
    northing_m: Doubles
    ground_m: Doubles
    building: npt.NDArray[np.int32]
    row: Wholes
    col: Wholes
    units: Wholes


class Units(NamedTuple):
    """Height of each unit above ground and above datum [m], class, receiver; walls and spreads by class.

    Walls are up to two models with weights; spreads are [class, wall, path], paths as `LOS_AT` and the next.
    """

    height_m: Singles
    z_m: Singles
    kind: npt.NDArray[np.uint8]
    host: npt.NDArray[np.int32]
    wall_db: Doubles
    sigma_db: Doubles
    weight: Doubles


class Masts(NamedTuple):
    """Antenna positions: place [m], height above datum [m], place in cells, model, roof it stands on, radius [m].

    sector is the first sector of each (one more at the end), first and last the receivers in its rows.
    """

    easting_m: Doubles
    northing_m: Doubles
    z_m: Doubles
    col: Doubles
    row: Doubles
    model: Wholes
    roof: Wholes
    radius_m: Doubles
    sector: Wholes
    first: Wholes
    last: Wholes


class Sectors(NamedTuple):
    """Sectors of all masts: angles [deg], EIRP and power per resource element [dBm], beam widths [deg], caps [dB], number.

    cut is the row of `cuts` that holds the measured pattern, -1 for parabolas; cuts are losses [dB] at
    0..360 degrees, horizontal and vertical.
    """

    azimuth_deg: Singles
    mechanical_deg: Singles
    electrical_deg: Singles
    eirp_dbm: Singles
    power_dbm: Singles
    width_h_deg: Singles
    width_v_deg: Singles
    max_loss_db: Singles
    sidelobe_db: Singles
    number: npt.NDArray[np.int32]
    cut: npt.NDArray[np.int32]
    cuts: Singles


class Corrections(NamedTuple):
    """What measurements taught, [class, state]; `calibration.Terms` tells their meaning.

    given is False for the textbook; diffracts tells whether any beta is not 0; cap_m is what unknown cells
    stand above their ground in the field.
    """

    offset_db: Singles
    slope_db: Singles
    pattern: Singles
    power: Singles
    beta: Singles
    loss_mean_db: Singles
    power_mean_dbm: Singles
    given: bool
    diffracts: bool
    cap_m: float


class Stage(NamedTuple):
    """All that stays the same while masts are met."""

    receivers: Receivers
    units: Units
    field: Field
    masts: Masts
    sectors: Sectors
    corrections: Corrections
    frequency_ghz: float


class Views(NamedTuple):
    """Clear heights above datum [m] of some masts, one after the other: where each one's entries begin."""

    clear_m: Singles
    cap_m: Singles
    begin: Wholes


class Work(NamedTuple):
    """Room for the links of one mast and one stretch of receivers, by receiver and by unit."""

    distance_m: Singles
    bearing_deg: Singles
    inside_db: Singles
    clear_m: Singles
    cap_m: Singles
    depth_m: Singles
    unit_d2_m: Singles
    unit_bearing_deg: Singles
    drop_m: Singles
    depression_deg: Singles
    lg_d: Singles
    los_db: Singles
    nlos_db: Singles
    loss_db: Singles
    lift_db: Singles
    p_los: Singles
    phi_deg: Singles
    delta_deg: Singles
    pattern_db: Singles
    weight: Singles
    slope: Singles
    top: Singles
    rest: Singles
    state: npt.NDArray[np.int32]
    which: npt.NDArray[np.int32]


class Tally(NamedTuple):
    """What is kept per unit, before the wall; every field may be merged in any order.

    Parameters
    ----------
    key : ndarray of int64
        Server: bits of its level, then the smaller sector number; -1 none.
    total_fx : ndarray of int64
        Mean powers of all sectors in steps of 2^-62 mW.
    mean_mw, state, p_los, flags : ndarray
        Of the server: mean power, state and probability of its path, limits it breaks.
    los_mw, nlos_mw, maybe_los_mw, maybe_nlos_mw : ndarray of float32
        Strongest over clear and hidden paths, and over unknown ones either way.
    p_maybe : ndarray of float32
        [threshold, unit]: highest probability over an unknown path.
    """

    key: Wholes
    total_fx: Wholes
    mean_mw: Singles
    state: npt.NDArray[np.uint8]
    p_los: Singles
    flags: npt.NDArray[np.uint16]
    los_mw: Singles
    nlos_mw: Singles
    maybe_los_mw: Singles
    maybe_nlos_mw: Singles
    p_maybe: Singles
