"""The layers that the pages' maps are made of, and places on them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from urllib.parse import quote

import geopandas as gpd
import shapely

from siting.actions import coverage_files
from siting.actions import layers as layer_actions
from siting.geo import crs as datums
from siting.maps import layers, legend, styles
from siting.ui.cached import kept
from siting.ui.drawn import Drawer
from siting.ui.mapview import Click, Layer, Place
from siting.ui.session import Desk
from siting.ui.text import t

Box = tuple[float, float, float, float]
DOTS_UP_TO_ZOOM = 14
STREET_ZOOM = 14
MOST_NARROWED = 2000


def extent(desk: Desk) -> Box:
    """The district's box (west, south, east, north) [deg]."""
    version = str(layer_actions.revision(desk.db, desk.actor, "districts"))
    return kept(desk, "extent", version, lambda: _box(layer_actions.boundary(desk.db, desk.actor)))


def background(desk: Desk) -> list[Layer]:
    """Basemap and boundaries, under everything else."""
    drawer = Drawer(desk.db, desk.actor)
    base, edges = drawer.version("basemap"), drawer.version("districts")
    return [
        Layer(
            id="basemap",
            type="tile",
            version=base,
            url=f"/tiles/basemap/{{z}}/{{x}}/{{y}}.png?v={base}-{styles.version()}",
        ),
        Layer(
            id="districts",
            type="geojson",
            version=edges,
            name=t("style.district"),
            url=f"/layers/districts?v={edges}",
            styles=styles.family("district"),
            labels=True,
            whole=True,
        ),
    ]


def crowd(desk: Desk, layer: str, *, visible: bool = True) -> list[Layer]:
    """Assets as dots far out and as features close up."""
    version = Drawer(desk.db, desk.actor).version(layer)
    spec = layers.specs()[layer]
    name = t("ui.layer.assets")
    dots = Layer(
        id=f"{layer}-dots",
        type="tile",
        version=version,
        name=name,
        url=f"/tiles/{layer}/{{z}}/{{x}}/{{y}}.png?v={version}-{styles.version()}",
        visible=visible,
        max_zoom=DOTS_UP_TO_ZOOM,
    )
    return [dots, features(desk, layer, name=name, visible=visible, min_zoom=spec.from_zoom)]


def narrowed(frame: gpd.GeoDataFrame, layer: str, *, name: str = "") -> Layer:
    """The rows that a filter has left, as features; `layer` says how they look."""
    spec = replace(layers.specs()[layer], limit=MOST_NARROWED)
    kept_rows = frame.iloc[:MOST_NARROWED]
    digest = hashlib.sha256("|".join(kept_rows[spec.key].astype(str)).encode()).hexdigest()[:16]
    return Layer(
        id=f"{layer}-narrowed",
        type="geojson",
        version=digest,
        name=name or t("ui.layer.assets"),
        data=layers.geojson(layers.to_lonlat(kept_rows), spec),
        styles=styles.family(spec.family),
        clickable=True,
    )


def features(
    desk: Desk, layer: str, *, name: str, run_id: str | None = None, visible: bool = True, min_zoom: int | None = None
) -> Layer:
    """A layer of clickable features; of a run if one is named."""
    spec = layers.specs()[layer]
    version = Drawer(desk.db, desk.actor).version(layer, run_id=run_id)
    run = f"&run={run_id}" if run_id else ""
    return Layer(
        id=layer,
        type="geojson",
        version=version,
        name=name,
        url=f"/layers/{layer}?v={version}{run}",
        styles=styles.family(spec.family),
        visible=visible,
        clickable=True,
        whole=layer == "plan",
        min_zoom=spec.from_zoom if min_zoom is None else min_zoom,
    )


def raster(kind: str, run_id: str, *, family: str, network: str = "", profile: str = "") -> Layer:
    """A raster of a run, one of `siting.ui.drawn.RASTERS`; its family of styles says what is counted.

    Parameters
    ----------
    network, profile : str
        Default those of the run.
    """
    view = coverage_files.address(run_id, network=network, profile=profile)
    return Layer(
        id=kind,
        type="tile",
        version=view,
        name=t(f"style.{family}"),
        url=f"/tiles/{kind}/{{z}}/{{x}}/{{y}}.png?run={quote(view)}&v={styles.version()}",
    )


def key(*families: str, lang: str, only: Mapping[str, Iterable[str]] | None = None) -> list[legend.Block]:
    """Legend of some families of styles; of a family named in ``only`` just the kinds that occur."""
    blocks = [legend.block(family, lang=lang, keys=(only or {}).get(family)) for family in families]
    return [block for block in blocks if block.rows]


def place(geometry: shapely.Geometry | None, crs: str, *, version: str, zoom: int = 17) -> Place | None:
    """Where a geometry of the project CRS lies, as a place on the map."""
    if geometry is None or geometry.is_empty:
        return None
    frame = gpd.GeoDataFrame(geometry=[shapely.point_on_surface(geometry)], crs=crs)
    point = layers.to_lonlat(frame).geometry.iloc[0]
    return Place(float(point.y), float(point.x), zoom, version)


def clicked(click: Click) -> Place:
    """The place of a click, to be marked."""
    return Place(click.lat_deg, click.lon_deg, click.zoom)


def metres(desk: Desk, spot: Place) -> tuple[float, float]:
    """Easting and northing [m] of a place in the project CRS."""
    frame = gpd.GeoDataFrame(geometry=[shapely.Point(spot.lon_deg, spot.lat_deg)])
    point = datums.to_project(frame, datum="wgs84", crs=desk.settings.crs).geometry.iloc[0]
    return float(point.x), float(point.y)


def street(desk: Desk, name: str | None, *, version: str) -> Place | None:
    """Where a sub-district lies; None if there is none of this name."""
    offices = _offices(desk)
    found = offices[offices["name"] == name]
    return None if found.empty else place(found.geometry.iloc[0], desk.settings.crs, version=version, zoom=STREET_ZOOM)


def street_at(desk: Desk, click: Click) -> str | None:
    """Name of the sub-district clicked into."""
    offices = _offices(desk)
    found = offices[offices.contains(shapely.Point(metres(desk, clicked(click))))]
    return None if found.empty else str(found["name"].iloc[0])


def _offices(desk: Desk) -> gpd.GeoDataFrame:
    version = str(layer_actions.revision(desk.db, desk.actor, "districts"))
    frame = kept(desk, "districts", version, lambda: layer_actions.read(desk.db, desk.actor, "districts"))
    return frame[frame["level"] == "street_office"]


def _box(frame: gpd.GeoDataFrame) -> Box:
    west, south, east, north = (float(v) for v in layers.to_lonlat(frame).total_bounds)
    return west, south, east, north
