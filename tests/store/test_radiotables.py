import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import delete, update

from siting import settings
from siting.access import local_admin
from siting.errors import Conflict
from siting.store import journal, radiotables
from siting.store.database import open_database
from siting.store.radiotables import Change
from siting.store.tables import RADIO_ROW

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
ME = local_admin(source="cli")


@pytest.fixture
def db(tmp_path, environ):
    settings.write(tmp_path / "d", {"district.name": "甲"})
    (tmp_path / "d" / settings.KEY_NAME).write_bytes(b"k" * 32)
    db = open_database(settings.load(tmp_path / "d", environ=environ))
    yield db
    db.engine.dispose()


def change(name, version=2, kind="networks", **record):
    return Change(kind=kind, name=name, version=version, record=record, said={"cells": json.dumps(record)})


def add(db, *changes, seen, reason="实测"):
    with db.write() as connection:
        return radiotables.add(connection, changes, seen=seen, reason=reason, key=db.key(), actor=ME, now=NOW)


def test_the_last_change_of_a_name_counts_and_every_one_is_kept_with_who_when_and_why(db):
    assert radiotables.revision(db) == 0
    assert add(db, change("a", n="1"), change("b", n="1"), seen=0) == 2
    assert add(db, change("a", 3, n="2"), seen=2, reason="复测") == 3
    held = radiotables.latest(db, "networks")
    assert [(name, e.version, dict(e.record)) for name, e in held.items()] == [("a", 3, {"n": "2"}), ("b", 2, {"n": "1"})]
    newest = radiotables.history(db)[0]
    assert (newest.seq, newest.at[:10], newest.actor, newest.reason) == (3, "2026-11-02", ME.id, "复测")
    assert radiotables.latest(db, "equipment") == {}


def test_whoever_looked_at_an_older_state_changes_nothing(db):
    add(db, change("a"), seen=0)
    with pytest.raises(Conflict, match="1 次"):
        add(db, change("b"), seen=0)
    assert radiotables.revision(db) == 1


def test_families_of_tables_change_each_by_itself(db):
    add(db, change("a"), seen=0)
    with db.write() as connection:
        other = change("b", kind="score.weights")
        assert radiotables.add(
            connection, [other], seen=0, reason="试", key=db.key(), actor=ME, now=NOW, family="score"
        ) == 2
    assert (radiotables.revision(db), radiotables.revision(db, family="score")) == (1, 2)
    assert [e.name for e in radiotables.history(db)] == ["a"]
    assert [e.name for e in radiotables.history(db, family="score")] == ["b"]
    assert add(db, change("c"), seen=1) == 3


def test_every_change_stands_in_the_journal(db):
    add(db, change("a", n="1"), seen=0)
    [event] = journal.recent(db, kind="radio.changed")
    told = event["payload"]
    assert (told["name"], told["version"], told["reason"]) == ("a", 2, "实测")
    assert json.loads(told["cells"]) == {"n": "1"}


@pytest.mark.parametrize("verb", [delete(RADIO_ROW), update(RADIO_ROW).values(reason="x")])
def test_what_was_changed_cannot_be_unsaid(db, verb):
    add(db, change("a"), seen=0)
    with pytest.raises(Exception, match="append-only"), db.write() as connection:
        connection.execute(verb)
    assert radiotables.history(db)[0].reason == "实测"
