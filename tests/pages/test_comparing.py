"""Plans side by side, and the scenarios they are held against."""

import io

import openpyxl
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from siting import settings
from siting.access import local_admin
from siting.actions import comparing, comparisonfiles, plans, runs, scenarios, worker
from siting.store.database import open_database
from siting.ui import session

ME = local_admin(source="cli")
NOBODY = "no plan has this id"


def view():
    """The panel alone, as the planning page draws it."""
    from siting.ui import comparing, session  # noqa: PLC0415 - this is a page of its own

    comparing.panel(session.open_desk())


@pytest.fixture
def twice(done, now):
    """A district with plans of five and of two, the names of their runs, newest first."""
    db = open_database(settings.load(done))
    base = runs.latest(db, ME, "coverage", status="done")
    asked = plans.params(db.settings, {"coverage": base.id, "count": 2})
    worker.run_now(db, ME, "plan", asked, clock=session.now)
    yield done, db, list(comparing.listing(db, ME)["run"])
    db.engine.dispose()


@pytest.fixture
def opened(local, clicks, monkeypatch, components):
    def run(folder, **query):
        st.cache_resource.clear()
        st.cache_data.clear()
        monkeypatch.setenv(session.PROJECT_VARIABLE, str(folder))
        at = AppTest.from_function(view, default_timeout=30)
        at._bidi_component_manager = components
        for name, value in query.items():
            at.query_params[name] = value
        at.run()
        assert not at.exception
        return at

    return run


def test_one_plan_is_not_enough_and_the_page_says_what_to_do(opened, done):
    at = opened(done)
    assert "至少两个" in at.info[0].value
    assert not at.selectbox(key="scenario.source").disabled


def test_two_plans_stand_side_by_side_with_maps_that_move_together(opened, twice, clicks):
    folder, db, (small, large) = twice
    at = opened(folder)
    assert [at.selectbox(key=name).value for name in ("a", "b")] == [small, large]
    figures = at.table[0].value
    found = comparing.compared(db, ME, [small, large]).plans
    assert figures["方案 A"].iloc[0] == f"{found['added'].iloc[0]:,.0f}"
    assert figures["方案 B"].tolist()[1] == "5"
    one, other = clicks.drawn["compare-first"], clicks.drawn["compare-second"]
    assert one["group"] == other["group"] == "compare"
    marks = [{f["properties"]["style"] for f in drawn["layers"][-1]["data"]["features"]} for drawn in (one, other)]
    assert marks[0] <= {"both", "first"}
    assert marks[1] <= {"both", "second"}
    assert len(other["layers"][-1]["data"]["features"]) == 5
    assert [block["title"] for block in one["legend"]] == [block["title"] for block in other["legend"]]


def test_the_same_plan_twice_is_said_to_be_the_same(opened, twice):
    folder, _, (small, _) = twice
    at = opened(folder, a=small, b=small)
    assert "同一个方案" in at.info[0].value
    assert not at.table


def test_a_plan_that_is_not_there_is_passed_over(opened, twice):
    folder, _, (small, large) = twice
    at = opened(folder, a=NOBODY, b=NOBODY)
    assert [at.selectbox(key=name).value for name in ("a", "b")] == [small, large]


def test_the_differences_are_sorted_and_the_sites_lead_to_the_map(opened, twice, clicks):
    folder, db, pair = twice
    at = opened(folder)
    shown = at.dataframe[0].value["差（B−A）"].abs().tolist()
    assert shown == sorted(shown, reverse=True)
    assert shown[0] > 0
    sites = comparing.compared(db, ME, pair).sites
    clicks.send(lat=39.1, lng=117.1, zoom=15, layer="compare-second", id=sites["option_id"].iloc[0])
    at = opened(folder, **{"compare-view": "sites"})
    assert len(at.dataframe[0].value) == len(sites)
    assert clicks.drawn["compare-first"]["selected"] == clicks.drawn["compare-second"]["selected"] != None  # noqa: E711
    assert clicks.drawn["compare-first"]["focus"]["version"] == "1"


def test_under_the_scenarios_the_robust_choice_is_named(opened, twice):
    folder, _, _ = twice
    at = opened(folder, **{"compare-view": "scenarios"})
    assert list(at.dataframe[0].value.columns) == ["方案", "方案 A 的条件", "方案 B 的条件"]
    assert at.dataframe[1].value["方案 A 的条件"].min() == 0
    assert "方案 B" in at.success[0].value
    assert any("点数上限" in caption.value for caption in at.caption)


