"""Accounts and organisations: who a person is, in which roles, for whom.

Signing in and out is in `siting.actions.signin`; its public names are repeated here.
"""

from __future__ import annotations

import csv
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from siting import access
from siting.access import Actor
from siting.actions import orgs, passwords
from siting.actions.doors import require, require_any
from siting.actions.signin import (
    Standing,
    change_password,
    end_others,
    identify,
    lives,
    record,
    sign_in,
    sign_out,
    standing,
    switch_role,
)
from siting.errors import BadInput, NotAllowed
from siting.store import accounts as rows
from siting.store import sessions
from siting.store.accounts import Account, Organisation
from siting.store.database import Database
from siting.store.runs import Run

__all__ = [
    "Account",
    "Organisation",
    "Standing",
    "accounts",
    "acting",
    "add_account",
    "any_accounts",
    "change_password",
    "demonstrating",
    "demonstration",
    "end_others",
    "end_sessions",
    "first_administrator",
    "identify",
    "organisations",
    "parties",
    "requester",
    "reset_password",
    "set_disabled",
    "set_roles",
    "sign_in",
    "sign_out",
    "standing",
    "switch_role",
]

EDIT, GRANT = "user.edit", "role.grant"
NAME = re.compile(r"[\w.@-]{2,40}")
DEMONSTRATION = Path(__file__).with_name("demonstration.csv")
FIRST = "admin"


def requester(db: Database, run: Run) -> Actor:
    """Who asked for a run, as the worker acts: in their role, without their sign-in.

    Raises
    ------
    NotFound
        If the account is gone or disabled.
    """
    if run.actor == access.SYSTEM:
        return access.system()
    if run.actor == access.LOCAL:
        return access.local_admin(source="system")
    return rows.get(db, run.actor).acting(run.role, source="system")


def acting(db: Database, name: str, *, role: str | None = None, source: str = "cli") -> Actor:
    """Somebody by their sign-in name, without a sign-in: the command line names who acts.

    Raises
    ------
    NotFound
        If there is no such account, or it is disabled.
    BadInput
        If the account has several roles and none is named.
    NotAllowed
        If the account lacks the role.
    """
    account = rows.named(db, name)
    if role is not None and role not in account.roles:
        raise NotAllowed("people.no_such_role", name=name, role=role, roles=", ".join(account.roles))
    if role is None and len(account.roles) != 1:
        raise BadInput("people.name_a_role", name=name, roles=", ".join(account.roles))
    return account.acting(role or account.roles[0], source=source)


def add_account(  # noqa: PLR0913 - what an account is made of, every part by name
    db: Database,
    actor: Actor,
    *,
    name: str,
    roles: Sequence[str],
    org: str,
    kind: str | None = None,
    operator: str | None = None,
    streets: Sequence[str] = (),
    password: str | None = None,
    now: datetime,
) -> tuple[Account, str]:
    """Add an account, and its organisation if that is new.

    Parameters
    ----------
    db, actor
        The district and who does it.
    name : str
        Sign-in name.
    roles : sequence of str
        Roles; none where somebody else grants them later (then `kind` must be named for a new organisation).
    org : str
        Name of the organisation, as in the asset list.
    kind, operator, streets
        Of a new organisation; taken from roles and name where not given.
    password : str, optional
        A random one-time password unless given; a given one need not be changed.
    now : datetime
        Time of the act.

    Returns
    -------
    tuple
        The account and its password.

    Raises
    ------
    NotAllowed
        If the actor may not edit accounts, or not grant roles.
    BadInput
        If name, roles, organisation or password break a rule.
    """
    require(db, actor, EDIT)
    if roles:
        _require_granting(db, actor)
    party = orgs.organisation(db, org.strip(), roles=roles, kind=kind, operator=operator, streets=tuple(streets))
    told = _password(password, name)
    account = Account(
        id=uuid.uuid4().hex,
        name=_name(name),
        org=party,
        roles=orgs.roles_for(roles, party),
        must_change=password is None,
        disabled=False,
        demonstration=False,
    )
    _add(db, actor, account, digest=passwords.digest(told), now=now)
    return account, told


