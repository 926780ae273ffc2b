"""Measured antenna patterns of a district: read, kept under a name, taken out of use."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import PurePath
from typing import Any

import pandas as pd

from siting.access import Actor
from siting.actions.doors import require
from siting.actions.radiotables import (
    CUTS,
    OFF,
    ON,
    PATTERNS,
    PERMISSION,
    READING,
    Outcome,
    about,
    editions,
    equipment,
    in_use,
    keep,
    pattern_of,
    reason_of,
)
from siting.errors import BadInput, NotFound
from siting.findings import Findings
from siting.radio.antenna import Pattern, read_msi
from siting.radio.network import MARKS
from siting.radio.patternfile import words_of
from siting.store import layers
from siting.store import radiotables as stored
from siting.store.database import Database
from siting.store.radiotables import Change, Entry

LONGEST_NAME = 60
TOLD = ("make", "frequency", "tilt")


def read(db: Database, actor: Actor, data: bytes, *, flip: bool = False) -> tuple[Pattern, Findings]:
    """What a pattern file holds, before anybody decides; changes nothing.

    Raises
    ------
    BadInput
        If it is no pattern file, see `siting.radio.antenna.read_msi`.
    """
    require(db, actor, PERMISSION)
    return read_msi(data, flip=flip)


def add(
    db: Database,
    actor: Actor,
    data: bytes,
    *,
    file: str,
    name: str = "",
    flip: bool | None = None,
    mark: str = "unverified",
    reason: str,
    now: datetime,
) -> Outcome:
    """Keep a measured pattern under a name that units and sectors give; a new file of a known name raises its version.

    Parameters
    ----------
    data, file : bytes, str
        The .msi or .pln file and its name.
    name : str
        Name of the pattern; default what the file says, else the file's name.
    flip : bool, optional
        Whether the vertical cut is turned; must be said where the file states a tilt but beams above the horizon.
    mark : str
        How well the numbers are known: ``std, 2nd, unverified``.

    Raises
    ------
    BadInput
        If it is no pattern file, the name is unfit, the mark unknown, or a person must decide about the vertical cut.
    """
    require(db, actor, PERMISSION)
    told = reason_of(reason)
    found, findings = read_msi(data, flip=bool(flip))
    if flip is None and any(f.code == "vertical_flipped" for f in findings):
        raise BadInput("radiotable.pattern_flip", file=file)
    if mark not in MARKS:
        raise BadInput("radiotable.mark", value=mark, known=", ".join(MARKS))
    called = _named(name or found.name or PurePath(file).stem)
    said = _said(found, data, PurePath(file).name, flip=bool(flip), mark=mark)
    record = {**said, **{column: getattr(found, column) for column in CUTS}, "active": ON}
    version = editions(db, PATTERNS).get(called, 0) + 1
    change = Change(kind=PATTERNS, name=called, version=version, record=record, said=said)
    at = keep(db, actor, [change], seen=stored.revision(db), reason=told, now=now)
    return Outcome(findings=findings, changed=(called,), revision=at)


def _said(found: Pattern, data: bytes, file: str, *, flip: bool, mark: str) -> dict[str, str]:
    """What is kept of a pattern beside its cuts, and told to the journal."""
    words = words_of(data)
    return {
        "file": file[:LONGEST_NAME],
        "sha256": hashlib.sha256(data).hexdigest(),
        "flip": ON if flip else OFF,
        "mark": mark,
        "gain_dbi": f"{found.peak_dbi:g}",
        **{name: words.get(name.upper(), "")[:LONGEST_NAME] for name in TOLD},
    }


def drop(db: Database, actor: Actor, name: str, *, reason: str, now: datetime) -> Outcome:
    """Take a pattern out of use; it stays in the history.

    Raises
    ------
    NotFound
        If there is none of this name.
    BadInput
        If units or sectors still use it.
    """
    require(db, actor, PERMISSION)
    told = reason_of(reason)
    entry = stored.latest(db, PATTERNS).get(name)
    if entry is None or not in_use(entry):
        raise NotFound("radiotable.no_pattern", name=name)
    users = [unit.name for unit in equipment(db).values() if unit.pattern == name]
    sectors = layers.read(db, "sectors", columns=["pattern"])["pattern"]
    count = int((sectors == name).sum())
    if users or count:
        raise BadInput("radiotable.pattern_used", name=name, units=", ".join(users) or "—", sectors=count)
    change = Change(
        kind=PATTERNS,
        name=name,
        version=entry.version + 1,
        record={**entry.record, "active": OFF},
        said={"active": OFF},
    )
    at = keep(db, actor, [change], seen=stored.revision(db), reason=told, now=now)
    return Outcome(findings=Findings(), changed=(name,), revision=at)


def listing(db: Database, actor: Actor) -> pd.DataFrame:
    """Measured patterns in use: name, version, gain, widths, file, digest, maker, frequency, mark, who and when."""
    require(db, actor, READING)
    entries = [entry for entry in stored.latest(db, PATTERNS).values() if in_use(entry)]
    return pd.DataFrame([_row(entry) for entry in entries])


def _row(entry: Entry) -> dict[str, Any]:
    found = pattern_of(entry.name, entry.record)
    told = {name: entry.record.get(name, "") for name in (*TOLD, "file", "sha256", "flip", "mark")}
    numbers = {"gain_dbi": found.peak_dbi, "hpbw_h_deg": found.hpbw_h_deg, "hpbw_v_deg": found.hpbw_v_deg}
    return {"name": entry.name, "edition": entry.version, **numbers, **told, **about(entry, shipped=False)}


def _named(text: str) -> str:
    name = " ".join(text.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise BadInput("radiotable.pattern_name", value=name[:LONGEST_NAME], most=LONGEST_NAME)
    return name
