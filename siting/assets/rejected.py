"""What a person takes home from an import: the rows set aside, and the list of findings."""

import csv
import io
from collections import defaultdict
from collections.abc import Sequence

import geopandas as gpd
import pandas as pd
import shapely
import xlsxwriter

from siting import words
from siting.assets import headings
from siting.findings import Finding, Findings

ROW_COLUMNS = ("import.rejected.row", "import.rejected.why", "import.rejected.remedy")
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r")
_POINT_HEADINGS = ("经度", "纬度")


def rejected_xlsx(rows: pd.DataFrame, findings: Findings, *, lang: str = words.DEFAULT_LANGUAGE) -> bytes:
    """The original columns of the rows set aside, with reasons, ready to be corrected and imported again.

    Parameters
    ----------
    rows : DataFrame
        Original cells, index = row as the user sees it; a shape becomes 经度 and 纬度 or text.
    findings : Findings
        All findings; the errors of each row are named.
    lang : str
        Language of reasons and remedies.

    Returns
    -------
    bytes
        xlsx; no cell is a live formula or link.
    """
    reasons: dict[int, list[Finding]] = defaultdict(list)
    for finding in findings.of("error"):
        if finding.row is not None:
            reasons[finding.row].append(finding)
    plain = _without_shapes(rows)
    titles = [*plain.columns, *(words.say(key, lang=lang) for key in ROW_COLUMNS)]
    body = [
        [*cells, row, _joined(reasons[row], "message", lang), _joined(reasons[row], "remedy", lang)]
        for row, *cells in plain.itertuples()
    ]
    buffer = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(buffer, options) as book:
        sheet = book.add_worksheet("rejected")
        for at, cells in enumerate([titles, *body]):
            _write(sheet, at, cells)
        sheet.freeze_panes(1, 0)
    return buffer.getvalue()


def _write(sheet: xlsxwriter.worksheet.Worksheet, at: int, cells: Sequence[object]) -> None:
    for column, cell in enumerate(cells):
        if cell is not None and not (isinstance(cell, float) and pd.isna(cell)):
            sheet.write_string(at, column, str(cell))


def _joined(findings: Sequence[Finding], part: str, lang: str) -> str:
    said = (f"{f.column}: {f.say(part, lang=lang)}" if f.column else f.say(part, lang=lang) for f in findings)
    return "\n".join(dict.fromkeys(said))


def _without_shapes(rows: pd.DataFrame) -> pd.DataFrame:
    if "geometry" not in rows.columns:
        return rows
    plain = pd.DataFrame(rows.drop(columns="geometry"))
    known = headings.place_headings()
    if any(headings.plain(str(c)) in known for c in plain.columns):
        return plain
    shapes = gpd.GeoSeries(rows["geometry"].to_numpy())
    if len(shapes) and (shapes.geom_type.dropna() == "Point").all():
        return plain.assign(**{_POINT_HEADINGS[0]: shapes.x.to_numpy(), _POINT_HEADINGS[1]: shapes.y.to_numpy()})
    texts = pd.Series(shapely.to_wkt(shapes.to_numpy()), index=plain.index, dtype=object)
    return plain.assign(geometry=texts)


def findings_csv(findings: Findings, *, lang: str = words.DEFAULT_LANGUAGE) -> bytes:
    """All findings as CSV with a byte-order mark; cells that a spreadsheet would run get a leading quote."""
    buffer = io.StringIO()
    names = ("sheet", "row", "column", "severity", "code", "value", "message", "remedy")
    writer = csv.DictWriter(buffer, names, lineterminator="\r\n")
    writer.writeheader()
    for record in findings.rows(lang=lang):
        writer.writerow({name: _safe(value) for name, value in record.items()})
    return buffer.getvalue().encode("utf-8-sig")


def _safe(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_DANGEROUS) else value
