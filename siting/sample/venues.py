"""Key venues in the eleven scene classes: known names, and plausible ones for the rest."""

from __future__ import annotations

from datetime import date

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from siting.sample.tables import CRS, draw, ids, rng, source, table

KNOWN_SOURCE = "general knowledge: name; position approximate"
PROFILE, MAIN_ROADS, METRO_BUFFER_M = "target-105", ("primary", "secondary"), 45.0
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


def _hosts(layers: dict[str, gpd.GeoDataFrame], extent: shapely.Polygon) -> dict[str, np.ndarray]:
    """Shapes a venue of each kind may take."""
    buildings = layers["buildings"]
    large = buildings[buildings["floors"] > 1]
    anywhere = shapely.centroid(large.geometry.to_numpy())
    shapes = dict.fromkeys(table("parcel_kinds")["use"], anywhere)
    shapes |= {use: shapely.centroid(group.geometry.to_numpy()) for use, group in large.groupby("use", sort=True)}
    main = layers["roads"][layers["roads"]["class"].isin(MAIN_ROADS) & layers["roads"]["name"].notna()]
    merged = main.dissolve("name")
    shapes["road"] = shapely.line_merge(merged.geometry.to_numpy())
    shapes["green"] = layers["greens"].geometry.to_numpy()
    edge = shapely.segmentize(extent.exterior, 300)
    shapes["edge"] = shapely.buffer(shapely.points(shapely.get_coordinates(edge)), 60, quad_segs=4) & extent
    shapes["residential"] = layers["communities"].geometry.to_numpy()
    return shapes


def _made(
    recipe: dict, shapes: np.ndarray, count: int, layers: dict[str, gpd.GeoDataFrame], generator: np.random.Generator
) -> gpd.GeoDataFrame:
    """Venues of one class at random hosts, with names after road, sub-district or community."""
    chosen = generator.permutation(len(shapes))[: max(count, 0)]
    geometry = shapes[chosen]
    middle = shapely.point_on_surface(geometry)
    named = layers["roads"][layers["roads"]["name"].notna()]
    road = named["name"].to_numpy(object)[shapely.STRtree(named.geometry.to_numpy()).nearest(middle)]
    street = layers["streets"]["name"].to_numpy(object)[
        shapely.STRtree(layers["streets"].geometry.to_numpy()).nearest(middle)
    ]
    near = shapely.STRtree(layers["communities"].geometry.to_numpy()).nearest(middle)
    estate = layers["communities"]["name"].str.replace("社区居委会", "小区").to_numpy(object)[near]
    patterns = (
        draw(generator, recipe["names"], len(chosen)) if ":" in recipe["names"] else [recipe["names"]] * len(chosen)
    )
    names = [
        str(pattern).format(road=way, street=office, community=home)
        for pattern, way, office, home in zip(patterns, road, street, estate, strict=True)
    ]
    if recipe["host_use"] == "road":
        merged = layers["roads"][layers["roads"]["class"].isin(MAIN_ROADS) & layers["roads"]["name"].notna()].dissolve(
            "name"
        )
        names = list(merged.index.to_numpy(object)[chosen])
    people = np.round(generator.uniform(recipe["people_low"], recipe["people_high"], len(chosen)), -1)
    columns = {
        "name": _numbered(names),
        "class": recipe["class"],
        "people": people,
        "people_kind": recipe["people_kind"],
    }
    return gpd.GeoDataFrame(columns, geometry=geometry, crs=CRS)


def _numbered(names: list[str]) -> list[str]:
    """Second and later bearers of a name get a number."""
    frame = pd.Series(names, dtype=object)
    number = frame.groupby(frame).cumcount() + 1
    return [name if n == 1 else f"{name}{n}" for name, n in zip(names, number, strict=True)]
