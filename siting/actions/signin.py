"""Signing in and out: from a name and a password to a token, from a token to a person in one role."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from siting.access import Actor
from siting.actions import passwords
from siting.actions.doors import still_signed_in
from siting.errors import BadInput, NotAllowed, NotFound
from siting.store import accounts, journal, sessions
from siting.store.accounts import Account
from siting.store.database import Database
from siting.store.sessions import SignIn

STREAM = "people"
MOST_FAILURES = 5
TOKEN_BYTES = 32
SEEN_EVERY = timedelta(minutes=1)
EXPIRED = "expired"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A live sign-in: who, and what still stands between them and the pages.

    Parameters
    ----------
    account : Account
        Whose.
    session : str
        Name of the sign-in.
    role : str
        Active role; empty until one is chosen.
    """

    account: Account
    session: str
    role: str

    @property
    def pending(self) -> str:
        """``password`` while a one-time password waits to be changed, ``role`` while none is chosen, else empty."""
        if self.account.must_change:
            return "password"
        return "" if self.role in self.account.roles else "role"

    @property
    def actor(self) -> Actor | None:
        """The person in their role; None while something is pending."""
        if self.pending:
            return None
        return self.account.acting(self.role, source="page", session=self.session)


def sign_in(db: Database, name: str, password: str, *, now: datetime) -> str:
    """Sign in; an account of several roles still has to choose one (`switch_role`).

    Returns
    -------
    str
        The token for the browser; it is stored nowhere.

    Raises
    ------
    NotAllowed
        One answer, after one comparison, for an unknown name, a wrong password, a locked and a disabled account.
    """
    account = _checked(db, name, password, now=now)
    return _begin(db, account, account.roles[0] if len(account.roles) == 1 else "", now=now)


def standing(db: Database, token: str, *, now: datetime) -> Standing | None:
    """Whose token it is, if the sign-in lives: not ended, not idle for too long, not too old, account in use."""
    found = _find(db, token)
    if found is None:
        return None
    account, entry = found
    if account.disabled or _too_old(db, entry, now):
        _expire(db, account, entry, now=now)
        return None
    if now - entry.seen_at >= SEEN_EVERY:
        sessions.seen(db, entry.id, now=now)
    return Standing(account=account, session=entry.id, role=entry.role)


def identify(db: Database, token: str, *, now: datetime) -> Actor | None:
    """The person behind a token, in their role; None if the sign-in does not live or something is still pending."""
    found = standing(db, token, now=now)
    return None if found is None else found.actor


def sign_out(db: Database, token: str, *, now: datetime) -> None:
    """End this sign-in; nothing happens if it has ended."""
    found = _find(db, token)
    if found is None:
        return
    account, entry = found
    with db.write() as connection:
        if sessions.end(connection, entry.id, by=account.id, now=now):
            record(
                connection, db, person(account, entry.role), "session.signed_out", {"account": account.name}, now=now
            )


def end_others(db: Database, actor: Actor, *, now: datetime) -> int:
    """End one's own other sign-ins; returns how many."""
    still_signed_in(db, actor)
    with db.write() as connection:
        ended = sessions.end_all(connection, actor.id, but=actor.session, by=actor.id, now=now)
        record(connection, db, actor, "session.others_ended", {"account": actor.name, "ended": ended}, now=now)
    return ended


def switch_role(db: Database, token: str, role: str, *, now: datetime) -> str:
    """Take another role of the account; the old sign-in ends, the token returned is the new one.

    Raises
    ------
    NotAllowed
        If the sign-in has ended, its password waits to be changed, or the account lacks the role.
    """
    found = _required(db, token, now=now)
    if found.account.must_change:
        raise NotAllowed("access.session_ended")
    if role not in found.account.roles:
        raise NotAllowed(
            "people.no_such_role", name=found.account.name, role=role, roles=", ".join(found.account.roles)
        )
    return _begin(db, found.account, role, now=now, instead_of=found.session)


def change_password(db: Database, token: str, old: str, new: str, *, now: datetime) -> str:
    """Change one's own password; all sign-ins end, the token returned is a new one.

    Raises
    ------
    NotAllowed
        If the sign-in has ended or the old password does not fit.
    BadInput
        If the new password breaks the rule or is the old one.
    """
    found = _required(db, token, now=now)
    account = _checked(db, found.account.name, old, now=now)
    passwords.require_good(new, name=account.name)
    if new == old:
        raise BadInput("people.password_same")
    made = passwords.digest(new)
    with db.write() as connection:
        accounts.set_password(connection, account.id, digest=made, must_change=False)
        sessions.end_all(connection, account.id, by=account.id, now=now)
        payload = {"account": account.name}
        record(connection, db, person(account, found.role), "account.password_changed", payload, now=now)
    role = found.role or (account.roles[0] if len(account.roles) == 1 else "")
    return _begin(db, accounts.get(db, account.id), role, now=now)


