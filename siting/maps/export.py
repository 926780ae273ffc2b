"""Maps that leave the system: one HTML file that opens on a machine without internet.

folium and branca render text and then parse the result as a template once more, so that a name
such as ``{{7*7}}`` would be evaluated.  Therefore nothing written by people passes through their
templates: it travels as JSON and reaches the page as ``textContent``; and `disarm` replaces the
second parse by one that returns its text unchanged.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import branca.element
import folium
import numpy as np
from PIL import Image

from siting.maps import vendor
from siting.maps.legend import Block
from siting.maps.mercator import TILE_PX, Tile, tile_xy
from siting.maps.styles import Style

Box = tuple[float, float, float, float]
HERE = Path(__file__).parent
MAX_TILES = 24
_ESCAPES = {ord(sign): f"&#{ord(sign)};" for sign in "&<>\"'\\`${}"}
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"')
_RISKY = re.compile("[<>&{}$`'%#\u2028\u2029]")


@dataclass(frozen=True)
class Picture:
    """An image under the features, its edges on a Web-Mercator map.

    Parameters
    ----------
    png : bytes
        The image.
    bounds : tuple of float
        (west, south, east, north) [deg].
    """

    png: bytes
    bounds: Box


@dataclass(frozen=True)
class Features:
    """A layer of features with what their popups show.

    Parameters
    ----------
    name : str
        As the layer switch shows it.
    data : mapping
        GeoJSON of `siting.maps.layers.geojson`.
    styles : mapping
        Style by key.
    columns : tuple of (str, str)
        Property and title of every line of the popup.
    labels : bool
        Whether names stand on the map.
    """

    name: str
    data: Mapping[str, Any]
    styles: Mapping[str, Style]
    columns: tuple[tuple[str, str], ...] = ()
    labels: bool = False


@dataclass(frozen=True)
class Choice:
    """Pictures of which one is shown at a time, the first to begin with.

    Parameters
    ----------
    name : str
        What is chosen, as the panel calls it.
    pictures : tuple of (str, Picture or None)
        Word and picture; None shows none.
    """

    name: str
    pictures: tuple[tuple[str, Picture | None], ...]


@dataclass(frozen=True)
class Sheet:
    """Everything on one exported map; `notes` are the lines on date, source and how far the figures can be trusted."""

    title: str
    notes: tuple[str, ...]
    bounds: Box
    pictures: tuple[Picture, ...]
    features: tuple[Features, ...]
    legend: tuple[Block, ...]
    choice: Choice | None = None


def escape(text: str) -> str:
    """Text that stays text in HTML, in a script's template literal and in a template engine.

    >>> escape("{{7*7}}")
    '&#123;&#123;7*7&#125;&#125;'
    """
    return text.translate(_ESCAPES)


def script_json(value: object) -> str:
    r"""A value as JSON that cannot end a script element, open a template or a template literal.

    >>> print(script_json("</script>${1}"))
    "\u003c/script\u003e\u0024\u007b1\u007d"
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(", ", ": "))
    return _TOKEN.sub(lambda token: _RISKY.sub(lambda sign: f"\\u{ord(sign[0]):04x}", token[0]), text)


def disarm() -> None:
    """Replace branca's second parse of rendered text by one that returns the text as it is; harmless to repeat."""
    branca.element.MacroElement.render = _render_once


def picture(bounds: Box, draw: Callable[[Tile], bytes], *, max_tiles: int = MAX_TILES) -> Picture:
    """A picture of an area, put together from tiles at the finest zoom that needs no more than so many.

    Parameters
    ----------
    bounds : tuple of float
        (west, south, east, north) [deg].
    draw : callable
        Draws one tile as PNG.
    max_tiles : int
        Upper limit of the number of tiles.
    """
    zoom, columns, rows = _cover(bounds, max_tiles)
    whole = Image.new("RGBA", (len(columns) * TILE_PX, len(rows) * TILE_PX))
    for i, x in enumerate(columns):
        for j, y in enumerate(rows):
            tile = Image.open(BytesIO(draw(Tile(zoom, x, y)))).convert("RGBA")
            whole.paste(tile, (i * TILE_PX, j * TILE_PX))
    buffer = BytesIO()
    whole.quantize(128).save(buffer, "PNG", optimize=True)
    first, last = Tile(zoom, columns[0], rows[0]).bounds, Tile(zoom, columns[-1], rows[-1]).bounds
    return Picture(buffer.getvalue(), (first[0], last[1], last[2], first[3]))


