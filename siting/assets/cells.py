"""What one cell means: numbers with units, dates, degrees, yes and no, words of a vocabulary."""

import csv
import difflib
import json
import re
import unicodedata
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

from siting.assets.raw import Cell, NumberText
from siting.assets.schema import Column, vocabulary

EMPTY = frozenset(
    {"", "无", "/", "—", "-", "–", "－", "n/a", "na", "空", "null", "none", "nil", "nan", "未知", "<null>"}
)
TRUE = frozenset({"是", "有", "√", "true", "yes", "y", "t", "1"})
FALSE = frozenset({"否", "无", "×", "x", "false", "no", "n", "f", "0"})
SERIALS = (20_000, 80_000)
SERIAL_ZERO = date(1899, 12, 30)
EXACT_DIGITS = 15
_ABOUT = re.compile(r"^(大约|约|≈|~|>=|≥|>|<=|≤|<|不小于|不大于)\s*")
_RANGE = re.compile(r"^(\d+(?:\.\d+)?)\s*(?:~|-|—|–|至|到)\s*(\d+(?:\.\d+)?)\s*(.*)$")
_NUMBER = re.compile(r"^([+-]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?(?:e[+-]?\d+)?)\s*(.*)$", re.IGNORECASE)
_DATE = re.compile(r"^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[t ].*)?$", re.IGNORECASE)
_DEGREES = re.compile(
    r"^(东经|西经|北纬|南纬|[ewns])?\s*([+-]?\d+(?:\.\d+)?)\s*(?:[°度d]\s*(?:(\d+(?:\.\d+)?)\s*['′分]\s*)?(?:(\d+(?:\.\d+)?)\s*(?:[\"″秒]|''|′′)\s*)?)?([ewns])?$"
)
_INVISIBLE = re.compile(
    "[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]"
)
_SPLIT = re.compile(r"[、,，;；|]")
_ERRORS = frozenset({"#ref!", "#n/a", "#value!", "#name?", "#div/0!", "#null!", "#num!"})


@dataclass(frozen=True)
class Parsed:
    """A cell's value and what has to be said about it.

    Parameters
    ----------
    value : object
        Typed value; None is unknown.
    problem : str
        Code of a finding, or empty.
    hint : str
        The nearest allowed value, or how the cell was understood.
    """

    value: object = None
    problem: str = ""
    hint: str = ""


def normal(text: str) -> str:
    """A cell for comparison: full-width to half-width, invisible characters off, trimmed."""
    return _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).strip()


def is_empty(text: Cell) -> bool:
    """Whether a cell says nothing."""
    return text is None or normal(text).casefold() in EMPTY


def parse_number(text: Cell, *, unit: str) -> Parsed:
    """A number in the column's unit; of a range or an approximate number the cautious, lower end.

    Parameters
    ----------
    text : str or None
        As in the file, e.g. ``"1200cm"``, ``"约12"``, ``"12~15米"``, ``"1,234.5"``.
    unit : str
        The column's unit; a row of ``units.csv`` for every accepted suffix.

    Examples
    --------
    >>> parse_number("1200cm", unit="m").value
    12.0
    """
    if is_empty(text):
        return Parsed()
    plain = normal(text or "").casefold()
    if plain in _ERRORS:
        return Parsed(problem="TYPE")
    rest = _ABOUT.sub("", plain)
    between = _RANGE.match(rest)
    digits, suffix = (between[1], between[3]) if between else _NUMBER.match(rest).groups()  # type: ignore[union-attr]
    if not any(c.isdigit() for c in digits):
        return Parsed(problem="TYPE")
    factor = _factors(unit).get(suffix.strip())
    if factor is None:
        return Parsed(problem="UNIT", hint=unit)
    value = round(float(digits.replace(",", "")) * factor, 9)
    return Parsed(value, "CAUTIOUS" if between or rest != plain else "", f"{value:g} {unit}".strip())


@cache
def _factors(unit: str) -> Mapping[str, float]:
    with Path(__file__).with_name("units.csv").open(encoding="utf-8", newline="") as file:
        rows = [r for r in csv.DictReader(file) if r["unit"] == unit]
    return {"": 1.0, **{r["suffix"]: float(r["factor"]) for r in rows}}


def parse_date(text: Cell) -> Parsed:
    """A calendar date; an impossible one is refused, a bare number of the right size is a spreadsheet serial."""
    if is_empty(text):
        return Parsed()
    plain = normal(text or "")
    if re.fullmatch(r"\d{5}(\.\d+)?", plain) and SERIALS[0] <= float(plain) <= SERIALS[1]:
        return Parsed(SERIAL_ZERO + timedelta(days=int(float(plain))))
    compact = re.fullmatch(r"(\d{4})(\d{2})(\d{2})", plain)
    match = compact or _DATE.match(plain)
    if match is None:
        return Parsed(problem="TYPE", hint="2026-11-01")
    try:
        return Parsed(date(*map(int, match.groups()[:3])))
    except ValueError:
        return Parsed(problem="TYPE", hint="2026-11-01")


