"""The whole synthetic district, layer by layer."""

from __future__ import annotations

from datetime import date

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from siting.errors import BadInput
from siting.sample import assets, building, fibre, ground, people, roadside, stations, venues, zoning
from siting.sample.tables import CRS, SIZES, draw, ids, rng, snap, source, targets

AS_OF, SEED = date(2026, 11, 1), 2026
LAYERS = (
    "districts",
    "buildings",
    "roads",
    "landcover",
    "demand",
    "venues",
    "access",
    "ducts",
    "sites",
    "sectors",
    "assets",
)
WORK_M2_PER_PERSON = {
    "office": 16.0,
    "mall": 30.0,
    "school": 14.0,
    "hospital": 25.0,
    "public": 28.0,
    "hub": 40.0,
    "industrial": 60.0,
}
VISITED = ("mall", "hub", "hospital")
BUILDING_COLUMNS = [
    "building_id",
    "name",
    "height_m",
    "floors",
    "use",
    "building_class",
    "residents",
    "street_office",
    "source",
    "geometry",
]
ROAD_COLUMNS = ["road_id", "name", "class", "lanes", "width_m", "bridge", "tunnel", "surface", "source", "geometry"]


def make(
    *,
    seed: int = SEED,
    size: str = "full",
    as_of: date = AS_OF,
    boundary: gpd.GeoDataFrame,
    offices: gpd.GeoDataFrame,
    communities: gpd.GeoDataFrame,
) -> dict[str, gpd.GeoDataFrame]:
    """A seeded synthetic district inside a real boundary, for trying things out and for tests.

    Parameters
    ----------
    seed : int
        Same seed, same district.
    size : str
        ``full``: the whole boundary; ``small``: one square kilometre of it, in a second.
    as_of : datetime.date
        Nothing in the data is dated later.
    boundary : geopandas.GeoDataFrame
        One polygon, EPSG:4548, with ``name``.
    offices : geopandas.GeoDataFrame
        Sub-districts: ``code``, ``name``, seat as point.
    communities : geopandas.GeoDataFrame
        ``code``, ``name``, ``street_code``, point or missing geometry.

    Returns
    -------
    dict of str to geopandas.GeoDataFrame
        One frame for each of `LAYERS`, EPSG:4548; unknown values are None or NaN.

    Raises
    ------
    BadInput
        If the size is unknown, or a frame is not in EPSG:4548.

    Notes
    -----
    Everything but the boundary and the names is invented; the wrong choice wherever a real number is wanted.
    """
    _check(size, boundary=boundary, offices=offices, communities=communities)
    edge = shapely.union_all(boundary.geometry.to_numpy())
    plan = ground.survey(edge, seed=seed, size=size)
    parcels, greens = zoning.zone(plan, seed=seed, size=size)
    streets = people.divide(edge, plan.extent, offices)
    quarters = people.settle(streets, communities, seed=seed)
    houses = building.build(parcels, seed=seed)
    houses["street_office"] = people.office_of(assets.anchor(houses.geometry.to_numpy()), streets)
    houses["residents"] = people.house(houses, population=int(targets(size)["population"]), seed=seed)
    name = str(boundary["name"].iloc[0])
    layers = {
        "districts": people.districts(
            plan.extent, streets, quarters, houses, name=name, whole=size == "full", seed=seed
        ),
        "buildings": houses[BUILDING_COLUMNS],
        "roads": _roads(plan, seed),
        "landcover": _landcover(plan, greens, seed),
        "demand": _demand(houses, seed, as_of),
    }
    layers |= _hosted(plan, greens, houses, streets, quarters, seed=seed, size=size, as_of=as_of)
    return {layer: _rounded(layers[layer]) for layer in LAYERS}


def _check(size: str, **frames: gpd.GeoDataFrame) -> None:
    if size not in SIZES:
        raise BadInput("sample.size", value=size, allowed=", ".join(SIZES))
    for name, frame in frames.items():
        if frame.crs is None or frame.crs.to_string() != CRS:
            raise BadInput("sample.crs", frame=name, value=str(frame.crs), expected=CRS)


