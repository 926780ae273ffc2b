"""What moves ask for and set: every reason at once, evidence, days, needs, corrections; and a case from its events."""

import json
import random
from dataclasses import replace

import pytest

from siting import words
from siting.ledger import chain, moves, rules, state
from siting.ledger.fields import FIELDS, VOCABULARIES
from siting.ledger.model import Case, Command, Reason


def codes(decision):
    return sorted((reason.code, reason.field) for reason in decision.reasons)


def test_an_unknown_move_is_a_reason_and_no_error(world):
    assert codes(world.decide(None, "explode", title="x")) == [("UNKNOWN_MOVE", "")]


def test_all_reasons_are_told_at_once(world):
    decision = world.decide(
        world.made("submitted"),
        "commission",
        "street2",
        commissioned_on="2026-11-04",
        gps="here",
        colour="red",
        instance=7,
    )
    assert codes(decision) == [
        ("BAD_VALUE", "gps"), ("EVIDENCE_MISSING", "photo"), ("EVIDENCE_MISSING", "record_no"),
        ("FUTURE_DATE", "commissioned_on"), ("NOT_PERMITTED", ""), ("STALE_INSTANCE", ""), ("UNKNOWN_FIELD", "colour"),
        ("WRONG_STATE", ""),
    ]  # fmt: skip


def test_a_refusal_does_not_say_whose_the_case_is(world):
    decision = world.decide(world.made("coordinating"), "withdraw", "op3", reason="x")
    said = decision.reasons[0].message + decision.reasons[0].remedy + str(decision.reasons[0].values)
    assert not any(actor.org in said for actor in world.actors.values() if actor.org not in {"local", "system"})


@pytest.mark.parametrize("move", [m.name for m in moves.MOVES.values() if m.required])
def test_each_required_field_is_asked_for_by_its_name(world, move):
    row = moves.MOVES[move]
    decision = world.decide(None, move, text="x")
    named = {r.field for r in decision.reasons if r.code in {"REQUIRED", "EVIDENCE_MISSING"}}
    assert set(row.required) - {"text"} <= named


def test_a_report_is_sent_with_all_required_columns_and_a_need(world):
    draft = world.moved(None, "save_draft", title="楼顶", kind="power", place="1.0,2.0")
    assert codes(world.decide(draft, "submit", "op", title="楼顶")) == [
        ("REQUIRED", "needs"), ("REQUIRED", "reason_code"), ("REQUIRED", "requested_action"), ("REQUIRED", "source"),
        ("REQUIRED", "street_office"),
    ]  # fmt: skip


def test_need_numbers_stay_text_and_operators_enter_their_own(world):
    case = world.made("draft")
    assert case.needs[0].need_no == "00012345678901234567"
    needs = [{"operator": "ctc", "need_no": "1"}, {"operator": "zzz", "need_no": 7, "urgency": 4}]
    assert codes(world.decide(case, "save_draft", "op", needs=needs)) == [
        ("BAD_VALUE", "need_no"), ("BAD_VALUE", "operator"), ("BAD_VALUE", "urgency"), ("OTHER_OPERATOR", "operator"),
    ]  # fmt: skip


def test_a_point_is_sent_back_once_and_answered_item_by_item(world):
    returned = world.made("returned")
    assert codes(world.decide(returned, "resubmit", answers=["一", "二"])) == [("ANSWERS_COUNT", "answers")]
    again = world.moved(returned, "resubmit", answers=["已补"], title="新标题")
    assert again.record["title"] == "新标题"
    assert codes(world.decide(again, "send_back", missing=["图"])) == [("SENT_BACK_TWICE", "")]


@pytest.mark.parametrize(("place", "allowed"), [("512395.20,4332100.00", True), ("512395.21,4332100.00", False)])
def test_a_returned_point_moves_fifty_metres_at_most(world, place, allowed):
    decision = world.decide(world.made("returned"), "resubmit", answers=["已补"], place=place)
    assert codes(decision) == ([] if allowed else [("MOVED_TOO_FAR", "place")])


def test_only_the_lead_unit_accepts(world):
    case = world.made("dispatched")
    assert codes(world.decide(case, "accept", "assist", responsible_person="李", phone="022-1234567")) == [
        ("NOT_LEAD", "")
    ]


