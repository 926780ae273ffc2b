"""A commissioned problem point joins the network: its site and sectors, written with the move that says so."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from siting.access import Actor
from siting.actions import proposal_rows, radiotables
from siting.assets.match import row_hashes
from siting.findings import Finding
from siting.ledger.model import Case, Fact
from siting.ledger.moves import WITHOUT_BUILDING
from siting.ledger.state import live
from siting.plan import options
from siting.radio.network import Network
from siting.store import journal, layers
from siting.store.database import Connection, Database

SITES, SECTORS = "sites", "sectors"
GROUND = "ground"
# The columns of an option that say how a point transmits.
TECHNICAL = ("antenna_height_m", "mount", "azimuths", "tilts", "equipment")


@dataclass(frozen=True, kw_only=True)
class Point:
    """Where a station stands and how it transmits.

    Parameters
    ----------
    place : Point
        In the project CRS.
    host : mapping
        Record of the host asset; empty for a point of its own.
    host_class, name, owner : str
        What it hangs on, what it is called, whose the host is.
    operators : tuple of str
        Who uses it.
    networks : tuple of str
        Networks it transmits, several on a host shared by operators of different ones; empty where nobody knows.
    technical : mapping
        `TECHNICAL`; empty where nobody knows.
    """

    place: shapely.Point
    host: Mapping[str, Any]
    host_class: str
    name: str
    owner: str
    operators: tuple[str, ...]
    networks: tuple[str, ...]
    technical: Mapping[str, Any]


def follow(
    db: Database, connection: Connection, actor: Actor, before: Case | None, after: Case, *, now: datetime
) -> tuple[Finding, ...]:
    """Bring the network in line with a case, inside the transaction of the move.

    Parameters
    ----------
    db : Database
        The district.
    connection : Connection
        The write transaction of the move.
    actor : Actor
        Who made the move.
    before, after : Case
        The case as it was (None for a new one) and as it is.
    now : datetime
        Time of the move.

    Returns
    -------
    tuple of Finding
        What people should know: a station without technical data does not count in coverage.

    Notes
    -----
    A station is on air from its commissioning on; reopening the case or refusing its closure does not switch it off,
    cancelling the building or voiding the fact does.
    """
    stood, stands = on_air(before), on_air(after)
    if stood == stands:
        return ()
    known = layers.read(db, SITES, provenance=True)
    own = known[known["site_id"] == site_id(after)]
    if stands is None:
        _switched(connection, own, {"retired_on": after.facts[-1].on}, now=now)
        _proposal(db, connection, actor, after, built=False, now=now)
        return ()
    _proposal(db, connection, actor, after, built=True, now=now)
    if len(own):
        _switched(connection, own, {"retired_on": None, "commissioned_on": stands.on, "as_of": stands.on}, now=now)
        return ()
    if not _record(after, "proposal_ref") and (known["site_id"] == _record(after, "site_ref")).any():
        return (_said("STATION_STANDS", after),)
    return _built(db, connection, actor, after, stands.on, now=now)


def site_id(case: Case) -> str:
    """Id of the site that a case brings."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"siting:case:{case.id}"))


def on_air(case: Case | None) -> Fact | None:
    """The fact by which a case's station is on air; None while there is none."""
    if case is None or case.kind in WITHOUT_BUILDING:
        return None
    found = None
    for fact in live(case.facts):
        if fact.kind == "commissioned":
            found = fact
        elif fact.kind == "build_cancelled":
            found = None
    return found


def _record(case: Case, name: str) -> str:
    return str(case.record.get(name) or "")


def _said(code: str, case: Case) -> Finding:
    return Finding(code=code, severity="warning", value=_record(case, "pp_no"))


