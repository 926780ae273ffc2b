"""The district's tables of networks, radio units, thresholds and antenna patterns: what every computation reads.

What is shipped holds until the district writes a row of its own over it; an edit never overwrites, it raises the version.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from siting.access import Actor
from siting.actions.doors import require
from siting.errors import BadInput, Conflict
from siting.findings import Finding, Findings
from siting.radio import network, tablecheck
from siting.radio.antenna import Pattern
from siting.radio.network import DATA, Equipment, Gear, Network, Thresholds
from siting.store import radiotables as stored
from siting.store.database import Database
from siting.store.radiotables import Change, Entry

READING = "asset.read"
PERMISSION = "radio.edit"
TABLES = tablecheck.TABLES
PATTERNS = "patterns"
SHIPPED, CHANGED, OWN = "shipped", "changed", "own"
ON, OFF = "1", "0"
# Settings that name a row which is used unless somebody chooses another.
DEFAULTS: Mapping[str, str] = {"networks": "coverage.network", "thresholds": "coverage.profile"}
LONGEST_REASON = 500
CUTS = ("peak_dbi", "hpbw_h_deg", "hpbw_v_deg", "max_loss_db", "sidelobe_db", "horizontal_db", "vertical_db")

Cells = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of an edit: what was wrong, which rows changed (none while one finding is an error), the new revision."""

    findings: Findings
    changed: tuple[str, ...]
    revision: int


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
    latest, shipped = stored.latest(db, _known(kind)), _shipped(kind)
    return pd.DataFrame(
        [{**row, **about(latest.get(name), shipped=name in shipped)} for name, row in _rows(db, kind).items()]
    )


def fixed(db: Database, actor: Actor) -> dict[str, pd.DataFrame]:
    """The tables that only a new version of the program changes, by name; every row with source and mark."""
    require(db, actor, READING)
    found = {name: pd.DataFrame(rows) for name, rows in network.shipped_tables().items() if name not in TABLES}
    return {"defaults": found.pop("defaults"), **found}


def history(db: Database, actor: Actor) -> pd.DataFrame:
    """All changes, newest first: ``seq, kind, name, version, at, person, org, reason``."""
    require(db, actor, READING)
    names = ("seq", "kind", "name", "version", "at", "person", "org", "reason")
    return pd.DataFrame([{name: getattr(e, name) for name in names} for e in stored.history(db)], columns=list(names))


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
    told = reason_of(reason)
    at = _looked_at(db, seen)
    held = _rows(db, _known(kind))
    _known_columns(kind, rows)
    wanted = {
        name: tablecheck.tidy(kind, {**held.get(name, _blank(kind)), **cells, "name": name})
        for name, cells in rows.items()
    }
    changed = {name: row for name, row in wanted.items() if row != held.get(name)}
    others = [row for name, row in held.items() if name not in changed]
    found = tablecheck.check(kind, list(changed.values()), others=others, patterns=tuple(patterns(db)))
    found += _defaults_off(db, kind, changed)
    if not changed or found.of("error"):
        return Outcome(findings=found, changed=(), revision=at)
    edition = editions(db, kind)
    changes = [_change(kind, name, row, edition.get(name, 0) + 1) for name, row in changed.items()]
    return Outcome(
        findings=found, changed=tuple(changed), revision=keep(db, actor, changes, seen=at, reason=told, now=now)
    )


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
    told = reason_of(reason)
    at = _looked_at(db, seen)
    shipped, latest = _shipped(_known(kind)), stored.latest(db, kind)
    own = [name for name in names if name not in shipped]
    if own:
        raise BadInput("radiotable.own", names=", ".join(own))
    changed = [name for name in names if name in latest and latest[name].record]
    if not changed:
        return Outcome(findings=Findings(), changed=(), revision=at)
    changes = [Change(kind=kind, name=name, version=1, record={}, said={"restored": "1"}) for name in changed]
    return Outcome(
        findings=Findings(), changed=tuple(changed), revision=keep(db, actor, changes, seen=at, reason=told, now=now)
    )


def pattern_of(name: str, record: Mapping[str, Any]) -> Pattern:
    """A stored pattern; its cuts were lists of numbers on the way."""
    cells: dict[str, Any] = {c: tuple(record[c]) if isinstance(record[c], list) else record[c] for c in CUTS}
    return Pattern(name, **cells)


