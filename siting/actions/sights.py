"""The line of sight between two points, or from a site, with the names of the buildings on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from siting.access import Actor
from siting.actions import radiotables, scene
from siting.actions.doors import require
from siting.errors import BadInput, NotFound
from siting.geo import crs
from siting.radio.diffraction import fresnel_clearance
from siting.radio.scene import Antenna, Receiver
from siting.radio.terrain import Profile, trace
from siting.reports import tracepicture
from siting.store import layers
from siting.store.database import Database

Box = tuple[float, float, float, float]
PERMISSION = "asset.read"
# How wide around a path buildings are read [m].
AROUND_M = 10.0


@dataclass(frozen=True, kw_only=True)
class Sight:
    """A path, and the names of the buildings on it.

    Parameters
    ----------
    title : str
        Where it starts.
    profile : Profile
        The path.
    names : mapping
        Name of every building that has one, by id.
    frequency_ghz : float or None
        For the Fresnel zone.
    fresnel : float or None
        Least clearance as a share of the first Fresnel zone; negative is obstructed.
    """

    title: str
    profile: Profile
    names: Mapping[str, str] = field(default_factory=dict)
    frequency_ghz: float | None = None

    @property
    def fresnel(self) -> float | None:
        """Least clearance as a share of the first Fresnel zone's radius; None without a frequency or obstacles."""
        if self.frequency_ghz is None:
            return None
        found = fresnel_clearance(self.profile, self.frequency_ghz)
        return found if np.isfinite(found) else None

    def name(self, building_id: str) -> str:
        """What a building is called."""
        return self.names.get(building_id) or tracepicture.short(building_id)


def between(
    db: Database,
    actor: Actor,
    antenna: Antenna,
    receiver: Receiver,
    *,
    frequency_ghz: float | None = None,
    called: str = "",
) -> Sight:
    """The path between two points of the project CRS.

    Parameters
    ----------
    antenna, receiver : Antenna, Receiver
        Heights above ground [m].
    frequency_ghz : float, optional
        For the Fresnel zone [GHz].
    called : str
        Where the path starts, in words.

    Raises
    ------
    BadInput
        If an end lies outside the district's extent.
    """
    require(db, actor, PERMISSION)
    ends = ((antenna.easting_m, antenna.northing_m), (receiver.easting_m, receiver.northing_m))
    west, south, east, north = scene.boundary(db).bounds
    for x, y in ends:
        if not (west <= x <= east and south <= y <= north):
            raise BadInput("trace.outside", easting_m=f"{x:.1f}", northing_m=f"{y:.1f}")
    box = around(ends)
    surface = scene.obstacles(db, cell_m=db.settings.number("coverage.obstacle_cell_m"), bounds=box)
    profile = trace(surface, antenna, receiver)
    return Sight(title=called, profile=profile, names=names(db, box), frequency_ghz=frequency_ghz)


def of_site(db: Database, actor: Actor, site: str, receiver: Receiver) -> Sight:
    """The path from the sector of a site that looks at a point most directly.

    Parameters
    ----------
    site : str
        Id, number or name of a site that the actor sees.
    receiver : Receiver
        Project CRS.

    Raises
    ------
    NotFound
        If there is no such site, or it has no sector.
    BadInput
        If the name means several sites, or an end lies outside the district's extent.
    """
    require(db, actor, PERMISSION)
    sites = layers.read(db, "sites", columns=("site_no", "name"), viewer=actor)
    hits = sites[(sites[["site_id", "site_no", "name"]] == site).any(axis=1)]
    if hits.empty:
        raise NotFound("trace.no_site", value=site)
    if len(hits) > 1:
        raise BadInput("trace.many_sites", value=site, n=len(hits))
    row = hits.iloc[0]
    sectors = layers.read(db, "sectors", viewer=actor)
    own = sectors[sectors["site_id"] == row["site_id"]]
    if own.empty:
        raise NotFound("trace.no_sector", value=site)
    point = row.geometry.representative_point()
    bearing = np.degrees(np.arctan2(receiver.easting_m - point.x, receiver.northing_m - point.y))
    off = np.abs((own["azimuth_deg"].fillna(0.0).to_numpy(float) - bearing + 180.0) % 360.0 - 180.0)
    sector = own.iloc[int(np.argmin(off))]
    carrier = radiotables.networks(db).get(str(sector["network"]))
    antenna = Antenna(point.x, point.y, float(sector["antenna_height_m"]), str(sector["mount"] or "pole"))
    frequency = None if carrier is None else carrier.frequency_ghz
    return between(db, actor, antenna, receiver, frequency_ghz=frequency, called=title(row))


def point_of(db: Database, *, lon: float, lat: float, datum: str) -> tuple[float, float]:
    """Easting and northing [m] of a place given in a declared datum."""
    frame = gpd.GeoDataFrame(geometry=[shapely.Point(lon, lat)])
    point = crs.to_project(frame, datum=datum, crs=db.settings.crs).geometry.iloc[0]
    return float(point.x), float(point.y)


def title(site: pd.Series) -> str:
    """A site in words: its number and name."""
    return " ".join(v for v in (site["site_no"], site["name"]) if isinstance(v, str) and v)


def around(points: Iterable[tuple[float, float]]) -> Box:
    """A box (west, south, east, north) around points [m] that holds the buildings between them."""
    xs, ys = zip(*points, strict=True)
    return min(xs) - AROUND_M, min(ys) - AROUND_M, max(xs) + AROUND_M, max(ys) + AROUND_M


def names(db: Database, box: Box) -> Mapping[str, str]:
    """Names of the buildings in a box by id, of those that have one."""
    frame = layers.read(db, "buildings", bounds=box, columns=["name"])
    named = frame[frame["name"].notna()]
    return dict(zip(named["building_id"].astype(str), named["name"].astype(str), strict=True))
