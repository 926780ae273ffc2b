"""The calibration view: from a file of samples to a calibration in force, and what it says on the way."""

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from siting import settings
from siting.access import local_admin
from siting.actions import calibrations, people, worker
from siting.store.database import open_database
from siting.ui import session
from tests import drive
from tests.case_people import person, rival

NETWORK = drive.NETWORK


def view():
    from siting.ui import calibrating, session  # noqa: PLC0415 - the script of a page

    calibrating.panel(session.open_desk())


@pytest.fixture
def opened(monkeypatch, clicks):
    """The view on a district, for somebody."""

    def at(folder, who=None):
        st.cache_resource.clear()
        st.cache_data.clear()
        monkeypatch.setenv(session.PROJECT_VARIABLE, str(folder))
        monkeypatch.setattr(session, "identify", lambda: who or local_admin(source="page"))
        return AppTest.from_function(view, default_timeout=30).run()

    return at


@pytest.fixture
def fresh_db(fresh):
    db = open_database(settings.load(fresh))
    yield db
    db.engine.dispose()


def brought(at, data, *, name="路测.csv", datum="wgs84"):
    at.file_uploader(key="samples.file").upload(name, data, "text/csv")
    if datum:
        at.selectbox(key="samples.datum").set_value(datum)
    at.button(key="FormSubmitter:samples.form-检查").click().run()
    assert not at.exception
    return at


def said(elements):
    return " ".join(e.value for e in elements)


def metrics(at):
    return {m.label: m.value for m in at.metric}


def test_a_new_district_says_uncalibrated_and_asks_for_samples(opened, fresh):
    at = opened(fresh)
    assert "还没有测量数据" in said(at.info)
    at.segmented_control(key="step").set_value("fit").run()
    assert "这个网络还没有测量数据" in said(at.info)
    assert not at.exception


def test_nothing_is_read_before_the_datum_is_declared(opened, fresh, fresh_db):
    at = brought(opened(fresh), drive.as_csv(drive.table(fresh_db, drive.drive(fresh_db, most=50))), datum=None)
    assert at.error
    assert not at.metric


def test_raw_rows_become_a_calibration_in_force_without_help(opened, fresh, fresh_db, clicks, now):
    shown = drive.table(fresh_db, drive.drive(fresh_db, most=1500))
    shown.loc[5, "SS-RSRP(dBm)"] = -500
    at = brought(opened(fresh), drive.as_csv(shown))
    assert (metrics(at)["读到行数"], metrics(at)["退回"]) == (str(len(shown)), "1")
    at.button(key="samples.confirm").click().run()
    assert "已导入" in said(at.success)
    assert at.dataframe[0].value["样本数"].tolist() == [len(shown) - 1]
    at.segmented_control(key="step").set_value("fit").run()
    at.button(key="run.calibrate.start").click().run()
    assert worker.step(fresh_db, clock=lambda: now)
    at.run()
    assert metrics(at)["未见方块误差"].endswith("dB")
    assert any("校准" in str(v) for v in at.dataframe[0].value["预测方法"])
    assert clicks.drawn[next(k for k in clicks.drawn if k.startswith("residuals"))]["layers"][-1]["data"]["features"]
    at.button(key="FormSubmitter:calibration.decision-采用").click().run()
    assert "没有写理由" in said(at.error)
    at.text_input(key="calibration.reason").set_value("路测覆盖全区")
    at.button(key="FormSubmitter:calibration.decision-采用").click().run()
    assert not at.exception
    force = calibrations.in_force(fresh_db, NETWORK)
    assert force is not None
    assert "采用" in said(at.caption)
    at.text_input(key="calibration.reason").set_value("重测")
    at.button(key="FormSubmitter:calibration.decision-撤销采用").click().run()
    assert calibrations.in_force(fresh_db, NETWORK) is None
    assert list(at.dataframe[-1].value["决定"]) == ["撤销", "采用"]


def test_an_operator_may_fit_but_is_not_offered_the_decision(opened, fresh, fresh_db, now):
    people.add_account(fresh_db, local_admin(source="cli"), name="ctc", roles=["operator"], org=rival().org, now=now)
    who = people.acting(fresh_db, "ctc")
    at = brought(opened(fresh, who), drive.as_csv(drive.table(fresh_db, drive.drive(fresh_db, most=900))))
    at.button(key="samples.confirm").click().run()
    at.segmented_control(key="step").set_value("fit").run()
    at.button(key="run.calibrate.start").click().run()
    assert worker.step(fresh_db, clock=lambda: now)
    at.run()
    assert "未见方块误差" in metrics(at)
    assert "calibration.reason" not in {e.key for e in at.text_input}


def test_a_leader_sees_the_sets_but_imports_none(opened, fresh):
    at = opened(fresh, person("leader"))
    assert not at.exception
    assert "samples.file" not in {e.key for e in at.get("file_uploader")}
