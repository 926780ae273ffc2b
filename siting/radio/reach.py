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
from siting.radio import kernels_link as link
from siting.radio import kernels_reach as kernel
from siting.radio import kernels_sight as sight
from siting.radio import pathloss
from siting.radio.links import MODELS, Kinds, Mapper, Masts, Places, kinds_at, masts_of, places_of, sectors_array
from siting.radio.network import Network, Thresholds, defaults, load_equipment
from siting.radio.terrain import Antenna, Terrain, field_of

Floats = npt.NDArray[np.float64]
BATCH = 256
_LONGEST_M = 5000.0


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
class _Scene:
    terrain: Terrain
    places: Places
    field: sight.Field
    units: link.Units
    needs: kernel.Needs
    options: kernel.Options
    sectors: link.Sectors

    def batch(
        self, bounds: tuple[int, int]
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """Entries of the options first to last: unit in sweep order, probability, number per option."""
        first, last = bounds
        part = kernel.Options(
            *(column[first : last + (name == "sector")] for name, column in self.options._asdict().items())
        )
        room = np.zeros(last - first, np.int64)
        kernel.count_room(part, self.places.receivers, self.needs, room)
        begin = np.concatenate([[0], np.cumsum(room)])
        unit, p = np.empty(begin[-1], np.int32), np.empty(begin[-1], np.float32)
        kept = np.zeros(last - first, np.int64)
        kernel.reach_options(
            self.field, part, self.sectors, self.places.receivers, self.units, self.needs, begin, unit, p, kept
        )
        spots = np.arange(begin[-1]) - np.repeat(begin[:-1], room) < np.repeat(kept, room)
        return unit[spots], p[spots], kept


def reach(
    options: pd.DataFrame,
    terrain: Terrain,
    units: pd.DataFrame,
    network: Network,
    *,
    thresholds: Thresholds,
    base: npt.ArrayLike | None = None,
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
    map : callable
        Ordered mapper over tasks of 256 options; it must run them in this process.

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
    masts = masts_of(ranked, terrain, network, key=("option_rank",))
    if masts.frame["option_rank"].nunique() != len(masts):
        raise BadInput("radio.option.places", value=int(len(masts) - masts.frame["option_rank"].nunique()))
    kinds = kinds_at(network.frequency_ghz)
    places = places_of(units, terrain, kinds)
    scene, rank = _scene(
        terrain,
        network,
        (masts, places),
        (kinds, kinds.sigma_db(defaults()["uncalibrated_sigma_db"], defaults()["uncalibrated_sigma_db"])),
        thresholds,
    )
    drop = defaults()["reach_drop"] if base is not None else 0.0
    beat = _to_beat(units, base, drop)[places.order]
    scene = _Scene(**{**vars(scene), "needs": scene.needs._replace(beat=beat)})
    count = len(rank)
    bounds = [(first, min(first + BATCH, count)) for first in range(0, count, BATCH)]
    radius = np.zeros(len(names))
    radius[rank] = scene.options.radius_m
    p = _matrix(list(map(scene.batch, bounds)), places.order, rank, (len(units), len(names)))
    ids = names.to_numpy(str)
    return Reach(p, ids, radius, defaults()["reach_negligible"], drop, thresholds, False, masts.findings)


def _to_beat(units: pd.DataFrame, base: npt.ArrayLike | None, drop: float) -> npt.NDArray[np.float32]:
    """Probability each unit's entries must exceed; 1 for units without people, which nothing exceeds."""
    present = np.zeros(len(units), np.float32) if base is None else np.asarray(base, np.float32) + np.float32(drop)
    return np.where(units["persons"].to_numpy() > 0, present, np.float32(1.0)).astype(np.float32)


def _scene(
    terrain: Terrain,
    network: Network,
    scene: tuple[Masts, Places],
    classes: tuple[Kinds, Floats],
    thresholds: Thresholds,
) -> tuple[_Scene, npt.NDArray[np.int64]]:
    """Arrays of all options, and the column each fills."""
    masts, places = scene
    kinds, spread_db = classes
    frame = masts.frame
    begins = np.flatnonzero(~frame["mast"].duplicated().to_numpy())
    heads = frame.iloc[begins]
    radius = _radius_m(frame, network, spread_db, thresholds)
    spans = [places.span(terrain, n, r) for n, r in zip(heads["northing_m"], radius, strict=True)]
    east, north = heads["easting_m"].to_numpy(float), heads["northing_m"].to_numpy(float)
    mounted = [
        Antenna(*row) for row in heads[["easting_m", "northing_m", "antenna_height_m", "mount"]].itertuples(index=False)
    ]
    options = kernel.Options(
        east,
        north,
        np.array([terrain.antenna_z_m(a) for a in mounted], float),
        (east - terrain.grid.west_m) / terrain.grid.cell_m,
        (terrain.grid.north_m - north) / terrain.grid.cell_m,
        np.array([MODELS[m] for m in heads["model"]], np.int64),
        np.array([terrain.own_roof(a) for a in mounted], np.int64),
        radius,
        np.append(begins, len(frame)).astype(np.int64),
        np.array([s[0] for s in spans], np.int64),
        np.array([s[1] for s in spans], np.int64),
    )
    units = link.Units(places.height_m, places.kind, kinds.wall_db, spread_db, kinds.weight)
    blank = np.zeros(0, np.float32)
    needs = kernel.Needs(
        blank, thresholds.rsrp_dbm, network.frequency_ghz, defaults()["reach_negligible"], places.highest_m
    )
    field = field_of(terrain, places.row, places.col)
    return _Scene(terrain, places, field, units, needs, options, sectors_array(frame)), heads["option_rank"].to_numpy(
        np.int64
    )


def _radius_m(frame: pd.DataFrame, network: Network, spread_db: Floats, thresholds: Thresholds) -> Floats:
    """Plan radius of each option: the cap of its kind of site, or less where nothing is left even in line of sight."""
    table = load_equipment()
    micro = np.array([table[str(e)].site_type == "micro" for e in frame["equipment"]], bool)
    cap = np.where(micro, defaults()["reach_micro_m"], defaults()["reach_macro_m"])
    margin = -ndtri(defaults()["reach_negligible"]) * spread_db[0, 0, 0]
    distance = np.geomspace(pathloss.RANGES["umi"].distance_m[0], _LONGEST_M, 400)
    loss = pathloss.umi_los_db(distance, network.frequency_ghz, out_of_range="clamp")
    allowed = frame["eirp_dbm"].to_numpy(float) - thresholds.rsrp_dbm + margin
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
