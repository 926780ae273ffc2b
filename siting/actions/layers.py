"""Look at what the district holds."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import pandas as pd
import shapely

from siting import access
from siting.access import Actor
from siting.actions.doors import require
from siting.assets import schema
from siting.geo import crs
from siting.store import imports, layers
from siting.store.database import Database

Bounds = tuple[float, float, float, float]
PERMISSION = "asset.read"
# A click means what lies within this many pixels of it.
PICK_PX = 6
# Ground metres per pixel at zoom 0 on the equator of the web-map projection: 2 pi a / 256.
METRES_PER_PIXEL = 156543.03392804097


def read(
    db: Database, actor: Actor, layer: str, *, bounds: Bounds | None = None, columns: Sequence[str] | None = None
) -> gpd.GeoDataFrame:
    """A layer in the project CRS; ``bounds`` = (west, south, east, north) [m]."""
    require(db, actor, PERMISSION)
    return layers.read(db, layer, bounds=bounds, columns=columns, viewer=actor)


def counts(db: Database, actor: Actor) -> dict[str, int]:
    """Number of rows of every layer."""
    require(db, actor, PERMISSION)
    return {layer: layers.count(db, layer, viewer=actor) for layer in schema.LAYERS}


def counts_by(db: Database, actor: Actor, layer: str, *columns: str) -> pd.DataFrame:
    """Number of rows by the values of columns, column ``n``."""
    require(db, actor, PERMISSION)
    return layers.counts_by(db, layer, *columns, viewer=actor)


def revision(db: Database, actor: Actor, layer: str) -> int:
    """State of a layer as the actor sees it; drawn tiles carry it.

    How often the layer has changed; where others keep rows back, a number made of the visible rows alone, because a count
    of changes would tell when somebody works on what is not shown.
    """
    require(db, actor, PERMISSION)
    return layers.seen_revision(db, layer, viewer=actor) if access.masked(actor, layer) else layers.revision(db, layer)


def boundary(db: Database, actor: Actor) -> gpd.GeoDataFrame:
    """The district's own outline: the rows of ``districts`` of level district."""
    districts = read(db, actor, "districts")
    return districts[districts["level"] == "district"]


def recent_imports(db: Database, actor: Actor, *, limit: int = 10) -> list[dict[str, object]]:
    """What came in lately, newest first."""
    require(db, actor, PERMISSION)
    return imports.recent(db, limit=limit, viewer=actor)


def pick(
    db: Database, actor: Actor, *, lon_deg: float, lat_deg: float, zoom: float, layers_in_order: Sequence[str]
) -> tuple[str, pd.Series] | None:
    """The feature that a click on the map means: within 6 pixels, first layer first, then the nearest.

    Parameters
    ----------
    lon_deg, lat_deg : float
        Place of the click, WGS 84.
    zoom : float
        Zoom of the map.
    layers_in_order : sequence of str
        Layers, the topmost first.

    Returns
    -------
    tuple of (layer, row) or None
    """
    require(db, actor, PERMISSION)
    place = gpd.GeoDataFrame(geometry=[shapely.Point(lon_deg, lat_deg)])
    point = crs.to_project(place, datum="wgs84", crs=db.settings.crs).geometry.iloc[0]
    reach = PICK_PX * METRES_PER_PIXEL / 2**zoom
    box = (point.x - reach, point.y - reach, point.x + reach, point.y + reach)
    for layer in layers_in_order:
        near = layers.read(db, layer, bounds=box, viewer=actor)
        gaps = near.distance(point) if len(near) else pd.Series(dtype=float)
        if len(gaps) and gaps.min() <= reach:
            return layer, near.loc[gaps.idxmin()]
    return None
