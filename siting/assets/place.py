"""Where a file's rows lie: made valid, brought into the project, inside the district or not."""

from collections.abc import Iterator
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from siting.assets import schema
from siting.findings import Finding
from siting.geo import crs
from siting.geo.region import Region, outside_m

NEAR_M = 1000.0
MAX_AREA_CHANGE = 0.01
MAX_LON_DEG, MAX_LAT_DEG = 180.0, 90.0
ZERO = 1e-9
MAX_METRES = 1e8


@dataclass(frozen=True, kw_only=True)
class Placed:
    """Rows in the project CRS; a row whose place is unusable has an empty shape and an error.

    Parameters
    ----------
    frame : GeoDataFrame
        In the project CRS, on the caller's index.
    findings : tuple of Finding
        What was repaired, broken or misplaced.
    """

    frame: gpd.GeoDataFrame
    findings: tuple[Finding, ...]


def place(
    frame: gpd.GeoDataFrame, *, layer: str, datum: str, project: str, region: Region | None, sheet: str = ""
) -> Placed:
    """Bring rows into the project CRS and check where they lie.

    Parameters
    ----------
    frame : GeoDataFrame
        In the file's own coordinates, index = row as the user sees it.
    layer, datum, project : str
        Layer, declared datum, project CRS.
    region : Region or None
        The district; without one nobody can say what is outside.
    sheet : str
        Sheet for the findings.
    """
    findings: list[Finding] = []
    sound = _sound(frame, layer, datum, findings, sheet)
    problem = crs.axes_problem(sound[~sound.geometry.is_empty], datum=datum)
    if problem:
        severity = "warning" if problem == "AXES_SWAPPED" else "error"
        findings.append(
            Finding(code=problem, severity=severity, column="geometry", sheet=sheet, values={"datum": datum})
        )
    if problem == "AXES_SWAPPED":
        sound = sound.set_geometry(swapped(sound.geometry))
    moved = crs.to_project(sound, datum=datum, crs=project)
    repaired, more = repair(moved, layer=layer, sheet=sheet)
    findings += more
    if region is not None and not problem:
        findings += _outside(repaired, sound, datum, project, region, sheet)
    return Placed(frame=repaired, findings=tuple(findings))


def swapped(shapes: gpd.GeoSeries) -> gpd.GeoSeries:
    """The same shapes with x and y exchanged."""
    return gpd.GeoSeries(shapely.transform(shapes.to_numpy(), lambda xy: xy[:, ::-1]), index=shapes.index)


def _sound(frame: gpd.GeoDataFrame, layer: str, datum: str, findings: list[Finding], sheet: str) -> gpd.GeoDataFrame:
    """Only finite places on earth; the others become empty with an error."""
    shapes = frame.geometry.to_numpy()
    blank = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    box = shapely.bounds(np.where(blank, shapely.Point(1, 1), shapes))
    geographic = crs.is_geographic(crs.datum_of(datum).crs)
    limits = (MAX_LON_DEG, MAX_LAT_DEG) if geographic else (MAX_METRES, MAX_METRES)
    beyond = (
        ~np.isfinite(box).all(axis=1)
        | (np.abs(box[:, [0, 2]]) > limits[0]).any(axis=1)
        | (np.abs(box[:, [1, 3]]) > limits[1]).any(axis=1)
    )
    zero = (np.abs(box) < ZERO).all(axis=1)
    told = {f.row for f in findings}
    findings += [
        _at(f, "REQUIRED", sheet, title=schema.column(layer, "geometry").title_zh)
        for f in frame.index[blank]
        if f not in told
    ]
    findings += [_at(f, "ZERO_POINT", sheet) for f in frame.index[zero & ~blank]]
    exchangeable = np.nan_to_num(np.abs(box), nan=np.inf).max(axis=1) <= limits[0]
    for row, fits in zip(frame.index[beyond & ~blank], exchangeable[beyond & ~blank], strict=True):
        findings.append(_at(row, "LONLAT_SWAPPED" if fits and geographic else "OUTSIDE_WORLD", sheet))
    bad = blank | zero | beyond
    return frame.set_geometry(gpd.GeoSeries(np.where(bad, shapely.Point(), shapes), index=frame.index))


