"""What a pre-check of fields looks at: a site or proposal, buildings around it, transmitters nearby."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd

from siting.access import Actor
from siting.actions import radiotables
from siting.actions.proposal_rows import empty, networks_of
from siting.errors import NotFound
from siting.radio import emf
from siting.radio.emf import Sources
from siting.radio.network import sectors_of
from siting.store import layers
from siting.store.database import Database

SITE, PROPOSAL = "site", "proposal"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is checked: a site on air or a proposed one.

    Parameters
    ----------
    id, kind, no, title, street_office : str
        Identity, ``site`` or ``proposal``, number and name that people know, sub-district.
    operators : tuple of str
        For whom.
    sectors : DataFrame
        Its sectors with their place.
    """

    id: str
    kind: str
    no: str
    title: str
    street_office: str
    operators: tuple[str, ...]
    sectors: pd.DataFrame


def subject_of(db: Database, actor: Actor, name: str) -> Subject:
    """The site or proposal of an id or number, with the sectors that the actor sees.

    Raises
    ------
    NotFound
        If there is none that the actor sees.
    """
    columns = ["site_no", "name", "street_office", "tenants", "retired_on"]
    sites = layers.read(db, "sites", columns=columns, viewer=actor)
    own = sites[(sites["site_id"] == name) | (sites["site_no"] == name)]
    if len(own):
        return _site(db, actor, own.iloc[:1])
    proposals = layers.read(db, "candidates", viewer=actor)
    row = proposals[(proposals["candidate_id"] == name) | (proposals["proposal_no"] == name)]
    if row.empty:
        raise NotFound("emf.none", name=name)
    return _proposal(row.iloc[0])


def _site(db: Database, actor: Actor, row: gpd.GeoDataFrame) -> Subject:
    first = row.iloc[0]
    return Subject(
        id=str(first["site_id"]),
        kind=SITE,
        no=_said(first["site_no"]),
        title=_said(first["name"]),
        street_office=_said(first["street_office"]),
        operators=tuple(first["tenants"]),
        sectors=_placed(db, row, viewer=actor),
    )


def _placed(db: Database, sites: gpd.GeoDataFrame, *, viewer: Actor | None) -> pd.DataFrame:
    """Sectors of sites with their places."""
    rows = layers.read(db, "sectors", viewer=viewer)
    rows = rows[rows["site_id"].isin(sites["site_id"])]
    parts = [
        sectors_of(sites, rows, carrier)
        for name, carrier in radiotables.networks(db).items()
        if (rows["network"] == name).any()
    ]
    return (
        pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["site_id", "easting_m", "northing_m"])
    )


def _proposal(row: pd.Series) -> Subject:
    azimuths = [float(a) for a in row["azimuths"]] or [np.nan]
    tilts = [float(a) for a in row["tilts"]] or [0.0]
    place = row["geometry"].representative_point()
    sectors = pd.DataFrame(
        {
            "site_id": row["candidate_id"],
            "sector_id": [f"{row['candidate_id']}/{n + 1}" for n in range(len(azimuths))],
            "easting_m": place.x,
            "northing_m": place.y,
            "azimuth_deg": azimuths,
            "electrical_tilt_deg": [tilts[min(n, len(tilts) - 1)] for n in range(len(azimuths))],
            **{name: row[name] for name in ("antenna_height_m", "mount", "equipment")},
        }
    )
    carried = networks_of({"network": row["network"]}) or (None,)
    sectors = pd.concat([_of_network(sectors, name, first=carried[0]) for name in carried], ignore_index=True)
    return Subject(
        id=str(row["candidate_id"]),
        kind=PROPOSAL,
        no=_said(row["proposal_no"]),
        title=_said(row["name"]),
        street_office=_said(row["street_office"]),
        operators=tuple(row["operators"]),
        sectors=sectors,
    )


def _of_network(sectors: pd.DataFrame, name: str | None, *, first: str | None) -> pd.DataFrame:
    """The sectors as they transmit one network; those of a further one are named after it."""
    own = sectors.assign(network=name)
    return own if name == first else own.assign(sector_id=own["sector_id"] + f"@{name}")


def _said(cell: object) -> str:
    return "" if empty(cell) else str(cell)


def buildings(db: Database, subject: Subject, sources: Sources) -> gpd.GeoDataFrame:
    """Buildings that any point can lie on."""
    numbers = emf.numbers()
    radius = max(numbers["reach_factor"] * emf.reach_m(sources), numbers["least_reach_m"], numbers["advisory_m"]) + 1.0
    east, north = subject.sectors["easting_m"], subject.sectors["northing_m"]
    bounds = (east.min() - radius, north.min() - radius, east.max() + radius, north.max() + radius)
    columns = ["name", "height_m", "floors", "use", "building_class"]
    return layers.read(db, "buildings", bounds=bounds, columns=columns)


def host_ids(subject: Subject, buildings: gpd.GeoDataFrame) -> tuple[str, ...]:
    """Buildings under the antennas."""
    spots = gpd.points_from_xy(subject.sectors["easting_m"], subject.sectors["northing_m"])
    under = [buildings.geometry.intersects(spot) for spot in set(spots)]
    rows = np.logical_or.reduce(under) if under else np.zeros(len(buildings), bool)
    return tuple(buildings.loc[rows, "building_id"].astype(str))


def others(db: Database, subject: Subject, *, viewer: Actor | None = None) -> pd.DataFrame:
    """Sectors on air of other sites within 100 m; a viewer's own view of them."""
    near = emf.numbers()["known_within_m"]
    east, north = subject.sectors["easting_m"], subject.sectors["northing_m"]
    bounds = (east.min() - near, north.min() - near, east.max() + near, north.max() + near)
    sites = layers.read(db, "sites", bounds=bounds, columns=["retired_on"], viewer=viewer)
    return _placed(db, sites[sites["site_id"] != subject.id], viewer=viewer)