def in_use(entry: Entry) -> bool:
    """Whether a stored row stands and was not switched off."""
    return bool(entry.record) and entry.record.get("active", ON) == ON


def _known(kind: str) -> str:
    if kind not in TABLES:
        raise BadInput("radiotable.unknown", kind=kind, known=", ".join(TABLES))
    return kind


def _known_columns(kind: str, rows: Mapping[str, Cells]) -> None:
    known = [column.name for column in tablecheck.columns(kind)]
    strange = sorted({name for cells in rows.values() for name in cells} - set(known))
    if strange:
        raise BadInput("radiotable.no_column", names=", ".join(strange), kind=kind, known=", ".join(known))


def _shipped(kind: str) -> dict[str, dict[str, str]]:
    return {row["name"]: tablecheck.tidy(kind, row) for row in network.read_rows(DATA / f"{kind}.csv")}


def _rows(db: Database, kind: str) -> dict[str, dict[str, str]]:
    """Rows that count, by name: the shipped ones, the district's own in their place and after them."""
    own = {
        name: {**_blank(kind), **entry.record, "name": name}
        for name, entry in stored.latest(db, kind).items()
        if entry.record
    }
    return {**_shipped(kind), **own}


def _wanted(kind: str, name: str, held: Cells, cells: Cells) -> dict[str, str]:
    """A row as somebody wants it; its version is not theirs to choose."""
    own = {"name": name, **{column: held[column] for column in ("version",) if column in held}}
    return tablecheck.tidy(kind, {**held, **cells, **own})


def _blank(kind: str) -> dict[str, str]:
    """Cells of a new row that nobody need fill in."""
    return {"active": ON, **({"version": "1", "scope": "all"} if kind == "thresholds" else {})}


def about(entry: Entry | None, *, shipped: bool) -> dict[str, object]:
    """Whose a row is, in which version, and who changed it when and why."""
    if entry is None or not entry.record:
        return {"state": SHIPPED, "edition": 1, "changed_at": "", "changed_by": "", "reason": ""}
    state = CHANGED if shipped else OWN
    return {
        "state": state,
        "edition": entry.version,
        "changed_at": entry.at,
        "changed_by": entry.person,
        "reason": entry.reason,
    }


def editions(db: Database, kind: str) -> dict[str, int]:
    """The highest version that each row ever had."""
    found = dict.fromkeys(_shipped(kind) if kind in TABLES else (), 1)
    for entry in stored.history(db, kind):
        found[entry.name] = max(found.get(entry.name, 0), entry.version)
    return found


def _change(kind: str, name: str, row: Cells, edition: int) -> Change:
    cells = {**row, "version": str(edition)} if "version" in row else dict(row)
    return Change(kind=kind, name=name, version=edition, record=cells, said={"cells": cells})


def _defaults_off(db: Database, kind: str, changed: Mapping[str, Cells]) -> list[Finding]:
    """A row that the settings name may not be switched off."""
    setting = DEFAULTS.get(kind, "")
    name = db.settings.text(setting) if setting else ""
    if changed.get(name, {}).get("active") != OFF:
        return []
    return [Finding(code="radio_default_off", sheet=name, column="active", value=name, values={"setting": setting})]


def keep(db: Database, actor: Actor, changes: Sequence[Change], *, seen: int, reason: str, now: datetime) -> int:
    """Store changes in one transaction; the new revision."""
    with db.write() as connection:
        return stored.add(connection, changes, seen=seen, reason=reason, key=db.key(), actor=actor, now=now)


def _looked_at(db: Database, seen: int | None) -> int:
    """The revision that a person looked at, still the present one; `keep` makes sure of it once more."""
    found = stored.revision(db)
    if seen is not None and seen != found:
        raise Conflict("radiotable.changed", seen=seen, found=found)
    return found


def reason_of(text: str) -> str:
    """Why something is changed.

    Raises
    ------
    BadInput
        If nothing is said, or too much.
    """
    told = text.strip()
    if not told or len(told) > LONGEST_REASON:
        raise BadInput("radiotable.reason", most=LONGEST_REASON)
    return told
