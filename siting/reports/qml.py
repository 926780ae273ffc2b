"""Layer styles that QGIS applies by itself: the table of styles written as QML.

QGIS reads the style of a GeoPackage layer from the table ``layer_styles`` of the same file, and of a Shapefile from a
file ``NAME.qml`` beside it.  The elements follow what QGIS 3 writes; every property is given twice, as ``Option`` (new
versions) and as ``prop`` (before 3.20).
"""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree import ElementTree as ET

import pandas as pd

from siting import words
from siting.maps import styles
from siting.maps.styles import NONE, Style

HEAD = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
VERSION = "3.28.0"
# Screen pixels of the table as millimetres on the map of a desktop program.
MM_PER_PX = 25.4 / 96
#: Name under which QGIS knows a shape of the table.
MARKERS: Mapping[str, str] = {"ring": "circle"}
LINE_MM = 0.3
TEXT_MM = 3.0
BESIDE_MM = 2.5


def categories(family: str, column: str, *, geometry: str = "marker", label: str = "", lang: str) -> str:
    """QML that draws the values of a text column as a family of the table of styles.

    Parameters
    ----------
    family : str
        Family of `siting.maps.styles.table`; its keys are the values.
    column : str
        Column of the layer.
    geometry : str
        ``marker`` for points, ``line``, or ``fill`` for areas.
    label : str
        Column whose text stands beside the features; empty for none.
    lang : str
        Language of the legend.
    """
    kinds = list(styles.family(family).values())
    root, renderer = _document("categorizedSymbol", column, label=label)
    listed = ET.SubElement(renderer, "categories")
    for place, style in enumerate(kinds):
        told = {"symbol": str(place), "value": style.key, "label": _title(style, lang), "render": "true"}
        ET.SubElement(listed, "category", told)
    return _written(root, renderer, kinds, geometry)


def classes(family: str, column: str, *, geometry: str = "fill", lang: str) -> str:
    """QML that draws a column of numbers in the classes of a raster family, lower limit inclusive."""
    kinds = [style for style in styles.family(family).values() if style.lower is not None]
    root, renderer = _document("graduatedSymbol", column, graduatedMethod="GraduatedColor")
    listed = ET.SubElement(renderer, "ranges")
    for place, style in enumerate(kinds):
        limits = {"lower": repr(style.lower), "upper": repr(style.upper)}
        ET.SubElement(listed, "range", {"symbol": str(place), **limits, "label": _title(style, lang), "render": "true"})
    return _written(root, renderer, kinds, geometry)


def pointers(family: str, key: str, *, turn: str) -> str:
    """QML that draws one symbol for all, beside its point and turned by a column of azimuths [deg]."""
    root, renderer = _document("singleSymbol", "")
    return _written(root, renderer, [styles.family(family)[key]], "marker", turn=turn)


def layer_styles(qml: Mapping[str, str], *, as_of: pd.Timestamp) -> pd.DataFrame:
    """The table ``layer_styles`` of a GeoPackage: one style per layer, used by default.

    Parameters
    ----------
    qml : mapping
        Layer -> QML.
    as_of : Timestamp
        Time of change written into the table.
    """
    rows = [
        {
            "f_table_catalog": "",
            "f_table_schema": "",
            "f_table_name": layer,
            "f_geometry_column": "geom",
            "styleName": layer,
            "styleQML": text,
            "styleSLD": "",
            "useAsDefault": True,
            "description": layer,
            "owner": "",
            "ui": "",
            "update_time": as_of,
        }
        for layer, text in qml.items()
    ]
    return pd.DataFrame(rows)


def _document(kind: str, column: str, *, label: str = "", **more: str) -> tuple[ET.Element, ET.Element]:
    root = ET.Element(
        "qgis",
        {"version": VERSION, "styleCategories": "Symbology|Labeling", "labelsEnabled": "1" if label else "0"},
    )
    fixed = {"symbollevels": "0", "enableorderby": "0", "forceraster": "0"}
    named = {"attr": column} if column else {}
    renderer = ET.SubElement(root, "renderer-v2", {"type": kind, **named, **fixed, **more})
    if label:
        _labels(root, label)
    return root, renderer


