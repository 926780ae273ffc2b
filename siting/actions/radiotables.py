"""The district's tables of networks, radio units, thresholds and antenna patterns: what every computation reads.

What is shipped holds until the district writes a row of its own over it; an edit never overwrites, it raises the version.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd

from siting.access import Actor
from siting.actions import tablebook
from siting.actions.doors import require
from siting.actions.tablebook import CHANGED, OFF, ON, OWN, SHIPPED, Book, Outcome, about, reason_of
from siting.findings import Finding, Findings
from siting.radio import network, tablecheck
from siting.radio.antenna import Pattern
from siting.radio.network import DATA, Equipment, Gear, Network, Thresholds
from siting.radio.tablecells import Cells
from siting.store import radiotables as stored
from siting.store.database import Database
from siting.store.radiotables import Change, Entry

__all__ = [
    "CHANGED", "DEFAULTS", "OFF", "ON", "OWN", "PATTERNS", "PERMISSION", "READING", "SHIPPED", "TABLES", "Outcome", "about",
    "edit", "editions", "equipment", "fixed", "gear", "history", "in_use", "keep", "networks", "pattern_of", "patterns", "reason_of",
    "restore", "revision", "table", "thresholds",
]  # fmt: skip

READING = "asset.read"
PERMISSION = "radio.edit"
TABLES = tablecheck.TABLES
PATTERNS = "patterns"
# Settings that name a row which is used unless somebody chooses another.
DEFAULTS: Mapping[str, str] = {"networks": "coverage.network", "thresholds": "coverage.profile"}
CUTS = ("peak_dbi", "hpbw_h_deg", "hpbw_v_deg", "max_loss_db", "sidelobe_db", "horizontal_db", "vertical_db")


def networks(db: Database) -> Mapping[str, Network]:
    """Carrier layers of the district by name, those switched off included."""
    return network.records(Network, _rows(db, "networks").values())


def thresholds(db: Database) -> Mapping[str, Thresholds]:
    """Threshold profiles of the district by name, those switched off included; each carries its version."""
    return network.records(Thresholds, _rows(db, "thresholds").values())


def equipment(db: Database) -> Mapping[str, Equipment]:
    """Radio units of the district by name, those switched off included."""
    return network.records(Equipment, _rows(db, "equipment").values())


def patterns(db: Database) -> Mapping[str, Pattern]:
    """Measured antenna patterns of the district by name."""
    return {
        name: pattern_of(name, entry.record) for name, entry in stored.latest(db, PATTERNS).items() if in_use(entry)
    }


def gear(db: Database) -> Gear:
    """Radio units and measured patterns of the district."""
    return Gear(equipment(db), patterns(db))


def revision(db: Database) -> int:
    """How often the tables and patterns were changed; what was computed at another revision rests on other numbers."""
    return stored.revision(db)


def table(db: Database, actor: Actor, kind: str) -> pd.DataFrame:
    """Rows of a table as they count, in text cells, with whose they are.

    Parameters
    ----------
    kind : str
        One of `TABLES`.

    Returns
    -------
    DataFrame
        The table's columns, then ``state`` (shipped, changed, own), ``edition`` (version of the row, 1 as shipped),
        ``changed_at``, ``changed_by`` and ``reason``.
    """
    require(db, actor, READING)
    return tablebook.table_of(db, BOOK, kind)


def fixed(db: Database, actor: Actor) -> dict[str, pd.DataFrame]:
    """The tables that only a new version of the program changes, by name; every row with source and mark."""
    require(db, actor, READING)
    found = {name: pd.DataFrame(rows) for name, rows in network.shipped_tables().items() if name not in TABLES}
    return {"defaults": found.pop("defaults"), **found}


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
    """Add rows to a table or change them; rows that say what they said before are passed over.

    Parameters
    ----------
    kind : str
        One of `TABLES`.
    rows : mapping
        Name of a row -> its cells; cells left out stay as they are.
    reason : str
        Why, for the journal.
    seen : int, optional
        Revision that the person looked at; default the present one.

    Returns
    -------
    Outcome
        Nothing is stored while a finding is an error.

    Raises
    ------
    BadInput
        If there is no such table, or no reason is given.
    Conflict
        If the tables changed since ``seen``.
    """
    require(db, actor, PERMISSION)
    return tablebook.edit(db, actor, BOOK, kind, rows, reason=reason, seen=seen, now=now)


def restore(
    db: Database, actor: Actor, kind: str, names: Sequence[str], *, reason: str, seen: int | None = None, now: datetime
) -> Outcome:
    """Let rows say again what is shipped.

    Raises
    ------
    BadInput
        If a row is the district's own: it can only be switched off.
    """
    require(db, actor, PERMISSION)
    return tablebook.restore(db, actor, BOOK, kind, names, reason=reason, seen=seen, now=now)


def pattern_of(name: str, record: Mapping[str, Any]) -> Pattern:
    """A stored pattern; its cuts were lists of numbers on the way."""
    cells: dict[str, Any] = {c: tuple(record[c]) if isinstance(record[c], list) else record[c] for c in CUTS}
    return Pattern(name, **cells)


def in_use(entry: Entry) -> bool:
    """Whether a stored row stands and was not switched off."""
    return bool(entry.record) and entry.record.get("active", ON) == ON


def editions(db: Database, kind: str) -> dict[str, int]:
    """The highest version that each row ever had."""
    return tablebook.editions(db, BOOK, kind)


def keep(db: Database, actor: Actor, changes: Sequence[Change], *, seen: int, reason: str, now: datetime) -> int:
    """Store changes in one transaction; the new revision."""
    return tablebook.keep(db, actor, changes, family=stored.RADIO, seen=seen, reason=reason, now=now)


def _rows(db: Database, kind: str) -> dict[str, dict[str, str]]:
    return tablebook.rows(db, BOOK, kind)


def _shipped(kind: str) -> dict[str, dict[str, str]]:
    return {row["name"]: tablecheck.tidy(kind, row) for row in network.read_rows(DATA / f"{kind}.csv")}


def _blank(kind: str) -> dict[str, str]:
    """Cells of a new row that nobody need fill in."""
    return {"active": ON, **({"version": "1", "scope": "all"} if kind == "thresholds" else {})}


def _check(db: Database, kind: str, changed: Mapping[str, Cells], held: Mapping[str, Cells]) -> Findings:
    others = [row for name, row in held.items() if name not in changed]
    found = tablecheck.check(kind, list(changed.values()), others=others, patterns=tuple(patterns(db)))
    return found + _defaults_off(db, kind, changed)


def _defaults_off(db: Database, kind: str, changed: Mapping[str, Cells]) -> list[Finding]:
    """A row that the settings name may not be switched off."""
    setting = DEFAULTS.get(kind, "")
    name = db.settings.text(setting) if setting else ""
    if changed.get(name, {}).get("active") != OFF:
        return []
    return [Finding(code="radio_default_off", sheet=name, column="active", value=name, values={"setting": setting})]


BOOK = Book(
    family=stored.RADIO,
    tables=TABLES,
    shipped=_shipped,
    columns=tablecheck.columns,
    tidy=tablecheck.tidy,
    blank=_blank,
    check=_check,
)
