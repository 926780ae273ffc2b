"""Named scenarios of planning: what a plan is asked, kept under a name; a removed one leaves the lists and stays."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update

from siting.access import Actor
from siting.errors import NotFound
from siting.store import rows
from siting.store.database import Database
from siting.store.tables import SCENARIO


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A question to be asked again.

    Parameters
    ----------
    id, name : str
        Number and name.
    record : mapping
        What is asked.
    reason : str
        What for.
    audience : str
        ``district`` where it was kept by who plans the whole district, ``org`` for an organisation's own.
    org, at, actor, person : str
        For which organisation, when (ISO), by which account and by whom.
    renamed_at, removed_at, removed_by : str
        When it got its present name; when and by whom it was taken away.  Empty: never.
    """

    id: str
    name: str
    record: Mapping[str, Any]
    reason: str
    audience: str
    org: str
    at: str
    actor: str
    person: str
    renamed_at: str = ""
    removed_at: str = ""
    removed_by: str = ""


def add(connection: Connection, made: Scenario) -> None:
    """Add a scenario inside the caller's transaction."""
    text = json.dumps(dict(made.record), ensure_ascii=False)
    connection.execute(insert(SCENARIO).values(**{**asdict(made), "record": text}))


def rename(connection: Connection, scenario_id: str, name: str, *, now: datetime) -> None:
    """Give a scenario another name inside the caller's transaction."""
    _set(connection, scenario_id, name=name, renamed_at=_stamp(now))


def remove(connection: Connection, scenario_id: str, *, actor: Actor, now: datetime) -> None:
    """Take a scenario away inside the caller's transaction; its row stays."""
    _set(connection, scenario_id, removed_at=_stamp(now), removed_by=actor.id)


def named(connection: Connection, name: str, *, org: str) -> str:
    """Id of an organisation's living scenario of this name; empty if there is none."""
    living = select(SCENARIO.c.id).where(SCENARIO.c.name == name, SCENARIO.c.org == org, SCENARIO.c.removed_at == "")
    return str(connection.execute(living).scalar() or "")


def get(db: Database, scenario_id: str, *, viewer: Actor) -> Scenario:
    """One living scenario.

    Raises
    ------
    NotFound
        If there is none of this id that the viewer sees.
    """
    found = [one for one in listing(db, viewer=viewer) if one.id == scenario_id]
    if not found:
        raise NotFound("scenario.unknown", id=scenario_id)
    return found[0]


def listing(db: Database, *, viewer: Actor) -> list[Scenario]:
    """Living scenarios that the viewer sees, newest first."""
    query = select(SCENARIO).where(rows.scenarios(viewer), SCENARIO.c.removed_at == "")
    with db.read() as connection:
        found = connection.execute(query.order_by(SCENARIO.c.at.desc(), SCENARIO.c.id.desc())).mappings().all()
    return [_scenario(row) for row in found]


def _set(connection: Connection, scenario_id: str, **values: str) -> None:
    connection.execute(update(SCENARIO).where(SCENARIO.c.id == scenario_id).values(**values))


def _stamp(now: datetime) -> str:
    return now.isoformat(timespec="milliseconds")


def _scenario(row: RowMapping) -> Scenario:
    return Scenario(**{**row, "record": json.loads(row["record"])})
