import json
import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import geopandas as gpd
import pytest
import shapely
from sqlalchemy import text

from siting import settings
from siting.access import ROLES, local_admin
from siting.actions import cases, people, projects, proposals, worker
from siting.actions import journal as journal_actions
from siting.assets import schema
from siting.errors import BadInput, Conflict, NotFound, SitingError, Unavailable
from siting.store import cases as store
from siting.store import layer_tables, layers, sessions
from siting.store.database import open_database
from tests.case_people import ORGS, asked, dispatched, moved, person, report, spot
from tests.store.conftest import URL
from tests.store.ledger_writer import STOPS

ROOT = Path(__file__).parents[2]
WORD = "three-blue-lamps"


@pytest.fixture
def engine():
    return "postgresql"


def whole(db):
    return journal_actions.report(db, local_admin(source="cli")).whole


def numbers(db, case_id):
    with db.read() as connection:
        return [event.revision for event in store.events(connection, case_id)]


def test_a_case_goes_its_way_and_verifies(district, now):
    op, agency = person("operator"), person("agency")
    case = dispatched(district, report(district, op, now), now)
    case = moved(district, agency, case, "accept", now, responsible_person="李四", phone="13812341234")
    assert numbers(district, case.id) == [1, 2, 3, 4, 5]
    assert cases.get(district, op, case.record["pp_no"]).revision == 5
    assert len(cases.list_cases(district, op)) == 1
    assert whole(district)


def test_what_is_changed_behind_the_programs_back_is_found(district, now):
    case = report(district, person("operator"), now)
    with district.write() as connection:
        connection.execute(text("UPDATE problem SET title = '别的'"))
    assert not whole(district)
    for statement in (
        "UPDATE case_event SET org = 'x'",
        "DELETE FROM case_event",
        "TRUNCATE case_event",
        "TRUNCATE journal",
    ):
        with pytest.raises(Exception, match="append-only"), district.write() as connection:
            connection.execute(text(statement))
    assert numbers(district, case.id) == [1, 2]


def test_of_writers_at_the_same_time_exactly_one_wins(district, now):
    op = person("operator")
    draft = report(district, op, now, draft=True)

    def write(number):
        try:
            return moved(district, op, draft, "save_draft", now, title=f"第{number}稿")
        except Conflict:
            return None

    with ThreadPoolExecutor(6) as pool:
        won = [case for case in pool.map(write, range(6)) if case is not None]
    assert len(won) == 1
    assert cases.get(district, op, draft.id).record["title"] == won[0].record["title"]
    assert numbers(district, draft.id) == [1, 2]


def test_the_same_command_at_the_same_time_is_done_once_and_answered_every_time(district, now):
    op = person("operator")
    draft = report(district, op, now, draft=True)
    command = asked(draft, "save_draft", title="一次")
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: cases.do(district, op, command, now=now), range(4)))
    assert {case.revision for case in answers} == {2}
    assert numbers(district, draft.id) == [1, 2]


def test_cases_reported_at_the_same_time_have_numbers_without_gaps(district, now):
    with ThreadPoolExecutor(5) as pool:
        made = list(pool.map(lambda _: report(district, person("operator"), now, draft=True), range(10)))
    assert sorted(case.record["pp_no"] for case in made) == [f"NK-2026-{n:04d}" for n in range(1, 11)]
    assert whole(district)


def test_writers_killed_inside_a_transaction_lose_nothing_acknowledged(district, now):
    op = person("operator")
    draft = report(district, op, now, draft=True)
    given = {**os.environ, URL: district.settings.text("store.url")}
    arguments = [district.settings.folder, draft.id, json.dumps(asdict(op)), now.isoformat()]
    program = [sys.executable, "-m", "tests.store.ledger_writer", *map(str, arguments)]
    told = subprocess.run(program, cwd=ROOT, env=given, capture_output=True, text=True, timeout=120, check=True)
    assert told.stdout.split() == ["done", "inside"] * len(STOPS)
    with district.read() as connection:
        written = [event.command_id for event in store.events(connection, draft.id)]
    assert written[1:] == [f"done-{stop}" for stop in STOPS]
    assert numbers(district, draft.id) == list(range(1, len(STOPS) + 2))
    assert whole(district)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["shut down", "crash"])
