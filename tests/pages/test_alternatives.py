"""Alternatives to a plan on the planning page."""

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from siting import settings
from siting.access import local_admin
from siting.actions import alternatives, runs, worker
from siting.store.database import open_database
from siting.ui import session

ME = local_admin(source="cli")


def view():
    """The panel alone, as the planning page draws it."""
    from siting.actions import runs  # noqa: PLC0415 - this is a page of its own
    from siting.ui import alternatives, session  # noqa: PLC0415 - this is a page of its own

    desk = session.open_desk()
    alternatives.panel(desk, runs.latest(desk.db, desk.actor, "plan", status="done").id)


@pytest.fixture
def db(done):
    db = open_database(settings.load(done))
    yield db
    db.engine.dispose()


@pytest.fixture
def opened(local, done, clicks, monkeypatch, components):
    def run(**query):
        st.cache_resource.clear()
        st.cache_data.clear()
        monkeypatch.setenv(session.PROJECT_VARIABLE, str(done))
        at = AppTest.from_function(view, default_timeout=30)
        at._bidi_component_manager = components
        for name, value in query.items():
            at.query_params[name] = value
        at.run()
        assert not at.exception
        return at

    return run


def test_alternatives_are_looked_for_listed_and_adopted(opened, db):
    at = opened()
    assert "还没有" in at.info[0].value
    at.number_input(key="alternatives.within").set_value(20.0)
    at.button(key="run.alternatives.start").click().run()
    queued = runs.latest(db, ME, "alternatives")
    assert (queued.status, queued.params["within"]) == ("queued", 0.2)
    assert worker.step(db, clock=session.now)
    found = alternatives.found(db, ME, queued.id)
    at = opened()
    assert f"列出 {found['count']} 个" in at.caption[0].value
    listed = at.dataframe[0].value
    assert len(listed) == found["count"]
    assert listed["少覆盖（人）"].tolist() == [f"{loss:,.1f}" for loss in found["alternatives"]["loss"]]
    first = found["points"][found["points"]["number"] == 1]
    points = at.dataframe[1].value
    assert sorted(points["变动"]) == sorted({"enters": "换入", "leaves": "换出"}[role] for role in first["role"])
    assert sorted(points.iloc[:, 1]) == sorted(first["name"])
    at.button(key="alternatives.adopt").click().run()
    assert runs.latest(db, ME, "alternatives").params["adopt"] == {"run": queued.id, "number": 1}
    assert worker.step(db, clock=session.now)
    made = runs.get(db, ME, runs.latest(db, ME, "alternatives").result["adopted"])
    assert (made.kind, made.status, made.result["method"]) == ("plan", "done", "alternative")
    at = opened()
    assert "已另存为方案" in at.success[0].value
    at.button(key="alternatives.open").click().run()
    assert made.id in at.query_params["plan"]


def test_the_one_in_the_address_is_shown(opened, db):
    plan = runs.latest(db, ME, "plan", status="done")
    wanted = alternatives.params(db, ME, plan.id, within=0.3)
    run = worker.run_now(db, ME, "alternatives", wanted, clock=session.now)
    found = alternatives.found(db, ME, run.id)
    assert found["count"] > 1
    at = opened(alternative="2")
    second = found["points"][found["points"]["number"] == 2]
    assert sorted(at.dataframe[1].value.iloc[:, 1]) == sorted(second["name"])
    assert at.button(key="alternatives.adopt").label == "采用第 2 号"


def test_a_click_on_the_map_selects_the_point_and_the_map_shows_what_enters_and_leaves(opened, db, clicks):
    plan = runs.latest(db, ME, "plan", status="done")
    run = worker.run_now(db, ME, "alternatives", alternatives.params(db, ME, plan.id, within=0.3), clock=session.now)
    points = alternatives.found(db, ME, run.id)["points"]
    first = points[points["number"] == 1]
    opened()
    drawn = clicks.drawn["planning-alternatives"]["layers"][-1]["data"]["features"]
    assert sorted(f["properties"]["style"] for f in drawn) == sorted(first["role"])
    clicks.send(lat=39.1, lng=117.1, zoom=15, layer="alternative", id=first["option_id"].iloc[0])
    at = opened()
    assert at.session_state["planning.selected"] == first["option_id"].iloc[0]
    assert clicks.drawn["planning-alternatives"]["selected"] is not None


def test_a_loss_that_leaves_nothing_is_told_with_what_to_do(opened, db):
    plan = runs.latest(db, ME, "plan", status="done")
    wanted = alternatives.params(db, ME, plan.id, within=0.0)
    worker.run_now(db, ME, "alternatives", wanted, clock=session.now)
    at = opened()
    assert "可放宽" in at.caption[0].value
    assert not at.dataframe
