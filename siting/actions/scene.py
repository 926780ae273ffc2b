"""What radio needs of a district: obstacles, the map's grid, the units people live in, and the sectors on air."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from rasterio.features import rasterize
from rasterio.transform import from_origin

from siting.access import Actor
from siting.errors import BadInput
from siting.findings import Finding, Findings
from siting.geo import grid as grids
from siting.geo import ground
from siting.geo.grid import Grid
from siting.geo.ground import Ground
from siting.radio import demand, terrain
from siting.radio.network import Network, sectors_of
from siting.radio.terrain import Terrain
from siting.store import ground as grounds
from siting.store import layers
from siting.store.database import Database

PEOPLE_LAYERS = ("buildings", "demand", "districts", "venues")


@dataclass(frozen=True)
class Scene:
    """Ground to compute on.

    Parameters
    ----------
    grid : Grid
        The map's cells.
    terrain : Terrain
        Obstacles on a finer grid that nests in the map's.
    units : DataFrame
        Outdoor cells and (building cell, floor) units inside the district, with their people.
    findings : Findings
        What is wrong with the buildings.
    """

    grid: Grid
    terrain: Terrain
    units: pd.DataFrame
    findings: Findings


def boundary(db: Database) -> shapely.Geometry:
    """The district's outline in the project CRS.

    Raises
    ------
    BadInput
        If the district has no boundary yet.
    """
    districts = layers.read(db, "districts", columns=["level"])
    own = districts[districts["level"] == "district"]
    if own.empty:
        raise BadInput("scene.no_boundary", district=db.settings.name)
    return shapely.union_all(own.geometry.array)


def build(db: Database, *, cell_m: float, mix: str) -> Scene:
    """Lay out a district for computation.

    Parameters
    ----------
    db : Database
        The district.
    cell_m : float
        Cell of the map [m]; a whole multiple of the obstacle cell of the settings.
    mix : str
        Demand mix, ``night`` or ``day``.

    Raises
    ------
    BadInput
        If the cells do not nest or there is no boundary.
    """
    outline = boundary(db)
    fine = _fine(db, outline, cell_m)
    grid = grids.over(outline.bounds, cell_m=cell_m, crs=db.settings.crs)
    people = {name: layers.read(db, name) for name in PEOPLE_LAYERS}
    height_m, told = _ground(db, fine, outline)
    surface, findings = terrain.from_layers(fine, people["buildings"], ground_m=height_m)
    units = demand.units(grid, surface, people, mix=mix)
    if people["buildings"].empty:
        surface, findings = _unsurveyed(fine, people["buildings"], height_m)
    return Scene(grid, surface, units, findings + told)


def obstacles(db: Database, *, cell_m: float, bounds: tuple[float, float, float, float]) -> Terrain:
    """The part of a run's terrain that reaches over bounds, cell for cell as the whole one.

    Parameters
    ----------
    db : Database
        The district.
    cell_m : float
        Cell of the run's map [m].
    bounds : tuple of float
        (west, south, east, north) [m].
    """
    whole = _fine(db, boundary(db), cell_m)
    near = layers.read(db, "buildings", bounds=bounds, columns=["height_m", "floors", "building_class"])
    boxes = [bounds, *([tuple(near.total_bounds)] if len(near) else [])]
    west, south, east, north = (f(b[i] for b in boxes) for i, f in enumerate((min, min, max, max)))
    row, col = (np.asarray(v) for v in whole.cells_of([west, east], [north, south]))
    top, bottom = np.clip(row, 0, whole.rows - 1)
    left, right = np.clip(col, 0, whole.cols - 1)
    corner = whole.west_m + left * whole.cell_m, whole.north_m - top * whole.cell_m
    part = Grid(*corner, whole.cell_m, int(bottom - top) + 1, int(right - left) + 1, whole.crs)
    height_m, _ = _ground(db, part, None)
    if near.empty and not layers.count(db, "buildings"):
        return _unsurveyed(part, near, height_m)[0]
    return terrain.from_layers(part, near, ground_m=height_m)[0]


def _fine(db: Database, outline: shapely.Geometry, cell_m: float) -> Grid:
    """The grid of the obstacles, nested in the map's."""
    fine_m = db.settings.number("coverage.obstacle_cell_m")
    if cell_m < fine_m or abs(cell_m / fine_m - round(cell_m / fine_m)) > 1e-9:  # noqa: PLR2004 - rounding of a ratio
        raise BadInput("scene.cells", cell_m=cell_m, fine_m=fine_m)
    return grids.over(outline.bounds, cell_m=fine_m, crs=db.settings.crs, snap_m=cell_m)


def _ground(
    db: Database, grid: Grid, outline: shapely.Geometry | None
) -> tuple[npt.NDArray[np.float32] | None, Findings]:
    """Ground [m] of a grid from the elevation raster in force, and what it does not tell inside an outline; None: flat."""
    stored = grounds.current(db)
    if stored is None:
        return None, Findings()
    found = ground.onto(stored[1], grid)
    told = Findings() if outline is None else missing_ground(found, within(grid, outline))
    return found.height_m, told


def within(grid: Grid, outline: shapely.Geometry) -> npt.NDArray[np.bool_]:
    """Cells whose middle lies in an outline."""
    place = from_origin(grid.west_m, grid.north_m, grid.cell_m, grid.cell_m)
    return np.asarray(rasterize([(outline, 1)], out_shape=grid.shape, transform=place, fill=0, dtype="uint8") == 1)


def missing_ground(found: Ground, inside: npt.NDArray[np.bool_]) -> Findings:
    """Findings about cells of an area whose ground the raster does not tell."""
    shares = {
        "ground_hole": float(found.hole[inside].mean()),
        "ground_outside": float(found.outside[inside].mean()),
    }
    return Findings(
        tuple(
            Finding(code=code, severity="warning", value=f"{100 * share:.2g}%")
            for code, share in shares.items()
            if share > 0.0
        )
    )


def _unsurveyed(
    fine: Grid, nothing: gpd.GeoDataFrame, height_m: npt.NDArray[np.float32] | None
) -> tuple[Terrain, Findings]:
    """A district without buildings is one that nobody surveyed, not open ground.

    Every path is unknown and gets the statistical line of sight; people still stand where they stand.
    """
    everywhere = gpd.GeoDataFrame(geometry=[shapely.box(*fine.bounds)], crs=fine.crs)
    surface, _ = terrain.from_layers(fine, nothing, ground_m=height_m, unsurveyed=everywhere)
    return surface, Findings((Finding(code="no_buildings", severity="warning"),))


def sectors(db: Database, network: Network, *, viewer: Actor | None = None) -> pd.DataFrame:
    """Sectors of a network on air, one row each with its place [m]; only those that the viewer sees, if one is named."""
    sites = layers.read(db, "sites", columns=["retired_on"], viewer=viewer)
    return sectors_of(sites, layers.read(db, "sectors", viewer=viewer), network)


def revisions(db: Database, names: Sequence[str]) -> dict[str, int]:
    """How often each layer has changed: a result that rests on older ones is stale.

    The ground counts with them from the day it was first brought in.
    """
    ground_revision = layers.revision(db, grounds.LAYER)
    return {name: layers.revision(db, name) for name in names} | (
        {grounds.LAYER: ground_revision} if ground_revision else {}
    )
