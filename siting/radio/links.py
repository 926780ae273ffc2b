"""Frames of sites and units turned into the arrays the kernels read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from siting.errors import BadInput, Unsupported
from siting.findings import Finding, Findings
from siting.radio import kernels_formulas as formulas
from siting.radio import kernels_shapes as shapes
from siting.radio import o2i, pathloss
from siting.radio.decibel import dbm_to_mw, mw_to_dbm
from siting.radio.gearing import equipped
from siting.radio.kernels_roofs import roof_means
from siting.radio.network import Gear, Network, defaults, shipped_gear
from siting.radio.terrain import Terrain

Floats = npt.NDArray[np.float64]

Mapper = Callable[[Callable[[Any], Any], Sequence[Any]], Iterable[Any]]
FREE_SPACE = "free_space"
MODELS = {"uma": formulas.UMA, "umi": formulas.UMI, FREE_SPACE: formulas.FREE_SPACE}
OUTDOOR = 0
#: How far beyond its radius a sweep may still write.
MARGIN_CELLS = 4.0
INDOOR_ONLY_GHZ = (3.3, 3.4)
COLUMNS = ("site_id", "sector_id", "easting_m", "northing_m", "antenna_height_m", "mount", "azimuth_deg", "equipment")
_LOWEST_UMA_M = pathloss.RANGES["uma"].bs_m[0]


@dataclass(frozen=True)
class Kinds:
    """Classes of units with walls and spreads; number 0 is outdoors.

    Parameters
    ----------
    names : tuple of str
        ``outdoor``, then the building classes.
    wall_db, weight : ndarray
        [class, 2]: losses of up to two wall models and their weights; no weight = not computable.
    sigma_p_db : ndarray
        [class, 2]: spread of the penetration [dB].
    """

    names: tuple[str, ...]
    wall_db: Floats
    weight: Floats
    sigma_p_db: Floats

    @property
    def mean_wall_db(self) -> Floats:
        """One loss per class: the models' mean in mW; NaN where not computable [dB]."""
        passed = (self.weight * dbm_to_mw(-self.wall_db)).sum(axis=1)
        return np.where(self.weight.sum(axis=1) > 0, -mw_to_dbm(passed), np.nan)


def kinds_at(frequency_ghz: float) -> Kinds:
    """Walls of every building class at a frequency [GHz]."""
    table = o2i.class_models()
    size = len(table) + 1
    wall, weight, sigma = np.zeros((size, 2)), np.zeros((size, 2)), np.zeros((size, 2))
    weight[OUTDOOR, 0] = 1.0
    for number, models in enumerate(table.values(), start=1):
        for at, (model, share) in enumerate(m for m in models if m[0] in o2i.MODELS):
            wall[number, at] = float(o2i.wall_loss_db(frequency_ghz, model=model))
            sigma[number, at], weight[number, at] = o2i.sigma_db(model), share
    return Kinds(("outdoor", *table), wall, weight, sigma)


