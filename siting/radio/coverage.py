"""What the sectors of one network give every outdoor cell and every floor of every building."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from siting.radio.calibration import Calibration
from siting.radio.links import Mapper, masts_of, places_of
from siting.radio.local import local_residuals
from siting.radio.network import Gear, Network, defaults, load_thresholds, shipped_gear
from siting.radio.nextsamples import next_samples
from siting.radio.outcome import obstacles_of, result
from siting.radio.ranges import RANGES, require
from siting.radio.reach import Reach, reach
from siting.radio.stage import classes_of, room_of, scene_of, stretches_of
from siting.radio.tallies import Meeting, meet
from siting.radio.terrain import Terrain
from siting.radio.update import update
from siting.radio.verdict import (
    AreaShares,
    Coverage,
    Kept,
    area_shares,
    best_of,
    probability,
    probability_range,
)

__all__ = [
    "AreaShares",
    "Coverage",
    "Mapper",
    "Reach",
    "area_shares",
    "best_of",
    "coverage",
    "local_residuals",
    "next_samples",
    "probability",
    "probability_range",
    "reach",
    "update",
]


def coverage(
    sites: pd.DataFrame,
    terrain: Terrain,
    units: pd.DataFrame,
    network: Network,
    *,
    calibration: Calibration | None = None,
    gear: Gear | None = None,
    levels_dbm: Sequence[float] | None = None,
    radius_m: float | None = None,
    map: Mapper = map,  # noqa: A002 - the name every long computation gives its mapper
) -> Coverage:
    """Level, best server, SINR and probability of one network at every unit.

    Parameters
    ----------
    sites : DataFrame
        One row per sector (`links.COLUMNS`), project CRS; `network.sectors_of` makes it.
    terrain : Terrain
        Obstacles in cells of at most 2.5 m; should reach the radius beyond the units.
    units : DataFrame
        From `demand.units`.
    network : Network
        The carrier; all its sectors share one channel.
    calibration : Calibration, optional
        What measurements taught; a network it does not know keeps the textbook.
    gear : Gear, optional
        Radio units and measured patterns; default the shipped units.
    levels_dbm : sequence of float, optional
        Thresholds at which probabilities over unknown paths are kept; default those of all profiles.
    radius_m : float, optional
        Sectors are evaluated up to this plan distance; default ``max_range_m`` of the defaults.
    map : callable
        Ordered mapper over groups of masts, in this process or others: results are the same bit for bit.

    Returns
    -------
    Coverage
        Without sectors every unit has no server.

    Raises
    ------
    BadInput
        If columns are missing, units lie outside the terrain, or powers are too high to be summed.
    OutOfRange
        If the radius is less than a cell or more than the models hold.
    Unsupported
        If a model is unknown or the band may only be used indoors.
    """
    gear = gear or shipped_gear()
    masts = masts_of(sites, terrain, network, gear=gear)
    classes = classes_of(network, calibration)
    places = places_of(units, terrain, classes.kinds)
    levels = sorted({t.rsrp_dbm for t in load_thresholds().values()}) if levels_dbm is None else list(levels_dbm)
    scene = scene_of(terrain, places, classes, network, gear)
    radius = _radius_m(radius_m, terrain)
    stage = scene.stage(masts.frame, radius)
    stretches = stretches_of(places)
    meeting = Meeting(stage, stretches, room_of(places, stretches), np.array(levels, float), places.highest_m)
    kept = Kept(
        scene,
        meeting.levels,
        meet(meeting, np.arange(len(masts)), map),
        units["unit_id"].to_numpy(np.int64),
        _cell_unknown(units),
        calibration.data_hash if calibration is not None and classes.calibrated else "",
        obstacles_of(terrain, places),
        radius,
    )
    return result(kept, masts, units)


def _radius_m(given_m: float | None, terrain: Terrain) -> float:
    if given_m is None:
        return defaults()["max_range_m"]
    require("radius_m", np.array([given_m], float), terrain.grid.cell_m, RANGES["uma"].distance_m[1])
    return float(given_m)


def _cell_unknown(units: pd.DataFrame) -> npt.NDArray[np.bool_]:
    if "cell_unknown" not in units:
        return np.zeros(len(units), bool)
    return np.asarray(units["cell_unknown"].to_numpy(bool))
