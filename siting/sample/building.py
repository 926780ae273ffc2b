"""Buildings: rows of slabs facing south, towers, campuses and malls on their parcels."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from siting.sample.tables import CRS, draw, ids, rng, snap, source, table

EDGE_M, MARGIN_M, PARAPET_M, MAX_STRETCH = 0.5, 1.5, 1.2, 1.35
SHED_DEPTH_M = 4.5
SHOP_DEPTH_M, SHOP_LENGTH_M, SHOP_GAP_M, SHOP_CLEAR_M = (8.0, 12.0), (14.0, 30.0), 1.5, 5.0
SHOP_MIN_WIDTH_M, SHOP_SIDE_SHARE, SHOP_KINDS = 60.0, 0.75, ("slab", "mid_slab", "tower", "old_brick")
SHED_LENGTH_M, SHED_CLEAR_M, SHED_HEIGHT_M = (7.0, 20.0), 3.0, (2.8, 4.0)
ONE_HEIGHT_SHARE = 0.75  # of the buildings of one parcel have its commonest number of floors


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
        building_id, name, height_m, floors, use, building_class, parcel, kind, source, geometry.
    """
    generator = rng(seed, "buildings")
    recipes = {row["kind"]: row for row in table("parcel_kinds").to_dict("records")}
    parts = [
        _fill(parcel.geometry, recipes[parcel.kind], parcel.turn_deg, generator).assign(parcel=parcel.Index)
        for parcel in parcels.itertuples()
        if parcel.kind in recipes
    ]
    flat = pd.concat([part for part in parts if len(part)], ignore_index=True)
    flat.insert(0, "building_id", ids(seed, "buildings", len(flat)))
    flat["source"] = source(seed)
    return gpd.GeoDataFrame(flat, geometry="geometry", crs=CRS)


def _fill(parcel: shapely.Polygon, recipe: dict, turn_deg: float, generator: np.random.Generator) -> pd.DataFrame:
    turn = np.deg2rad(turn_deg)
    upright = _rotate(np.array([parcel], dtype=object), -turn)[0]
    inner = shapely.buffer(upright, -EDGE_M, join_style="mitre")
    shapely.prepare(inner)
    shops, bounds = (
        _shops(upright.bounds, generator) if recipe["kind"] in SHOP_KINDS else (np.zeros((0, 4)), upright.bounds)
    )
    main, sheds = _lattice(bounds, recipe, generator)
    main = _placed(main, inner)
    main = main[generator.random(len(main)) < recipe["fill"]]
    shop_recipe = table("parcel_kinds").set_index("kind").loc["street_shop"].to_dict()
    parts = [
        _houses(main, recipe, generator),
        _houses(shops[_contained(inner, shops)], shop_recipe, generator),
        _huts(sheds[_contained(inner, sheds)], generator),
    ]
    both = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    return both.assign(kind=recipe["kind"], geometry=snap(_rotate(both["geometry"].to_numpy(object), turn)))


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
    """Boxes that fit, else their longer half that does."""
    whole = _contained(inner, boxes)
    half = (boxes[:, 0] + boxes[:, 2]) / 2
    left, right = boxes.copy(), boxes.copy()
    left[:, 2], right[:, 0] = half - 1, half + 1
    left_fits, right_fits = _contained(inner, left) & ~whole, _contained(inner, right) & ~whole
    return np.concatenate([boxes[whole], left[left_fits], right[right_fits & ~left_fits]])


def _houses(boxes: np.ndarray, recipe: dict, generator: np.random.Generator) -> pd.DataFrame:
    count = len(boxes)
    own = np.array([int(value or 0) for value in draw(generator, recipe["floors"], count + 1)], dtype=np.int64)
    floors = np.where(generator.random(count) < ONE_HEIGHT_SHARE, own[0], own[1:])
    height = np.round(floors * recipe["storey_m"] + PARAPET_M, 1)
    return pd.DataFrame(
        {
            "name": None,
            "height_m": height,
            "floors": floors,
            "use": recipe["use"],
            "building_class": recipe["building_class"],
            "geometry": shapely.box(*boxes.T) if count else [],
        }
    )


def _huts(boxes: np.ndarray, generator: np.random.Generator) -> pd.DataFrame:
    count = len(boxes)
    return pd.DataFrame(
        {
            "name": None,
            "height_m": np.round(generator.uniform(*SHED_HEIGHT_M, count), 1),
            "floors": np.ones(count, dtype=np.int64),
            "use": "other",
            "building_class": "brick_residential",
            "geometry": shapely.box(*boxes.T) if count else [],
        }
    )


def _rotate(geometry: np.ndarray, turn_rad: float) -> np.ndarray:
    """Turn about the origin, counter-clockwise."""
    cos, sin = np.cos(turn_rad), np.sin(turn_rad)
    return shapely.transform(
        geometry, lambda xy: np.column_stack([xy[:, 0] * cos - xy[:, 1] * sin, xy[:, 0] * sin + xy[:, 1] * cos])
    )
