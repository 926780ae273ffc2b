from datetime import UTC, datetime, timedelta

import pytest

from siting import settings
from siting.access import local_admin
from siting.errors import NotFound
from siting.store import journal, runs
from siting.store.database import open_database

NOW = datetime(2026, 11, 2, tzinfo=UTC)


@pytest.fixture
def db(tmp_path, environ):
    settings.write(tmp_path / "d", {"district.name": "甲"})
    (tmp_path / "d" / settings.KEY_NAME).write_bytes(b"k" * 32)
    db = open_database(settings.load(tmp_path / "d", environ=environ))
    yield db
    db.engine.dispose()


def add(db, run_id, at=NOW):
    return runs.add(db, run_id=run_id, kind="coverage", params={"network": "cm-n41"}, actor=local_admin(source="cli"), now=at)


def test_the_oldest_queued_run_is_taken_first_and_only_once(db):
    add(db, "b", NOW + timedelta(seconds=1))
    add(db, "a", NOW)
    assert runs.claim(db, now=NOW).id == "a"
    assert runs.claim(db, now=NOW).id == "b"
    assert runs.claim(db, now=NOW) is None


def test_a_run_whose_worker_fell_silent_is_failed(db):
    add(db, "a")
    runs.claim(db, now=NOW)
    assert runs.claim(db, now=NOW + timedelta(seconds=59)) is None
    assert runs.get(db, "a").status == "running"
    runs.claim(db, now=NOW + timedelta(seconds=61))
    assert runs.get(db, "a").status == "failed"


def test_a_heartbeat_reports_progress_and_hears_the_wish_to_stop(db):
    add(db, "a")
    runs.claim(db, now=NOW)
    assert not runs.beat(db, "a", progress=0.5, stage="x", now=NOW)
    runs.request_cancel(db, "a", now=NOW)
    assert runs.beat(db, "a", progress=0.6, stage="x", now=NOW)
    assert runs.get(db, "a").progress == 0.6


def test_a_queued_run_is_cancelled_at_once(db):
    add(db, "a")
    runs.request_cancel(db, "a", now=NOW)
    assert runs.get(db, "a").status == "cancelled"
    assert runs.claim(db, now=NOW) is None


def test_a_finished_run_keeps_its_result(db):
    add(db, "a")
    runs.finish(db, "a", status="done", result={"gap": 0.25}, now=NOW)
    found = runs.latest(db, "coverage", status="done")
    assert (found.progress, found.result) == (1.0, {"gap": 0.25})


def test_an_unknown_run_is_not_found(db):
    with pytest.raises(NotFound):
        runs.get(db, "nobody")


def test_the_journal_verifies_and_names_an_edited_event(db):
    with db.write() as connection:
        for n in range(3):
            journal.append(
                connection,
                key=db.key(),
                stream="s",
                actor=local_admin(source="cli"),
                kind="k",
                payload={"n": n},
                now=NOW,
            )
    assert journal.verify(db)["s"].ok
    with db.write() as connection:
        on = "" if db.engine.dialect.name == "sqlite" else "ON journal"
        connection.exec_driver_sql(f"DROP TRIGGER journal_no_update {on}")
        connection.exec_driver_sql("UPDATE journal SET actor = 'somebody' WHERE number = 2")
    report = journal.verify(db)["s"]
    assert (report.ok, report.seq) == (False, 2)


def test_a_district_that_changes_to_sm3_keeps_one_verifiable_chain(db, environ, tmp_path):
    def append(into, n):
        with into.write() as connection:
            journal.append(connection, key=into.key(), stream="s", actor=local_admin(source="cli"), kind="k", payload={"n": n}, now=NOW)  # fmt: skip

    append(db, 1)
    other = open_database(settings.load(tmp_path / "d", environ={**environ, "SITING_STORE_HASH": "sm3"}))
    append(other, 2)
    assert [str(e["mac"]).startswith("sm3:") for e in journal.recent(other)] == [True, False]
    other.engine.dispose()
    assert journal.verify(db)["s"].ok
