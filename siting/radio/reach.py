"""What each option alone would give every unit: the matrix behind candidates and plans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import csc_array
from scipy.special import ndtri

from siting.errors import BadInput
from siting.findings import Findings
from siting.radio import kernels_reach as kernel
from siting.radio import kernels_shapes as shapes
from siting.radio import kernels_tally, pathloss
from siting.radio.calibration import DISTANCE_UNIT_M, Calibration, causal
from siting.radio.links import FREE_SPACE, Mapper, masts_of, places_of
from siting.radio.network import Gear, Network, Thresholds, defaults, shipped_gear
from siting.radio.stage import Classes, classes_of, room_of, scene_of, stretches_of
from siting.radio.terrain import Terrain

Floats = npt.NDArray[np.float64]
BATCH = 256
_LONGEST_M = 5000.0
_SLACK = 0.9  # single precision may not drop what is kept


@dataclass(frozen=True)
class Reach:
    """Probabilities of options by themselves.

    Parameters
    ----------
    p : scipy.sparse.csc_array of float32
        [units, options]: probability that the level exceeds the threshold; entries not kept are 0.
    option_id : ndarray of str
        Identity of each column.
    radius_m : ndarray
        Plan distance up to which each option is credited [m].
    floor : float
        Entries below this were not kept.
    drop : float
        With a base, entries raising the probability by no more than this were not kept; else 0.
    thresholds : Thresholds
        Only the level counts here, not the SINR.
    calibrated : bool
        False: textbook medians without any measurement (未校准).
    findings : Findings
        Options that cannot be computed (their columns are empty), and why.
    """

    p: csc_array
    option_id: npt.NDArray[np.str_]
    radius_m: Floats
    floor: float
    drop: float
    thresholds: Thresholds
    calibrated: bool
    findings: Findings


@dataclass(frozen=True)
class _Run:
    stage: shapes.Stage
    stretches: npt.NDArray[np.int64]
    room: tuple[int, int]
    needs: kernel.Needs

    def __call__(
        self, group: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """Entries of the options of a group: unit in sweep order, probability, number per option."""
        size = np.zeros(len(group), np.int64)
        kernel.count_room(self.stage.masts, self.stage.receivers, group, self.stretches, size)
        begin = np.concatenate([[0], np.cumsum(size)])
        unit, p = np.empty(begin[-1], np.int32), np.empty(begin[-1], np.float32)
        kept = np.zeros(len(group), np.int64)
        kernel.reach_options(self.stage, group, self.stretches, self.room, self.needs, begin, unit, p, kept)
        spots = np.arange(begin[-1]) - np.repeat(begin[:-1], size) < np.repeat(kept, size)
        return unit[spots], p[spots], kept


def reach(
    options: pd.DataFrame,
    terrain: Terrain,
    units: pd.DataFrame,
    network: Network,
    *,
    thresholds: Thresholds,
    base: npt.ArrayLike | None = None,
    calibration: Calibration | None = None,
    gear: Gear | None = None,
    map: Mapper = map,  # noqa: A002 - the name every long computation gives its mapper
) -> Reach:
    """Probability of each option alone at every unit it can matter to.

    Parameters
    ----------
    options : DataFrame
        One row per sector with ``option_id`` and the columns of `links.COLUMNS`; rows of one option
        share place and height.
    terrain, units, network
        As for `coverage.coverage`.
    thresholds : Thresholds
        Its level [dBm] decides; the SINR rule is left to the check of the finished plan.
    base : array_like, optional
        Present probability by unit.  Only entries more than `reach_drop` above it are kept.
    calibration : Calibration, optional
        What measurements taught; an option is a change, so `calibration.causal` of it counts.
    gear : Gear, optional
        Radio units and measured patterns; default the shipped units.
    map : callable
        Ordered mapper over tasks of 256 options, in this process or others.

    Returns
    -------
    Reach
        Columns in the order in which options first appear; units without people have no entries.

    Raises
    ------
    BadInput
        If an option's rows stand in different places.

    Notes
    -----
    An option is credited up to a plan distance only (rows ``reach_micro_m`` and ``reach_macro_m``, or
    less where even in line of sight the probability falls below ``reach_negligible``).  What lies
    beyond is left out, so gains are counted rather too low than too high.
    """
    names = pd.Index(options["option_id"].astype(str)).unique()
    ranked = options.assign(option_rank=names.get_indexer(pd.Index(options["option_id"].astype(str))))
    gear = gear or shipped_gear()
    masts = masts_of(ranked, terrain, network, key=("option_rank",), gear=gear)
    if masts.frame["option_rank"].nunique() != len(masts):
        raise BadInput("radio.option.places", value=int(len(masts) - masts.frame["option_rank"].nunique()))
    classes = classes_of(network, None if calibration is None else causal(calibration))
    drop = defaults()["reach_drop"] if base is not None else 0.0
    beat = _to_beat(units, base, drop)
    wanted = np.flatnonzero(beat < 1.0)
    places = places_of(units.iloc[wanted], terrain, classes.kinds)
    radius = _radius_m(masts.frame, network, gear, classes, thresholds)
    stage = scene_of(terrain, places, classes, network, gear).stage(masts.frame, radius)
    stretches = stretches_of(places)
    floor_dbm, keep = _floor_dbm(classes, thresholds), defaults()["reach_negligible"]
    needs = kernel.Needs(beat[wanted][places.order], floor_dbm, thresholds.rsrp_dbm, keep, places.highest_m)
    run = _Run(stage, stretches, room_of(places, stretches), needs)
    numbers = np.arange(len(masts))
    parts = list(map(run, [numbers[first : first + BATCH] for first in range(0, len(masts), BATCH)]))
    rank = masts.frame["option_rank"].to_numpy(np.int64)[stage.masts.sector[:-1]]
    radius_m = np.zeros(len(names))
    radius_m[rank] = radius
    p = _matrix(parts, wanted[places.order], rank, (len(units), len(names)))
    return Reach(p, names.to_numpy(str), radius_m, keep, drop, thresholds, classes.calibrated, masts.findings)


def _to_beat(units: pd.DataFrame, base: npt.ArrayLike | None, drop: float) -> npt.NDArray[np.float32]:
    """Probability each unit's entries must exceed; 1 for units without people, which nothing exceeds."""
    present = np.zeros(len(units), np.float32) if base is None else np.asarray(base, np.float32) + np.float32(drop)
    return np.where(units["persons"].to_numpy() > 0, present, np.float32(1.0)).astype(np.float32)


