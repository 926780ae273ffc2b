"""Every move in every state, and every move by everybody, against the tables written out here."""

import pytest

from siting.access import PERMISSIONS
from siting.ledger import moves, rules, state

# Row number of the table of states -> its code; "new" is no case yet.
NUMBER = dict(enumerate(state.STATES, start=1)) | {0: "new"}
# Move: state of departure > state of arrival; = keeps the state.
TABLE = """
save_draft: 0>20 20>20
submit: 20>19
send_back: 19>18
resubmit: 18>19
verify: 19>17
dispatch: 17>16
reassign: 14>16 16>16 12>16 13>16 15>16
accept: 16>15
contest: 16>14
rule_contest: 14>15
report_progress: 7>= 8>= 9>= 10>= 11>= 12>= 13>= 15>=
record_visit: 9>= 10>= 11>= 12>= 13>= 15>=
ask_reporter: 15>13
answer: 13>15
start_external: 15>12 9>= 10>=
end_external: 12>15 9>= 10>=
set_permit_mode: 12>= 13>= 15>= 9>= 10>=
supply_missing: 12>= 13>= 15>= 9>= 10>=
request_extension: open>=
decide_extension: open>=
suspend: 12>5 13>5 15>5
resume: 5>15
transfer_up: 12>6 13>6 15>6
return_from_city: 6>15
choose_alternative: 12>11 13>11 15>11
drop_alternative: 11>15
agree: 12>10 13>10 15>10
void_agreement: 8>15 9>15 10>15
start_build: 10>9
cancel_build: 9>15 10>15
commission: 9>7 11>7
resolve: 10>8
confirm_close: 7>3 8>3
reject_close: 7>9 8>10
auto_close: 7>4 8>4
reopen: 3>15 4>15
withdraw: 12>2 13>2 14>2 15>2 16>2 17>2 18>2 19>2 20>2
merge: 12>1 13>1 14>1 15>1 16>1 17>1 18>1 19>1
unmerge: 1>19
add_need: open>=
link: any>=
attach: open>=
escalate: open>=
supervise: open>=
close_supervision: open>=
correct: any>=
"""
GROUPS = {"open": range(5, 20), "any": range(1, 21)}


def arrivals():
    found = {}
    for line in TABLE.strip().splitlines():
        move, _, cells = line.partition(": ")
        for cell in cells.split():
            start, _, end = cell.partition(">")
            for number in GROUPS.get(start, [start]):
                found[move, NUMBER[int(number)]] = NUMBER[int(number if end == "=" else end)]
    return found


ARRIVALS = arrivals()
MOVES = list(dict.fromkeys(move for move, _ in ARRIVALS))
BEFORE = {
    "end_external": ("start_external", ("building", "agreed")),
    "decide_extension": ("request_extension", state.OPEN),
    "close_supervision": ("supervise", state.OPEN),
}


def ready(world, move, start):
    kind = "approval" if start == "resolved" or (move, start) == ("resolve", "agreed") else "new_blocked"
    case = world.made(start, kind=kind)
    first, where = BEFORE.get(move, ("", ()))
    if start not in where:
        return case
    who = "su" if first == "supervise" else "co"
    return world.moved(case, first, who, **world.least[first][1])


def test_the_table_names_every_move():
    assert list(moves.MOVES) == MOVES
    assert len(MOVES) == 46


@pytest.mark.parametrize("move", MOVES)
def test_each_move_from_each_state_arrives_or_is_refused_with_its_code(world, move):
    for start in ("new", *state.STATES):
        case = ready(world, move, start)
        who, data = world.least[move]
        given = data | ({"linked_state": "commissioned"} if (move, start) == ("commission", "alternative_site") else {})
        # Before anybody leads a case the coordinator speaks for it.
        early = who == "lead" and move == "request_extension"
        decision = world.decide(case, move, "co" if early else who, **given)
        expected = ARRIVALS.get((move, start))
        if expected is None:
            assert "WRONG_STATE" in [reason.code for reason in decision.reasons], start
            assert decision.case is case, start
            assert decision.facts == (), start
        elif (move, start) == ("escalate", "transferred_up"):
            # The city is the highest level there is.
            assert [reason.code for reason in decision.reasons] == ["LEVEL_LOWER"]
        else:
            assert decision.reasons == (), start
            assert state.state_of(decision.case.facts) == expected, start
            assert decision.case.revision == (0 if case is None else case.revision) + 1, start


