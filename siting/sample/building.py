"""Buildings: rows of slabs facing south, towers, campuses and malls on their parcels."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from shapely import affinity

from siting.sample.tables import CRS, draw, ids, rng, snap, source, table

EDGE_M, MARGIN_M, PARAPET_M, MAX_STRETCH = 0.5, 1.5, 1.2, 1.35
SHED_DEPTH_M = 4.5
# How a house may give way to a slanting edge: share cut off at its left and right, move north [m].
FITTINGS = (
    (0, 0, 0),
    (0, 0, 2),
    (0, 0, -2),
    (0.25, 0, 0),
    (0, 0.25, 0),
    (0.25, 0, 2),
    (0, 0.25, -2),
    (0.5, 0, 0),
    (0, 0.5, 0),
)
SHOP_DEPTH_M, SHOP_LENGTH_M, SHOP_GAP_M, SHOP_CLEAR_M = (8.0, 12.0), (14.0, 30.0), 1.5, 5.0
SHOP_MIN_WIDTH_M, SHOP_SIDE_SHARE, SHOP_KINDS = 60.0, 0.85, ("slab", "mid_slab", "tower", "old_brick")
SHED_LENGTH_M, SHED_CLEAR_M, SHED_HEIGHT_M = (7.0, 20.0), 3.0, (2.8, 4.0)
ONE_HEIGHT_SHARE = 0.75  # of the buildings of one parcel have its commonest number of floors


@dataclass(frozen=True)
class _Group:
    """Buildings of one kind on one parcel, upright boxes (west, south, east, north) and what they share."""

    boxes: np.ndarray
    floors: np.ndarray
    height_m: np.ndarray
    use: str
    building_class: str | None
    kind: str
    turn_rad: float


def build(parcels: gpd.GeoDataFrame, *, seed: int) -> gpd.GeoDataFrame:
    """Fill parcels with buildings that touch neither each other nor the parcel's edge.

    Parameters
    ----------
    parcels : geopandas.GeoDataFrame
        kind, turn_deg, geometry in EPSG:4548.
    seed : int
        Same seed, same buildings.

    Returns
    -------
    geopandas.GeoDataFrame
        building_id, name, height_m, floors, use, building_class, kind, source, geometry.
    """
    generator = rng(seed, "buildings")
    recipes = {row["kind"]: row for row in table("parcel_kinds").to_dict("records")}
    rows = zip(parcels.geometry, parcels["kind"], np.deg2rad(parcels["turn_deg"].to_numpy(float)), strict=True)
    groups = [
        group for shape, kind, turn in rows if kind in recipes for group in _fill(shape, recipes, kind, turn, generator)
    ]
    sizes = [len(group.boxes) for group in groups]
    columns = {
        "building_id": ids(seed, "buildings", sum(sizes)),
        "name": None,
        "height_m": np.concatenate([group.height_m for group in groups]),
        "floors": np.concatenate([group.floors for group in groups]),
        "use": np.repeat([group.use for group in groups], sizes),
        "building_class": np.repeat([group.building_class for group in groups], sizes),
        "kind": np.repeat([group.kind for group in groups], sizes),
        "source": source(seed),
    }
    shapes = _outlines(
        np.concatenate([group.boxes for group in groups]), np.repeat([g.turn_rad for g in groups], sizes)
    )
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=CRS)


def _outlines(boxes: np.ndarray, turn_rad: np.ndarray) -> np.ndarray:
    """Polygons of upright boxes turned about the origin, counter-clockwise."""
    corners = boxes[:, [0, 1, 2, 1, 2, 3, 0, 3, 0, 1]].reshape(-1, 5, 2)
    cos, sin = np.cos(turn_rad)[:, None], np.sin(turn_rad)[:, None]
    x, y = corners[..., 0], corners[..., 1]
    turned: np.ndarray = snap(shapely.polygons(np.stack([x * cos - y * sin, x * sin + y * cos], axis=-1)))
    return turned


def _fill(
    parcel: shapely.Polygon, recipes: dict[str, dict], kind: str, turn: float, generator: np.random.Generator
) -> tuple[_Group, ...]:
    """Houses, street shops and sheds of one parcel."""
    recipe = recipes[kind]
    upright = affinity.rotate(parcel, -turn, origin=(0, 0), use_radians=True)
    inner = shapely.buffer(upright, -EDGE_M, join_style="mitre")
    shapely.prepare(inner)
    shops, bounds = _shops(upright.bounds, generator) if kind in SHOP_KINDS else (np.zeros((0, 4)), upright.bounds)
    main, sheds = _lattice(bounds, recipe, generator)
    main = _placed(main, inner)
    main = main[generator.random(len(main)) < recipe["fill"]]
    return (
        _houses(main, recipe, kind, turn, generator),
        _houses(shops[_contained(inner, shops)], recipes["street_shop"], kind, turn, generator),
        _huts(sheds[_contained(inner, sheds)], kind, turn, generator),
    )


def _lattice(bounds: tuple, recipe: dict, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (west, south, east, north) of houses in rows, and of sheds between the rows."""
    west, south, east, north = bounds
    depth = generator.uniform(recipe["depth_low_m"], recipe["depth_high_m"])
    gap = generator.uniform(recipe["row_gap_low_m"], recipe["row_gap_high_m"])
    rows = max(1, int((north - south - 2 * EDGE_M - 2 * MARGIN_M + gap) // (depth + gap)))
    slack = north - south - 2 * EDGE_M - 2 * MARGIN_M - rows * depth - (rows - 1) * gap
    gap += max(slack, 0.0) / rows
    row_south = south + EDGE_M + MARGIN_M + max(slack, 0.0) / rows / 2 + np.arange(rows) * (depth + gap)
    left, right = _rows_of(west, east, rows, recipe, generator)
    bottom = np.broadcast_to(row_south[:, None], left.shape)
    houses = np.stack([left, bottom, right, bottom + depth], axis=-1).reshape(-1, 4)
    shed_south = bottom + depth + (gap - SHED_DEPTH_M) / 2
    shed_right = np.minimum(left + generator.uniform(*SHED_LENGTH_M, left.shape), right)
    sheds = np.stack([left, shed_south, shed_right, shed_south + SHED_DEPTH_M], axis=-1).reshape(-1, 4)
    wanted = (generator.random(len(sheds)) < recipe["shed_share"]) & (gap > SHED_DEPTH_M + 2 * SHED_CLEAR_M)
    return houses[houses[:, 2] > houses[:, 0]], sheds[wanted & (sheds[:, 2] > sheds[:, 0])]


def _rows_of(
    west: float, east: float, rows: int, recipe: dict, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Left and right ends of the houses of each row, stretched to fill the width."""
    mean = (recipe["length_low_m"] + recipe["length_high_m"] + recipe["gap_low_m"] + recipe["gap_high_m"]) / 2
    width = east - west - 2 * EDGE_M - 2 * MARGIN_M
    count = max(1, round((width + recipe["gap_low_m"]) / mean))
    length = generator.uniform(recipe["length_low_m"], recipe["length_high_m"], (rows, count))
    side = generator.uniform(recipe["gap_low_m"], recipe["gap_high_m"], (rows, count))
    length *= np.minimum((width - side[:, :-1].sum(axis=1)) / length.sum(axis=1), MAX_STRETCH)[:, None]
    left = west + EDGE_M + MARGIN_M + np.cumsum(length + side, axis=1) - length - side
    return left, left + length


def _shops(bounds: tuple, generator: np.random.Generator) -> tuple[np.ndarray, tuple]:
    """Street-front shops along the west and east sides, and the bounds left for the rows."""
    west, south, east, north = bounds
    boxes = []
    if east - west < SHOP_MIN_WIDTH_M:
        return np.zeros((0, 4)), bounds
    for at_west in (True, False):
        if generator.random() >= SHOP_SIDE_SHARE:
            continue
        depth = generator.uniform(*SHOP_DEPTH_M)
        count = int((north - south) // (SHOP_LENGTH_M[1] + SHOP_GAP_M)) + 1
        length = generator.uniform(*SHOP_LENGTH_M, count)
        bottom = south + EDGE_M + MARGIN_M + np.cumsum(length + SHOP_GAP_M) - length - SHOP_GAP_M
        left = west + EDGE_M + MARGIN_M if at_west else east - EDGE_M - MARGIN_M - depth
        boxes.append(np.column_stack([np.full(count, left), bottom, np.full(count, left + depth), bottom + length]))
        west, east = (west + depth + SHOP_CLEAR_M, east) if at_west else (west, east - depth - SHOP_CLEAR_M)
    return np.concatenate(boxes) if boxes else np.zeros((0, 4)), (west, south, east, north)


def _contained(inner: shapely.Polygon, boxes: np.ndarray) -> np.ndarray:
    return shapely.contains_properly(inner, shapely.box(*boxes.T)) if len(boxes) else np.zeros(0, dtype=bool)


def _placed(boxes: np.ndarray, inner: shapely.Polygon) -> np.ndarray:
    """Each box as it is, else moved or shortened a little, else left out."""
    fitted, rest = [], boxes
    for from_left, from_right, up_m in FITTINGS:
        width = (rest[:, 2] - rest[:, 0])[:, None]
        trial = rest + width * [from_left, 0, -from_right, 0] + [0, up_m, 0, up_m]
        fits = _contained(inner, trial)
        fitted.append(trial[fits])
        rest = rest[~fits]
    return np.concatenate(fitted)


def _houses(boxes: np.ndarray, recipe: dict, kind: str, turn: float, generator: np.random.Generator) -> _Group:
    count = len(boxes)
    own = np.array([int(value or 0) for value in draw(generator, recipe["floors"], count + 1)], dtype=np.int64)
    floors = np.where(generator.random(count) < ONE_HEIGHT_SHARE, own[0], own[1:])
    height = np.round(floors * recipe["storey_m"] + PARAPET_M, 1)
    building_class = draw(generator, recipe["building_class"], 1)[0]
    return _Group(boxes, floors, height, recipe["use"], building_class, kind, turn)


def _huts(boxes: np.ndarray, kind: str, turn: float, generator: np.random.Generator) -> _Group:
    count = len(boxes)
    height = np.round(generator.uniform(*SHED_HEIGHT_M, count), 1)
    return _Group(boxes, np.ones(count, dtype=np.int64), height, "other", "brick_residential", kind, turn)