def set_roles(db: Database, actor: Actor, name: str, roles: Sequence[str], *, now: datetime) -> None:
    """Give an account other roles; its sign-ins end.

    Raises
    ------
    NotAllowed
        If the actor may not grant roles.
    BadInput
        If the roles break a rule, or the last system administrator would lose theirs.
    """
    require_any(db, actor, EDIT, GRANT)
    _require_granting(db, actor)
    with db.write() as connection:
        account = rows.within(connection, name)
        kept = orgs.roles_for(roles, account.org)
        if "system_admin" not in kept:
            _keep_one(rows.everybody(connection), account)
        rows.set_roles(connection, account.id, kept)
        sessions.end_all(connection, account.id, by=actor.id, now=now)
        payload = {"account": name, "before": list(account.roles), "roles": list(kept)}
        record(connection, db, actor, "account.roles", payload, now=now)


def set_disabled(db: Database, actor: Actor, name: str, disabled: bool, *, now: datetime) -> None:  # noqa: FBT001 - yes or no is what is set
    """Take an account out of use, ending its sign-ins, or put it back.

    Raises
    ------
    BadInput
        If it is the last system administrator in use.
    """
    require(db, actor, EDIT)
    with db.write() as connection:
        account = rows.within(connection, name)
        if disabled:
            _keep_one(rows.everybody(connection), account)
            sessions.end_all(connection, account.id, by=actor.id, now=now)
        rows.set_disabled(connection, account.id, disabled=disabled)
        kind = "account.disabled" if disabled else "account.enabled"
        record(connection, db, actor, kind, {"account": name}, now=now)


def reset_password(db: Database, actor: Actor, name: str, *, password: str | None = None, now: datetime) -> str:
    """A new one-time password (or the given one, which need not be changed); unlocks, ends all sign-ins."""
    require(db, actor, EDIT)
    told = _password(password, name)
    made = passwords.digest(told)
    with db.write() as connection:
        account = rows.within(connection, name)
        rows.set_password(connection, account.id, digest=made, must_change=password is None)
        sessions.end_all(connection, account.id, by=actor.id, now=now)
        record(connection, db, actor, "account.password_reset", {"account": name}, now=now)
    return told


def end_sessions(db: Database, actor: Actor, name: str, *, now: datetime) -> int:
    """End all sign-ins of an account; returns how many."""
    require(db, actor, EDIT)
    with db.write() as connection:
        account = rows.within(connection, name)
        ended = sessions.end_all(connection, account.id, by=actor.id, now=now)
        record(connection, db, actor, "session.revoked", {"account": name, "ended": ended}, now=now)
    return ended


def accounts(db: Database, actor: Actor, *, now: datetime) -> pd.DataFrame:
    """Accounts: name, org, kind, roles, state (active, one_time, disabled), last_seen, open sign-ins, demonstration."""
    require_any(db, actor, EDIT, GRANT)
    seen = sessions.last_seen(db)
    live = [entry.account for entry in sessions.unended(db) if lives(db, entry, now)]
    columns = ("name", "org", "kind", "roles", "state", "last_seen", "open", "demonstration")
    found = [
        (a.name, a.org.name, a.org.kind, a.roles, _state(a), seen.get(a.id, ""), live.count(a.id), a.demonstration)
        for a in rows.listing(db)
    ]
    return pd.DataFrame(found, columns=list(columns))


def organisations(db: Database, actor: Actor) -> pd.DataFrame:
    """Organisations that have or had accounts: name, kind, operator, streets."""
    require_any(db, actor, EDIT, GRANT)
    return pd.DataFrame([asdict(o) for o in rows.organisations(db)], columns=["name", "kind", "operator", "streets"])


