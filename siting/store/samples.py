"""Sets of measured samples: one row per set, and its samples as a file in the district's folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd
from sqlalchemy import Connection, RowMapping, insert, select, true, update

from siting.access import Actor
from siting.errors import NotFound
from siting.store import artefacts, rows
from siting.store.database import Database
from siting.store.tables import SAMPLE_SET

#: Layer of `access.ROWS` by which sets are seen.
LAYER = "samples"


@dataclass(frozen=True, kw_only=True)
class SampleSet:
    """A set of samples that came in as one file.

    Parameters
    ----------
    id, name, sha256, datum, source : str
        Number, name, digest and declared datum of the file; what was said about where it comes from.
    networks : tuple of str
        Networks that were measured.
    rows : int
        Samples.
    first_day, last_day : str
        Days on which they were taken; empty where no time is known.
    imported_at, actor, org : str
        When, by whom and for which organisation.
    retired_at, retired_by : str
        When and by whom it was taken out of use; empty while it is used.
    """

    id: str
    name: str
    sha256: str
    datum: str
    source: str
    networks: tuple[str, ...]
    rows: int
    first_day: str
    last_day: str
    imported_at: str
    actor: str
    org: str
    retired_at: str = ""
    retired_by: str = ""


def write(db: Database, set_id: str, frame: pd.DataFrame) -> None:
    """Put the samples of a set into their file, before the row that speaks of it."""
    artefacts.save_table(folder(db), set_id, frame)


def add(connection: Connection, made: SampleSet) -> None:
    """Add the row of a set inside the caller's transaction."""
    connection.execute(insert(SAMPLE_SET).values(**{**asdict(made), "networks": " ".join(made.networks)}))


def retire(connection: Connection, set_id: str, *, actor: Actor, now: datetime) -> None:
    """Take a set out of use; its file stays."""
    chosen = update(SAMPLE_SET).where(SAMPLE_SET.c.id == set_id)
    connection.execute(chosen.values(retired_at=now.isoformat(timespec="seconds"), retired_by=actor.id))


def get(db: Database, set_id: str, *, viewer: Actor) -> SampleSet:
    """One set.

    Raises
    ------
    NotFound
        If there is none of this id that the viewer sees.
    """
    found = [one for one in listing(db, viewer=viewer, retired=True) if one.id == set_id]
    if not found:
        raise NotFound("measure.no_set", id=set_id)
    return found[0]


def listing(db: Database, *, viewer: Actor, retired: bool = False) -> list[SampleSet]:
    """Sets that the viewer sees, newest first; with those out of use if asked for."""
    used = true() if retired else SAMPLE_SET.c.retired_at == ""
    query = select(SAMPLE_SET).where(rows.samples(viewer), used)
    with db.read() as connection:
        found = connection.execute(query.order_by(SAMPLE_SET.c.imported_at.desc(), SAMPLE_SET.c.id)).mappings().all()
    return [_set(row) for row in found]


def read(db: Database, ids: Sequence[str], *, viewer: Actor) -> pd.DataFrame:
    """Samples of sets in use, with the id of their set; sets are read in the order of their ids.

    Raises
    ------
    NotFound
        If a set is not there for the viewer, is out of use, or its file is gone.
    """
    seen = {one.id for one in listing(db, viewer=viewer)}
    for set_id in ids:
        if set_id not in seen:
            raise NotFound("measure.no_set", id=set_id)
    frames = [artefacts.load_table(folder(db), name).assign(set_id=name) for name in sorted(set(ids))]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def folder(db: Database) -> Path:
    """Where the files lie."""
    return db.settings.folder / LAYER


def _set(row: RowMapping) -> SampleSet:
    return SampleSet(**{**row, "networks": tuple(row["networks"].split())})