def _built(
    db: Database, connection: Connection, actor: Actor, case: Case, day: date, *, now: datetime
) -> tuple[Finding, ...]:
    point = point_of(db, case)
    if point is None:
        return (_said("STATION_WITHOUT_PLACE", case),)
    sectors = _sectors(db, case, point)
    provenance = {
        "source_name": _record(case, "pp_no"),
        "imported_by": actor.id,
        "imported_at": now.isoformat(timespec="seconds"),
    }
    layers.upsert(connection, SITES, _hashed(_site(db, case, point, day)), provenance=provenance, now=now)
    if len(sectors):
        layers.upsert(connection, SECTORS, _hashed(sectors), provenance=provenance, now=now)
    payload = {"site": site_id(case), "case": _record(case, "pp_no"), "sectors": len(sectors)}
    journal.append(
        connection,
        key=db.key(),
        stream=f"layer/{SITES}",
        actor=actor,
        kind="layer.commissioned",
        payload=payload,
        now=now,
    )
    return () if len(sectors) else (_said("STATION_WITHOUT_SECTORS", case),)


def _site(db: Database, case: Case, point: Point, day: date) -> gpd.GeoDataFrame:
    carriers = _carriers(db, point)
    unit = radiotables.equipment(db).get(str(point.technical.get("equipment")))
    spoken = [proposal_rows.TECHNOLOGY_OF.get(carrier.band) for carrier in carriers]
    row = {
        "site_id": site_id(case),
        "site_no": _record(case, "pp_no"),
        "name": point.name,
        "street_office": _record(case, "street_office") or point.host.get("street_office"),
        "host_asset_id": point.host.get("asset_id"),
        "host_class": point.host_class,
        "tower_owner": point.owner or None,
        "tenants": list(point.operators),
        "site_type": unit.site_type if unit else None,
        "height_m": point.technical.get("antenna_height_m"),
        "technologies": list(dict.fromkeys(technology for technology in spoken if technology)),
        "commissioned_on": day,
        "source": _record(case, "pp_no"),
        "as_of": day,
    }
    return gpd.GeoDataFrame([row], geometry=[point.place], crs=db.settings.crs)


def _sectors(db: Database, case: Case, point: Point) -> gpd.GeoDataFrame:
    """Sectors in the columns of the data standard; none without network and technical data."""
    carriers = _carriers(db, point)
    if not carriers or not point.technical:
        return gpd.GeoDataFrame(geometry=[], crs=db.settings.crs)
    own = {
        **point.technical,
        "option_id": site_id(case),
        "easting_m": point.place.x,
        "northing_m": point.place.y,
        "networks": [carrier.name for carrier in carriers],
    }
    parts = [_of_network(pd.DataFrame([own]), carrier, first=carriers[0]) for carrier in carriers]
    made = pd.concat(parts, ignore_index=True).drop(columns=["option_id", "easting_m", "northing_m"])
    return gpd.GeoDataFrame(made, geometry=[point.place] * len(made), crs=db.settings.crs)


def _carriers(db: Database, point: Point) -> list[Network]:
    """The networks that a point transmits, as far as they are known."""
    known = radiotables.networks(db)
    return [known[name] for name in point.networks if name in known]


def _of_network(own: pd.DataFrame, carrier: Network, *, first: Network) -> pd.DataFrame:
    """The sectors of one network; those of a further one are named after it."""
    made = options.sectors_of(own, network=carrier.name).assign(band=carrier.band)
    return made if carrier is first else made.assign(sector_id=made["sector_id"] + f"@{carrier.name}")


