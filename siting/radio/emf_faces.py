"""Where people can be near an antenna, as points: façades, roofs, the street."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from siting.radio.emf_sources import Sources, numbers
from siting.radio.network import defaults

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

COMPASS = ("n", "ne", "e", "se", "s", "sw", "w", "nw")
ROOF, STREET = "roof", "street"
OUTSIDE = -1
# Faces are cut into tiles of this many steps before the points of each are laid out; near ones into smaller tiles.
COARSE, FINE = 8.0, 2.0


@dataclass(frozen=True)
class Rects:
    """Rectangles in space.

    Parameters
    ----------
    origin, along, up : ndarray
        Corner and the two sides from it [n, 3]; the sides are perpendicular.
    face : ndarray
        Row of the table of faces.
    """

    origin: Floats
    along: Floats
    up: Floats
    face: Ints

    def at(self, rows: npt.NDArray[np.bool_] | Ints) -> Rects:
        """Some of them."""
        return Rects(self.origin[rows], self.along[rows], self.up[rows], self.face[rows])


@dataclass(frozen=True)
class Faces:
    """Faces near antennas and the points on them.

    Parameters
    ----------
    table : DataFrame
        ``building`` (row of the buildings, -1 the street), ``face`` (compass letters of a façade, ``roof``, ``street``),
        ``normal_east, normal_north, normal_up``.
    points : ndarray
        Easting, northing, height above ground [points, 3].
    face : ndarray
        Row of the table for every point.
    """

    table: pd.DataFrame
    points: Floats
    face: Ints


def heights_m(buildings: pd.DataFrame) -> Floats:
    """Height of every building [m]: its own, else its floors by the storey, else NaN."""
    nothing = pd.Series(np.nan, index=buildings.index)
    own = pd.to_numeric(buildings.get("height_m", nothing), errors="coerce")
    floors = pd.to_numeric(buildings.get("floors", nothing), errors="coerce")
    known = own.where(own > 0, (floors * defaults()["storey_m"]).where(floors > 0))
    return known.to_numpy(dtype=float, na_value=np.nan)


def hosts(sources: Sources, shapes: npt.NDArray[np.object_]) -> Ints:
    """Row of the building that carries or holds each sector, -1 for none; a wall's within `wall_host_m`."""
    found = np.full(len(sources), OUTSIDE, np.int64)
    if not len(shapes) or not len(sources):
        return found
    spots = shapely.points(sources.places[:, :2])
    tree = shapely.STRtree(shapes)
    on_wall = (sources.frame["mount"] == "wall").to_numpy()
    for at, row in zip(*tree.query_nearest(spots, max_distance=numbers()["wall_host_m"]), strict=True):
        if on_wall[at]:
            found[at] = row
    for at, row in zip(*tree.query(spots, predicate="within"), strict=True):
        found[at] = row
    return found


def lay_out(
    sources: Sources,
    shapes: npt.NDArray[np.object_],
    height_m: Floats,
    *,
    radius_m: float,
    spacing_m: float,
    closed: Collection[int] = (),
) -> Faces:
    """Points on every façade and roof and in the street within a radius of the sectors.

    Parameters
    ----------
    sources : Sources
        The checked sectors.
    shapes : ndarray of Polygon or MultiPolygon
        Footprints near them.
    height_m : ndarray
        Their heights; unknown ones have no faces.
    radius_m : float
        Slant distance up to which points count [m].
    spacing_m : float
        Largest step [m]; nearer ones a twentieth of the distance.
    closed : collection of int
        Rows of buildings whose roof nobody enters.
    """
    solid = shapely.orient_polygons(shapes) if len(shapes) else shapes
    known = np.flatnonzero(~np.isnan(height_m))
    table, walls = _walls(solid, height_m, known)
    table, flats = _flats(solid, height_m, [int(b) for b in known if int(b) not in set(closed)], table)
    table, street = _street(sources, radius_m, table)
    whole = _joined([walls, flats, street])
    antennas = np.unique(sources.places, axis=0)
    rims = _rims(walls, table, flats)
    sampled = _joined([whole, rims])
    grid, face = _sampled(sampled, antennas, radius_m=radius_m, spacing_m=spacing_m)
    marked, marked_face = _marked(sources, sampled, antennas)
    points, face = np.concatenate([grid, marked]), np.concatenate([face, marked_face])
    keep = _within(points, antennas, radius_m)
    points, face = points[keep], face[keep]
    stands = _standing(points, face, table, solid)
    return Faces(table, points[stands], face[stands])


