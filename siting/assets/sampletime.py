"""When a sample was taken: the many ways in which measuring tools write a moment."""

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone

from siting.assets.cells import SERIAL_ZERO, SERIALS, is_empty, normal
from siting.assets.raw import Cell

_CLOCK = re.compile(
    r"^(\d{4})[-/.年]?(\d{1,2})[-/.月]?(\d{1,2})日?[t ]*(?:(\d{1,2})[:时]?(\d{2})[:分]?(?:(\d{2})(?:[.,:](\d{1,9}))?秒?)?)?\s*(z|utc|[+-]\d{2}:?\d{2})?$",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"^\d+(?:\.\d+)?$")
# Digits of a date, of a date with hours and minutes, and with seconds, written without signs.
_COMPACT = frozenset({8, 12, 14})
# Seconds since 1970 of the years 2001 to 2286, and the same in milliseconds.
_SECONDS, _MILLISECONDS = (1e9, 1e10), (1e12, 1e13)


def moments(cells: Sequence[Cell], *, utc_offset_h: float) -> tuple[list[datetime | None], int, list[int]]:
    """Moments of cells in UTC.

    Parameters
    ----------
    cells : sequence of str or None
        ``2026-11-02 09:30:05.120``, ``2026/11/2 9:30``, ``20261102093005``, ISO 8601 with an offset, seconds or
        milliseconds since 1970, a spreadsheet's serial day.
    utc_offset_h : float
        Of the clock of those that state no zone [h].

    Returns
    -------
    tuple of list, int, list of int
        Moments (None: unknown), how many stated no zone, positions that could not be read.
    """
    zone = timezone(timedelta(hours=utc_offset_h))
    known = {cell: _moment(cell, zone) for cell in dict.fromkeys(cells)}
    found = [known[cell] for cell in cells]
    bad = [at for at, cell in enumerate(cells) if known[cell] is None and not is_empty(cell)]
    local = sum(moment is not None and moment.tzinfo is zone for moment in found)
    return [None if moment is None else moment.astimezone(UTC) for moment in found], local, bad


def _moment(cell: Cell, zone: timezone) -> datetime | None:
    """The moment of a cell; in `zone` itself where the cell states none."""
    if is_empty(cell):
        return None
    text = normal(cell or "")
    if _NUMBER.match(text) and len(text) not in _COMPACT:
        return _counted(float(text), zone)
    match = _CLOCK.match(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, stated = match.groups()
    micro = round(float(f"0.{fraction or 0}") * 1e6) % 1_000_000
    clock = (int(hour or 0), int(minute or 0), int(second or 0), micro)
    try:
        return datetime(int(year), int(month), int(day), *clock, tzinfo=_zone(stated) or zone)
    except ValueError:
        return None


def _counted(value: float, zone: timezone) -> datetime | None:
    if _SECONDS[0] <= value < _SECONDS[1]:
        return datetime.fromtimestamp(value, UTC)
    if _MILLISECONDS[0] <= value < _MILLISECONDS[1]:
        return datetime.fromtimestamp(value / 1000, UTC)
    if SERIALS[0] <= value <= SERIALS[1]:
        days = math.floor(value)
        start = datetime(SERIAL_ZERO.year, SERIAL_ZERO.month, SERIAL_ZERO.day, tzinfo=zone)
        return start + timedelta(days=days, seconds=round((value - days) * 86_400, 3))
    return None


def _zone(stated: str | None) -> timezone | None:
    if not stated:
        return None
    if stated.lower() in {"z", "utc"}:
        return UTC
    hours, minutes = int(stated[1:3]), int(stated[-2:])
    size = timedelta(hours=hours, minutes=minutes)
    return timezone(-size if stated[0] == "-" else size)
