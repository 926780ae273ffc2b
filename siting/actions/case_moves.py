"""Carry out commands on problem points: every move of every case goes through here."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime

from siting.access import Actor
from siting.actions import case_place, stations
from siting.actions.case_reading import rules_of
from siting.actions.doors import still_signed_in
from siting.errors import BadInput, Conflict, NotAllowed, NotFound, SitingError, Word
from siting.ledger import chain, effects, rules, seen, state
from siting.ledger.model import Case, Command, Reason, Rules
from siting.store import attachments, cases, layers
from siting.store.database import Connection, Database, take_back

# Moves that bring or change what a report says.
REPORTS = ("save_draft", "submit", "resubmit")
# Reasons that are about who asks, not about what is asked; a refusal with one of them is a refusal of the person.
ABOUT_PERSON = ("NOT_PERMITTED", "NOT_LEAD", "OTHER_REPORTER", "OTHER_OPERATOR", "NOT_OWN_FACT")
ATTACH = "attach"
# Moves whose needs go over to another case, or come back from it.
MERGING = ("merge", "unmerge")


@dataclass(frozen=True, kw_only=True)
class Told:
    """Reasons against a move as one value of a message."""

    reasons: tuple[Reason, ...]

    def say(self, *, lang: str) -> str:
        """Every reason with its remedy."""
        return " ".join(f"{r.say('message', lang=lang)} {r.say('remedy', lang=lang)}" for r in self.reasons)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One command of a batch: the case after it, or what speaks against it.

    Parameters
    ----------
    number : int
        Place in the batch, from 1.
    command : Command
        What was asked for.
    case : Case or None
        After the move, as the actor sees it.
    error : SitingError or None
        Why it is refused.
    """

    number: int
    command: Command
    case: Case | None = None
    error: SitingError | None = None

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Every reason against the command, where the rules refuse it."""
        found = self.error.values.get("reasons", ()) if self.error else ()
        return found if isinstance(found, tuple) else ()


@dataclass(frozen=True, kw_only=True)
class _Done:
    """A case before and after a move; without ``fresh`` the move was done before and only its answer is given again."""

    before: Case | None
    after: Case
    fresh: bool = True


@dataclass
class _Work:
    """One transaction: who moves what in which district, and what was done so far."""

    db: Database
    connection: Connection
    actor: Actor
    now: datetime
    rules: Rules
    handed: frozenset[str] = frozenset()
    done: list[_Done] = field(default_factory=list)


def do(db: Database, actor: Actor, command: Command, *, now: datetime) -> Case:
    """Carry out one command.

    Parameters
    ----------
    db : Database
        The district.
    actor : Actor
        Who asks.
    command : Command
        What is asked; the same command again gives the same answer and writes nothing.
    now : datetime
        Time of the act.

    Returns
    -------
    Case
        After the move, as the actor sees it.

    Raises
    ------
    NotFound
        If there is no such case that the actor sees.
    Conflict
        If the case has changed since the actor saw it, or the command's id was used for something else.
    NotAllowed, BadInput
        With every reason, ``values["reasons"]``, if the rules refuse the move.
    """
    return do_all(db, actor, [command], now=now)[-1]


def do_all(
    db: Database, actor: Actor, commands: Sequence[Command], *, handed: frozenset[str] = frozenset(), now: datetime
) -> list[Case]:
    """Carry out commands one after the other, all or none; an empty ``case_id`` means the case of the command before.

    Parameters
    ----------
    handed : frozenset of str
        Digests of the files that the actor has just handed in; others cannot be attached.
    """
    still_signed_in(db, actor)
    moment = now.replace(microsecond=0)
    ready = [_prepared(db, actor, command) for command in commands]
    with db.write() as connection:
        work = _Work(db, connection, actor, moment, rules_of(db), handed)
        for command, data in zip(commands, ready, strict=True):
            work.done.append(_apply(work, command, data))
    _announce(db, work.done, now=moment)
    return [seen.seen_by(done.after, actor) for done in work.done]


def do_batch(
    db: Database, actor: Actor, commands: Sequence[Command], *, dry_run: bool, now: datetime
) -> tuple[Row, ...]:
    """Carry out many commands, all or none; the dry run says what speaks against each.

    Parameters
    ----------
    db, actor, now
        As in `do`.
    commands : sequence of Command
        In this order; a later one may build on an earlier one.
    dry_run : bool
        Whether only to look.

    Returns
    -------
    tuple of Row
        One per command.

    Raises
    ------
    BadInput
        If one of them is refused and this is no dry run: nothing was written; ``values["rows"]`` are all of them.
    """
    still_signed_in(db, actor)
    moment = now.replace(microsecond=0)
    with db.write() as connection:
        work = _Work(db, connection, actor, moment, rules_of(db))
        rows = tuple(_row(work, number, command) for number, command in enumerate(commands, start=1))
        refused = [row for row in rows if row.error]
        if dry_run or refused:
            take_back(connection)
    if dry_run:
        return rows
    if refused:
        first = refused[0]
        raise BadInput(
            "case.batch", refused=len(refused), n=len(rows), row=first.number, why=first.error, rows=rows
        ) from first.error
    _announce(db, work.done, now=moment)
    return rows


def check(db: Database, actor: Actor, command: Command, *, now: datetime) -> None:
    """Refuse a command on a stored case as `do` would, and write nothing."""
    still_signed_in(db, actor)
    with db.read() as connection:
        work = _Work(db, connection, actor, now, rules_of(db))
        before = cases.find(connection, command.case_id, viewer=actor)
        complete = replace(command, data={**command.data, **_given(work, command, before)})
    decision = rules.decide(before, complete, actor, now=now, rules=work.rules)
    if not decision.allowed:
        raise refusal(command, decision.reasons)


def refusal(command: Command, reasons: tuple[Reason, ...]) -> SitingError:
    """The error that says all reasons against a command."""
    kind = NotAllowed if any(reason.code in ABOUT_PERSON for reason in reasons) else BadInput
    return kind("case.refused", move=command.move, why=Told(reasons=reasons), reasons=reasons)


def digest(command: Command, actor: Actor) -> str:
    """Digest of what a command asks for and who asks: sent again it is the same."""
    asked = {
        "move": command.move,
        "case_id": command.case_id,
        "revision": command.revision,
        "instance": command.instance,
        "data": command.data,
        "actor": actor.id,
        "role": actor.role,
    }
    return hashlib.sha256(chain.canonical(asked)).hexdigest()


def _prepared(db: Database, actor: Actor, command: Command) -> Mapping[str, object]:
    """A command's particulars with what the map says about its place; looks only, before anything is locked."""
    case_place.require_proposal(db, actor, command.data)
    return case_place.reported(db, actor, command.data) if command.move in REPORTS else command.data


