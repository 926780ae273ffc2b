"""Whether distances to a reference speak against a declared datum."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import geopandas as gpd
import numpy as np
import shapely

from siting.geo.offsets import Floats

MIN_POINTS = 20
MAX_POINTS = 4000
NEAR_M = 10.0
FAR_M = 300.0
SHARE_GAIN = 0.20
COMMON_DIRECTION = 0.8
AREA = 2


@dataclass(frozen=True)
class Suspicion:
    """What the distances to a reference say about a declared datum.

    Parameters
    ----------
    likely : str
        The hypothesis that fits best: a datum code, ``"overconverted"`` (an offset was taken off once
        too often) or ``"shifted"`` (moved as a whole by something else).
    shift_m, bearing_deg : float
        How far and which way (clockwise from north) the declared places lie from the likely ones.
    medians_m : mapping
        Median distance to the reference under each hypothesis [m].
    verdict : str
        ``"fits"``, ``"suspect"`` or ``"untested"``.
    """

    likely: str
    shift_m: float
    bearing_deg: float
    medians_m: Mapping[str, float]
    verdict: str


def untested(declared: str) -> Suspicion:
    """The answer when there are too few points or there is no reference."""
    return Suspicion(declared, 0.0, 0.0, MappingProxyType({}), "untested")


def sample(shapes: gpd.GeoSeries) -> Floats:
    """Evenly picked finite vertices of shapes, at most `MAX_POINTS`, as (n, 2)."""
    xy = shapely.get_coordinates(shapes.dropna().to_numpy())
    xy = xy[np.isfinite(xy).all(axis=1)]
    return xy[:: max(1, math.ceil(len(xy) / MAX_POINTS))]


def judge(places: Mapping[str, Floats], reference: gpd.GeoSeries, *, declared: str) -> Suspicion:
    """Compare hypotheses about where the same points lie.

    Parameters
    ----------
    places : mapping
        Hypothesis -> points (n, 2) in the project CRS [m]; ``"declared"`` is one of them.
    reference : GeoSeries
        Trusted shapes in the same CRS; areas count by their outline.
    declared : str
        The datum declared.

    Returns
    -------
    Suspicion
        Suspect if another hypothesis at least halves the median distance and puts at least 20
        percentage points more within 10 m, or if the median exceeds 300 m in one common direction.
    """
    shapes = reference.to_numpy()
    tree = shapely.STRtree(np.where(shapely.get_dimensions(shapes) == AREA, shapely.boundary(shapes), shapes))
    away = {name: _nearest_m(tree, xy) for name, xy in places.items()}
    medians = {name: float(np.median(d)) for name, d in away.items()}
    shares = {name: float(np.mean(d <= NEAR_M)) for name, d in away.items()}
    likely = min(medians, key=lambda name: (medians[name], name != "declared"))
    points = places["declared"]
    if 2 * medians[likely] <= medians["declared"] and shares[likely] >= shares["declared"] + SHARE_GAIN:
        return _verdict(likely, points - places[likely], medians)
    if medians["declared"] > FAR_M:
        return _far(points, tree, medians, declared)
    return Suspicion(declared, 0.0, 0.0, MappingProxyType(medians), "fits")


def _nearest_m(tree: shapely.STRtree, xy: Floats) -> Floats:
    return np.asarray(tree.query_nearest(shapely.points(xy), return_distance=True, all_matches=False)[1], dtype=float)


def _verdict(likely: str, offset: Floats, medians: dict[str, float]) -> Suspicion:
    east, north = np.median(offset, axis=0)
    bearing = math.degrees(math.atan2(east, north)) % 360
    return Suspicion(likely, math.hypot(east, north), bearing, MappingProxyType(medians), "suspect")


def _far(points: Floats, tree: shapely.STRtree, medians: dict[str, float], declared: str) -> Suspicion:
    spots = shapely.points(points)
    at = tree.query_nearest(spots, all_matches=False)[1]
    foot = shapely.get_point(shapely.shortest_line(spots, tree.geometries.take(at)), -1)
    offset = points - shapely.get_coordinates(foot)
    unit = offset / np.maximum(np.hypot(*offset.T), 1e-9)[:, None]
    if np.hypot(*unit.mean(axis=0)) >= COMMON_DIRECTION:
        return _verdict("shifted", offset, medians)
    return Suspicion(declared, 0.0, 0.0, MappingProxyType(medians), "fits")
