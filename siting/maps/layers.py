"""Frames of the store as GeoJSON for a browser: longitude and latitude, few properties, text as data only."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely
from shapely.geometry import mapping

from siting.errors import BadInput
from siting.geo import crs as datums

DECIMALS = 6
TABLE = Path(__file__).with_name("layers.csv")
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Spec:
    """How one layer becomes features: which columns give id, name and style, and from which zoom it is sent.

    Parameters
    ----------
    layer, key, label, family, style : str
        Name; columns of id and name; family of styles and the column that holds its key.
    from_zoom : int
        Below it the layer is shown as dots or not at all.
    limit : int
        Most features in one answer.
    columns : tuple of str
        Further columns sent.
    """

    layer: str
    key: str
    label: str
    family: str
    style: str
    from_zoom: int
    limit: int
    columns: tuple[str, ...]


@cache
def specs() -> Mapping[str, Spec]:
    """The table of layers by name."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return MappingProxyType({row["layer"]: _spec(row) for row in rows})


def _spec(row: dict[str, str]) -> Spec:
    return Spec(
        layer=row["layer"],
        key=row["key"],
        label=row["label"],
        family=row["family"],
        style=row["style"],
        from_zoom=int(row["from_zoom"]),
        limit=int(row["limit"]),
        columns=tuple(row["columns"].split()),
    )


def to_lonlat(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """A frame of the project CRS in WGS 84 longitude and latitude, as browsers draw it."""
    if frame.empty:
        return frame.set_crs("EPSG:4326", allow_override=True)
    return datums.from_project(frame, datum="wgs84", crs=str(frame.crs))


def parse_box(text: str) -> Box:
    """``west,south,east,north`` [deg] as four numbers.

    Raises
    ------
    BadInput
        If it is anything else, or the box is empty or not on earth.
    """
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError as error:
        raise BadInput("maps.box", value=text[:80]) from error
    if not all(map(math.isfinite, (west, south, east, north))) or west >= east or south >= north:
        raise BadInput("maps.box", value=text[:80])
    return max(west, -180.0), max(south, -90.0), min(east, 180.0), min(north, 90.0)


def geojson(frame: gpd.GeoDataFrame, spec: Spec) -> dict[str, Any]:
    """A frame as a GeoJSON FeatureCollection with the properties ``id``, ``label``, ``style`` and chosen columns.

    Parameters
    ----------
    frame : GeoDataFrame
        In longitude and latitude (see `to_lonlat`); an absent column gives empty text.
    spec : Spec
        Which columns; past its limit features are left out and the member ``cut`` is true.
    """
    kept = frame.iloc[: spec.limit]
    shapes = shapely.set_precision(kept.geometry.to_numpy(), 10.0**-DECIMALS, mode="pointwise")
    wanted = {"id": spec.key, "label": spec.label, "style": spec.style, **{name: name for name in spec.columns}}
    cells = {name: kept[column].tolist() for name, column in wanted.items() if column in kept.columns}
    features = [
        {
            "type": "Feature",
            "geometry": mapping(shape),
            "properties": {name: plain(cells[name][i]) if name in cells else "" for name in wanted},
        }
        for i, shape in enumerate(shapes)
        if shape is not None and not shape.is_empty
    ]
    return {"type": "FeatureCollection", "features": features, "cut": len(frame) > spec.limit}


def plain(value: object) -> str | int | float | bool | None:
    """One cell as JSON can carry it; unknown is null, never 0."""
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if hasattr(value, "item"):
        return plain(value.item())
    return value if isinstance(value, str | int | float | bool) else str(value)
