"""Cells of tables that people edit: what may stand in a column, one spelling of it, and what is wrong with it."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

from siting.findings import Finding

Cells = Mapping[str, str]

LONGEST = 200
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
YES = "1"
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
def read_columns(path: Path, table: str) -> tuple[Column, ...]:
    """Columns of a table from a list of columns, in the order in which they are shown.

    Parameters
    ----------
    path : Path
        CSV with ``table, column, type, unit, minimum, maximum, choices, needed``.
    table : str
        Which table; one that is not in the list has none.
    """
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(_column(row) for row in csv.DictReader(file) if row["table"] == table)


def _column(row: Cells) -> Column:
    low, high = (float(row[end] or sign * math.inf) for end, sign in (("minimum", -1), ("maximum", 1)))
    choices, needed = tuple(row["choices"].split()), row["needed"] == YES
    return Column(row["column"], row["type"], row["unit"], low, high, choices, needed)


def tidied(columns: Sequence[Column], cells: Cells) -> dict[str, str]:
    """Cells of a row in one spelling: every column present, blanks off, numbers without idle digits."""
    return {column.name: _tidy(column, str(cells.get(column.name) or "").strip()) for column in columns}


def _tidy(column: Column, text: str) -> str:
    if column.type in {"number", "whole"} and number(text) is not None:
        return f"{float(text):.10g}"
    if column.type == "words":
        return ";".join(_parts(text))
    if column.type == "numbers":
        return " ".join(part if number(part) is None else f"{float(part):.10g}" for part in _parts(text))
    return text


def _parts(text: str) -> list[str]:
    return [part for part in re.split(r"[\s;,、，；]+", text) if part]


def wrong(columns: Sequence[Column], row: Cells) -> list[Finding]:
    """What is wrong with the cells of a row, one by one; ``sheet`` is the row's name, ``column`` the column's code."""
    return [finding for column in columns for finding in _cell(column, row)]


def _cell(column: Column, row: Cells) -> list[Finding]:
    text = row[column.name]
    if not text:
        return [found("radio_cell_empty", row, column.name)] if column.needed else []
    if len(text) > LONGEST:
        return [found("radio_cell_long", row, column.name, text[:40], values={"most": LONGEST})]
    return _TYPES[column.type](column, row, text)


def _numeric(column: Column, row: Cells, text: str) -> list[Finding]:
    value = number(text)
    if value is None or (column.type == "whole" and value != round(value)):
        return [found("radio_cell_number", row, column.name, text)]
    if not column.low <= value <= column.high:
        limits = {"low": f"{column.low:g}", "high": f"{column.high:g}"}
        return [found("radio_cell_range", row, column.name, text, values=limits)]
    return []


def _listed(column: Column, row: Cells, text: str) -> list[Finding]:
    return [finding for part in text.split() for finding in _numeric(column, row, part)]


def _named(column: Column, row: Cells, text: str) -> list[Finding]:
    return [] if _NAME.fullmatch(text) else [found("radio_cell_name", row, column.name, text)]


def _worded(column: Column, row: Cells, text: str) -> list[Finding]:
    strange = [part for part in text.split(";") if part not in column.choices]
    known = {"known": ", ".join(column.choices)}
    return [found("radio_cell_word", row, column.name, part, values=known) for part in strange]


def _flagged(column: Column, row: Cells, text: str) -> list[Finding]:
    return [] if text in {"0", YES} else [found("radio_cell_word", row, column.name, text, values={"known": "0, 1"})]


def _free(_column: Column, _row: Cells, _text: str) -> list[Finding]:
    return []


def number(text: str) -> float | None:
    """A finite number, or None."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def found(
    code: str, row: Cells, column: str, value: str = "", *, severity: str = "error", values: Mapping[str, object] = NONE
) -> Finding:
    """A finding about one cell of a row, whose name is among its values."""
    named = {"name": row["name"], **values}
    return Finding(code=code, severity=severity, sheet=row["name"], column=column, value=value, values=named)


_TYPES: Mapping[str, Callable[[Column, Cells, str], list[Finding]]] = MappingProxyType(
    {
        "number": _numeric,
        "whole": _numeric,
        "numbers": _listed,
        "name": _named,
        "words": _worded,
        "choice": _worded,
        "flag": _flagged,
        "text": _free,
    }
)
