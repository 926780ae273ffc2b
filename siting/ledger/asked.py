"""What somebody asks to be done, read once: the case as it counts now, the data in their kept form, who may do it."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from types import MappingProxyType

from siting import access
from siting.ledger import fields, state
from siting.ledger.model import Actor, Case, Fact, Reason, Rules
from siting.ledger.moves import DATA, NEW, RECORD, WITHOUT_BUILDING, Move, split

# Evidence of what was done: its absence has a code of its own.
EVIDENCE = ("photo", "gps", "record_no", "evidence")


def _limits() -> Mapping[str, int]:
    with (DATA / "limits.csv").open(encoding="utf-8", newline="") as file:
        return MappingProxyType({row["name"]: int(row["value"]) for row in csv.DictReader(file)})


LIMITS = _limits()


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A move somebody asks for, on a case as it counts now.

    Parameters
    ----------
    case : Case or None
        The case; None for a new one.
    move : Move
        What is asked.
    actor : Actor
        Who asks.
    today : date
        The day on which it is asked.
    rules : Rules
        Tables of the bureau.
    data : mapping
        What was given and can be read, in the kept form.
    """

    case: Case | None
    move: Move
    actor: Actor
    today: date
    rules: Rules = field(default_factory=Rules)
    data: Mapping[str, object] = field(default_factory=dict)

    @cached_property
    def facts(self) -> tuple[Fact, ...]:
        """The facts that count."""
        return () if self.case is None else state.live(self.case.facts)

    @cached_property
    def state(self) -> str:
        """State before the move."""
        return NEW if self.case is None else state.state_of(self.case.facts)

    @cached_property
    def record(self) -> Mapping[str, object]:
        """Record before the move."""
        return {} if self.case is None else self.case.record

    @property
    def kind(self) -> str:
        """Kind of the case, as the move leaves it."""
        entered = self.data.get("kind") if RECORD in self.move.record else None
        return str(entered or (self.case.kind if self.case else ""))

    def limit(self, name: str) -> int:
        """A figure of the rules, the shipped one where the bureau sets none."""
        return int(str(self.rules.settings.get(name, LIMITS[name])))

    def names(self) -> tuple[str, ...]:
        """Every field that may be given."""
        return tuple(n for name in self.move.asked for n in (fields.REPORTED if name == RECORD else (name,)))


def read(given: Mapping[str, object], asked: Asked) -> tuple[Mapping[str, object], tuple[Reason, ...]]:
    """Given data in their kept form, and what is wrong with them: unknown names, values, what is missing.

    An empty value says nothing, except that it clears a field of a report.
    """
    kept: dict[str, object] = {}
    found: list[Reason] = []
    names = asked.names()
    for name, value in given.items():
        what = fields.field_of(asked.move.name, name) if name in names else None
        if what is None:
            found.append(Reason(code="UNKNOWN_FIELD", field=str(name)[:80]))
        elif not fields.given(value):
            kept |= {name: ""} if RECORD in asked.move.record and name in fields.REPORTED else {}
        elif (wrong := fields.problem(what, value, today=asked.today)) is not None:
            found.append(wrong)
        else:
            kept[name] = fields.clean(what, value)
    return kept, (*found, *_missing(given, kept, asked))


def _missing(given: Mapping[str, object], kept: Mapping[str, object], asked: Asked) -> Iterator[Reason]:
    standing = {**asked.record, "kind": asked.kind} if RECORD in asked.move.record else {}
    present = {**standing, **given, **kept}
    for name in asked.move.required:
        if not fields.given(present.get(name)):
            yield Reason(code="EVIDENCE_MISSING" if name in EVIDENCE else "REQUIRED", field=name)
    group = asked.move.any_of
    if group and not any(fields.given(given.get(n)) and given.get(n) is not False for n in group):
        yield Reason(code="EVIDENCE_MISSING" if "file" in group else "REQUIRED", field=group[0])


def owners_of(case: Case) -> frozenset[str]:
    """Organisations and operator codes whose own a case is: who reports it, whose needs it holds up."""
    reporters = {str(case.record.get("reporter_org", ""))}
    added = {f.org for f in case.facts if f.kind == "need_added"}
    return frozenset(reporters | added | {need.operator for need in case.needs}) - {""}