def _hashed(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return frame.assign(row_hash=row_hashes(frame))


def point_of(db: Database, case: Case) -> Point | None:
    """The point that a case is about: its proposal, else the asset it names; None if it names no place that is known."""
    proposed = _one(db, proposal_rows.LAYER, "candidate_id", _record(case, "proposal_ref"))
    assets = layers.read(db, "assets")
    wanted = [proposed.get("host_asset_id"), _record(case, "site_ref"), _record(case, "asset_ref")]
    host = next((found for ref in wanted if ref and (found := _row(assets, "asset_id", str(ref)))), {})
    operators = tuple(dict.fromkeys(need.operator for need in case.needs if need.operator)) or tuple(
        proposed.get("operators") or ()
    )
    networks = proposal_rows.networks_of(proposed) or tuple(filter(None, [_network(db, operators)]))
    technical = _technical(proposed) or _by_class(host, networks, operators, db)
    place = proposed.get("geometry") or (shapely.point_on_surface(host["geometry"]) if host else None)
    place = place if place is not None else _place(case)
    if place is None:
        return None
    return Point(
        place=place,
        host=host,
        host_class=str(host.get("class") or proposed.get("host_class") or GROUND),
        name=str(proposed.get("name") or host.get("name") or _record(case, "title")),
        owner=str(host.get("owner_org") or proposed.get("owner_org") or ""),
        operators=operators,
        networks=networks,
        technical=technical,
    )


def _place(case: Case) -> shapely.Point | None:
    metres = [_record(case, name) for name in ("easting_m", "northing_m")]
    return shapely.Point(*map(float, metres)) if all(metres) else None


def _one(db: Database, layer: str, key: str, name: str) -> Mapping[str, Any]:
    return _row(layers.read(db, layer), key, name) if name else {}


def _row(frame: gpd.GeoDataFrame, key: str, name: str) -> Mapping[str, Any]:
    found = frame[frame[key] == name]
    return {} if found.empty else dict(found.iloc[0])


def _network(db: Database, operators: Sequence[str]) -> str:
    """The network in use of these operators; the one of the settings where it is theirs, or where nobody is named."""
    active = {name: row for name, row in radiotables.networks(db).items() if row.active}
    first = db.settings.text("coverage.network")
    order = [first, *active] if first in active else list(active)
    return next((name for name in order if not operators or set(operators) & set(active[name].operators)), "")


def _technical(proposed: Mapping[str, Any]) -> dict[str, Any]:
    """How a proposal transmits; empty unless it says so in full."""
    if not proposed or any(proposal_rows.empty(proposed.get(name)) for name in TECHNICAL):
        return {}
    angles = {name: [float(part) for part in proposed[name]] for name in ("azimuths", "tilts")}
    return {**{name: proposed[name] for name in TECHNICAL}, **angles}


def _by_class(
    host: Mapping[str, Any], networks: Sequence[str], operators: Sequence[str], db: Database
) -> dict[str, Any]:
    """The first configuration of the host's class; empty without a host, or where its height is unknown."""
    if not host or not networks:
        return {}
    frame = gpd.GeoDataFrame([host], geometry="geometry", crs=db.settings.crs)
    made = options.from_assets(frame, network=networks[0], operators=operators)
    made = made[made["antenna_height_m"].notna()]
    return {} if made.empty else {name: made.iloc[0][name] for name in TECHNICAL}


def _switched(connection: Connection, own: gpd.GeoDataFrame, values: Mapping[str, object], *, now: datetime) -> None:
    """The site with other days; nothing where the case never had one."""
    if len(own):
        days = {name: pd.Series([value] * len(own), index=own.index, dtype=object) for name, value in values.items()}
        layers.upsert(connection, SITES, own.assign(**days), provenance={}, now=now)


def _proposal(db: Database, connection: Connection, actor: Actor, case: Case, *, built: bool, now: datetime) -> None:
    """The case's proposal becomes built, or what it was before."""
    known = layers.read(db, proposal_rows.LAYER, provenance=True)
    own = known[known["candidate_id"] == _record(case, "proposal_ref")]
    if own.empty or (own["state"].iloc[0] == "built") == built:
        return
    state = "built" if built else "proposed" if pd.isna(own["released_at"].iloc[0]) else "released"
    proposal_rows.save(
        db,
        connection,
        own.assign(state=state),
        actor=actor,
        kind=f"proposal.{state}",
        payload={"case": _record(case, "pp_no")},
        now=now,
    )
