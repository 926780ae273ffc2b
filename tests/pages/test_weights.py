"""Weights of the score as sliders, and how firm the ranks are, as the planning page draws them."""

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from siting import settings
from siting.access import local_admin
from siting.actions import runs, weights, worker
from siting.plan import tables
from siting.store.database import open_database
from siting.ui import scorebars, session
from siting.ui.stability import SPAN, TOP_SHARE

ME = local_admin(source="cli")


def view():
    """Both panels and the candidates as they leave them."""
    import streamlit as st  # noqa: PLC0415 - this is a page of its own

    from siting.actions import candidates, runs  # noqa: PLC0415 - this is a page of its own
    from siting.ui import session, stability  # noqa: PLC0415 - this is a page of its own

    desk = session.open_desk()
    scored = runs.latest(desk.db, desk.actor, "score", status="done")
    found = candidates.candidates(desk.db, desk.actor, scored.id)
    st.session_state["found"] = stability.controls(desk, scored, found)


@pytest.fixture
def db(done):
    db = open_database(settings.load(done))
    yield db
    db.engine.dispose()


@pytest.fixture
def opened(local, done, monkeypatch, components):
    st.cache_resource.clear()
    st.cache_data.clear()
    monkeypatch.setenv(session.PROJECT_VARIABLE, str(done))
    at = AppTest.from_function(view, default_timeout=60)
    at._bidi_component_manager = components
    at.run()
    assert not at.exception
    return at


def slider(at, part):
    return next(found for found in at.slider if found.key == f"weights.part.{part}")


def test_eleven_sliders_stand_at_the_weights_of_the_run(opened):
    shipped = tables.weights().set_index("part")["weight"]
    assert {found.key.rpartition(".")[2]: found.value for found in opened.slider} == shipped.to_dict()
    assert any("待核实" in caption.value for caption in opened.caption)
    assert "500,000 → 0 元" in slider(opened, "cost_yuan").label.replace("\\", "")


def test_moving_a_slider_ranks_at_once_and_reset_takes_it_back(opened, db):
    before = opened.session_state["found"]["option_id"].tolist()
    for part in tables.weights()["part"]:
        slider(opened, part).set_value(50.0 if part == "cost_yuan" else 0.0)
    opened.run()
    found = opened.session_state["found"]
    ranked = found[found["rank"].notna()]
    assert ranked["own_cost_yuan"].is_monotonic_increasing
    assert ranked["score"].to_numpy() == pytest.approx(100.0 * (1.0 - ranked["own_cost_yuan"].to_numpy() / 500_000.0))
    assert len(runs.listing(db, ME, "score")) == 1
    opened.button(key="weights.reset").click().run()
    assert opened.session_state["found"]["option_id"].tolist() == before


def test_weights_that_make_no_score_are_told_and_the_list_stays(opened):
    before = opened.session_state["found"]["option_id"].tolist()
    for found in opened.slider:
        found.set_value(0.0)
    opened.run()
    assert any("权重都是 0" in error.value for error in opened.error)
    assert opened.session_state["found"]["option_id"].tolist() == before


def test_weights_are_kept_under_a_name_with_a_reason(opened, db):
    slider(opened, "emf").set_value(20.0).run()
    opened.text_input[0].set_value("重电磁")
    opened.text_input[1].set_value("居民关注")
    next(b for b in opened.button if b.label == "保存权重方案").click().run()
    assert any("重电磁" in done.value for done in opened.success)
    assert opened.selectbox(key="weights.profile").value == "重电磁"
    assert weights.profile(db, "重电磁").set_index("part")["weight"]["emf"] == 20.0
    assert weights.history(db, ME)["reason"].tolist() == ["居民关注"]


def test_ranks_are_drawn_and_stand_in_the_rows(opened, db):
    assert SPAN not in opened.session_state["found"]
    opened.button(key="run.stability.start").click().run()
    assert worker.step(db, clock=session.now)
    opened.run()
    found = opened.session_state["found"]
    ranked = found[found["rank"].notna()]
    assert ranked[SPAN].str.match(r"\d+–\d+").all()
    assert ranked[TOP_SHARE].str.endswith("%").all()
    assert found.loc[found["rank"].isna(), SPAN].isna().all()
    assert any("τ" in caption.value for caption in opened.caption)


def test_bars_hold_the_points_of_every_part_and_the_card_its_natural_values(opened):
    found = opened.session_state["found"]
    bars = scorebars.column(found)
    first = found.iloc[0]
    assert sum(bars.iloc[0]) == pytest.approx(first["score_low"], abs=0.6)
    assert len(bars.iloc[0]) == len(scorebars.names(found)) == 11
    assert bars[found["rank"].isna()].isna().all()
    assert scorebars.natural("cost_yuan", first).startswith(f"{first['own_cost_yuan']:,.0f}")
    assert "无案例" in scorebars.natural("permission", first)
    assert scorebars.natural("fibre_m", {"fibre_m": float("nan")}) == "—"
