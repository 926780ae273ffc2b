"""Organisations and accounts."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import RowMapping, select

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


def get(db: Database, account_id: str) -> Account:
    """An account by its number; NotFound if there is none."""
    return _one(db, ACCOUNT.c.id == account_id, account_id)


def named(db: Database, name: str) -> Account:
    """An account by its sign-in name; NotFound if there is none."""
    return _one(db, ACCOUNT.c.name == name, name)


def _one(db: Database, condition: object, shown: str) -> Account:
    query = select(ACCOUNT, ORG.c.kind, ORG.c.operator, ORG.c.streets).join(ORG, ORG.c.name == ACCOUNT.c.org)
    with db.read() as connection:
        row = connection.execute(query.where(condition)).mappings().first()  # type: ignore[arg-type]
    if row is None:
        raise NotFound("store.no_account", name=shown)
    return _account(row)


def _account(row: RowMapping) -> Account:
    org = Organisation(
        name=row["org"], kind=row["kind"], operator=row["operator"], streets=tuple(json.loads(row["streets"]))
    )
    flags = {name: bool(row[name]) for name in ("must_change", "disabled", "demonstration")}
    return Account(id=row["id"], name=row["name"], org=org, roles=tuple(json.loads(row["roles"])), **flags)
