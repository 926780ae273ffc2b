"""Rows of proposals: what a new one gets, how a change is written with its event."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from siting.access import Actor
from siting.actions import plantables, radiotables
from siting.assets import hosts, schema
from siting.assets.match import row_hashes
from siting.errors import BadInput
from siting.store import journal, layers
from siting.store.database import Connection, Database

LAYER = "candidates"
KEY = "candidate_id"
STREAM = "proposal.{}"
MOST_LETTERS = 1000
LEAST_DIGITS = 5
NETWORK_JOIN = "+"
BAND_OF: Mapping[str, str] = MappingProxyType({"nr700": "n28", "nr2600": "n41", "nr3500": "n78", "nr4900": "n79"})
TECHNOLOGY_OF: Mapping[str, str] = MappingProxyType({band: name for name, band in BAND_OF.items()})
# What the first event of a proposal records beside its number.
TOLD = ("name", "host_asset_id", "operators", "technology", "configuration", "height_m", "purpose", "plan_run", "option_id", "cost_yuan",
    "need_no", "proposer_org")  # fmt: skip


def completed(
    db: Database, connection: Connection, frame: gpd.GeoDataFrame, *, actor: Actor, now: datetime, import_id: str
) -> gpd.GeoDataFrame:
    """Imported rows as proposals, inside the import's transaction: numbered where new, and each with its event.

    Parameters
    ----------
    frame : GeoDataFrame
        Rows that land; a stored proposal among them keeps its number and state.
    import_id : str
        The import, named in the events.
    """
    if frame.empty:
        return frame
    assets = layers.read(db, "assets", columns=hosts.COLUMNS)
    known = frame["proposal_no"].notna().to_numpy()
    frame = frame.assign(
        asset_no=hosts.facts(assets, frame["host_asset_id"], "asset_no"),
        owner_org=hosts.facts(assets, frame["host_asset_id"], "owner_org"),
    )
    names = [c for c in frame.columns if c != "geometry"]
    rows = [dict(zip(names, cells, strict=True)) for cells in frame[names].itertuples(index=False, name=None)]
    added = fresh(db, [r for r, old in zip(rows, known, strict=True) if not old], now=now)
    stream = iter(added)
    done = [r if old else next(stream) for r, old in zip(rows, known, strict=True)]
    out = stamped(_frame(done, frame))
    kinds = np.where(known, "proposal.imported_again", "proposal.imported")
    for kind, row in zip(kinds, done, strict=True):
        _tell(
            db,
            connection,
            str(row[KEY]),
            kind=str(kind),
            payload={**told(row), "import": import_id},
            actor=actor,
            now=now,
        )
    return out


def fresh(db: Database, rows: Sequence[Mapping[str, Any]], *, now: datetime) -> list[dict[str, Any]]:
    """New proposals with number, state, time and what follows from their configuration; call inside a write transaction."""
    stamp = now.isoformat(timespec="seconds")
    return [
        {
            **technical(db, row),
            "proposal_no": number,
            "state": "proposed",
            "proposed_at": stamp,
            "name": row.get("name") or number,
        }
        for row, number in zip(rows, numbers(db, len(rows), now=now), strict=True)
    ]


def numbers(db: Database, n: int, *, now: datetime) -> list[str]:
    """Free numbers of the year, drawn at random: counted ones would tell how many proposals others hold back."""
    prefix = f"{db.settings.text('proposal.prefix')}-{now.year}-"
    taken = set(layers.read(db, LAYER, columns=("proposal_no",))["proposal_no"].dropna())
    digits = max(LEAST_DIGITS, len(str(2 * (len(taken) + n))))
    drawn: set[str] = set()
    while len(drawn) < n:
        number = f"{prefix}{secrets.randbelow(10**digits):0{digits}d}"
        drawn |= {number} - taken
    return sorted(drawn)


def technical(db: Database, row: Mapping[str, Any]) -> dict[str, Any]:
    """A proposal with network, equipment, antenna height, sectors and cost where its own words leave them open."""
    found = configuration(db, str(row.get("host_class")), row.get("configuration"))
    given = {**found, **{name: value for name, value in row.items() if not empty(value)}}
    offset = found.get("offset_m", 0.0)
    if empty(row.get("antenna_height_m")):
        given["antenna_height_m"] = float(given["height_m"]) + offset
    if empty(row.get("sectors")) and given.get("azimuths"):
        given["sectors"] = len(given["azimuths"])
    if empty(row.get("network")):
        given["network"] = network_of(db, str(given["technology"]), given["operators"])
    given.pop("offset_m", None)
    return {**dict.fromkeys(row), **given}


def configuration(db: Database, host_class: str, name: object) -> dict[str, Any]:
    """What a configuration on a host class means: equipment, mount, azimuths, tilts, height above the mount, cost; empty if unknown."""
    table = plantables.configurations(db)
    match = table[(table["class"] == host_class) & (table["configuration"] == name)]
    if match.empty:
        return {}
    row = match.iloc[0]
    costs = plantables.costs(db)
    price = costs[(costs["host_class"] == host_class) & (costs["equipment"] == row["equipment"])]["site_cost_yuan"]
    return {
        "equipment": row["equipment"],
        "mount": row["mount"],
        "azimuths": str(row["azimuths"]).split(),
        "tilts": str(row["tilts"]).split(),
        "offset_m": float(row["offset_m"]),
        "cost_yuan": float(price.iloc[0]) if len(price) else None,
    }


def network_of(db: Database, technology: str, operators: Sequence[str]) -> str | None:
    """The network in use that carries a technology for these operators; None if there is none."""
    band = BAND_OF.get(technology)
    fitting = [
        n
        for n, row in radiotables.networks(db).items()
        if row.active and row.band == band and set(operators) <= set(row.operators)
    ]
    return min(fitting, default=None)


def networks_of(row: Mapping[Any, Any]) -> tuple[str, ...]:
    """The networks that a proposal transmits, several on a host shared by operators of different ones; none if unknown."""
    said = row.get("network")
    return () if empty(said) else tuple(str(said).split(NETWORK_JOIN))


def technologies(db: Database, frame: pd.DataFrame) -> list[list[str]]:
    """Of each proposal the technologies of its networks, each once; its own where no network says one."""
    bands = {name: TECHNOLOGY_OF.get(row.band) for name, row in radiotables.networks(db).items()}
    told = []
    for row in frame[["network", "technology"]].to_dict("records"):
        own = [] if empty(row["technology"]) else [str(row["technology"])]
        told.append(list(dict.fromkeys(filter(None, map(bands.get, networks_of(row))))) or own)
    return told


def save(
    db: Database,
    connection: Connection,
    frame: gpd.GeoDataFrame,
    *,
    actor: Actor,
    kind: str,
    payload: Mapping[str, object],
    now: datetime,
) -> None:
    """Write changed or new proposals and one event each, inside the caller's transaction."""
    out = stamped(frame)
    layers.upsert(connection, LAYER, out, provenance={}, now=now)
    first = kind in {"proposal.made", "proposal.added"}
    names = [c for c in out.columns if c != "geometry"]
    for cells in out[names].itertuples(index=False, name=None):
        row = dict(zip(names, cells, strict=True))
        said = {**payload, **(told(row) if first else {"proposal_no": row["proposal_no"]})}
        _tell(
            db,
            connection,
            str(row[KEY]),
            kind=kind,
            payload={**said, "revision": int(row["revision"])},
            actor=actor,
            now=now,
        )