@dataclass(frozen=True)
class Places:
    """Units in the order of the sweep, and where they stand.

    Parameters
    ----------
    order : ndarray
        Row of the units frame for each unit in sweep order.
    row, col : ndarray
        Obstacle cell of each receiver, ascending.
    receivers, height_m, z_m, host, kind
        See `kernels_shapes`.
    """

    order: npt.NDArray[np.int64]
    row: npt.NDArray[np.int64]
    col: npt.NDArray[np.int64]
    receivers: shapes.Receivers
    height_m: npt.NDArray[np.float32]
    z_m: npt.NDArray[np.float32]
    host: npt.NDArray[np.int32]
    kind: npt.NDArray[np.uint8]

    @property
    def highest_m(self) -> float:
        """No unit stands above this [m above datum]."""
        return float(np.max(self.receivers.ground_m, initial=-np.inf)) + float(np.max(self.height_m, initial=0.0))

    def spans(
        self, terrain: Terrain, northing_m: npt.ArrayLike, radius_m: npt.ArrayLike
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """First and last (exclusive) receivers in the rows that circles can touch."""
        grid = terrain.grid
        north, radius = np.asarray(northing_m, float), np.asarray(radius_m, float)
        top = (grid.north_m - north - radius) / grid.cell_m - MARGIN_CELLS
        bottom = (grid.north_m - north + radius) / grid.cell_m + MARGIN_CELLS
        first, last = np.searchsorted(self.row, top), np.searchsorted(self.row, bottom)
        return first.astype(np.int64), last.astype(np.int64)


def places_of(units: pd.DataFrame, terrain: Terrain, kinds: Kinds) -> Places:
    """Receivers of a units frame.

    Raises
    ------
    BadInput
        If a unit stands outside the terrain.
    """
    easting, northing = units["easting_m"].to_numpy(float), units["northing_m"].to_numpy(float)
    row, col = terrain.grid.cells_of(easting, northing)
    outside = ~terrain.grid.inside(row, col)
    if outside.any():
        raise BadInput("radio.units.outside", value=int(outside.sum()), total=len(units))
    key = row * terrain.grid.cols + col
    order = np.argsort(key, kind="stable")
    firsts = np.flatnonzero(np.diff(key[order], prepend=-1))
    at = order[firsts]
    west, north, cell = terrain.grid.west_m, terrain.grid.north_m, terrain.grid.cell_m
    receivers = shapes.Receivers(
        np.asarray(west + (col[at] + 0.5) * cell, np.float64),
        np.asarray(north - (row[at] + 0.5) * cell, np.float64),
        terrain.ground_m[row[at], col[at]].astype(np.float64),
        terrain.building[row[at], col[at]],
        row[at],
        col[at],
        np.append(firsts, len(units)).astype(np.int64),
    )
    numbers = {name: number for number, name in enumerate(kinds.names)}
    classes = units["building_class"].astype("category")
    by_code = np.array(
        [numbers.get(str(name), numbers["unknown"]) for name in classes.cat.categories] + [OUTDOOR], np.uint8
    )
    kind = np.where(units["floor"].to_numpy() == 0, np.uint8(OUTDOOR), by_code[classes.cat.codes.to_numpy()])
    height = units["height_m"].to_numpy(np.float32)[order]
    host = np.repeat(np.arange(len(at), dtype=np.int32), np.diff(receivers.units))
    z = (receivers.ground_m[host] + height).astype(np.float32)
    return Places(order, row[at], col[at], receivers, height, z, host, kind[order].astype(np.uint8))


@dataclass(frozen=True)
class Masts:
    """Sectors grouped by antenna position.

    Parameters
    ----------
    frame : DataFrame
        One row per computed sector with filled columns ``model, eirp_dbm, mast``; sectors of a mast stand together.
    findings : Findings
        Sectors left out, and why.
    """

    frame: pd.DataFrame
    findings: Findings

    def __iter__(self) -> Iterator[pd.DataFrame]:
        return iter(part for _, part in self.frame.groupby("mast", sort=False))

    def __len__(self) -> int:
        return int(self.frame["mast"].nunique())


def masts_of(
    sites: pd.DataFrame,
    terrain: Terrain,
    network: Network,
    *,
    key: Sequence[str] = ("site_id",),
    gear: Gear | None = None,
) -> Masts:
    """Fill in equipment and model of every sector and group the sectors by antenna.

    Parameters
    ----------
    sites : DataFrame
        One row per sector, `COLUMNS`; optional ``power_w, gain_dbi, n_rb, mechanical_tilt_deg,
        electrical_tilt_deg, model, pattern`` override the equipment's or the chosen ones where not empty.
    terrain : Terrain
        For roofs and the choice of model.
    network : Network
        The carrier.
    key : sequence of str
        Columns that order and separate masts beside the position.
    gear : Gear, optional
        Radio units and measured patterns; default the shipped ones.

    Raises
    ------
    BadInput, Unsupported
        If columns or equipment are missing, or the band may only be used indoors.
    """
    missing = [name for name in (*COLUMNS, *key) if name not in sites]
    if missing:
        raise BadInput("radio.sites.columns", value=", ".join(missing))
    if INDOOR_ONLY_GHZ[0] < network.frequency_ghz < INDOOR_ONLY_GHZ[1]:
        raise Unsupported("radio.band.indoor", value=network.frequency_ghz, network=network.name)
    frame = sites.sort_values([*key, "sector_id"], kind="stable").reset_index(drop=True)
    frame = equipped(frame, network, gear or shipped_gear())
    place = [*key, "easting_m", "northing_m", "antenna_height_m", "mount"]
    keep, findings = _standing(frame, terrain)
    frame = frame[keep].reset_index(drop=True)
    frame["mast"] = _runs(frame[place])
    frame["model"] = _models(frame, terrain)
    frame["mast"] = _runs(frame[[*place, "model"]])
    return Masts(frame, findings)


def _runs(frame: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Number of the run of equal rows that each row belongs to."""
    changed = np.zeros(len(frame), bool)
    for name in frame:
        column = frame[name].to_numpy()
        changed[1:] |= column[1:] != column[:-1]
    return np.cumsum(changed)


def _standing(frame: pd.DataFrame, terrain: Terrain) -> tuple[npt.NDArray[np.bool_], Findings]:
    """Which sectors can be computed: a pole may not stand inside a building below its roof."""
    number = terrain.building_at(frame["easting_m"], frame["northing_m"])
    row, col = terrain.grid.cells_of(frame["easting_m"], frame["northing_m"])
    inside = terrain.grid.inside(row, col)
    roof = terrain.surface_m[np.where(inside, row, 0), np.where(inside, col, 0)]
    z = terrain.ground_at(frame["easting_m"], frame["northing_m"]) + frame["antenna_height_m"].to_numpy(float)
    buried = frame["mount"].isin(["pole", "tower"]).to_numpy() & (number > 0) & (roof > z)
    found = [
        Finding(code="radio_pole_in_building", row=int(i) + 1, value=str(frame["sector_id"].iloc[i]))
        for i in np.flatnonzero(buried)
    ]
    found += [
        Finding(code="radio_site_outside", severity="warning", row=int(i) + 1, value=str(frame["sector_id"].iloc[i]))
        for i in np.flatnonzero(~inside)
    ]
    return np.asarray(~buried), Findings(tuple(found))


def _models(frame: pd.DataFrame, terrain: Terrain) -> list[str]:
    """Model of each sector: its own column, else by the roofs around its mast."""
    heads = np.flatnonzero(~frame["mast"].duplicated().to_numpy())
    place = [frame[name].to_numpy(float)[heads] for name in ("easting_m", "northing_m", "antenna_height_m")]
    chosen = np.repeat(models_at(terrain, *place), np.diff(np.append(heads, len(frame)))).tolist()
    given = frame["model"] if "model" in frame else [None] * len(frame)
    models = [c if pd.isna(g) or g == "" else str(g) for c, g in zip(chosen, given, strict=True)]
    strange = sorted(set(models) - set(MODELS))
    if strange:
        raise Unsupported("radio.model.unknown", value=", ".join(strange), known=", ".join(MODELS))
    return models


def models_at(terrain: Terrain, easting_m: Floats, northing_m: Floats, height_m: Floats) -> npt.NDArray[np.str_]:
    """UMa above the mean roof within 100 m, else UMi; where no roof is known, UMi below the lowest UMa antenna (10 m).

    Parameters
    ----------
    terrain : Terrain
        Obstacles.
    easting_m, northing_m : ndarray
        Antennas in the project CRS.
    height_m : ndarray
        Their heights above ground.
    """
    row, col = terrain.grid.cells_of(easting_m, northing_m)
    reach = int(np.ceil(defaults()["model_choice_radius_m"] / terrain.grid.cell_m))
    mean = roof_means(terrain.surface_m, terrain.building, row, col, reach)
    above = np.where(
        np.isnan(mean), height_m >= _LOWEST_UMA_M, terrain.ground_at(easting_m, northing_m) + height_m > mean
    )
    return np.where(above, "uma", "umi")
