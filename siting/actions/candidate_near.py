"""What stands around an option: buildings, the district's edge, sites of the same operators, telecom tenants of the host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from scipy.spatial import cKDTree

from siting.access import Actor
from siting.actions import radiotables, scene
from siting.plan import tables
from siting.radio.network import Network, sectors_of
from siting.store import layers
from siting.store.database import Database

Floats = npt.NDArray[np.float64]
INDOOR = "indoor"


def placed(db: Database, actor: Actor, made: pd.DataFrame, carriers: Mapping[str, Network]) -> dict[str, Any]:
    """Columns about the surroundings of options.

    Returns
    -------
    dict
        ``inside_building, outside_district``; ``own_site_m`` to the nearest site of one of its operators that the actor
        sees, ``own_site_limit_m`` and ``too_close_to_own_site``; ``tenants`` on the host already.
    """
    first, place = hosts_of(made)
    spots = shapely.points(first["easting_m"].to_numpy(float), first["northing_m"].to_numpy(float))
    buildings = layers.read(db, "buildings", columns=[])
    within = inside_building(spots, buildings.geometry.array)[place]
    inside = within & ~made["mount"].isin(["roof", ""]).to_numpy()
    outside = ~shapely.contains_properly(scene.boundary(db), spots)[place]
    near_m = own_site_m(made, _sites_of(db, actor, carriers))
    limit_m = _limit_m(db, made)
    return {
        "inside_building": inside,
        "outside_district": outside,
        "own_site_m": near_m,
        "own_site_limit_m": limit_m,
        "too_close_to_own_site": near_m < limit_m,
        "tenants": _tenants(db, actor, made["candidate_id"]),
    }


def hosts_of(made: pd.DataFrame) -> tuple[pd.DataFrame, npt.NDArray[np.int64]]:
    """One option per host and configuration, whoever transmits, and the row of each option among them."""
    key = made["candidate_id"] + "|" + made["configuration"]
    names = pd.Index(key.unique())
    return made[~key.duplicated()], np.asarray(names.get_indexer(pd.Index(key)), np.int64)


def inside_building(points: npt.NDArray[np.object_], buildings: npt.NDArray[np.object_]) -> npt.NDArray[np.bool_]:
    """Points that lie within a building."""
    inside = np.zeros(len(points), bool)
    inside[shapely.STRtree(buildings).query(points, predicate="within")[0]] = True
    return inside


def own_site_m(made: pd.DataFrame, sites: Mapping[str, Floats]) -> Floats:
    """Distance of every option to the nearest site of one of its operators [m]; inf where there is none.

    Parameters
    ----------
    made : DataFrame
        ``easting_m, northing_m, operators``.
    sites : mapping
        Operator -> places of its sites [sites, 2].
    """
    xy = made[["easting_m", "northing_m"]].to_numpy(float)
    found = np.full(len(made), np.inf)
    for operator, places in sites.items():
        serves = np.fromiter((operator in own for own in made["operators"]), bool, len(made))
        if len(places) and serves.any():
            found[serves] = np.minimum(found[serves], cKDTree(places).query(xy[serves])[0])
    return found


def _sites_of(db: Database, actor: Actor, carriers: Mapping[str, Network]) -> dict[str, Floats]:
    """Operator -> places where one of its networks is on air outdoors, as far as the actor sees them."""
    sites = layers.read(db, "sites", columns=["retired_on", "site_type"], viewer=actor)
    sites = sites[sites["site_type"] != INDOOR]
    sectors = layers.read(db, "sectors", columns=["site_id", "sector_id", "network"], viewer=actor)
    found: dict[str, list[Floats]] = {}
    for carrier in carriers.values():
        places = sectors_of(sites, sectors, carrier)[["easting_m", "northing_m"]].drop_duplicates().to_numpy(float)
        for operator in carrier.operators:
            found.setdefault(operator, []).append(places)
    return {operator: np.concatenate(parts) for operator, parts in found.items()}


def _limit_m(db: Database, made: pd.DataFrame) -> Floats:
    """How far the nearest site of the same operator has to be [m]."""
    numbers, units = tables.numbers(), radiotables.equipment(db)
    limit = {
        name: numbers["own_site_micro_m" if row.site_type == "micro" else "own_site_macro_m"]
        for name, row in units.items()
    }
    return np.asarray(made["equipment"].map(limit).fillna(0.0).to_numpy(np.float64), np.float64)


def _tenants(db: Database, actor: Actor, candidates: pd.Series) -> npt.NDArray[np.int64]:
    """Number of operators on each host already, as far as the actor sees their sites."""
    sites = layers.read(db, "sites", columns=["host_asset_id", "tenants", "retired_on"], viewer=actor)
    held = pd.DataFrame(sites[sites["host_asset_id"].notna() & sites["retired_on"].isna()].drop(columns="geometry"))
    count = held.explode("tenants").groupby("host_asset_id")["tenants"].nunique()
    return np.asarray(candidates.map(count).fillna(0).to_numpy(np.int64), np.int64)


def sensitive_within(
    made: pd.DataFrame, buildings: gpd.GeoDataFrame, tops_m: Floats, radius_m: float
) -> npt.NDArray[np.bool_]:
    """Options with a building higher than their antenna within a distance.

    Parameters
    ----------
    made : DataFrame
        ``easting_m, northing_m, antenna_height_m``.
    buildings : GeoDataFrame
        The sensitive ones.
    tops_m : ndarray
        Their heights [m], NaN unknown (never higher than anything).
    radius_m : float
        Horizontal distance [m].
    """
    found = np.zeros(len(made), bool)
    spots = shapely.points(made["easting_m"].to_numpy(float), made["northing_m"].to_numpy(float))
    at, row = shapely.STRtree(buildings.geometry.array).query(spots, predicate="dwithin", distance=radius_m)
    higher = tops_m[row] > made["antenna_height_m"].to_numpy(float)[at]
    found[at[higher]] = True
    return found
