"""Tiles of rasters and of crowds of points, and the folder that keeps drawn tiles."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from siting.geo import crs as datums
from siting.geo.grid import Grid
from siting.maps import styles
from siting.maps.basemap import png
from siting.maps.mercator import TILE_PX, Tile, lonlat, metres_per_pixel, tile_xy

HATCH = "hatch"
_STRIPE_PX = 8
_LATTICE = 17
_DOT_PX = 1
_SINGLE_PIXELS_UP_TO_ZOOM = 12
_DOT_ALPHA = 0.55


def cached(folder: Path, *, layer: str, version: str, tile: Tile, draw: Callable[[Tile], bytes]) -> bytes:
    """A tile from the folder of drawn tiles, drawn and kept if it is not there.

    Parameters
    ----------
    folder : Path
        May be deleted at any time.
    layer, version : str
        What is drawn, and which state of the data; a new version draws anew.
    tile : Tile
        Which tile.
    draw : callable
        Draws the tile as PNG.
    """
    path = folder / "tiles" / layer / f"{version}-{styles.version()}" / str(tile.z) / str(tile.x) / f"{tile.y}.png"
    if path.is_file():
        return path.read_bytes()
    image = draw(tile)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
    with os.fdopen(handle, "wb") as file:
        file.write(image)
    Path(name).replace(path)
    return image


def raster(grid: Grid, values: npt.NDArray[np.floating], tile: Tile, *, family: str, blend: bool = True) -> bytes:
    """One tile of a raster in the project CRS, coloured by class.

    Zoomed out, several cells fall on a pixel: their mean is drawn, so that no hot cell drops out by chance.  A family of
    hatched styles is drawn in stripes that let what lies below shine through.

    Parameters
    ----------
    grid : Grid
        Where the cells are.
    values : ndarray, shape grid.shape
        NaN where nothing is known.
    tile : Tile
        Which tile.
    family : str
        Family of styles with class limits, see `siting.maps.styles.colourise`.
    blend : bool
        False for values that are names of things, of which there is no mean: one cell stands for its neighbours.
    """
    _, south, _, north = tile.bounds
    factor = max(1, int(metres_per_pixel((south + north) / 2, zoom=tile.z) / grid.cell_m)) if blend else 1
    coarse, means = _reduced(grid, np.asarray(values, float), factor)
    easting_m, northing_m = _project_coordinates(tile, grid.crs)
    row, col = coarse.cells_of(easting_m, northing_m)
    inside = coarse.inside(row, col)
    sampled = np.full(inside.shape, np.nan)
    sampled[inside] = means[row[inside], col[inside]]
    image = styles.colourise(sampled, family)
    if any(style.shape == HATCH for style in styles.family(family).values()):
        image[~_stripes()] = 0
    return png(Image.fromarray(image, "RGBA"))


@cache
def _stripes() -> npt.NDArray[np.bool_]:
    """Slanting stripes that run on from tile to tile."""
    row, col = np.indices((TILE_PX, TILE_PX))
    return np.asarray((row + col) % _STRIPE_PX < _STRIPE_PX // 2)


def dots(lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike, keys: npt.ArrayLike, tile: Tile, *, family: str) -> bytes:
    """One tile of a crowd of points: small dots in the colour of their kind, denser where more of them lie, single pixels far out.

    Parameters
    ----------
    lon_deg, lat_deg : array_like
        Places [deg], WGS 84.
    keys : array_like of str
        Kind of every point, a key of the family; unknown kinds are not drawn.
    tile : Tile
        Which tile.
    family : str
        Family of styles.
    """
    x, y = tile_xy(lon_deg, lat_deg, zoom=tile.z)
    col = np.floor((x - tile.x) * TILE_PX).astype(np.int64)
    row = np.floor((y - tile.y) * TILE_PX).astype(np.int64)
    reach = 0 if tile.z <= _SINGLE_PIXELS_UP_TO_ZOOM else _DOT_PX
    near = (row >= -reach) & (row < TILE_PX + reach) & (col >= -reach) & (col < TILE_PX + reach)
    row, col, kinds = row[near], col[near], np.asarray(keys, dtype=object)[near]
    image = np.zeros((TILE_PX, TILE_PX, 4), np.uint8)
    for key, style in styles.family(family).items():
        counts = _counts(row[kinds == key], col[kinds == key], reach)
        alpha = np.round(255 * (1.0 - (1.0 - _DOT_ALPHA) ** counts)).astype(np.uint8)
        drawn = counts > 0
        image[drawn, :3] = styles.rgb(style.fill)
        image[drawn, 3] = np.maximum(alpha[drawn], image[drawn, 3])
    return png(Image.fromarray(image, "RGBA"))


@cache
def empty() -> bytes:
    """A transparent tile, for places where there is nothing."""
    return png(Image.new("LA", (TILE_PX, TILE_PX), (0, 0)))


def _counts(row: npt.NDArray[np.int64], col: npt.NDArray[np.int64], reach: int) -> npt.NDArray[np.int64]:
    """How many dots, of so many pixels beside the middle one, cover each pixel of the tile."""
    side = TILE_PX + 2 * reach
    centres = np.bincount((row + reach) * side + col + reach, minlength=side * side).reshape(side, side)
    window = np.lib.stride_tricks.sliding_window_view(centres, (2 * reach + 1, 2 * reach + 1))
    return np.asarray(window.sum(axis=(2, 3)))


def _reduced(grid: Grid, values: npt.NDArray[np.float64], factor: int) -> tuple[Grid, npt.NDArray[np.float64]]:
    """Means over blocks of factor x factor cells; blocks without any value stay NaN."""
    if factor == 1:
        return grid, values
    rows, cols = -(-grid.rows // factor), -(-grid.cols // factor)
    padded = np.full((rows * factor, cols * factor), np.nan)
    padded[: grid.rows, : grid.cols] = values
    blocks = padded.reshape(rows, factor, cols, factor)
    known = np.isfinite(blocks).sum(axis=(1, 3))
    total = np.nansum(blocks, axis=(1, 3))
    means = np.divide(total, known, out=np.full((rows, cols), np.nan), where=known > 0)
    return Grid(grid.west_m, grid.north_m, grid.cell_m * factor, rows, cols, grid.crs), means


def _project_coordinates(tile: Tile, crs: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Easting and northing of every pixel centre, interpolated from a lattice (below 1 mm at zoom 12 and up)."""
    steps = np.linspace(0.0, 1.0, _LATTICE)
    x, y = np.meshgrid(tile.x + steps, tile.y + steps)
    lon_deg, lat_deg = lonlat(x.ravel(), y.ravel(), zoom=tile.z)
    points = gpd.GeoDataFrame(pd.DataFrame(index=range(x.size)), geometry=gpd.points_from_xy(lon_deg, lat_deg))
    moved = datums.to_project(points, datum="wgs84", crs=crs).geometry
    at = (np.arange(TILE_PX) + 0.5) / TILE_PX * (_LATTICE - 1)
    east, north = (np.asarray(v).reshape(_LATTICE, _LATTICE) for v in (moved.x, moved.y))
    return _bilinear(east, at), _bilinear(north, at)


def _bilinear(lattice: npt.NDArray[np.float64], at: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    low = np.minimum(at.astype(int), len(lattice) - 2)
    share = at - low
    rows = lattice[low] * (1 - share)[:, None] + lattice[low + 1] * share[:, None]
    return np.asarray(rows[:, low] * (1 - share) + rows[:, low + 1] * share)
