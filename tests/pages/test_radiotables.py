"""The radio tables on the page of existing sites: what nobody has confirmed says so, and who may change it can."""

import pandas as pd
import pytest
import streamlit as st

from siting import settings
from siting.access import Actor, local_admin
from siting.actions import radiopatterns, radiotables
from siting.store.database import open_database
from siting.ui import radiopatterns as pattern_page
from siting.ui import radiotables as page
from siting.ui import session, tableforms
from siting.ui.text import LANGUAGE_KEY
from tests.radio.test_patternfile import leaning, text

READER = Actor(id="r", name="r", org="南开区人民政府", role="leader")
PLANNER = Actor(id="p", name="王规划", org="南开区商务局", role="planner")
WHY = "执照复印件"


@pytest.fixture(autouse=True)
def _seated(monkeypatch):
    monkeypatch.setattr(session, "identify", lambda: PLANNER)


def store(folder):
    return open_database(settings.load(folder))


def opened(open_app, folder, table):
    at = open_app(folder, "sites", **{"sites-view": "equipment", "table": table})
    assert not at.error
    return at


def typed(monkeypatch, **cells):
    """Somebody writes into the first row of the table and sees it there."""

    def edited(frame, **_options):
        return frame.assign(**{name: [value, *frame[name].iloc[1:]] for name, value in cells.items()})

    monkeypatch.setattr(st, "data_editor", edited)


def press(at, label):
    next(b for b in at.button if b.label == label).click()
    return at.run()


def said(at):
    return [str(e.value) for kind in ("error", "success", "info", "warning") for e in at.get(kind)]


@pytest.mark.parametrize(("lang", "mark", "actor"), [("zh_CN", "待核实", PLANNER), ("en", "to be verified", READER)])
@pytest.mark.parametrize("table", radiotables.TABLES)
def test_every_row_that_nobody_has_confirmed_says_so_in_either_language(
    open_app, fresh, monkeypatch, table, actor, lang, mark
):
    monkeypatch.setattr(session, "identify", lambda: actor)
    at = opened(open_app, fresh, table)
    if lang != "zh_CN":
        at.session_state[LANGUAGE_KEY] = lang
        at.run()
    held = radiotables.table(store(fresh), READER, table)
    shown = at.dataframe[0].value
    unverified = (held["mark"] == "unverified").to_numpy()
    assert unverified.any()
    assert ((shown["mark"] == mark).to_numpy() == unverified).all()
    assert shown["source"].tolist() == held["source"].tolist()


@pytest.mark.parametrize(("lang", "mark"), [("zh_CN", "待核实"), ("en", "to be verified")])
def test_every_default_number_is_shown_with_its_source_and_mark(open_app, fresh, lang, mark):
    at = opened(open_app, fresh, "fixed")
    if lang != "zh_CN":
        at.session_state[LANGUAGE_KEY] = lang
        at.run()
    tables = radiotables.fixed(store(fresh), READER)
    assert len(at.dataframe) == len(tables)
    for element, held in zip(at.dataframe, tables.values(), strict=True):
        marks, source = element.value.iloc[:, 1], element.value.iloc[:, -1]
        assert ((marks == mark).to_numpy() == (held["mark"] == "unverified").to_numpy()).all()
        assert source.tolist() == held["source"].tolist()


def test_whoever_may_not_change_the_tables_finds_no_form(open_app, fresh, monkeypatch):
    monkeypatch.setattr(session, "identify", lambda: READER)
    for table in page.VIEWS:
        at = opened(open_app, fresh, table)
        assert not any("FormSubmitter" in str(b.key) for b in at.button)


@pytest.mark.parametrize("kind", radiotables.TABLES)
def test_what_is_shown_reads_back_as_it_was(fresh, kind):
    held = radiotables.table(store(fresh), READER, kind)
    assert page.BOARD.cells(kind, page.BOARD.shown(kind, held)) == {
        row["name"]: {name: cell for name, cell in row.items() if name not in {*tableforms.LATER, *tableforms.HIDDEN}}
        for row in held.to_dict("records")
    }


def test_a_change_is_saved_with_its_reason_and_shown(open_app, fresh, monkeypatch):
    typed(monkeypatch, load_factor=0.3, mark="间接来源")
    at = opened(open_app, fresh, "networks")
    first = next(iter(radiotables.networks(store(fresh))))
    at.text_input(key="radiotable.networks.why").set_value(WHY)
    press(at, "保存修改")
    assert any(first.replace("-", "\\-") in line or first in line for line in said(at))
    held = radiotables.networks(store(fresh))[first]
    assert (held.load_factor, held.mark) == (0.3, "2nd")
    assert radiotables.history(store(fresh), READER)["reason"].tolist() == [WHY]
    assert WHY in opened(open_app, fresh, "history").dataframe[0].value.to_numpy().ravel().tolist()