def parse_datetime(text: Cell) -> Parsed:
    """A moment in ISO form, with an offset; without one UTC is not assumed but refused."""
    if is_empty(text):
        return Parsed()
    try:
        moment = datetime.fromisoformat(normal(text or ""))
    except ValueError:
        return Parsed(problem="TYPE", hint="2026-11-01T08:00:00+08:00")
    return Parsed(moment.astimezone(UTC)) if moment.tzinfo else Parsed(problem="TYPE", hint="2026-11-01T08:00:00+08:00")


def parse_degrees(text: Cell) -> Parsed:
    """Degrees as a decimal or with minutes and seconds, with a hemisphere before or behind.

    Examples
    --------
    >>> parse_degrees("117°09′00″").value
    117.15
    """
    if is_empty(text):
        return Parsed()
    match = _DEGREES.match(normal(text or "").casefold())
    if match is None:
        return Parsed(problem="TYPE", hint="117.15")
    before, whole, minutes, seconds, behind = match.groups()
    size = abs(float(whole)) + float(minutes or 0) / 60 + float(seconds or 0) / 3600
    negative = whole.startswith("-") or (before or behind) in {"西经", "南纬", "w", "s"}
    if float(minutes or 0) >= 60 or float(seconds or 0) >= 60:  # noqa: PLR2004 - sexagesimal
        return Parsed(problem="TYPE", hint="117.15")
    return Parsed(-size if negative else size)


def parse_cell(text: Cell, column: Column) -> Parsed:
    """A cell as the column's type.

    Parameters
    ----------
    text : str or None
        The cell.
    column : Column
        Its column.
    """
    if text is None:
        return Parsed()
    if column.numeric:
        return _ranged(parse_number(text, unit=column.unit), column)
    return _PARSERS[column.type](text, column)


def _ranged(parsed: Parsed, column: Column) -> Parsed:
    value = parsed.value
    if not isinstance(value, float):
        return parsed
    low, high = column.minimum, column.maximum
    if (low is not None and value < low) or (high is not None and value > high) or value != value:  # noqa: PLR0124 - not a number
        return Parsed(
            problem="RANGE",
            hint=f"{'' if low is None else f'{low:g}'}..{'' if high is None else f'{high:g}'} {column.unit}",
        )
    if column.type == "int":
        return (
            Parsed(int(value), parsed.problem, parsed.hint)
            if value.is_integer()
            else Parsed(problem="TYPE", hint=f"{int(value)}")
        )
    return parsed


def _text(text: str, column: Column) -> Parsed:
    if is_empty(text):
        return Parsed()
    if normal(text).casefold() in _ERRORS:
        return Parsed(problem="TYPE")
    if isinstance(text, NumberText):
        lossy = column.key and ("e" in text.lower() or sum(map(str.isdigit, text)) > EXACT_DIGITS)
        return Parsed(problem="DIGITS_LOST") if lossy else Parsed(str(text))
    clean = _INVISIBLE.sub("", text).strip()
    if clean != text.strip():
        return Parsed(clean, "INVISIBLE", clean)
    return Parsed(clean, "FORMULA_TEXT" if clean[0] in "=+-@" else "", clean)


def _bool(text: str, column: Column) -> Parsed:  # noqa: ARG001 - one shape for all parsers
    plain = normal(text).casefold()
    if plain in TRUE or plain in FALSE:
        return Parsed(plain in TRUE)
    return Parsed() if plain in EMPTY else Parsed(problem="TYPE", hint="是 / 否")


def _uuid(text: str, column: Column) -> Parsed:  # noqa: ARG001 - one shape for all parsers
    if is_empty(text):
        return Parsed()
    try:
        return Parsed(str(uuid.UUID(normal(text))))
    except ValueError:
        return Parsed(str(uuid.uuid5(uuid.NAMESPACE_OID, f"siting:{normal(text)}")), "ID_FOREIGN", normal(text))


def _enum(text: str, column: Column) -> Parsed:
    words = _words(column.vocab)
    plain = normal(text).casefold()
    if plain in words:
        return Parsed(words[plain])
    if plain in EMPTY:
        return Parsed()
    near = difflib.get_close_matches(plain, words, n=1, cutoff=0.0)
    return Parsed(problem="VOCAB", hint=words[near[0]] if near else "")


def _list(text: str, column: Column) -> Parsed:
    if is_empty(text):
        return Parsed()
    parts = [_text(p, column) if column.type == "list_text" else _enum(p, column) for p in _parts(normal(text))]
    wrong = next((p for p in parts if p.problem and p.value is None), None)
    return wrong or Parsed([p.value for p in parts if p.value is not None] or None)


def _parts(text: str) -> list[str]:
    if text.startswith("["):
        try:
            return [str(p) for p in json.loads(text)]
        except ValueError:
            return [text]
    return [p.strip() for p in _SPLIT.split(text) if p.strip()]


@cache
def _words(vocab: str) -> Mapping[str, str]:
    return {
        normal(name).casefold(): term.code
        for term in vocabulary(vocab)
        for name in (term.title_en, term.title_zh, term.code)
    }


_PARSERS: Mapping[str, Callable[[str, Column], Parsed]] = {
    "text": _text,
    "bool": _bool,
    "uuid": _uuid,
    "enum": _enum,
    "list_enum": _list,
    "list_text": _list,
    "date": lambda text, _: parse_date(text),
    "datetime": lambda text, _: parse_datetime(text),
}
