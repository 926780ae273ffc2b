"""An anchor kept elsewhere finds what the chains alone cannot: a tail cut off, row and all."""

import pytest
from sqlalchemy import text

from siting.access import local_admin
from siting.actions import cases, journal
from siting.errors import NotAllowed
from siting.ledger.model import Command
from tests.case_people import person, report

LOCAL = local_admin(source="cli")


def cut(db, *statements):
    with db.write() as connection:
        for table in ("case_event", "journal"):
            connection.execute(text(f"DROP TRIGGER {table}_no_delete"))
        for statement in statements:
            connection.execute(text(statement))


def kept_of(db, case_id):
    """The stored row as it stands."""
    with db.read() as connection:
        row = connection.execute(text("SELECT state, revision, snapshot FROM problem WHERE id = :id"), {"id": case_id})
        return row.mappings().one()


def test_an_untouched_district_still_holds_its_anchor_after_more_has_happened(district, now):
    case = report(district, person("operator"), now)
    kept = journal.anchor(district, LOCAL, now=now)
    withdraw = Command(id="w", move="withdraw", case_id=case.id, revision=case.revision, data={"reason": "不建了"})
    cases.do(district, person("operator"), withdraw, now=now)
    assert journal.report(district, LOCAL, anchored=kept).whole
    assert kept.count == len(kept.heads) >= 2


def test_a_last_event_taken_back_with_its_row_is_found_by_the_anchor_alone(district, now):
    case = report(district, person("operator"), now)
    before = kept_of(district, case.id)
    withdraw = Command(id="w", move="withdraw", case_id=case.id, revision=case.revision, data={"reason": "不建了"})
    cases.do(district, person("operator"), withdraw, now=now)
    kept = journal.anchor(district, LOCAL, now=now)
    cut(district, f"DELETE FROM case_event WHERE revision = {case.revision + 1}")
    with district.write() as connection:
        connection.execute(
            text("UPDATE problem SET state = :state, revision = :revision, snapshot = :snapshot"), dict(before)
        )
    assert journal.report(district, LOCAL).whole
    flaws = journal.report(district, LOCAL, anchored=kept).flaws
    assert [(f.case, f.what, f.event) for f in flaws] == [(f"case:{case.id}", "anchor", case.revision + 1)]
    assert str(case.revision + 1) in journal.said(flaws[0])


def test_only_who_verifies_the_journal_makes_anchors(district, now):
    with pytest.raises(NotAllowed):
        journal.anchor(district, person("coordinator"), now=now)
