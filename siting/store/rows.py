"""Row visibility as SQL: the one place where `access.ROWS` becomes a condition of a query."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, false, func, literal, null, or_, select, true
from sqlalchemy import Table as SqlTable

from siting.access import ROWS, Actor, masked
from siting.store.tables import CASE_PARTY, PROBLEM, RUN, SAMPLE_SET, SCENARIO

DRAFT = "draft"
# No row; SQLAlchemy's own false() would swallow the join with the boxes beside it.
NOTHING = literal(0) == literal(1)
# Layers with rows of their own; every other one is ground that all who see assets see.
NAMED = ("assets", "sites", "sectors", "candidates")


def layer(actor: Actor, name: str, made: SqlTable, sites: SqlTable) -> ColumnElement[bool]:
    """Which rows of a layer the actor sees.

    Parameters
    ----------
    actor : Actor
        Who asks.
    name : str
        Layer.
    made, sites : Table
        Its table; the table of sites, through which sectors are seen.
    """
    scope = ROWS.get((name if name in NAMED else "ground", actor.role), "")
    if scope in {"all", ""}:
        return true() if scope else NOTHING
    if name == "sectors":
        return made.c.site_id.in_(select(sites.c.site_id).where(_LAYER["sites"][scope](actor, sites)))
    return _LAYER[name][scope](actor, made)


def shown(actor: Actor, name: str, made: SqlTable, column: str) -> ColumnElement[Any]:
    """A column of a layer as the actor reads it: blank in rows of others where it is for their owners only."""
    own = masked(actor, name).get(column)
    if own is None:
        return made.c[column]
    return case((or_(*(made.c[who] == actor.org for who in own)), made.c[column]), else_=null()).label(column)


def problems(actor: Actor) -> ColumnElement[bool]:
    """Which problem points the actor sees; drafts belong to who writes them."""
    own = PROBLEM.c.reporter_org == actor.org
    scope = ROWS.get(("problems", actor.role), "")
    sides = {"org": ("owner",), "duty": ("owner", "duty")}
    if scope == "":
        return false()
    if scope == "all":
        seen: ColumnElement[bool] = true()
    elif scope == "area":
        seen = PROBLEM.c.street_office.in_(actor.streets)
    else:
        seen = _party(actor, sides[scope])
    return or_(own, and_(PROBLEM.c.state != DRAFT, seen))


def runs(actor: Actor) -> ColumnElement[bool]:
    """Which runs the actor sees: the district's, or what one's own organisation computed for itself.

    A competitor's candidates, plans and coverage stay unseen; coverage that the district computed of one's own network
    is shown.  What was computed for the whole district rests on what everybody holds back, so that colleagues of its
    planner see it only in a role that sees all.
    """
    scope = ROWS.get(("runs", actor.role), "")
    district = RUN.c.audience == "district"
    own = and_(RUN.c.org == actor.org, ~district)
    coverage = and_(district, RUN.c.kind == "coverage")
    if scope == "all":
        return or_(own, district)
    if scope == "public":
        return or_(own, coverage)
    if scope == "org":
        mine = RUN.c.operators.contains(actor.operator, autoescape=True) if actor.operator else true()
        return or_(own, and_(coverage, mine))
    return false()


def scenarios(actor: Actor) -> ColumnElement[bool]:
    """Which scenarios the actor sees: one's own organisation's, and the district's for who sees all runs."""
    scope = ROWS.get(("runs", actor.role), "")
    district = SCENARIO.c.audience == "district"
    own = and_(SCENARIO.c.org == actor.org, ~district)
    return or_(own, district) if scope == "all" else own if scope else false()


def samples(actor: Actor) -> ColumnElement[bool]:
    """Which sets of samples the actor sees: all, or what one's own organisation measured."""
    scope = ROWS.get(("samples", actor.role), "")
    return true() if scope == "all" else SAMPLE_SET.c.org == actor.org if scope == "org" else false()


def _party(actor: Actor, sides: tuple[str, ...]) -> ColumnElement[bool]:
    names = [name for name in (actor.org, actor.operator) if name]
    return exists().where(
        CASE_PARTY.c.case_id == PROBLEM.c.id, CASE_PARTY.c.side.in_(sides), CASE_PARTY.c.party.in_(names)
    )


def _in_area(actor: Actor, made: SqlTable) -> ColumnElement[bool]:
    return made.c.street_office.in_(actor.streets)


def _own_sites(actor: Actor, made: SqlTable) -> ColumnElement[bool]:
    """A tower company's own towers; an operator's stations, its code being one of the listed tenants."""
    own = made.c.tower_owner == actor.org
    if not actor.operator:
        return own
    # Not LIKE: its case counts on one engine and not on the other.
    without = func.replace(made.c.tenants, f'"{actor.operator}"', "")
    return or_(own, without != made.c.tenants)


def _released(actor: Actor, made: SqlTable) -> ColumnElement[bool]:
    """One's own, what everybody may see, and what one was asked for as the owner of the host."""
    return or_(made.c.proposer_org == actor.org, _public(made), _requested(actor, made))


def _public(made: SqlTable) -> ColumnElement[bool]:
    """What was released and not taken back; a withdrawn proposal is seen by who made it."""
    return and_(made.c.released_at.is_not(None), made.c.withdrawn_at.is_(None))


def _requested(actor: Actor, made: SqlTable) -> ColumnElement[bool]:
    """What an owner was asked for."""
    return and_(made.c.owner_org == actor.org, made.c.requested_at.is_not(None))


def _released_in_area(actor: Actor, made: SqlTable) -> ColumnElement[bool]:
    return and_(_in_area(actor, made), _public(made))


Predicate = Callable[[Actor, SqlTable], ColumnElement[bool]]
_LAYER: Mapping[str, Mapping[str, Predicate]] = {
    "assets": {"area": _in_area},
    "sites": {"org": _own_sites, "area": _in_area},
    "candidates": {"released": _released, "duty": _requested, "area": _released_in_area},
}
