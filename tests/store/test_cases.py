import dataclasses
from datetime import date, timedelta

import pytest
from sqlalchemy import text

from siting.errors import Conflict, NotFound
from siting.ledger.model import Case, Event, Fact, Need, Rules
from siting.store import attachments, case_checks, case_rows, cases
from tests.case_people import person

RECORD = {"pp_no": "PP-2026-0001", "title": "路口灯杆", "reporter_org": "甲", "place": "512731.33,4333008.16"}


def fact(seq, kind, now, **data):
    return Fact(seq=seq, kind=kind, on=now.date(), at=now, by="id", org="甲", data=data)


def event(case, now, *, command_id, facts, **payload):
    told = [
        {**{f.name: getattr(one, f.name) for f in dataclasses.fields(one)}, "on": str(one.on), "at": one.at.isoformat()}
        for one in facts
    ]
    return Event(
        case_id=case.id,
        revision=case.revision,
        command_id=command_id,
        actor="id",
        org="甲",
        role="operator",
        source="cli",
        at=now,
        move="save_draft",
        payload={"kind": case.kind, "facts": told, **payload},
    )


@pytest.fixture
def save(district, now):
    """Store a case with facts one event each, as moves would; its last state."""

    def run(*facts, case_id="c1", needs=(), **record):
        whole = {**RECORD, **record}
        for count, one in enumerate(facts, start=1):
            case = Case(id=case_id, kind="new_blocked", record=whole, needs=needs, facts=facts[:count], revision=count)
            listed = [dataclasses.asdict(need) for need in needs]
            more = {"record": whole, "needs": listed} if count == 1 else {}
            told = event(case, now, command_id=f"{case_id}-{count}", facts=[one], **more)
            with district.write() as connection:
                kept = cases.save(connection, case, told, digest="d", actor=person("operator"), key=district.key())
        return kept

    return run


@pytest.fixture
def three(save, now):
    return save(fact(1, "drafted", now), fact(2, "drafted", now), fact(3, "drafted", now, text="三"))


def tamper(db, *statements):
    """Change what is stored behind the program's back."""
    with db.write() as connection:
        for verb in ("update", "delete"):
            on = "" if db.engine.dialect.name == "sqlite" else "ON case_event"
            connection.execute(text(f"DROP TRIGGER IF EXISTS case_event_no_{verb} {on}"))
        for statement in statements:
            connection.execute(text(statement))


def flaws(db):
    return [(f.case, f.what, f.event) for f in case_checks.verify(db, given=Rules())]


def test_what_is_stored_is_read_back_as_it_was(district, save, now):
    kept = save(
        fact(1, "drafted", now, text="一", needs=[{"operator": "cmcc"}]), needs=(Need(need_no="007", operator="cmcc"),)
    )
    assert cases.get(district, "c1") == kept == cases.get(district, "PP-2026-0001")
    assert kept.needs == (Need(need_no="007", operator="cmcc"),)
    assert (kept.facts[0].at, kept.facts[0].on) == (now, date(2026, 11, 2))


def test_the_row_shows_what_lists_filter_by(district, three):
    with district.read() as connection:
        row = connection.execute(text("SELECT * FROM problem")).mappings().one()
    assert (row["state"], row["kind"], row["revision"], row["reporter_org"]) == ("draft", "new_blocked", 3, "甲")
    assert (row["easting_m"], row["northing_m"]) == (512731.33, 4333008.16)


def test_reporter_and_operators_own_it_lead_assistants_and_owner_have_a_duty():
    needs = (Need(need_no="1", operator="cmcc"), Need(need_no="2", operator="ctc"))
    record = {"reporter_org": "甲", "lead_unit": "乙", "assist_units": ["丙", "丁"], "owner_of_asset": "戊"}
    found = case_rows.parties(Case(id="c", kind="power", record=record, needs=needs))
    assert found == {
        ("owner", "甲"), ("owner", "cmcc"), ("owner", "ctc"), ("duty", "乙"), ("duty", "丙"), ("duty", "丁"), ("duty", "戊"),
    }  # fmt: skip