def test_a_dispatch_sets_who_must_do_it_and_drafts_a_letter(world):
    decision = world.decide(
        world.made("verified"), "dispatch", lead_unit="城市管理委员会", responsible_person="王", limit="20",
        assist_units=["园林局"], target_agree_on="2026-12-01",
    )  # fmt: skip
    record = decision.case.record
    assert (record["lead_unit"], record["limit"], record["assist_units"]) == ("城市管理委员会", 20, ["园林局"])
    assert [draft.kind for draft in decision.drafts] == ["letter"]
    assert record["target_agree_on"] == "2026-12-01"
    assert "target_agree_on" not in decision.facts[0].data


def test_a_moved_ruling_dispatches_anew_and_needs_the_unit(world):
    case = world.made("contested")
    assert codes(world.decide(case, "rule_contest", ruling="moved")) == [("REQUIRED", "lead_unit")]
    after = world.moved(case, "rule_contest", ruling="moved", lead_unit="园林局")
    assert state.state_of(after.facts) == "dispatched"
    assert after.record["lead_unit"] == "园林局"
    kept = world.moved(case, "rule_contest", ruling="confirmed", lead_unit="园林局")
    assert kept.record["lead_unit"] == "城市管理委员会"


def test_another_lead_unit_does_not_keep_the_person_of_the_one_before(world):
    after = world.moved(world.made("coordinating"), "reassign", lead_unit="园林局", cause="职责")
    assert after.record["lead_unit"] == "园林局"
    assert {"responsible_person", "phone"} & set(after.record) == set()
    same = world.moved(world.made("coordinating"), "reassign", lead_unit="城市管理委员会", cause="催办")
    assert same.record["responsible_person"] == "王"


def test_the_day_it_happened_is_the_fact_s_day_and_never_lies_ahead(world):
    case = world.made("building")
    commission = world.least["commission"][1]
    fact = world.decide(case, "commission", **commission).facts[0]
    assert (str(fact.on), fact.at) == ("2026-11-03", world.now)
    assert ("FUTURE_DATE", "commissioned_on") in codes(
        world.decide(case, "commission", **{**commission, "commissioned_on": "2026-11-04"})
    )
    early = world.decide(case, "commission", **{**commission, "commissioned_on": "2026-11-02"})
    assert codes(early) == [("BEFORE_REPORT", "commissioned_on"), ("BEFORE_STEP", "commissioned_on")]


def test_evidence_is_an_attachment_of_this_very_case(world):
    case = world.made("building")
    commission = world.least["commission"][1]
    for wrong in (world.file, "d" * 64):
        assert codes(world.decide(case, "commission", **{**commission, "photo": wrong})) == [
            ("EVIDENCE_MISSING", "photo")
        ]
    assert codes(world.decide(world.made("agreed", kind="approval"), "resolve", text="办结")) == [
        ("EVIDENCE_MISSING", "photo")
    ]
    assert codes(world.decide(world.made("coordinating"), "agree", agreed_on="2026-11-03")) == [
        ("EVIDENCE_MISSING", "doc_no")
    ]


@pytest.mark.parametrize(
    ("place", "expected"),
    [("512395.20,4332100.00", []), ("512396.20,4332100.00", ["EVIDENCE_FAR"]), ("", ["EVIDENCE_UNPLACED"])],
)
def test_a_photo_taken_elsewhere_is_a_finding_and_no_refusal(world, place, expected):
    decision = world.decide(world.made("building"), "commission", **world.least["commission"][1], gps_place=place)
    assert decision.allowed
    assert [f["code"] for f in decision.facts[0].data.get("findings", [])] == expected


def test_kinds_without_building_are_resolved_and_the_others_built(world):
    assert codes(world.decide(world.made("agreed"), "resolve", doc_no="1")) == [("KIND_NEEDS_BUILDING", "")]
    paper = world.made("agreed", kind="objection")
    assert codes(world.decide(paper, "start_build")) == [("KIND_HAS_NO_BUILDING", "")]
    assert set(moves.WITHOUT_BUILDING) == {"existing_threatened", "access_property", "objection", "approval"}


def test_an_alternative_is_commissioned_once_its_site_is(world):
    case = world.made("alternative_site")
    commission = world.least["commission"][1]
    assert codes(world.decide(case, "commission", **commission)) == [("ALTERNATIVE_NOT_COMMISSIONED", "")]
    assert world.decide(case, "commission", **commission, linked_state="commissioned").allowed


