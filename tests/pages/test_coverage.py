import json
import shutil

import pytest

from siting import settings
from siting.access import local_admin
from siting.actions import coverage, runs, worker
from siting.store import journal, tables
from siting.store import runs as run_rows
from siting.store.database import open_database
from siting.ui import coveragecard
from tests.pages.test_pages import metrics, store, words_on

NETWORKS = ["ctcu-n78-a", "cm-n41"]


@pytest.fixture(scope="module")
def covered(small_project, tmp_path_factory, now):
    """A district in which both shared networks were computed; copy before writing."""
    folder = tmp_path_factory.mktemp("covered") / "district"
    shutil.copytree(small_project, folder)
    db = open_database(settings.load(folder))
    asked = coverage.params(db, {"cell_m": 20, "networks": NETWORKS})
    worker.run_now(db, local_admin(source="cli"), "coverage", asked, clock=lambda: now)
    db.engine.dispose()
    return folder


@pytest.fixture
def both(covered, tmp_path):
    """One's own copy."""
    return shutil.copytree(covered, tmp_path / "both")


def done(folder):
    db, person = store(folder), local_admin(source="page")
    return db, person, runs.latest(db, person, "coverage", status="done")


def test_several_networks_are_asked_for_in_their_order(open_app, fresh):
    at = open_app(fresh, "coverage")
    at.multiselect(key="coverage.networks").set_value(["cm-n41", "ctcu-n78-a"]).run()
    at.button(key="run.coverage.start").click().run()
    asked = runs.latest(store(fresh), local_admin(source="page"), "coverage").params
    assert (asked["network"], asked["networks"]) == ("cm-n41", ["cm-n41", "ctcu-n78-a"])


def test_each_network_and_all_together_can_be_looked_at(open_app, both):
    db, _, run = done(both)
    at = open_app(both, "coverage")
    known = run.result["networks"] | {"all": run.result["all"]}
    for name in (*NETWORKS, "all"):
        at.selectbox(key="network").set_value(name).run()
        assert metrics(at)["未覆盖（人）"] == f"{known[name]['uncovered']:,.0f}"
        assert "未校准" in words_on(at)
    db.engine.dispose()


def test_the_layers_of_a_network_are_drawn_with_what_cannot_be_judged_hatched_over_them(open_app, both, clicks):
    at = open_app(both, "coverage")
    for kind in ("rsrp", "server", "sinr", "probability", "indoor", "state"):
        at.segmented_control(key="raster").set_value(kind).run()
        assert not at.exception
        ids = [layer["id"] for layer in clicks.drawn["coverage"]["layers"]]
        assert ids.index(kind) < ids.index("unknown")


def test_another_profile_changes_the_figures_at_once_and_is_journalled(open_app, both):
    db, person, run = done(both)
    before = run.result["networks"]["ctcu-n78-a"]["uncovered"]
    at = open_app(both, "coverage")
    at.selectbox(key="read").set_value("target-105").run()
    assert not at.error
    assert "-105 dBm" in words_on(at).replace("\\", "")
    strict = coverage.figures(db, person, run.id, by="all", profile="target-105").iloc[0]
    assert strict["uncovered"] > before
    assert metrics(at)["未覆盖（人）"] == f"{strict['uncovered']:,.0f}"
    at.run()
    events = journal.recent(db, kind="coverage.profile")
    assert [(e["payload"]["run"], e["payload"]["profile"]) for e in events] == [(run.id, "target-105")]
    assert runs.latest(db, person, "coverage").id == run.id
    db.engine.dispose()


@pytest.mark.parametrize("level", ["venue", "building", "block", "operator"])
def test_the_figures_are_listed_by_level(open_app, both, level):
    at = open_app(both, "coverage")
    at.segmented_control(key="by").set_value(level).run()
    assert not at.exception
    assert not at.error
    table = at.dataframe[-1].value
    assert len(table)
    assert any("下限" in column for column in table.columns)
    if level == "venue":
        assert set(table["深度覆盖"]) <= {"达标", "不达标", "无法判定", "—"}