def test_numbers_of_a_year_have_no_gaps_and_each_year_begins_anew(district, save, now):
    with district.write() as connection:
        assert cases.next_number(connection, prefix="PP", year=2026) == "PP-2026-0001"
    save(fact(1, "drafted", now))
    save(fact(1, "drafted", now), case_id="c2", pp_no="PP-2026-0002")
    with district.write() as connection:
        assert cases.next_number(connection, prefix="PP", year=2026) == "PP-2026-0003"
        assert cases.next_number(connection, prefix="PP", year=2027) == "PP-2027-0001"
        assert cases.next_number(connection, prefix="P_", year=2026) == "P_-2026-0001"


def test_numbers_grow_beyond_four_digits(district, save, now):
    save(fact(1, "drafted", now), pp_no="PP-2026-9999")
    save(fact(1, "drafted", now), case_id="c2", pp_no="PP-2026-10000")
    with district.write() as connection:
        assert cases.next_number(connection, prefix="PP", year=2026) == "PP-2026-10001"


def test_a_revision_is_written_once(district, three, now):
    late = dataclasses.replace(three, record={**three.record, "title": "别的"}, revision=3)
    with pytest.raises(Conflict) as caught, district.write() as connection:
        told = event(late, now, command_id="other", facts=[three.facts[-1]])
        cases.save(connection, late, told, digest="d", actor=person("operator"), key=district.key())
    assert (caught.value.values["seen"], caught.value.values["found"]) == (2, 3)
    assert cases.get(district, "c1") == three
    assert flaws(district) == []


def test_a_command_id_is_written_once(district, three, now):
    again = dataclasses.replace(three, facts=(*three.facts, fact(4, "drafted", now)), revision=4)
    told = event(again, now, command_id="c1-2", facts=again.facts[-1:])
    with pytest.raises(Exception, match=r"(?i)unique"), district.write() as connection:
        cases.save(connection, again, told, digest="d", actor=person("operator"), key=district.key())
    assert cases.get(district, "c1") == three


def test_an_unknown_case_is_not_found(district, three):
    with pytest.raises(NotFound, match="PP-2026-0002"):
        cases.get(district, "PP-2026-0002")


def test_events_refuse_to_be_changed(district, three):
    for statement in ("UPDATE case_event SET org = '乙'", "DELETE FROM case_event"):
        with pytest.raises(Exception, match="append-only"), district.write() as connection:
            connection.execute(text(statement))


def test_untouched_cases_verify(district, three):
    assert flaws(district) == []


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE problem SET snapshot = replace(snapshot, '路口', '街角')", [("row_changed", 3)]),
        ("UPDATE problem SET street_office = '某街道'", [("row_changed", 3)]),
        ("UPDATE problem SET revision = 'x'", [("row_changed", 3)]),
        ("UPDATE problem SET revision = 2", [("row_changed", 3)]),
        ("UPDATE problem SET revision = 4", [("event_missing", 4)]),
        ("UPDATE problem SET state = 'agreed'", [("row_changed", 3)]),
        ("UPDATE problem SET easting_m = easting_m + 0.01", [("row_changed", 3)]),
        ("UPDATE problem SET updated_at = '2026-01-01T00:00:00+08:00'", [("row_changed", 3)]),
        ("INSERT INTO case_party VALUES ('c1', 'duty', '乙')", [("parties_changed", 3)]),
        ("DELETE FROM case_party", [("parties_changed", 3)]),
        ("UPDATE case_event SET payload = replace(payload, '三', '四') WHERE revision = 3", [("event_changed", 3)]),
        ("UPDATE case_event SET payload = 'nonsense' WHERE revision = 2", [("event_changed", 2)]),
        ("UPDATE case_event SET org = '乙' WHERE revision = 1", [("event_changed", 1)]),
        ("UPDATE case_event SET at = '2026-01-01T00:00:00+08:00' WHERE revision = 2", [("event_changed", 2)]),
        ("UPDATE case_event SET digest = 'x' WHERE revision = 2", [("event_changed", 2)]),
        ("UPDATE case_event SET mac = 'sm4:x' WHERE revision = 3", [("event_changed", 3)]),
        ("DELETE FROM case_event WHERE revision = 2", [("event_missing", 2)]),
        ("DELETE FROM case_event WHERE revision = 3", [("event_missing", 3)]),
        ("DELETE FROM case_event", [("event_missing", 1), ("event_missing", 2), ("event_missing", 3)]),
        ("DELETE FROM problem", [("case_missing", None)]),
    ],
)
def test_what_is_changed_behind_the_programs_back_is_named(district, three, statement, found):
    if statement.endswith("'x'") and "revision =" in statement and district.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL keeps a column to its type by itself")
    if statement == "DELETE FROM problem":
        tamper(district, "DELETE FROM case_party", statement)
    else:
        tamper(district, statement)
    assert flaws(district) == [("PP-2026-0001", what, number) for what, number in found]


