"""The app under AppTest, on one's own copy of a small district in which everything has been computed once."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from siting import settings
from siting.access import local_admin
from siting.actions import coverage, people, plans, worker
from siting.store.database import open_database
from siting.ui import mapview, session

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def computed(small_project, tmp_path_factory, now):
    """A district with a finished coverage run, candidates and a plan of five; copy before writing."""
    folder = tmp_path_factory.mktemp("computed") / "district"
    shutil.copytree(small_project, folder)
    db = open_database(settings.load(folder))
    person = local_admin(source="cli")
    done = worker.run_now(db, person, "coverage", coverage.params(db, {"cell_m": 20}), clock=lambda: now)
    asked = plans.params(db.settings, {"coverage": done.id, "count": 5})
    worker.run_now(db, person, "plan", asked, clock=lambda: now)
    db.engine.dispose()
    return folder


@pytest.fixture
def clicks(monkeypatch):
    """What the browser sends on the next rerun; the component itself is not mounted."""
    sent, drawn = [], {}

    def mount(*, key, data):
        drawn[key] = data
        return {"click": sent.pop()} if sent else {}

    monkeypatch.setattr(mapview, "mount", mount)
    return SimpleNamespace(send=lambda **click: sent.append(click), drawn=drawn)


PASSWORD = "for-tests-only-7"  # noqa: S105 - made up
ORGS = {
    "planner": "南开区商务局", "coordinator": "南开区商务局", "data_admin": "南开区商务局", "leader": "南开区人民政府",
    "supervisor": "南开区政府督查室", "operator": "中国电信股份有限公司天津分公司", "tower": "中国铁塔股份有限公司天津市分公司",
    "agency": "南开区城市管理委员会", "street": "长虹街道办事处", "auditor": "南开区审计局", "system_admin": "南开区数据局",
    "security_admin": "南开区网信办",
}  # fmt: skip


def account(folder, role, *, org=None, name=None):
    """Somebody in a role, added unless they are there; their sign-in name."""
    db, clock = open_database(settings.load(folder)), session.now()
    person, found = local_admin(source="cli"), name or f"{role}-{org or ORGS[role]}"[:40]
    if found not in set(people.accounts(db, person, now=clock)["name"]):
        people.add_account(db, person, name=found, roles=[role], org=org or ORGS[role], password=PASSWORD, now=clock)
    db.engine.dispose()
    return found


def token(folder, name):
    """A sign-in of theirs, as the browser would hold it."""
    db = open_database(settings.load(folder))
    made = people.sign_in(db, name, PASSWORD, now=session.now())
    db.engine.dispose()
    return made


@pytest.fixture
def local(monkeypatch):
    """Whoever holds the folder sits at the desk: sees every page, needs no account."""
    monkeypatch.setattr(session, "identify", lambda: local_admin(source="page"))


@pytest.fixture
def open_app(local, opened_by_token):
    """Open a page of the app on a district folder, as whoever holds it."""
    return opened_by_token


@pytest.fixture
def open_as(monkeypatch, opened_by_token):
    """Open a page signed in as somebody in a role: ``open_as(folder, "operator", "overview", org=…)``."""

    def opened(folder, role, page=None, *, org=None, **query):
        made = token(folder, account(folder, role, org=org))
        monkeypatch.setattr(session, "token", lambda: made)
        return opened_by_token(folder, page, **query)

    return opened


@pytest.fixture
def opened_by_token(monkeypatch, clicks, components):
    """Open a page of the app by its address, on a district folder; who sits there is said by ``session.token`` or ``session.identify``."""

    def opened(folder, page="overview", **query):
        st.cache_resource.clear()
        st.cache_data.clear()
        monkeypatch.setenv(session.PROJECT_VARIABLE, str(folder))
        at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
        at._bidi_component_manager = components
        for name, value in query.items():
            at.query_params[name] = value
        if page not in {None, "overview"}:
            at.switch_page(f"pages/{page}.py")
        at.run()
        assert not at.exception
        return at

    return opened


@pytest.fixture
def fresh(small_project, tmp_path):
    """One's own copy of the district before anything was computed."""
    return Path(shutil.copytree(small_project, tmp_path / "fresh"))


@pytest.fixture
def done(computed, tmp_path):
    """One's own copy of the computed district."""
    return Path(shutil.copytree(computed, tmp_path / "done"))
