"""Every test of the store runs on both engines: `environ` names the one, as a district's settings would."""

import shutil

import pytest

from siting import settings
from siting.actions import projects
from siting.store.database import open_database
from tests.store.cluster import Absent, Cluster

ENGINES = ("sqlite", "postgresql")
URL = "SITING_STORE_URL"


@pytest.fixture(scope="session")
def cluster():
    try:
        server = Cluster()
    except Absent as why:
        pytest.skip(str(why))
    yield server
    server.close()


@pytest.fixture(params=ENGINES)
def engine(request):
    return request.param


@pytest.fixture(scope="session")
def bare_template(cluster, tmp_path_factory):
    """Name of a database to copy that has its tables and nothing in them."""
    name, folder = cluster.database(), tmp_path_factory.mktemp("bare-pg") / "d"
    settings.write(folder, {"district.name": "甲"})
    open_database(settings.load(folder, environ={URL: cluster.url(name)})).engine.dispose()
    return name


@pytest.fixture
def environ(engine, request):
    """Environment of a new district on an engine: a database of its own."""
    if engine == "sqlite":
        return {}
    server, template = request.getfixturevalue("cluster"), request.getfixturevalue("bare_template")
    return {URL: server.url(server.database(template=template))}


@pytest.fixture(scope="session")
def small_template(cluster, tmp_path_factory, now):
    """The small district on PostgreSQL: its folder, and a database to copy."""
    name = cluster.database()
    folder = tmp_path_factory.mktemp("small-pg") / "district"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(URL, cluster.url(name))
        projects.build_sample(folder, size="small", now=now).engine.dispose()
    return folder, name


@pytest.fixture
def district(engine, request, tmp_path):
    """An open store of one's own copy of the small district."""
    if engine == "sqlite":
        made, environ = request.getfixturevalue("small_project"), {}
    else:
        server = request.getfixturevalue("cluster")
        made, template = request.getfixturevalue("small_template")
        environ = {URL: server.url(server.database(template=template))}
    folder = shutil.copytree(made, tmp_path / "district")
    db = open_database(settings.load(folder, environ=environ))
    yield db
    db.engine.dispose()
