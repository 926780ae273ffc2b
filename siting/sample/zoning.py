"""What each parcel is for, and which ground stays green."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely import affinity

from siting.sample.ground import Ground
from siting.sample.tables import draw, polygons, rng, table, targets

ESTATES = ("slab", "mid_slab", "tower", "old_brick")
CAMPUS_MIX = "campus:70;school:12;park:10;glass_office:5;public:3"
STRIP_M, STRIP_CLEAR_M, MAX_TURN_DEG = (12.0, 26.0), 4.0, 45.0


def zone(ground: Ground, *, seed: int, size: str) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Give every parcel a kind and a direction, and set green ground aside.

    Parameters
    ----------
    ground : Ground
        The plan.
    seed : int
        Same seed, same zoning.
    size : str
        ``full`` or ``small``.

    Returns
    -------
    parcels : geopandas.GeoDataFrame
        superblock, place, kind, turn_deg, geometry (building land only).
    greens : geopandas.GeoDataFrame
        name, geometry; exactly the aimed number of green spaces.
    """
    generator = rng(seed, "zoning")
    parcels = ground.parcels.assign(kind=_kinds(ground.parcels, generator))
    parcels["turn_deg"] = [_turn_deg(polygon) for polygon in parcels.geometry]
    parks = parcels[parcels["kind"] == "park"]
    limit = int(targets(size)["green_space"])
    parks = parks.iloc[np.argsort(-parks.area.to_numpy(), kind="stable")[: limit * 2 // 3]]
    places = table("places")["name"]
    names = [places[i] if pd.notna(i) else None for i in parks["place"]]
    built = parcels[parcels["kind"] != "park"]
    built, strips = _strips(built, limit - len(parks), generator)
    greens = gpd.GeoDataFrame(
        {"name": names + [None] * len(strips)}, geometry=[*parks.geometry, *strips], crs=parcels.crs
    )
    return built.reset_index(drop=True), greens


def _kinds(parcels: gpd.GeoDataFrame, generator: np.random.Generator) -> np.ndarray:
    types = table("superblocks")
    kinds = list(types.columns[types.columns.get_loc("old_brick") :])
    weights = types[kinds].to_numpy(float)
    north = parcels.dissolve("superblock").centroid.y
    spread = max(float(north.max() - north.min()), 1.0)
    shares = types["share"].to_numpy(float) * np.exp(
        np.outer((north.to_numpy() - north.mean()) / spread * 2, types["north_pull"].to_numpy(float))
    )
    chosen = [generator.choice(len(types), p=row / row.sum()) for row in shares]
    by_block = pd.Series(chosen, index=north.index)
    rows = by_block.reindex(parcels["superblock"]).to_numpy(np.int64)
    kind = np.array(
        [kinds[generator.choice(len(kinds), p=weights[row] / weights[row].sum())] for row in rows], dtype=object
    )
    reserved = table("places")["kind"]
    given = parcels["place"].notna().to_numpy()
    kind[given] = [reserved[i] for i in parcels.loc[given, "place"]]
    campus = kind == "campus"
    kind[campus] = draw(generator, CAMPUS_MIX, int(campus.sum()))
    return _every_kind(kind, parcels, kinds, given)


def _every_kind(kind: np.ndarray, parcels: gpd.GeoDataFrame, kinds: list[str], given: np.ndarray) -> np.ndarray:
    """Let each kind occur at least once: missing ones take the largest parcels of the commonest kind."""
    missing = [name for name in kinds if name not in set(kind)]
    free = np.flatnonzero(~given & np.isin(kind, ESTATES))
    largest = free[np.argsort(-parcels.area.to_numpy()[free], kind="stable")]
    kind = kind.copy()
    kind[largest[: len(missing)]] = missing[: len(largest)]
    return kind


def _turn_deg(polygon: shapely.Polygon) -> float:
    """How far a parcel's sides are turned from the compass, -45 to 45 [deg]."""
    corner = np.asarray(polygon.minimum_rotated_rectangle.exterior.coords)
    side = corner[1] - corner[0]
    angle = float(np.degrees(np.arctan2(side[1], side[0])))
    return (angle + MAX_TURN_DEG) % 90 - MAX_TURN_DEG


def _strips(parcels: gpd.GeoDataFrame, count: int, generator: np.random.Generator) -> tuple[gpd.GeoDataFrame, list]:
    """Cut a green strip off one side of some parcels."""
    geometry = parcels.geometry.to_numpy().copy()
    strips: list[shapely.Polygon] = []
    for i in generator.permutation(len(parcels)):
        if len(strips) == count:
            break
        strip = _strip(geometry[i], parcels["turn_deg"].iloc[i], generator)
        if strip is None or strip.area < 0.04 * geometry[i].area or strip.area > 0.3 * geometry[i].area:
            continue
        rest = polygons([geometry[i] - strip.buffer(STRIP_CLEAR_M, join_style="mitre")])
        if len(rest) == 1:
            geometry[i] = rest[0]
            strips.append(strip)
    return parcels.set_geometry(gpd.GeoSeries(geometry, index=parcels.index, crs=parcels.crs)), strips


def _strip(polygon: shapely.Polygon, turn_deg: float, generator: np.random.Generator) -> shapely.Polygon | None:
    upright = affinity.rotate(polygon, -turn_deg, origin=(0, 0))
    west, south, east, north = upright.bounds
    depth = generator.uniform(*STRIP_M)
    box = [
        shapely.box(west, south, east, south + depth),
        shapely.box(west, north - depth, east, north),
        shapely.box(west, south, west + depth, north),
        shapely.box(east - depth, south, east, north),
    ][generator.integers(4)]
    parts = polygons([upright & box], minimum_m2=300)
    return affinity.rotate(parts[0], turn_deg, origin=(0, 0)) if len(parts) == 1 else None