def test_a_change_that_cannot_be_computed_with_is_told_cell_by_cell_and_not_saved(open_app, fresh, monkeypatch):
    typed(monkeypatch, load_factor=1.4, source="")
    at = opened(open_app, fresh, "networks")
    at.text_input(key="radiotable.networks.why").set_value(WHY)
    press(at, "保存修改")
    told = at.dataframe[-1].value
    assert set(told.iloc[:, 1]) == {"负荷", "来源"}
    assert radiotables.revision(store(fresh)) == 0


def test_without_a_reason_nothing_is_saved(open_app, fresh, monkeypatch):
    typed(monkeypatch, load_factor=0.3)
    at = press(opened(open_app, fresh, "networks"), "保存修改")
    assert any("原因" in line for line in said(at))
    assert radiotables.revision(store(fresh)) == 0


def test_a_change_by_another_in_the_meantime_is_not_overwritten(open_app, fresh, monkeypatch):
    typed(monkeypatch, load_factor=0.3)
    at = opened(open_app, fresh, "networks")
    first = next(iter(radiotables.networks(store(fresh))))
    other = local_admin(source="cli")
    radiotables.edit(
        store(fresh), other, "networks", {first: {"load_factor": "0.6"}}, reason="另一人", now=session.now()
    )
    at.text_input(key="radiotable.networks.why").set_value(WHY)
    press(at, "保存修改")
    assert any("他人" in line for line in said(at))
    assert radiotables.networks(store(fresh))[first].load_factor == 0.6


def test_a_new_row_begins_as_a_copy_and_a_changed_one_goes_back(open_app, fresh):
    at = opened(open_app, fresh, "thresholds")
    at.selectbox(key="radiotable.thresholds.copy").set_value("weak-110")
    at.text_input(key="radiotable.thresholds.name").set_value("metro-100")
    at.text_input(key="radiotable.thresholds.newwhy").set_value(WHY)
    press(at, "新增一行")
    held = radiotables.thresholds(store(fresh))
    assert (held["metro-100"].rsrp_dbm, held["metro-100"].version) == (-110.0, 1)
    radiotables.edit(
        store(fresh), PLANNER, "thresholds", {"good-95": {"rsrp_dbm": "-96"}}, reason=WHY, now=session.now()
    )
    at = opened(open_app, fresh, "thresholds")
    at.multiselect(key="radiotable.thresholds.rows").set_value(["good-95"])
    at.text_input(key="radiotable.thresholds.backwhy").set_value(WHY)
    press(at, "恢复随软件提供的数值")
    assert radiotables.thresholds(store(fresh))["good-95"].rsrp_dbm == -95.0


def test_what_is_switched_off_is_offered_no_more(open_app, fresh):
    radiotables.edit(store(fresh), PLANNER, "thresholds", {"good-95": {"active": "0"}}, reason=WHY, now=session.now())
    at = open_app(fresh, "coverage")
    offered = at.selectbox(key="coverage.profile").options
    assert len(offered) == len(radiotables.thresholds(store(fresh))) - 1


def test_a_pattern_that_may_be_upside_down_waits_for_a_decision(open_app, fresh):
    at = opened(open_app, fresh, "patterns")
    at.file_uploader(key="radiotable.pattern.file.0").upload(
        "up.msi", text("NAME UP\nGAIN 15 dBi\nTILT 6\n", vertical=leaning(354.0))
    )
    at.run()
    at.text_input(key="radiotable.pattern.why").set_value(WHY)
    press(at, "保存方向图")
    assert any("垂直面" in line for line in said(at))
    at.radio(key="radiotable.pattern.flip").set_value("turn").run()
    at.text_input(key="radiotable.pattern.why").set_value(WHY)
    press(at, "保存方向图")
    assert radiotables.patterns(store(fresh))["UP"].vertical_db[6] == pytest.approx(0.0)
    assert ["UP", "待核实"] in [element.value.iloc[0, :2].tolist() for element in at.dataframe]


def test_a_broken_pattern_file_is_refused_in_words(open_app, fresh):
    at = opened(open_app, fresh, "patterns")
    at.file_uploader(key="radiotable.pattern.file.0").upload("x.msi", text("NAME A\n"))
    at.run()
    assert any("GAIN" in line for line in said(at))


def test_a_pattern_is_drawn_with_its_highest_gain_and_taken_out_of_use(open_app, fresh):
    radiopatterns.add(store(fresh), PLANNER, text(), file="x.msi", reason=WHY, now=session.now())
    drawn = pattern_page.chart(radiotables.patterns(store(fresh))["A"]).data
    assert isinstance(drawn, pd.DataFrame)
    assert (len(drawn), drawn["gain"].max()) == (2 * 361, 16.0)
    at = opened(open_app, fresh, "patterns")
    at.text_input(key="radiotable.pattern.dropwhy").set_value(WHY)
    press(at, "停用此方向图")
    assert radiotables.patterns(store(fresh)) == {}