def standalone(sheet: Sheet) -> bytes:
    """The map as one HTML file, UTF-8, Leaflet and all pictures inside.

    Parameters
    ----------
    sheet : Sheet
        What is on it; texts may hold anything.
    """
    disarm()
    west, south, east, north = sheet.bounds
    page = folium.Map(
        location=[(south + north) / 2, (west + east) / 2],
        tiles=None,
        prefer_canvas=True,
        font_size="0.8rem",
        zoom_control=True,
    )
    page.default_js, page.default_css = [], []
    for item in sheet.pictures:
        folium.raster_layers.ImageOverlay(
            _address(item),
            bounds=_corners(item.bounds),
            pixelated=False,
            control=False,
        ).add_to(page)
    page.add_child(_Content(_script(sheet, page.get_name())))
    figure = page.get_root()
    figure.header.add_child(_Literal(_head(sheet.title)), name="siting_head")
    return str(figure.render()).encode("utf-8")


class _Literal(branca.element.Element):
    """Text that goes into the page as it is."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def render(self, **_: object) -> str:
        return self._text


class _Content(branca.element.MacroElement):
    """The last child of the map: its script runs when everything else is there."""

    def __init__(self, script: str) -> None:
        super().__init__()
        self._script = script

    def render(self, **_: object) -> None:
        self.get_root().script.add_child(_Literal(self._script), name="siting_content")


def _render_once(self: branca.element.MacroElement, **kwargs: object) -> None:
    """What `MacroElement.render` does, but rendered text is final."""
    figure = self.get_root()
    macros = self._template.module.__dict__
    for part in ("header", "html", "script"):
        if macros.get(part) is not None:
            getattr(figure, part).add_child(_Literal(str(macros[part](self, kwargs))), name=self.get_name())
    for child in self._children.values():
        child.render(**kwargs)


def _head(title: str) -> str:
    css = vendor.stylesheet_inline() + (HERE / "standalone.css").read_text(encoding="utf-8")
    return f"<title>{escape(title)}</title><style>{css}</style><script>{vendor.read('leaflet.js').decode()}</script>"


def _address(item: Picture) -> str:
    return "data:image/png;base64," + base64.b64encode(item.png).decode()


def _corners(bounds: Box) -> list[list[float]]:
    west, south, east, north = bounds
    return [[south, west], [north, east]]


def _choices(choice: Choice | None) -> dict[str, Any] | None:
    if choice is None:
        return None
    shown = [
        {"name": name, **({} if item is None else {"url": _address(item), "bounds": _corners(item.bounds)})}
        for name, item in choice.pictures
    ]
    return {"name": choice.name, "pictures": shown}


def _script(sheet: Sheet, map_name: str) -> str:
    content = {
        "title": sheet.title,
        "notes": list(sheet.notes),
        "bounds": _corners(sheet.bounds),
        "choice": _choices(sheet.choice),
        "legend": [asdict(block) for block in sheet.legend],
        "layers": [
            {
                "name": layer.name,
                "data": layer.data,
                "styles": {key: browser_style(style) for key, style in layer.styles.items()},
                "columns": [{"key": key, "title": title} for key, title in layer.columns],
                "labels": layer.labels,
            }
            for layer in sheet.features
        ],
    }
    symbols = (HERE / "symbols.js").read_text(encoding="utf-8").replace("export function", "function")
    code = symbols + (HERE / "standalone.js").read_text(encoding="utf-8")
    return f"{code}\nsitingStandalone({map_name}, {script_json(content)}, symbols);"


def browser_style(style: Style) -> dict[str, str | float]:
    """A style as the browser's drawing code reads it."""
    return {
        "shape": style.shape,
        "fill": style.fill,
        "stroke": style.stroke,
        "size": style.size_px,
        "opacity": style.opacity,
    }


def _cover(bounds: Box, max_tiles: int) -> tuple[int, range, range]:
    west, south, east, north = bounds
    for zoom in range(18, 0, -1):
        x, y = tile_xy(np.array([west, east]), np.array([north, south]), zoom=zoom)
        columns, rows = range(int(x[0]), int(x[1]) + 1), range(int(y[0]), int(y[1]) + 1)
        if len(columns) * len(rows) <= max_tiles:
            return zoom, columns, rows
    return 0, range(1), range(1)
