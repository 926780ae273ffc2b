"""A lower estimate of the worst field at façades, from few points: enough to say that a site exceeds the limits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from siting.radio.emf_sources import Factors, Sources, shares

Floats = npt.NDArray[np.float64]
_NOBODY = -1


@dataclass(frozen=True)
class Lower:
    """The highest found.

    Parameters
    ----------
    q, factored : float
        Share of the limit at full power and with the factors; 0 where no façade is near.
    building : int
        Row of the building, -1 for none.
    distance_m : float
        To the antenna [m]; NaN for none.
    """

    q: float
    factored: float
    building: int
    distance_m: float


def lower(
    sources: Sources, shapes: npt.NDArray[np.object_], tops_m: Floats, *, radius_m: float, factors: Factors
) -> Lower:
    """Highest share at the corners, the middles and the nearest spots of the façades around sectors of one place.

    Parameters
    ----------
    sources : Sources
        Sectors at one place and height.
    shapes : ndarray of Polygon or MultiPolygon
        Footprints around; those that hold the place itself are left out.
    tops_m : ndarray
        Their heights [m]; unknown ones are left out.
    radius_m : float
        Farthest that is looked at [m].
    factors : Factors
        Of the second figure.

    Notes
    -----
    Every point counts only from where the far field begins, as in `siting.radio.emf.precheck`, whose worst share is never
    below this one as long as its points lie as close.
    """
    nothing = Lower(0.0, 0.0, _NOBODY, np.nan)
    if not len(sources):
        return nothing
    place = sources.places[0]
    spots, building = _spots(place, shapes, np.asarray(tops_m, np.float64))
    points, whose = _lifted(sources, place, spots, np.asarray(tops_m, np.float64)[building], building)
    distance = np.linalg.norm(points - place, axis=1)
    keep = (distance >= sources.frame["far_m"].max()) & (distance <= radius_m)
    if not keep.any():
        return nothing
    found = shares(sources, points[keep], factors=factors)
    at = int(np.argmax(found.q))
    return Lower(float(found.q[at]), float(found.factored.max()), int(whose[keep][at]), float(distance[keep][at]))


def _spots(place: Floats, shapes: npt.NDArray[np.object_], tops_m: Floats) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Corners, middles of the edges, and the spot of each edge nearest to a place [n, 2], with their building."""
    own = shapely.intersects_xy(shapes, place[0], place[1]) if len(shapes) else np.zeros(0, bool)
    rows = np.flatnonzero(~own & ~np.isnan(tops_m))
    rings, ring_of = shapely.get_rings(_parts(shapes[rows])[0], return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    same = ring[1:] == ring[:-1]
    start, end = xy[:-1][same], xy[1:][same]
    building = rows[_parts(shapes[rows])[1][ring_of[ring[:-1][same]]]] if len(rows) else np.zeros(0, np.int64)
    step = end - start
    square = np.maximum((step**2).sum(axis=1), 1e-12)
    run = np.clip(((place[:2] - start) * step).sum(axis=1) / square, 0.0, 1.0)
    spots = np.concatenate([start, (start + end) / 2.0, start + run[:, None] * step])
    return spots, np.tile(building, 3).astype(np.int64)


def _parts(shapes: npt.NDArray[np.object_]) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.int64]]:
    parts, whose = shapely.get_parts(shapes, return_index=True)
    return parts, whose.astype(np.int64)


def _lifted(
    sources: Sources, place: Floats, spots: Floats, top_m: Floats, building: npt.NDArray[np.int64]
) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Spots at the height of the antenna and where its beams come down, never above the roof nor below the ground."""
    frame = sources.frame
    tilts = np.unique(frame["mechanical_tilt_deg"].to_numpy(float) + frame["electrical_tilt_deg"].to_numpy(float))
    away = np.hypot(*(spots - place[:2]).T)
    heights = [np.full(len(spots), place[2]), *(place[2] - away * np.tan(np.radians(tilt)) for tilt in tilts)]
    levels = [np.clip(height, 0.0, top_m) for height in heights]
    points = np.concatenate([np.column_stack([spots, level]) for level in levels])
    return points, np.tile(building, len(levels))
