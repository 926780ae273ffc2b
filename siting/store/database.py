"""Open a district's store and run transactions in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import pysqlite3
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy import Connection as Connection  # noqa: PLC0414 - actions name the type of a transaction without knowing SQLAlchemy

from siting.errors import BadInput, NotFound
from siting.settings import KEY_NAME, Settings
from siting.store import faults, layer_tables, postgresql

# Since 3.7.0 and until this version a write-ahead log could be reset under a reader (reliability chapter).
SAFE_SQLITE = (3, 51, 3)
NETWORK_FILE_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "afs"})
# A write transaction knows the hash of its district's journals.
HASH_OPTION = "siting_hash"
PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "trusted_schema=OFF",
    "cell_size_check=ON",
    "mmap_size=0",
)


@dataclass(frozen=True)
class Database:
    """An open store of one district."""

    engine: Engine
    settings: Settings

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading: one consistent snapshot."""
        with faults.told(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A write transaction: all or nothing, the lock is taken at once."""
        options = {"siting_write": True, HASH_OPTION: self.settings.text("store.hash")}
        with faults.told(), self.engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection

    def key(self) -> bytes:
        """The district's secret key.

        Raises
        ------
        NotFound
            If the key file is gone: without it nothing can be journalled.
        """
        path = self.settings.folder / KEY_NAME
        if not path.is_file():
            raise NotFound("store.no_key", file=path)
        return path.read_bytes()


def open_database(settings: Settings) -> Database:
    """Open the store, bring its tables up to date.

    Raises
    ------
    BadInput
        If the SQLite library has the write-ahead-log fault, the file lies on a network file system, or the
        PostgreSQL server is too old.
    Unavailable
        If the server does not answer, or lets nobody in.
    """
    url = make_url(settings.database_url)
    engine = _engine(settings, url)
    with faults.opening(url.render_as_string()), ExitStack() as failed:
        failed.callback(engine.dispose)
        if engine.dialect.name == "postgresql":
            postgresql.refuse_unfit(engine)
        if not _is_current(engine):
            _migrate(engine)
        layer_tables.ensure(engine)
        failed.pop_all()
    return Database(engine, settings)


def take_back(connection: Connection) -> None:
    """End a write transaction without writing anything; nothing more can be done in it."""
    transaction = connection.get_transaction()
    if transaction is not None:
        transaction.rollback()


def _engine(settings: Settings, url: URL) -> Engine:
    timeout = settings.whole("store.busy_timeout_ms")
    if url.get_backend_name() == "postgresql":
        return postgresql.engine(url, timeout_ms=timeout)
    if url.get_backend_name() != "sqlite":
        raise BadInput("store.engine", name=url.get_backend_name())
    _refuse_unsafe(settings, Path(str(url.database)))
    engine = create_engine(url, module=pysqlite3)

    @event.listens_for(engine, "connect")
    def _connected(raw: Any, _record: Any) -> None:
        raw.isolation_level = None  # BEGIN is ours, see below
        cursor = raw.cursor()
        for pragma in (f"busy_timeout={timeout}", *PRAGMAS):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("siting_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _refuse_unsafe(settings: Settings, path: Path) -> None:
    version = tuple(int(part) for part in pysqlite3.sqlite_version.split("."))
    if version < SAFE_SQLITE and not settings.flag("store.accept_old_sqlite"):
        raise BadInput("store.old_sqlite", version=pysqlite3.sqlite_version, needed=".".join(map(str, SAFE_SQLITE)))
    kind = _file_system(path.parent)
    if kind in NETWORK_FILE_SYSTEMS:
        raise BadInput("store.network_file_system", file=path, kind=kind)


def _file_system(folder: Path) -> str:
    """Type of the file system a folder lies on, from the kernel's table; empty where there is none."""
    table = Path("/proc/mounts")
    if not table.is_file():
        return ""
    place = str(folder.resolve())
    mounts = [line.split()[1:3] for line in table.read_text(encoding="utf-8").splitlines()]
    fitting = [m for m in mounts if place == m[0] or place.startswith(m[0].rstrip("/") + "/")]
    return max(fitting, key=lambda m: len(m[0]))[1] if fitting else ""


def _scripts() -> str:
    return str(resources.files("siting.store") / "migrations")


def _is_current(engine: Engine) -> bool:
    head = ScriptDirectory(_scripts()).get_current_head()
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() == head


def _migrate(engine: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", _scripts())
    with engine.connect().execution_options(siting_write=True) as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
