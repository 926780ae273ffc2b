"""What is wrong with typed rows: all of it, at once."""

from collections.abc import Iterator, Mapping
from datetime import date

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from siting.assets import schema
from siting.findings import Finding, Findings
from siting.geo.region import Region, street_of

SAME_PLACE_M = 1.0
STALE_DAYS = 3 * 365
SAME_PLACE_LAYERS: Mapping[str, str] = {"assets": "class", "sites": "tower_owner"}
OPEN = ("open_free", "open_paid", "conditional")


def check(
    frame: gpd.GeoDataFrame,
    *,
    layer: str,
    region: Region | None,
    today: date,
    titles: Mapping[str, str] | None = None,
    sheet: str = "",
) -> Findings:
    """Check typed rows of a layer against the data standard and each other.

    Parameters
    ----------
    frame : GeoDataFrame
        Typed rows in the project CRS, index = row as the user sees it.
    layer : str
        Layer.
    region : Region or None
        The district, for the sub-district a row should name.
    today : date
        For rows that grow old.
    titles : mapping, optional
        Column -> heading of the file, for the findings.
    sheet : str
        Sheet for the findings.

    Returns
    -------
    Findings
        Bad data never raises.
    """
    names = titles or {}
    found = [*_required(frame, layer), *_twice(frame, layer), *_same_place(frame, layer), *_same_plate(frame, layer)]
    if layer == "assets":
        found += [*_owners(frame), *_stale(frame, today)]
    if region is not None and "street_office" in frame.columns:
        found += _streets(frame, region)
    return Findings(
        tuple(Finding(**{**vars(f), "column": names.get(f.column, f.column), "sheet": sheet}) for f in found)
    )


def _required(frame: gpd.GeoDataFrame, layer: str) -> Iterator[Finding]:
    for column in schema.importable(layer):
        if column.required and column.type != "geometry":
            for row in frame.index[frame[column.name].isna()]:
                yield Finding(code="REQUIRED", row=int(row), column=column.name, values={"title": column.title_zh})


def _twice(frame: gpd.GeoDataFrame, layer: str) -> Iterator[Finding]:
    key = schema.key_column(layer)
    given = frame[key].dropna()
    first = {value: row for row, value in reversed(list(given.items()))}
    for row, value in given[given.duplicated()].items():
        yield Finding(
            code="ID_TWICE", row=int(str(row)), column=key, value=str(value), values={"first": int(str(first[value]))}
        )


def _same_place(frame: gpd.GeoDataFrame, layer: str) -> Iterator[Finding]:
    if layer not in SAME_PLACE_LAYERS:
        return
    points = frame[(frame.geom_type == "Point") & ~frame.geometry.is_empty]
    kinds = points[SAME_PLACE_LAYERS[layer]].astype(str).to_numpy()
    shapes = points.geometry.to_numpy()
    left, right = shapely.STRtree(shapes).query(shapes, predicate="dwithin", distance=SAME_PLACE_M)
    pairs = (right < left) & (kinds[left] == kinds[right])
    for later, earlier in _first_of(left[pairs], right[pairs]):
        row, first = int(points.index[later]), int(points.index[earlier])
        yield Finding(code="SAME_PLACE", severity="warning", row=row, column="geometry", values={"first": first})


def _first_of(later: npt.NDArray[np.int64], earlier: npt.NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    pairs = pd.Series(earlier).groupby(later).min()
    return ((int(str(at)), int(first)) for at, first in pairs.items())


def _same_plate(frame: gpd.GeoDataFrame, layer: str) -> Iterator[Finding]:
    names = list(schema.alternate_keys(layer))
    given = frame[names].dropna() if names else frame.iloc[:0]
    first: dict[tuple[object, ...], int] = {}
    for row, *cells in given.itertuples():
        if not cells:
            return
        earlier = first.setdefault(tuple(cells), int(row))
        if earlier != row:
            yield Finding(
                code="SAME_PLATE",
                severity="warning",
                row=int(row),
                column=names[-1],
                value="、".join(map(str, cells)),
                values={"first": earlier},
            )


def _owners(frame: gpd.GeoDataFrame) -> Iterator[Finding]:
    nobody = frame["owner_org"].isna()
    opened = nobody & frame["open_status"].isin(OPEN)
    for row in frame.index[nobody & ~opened]:
        yield Finding(code="NO_OWNER", severity="warning", row=int(row), column="owner_org")
    for row in frame.index[opened]:
        yield Finding(
            code="OPEN_WITHOUT_OWNER", row=int(row), column="open_status", value=str(frame.loc[row, "open_status"])
        )


def _stale(frame: gpd.GeoDataFrame, today: date) -> Iterator[Finding]:
    for row, day in frame["survey_date"].dropna().items():
        if (today - day).days > STALE_DAYS:
            yield Finding(code="STALE", severity="info", row=int(str(row)), column="survey_date", value=day.isoformat())


def _streets(frame: gpd.GeoDataFrame, region: Region) -> Iterator[Finding]:
    given = frame[frame["street_office"].notna() & ~frame.geometry.is_empty]
    found = street_of(given, region)
    for row, name in found.dropna().items():
        stated = given.loc[row, "street_office"]
        if stated != name:
            yield Finding(
                code="STREET_MISMATCH",
                severity="warning",
                row=int(str(row)),
                column="street_office",
                value=stated,
                values={"found": name},
            )
