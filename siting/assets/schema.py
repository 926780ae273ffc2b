"""The data standard: every layer's columns come from the CSV tables beside this module.

Loader, checker, store, spreadsheet template and JSON Schema read these tables and nothing else;
a new field is a new line of a table.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

import xlsxwriter

from siting.errors import BadInput

SCHEMA_VERSION = 1
LAYERS = (
    "assets",
    "sites",
    "sectors",
    "candidates",
    "buildings",
    "demand",
    "venues",
    "roads",
    "access",
    "ducts",
    "districts",
    "landcover",
)
# Column tables of what the store keeps as files, not as tables.
FILES = ("samples",)
TYPES = ("text", "int", "float", "bool", "date", "datetime", "uuid", "geometry", "enum", "list_enum", "list_text")
LEVELS = ("open", "internal", "sensitive")
COLUMNS_DIR = Path(__file__).parent / "columns"
VOCAB_DIR = Path(__file__).parent / "vocab"
TEMPLATE_ROWS = 2000

_JSON_TYPES: Mapping[str, Mapping[str, object]] = MappingProxyType(
    {
        "text": {"type": "string"},
        "int": {"type": "integer"},
        "float": {"type": "number"},
        "bool": {"type": "boolean"},
        "date": {"type": "string", "format": "date"},
        "datetime": {"type": "string", "format": "date-time"},
        "uuid": {"type": "string", "format": "uuid"},
        "geometry": {"type": "object"},
        "enum": {"type": "string"},
        "list_enum": {"type": "array"},
        "list_text": {"type": "array", "items": {"type": "string"}},
    }
)
_EXAMPLES: Mapping[str, str] = MappingProxyType(
    {
        "text": "示例",
        "int": "1",
        "float": "1.5",
        "bool": "是",
        "date": "2026-11-01",
        "datetime": "2026-11-01T08:00:00+08:00",
        "list_text": "示例",
    }
)


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a layer.

    Parameters
    ----------
    name : str
        ASCII code, with the unit in it where a number crosses a border.
    title_zh, title_en : str
        Titles as people see them.
    type : str
        One of `TYPES`.
    unit : str
        Unit of a number (``"1"`` for counts); for other types empty.
    required : bool
        Whether a stored row must have a value.
    key : str
        ``"key"``, ``"alternate"`` (all alternates together identify a row) or empty.
    vocab : str
        Name of the vocabulary of an enum; for geometry the vocabulary of allowed shapes.
    minimum, maximum : float or None
        Allowed closed range, in ``unit``.
    aliases : tuple of str
        Further headings under which files call this column.
    level : str
        Who may get the column out: one of `LEVELS`.
    derived : bool
        Computed here, never imported.
    since : int
        Schema version that introduced the column.
    doc : str
        What the column means, one line.
    """

    name: str
    title_zh: str
    title_en: str
    type: str
    unit: str
    required: bool
    key: str
    vocab: str
    minimum: float | None
    maximum: float | None
    aliases: tuple[str, ...]
    level: str
    derived: bool
    since: int
    doc: str

    @property
    def numeric(self) -> bool:
        """Whether the column holds numbers."""
        return self.type in {"int", "float"}


@dataclass(frozen=True, kw_only=True)
class Term:
    """One word of a vocabulary; a retired one is still read, never offered."""

    code: str
    title_zh: str
    title_en: str
    order: int
    retired: bool


def require_layer(layer: str) -> None:
    """Refuse a layer name that the data standard does not know.

    Raises
    ------
    BadInput
        With the known names.
    """
    if layer not in (*LAYERS, *FILES):
        raise BadInput("assets.schema.layer", layer=layer, known=", ".join(LAYERS))


@cache
def columns(layer: str) -> tuple[Column, ...]:
    """Columns of a layer, in the order of its table.

    Raises
    ------
    BadInput
        If there is no such layer.
    """
    require_layer(layer)
    return tuple(_column(row) for row in _rows(COLUMNS_DIR / f"{layer}.csv"))


@cache
def column(layer: str, name: str) -> Column:
    """One column by its name.

    Raises
    ------
    BadInput
        If the layer has no such column.
    """
    for item in columns(layer):
        if item.name == name:
            return item
    raise BadInput("assets.schema.column", layer=layer, column=name, known=", ".join(c.name for c in columns(layer)))


@cache
def vocabulary(name: str) -> tuple[Term, ...]:
    """Words of a vocabulary in display order."""
    terms = (
        Term(
            code=r["code"],
            title_zh=r["title_zh"],
            title_en=r["title_en"],
            order=int(r["order"]),
            retired=bool(r["retired"]),
        )
        for r in _rows(VOCAB_DIR / f"{name}.csv")
    )
    return tuple(sorted(terms, key=lambda term: term.order))


def key_column(layer: str) -> str:
    """Name of the column that identifies a row."""
    return next(c.name for c in columns(layer) if c.key == "key")


def alternate_keys(layer: str) -> tuple[str, ...]:
    """Names of the columns that together identify a row in the eyes of its owner; may be empty."""
    return tuple(c.name for c in columns(layer) if c.key == "alternate")


