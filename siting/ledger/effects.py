"""What an open problem point does to the candidate it stands for in the next plan."""

from __future__ import annotations

from siting.ledger.model import Case
from siting.ledger.state import OPEN, state_of

FORBIDDEN, LOCKED = "forbidden", "locked"
_LOCKING = ("agreed", "building", "commissioned", "resolved")
_KIND = "new_blocked"


def effect_of(case: Case) -> str | None:
    """``forbidden`` while a new site is blocked, ``locked`` once it is agreed, None where planning is free.

    Only kind ``new_blocked`` has an effect; drafts, merged, withdrawn and closed cases have none.
    """
    state = state_of(case.facts) if case.kind == _KIND else ""
    if state in _LOCKING:
        return LOCKED
    return FORBIDDEN if state in OPEN else None
