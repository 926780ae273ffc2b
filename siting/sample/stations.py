"""Existing 5G sites of the two shared networks, on roofs and towers, with the holes a real city has."""

from __future__ import annotations

from datetime import date, timedelta

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from siting.sample.tables import CRS, draw, ids, rng, source, table

ROOF_HEIGHT_M, MAST_M = (15.0, 45.0), (2.0, 5.0)
SPACINGS_M = (330.0, 290.0, 255.0, 225.0, 195.0, 165.0, 135.0, 105.0, 80.0, 55.0)
SECTOR_AZIMUTHS_DEG = np.array([0.0, 120.0, 240.0])
SITE_COLUMNS = [
    "site_id",
    "site_no",
    "name",
    "street_office",
    "host_class",
    "tower_owner",
    "tenants",
    "site_type",
    "height_m",
    "technologies",
    "commissioned_on",
    "retired_on",
    "power_mode",
    "source",
    "as_of",
    "geometry",
]
SECTOR_COLUMNS = [
    "sector_id",
    "site_id",
    "network",
    "azimuth_deg",
    "mechanical_tilt_deg",
    "electrical_tilt_deg",
    "antenna_height_m",
    "mount",
    "equipment",
    "band",
    "power_w",
    "n_rb",
    "gain_dbi",
    "pattern",
    "source",
    "geometry",
]


