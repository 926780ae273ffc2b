"""The one engine of all moves: what a command would do, what it leaves in the chain, and a case rebuilt from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from datetime import date, datetime
from typing import Any

from siting import access
from siting.ledger import checks, fields, state
from siting.ledger.asked import Asked, fits, may, read
from siting.ledger.model import Actor, Case, Command, Decision, Draft, Event, Fact, Need, Reason, Rules
from siting.ledger.moves import MOVES, RECORD

PLANNED = frozenset(n for n, f in fields.FIELDS.items() if f.group == "planned")
_NO_RULES = Rules()
# Given with a move and kept in no fact: numbers and states that the program adds.
_UNKEPT = PLANNED | {"pp_no", "reporter_org", "linked_state"}
_LEVEL_DRAFTS: Mapping[str, str] = {
    "L0": "letter",
    "L1": "minutes",
    "L2": "minutes",
    "L3": "supervision",
    "L4": "letter",
}


def decide(case: Case | None, command: Command, actor: Actor, *, now: datetime, rules: Rules = _NO_RULES) -> Decision:
    """What a command would do to a case, or everything that speaks against it; never raises for a refusal.

    Parameters
    ----------
    case : Case or None
        The case as it is stored; None for a new one.
    command : Command
        What is asked; particulars of the program (``pp_no``, ``gps_place``, ``linked_state``) among its data.
    actor : Actor
        Who asks.
    now : datetime
        Time of the act, in the district's zone.
    rules : Rules
        Tables of the bureau.

    Returns
    -------
    Decision
        The case after the move with its new facts and drafts; or the case as it was, with all reasons.
    """
    move = MOVES.get(command.move)
    if move is None:
        return Decision(case=case, reasons=(Reason(code="UNKNOWN_MOVE", values={"value": command.move[:80]}),))
    bare = Asked(case=case, move=move, actor=actor, today=now.date(), rules=rules)
    data, wrong = read(command.data, bare)
    asked = replace(bare, data=data)
    found = (*may(asked), *fits(asked), *_stale(asked, command), *wrong, *checks.of(asked))
    if found:
        return Decision(case=case, reasons=_once(found))
    return _carried_out(asked, command, now)


def allowed_moves(case: Case | None, actor: Actor, *, now: datetime, rules: Rules = _NO_RULES) -> tuple[str, ...]:
    """Moves that the actor may do on the case as it stands, whatever they ask for; in the order of the table."""
    asked = (Asked(case=case, move=move, actor=actor, today=now.date(), rules=rules) for move in MOVES.values())
    return tuple(one.move.name for one in asked if not any(True for _ in (*may(one), *fits(one))))


def event_of(case_before: Case | None, decision: Decision, command: Command, actor: Actor, *, now: datetime) -> Event:
    """The entry of the chain for a move that was decided.

    The payload holds ``kind`` and ``facts``; ``record``, the fields that changed (an emptied one is empty text); and
    ``needs``, all of them where they changed.

    Raises
    ------
    ValueError
        If the move was refused.
    """
    after = decision.case
    if after is None or not decision.allowed:
        raise ValueError(command.move)
    before = Case(id=after.id, kind="", record={}) if case_before is None else case_before
    names = dict.fromkeys((*before.record, *after.record))
    changed = {n: after.record.get(n, "") for n in names if before.record.get(n) != after.record.get(n)}
    payload: dict[str, object] = {"kind": after.kind, "facts": [_written(fact) for fact in decision.facts]}
    payload |= {"record": changed} if changed else {}
    payload |= {"needs": [asdict(need) for need in after.needs]} if before.needs != after.needs else {}
    return Event(
        case_id=after.id,
        revision=after.revision,
        command_id=command.id,
        actor=actor.id,
        org=actor.org,
        role=actor.role,
        source=command.source,
        at=now,
        move=command.move,
        payload=payload,
    )


def replay(events: Iterable[Event], *, rules: Rules = _NO_RULES) -> Case:  # noqa: ARG001 - for fields that tables derive
    """The case that events alone tell, in their order.

    Raises
    ------
    ValueError
        If there are none.
    """
    case: Case | None = None
    for event in events:
        case = _told(case or Case(id=event.case_id, kind="", record={}), event)
    if case is None:
        raise ValueError("events")
    return case


def _told(case: Case, event: Event) -> Case:
    payload: Mapping[str, Any] = event.payload
    needs = payload.get("needs")
    return replace(
        case,
        kind=str(payload["kind"]),
        record=_merged(case.record, payload.get("record", {})),
        needs=case.needs if needs is None else tuple(Need(**need) for need in needs),
        facts=(*case.facts, *(_read(fact) for fact in payload["facts"])),
        revision=event.revision,
    )


def _merged(record: Mapping[str, object], changes: Mapping[str, object]) -> dict[str, object]:
    return {n: v for n, v in {**record, **changes}.items() if fields.given(v)}


def _written(fact: Fact) -> dict[str, object]:
    return {**asdict(replace(fact, data={})), "data": dict(fact.data), "on": str(fact.on), "at": fact.at.isoformat()}


def _read(written: Mapping[str, Any]) -> Fact:
    times = {"on": date.fromisoformat(written["on"]), "at": datetime.fromisoformat(written["at"])}
    return Fact(**{**written, **times})


def _once(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    return tuple({(r.code, r.field, str(sorted(r.values.items()))): r for r in reasons}.values())


def _stale(asked: Asked, command: Command) -> tuple[Reason, ...]:
    if asked.case is None or command.instance is None:
        return ()
    instance = state.instance_of(asked.case.facts)
    values = {"seen": command.instance, "instance": instance}
    return () if command.instance == instance else (Reason(code="STALE_INSTANCE", values=values),)


def _carried_out(asked: Asked, command: Command, now: datetime) -> Decision:
    before = asked.case
    case = before or Case(id=command.case_id or command.id, kind=asked.kind, record={})
    facts = _facts(asked, now)
    after = replace(
        case,
        kind=asked.kind,
        record=_merged(case.record, _changes(asked)),
        needs=checks.needs_after(asked),
        facts=(*case.facts, *facts),
        revision=case.revision + 1,
    )
    return Decision(case=after, facts=facts, drafts=_drafts(asked, after))


def _changes(asked: Asked) -> dict[str, object]:
    """Fields of the record that a move sets."""
    name, data = asked.move.name, asked.data
    if name == "correct":
        return _corrected_record(asked)
    if RECORD in asked.move.record:
        return {**{n: v for n, v in data.items() if n in fields.REPORTED}, **_origin(asked)}
    if name == "rule_contest" and data.get("ruling") != "moved":
        return {}
    changes = {kept: data[given] for given, kept in asked.move.record.items() if given in data}
    moved = "lead_unit" in changes and changes["lead_unit"] != asked.record.get("lead_unit")
    # Another unit answers: the person of the one before does not.
    return {**({"responsible_person": "", "phone": ""} if moved else {}), **changes}


def _origin(asked: Asked) -> dict[str, object]:
    """Whose report it is, its number, and the day of report where none was entered."""
    origin: dict[str, object] = {}
    if asked.case is None:
        origin = {"reporter_org": asked.actor.org, "pp_no": asked.data.get("pp_no", "")}
    dated = fields.given(asked.data.get("reported_at")) or fields.given(asked.record.get("reported_at"))
    return origin if dated or asked.move.name == "save_draft" else {**origin, "reported_at": str(asked.today)}


def _corrected_record(asked: Asked) -> dict[str, object]:
    """Fields that a correction changes too, unless a later fact has set them anew."""
    fact, new = checks.corrected(asked), _new_data(asked)
    move = None if fact is None else checks.move_of(fact)
    if fact is None or move is None or asked.data.get("void") is True:
        return {}
    if RECORD in move.record:
        return {n: v for n, v in new.items() if n in fields.REPORTED}
    later = [f.data for f in asked.facts if f.seq > fact.seq]
    pairs = ((given, kept) for given, kept in move.record.items() if given in new)
    return {kept: new[given] for given, kept in pairs if not any(given in data for data in later)}


def _new_data(asked: Asked) -> dict[str, object]:
    """What a correction changes, in the kept form."""
    fact, given = checks.corrected(asked), asked.data.get("data")
    move = None if fact is None else checks.move_of(fact)
    if move is None or not isinstance(given, dict):
        return {}
    pairs = {n: (fields.field_of(move.name, n), v) for n, v in given.items()}
    return {n: fields.clean(field, v) if fields.given(v) else "" for n, (field, v) in pairs.items()}


def _facts(asked: Asked, now: datetime) -> tuple[Fact, ...]:
    earlier = () if asked.case is None else asked.case.facts
    kinds = asked.move.facts
    if asked.move.name == "rule_contest" and asked.data.get("ruling") == "moved":
        kinds = (*kinds, "dispatched")
    first = max((f.seq for f in earlier), default=0) + 1
    instance = state.instance_of(earlier) + (asked.move.name == "cancel_build")
    on, data, replaces = _particulars(asked)
    return tuple(
        Fact(
            seq=seq,
            kind=kind,
            on=on,
            at=now,
            by=asked.actor.id,
            org=asked.actor.org,
            data=data,
            instance=instance,
            replaces=replaces,
        )
        for seq, kind in enumerate(kinds, start=first)
    )


def _particulars(asked: Asked) -> tuple[date, dict[str, object], int | None]:
    """Day, data and, for a correction, the fact it is about."""
    if asked.move.name == "correct":
        return _correction(asked)
    day = asked.data.get(asked.move.on) if asked.move.on else None
    return date.fromisoformat(str(day)) if day else asked.today, _kept(asked), None


def _correction(asked: Asked) -> tuple[date, dict[str, object], int | None]:
    named, about = checks.corrected(asked), {"reason": asked.data["reason"]}
    seq = int(str(asked.data["fact"]))
    standing = next((f for f in asked.facts if named is not None and f.seq == named.seq), named)
    move = None if named is None else checks.move_of(named)
    if standing is None or move is None:  # refused before
        raise ValueError(seq)
    if asked.data.get("void") is True:
        return standing.on, {"void": True, **about}, seq
    new = {
        n: v
        for n, v in _new_data(asked).items()
        if n not in _UNKEPT and not (RECORD in move.record and n in fields.REPORTED)
    }
    day = new.get(move.on) if move.on else None
    kept = {n: v for n, v in {**standing.data, **new}.items() if fields.given(v)}
    return date.fromisoformat(str(day)) if day else standing.on, {**kept, "correction": about["reason"]}, seq


def _kept(asked: Asked) -> dict[str, object]:
    """Data of the fact: what was given, without what only the record keeps."""
    report = RECORD in asked.move.record
    dropped = _UNKEPT | (frozenset(fields.REPORTED) | {"needs", "kind"} if report else frozenset())
    kept = {n: v for n, v in asked.data.items() if n not in dropped}
    found = checks.findings(asked)
    return {**kept, **({"findings": found} if found else {}), **_told_by(asked)}


def _told_by(asked: Asked) -> dict[str, object]:
    """What a fact says beyond what was given: which needs it brings or confirms, whether the wait was approved."""
    name = asked.move.name
    if name in {"submit", "resubmit"}:
        return {"needs": [_key(need) for need in checks.needs_after(asked)]}
    if name == "add_need":
        return {"needs": [_key(fields.need_of(asked.data))]}
    if name in {"confirm_close", "reject_close"}:
        need = checks.need_meant(asked)
        return {} if need is None else {"operator": need.operator}
    if name == "start_external":
        return {"approved": access.may(asked.actor, "case.dispatch")}
    return {"relation": "replaces"} if name == "choose_alternative" else {}


def _key(need: Need) -> dict[str, object]:
    return {"operator": need.operator, "need_no": need.need_no}


def _drafts(asked: Asked, after: Case) -> tuple[Draft, ...]:
    level = str(asked.data.get("level", ""))
    kinds = [_LEVEL_DRAFTS[level] if kind == "@level" else kind for kind in asked.move.drafts]
    context = {"case_id": after.id, "pp_no": after.record.get("pp_no", ""), "move": asked.move.name}
    return tuple(Draft(kind=kind, context={**context, **asked.data}) for kind in kinds)
