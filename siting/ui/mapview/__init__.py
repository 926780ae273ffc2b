"""The work map as a Streamlit component: layers in, one click out, the view kept across reruns.

Leaflet and the map's own script come from this server; layers come as tiles or as GeoJSON by
bounding box, so that a rerun sends only names and versions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from siting.maps import export, styles
from siting.maps import legend as legends
from siting.ui.text import t

HERE = Path(__file__).parent
SCRIPTS: Mapping[str, Path] = {"view.js": HERE / "view.js", "symbols.js": Path(export.__file__).with_name("symbols.js")}
Box = tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One layer of the work map; it is drawn anew only when `version` changes.

    Parameters
    ----------
    id : str
        Unique on this map; letters, digits and ``-``.
    type : str
        ``tile``, ``image`` or ``geojson``.
    version : str
        State of what is drawn.
    name : str
        In the layer switch; layers of one name are switched together; empty = always on, not listed.
    url : str
        Address of tiles (with ``{z}/{x}/{y}``), image, or GeoJSON (asked for by bounding box).
    data : mapping, optional
        GeoJSON given directly, for few features.
    styles : mapping
        Style by the feature property ``style``.
    visible, clickable, labels, whole : bool
        Shown at first; features react to the pointer; names stand on the map; fetched once instead of by bounding box.
    min_zoom, max_zoom : int, optional
        Zooms at which it is drawn.
    opacity : float
        Of tiles and images.
    """

    id: str
    type: str
    version: str
    name: str = ""
    url: str = ""
    data: Mapping[str, Any] | None = None
    styles: Mapping[str, styles.Style] = field(default_factory=dict)
    visible: bool = True
    clickable: bool = False
    labels: bool = False
    whole: bool = False
    min_zoom: int | None = None
    max_zoom: int | None = None
    opacity: float = 1.0


@dataclass(frozen=True)
class Place:
    """A place to show or mark; `version` changes when the map should go there again."""

    lat_deg: float
    lon_deg: float
    zoom: int = 17
    version: str = ""


@dataclass(frozen=True)
class Click:
    """Where somebody clicked, and the feature hit if the layer is clickable."""

    lat_deg: float
    lon_deg: float
    zoom: int
    layer: str | None
    id: str | None


def draw(
    layers: Sequence[Layer],
    *,
    key: str,
    bounds: Box,
    height_px: int = 520,
    legend: Sequence[legends.Block] = (),
    note: str = "",
    focus: Place | None = None,
    selected: Place | None = None,
    group: str = "",
) -> Click | None:
    """Draw the map and tell of a click since the last rerun.

    Parameters
    ----------
    layers : sequence of Layer
        Bottom first.
    key : str
        Name of this map; the view is remembered under it.
    bounds : tuple of float
        First view, (west, south, east, north) [deg].
    height_px : int
        Height [px].
    legend : sequence of Block
        What the colours mean.
    note : str
        Line in the corner: data date, source, 未校准.
    focus, selected : Place, optional
        Where to move when its version changes; what to ring.
    group : str
        Maps of one group move together; empty: this one moves alone.

    Returns
    -------
    Click or None
        None if nobody clicked.
    """
    west, south, east, north = bounds
    data = {
        "key": key,
        "group": group,
        "base": "",
        "script": f"/vendor/map/{version()}/view.js",
        "bounds": [[south, west], [north, east]],
        "min_zoom": 9,
        "max_zoom": 19,
        "height": height_px,
        "layers": [_plain(layer) for layer in layers],
        "legend": [asdict(block) for block in legend],
        "note": note,
        "focus": _place(focus),
        "selected": _place(selected),
        "mark": export.browser_style(styles.family("mark")["selected"]),
        "words": {
            name: t(f"ui.map.{name}") for name in ("map", "zoom_in", "zoom_out", "fullscreen", "layers", "failed")
        },
    }
    return read_click(mount(key=key, data=data))


def mount(*, key: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Put the component on the page; page tests replace this."""
    return dict(_component()(key=key, data=data, on_click_change=_nothing))


def read_click(state: Mapping[str, Any]) -> Click | None:
    """The click in what the browser sent, if it is one; anything else is ignored."""
    value = state.get("click")
    if not isinstance(value, Mapping):
        return None
    try:
        lat_deg, lon_deg, zoom = float(value["lat"]), float(value["lng"]), int(value["zoom"])
    except (KeyError, TypeError, ValueError):
        return None
    if not (abs(lat_deg) <= 90 and abs(lon_deg) <= 180):  # noqa: PLR2004 - degrees of latitude and longitude
        return None
    layer, found = value.get("layer"), value.get("id")
    return Click(lat_deg, lon_deg, zoom, str(layer) if layer else None, str(found) if found else None)


@cache
def version() -> str:
    """Changes when the map's scripts change, so that browsers may keep them for good."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in SCRIPTS.values())).hexdigest()[:12]


@cache
def _component() -> Callable[..., Mapping[str, Any]]:
    """Registered once per process; Streamlit warns about a second registration."""
    return st.components.v2.component(
        "siting_map",
        html='<div class="siting-map"></div>',
        css=_text("view.css"),
        js=_text("loader.js"),
        isolate_styles=False,
    )


@cache
def _text(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def _nothing() -> None:
    """A click needs no callback; the rerun it causes is what counts."""


def _place(place: Place | None) -> dict[str, object] | None:
    if place is None:
        return None
    return {"lat": place.lat_deg, "lng": place.lon_deg, "zoom": place.zoom, "version": place.version}


def _plain(layer: Layer) -> dict[str, Any]:
    given = {name: value for name, value in vars(layer).items() if value is not None and name != "styles"}
    return {**given, "styles": {key: export.browser_style(style) for key, style in layer.styles.items()}}
