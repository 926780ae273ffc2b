"""How proposals come to be: out of a plan, or by a place on the map."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from siting.access import Actor
from siting.actions import known, plans, plantables, radiotables
from siting.actions.doors import require
from siting.actions.proposal_rows import KEY, LAYER, NETWORK_JOIN, TECHNOLOGY_OF, empty, fresh, line, save, word
from siting.assets import hosts, schema
from siting.errors import BadInput
from siting.findings import Finding, Findings
from siting.geo import crs
from siting.geo.region import street_of
from siting.store import layers
from siting.store.database import Database

WRITE = "proposal.write"
FROM_PLAN = "weak_area"


@dataclass(frozen=True, kw_only=True)
class Proposable:
    """What proposing sites of a plan would do.

    Parameters
    ----------
    sites : DataFrame
        Chosen sites that nobody of this organisation has proposed yet.
    standing : mapping
        Option -> proposal that stands from this very plan.
    findings : Findings
        ``PROPOSED_TWICE`` for those, ``PROPOSED_BEFORE`` (an error) for options that stand from elsewhere.
    """

    sites: gpd.GeoDataFrame
    standing: Mapping[str, str]
    findings: Findings


@dataclass(frozen=True, kw_only=True)
class Spot:
    """What a place means to a proposal.

    Parameters
    ----------
    place : Point
        In the project CRS; the host's own where that is a point.
    host : mapping
        The asset it hangs on, with `hosts.COLUMNS`; empty on the ground.
    street : str or None
        Sub-district.
    configurations : tuple of str
        Names of those of the host's class.
    """

    place: shapely.Point
    host: Mapping[str, Any]
    street: str | None
    configurations: tuple[str, ...]

    @property
    def host_class(self) -> str:
        """Class of the host, or ground."""
        return str(self.host.get("class") or "ground")

    @property
    def height_m(self) -> float | None:
        """Where equipment can hang on the host [m]; None if nobody knows."""
        known = (self.host.get(name) for name in ("mount_height_m", "height_m"))
        return next((float(value) for value in known if value is not None and not empty(value)), None)


@dataclass(frozen=True, kw_only=True)
class Usual:
    """What a form offers first: operators and technology."""

    operators: tuple[str, ...]
    technology: str


def usual(db: Database, actor: Actor) -> Usual:
    """An operator itself with its network in use; for others the district's network."""
    require(db, actor, WRITE)
    networks = {name: row for name, row in radiotables.networks(db).items() if row.active}
    default = networks[db.settings.text("coverage.network")]
    if not actor.operator:
        return Usual(operators=default.operators, technology=TECHNOLOGY_OF[default.band])
    own = next((row for row in (default, *networks.values()) if actor.operator in row.operators), default)
    return Usual(operators=(actor.operator,), technology=TECHNOLOGY_OF[own.band])


def proposable(db: Database, actor: Actor, run_id: str, option_ids: Sequence[str] | None = None) -> Proposable:
    """What `from_plan` would do; changes nothing.

    Raises
    ------
    BadInput
        If an option is not among the chosen sites, or the network is not the operator's.
    NotFound
        If the actor sees no such plan.
    """
    require(db, actor, WRITE)
    sites = plans.plan(db, actor, run_id)["sites"]
    strange = sorted(set(option_ids or ()) - set(sites["option_id"]))
    if strange:
        raise BadInput("proposals.not_chosen", names=", ".join(strange), run=run_id)
    chosen = sites if option_ids is None else sites[sites["option_id"].isin(option_ids)]
    if actor.operator and not chosen["operators"].map(lambda codes: actor.operator in codes).all():
        raise BadInput("proposals.operators", operator=actor.operator)
    own = _standing(db, actor)
    same = own[(own["plan_run"] == run_id) & own["option_id"].isin(chosen["option_id"])]
    other = own[own["option_id"].isin(chosen["option_id"]) & ~own[KEY].isin(same[KEY])]
    findings = [_said("PROPOSED_TWICE", "info", row) for _, row in same.iterrows()]
    findings += [_said("PROPOSED_BEFORE", "error", row) for _, row in other.iterrows()]
    taken = {*same["option_id"], *other["option_id"]}
    return Proposable(
        sites=chosen[~chosen["option_id"].isin(taken)],
        standing=dict(zip(same["option_id"], same[KEY], strict=True)),
        findings=Findings(tuple(findings)),
    )


