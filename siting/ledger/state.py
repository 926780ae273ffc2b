"""The one function that derives a case's state from its facts; nobody ever enters a state.

Needs are named by the facts that bring them: ``submitted`` and ``need_added`` carry ``data["needs"]``, a list of
mappings with ``operator`` and ``need_no``; ``closure_confirmed`` carries the two of the need it confirms.  Where no
fact names a need, one confirmation closes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType

from siting.ledger.model import Case, Fact

#: Every state, the first one that holds wins.
STATES = (
    "merged", "withdrawn", "confirmed_closed", "closed_auto", "suspended", "transferred_up", "commissioned", "resolved",
    "building", "agreed", "alternative_site", "waiting_external", "waiting_reporter", "contested", "coordinating",
    "dispatched", "verified", "returned", "submitted", "draft",
)  # fmt: skip
TERMINAL = STATES[:4]
ACTIVE = ("waiting_external", "waiting_reporter", "coordinating")
OPEN = STATES[4:19]
_BREAK = ("dispatched", "agreed", "agreement_voided", "build_cancelled", "alternative_chosen")
_VIEWS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "choosing": ("draft", "submitted", "returned", "verified", "alternative_site"),
        "difficult": (
            "dispatched", "coordinating", "contested", "waiting_reporter", "waiting_external", "suspended", "transferred_up",
        ),
        "to_approve": ("agreed",),
        "building": ("building",),
        "done": ("commissioned", "resolved", "confirmed_closed", "closed_auto"),
    }
)  # fmt: skip
#: 选址中, 疑难, 待立项, 施工中, 完工: filters on the state.
VIEWS = tuple(_VIEWS)


def live(facts: Iterable[Fact]) -> tuple[Fact, ...]:
    """The facts that count, in order: a corrected one stands in its own place with the correction's day and data.

    A correction of a correction takes its place; a void correction takes the fact away, or the correction back.
    """
    facts = tuple(facts)
    kept = {f.seq: f for f in facts}
    gone: set[int] = set()
    ruling: dict[int, Fact] = {}
    for fact in reversed(facts):
        if fact.replaces is None or fact.seq in gone:
            continue
        target = kept.get(fact.replaces)
        if target is not None and target.replaces is not None:
            gone.add(target.seq)
            if fact.data.get("void") is True:
                continue
        ruling.setdefault(root(facts, fact).seq, fact)
    plain = (f for f in facts if f.replaces is None)
    return tuple(_ruled(f, ruling.get(f.seq)) for f in plain if not _void(ruling.get(f.seq)))


def root(facts: Iterable[Fact], fact: Fact) -> Fact:
    """The fact as first entered that a correction, of whatever depth, is about."""
    kept = {f.seq: f for f in facts}
    while fact.replaces is not None and fact.replaces in kept:
        fact = kept[fact.replaces]
    return fact


def _void(ruling: Fact | None) -> bool:
    return ruling is not None and ruling.data.get("void") is True


def _ruled(fact: Fact, ruling: Fact | None) -> Fact:
    return fact if ruling is None else replace(fact, on=ruling.on, data=ruling.data)


@dataclass(frozen=True)
class _Story:
    """Live facts with the place at which each kind happened last; -1 is never."""

    facts: tuple[Fact, ...]

    @cached_property
    def places(self) -> Mapping[str, int]:
        return {f.kind: place for place, f in enumerate(self.facts)}

    def last(self, *kinds: str) -> int:
        """Place of the last fact of any of the kinds."""
        return max(self.places.get(kind, -1) for kind in kinds)

    def holds(self, kind: str | tuple[str, ...], ended_by: tuple[str, ...] = ()) -> bool:
        """Whether a kind happened later than whatever ends it."""
        begun = self.last(*((kind,) if isinstance(kind, str) else kind))
        return begun >= 0 and (not ended_by or begun > self.last(*ended_by))


def _confirmed(story: _Story) -> bool:
    confirmed = confirmed_needs(story.facts)
    return bool(confirmed) and all(need in confirmed for need in needs_named(story.facts))


def _interval(kind: str | tuple[str, ...], *ends: str) -> Callable[[_Story], bool]:
    return lambda story: story.holds(kind, ends)


_ROWS: tuple[tuple[str, Callable[[_Story], bool]], ...] = (
    ("merged", _interval("merged", "unmerged")),
    ("withdrawn", _interval("withdrawn")),
    ("confirmed_closed", _confirmed),
    ("closed_auto", _interval("auto_closed", "reopened")),
    ("suspended", _interval("suspended", "resumed", "reopened")),
    ("transferred_up", _interval("transferred_up", "returned_from_city", "reopened")),
    ("commissioned", _interval("commissioned", "reopened", "closure_rejected", "build_cancelled")),
    ("resolved", _interval("resolved", "reopened", "closure_rejected", "agreement_voided")),
    ("building", _interval("build_started", "reopened", "build_cancelled", "agreement_voided")),
    ("agreed", _interval("agreed", "reopened", "build_cancelled", "agreement_voided")),
    ("alternative_site", _interval("alternative_chosen", "alternative_dropped", "reopened")),
    ("waiting_external", _interval("external_started", "external_ended", "reopened", *_BREAK)),
    ("waiting_reporter", _interval("reporter_asked", "reporter_answered", "reopened", *_BREAK)),
    ("contested", _interval("contested", "contest_ruled", "dispatched", "reopened")),
    ("coordinating", _interval(("accepted", "contest_ruled", "reopened"), "dispatched")),
    ("dispatched", _interval("dispatched")),
    ("verified", _interval("verified")),
    ("returned", _interval("sent_back", "submitted")),
    ("submitted", _interval("submitted")),
)


def state_of(facts: Iterable[Fact]) -> str:
    """The state that dated facts add up to: the first row of the table that holds.

    Parameters
    ----------
    facts : iterable of Fact
        All facts of the case in order of entry, corrections among them.

    Returns
    -------
    str
        One of `STATES`.
    """
    story = _Story(live(facts))
    return next((state for state, holds in _ROWS if holds(story)), "draft")


def view_of(case: Case) -> str:
    """Which of `VIEWS` shows a case; empty for a merged or withdrawn one."""
    state = state_of(case.facts)
    return next((view for view, states in _VIEWS.items() if state in states), "")


def instance_of(facts: Iterable[Fact]) -> int:
    """How often building was begun anew, from 1: one more with every cancelled building."""
    return 1 + sum(f.kind == "build_cancelled" for f in live(facts))


def relapses(facts: Iterable[Fact]) -> int:
    """How often the case was opened again after its end."""
    return sum(f.kind == "reopened" for f in live(facts))


def needs_named(facts: Iterable[Fact]) -> tuple[tuple[str, str], ...]:
    """(operator, number) of every need that live facts bring, in order."""
    listed = (f.data.get("needs") for f in facts if f.kind in {"submitted", "need_added"})
    needs = (n for needs in listed if isinstance(needs, Sequence) for n in needs if isinstance(n, Mapping))
    return tuple(dict.fromkeys((str(n.get("operator", "")), str(n.get("need_no", ""))) for n in needs))


def confirmed_needs(facts: Sequence[Fact]) -> Collection[tuple[str, str]]:
    """Needs whose closure was confirmed after the last reopening and rejection; live facts only."""
    since = max((i for i, f in enumerate(facts) if f.kind in {"reopened", "closure_rejected"}), default=-1)
    later = (f for f in facts[since + 1 :] if f.kind == "closure_confirmed")
    return {(str(f.data.get("operator", "")), str(f.data.get("need_no", ""))) for f in later}


def last(facts: Sequence[Fact], *kinds: str) -> Fact | None:
    """The last of the facts of any of the kinds."""
    return next((f for f in reversed(facts) if f.kind in kinds), None)
