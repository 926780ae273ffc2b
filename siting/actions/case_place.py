"""Where a problem point lies and what stands there: filled in, so that nobody types it."""

from __future__ import annotations

from collections.abc import Mapping

import geopandas as gpd
import pandas as pd
import shapely

from siting.access import Actor
from siting.actions import known
from siting.assets import schema
from siting.errors import BadInput
from siting.geo import crs, region
from siting.ledger import fields
from siting.store import layers
from siting.store.database import Database

# The asset that a place means, where none is named, lies within [m].
NEAR_M = 5.0
MAP_DATUM = "wgs84"
_CLICKED = ("lon_deg", "lat_deg", "datum")
_METRES = ("easting_m", "northing_m")
PLACE = "place"
# Layers whose keys a site_ref may name; assets first, because candidates on assets carry their ids.
_SITES = ("assets", "candidates", "sites")


def reported(db: Database, actor: Actor, given: Mapping[str, object]) -> dict[str, object]:
    """Particulars of a report: whose needs, and all that `placed` fills in."""
    data, needs = dict(given), given.get("needs")
    if actor.operator and isinstance(needs, list | tuple):
        data["needs"] = [{"operator": actor.operator, **need} if isinstance(need, Mapping) else need for need in needs]
    return placed(db, actor, data)


def require_proposal(db: Database, actor: Actor, given: Mapping[str, object]) -> None:
    """Refuse a proposal that the actor does not see as one that is not there; corrections carry it a level deeper.

    Raises
    ------
    BadInput
        If ``proposal_ref`` names none that the actor sees.
    """
    inner = given.get("data")
    named = [part.get("proposal_ref") for part in (given, inner) if isinstance(part, Mapping)]
    wanted = {str(name) for name in named if name}
    if not wanted:
        return
    rows = layers.read(db, "candidates", columns=(), viewer=actor)
    lacking = sorted(wanted - set(rows[schema.key_column("candidates")]))
    if lacking:
        raise BadInput("case.place.reference", reference=", ".join(lacking))


def placed(db: Database, actor: Actor, given: Mapping[str, object]) -> dict[str, object]:
    """Particulars with the place in metres, its sub-district and community, and the asset that stands there.

    Raises
    ------
    BadInput
        If the place is no pair of numbers, or ``site_ref`` is the only place and names nothing.
    """
    data = {name: value for name, value in given.items() if name not in (*_CLICKED, *_METRES)}
    point = _point(db, given)
    named = _named(db, actor, str(data.get("site_ref") or data.get("asset_ref") or ""), point)
    if point is None:
        point = None if named is None else shapely.point_on_surface(named.geometry)
    if point is None:
        return data
    data[PLACE] = text(point)
    return {**data, **_around(db, point, data), **_asset(db, actor, point, data, named)}


def metres(db: Database, lon_deg: object, lat_deg: object, *, datum: str = MAP_DATUM) -> shapely.Point:
    """A place in degrees of a declared datum, in the project CRS."""
    try:
        spot = shapely.Point(float(str(lon_deg)), float(str(lat_deg)))
    except ValueError as error:
        raise BadInput("case.place.degrees", lon=lon_deg, lat=lat_deg) from error
    frame = crs.to_project(gpd.GeoDataFrame(geometry=[spot]), datum=datum, crs=db.settings.crs)
    return _finite(frame.geometry.iloc[0], lon_deg, lat_deg)


def text(point: shapely.Point) -> str:
    """A place as records keep it."""
    return fields.place(point.x, point.y)


def _finite(point: shapely.Point, *given: object) -> shapely.Point:
    if point.is_empty or not all(abs(value) < float("inf") for value in (point.x, point.y)):
        raise BadInput("case.place.degrees", lon=given[0], lat=given[1])
    return point


def _point(db: Database, given: Mapping[str, object]) -> shapely.Point | None:
    if given.get("lon_deg") or given.get("lat_deg"):
        datum = str(given.get("datum") or MAP_DATUM)
        return metres(db, given.get("lon_deg"), given.get("lat_deg"), datum=datum)
    if not any(given.get(name) for name in _METRES):
        known_place = fields.point(given.get(PLACE))
        return None if known_place is None else shapely.Point(*known_place)
    x, y = (given.get(name) for name in _METRES)
    try:
        return _finite(shapely.Point(float(str(x)), float(str(y))), x, y)
    except ValueError as error:
        raise BadInput("case.place.metres", x=x, y=y) from error


def _named(db: Database, actor: Actor, key: str, point: shapely.Point | None) -> pd.Series | None:
    """The row that a reference names; refused where it was to be the place and there is none that the actor sees."""
    if not key:
        return None
    for layer in _SITES if point is None else _SITES[:1]:
        rows = layers.read(db, layer, bounds=_box(point), viewer=actor)
        found = rows[rows[schema.key_column(layer)] == key]
        if len(found):
            return found.iloc[0]
    if point is None:
        raise BadInput("case.place.reference", reference=key)
    return None


def _box(point: shapely.Point | None) -> layers.Bounds | None:
    reach = 50 * NEAR_M
    return None if point is None else (point.x - reach, point.y - reach, point.x + reach, point.y + reach)


def _around(db: Database, point: shapely.Point, data: Mapping[str, object]) -> dict[str, object]:
    """Sub-district and community of a place; what was given stays where the map does not say."""
    area = known.region(db)
    if area is None:
        return {}
    spot = gpd.GeoSeries([point], crs=db.settings.crs)
    street = region.street_of(spot, area).iloc[0]
    inside = area.communities[area.communities.intersects(point)]
    community = str(inside["name"].iloc[0]) if len(inside) else data.get("community")
    found = {"street_office": street or data.get("street_office"), "community": community}
    return {name: value for name, value in found.items() if value}


def _asset(
    db: Database, actor: Actor, point: shapely.Point, data: Mapping[str, object], named: pd.Series | None
) -> dict[str, object]:
    """The asset that is named or stands there, and its owner."""
    asset = named if named is not None and "asset_id" in named else None
    if asset is None:
        box = (point.x - NEAR_M, point.y - NEAR_M, point.x + NEAR_M, point.y + NEAR_M)
        near = layers.read(db, "assets", bounds=box, viewer=actor)
        gaps = near.distance(point)
        asset = near.loc[gaps.idxmin()] if len(gaps) and gaps.min() <= NEAR_M else None
    if asset is None:
        return {}
    found = {"asset_ref": asset["asset_id"], "owner_of_asset": asset["owner_org"]}
    return {name: str(value) for name, value in found.items() if not data.get(name) and isinstance(value, str)}
