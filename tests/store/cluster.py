"""A throw-away PostgreSQL server for tests: its own folder, a free port on the loopback, gone with the test run."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from itertools import count
from pathlib import Path

import psycopg

# Debian keeps the server's programs out of the path.
HOMES = (Path("/usr/lib/postgresql"), Path("/usr/local/lib/postgresql"))
OLDEST = 15
# The server refuses to run as root, so root lends it one of these.
UNPRIVILEGED = ("postgres", "nobody")
# Nothing of it outlives the machine: no need to wait for the disk.  A killed server finds its files as they were.
HASTY = ("-c", "fsync=off", "-c", "max_connections=60")
PATIENCE_S = 30.0
# Where a folder lies in memory, and what one run may need there.
MEMORY, ROOM_BYTES = Path("/dev/shm"), 3 * 2**30  # noqa: S108 - the folder made in it has a name of its own


class Absent(Exception):
    """There is no PostgreSQL to start here; the message says why."""


class Cluster:
    """A server and its databases."""

    def __init__(self) -> None:
        self.programs = _programs()
        self.user = _lent_user()
        self.password = secrets.token_hex(8)
        self.folder = Path(tempfile.mkdtemp(prefix="siting-pg-", dir=_quick_folder()))
        self.port = _free_port()
        self._names = (f"d{number}" for number in count(1))
        self._process: subprocess.Popen[bytes] | None = None
        self._make()
        self.start()

    def url(self, name: str, *, user: str = "siting", password: str | None = None) -> str:
        """Address of a database as a district's settings name it."""
        return f"postgresql://{user}:{password or self.password}@127.0.0.1:{self.port}/{name}"

    def database(self, *, template: str = "template1", encoding: str = "UTF8", postgis: bool = False) -> str:
        """Name of a new database, a copy of another."""
        name = next(self._names)
        like = "template0" if encoding != "UTF8" else template
        locale = "LOCALE 'C'" if like == "template0" else ""
        self.execute("postgres", f"CREATE DATABASE {name} TEMPLATE {like} ENCODING '{encoding}' {locale}")
        if postgis:
            self.execute(name, "CREATE EXTENSION postgis")
        return name

    def execute(self, name: str, statement: str) -> list[tuple[object, ...]]:
        """Run one statement as the server's own keeper."""
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            cursor = connection.execute(statement)  # type: ignore[call-overload]
            return cursor.fetchall() if cursor.description else []

    @property
    def has_postgis(self) -> bool:
        """Whether the server can make PostGIS databases."""
        return bool(self.execute("postgres", "SELECT 1 FROM pg_available_extensions WHERE name = 'postgis'"))

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = ("-p", str(self.port), "-c", "listen_addresses=127.0.0.1", "-k", str(self.folder))
        with (self.folder / "log").open("ab") as log:
            command = [*self._as_user("--pdeathsig", "QUIT"), self.programs / "postgres", "-D", self.folder / "data"]
            self._process = subprocess.Popen([*command, *options, *HASTY], stdout=log, stderr=log, cwd="/")
        end = time.monotonic() + PATIENCE_S
        while not self._answers():
            if time.monotonic() > end or self._process.poll() is not None:
                raise RuntimeError((self.folder / "log").read_text(encoding="utf-8"))
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End the server: SIGINT turns its clients out, SIGQUIT is a crash."""
        self._process.send_signal(how)
        self._process.wait(PATIENCE_S)

    def close(self) -> None:
        """End the server and leave nothing behind."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder)

    def _make(self) -> None:
        words = self.folder / "password"
        words.write_text(self.password, encoding="utf-8")
        if self.user:
            for path in (self.folder, words):
                os.chown(path, self.user.pw_uid, self.user.pw_gid)
        options = ["--username=siting", f"--pwfile={words}", "--auth=scram-sha-256", "--encoding=UTF8", "--no-sync"]
        made = [*self._as_user(), self.programs / "initdb", "-D", self.folder / "data", "--locale=C.UTF-8", *options]
        subprocess.run(made, check=True, capture_output=True, cwd="/", timeout=PATIENCE_S * 2)

    def _as_user(self, *options: str) -> list[str]:
        if self.user is None:
            return ["setpriv", *options] if options else []
        return ["setpriv", f"--reuid={self.user.pw_uid}", f"--regid={self.user.pw_gid}", "--clear-groups", *options]

    def _answers(self) -> bool:
        try:
            self.execute("postgres", "SELECT 1")
        except psycopg.OperationalError:
            return False
        return True


def _programs() -> Path:
    found = [p.parent for home in HOMES for p in home.glob("*/bin/initdb") if int(p.parts[-3]) >= OLDEST]
    if not found:
        raise Absent(f"no PostgreSQL {OLDEST} or newer below {' or '.join(map(str, HOMES))}")
    if shutil.which("setpriv") is None:
        raise Absent("no setpriv to start a PostgreSQL server with")
    return max(found)


def _quick_folder() -> Path | None:
    """Memory where there is enough, else the usual place."""
    room = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM_BYTES
    return MEMORY if room else None


def _lent_user() -> pwd.struct_passwd | None:
    """Whom the server runs as when we are root."""
    if os.getuid() != 0:
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    lent = next((known[name] for name in UNPRIVILEGED if name in known), None)
    if lent is None:
        raise Absent("PostgreSQL does not run as root, and there is no other user")
    return lent


def _free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])
