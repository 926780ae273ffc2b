"""Points as KML: WGS 84 longitude and latitude, facts as data of every point, names as text only."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree as ET

import geopandas as gpd
import pandas as pd

from siting.maps import styles
from siting.reports.workbook import plain

NAMESPACE = "http://www.opengis.net/kml/2.2"
DECIMALS = 8
FAMILY = "asset_class"
# Signs that XML cannot carry at all.
_UNFIT = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def kml(
    lonlat: gpd.GeoDataFrame,
    table: pd.DataFrame,
    *,
    title: str,
    about: Sequence[tuple[str, object]],
) -> bytes:
    """A KML document with one placemark per point.

    Parameters
    ----------
    lonlat : GeoDataFrame
        Points [deg, WGS 84] with ``name`` and ``class``, a key of the family ``asset_class`` of styles.
    table : DataFrame
        What every point carries, row by row, under the headings that people read.
    title : str
        Name of the document.
    about : sequence of (str, object)
        Label and value of what the file rests on.

    Returns
    -------
    bytes
        The file, UTF-8; it names nothing that a reader would fetch.
    """
    root = ET.Element("kml", {"xmlns": NAMESPACE})
    document = ET.SubElement(root, "Document")
    _text(document, "name", title)
    family = styles.family(FAMILY)
    for key in sorted(set(lonlat["class"]) & set(family)):
        icon = ET.SubElement(ET.SubElement(document, "Style", {"id": key}), "IconStyle")
        _text(icon, "color", _colour(family[key].fill))
    _data(document, about)
    for place, name, kind, cells in zip(
        lonlat.geometry, lonlat["name"], lonlat["class"], table.to_dict("records"), strict=True
    ):
        placemark = ET.SubElement(document, "Placemark")
        _text(placemark, "name", name)
        if kind in family:
            _text(placemark, "styleUrl", f"#{kind}")
        _data(placemark, [(str(heading), cell) for heading, cell in cells.items()])
        where = f"{place.x:.{DECIMALS}f},{place.y:.{DECIMALS}f}"
        _text(ET.SubElement(placemark, "Point"), "coordinates", where)
    ET.indent(root)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode").encode()


def _data(parent: ET.Element, cells: Sequence[tuple[str, object]]) -> None:
    held = ET.SubElement(parent, "ExtendedData")
    for heading, value in cells:
        _text(ET.SubElement(held, "Data", {"name": _fit(heading)}), "value", value)


def _text(parent: ET.Element, name: str, value: object) -> None:
    value = plain(value)
    ET.SubElement(parent, name).text = "" if value is None else _fit(str(value))


def _fit(text: str) -> str:
    return _UNFIT.sub("", text)


def _colour(fill: str) -> str:
    """KML writes colours as opacity, blue, green, red."""
    red, green, blue = styles.rgb(fill)
    return f"ff{blue:02x}{green:02x}{red:02x}"
