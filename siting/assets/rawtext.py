"""Delimited text, and text in whatever encoding it comes."""

import codecs
import csv
import io
import itertools
from collections import Counter

from siting.assets.raw import Limits, Raw
from siting.errors import BadInput

DELIMITERS = ",;\t|"
SAMPLE_LINES = 50
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def decode(data: bytes) -> tuple[str, str]:
    """Text and its encoding: byte-order mark, then strict UTF-8, then strict GB18030; nothing is replaced.

    Raises
    ------
    BadInput
        Naming the first bad byte and its line.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _strict(data, encoding), encoding
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        return _strict(data, "gb18030"), "gb18030"


def _strict(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = data[error.start : error.start + 1].hex()
        raise BadInput("assets.gate.encoding", byte=byte, line=line, offset=error.start) from error


def delimiter_of(text: str) -> str:
    """The delimiter that cuts the first lines most evenly into at least two cells.

    Raises
    ------
    BadInput
        If none does: then this is no table.
    """
    lines = list(itertools.islice(filter(str.strip, io.StringIO(text)), SAMPLE_LINES))
    best = max(DELIMITERS, key=lambda mark: _evenness(lines, mark))
    if _evenness(lines, best)[0] == 0:
        raise BadInput("assets.gate.no_table")
    return best


def _evenness(lines: list[str], mark: str) -> tuple[int, int]:
    widths = Counter(len(row) for row in csv.reader(lines, delimiter=mark) if len(row) > 1)
    if not widths:
        return 0, 0
    width, count = max(widths.items(), key=lambda item: (item[1], item[0]))
    return count, width


def parse(data: bytes, *, limits: Limits) -> Raw:
    """A delimited text file as raw cells, headings still among the rows.

    Raises
    ------
    BadInput
        If the encoding is unknown, the table too large, or there is no table.
    """
    text, encoding = decode(data)
    try:
        rows = list(itertools.islice(csv.reader(io.StringIO(text), delimiter=delimiter_of(text)), limits.max_rows + 2))
    except csv.Error as error:
        raise BadInput("assets.gate.csv", reason=str(error)) from error
    width = max(map(len, rows), default=0)
    if len(rows) > limits.max_rows + 1 or width > limits.max_columns:
        raise BadInput(
            "assets.gate.extent",
            rows=len(rows),
            columns=width,
            max_rows=limits.max_rows,
            max_columns=limits.max_columns,
        )
    padded = [[cell or None for cell in row] + [None] * (width - len(row)) for row in rows]
    return Raw(kind="csv", rows=padded, numbers=list(range(1, len(rows) + 1)), encoding=encoding)
