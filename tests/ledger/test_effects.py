"""What a case does to the candidate it stands for."""

import pytest

from siting.ledger import effects, moves

LOCKED = {"agreed", "building", "commissioned", "resolved"}
FORBIDDEN = {
    "suspended", "transferred_up", "alternative_site", "waiting_external", "waiting_reporter", "contested", "coordinating",
    "dispatched", "verified", "returned", "submitted",
}  # fmt: skip
NONE = {"draft", "merged", "withdrawn", "confirmed_closed", "closed_auto"}


@pytest.mark.parametrize("state", sorted((LOCKED | FORBIDDEN | NONE) - {"resolved"}))
def test_a_blocked_new_site_is_forbidden_until_agreed_and_locked_from_then_on(world, state):
    expected = "locked" if state in LOCKED else "forbidden" if state in FORBIDDEN else None
    assert effects.effect_of(world.made(state)) == expected


@pytest.mark.parametrize("kind", [kind for kind in moves.KINDS if kind != "new_blocked"])
def test_other_kinds_leave_planning_free(world, kind):
    assert effects.effect_of(world.made("coordinating", kind=kind)) is None
    assert effects.effect_of(world.made("agreed", kind=kind)) is None
