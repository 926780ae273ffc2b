"""Which column of a layer a heading of a file means."""

import csv
import itertools
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from siting.assets import schema
from siting.errors import BadInput
from siting.findings import Finding

_BRACKETS = re.compile(r"\([^)]*\)|\[[^\]]*\]|【[^】]*】")
_SPACE = re.compile(r"\s+")
_PREFIX_BYTES = 10
EXTRA = "extra"


@dataclass(frozen=True, kw_only=True)
class Headings:
    """Which heading feeds which column.

    Parameters
    ----------
    fields : mapping
        Column name -> heading of the file.
    unmapped : tuple of str
        Headings without a column; their cells are kept aside in ``extra``.
    findings : tuple of Finding
        Two headings for one column, headings matched by their cut-off beginning.
    """

    fields: Mapping[str, str]
    unmapped: tuple[str, ...]
    findings: tuple[Finding, ...]


def plain(heading: str) -> str:
    """A heading for comparison: NFKC, no spaces, no bracketed unit, lower case.

    Examples
    --------
    >>> plain("杆 高（米）*")
    '杆高'
    """
    text = _BRACKETS.sub("", unicodedata.normalize("NFKC", heading))
    return _SPACE.sub("", text).rstrip("*:").casefold()


@cache
def known(layer: str) -> Mapping[str, str]:
    """Every accepted heading of a layer, in `plain` form -> column name; the first column of the table wins."""
    names: dict[str, str] = {}
    fields = [c for c in schema.importable(layer) if c.type != "geometry"]
    for pick in (lambda c: (c.name,), lambda c: (c.title_zh,), lambda c: (c.title_en,), lambda c: c.aliases):
        for column in fields:
            for heading in pick(column):
                names.setdefault(plain(heading), column.name)
    return names


@cache
def place_headings() -> Mapping[str, tuple[str, str]]:
    """Accepted headings of coordinates -> (axis ``x`` or ``y``, kind ``degrees``, ``metres`` or ``any``)."""
    with Path(__file__).with_name("place_headings.csv").open(encoding="utf-8", newline="") as file:
        return {plain(r["heading"]): (r["axis"], r["kind"]) for r in csv.DictReader(file)}


@cache
def any_known() -> frozenset[str]:
    """Every heading that some layer knows, to find the row of headings in a sheet."""
    return frozenset(place_headings()) | {h for layer in schema.LAYERS for h in known(layer)}


def match(
    headings: Sequence[str], *, layer: str, mapping: Mapping[str, str] | None = None, cut: bool = False
) -> Headings:
    """Match a file's headings to a layer's columns.

    Parameters
    ----------
    headings : sequence of str
        As in the file.
    layer : str
        Layer.
    mapping : mapping, optional
        heading -> column name, as a person decided; wins over every table. An empty column name
        leaves the heading unmapped.
    cut : bool
        Whether the format cuts headings to 10 bytes (Shapefile).

    Raises
    ------
    BadInput
        If the mapping names a heading or column that is not there.
    """
    chosen = _chosen(headings, layer, mapping or {})
    table = known(layer)
    fields = {field: heading for heading, field in chosen.items() if field}
    findings: list[Finding] = []
    for heading in headings:
        if heading in chosen:
            continue
        field = table.get(plain(heading)) or (_by_prefix(heading, table, findings) if cut else None)
        if field is None or field in chosen.values():
            continue
        if field in fields:
            findings.append(
                Finding(
                    code="HEADING_TWICE",
                    severity="error",
                    column=heading,
                    values={"field": field, "first": fields[field]},
                )
            )
        else:
            fields[field] = heading
    derived = _derived(headings, layer, set(fields.values()) | set(chosen))
    findings += [Finding(code="DERIVED_IGNORED", severity="info", column=h) for h in derived]
    unmapped = tuple(h for h in headings if h not in fields.values() and h not in derived)
    return Headings(fields=fields, unmapped=unmapped, findings=tuple(findings))


def _chosen(headings: Sequence[str], layer: str, mapping: Mapping[str, str]) -> Mapping[str, str]:
    for heading, field in mapping.items():
        if heading not in headings:
            raise BadInput("assets.read.no_heading", heading=heading, known=", ".join(headings))
        if field and plain(field) not in place_headings() and schema.column(layer, field).derived:
            raise BadInput("assets.read.derived", column=field)
    return {heading: "" if plain(field) in place_headings() else field for heading, field in mapping.items()}


def _derived(headings: Sequence[str], layer: str, taken: set[str]) -> list[str]:
    """Headings of columns that are computed here: a file may carry them, they are not imported."""
    names = {
        plain(n)
        for c in schema.columns(layer)
        if c.derived and c.name != EXTRA
        for n in (c.name, c.title_zh, c.title_en)
    }
    return [h for h in headings if h not in taken and plain(h) in names]


def _by_prefix(heading: str, table: Mapping[str, str], findings: list[Finding]) -> str | None:
    start = plain(heading)
    if len(heading.encode("utf-8")) < _PREFIX_BYTES - 1:
        return None
    fields = {field for name, field in table.items() if name.startswith(start)}
    if len(fields) != 1:
        return None
    field = fields.pop()
    findings.append(Finding(code="HEADING_CUT", severity="warning", column=heading, values={"field": field}))
    return field


def coordinates(headings: Sequence[str], *, geographic: bool, mapping: Mapping[str, str]) -> tuple[str, str] | None:
    """The two headings that hold a place, or None; a person's mapping wins over the table."""
    wanted = ("degrees", "any") if geographic else ("metres", "any")
    table = place_headings()
    for kind in wanted:
        pair = [_first(headings, table, (axis, kind), mapping) for axis in "xy"]
        if pair[0] is not None and pair[1] is not None:
            return pair[0], pair[1]
    return None


def _first(
    headings: Sequence[str], table: Mapping[str, tuple[str, str]], wanted: tuple[str, str], mapping: Mapping[str, str]
) -> str | None:
    decided = (h for h in headings if table.get(plain(mapping.get(h, ""))) == wanted)
    found = (h for h in headings if h not in mapping and table.get(plain(h)) == wanted)
    return next(itertools.chain(decided, found), None)
