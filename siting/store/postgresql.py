"""PostgreSQL as the engine of the store: its sessions, its transactions, and what it must be able to do."""

from __future__ import annotations

from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, text

from siting.errors import BadInput

DRIVER = "postgresql+psycopg"
OLDEST = 15
ENCODING = "UTF8"
# One writer at a time, as on SQLite: every write transaction of a district's database holds this lock until it ends.
WRITER_LOCK = 5_748_400_271
# Writers wait on open connections for their turn, and a writer may read on a second one.
POOL = {"pool_size": 8, "max_overflow": 32, "pool_pre_ping": True}
CONNECT = {"connect_timeout": 10, "application_name": "siting", "client_encoding": "utf8"}
# A vanished partner is noticed after about a minute, on both sides of the line.
ALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 60_000}
# What was acknowledged is on disk, whatever the server's default says.
SESSION = (
    "SET synchronous_commit = on; SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; "
    "SET tcp_keepalives_count = 3"
)
READING = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
WRITING = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE"


def engine(url: URL, *, timeout_ms: int) -> Engine:
    """An engine whose transactions keep the promises of the store.

    Parameters
    ----------
    url : URL
        ``postgresql://…``.
    timeout_ms : int
        How long a write transaction waits for its turn [ms].
    """
    made = create_engine(url.set(drivername=DRIVER), connect_args={**CONNECT, **ALIVE}, **POOL)
    writing = f"{WRITING}; SET LOCAL lock_timeout = {timeout_ms}; SELECT pg_advisory_xact_lock({WRITER_LOCK})"

    @event.listens_for(made, "connect")
    def _connected(raw: Any, _record: Any) -> None:
        raw.execute(SESSION)
        raw.commit()

    @event.listens_for(made, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("siting_write", False)
        connection.exec_driver_sql(writing if writes else READING)

    return made


def refuse_unfit(made: Engine) -> None:
    """Refuse a server that is too old, and a database that cannot hold every character.

    Raises
    ------
    BadInput
        If one of them is the case.
    """
    with made.connect() as connection:
        version = connection.execute(text("SHOW server_version_num")).scalar_one()
        encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
    major = int(version) // 10_000
    if major < OLDEST:
        raise BadInput("store.old_postgresql", version=major, needed=OLDEST)
    if encoding != ENCODING:
        raise BadInput("store.encoding", encoding=encoding, needed=ENCODING)
