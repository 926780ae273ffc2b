"""The app under AppTest, on one's own copy of a small district in which everything has been computed once."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from siting import settings
from siting.access import local_admin
from siting.actions import coverage, plans, worker
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
    done = worker.run_now(db, person, "coverage", coverage.params(db.settings, {"cell_m": 20}), clock=lambda: now)
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


@pytest.fixture
def open_app(monkeypatch, clicks):
    """Open a page of the app on a district folder."""

    def opened(folder, page="overview", **query):
        st.cache_resource.clear()
        st.cache_data.clear()
        monkeypatch.setenv(session.PROJECT_VARIABLE, str(folder))
        at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
        for name, value in query.items():
            at.query_params[name] = value
        at.run()
        if page != "overview":
            at.switch_page(f"pages/{page}.py").run()
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
