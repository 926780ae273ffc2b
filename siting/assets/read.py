"""A file as a table of text cells, and as a frame with places; typing comes later."""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from siting.assets import gate, headings
from siting.assets.cells import Parsed, parse_date, parse_degrees, parse_number
from siting.assets.raw import Cell, Limits, Raw
from siting.errors import BadInput
from siting.findings import Finding
from siting.geo.crs import datum_of, is_geographic

__all__ = ["Parsed", "Table", "parse_date", "parse_degrees", "parse_number", "read_layer", "read_table"]

HEADING_ROWS = 20
MIN_MATCHES = 2
_FOOTERS = ("合计", "总计", "小计", "填表人", "审核人", "制表", "备注:", "备注：", "注:", "注：")
_ENDINGS = {
    "csv": ("csv", "tsv", "txt"),
    "xlsx": ("xlsx", "xlsm"),
    "geojson": ("geojson", "json"),
    "gpkg": ("gpkg",),
    "shapefile": ("zip",),
}


@dataclass(frozen=True, kw_only=True)
class Table:
    """A file as cells of text.

    Parameters
    ----------
    frame : DataFrame or GeoDataFrame
        Columns by the file's own headings, index = row as the user sees it; with a place after `read_layer`,
        in the file's own coordinates.
    name, kind : str
        File name, and what the file is.
    sheet, sheets : str, tuple of str
        Which sheet or layer was read, and all there are.
    header_rows : tuple of int
        Rows that hold the headings; empty for GIS files.
    encoding, stated_crs : str
        Text encoding, and what the file says about its CRS.
    place_columns : tuple of str
        Headings that became the place.
    findings : tuple of Finding
        What was met on the way.
    """

    frame: pd.DataFrame
    name: str
    kind: str
    sheet: str
    sheets: tuple[str, ...]
    header_rows: tuple[int, ...]
    encoding: str
    stated_crs: str
    findings: tuple[Finding, ...]
    place_columns: tuple[str, ...] = ()


def read_table(
    data: bytes,
    *,
    name: str,
    sheet: str | None = None,
    columns: Sequence[str] | None = None,
    limits: Limits | None = None,
) -> Table:
    """Let a file through the gate and find its headings.

    Parameters
    ----------
    data : bytes
        The file.
    name : str
        Its name, for messages; the content decides what it is.
    sheet : str, optional
        Sheet or layer.
    columns : sequence of str, optional
        Headings by which the heading row is recognised; default all that any layer knows.
    limits : Limits, optional
        Caps of the gate.

    Raises
    ------
    BadInput
        From the gate, or if no row of headings is found.
    """
    raw = gate.open_file(data, sheet=sheet, limits=limits)
    expected = headings.any_known() if columns is None else frozenset(map(headings.plain, columns))
    return _table(raw, name, expected)


def _table(raw: Raw, name: str, expected: frozenset[str]) -> Table:
    findings = [*raw.findings, *_about_file(raw, name)]
    if raw.headings is None:
        at = _heading_rows(raw.rows, expected)
        titles = _joined(raw.rows, at, expected)
        keep = [i for i in range(at[-1] + 1, len(raw.rows)) if _is_data(raw, i, findings)]
        rows, numbers, header = (
            [raw.rows[i] for i in keep],
            [raw.numbers[i] for i in keep],
            tuple(raw.numbers[i] for i in at),
        )
    else:
        titles, rows, numbers, header = list(raw.headings), raw.rows, raw.numbers, ()
    frame = pd.DataFrame(
        np.array(rows, dtype=object).reshape(len(rows), len(titles)),
        index=numbers,
        columns=_unique(titles),
        dtype=object,
    )
    frame = frame.drop(columns=[c for c in frame.columns if c.startswith("\0")])
    if raw.wkb is not None:
        shapes = shapely.from_wkb(np.array(raw.wkb, dtype=object))
        frame = gpd.GeoDataFrame(
            frame.rename(columns={"geometry": "geometry_text"}), geometry=gpd.GeoSeries(shapes, index=numbers)
        )
    return Table(
        frame=frame,
        name=name,
        kind=raw.kind,
        sheet=raw.sheet,
        sheets=raw.sheets,
        header_rows=header,
        encoding=raw.encoding,
        stated_crs=raw.stated_crs,
        findings=tuple(findings),
    )


def _about_file(raw: Raw, name: str) -> list[Finding]:
    ending = name.lower().rpartition(".")[2]
    out = []
    if ending not in _ENDINGS[raw.kind]:
        out.append(Finding(code="NAME_TYPE", severity="info", value=name, values={"kind": raw.kind}))
    if len(raw.sheets) > 1:
        out.append(
            Finding(
                code="SHEETS",
                severity="info",
                sheet=raw.sheet,
                values={"sheet": raw.sheet, "sheets": ", ".join(raw.sheets)},
            )
        )
    if raw.hidden:
        out.append(Finding(code="HIDDEN_ROWS", severity="info", sheet=raw.sheet, values={"n": len(raw.hidden)}))
    return out


def _matches(row: Sequence[Cell], expected: frozenset[str]) -> list[bool]:
    return [cell is not None and headings.plain(cell) in expected for cell in row]