# Move -> permissions of the table of moves; the lead unit alone where it says so.
RIGHTS = """
case.report: save_draft submit resubmit answer choose_alternative drop_alternative withdraw add_need
case.verify: send_back verify
case.dispatch: dispatch reassign rule_contest set_permit_mode resume return_from_city void_agreement merge unmerge
lead: accept contest
case.handle: ask_reporter start_external end_external
case.handle case.build: report_progress request_extension agree resolve
case.handle case.report: record_visit link attach
case.report case.build: supply_missing
case.extend: decide_extension
case.suspend: suspend
case.escalate: transfer_up escalate
case.build: start_build cancel_build commission
case.close: confirm_close reject_close reopen
case.supervise: supervise close_supervision
case.time: auto_close
"""
# Permission -> who has it on a case that op reports, op2 has a need in, lead leads, assist assists, owner owns; the street
# is street's.  op3, tower, agency and street2 are strangers to it.
HOLDERS = """
case.report: co op op2 street
case.close: co op op2 street
case.handle: co lead assist owner
case.build: op op2
case.verify: co
case.dispatch: co
case.extend: le su
case.suspend: le su
case.escalate: co le su system
case.supervise: su
case.time: system
"""


def lines(text):
    return {head: tail.split() for head, _, tail in (line.partition(": ") for line in text.strip().splitlines())}


def holders(permissions):
    if permissions == "lead":
        return {"lead"}
    return {name for permission in permissions.split() for name in lines(HOLDERS)[permission]}


WHERE = {
    "save_draft": "draft", "submit": "draft", "send_back": "submitted", "resubmit": "returned", "verify": "submitted",
    "dispatch": "verified", "accept": "dispatched", "contest": "dispatched", "rule_contest": "contested",
    "answer": "waiting_reporter", "end_external": "waiting_external", "resume": "suspended",
    "return_from_city": "transferred_up", "drop_alternative": "alternative_site", "void_agreement": "agreed",
    "start_build": "agreed", "cancel_build": "agreed", "commission": "building", "resolve": "agreed",
    "confirm_close": "commissioned", "reject_close": "commissioned", "auto_close": "commissioned",
    "reopen": "confirmed_closed", "unmerge": "merged",
}  # fmt: skip
MATRIX = [(move, permissions) for permissions, names in lines(RIGHTS).items() for move in names]


@pytest.mark.parametrize(("move", "permissions"), MATRIX, ids=[m for m, _ in MATRIX])
def test_each_move_is_for_those_the_table_names_and_nobody_else(world, move, permissions):
    start = WHERE.get(move, "coordinating")
    expected = {"op"} if start == "draft" else holders(permissions)
    case = world.made(start)
    if start in {"submitted", "returned", "verified", "coordinating", "waiting_reporter", "agreed", "building"}:
        case = world.moved(case, "add_need", "co", operator="ctc", need_no="D-9", urgency=2)
    elif start != "draft":
        expected -= {"op2"}
    if start in {"submitted", "returned", "verified", "merged"}:
        expected -= {"lead", "assist"}
    refused = {
        name
        for name in world.actors
        if {"NOT_PERMITTED", "NOT_LEAD"}
        & {r.code for r in world.decide(case, move, name, **(world.least[move][1] or {"text": "x"})).reasons}
    }
    assert set(world.actors) - refused == expected


def test_the_matrix_names_every_move_but_correcting():
    assert sorted(m for m, _ in MATRIX) == sorted(set(moves.MOVES) - {"correct"})
    assert {p for move in moves.MOVES.values() for p in move.permissions} <= set(PERMISSIONS)


# Who may correct what on a case: the coordinator everything, the others what their own organisation entered.
CORRECTING = [
    ("drafted", {"co", "op"}), ("verified", {"co"}), ("accepted", {"co", "lead"}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "expected"), CORRECTING)
def test_an_entry_is_corrected_by_its_own_organisation_or_the_coordinator(world, kind, expected):
    case = world.made("coordinating")
    fact = next(f for f in case.facts if f.kind == kind)
    able = {
        name
        for name in world.actors
        if world.decide(case, "correct", name, fact=fact.seq, void=True, reason="误").allowed
    }
    assert able == expected


@pytest.mark.parametrize("name", ["planner", "auditor", "da", "sy", "local", "op3", "tower", "agency", "street2"])
def test_who_has_no_part_in_a_case_is_offered_no_move_on_it(world, name):
    for start in ("submitted", "coordinating", "agreed", "commissioned", "confirmed_closed"):
        assert rules.allowed_moves(world.made(start), world.actors[name], now=world.now) == ()
