"""From a file's bytes to what would land: everything of an import that needs no store."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

import geopandas as gpd
import pandas as pd

from siting.assets import schema
from siting.assets import sectors as sector_files
from siting.assets.check import check
from siting.assets.fill import Alternate, accuracy_m, fill
from siting.assets.match import Difference, difference
from siting.assets.owned import Bringer, frozen, owned
from siting.assets.place import place
from siting.assets.raw import Limits
from siting.assets.read import Table, read_layer
from siting.assets.sitenames import Hosts
from siting.assets.typed import Typed, typed
from siting.errors import BadInput
from siting.findings import Finding, Findings
from siting.geo.crs import Suspicion, suspect
from siting.geo.region import Region

# File-level errors after which no row may land, whatever reason is given.
BLOCKING = frozenset({"ZONE_PREFIX", "HEADING_TWICE"})


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a person asks for: a file and how to understand it.

    Parameters
    ----------
    data, name : bytes, str
        The file.
    layer, datum : str
        Target layer and declared datum.
    mapping : mapping
        heading -> column.
    set_values : mapping
        column -> text for every row.
    sheet : str or None
        Sheet or layer of the file.
    """

    data: bytes
    name: str
    layer: str
    datum: str | None
    mapping: Mapping[str, str] = field(default_factory=dict)
    set_values: Mapping[str, str] = field(default_factory=dict)
    sheet: str | None = None


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the district already holds.

    Parameters
    ----------
    project : str
        Project CRS.
    old : GeoDataFrame
        The layer as stored.
    region : Region or None
        The district's outline and sub-districts.
    reference : GeoDataFrame or None
        Trusted shapes against which a datum is tested: roads, the layer itself, or assets.
    hosts : Hosts or None
        What sectors may name; needed for that layer alone.
    bringer : Bringer or None
        Whose own the rows become, in a layer of everybody's own rows; ``old`` then holds the bringer's only.
    """

    project: str
    old: gpd.GeoDataFrame
    region: Region | None = None
    reference: gpd.GeoDataFrame | None = None
    hosts: Hosts | None = None
    bringer: Bringer | None = None


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """What would happen if the file were imported now.

    Parameters
    ----------
    table, typed : Table, Typed
        The file as read and as typed.
    difference : Difference
        Against the stored layer, of the rows without error.
    rejected : DataFrame
        The original cells of the rows with an error.
    findings : Findings
        Everything, in the order of the file.
    suspicion : Suspicion or None
        What the distances to the reference say about the declared datum.
    """

    table: Table
    typed: Typed
    difference: Difference
    rejected: pd.DataFrame
    findings: Findings
    suspicion: Suspicion | None


def with_class(set_values: Mapping[str, str], *, layer: str, asset_class: str | None) -> Mapping[str, str]:
    """The set values with a class for every row.

    Raises
    ------
    BadInput
        If the layer has no class.
    """
    if asset_class is None:
        return set_values
    if "class" not in {c.name for c in schema.columns(layer)}:
        raise BadInput(
            "assets.schema.column", layer=layer, column="class", known=", ".join(c.name for c in schema.columns(layer))
        )
    return {**set_values, "class": asset_class}


def prepare(request: Request, known: Known, *, today: date, limits: Limits | None = None) -> Incoming:
    """Read, type, place, complete, check and compare a file; nothing is written.

    Parameters
    ----------
    request : Request
        The file.
    known : Known
        The district.
    today : date
        For rows that grow old.
    limits : Limits, optional
        Caps of the gate.

    Returns
    -------
    Incoming
        Rows read = new + changed + unchanged + rejected.

    Raises
    ------
    BadInput
        If the file does not pass the gate, or the datum is not declared.
    """
    layer, datum = request.layer, request.datum or ""
    if known.hosts is not None:
        return _of_sites(request, known, known.hosts, today=today, limits=limits)
    table = _table(request, limits)
    cells = typed(table, layer=layer, mapping=request.mapping, set_values=request.set_values)
    placed = place(cells.frame, layer=layer, datum=datum, project=known.project, region=known.region, sheet=table.sheet)
    findings = [*cells.findings, *placed.findings]
    frame = placed.frame[~placed.frame.index.isin(_bad(findings))]
    if "geom_accuracy_m" in frame.columns:
        frame = frame.assign(
            geom_accuracy_m=frame["geom_accuracy_m"].fillna(accuracy_m(cells.frame.loc[frame.index], datum=datum))
        )
    if known.bringer is not None:
        frame, own = owned(frame, layer=layer, bringer=known.bringer, old=known.old, titles=cells.mapped)
        findings += own
    filled = fill(frame, layer=layer, name=request.name, region=known.region, known=_plates(known.old, layer))
    findings += filled.findings
    findings += check(
        filled.frame, layer=layer, region=known.region, today=today, titles=cells.mapped, sheet=table.sheet
    )
    suspicion, doubts = _doubts(filled.frame, known, datum)
    findings += doubts
    if known.bringer is not None:
        standing = filled.frame[~filled.frame.index.isin(_bad(findings))]
        changed = difference(known.old, standing, layer=layer, brought=cells.brought).changed
        findings += frozen(known.old, standing.loc[changed], layer=layer)
    blocked = any(f.code in BLOCKING for f in findings)
    bad = set(table.frame.index) if blocked else _bad(findings)
    good = filled.frame[~filled.frame.index.isin(bad)]
    return Incoming(
        table=table,
        typed=cells,
        difference=difference(known.old, good, layer=layer, brought=cells.brought),
        rejected=pd.DataFrame(table.frame[table.frame.index.isin(bad)]),
        findings=Findings(tuple(sorted(findings, key=lambda f: f.row or 0))),
        suspicion=suspicion,
    )


def _of_sites(request: Request, known: Known, hosts: Hosts, *, today: date, limits: Limits | None) -> Incoming:
    """The way of a file whose rows lie where the site lies that they name."""
    layer, sheet = request.layer, request.sheet
    file = sector_files.read(
        request.data, name=request.name, datum=request.datum, sheet=sheet, mapping=request.mapping, limits=limits
    )
    decided = {h: f for h, f in request.mapping.items() if h not in file.titles.values()}
    cells = sector_files.retitled(typed(file.table, layer=layer, mapping=decided, set_values=request.set_values), file)
    titles, sheet = cells.mapped, file.table.sheet
    placed, findings = sector_files.place(cells.frame, file, hosts, datum=request.datum, project=known.project)
    findings = [*cells.findings, *findings]
    usable = placed[~placed.index.isin(_bad(findings))]
    whole, more = sector_files.complete(usable, hosts, known.old, titles=titles, sheet=sheet)
    findings += [*more, *check(whole, layer=layer, region=None, today=today, titles=titles, sheet=sheet)]
    blocked = any(f.code in BLOCKING for f in findings)
    bad = set(whole.index) | _bad(findings) if blocked else _bad(findings)
    good = whole[~whole.index.isin(bad)]
    compared = difference(known.old, good, layer=layer, brought=(*cells.brought, "site_id"))
    return Incoming(
        table=file.whole,
        typed=cells,
        difference=replace(compared, missing=sector_files.gone(known.old, good)),
        rejected=pd.DataFrame(file.whole.frame[file.whole.frame.index.isin(bad)]),
        findings=Findings(tuple(sorted(findings, key=lambda f: f.row or 0))),
        suspicion=None,
    )


def _table(request: Request, limits: Limits | None) -> Table:
    return read_layer(
        request.data,
        name=request.name,
        datum=request.datum,
        layer=request.layer,
        sheet=request.sheet,
        mapping=request.mapping,
        limits=limits,
    )


def _bad(findings: list[Finding]) -> set[int]:
    return {f.row for f in findings if f.severity == "error" and f.row is not None}


def _doubts(frame: gpd.GeoDataFrame, known: Known, datum: str) -> tuple[Suspicion | None, list[Finding]]:
    doubt = suspect(frame, known.reference, declared=datum) if known.reference is not None else None
    if doubt is None or doubt.verdict == "untested":
        return None, [Finding(code="DATUM_UNTESTED", severity="info", values={"n": len(frame)})]
    if doubt.verdict == "fits":
        return doubt, []
    values = {
        "declared": datum,
        "likely": doubt.likely,
        "shift_m": round(doubt.shift_m),
        "bearing_deg": round(doubt.bearing_deg),
    }
    return doubt, [Finding(code="DATUM_SUSPECT", severity="error", value=datum, values=values)]


def _plates(old: gpd.GeoDataFrame, layer: str) -> dict[Alternate, str]:
    names = list(schema.alternate_keys(layer))
    if not names:
        return {}
    given = old[old[names].notna().all(axis=1)].drop_duplicates(names, keep=False)
    cells = given[names].itertuples(index=False, name=None)
    return dict(zip(cells, given[schema.key_column(layer)], strict=True))
