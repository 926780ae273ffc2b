"""Scenarios of planning, on both engines."""

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from siting import settings
from siting.access import local_admin
from siting.errors import NotFound
from siting.store import scenarios
from siting.store.database import open_database
from siting.store.scenarios import Scenario
from tests.case_people import person

NOW = datetime(2026, 11, 2, tzinfo=UTC)
DISTRICT = Scenario(
    id="s1", name="夜间", record={"params": {"count": 3, "gap": 0.01}, "price_factor": 1.2}, reason="比较", audience="district",
    org="南开区商务局", at="2026-11-01T00:00:00.000+00:00", actor="x", person="某")  # fmt: skip
OWN = dataclasses.replace(DISTRICT, id="s2", audience="org", org="甲", at="2026-11-02T00:00:00.000+00:00")


@pytest.fixture
def db(tmp_path, environ):
    settings.write(tmp_path / "d", {"district.name": "甲"})
    (tmp_path / "d" / settings.KEY_NAME).write_bytes(b"k" * 32)
    db = open_database(settings.load(tmp_path / "d", environ=environ))
    with db.write() as connection:
        scenarios.add(connection, DISTRICT)
        scenarios.add(connection, OWN)
    yield db
    db.engine.dispose()


def seen(db, role, **who):
    return [one.id for one in scenarios.listing(db, viewer=person(role, **who))]


def test_a_scenario_comes_back_as_it_went_in_newest_first(db):
    boss = person("planner", org="甲")
    assert scenarios.listing(db, viewer=boss) == [OWN, DISTRICT]
    assert scenarios.get(db, "s1", viewer=boss) == DISTRICT


def test_the_districts_scenarios_are_seen_by_who_sees_all_runs_and_others_see_their_own(db):
    assert seen(db, "coordinator") == seen(db, "leader") == ["s1"]
    assert [one.id for one in scenarios.listing(db, viewer=local_admin(source="cli"))] == ["s1"]
    assert seen(db, "operator", org="甲", operator="cmcc") == ["s2"]
    assert seen(db, "tower", org="乙") == seen(db, "agency") == seen(db, "auditor") == []
    with pytest.raises(NotFound):
        scenarios.get(db, "s1", viewer=person("operator", org="甲"))


def test_a_name_is_of_one_living_scenario_of_an_organisation(db):
    with db.write() as connection:
        assert scenarios.named(connection, "夜间", org="甲") == "s2"
        assert scenarios.named(connection, "夜间", org="乙") == ""
        scenarios.rename(connection, "s2", "白天", now=NOW)
        assert scenarios.named(connection, "夜间", org="甲") == ""
    [own] = scenarios.listing(db, viewer=person("operator", org="甲"))
    assert (own.name, own.renamed_at) == ("白天", "2026-11-02T00:00:00.000+00:00")


def test_a_removed_scenario_leaves_the_lists(db):
    with db.write() as connection:
        scenarios.remove(connection, "s1", actor=person("planner"), now=NOW + timedelta(days=1))
        assert scenarios.named(connection, "夜间", org="南开区商务局") == ""
    assert seen(db, "planner") == []
    with pytest.raises(NotFound):
        scenarios.get(db, "s1", viewer=person("planner"))
