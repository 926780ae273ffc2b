"""Tables as xlsx in which no cell can be a live formula or link."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xlsxwriter

MAX_WIDTH = 40


@dataclass(frozen=True)
class Sheet:
    """One sheet: a title, a table, and lines that say what it is.

    Parameters
    ----------
    title : str
        Name of the sheet.
    table : DataFrame
        Column names are the headings.
    notes : sequence of (str, object)
        Label and value, written below the table.
    """

    title: str
    table: pd.DataFrame
    notes: Sequence[tuple[str, object]] = ()


def workbook(sheets: Sequence[Sheet], *, properties: Mapping[str, str]) -> bytes:
    """An xlsx: frozen headings, filter, texts as texts.

    Parameters
    ----------
    sheets : sequence of Sheet
        In order.
    properties : mapping
        Document properties (``title``, ``comments``).

    Returns
    -------
    bytes
        The file.
    """
    buffer = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(buffer, options) as book:
        book.set_properties(dict(properties))
        head = book.add_format({"bold": True, "bg_color": "#E8EEF4", "border": 1, "text_wrap": True, "valign": "top"})
        for sheet in sheets:
            _write(book.add_worksheet(sheet.title[:31]), sheet, head)
    return buffer.getvalue()


def _write(page: Any, sheet: Sheet, head: Any) -> None:
    names = [str(name) for name in sheet.table.columns]
    for column, name in enumerate(names):
        cells = [plain(value) for value in sheet.table.iloc[:, column]]
        page.write_string(0, column, name, head)
        for row, cell in enumerate(cells, start=1):
            _cell(page, row, column, cell)
        widest = max([_width(name), *(_width(cell) for cell in cells)], default=8)
        page.set_column(column, column, min(widest + 2, MAX_WIDTH))
    if names:
        page.freeze_panes(1, 0)
        page.autofilter(0, 0, max(len(sheet.table), 1), len(names) - 1)
    for offset, (label, value) in enumerate(sheet.notes):
        row = len(sheet.table) + (2 if names else 0) + offset
        page.write_string(row, 0, str(label))
        _cell(page, row, 1, plain(value))


def _cell(page: Any, row: int, column: int, value: object) -> None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        page.write_number(row, column, value)
    elif value is not None:
        page.write_string(row, column, str(value))


def plain(value: Any) -> object:
    """A cell's value as number or text; unknown is None and stays an empty cell."""
    if isinstance(value, list | tuple | np.ndarray):
        return "、".join(str(v) for v in value)
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


def _width(value: object) -> int:
    """Columns a text needs: a Chinese character takes two."""
    text = "" if value is None else str(value)
    return sum(2 if ord(c) > 0x2E80 else 1 for c in text)  # noqa: PLR2004 - where East Asian scripts begin