def test_a_server_that_goes_in_the_middle_is_named_and_nothing_acknowledged_is_lost(cluster, district, now, how):
    op = person("operator")
    draft = report(district, op, now, draft=True)
    command = asked(draft, "save_draft", title="第二稿")
    with pytest.raises(Unavailable) as caught, district.write() as connection:
        connection.execute(text("UPDATE problem SET title = '半途'"))
        cluster.stop(how)
        connection.execute(text("SELECT 1"))
    assert caught.value.key == "store.unreachable"
    with pytest.raises(Unavailable):
        cases.do(district, op, command, now=now)
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1") as caught:
        open_database(district.settings)
    assert cluster.password not in caught.value.message()
    assert worker.turn(district) == worker.AWAY_S
    cluster.start()
    assert worker.turn(district) == worker.IDLE_S
    assert cases.get(district, op, draft.id).record["title"] == draft.record["title"]
    assert cases.do(district, op, command, now=now).revision == 2
    assert whole(district)


def test_a_writer_that_does_not_end_makes_others_give_up_with_a_word(district, now):
    values = {**district.settings.values, "store.busy_timeout_ms": 50}
    other = open_database(settings.Settings(district.settings.folder, values))
    with district.write(), pytest.raises(Unavailable) as caught, other.write():
        pytest.fail("two writers at a time")
    assert caught.value.key == "store.busy"
    with other.write() as connection:
        connection.execute(text("SELECT 1"))
    other.engine.dispose()


def test_reading_sees_one_moment_and_never_writes(district, now):
    with district.read() as connection:
        before = connection.execute(text("SELECT count(*) FROM problem")).scalar_one()
        report(district, person("operator"), now, draft=True)
        assert connection.execute(text("SELECT count(*) FROM problem")).scalar_one() == before
    with pytest.raises(Exception, match="read-only"), district.read() as connection:
        connection.execute(text("DELETE FROM problem"))


def test_people_sign_in_and_out(district, now):
    boss = local_admin(source="cli")
    account, _ = people.add_account(
        district, boss, name="wang", roles=["planner"], org=ORGS["planner"], kind="bureau", password=WORD, now=now
    )
    with pytest.raises(SitingError):
        people.sign_in(district, "wang", "not this one", now=now)
    token = people.sign_in(district, "wang", WORD, now=now)
    assert people.identify(district, token, now=now).id == account.id
    assert len(sessions.unended(district)) == 1
    people.sign_out(district, token, now=now)
    assert people.identify(district, token, now=now) is None
    assert whole(district)


def test_a_proposal_is_made_and_read(district, now):
    planner, (inside, _) = person("planner"), spot(district)
    point = gpd.GeoSeries([inside], crs=district.settings.crs).to_crs("EPSG:4326").iloc[0]
    what = {"operators": ["cmcc"], "technology": "nr2600", "purpose": "capacity", "height_m": 12.0}
    made = proposals.add(district, planner, lon_deg=point.x, lat_deg=point.y, now=now, **what)
    assert proposals.listing(district, planner)["candidate_id"].tolist() == [made]


def test_both_engines_show_every_role_the_same_rows(district, small_project, tmp_path, now):
    other = open_database(settings.load(shutil.copytree(small_project, tmp_path / "other"), environ={}))
    for db in (district, other):
        report(db, person("operator"), now, command_id="c")
    for role in ROLES:
        actor = person(
            role, org=ORGS.get(role, "某单位"), streets=("长虹街道",), operator="cmcc" if role == "operator" else ""
        )
        for layer in schema.LAYERS:
            key = layer_tables.key(layer)
            found = [layers.read(db, layer, viewer=actor)[key].tolist() for db in (district, other)]
            assert found[0] == found[1], (role, layer)
        assert len(store.listing(district, viewer=actor)) == len(store.listing(other, viewer=actor))
    other.engine.dispose()


