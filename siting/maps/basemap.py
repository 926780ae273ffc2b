"""The background map, drawn from the district's own vectors: ground, green, water, rail, buildings, roads.

No tile server is asked and no font is needed: names are drawn by the browser.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from PIL import Image, ImageDraw

from siting.maps import styles
from siting.maps.mercator import TILE_PX, Tile, tile_xy

TABLE = Path(__file__).with_name("basemap.csv")
OVERSAMPLING = 2
CASING_FROM_ZOOM = 14
_REFERENCE_ZOOM = 16
_WIDTH_PER_ZOOM = 1.6
_SIMPLE_UP_TO_ZOOM = 14
_REACH = 0.06


@dataclass(frozen=True)
class Rule:
    """When and in which order one kind of thing is drawn."""

    key: str
    order: int
    from_zoom: int
    width_floor_px: float


@dataclass(frozen=True)
class Theme:
    """All shapes of one kind, in fractional tile coordinates of zoom 0, with an index over them."""

    rule: Rule
    shapes: npt.NDArray[np.object_]
    tree: shapely.STRtree


@dataclass(frozen=True)
class Basemap:
    """The district's vectors, prepared for drawing any tile."""

    themes: tuple[Theme, ...]


@cache
def rules() -> tuple[Rule, ...]:
    """The table of kinds, bottom first."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        found = [
            Rule(row["key"], int(row["order"]), int(row["from_zoom"]), float(row["width_floor_px"]))
            for row in csv.DictReader(file)
        ]
    return tuple(sorted(found, key=lambda rule: rule.order))


def prepare(layers: Mapping[str, gpd.GeoDataFrame]) -> Basemap:
    """Bring the district's vectors into the plane of the tiles, once per version of the data.

    Parameters
    ----------
    layers : mapping
        ``landcover`` (column ``kind``), ``buildings``, ``roads`` (column ``class``), each in longitude and
        latitude (EPSG:4326); absent layers are simply not drawn.
    """
    kinds = {**_by(layers.get("landcover"), "kind"), **_by(layers.get("roads"), "class")}
    buildings = layers.get("buildings")
    if buildings is not None:
        kinds["building"] = np.asarray(buildings.geometry.array)
    themes = []
    for rule in rules():
        shapes = _to_plane(kinds.get(rule.key, np.array([], dtype=object)))
        themes.append(Theme(rule, shapes, shapely.STRtree(shapes)))
    return Basemap(tuple(themes))


def draw(basemap: Basemap, tile: Tile) -> bytes:
    """One tile as PNG.

    Parameters
    ----------
    basemap : Basemap
        From `prepare`.
    tile : Tile
        Which tile.
    """
    side = TILE_PX * OVERSAMPLING
    image = Image.new("RGB", (side, side), styles.family("basemap")["ground"].fill)
    pen = ImageDraw.Draw(image)
    for theme in basemap.themes:
        if tile.z >= theme.rule.from_zoom:
            _draw_theme(pen, theme, tile)
    return png(image.reduce(OVERSAMPLING).quantize(64))


def png(image: Image.Image) -> bytes:
    """An image as PNG bytes."""
    buffer = BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _by(frame: gpd.GeoDataFrame | None, column: str) -> dict[str, npt.NDArray[np.object_]]:
    if frame is None or frame.empty:
        return {}
    return {str(key): np.asarray(group.geometry.array) for key, group in frame.groupby(column)}


def _to_plane(shapes: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    def moved(coordinates: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.column_stack(tile_xy(coordinates[:, 0], coordinates[:, 1], zoom=0))

    kept = shapes[~(shapely.is_missing(shapes) | shapely.is_empty(shapes))] if len(shapes) else shapes
    parts = shapely.get_parts(shapely.transform(kept, moved)) if len(kept) else kept
    return np.asarray(parts, dtype=object)


def _draw_theme(pen: ImageDraw.ImageDraw, theme: Theme, tile: Tile) -> None:
    style = styles.family("basemap")[theme.rule.key]
    shapes = _near(theme, tile)
    if style.shape == "polygon":
        for shape in shapes:
            _draw_polygon(pen, shape, tile, style)
        return
    width = max(theme.rule.width_floor_px, style.size_px * _WIDTH_PER_ZOOM ** (tile.z - _REFERENCE_ZOOM)) * OVERSAMPLING
    lines = [_pixels(shapely.get_coordinates(shape), tile) for shape in shapes]
    if style.stroke != styles.NONE and tile.z >= CASING_FROM_ZOOM:
        for line in lines:
            pen.line(line, fill=style.stroke, width=round(width) + 2 * OVERSAMPLING, joint="curve")
    for line in lines:
        pen.line(line, fill=style.fill, width=max(1, round(width)), joint="curve")


def _near(theme: Theme, tile: Tile) -> npt.NDArray[np.object_]:
    scale = 2.0**-tile.z
    west, north = tile.x - _REACH, tile.y - _REACH
    box = shapely.box(west * scale, north * scale, (tile.x + 1 + _REACH) * scale, (tile.y + 1 + _REACH) * scale)
    shapes = theme.shapes[np.sort(theme.tree.query(box))]
    if tile.z > _SIMPLE_UP_TO_ZOOM or not len(shapes):
        return shapes
    return np.asarray(shapely.simplify(shapes, 0.5 * scale / TILE_PX, preserve_topology=False), dtype=object)


def _draw_polygon(pen: ImageDraw.ImageDraw, shape: shapely.Geometry, tile: Tile, style: styles.Style) -> None:
    if not isinstance(shape, shapely.Polygon) or shape.is_empty:
        return
    outline = style.stroke if style.stroke != styles.NONE and tile.z > CASING_FROM_ZOOM else None
    pen.polygon(_pixels(np.asarray(shape.exterior.coords), tile), fill=style.fill, outline=outline)
    for hole in shape.interiors:
        pen.polygon(_pixels(np.asarray(hole.coords), tile), fill=styles.family("basemap")["ground"].fill)


def _pixels(plane: npt.NDArray[np.float64], tile: Tile) -> list[tuple[float, float]]:
    places = (plane[:, :2] * 2.0**tile.z - (tile.x, tile.y)) * (TILE_PX * OVERSAMPLING)
    return [(float(x), float(y)) for x, y in places]
