"""The things of the ledger as values: a problem point, what happened to it, what somebody asks to be done.

Payloads hold text, whole numbers, booleans, lists and mappings only: decimals and times are text, because the journal
chains over one canonical form of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as filled
from datetime import date, datetime

from siting import words
from siting.access import Actor

__all__ = [
    "Actor",
    "Case",
    "Command",
    "Decision",
    "Draft",
    "Event",
    "Fact",
    "Need",
    "Reason",
    "Rules",
    "Value",
    "Visit",
]


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One dated fact; facts are added, never changed.

    Parameters
    ----------
    seq : int
        Number in the case, from 1.
    kind : str
        What happened, e.g. ``dispatched``.
    on, at : date, datetime
        The day it happened (never in the future); when it was entered.
    by, org : str
        Account and organisation that entered it.
    data : mapping
        Particulars.
    instance : int
        How often building was begun anew, from 1.
    replaces : int or None
        The fact that this one corrects; with ``data["void"]`` true it only takes that one away.
    """

    seq: int
    kind: str
    on: date
    at: datetime
    by: str
    org: str
    data: Mapping[str, object] = filled(default_factory=dict)
    instance: int = 1
    replaces: int | None = None


@dataclass(frozen=True, kw_only=True)
class Need:
    """One operator's need behind a problem point; ``urgency`` 1 (highest) to 3."""

    need_no: str
    operator: str
    urgency: int = 2
    technology: str = ""
    allowed_deviation_m: str = ""
    required_by: str = ""
    mount_height_m: str = ""


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One visit to an owner or a resident: day, who went, whom they met, what came of it."""

    on: date
    who: str
    contact: str
    result: str
    failure_reason: str = ""
    photo: str = ""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A problem point.

    Parameters
    ----------
    id : str
        Number for machines; people see ``record["pp_no"]``.
    kind : str
        One of `siting.ledger.moves.KINDS`.
    record : mapping
        Entered fields by name (``data/fields.csv``): text, whole numbers, lists; places as text [m].
    needs : tuple of Need
        Whose needs it holds up.
    facts : tuple of Fact
        Everything that happened, in order.
    revision : int
        Number of the last event; 0 before the first.
    """

    id: str
    kind: str
    record: Mapping[str, object]
    needs: tuple[Need, ...] = ()
    facts: tuple[Fact, ...] = ()
    revision: int = 0


@dataclass(frozen=True, kw_only=True)
class Command:
    """What somebody asks to be done to a case.

    Parameters
    ----------
    id : str
        Name of this very request: sent twice, it is done once.
    move : str
        One of `siting.ledger.moves.MOVES`.
    case_id : str
        The case; empty for a new one.
    revision : int
        The revision that the person saw.
    instance : int or None
        The instance that the person saw; None does not say.
    data : mapping
        What the move asks for.
    source : str
        ``page``, ``import``, ``api``, ``cli`` or ``system``.
    sent_at : datetime or None
        When it was sent.
    """

    id: str
    move: str
    case_id: str = ""
    revision: int = 0
    instance: int | None = None
    data: Mapping[str, object] = filled(default_factory=dict)
    source: str = "page"
    sent_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Event:
    """One entry of a case's chain: who did which move when, and what it changed.

    ``payload`` holds ``kind`` (of the case), ``facts``, and where they changed ``record`` and ``needs``.
    """

    case_id: str
    revision: int
    command_id: str
    actor: str
    org: str
    role: str
    source: str
    at: datetime
    move: str
    payload: Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class Value:
    """What unblocking a case would bring, with bounds.

    Parameters
    ----------
    value, people_low, people_high : float
        People covered; point estimate and what the true value lies between [persons].
    venues : tuple of str
        Key venues that lose coverage while it stays blocked.
    computed_at : str
        ISO time.
    plan_run, profile : str
        The plan it was measured in; threshold profile.
    stale : bool
        Whether the plan or the place has changed since.
    local_value : float or None
        People while the far part of the plan stays as it is [persons]; exact given that where `local_proven`.
    """

    value: float
    people_low: float
    people_high: float
    venues: tuple[str, ...]
    computed_at: str
    plan_run: str
    profile: str
    stale: bool = False
    local_value: float | None = None
    local_proven: bool = False


def _worded(name: str, value: object, lang: str) -> object:
    """A code among the values of a sentence in words."""
    if name == "move":
        return words.say(f"move.{value}", lang=lang)
    key = f"case.{name}.{value}"
    return words.say(key, lang=lang) if words.has(key, lang=lang) else value


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why a move is refused: a code, the field it is about, and the values of its sentence."""

    code: str
    field: str = ""
    values: Mapping[str, object] = filled(default_factory=dict)

    def say(self, part: str, *, lang: str = words.DEFAULT_LANGUAGE) -> str:
        """``message`` or ``remedy`` in a language."""
        values = {name: _worded(name, value, lang) for name, value in {"field": self.field, **self.values}.items()}
        return words.say(f"case.reason.{self.code}.{part}", lang=lang, **values)

    @property
    def message(self) -> str:
        """The rule that is broken."""
        return self.say("message")

    @property
    def remedy(self) -> str:
        """What to do about it."""
        return self.say("remedy")


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A document to be drafted because of a move: its kind and what it is about."""

    kind: str
    context: Mapping[str, object] = filled(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Tables that a bureau may change, as the engine reads them; what is absent has not arrived yet."""

    calendar: object = None
    clocks: Mapping[str, object] = filled(default_factory=dict)
    permit_modes: Mapping[str, object] = filled(default_factory=dict)
    levels: Mapping[str, object] = filled(default_factory=dict)
    settings: Mapping[str, object] = filled(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What a command would do.

    Parameters
    ----------
    case : Case or None
        The case after the move, or as it was where the move is refused.
    facts : tuple of Fact
        New facts.
    drafts : tuple of Draft
        Documents to draft.
    reasons : tuple of Reason
        Every reason against the move.
    """

    case: Case | None
    facts: tuple[Fact, ...] = ()
    drafts: tuple[Draft, ...] = ()
    reasons: tuple[Reason, ...] = ()

    @property
    def allowed(self) -> bool:
        """Whether nothing speaks against the move."""
        return not self.reasons
