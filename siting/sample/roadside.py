"""Points and lines of the street: lights, signals, cameras, poles, bridges, entrances."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from siting.sample.ground import Ground, carriageways
from siting.sample.tables import CRS, rng, table, targets

SHORTEST_ARM_M, SHORTEST_CROSSED_M = 30.0, 60.0
KERB_M, CORNER_M, POWER_SPACING_M, MULTI_SPACING_M = 0.8, 4.0, 46.0, 70.0
ENTRANCES_PER_STATION, ENTRANCE_TRIALS, ENTRANCE_REACH_M = 4, 40, (14.0, 60.0)


def street_furniture(ground: Ground, *, seed: int, size: str) -> gpd.GeoDataFrame:
    """Everything that stands along streets: class, road_name, road_class, edge, name, geometry.

    Parameters
    ----------
    ground : Ground
        The plan.
    seed : int
        Same seed, same places.
    size : str
        ``full`` or ``small``: how many of each class.
    """
    aim = targets(size)
    roads = ground.roads
    corners = _corners(roads)
    lanes = roads[(roads["class"] == "residential") & ~roads["bridge"] & ~roads["tunnel"]]
    wide = roads[roads["class"].isin(["primary", "secondary"]) & ~roads["tunnel"]]
    trials = {
        "traffic_signal": corners.assign(geometry=_beside(corners, corners["width_m"] / 2 + KERB_M)),
        "police_camera": corners.assign(geometry=_beside(corners, -(corners["width_m"] / 2 + 2 * KERB_M))),
        "power_pole": _along(lanes, spacing_m=POWER_SPACING_M, side=-1),
        "multi_pole": _along(wide, spacing_m=MULTI_SPACING_M, side=1, more_m=1.6),
        "sign_gantry": _along(wide[wide["class"] == "primary"], spacing_m=120.0, side=1, more_m=2.4),
    }
    lights = _lights(ground, int(aim["street_light"]), rng(seed, "street_light"))
    parts = [lights.assign(**{"class": "street_light"})]
    for name, places in trials.items():
        free = _off_road(places, ground)
        chosen = np.sort(rng(seed, name).permutation(len(free))[: int(aim[name])])
        parts.append(free.iloc[chosen].assign(**{"class": name}))
    parts += [_bridges(roads), _overpasses(roads, int(aim["overpass"]), rng(seed, "overpass")), _tunnels(roads)]
    parts.append(_entrances(ground, int(aim["metro_entrance"]), rng(seed, "metro_entrance")))
    columns = ["class", "name", "road_name", "edge", "geometry"]
    both = pd.concat([part.reindex(columns=columns) for part in parts if len(part)], ignore_index=True)
    return gpd.GeoDataFrame(both, geometry="geometry", crs=CRS)


def _along(
    roads: gpd.GeoDataFrame, *, spacing_m: float | np.ndarray, side: int, more_m: float = 0.0
) -> gpd.GeoDataFrame:
    """Evenly spaced points beside edges; side 1 is right of the drawn direction."""
    length = roads.length.to_numpy()
    count = np.where(length > 0.8 * spacing_m, np.maximum(np.round(length / spacing_m), 1), 0).astype(np.int64)
    edge = np.repeat(np.arange(len(roads)), count)
    step = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count)
    along = (step + 0.5) * (length / np.maximum(count, 1))[edge]
    offset = side * (roads["width_m"].to_numpy(float)[edge] / 2 + KERB_M + more_m)
    points = _offset_points(roads.geometry.to_numpy()[edge], along, offset)
    return gpd.GeoDataFrame(
        {"edge": roads.index.to_numpy()[edge], "road_name": roads["name"].to_numpy(object)[edge], "side": side},
        geometry=points,
        crs=CRS,
    )


def _offset_points(line: np.ndarray, along_m: np.ndarray, offset_m: np.ndarray) -> np.ndarray:
    """Points at a distance along lines, moved sideways to the right [m]."""
    at = shapely.get_coordinates(shapely.line_interpolate_point(line, along_m))
    before = shapely.get_coordinates(shapely.line_interpolate_point(line, np.maximum(along_m - 1, 0)))
    after = shapely.get_coordinates(shapely.line_interpolate_point(line, along_m + 1))
    way = after - before
    way /= np.maximum(np.hypot(way[:, 0], way[:, 1]), 1e-9)[:, None]
    right = np.column_stack([way[:, 1], -way[:, 0]])
    return shapely.points(at + right * np.asarray(offset_m, float)[:, None])


def _off_road(places: gpd.GeoDataFrame, ground: Ground) -> gpd.GeoDataFrame:
    """Without what would stand on another carriageway, in water, on rails or outside."""
    points = places.geometry.to_numpy()
    hit = np.zeros(len(points), dtype=bool)
    hit[np.unique(shapely.STRtree(carriageways(ground.roads, verge=False)).query(points, predicate="within")[0])] = True
    bridge = ground.roads["bridge"].reindex(places["edge"]).fillna(value=False).to_numpy(bool)
    for band in (ground.water, ground.rail, ground.extent):
        shapely.prepare(band)
    wet = (shapely.contains(ground.water, points) & ~bridge) | shapely.contains(ground.rail, points)
    return places[~hit & ~wet & shapely.contains(ground.extent, points)].reset_index(drop=True)


def _lights(ground: Ground, count: int, generator: np.random.Generator) -> gpd.GeoDataFrame:
    """Lights along all streets, important streets first, until the number is reached."""
    classes = table("road_classes").set_index("class")
    roads = ground.roads[~ground.roads["tunnel"]]
    parts = []
    for name, row in classes.iterrows():
        own = roads[roads["class"] == name]
        spacing, rank = float(row["light_spacing_m"]), int(row["light_rank"])
        sides = (1, -1)[: int(row["light_sides"])]
        parts += [_along(own, spacing_m=spacing, side=side).assign(rank=rank) for side in sides]
    free = _off_road(gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), crs=CRS), ground)
    turn = (
        pd.Series(generator.permutation(len(ground.roads)), index=ground.roads.index).reindex(free["edge"]).to_numpy()
    )
    order = np.lexsort([np.arange(len(free)), turn, free["rank"].to_numpy()])[:count]
    return free.iloc[np.sort(order)].reset_index(drop=True)


def _corners(roads: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """One row per street end at a junction of streets above lanes: edge, along_m, width_m, line."""
    main = roads[
        (roads["class"] != "residential") & ~roads["bridge"] & ~roads["tunnel"] & (roads.length > SHORTEST_ARM_M)
    ]
    line, width = main.geometry.to_numpy(), main["width_m"].to_numpy(float)
    ends = np.concatenate([shapely.get_point(line, 0), shapely.get_point(line, -1)])
    key = pd.MultiIndex.from_arrays(np.round(shapely.get_coordinates(ends), 1).T)
    both = pd.DataFrame(
        {
            "node": pd.factorize(key)[0],
            "row": np.tile(np.arange(len(main)), 2),
            "start": np.repeat([True, False], len(main)),
        }
    )
    both["width"] = width[both["row"]]
    both["degree"] = both.groupby("node")["row"].transform("size")
    both["wide"] = both.groupby("node")["width"].transform("max")
    both = both[both["degree"] > 2].sort_values(["node", "row"], kind="stable")  # noqa: PLR2004 - a junction has three arms
    away = both["wide"].to_numpy() / 2 + CORNER_M
    row = both["row"].to_numpy()
    along = np.where(both["start"], away, shapely.length(line[row]) - away)
    columns = {
        "edge": main.index.to_numpy()[row],
        "road_name": main["name"].to_numpy(object)[row],
        "along_m": along,
        "width_m": width[row],
    }
    return gpd.GeoDataFrame(columns, geometry=line[row], crs=CRS)


def _beside(corners: gpd.GeoDataFrame, offset_m: pd.Series) -> np.ndarray:
    along = np.clip(corners["along_m"].to_numpy(), 0, corners.length.to_numpy())
    return _offset_points(corners.geometry.to_numpy(), along, offset_m.to_numpy())


def _bridges(roads: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    over = roads[roads["bridge"]]
    number = over.groupby(over["name"].fillna("无名")).cumcount() + 1
    names = [
        f"{name if isinstance(name, str) else '小区路'}桥{i}" for name, i in zip(over["name"], number, strict=True)
    ]
    return over.assign(name=names, road_name=over["name"], edge=over.index, **{"class": "bridge"})


def _tunnels(roads: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    under = roads[roads["tunnel"] & roads["class"].isin(["primary", "secondary"])]
    return under.assign(name=under["name"] + "地道", road_name=under["name"], edge=under.index, **{"class": "tunnel"})


def _overpasses(roads: gpd.GeoDataFrame, count: int, generator: np.random.Generator) -> gpd.GeoDataFrame:
    """Footbridges across main streets, at mid-block."""
    wide = roads[
        (roads["class"] == "primary") & ~roads["bridge"] & ~roads["tunnel"] & (roads.length > SHORTEST_CROSSED_M)
    ]
    wide = wide.iloc[np.sort(generator.permutation(len(wide))[:count])]
    line, half = wide.geometry.to_numpy(), wide["width_m"].to_numpy(float) / 2 + 2
    middle = shapely.length(line) / 2
    ends = [_offset_points(line, middle, sign * half) for sign in (-1, 1)]
    across = shapely.linestrings(np.stack([shapely.get_coordinates(end) for end in ends], axis=1))
    return wide.set_geometry(across).assign(
        name=wide["name"] + "人行天桥", road_name=wide["name"], edge=wide.index, **{"class": "overpass"}
    )


def _entrances(ground: Ground, count: int, generator: np.random.Generator) -> gpd.GeoDataFrame:
    """Four entrances around each station, lettered, beside the carriageways."""
    stations = table("stations")
    seats = shapely.points(stations["easting_m"].to_numpy(float), stations["northing_m"].to_numpy(float))
    shapely.prepare(ground.extent)
    near = np.flatnonzero(shapely.contains(ground.extent.buffer(-60), seats))
    quarter = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])
    reach = generator.uniform(*ENTRANCE_REACH_M, (len(near), ENTRANCES_PER_STATION, ENTRANCE_TRIALS, 2))
    at = shapely.get_coordinates(seats[near])[:, None, None, :] + quarter[None, :, None, :] * reach
    label = [f"{stations['name'][i]}站{letter}口" for i in near for letter in "ABCD"[:ENTRANCES_PER_STATION]]
    frame = gpd.GeoDataFrame(
        {"name": np.repeat(label, ENTRANCE_TRIALS)}, geometry=shapely.points(at.reshape(-1, 2)), crs=CRS
    )
    free = _off_road(frame.assign(edge=-1, road_name=None), ground)
    on_parcel = np.unique(
        shapely.STRtree(ground.parcels.geometry.to_numpy()).query(free.geometry.to_numpy(), predicate="within")[0]
    )
    first = free.drop(index=on_parcel).drop_duplicates("name")
    return first.iloc[:count].assign(**{"class": "metro_entrance"})
