"""Whether everything recorded is as it was written: the journal's chains, every case, every file."""

from __future__ import annotations

from dataclasses import dataclass

from siting import words
from siting.access import Actor
from siting.actions.case_reading import rules_of
from siting.actions.doors import require
from siting.store import case_checks, journal
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


def report(db: Database, actor: Actor) -> Report:
    """Check every chain, replay every case, read every file.

    Raises
    ------
    NotAllowed
        If the actor may not verify the journal.
    """
    require(db, actor, PERMISSION)
    streams = journal.verify(db)
    broken = [Flaw(case=name, what="chain", event=found.seq) for name, found in streams.items() if not found.ok]
    cases, events = case_checks.sizes(db)
    flaws = (*broken, *case_checks.verify(db, given=rules_of(db)))
    return Report(streams=len(streams), cases=cases, events=events, flaws=flaws)


def said(flaw: Flaw, *, lang: str = words.DEFAULT_LANGUAGE) -> str:
    """A flaw in words: which case, which event, what is wrong."""
    return words.say(f"journal.flaw.{flaw.what}", lang=lang, case=flaw.case, event=flaw.event, detail=flaw.detail)