def _floor_dbm(classes: Classes, thresholds: Thresholds) -> npt.NDArray[np.float32]:
    """Level before the wall [class, path] below which the probability stays under what is kept [dBm]."""
    spread = classes.spread_db
    walls = np.where(classes.kinds.weight > 0, classes.kinds.wall_db, np.inf)
    least = walls[:, :, None] + thresholds.rsrp_dbm + ndtri(defaults()["reach_negligible"] * _SLACK) * spread
    return np.asarray(least.min(axis=1), np.float32)


def _radius_m(frame: pd.DataFrame, network: Network, gear: Gear, classes: Classes, thresholds: Thresholds) -> Floats:
    """Plan radius of each option: the cap of its kind of site, or less where nothing is left even in line of sight."""
    micro = np.array([gear.equipment[str(e)].site_type == "micro" for e in frame["equipment"]], bool)
    cap = np.where(micro, defaults()["reach_micro_m"], defaults()["reach_macro_m"])
    spread = classes.spread_db[:, :, kernels_tally.LOS_AT].max()
    margin = -ndtri(defaults()["reach_negligible"]) * (spread if classes.calibrated else classes.spread_db[0, 0, 0])
    distance = np.geomspace(pathloss.RANGES["umi"].distance_m[0], _LONGEST_M, 400)
    loss = pathloss.umi_los_db(distance, network.frequency_ghz, out_of_range="clamp")
    if np.any(frame["model"] == FREE_SPACE):
        loss = pathloss.free_space_db(distance, network.frequency_ghz)
    terms = classes.terms
    more = np.max(terms.offset_db + np.maximum(terms.slope_db, 0.0) * np.log10(_LONGEST_M / DISTANCE_UNIT_M))
    allowed = frame["eirp_dbm"].to_numpy(float) + max(more, 0.0) - thresholds.rsrp_dbm + margin
    heard = distance[np.clip(np.searchsorted(loss, allowed), 0, len(distance) - 1)]
    within = pd.Series(np.minimum(cap, heard)).groupby(frame["mast"].to_numpy(), sort=False).max()
    return within.to_numpy(float)


def _matrix(
    parts: Sequence[tuple[npt.NDArray[np.int32], npt.NDArray[np.float32], npt.NDArray[np.int64]]],
    order: npt.NDArray[np.int64],
    rank: npt.NDArray[np.int64],
    shape: tuple[int, int],
) -> csc_array:
    """Columns from batches, rows back in the order of the units frame; options left out stay empty."""
    size = np.zeros(shape[1], np.int64)
    unit, p = np.empty(0, np.int32), np.empty(0, np.float32)
    if parts:
        size[rank] = np.concatenate([part[2] for part in parts])
        unit = order.astype(np.int32)[np.concatenate([part[0] for part in parts])]
        p = np.concatenate([part[1] for part in parts])
    matrix = csc_array((p, unit, np.concatenate([[0], np.cumsum(size)])), shape=shape)
    matrix.sort_indices()
    return matrix