def test_a_place_is_told_in_every_network_with_its_interval(open_app, both, clicks):
    at = open_app(both, "coverage")
    clicks.send(lat=39.1265, lng=117.150, zoom=16)
    at.run()
    shown = str(at.table[0].value)
    for word in ("SINR", "达标概率", "路径", "模型适用性"):
        assert word in shown
    networks = next(d.value for d in at.dataframe if "网络" in d.value.columns)
    assert list(networks["网络"]) == ["电信·联通 n78", "移动·广电 n41"]


def test_a_building_is_shown_floor_by_floor_in_every_network(open_app, both):
    db, person, run = done(both)
    worst = coverage.figures(db, person, run.id, by="building").iloc[1]
    at = open_app(both, "coverage", view="buildings", id=str(worst["building_id"]))
    floors = at.dataframe[-1].value
    expected = coverage.floors(db, person, run.id, worst["building_id"])
    assert floors["楼层"].astype(int).tolist() == expected["floor"].drop_duplicates().tolist()
    assert sum("概率" in name for name in floors.columns) == len(NETWORKS)
    db.engine.dispose()


def test_the_calibration_view_opens_and_says_that_nothing_is_calibrated(open_app, both):
    at = open_app(both, "coverage", view="calibration")
    assert not at.exception
    assert "未校准" in words_on(at)


def test_an_operator_chooses_among_own_networks_and_sees_no_run_over_others(open_as, both):
    at = open_as(both, "operator", "coverage")
    options = " ".join(at.multiselect(key="coverage.networks").options)
    assert "电信" in options
    assert "移动" not in options
    assert "还没有结果" in words_on(at)


def test_every_limit_of_the_model_has_words():
    assert coveragecard.flags(0) == "在适用范围内"
    said = coveragecard.flags(2**12 - 1)
    assert len(said.split("；")) == 12
    assert "radio" not in said


def test_a_run_from_before_there_were_several_networks_is_still_shown(open_app, both, clicks, now):
    db, _, run = done(both)
    old = {
        name: value for name, value in run.result.items() if name not in {"networks", "profiles", "all", "p05", "p95"}
    }
    run_rows.finish(db, run.id, status="done", result=old, now=now)
    at = open_app(both, "coverage")
    assert not at.error
    assert metrics(at)["未覆盖（人）"] == f"{run.result['uncovered']:,.0f}"
    assert "未校准" in words_on(at)
    clicks.send(lat=39.1265, lng=117.150, zoom=16)
    at.run()
    assert not at.exception
    assert not at.error
    db.engine.dispose()


def test_the_calibration_view_lists_where_to_measure_next(open_app, both, clicks):
    at = open_app(both, "coverage", view="calibration")
    at.segmented_control(key="step").set_value("next").run()
    assert not at.exception
    assert any("可消除未覆盖人数不确定性的" in m.value for m in at.markdown)
    stops = at.dataframe[-1].value
    assert list(stops["顺序"]) == list(range(1, len(stops) + 1))
    drawn = clicks.drawn[next(name for name in clicks.drawn if name.startswith("survey"))]
    assert len(drawn["layers"][-1]["data"]["features"]) == len(stops)


def test_a_learned_stage_is_told_beside_the_figures(open_app, both):
    db, _, run = done(both)
    own = {name: {**one, "learned": True, "learned_outside": 0.25} for name, one in run.result["networks"].items()}
    with db.write() as connection:
        connection.execute(tables.RUN.update().values(result=json.dumps({**run.result, "networks": own})))
    db.engine.dispose()
    at = open_app(both, "coverage")
    assert "含学习型修正" in words_on(at)
    assert any("25.0%" in caption.value and "学习型修正" in caption.value for caption in at.caption)