def _row(work: _Work, number: int, command: Command) -> Row:
    try:
        data = _prepared(work.db, work.actor, command)
        done = _apply(work, command, data)
    except SitingError as error:
        return Row(number=number, command=command, error=error)
    work.done.append(done)
    return Row(number=number, command=command, case=seen.seen_by(done.after, work.actor))


def _apply(work: _Work, command: Command, data: Mapping[str, object]) -> _Done:
    """Steps of one command inside its transaction: answered before, seen, unchanged, allowed, written."""
    if not command.case_id and work.done:
        last = work.done[-1].after
        command = replace(command, case_id=last.id, revision=last.revision)
    asked = digest(command, work.actor)
    known = cases.answered(work.connection, command.id)
    if known is not None:
        return _again(work, command, known, asked)
    before = cases.find(work.connection, command.case_id, viewer=work.actor) if command.case_id else None
    if before is not None and before.revision != command.revision:
        org = seen.seen_by(before, work.actor).facts[-1].org
        who = Word(cases.SOMEBODY) if org == seen.OTHER else org
        raise cases.changed(work.connection, before.id, seen=command.revision, who=who)
    complete = replace(command, data={**data, **_given(work, command, before)})
    decision = rules.decide(before, complete, work.actor, now=work.now, rules=work.rules)
    if decision.case is None or not decision.allowed:
        raise refusal(command, decision.reasons)
    case = decision.case if before is not None else replace(decision.case, id=cases.new_id())
    event = rules.event_of(before, replace(decision, case=case), complete, work.actor, now=work.now)
    if command.move == ATTACH:
        _filed(work, complete)
    after = cases.save(work.connection, case, event, digest=asked, actor=work.actor, key=work.db.key())
    stations.follow(work.db, work.connection, work.actor, before, after, now=work.now)
    if command.move in MERGING and before is not None:
        _needs_follow(work, command, before)
    return _Done(before=before, after=after)


