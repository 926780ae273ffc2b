"""Sign-ins: who came in when, and whether it still counts.  A token is never stored, only its digest."""

from __future__ import annotations

from sqlalchemy import select

from siting.store.database import Database
from siting.store.tables import SESSION


def live(db: Database, session_id: str) -> bool:
    """Whether nobody has ended the sign-in; its age is judged when the page asks who is there."""
    query = select(SESSION.c.id).where(SESSION.c.id == session_id, SESSION.c.ended_at.is_(None))
    with db.read() as connection:
        return connection.execute(query).first() is not None