def _hosted(
    plan: ground.Ground,
    greens: gpd.GeoDataFrame,
    houses: gpd.GeoDataFrame,
    streets: gpd.GeoDataFrame,
    quarters: gpd.GeoDataFrame,
    *,
    seed: int,
    size: str,
    as_of: date,
) -> dict[str, gpd.GeoDataFrame]:
    """Assets, sites, venues and fibre."""
    aim = targets(size)
    furniture = roadside.street_furniture(plan, seed=seed, size=size)
    poles = stations.towers(greens, plan.parcels, houses, int(aim["telecom_tower"]), seed=seed)
    lawns = greens.assign(road_name=None, **{"class": "green_space"})
    places = pd.concat(
        [furniture, lawns, assets.roofs(houses, int(aim["public_roof"]), seed=seed), poles], ignore_index=True
    )
    places["street_office"] = people.office_of(assets.anchor(places.geometry.to_numpy()), streets)
    shared = assets.describe(gpd.GeoDataFrame(places, geometry="geometry", crs=CRS), seed=seed, as_of=as_of)
    masts = shared[shared["class"] == "telecom_tower"]
    sites, sectors = stations.existing(
        houses,
        masts,
        plan.extent,
        per_network=int(aim["sites_per_network"]),
        holes=int(aim["holes"]),
        seed=seed,
        as_of=as_of,
    )
    context = {
        "buildings": houses,
        "roads": plan.roads,
        "greens": greens,
        "communities": quarters,
        "streets": streets,
        "places": furniture,
    }
    spots = venues.venues(context, plan.extent, count=int(aim["venues"]), seed=seed, as_of=as_of)
    spots["street_office"] = people.office_of(assets.anchor(spots.geometry.to_numpy()), streets)
    ducts = fibre.ducts(plan.roads, seed=seed)
    counts = {kind: int(aim[kind]) for kind in fibre.ACCESS_KINDS}
    access = fibre.access(ducts, houses, counts=counts, seed=seed)
    return {"assets": shared, "sites": sites, "sectors": sectors, "venues": spots, "ducts": ducts, "access": access}


def _roads(plan: ground.Ground, seed: int) -> gpd.GeoDataFrame:
    roads = plan.roads
    surface = draw(rng(seed, "surface"), "asphalt:9;paved:1", len(roads))
    return roads.assign(road_id=ids(seed, "roads", len(roads)), surface=surface, source=source(seed))[ROAD_COLUMNS]


def _landcover(plan: ground.Ground, greens: gpd.GeoDataFrame, seed: int) -> gpd.GeoDataFrame:
    wet = ground.waters(plan.extent)
    green = gpd.GeoDataFrame(
        {"kind": "green", "name": greens["name"].to_numpy(object)}, geometry=greens.geometry.to_numpy(), crs=CRS
    )
    both = gpd.GeoDataFrame(pd.concat([wet, green], ignore_index=True), geometry="geometry", crs=CRS)
    both = both.assign(landcover_id=ids(seed, "landcover", len(both)), source=source(seed))
    return both[["landcover_id", "kind", "name", "source", "geometry"]]


def _demand(houses: gpd.GeoDataFrame, seed: int, as_of: date) -> gpd.GeoDataFrame:
    """Workers and visitors by day; residents are a column of the buildings."""
    busy = houses[houses["use"].isin(list(WORK_M2_PER_PERSON)) & (houses["floors"] > 1)]
    area = busy.area.to_numpy() * busy["floors"].to_numpy()
    per_person = busy["use"].map(WORK_M2_PER_PERSON).to_numpy(float)
    persons = np.round(area / per_person * rng(seed, "demand").uniform(0.5, 1.0, len(busy)))
    columns = {
        "demand_id": ids(seed, "demand", len(busy)),
        "persons": persons,
        "kind": np.where(busy["use"].isin(VISITED), "visitor", "worker"),
        "as_of": as_of,
        "source": source(seed),
    }
    return gpd.GeoDataFrame(columns, geometry=assets.anchor(busy.geometry.to_numpy()), crs=CRS)


def _rounded(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Coordinates at the shipped precision, so that files and memory agree."""
    return frame.set_geometry(snap(frame.geometry.to_numpy())).set_crs(CRS, allow_override=True).reset_index(drop=True)
