"""Read problem points: the list, one case, what happened to it, what may be done, what it does to planning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from siting.access import Actor
from siting.actions.doors import require
from siting.ledger import effects as ledger_effects
from siting.ledger import rules, seen, state
from siting.ledger.model import Case, Fact, Rules
from siting.store import accounts, case_rows, cases
from siting.store.database import Database

PERMISSION = "report.read"
#: Columns of `list_cases`, in order.
COLUMNS = (
    "case_id", "pp_no", "title", "kind", "state", "reason_code", "street_office", "community", "operators", "need_nos",
    "reporter_org", "lead_unit", "assist_units", "responsible_person", "owner_of_asset", "difficulty", "reported_at",
    "target_agree_on", "agreed_on", "target_build_on", "commissioned_on", "changed_at", "site_ref", "asset_ref",
    "proposal_ref", "easting_m", "northing_m", "revision",
)  # fmt: skip
_FROM_RECORD = ("pp_no", "title", "reason_code", "street_office", "community", "reporter_org", "lead_unit", "assist_units",
    "responsible_person", "owner_of_asset", "difficulty", "reported_at", "target_agree_on", "target_build_on", "site_ref",
    "asset_ref", "proposal_ref")  # fmt: skip
_SEARCHED = ("pp_no", "title", "need_nos", "lead_unit", "street_office", "responsible_person", "reporter_org")
EFFECTS = ("site_ref", "case_no", "effect")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One event of a case as a person may read it.

    Parameters
    ----------
    revision : int
        Number of the event.
    move : str
        What was done.
    at : datetime
        When it was entered.
    by, org, role, source : str
        Who did it (sign-in name), for whom, in which role, through which door.
    facts : tuple of Fact
        What happened.
    changed : mapping
        Fields of the record that it set.
    """

    revision: int
    move: str
    at: datetime
    by: str
    org: str
    role: str
    source: str
    facts: tuple[Fact, ...]
    changed: Mapping[str, object]


def stored(db: Database, actor: Actor, case_id: str) -> Case:
    """A case that the actor sees, whole: for deciding, never for showing."""
    require(db, actor, PERMISSION)
    return cases.get(db, case_id, viewer=actor)


def get(db: Database, actor: Actor, case_id: str) -> Case:
    """A case by its id or number, as the actor may read it.

    Raises
    ------
    NotFound
        If there is none that the actor sees.
    """
    return seen.seen_by(stored(db, actor, case_id), actor)


def list_cases(
    db: Database,
    actor: Actor,
    *,
    state: str | Sequence[str] | None = None,
    kind: str | Sequence[str] | None = None,
    street_office: str | Sequence[str] | None = None,
    operator: str | None = None,
    lead_unit: str | None = None,
    text: str | None = None,
    open_only: bool = False,
) -> pd.DataFrame:
    """The cases that the actor sees, one line each, by number.

    Parameters
    ----------
    db, actor
        The district; who reads.
    state, kind, street_office : str or sequence of str, optional
        One of these.
    operator, lead_unit : str, optional
        Whose need it holds up; who leads.
    text : str, optional
        What number, title, needs, units or persons hold.
    open_only : bool
        Only cases that are under way.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`; what the actor may not read, or nobody knows, is None.
    """
    require(db, actor, PERMISSION)
    found = cases.listing(db, viewer=actor, state=state, kind=kind, street_office=street_office)
    rows = [_line(seen.seen_by(case, actor)) for case in found]
    kept = [row for row in rows if _fits(row, operator, lead_unit, text, open_only=open_only)]
    return pd.DataFrame(kept, columns=list(COLUMNS), dtype=object)


def history(db: Database, actor: Actor, case_id: str) -> tuple[Entry, ...]:
    """What happened to a case, oldest first, as far as the actor may read it."""
    require(db, actor, PERMISSION)
    with db.read() as connection:
        whole = cases.find(connection, case_id, viewer=actor)
        told = cases.events(connection, whole.id)
        names = {account.id: account.name for account in accounts.everybody(connection)}
    shown = seen.seen_by(whole, actor)
    facts = {fact.seq: fact for fact in shown.facts}
    entries = []
    for event in told:
        record = event.payload.get("record")
        seqs = _seqs(event.payload.get("facts"))
        own = tuple(facts[seq] for seq in seqs if seq in facts)
        if seqs and not own:
            continue
        entries.append(
            Entry(
                revision=event.revision,
                move=event.move,
                at=event.at,
                by=names.get(own[0].by, own[0].by) if own else names.get(event.actor, event.actor),
                org=own[0].org if own else event.org,
                role=event.role,
                source=event.source,
                facts=own,
                changed=_readable(record if isinstance(record, Mapping) else {}, whole, shown),
            )
        )
    return tuple(entries)


def allowed(db: Database, actor: Actor, case_id: str, *, now: datetime) -> tuple[str, ...]:
    """Moves that the actor may make now."""
    return rules.allowed_moves(stored(db, actor, case_id), actor, now=now, rules=rules_of(db))


def rules_of(db: Database) -> Rules:
    """The tables by which this district's cases are moved."""
    return Rules(settings=db.settings.values)


def effects(db: Database, actor: Actor | None = None) -> pd.DataFrame:
    """What cases do to candidates: columns ``site_ref, case_no, effect``.

    Parameters
    ----------
    db : Database
        The district.
    actor : Actor, optional
        Whose cases count: those this person sees; without one all of them, for computations that name none.
    """
    if actor is not None:
        require(db, actor, PERMISSION)
    found = cases.listing(db, viewer=actor)
    rows = [(case.record.get("site_ref"), case.record["pp_no"], ledger_effects.effect_of(case)) for case in found]
    return pd.DataFrame([row for row in rows if row[0] and row[2]], columns=list(EFFECTS), dtype=object)


def _line(case: Case) -> dict[str, object]:
    facts = state.live(case.facts)
    agreed, on_air = state.last(facts, "agreed"), state.last(facts, "commissioned")
    return {
        **{name: case.record.get(name) or None for name in _FROM_RECORD},
        **case_rows.place(case),
        "case_id": case.id,
        "kind": case.kind,
        "state": state.state_of(case.facts),
        "operators": list(dict.fromkeys(need.operator for need in case.needs)),
        "need_nos": [need.need_no for need in case.needs],
        "agreed_on": None if agreed is None else agreed.on.isoformat(),
        "commissioned_on": None if on_air is None else on_air.on.isoformat(),
        "changed_at": max((fact.at for fact in case.facts), default=None),
        "revision": case.revision,
    }


def _fits(
    row: Mapping[str, object], operator: str | None, lead_unit: str | None, text: str | None, *, open_only: bool
) -> bool:
    operators = row["operators"]
    if operator is not None and not (isinstance(operators, list) and operator in operators):
        return False
    if lead_unit is not None and row["lead_unit"] != lead_unit:
        return False
    if open_only and row["state"] not in state.OPEN:
        return False
    sought = (text or "").strip().casefold()
    return not sought or any(sought in str(row[name] or "").casefold() for name in _SEARCHED)


def _seqs(facts: object) -> list[int]:
    listed = facts if isinstance(facts, list | tuple) else []
    return [int(fact["seq"]) for fact in listed if isinstance(fact, Mapping)]


def _readable(record: Mapping[str, object], whole: Case, shown: Case) -> dict[str, object]:
    """Set fields that stand unmasked in what the actor may read."""
    return {name: value for name, value in record.items() if shown.record.get(name) == whole.record.get(name)}