def _none() -> Rects:
    return Rects(np.zeros((0, 3)), np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0, np.int64))


def _joined(parts: Sequence[Rects]) -> Rects:
    return Rects(*(np.concatenate([getattr(p, name) for p in parts]) for name in ("origin", "along", "up", "face")))


def _walls(solid: npt.NDArray[np.object_], height_m: Floats, known: Ints) -> tuple[pd.DataFrame, Rects]:
    """One upright rectangle per edge of every outline; its normal points out of the building."""
    parts, whose = shapely.get_parts(solid[known], return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    owner = whose[part].astype(np.int64)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    same = ring[1:] == ring[:-1] if len(ring) else np.zeros(0, bool)
    start, step = xy[:-1][same], (xy[1:] - xy[:-1])[same]
    real = np.hypot(step[:, 0], step[:, 1]) > 0 if len(step) else np.zeros(0, bool)
    start, step, building = start[real], step[real], known[owner[ring[:-1][same][real]]].astype(np.int64)
    length = np.hypot(step[:, 0], step[:, 1])
    normal = np.column_stack([step[:, 1], -step[:, 0]]) / length[:, None]
    bearing = np.degrees(np.arctan2(normal[:, 0], normal[:, 1])) % 360.0
    table = pd.DataFrame(
        {
            "building": building,
            "face": np.array(COMPASS, object)[np.round(bearing / 45.0).astype(int) % len(COMPASS)],
            "normal_east": normal[:, 0],
            "normal_north": normal[:, 1],
            "normal_up": 0.0,
        }
    )
    flat = np.zeros(len(start))
    top = np.column_stack([flat, flat, height_m[building]])
    rects = Rects(
        np.column_stack([start, flat]), np.column_stack([step, flat]), top, np.arange(len(start), dtype=np.int64)
    )
    return table, rects


def _level(bounds: Floats, z_m: Floats, first: int) -> Rects:
    """Level rectangles over boxes (west, south, east, north)."""
    flat = np.zeros(len(bounds))
    return Rects(
        np.column_stack([bounds[:, 0], bounds[:, 1], z_m]),
        np.column_stack([bounds[:, 2] - bounds[:, 0], flat, flat]),
        np.column_stack([flat, bounds[:, 3] - bounds[:, 1], flat]),
        np.arange(first, first + len(bounds), dtype=np.int64),
    )


def _level_rows(building: Sequence[int], face: str) -> pd.DataFrame:
    rows = {
        "building": np.array(building, np.int64),
        "face": face,
        "normal_east": 0.0,
        "normal_north": 0.0,
        "normal_up": 1.0,
    }
    return pd.DataFrame(rows, index=range(len(building)))


def _flats(
    solid: npt.NDArray[np.object_], height_m: Floats, open_: Sequence[int], table: pd.DataFrame
) -> tuple[pd.DataFrame, Rects]:
    """Roofs, at the height of a person on them."""
    rows = np.array(open_, np.int64)
    bounds = shapely.bounds(solid[rows]).reshape(-1, 4) if len(rows) else np.zeros((0, 4))
    rects = _level(bounds, height_m[rows] + numbers()["person_m"], len(table))
    return pd.concat([table, _level_rows(open_, ROOF)], ignore_index=True), rects


def _street(sources: Sources, radius_m: float, table: pd.DataFrame) -> tuple[pd.DataFrame, Rects]:
    """The ground around the sectors, at the height of a person."""
    places = sources.places
    low, high = places[:, :2].min(axis=0) - radius_m, places[:, :2].max(axis=0) + radius_m
    rects = _level(np.concatenate([low, high])[None, :], np.array([numbers()["person_m"]]), len(table))
    return pd.concat([table, _level_rows([OUTSIDE], STREET)], ignore_index=True), rects


def _rims(walls: Rects, table: pd.DataFrame, flats: Rects) -> Rects:
    """The edges of the roofs: lines at the height of a person standing there."""
    if not len(flats.face):
        return _none()
    roof_of = pd.Series(flats.face, index=table["building"].to_numpy()[flats.face])
    own = table["building"].to_numpy()[walls.face]
    rows = np.flatnonzero(np.isin(own, roof_of.index.to_numpy()))
    edges = walls.at(rows)
    lift = edges.up + np.array([0.0, 0.0, numbers()["person_m"]])
    return Rects(edges.origin + lift, edges.along, np.zeros_like(edges.up), roof_of.loc[own[rows]].to_numpy(np.int64))


def _parts(rects: Rects, points: Floats) -> tuple[Floats, Floats]:
    """Where on each rectangle the nearest spot to each point lies, as parts 0..1 of its sides [rects, points]."""
    out = []
    for side in (rects.along, rects.up):
        square = np.einsum("ij,ij->i", side, side)
        run = side @ points.T - np.einsum("ij,ij->i", rects.origin, side)[:, None]
        divisor = np.where(square > 0, square, 1.0)[:, None]
        out.append(np.clip(np.where(square[:, None] > 0, run / divisor, 0.0), 0.0, 1.0))
    return out[0], out[1]


def _nearest_m(rects: Rects, antennas: Floats) -> Floats:
    """Distance of each rectangle to the nearest antenna [m]."""
    best = np.full(len(rects.face), np.inf)
    for antenna in antennas:
        a, b = _parts(rects, antenna[None, :])
        spot = rects.origin + a * rects.along + b * rects.up
        best = np.minimum(best, np.linalg.norm(spot - antenna, axis=1))
    return best


def _tiles(rects: Rects, side_m: float) -> Rects:
    """Rectangles cut so that no side is longer than given."""
    across = np.maximum(np.ceil(np.linalg.norm(rects.along, axis=1) / side_m - 1e-9), 1).astype(np.int64)
    upward = np.maximum(np.ceil(np.linalg.norm(rects.up, axis=1) / side_m - 1e-9), 1).astype(np.int64)
    row, a, b = _spread(across, upward)
    along, up = rects.along / across[:, None], rects.up / upward[:, None]
    origin = rects.origin[row] + a[:, None] * along[row] + b[:, None] * up[row]
    return Rects(origin, along[row], up[row], rects.face[row])


def _spread(across: Ints, upward: Ints) -> tuple[Ints, Ints, Ints]:
    """Row, column and line of every cell of grids of given sizes."""
    count = across * upward
    row = np.repeat(np.arange(len(count)), count)
    number = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
    return row, number % across[row], number // across[row]


def _sampled(rects: Rects, antennas: Floats, *, radius_m: float, spacing_m: float) -> tuple[Floats, Ints]:
    """Points on rectangles, a twentieth of their distance apart and never farther than the spacing."""
    near_m = _nearest_m(rects, antennas)
    coarse = _tiles(rects.at(near_m <= radius_m), COARSE * spacing_m)
    near_m = _nearest_m(coarse, antennas)
    ratio = numbers()["rays_per_step"]
    close = near_m < ratio * spacing_m
    tiles = _joined([coarse.at(~close & (near_m <= radius_m)), _tiles(coarse.at(close), FINE * spacing_m)])
    step = np.clip(_nearest_m(tiles, antennas) / ratio, min(numbers()["finest_m"], spacing_m), spacing_m)
    across = np.ceil(np.linalg.norm(tiles.along, axis=1) / step - 1e-9).astype(np.int64)
    upward = np.ceil(np.linalg.norm(tiles.up, axis=1) / step - 1e-9).astype(np.int64)
    row, a, b = _spread(across + 1, upward + 1)
    part_a, part_b = a / np.maximum(across, 1)[row], b / np.maximum(upward, 1)[row]
    points = tiles.origin[row] + part_a[:, None] * tiles.along[row] + part_b[:, None] * tiles.up[row]
    return points, tiles.face[row]


def _marked(sources: Sources, rects: Rects, antennas: Floats) -> tuple[Floats, Ints]:
    """The nearest point of every face to every antenna, and where the boresights meet faces."""
    found, face = [], []
    for antenna in antennas:
        a, b = _parts(rects, antenna[None, :])
        found.append(rects.origin + a * rects.along + b * rects.up)
        face.append(rects.face)
    for place, way in zip(sources.places, boresights(sources), strict=True):
        spots, hit = _met(rects, place, way)
        found.append(spots[hit])
        face.append(rects.face[hit])
    return np.concatenate(found), np.concatenate(face)


def boresights(sources: Sources) -> Floats:
    """Directions of the beams: east, north, up, of length 1 [sectors, 3]."""
    frame = sources.frame
    azimuth = np.radians(frame["azimuth_deg"].to_numpy(float))
    down = np.radians(frame["mechanical_tilt_deg"].to_numpy(float) + frame["electrical_tilt_deg"].to_numpy(float))
    return np.column_stack([np.sin(azimuth) * np.cos(down), np.cos(azimuth) * np.cos(down), -np.sin(down)])


def _met(rects: Rects, place: Floats, way: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Where a ray meets rectangles, and whether it does."""
    normal = np.cross(rects.along, rects.up)
    slope = normal @ way
    divisor = np.where(np.abs(slope) > 1e-12, slope, 1.0)  # noqa: PLR2004 - parallel to the face
    run = np.einsum("ij,ij->i", rects.origin - place, normal) / divisor
    spots = place + run[:, None] * way
    inside = (np.abs(slope) > 1e-12) & (run > 0)  # noqa: PLR2004 - parallel to the face
    for side in (rects.along, rects.up):
        square = np.maximum(np.einsum("ij,ij->i", side, side), 1e-12)
        part = np.einsum("ij,ij->i", spots - rects.origin, side) / square
        inside &= (part >= 0.0) & (part <= 1.0)
    return spots, inside


def _within(points: Floats, antennas: Floats, radius_m: float) -> npt.NDArray[np.bool_]:
    keep = np.zeros(len(points), bool)
    for antenna in antennas:
        keep |= ((points - antenna) ** 2).sum(axis=1) <= radius_m**2
    return keep


def _standing(points: Floats, face: Ints, table: pd.DataFrame, solid: npt.NDArray[np.object_]) -> npt.NDArray[np.bool_]:
    """Points on their roof, points of the street outside every building; façades all."""
    kind, building = table["face"].to_numpy()[face], table["building"].to_numpy()[face]
    keep = np.ones(len(points), bool)
    shapely.prepare(solid)
    roof = np.flatnonzero(kind == ROOF)
    if roof.size:
        keep[roof] = _on(solid[building[roof]], points[roof])
    street = np.flatnonzero(kind == STREET)
    if street.size and len(solid):
        block = shapely.union_all(solid)
        shapely.prepare(block)
        keep[street] = ~shapely.contains_xy(block, points[street, 0], points[street, 1])
    return keep


def _on(shapes: npt.NDArray[np.object_], points: Floats) -> npt.NDArray[np.bool_]:
    """Whether points lie in their footprint or on its edge, to a millimetre."""
    inside = shapely.intersects_xy(shapes, points[:, 0], points[:, 1])
    out = np.flatnonzero(~inside)
    inside[out] = shapely.dwithin(shapes[out], shapely.points(points[out, :2]), 1e-3)
    return np.asarray(inside, bool)
