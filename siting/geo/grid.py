"""A square grid in the project's metric CRS; row 0 is the north edge."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from siting.errors import BadInput


@dataclass(frozen=True)
class Grid:
    """Square cells, indexed [row, col] from the north-west corner.

    Parameters
    ----------
    west_m, north_m : float
        Outer corner of cell [0, 0] in the project CRS [m].
    cell_m : float
        Side of a cell [m].
    rows, cols : int
        Shape.
    crs : str
        The project CRS, e.g. ``"EPSG:4548"``.
    """

    west_m: float
    north_m: float
    cell_m: float
    rows: int
    cols: int
    crs: str

    def __post_init__(self) -> None:
        if not (math.isfinite(self.cell_m) and self.cell_m > 0 and self.rows > 0 and self.cols > 0):
            raise BadInput("geo.grid.empty", cell_m=self.cell_m, rows=self.rows, cols=self.cols)

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, cols)."""
        return self.rows, self.cols

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(west, south, east, north) [m]."""
        south = self.north_m - self.rows * self.cell_m
        return self.west_m, south, self.west_m + self.cols * self.cell_m, self.north_m

    def centres(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Easting of every column and northing of every row, cell centres [m]."""
        easting = self.west_m + (np.arange(self.cols, dtype=np.float64) + 0.5) * self.cell_m
        northing = self.north_m - (np.arange(self.rows, dtype=np.float64) + 0.5) * self.cell_m
        return easting, northing

    def cells_of(
        self, easting_m: npt.ArrayLike, northing_m: npt.ArrayLike
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Row and column of points; points outside get indices outside 0..rows-1, 0..cols-1."""
        col = np.floor((np.asarray(easting_m, float) - self.west_m) / self.cell_m).astype(np.int64)
        row = np.floor((self.north_m - np.asarray(northing_m, float)) / self.cell_m).astype(np.int64)
        return row, col

    def inside(self, row: npt.ArrayLike, col: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether cell indices lie in the grid."""
        row, col = np.asarray(row), np.asarray(col)
        return (row >= 0) & (row < self.rows) & (col >= 0) & (col < self.cols)


def over(bounds: tuple[float, float, float, float], *, cell_m: float, crs: str, snap_m: float | None = None) -> Grid:
    """Smallest grid over bounds whose edges are multiples of a step, so that grids of one district align.

    Parameters
    ----------
    bounds : tuple of float
        (west, south, east, north) [m].
    cell_m : float
        Side of a cell [m].
    crs : str
        Project CRS.
    snap_m : float, optional
        Edges are multiples of this [m]; must itself be a multiple of ``cell_m``; default ``cell_m``.
        Give the coarser cell when a fine grid has to nest in a coarse one.

    Raises
    ------
    BadInput
        If the bounds are empty or not finite.
    """
    step = cell_m if snap_m is None else snap_m
    west, south, east, north = bounds
    if not all(map(math.isfinite, (*bounds, cell_m))) or cell_m <= 0 or east <= west or north <= south:
        raise BadInput("geo.grid.bounds", bounds=bounds, cell_m=cell_m)
    west_m, north_m = math.floor(west / step) * step, math.ceil(north / step) * step
    cols = math.ceil((east - west_m) / step) * round(step / cell_m)
    rows = math.ceil((north_m - south) / step) * round(step / cell_m)
    return Grid(west_m, north_m, cell_m, rows, cols, crs)