def name_of(token: str) -> str:
    """Name of the sign-in of a token, as the store and the actor know it."""
    return hashlib.sha256(token.encode()).hexdigest()


def person(account: Account, role: str) -> Actor:
    """Somebody as the journal names them, whatever state their account is in."""
    return Actor(id=account.id, name=account.name, org=account.org.name, role=role, source="page")


def record(
    connection: Any, db: Database, actor: Actor, kind: str, payload: Mapping[str, object], *, now: datetime
) -> None:
    """Journal what happened to accounts and sign-ins; never a password or token."""
    journal.append(connection, key=db.key(), stream=STREAM, actor=actor, kind=kind, payload=payload, now=now)


def lives(db: Database, entry: SignIn, now: datetime) -> bool:
    """Whether a sign-in that nobody ended is young enough to count."""
    return not _too_old(db, entry, now)


def _too_old(db: Database, entry: SignIn, now: datetime) -> bool:
    settings = db.settings
    idle = timedelta(minutes=settings.whole("people.idle_minutes"))
    longest = timedelta(hours=settings.whole("people.session_hours"))
    return now - entry.seen_at >= idle or now - entry.created_at >= longest


def _find(db: Database, token: str) -> tuple[Account, SignIn] | None:
    if not token:
        return None
    with db.read() as connection:
        entry = sessions.find(connection, name_of(token))
        return None if entry is None else (accounts.numbered(connection, entry.account), entry)


def _required(db: Database, token: str, *, now: datetime) -> Standing:
    found = standing(db, token, now=now)
    if found is None:
        raise NotAllowed("access.session_ended")
    return found


def _expire(db: Database, account: Account, entry: SignIn, *, now: datetime) -> None:
    with db.write() as connection:
        if sessions.end(connection, entry.id, by=EXPIRED, now=now):
            record(connection, db, person(account, entry.role), "session.expired", {"account": account.name}, now=now)


def _checked(db: Database, name: str, password: str, *, now: datetime) -> Account:
    """The account that a name and a password open; one comparison and one write whatever the answer."""
    account = _known(db, name)
    lock = None
    if account is not None:
        with db.read() as connection:
            lock = accounts.lock_of(connection, account.id)
    right = passwords.fits(None if lock is None else lock.digest, password)
    with db.write() as connection:
        why = _refusal(connection, db, account, right=right, now=now)
        who = Actor(id="", name="", org="", role="") if account is None else person(account, "")
        if why:
            payload = {"account": who.name, "why": why}
            record(connection, db, who, "session.refused", payload, now=now)
        else:
            accounts.set_lock(connection, who.id, failures=0, until=None)
    if account is None or why:
        raise NotAllowed("people.refused")
    return account


def _known(db: Database, name: str) -> Account | None:
    try:
        return accounts.named(db, name)
    except NotFound:
        return None


def _refusal(connection: Any, db: Database, account: Account | None, *, right: bool, now: datetime) -> str:
    """Why nobody comes in, empty if they do; counts a wrong password, and locks after the last one allowed."""
    if account is None:
        return "unknown"
    lock = accounts.lock_of(connection, account.id)
    if lock.until is not None and now < lock.until:
        return "locked"
    if right:
        return "disabled" if account.disabled else ""
    failures = lock.failures + 1
    full = failures >= MOST_FAILURES
    until = now + timedelta(minutes=db.settings.whole("people.lock_minutes")) if full else None
    accounts.set_lock(connection, account.id, failures=0 if full else failures, until=until)
    return "password"


def _begin(db: Database, account: Account, role: str, *, now: datetime, instead_of: str = "") -> str:
    token = secrets.token_urlsafe(TOKEN_BYTES)
    with db.write() as connection:
        if instead_of and not sessions.end(connection, instead_of, by=account.id, now=now):
            raise NotAllowed("access.session_ended")
        if accounts.numbered(connection, account.id) != account:
            raise NotAllowed("people.refused")  # changed meanwhile: disabled, or other roles
        sessions.add(connection, name_of(token), account=account.id, role=role, now=now)
        payload = {"account": account.name, "role": role}
        record(connection, db, person(account, role), "session.begun", payload, now=now)
    return token
