"""Ground and buildings as 2.5D cells, and what an antenna sees over them.

Working data of one run: cells of 2.5 m and finer detail are never exported.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
from rasterio.features import rasterize
from rasterio.transform import from_origin

from siting.errors import BadInput
from siting.findings import Finding, Findings
from siting.geo.grid import Grid
from siting.radio import kernels_sight as sight
from siting.radio.network import defaults
from siting.radio.path import Profile, trace
from siting.radio.scene import LOS, NLOS, UNDERGROUND, UNKNOWN, UNSURVEYED, Antenna, Floats, Receiver, Terrain

__all__ = [
    "Antenna",
    "ClearHeight",
    "Profile",
    "Receiver",
    "Terrain",
    "clear_height_m",
    "field_of",
    "from_layers",
    "heights_m",
    "los_state",
    "start_of",
    "trace",
]


def from_layers(
    grid: Grid,
    buildings: gpd.GeoDataFrame,
    *,
    ground_m: npt.ArrayLike | None = None,
    unsurveyed: gpd.GeoDataFrame | None = None,
) -> tuple[Terrain, Findings]:
    """Burn buildings into cells.

    A cell belongs to the tallest footprint that holds its centre, an unknown height counting as
    tallest; a footprint that wins no centre claims the cell of its representative point.
    Underground buildings hide nothing and are left out.

    Parameters
    ----------
    grid : Grid
        Obstacle cells in the project CRS.
    buildings : GeoDataFrame
        Columns ``building_id``, ``height_m``, optionally ``floors`` and ``building_class``; project CRS.
    ground_m : array_like, optional
        Ground [m above datum] on the grid; default 0 everywhere.
    unsurveyed : GeoDataFrame, optional
        Areas in which buildings may be missing.

    Returns
    -------
    Terrain, Findings
        Lost footprints and buildings without height are findings.

    Raises
    ------
    BadInput
        If the ground's shape differs from the grid's.
    """
    ground = np.zeros(grid.shape, np.float32) if ground_m is None else np.asarray(ground_m, np.float32)
    if ground.shape != grid.shape:
        raise BadInput("radio.terrain.shape", value=str(ground.shape), rule=str(grid.shape))
    heights = heights_m(buildings)
    number, lost = _claim(grid, buildings, heights)
    surface = ground + np.concatenate([[0.0], heights]).astype(np.float32)[number]
    if unsurveyed is not None and len(unsurveyed):
        open_ground = _burn(grid, unsurveyed.geometry, np.ones(len(unsurveyed), np.int32)) == 1
        number[open_ground & (number == 0)] = UNSURVEYED
        surface[number == UNSURVEYED] = np.nan
    names = buildings["building_id"].astype(str)
    findings = [Finding(code="radio_building_lost", severity="warning", value=names.iloc[i]) for i in lost]
    findings += _without_height(heights)
    return Terrain(grid, ground, surface, number, tuple(names)), Findings(tuple(findings))


def heights_m(buildings: gpd.GeoDataFrame) -> Floats:
    """Height of every building [m]: as given, else its floors at 3 m, else NaN."""
    height = _numbers(buildings, "height_m")
    floors = _numbers(buildings, "floors")
    return np.where(np.isnan(height), floors * defaults()["storey_m"], height)


def _numbers(frame: gpd.GeoDataFrame, column: str) -> Floats:
    if column not in frame:
        return np.full(len(frame), np.nan)
    return np.asarray(frame[column].astype("Float64").to_numpy(dtype=float, na_value=np.nan))


def _without_height(heights: Floats) -> list[Finding]:
    count = int(np.isnan(heights).sum())
    if not count:
        return []
    return [Finding(code="radio_height_unknown", severity="info", value=str(count), values={"total": len(heights)})]


def _burn(grid: Grid, shapes: gpd.GeoSeries, values: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Number of the last shape holding each cell's centre, else 0."""
    pairs = [
        (shape, int(value))
        for shape, value in zip(shapes, values, strict=True)
        if shape is not None and not shape.is_empty
    ]
    if not pairs:
        return np.zeros(grid.shape, np.int32)
    transform = from_origin(grid.west_m, grid.north_m, grid.cell_m, grid.cell_m)
    return np.asarray(rasterize(pairs, out_shape=grid.shape, transform=transform, fill=0, dtype="int32"))


