"""Ground heights from an elevation raster, brought onto a grid of the project."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import rasterio
from pyproj import CRS
from pyproj.exceptions import CRSError
from rasterio.features import rasterize
from rasterio.io import DatasetReader, MemoryFile
from rasterio.transform import from_origin
from rasterio.warp import Resampling, reproject, transform_geom
from scipy.ndimage import distance_transform_edt
from shapely.geometry import box, mapping

from siting.errors import BadInput
from siting.geo.grid import Grid

Heights = npt.NDArray[np.float32]
Marks = npt.NDArray[np.bool_]

# Largest error of the place of a cell, in cells of the raster.
TOLERANCE = 0.01
EDGE_POINTS = 21
METRES = ("metre", "meter", "m")


@dataclass(frozen=True)
class Ground:
    """Ground of a grid.

    Parameters
    ----------
    height_m : ndarray of float32
        [rows, cols], m above the raster's own datum; never NaN.
    hole, outside : ndarray of bool
        Cells inside the raster without a value, and cells beyond its edge: they got that of the nearest cell.
    """

    height_m: Heights
    hole: Marks
    outside: Marks


def require_known(wkt: str) -> str:
    """The name of a raster's horizontal datum.

    Parameters
    ----------
    wkt : str
        The raster's CRS.

    Raises
    ------
    BadInput
        If it is no CRS on the earth, its datum is unknown, or its heights are not in metres.
    """
    try:
        found = CRS.from_wkt(wkt)
    except CRSError as error:
        raise BadInput("terrain.crs", value=wkt[:80]) from error
    base, heights = found.geodetic_crs, [axis for axis in found.axis_info if axis.direction in {"up", "down"}]
    datum = base.datum.name if base is not None and base.datum is not None else ""
    if not datum or "unknown" in datum.lower() or not (found.is_projected or found.is_geographic or found.is_compound):
        raise BadInput("terrain.crs", value=found.name)
    wrong = [axis.unit_name for axis in heights if axis.unit_name not in METRES]
    if wrong:
        raise BadInput("terrain.unit", value=wrong[0])
    return datum


def onto(data: bytes, grid: Grid) -> Ground:
    """Resample an elevation raster onto a grid, bilinear; what it does not tell comes from the nearest cell that it tells.

    Parameters
    ----------
    data : bytes
        A GeoTIFF of one band that has passed the gate.
    grid : Grid
        Project CRS.

    Raises
    ------
    BadInput
        If the raster tells nothing about the grid.
    """
    with rasterio.Env(GDAL_PAM_ENABLED="NO"), MemoryFile(data) as memory, memory.open(driver="GTiff") as file:
        height = _warped(file, grid)
        missing = np.isnan(height)
        if missing.all():
            raise BadInput("terrain.elsewhere", bounds=", ".join(f"{v:.0f}" for v in grid.bounds))
        if not missing.any():
            return Ground(height, missing, missing)
        outside = missing & ~_footprint(file, grid)
    nearest = distance_transform_edt(missing, return_distances=False, return_indices=True)
    return Ground(height[tuple(nearest)], missing & ~outside, outside)


def _warped(file: DatasetReader, grid: Grid) -> Heights:
    height = np.full(grid.shape, np.nan, np.float32)
    reproject(
        rasterio.band(file, 1),
        height,
        src_nodata=math.nan if file.nodata is None else file.nodata,
        dst_transform=from_origin(grid.west_m, grid.north_m, grid.cell_m, grid.cell_m),
        dst_crs=grid.crs,
        dst_nodata=math.nan,
        resampling=Resampling.bilinear,
        tolerance=TOLERANCE,
    )
    return np.asarray(height * np.float32(file.scales[0]) + np.float32(file.offsets[0]), np.float32)


def _footprint(file: DatasetReader, grid: Grid) -> Marks:
    """Cells whose middle lies in the raster."""
    shape = box(*file.bounds).segmentize(max(file.bounds.right - file.bounds.left, 1e-9) / EDGE_POINTS)
    moved = transform_geom(file.crs, grid.crs, mapping(shape))
    place = from_origin(grid.west_m, grid.north_m, grid.cell_m, grid.cell_m)
    return np.asarray(rasterize([(moved, 1)], out_shape=grid.shape, transform=place, fill=0, dtype="uint8") == 1)


def steepest_m(height_m: Heights) -> Heights:
    """Largest difference of every cell to the next one east or south [m], 0 at the far edges."""
    step = np.zeros(height_m.shape, np.float32)
    step[:, :-1] = np.abs(np.diff(height_m, axis=1))
    step[:-1] = np.maximum(step[:-1], np.abs(np.diff(height_m, axis=0)))
    return step
