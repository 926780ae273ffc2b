"""What a database refuses or no longer answers, as errors for people; everything else stays what it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from siting.errors import BadInput, Unavailable

# SQLSTATE of PostgreSQL, primary result code of SQLite.
_SQLSTATES: Mapping[str, str] = MappingProxyType({"55P03": "store.busy", "53100": "store.full"})
_SQLITE: Mapping[int, str] = MappingProxyType({5: "store.busy", 6: "store.busy", 13: "store.full"})
_PRIMARY = 0xFF


@contextmanager
def told() -> Iterator[None]:
    """Raise what only the database's keeper can mend as an error for people.

    Raises
    ------
    Unavailable
        If the server is gone, another writer does not end, or the disk is full.
    BadInput
        If text or a number cannot be stored at all.
    """
    try:
        yield
    except UnicodeEncodeError as error:
        raise BadInput("store.unstorable") from error
    except PoolTimeout as error:
        raise Unavailable("store.busy") from error
    except DBAPIError as error:
        if isinstance(error.orig, psycopg.DataError):
            raise BadInput("store.unstorable") from error
        key = _key(error.orig)
        if key is None:
            raise
        raise Unavailable(key) from error


@contextmanager
def opening(where: str) -> Iterator[None]:
    """As `told`, and why a database could not be opened at all.

    Parameters
    ----------
    where : str
        Which database, without its password.
    """
    try:
        with told():
            yield
    except Unavailable as error:
        cause = error.__cause__
        if error.key != "store.unreachable" or not isinstance(cause, DBAPIError):
            raise
        why = " ".join(str(cause.orig).split())
        raise Unavailable("store.cannot_open", where=where, why=why) from cause


def _key(error: BaseException | None) -> str | None:
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return _SQLSTATES.get(error.sqlstate or "", "store.unreachable")
    return _SQLITE.get(getattr(error, "sqlite_errorcode", 0) & _PRIMARY)