def _claim(
    grid: Grid, buildings: gpd.GeoDataFrame, heights: Floats
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Building number of every cell, and the rows of footprints that got none although they lie in the grid."""
    hidden = np.zeros(len(buildings), bool)
    if "building_class" in buildings:
        hidden = np.asarray(buildings["building_class"] == UNDERGROUND, bool)
    order = np.argsort(np.where(np.isnan(heights), np.inf, heights), kind="stable")
    order = order[~hidden[order]]
    number = _burn(grid, buildings.geometry.iloc[order], (order + 1).astype(np.int32))
    counts = np.bincount(number.ravel(), minlength=len(buildings) + 1)[1:]
    small = order[counts[order] == 0]
    points = buildings.geometry.iloc[small].representative_point()
    row, col = grid.cells_of(points.x.to_numpy(), points.y.to_numpy())
    inside = grid.inside(row, col)
    number[row[inside], col[inside]] = small[inside] + 1
    counts = np.bincount(number.ravel(), minlength=len(buildings) + 1)[1:]
    return number, np.sort(order[(counts[order] == 0) & ~np.isin(order, small[~inside])])


def field_of(terrain: Terrain, row: npt.NDArray[np.int64], col: npt.NDArray[np.int64]) -> sight.Field:
    """Obstacles with receivers numbered 0, 1, … in the given cells, as the sweep reads them."""
    receiver = np.full(terrain.grid.shape, -1, np.int32)
    receiver[row, col] = np.arange(len(row), dtype=np.int32)
    code = terrain.code | np.where(receiver >= 0, sight.RECEIVER, 0).astype(np.int32)
    surface = terrain.highest_m
    turned = np.ascontiguousarray(surface.T), np.ascontiguousarray(code.T)
    return sight.Field(surface, code, *turned, receiver, terrain.grid.cell_m)


def start_of(
    terrain: Terrain, antenna: Antenna, *, radius_m: float, first: int = 0, stop_m: float = math.inf
) -> sight.Start:
    """Where a sweep starts, in cell units."""
    grid = terrain.grid
    return sight.Start(
        (antenna.easting_m - grid.west_m) / grid.cell_m,
        (grid.north_m - antenna.northing_m) / grid.cell_m,
        terrain.antenna_z_m(antenna),
        radius_m / grid.cell_m,
        terrain.own_roof(antenna),
        first,
        stop_m,
    )


@dataclass(frozen=True)
class ClearHeight:
    """From which height above datum each cell sees the antenna.

    Parameters
    ----------
    height_m, cap_height_m : ndarray of float32
        Over known cells, and with unknown cells as high as they may be [m]; NaN outside the radius,
        -inf where nothing stands between.
    window : tuple of int
        First row, first column, rows, columns in the terrain's grid.
    own_roof : ndarray of bool
        Cells of the building under a roof antenna: unknown for indoor receivers.
    """

    height_m: npt.NDArray[np.float32]
    cap_height_m: npt.NDArray[np.float32]
    window: tuple[int, int, int, int]
    own_roof: npt.NDArray[np.bool_]


def clear_height_m(terrain: Terrain, antenna: Antenna, *, radius_m: float) -> ClearHeight:
    """Clear heights of all cells within a radius of an antenna.

    Parameters
    ----------
    terrain : Terrain
        Obstacles.
    antenna : Antenna
        In the project CRS.
    radius_m : float
        Plan radius [m].

    Returns
    -------
    ClearHeight
        One sweep serves all floors, sectors and bands of the antenna.
    """
    part, window = _window(terrain, antenna, radius_m)
    rows, cols = part.grid.shape
    row, col = np.divmod(np.arange(rows * cols), cols)
    blank = [np.full(rows * cols, np.nan, np.float32) for _ in range(2)]
    found = sight.Sight(*blank)
    sight.sweep(field_of(part, row, col), start_of(part, antenna, radius_m=radius_m), found)
    easting, northing = part.grid.centres()
    far = np.hypot(easting[None, :] - antenna.easting_m, northing[:, None] - antenna.northing_m) > radius_m
    clear, cap = (np.where(far, np.float32(np.nan), a.reshape(rows, cols)) for a in (found.clear_m, found.cap_m))
    roof = part.own_roof(antenna)
    return ClearHeight(clear, cap, window, (part.building == roof) & (roof > 0))


def _window(terrain: Terrain, antenna: Antenna, radius_m: float) -> tuple[Terrain, tuple[int, int, int, int]]:
    grid = terrain.grid
    row, col = (int(v) for v in grid.cells_of(antenna.easting_m, antenna.northing_m))
    if not bool(grid.inside(row, col)):
        raise BadInput("radio.antenna.outside", easting_m=antenna.easting_m, northing_m=antenna.northing_m)
    reach = math.ceil(radius_m / grid.cell_m) + 1
    top, left = max(row - reach, 0), max(col - reach, 0)
    bottom, right = min(row + reach + 1, grid.rows), min(col + reach + 1, grid.cols)
    cut = np.s_[top:bottom, left:right]
    west, north = grid.west_m + left * grid.cell_m, grid.north_m - top * grid.cell_m
    inner = Grid(west, north, grid.cell_m, bottom - top, right - left, grid.crs)
    part = Terrain(inner, terrain.ground_m[cut], terrain.surface_m[cut], terrain.building[cut], terrain.building_ids)
    return part, (top, left, bottom - top, right - left)


def los_state(clear: ClearHeight, receiver_z_m: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    """Whether receivers at a height above datum [m] see the antenna.

    Parameters
    ----------
    clear : ClearHeight
        From `clear_height_m`.
    receiver_z_m : array_like
        One height, or one per cell of the window.

    Returns
    -------
    ndarray of uint8
        0 NLOS, 1 LOS, 2 UNKNOWN; cells outside the radius are UNKNOWN.
    """
    z = np.asarray(receiver_z_m, np.float32)
    seen = z >= np.maximum(clear.height_m, clear.cap_height_m)
    hidden = z < clear.height_m
    state = np.where(hidden, NLOS, np.where(seen, LOS, UNKNOWN))
    return np.where(clear.own_roof, UNKNOWN, state).astype(np.uint8)