def from_plan(
    db: Database, actor: Actor, run_id: str, option_ids: Sequence[str] | None = None, *, now: datetime
) -> list[str]:
    """Propose chosen sites of a plan; the same plan again gives the same proposals.

    Parameters
    ----------
    run_id : str
        A finished plan.
    option_ids : sequence of str, optional
        Of its chosen sites; all of them where not given.
    now : datetime
        Time of the act.

    Returns
    -------
    list of str
        Ids of the proposals, in the plan's order; those that stood before are among them.

    Raises
    ------
    BadInput
        If options stand already from elsewhere: all of them by name.
    """
    require(db, actor, WRITE)
    people = plans.plan(db, actor, run_id).get("measure") == "persons"
    with db.write() as connection:
        found = proposable(db, actor, run_id, option_ids)
        before = found.findings.of("error")
        if before:
            raise BadInput("proposals.proposed", names="、".join(f.value for f in before))
        rows = [_of_option(db, dict(site), actor, run_id, people=people) for _, site in found.sites.iterrows()]
        made = fresh(db, rows, now=now)
        if made:
            frame = _places(made, found.sites.geometry, db.settings.crs)
            save(db, connection, frame, actor=actor, kind="proposal.made", payload={}, now=now)
    keys = {**found.standing, **{str(row["option_id"]): str(row[KEY]) for row in made}}
    order = plans.plan(db, actor, run_id)["sites"]["option_id"]
    return [keys[name] for name in order if name in keys]


def add(  # noqa: PLR0913 - one option per question of the form
    db: Database,
    actor: Actor,
    *,
    lon_deg: float,
    lat_deg: float,
    operators: Sequence[str],
    technology: str,
    purpose: str,
    height_m: float | None = None,
    configuration: str | None = None,
    name: str | None = None,
    need_no: str | None = None,
    priority: int | None = None,
    planned_year: int | None = None,
    cost_yuan: float | None = None,
    now: datetime,
) -> str:
    """Propose a site at a place, on the nearest asset that may be a host, else on the ground.

    Parameters
    ----------
    lon_deg, lat_deg : float
        Place, WGS 84.
    operators, technology, purpose : sequence of str, str, str
        Codes of the data standard; an operator proposes for itself, alone or with others.
    height_m : float, optional
        Of the mount above ground [m]; the host's own where not given.
    configuration, name, need_no, priority, planned_year, cost_yuan
        As in the data standard.
    now : datetime
        Time of the act.

    Returns
    -------
    str
        Id of the proposal.

    Raises
    ------
    BadInput
        If a value breaks a rule of the data standard, or the place lies outside the district.
    """
    require(db, actor, WRITE)
    found = spot(db, actor, lon_deg=lon_deg, lat_deg=lat_deg)
    host = found.host
    given = {
        "operators": sorted(set(operators)),
        "technology": technology,
        "purpose": purpose,
        "height_m": height_m if height_m is not None else found.height_m,
        "configuration": configuration or None,
        "name": line(name, "name") or host.get("name") or host.get("asset_no"),
        "need_no": line(need_no, "need_no"),
        "priority": priority,
        "planned_year": planned_year,
        "cost_yuan": cost_yuan,
    }
    _checked(given, actor)
    row = {
        **given,
        KEY: str(uuid.uuid4()),
        "proposer_org": actor.org,
        "street_office": found.street,
        "host_asset_id": host.get("asset_id"),
        "asset_no": host.get("asset_no"),
        "owner_org": host.get("owner_org"),
        "host_class": found.host_class,
    }
    with db.write() as connection:
        made = fresh(db, [row], now=now)
        frame = _places(made, gpd.GeoSeries([found.place]), db.settings.crs)
        save(db, connection, frame, actor=actor, kind="proposal.added", payload={}, now=now)
    return str(row[KEY])