def _heading_rows(rows: Sequence[Sequence[Cell]], expected: frozenset[str]) -> tuple[int, ...]:
    """Positions of the one or two rows of headings."""
    scores = [sum(_matches(row, expected)) for row in rows[:HEADING_ROWS]]
    if not scores:
        raise BadInput("assets.gate.no_table")
    best = int(np.argmax(scores))
    if scores[best] < MIN_MATCHES:
        best = next((i for i, row in enumerate(rows[:HEADING_ROWS]) if sum(c is not None for c in row) > 1), 0)
    if best + 1 < len(rows) and _continues(rows[best], rows[best + 1], expected):
        return best, best + 1
    above = rows[best - 1] if best else []
    groups = {c for c in above if c is not None}
    return (best - 1, best) if len(groups) > 1 and scores[best] >= MIN_MATCHES else (best,)


def _continues(upper: Sequence[Cell], lower: Sequence[Cell], expected: frozenset[str]) -> bool:
    """Whether the row below the headings holds only further headings."""
    found = _matches(lower, expected)
    filled = [c is not None for c in lower]
    new = [hit and not known for hit, known in zip(found, _matches(upper, expected), strict=True)]
    return found == filled and any(new)


def _joined(rows: Sequence[Sequence[Cell]], at: tuple[int, ...], expected: frozenset[str]) -> list[str]:
    titles = []
    for column, parts in enumerate(zip(*(rows[i] for i in at), strict=True)):
        names = list(dict.fromkeys(p.strip() for p in parts if p is not None and p.strip()))
        known = [n for n in reversed(names) if headings.plain(n) in expected]
        titles.append(known[0] if known else " ".join(names) or f"\0{column}")
    return titles


def _unique(titles: Sequence[str]) -> list[str]:
    seen: dict[str, int] = {}
    out = []
    for title in titles:
        seen[title] = seen.get(title, 0) + 1
        out.append(title if seen[title] == 1 else f"{title} ({seen[title]})")
    return out


def _is_data(raw: Raw, at: int, findings: list[Finding]) -> bool:
    filled = [c for c in raw.rows[at] if c is not None and c.strip()]
    if not filled:
        return False
    if filled[0].strip().startswith(_FOOTERS):
        findings.append(
            Finding(code="ROW_DROPPED", severity="info", row=raw.numbers[at], sheet=raw.sheet, value=filled[0][:80])
        )
        return False
    return True


def read_layer(
    data: bytes,
    *,
    name: str,
    datum: str | None,
    layer: str,
    sheet: str | None = None,
    mapping: Mapping[str, str] | None = None,
    limits: Limits | None = None,
) -> Table:
    """A file with places: the shapes of a GIS file, or points from the coordinate columns of a table.

    Parameters
    ----------
    data, name, sheet, limits
        As in `read_table`.
    datum : str or None
        Declared datum; an undeclared one is refused, for GeoJSON too.
    layer : str
        Layer whose headings are looked for.
    mapping : mapping, optional
        heading -> column, as a person decided; ``lon_deg`` and ``lat_deg`` (or ``easting_m`` and
        ``northing_m``) may be among them.

    Returns
    -------
    Table
        ``frame`` is a GeoDataFrame in the file's own coordinates, without a CRS; a cell that is no
        coordinate leaves the row without a shape and a finding.

    Raises
    ------
    BadInput
        If the datum is missing or unknown, or a table has no coordinate columns.
    """
    datum_of(datum)
    expected = [*headings.known(layer), *headings.place_headings(), *(mapping or {})]
    table = read_table(data, name=name, sheet=sheet, columns=expected, limits=limits)
    return located(table, datum=datum, mapping=mapping or {})


def located(table: Table, *, datum: str | None, mapping: Mapping[str, str]) -> Table:
    """A table with its places: the shapes it has, or points from its coordinate columns.

    Raises
    ------
    BadInput
        If the datum is missing or unknown, or there are no coordinate columns.
    """
    geographic = is_geographic(datum_of(datum).crs)
    if isinstance(table.frame, gpd.GeoDataFrame):
        return table
    pair = headings.coordinates(list(table.frame.columns), geographic=geographic, mapping=mapping)
    if pair is None:
        raise BadInput("assets.read.no_place", headings=", ".join(table.frame.columns))
    axes, findings = zip(*(_axis(table, heading, geographic=geographic) for heading in pair), strict=True)
    blank = np.isnan(axes[0]) | np.isnan(axes[1])
    shapes = np.where(blank, None, shapely.points(*axes))
    frame = gpd.GeoDataFrame(table.frame, geometry=gpd.GeoSeries(shapes, index=table.frame.index))
    more = itertools.chain.from_iterable(findings)
    return dataclasses.replace(table, frame=frame, place_columns=pair, findings=(*table.findings, *more))


def _axis(table: Table, heading: str, *, geographic: bool) -> tuple[np.ndarray, list[Finding]]:
    cells: Mapping[Cell, Parsed] = {
        c: parse_degrees(c) if geographic else parse_number(c, unit="m") for c in set(table.frame[heading])
    }
    findings = [
        Finding(
            code="TYPE",
            row=int(str(row)),
            column=heading,
            sheet=table.sheet,
            value=str(cell),
            values={"hint": cells[cell].hint},
        )
        for row, cell in table.frame[heading].items()
        if cells[cell].problem == "TYPE"
    ]
    values = [cells[cell].value for cell in table.frame[heading]]
    return np.array([np.nan if v is None else v for v in values], dtype=float), findings
