"""Organisations and the roles that their people may hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from siting import access
from siting.errors import BadInput
from siting.store import accounts, layers
from siting.store.accounts import Organisation
from siting.store.database import Database

KINDS = ("bureau", "operator", "tower", "agency", "street", "government", "administration")
# Parties of the district's cases: their people hold the one role of their kind, and nobody else holds it.
PARTIES = ("operator", "tower", "agency", "street")
KIND_OF_ROLE: Mapping[str, str] = MappingProxyType(
    {
        **{name: name for name in PARTIES},
        **dict.fromkeys(("planner", "coordinator", "data_admin"), "bureau"),
        **dict.fromkeys(("leader", "supervisor"), "government"),
        **dict.fromkeys(access.ADMINISTRATORS, "administration"),
    }
)
OPERATORS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"cmcc": ("cmcc", "移动"), "ctc": ("ctc", "电信"), "cucc": ("cucc", "联通"), "cbn": ("cbn", "广电")}
)
OFFICE = "办事处"


def roles_for(roles: Sequence[str], party: Organisation) -> tuple[str, ...]:
    """The roles in the table's order, or the rule that they break together."""
    known = [role for role in access.ROLES if role not in access.RESERVED]
    unknown = sorted(set(roles) - set(known))
    if unknown:
        raise BadInput("people.role", role=", ".join(unknown), known=", ".join(known))
    kept = tuple(role for role in known if role in roles)
    if len(kept) > 1 and set(kept) & set(access.ADMINISTRATORS):
        raise BadInput("people.separate", roles=", ".join(kept))
    alien = [role for role in kept if (role in PARTIES or party.kind in PARTIES) and role != party.kind]
    if alien:
        raise BadInput("people.role_of_kind", role=", ".join(alien), org=party.name, kind=party.kind)
    return kept


def organisation(
    db: Database, name: str, *, roles: Sequence[str], kind: str | None, operator: str | None, streets: tuple[str, ...]
) -> Organisation:
    """A known organisation, or a new one from what is given, its roles and its name."""
    with db.read() as connection:
        known = accounts.organisation(connection, name)
    if known is not None:
        given = {"kind": kind, "operator": operator, "streets": streets or None}
        differs = [
            f"{key}={value}" for key, value in given.items() if value is not None and value != getattr(known, key)
        ]
        if differs:
            raise BadInput("people.org_differs", org=name, given=", ".join(differs))
        return known
    made = kind or next((KIND_OF_ROLE[role] for role in roles if role in KIND_OF_ROLE), "")
    if not name or made not in KINDS:
        raise BadInput("people.org", org=name, kind=made, known=", ".join(KINDS))
    code = _operator(name, operator) if made == "operator" else ""
    return Organisation(
        name=name, kind=made, operator=code, streets=_streets(db, name, streets) if made == "street" else ()
    )


def _operator(name: str, given: str | None) -> str:
    found = [code for code, marks in OPERATORS.items() if any(mark in name.lower() for mark in marks)]
    code = given or (found[0] if len(found) == 1 else "")
    if code not in OPERATORS:
        raise BadInput("people.operator", org=name, operator=code, known=", ".join(OPERATORS))
    return code


def _streets(db: Database, name: str, given: tuple[str, ...]) -> tuple[str, ...]:
    districts = layers.read(db, "districts", columns=("name", "level"))
    known = [str(street) for street in districts.loc[districts["level"] == "street_office", "name"]]
    wanted = given or (name.removesuffix(OFFICE),)
    if not set(wanted) <= set(known):
        raise BadInput("people.street", org=name, streets=", ".join(wanted), known=", ".join(known))
    return wanted
