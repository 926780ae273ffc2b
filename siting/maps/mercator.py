"""Arithmetic of Web-Mercator map tiles (XYZ, 256 pixels, row 0 in the north).

Formulas: OGC Two Dimensional Tile Matrix Set 2.0, annex D, WebMercatorQuad.  Only tiles use
this plane; nothing is measured in it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from siting.errors import BadInput

TILE_PX = 256
MAX_ZOOM = 20
MAX_LATITUDE_DEG = 85.0511287798066


@dataclass(frozen=True)
class Tile:
    """One tile of the pyramid.

    Raises
    ------
    BadInput
        If zoom, column or row do not exist.
    """

    z: int
    x: int
    y: int

    def __post_init__(self) -> None:
        if not (0 <= self.z <= MAX_ZOOM and 0 <= self.x < 2**self.z and 0 <= self.y < 2**self.z):
            raise BadInput("maps.tile", z=self.z, x=self.x, y=self.y, max_zoom=MAX_ZOOM)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(west, south, east, north) in degrees of longitude and latitude."""
        west, north = lonlat(np.array(self.x), np.array(self.y), zoom=self.z)
        east, south = lonlat(np.array(self.x + 1), np.array(self.y + 1), zoom=self.z)
        return float(west), float(south), float(east), float(north)

    def padded(self, share: float) -> tuple[float, float, float, float]:
        """The bounds widened by a share of the tile's side, for symbols that reach over the edge [deg]."""
        west, south, east, north = self.bounds
        dx, dy = (east - west) * share, (north - south) * share
        return west - dx, south - dy, east + dx, north + dy


def tile_xy(
    lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike, *, zoom: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Fractional tile column and row of places; the whole part names the tile, the rest the place in it.

    Examples
    --------
    >>> [float(v) for v in tile_xy(0.0, 0.0, zoom=1)]
    [1.0, 1.0]
    """
    lat = np.radians(np.clip(np.asarray(lat_deg, float), -MAX_LATITUDE_DEG, MAX_LATITUDE_DEG))
    count = 2.0**zoom
    x = (np.asarray(lon_deg, float) + 180.0) / 360.0 * count
    y = (1.0 - np.arcsinh(np.tan(lat)) / math.pi) / 2.0 * count
    return x, y


def lonlat(x: npt.ArrayLike, y: npt.ArrayLike, *, zoom: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Longitude and latitude [deg] of fractional tile columns and rows; the inverse of `tile_xy`."""
    count = 2.0**zoom
    lon_deg = np.asarray(x, float) / count * 360.0 - 180.0
    lat_deg = np.degrees(np.arctan(np.sinh(math.pi * (1.0 - 2.0 * np.asarray(y, float) / count))))
    return lon_deg, lat_deg


def metres_per_pixel(lat_deg: float, *, zoom: int) -> float:
    """Ground length of one tile pixel at a latitude [m]; the sphere of the scheme has radius 6378137 m."""
    return math.cos(math.radians(lat_deg)) * 2.0 * math.pi * 6378137.0 / TILE_PX / 2.0**zoom
