"""Organisations and accounts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, insert, select, update

from siting.access import Actor
from siting.errors import NotFound
from siting.store.database import Database
from siting.store.tables import ACCOUNT, ORG


@dataclass(frozen=True, kw_only=True)
class Organisation:
    """A party of the district.

    Parameters
    ----------
    name : str
        Its name, as it stands in the asset list.
    kind : str
        ``bureau``, ``operator``, ``tower``, ``agency``, ``street``, ``government`` or ``administration``.
    operator : str
        Operator code, empty for others.
    streets : tuple of str
        Sub-districts of a street office.
    """

    name: str
    kind: str
    operator: str = ""
    streets: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Account:
    """One person's account; the password's digest stays in the store.

    Parameters
    ----------
    id, name : str
        Number and sign-in name.
    org : Organisation
        The one organisation.
    roles : tuple of str
        Roles; one of them is active per sign-in.
    must_change, disabled, demonstration : bool
        One-time password, no sign-in any more, made for the sample.
    """

    id: str
    name: str
    org: Organisation
    roles: tuple[str, ...]
    must_change: bool
    disabled: bool
    demonstration: bool

    def acting(self, role: str, *, source: str, session: str = "") -> Actor:
        """The person in one of the account's roles.

        Raises
        ------
        NotFound
            If the account is disabled or lacks the role.
        """
        if self.disabled or role not in self.roles:
            raise NotFound("store.no_account", name=self.name)
        return Actor(
            id=self.id,
            name=self.name,
            org=self.org.name,
            role=role,
            source=source,
            operator=self.org.operator,
            streets=self.org.streets,
            session=session,
        )


@dataclass(frozen=True, kw_only=True)
class Lock:
    """What stands between a person and their account: the password's digest and the count of wrong ones.

    Parameters
    ----------
    digest : str
        argon2id.
    failures : int
        Wrong passwords in a row.
    until : datetime, optional
        Until when the account is locked.
    """

    digest: str
    failures: int
    until: datetime | None


def get(db: Database, account_id: str) -> Account:
    """An account by its number; NotFound if there is none."""
    with db.read() as connection:
        return numbered(connection, account_id)


def named(db: Database, name: str) -> Account:
    """An account by its sign-in name; NotFound if there is none."""
    with db.read() as connection:
        return within(connection, name)


def numbered(connection: Connection, account_id: str) -> Account:
    """An account by its number, as a transaction that has begun sees it; NotFound if there is none."""
    return _one(connection, ACCOUNT.c.id == account_id, account_id)


def within(connection: Connection, name: str) -> Account:
    """An account by its sign-in name, as a transaction that has begun sees it; NotFound if there is none."""
    return _one(connection, ACCOUNT.c.name == name, name)


def listing(db: Database) -> list[Account]:
    """All accounts by name."""
    with db.read() as connection:
        return everybody(connection)


def everybody(connection: Connection) -> list[Account]:
    """All accounts by name, as a transaction that has begun sees them."""
    return [_account(row) for row in connection.execute(_QUERY.order_by(ACCOUNT.c.name)).mappings()]


def organisations(db: Database) -> list[Organisation]:
    """All organisations by kind and name."""
    with db.read() as connection:
        rows = connection.execute(select(ORG).order_by(ORG.c.kind, ORG.c.name)).mappings().all()
    return [_organisation(row["name"], row) for row in rows]


def organisation(connection: Connection, name: str) -> Organisation | None:
    """An organisation by its name, if it is known."""
    row = connection.execute(select(ORG).where(ORG.c.name == name)).mappings().first()
    return None if row is None else _organisation(name, row)


def add_organisation(connection: Connection, org: Organisation, *, now: datetime) -> None:
    """Add a new organisation."""
    connection.execute(
        insert(ORG).values(
            name=org.name,
            kind=org.kind,
            operator=org.operator,
            streets=json.dumps(org.streets, ensure_ascii=False),
            created_at=now.isoformat(timespec="seconds"),
        ),
    )


def add(connection: Connection, account: Account, *, digest: str, now: datetime) -> None:
    """Add a new account with its password's digest."""
    connection.execute(
        insert(ACCOUNT).values(
            id=account.id,
            name=account.name,
            org=account.org.name,
            roles=json.dumps(account.roles),
            password=digest,
            created_at=now.isoformat(timespec="seconds"),
            must_change=account.must_change,
            disabled=account.disabled,
            demonstration=account.demonstration,
            failures=0,
        ),
    )


def lock_of(connection: Connection, account_id: str) -> Lock:
    """The lock of an account that is there."""
    row = connection.execute(
        select(ACCOUNT.c.password, ACCOUNT.c.failures, ACCOUNT.c.locked_until).where(ACCOUNT.c.id == account_id)
    ).one()
    until = None if row.locked_until is None else datetime.fromisoformat(row.locked_until)
    return Lock(digest=row.password, failures=row.failures, until=until)


def set_lock(connection: Connection, account_id: str, *, failures: int, until: datetime | None) -> None:
    """Write the count of wrong passwords and until when they lock the account."""
    _change(connection, account_id, failures=failures, locked_until=None if until is None else until.isoformat())


def set_password(connection: Connection, account_id: str, *, digest: str, must_change: bool) -> None:
    """A new password; whatever locked the account is forgotten."""
    _change(connection, account_id, password=digest, must_change=must_change, failures=0, locked_until=None)


def set_disabled(connection: Connection, account_id: str, *, disabled: bool) -> None:
    """Take an account out of use, or put it back."""
    _change(connection, account_id, disabled=disabled)


def set_roles(connection: Connection, account_id: str, roles: Sequence[str]) -> None:
    """Give an account other roles."""
    _change(connection, account_id, roles=json.dumps(list(roles)))


def _change(connection: Connection, account_id: str, **values: object) -> None:
    connection.execute(update(ACCOUNT).where(ACCOUNT.c.id == account_id).values(**values))


_QUERY = select(ACCOUNT, ORG.c.kind, ORG.c.operator, ORG.c.streets).join(ORG, ORG.c.name == ACCOUNT.c.org)


def _one(connection: Connection, condition: object, shown: str) -> Account:
    row = connection.execute(_QUERY.where(condition)).mappings().first()  # type: ignore[arg-type]
    if row is None:
        raise NotFound("store.no_account", name=shown)
    return _account(row)


def _organisation(name: str, row: RowMapping) -> Organisation:
    return Organisation(
        name=name, kind=row["kind"], operator=row["operator"], streets=tuple(json.loads(row["streets"]))
    )


def _account(row: RowMapping) -> Account:
    flags = {name: bool(row[name]) for name in ("must_change", "disabled", "demonstration")}
    return Account(
        id=row["id"],
        name=row["name"],
        org=_organisation(row["org"], row),
        roles=tuple(json.loads(row["roles"])),
        **flags,
    )
