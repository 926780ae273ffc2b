"""Whether rows that a district writes into the radio tables can be computed with; everything wrong is said at once."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

from siting.findings import Finding, Findings
from siting.radio.network import DATA, read_rows

Cells = Mapping[str, str]

TABLES = ("networks", "equipment", "thresholds")
LONGEST = 200
# Indoor-only carriers [MHz].
INDOOR_MHZ = (3300.0, 3400.0)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_YES = "1"
NONE: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True)
class Column:
    """What may stand in a column: its type, unit, limits, words, and whether it may stay empty."""

    name: str
    type: str
    unit: str
    low: float
    high: float
    choices: tuple[str, ...]
    needed: bool


@cache
def columns(table: str) -> tuple[Column, ...]:
    """Columns of one of `TABLES`, in the order in which they are shown."""
    with Path(__file__).with_name("columns.csv").open(encoding="utf-8", newline="") as file:
        return tuple(_column(row) for row in csv.DictReader(file) if row["table"] == table)


def _column(row: Cells) -> Column:
    low, high = (float(row[end] or sign * math.inf) for end, sign in (("minimum", -1), ("maximum", 1)))
    choices, needed = tuple(row["choices"].split()), row["needed"] == _YES
    return Column(row["column"], row["type"], row["unit"], low, high, choices, needed)


def tidy(table: str, cells: Cells) -> dict[str, str]:
    """Cells of a row in one spelling: every column present, blanks off, numbers without idle digits."""
    return {column.name: _tidy(column, str(cells.get(column.name) or "").strip()) for column in columns(table)}


def _tidy(column: Column, text: str) -> str:
    if column.type in {"number", "whole"} and _number(text) is not None:
        return f"{float(text):.10g}"
    if column.type == "words":
        return ";".join(part for part in re.split(r"[\s;,、，；]+", text) if part)
    return text


def check(
    table: str, rows: Sequence[Cells], *, others: Sequence[Cells] = (), patterns: Collection[str] = ()
) -> Findings:
    """What is wrong with new or changed rows of a table.

    Parameters
    ----------
    table : str
        One of `TABLES`.
    rows : sequence of mapping
        The rows in text cells, as `tidy` gives them.
    others : sequence of mapping
        Rows of the table that stay as they are.
    patterns : collection of str
        Names of measured patterns that a unit may use.

    Returns
    -------
    Findings
        ``sheet`` is the row's name, ``column`` the column's code; nothing may be stored while one is an error.
    """
    found: list[Finding] = []
    for row in rows:
        own = [finding for column in columns(table) for finding in _cell(column, row)]
        found += own or _WHOLE[table](row, [*others, *(r for r in rows if r is not row)], patterns)
    return Findings(tuple(found))


def _cell(column: Column, row: Cells) -> list[Finding]:
    """What is wrong with one cell."""
    text = row[column.name]
    if not text:
        return [_found("radio_cell_empty", row, column.name)] if column.needed else []
    if len(text) > LONGEST:
        return [_found("radio_cell_long", row, column.name, text[:40], values={"most": LONGEST})]
    return _TYPES[column.type](column, row, text)


def _numeric(column: Column, row: Cells, text: str) -> list[Finding]:
    value = _number(text)
    if value is None or (column.type == "whole" and value != round(value)):
        return [_found("radio_cell_number", row, column.name, text)]
    if not column.low <= value <= column.high:
        return [
            _found(
                "radio_cell_range",
                row,
                column.name,
                text,
                values={"low": f"{column.low:g}", "high": f"{column.high:g}"},
            )
        ]
    return []


def _named(column: Column, row: Cells, text: str) -> list[Finding]:
    return [] if _NAME.fullmatch(text) else [_found("radio_cell_name", row, column.name, text)]


def _worded(column: Column, row: Cells, text: str) -> list[Finding]:
    strange = [part for part in text.split(";") if part not in column.choices]
    return [
        _found("radio_cell_word", row, column.name, part, values={"known": ", ".join(column.choices)})
        for part in strange
    ]


def _flagged(column: Column, row: Cells, text: str) -> list[Finding]:
    return [] if text in {"0", _YES} else [_found("radio_cell_word", row, column.name, text, values={"known": "0, 1"})]


def _free(_column: Column, _row: Cells, _text: str) -> list[Finding]:
    return []


def _network(row: Cells, others: Sequence[Cells], _patterns: Collection[str]) -> list[Finding]:
    """Resource blocks against width and spacing, the indoor band, one frequency per channel."""
    found = []
    width, spacing, blocks = (float(row[name]) for name in ("bandwidth_mhz", "scs_khz", "n_rb"))
    most = _blocks().get((spacing, width))
    if most is None:
        found.append(
            _found("radio_carrier_unknown", row, "bandwidth_mhz", f"{width:g}", values={"scs_khz": f"{spacing:g}"})
        )
    elif blocks > most:
        named = {"bandwidth_mhz": f"{width:g}", "scs_khz": f"{spacing:g}"}
        found.append(_found("radio_blocks_many", row, "n_rb", f"{blocks:g}", values={"most": most, **named}))
    elif blocks < most:
        found.append(_found("radio_blocks_few", row, "n_rb", f"{blocks:g}", severity="warning", values={"most": most}))
    centre = 1000.0 * float(row["frequency_ghz"])
    inside = centre - width / 2.0 < INDOOR_MHZ[1] and centre + width / 2.0 > INDOOR_MHZ[0]
    if inside and row["active"] == _YES:
        found.append(_found("radio_indoor_band", row, "frequency_ghz", row["frequency_ghz"]))
    same = [o for o in others if o["channel_id"] == row["channel_id"] and o["frequency_ghz"] != row["frequency_ghz"]]
    found += [
        _found("radio_channel_shared", row, "channel_id", row["channel_id"], values={"other": o["name"]}) for o in same
    ]
    return found


def _unit(row: Cells, _others: Sequence[Cells], patterns: Collection[str]) -> list[Finding]:
    """The envelope holds the broadcast beam, and a named pattern exists."""
    found = []
    broadcast, envelope = float(row["broadcast_gain_dbi"]), float(row["envelope_gain_dbi"])
    if envelope < broadcast:
        found.append(
            _found(
                "radio_envelope_low", row, "envelope_gain_dbi", f"{envelope:g}", values={"broadcast": f"{broadcast:g}"}
            )
        )
    if row["pattern"] and row["pattern"] not in patterns:
        known = ", ".join(patterns) or "—"
        found.append(_found("radio_pattern_unknown", row, "pattern", row["pattern"], values={"known": known}))
    return found


def _profile(_row: Cells, _others: Sequence[Cells], _patterns: Collection[str]) -> list[Finding]:
    return []


@cache
def _blocks() -> dict[tuple[float, float], int]:
    """Largest number of resource blocks by subcarrier spacing [kHz] and channel width [MHz]."""
    rows = read_rows(DATA / "blocks.csv")
    return {(float(row["scs_khz"]), float(row["bandwidth_mhz"])): int(row["n_rb"]) for row in rows}


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _found(
    code: str, row: Cells, column: str, value: str = "", *, severity: str = "error", values: Mapping[str, object] = NONE
) -> Finding:
    named = {"name": row["name"], **values}
    return Finding(code=code, severity=severity, sheet=row["name"], column=column, value=value, values=named)


_TYPES = {
    "number": _numeric,
    "whole": _numeric,
    "name": _named,
    "words": _worded,
    "choice": _worded,
    "flag": _flagged,
    "text": _free,
}
_WHOLE = {"networks": _network, "equipment": _unit, "thresholds": _profile}
