"""Sign-ins: who came in when, and whether it still counts.  A token is never stored, only its digest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, insert, select, update

from siting.store.database import Database
from siting.store.tables import SESSION


@dataclass(frozen=True, kw_only=True)
class SignIn:
    """One sign-in that nobody has ended.

    Parameters
    ----------
    id : str
        Digest of the token that the browser holds.
    account : str
        Number of the account.
    role : str
        The active role; empty until one is chosen.
    created_at, seen_at : datetime
        When it began, when it was last used.
    """

    id: str
    account: str
    role: str
    created_at: datetime
    seen_at: datetime


def live(db: Database, session_id: str) -> bool:
    """Whether nobody has ended the sign-in; its age is judged when the page asks who is there."""
    with db.read() as connection:
        return find(connection, session_id) is not None


def find(connection: Connection, session_id: str) -> SignIn | None:
    """A sign-in that nobody has ended."""
    query = select(SESSION).where(SESSION.c.id == session_id, SESSION.c.ended_at.is_(None))
    row = connection.execute(query).mappings().first()
    return None if row is None else _sign_in(row)


def unended(db: Database) -> list[SignIn]:
    """All sign-ins that nobody has ended, of whatever age."""
    with db.read() as connection:
        rows = connection.execute(select(SESSION).where(SESSION.c.ended_at.is_(None))).mappings().all()
    return [_sign_in(row) for row in rows]


def last_seen(db: Database) -> dict[str, str]:
    """When each account was last seen, by its number."""
    query = select(SESSION.c.account, SESSION.c.seen_at).order_by(SESSION.c.seen_at)
    with db.read() as connection:
        return {row.account: row.seen_at for row in connection.execute(query)}


def add(connection: Connection, session_id: str, *, account: str, role: str, now: datetime) -> None:
    """Begin a sign-in."""
    stamp = now.isoformat()
    connection.execute(
        insert(SESSION).values(id=session_id, account=account, role=role, created_at=stamp, seen_at=stamp)
    )


def seen(db: Database, session_id: str, *, now: datetime) -> None:
    """Write that the sign-in was used now."""
    with db.write() as connection:
        connection.execute(update(SESSION).where(SESSION.c.id == session_id).values(seen_at=now.isoformat()))


def end(connection: Connection, session_id: str, *, by: str, now: datetime) -> bool:
    """End one sign-in; False if it had ended before."""
    change = update(SESSION).where(SESSION.c.id == session_id, SESSION.c.ended_at.is_(None))
    return connection.execute(change.values(ended_at=now.isoformat(), ended_by=by)).rowcount == 1


def end_all(connection: Connection, account: str, *, but: str = "", by: str, now: datetime) -> int:
    """End all sign-ins of an account except one; returns how many."""
    change = update(SESSION).where(SESSION.c.account == account, SESSION.c.ended_at.is_(None), SESSION.c.id != but)
    return connection.execute(change.values(ended_at=now.isoformat(), ended_by=by)).rowcount


def _sign_in(row: RowMapping) -> SignIn:
    times = {name: datetime.fromisoformat(row[name]) for name in ("created_at", "seen_at")}
    return SignIn(id=row["id"], account=row["account"], role=row["role"], **times)