def stamped(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The rows one revision on, with the digest of what they now say."""
    before = pd.to_numeric(frame["revision"], errors="coerce").fillna(0) if "revision" in frame else 0
    out = frame.assign(revision=before + 1)
    names = [c.name for c in schema.columns(LAYER) if c.type != "geometry" and c.name in out.columns]
    return out.assign(row_hash=row_hashes(out[[*names, "geometry"]]))


def told(row: Mapping[str, Any]) -> dict[str, object]:
    """What the journal says of a new proposal: texts and lists of texts."""
    return {
        "proposal_no": str(row["proposal_no"]),
        **{name: _text(row[name]) for name in TOLD if not empty(row.get(name))},
    }


def empty(value: object) -> bool:
    """Whether a cell says nothing."""
    return (
        value is None
        or value == ""
        or (isinstance(value, float) and np.isnan(value))
        or (isinstance(value, list) and not value)
    )


def word(column: str, value: str) -> None:
    """Refuse a code that the column's vocabulary does not know."""
    known = [term.code for term in schema.vocabulary(schema.column(LAYER, column).vocab)]
    if value not in known:
        raise BadInput("proposals.word", column=column, value=value, known=", ".join(known))


def line(text: str | None, column: str, *, needed: bool = False) -> str | None:
    """Text of a person, trimmed; BadInput where it is needed and missing, or too long."""
    said = (text or "").strip()
    if needed and not said:
        raise BadInput("proposals.needed", title=schema.column(LAYER, column).title_zh, column=column)
    if len(said) > MOST_LETTERS:
        raise BadInput("proposals.long", title=schema.column(LAYER, column).title_zh, n=len(said), most=MOST_LETTERS)
    return said or None


def _text(value: Any) -> object:
    if isinstance(value, list):
        return [str(item) for item in value]
    return value.isoformat() if isinstance(value, date) else str(value)


def _frame(rows: list[dict[str, Any]], like: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(pd.DataFrame(rows, index=like.index), geometry=like.geometry.to_numpy(), crs=like.crs)


def _tell(
    db: Database,
    connection: Connection,
    key: str,
    *,
    kind: str,
    payload: Mapping[str, object],
    actor: Actor,
    now: datetime,
) -> None:
    journal.append(
        connection, key=db.key(), stream=STREAM.format(key), actor=actor, kind=kind, payload=payload, now=now
    )
