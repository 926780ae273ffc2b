import os
import signal
import subprocess
import sys
import textwrap
from contextlib import ExitStack

import pysqlite3
import pytest

from siting import settings
from siting.errors import BadInput, NotFound
from siting.store import database


@pytest.fixture
def folder(tmp_path):
    settings.write(tmp_path / "d", {"district.name": "甲"})
    (tmp_path / "d" / settings.KEY_NAME).write_bytes(b"k" * 32)
    return tmp_path / "d"


@pytest.fixture
def opened(folder, environ):
    """Open the store, as often as one likes."""
    with ExitStack() as stores:

        def run():
            db = database.open_database(settings.load(folder, environ=environ))
            stores.callback(db.engine.dispose)
            return db

        yield run


def test_the_file_is_opened_for_durable_writes(folder):
    db = database.open_database(settings.load(folder, environ={}))
    with db.read() as connection:
        ask = lambda name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()  # noqa: E731
        assert ask("journal_mode") == "wal"
        assert ask("synchronous") == 2
        assert ask("foreign_keys") == 1
        assert ask("trusted_schema") == 0


def test_opening_twice_changes_nothing(opened):
    opened().engine.dispose()
    db = opened()
    with db.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM alembic_version").scalar() == 1


def test_a_failed_transaction_leaves_nothing(opened):
    db = opened()
    with pytest.raises(RuntimeError), db.write() as connection:
        connection.exec_driver_sql("INSERT INTO layer_revision VALUES ('assets', 1, 'x')")
        raise RuntimeError
    with db.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM layer_revision").scalar() == 0


@pytest.mark.parametrize("verb", ["UPDATE journal SET actor = 'x'", "DELETE FROM journal"])
def test_the_journal_refuses_change(opened, verb):
    db = opened()
    with db.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO journal VALUES (1, 's', 1, 't', 'a', 'o', 'r', 'cli', 'k', '{}', 'm')",
        )
    with pytest.raises(Exception, match="append-only"), db.write() as connection:
        connection.exec_driver_sql(verb)


def test_an_old_sqlite_is_refused_unless_accepted_by_name(folder, monkeypatch):
    monkeypatch.setattr(pysqlite3, "sqlite_version", "3.40.1")
    with pytest.raises(BadInput, match=r"3\.40\.1"):
        database.open_database(settings.load(folder, environ={}))
    accepted = settings.load(folder, environ={"SITING_STORE_ACCEPT_OLD_SQLITE": "true"})
    assert database.open_database(accepted).settings is accepted


def test_a_network_file_system_is_refused(folder, monkeypatch):
    monkeypatch.setattr(database, "_file_system", lambda _folder: "nfs4")
    with pytest.raises(BadInput, match="nfs4"):
        database.open_database(settings.load(folder, environ={}))


def test_a_missing_key_is_named(folder, opened):
    db = opened()
    (folder / settings.KEY_NAME).unlink()
    with pytest.raises(NotFound, match=settings.KEY_NAME):
        db.key()


def test_what_was_acknowledged_survives_a_killed_writer(folder, environ, opened):
    script = textwrap.dedent("""
        import sys
        from pathlib import Path
        from siting import settings
        from siting.store import database
        db = database.open_database(settings.load(Path(sys.argv[1])))
        n = 0
        while True:
            with db.write() as connection:
                connection.exec_driver_sql(f"INSERT INTO layer_revision VALUES ('l{n}', 1, 'x')")
            print(n, flush=True)
            n += 1
    """)
    given = {**os.environ, **environ}
    writer = subprocess.Popen([sys.executable, "-c", script, folder], stdout=subprocess.PIPE, text=True, env=given)
    acknowledged = [int(writer.stdout.readline()) for _ in range(20)]
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    db = opened()
    with db.read() as connection:
        stored = connection.exec_driver_sql("SELECT count(*) FROM layer_revision").scalar()
        if not environ:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    assert stored >= len(acknowledged)
