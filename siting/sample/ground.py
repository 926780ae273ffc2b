"""What lies in the plane: extent, waters, streets cut into superblocks, lanes cut into parcels."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely import affinity
from shapely.ops import split

from siting.sample.tables import CRS, SNAP_M, line, lines, polygons, rng, table, targets

SUPERBLOCK_M2, SECONDARY_M2, PARCEL_M2 = 115_000.0, 420_000.0, 30_000.0
BANK_M, RAIL_BANK_M, LONGEST_SPAN_M = 7.0, 6.0, 90.0
WHOLE_KINDS = ("park", "stadium")  # no lane crosses these places


@dataclass(frozen=True)
class Ground:
    """The plan of the district before anything is built.

    Parameters
    ----------
    extent : shapely.Polygon
        Everything lies inside.
    water, rail : shapely.Geometry
        Areas not built on.
    roads : geopandas.GeoDataFrame
        Edges between junctions: name, class, lanes, width_m, bridge, tunnel, geometry.
    parcels : geopandas.GeoDataFrame
        Net building land: superblock, place, geometry.
    """

    extent: shapely.Polygon
    water: shapely.Geometry
    rail: shapely.Geometry
    roads: gpd.GeoDataFrame
    parcels: gpd.GeoDataFrame


@dataclass(frozen=True)
class _Cut:
    line: shapely.LineString
    road_class: str
    name: str | None


def extent_of(boundary: shapely.Polygon, size: str) -> shapely.Polygon:
    """The whole district, or the small square inside it."""
    if size == "full":
        return boundary
    aim = targets(size)
    centre = shapely.Point(aim["centre_easting_m"], aim["centre_northing_m"])
    inside = centre if boundary.contains(centre) else boundary.representative_point()
    half = aim["side_m"] / 2
    square = shapely.box(inside.x - half, inside.y - half, inside.x + half, inside.y + half)
    return polygons([square & boundary])[0]


def waters(extent: shapely.Polygon) -> gpd.GeoDataFrame:
    """Rivers as bands and lakes as ellipses: name, kind, geometry."""
    rows = []
    courses = table("lines")
    for row in courses[courses["kind"].isin(["river", "rail"])].to_dict("records"):
        band = line(row["line"]).buffer(row["width_m"] / 2, cap_style="flat", join_style="round", quad_segs=4)
        rows.append(("water" if row["kind"] == "river" else "rail", row["name"], band & extent))
    for lake in table("lakes").to_dict("records"):
        disc = shapely.Point(0, 0).buffer(1, quad_segs=10)
        ellipse = affinity.scale(disc, lake["radius_e_m"], lake["radius_n_m"], origin=(0, 0))
        rows.append(
            ("water", lake["name"], affinity.translate(ellipse, lake["easting_m"], lake["northing_m"]) & extent)
        )
    frame = gpd.GeoDataFrame(rows, columns=["kind", "name", "geometry"], crs=CRS)
    return frame[~frame.geometry.is_empty].reset_index(drop=True)


def survey(boundary: shapely.Polygon, *, seed: int, size: str) -> Ground:
    """Lay out streets, waters and parcels.

    Parameters
    ----------
    boundary : shapely.Polygon
        District boundary, EPSG:4548 [m].
    seed : int
        Same seed, same plan.
    size : str
        ``full`` or ``small``.

    Returns
    -------
    Ground
        All geometry inside the extent.
    """
    extent = extent_of(boundary, size)
    wet = waters(extent)
    water = shapely.union_all(wet.geometry[wet["kind"] == "water"].to_numpy())
    rail = shapely.union_all(wet.geometry[wet["kind"] == "rail"].to_numpy())
    generator = rng(seed, "streets")
    arterials, rings = _arterials(extent), _place_rings(extent)
    noded = lines([_noded([cut.line for cut in arterials + rings], extent)])
    faces = polygons([shapely.polygonize(noded)], minimum_m2=500)
    banks = shapely.union(water.buffer(BANK_M), rail.buffer(RAIL_BANK_M))
    superblocks, streets = _subdivide(list(faces), SUPERBLOCK_M2, generator)
    blocks = polygons(list(shapely.difference(np.array(superblocks, dtype=object), banks)), minimum_m2=600)
    plots, lanes = _subdivide(list(blocks), PARCEL_M2, generator)
    roads = _edges(arterials + rings + streets + lanes, water, rail, extent, size)
    parcels = _net(plots, blocks, roads, banks)
    return Ground(extent, water, rail, roads, parcels)


def _arterials(extent: shapely.Polygon) -> list[_Cut]:
    courses = table("lines")
    return [
        _Cut(part, row["class"], row["name"])
        for _, row in courses[courses["kind"] == "road"].iterrows()
        for part in lines([line(row["line"]) & extent], minimum_m=30)
    ]


def _places() -> gpd.GeoDataFrame:
    places = table("places")
    e, n, w, d = (places[c].to_numpy(float) for c in ("easting_m", "northing_m", "width_m", "depth_m"))
    boxes = shapely.box(e - w / 2, n - d / 2, e + w / 2, n + d / 2)
    return gpd.GeoDataFrame(places[["name", "kind"]], geometry=boxes, crs=CRS)


def _place_rings(extent: shapely.Polygon) -> list[_Cut]:
    inner = extent.buffer(-20)
    rings = [
        (place.name, part)
        for place in _places().itertuples()
        for part in lines([place.geometry.exterior & inner], minimum_m=60)
    ]
    return [_Cut(part, "tertiary", f"{name}环路") for name, part in rings]


def _noded(parts: list[shapely.LineString], extent: shapely.Polygon) -> shapely.Geometry:
    return shapely.union_all([extent.exterior, *parts], grid_size=SNAP_M)


def _subdivide(
    faces: list[shapely.Polygon], limit_m2: float, generator: np.random.Generator
) -> tuple[list, list[_Cut]]:
    """Halve faces across their long side until they are small enough; places stay whole."""
    reserved = _places()
    reserved = reserved[reserved["kind"].isin(WHOLE_KINDS) | (limit_m2 > PARCEL_M2)]
    tree = shapely.STRtree(reserved.geometry.to_numpy())
    pieces, cuts, stack = [], [], faces[::-1]
    while stack:
        face = stack.pop()
        limit = limit_m2 * generator.uniform(0.75, 1.3)
        if face.area <= limit or len(tree.query(face.representative_point(), predicate="intersects")):
            pieces.append(face)
            continue
        knife, axis = _knife(face, generator)
        parts = polygons([split(face, knife)])
        cut = lines([knife & face], minimum_m=1)
        name, road_class = _street_name(face.area, limit_m2, axis, generator)
        cuts += [_Cut(part, road_class, name) for part in cut]
        stack += list(parts)
    return pieces, cuts


def _street_name(area_m2: float, limit_m2: float, axis: str, generator: np.random.Generator) -> tuple[str | None, str]:
    if limit_m2 == PARCEL_M2:
        return None, "residential"
    names = table("road_names")
    name = str(generator.choice(names.loc[names["axis"] == axis, "name"].to_numpy(object)))
    return name, "secondary" if area_m2 > SECONDARY_M2 else "tertiary"


def _knife(face: shapely.Polygon, generator: np.random.Generator) -> tuple[shapely.LineString, str]:
    """A nearly straight cut across the long side, somewhere near the middle; its axis is ns or ew."""
    corner = np.asarray(face.minimum_rotated_rectangle.exterior.coords)[:4]
    sides = np.diff(np.vstack([corner, corner[:1]]), axis=0)[:2]
    long, short = (sides if np.hypot(*sides[0]) >= np.hypot(*sides[1]) else sides[::-1]) / 1.0
    base = corner.mean(axis=0) + (generator.uniform(0.41, 0.59) - 0.5) * long
    turn = np.deg2rad(generator.normal(0, 1.2))
    way = short / np.hypot(*short)
    way = np.array([way[0] * np.cos(turn) - way[1] * np.sin(turn), way[0] * np.sin(turn) + way[1] * np.cos(turn)])
    reach = np.hypot(*short) + np.hypot(*long)
    axis = "ns" if abs(way[1]) > abs(way[0]) else "ew"
    return shapely.LineString([base - reach * way, base + reach * way]), axis


def _edges(
    cuts: list[_Cut], water: shapely.Geometry, rail: shapely.Geometry, extent: shapely.Polygon, size: str
) -> gpd.GeoDataFrame:
    """Node all streets and give every edge the attributes of the street it belongs to."""
    original = np.array([cut.line for cut in cuts], dtype=object)
    pieces = lines([shapely.union_all(original, grid_size=SNAP_M)], minimum_m=1.5)
    owner = shapely.STRtree(original).nearest(shapely.line_interpolate_point(pieces, 0.5, normalized=True))
    frame = gpd.GeoDataFrame(
        {"name": [cuts[i].name for i in owner], "class": [cuts[i].road_class for i in owner]}, geometry=pieces, crs=CRS
    )
    frame = _crossings(frame, water.buffer(3), "bridge", limit=int(targets(size)["bridge"]))
    frame = _crossings(frame, rail.buffer(2), "tunnel", limit=None)
    classes = table("road_classes").set_index("class")
    frame["lanes"] = classes["lanes"].reindex(frame["class"]).to_numpy(np.int64)
    frame["width_m"] = classes["width_m"].reindex(frame["class"]).to_numpy(float)
    inside = shapely.covered_by(frame.geometry.to_numpy(), extent.buffer(0.05))
    return frame[inside].reset_index(drop=True)


def _crossings(roads: gpd.GeoDataFrame, band: shapely.Geometry, flag: str, *, limit: int | None) -> gpd.GeoDataFrame:
    """Cut roads at the edges of a band; what lies in it carries the flag, the least streets give way to a limit."""
    shapely.prepare(band)
    hit = shapely.intersects(band, roads.geometry.to_numpy())
    hit &= ~shapely.touches(band, roads.geometry.to_numpy())
    rows: list[dict] = []
    for row in roads[hit].to_dict("records"):
        dry = lines([row["geometry"] - band], minimum_m=1.5)
        wet = lines([row["geometry"] & band], minimum_m=1.5)
        rows += [{**row, "geometry": part, flag: False} for part in dry]
        rows += [{**row, "geometry": part, flag: True} for part in wet if part.length < LONGEST_SPAN_M]
    rank = table("road_classes").set_index("class")["light_rank"]
    wet_rows = sorted((i for i, row in enumerate(rows) if row[flag]), key=lambda i: int(rank[rows[i]["class"]]))
    dropped = set() if limit is None else set(wet_rows[limit:])
    cut = pd.DataFrame([row for i, row in enumerate(rows) if i not in dropped], columns=[*roads.columns, flag])
    kept = roads[~hit].assign(**{flag: False})
    both = pd.concat([pd.DataFrame(kept), cut], ignore_index=True)
    return gpd.GeoDataFrame(both.astype({flag: bool}), geometry="geometry", crs=CRS)


def carriageways(roads: gpd.GeoDataFrame, *, verge: bool) -> np.ndarray:
    """Road surfaces, with or without the verge no building stands on."""
    extra = (
        table("road_classes").set_index("class")["verge_m"].reindex(roads["class"]).to_numpy(float) if verge else 0.0
    )
    return shapely.buffer(
        roads.geometry.to_numpy(), roads["width_m"].to_numpy(float) / 2 + extra, cap_style="square", quad_segs=2
    )


def _net(
    plots: list[shapely.Polygon], blocks: np.ndarray, roads: gpd.GeoDataFrame, banks: shapely.Geometry
) -> gpd.GeoDataFrame:
    """Parcels without streets, verges and banks."""
    gross = np.array(plots, dtype=object)
    surfaces = carriageways(roads, verge=True)
    parcel, road = shapely.STRtree(surfaces).query(gross, predicate="intersects")
    by_parcel = pd.Series(road).groupby(parcel).apply(lambda r: shapely.union_all(surfaces[r.to_numpy()]))
    net = gross.copy()
    net[by_parcel.index] = shapely.difference(gross[by_parcel.index], by_parcel.to_numpy(object))
    net = shapely.difference(net, banks)
    pieces = [(i, part) for i, geometry in enumerate(net) for part in polygons([geometry], minimum_m2=400)]
    geometry = np.array([part for _, part in pieces], dtype=object)
    inside = shapely.point_on_surface(geometry)
    block = shapely.STRtree(blocks).nearest(inside)
    places = _places()
    place = np.full(len(geometry), None, dtype=object)
    which, where = shapely.STRtree(places.geometry.to_numpy()).query(inside, predicate="intersects")
    place[which] = places.index.to_numpy()[where]
    return gpd.GeoDataFrame({"superblock": block, "place": place}, geometry=geometry, crs=CRS)