def test_every_operator_confirms_its_own_need_and_once(world):
    case = world.made("coordinating")
    case = world.moved(case, "add_need", "co", operator="ctc", need_no="D-1", urgency=1)
    for move in ("agree", "start_build", "commission"):
        case = world.moved(case, move)
    mine = "00012345678901234567"
    assert codes(world.decide(case, "confirm_close", "op2", need_no=mine, satisfaction=5)) == [
        ("NEED_UNKNOWN", "need_no")
    ]
    half = world.moved(case, "confirm_close", "op2", need_no="D-1", satisfaction=4)
    assert state.state_of(half.facts) == "commissioned"
    assert codes(world.decide(half, "confirm_close", "op2", need_no="D-1", satisfaction=4)) == [
        ("NEED_CONFIRMED", "need_no")
    ]
    assert (
        state.state_of(world.moved(half, "confirm_close", "op", need_no=mine, satisfaction=5).facts)
        == "confirmed_closed"
    )


@pytest.mark.parametrize(("day", "allowed"), [((2027, 11, 3), True), ((2027, 11, 4), False)])
def test_a_case_is_reopened_within_a_year(world, day, allowed):
    now = world.now.replace(year=day[0], month=day[1], day=day[2])
    decision = world.decide(world.made("confirmed_closed"), "reopen", reason="拆", evidence="照片", now=now)
    assert codes(decision) == ([] if allowed else [("REOPEN_TOO_LATE", "")])


def test_an_older_instance_is_refused_and_a_cancelled_building_begins_a_new_one(world):
    case = world.moved(world.made("building"), "cancel_build")
    assert state.instance_of(case.facts) == 2
    assert codes(world.decide(case, "report_progress", instance=1, text="x")) == [("STALE_INSTANCE", "")]
    assert world.decide(case, "report_progress", instance=2, text="x").facts[0].instance == 2


def test_levels_never_fall_suspensions_end_and_a_failed_visit_says_why(world):
    case = world.moved(world.made("coordinating"), "escalate", level="L2", basis="逾期")
    assert codes(world.decide(case, "escalate", level="L1", basis="x")) == [("LEVEL_LOWER", "level")]
    assert codes(world.decide(case, "suspend", reason="x", review_on="2027-03-04")) == [
        ("SUSPENDED_TOO_LONG", "review_on")
    ]
    assert world.decide(case, "suspend", reason="x", review_on="2027-03-03").allowed
    visit = {**world.least["record_visit"][1], "result": "failed"}
    assert codes(world.decide(case, "record_visit", **visit)) == [("REQUIRED", "failure_reason")]


def test_a_correction_changes_the_record_and_the_derived_state(world):
    case = world.made("coordinating")
    verified = next(f for f in case.facts if f.kind == "verified")
    fixed = world.moved(case, "correct", "co", fact=verified.seq, data={"difficulty": "hard"}, reason="误")
    assert fixed.record["difficulty"] == "hard"
    assert dict(state.live(fixed.facts)[verified.seq - 1].data)["difficulty"] == "hard"
    accepted = next(f for f in case.facts if f.kind == "accepted")
    assert (
        state.state_of(world.moved(case, "correct", "lead", fact=accepted.seq, void=True, reason="误").facts)
        == "dispatched"
    )
    titled = world.moved(case, "correct", "op", fact=1, data={"title": "新"}, reason="误")
    assert titled.record["title"] == "新"


def test_a_wrong_correction_is_refused_with_its_code(world):
    case = world.made("agreed")
    agreed = next(f for f in case.facts if f.kind == "agreed").seq
    ask = {"fact": agreed, "reason": "误"}
    assert codes(world.decide(case, "correct", "op", **ask, void=True)) == [("NOT_OWN_FACT", "fact")]
    assert codes(world.decide(case, "correct", "co", **ask)) == [("REQUIRED", "data")]
    assert codes(world.decide(case, "correct", "co", **ask, data={"agreed_on": "2026-12-01"})) == [
        ("FUTURE_DATE", "agreed_on")
    ]
    assert codes(world.decide(case, "correct", "co", fact=99, void=True, reason="误")) == [("FACT_UNKNOWN", "fact")]


def test_a_need_added_by_mistake_goes_with_its_entry(world):
    case = world.moved(world.made("submitted"), "add_need", "co", operator="ctc", need_no="D-1", urgency=1)
    gone = world.moved(case, "correct", "co", fact=case.facts[-1].seq, void=True, reason="误")
    assert [need.operator for need in gone.needs] == ["cmcc"]