def towers(
    greens: gpd.GeoDataFrame, parcels: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame, count: int, *, seed: int
) -> gpd.GeoDataFrame:
    """Places of ground towers, clear of buildings, half of them in green spaces: class, name, road_name, geometry."""
    generator = rng(seed, "telecom_tower")
    west, south, east, north = parcels.total_bounds
    anywhere = shapely.points(generator.uniform((west, south), (east, north), (count * 40 + 200, 2)))
    on_land, _ = shapely.STRtree(parcels.geometry.to_numpy()).query(anywhere, predicate="within")
    in_green = shapely.point_on_surface(greens.geometry.to_numpy())
    trial = np.concatenate(
        [in_green[generator.permutation(len(in_green))[: count // 2 + 1]], anywhere[np.unique(on_land)]]
    )
    near = np.unique(shapely.STRtree(buildings.geometry.to_numpy()).query(trial, predicate="dwithin", distance=6.0)[0])
    free = np.delete(trial, near)[:count]
    return gpd.GeoDataFrame(
        {"class": "telecom_tower", "name": None, "road_name": None}, geometry=free, crs=CRS, index=range(len(free))
    )


def existing(
    buildings: gpd.GeoDataFrame,
    places: gpd.GeoDataFrame,
    extent: shapely.Polygon,
    *,
    per_network: int,
    holes: int,
    seed: int,
    as_of: date,
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Sites and sectors of every shared network.

    Parameters
    ----------
    buildings : geopandas.GeoDataFrame
        height_m, street_office, residents, geometry.
    places : geopandas.GeoDataFrame
        Tower assets: height_m, street_office, geometry.
    extent : shapely.Polygon
        Where.
    per_network, holes : int
        Number of sites of each network, and of gaps each network has.
    seed : int
        Same seed, same sites.
    as_of : datetime.date
        Nothing is commissioned later.

    Returns
    -------
    sites, sectors : geopandas.GeoDataFrame
        `SITE_COLUMNS` and `SECTOR_COLUMNS`.
    """
    hosts = _hosts(buildings, places, seed)
    first: np.ndarray | None = None
    parts = []
    for network in table("networks").to_dict("records"):
        generator = rng(seed, f"sites/{network['network']}")
        open_to = hosts[~_in_holes(hosts.geometry.to_numpy(), extent, holes, generator)].reset_index(drop=True)
        chosen = _spread(open_to, per_network, generator, first)
        first = shapely.get_coordinates(open_to.geometry.to_numpy()[chosen])
        parts.append(_records(open_to.iloc[chosen].reset_index(drop=True), network, generator, as_of))
    sites = gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), geometry="geometry", crs=CRS)
    sites["site_id"] = ids(seed, "sites", len(sites))
    sites["source"] = source(seed)
    return sites[SITE_COLUMNS], _sectors(sites, seed)


def _hosts(buildings: gpd.GeoDataFrame, places: gpd.GeoDataFrame, seed: int) -> gpd.GeoDataFrame:
    """Where antennas may already be: roofs of fitting height, and towers."""
    generator = rng(seed, "hosts")
    tall = buildings[buildings["height_m"].between(*ROOF_HEIGHT_M)]
    roof = gpd.GeoDataFrame(
        {
            "host_class": np.where(tall["use"].isin(["public", "school", "hospital"]), "public_roof", "private_roof"),
            "mount": "roof",
            "antenna_m": np.round(tall["height_m"].to_numpy() + generator.uniform(*MAST_M, len(tall)), 1),
            "street_office": tall["street_office"].to_numpy(object),
        },
        geometry=shapely.centroid(tall.geometry.to_numpy()),
        crs=CRS,
    )
    tower = gpd.GeoDataFrame(
        {
            "host_class": "telecom_tower",
            "mount": "tower",
            "antenna_m": places["height_m"].to_numpy(float) - 1.0,
            "street_office": places["street_office"].to_numpy(object),
        },
        geometry=places.geometry.to_numpy(),
        crs=CRS,
    )
    return gpd.GeoDataFrame(pd.concat([roof, tower], ignore_index=True), geometry="geometry", crs=CRS)


def _in_holes(points: np.ndarray, extent: shapely.Polygon, holes: int, generator: np.random.Generator) -> np.ndarray:
    """Whether points lie where no roof was to be had."""
    west, south, east, north = extent.bounds
    centre = generator.uniform((west, south), (east, north), (holes, 2))
    radius = generator.uniform(220.0, 430.0, holes)
    xy = shapely.get_coordinates(points)
    return (np.hypot(xy[:, :1] - centre[:, 0], xy[:, 1:] - centre[:, 1]) < radius).any(axis=1)


def _spread(
    hosts: gpd.GeoDataFrame, count: int, generator: np.random.Generator, before: np.ndarray | None
) -> np.ndarray:
    """Hosts far from each other: towers and hosts of the other network first, then ever closer roofs."""
    xy = shapely.get_coordinates(hosts.geometry.to_numpy())
    eager = generator.random(len(hosts))
    eager[hosts["mount"] == "tower"] *= 0.2
    if before is not None:
        shared = np.isin(np.round(xy @ [1.0, 1e-7], 6), np.round(before @ [1.0, 1e-7], 6))
        eager[shared & (generator.random(len(hosts)) < SHARED_SHARE)] *= 0.05
    order = np.argsort(eager, kind="stable")
    taken: list[int] = []
    for spacing in SPACINGS_M:
        for i in order:
            if len(taken) == count:
                return np.array(taken)
            if not taken or np.min(np.hypot(*(xy[taken] - xy[i]).T)) >= spacing:
                taken.append(int(i))
    return np.array(taken)


SHARED_SHARE = 0.5  # of the first network's hosts are offered first to the second


def _records(hosts: gpd.GeoDataFrame, network: dict, generator: np.random.Generator, as_of: date) -> gpd.GeoDataFrame:
    count = len(hosts)
    prefix = network["prefix"]
    days = generator.integers(90, 2400, count)
    both = generator.random(count) < network["lte_share"]
    return hosts.assign(
        network=network["network"],
        site_no=[f"{prefix}-NK-{i + 1:04d}" for i in range(count)],
        name=[f"{office}{prefix}{i + 1:03d}站" for i, office in enumerate(hosts["street_office"])],
        tower_owner=draw(generator, network["tower_owner"], count),
        tenants=[network["tenants"].split("+") for _ in range(count)],
        site_type="macro",
        height_m=hosts["antenna_m"],
        technologies=[[network["technology"], "lte"] if lte else [network["technology"]] for lte in both],
        commissioned_on=[as_of - timedelta(days=int(n)) for n in days],
        retired_on=None,
        power_mode=draw(generator, "direct:6;resupply:4", count),
        as_of=as_of,
        equipment=draw(generator, network["equipment"], count),
        azimuth=np.round(generator.uniform(0, 120, count)),
    )


def _sectors(sites: gpd.GeoDataFrame, seed: int) -> gpd.GeoDataFrame:
    """Three sectors a site, turned against the street grid by chance, tilted by height."""
    generator = rng(seed, "sectors")
    three = sites.loc[sites.index.repeat(len(SECTOR_AZIMUTHS_DEG))].reset_index(drop=True)
    count = len(three)
    networks, kinds = table("networks").set_index("network"), table("site_equipment").set_index("equipment")
    azimuth = (
        three["azimuth"].to_numpy() + np.tile(SECTOR_AZIMUTHS_DEG, len(sites)) + np.round(generator.normal(0, 8, count))
    )
    tilt = np.clip(np.round(2 + three["antenna_m"].to_numpy() / 8 + generator.normal(0, 1, count)), 2, 10)
    frame = three.assign(
        sector_id=ids(seed, "sectors", count),
        azimuth_deg=azimuth % 360,
        mechanical_tilt_deg=np.round(generator.uniform(0, 4, count)),
        electrical_tilt_deg=tilt,
        antenna_height_m=three["antenna_m"],
        band=networks["band"].reindex(three["network"]).to_numpy(object),
        n_rb=networks["n_rb"].reindex(three["network"]).to_numpy(np.int64),
        power_w=kinds["power_w"].reindex(three["equipment"]).to_numpy(float),
        gain_dbi=kinds["gain_dbi"].reindex(three["equipment"]).to_numpy(float),
        pattern="sector",
    )
    return gpd.GeoDataFrame(frame[SECTOR_COLUMNS], geometry="geometry", crs=CRS)
