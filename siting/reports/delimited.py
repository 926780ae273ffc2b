"""Tables as CSV that a spreadsheet opens in the right characters and runs nothing of."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import pandas as pd

from siting.reports.workbook import plain

# Signs with which a spreadsheet takes a text for something to be run.
LIVE = ("=", "+", "-", "@", "\t", "\r")


def neutral(value: object) -> object:
    """A cell that nothing runs: a text that begins like a formula gets a leading quote, a number stays.

    >>> neutral("=1+1"), neutral(-3.5), neutral("灯杆")
    ("'=1+1", -3.5, '灯杆')
    """
    value = plain(value)
    return f"'{value}" if isinstance(value, str) and value.startswith(LIVE) else value


def delimited(table: pd.DataFrame, *, facts: Sequence[tuple[str, object]] = ()) -> bytes:
    """A table as CSV with a byte-order mark; what it rests on stands in columns of its own, alike in every row.

    Parameters
    ----------
    table : DataFrame
        Column names are the headings.
    facts : sequence of (str, object)
        Heading and value of what is the same for the whole file; an empty table gets one row that carries them.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow([neutral(str(name)) for name in (*table.columns, *(name for name, _ in facts))])
    same = [neutral(value) for _, value in facts]
    rows = table.to_numpy(dtype=object).tolist() or ([[None] * table.shape[1]] if facts else [])
    for row in rows:
        writer.writerow([*(neutral(cell) for cell in row), *same])
    return buffer.getvalue().encode("utf-8-sig")
