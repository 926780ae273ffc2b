"""Who may do what: roles x permissions as one table, unknown is denied.

The full table of roles arrives with accounts; until then one local data administrator works
on this machine, and every action already asks `require`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from siting.errors import NotAllowed

PERMISSIONS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "asset.read": frozenset({"planner", "data_admin"}),
        "data.import": frozenset({"planner", "data_admin"}),
        "plan.run": frozenset({"planner", "data_admin"}),
        "report.read": frozenset({"planner", "data_admin"}),
        "export.internal": frozenset({"planner", "data_admin"}),
    },
)


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
        Active role, a key of the table of roles.
    source : str
        Through which door: ``page``, ``cli``, ``api`` or ``system``.
    """

    id: str
    name: str
    org: str
    role: str
    source: str = "page"


def local_admin(*, source: str) -> Actor:
    """The project's local data administrator, for one person on one machine."""
    return Actor(id="local", name="local", org="local", role="data_admin", source=source)


def may(actor: Actor, permission: str) -> bool:
    """Whether the actor's active role holds a permission; an unknown permission is denied."""
    return actor.role in PERMISSIONS.get(permission, frozenset())


def require(actor: Actor, permission: str) -> None:
    """Refuse an actor without the permission.

    Raises
    ------
    NotAllowed
        Naming permission and role.
    """
    if not may(actor, permission):
        raise NotAllowed("access.denied", permission=permission, role=actor.role)