def test_buttons_are_the_moves_that_fit_in_the_order_of_the_table(world):
    names = rules.allowed_moves(world.made("dispatched"), world.actors["lead"], now=world.now)
    assert names == ("accept", "contest", "request_extension", "link", "attach")
    assert rules.allowed_moves(None, world.actors["op"], now=world.now) == ("save_draft",)
    assert rules.allowed_moves(None, world.actors["auditor"], now=world.now) == ()


def test_every_reason_field_and_term_has_words_in_both_languages():
    keys = [f"move.{name}" for name in moves.MOVES] + [f"case.state.{name}" for name in state.STATES]
    keys += [f"case.field.{field.name}" for field in FIELDS.values()]
    keys += [f"case.{vocab}.{code}" for vocab, terms in VOCABULARIES.items() for code in terms]
    assert [key for key in keys for lang in words.LANGUAGES if not words.has(key, lang=lang)] == []
    assert "{" not in Reason(code="REQUIRED", field="lead_unit").message


BEGINNINGS = ("new", "agreed", "commissioned", "resolved", "closed_auto", "merged")


def steps(world, rng, beginning):
    """Moves with data: those that lead to a state, then any."""
    for step in world.paths[beginning]:
        yield step if isinstance(step, tuple) else (step, world.least[step][1])
    for n in range(150):
        move = rng.choice([m for m in world.least if m not in {"merge", "withdraw"} or n > 140])
        yield move, world.least[move][1]


def walk(world, seed):
    """Random allowed moves and the events they leave."""
    rng, case, events = random.Random(seed), None, []
    kind = "approval" if BEGINNINGS[seed % 6] == "resolved" else "new_blocked"
    for n, (move, data) in enumerate(steps(world, rng, BEGINNINGS[seed % 6])):
        actor, given = world.actors[world.least[move][0]], dict(data)
        given |= {"kind": kind} if move == "save_draft" else {}
        given |= {"gps_place": "1,2", "linked_state": "commissioned"} if move == "commission" else {}
        if move == "correct" and case is not None:
            given, actor = {"fact": rng.randint(1, len(case.facts)), "void": True, "reason": "误"}, world.actors["co"]
        command = Command(id=f"{seed}-{n}", move=move, case_id="k", data=given)
        decision = rules.decide(case, command, actor, now=world.now)
        if decision.allowed:
            events.append(rules.event_of(case, decision, command, actor, now=world.now))
            case = decision.case
    return case, events


@pytest.mark.parametrize("seed", range(60))
def test_events_alone_rebuild_the_case_after_any_moves(world, seed):
    case, events = walk(world, seed)
    assert rules.replay(events) == case
    stored = [replace(e, payload=json.loads(chain.canonical(e.payload))) for e in events]
    assert rules.replay(stored) == case
    assert [event.revision for event in events] == list(range(1, case.revision + 1))


def test_the_random_walks_make_every_move(world):
    made = {event.move for seed in range(60) for event in walk(world, seed)[1]}
    assert sorted(set(moves.MOVES) - made) == []


def test_a_refused_move_leaves_no_event(world):
    case = world.made("draft")
    command = Command(id="1", move="agree")
    decision = rules.decide(case, command, world.actors["op"], now=world.now)
    with pytest.raises(ValueError, match="agree"):
        rules.event_of(case, decision, command, world.actors["op"], now=world.now)
    with pytest.raises(ValueError, match="events"):
        rules.replay([])


def test_whatever_is_given_nothing_raises(world):
    odd = (None, "", " ", -1, 1.5, True, [], {}, [1], {"a": 1}, [{"need_no": []}], "x" * 5000, "\x00", "2026-02-31")
    cases = [
        None,
        *(world.made(name) for name in ("draft", "coordinating", "commissioned")),
        Case(id="1", kind="", record={}),
    ]
    for move in moves.MOVES.values():
        names = [n for n in move.asked if n != moves.RECORD] + ["title", "assist_units", "reported_at"]
        for value in odd:
            for case in cases:
                rules.decide(
                    case,
                    Command(id="1", move=move.name, data=dict.fromkeys(names, value)),
                    world.actors["co"],
                    now=world.now,
                )


def test_text_with_control_characters_is_refused_and_lines_are_kept(world):
    case = world.made("coordinating")
    assert codes(world.decide(case, "report_progress", text="a\x00b")) == [("BAD_VALUE", "text")]
    assert world.decide(case, "report_progress", text="甲\n乙").facts[0].data["text"] == "甲\n乙"