def parties(db: Database, actor: Actor) -> list[Organisation]:
    """Organisations that somebody here belongs to, for whoever names one in their work."""
    require(db, actor, "report.read")
    return rows.organisations(db)


def any_accounts(db: Database) -> bool:
    """Whether the district has any account yet."""
    return bool(rows.listing(db))


def demonstrating(db: Database) -> bool:
    """Whether the district holds accounts made for demonstration, in use or not."""
    return any(account.demonstration for account in rows.listing(db))


def first_administrator(db: Database, *, now: datetime) -> tuple[Account, str]:
    """The first account of a district: its system administrator, with a one-time password."""
    own = access.local_admin(source="system")
    return add_account(
        db, own, name=FIRST, roles=["system_admin"], org=db.settings.name, kind="administration", now=now
    )


def demonstration(db: Database, *, now: datetime) -> list[tuple[str, str, str, str]]:
    """One account for every role, on synthetic data only: (account, role, organisation, password) of each.

    Raises
    ------
    NotAllowed
        If the district's data is not synthetic.
    """
    if not db.settings.flag("district.synthetic"):
        raise NotAllowed("people.demonstration", name=db.settings.name)
    with DEMONSTRATION.open(encoding="utf-8", newline="") as file:
        wanted = list(csv.DictReader(file))
    return [_demonstrate(db, row, now=now) for row in wanted]


def _demonstrate(db: Database, row: Mapping[str, str], *, now: datetime) -> tuple[str, str, str, str]:
    party = Organisation(
        name=row["org"],
        kind=orgs.KIND_OF_ROLE[row["role"]],
        operator=row["operator"],
        streets=(row["street"],) if row["street"] else (),
    )
    told = passwords.one_time()
    account = Account(
        id=uuid.uuid4().hex,
        name=row["name"],
        org=party,
        roles=(row["role"],),
        must_change=False,
        disabled=False,
        demonstration=True,
    )
    _add(db, access.local_admin(source="system"), account, digest=passwords.digest(told), now=now)
    return account.name, row["role"], party.name, told


def _add(db: Database, actor: Actor, account: Account, *, digest: str, now: datetime) -> None:
    with db.write() as connection:
        if any(other.name.lower() == account.name.lower() for other in rows.everybody(connection)):
            raise BadInput("people.name_taken", name=account.name)
        if rows.organisation(connection, account.org.name) is None:
            rows.add_organisation(connection, account.org, now=now)
        rows.add(connection, account, digest=digest, now=now)
        payload: dict[str, Any] = {"account": account.name, "org": account.org.name, "roles": list(account.roles)}
        payload["demonstration"] = account.demonstration
        record(connection, db, actor, "account.added", payload, now=now)


def grants(db: Database, actor: Actor) -> bool:
    """Whether somebody grants roles: who holds the permission; the editor of accounts while the district has no such person."""
    if access.may(actor, GRANT):
        return True
    granting = {role for role in access.PERMISSIONS[GRANT] if role not in access.RESERVED}
    nobody = not any(not a.disabled and granting & set(a.roles) for a in rows.listing(db))
    return nobody and access.may(actor, EDIT)


def _require_granting(db: Database, actor: Actor) -> None:
    if not grants(db, actor):
        access.require(actor, GRANT)


def _keep_one(everybody: Iterable[Account], account: Account) -> None:
    left = [a for a in everybody if not a.disabled and "system_admin" in a.roles and a.id != account.id]
    if "system_admin" in account.roles and not account.disabled and not left:
        raise BadInput("people.last_administrator", name=account.name)


def _state(account: Account) -> str:
    if account.disabled:
        return "disabled"
    return "one_time" if account.must_change else "active"


def _name(name: str) -> str:
    if not NAME.fullmatch(name) or name in access.RESERVED:
        raise BadInput("people.name", name=name)
    return name


def _password(given: str | None, name: str) -> str:
    if given is None:
        return passwords.one_time()
    passwords.require_good(given, name=name)
    return given
