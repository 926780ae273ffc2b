"""Access points and ducts of the fixed network."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.ops import substring

from siting.sample.tables import CRS, draw, ids, rng, source, table

DUCT_ASIDE_M, SHORTEST_M = 2.5, 20.0
SHARE_WITH_DUCT = {"primary": 1.0, "secondary": 1.0, "tertiary": 0.7}
ACCESS_COLUMNS = ["access_id", "name", "kind", "owner_org", "ports_free", "fibres_free", "status", "source", "geometry"]
DUCT_COLUMNS = [
    "duct_id",
    "medium",
    "owner_org",
    "bores_free",
    "fibres_free",
    "surface",
    "status",
    "source",
    "geometry",
]


def ducts(roads: gpd.GeoDataFrame, *, seed: int) -> gpd.GeoDataFrame:
    """Layer `ducts`: beside most streets above lanes, joined at the street junctions; wall-hung cable along some lanes.

    Parameters
    ----------
    roads : geopandas.GeoDataFrame
        Edges between junctions: class, width_m, bridge, geometry.
    seed : int
        Same seed, same ducts.
    """
    generator = rng(seed, "ducts")
    share = roads["class"].map(SHARE_WITH_DUCT).fillna(0.0).to_numpy(float)
    main = roads[generator.random(len(roads)) < share]
    lanes = roads[(roads["class"] == "residential").to_numpy() & (generator.random(len(roads)) < LANE_SHARE)]
    both = pd.concat([main.assign(medium="duct"), lanes.assign(medium="aerial")])
    count, aerial = len(both), (both["medium"] == "aerial").to_numpy()
    bores = table("road_classes").set_index("class")["duct_bores"].reindex(both["class"]).to_numpy(float)
    free = np.floor(bores * generator.random(count))
    fibres = np.round(generator.uniform(0, 48, count))
    columns = {
        "duct_id": ids(seed, "ducts", count),
        "medium": both["medium"].to_numpy(object),
        "owner_org": draw(generator, OWNERS, count),
        "bores_free": np.where(aerial | (generator.random(count) < UNKNOWN_SHARE), np.nan, free),
        "fibres_free": np.where(generator.random(count) < UNKNOWN_SHARE, np.nan, fibres),
        "surface": np.where(
            both["bridge"], "bridge_deck", np.array(draw(generator, "asphalt:4;paved:5;green:1", count), dtype=object)
        ),
        "status": draw(generator, "existing:95;planned:5", count),
        "source": source(seed),
    }
    shapes = [
        _aside(line, width / 2 + DUCT_ASIDE_M) for line, width in zip(both.geometry, both["width_m"], strict=True)
    ]
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=CRS)[DUCT_COLUMNS]


OWNERS = "天津市通信管线建设有限公司:5;中国联合网络通信有限公司天津市分公司:3;中国电信股份有限公司天津分公司:1;中国移动通信集团天津有限公司:1"
UNKNOWN_SHARE, LANE_SHARE = 0.2, 0.25
ACCESS_KINDS = ("exchange", "cabinet", "handhole", "splitter")
ACCESS_WORD = {"exchange": "机房", "cabinet": "光交箱", "handhole": "人手孔", "splitter": "分纤箱"}


def _aside(street: shapely.LineString, offset_m: float) -> shapely.LineString:
    """The street moved sideways, but still ending in the street's own junctions."""
    if street.length < 4 * offset_m:
        return street
    inner = substring(street, offset_m, street.length - offset_m)
    moved = shapely.offset_curve(inner, offset_m, join_style="mitre")
    if moved.is_empty or moved.geom_type != "LineString":
        return street
    xy = shapely.get_coordinates(street)
    return shapely.LineString(np.vstack([xy[:1], shapely.get_coordinates(moved), xy[-1:]]))


def access(
    lines: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame, *, counts: dict[str, int], seed: int
) -> gpd.GeoDataFrame:
    """Layer `access`: exchanges in office buildings, cabinets and handholes on ducts, splitters at homes.

    Parameters
    ----------
    lines : geopandas.GeoDataFrame
        Layer `ducts`.
    buildings : geopandas.GeoDataFrame
        use, floors, geometry.
    counts : dict
        How many of each kind.
    seed : int
        Same seed, same points.
    """
    generator = rng(seed, "access")
    duct = lines[(lines["medium"] == "duct") & (lines.length > SHORTEST_M)].geometry.to_numpy()
    ends = shapely.points(np.unique(shapely.get_coordinates(shapely.get_point(duct, 0)), axis=0))
    office = buildings[buildings["use"].isin(["office", "public"]) & (buildings["floors"] > 1)].geometry.to_numpy()
    home = buildings[(buildings["use"] == "residential") & (buildings["floors"] > 1)].geometry.to_numpy()
    middle = shapely.line_interpolate_point(duct, 0.4, normalized=True)
    trials = {
        "exchange": shapely.centroid(office),
        "cabinet": middle,
        "handhole": np.concatenate([ends, shapely.line_interpolate_point(duct, 0.6, normalized=True)]),
        "splitter": shapely.centroid(home),
    }
    parts = []
    for kind in ACCESS_KINDS:
        chosen = np.sort(generator.permutation(len(trials[kind]))[: counts[kind]])
        parts.append(_points(kind, trials[kind][chosen], generator))
    both = gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), geometry="geometry", crs=CRS)
    return both.assign(access_id=ids(seed, "access", len(both)), source=source(seed))[ACCESS_COLUMNS]


PORTS_MOST = {"exchange": 960, "cabinet": 72, "handhole": 0, "splitter": 8}
FIBRES_MOST = {"exchange": 576, "cabinet": 144, "handhole": 24, "splitter": 4}


def _points(kind: str, points: np.ndarray, generator: np.random.Generator) -> gpd.GeoDataFrame:
    count = len(points)
    lost = generator.random(count) < UNKNOWN_SHARE
    ports = np.floor(generator.random(count) * PORTS_MOST[kind])
    fibres = np.floor(generator.random(count) * FIBRES_MOST[kind])
    columns = {
        "name": [f"{ACCESS_WORD[kind]}{i + 1:04d}" for i in range(count)],
        "kind": kind,
        "owner_org": draw(generator, OWNERS, count),
        "ports_free": np.where(lost | (PORTS_MOST[kind] == 0), np.nan, ports),
        "fibres_free": np.where(lost, np.nan, fibres),
        "status": draw(generator, "existing:96;planned:4", count),
    }
    return gpd.GeoDataFrame(columns, geometry=points, crs=CRS)
