"""One table of colours and symbols for browser, tiles, legend and exported files.

Categories use the Okabe-Ito palette and always a shape beside the colour, so that no meaning
hangs on colour alone; classed rasters run along viridis and a dark-to-light orange.
"""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from siting.errors import BadInput

TABLE = Path(__file__).with_name("styles.csv")
NONE = "none"


@dataclass(frozen=True)
class Style:
    """How one kind of thing is drawn.

    Parameters
    ----------
    family, key : str
        What is styled, e.g. ``asset_class``, ``street_light``.
    label : str
        Catalogue key of the name that legend and tables show; empty where none is shown.
    lower, upper : float or None
        Class limits of a raster family, lower inclusive.
    fill, stroke : str
        ``#RRGGBB`` or ``none``.
    shape : str
        circle, square, triangle, diamond, star, ring, line, polygon, cell or hatch.
    size_px : float
        Radius or line width at zoom 16 [px].
    opacity : float
        Of the fill, 0..1.
    """

    family: str
    key: str
    label: str
    lower: float | None
    upper: float | None
    fill: str
    stroke: str
    shape: str
    size_px: float
    opacity: float


@cache
def table() -> tuple[Style, ...]:
    """Every row of the table, in its order."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return tuple(_style(row) for row in csv.DictReader(file))


@cache
def version() -> str:
    """Changes with the table: what was drawn in other colours, on disk or in a browser, is drawn anew."""
    return hashlib.sha256(TABLE.read_bytes()).hexdigest()[:8]


def family(name: str) -> dict[str, Style]:
    """All styles of one family by key.

    Raises
    ------
    BadInput
        If there is no such family.
    """
    found = {style.key: style for style in table() if style.family == name}
    if not found:
        raise BadInput("maps.family", value=name, known=", ".join(sorted({style.family for style in table()})))
    return found


def gap_family(measure: str) -> str:
    """Family of a gap raster: people per cell, or square metres where a district has no people layer.

    >>> gap_family("persons"), gap_family("area_m2")
    ('gap', 'gap_area')
    """
    return "gap" if measure == "persons" else "gap_area"


def rgb(colour: str) -> tuple[int, int, int]:
    """``#RRGGBB`` as three numbers 0..255.

    >>> rgb("#0072B2")
    (0, 114, 178)
    """
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def colourise(values: npt.ArrayLike, name: str) -> npt.NDArray[np.uint8]:
    """Colour a raster by the classes of a family.

    Parameters
    ----------
    values : array_like
        In the unit of the family's limits; NaN and values outside every class stay transparent.
    name : str
        A family with class limits: ``rsrp`` [dBm], ``gap`` [persons per cell], ``gap_area`` [m² per cell],
        ``probability`` and ``unknown`` [0..1], ``sinr`` [dB], ``state``, ``server`` [code].

    Returns
    -------
    ndarray of uint8, shape (..., 4)
        Red, green, blue, alpha.
    """
    array = np.asarray(values, float)
    image = np.zeros((*array.shape, 4), np.uint8)
    for style in family(name).values():
        if style.lower is not None and style.upper is not None:
            image[(array >= style.lower) & (array < style.upper)] = (*rgb(style.fill), round(255 * style.opacity))
    return image


def _style(row: dict[str, str]) -> Style:
    return Style(
        family=row["family"],
        key=row["key"],
        label=row["label"],
        lower=float(row["lower"]) if row["lower"] else None,
        upper=float(row["upper"]) if row["upper"] else None,
        fill=row["fill"],
        stroke=row["stroke"],
        shape=row["shape"],
        size_px=float(row["size_px"]),
        opacity=float(row["opacity"]),
    )