def _labels(root: ET.Element, column: str) -> None:
    settings = ET.SubElement(ET.SubElement(root, "labeling", {"type": "simple"}), "settings")
    told = {"fieldName": column, "fontSize": f"{TEXT_MM:g}", "fontSizeUnit": "MM", "textColor": "27,27,27,255"}
    text = ET.SubElement(settings, "text-style", told)
    halo = {"bufferDraw": "1", "bufferSize": "0.7", "bufferSizeUnits": "MM", "bufferColor": "255,255,255,255"}
    ET.SubElement(text, "text-buffer", halo)
    ET.SubElement(settings, "placement", {"placement": "6", "dist": "1", "distUnits": "MM"})


def _written(root: ET.Element, renderer: ET.Element, kinds: list[Style], geometry: str, *, turn: str = "") -> str:
    drawn = ET.SubElement(renderer, "symbols")
    for place, style in enumerate(kinds):
        told = {"type": geometry, "name": str(place), "alpha": f"{style.opacity or 1:g}", "clip_to_extent": "1"}
        _symbol(ET.SubElement(drawn, "symbol", {**told, "force_rhr": "0"}), style, geometry, turn=turn)
    ET.indent(root)
    return HEAD + ET.tostring(root, encoding="unicode")


def _symbol(symbol: ET.Element, style: Style, geometry: str, *, turn: str) -> None:
    names = {"marker": "SimpleMarker", "line": "SimpleLine", "fill": "SimpleFill"}
    layer = ET.SubElement(symbol, "layer", {"class": names[geometry], "enabled": "1", "pass": "0", "locked": "0"})
    options = ET.SubElement(layer, "Option", {"type": "Map"})
    beside = {"offset": f"0,-{BESIDE_MM:g}", "offset_unit": "MM"} if turn else {}
    for name, value in {**_properties(style, geometry), **beside}.items():
        ET.SubElement(options, "Option", {"type": "QString", "name": name, "value": value})
        ET.SubElement(layer, "prop", {"k": name, "v": value})
    if turn:
        _turned(layer, turn)


def _turned(layer: ET.Element, column: str) -> None:
    """The angle of a symbol follows a column."""
    held = ET.SubElement(ET.SubElement(layer, "data_defined_properties"), "Option", {"type": "Map"})
    ET.SubElement(held, "Option", {"type": "QString", "name": "name", "value": ""})
    named = ET.SubElement(held, "Option", {"type": "Map", "name": "properties"})
    angle = ET.SubElement(named, "Option", {"type": "Map", "name": "angle"})
    for kind, name, value in (("bool", "active", "true"), ("QString", "field", column), ("int", "type", "2")):
        ET.SubElement(angle, "Option", {"type": kind, "name": name, "value": value})
    ET.SubElement(held, "Option", {"type": "QString", "name": "type", "value": "collection"})


def _properties(style: Style, geometry: str) -> dict[str, str]:
    fill, stroke = _colour("none" if style.shape == "ring" else style.fill), _colour(style.stroke)
    if geometry == "line":
        colour = _colour(style.fill if style.stroke == NONE else style.stroke)
        return {"line_color": colour, "line_style": "solid", "line_width": f"{LINE_MM:g}", "line_width_unit": "MM"}
    outline = {"outline_color": stroke, "outline_width": f"{LINE_MM:g}", "outline_width_unit": "MM"}
    if geometry == "fill":
        edge = "no" if style.stroke == NONE else "solid"
        return {"color": fill, "style": "no" if style.fill == NONE else "solid", "outline_style": edge, **outline}
    size = f"{2 * style.size_px * MM_PER_PX:.2f}"
    shape = MARKERS.get(style.shape, style.shape)
    return {"name": shape, "color": fill, "outline_style": "solid", **outline, "size": size, "size_unit": "MM"}


def _colour(text: str) -> str:
    """``#RRGGBB`` or none as QGIS writes colours."""
    if text == NONE:
        return "0,0,0,0"
    return ",".join(str(part) for part in (*styles.rgb(text), 255))


def _title(style: Style, lang: str) -> str:
    return words.say(style.label, lang=lang) if style.label else style.key
