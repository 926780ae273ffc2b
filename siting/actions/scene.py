"""What radio needs of a district: obstacles, the map's grid, the units people live in, and the sectors on air."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import geopandas as gpd
import pandas as pd
import shapely

from siting.errors import BadInput
from siting.findings import Finding, Findings
from siting.geo import grid as grids
from siting.geo.grid import Grid
from siting.radio import demand, terrain
from siting.radio.network import Network, sectors_of
from siting.radio.terrain import Terrain
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
    fine_m = db.settings.number("coverage.obstacle_cell_m")
    if cell_m < fine_m or abs(cell_m / fine_m - round(cell_m / fine_m)) > 1e-9:  # noqa: PLR2004 - rounding of a ratio
        raise BadInput("scene.cells", cell_m=cell_m, fine_m=fine_m)
    outline = boundary(db)
    grid = grids.over(outline.bounds, cell_m=cell_m, crs=db.settings.crs)
    fine = grids.over(outline.bounds, cell_m=fine_m, crs=db.settings.crs, snap_m=cell_m)
    people = {name: layers.read(db, name) for name in PEOPLE_LAYERS}
    surface, findings = terrain.from_layers(fine, people["buildings"])
    units = demand.units(grid, surface, people, mix=mix)
    if people["buildings"].empty:
        surface, findings = _unsurveyed(fine, people["buildings"])
    return Scene(grid, surface, units, findings)


def _unsurveyed(fine: Grid, nothing: gpd.GeoDataFrame) -> tuple[Terrain, Findings]:
    """A district without buildings is one that nobody surveyed, not open ground.

    Every path is unknown and gets the statistical line of sight; people still stand where they stand.
    """
    everywhere = gpd.GeoDataFrame(geometry=[shapely.box(*fine.bounds)], crs=fine.crs)
    surface, _ = terrain.from_layers(fine, nothing, unsurveyed=everywhere)
    return surface, Findings((Finding(code="no_buildings", severity="warning"),))


def sectors(db: Database, network: Network) -> pd.DataFrame:
    """Sectors of a network on air, one row each with its place [m]."""
    return sectors_of(layers.read(db, "sites", columns=["retired_on"]), layers.read(db, "sectors"), network)


def revisions(db: Database, names: Sequence[str]) -> dict[str, int]:
    """How often each layer has changed: a result that rests on older ones is stale."""
    return {name: layers.revision(db, name) for name in names}
