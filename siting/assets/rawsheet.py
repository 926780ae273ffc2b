"""Spreadsheets: the stored values of one sheet; macros, links and formulas are never followed."""

import io
import posixpath
import re
from collections.abc import Iterator, Mapping
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring, iterparse

from siting.assets.archive import unpack
from siting.assets.raw import Cell, Limits, NumberText, Raw
from siting.errors import BadInput

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_REL = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_REFERENCE = re.compile(r"([A-Z]{1,3})(\d{1,7})")
_HEADING_ROWS = 20
_ALPHABET = 26
Grid = dict[int, dict[int, Cell]]


def parse(data: bytes, *, sheet: str | None, limits: Limits) -> Raw:
    """The cells of one sheet, merged cells filled, headings still among the rows.

    Parameters
    ----------
    data : bytes
        An xlsx or xlsm file that passed the gate.
    sheet : str or None
        Sheet name; without one the first visible sheet.
    limits : Limits
        A cell farther out than the limits allow is refused before anything is laid out.

    Raises
    ------
    BadInput
        If there is no such sheet, the XML is broken, or the sheet is too large.
    """
    try:
        archive = unpack(data, wanted=lambda name: name.endswith((".xml", ".rels")), limits=limits)
        parts = _sheets(archive)
        chosen = sheet or next(iter(parts), "")
        if chosen not in parts:
            raise BadInput("assets.gate.no_sheet", sheet=chosen, known=", ".join(parts))
        grid, hidden, merges = _cells(archive, parts[chosen], _strings(archive), limits)
    except (ParseError, DefusedXmlException, KeyError, ValueError, IndexError) as error:
        raise BadInput("assets.gate.broken", kind="xlsx", reason=f"{type(error).__name__}: {error}") from error
    _fill(grid, merges)
    width = max((max(row) for row in grid.values() if row), default=0)
    numbers = sorted(grid)
    rows = [[grid[n].get(c) for c in range(1, width + 1)] for n in numbers]
    return Raw(kind="xlsx", rows=rows, numbers=numbers, sheet=chosen, sheets=tuple(parts), hidden=frozenset(hidden))


def _sheets(archive: Mapping[str, bytes]) -> dict[str, str]:
    targets = {r.get("Id"): r.get("Target", "") for r in fromstring(archive["xl/_rels/workbook.xml.rels"])}
    found: dict[str, str] = {}
    for item in fromstring(archive["xl/workbook.xml"]).iter(f"{_MAIN}sheet"):
        path = posixpath.normpath(posixpath.join("/xl", targets[item.get(_REL)])).lstrip("/")
        if item.get("state", "visible") == "visible" and "worksheets" in path:
            found[item.get("name", "")] = path
    return found


def _strings(archive: Mapping[str, bytes]) -> list[str]:
    if "xl/sharedStrings.xml" not in archive:
        return []
    return [_text(item) for item in fromstring(archive["xl/sharedStrings.xml"]).iter(f"{_MAIN}si")]


def _text(item: Element) -> str:
    phonetic = {id(t) for r in item.iter(f"{_MAIN}rPh") for t in r.iter(f"{_MAIN}t")}
    return "".join(t.text or "" for t in item.iter(f"{_MAIN}t") if id(t) not in phonetic)


def _cells(
    archive: Mapping[str, bytes], path: str, strings: list[str], limits: Limits
) -> tuple[Grid, set[int], list[str]]:
    grid: Grid = {}
    hidden: set[int] = set()
    merges: list[str] = []
    for _, node in iterparse(io.BytesIO(archive[path]), events=("end",)):
        if node.tag == f"{_MAIN}row":
            number, cells = _row(node, strings, limits, last=max(grid, default=0))
            grid[number] = cells
            if node.get("hidden") in {"1", "true"}:
                hidden.add(number)
            node.clear()
        elif node.tag == f"{_MAIN}mergeCell":
            merges.append(node.get("ref", ""))
    return {n: row for n, row in grid.items() if row}, hidden, merges


def _row(node: Element, strings: list[str], limits: Limits, *, last: int) -> tuple[int, dict[int, Cell]]:
    number = int(node.get("r", last + 1))
    cells: dict[int, Cell] = {}
    for at, cell in enumerate(node.iter(f"{_MAIN}c"), 1):
        value = _value(cell, strings)
        if value is None or not value.strip():
            continue
        column = _place(cell.get("r"))[1] if cell.get("r") else at
        if column > limits.max_columns or number > limits.max_rows + _HEADING_ROWS:
            raise BadInput(
                "assets.gate.extent",
                rows=number,
                columns=column,
                max_rows=limits.max_rows,
                max_columns=limits.max_columns,
            )
        cells[column] = value
    return number, cells


def _value(cell: Element, strings: list[str]) -> Cell:
    kind = cell.get("t", "n")
    if kind == "inlineStr":
        return _text(cell)
    stored = cell.find(f"{_MAIN}v")
    if stored is None or stored.text is None:
        return None
    if kind == "s":
        return strings[int(stored.text)]
    if kind == "b":
        return "true" if stored.text == "1" else "false"
    return NumberText(_plain(stored.text)) if kind == "n" else stored.text


def _plain(text: str) -> str:
    """A stored double as people would type it: 7.0999999999999996 is 7.1, 5.0 is 5."""
    value = float(text)
    if value.is_integer() and abs(value) < 1e15:  # noqa: PLR2004 - exact in a double
        return str(int(value))
    return text if "E" in text.upper() else repr(value)


def _fill(grid: Grid, merges: list[str]) -> None:
    for reference in merges:
        corners = reference.split(":")
        if len(corners) != 2:  # noqa: PLR2004 - a range has two corners
            continue
        (top, left), (bottom, right) = map(_place, corners)
        value = grid.get(top, {}).get(left)
        if value is None:
            continue
        for number in _between(grid, top, bottom):
            for column in range(left, min(right, left + _ALPHABET * 2) + 1):
                grid[number].setdefault(column, value)


def _between(grid: Grid, top: int, bottom: int) -> Iterator[int]:
    return (n for n in list(grid) if top <= n <= bottom)


def _place(reference: str | None) -> tuple[int, int]:
    match = _REFERENCE.fullmatch(reference or "")
    if match is None:
        raise ValueError(reference)
    column = 0
    for letter in match[1]:
        column = column * _ALPHABET + ord(letter) - ord("A") + 1
    return int(match[2]), column
