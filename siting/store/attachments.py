"""Evidence that was handed in: bytes by their digest in the district's folder, one row each."""

from __future__ import annotations

import hashlib
import os
import secrets
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, insert, select

from siting.access import Actor
from siting.errors import NotFound
from siting.store.database import Database
from siting.store.tables import ATTACHMENT

FOLDER = "attachments"


def path(db: Database, sha256: str) -> Path:
    """Where the bytes of a digest lie."""
    return db.settings.folder / FOLDER / sha256[:2] / sha256


def digest(data: bytes) -> str:
    """Name of bytes: their SHA-256."""
    return hashlib.sha256(data).hexdigest()


def put(db: Database, data: bytes) -> str:
    """Bring bytes to disk, for good, before anything speaks of them; their digest.

    They are written beside their place and swapped in, so that a half-written file is never found.
    """
    sha256 = digest(data)
    target = path(db, sha256)
    if target.is_file():
        return sha256
    target.parent.mkdir(parents=True, exist_ok=True)
    making = target.with_name(f".{sha256}.{secrets.token_hex(4)}.making")
    with making.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    making.replace(target)
    for folder in (target.parent, target.parent.parent, db.settings.folder):
        _sync(folder)
    return sha256


def record(
    connection: Connection, *, sha256: str, name: str, kind: str, size: int, actor: Actor, now: datetime
) -> None:
    """Note who handed bytes in first, inside the caller's transaction."""
    if connection.execute(select(ATTACHMENT.c.sha256).where(ATTACHMENT.c.sha256 == sha256)).first() is not None:
        return
    values = {"sha256": sha256, "name": name, "kind": kind, "size": size, "added_by": actor.id, "org": actor.org}
    connection.execute(insert(ATTACHMENT).values(**values, added_at=now.isoformat(timespec="seconds")))


def read(db: Database, sha256: str) -> bytes:
    """The bytes of a digest.

    Raises
    ------
    NotFound
        If the file is gone, or is not what was handed in.
    """
    why = flaw(db, sha256)
    if why:
        raise NotFound("case.file.gone", sha256=sha256)
    return path(db, sha256).read_bytes()


def flaw(db: Database, sha256: str) -> str:
    """What is wrong with the bytes of a digest: ``attachment_missing``, ``attachment_changed`` or nothing."""
    target = path(db, sha256)
    if not target.is_file():
        return "attachment_missing"
    with target.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    return "" if found == sha256 else "attachment_changed"


def _sync(folder: Path) -> None:
    """Bring the names in a folder to disk, where the system lets a folder be opened."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
