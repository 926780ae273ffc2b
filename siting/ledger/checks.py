"""What speaks against a move because of what is given with it: evidence, order of days, needs, links, corrections."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from types import MappingProxyType

from siting import access
from siting.ledger import fields, state
from siting.ledger.asked import Asked, required_of_mode
from siting.ledger.model import Case, Fact, Need, Reason
from siting.ledger.moves import MOVES, RECORD, Move

LEVELS = fields.VOCABULARIES["level"]
ON_AIR = ("commissioned", "confirmed_closed", "closed_auto")
# Fact -> the one before which it cannot have happened.
_AFTER: Mapping[str, str] = MappingProxyType({"start_build": "agreed", "commission": "build_started"})
_OPEN_PAIRS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "end_external": ("external_started", "external_ended"),
        "decide_extension": ("extension_requested", "extension_decided"),
        "close_supervision": ("supervised", "supervision_closed"),
    }
)


def of(asked: Asked) -> Iterator[Reason]:
    """Everything that speaks against the data of a move, fields by themselves aside."""
    yield from _files(asked)
    yield from _days(asked)
    yield from _pairs(asked)
    yield from _OWN.get(asked.move.name, _nothing)(asked)


def record_after(asked: Asked) -> dict[str, object]:
    """The record with what a report enters; an emptied field is gone."""
    entered = {n: v for n, v in asked.data.items() if n in fields.REPORTED} if RECORD in asked.move.record else {}
    return {n: v for n, v in {**asked.record, **entered}.items() if fields.given(v)}


def needs_after(asked: Asked) -> tuple[Need, ...]:
    """The needs with what the move brings or, being a void correction, takes away; only for needs without flaws."""
    case, entered = asked.case, asked.data.get("needs")
    needs = () if case is None else case.needs
    if isinstance(entered, list) and RECORD in asked.move.record:
        return tuple(fields.need_of(need) for need in entered)
    if asked.move.name == "add_need":
        return (*needs, fields.need_of(asked.data))
    fact = corrected(asked) if asked.move.name == "correct" and asked.data.get("void") is True else None
    lost = state.needs_named([fact]) if fact is not None and fact.kind == "need_added" else ()
    return tuple(n for n in needs if (n.operator, n.need_no) not in lost)


def findings(asked: Asked) -> list[dict[str, object]]:
    """What is odd about evidence and yet no refusal: a photo taken too far from the point, or nobody knows where."""
    if not fields.given(asked.data.get("gps")):
        return []
    taken, stands = fields.point(asked.data.get("gps_place")), fields.point(asked.record.get("place"))
    if taken is None or stands is None:
        return [{"code": "EVIDENCE_UNPLACED"}]
    away_m = math.dist(taken, stands)
    far = away_m > asked.limit("evidence_far_m")
    return [{"code": "EVIDENCE_FAR", "distance_m": round(away_m)}] if far else []


def level_of(case: Case) -> str:
    """Level that a case was raised to: highest of what was escalated, supervised or reported to the city."""
    reached = [str(f.data.get("level", LEVELS[0])) for f in state.live(case.facts) if f.kind == "escalated"]
    kinds = {f.kind for f in state.live(case.facts)}
    reached += ["L3"] if "supervised" in kinds else []
    reached += ["L4"] if "transferred_up" in kinds else []
    return max(reached, default=LEVELS[0])


def corrected(asked: Asked) -> Fact | None:
    """The fact that a correction is about, as first entered."""
    facts = () if asked.case is None else asked.case.facts
    named = next((f for f in facts if f.seq == asked.data.get("fact")), None)
    return None if named is None else state.root(facts, named)


def move_of(fact: Fact) -> Move | None:
    """The move whose fields a fact carries; None for facts of the program."""
    return next((m for m in MOVES.values() if fact.kind in m.facts), None)


def need_meant(asked: Asked) -> Need | None:
    """The need that a confirmation is about: of those that the actor speaks for."""
    operator = asked.data.get("operator")
    named = [n for n in spoken_for(asked) if n.need_no == asked.data.get("need_no")]
    return next((n for n in named if operator in {None, n.operator}), None)


def spoken_for(asked: Asked) -> tuple[Need, ...]:
    """Needs that the actor may confirm: an operator its own, others those of the cases that are theirs."""
    needs = () if asked.case is None else asked.case.needs
    return tuple(n for n in needs if asked.actor.operator in {"", n.operator})


def _nothing(_: Asked) -> Iterator[Reason]:
    yield from ()


def _files(asked: Asked) -> Iterator[Reason]:
    """Files are evidence once they are attached, a photo as a photo."""
    attached = {f.data.get("sha256"): f.data.get("kind") for f in asked.facts if f.kind == "attached"}
    for name in ("photo", "file"):
        digest = asked.data.get(name)
        wrong_kind = name == "photo" and attached.get(digest) != "photo"
        if name in asked.names() and digest is not None and (digest not in attached or wrong_kind):
            yield Reason(code="EVIDENCE_MISSING", field=name)


def _days(asked: Asked) -> Iterator[Reason]:
    day = (
        asked.data.get(asked.move.on) if asked.move.name in {"agree", "start_build", "commission", "resolve"} else None
    )
    if not isinstance(day, str):
        return
    reported = str(asked.record.get("reported_at", ""))[:10]
    if reported and day < reported:
        yield Reason(code="BEFORE_REPORT", field=asked.move.on, values={"value": day, "reported": reported})
    before = state.last(asked.facts, _AFTER.get(asked.move.name, ""))
    if before is not None and day < before.on.isoformat():
        yield Reason(code="BEFORE_STEP", field=asked.move.on, values={"value": day, "before": before.on.isoformat()})


def _pairs(asked: Asked) -> Iterator[Reason]:
    """What is ended must have begun."""
    begun, ended = _OPEN_PAIRS.get(asked.move.name, ("", ""))
    kinds = [f.kind for f in asked.facts]
    if begun and kinds.count(begun) <= kinds.count(ended):
        yield Reason(code="NOTHING_OPEN", values={"move": asked.move.name})


def _report(asked: Asked) -> Iterator[Reason]:
    entered, reporter = asked.data.get("needs"), asked.data.get("reporter_org", asked.actor.org)
    if reporter != asked.actor.org:
        yield Reason(code="OTHER_REPORTER", field="reporter_org", values={"value": reporter})
    if isinstance(entered, list):
        yield from fields.need_problems(entered)
        yield from (r for need in entered for r in _own_operator(asked, need.get("operator")))


def _own_operator(asked: Asked, operator: object) -> Iterator[Reason]:
    if asked.actor.operator and operator and operator != asked.actor.operator:
        yield Reason(code="OTHER_OPERATOR", field="operator")


def _submit(asked: Asked) -> Iterator[Reason]:
    yield from _report(asked)
    if any(True for _ in _report(asked)):
        return
    yield from fields.problems({**record_after(asked), "kind": asked.kind}, needs_after(asked), for_submit=True)


def _resubmit(asked: Asked) -> Iterator[Reason]:
    yield from _submit(asked)
    returned = state.last(asked.facts, "sent_back")
    missing, answers = (returned.data.get("missing") if returned else None), asked.data.get("answers")
    if isinstance(missing, list) and isinstance(answers, list) and len(answers) != len(missing):
        yield Reason(code="ANSWERS_COUNT", field="answers", values={"n": len(answers), "asked": len(missing)})
    before, after = fields.point(asked.record.get("place")), fields.point(asked.data.get("place"))
    if before is not None and after is not None and math.dist(before, after) > asked.limit("moved_m"):
        values = {"distance_m": math.ceil(math.dist(before, after)), "limit_m": asked.limit("moved_m")}
        yield Reason(code="MOVED_TOO_FAR", field="place", values=values)


def _ruling(asked: Asked) -> Iterator[Reason]:
    if asked.data.get("ruling") == "moved" and not asked.data.get("lead_unit"):
        yield Reason(code="REQUIRED", field="lead_unit")


def _visit(asked: Asked) -> Iterator[Reason]:
    if asked.data.get("result") == "failed" and not asked.data.get("failure_reason"):
        yield Reason(code="REQUIRED", field="failure_reason")


def _permit_mode(asked: Asked) -> Iterator[Reason]:
    for name in required_of_mode(asked.data.get("permit_mode")):
        if not fields.given(asked.data.get(name)):
            yield Reason(code="REQUIRED", field=name)


def _suspend(asked: Asked) -> Iterator[Reason]:
    longest = asked.today + timedelta(days=asked.limit("suspend_days"))
    review = asked.data.get("review_on")
    if isinstance(review, str) and date.fromisoformat(review) > longest:
        yield Reason(code="SUSPENDED_TOO_LONG", field="review_on", values={"value": review, "longest": str(longest)})


def _escalate(asked: Asked) -> Iterator[Reason]:
    level = asked.data.get("level")
    if asked.case is not None and isinstance(level, str) and level <= level_of(asked.case):
        yield Reason(code="LEVEL_LOWER", field="level", values={"value": level, "level": level_of(asked.case)})


def _other(asked: Asked) -> Iterator[Reason]:
    field = "into" if asked.move.name == "merge" else "other"
    names = {asked.case.id, asked.record.get("pp_no")} if asked.case else set()
    if asked.data.get(field) in names - {None}:
        yield Reason(code="ITSELF", field=field)


def _need(asked: Asked) -> Iterator[Reason]:
    """A confirmation names a need of the case that the actor speaks for and that is not confirmed yet."""
    if "need_no" not in asked.data:
        return
    need = need_meant(asked)
    if need is None:
        yield Reason(code="NEED_UNKNOWN", field="need_no", values={"value": asked.data["need_no"]})
    elif asked.move.name == "confirm_close" and (need.operator, need.need_no) in state.confirmed_needs(asked.facts):
        yield Reason(code="NEED_CONFIRMED", field="need_no", values={"value": need.need_no})


def _add_need(asked: Asked) -> Iterator[Reason]:
    yield from _own_operator(asked, asked.data.get("operator"))
    held = {(n.operator, n.need_no) for n in (asked.case.needs if asked.case else ())}
    if (asked.data.get("operator"), asked.data.get("need_no")) in held:
        yield Reason(code="NEED_TWICE", field="need_no", values={"value": asked.data.get("need_no")})


def _commission(asked: Asked) -> Iterator[Reason]:
    if asked.state == "alternative_site" and asked.data.get("linked_state") not in ON_AIR:
        yield Reason(code="ALTERNATIVE_NOT_COMMISSIONED")


def _correct(asked: Asked) -> Iterator[Reason]:
    if "fact" not in asked.data:
        return
    fact = corrected(asked)
    move = None if fact is None else move_of(fact)
    if fact is None or move is None:
        yield Reason(code="FACT_UNKNOWN", field="fact", values={"value": asked.data["fact"]})
        return
    if access.scope(asked.actor, "case.correct") != "all" and fact.org != asked.actor.org:
        yield Reason(code="NOT_OWN_FACT", field="fact")
    given = asked.data.get("data")
    yield from _corrections(asked, move, given if isinstance(given, dict) else {})


def _corrections(asked: Asked, move: Move, given: Mapping[str, object]) -> Iterator[Reason]:
    known = {n for name in move.asked for n in (fields.REPORTED if name == RECORD else (name,))} - _FIXED
    for name, value in given.items():
        if name not in known:
            yield Reason(code="UNKNOWN_FIELD", field=str(name)[:80])
        elif not fields.given(value):
            yield from [Reason(code="REQUIRED", field=name)] if name in move.required else []
        elif (wrong := fields.problem(fields.field_of(move.name, name), value, today=asked.today)) is not None:
            yield wrong


# What no correction changes: needs have moves of their own, a number stays, a file is its digest.
_FIXED = {"needs", "pp_no", "reporter_org", "kind", "need_no", "operator", "sha256", "gps_place", "linked_state"}
_OWN: Mapping[str, Callable[[Asked], Iterator[Reason]]] = MappingProxyType(
    {
        "save_draft": _report,
        "submit": _submit,
        "resubmit": _resubmit,
        "rule_contest": _ruling,
        "record_visit": _visit,
        "set_permit_mode": _permit_mode,
        "suspend": _suspend,
        "escalate": _escalate,
        "merge": _other,
        "link": _other,
        "choose_alternative": _other,
        "confirm_close": _need,
        "reject_close": _need,
        "add_need": _add_need,
        "commission": _commission,
        "correct": _correct,
    }
)
