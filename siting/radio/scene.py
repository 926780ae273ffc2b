"""Ground, buildings, antennas and receivers: the things a line of sight is made of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from siting.geo.grid import Grid
from siting.radio import kernels_sight as sight
from siting.radio.network import defaults

NLOS, LOS, UNKNOWN = 0, 1, 2
UNSURVEYED = -1
UNDERGROUND = "underground"
ROOF = "roof"
MOUNTS = (ROOF, "wall", "pole", "tower")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Antenna:
    """A mounted antenna: place in the project CRS [m], height above ground with any roof included [m]."""

    easting_m: float
    northing_m: float
    height_m: float
    mount: str = "pole"


@dataclass(frozen=True)
class Receiver:
    """A place [m] in the project CRS and a height above ground [m]."""

    easting_m: float
    northing_m: float
    height_m: float = 1.5


@dataclass(frozen=True)
class Terrain:
    """Ground, surface and building number of every cell.

    Parameters
    ----------
    grid : Grid
        Cells of the obstacles, at most 2.5 m for the stated accuracy.
    ground_m, surface_m : ndarray of float32
        Above datum [m]; surface NaN where the height is unknown.
    building : ndarray of int32
        0 none, -1 unsurveyed, n the n-th of `building_ids` (from 1).
    building_ids : tuple of str
        Identities of the buildings, in the order of the layer.
    """

    grid: Grid
    ground_m: npt.NDArray[np.float32]
    surface_m: npt.NDArray[np.float32]
    building: npt.NDArray[np.int32]
    building_ids: tuple[str, ...]

    @cached_property
    def highest_m(self) -> npt.NDArray[np.float32]:
        """Surface with unknown cells as high as they may be [m above datum]."""
        cap = self.ground_m + np.float32(defaults()["unknown_cap_m"])
        return np.where(np.isnan(self.surface_m), cap, self.surface_m).astype(np.float32)

    @cached_property
    def code(self) -> npt.NDArray[np.int32]:
        """Building number with the mark of unknown cells, as the sweep reads it."""
        unknown = np.where(np.isnan(self.surface_m), sight.UNKNOWN, 0)
        return (np.maximum(self.building, 0) | unknown).astype(np.int32)

    def ground_at(self, easting_m: npt.ArrayLike, northing_m: npt.ArrayLike) -> Floats:
        """Ground [m above datum] at points; outside the grid that of the nearest cell."""
        row, col = self.grid.cells_of(easting_m, northing_m)
        rows, cols = self.grid.shape
        return np.asarray(self.ground_m[np.clip(row, 0, rows - 1), np.clip(col, 0, cols - 1)], np.float64)

    def building_at(self, easting_m: npt.ArrayLike, northing_m: npt.ArrayLike) -> npt.NDArray[np.int32]:
        """Building number at points; outside the grid 0."""
        row, col = self.grid.cells_of(easting_m, northing_m)
        inside = self.grid.inside(row, col)
        found = self.building[np.where(inside, row, 0), np.where(inside, col, 0)]
        return np.where(inside, found, 0).astype(np.int32)

    def antenna_z_m(self, antenna: Antenna) -> float:
        """Height of an antenna above datum [m]."""
        return float(self.ground_at(antenna.easting_m, antenna.northing_m)) + antenna.height_m

    def own_roof(self, antenna: Antenna) -> int:
        """Building under an antenna on a roof, else 0."""
        return int(self.own_roofs(antenna.easting_m, antenna.northing_m, np.asarray(antenna.mount)))

    def own_roofs(
        self, easting_m: npt.ArrayLike, northing_m: npt.ArrayLike, mount: npt.ArrayLike
    ) -> npt.NDArray[np.int64]:
        """Building under each antenna on a roof, 0 for other mounts."""
        on_roof = np.asarray(mount, object) == ROOF
        return np.where(on_roof, np.maximum(self.building_at(easting_m, northing_m), 0), 0).astype(np.int64)
