"""Whether everything recorded is as it was written: the journal's chains, every case, every file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from siting import words
from siting.access import Actor
from siting.actions.case_reading import rules_of
from siting.actions.doors import require
from siting.ledger.anchor import Anchor
from siting.ledger.anchor import anchor as anchor_of
from siting.store import anchors, case_checks, journal
from siting.store.case_checks import Flaw
from siting.store.database import Database

PERMISSION = "journal.verify"


@dataclass(frozen=True, kw_only=True)
class Report:
    """Outcome of checking.

    Parameters
    ----------
    streams, cases, events : int
        Chains of the journal, cases and their events that were checked.
    flaws : tuple of Flaw
        What is not as it was written; empty for a whole journal.
    """

    streams: int
    cases: int
    events: int
    flaws: tuple[Flaw, ...]

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.flaws


def report(db: Database, actor: Actor, *, anchored: Anchor | None = None) -> Report:
    """Check every chain, replay every case, read every file.

    Parameters
    ----------
    anchored : Anchor, optional
        An anchor kept elsewhere; what it saw and no longer stands is a flaw, even a tail cut off without trace.

    Raises
    ------
    NotAllowed
        If the actor may not verify the journal.
    """
    require(db, actor, PERMISSION)
    streams = journal.verify(db)
    broken = [Flaw(case=name, what="chain", event=found.seq) for name, found in streams.items() if not found.ok]
    cases, events = case_checks.sizes(db)
    gone = () if anchored is None else anchors.lost(db, anchored.heads)
    cut = [Flaw(case=head.chain, what="anchor", event=head.number) for head in gone]
    flaws = (*broken, *cut, *case_checks.verify(db, given=rules_of(db)))
    return Report(streams=len(streams), cases=cases, events=events, flaws=flaws)


def anchor(db: Database, actor: Actor, *, now: datetime) -> Anchor:
    """The day's anchor over all chains, to be kept off this machine.

    Raises
    ------
    NotAllowed
        If the actor may not verify the journal.
    """
    require(db, actor, PERMISSION)
    return anchor_of(anchors.heads(db), at=now)


def said(flaw: Flaw, *, lang: str = words.DEFAULT_LANGUAGE) -> str:
    """A flaw in words: which case, which event, what is wrong."""
    return words.say(f"journal.flaw.{flaw.what}", lang=lang, case=flaw.case, event=flaw.event, detail=flaw.detail)