def _needs_follow(work: _Work, command: Command, before: Case) -> None:
    """Let the needs of a merged case hold up the case that it went into; take them back with the merger."""
    if command.move == MERGING[0]:
        target = cases.find(work.connection, str(command.data["into"]), viewer=work.actor)
        if state.state_of(target.facts) not in state.OPEN:
            raise BadInput("case.merge_closed", case=target.record["pp_no"])
        held = {(need.operator, need.need_no) for need in target.needs}
        lacking = [need for need in before.needs if (need.operator, need.need_no) not in held]
        asked = [("add_need", {n: v for n, v in asdict(need).items() if v}) for need in lacking]
    else:
        merged = state.last(state.live(before.facts), "merged")
        target = cases.find(work.connection, str(merged.data["into"] if merged else ""), viewer=work.actor)
        asked = [("correct", data) for data in _brought(target, before, str(command.data["reason"]))]
    for number, (move, data) in enumerate(asked, start=1):
        part = replace(
            command,
            id=f"{command.id}/{number}",
            move=move,
            case_id=target.id,
            revision=target.revision,
            data=data,
            instance=None,
        )
        target = _apply(work, part, data).after


def _brought(target: Case, source: Case, reason: str) -> list[dict[str, object]]:
    """Corrections that take the needs of a case out of another one again."""
    own = {(need.operator, need.need_no) for need in source.needs}
    facts = [f for f in state.live(target.facts) if f.kind == "need_added"]
    return [
        {"fact": fact.seq, "void": True, "reason": reason} for fact in facts if set(state.needs_named([fact])) <= own
    ]


def _filed(work: _Work, command: Command) -> None:
    """Note the bytes that an attachment names; they lie on the disk already, brought by the actor itself.

    Whoever knows the digest of another's file must not get at the file by it, nor learn that it is there.
    """
    data = {name: str(command.data.get(name) or "") for name in ("sha256", "name", "kind")}
    size = command.data.get("size")
    brought = data["sha256"] in work.handed and not attachments.flaw(work.db, data["sha256"])
    if not brought or not isinstance(size, int):
        raise BadInput("case.file.unknown", sha256=data["sha256"])
    attachments.record(work.connection, **data, size=size, actor=work.actor, now=work.now)


def _again(work: _Work, command: Command, known: cases.Answered, asked: str) -> _Done:
    """The answer that a command got when it was carried out."""
    if known.digest != asked:
        raise Conflict("case.command_reused", id=command.id)
    now_seen = cases.find(work.connection, known.case_id, viewer=work.actor)
    told = cases.events(work.connection, now_seen.id, until=known.revision)
    return _Done(before=None, after=rules.replay(told, rules=work.rules), fresh=False)


def _given(work: _Work, command: Command, before: Case | None) -> dict[str, object]:
    """Particulars that only the program knows: the next number, the state of another case, where a photo was taken."""
    found: dict[str, object] = {}
    if before is None and command.move == REPORTS[0]:
        prefix = work.db.settings.text("cases.prefix")
        found["pp_no"] = cases.next_number(work.connection, prefix=prefix, year=work.now.year)
    if before is not None and command.move == "commission":
        found["linked_state"] = _linked_state(work, before)
    place = str(command.data.get("gps") or "").split(",")
    if len(place) == 2:  # noqa: PLR2004 - longitude and latitude
        point = case_place.metres(work.db, *place)
        found["gps_place"] = case_place.text(point)
    return found


def _linked_state(work: _Work, case: Case) -> str:
    """State of the case that stands in for this one; that of a commissioned point for a site of the network.

    Only what the actor sees counts: a refusal must not tell of others' points and stations.
    """
    chosen = state.last(state.live(case.facts), "alternative_chosen")
    if chosen is None:
        return ""
    other = str(chosen.data.get("other") or "")
    try:
        return state.state_of(cases.find(work.connection, other, viewer=work.actor).facts)
    except NotFound:
        sites = layers.read(work.db, "sites", columns=["commissioned_on", "retired_on"], viewer=work.actor)
        on_air = sites[sites["commissioned_on"].notna() & sites["retired_on"].isna()]
        return "commissioned" if (on_air["site_id"] == other).any() else ""


def _announce(db: Database, done: Sequence[_Done], *, now: datetime) -> None:
    """After the commit: a case that came to block a candidate, or stopped blocking it, is valued anew."""
    unblocking = importlib.import_module("siting.actions.unblocking")  # by name: it reads cases
    for one in done:
        before = None if one.before is None else effects.effect_of(one.before)
        if one.fresh and one.after.record.get("site_ref") and before != effects.effect_of(one.after):
            unblocking.ask(db, one.after, now=now)
