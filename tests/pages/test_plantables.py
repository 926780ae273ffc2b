"""The planning tables on the page: what nobody has confirmed says so, and who may change a price can."""

import pytest
import streamlit as st

from siting import settings
from siting.access import Actor
from siting.actions import plantables
from siting.store.database import open_database
from siting.ui import plantables as page
from siting.ui import session, tableforms
from siting.ui.text import LANGUAGE_KEY

READER = Actor(id="r", name="r", org="南开区人民政府", role="leader")
PLANNER = Actor(id="p", name="王规划", org="南开区商务局", role="planner")
WHY = "2026 年报价"
LIGHT = "street_light.micro-2x5w"


@pytest.fixture(autouse=True)
def _seated(monkeypatch):
    monkeypatch.setattr(session, "identify", lambda: PLANNER)


def store(folder):
    return open_database(settings.load(folder))


def opened(open_app, folder, table):
    at = open_app(folder, "sites", **{"sites-view": "prices", page.KEY: table})
    assert not at.error
    return at


def press(at, label):
    next(b for b in at.button if b.label == label).click()
    return at.run()


def typed(monkeypatch, **cells):
    """Somebody writes into the first row of the table and sees it there."""

    def edited(frame, **_options):
        return frame.assign(**{name: [value, *frame[name].iloc[1:]] for name, value in cells.items()})

    monkeypatch.setattr(st, "data_editor", edited)


@pytest.mark.parametrize(("lang", "mark", "actor"), [("zh_CN", "待核实", PLANNER), ("en", "to be verified", READER)])
@pytest.mark.parametrize("table", plantables.TABLES)
def test_every_row_that_nobody_has_confirmed_says_so_in_either_language(
    open_app, fresh, monkeypatch, table, actor, lang, mark
):
    monkeypatch.setattr(session, "identify", lambda: actor)
    at = opened(open_app, fresh, table)
    if lang != "zh_CN":
        at.session_state[LANGUAGE_KEY] = lang
        at.run()
    shown = at.dataframe[0].value
    assert set(shown["mark"]) == {mark}
    assert shown["source"].tolist() == plantables.table(store(fresh), READER, table)["source"].tolist()
    assert any("FormSubmitter" in str(b.key) for b in at.button) == (actor is PLANNER)


@pytest.mark.parametrize("kind", plantables.TABLES)
def test_what_is_shown_reads_back_as_it_was(fresh, kind):
    held = plantables.table(store(fresh), READER, kind)
    assert page.BOARD.cells(kind, page.BOARD.shown(kind, held)) == {
        row["name"]: {name: cell for name, cell in row.items() if name not in tableforms.LATER}
        for row in held.to_dict("records")
    }


def test_a_price_is_saved_with_its_reason_and_stands_in_the_history(open_app, fresh, monkeypatch):
    typed(monkeypatch, site_cost_yuan=41000.0, mark="间接来源", source="三家报价")
    at = opened(open_app, fresh, "costs")
    at.text_input(key="plantable.costs.why").set_value(WHY)
    press(at, "保存修改")
    held = plantables.costs(store(fresh)).iloc[0]
    assert (held["host_class"], held["site_cost_yuan"], held["mark"]) == ("street_light", 41000.0, "2nd")
    assert WHY in opened(open_app, fresh, "history").dataframe[0].value.to_numpy().ravel().tolist()


def test_a_price_below_nothing_and_a_confirmation_without_source_are_told_cell_by_cell_and_not_saved(
    open_app, fresh, monkeypatch
):
    typed(monkeypatch, site_cost_yuan=-1.0, mark="间接来源")
    at = opened(open_app, fresh, "costs")
    at.text_input(key="plantable.costs.why").set_value(WHY)
    press(at, "保存修改")
    assert set(at.dataframe[-1].value.iloc[:, 1]) == {"站点造价[元]", "来源"}
    assert plantables.revision(store(fresh)) == 0


def test_a_new_price_is_named_by_choosing_class_and_unit_and_a_changed_one_goes_back(open_app, fresh):
    at = opened(open_app, fresh, "costs")
    at.selectbox(key="plantable.costs.copy").set_value(LIGHT)
    at.selectbox(key="plantable.costs.name.host_class").set_value("tunnel")
    at.selectbox(key="plantable.costs.name.equipment").set_value("micro-2x5w")
    at.text_input(key="plantable.costs.newwhy").set_value(WHY)
    press(at, "新增一行")
    held = plantables.costs(store(fresh)).set_index(["host_class", "equipment"])["site_cost_yuan"]
    assert held[("tunnel", "micro-2x5w")] == held[("street_light", "micro-2x5w")]
    plantables.edit(store(fresh), PLANNER, "costs", {LIGHT: {"site_cost_yuan": "1"}}, reason=WHY, now=session.now())
    at = opened(open_app, fresh, "costs")
    at.multiselect(key="plantable.costs.rows").set_value([LIGHT])
    at.text_input(key="plantable.costs.backwhy").set_value(WHY)
    press(at, "恢复随软件提供的数值")
    assert plantables.costs(store(fresh)).iloc[0]["site_cost_yuan"] == 32000.0