def spot(db: Database, actor: Actor, *, lon_deg: float, lat_deg: float) -> Spot:
    """What a place on the map means: the nearest asset that may be a host if one is near enough, else the ground.

    Raises
    ------
    BadInput
        If it lies outside the district.
    """
    require(db, actor, WRITE)
    clicked = crs.to_project(
        gpd.GeoDataFrame(geometry=[shapely.Point(lon_deg, lat_deg)]), datum="wgs84", crs=db.settings.crs
    ).geometry
    place, reach = clicked.iloc[0], db.settings.number("proposal.snap_m")
    region = known.region(db)
    if region is not None and not region.boundary.intersects(place):
        raise BadInput("proposals.outside", lon=f"{lon_deg:.6f}", lat=f"{lat_deg:.6f}")
    around = (place.x - reach, place.y - reach, place.x + reach, place.y + reach)
    near = layers.read(db, "assets", bounds=around, columns=hosts.COLUMNS, viewer=actor)
    found = near[near["asset_id"] == hosts.nearest(clicked, near, within_m=reach).iloc[0]]
    host = {} if found.empty else dict(found.iloc[0])
    at = host["geometry"] if host and host["geometry"].geom_type == "Point" else place
    street = None if region is None else street_of(gpd.GeoSeries([at], crs=db.settings.crs), region).iloc[0]
    mounted = plantables.configurations(db)
    fitting = tuple(mounted.loc[mounted["class"] == str(host.get("class")), "configuration"])
    return Spot(place=at, host=host, street=street, configurations=fitting)


def _standing(db: Database, actor: Actor) -> gpd.GeoDataFrame:
    """The organisation's own proposals that were not withdrawn."""
    frame = layers.read(db, LAYER)
    return frame[(frame["proposer_org"] == actor.org) & (frame["state"] != "withdrawn")]


def _said(code: str, severity: str, row: pd.Series) -> Finding:
    return Finding(code=code, severity=severity, column="option_id", value=f"{row['proposal_no']} {row['name']}")


def _of_option(db: Database, site: Mapping[str, Any], actor: Actor, run_id: str, *, people: bool) -> dict[str, Any]:
    """A chosen option as a proposal."""
    networks = [str(name) for name in site["networks"]]
    same = (
        "option_id",
        "configuration",
        "equipment",
        "mount",
        "antenna_height_m",
        "cost_yuan",
        "street_office",
        "owner_org",
        "asset_no",
    )
    return {
        **{name: site.get(name) for name in same},
        KEY: str(uuid.uuid4()),
        "name": site.get("name"),
        "host_asset_id": site["candidate_id"],
        "host_class": site["class"],
        "proposer_org": actor.org,
        "operators": sorted(site["operators"]),
        "network": NETWORK_JOIN.join(networks),
        "technology": TECHNOLOGY_OF[radiotables.networks(db)[networks[0]].band],
        "height_m": site["mount_height_m"],
        "azimuths": [f"{value:g}" for value in site["azimuths"]],
        "tilts": [f"{value:g}" for value in site["tilts"]],
        "purpose": FROM_PLAN,
        "plan_run": run_id,
        "marginal_people": site["marginal_in_plan"] if people else None,
    }


def _places(rows: Sequence[Mapping[str, Any]], places: gpd.GeoSeries, project: str) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(pd.DataFrame(list(rows)), geometry=places.to_numpy(), crs=project)


def _checked(given: Mapping[str, Any], actor: Actor) -> None:
    """Refuse what the data standard does not admit."""
    for column in schema.columns(LAYER):
        value = given.get(column.name)
        if column.required and column.name in given and empty(value):
            raise BadInput("proposals.needed", title=column.title_zh, column=column.name)
        if empty(value):
            continue
        for item in value if isinstance(value, list) else [value]:
            if column.vocab:
                word(column.name, str(item))
            if column.numeric and not _within(item, column):
                raise BadInput(
                    "proposals.range", title=column.title_zh, value=item, low=column.minimum, high=column.maximum
                )
    if actor.operator and actor.operator not in given["operators"]:
        raise BadInput("proposals.operators", operator=actor.operator)


def _within(value: Any, column: schema.Column) -> bool:
    return (column.minimum is None or value >= column.minimum) and (column.maximum is None or value <= column.maximum)
