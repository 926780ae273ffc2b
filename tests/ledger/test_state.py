"""The state of a case: one minimal list of facts per row of the table, and who wins."""

from datetime import UTC, date, datetime

import pytest

from siting.ledger import state
from siting.ledger.model import Case, Fact

NOW = datetime(2026, 11, 1, 9, tzinfo=UTC)
NEED_A = {"operator": "cmcc", "need_no": "001"}
NEED_B = {"operator": "ctc", "need_no": "001"}


def facts(*kinds):
    """Facts from kinds; a pair gives data, a triple what is replaced too."""
    made = []
    for seq, kind in enumerate(kinds, start=1):
        name, data, replaces = (*kind, None)[:3] if isinstance(kind, tuple) else (kind, {}, None)
        made.append(
            Fact(seq=seq, kind=name, on=date(2026, 10, 1), at=NOW, by="a", org="o", data=data, replaces=replaces)
        )
    return tuple(made)


ROWS = """
draft:
draft: drafted
submitted: submitted
returned: submitted sent_back
submitted: submitted sent_back submitted
verified: submitted verified
dispatched: submitted verified dispatched
coordinating: dispatched accepted
dispatched: dispatched accepted dispatched
coordinating: dispatched contested contest_ruled
dispatched: dispatched contested contest_ruled dispatched
contested: dispatched contested
dispatched: dispatched contested dispatched
waiting_reporter: dispatched accepted reporter_asked
coordinating: dispatched accepted reporter_asked reporter_answered
waiting_external: dispatched accepted external_started
coordinating: dispatched accepted external_started external_ended
alternative_site: dispatched accepted alternative_chosen
coordinating: dispatched accepted alternative_chosen alternative_dropped
coordinating: dispatched accepted external_started alternative_chosen alternative_dropped
agreed: dispatched accepted agreed
coordinating: dispatched accepted agreed agreement_voided
coordinating: dispatched accepted reporter_asked agreed agreement_voided
coordinating: dispatched accepted agreed external_started build_cancelled
building: agreed build_started
coordinating: dispatched accepted agreed build_started build_cancelled
resolved: agreed resolved
agreed: agreed resolved closure_rejected
coordinating: dispatched accepted agreed resolved agreement_voided
commissioned: agreed build_started commissioned
building: agreed build_started commissioned closure_rejected
alternative_site: dispatched accepted alternative_chosen commissioned closure_rejected
transferred_up: dispatched accepted transferred_up
coordinating: dispatched accepted transferred_up returned_from_city
suspended: dispatched accepted suspended
waiting_external: dispatched accepted external_started suspended resumed
closed_auto: agreed build_started commissioned auto_closed
coordinating: dispatched accepted agreed build_started commissioned auto_closed reopened
confirmed_closed: agreed build_started commissioned closure_confirmed
coordinating: dispatched accepted agreed build_started commissioned closure_confirmed reopened
building: agreed build_started commissioned closure_confirmed closure_rejected
coordinating: dispatched accepted suspended reopened
coordinating: dispatched accepted transferred_up reopened
coordinating: dispatched accepted alternative_chosen reopened
coordinating: dispatched accepted external_started reopened
coordinating: dispatched accepted reporter_asked reopened
coordinating: contested reopened
withdrawn: submitted withdrawn
merged: submitted merged
submitted: submitted merged unmerged
"""
CASES = [line.split(":") for line in ROWS.strip().splitlines()]


@pytest.mark.parametrize(("expected", "kinds"), CASES, ids=[f"{s}-{k.strip()}" for s, k in CASES])
def test_each_row_holds_from_a_minimal_list_of_facts(expected, kinds):
    assert state.state_of(facts(*kinds.split())) == expected


def test_the_table_of_states_is_covered_whole():
    assert {row[0] for row in CASES} == set(state.STATES)
    assert len(state.STATES) == 20
    assert state.TERMINAL == ("merged", "withdrawn", "confirmed_closed", "closed_auto")
    assert set(state.ACTIVE) == {"waiting_external", "waiting_reporter", "coordinating"}
    assert set(state.STATES) - set(state.TERMINAL) - {"draft"} == set(state.OPEN)


BEGUN = {
    "merged": "merged", "withdrawn": "withdrawn", "confirmed_closed": "closure_confirmed", "closed_auto": "auto_closed",
    "suspended": "suspended", "transferred_up": "transferred_up", "commissioned": "commissioned", "resolved": "resolved",
    "building": "build_started", "agreed": "agreed", "alternative_site": "alternative_chosen",
}  # fmt: skip


def test_of_two_rows_that_hold_the_first_wins_whatever_came_later():
    names = [name for name in state.STATES if name in BEGUN]
    for high, first in enumerate(names):
        for second in names[high + 1 :]:
            assert state.state_of(facts(BEGUN[first], BEGUN[second])) == first
            assert state.state_of(facts(BEGUN[second], BEGUN[first])) == first


def test_a_case_is_closed_once_every_need_is_confirmed():
    begun = [("submitted", {"needs": [NEED_A]}), ("need_added", {"needs": [NEED_B]}), "commissioned"]
    one = [*begun, ("closure_confirmed", NEED_A)]
    assert state.state_of(facts(*one)) == "commissioned"
    assert state.state_of(facts(*one, ("closure_confirmed", NEED_B))) == "confirmed_closed"
    again = [*one, "closure_rejected", "commissioned", ("closure_confirmed", NEED_B)]
    assert state.state_of(facts(*again)) == "commissioned"


def test_a_corrected_fact_stands_in_its_own_place_and_a_void_one_is_gone():
    kinds = ["dispatched", ("accepted", {"phone": "1"}), "agreed"]
    assert state.state_of(facts(*kinds, ("corrected", {"void": True}, 3))) == "coordinating"
    fixed = facts(*kinds, ("corrected", {"phone": "2"}, 2))
    assert state.state_of(fixed) == "agreed"
    assert [(f.seq, f.kind, dict(f.data)) for f in state.live(fixed)][1] == (2, "accepted", {"phone": "2"})


def test_a_correction_can_itself_be_corrected_or_taken_back():
    kinds = ["dispatched", "accepted", "agreed", ("corrected", {"void": True}, 3)]
    assert state.state_of(facts(*kinds, ("corrected", {"void": True}, 4))) == "agreed"
    twice = facts("dispatched", ("accepted", {"n": 1}), ("corrected", {"n": 2}, 2), ("corrected", {"n": 3}, 3))
    assert [dict(f.data) for f in state.live(twice)] == [{}, {"n": 3}]
    back = (*twice, *facts(("corrected", {"void": True}, 4)))
    back = (*twice, Fact(**{**vars(back[-1]), "seq": 5}))
    assert [dict(f.data) for f in state.live(back)][1] == {"n": 2}


def test_every_cancelled_building_begins_a_new_instance_and_every_reopening_is_a_relapse():
    told = facts("agreed", "build_cancelled", "agreed", "build_cancelled", "reopened")
    assert state.instance_of(told) == 3
    assert state.relapses(told) == 1
    assert state.instance_of(facts("agreed", "build_cancelled", ("corrected", {"void": True}, 2))) == 1


@pytest.mark.parametrize(
    ("kinds", "view"),
    [("", "choosing"), ("dispatched", "difficult"), ("agreed", "to_approve"), ("build_started", "building"),
     ("commissioned", "done"), ("withdrawn", "")],
)  # fmt: skip
def test_a_view_is_a_filter_on_the_state(kinds, view):
    assert state.view_of(Case(id="1", kind="power", record={}, facts=facts(*kinds.split()))) == view