def test_a_third_plan_joins_the_figures_and_the_scenarios_and_leaves_the_maps_to_two(opened, twice, clicks):
    folder, db, pair = twice
    base = runs.latest(db, ME, "coverage", status="done")
    asked = plans.params(db.settings, {"coverage": base.id, "count": 3})
    third = worker.run_now(db, ME, "plan", asked, clock=session.now).id
    at = opened(folder, a=pair[0], b=pair[1], **{"compare-view": "scenarios"})
    assert list(at.table[0].value.columns) == ["方案 A", "方案 B", "差（B−A）"]
    marks = [clicks.drawn[f"compare-{side}"]["layers"][-1]["data"] for side in ("first", "second")]
    at.multiselect(key="more").set_value([third, pair[0]]).run()
    assert not at.exception
    assert list(at.table[0].value.columns) == ["方案 A", "方案 B", "方案 C"]
    assert list(at.dataframe[0].value["方案"]) == ["方案 A", "方案 B", "方案 C"]
    assert list(at.dataframe[1].value.columns) == ["方案", *(f"方案 {letter} 的条件" for letter in "ABC")]
    assert [clicks.drawn[f"compare-{side}"]["layers"][-1]["data"] for side in ("first", "second")] == marks


def test_a_scenario_is_kept_loaded_asked_renamed_and_removed(opened, twice):
    folder, db, _ = twice
    at = opened(folder, **{"compare-view": "scenarios"})
    at.text_input(key="scenario.name").set_value("涨价")
    at.text_input(key="scenario.reason").set_value("材料价上涨")
    at.number_input(key="scenario.price").set_value(1.3)
    button(at, "存为情景").click().run()
    assert not at.exception
    [one] = scenarios.listing(db, ME)
    assert (one.name, one.reason, one.record["price_factor"], one.record["params"]["count"]) == (
        "涨价",
        "材料价上涨",
        1.3,
        2,
    )
    assert "涨价" in list(at.dataframe[0].value.columns)
    at.button(key="scenario.load").click().run()
    assert at.session_state["by"] == "count"
    assert at.session_state["count"] == 2
    at.button(key="scenario.run").click().run()
    queued = runs.latest(db, ME, "plan")
    assert (queued.status, queued.params["scenario"]) == ("queued", "涨价")
    assert at.button(key="scenario.run").disabled
    text(at, "名称").set_value("涨价三成")
    button(at, "改名").click().run()
    assert [one.name for one in scenarios.listing(db, ME)] == ["涨价三成"]
    button(at, "移除").click().run()
    assert "写明原因" in at.error[0].value
    reason = next(
        field for field in at.text_input if "用途" in field.label and not (field.key or "").startswith("scenario.")
    )
    reason.set_value("过时")
    button(at, "移除").click().run()
    assert scenarios.listing(db, ME) == []


def button(at, label):
    return next(b for b in at.button if b.label == label)


def text(at, label):
    return next(b for b in at.text_input if b.label == label and b.key is None)


def test_the_workbook_holds_texts_and_no_formulas(twice):
    _, db, pair = twice
    name, data = comparisonfiles.export(db, ME, comparing.compared(db, ME, pair))
    assert name == f"{pair[0]}--{pair[1]}.xlsx"
    book = openpyxl.load_workbook(io.BytesIO(data))
    assert book.sheetnames == ["对比", "按街道", "按运营商", "按场所", "站点", "情景下新增", "情景下遗憾值"]
    assert {cell.data_type for page in book for row in page.iter_rows() for cell in row} <= {"s", "n"}
    assert any(pair[0] in str(cell.value) for row in book["对比"].iter_rows() for cell in row)


def test_loading_a_scenario_sets_the_controls_of_the_planning_page(open_app, twice, now):
    folder, db, (small, _) = twice
    asked = {**scenarios.asked(db, ME, small), "count": 7, "gap": 0.02, "mode": "binary", "admit": ["unknown"]}
    rules = {"min_spacing_m": 150.0, "quotas": [{"by": "street_office", "value": "万兴街道", "at_most": 3.0}]}
    scenarios.save(db, ME, "疏", given={**asked, "rules": rules}, reason="试", now=now)
    at = open_app(folder, "planning", **{"planning-view": "compare", "compare-view": "scenarios"})
    at.button(key="scenario.load").click().run()
    assert not at.exception
    assert not at.warning
    assert at.number_input(key="count").value == 7
    assert at.number_input(key="gap").value == 2.0
    assert at.checkbox(key="unknown").value
    assert at.session_state["spacing"] == 150
    assert "street_office:万兴街道<=3" in at.query_params["quota"]
    assert "7" in at.query_params["count"]
    assert "binary" in at.query_params["mode"]
