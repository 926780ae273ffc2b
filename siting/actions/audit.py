"""What the auditor reads: who did what, when."""

from __future__ import annotations

from typing import Any

from siting.access import Actor
from siting.actions.doors import require
from siting.errors import BadInput
from siting.store import audit
from siting.store.database import Database

KINDS = (audit.PEOPLE, audit.DISTRICT, audit.CASES)


def events(db: Database, actor: Actor, which: str, *, limit: int = 200) -> list[dict[str, Any]]:
    """The latest events, newest first: stream, at, actor, org, role, kind, payload.

    Raises
    ------
    NotAllowed
        If the actor may not read the journal.
    BadInput
        If there are no events of this kind.
    """
    require(db, actor, "journal.read")
    if which not in KINDS:
        raise BadInput("people.events", which=which, known=", ".join(KINDS))
    return audit.latest(db, which, limit=limit)