@pytest.mark.parametrize("postgis", [True, False], ids=["with PostGIS", "without PostGIS"])
def test_a_bounding_box_uses_an_index_and_finds_what_lies_in_it(cluster, tmp_path, now, postgis):
    if postgis and not cluster.has_postgis:
        pytest.skip("the PostgreSQL server has no PostGIS")
    settings.write(tmp_path / "d", {"district.name": "甲", "district.crs": "EPSG:4548"})
    url = cluster.url(cluster.database(postgis=postgis))
    db = open_database(settings.load(tmp_path / "d", environ={URL: url}))
    places = [(500_000 + 0.1 * n, 4_000_000) for n in range(2_000)]
    ids = [f"a{n}" for n in range(len(places))]
    rows = {"asset_id": ids, "class": "street_light", "source": "s", "street_office": "x", "open_status": "open_free"}
    with db.write() as connection:
        frame = gpd.GeoDataFrame(rows, geometry=shapely.points(places), crs="EPSG:4548")
        layers.upsert(connection, "assets", frame, provenance={}, now=now)
    # A tenth of a metre apart and half a million out: finer than the single precision of the index.
    found = layers.read(db, "assets", bounds=(500_010.05, 3_999_999, 500_010.35, 4_000_001))
    assert sorted(found["asset_id"]) == ["a101", "a102", "a103"]
    made = layer_tables.table("assets")
    indexes = cluster.execute(
        url.rpartition("/")[2], f"SELECT indexdef FROM pg_indexes WHERE tablename = '{made.name}'"
    )
    assert any(("gist" if postgis else "west, south, east, north") in str(row[0]) for row in indexes)
    db.engine.dispose()


def test_postgis_that_comes_later_is_taken_up(cluster, tmp_path):
    if not cluster.has_postgis:
        pytest.skip("the PostgreSQL server has no PostGIS")
    settings.write(tmp_path / "d", {"district.name": "甲", "district.crs": "EPSG:4548"})
    name = cluster.database()
    given = settings.load(tmp_path / "d", environ={URL: cluster.url(name)})
    open_database(given).engine.dispose()
    cluster.execute(name, "CREATE EXTENSION postgis")
    db = open_database(given)
    assert len(layers.read(db, "assets", bounds=(0, 0, 1, 1))) == 0
    db.engine.dispose()


def test_a_database_that_holds_a_district_is_not_given_to_another(district, tmp_path, now, monkeypatch):
    monkeypatch.setenv(URL, district.settings.text("store.url"))
    before = layers.revision(district, "assets")
    with pytest.raises(BadInput) as caught:
        projects.build_sample(tmp_path / "second", size="small", now=now)
    assert caught.value.key == "project.store_taken"
    assert layers.revision(district, "assets") == before
    assert not (tmp_path / "second").exists()


def test_a_database_that_cannot_hold_every_character_is_refused(cluster, tmp_path):
    settings.write(tmp_path / "d", {"district.name": "甲"})
    url = cluster.url(cluster.database(encoding="LATIN1"))
    with pytest.raises(BadInput, match="LATIN1"):
        open_database(settings.load(tmp_path / "d", environ={URL: url}))


def test_another_kind_of_database_is_refused_by_name(tmp_path):
    settings.write(tmp_path / "d", {"district.name": "甲"})
    with pytest.raises(BadInput, match="mysql"):
        open_database(settings.load(tmp_path / "d", environ={URL: "mysql://somewhere/x"}))


def test_a_wrong_password_is_told_without_telling_it(cluster, tmp_path):
    settings.write(tmp_path / "d", {"district.name": "甲"})
    url = cluster.url("postgres", password=WORD)
    with pytest.raises(Unavailable, match="password authentication failed") as caught:
        open_database(settings.load(tmp_path / "d", environ={URL: url}))
    assert WORD not in caught.value.message()


@pytest.mark.parametrize("title", ["a\x00b", "a\ud800b"], ids=["NUL", "half a character"])
def test_text_that_no_database_holds_is_refused_with_a_word(district, now, title):
    with pytest.raises(SitingError):
        report(district, person("operator"), now, title=title)
    assert whole(district)


def test_an_unknown_case_is_not_found(district):
    with pytest.raises(NotFound):
        cases.get(district, person("operator"), "NK-2026-0001")