def test_two_events_with_swapped_contents_are_both_named(district, three):
    tamper(
        district,
        "CREATE TEMP TABLE held AS SELECT revision, payload FROM case_event",
        "UPDATE case_event SET payload = (SELECT payload FROM held WHERE revision = 3) WHERE revision = 2",
        "UPDATE case_event SET payload = (SELECT payload FROM held WHERE revision = 2) WHERE revision = 3",
    )
    assert flaws(district) == [("PP-2026-0001", "event_changed", 2), ("PP-2026-0001", "event_changed", 3)]


def test_two_events_in_each_others_place_are_both_named(district, three):
    tamper(
        district,
        "UPDATE case_event SET revision = 9 WHERE revision = 2",
        "UPDATE case_event SET revision = 2 WHERE revision = 3",
        "UPDATE case_event SET revision = 3 WHERE revision = 9",
    )
    assert [number for _, what, number in flaws(district) if what == "event_changed"] == [2, 3]


def test_a_case_taken_away_whole_is_missed(district, three, save, now):
    save(fact(1, "drafted", now), case_id="c2", pp_no="PP-2026-0002")
    tamper(district, *(f"DELETE FROM {name} WHERE {key} = 'c1'" for name, key in (("case_party", "case_id"), ("problem", "id"), ("case_event", "case_id"))))  # fmt: skip
    assert flaws(district) == [("PP-2026-0001", "case_missing", None)]


def test_a_case_put_in_by_hand_is_named(district, three):
    tamper(district, "INSERT INTO problem SELECT 'c9', 'PP-2026-0009', kind, state, title, reporter_org, street_office, site_ref, asset_ref, updated_at, 0, easting_m, northing_m, snapshot FROM problem")  # fmt: skip
    assert flaws(district) == [("PP-2026-0009", "case_unannounced", None), ("PP-2026-0009", "event_missing", 1)]


def test_another_key_breaks_every_event(district, three):
    (district.settings.folder / "secret.key").write_bytes(b"another key" * 3)
    assert [number for _, what, number in flaws(district) if what == "event_changed"] == [1, 2, 3]


def test_a_chain_may_change_its_hash_on_the_way(district, three, now):
    settings = dataclasses.replace(district.settings, values={**district.settings.values, "store.hash": "sm3"})
    db = dataclasses.replace(district, settings=settings)
    case = dataclasses.replace(three, facts=(*three.facts, fact(4, "drafted", now)), revision=4)
    with db.write() as connection:
        told = event(case, now + timedelta(0), command_id="c1-4", facts=case.facts[-1:])
        cases.save(connection, case, told, digest="d", actor=person("operator"), key=db.key())
        mac = connection.execute(text("SELECT mac FROM case_event WHERE revision = 4")).scalar_one()
    assert mac.startswith("sm3:")
    assert flaws(db) == []


def test_bytes_are_kept_once_by_their_digest(district):
    sha256 = attachments.put(district, b"abc")
    assert sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-4, "abc"
    assert attachments.put(district, b"abc") == sha256
    assert attachments.read(district, sha256) == b"abc"
    assert [p.name for p in (district.settings.folder / "attachments" / "ba").iterdir()] == [sha256]


def test_changed_and_lost_files_are_named_and_never_handed_out(district, save, now):
    lost, changed = attachments.put(district, b"lost"), attachments.put(district, b"changed")
    save(fact(1, "drafted", now), fact(2, "attached", now, sha256=lost), fact(3, "attached", now, sha256=changed))
    assert flaws(district) == []
    attachments.path(district, lost).unlink()
    attachments.path(district, changed).write_bytes(b"changes")
    assert flaws(district) == [("PP-2026-0001", "attachment_missing", 2), ("PP-2026-0001", "attachment_changed", 3)]
    for sha256 in (lost, changed):
        with pytest.raises(NotFound, match=sha256):
            attachments.read(district, sha256)
