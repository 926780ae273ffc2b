"""A case as its row and as its events: what is stored, and back."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from siting.ledger import chain, fields, state
from siting.ledger.model import Case, Event, Fact, Need

OWNER, DUTY = "owner", "duty"
#: Fields of the record that are also columns, for filters.
SHOWN = ("pp_no", "title", "reporter_org", "street_office", "site_ref", "asset_ref")


def snapshot(case: Case) -> str:
    """The whole case in the one text form that the chain uses too."""
    parts = {
        "kind": case.kind,
        "record": case.record,
        "needs": [_parts(need) for need in case.needs],
        "facts": [_parts(fact) for fact in case.facts],
    }
    return chain.canonical(parts).decode()


def case_of(case_id: str, revision: int, text: str) -> Case:
    """The case that `snapshot` wrote."""
    parts = json.loads(text)
    return Case(
        id=case_id,
        kind=parts["kind"],
        record=parts["record"],
        needs=tuple(Need(**need) for need in parts["needs"]),
        facts=tuple(_fact(fact) for fact in parts["facts"]),
        revision=revision,
    )


def columns(case: Case) -> dict[str, Any]:
    """The row of a case without the time of its last change."""
    return {
        "id": case.id,
        "kind": case.kind,
        "state": state.state_of(case.facts),
        "revision": case.revision,
        **{name: str(case.record.get(name) or "") for name in SHOWN},
        **place(case),
        "snapshot": snapshot(case),
    }


def place(case: Case) -> dict[str, float | None]:
    """Where a case lies in the project CRS [m]; None where it has no place yet."""
    east, north = fields.point(case.record.get("place")) or (None, None)
    return {"easting_m": east, "northing_m": north}


def parties(case: Case) -> frozenset[tuple[str, str]]:
    """Who has to do with a case: (side, organisation or operator code)."""
    record = case.record
    owners = {str(record.get("reporter_org") or ""), *(need.operator for need in case.needs)}
    assisting = record.get("assist_units")
    duty = {str(record.get("lead_unit") or ""), str(record.get("owner_of_asset") or "")}
    duty |= {str(unit) for unit in assisting} if isinstance(assisting, list | tuple) else set()
    return frozenset((OWNER, name) for name in owners if name) | frozenset((DUTY, name) for name in duty if name)


def entry(event: Event, *, digest: str) -> dict[str, Any]:
    """The chained fields of an event as they are stored."""
    return {
        "case_id": event.case_id,
        "revision": event.revision,
        "command_id": event.command_id,
        "digest": digest,
        "actor": event.actor,
        "org": event.org,
        "role": event.role,
        "source": event.source,
        "at": event.at.isoformat(timespec="seconds"),
        "kind": event.move,
        "payload": chain.canonical(event.payload).decode(),
    }


def event_of(row: Mapping[str, Any]) -> Event:
    """The event that `entry` wrote."""
    return Event(
        case_id=row["case_id"],
        revision=row["revision"],
        command_id=row["command_id"],
        actor=row["actor"],
        org=row["org"],
        role=row["role"],
        source=row["source"],
        at=datetime.fromisoformat(row["at"]),
        move=row["kind"],
        payload=json.loads(row["payload"]),
    )


def _parts(thing: Fact | Need) -> dict[str, object]:
    return {part.name: getattr(thing, part.name) for part in dataclasses.fields(thing)}


def _fact(parts: Mapping[str, Any]) -> Fact:
    times = {"on": date.fromisoformat(parts["on"]), "at": datetime.fromisoformat(parts["at"])}
    return Fact(**{**parts, **times})