def parties_of(case: Case) -> frozenset[str]:
    """Organisations with a duty in a case: lead, assisting, owner of the asset."""
    assisting = case.record.get("assist_units", ())
    units = set(assisting) if isinstance(assisting, list | tuple) else set()
    return frozenset({str(case.record.get(name, "")) for name in ("lead_unit", "owner_of_asset")} | units) - {""}


def may(asked: Asked) -> Iterator[Reason]:
    """Whether the actor may do this move on this case at all, and leads it where only the lead unit may."""
    if not (any(_covers(asked, permission) for permission in asked.move.permissions) and _own_draft(asked)):
        yield Reason(code="NOT_PERMITTED", values={"move": asked.move.name})
    if asked.move.lead and asked.actor.org != asked.record.get("lead_unit"):
        yield Reason(code="NOT_LEAD", values={"move": asked.move.name})


def _covers(asked: Asked, permission: str) -> bool:
    actor, case = asked.actor, asked.case
    if asked.move.name == "correct":
        return _corrects(asked, permission)
    owners = frozenset({actor.org}) if case is None else owners_of(case)
    parties = frozenset() if case is None else parties_of(case)
    return access.covers(actor, permission, owners=owners, parties=parties, street=_street(asked))


def _street(asked: Asked) -> str:
    """Sub-district of the case; what an office itself reports lies in its own area until said otherwise."""
    entered = asked.record.get("street_office") or asked.data.get("street_office")
    own = asked.case is None or asked.record.get("reporter_org") == asked.actor.org
    return str(entered or (next(iter(asked.actor.streets), "") if own else ""))


def _corrects(asked: Asked, permission: str) -> bool:
    """Whoever has not all rows corrects what its own organisation entered, on cases that are its own."""
    if asked.case is None:
        return False
    scope = access.scope(asked.actor, permission)
    covered = access.covers(
        asked.actor, permission, owners=owners_of(asked.case), parties=parties_of(asked.case), street=_street(asked)
    )
    entered = any(f.org == asked.actor.org for f in asked.case.facts)
    return scope == "all" or (entered and (covered or scope == "org"))


def _own_draft(asked: Asked) -> bool:
    """A draft is seen, and so moved, by the organisation that writes it."""
    return asked.state != "draft" or asked.record.get("reporter_org") == asked.actor.org


def fits(asked: Asked) -> Iterator[Reason]:
    """Whether the case stands so that the move can be done, whatever is given."""
    name = asked.move.name
    if asked.state not in asked.move.from_states:
        yield Reason(code="WRONG_STATE", values={"move": name, "state": asked.state})
    if name == "send_back" and state.last(asked.facts, "sent_back") is not None:
        yield Reason(code="SENT_BACK_TWICE")
    if name == "resolve" and asked.kind not in WITHOUT_BUILDING:
        yield Reason(code="KIND_NEEDS_BUILDING", values={"kind": asked.kind})
    if name == "start_build" and asked.kind in WITHOUT_BUILDING:
        yield Reason(code="KIND_HAS_NO_BUILDING", values={"kind": asked.kind})
    if name == "reopen" and _ended_long_ago(asked):
        yield Reason(code="REOPEN_TOO_LATE", values={"years": asked.limit("reopen_years")})


def _ended_long_ago(asked: Asked) -> bool:
    ended = state.last(asked.facts, "closure_confirmed", "auto_closed")
    if ended is None:
        return False
    year = ended.on.year + asked.limit("reopen_years")
    leap_day = (ended.on.month, ended.on.day) == (2, 29)
    return asked.today > (date(year, 2, 28) if leap_day else ended.on.replace(year=year))


def required_of_mode(mode: object) -> tuple[str, ...]:
    """Fields that a permit mode asks for."""
    with (DATA / "permit_modes.csv").open(encoding="utf-8", newline="") as file:
        return next((split(row["required"]) for row in csv.DictReader(file) if row["code"] == mode), ())
