"""Declared datums and the only transformations between them.

Inside, every frame is in the project's metric CRS; outside, coordinates carry a declared datum.
Longitude comes before latitude and easting before northing, whatever the official axis order says.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import geopandas as gpd
import numpy as np
import shapely
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from siting.errors import BadInput
from siting.geo.offsets import Floats, Pair, bd09_from_gcj02, gcj02_from_bd09, gcj02_from_wgs84, wgs84_from_gcj02
from siting.geo.suspicion import MIN_POINTS, Suspicion, judge, sample, untested

__all__ = [
    "DATUMS",
    "Datum",
    "Suspicion",
    "axes_problem",
    "bd09_from_gcj02",
    "datum_of",
    "from_project",
    "gcj02_from_bd09",
    "gcj02_from_wgs84",
    "in_china",
    "is_geographic",
    "metric_crs_for",
    "require_metric",
    "require_metric_crs",
    "suspect",
    "to_lonlat",
    "to_project",
    "wgs84_from_gcj02",
]

WGS84 = "EPSG:4326"
CHINA_DEG = (72.004, 0.8293, 137.8347, 55.8271)

_ZONE_PREFIX_M = 1e6
_MAX_NORTHING_M = 1e7


@dataclass(frozen=True)
class Datum:
    """A way of stating coordinates.

    Parameters
    ----------
    code : str
        How a person declares it.
    crs : str
        The EPSG code coordinates are in once a web-map offset is taken off.
    offset : str
        ``"gcj02"``, ``"bd09"`` or empty.
    """

    code: str
    crs: str
    offset: str = ""


DATUMS: Mapping[str, Datum] = MappingProxyType(
    {
        d.code: d
        for d in (
            Datum("cgcs2000", "EPSG:4490"),
            Datum("cgcs2000_117", "EPSG:4548"),
            Datum("cgcs2000_39", "EPSG:4527"),
            Datum("wgs84", WGS84),
            Datum("utm50n", "EPSG:32650"),
            Datum("webmercator", "EPSG:3857"),
            Datum("gcj02", WGS84, "gcj02"),
            Datum("bd09", WGS84, "bd09"),
        )
    }
)


def datum_of(text: str | None) -> Datum:
    """The datum a person declared; nothing is ever guessed.

    Parameters
    ----------
    text : str or None
        A code of `DATUMS` or ``epsg:N``.

    Raises
    ------
    BadInput
        If nothing or something unknown is declared.

    Examples
    --------
    >>> datum_of("EPSG:4548").crs
    'EPSG:4548'
    """
    code = (text or "").strip().lower()
    if not code:
        raise BadInput("geo.crs.missing", known=_known())
    if code in DATUMS:
        return DATUMS[code]
    if re.fullmatch(r"epsg:\d{4,6}", code) and _usable(code.upper()):
        return Datum(code, code.upper())
    raise BadInput("geo.crs.unknown", datum=text, known=_known())


def to_project(frame: gpd.GeoDataFrame, *, datum: str, crs: str) -> gpd.GeoDataFrame:
    """Bring a frame with coordinates of a declared datum into the project CRS.

    Parameters
    ----------
    frame : GeoDataFrame
        Its own ``crs`` is not believed; coordinates are x = longitude or easting.
    datum : str
        Declared datum, see `datum_of`.
    crs : str
        Project CRS.

    Returns
    -------
    GeoDataFrame
        A new frame, two-dimensional, in ``crs``.

    Raises
    ------
    BadInput
        If the datum is missing or unknown, or ``crs`` does not measure in metres.
    """
    declared = datum_of(datum)
    require_metric_crs(crs)
    return _moved(frame, lambda x, y: _transform(*_without_offset(x, y, declared), declared.crs, crs), crs)


def from_project(frame: gpd.GeoDataFrame, *, datum: str, crs: str) -> gpd.GeoDataFrame:
    """Bring a frame of the project CRS out into a datum, the inverse of `to_project`.

    Parameters
    ----------
    frame : GeoDataFrame
        In the project CRS.
    datum : str
        Wanted datum; a frame in GCJ-02 or BD-09 gets no ``crs``, so that nobody reads it as WGS 84.
    crs : str
        Project CRS.
    """
    wanted = datum_of(datum)
    require_metric_crs(crs)
    out = _moved(frame, lambda x, y: _with_offset(*_transform(x, y, crs, wanted.crs), wanted), wanted.crs)
    return out.set_crs(None, allow_override=True) if wanted.offset else out


def to_lonlat(frame: gpd.GeoDataFrame, *, datum: str) -> gpd.GeoDataFrame:
    """Bring a frame of a declared datum to WGS 84 longitude and latitude, before there is a project CRS."""
    declared = datum_of(datum)
    return _moved(frame, lambda x, y: _transform(*_without_offset(x, y, declared), declared.crs, WGS84), WGS84)


def is_geographic(crs: str) -> bool:
    """Whether a CRS counts in degrees."""
    return bool(CRS.from_user_input(crs).is_geographic)


def metric_crs_for(boundary: gpd.GeoDataFrame) -> str:
    """The metric CRS a new district measures in.

    Parameters
    ----------
    boundary : GeoDataFrame
        In any CRS; WGS 84 longitude and latitude after `to_lonlat`.

    Returns
    -------
    str
        The CGCS2000 3-degree zone without prefix inside the box of China, else the WGS 84 UTM zone.

    Raises
    ------
    BadInput
        If the frame has no CRS or no finite extent.
    """
    if boundary.crs is None:
        raise BadInput("geo.crs.missing", known=_known())
    west, south, east, north = boundary.to_crs(WGS84).total_bounds
    lon, lat = (west + east) / 2, (south + north) / 2
    if not (math.isfinite(lon) and math.isfinite(lat)):
        raise BadInput("geo.crs.extent", bounds=(west, south, east, north))
    if in_china(lon, lat):
        return f"EPSG:{4534 + min(max(round(lon / 3) - 25, 0), 20)}"
    return f"EPSG:{(32600 if lat >= 0 else 32700) + int((lon + 180) // 6) % 60 + 1}"


def in_china(lon_deg: float, lat_deg: float) -> bool:
    """Whether a place lies in the box in which web-map offsets are applied."""
    west, south, east, north = CHINA_DEG
    return west <= lon_deg <= east and south <= lat_deg <= north


def require_metric_crs(crs: str | CRS | None) -> None:
    """Refuse a CRS that does not measure in metres.

    Raises
    ------
    BadInput
        With the CRS and the remedy.
    """
    known = None if crs is None else CRS.from_user_input(crs)
    if (
        known is None
        or not known.is_projected
        or any(a.unit_name != "metre" for a in known.axis_info)
        or known.to_epsg() in {3857, 3395}
    ):
        raise BadInput("geo.crs.metric", crs=str(crs))


def require_metric(frame: gpd.GeoDataFrame | gpd.GeoSeries) -> None:
    """Refuse to measure a frame that is not in a metric CRS.

    Raises
    ------
    BadInput
        If the frame has no CRS, is in degrees, or in Mercator (lengths 29 % too long at 39° north).
    """
    require_metric_crs(frame.crs)


def axes_problem(frame: gpd.GeoDataFrame, *, datum: str) -> str:
    """What magnitudes say against a declared projected datum.

    Returns
    -------
    str
        ``"ZONE_PREFIX"`` if eastings carry (or lack) the zone number against the declaration,
        ``"AXES_SWAPPED"`` if northings came first, else empty.
    """
    declared = CRS.from_user_input(datum_of(datum).crs)
    xy = shapely.get_coordinates(frame.geometry.to_numpy())
    if not declared.is_projected or len(xy) == 0 or not np.isfinite(xy).all():
        return ""
    x, y = np.median(xy, axis=0)
    if "Gauss-Kruger" not in declared.name:
        return ""
    prefixed = _false_easting_m(declared) > _ZONE_PREFIX_M
    if y > _ZONE_PREFIX_M * 10 or (not prefixed and y < _ZONE_PREFIX_M < x < _MAX_NORTHING_M):
        return "AXES_SWAPPED"
    return "ZONE_PREFIX" if (x > _ZONE_PREFIX_M * 10) != prefixed else ""


def _false_easting_m(crs: CRS) -> float:
    operation = crs.coordinate_operation
    return next((float(p.value) for p in operation.params if p.name == "False easting"), 0.0) if operation else 0.0


def suspect(frame: gpd.GeoDataFrame, reference: gpd.GeoDataFrame, *, declared: str) -> Suspicion:
    """Ask whether another datum than the declared one brings a frame closer to a reference.

    Parameters
    ----------
    frame, reference : GeoDataFrame
        Both in the project CRS, ``frame`` brought there as declared; reference areas count by outline.
    declared : str
        The datum declared.

    Returns
    -------
    Suspicion
        See `siting.geo.suspicion.judge`.  A test whether points lie in the district would not notice
        a shift of 566 m.
    """
    require_metric(frame)
    points = sample(frame.geometry)
    if len(points) < MIN_POINTS or reference.empty:
        return untested(declared)
    return judge(_hypotheses(points, str(frame.crs), declared), reference.geometry, declared=declared)


def _hypotheses(points: Floats, crs: str, declared: str) -> dict[str, Floats]:
    lon, lat = _transform(points[:, 0], points[:, 1], crs, WGS84)
    if not in_china(float(np.median(lon)), float(np.median(lat))):
        return {"declared": points}
    raw = _with_offset(lon, lat, datum_of(declared))
    true = {
        name: _without_offset(*raw, DATUMS[name])
        for name in ("wgs84", "gcj02", "bd09")
        if name != datum_of(declared).offset
    }
    true["overconverted"] = gcj02_from_wgs84(lon, lat)
    return {
        "declared": points,
        **{name: np.column_stack(_transform(*place, WGS84, crs)) for name, place in true.items()},
    }


def _without_offset(x: Floats, y: Floats, datum: Datum) -> Pair:
    if datum.offset == "bd09":
        return wgs84_from_gcj02(*gcj02_from_bd09(x, y))
    return wgs84_from_gcj02(x, y) if datum.offset == "gcj02" else (x, y)


def _with_offset(x: Floats, y: Floats, datum: Datum) -> Pair:
    if datum.offset == "bd09":
        return bd09_from_gcj02(*gcj02_from_wgs84(x, y))
    return gcj02_from_wgs84(x, y) if datum.offset == "gcj02" else (x, y)


def _transform(x: Floats, y: Floats, source: str, target: str) -> Pair:
    out = _transformer(source, target).transform(x, y)
    return np.asarray(out[0], float), np.asarray(out[1], float)


@cache
def _transformer(source: str, target: str) -> Transformer:
    return Transformer.from_crs(source, target, always_xy=True)


def _moved(frame: gpd.GeoDataFrame, move: Callable[[Floats, Floats], Pair], crs: str) -> gpd.GeoDataFrame:
    shapes = shapely.transform(
        frame.geometry.to_numpy(), lambda xy: np.column_stack(move(xy[:, 0], xy[:, 1])), include_z=False
    )
    return gpd.GeoDataFrame(
        frame.drop(columns=frame.geometry.name), geometry=gpd.GeoSeries(shapes, index=frame.index), crs=crs
    )


@cache
def _usable(crs: str) -> bool:
    try:
        known = CRS.from_user_input(crs)
    except CRSError:
        return False
    return known.is_projected or known.is_geographic


def _known() -> str:
    return ", ".join((*DATUMS, "epsg:N"))
