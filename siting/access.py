"""Who may do what and see which rows: two tables over roles; what stands in neither is denied.

``permissions.csv`` says for every permission and role on which rows it holds; ``rows.csv`` says for every layer and
role which rows are visible.  Here they are values only; actions ask `require`, the store turns `ROWS` into SQL.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from siting import words
from siting.errors import NotAllowed, Word

SCOPES = ("all", "org", "area", "duty", "released", "public")
LOCAL = "local"
SYSTEM = "system"
# Roles that no account can have: whoever holds the district's folder, and the program itself.
RESERVED = (LOCAL, SYSTEM)
# At most one of these on an account, and the auditor with nothing else (separation of administrators).
ADMINISTRATORS = ("auditor", "system_admin", "security_admin")


def _matrix(name: str, key: str) -> tuple[tuple[str, ...], Mapping[tuple[str, str], str]]:
    with Path(__file__).with_name(name).open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        roles = tuple(reader.fieldnames or ())[1:]
        cells = {(row[key], role): row[role] for row in reader for role in roles}
    return roles, MappingProxyType(cells)


ROLES, _GRANTS = _matrix("permissions.csv", "permission")
#: Permission -> roles that hold it, on whatever rows.
PERMISSIONS: Mapping[str, frozenset[str]] = MappingProxyType(
    {name: frozenset(r for r in ROLES if _GRANTS[name, r]) for name in dict.fromkeys(n for n, _ in _GRANTS)}
)
#: (layer, role) -> scope code of the visible rows; an absent pair sees nothing.
ROWS: Mapping[tuple[str, str], str] = MappingProxyType(
    {pair: scope for pair, scope in _matrix("rows.csv", "layer")[1].items() if scope}
)


def _masks() -> Mapping[tuple[str, str], tuple[str, ...]]:
    with Path(__file__).with_name("masked.csv").open(encoding="utf-8", newline="") as file:
        return MappingProxyType({(r["layer"], r["column"]): tuple(r["own"].split()) for r in csv.DictReader(file)})


#: (layer, column) -> columns that name whose own a row is; for others who see the row this column is blank.
MASKED: Mapping[tuple[str, str], tuple[str, ...]] = _masks()


@dataclass(frozen=True, kw_only=True)
class Actor:
    """A person or program that acts; `role` is the one active role of this sign-in.

    Parameters
    ----------
    id, name : str
        Account.
    org : str
        Organisation of the account.
    role : str
        Active role, one of `ROLES`.
    source : str
        Through which door: ``page``, ``cli``, ``api``, ``import`` or ``system``.
    operator : str
        Operator code of the organisation (``cmcc``, ``ctc``, ``cucc``, ``cbn``), empty for others.
    streets : tuple of str
        Sub-districts of a street office.
    session : str
        Name of the sign-in that every action checks again; empty at the command line.
    """

    id: str
    name: str
    org: str
    role: str
    source: str = "page"
    operator: str = ""
    streets: tuple[str, ...] = ()
    session: str = ""


def local_admin(*, source: str) -> Actor:
    """Whoever holds the district's folder on this machine; needs no account and has no part in cases."""
    return Actor(id=LOCAL, name=LOCAL, org=LOCAL, role=LOCAL, source=source)


def system() -> Actor:
    """The program itself, actor of timed moves and valuations."""
    return Actor(id=SYSTEM, name=SYSTEM, org=SYSTEM, role=SYSTEM, source="system")


def may(actor: Actor, permission: str) -> bool:
    """Whether the actor's active role holds a permission on any rows; an unknown permission is denied."""
    return actor.role in PERMISSIONS.get(permission, frozenset())


def scope(actor: Actor, permission: str) -> str:
    """On which rows the actor holds a permission: one of `SCOPES`, empty for none."""
    return _GRANTS.get((permission, actor.role), "")


def role_word(actor: Actor) -> Word | str:
    """The role of an actor in words, for messages; one without a word by its name."""
    key = f"people.role.{actor.role}"
    return Word(key) if words.has(key) else actor.role


def require(actor: Actor, permission: str) -> None:
    """Refuse an actor without the permission.

    Raises
    ------
    NotAllowed
        Naming permission and role.
    """
    if not may(actor, permission):
        raise NotAllowed("access.denied", permission=permission, role=role_word(actor))


def covers(
    actor: Actor, permission: str, *, owners: Collection[str] = (), parties: Collection[str] = (), street: str = ""
) -> bool:
    """Whether the actor holds a permission on one thing.

    Parameters
    ----------
    actor : Actor
        Who asks.
    permission : str
        Row of the table.
    owners : collection of str
        Organisations and operator codes whose own the thing is.
    parties : collection of str
        Organisations with a duty in it: lead, assisting, owner of the asset.
    street : str
        Sub-district it lies in.
    """
    own = actor.org in owners or (actor.operator != "" and actor.operator in owners)
    held = {"all": True, "org": own, "duty": actor.org in parties, "area": street in actor.streets}
    return held.get(scope(actor, permission), False)


def masked(actor: Actor, layer: str) -> Mapping[str, tuple[str, ...]]:
    """Columns of a layer that the actor reads in rows of its own only, each with the columns that name the owner."""
    if ROWS.get((layer, actor.role)) == "all":
        return {}
    return {column: own for (name, column), own in MASKED.items() if name == layer}


def view(actor: Actor, layer: str) -> str:
    """Name of what the actor sees of a layer: equal for two people who see the same rows.

    >>> view(local_admin(source="cli"), "assets")
    'all'
    """
    rows = ROWS.get((layer, actor.role), "")
    narrowed = {"area": "|".join(sorted(actor.streets)), "all": "", "": ""}
    own = narrowed.get(rows, f"{actor.org}|{actor.operator}")
    return f"{rows or 'none'}:{own}" if own else rows or "none"
