"""Sets of samples and decisions on calibrations, on both engines."""

import dataclasses
from datetime import UTC, datetime

import pandas as pd
import pytest

from siting import settings
from siting.access import local_admin
from siting.errors import NotFound
from siting.store import decisions, samples
from siting.store.database import open_database
from siting.store.decisions import Decision
from siting.store.samples import SampleSet
from tests.case_people import person

NOW = datetime(2026, 11, 2, tzinfo=UTC)
MINE = SampleSet(
    id="b", name="路测.csv", sha256="0" * 64, datum="wgs84", source="十月", networks=("cm-n41", "ctcu-n78-a"), rows=2,
    first_day="2026-10-20", last_day="2026-10-21", imported_at="2026-11-02T00:00:00+00:00", actor="x", org="甲")  # fmt: skip
SAID = Decision(
    network="cm-n41", run="r1", decision="adopted", reason="好", override=False, at="t", actor="x", name="某", org="甲"
)


@pytest.fixture
def db(tmp_path, environ):
    settings.write(tmp_path / "d", {"district.name": "甲"})
    (tmp_path / "d" / settings.KEY_NAME).write_bytes(b"k" * 32)
    db = open_database(settings.load(tmp_path / "d", environ=environ))
    yield db
    db.engine.dispose()


def add(db, one, *levels):
    samples.write(db, one.id, pd.DataFrame({"rsrp_dbm": list(levels) or [-90.0]}))
    with db.write() as connection:
        samples.add(connection, one)


def test_a_set_comes_back_as_it_went_in_and_is_seen_by_its_organisation(db):
    other = dataclasses.replace(MINE, id="a", org="乙", networks=("cm-n79",))
    add(db, MINE)
    add(db, other)
    boss = local_admin(source="cli")
    assert samples.listing(db, viewer=boss) == [other, MINE]
    assert samples.listing(db, viewer=person("operator", org="甲")) == [MINE]
    assert samples.listing(db, viewer=person("street")) == []
    assert samples.get(db, "b", viewer=boss) == MINE
    with pytest.raises(NotFound):
        samples.get(db, "b", viewer=person("operator", org="乙"))


def test_samples_of_sets_are_read_in_the_order_of_their_ids(db):
    add(db, MINE, -90.0, -91.0)
    add(db, dataclasses.replace(MINE, id="a"), -80.0)
    rows = samples.read(db, ["b", "a"], viewer=local_admin(source="cli"))
    assert rows.to_dict("list") == {"rsrp_dbm": [-80.0, -90.0, -91.0], "set_id": ["a", "b", "b"]}
    assert samples.read(db, [], viewer=local_admin(source="cli")).empty


def test_a_retired_set_is_read_no_more(db):
    boss = local_admin(source="cli")
    add(db, MINE)
    with db.write() as connection:
        samples.retire(connection, "b", actor=boss, now=NOW)
    assert samples.listing(db, viewer=boss) == []
    assert samples.get(db, "b", viewer=boss).retired_at == NOW.isoformat(timespec="seconds")
    with pytest.raises(NotFound):
        samples.read(db, ["b"], viewer=boss)


def test_the_last_adoption_that_was_not_withdrawn_is_in_force(db):
    def say(run, decision, text=""):
        with db.write() as connection:
            decisions.add(connection, dataclasses.replace(SAID, run=run, decision=decision), calibration=text)

    def force():
        found = decisions.in_force(db, "cm-n41")
        return None if found is None else (found[0].run, found[1])

    assert force() is None
    say("r1", "adopted", "一")
    say("r2", "adopted", "二")
    say("r3", "rejected")
    assert force() == ("r2", "二")
    say("r2", "withdrawn")
    assert force() is None
    say("r1", "adopted", "一")
    assert force() == ("r1", "一")
    assert decisions.in_force(db, "cm-n79") is None
    assert [d.decision for d in decisions.listing(db, network="cm-n41")] == [
        "adopted",
        "withdrawn",
        "rejected",
        "adopted",
        "adopted",
    ]
    assert [d.run for d in decisions.listing(db, run="r3")] == ["r3"]
