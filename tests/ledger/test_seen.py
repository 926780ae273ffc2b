"""What each person reads of a case."""

import json
from dataclasses import asdict

import pytest

from siting.ledger import seen
from siting.ledger.model import Case

MINE, THEIRS = "00012345678901234567", "CANARY-77"
PHONE, HIDDEN = "13812341234", "138****1234"


@pytest.fixture(scope="module")
def shared(world):
    """cmcc reports; ctc's need was added, and both confirmed."""
    case = world.made("coordinating")
    case = world.moved(case, "add_need", "co", operator="ctc", need_no=THEIRS, urgency=1, technology="canary-tech")
    for move in ("agree", "start_build", "commission"):
        case = world.moved(case, move)
    return world.moved(case, "confirm_close", "op2", need_no=THEIRS, satisfaction=4, text="canary-text")


def text(case):
    return json.dumps(asdict(case), default=str, ensure_ascii=False)


def test_an_operator_reads_its_own_need_of_a_shared_point_and_of_the_other_only_that_there_is_one(world, shared):
    shown = seen.seen_by(shared, world.actors["op"])
    assert [(n.operator, n.need_no, n.technology) for n in shown.needs] == [("cmcc", MINE, ""), ("other", "", "")]
    assert not {w for w in (THEIRS, "ctc", "canary", "电信公司", "op2") if w in text(shown)}
    assert MINE in text(shown)


def test_the_other_operator_reads_the_same_from_its_side(world, shared):
    shown = seen.seen_by(shared, world.actors["op2"])
    assert [n.operator for n in shown.needs] == ["other", "ctc"]
    assert not {w for w in (MINE, "cmcc", "移动公司") if w in text(shown)}
    assert shown.record["reporter_org"] == "other"


@pytest.mark.parametrize("name", ["co", "planner", "le", "su", "lead", "street", "owner"])
def test_the_bureau_the_units_and_the_street_read_every_need(world, shared, name):
    assert seen.seen_by(shared, world.actors[name]).needs == shared.needs


@pytest.mark.parametrize("name", ["auditor", "sy", "op3", "tower"])
def test_who_has_no_part_reads_no_need_at_all(world, shared, name):
    assert {n.operator for n in seen.seen_by(shared, world.actors[name]).needs} == {"other"}


def test_a_tower_company_reads_the_needs_that_it_reports_on_behalf_of_operators(world):
    report = {**world.report, "needs": [{"operator": "cbn", "need_no": "G-1"}]}
    case = world.moved(world.moved(None, "save_draft", "tower", **report), "submit", "tower")
    assert seen.seen_by(case, world.actors["tower"]).needs == case.needs


@pytest.mark.parametrize(
    ("name", "whole"),
    [("co", True), ("lead", True), ("op", True), ("planner", False), ("assist", False), ("le", False), ("op2", False)],
)
def test_phones_are_masked_but_for_lead_reporter_and_coordinator(world, shared, name, whole):
    shown = text(seen.seen_by(shared, world.actors[name]))
    assert (PHONE in shown) is whole
    assert (HIDDEN in shown) is not whole


@pytest.mark.parametrize(("phone", "expected"), [(PHONE, HIDDEN), ("12345", "****"), ("022-27472200", "022****2200")])
def test_a_masked_phone_keeps_its_ends_only_where_something_is_between(phone, expected):
    assert seen.mask(phone) == expected


def test_reading_never_changes_the_case(world, shared):
    before = text(shared)
    for actor in world.actors.values():
        assert isinstance(seen.seen_by(shared, actor), Case)
    assert text(shared) == before
