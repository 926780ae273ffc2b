"""Cells of text become typed columns of a layer; what does not fit becomes a finding."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd

from siting.assets import headings, schema
from siting.assets.cells import Parsed, is_empty, parse_cell
from siting.assets.raw import Cell, NumberText
from siting.assets.read import Table
from siting.assets.schema import Column
from siting.errors import BadInput
from siting.findings import Finding

SEVERITIES: Mapping[str, str] = {
    "CAUTIOUS": "info",
    "FORMULA_TEXT": "info",
    "INVISIBLE": "info",
    "ID_FOREIGN": "info",
}


@dataclass(frozen=True, kw_only=True)
class Typed:
    """A file's rows in the columns of a layer.

    Parameters
    ----------
    frame : GeoDataFrame
        All columns of the layer, index = row as the user sees it, in the file's own coordinates.
    brought : tuple of str
        Columns that the file (or a person) gave; the others are unknown here.
    mapped : mapping
        Column -> heading.
    unmapped : tuple of str
        Headings whose cells went to ``extra``.
    findings : tuple of Finding
        Of all cells, at once.
    """

    frame: gpd.GeoDataFrame
    brought: tuple[str, ...]
    mapped: Mapping[str, str]
    unmapped: tuple[str, ...]
    findings: tuple[Finding, ...]


def typed(
    table: Table, *, layer: str, mapping: Mapping[str, str] | None = None, set_values: Mapping[str, str] | None = None
) -> Typed:
    """Type every cell of a table with places.

    Parameters
    ----------
    table : Table
        From `read_layer`.
    layer : str
        Layer.
    mapping : mapping, optional
        heading -> column name, as a person decided.
    set_values : mapping, optional
        column name -> text that holds for every row, over whatever the file says.

    Raises
    ------
    BadInput
        If a set value does not fit its column.
    """
    titles = [c for c in table.frame.columns if c != "geometry" and c not in table.place_columns]
    decided = {h: f for h, f in (mapping or {}).items() if h not in table.place_columns}
    matched = headings.match(titles, layer=layer, mapping=decided, cut=table.kind == "shapefile")
    constants = _constants(layer, set_values or {})
    data: dict[str, Sequence[object]] = {}
    findings = [*table.findings, *matched.findings]
    for column in schema.columns(layer):
        if column.type == "geometry":
            continue
        if column.name in constants:
            data[column.name] = [constants[column.name]] * len(table.frame)
        elif column.name in matched.fields:
            data[column.name] = _column(table, matched.fields[column.name], column, findings)
        else:
            data[column.name] = [None] * len(table.frame)
    overruled = [matched.fields[f] for f in constants if f in matched.fields]
    unmapped = (*matched.unmapped, *overruled)
    if headings.EXTRA in data:
        data[headings.EXTRA] = _extra(table.frame, unmapped)
    series = {name: as_series(values, schema.column(layer, name), table.frame.index) for name, values in data.items()}
    frame = gpd.GeoDataFrame(series, geometry=table.frame.geometry.to_numpy(), index=table.frame.index)
    mapped = {f: h for f, h in matched.fields.items() if f not in constants}
    brought = (*mapped, *constants, *((headings.EXTRA,) if unmapped else ()))
    return Typed(frame=frame, brought=brought, mapped=mapped, unmapped=unmapped, findings=tuple(findings))


def as_series(values: Sequence[object], column: Column, index: pd.Index) -> pd.Series:
    """A column as frames hold it: numbers as float with NaN for unknown, everything else as object."""
    if column.numeric:
        return pd.Series([np.nan if v is None else v for v in values], index=index, dtype=float)
    return pd.Series(list(values), index=index, dtype=object)


def _constants(layer: str, set_values: Mapping[str, str]) -> dict[str, object]:
    constants: dict[str, object] = {}
    for name, text in set_values.items():
        column = schema.column(layer, name)
        if column.derived or column.type == "geometry" or column.key == "key":
            raise BadInput("assets.read.derived", column=name)
        parsed = parse_cell(text, column)
        if parsed.problem and parsed.value is None:
            raise BadInput("assets.read.set_value", column=name, value=text, hint=parsed.hint)
        constants[name] = parsed.value
    return constants


def _column(table: Table, heading: str, column: Column, findings: list[Finding]) -> list[object]:
    cells = table.frame[heading].tolist()
    known: dict[tuple[bool, Cell], Parsed] = {}
    for cell in cells:
        mark = (isinstance(cell, NumberText), cell)
        if mark not in known:
            known[mark] = parse_cell(cell, column)
    parsed = [known[isinstance(cell, NumberText), cell] for cell in cells]
    if any(p.problem for p in known.values()):
        findings.extend(_cell_findings(table, heading, column, zip(cells, parsed, strict=True)))
    return [p.value for p in parsed]


def _cell_findings(
    table: Table, heading: str, column: Column, cells: Iterable[tuple[Cell, Parsed]]
) -> Iterable[Finding]:
    for row, (cell, parsed) in zip(table.frame.index, cells, strict=True):
        if parsed.problem:
            optional_word = parsed.problem == "VOCAB" and not column.required
            severity = "warning" if optional_word else SEVERITIES.get(parsed.problem, "error")
            values = {"hint": parsed.hint, "type": column.type, "title": column.title_zh}
            yield Finding(
                code=parsed.problem,
                severity=severity,
                row=int(row),
                column=heading,
                sheet=table.sheet,
                value=str(cell)[:200],
                values=values,
            )


def _extra(frame: pd.DataFrame, unmapped: Sequence[str]) -> list[str | None]:
    columns = [frame[name].tolist() for name in unmapped]
    rows = zip(*columns, strict=True) if columns else ([] for _ in range(len(frame)))
    return [_leftovers(unmapped, row) for row in rows]


def _leftovers(names: Sequence[str], cells: Iterable[Cell]) -> str | None:
    """The cells without a column as JSON; those of an earlier export join them."""
    kept: dict[str, str] = {}
    for name, cell in zip(names, cells, strict=False):
        if is_empty(cell):
            continue
        earlier = _earlier(cell) if headings.plain(name) == headings.EXTRA else {}
        kept |= earlier or {name: str(cell)}
    return json.dumps(kept, ensure_ascii=False) if kept else None


def _earlier(cell: Cell) -> dict[str, str]:
    try:
        found = json.loads(cell or "")
    except ValueError:
        return {}
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}
