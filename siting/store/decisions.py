"""What people decided about calibrations: adopted, rejected, withdrawn; rows are only ever added."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd
from sqlalchemy import Connection, RowMapping, func, insert, select

from siting.store import artefacts
from siting.store.database import Database
from siting.store.tables import CALIBRATION

ADOPTED, REJECTED, WITHDRAWN = "adopted", "rejected", "withdrawn"
FOLDER = "calibrations"
DECISIONS = (ADOPTED, REJECTED, WITHDRAWN)


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One word about one calibration.

    Parameters
    ----------
    network, run : str
        Which network, and the run that made the calibration.
    decision : str
        One of `DECISIONS`.
    reason : str
        Why.
    override : bool
        Whether it was adopted although it is no better than a constant.
    at, actor, name, org : str
        When and by whom.
    """

    network: str
    run: str
    decision: str
    reason: str
    override: bool
    at: str
    actor: str
    name: str
    org: str


def add(connection: Connection, decision: Decision, *, calibration: str = "") -> None:
    """Add a decision inside the caller's transaction; an adopted calibration is kept with it as text."""
    last = connection.execute(select(func.max(CALIBRATION.c.seq))).scalar() or 0
    connection.execute(insert(CALIBRATION).values(**asdict(decision), seq=last + 1, calibration=calibration))


def keep_table(db: Database, name: str, table: pd.DataFrame) -> None:
    """Put what an adopted calibration rests on into a file of its own, before the decision that speaks of it."""
    artefacts.save_table(_folder(db), name, table)


def load_table(db: Database, name: str) -> pd.DataFrame:
    """A table of `keep_table`; NotFound if it is gone."""
    return artefacts.load_table(_folder(db), name)


def _folder(db: Database) -> Path:
    return db.settings.folder / FOLDER


def in_force(db: Database, network: str) -> tuple[Decision, str] | None:
    """The adoption that holds for a network, and the calibration as text; None if none was adopted or it was withdrawn."""
    spoken = CALIBRATION.c.decision.in_((ADOPTED, WITHDRAWN))
    query = select(CALIBRATION).where(CALIBRATION.c.network == network, spoken).order_by(CALIBRATION.c.seq.desc())
    with db.read() as connection:
        row = connection.execute(query.limit(1)).mappings().first()
    return None if row is None or row["decision"] != ADOPTED else (_decision(row), str(row["calibration"]))


def listing(db: Database, *, network: str | None = None, run: str | None = None) -> list[Decision]:
    """Decisions about a network or a run, newest first."""
    query = select(*(c for c in CALIBRATION.c if c.name != "calibration")).order_by(CALIBRATION.c.seq.desc())
    if network is not None:
        query = query.where(CALIBRATION.c.network == network)
    if run is not None:
        query = query.where(CALIBRATION.c.run == run)
    with db.read() as connection:
        return [_decision(row) for row in connection.execute(query).mappings()]


def _decision(row: RowMapping) -> Decision:
    fields = {name: row[name] for name in Decision.__dataclass_fields__}
    return Decision(**{**fields, "override": bool(row["override"])})
