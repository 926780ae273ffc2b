"""What one person may read of a case: other operators' needs and most people's phones are masked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from siting.access import ROWS
from siting.ledger.model import Actor, Case, Fact, Need
from siting.ledger.moves import MOVES
from siting.ledger.state import state_of

#: Stands for an operator, an organisation or a person that is not to be known.
OTHER = "other"
_SIDES = ("operator", "tower")
_REPORTED = ("reporter_org", "source_no", "proposal_ref")
_PHONE_SHOWN = 3, 4
_BY_OPERATORS = frozenset({"case.report", "case.build", "case.close", "case.correct"})
# Facts that an operator may enter for a need that somebody else brought.
_OF_OPERATORS = frozenset(
    kind for move in MOVES.values() if _BY_OPERATORS & set(move.permissions) for kind in move.facts
)


def seen_by(case: Case, actor: Actor) -> Case:
    """The case as an actor reads it.

    Operators and tower companies read their own needs only: another operator's is ``other`` without number or
    particulars, and so are the facts it entered.  Phones read 138****1234 except for the lead unit, the reporter and the
    coordinator.  Whoever holds no part in cases reads them as another operator would.

    Parameters
    ----------
    case : Case
        As stored.
    actor : Actor
        Who reads.
    """
    masked = case
    if not _reads_all_needs(case, actor):
        masked = _narrowed(case, actor)
    if not reads_phones(case, actor):
        masked = replace(
            masked, record=_without_phones(masked.record), facts=tuple(_phoneless(f) for f in masked.facts)
        )
    return masked


def reads_phones(case: Case, actor: Actor) -> bool:
    """Whether phones are shown whole: to the lead unit, the reporter and the coordinator."""
    parties = {case.record.get("lead_unit"), case.record.get("reporter_org")}
    return actor.role == "coordinator" or actor.org in parties


def mask(phone: object) -> str:
    """A phone with its middle hidden; a short one wholly.

    >>> mask("13812341234")
    '138****1234'
    """
    text = str(phone)
    head, tail = _PHONE_SHOWN
    return f"{text[:head]}****{text[-tail:]}" if len(text) > head + tail else "****"


def _reads_all_needs(case: Case, actor: Actor) -> bool:
    own_draft = state_of(case.facts) == "draft" and case.record.get("reporter_org") == actor.org
    return own_draft or (actor.role not in _SIDES and ("problems", actor.role) in ROWS)


def _narrowed(case: Case, actor: Actor) -> Case:
    hidden = frozenset((n.operator, n.need_no) for n in case.needs if not _own(case, n, actor))
    needs = tuple(Need(operator=OTHER, need_no="") if (n.operator, n.need_no) in hidden else n for n in case.needs)
    rivals = _rivals(case, actor, hidden)
    record = dict(case.record)
    if record.get("reporter_org") in rivals:
        record |= {name: OTHER if name == "reporter_org" else "" for name in _REPORTED if name in record}
    facts = tuple(_fact_seen(fact, hidden, rivals) for fact in case.facts)
    return replace(case, record=record, needs=needs, facts=facts)


def _own(case: Case, need: Need, actor: Actor) -> bool:
    """Whether a need is the actor's: its operator, or the one that brought it on behalf."""
    key = {"operator": need.operator, "need_no": need.need_no}
    brought = any(f.org == actor.org and key in _listed(f.data) for f in case.facts)
    return brought or (actor.operator != "" and need.operator == actor.operator)


def _listed(data: Mapping[str, object]) -> list[object]:
    needs = data.get("needs")
    return needs if isinstance(needs, list) else []


def _rivals(case: Case, actor: Actor, hidden: frozenset[tuple[str, str]]) -> frozenset[str]:
    """Organisations other than one's own that speak for hidden needs, as far as the facts tell."""
    keys = [{"operator": operator, "need_no": number} for operator, number in hidden]
    speaking = {f.org for f in case.facts if any(key in _listed(f.data) for key in keys)}
    confirming = {f.org for f in case.facts if (f.data.get("operator"), f.data.get("need_no")) in hidden}
    bureau = {f.org for f in case.facts if f.kind in {"verified", "dispatched", "sent_back", "contest_ruled"}}
    acting = {f.org for f in case.facts if f.kind in _OF_OPERATORS} - _parties(case) if hidden else set()
    return frozenset((speaking | confirming | acting) - {actor.org} - bureau)


def _parties(case: Case) -> set[object]:
    """Who is named in the open: who reported, who has a duty."""
    assisting = case.record.get("assist_units")
    named = [case.record.get(name) for name in ("reporter_org", "lead_unit", "owner_of_asset")]
    return {*named, *(assisting if isinstance(assisting, list | tuple) else ())}


def _fact_seen(fact: Fact, hidden: frozenset[tuple[str, str]], rivals: frozenset[str]) -> Fact:
    data = dict(fact.data)
    if "needs" in data:
        data["needs"] = [_need_seen(need, hidden) for need in _listed(data)]
    theirs = (data.get("operator"), data.get("need_no")) in hidden
    if theirs or fact.org in rivals:
        data = {n: v for n, v in data.items() if n in {"needs", "findings", "void"}}
        return replace(fact, by=OTHER, org=OTHER, data=data)
    return replace(fact, data=data)


def _need_seen(need: object, hidden: frozenset[tuple[str, str]]) -> object:
    known = isinstance(need, Mapping) and (need.get("operator"), need.get("need_no")) not in hidden
    return need if known else {"operator": OTHER, "need_no": ""}


def _without_phones(values: Mapping[str, object]) -> dict[str, object]:
    return {n: mask(v) if n == "phone" and v else v for n, v in values.items()}


def _phoneless(fact: Fact) -> Fact:
    return replace(fact, data=_without_phones(fact.data)) if "phone" in fact.data else fact
