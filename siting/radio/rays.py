"""What lies under the rays of many samples, and around them: features of a path that need the obstacles."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from siting.radio import kernels_samples as walk
from siting.radio.network import defaults
from siting.radio.ranges import LIGHT_M_S
from siting.radio.scene import Terrain

Floats = npt.NDArray[np.float64]

UNDER = ("blocked_cells", "blocked_m", "excess_m", "loss_db")


def with_rays(frame: pd.DataFrame, terrain: Terrain) -> pd.DataFrame:
    """Matched samples with what lies under their rays.

    Parameters
    ----------
    frame : DataFrame
        From `samples.prepare`.
    terrain : Terrain
        Obstacles; an unknown height counts as ground.

    Returns
    -------
    DataFrame
        With ``blocked_cells`` over the ray and their ``blocked_m``, ``excess_m`` (the most by which one rises over
        it) and ``loss_db`` (Bullington), from the antenna to the middle of the receiver's cell.
    """
    surface = np.where(np.isnan(terrain.surface_m), terrain.ground_m, terrain.surface_m).astype(np.float32)
    ground = walk.Ground(surface, np.maximum(terrain.building, 0).astype(np.int32), terrain.grid.cell_m)
    columns = {name: np.zeros(len(frame)) for name in UNDER}
    frequency = frame["frequency_ghz"].to_numpy(np.float64)
    for ghz in np.unique(frequency):
        rows = np.flatnonzero(frequency == ghz)
        found = _followed(frame.iloc[rows], terrain, ground, LIGHT_M_S / (float(ghz) * 1e9))
        for name, values in zip(UNDER, found._asdict().values(), strict=True):
            columns[name][rows] = np.asarray(values, np.float64)
    return frame.assign(**columns)


def _followed(frame: pd.DataFrame, terrain: Terrain, ground: walk.Ground, wave_m: float) -> walk.Under:
    grid = terrain.grid
    row, col = grid.cells_of(frame["easting_m"], frame["northing_m"])
    ends = walk.Ends(
        (frame["antenna_easting_m"].to_numpy(float) - grid.west_m) / grid.cell_m,
        (grid.north_m - frame["antenna_northing_m"].to_numpy(float)) / grid.cell_m,
        frame["antenna_z_m"].to_numpy(float),
        frame["roof"].to_numpy(np.int32),
        np.asarray(col + 0.5, np.float64),
        np.asarray(row + 0.5, np.float64),
        frame["z_m"].to_numpy(float),
    )
    size = len(frame)
    under = walk.Under(np.zeros(size, np.int32), np.zeros(size), np.full(size, walk.NO_EXCESS_M), np.zeros(size))
    walk.follow(ground, ends, wave_m, under)
    return under


def around(frame: pd.DataFrame, terrain: Terrain) -> pd.DataFrame:
    """Matched samples with what stands around them.

    Parameters
    ----------
    frame : DataFrame
        ``easting_m, northing_m``, project CRS.
    terrain : Terrain
        Obstacles.

    Returns
    -------
    DataFrame
        With ``built_share`` of the cells within 50 m, and ``roof_mean_m``, the mean height of known roofs there.
    """
    grid = terrain.grid
    reach = int(defaults()["around_m"] / grid.cell_m)
    row, col = grid.cells_of(frame["easting_m"], frame["northing_m"])
    built = terrain.building > 0
    height = terrain.surface_m - terrain.ground_m
    roofed = built & ~np.isnan(height)
    layers = [built, roofed, np.where(roofed, height, 0.0), np.ones(grid.shape)]
    totals = [_disc_sums(layer.astype(np.float64), row, col, reach) for layer in layers]
    return frame.assign(built_share=totals[0] / totals[3], roof_mean_m=totals[2] / np.maximum(totals[1], 1.0))


def _disc_sums(layer: Floats, row: npt.NDArray[np.int64], col: npt.NDArray[np.int64], reach: int) -> Floats:
    """Sums of a layer over the cells within a reach (in cells) of each place, row by row from running sums."""
    rows, cols = layer.shape
    running = np.concatenate([np.zeros((rows, 1)), np.cumsum(layer, axis=1)], axis=1)
    total = np.zeros(len(row))
    for down in range(-reach, reach + 1):
        half = int(np.sqrt(reach * reach - down * down))
        at = row + down
        inside = (at >= 0) & (at < rows)
        line = np.where(inside, at, 0)
        left, right = np.clip(col - half, 0, cols), np.clip(col + half + 1, 0, cols)
        total += np.where(inside, running[line, right] - running[line, left], 0.0)
    return total