def _at(row: object, code: str, sheet: str, severity: str = "error", **values: object) -> Finding:
    return Finding(code=code, severity=severity, row=int(str(row)), column="geometry", sheet=sheet, values=values)


def repair(frame: gpd.GeoDataFrame, *, layer: str, sheet: str = "") -> tuple[gpd.GeoDataFrame, tuple[Finding, ...]]:
    """Make shapes valid where that changes their area by at most 1 %, and refuse shapes the layer does not hold.

    Parameters
    ----------
    frame : GeoDataFrame
        In a metric CRS.
    layer : str
        Layer; its column table names the allowed shapes.
    sheet : str
        Sheet for the findings.

    Returns
    -------
    tuple of GeoDataFrame and findings
        Rows that stay broken have an empty shape and an error.
    """
    crs.require_metric(frame)
    shapes = frame.geometry.to_numpy()
    invalid = ~shapely.is_valid(shapes)
    fixed = shapes.copy()
    fixed[invalid] = [_same_dimension(s) for s in shapes[invalid]]
    area, after = shapely.area(shapes), shapely.area(fixed)
    lost = invalid & (shapely.is_empty(fixed) | (np.abs(after - area) > MAX_AREA_CHANGE * np.maximum(area, after)))
    kinds = {term.code for term in schema.vocabulary(schema.column(layer, "geometry").vocab)}
    empty = shapely.is_empty(shapes)
    wrong = np.array([s.geom_type not in kinds for s in fixed], dtype=bool) & ~empty & ~lost
    findings = [_at(r, "GEOM_BROKEN", sheet) for r in frame.index[lost]]
    findings += [_at(r, "GEOM_REPAIRED", sheet, "warning", what="valid") for r in frame.index[invalid & ~lost]]
    allowed = ", ".join(sorted(kinds))
    findings += [
        _at(r, "GEOM_KIND", sheet, kind=s.geom_type, allowed=allowed)
        for r, s in zip(frame.index[wrong], fixed[wrong], strict=True)
    ]
    whole = gpd.GeoSeries(np.where(lost | wrong, shapely.Point(), fixed), index=frame.index, crs=frame.crs)
    return frame.set_geometry(whole), tuple(findings)


def _same_dimension(shape: shapely.Geometry) -> shapely.Geometry:
    made = shapely.make_valid(shape)
    parts = [p for p in shapely.get_parts(made) if shapely.get_dimensions(p) == shapely.get_dimensions(shape)]
    flat = shapely.get_parts(np.array(parts, dtype=object)) if parts else []
    return (
        made
        if len(shapely.get_parts(made)) == len(parts) and made.geom_type != "GeometryCollection"
        else shapely.union_all(flat)
    )


def _outside(
    frame: gpd.GeoDataFrame, raw: gpd.GeoDataFrame, datum: str, project: str, region: Region, sheet: str
) -> Iterator[Finding]:
    usable = ~frame.geometry.is_empty
    away = outside_m(frame[usable], region.boundary)
    far = away.index[away > NEAR_M]
    back = _inside_when_swapped(raw.loc[far], datum, project, region)
    for row, distance in away[away > 0].items():
        if distance <= NEAR_M:
            yield _at(row, "OUTSIDE_NEAR", sheet, "warning", distance_m=round(distance))
    for (row, distance), exchanged in zip(away.loc[far].items(), back, strict=True):
        yield _at(row, "LONLAT_SWAPPED" if exchanged else "OUTSIDE_FAR", sheet, distance_m=round(distance))


def _inside_when_swapped(raw: gpd.GeoDataFrame, datum: str, project: str, region: Region) -> npt.NDArray[np.bool_]:
    if raw.empty:
        return np.zeros(0, dtype=bool)
    exchanged = swapped(raw.geometry)
    possible = exchanged.bounds.abs().max(axis=1).to_numpy() <= MAX_LON_DEG
    on_earth = possible & (exchanged.bounds[["miny", "maxy"]].abs().max(axis=1).to_numpy() <= MAX_LAT_DEG)
    out = np.zeros(len(raw), dtype=bool)
    if on_earth.any():
        moved = crs.to_project(gpd.GeoDataFrame(geometry=exchanged[on_earth]), datum=datum, crs=project)
        out[on_earth] = (outside_m(moved, region.boundary) <= NEAR_M).to_numpy()
    return out
