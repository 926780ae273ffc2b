"""What the child process hands back about a file: cells as text, shapes as WKB, nothing typed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from siting.findings import Finding

Cell = str | None


class NumberText(str):
    """Text of a cell that the file itself holds as a number, not as text."""

    __slots__ = ()


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much of a file is looked at.

    Parameters
    ----------
    max_bytes : int
        Largest file [byte].
    max_rows, max_columns : int
        Largest table.
    max_entries : int
        Most members of a zip archive.
    max_expanded_bytes : int
        Largest sum of unpacked members [byte].
    max_ratio : float
        Largest expansion of an archive.
    max_memory_bytes : int
        Address space of the parsing process [byte].
    max_seconds : float
        Processor and wall time of the parsing process [s].
    """

    max_bytes: int = 200 * 2**20
    max_rows: int = 500_000
    max_columns: int = 1_000
    max_entries: int = 500
    max_expanded_bytes: int = 2**30
    max_ratio: float = 100.0
    max_memory_bytes: int = 3 * 2**30
    max_seconds: float = 120.0


@dataclass(frozen=True, kw_only=True)
class Raw:
    """A file's content before anybody interprets it.

    Parameters
    ----------
    kind : str
        ``csv``, ``xlsx``, ``geojson``, ``gpkg`` or ``shapefile``.
    rows : list of list of str or None
        Cells; all rows equally long.
    numbers : list of int
        Row as the user sees it, or feature number from 1.
    headings : tuple of str or None
        None where the headings are still among the rows.
    wkb : list of bytes or None
        Shapes, two-dimensional; None for a table without.
    sheet, sheets : str, tuple of str
        Which sheet or layer was read, and all there are.
    encoding : str
        Encoding of the text.
    stated_crs : str
        What the file says about its CRS; shown, never believed.
    hidden : frozenset of int
        Rows that the spreadsheet hides.
    findings : tuple of Finding
        What was met on the way.
    """

    kind: str
    rows: list[list[Cell]]
    numbers: list[int]
    headings: tuple[str, ...] | None = None
    wkb: list[bytes | None] | None = None
    sheet: str = ""
    sheets: tuple[str, ...] = ()
    encoding: str = "utf-8"
    stated_crs: str = ""
    hidden: frozenset[int] = frozenset()
    findings: tuple[Finding, ...] = ()


def dump(raw: Raw) -> bytes:
    """A raw table as JSON, safe to read from a process that is not trusted."""
    return json.dumps(
        {
            "kind": raw.kind,
            "rows": [
                [None if c is None else ("#" if isinstance(c, NumberText) else "'") + c for c in row]
                for row in raw.rows
            ],
            "numbers": raw.numbers,
            "headings": raw.headings,
            "wkb": None if raw.wkb is None else [None if w is None else w.hex() for w in raw.wkb],
            "sheet": raw.sheet,
            "sheets": raw.sheets,
            "encoding": raw.encoding,
            "stated_crs": raw.stated_crs,
            "hidden": sorted(raw.hidden),
            "findings": [vars(f) | {"values": dict(f.values)} for f in raw.findings],
        }
    ).encode()


def load(answer: Mapping[str, Any]) -> Raw:
    """The inverse of `dump`, from parsed JSON."""
    return Raw(
        kind=answer["kind"],
        rows=[[_cell(c) for c in row] for row in answer["rows"]],
        numbers=answer["numbers"],
        headings=None if answer["headings"] is None else tuple(answer["headings"]),
        wkb=None if answer["wkb"] is None else [None if w is None else bytes.fromhex(w) for w in answer["wkb"]],
        sheet=answer["sheet"],
        sheets=tuple(answer["sheets"]),
        encoding=answer["encoding"],
        stated_crs=answer["stated_crs"],
        hidden=frozenset(answer["hidden"]),
        findings=tuple(Finding(**f) for f in answer["findings"]),
    )


def _cell(code: str | None) -> Cell:
    if code is None:
        return None
    return NumberText(code[1:]) if code[0] == "#" else code[1:]


def as_cell(value: object) -> Cell:
    """A value of a GIS attribute as text; numbers stay marked as numbers."""
    if value is None or (isinstance(value, float) and value != value):  # noqa: PLR0124 - not a number
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return NumberText(str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value))  # noqa: PLR2004 - exact in a double
    if isinstance(value, int):
        return NumberText(str(value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
