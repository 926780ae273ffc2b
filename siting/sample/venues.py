"""Key venues in the eleven scene classes: known names, and plausible ones for the rest."""

from __future__ import annotations

from datetime import date

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from siting.sample.tables import CRS, draw, ids, rng, source, table

KNOWN_SOURCE = "general knowledge: name; position approximate"
PROFILE = "target-105"
METRO_BUFFER_M, EDGE_STEP_M, EDGE_RADIUS_M = 45.0, 300.0, 60.0
COLUMNS = [
    "venue_id",
    "name",
    "class",
    "street_office",
    "people",
    "people_kind",
    "as_of",
    "source",
    "threshold_profile",
    "geometry",
]


def venues(
    layers: dict[str, gpd.GeoDataFrame], extent: shapely.Polygon, *, count: int, seed: int, as_of: date
) -> gpd.GeoDataFrame:
    """Layer `venues` (without sub-district): exactly the asked number.

    Parameters
    ----------
    layers : dict
        buildings, roads, greens, communities, streets of this district.
    extent : shapely.Polygon
        Where.
    count : int
        How many; residential estates make up for what other classes lack.
    seed : int
        Same seed, same venues.
    as_of : datetime.date
        Date of the data.
    """
    generator = rng(seed, "venues")
    small = count < table("venue_classes")["count"].sum()
    parts = [_known(extent), _metro(layers["places"], generator)]
    shapes = _hosts(layers, extent)
    recipes = table("venue_classes").set_index("class", drop=False)
    for name, recipe in recipes.iterrows():
        wanted = int(recipe["count_small" if small else "count"])
        if name not in ("metro", "residential_estate"):
            parts.append(_made(recipe.to_dict(), shapes[recipe["host_use"]], wanted, layers, generator))
    others = pd.concat([part for part in parts if len(part)], ignore_index=True).iloc[:count]
    estates = _made(
        recipes.loc["residential_estate"].to_dict(), shapes["residential"], count - len(others), layers, generator
    )
    both = gpd.GeoDataFrame(pd.concat([others, estates], ignore_index=True), geometry="geometry", crs=CRS)
    both["venue_id"] = ids(seed, "venues", len(both))
    both["source"] = both["source"].where(both["source"].notna(), source(seed))
    return both.assign(as_of=as_of, threshold_profile=PROFILE, street_office=None)[COLUMNS]


def _known(extent: shapely.Polygon) -> gpd.GeoDataFrame:
    known = table("venues_known")
    points = shapely.points(known["easting_m"].to_numpy(float), known["northing_m"].to_numpy(float))
    frame = gpd.GeoDataFrame(known[["name", "class", "people", "people_kind"]], geometry=points, crs=CRS).assign(
        source=KNOWN_SOURCE
    )
    places = table("places").set_index("name")
    for i, name in enumerate(known["name"]):
        if name in places.index:
            e, n, w, d = (
                float(places.loc[name, column]) for column in ("easting_m", "northing_m", "width_m", "depth_m")
            )
            frame.loc[i, "geometry"] = shapely.box(e - w / 2, n - d / 2, e + w / 2, n + d / 2)
    return frame[shapely.contains(extent, shapely.centroid(frame.geometry.to_numpy()))]


def _metro(places: gpd.GeoDataFrame, generator: np.random.Generator) -> gpd.GeoDataFrame:
    """One venue around the entrances of each station."""
    entrances = places[places["class"] == "metro_entrance"]
    station = entrances["name"].str[:-2]
    recipe = table("venue_classes").set_index("class").loc["metro"]
    groups = list(entrances.groupby(station, sort=True))
    people = np.round(generator.uniform(recipe["people_low"], recipe["people_high"], len(groups)), -2)
    rows = [
        (name, "metro", persons, recipe["people_kind"], _around(group.geometry.to_numpy()))
        for (name, group), persons in zip(groups, people, strict=True)
    ]
    return gpd.GeoDataFrame(rows, columns=["name", "class", "people", "people_kind", "geometry"], crs=CRS)


def _around(points: np.ndarray) -> shapely.Polygon:
    return shapely.multipoints(points).convex_hull.buffer(METRO_BUFFER_M, quad_segs=3)


def _hosts(layers: dict[str, gpd.GeoDataFrame], extent: shapely.Polygon) -> dict[str, gpd.GeoDataFrame]:
    """Shapes a venue of each kind may take: name where the host has one, geometry."""
    large = layers["buildings"][layers["buildings"]["floors"] > 1]
    centres = _shapes(shapely.centroid(large.geometry.to_numpy()))
    hosts = dict.fromkeys(table("parcel_kinds")["use"], centres)
    hosts |= {use: centres.iloc[rows] for use, rows in large.reset_index().groupby("use").indices.items()}
    courses = table("lines")
    arterial = layers["roads"][layers["roads"]["name"].isin(courses.loc[courses["kind"] == "road", "name"])]
    merged = arterial.dissolve("name")
    hosts["road"] = _shapes(shapely.line_merge(merged.geometry.to_numpy()), merged.index.to_numpy(object))
    hosts["green"] = _shapes(layers["greens"].geometry.to_numpy())
    edge = shapely.points(shapely.get_coordinates(shapely.segmentize(extent.exterior, EDGE_STEP_M)))
    hosts["edge"] = _shapes(shapely.buffer(edge, EDGE_RADIUS_M, quad_segs=4) & extent)
    estates = layers["communities"]["name"].str.replace("社区居委会", "小区").to_numpy(object)
    hosts["residential"] = _shapes(layers["communities"].geometry.to_numpy(), estates)
    return hosts


def _shapes(geometry: np.ndarray, name: np.ndarray | None = None) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"name": name}, geometry=geometry, crs=CRS, index=range(len(geometry)))


def _made(
    recipe: dict,
    hosts: gpd.GeoDataFrame,
    count: int,
    layers: dict[str, gpd.GeoDataFrame],
    generator: np.random.Generator,
) -> gpd.GeoDataFrame:
    """Venues of one class at random hosts, with names after road, sub-district or host."""
    chosen = hosts.iloc[generator.permutation(len(hosts))[: max(count, 0)]]
    middle = shapely.point_on_surface(chosen.geometry.to_numpy())
    named = layers["roads"][layers["roads"]["name"].notna()]
    patterns = draw(generator, recipe["names"], len(chosen))
    parts = zip(patterns, _nearest(middle, named), _nearest(middle, layers["streets"]), chosen["name"], strict=True)
    names = [str(pattern).format(road=road, street=street, name=own) for pattern, road, street, own in parts]
    people = np.round(generator.uniform(recipe["people_low"], recipe["people_high"], len(chosen)), -1)
    columns = {"class": recipe["class"], "people": people, "people_kind": recipe["people_kind"]}
    return gpd.GeoDataFrame({"name": _numbered(names), **columns}, geometry=chosen.geometry.to_numpy(), crs=CRS)


def _nearest(points: np.ndarray, places: gpd.GeoDataFrame) -> np.ndarray:
    """Name of the nearest place."""
    names: np.ndarray = places["name"].to_numpy(object)[shapely.STRtree(places.geometry.to_numpy()).nearest(points)]
    return names


def _numbered(names: list[str]) -> list[str]:
    """Second and later bearers of a name get a number."""
    frame = pd.Series(names, dtype=object)
    number = frame.groupby(frame).cumcount() + 1
    return [name if n == 1 else f"{name}{n}" for name, n in zip(names, number, strict=True)]
