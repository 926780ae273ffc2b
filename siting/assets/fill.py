"""What a file leaves out and the district knows: keys, defaults, source, accuracy, sub-district."""

import csv
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from siting.assets import schema
from siting.findings import Finding
from siting.geo import crs
from siting.geo.region import Region, street_of

DEGREE_M = 111_320.0
MIN_ACCURACY_M = 1.0
_DECIMALS = re.compile(r"\.(\d*?)0*$")
Alternate = tuple[object, ...]


@dataclass(frozen=True)
class Filled:
    """Rows with everything the district can add, and the findings that say so."""

    frame: gpd.GeoDataFrame
    findings: tuple[Finding, ...]


@cache
def _defaults(layer: str) -> tuple[Mapping[str, str], ...]:
    with Path(__file__).with_name("defaults.csv").open(encoding="utf-8", newline="") as file:
        return tuple(row for row in csv.DictReader(file) if row["layer"] == layer)


def fill(
    frame: gpd.GeoDataFrame, *, layer: str, name: str, region: Region | None, known: Mapping[Alternate, str]
) -> Filled:
    """Complete typed rows in the project CRS; what the file says is never touched.

    Parameters
    ----------
    frame : GeoDataFrame
        Typed rows with usable places.
    layer : str
        Layer.
    name : str
        File name, the source of rows that state none.
    region : Region or None
        The district, for the sub-district.
    known : mapping
        Alternate key -> key of rows that the store holds already.

    Returns
    -------
    Filled
        One finding per kind of completion, with its count.
    """
    out = frame.copy()
    findings: list[Finding] = []
    if "source" in out.columns:
        out["source"] = out["source"].where(out["source"].notna(), name)
    for default in _defaults(layer):
        _default(out, layer, default, findings)
    if "street_office" in out.columns:
        _street(out, region, findings)
    _keys(out, layer, known, findings)
    return Filled(out, tuple(findings))


def _default(out: gpd.GeoDataFrame, layer: str, default: Mapping[str, str], findings: list[Finding]) -> None:
    column, where = default["column"], default["where_column"]
    blank = out[column].isna() & ((out[where] == default["where_value"]) if where else True)
    if blank.any():
        out.loc[blank, column] = default["value"]
        findings.append(
            _said(
                "DEFAULTED",
                column,
                int(blank.sum()),
                default=default["value"],
                title=schema.column(layer, column).title_zh,
            )
        )


def _street(out: gpd.GeoDataFrame, region: Region | None, findings: list[Finding]) -> None:
    blank = out["street_office"].isna()
    if region is not None and not region.streets.empty:
        out["street_office"] = out["street_office"].where(~blank, street_of(out, region))
        blank = out["street_office"].isna()
    if blank.any():
        findings.append(_said("STREET_UNKNOWN", "street_office", int(blank.sum())))


def _keys(out: gpd.GeoDataFrame, layer: str, known: Mapping[Alternate, str], findings: list[Finding]) -> None:
    key = schema.key_column(layer)
    blank = out[key].isna().to_numpy()
    plates = _plates(out, layer)
    by_plate = np.array([p is not None for p in plates], dtype=bool) & blank
    by_place = blank & ~by_plate
    values = out[key].to_numpy(dtype=object, copy=True)
    values[by_plate] = [
        known.get(p) or made_id(layer, *map(str, p)) for p, use in zip(plates, by_plate, strict=True) if use and p
    ]
    values[by_place] = _place_ids(out, layer)[by_place]
    out[key] = pd.Series(values, index=out.index, dtype=object)
    if by_place.any():
        findings.append(_said("KEY_BY_PLACE", key, int(by_place.sum())))


def _plates(out: gpd.GeoDataFrame, layer: str) -> list[Alternate | None]:
    """The alternate key of each row, where it is complete and names only one row of the file."""
    names = list(schema.alternate_keys(layer))
    if not names:
        return [None] * len(out)
    alone = out[names].notna().all(axis=1) & ~out.duplicated(names, keep=False)
    return [tuple(cells) if use else None for cells, use in zip(out[names].itertuples(index=False), alone, strict=True)]


def _place_ids(out: gpd.GeoDataFrame, layer: str) -> npt.NDArray[np.object_]:
    kinds = out["class"].astype(str) if "class" in out.columns else pd.Series("", index=out.index)
    xy = shapely.get_coordinates(shapely.centroid(out.geometry.to_numpy()))
    marks = pd.Series([f"{k}|{x:.1f}|{y:.1f}" for k, (x, y) in zip(kinds, xy, strict=True)], index=out.index)
    turn = marks.groupby(marks).cumcount()
    return np.array([made_id(layer, mark, str(n)) for mark, n in zip(marks, turn, strict=True)], dtype=object)


def made_id(*parts: str) -> str:
    """The same identifier for the same parts, every time."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, "siting|" + "|".join(parts)))


def accuracy_m(frame: gpd.GeoDataFrame, *, datum: str) -> pd.Series:
    """Half a unit of the last decimal of point coordinates [m], at least 1; NaN for other shapes.

    Parameters
    ----------
    frame : GeoDataFrame
        In the file's own coordinates.
    datum : str
        Declared datum.
    """
    unit = DEGREE_M if crs.is_geographic(crs.datum_of(datum).crs) else 1.0
    points = ((frame.geom_type == "Point") & ~frame.geometry.is_empty).to_numpy()
    out = np.full(len(frame), np.nan)
    pairs = shapely.get_coordinates(frame.geometry.to_numpy()[points])
    out[points] = [max(MIN_ACCURACY_M, unit * 0.5 * 10.0 ** -_decimals(pair)) for pair in pairs.tolist()]
    return pd.Series(out, index=frame.index)


def _decimals(pair: Iterable[float]) -> int:
    return max(len(match[1]) if (match := _DECIMALS.search(repr(value))) else 0 for value in pair)


def _said(code: str, column: str, n: int, **values: object) -> Finding:
    return Finding(code=code, severity="info", column=column, values={"n": n, **values})
