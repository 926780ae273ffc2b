"""The exact line from an antenna to one receiver, cell by cell: the judge of the sweep."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from siting.radio.scene import LOS, NLOS, UNKNOWN, Antenna, Floats, Receiver, Terrain

Ints = npt.NDArray[np.int64]
Marks = npt.NDArray[np.bool_]

_TOUCH = 1e-9  # cells: a path this short in a cell only touches it


@dataclass(frozen=True)
class Blocker:
    """A building (or the ground) that rises over the ray, or may do so.

    Parameters
    ----------
    building : int
        Number in the terrain; 0 the ground, -1 ground that nobody surveyed.
    building_id : str
        Its identity; empty for ground.
    over_m : float
        How far its highest crossed cell rises over the ray [m]; NaN where its height is unknown.
    near_m, far_m : float
        Where the path first meets and last leaves what rises [m from the antenna].
    known : bool
        False where it may rise over the ray: its height is unknown.
    """

    building: int
    building_id: str
    over_m: float
    near_m: float
    far_m: float
    known: bool


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
    start_z_m, end_z_m : float
        Heights of antenna and receiver [m above datum].
    length_m : float
        Plan distance of the two [m].
    ground_m : ndarray
        Ground of each cell [m above datum].
    building : ndarray of int
        Building of each cell: 0 none, -1 unsurveyed, else its number in the terrain.
    names : tuple of str
        Identity of each cell's building, empty where there is none.
    blockers : tuple of Blocker
        What rises over the ray, or may do so, in the order of the path; one entry per building.
    """

    row: Ints
    col: Ints
    near_m: Floats
    far_m: Floats
    surface_m: Floats
    tested: Marks
    clear_m: float
    cap_m: float
    state: int
    first: int
    clearance_m: float
    depth_m: float
    start_z_m: float
    end_z_m: float
    length_m: float
    ground_m: Floats
    building: npt.NDArray[np.int32]
    names: tuple[str, ...]
    blockers: tuple[Blocker, ...]

    def ray_m(self, distance_m: npt.ArrayLike) -> Floats:
        """Height of the ray [m above datum] at plan distances from the antenna [m]."""
        share = (
            np.asarray(distance_m, np.float64) / self.length_m
            if self.length_m
            else np.asarray(distance_m, np.float64) * 0.0
        )
        return np.asarray(self.start_z_m + (self.end_z_m - self.start_z_m) * share)


@dataclass(frozen=True)
class _Line:
    """Cells that a segment visits, and its ends in cells (col, row) from the grid's corner."""

    start: Floats
    end: Floats
    row: Ints
    col: Ints
    near_m: Floats
    far_m: Floats
    length_m: float


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
    line = _line(terrain, antenna, receiver)
    cells = line.row, line.col
    building = terrain.building[cells]
    surface = terrain.surface_m[cells].astype(np.float64)
    tested = _tested(terrain, antenna, building, cells, (line.start, line.end))
    z0 = terrain.antenna_z_m(antenna)
    z1 = float(terrain.ground_at(receiver.easting_m, receiver.northing_m)) + receiver.height_m
    needed = z0 + _slopes(terrain.highest_m[cells].astype(np.float64) - z0, line.near_m, line.far_m) * line.length_m
    known = tested & ~np.isnan(surface)
    clear = float(np.max(needed[known], initial=-np.inf)) if line.length_m else -np.inf
    cap = float(np.max(needed[tested], initial=-np.inf)) if line.length_m else -np.inf
    own = int(terrain.building_at(receiver.easting_m, receiver.northing_m))
    roof = terrain.own_roof(antenna)
    hides = np.flatnonzero(known & (needed > z1))
    names = tuple(terrain.building_ids[n - 1] if n > 0 else "" for n in building.tolist())
    return Profile(
        row=line.row,
        col=line.col,
        near_m=line.near_m,
        far_m=line.far_m,
        surface_m=surface,
        tested=tested,
        clear_m=clear,
        cap_m=cap,
        state=UNKNOWN if roof and own == roof else _state(z1, clear, cap),
        first=int(hides[0]) if hides.size else -1,
        clearance_m=z1 - clear,
        depth_m=float(np.sum((line.far_m - line.near_m)[building == own])) if own > 0 else 0.0,
        start_z_m=z0,
        end_z_m=z1,
        length_m=line.length_m,
        ground_m=terrain.ground_m[cells].astype(np.float64),
        building=building,
        names=names,
        blockers=_blockers(line, surface, (building, names), tested & (needed > z1), (z0, z1)),
    )


def _line(terrain: Terrain, antenna: Antenna, receiver: Receiver) -> _Line:
    grid = terrain.grid
    start = np.array([antenna.easting_m - grid.west_m, grid.north_m - antenna.northing_m]) / grid.cell_m
    end = np.array([receiver.easting_m - grid.west_m, grid.north_m - receiver.northing_m]) / grid.cell_m
    row, col, near, far = _visited(start, end)
    inside = np.asarray(grid.inside(row, col))
    scale = float(np.hypot(*(end - start))) * grid.cell_m
    return _Line(start, end, row[inside], col[inside], near[inside] * scale, far[inside] * scale, scale)


def _blockers(
    line: _Line,
    surface: Floats,
    buildings: tuple[npt.NDArray[np.int32], tuple[str, ...]],
    rising: Marks,
    heights_m: tuple[float, float],
) -> tuple[Blocker, ...]:
    """One entry per building of the cells that rise over the ray, or may do so where the height is unknown."""
    number, names = buildings
    z0, z1 = heights_m
    lowest = z0 + np.minimum((z1 - z0) * line.near_m, (z1 - z0) * line.far_m) / (line.length_m or 1.0)
    over = surface - lowest
    groups: dict[tuple[int, bool], list[int]] = {}
    for i in np.flatnonzero(rising).tolist():
        groups.setdefault((int(number[i]), not math.isnan(surface[i])), []).append(i)
    return tuple(
        Blocker(
            building=building,
            building_id=names[cells[0]],
            over_m=float(np.max(over[cells])) if known else math.nan,
            near_m=float(line.near_m[cells[0]]),
            far_m=float(line.far_m[cells[-1]]),
            known=known,
        )
        for (building, known), cells in groups.items()
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
    cuts = (
        np.unique(np.clip(cuts, 0.0, 1.0)) + 0.0
    )  # no -0: a cell that begins at the antenna is infinitely steep upwards
    near, far = cuts[:-1], cuts[1:]
    length = float(np.hypot(*(end - start)))
    real = (far - near) * length > _TOUCH
    near, far = near[real], far[real]
    middle = 0.5 * (near + far)
    col = np.floor(start[0] + middle * (end[0] - start[0])).astype(np.int64)
    row = np.floor(start[1] + middle * (end[1] - start[1])).astype(np.int64)
    return row, col, near, far
