"""Fixtures shared by all tests: the real data folder, the small sample, a district made of it."""

from __future__ import annotations

import os
import shutil
import sys
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from argon2 import PasswordHasher
from streamlit.components.v2.component_manager import BidiComponentManager

from siting import settings
from siting.access import local_admin
from siting.actions import passwords, projects
from siting.store.database import open_database
from tests.dealing import ByFolder, place

NOW = datetime(2026, 11, 2, 9, 30, tzinfo=ZoneInfo("Asia/Shanghai"))


def pytest_collection_modifyitems(items):
    """The tests in the order in which the workers take them; see `tests.dealing`."""
    items.sort(key=lambda item: place(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return ByFolder(config, log) if config.getoption("dist") == "loadscope" else None


@pytest.fixture(autouse=True)
def _own_process():
    """A test leaves the process as it found it: page tests replace ``__main__``, parsers set what their child would inherit."""
    main, environ = sys.modules["__main__"], dict(os.environ)
    yield
    sys.modules["__main__"] = main
    for name in set(os.environ) - set(environ):
        if name.startswith("GDAL_"):
            del os.environ[name]


@pytest.fixture(scope="session", autouse=True)
def shipped_hasher():
    """Passwords cost next to nothing in tests; this is what they cost in the app."""
    shipped = passwords.HASHER
    passwords.HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    yield shipped
    passwords.HASHER = shipped


@pytest.fixture(scope="session")
def components():
    """The installed components of pages, looked for once instead of at every page that is opened."""
    found = BidiComponentManager()
    found.discover_and_register_components(start_file_watching=False)
    return found


@pytest.fixture(scope="session")
def data_folder() -> Path:
    folder = os.environ.get("SITING_TEST_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("SITING_TEST_DATA names no folder of real data")
    return Path(folder)


@pytest.fixture(scope="session")
def now():
    return NOW


@pytest.fixture(scope="session")
def actor():
    return local_admin(source="cli")


@pytest.fixture(scope="session")
def small_project(tmp_path_factory) -> Path:
    """A district of 1 km² made once; copy it before writing (`district`)."""
    folder = tmp_path_factory.mktemp("small") / "district"
    projects.build_sample(folder, size="small", now=NOW).engine.dispose()
    return folder


@pytest.fixture
def district(small_project, tmp_path):
    """An open store of one's own copy of the small district."""
    folder = tmp_path / "district"
    shutil.copytree(small_project, folder)
    db = open_database(settings.load(folder))
    yield db
    db.engine.dispose()
