"""The view in which a network is changed for trial: from a click on a site to the change of the gap in people."""

import pytest

from siting.access import local_admin
from siting.actions import runs, whatif, worker
from siting.ui import session
from tests.pages.test_pages import metrics, store, words_on

PERSON = local_admin(source="page")


def first_site(folder):
    db = store(folder)
    run = runs.latest(db, PERSON, "coverage", status="done")
    return whatif.network(db, PERSON, run.id).iloc[0]


@pytest.fixture
def at(open_app, done, clicks):
    """The view with the first site of the network picked by a click."""
    opened = open_app(done, "coverage", view="whatif")
    clicks.send(lat=39.1, lng=117.1, zoom=15, layer="whatif-sites", id=str(first_site(done).site_id))
    return opened.run()


def test_a_changed_field_becomes_a_change_that_can_be_dropped(at, done):
    site = first_site(done)
    assert str(site["name"]) in words_on(at)
    assert at.button(key="whatif-compute").disabled
    fields = {field.label.split("[")[0]: field for field in at.number_input}
    fields["方位角"].set_value(float((site.azimuth_deg + 40) % 360))
    next(b for b in at.button if b.label == "记下改动").click().run()
    assert at.session_state["whatif.changes"] == [
        {"op": "tune", "sector_id": site.sector_id, "azimuth_deg": float((site.azimuth_deg + 40) % 360)}
    ]
    assert not at.button(key="whatif-compute").disabled
    at.button(key="whatif-drop-0").click().run()
    assert at.session_state["whatif.changes"] == []


def test_switching_a_site_off_shows_more_people_without_coverage(at, done):
    at.button(key="whatif-remove").click().run()
    at.button(key="whatif-compute").click().run()
    db = store(done)
    assert runs.latest(db, PERSON, "whatif").status == "queued"
    assert worker.step(db, clock=session.now)
    at.run()
    result = runs.latest(db, PERSON, "whatif").result
    more = result["after"]["uncovered"] - result["before"]["uncovered"]
    assert more > 0
    assert f"+{more:,.1f}" in str(metrics(at)) + words_on(at)
    assert "未校准" in words_on(at)


def test_without_coverage_the_view_says_what_to_do_first(open_app, fresh):
    assert "先运行覆盖分析" in words_on(open_app(fresh, "coverage", view="whatif"))
