"""The exact line from an antenna to one receiver, cell by cell: the judge of the sweep."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from siting.radio.scene import LOS, NLOS, UNKNOWN, Antenna, Floats, Receiver, Terrain

_TOUCH = 1e-9  # cells: a path this short in a cell only touches it


@dataclass(frozen=True)
class Profile:
    """The exact path from an antenna to a receiver, one entry per visited cell.

    Parameters
    ----------
    row, col : ndarray of int
        Visited cells in order; the two end cells included.
    near_m, far_m : ndarray
        Plan distances at which the path enters and leaves each cell [m].
    surface_m : ndarray
        [m above datum], NaN unknown.
    tested : ndarray of bool
        False for end cells, the receiver's own building and the roof under the antenna.
    clear_m, cap_m : float
        Clear height at the receiver over known and over all cells [m above datum].
    state : int
        0 NLOS, 1 LOS, 2 UNKNOWN.
    first : int
        Index of the first known cell that hides the receiver, else -1.
    clearance_m : float
        Receiver height over the clear height [m]; negative is hidden.
    depth_m : float
        Length of the path inside the receiver's building [m].
    """

    row: npt.NDArray[np.int64]
    col: npt.NDArray[np.int64]
    near_m: Floats
    far_m: Floats
    surface_m: Floats
    tested: npt.NDArray[np.bool_]
    clear_m: float
    cap_m: float
    state: int
    first: int
    clearance_m: float
    depth_m: float


def trace(terrain: Terrain, antenna: Antenna, receiver: Receiver) -> Profile:
    """Follow the straight segment from an antenna to a receiver.

    Parameters
    ----------
    terrain : Terrain
        Obstacles.
    antenna, receiver : Antenna, Receiver
        Project CRS, heights above ground [m].

    Returns
    -------
    Profile
        Visited cells, what hides the receiver first, clearance and state.  Touching a corner visits no
        cell, a path along an edge visits the cells south or east of it; grazing a roof is clear.
    """
    grid = terrain.grid
    start = np.array([antenna.easting_m - grid.west_m, grid.north_m - antenna.northing_m]) / grid.cell_m
    end = np.array([receiver.easting_m - grid.west_m, grid.north_m - receiver.northing_m]) / grid.cell_m
    row, col, near, far = _visited(start, end)
    inside = np.asarray(grid.inside(row, col))
    row, col, near, far = row[inside], col[inside], near[inside], far[inside]
    length = float(np.hypot(*(end - start)))
    building = terrain.building[row, col]
    surface = terrain.surface_m[row, col].astype(np.float64)
    tested = _tested(terrain, antenna, building, (row, col), (start, end))
    z0 = terrain.antenna_z_m(antenna)
    z1 = float(terrain.ground_at(receiver.easting_m, receiver.northing_m)) + receiver.height_m
    scale = length * grid.cell_m
    near_m, far_m = near * scale, far * scale
    slopes = _slopes(terrain.highest_m[row, col].astype(np.float64) - z0, near_m, far_m)
    known = tested & ~np.isnan(surface)
    clear = z0 + float(np.max(slopes[known], initial=-np.inf)) * scale if scale else -np.inf
    cap = z0 + float(np.max(slopes[tested], initial=-np.inf)) * scale if scale else -np.inf
    own = int(terrain.building_at(receiver.easting_m, receiver.northing_m))
    roof = terrain.own_roof(antenna)
    hides = np.flatnonzero(known & (z0 + slopes * scale > z1))
    return Profile(
        row,
        col,
        near_m,
        far_m,
        surface,
        tested,
        clear,
        cap,
        UNKNOWN if roof and own == roof else _state(z1, clear, cap),
        int(hides[0]) if hides.size else -1,
        z1 - clear,
        float(np.sum((far_m - near_m)[building == own])) if own > 0 else 0.0,
    )


def _state(z: float, clear: float, cap: float) -> int:
    if z < clear:
        return NLOS
    return LOS if z >= max(clear, cap) else UNKNOWN


def _slopes(rise: Floats, near: Floats, far: Floats) -> Floats:
    """Slope a ray needs to pass each cell: over its near edge if it is higher than the antenna, else over its far one."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(rise > 0.0, rise / near, rise / far))


def _tested(
    terrain: Terrain,
    antenna: Antenna,
    building: npt.NDArray[np.int32],
    cells: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
    ends: tuple[Floats, Floats],
) -> npt.NDArray[np.bool_]:
    """Which visited cells may hide: not the end cells, not the receiver's building, not the antenna's roof."""
    tested = np.ones(building.shape, bool)
    for point in ends:
        tested &= ~((cells[0] == int(np.floor(point[1]))) & (cells[1] == int(np.floor(point[0]))))
    row, col = int(np.floor(ends[1][1])), int(np.floor(ends[1][0]))
    own = int(terrain.building[row, col]) if terrain.grid.inside(row, col) else 0
    roof = terrain.own_roof(antenna)
    skipped = [number for number in (own, roof) if number > 0]
    return np.asarray(tested & ~np.isin(building, skipped))


def _crossings(a: float, b: float) -> Floats:
    """Where a coordinate running from a to b meets whole numbers, as shares of the way."""
    if a == b:
        return np.empty(0)
    low, high = min(a, b), max(a, b)
    return (np.arange(np.ceil(low), np.floor(high) + 1.0) - a) / (b - a)


def _visited(start: Floats, end: Floats) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Floats, Floats]:
    """Rows, columns and shares of the way at which a segment enters and leaves the cells whose interior it crosses."""
    cuts = np.concatenate([[0.0, 1.0], _crossings(start[0], end[0]), _crossings(start[1], end[1])])
    cuts = np.unique(np.clip(cuts, 0.0, 1.0))
    near, far = cuts[:-1], cuts[1:]
    length = float(np.hypot(*(end - start)))
    real = (far - near) * length > _TOUCH
    near, far = near[real], far[real]
    middle = 0.5 * (near + far)
    col = np.floor(start[0] + middle * (end[0] - start[0])).astype(np.int64)
    row = np.floor(start[1] + middle * (end[1] - start[1])).astype(np.int64)
    return row, col, near, far
