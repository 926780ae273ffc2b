"""The district's planning tables: prices of sites, what is mounted where, sharing of a host, price of fibre.

What is shipped holds until the district writes a row of its own over it, see `siting.actions.tablebook`.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import datetime

import pandas as pd

from siting.access import Actor
from siting.actions import radiotables, tablebook
from siting.actions.doors import require
from siting.actions.tablebook import ON, Book, Outcome
from siting.findings import Findings
from siting.plan import tablecheck, tables
from siting.plan.tablecheck import Beside
from siting.radio.tablecells import Cells
from siting.store import radiotables as stored
from siting.store.database import Database

READING = "asset.read"
PERMISSION = radiotables.PERMISSION
FAMILY = "plan"
TABLES = tablecheck.TABLES
KEYS = tablecheck.KEYS


def costs(db: Database) -> pd.DataFrame:
    """Site cost per host class and equipment [yuan], as the district has it."""
    return _frame(db, "costs", tables.costs())


def configurations(db: Database) -> pd.DataFrame:
    """Which equipment, height and azimuths each asset class gets, as the district has it; without those switched off."""
    return _frame(db, "configurations", tables.configurations())


def sharing(db: Database) -> pd.DataFrame:
    """What each of several parties on one host pays, as the district has it."""
    return _frame(db, "sharing", tables.sharing()).sort_values("parties", ignore_index=True)


def fibre(db: Database) -> pd.DataFrame:
    """Price of a metre of new route and its basis, as the district has it."""
    return _frame(db, "fibre", tables.fibre())


def revision(db: Database) -> int:
    """Place of the last change; what was planned at another revision rests on other numbers."""
    return stored.revision(db, family=FAMILY)


def table(db: Database, actor: Actor, kind: str) -> pd.DataFrame:
    """Rows of a table as they count, in text cells, with whose they are.

    Parameters
    ----------
    kind : str
        One of `TABLES`.

    Returns
    -------
    DataFrame
        The table's columns, then ``state`` (shipped, changed, own), ``edition``, ``changed_at``, ``changed_by`` and
        ``reason``.
    """
    require(db, actor, READING)
    return tablebook.table_of(db, BOOK, kind)


def history(db: Database, actor: Actor) -> pd.DataFrame:
    """All changes, newest first: ``seq, kind, name, version, at, person, org, reason``."""
    require(db, actor, READING)
    return tablebook.history(db, BOOK)


def edit(
    db: Database,
    actor: Actor,
    kind: str,
    rows: Mapping[str, Cells],
    *,
    reason: str,
    seen: int | None = None,
    now: datetime,
) -> Outcome:
    """Add rows to a table or change them, see `siting.actions.tablebook.edit`.

    The name of a row is made of what it is about: ``street_light.micro-2x5w`` in ``costs``.
    """
    require(db, actor, PERMISSION)
    return tablebook.edit(db, actor, BOOK, kind, rows, reason=reason, seen=seen, now=now)


def restore(
    db: Database, actor: Actor, kind: str, names: Sequence[str], *, reason: str, seen: int | None = None, now: datetime
) -> Outcome:
    """Let rows say again what is shipped, see `siting.actions.tablebook.restore`."""
    require(db, actor, PERMISSION)
    return tablebook.restore(db, actor, BOOK, kind, names, reason=reason, seen=seen, now=now)


def _frame(db: Database, kind: str, like: pd.DataFrame) -> pd.DataFrame:
    """Rows that count, in columns and types of the shipped table."""
    rows = [row for row in tablebook.rows(db, BOOK, kind).values() if row.get("active", ON) == ON]
    text = pd.DataFrame(rows)[list(like.columns)].to_csv(index=False)
    return pd.read_csv(io.StringIO(text), dtype={"azimuths": str, "tilts": str}, keep_default_na=False, na_values=[""])


def _blank(kind: str) -> Mapping[str, str]:
    return {"active": ON} if any(column.name == "active" for column in tablecheck.columns(kind)) else {}


def _check(db: Database, kind: str, changed: Mapping[str, Cells], held: Mapping[str, Cells]) -> Findings:
    others = [row for name, row in held.items() if name not in changed]
    known = [name for name, unit in radiotables.equipment(db).items() if unit.active]
    priced, mounted = (list(tablebook.rows(db, BOOK, t).values()) for t in ("costs", "configurations"))
    beside = Beside(held, others, known, priced, mounted)
    return tablecheck.check(kind, list(changed.values()), beside=beside)


BOOK = Book(
    family=FAMILY,
    tables=TABLES,
    shipped=tablecheck.shipped,
    columns=tablecheck.columns,
    tidy=tablecheck.tidy,
    blank=_blank,
    check=_check,
)