def importable(layer: str) -> tuple[Column, ...]:
    """Columns a file may bring: all but the derived ones."""
    return tuple(c for c in columns(layer) if not c.derived)


def json_schema(layer: str) -> dict[str, object]:
    """JSON Schema (draft 2020-12) of one row, geometry as GeoJSON.

    Parameters
    ----------
    layer : str
        One of `LAYERS`.
    """
    fields = importable(layer)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": layer,
        "x-version": SCHEMA_VERSION,
        "type": "object",
        "properties": {c.name: _property(c) for c in fields},
        "required": [c.name for c in fields if c.required],
    }


def _property(item: Column) -> dict[str, object]:
    out: dict[str, object] = {
        "title": item.title_zh,
        "description": item.doc,
        **_JSON_TYPES[item.type],
        "x-level": item.level,
    }
    if item.unit:
        out["x-unit"] = item.unit
    if item.type == "geometry":
        out["properties"] = {"type": {"enum": _codes(item)}}
    elif item.type == "list_enum":
        out["items"] = {"type": "string", "enum": _codes(item)}
    elif item.type == "enum":
        out["enum"] = _codes(item)
    if item.minimum is not None:
        out["minimum"] = item.minimum
    if item.maximum is not None:
        out["maximum"] = item.maximum
    return (
        out
        if item.required
        else {**out, "type": [out["type"], "null"], **({"enum": [*_codes(item), None]} if "enum" in out else {})}
    )


def _codes(item: Column) -> list[str]:
    return [term.code for term in vocabulary(item.vocab)]


def template(
    layer: str, *, before: Sequence[Column] = (), lists: Mapping[str, Sequence[str]] = MappingProxyType({})
) -> bytes:
    """An empty spreadsheet to fill in: headings, drop-downs, one example row, a sheet of vocabularies.

    Parameters
    ----------
    layer : str
        One of `LAYERS`; its geometry becomes two columns 经度 and 纬度.
    before : sequence of Column
        Further columns in front, by which a row names what it belongs to.
    lists : mapping
        Column -> its allowed words, for columns whose vocabulary is kept elsewhere.

    Returns
    -------
    bytes
        The xlsx file; no cell is a live formula or link.
    """
    buffer = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(buffer, options) as book:
        sheet, words = book.add_worksheet(layer), book.add_worksheet("词表")
        bold, text = book.add_format({"bold": True}), book.add_format({"num_format": "@"})
        sheet.freeze_panes(1, 0)
        fields = [*((item.title_zh, item) for item in before), *_headings(layer)]
        for at, (heading, item) in enumerate(fields):
            allowed = tuple(lists.get(item.name, ()) if item not in before else ()) or _offered(item)
            sheet.set_column(at, at, 16, text)
            sheet.write_string(0, at, heading, bold)
            sheet.write_string(1, at, allowed[0] if allowed else _example(heading, item))
            if item.type == "enum" or item.name in lists:
                span = _write_terms(words, at, item.title_zh, allowed)
                sheet.data_validation(1, at, TEMPLATE_ROWS, at, {"validate": "list", "source": span})
    return buffer.getvalue()


def _headings(layer: str) -> Iterator[tuple[str, Column]]:
    titles = [c.title_zh for c in importable(layer)]
    for item in importable(layer):
        if item.type == "geometry":
            yield from (("经度", item), ("纬度", item))
        else:
            yield (item.title_zh if titles.count(item.title_zh) == 1 else item.name), item


def _example(heading: str, item: Column) -> str:
    if item.type == "geometry":
        return {"经度": "117.15", "纬度": "39.12"}[heading]
    if item.numeric and item.minimum is not None:
        return f"{max(item.minimum, 1):g}"
    return _EXAMPLES.get(item.type, "")


def _offered(item: Column) -> tuple[str, ...]:
    """Words that a coded column offers."""
    if item.type not in {"enum", "list_enum"}:
        return ()
    return tuple(term.title_zh for term in vocabulary(item.vocab) if not term.retired)


def _write_terms(sheet: xlsxwriter.worksheet.Worksheet, at: int, title: str, terms: Sequence[str]) -> str:
    sheet.write_string(0, at, title)
    for row, term in enumerate(terms, 1):
        sheet.write_string(row, at, term)
    letter = xlsxwriter.utility.xl_col_to_name(at, col_abs=True)
    return f"='词表'!{letter}$2:{letter}${len(terms) + 1}"


def _column(row: Mapping[str, str]) -> Column:
    return Column(
        name=row["name"],
        title_zh=row["title_zh"],
        title_en=row["title_en"],
        type=row["type"],
        unit=row["unit"],
        required=row["required"] == "yes",
        key=row["key"],
        vocab=row["vocab"],
        minimum=_number(row["minimum"]),
        maximum=_number(row["maximum"]),
        aliases=tuple(filter(None, row["aliases"].split("|"))),
        level=row["level"],
        derived=row["derived"] == "yes",
        since=int(row["since"]),
        doc=row["doc"],
    )


def _number(text: str) -> float | None:
    return float(text) if text else None


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
