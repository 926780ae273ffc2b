"""Measured RSRP samples: from a file's bytes to rows that may land; everything that needs no store."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from siting.assets import samplecells, sampledevices, sampletime, schema
from siting.assets.cells import normal
from siting.assets.incoming import BLOCKING
from siting.assets.place import place
from siting.assets.raw import Limits
from siting.assets.read import Table, read_layer
from siting.assets.typed import Typed, typed
from siting.errors import BadInput
from siting.findings import Finding, Findings
from siting.geo.crs import Suspicion, suspect
from siting.geo.region import Region

LAYER = "samples"
#: Columns of stored samples; `row` is the row of the file.
COLUMNS = (
    "time", "easting_m", "northing_m", "floor", "rsrp_dbm", "network", "sector_id", "cell", "node", "pci", "arfcn",
    "device_id", "source", "row",
)  # fmt: skip
# Two rows that agree in all of these are one sample written twice.
SAME = tuple(name for name in COLUMNS if name not in {"row", "source"})
TEXTS = ("network", "sector_id", "cell", "node", "device_id", "radio")
OLDER_RADIO = frozenset({"gsm", "umts", "wcdma", "cdma", "td-scdma", "tdscdma", "2g", "3g"})
LTE = frozenset({"lte", "4g", "lte-a", "eutra"})


@dataclass(frozen=True, kw_only=True)
class Carrier:
    """What samples of a network must agree with: whose it is, and where its channel lies [MHz]."""

    name: str
    operators: tuple[str, ...]
    low_mhz: float
    high_mhz: float


@dataclass(frozen=True, kw_only=True)
class Request:
    """A file of samples and how to understand it.

    Parameters
    ----------
    data, name : bytes, str
        The file.
    datum : str or None
        Declared datum.
    network : str or None
        Network of every row; None: the file has a column that names it.
    mapping : mapping
        heading -> column.
    sheet : str or None
        Sheet of the file.
    """

    data: bytes
    name: str
    datum: str | None
    network: str | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    sheet: str | None = None


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What the district knows: its CRS and outline, trusted shapes (roads, if there are any), carriers and sectors."""

    project: str
    region: Region | None
    reference: gpd.GeoDataFrame | None
    carriers: Mapping[str, Carrier]
    sectors: pd.DataFrame


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a file of samples holds.

    Parameters
    ----------
    table, typed : Table, Typed
        The file as read and as typed.
    frame : DataFrame
        Rows that may land: `COLUMNS`, places in the project CRS, time in UTC.
    rejected : DataFrame
        Original cells of the rows set aside.
    findings : Findings
        Everything, in the order of the file.
    suspicion : Suspicion or None
        What the distances to the reference say about the declared datum.
    devices : DataFrame
        See `sampledevices.devices`.
    named : int
        Rows whose cell is a known sector.
    """

    table: Table
    typed: Typed
    frame: pd.DataFrame
    rejected: pd.DataFrame
    findings: Findings
    suspicion: Suspicion | None
    devices: pd.DataFrame
    named: int


@cache
def numbers() -> Mapping[str, float]:
    """Choices about samples by name; unit, source and mark stand beside each in ``measuring.csv``."""
    with Path(__file__).with_name("measuring.csv").open(encoding="utf-8", newline="") as file:
        return {row["name"]: float(row["value"]) for row in csv.DictReader(file)}


def prepare(request: Request, ground: Ground, *, limits: Limits | None = None) -> Measured:
    """Read, type, place and check a file of samples; nothing is written.

    Parameters
    ----------
    request : Request
        The file.
    ground : Ground
        The district.
    limits : Limits, optional
        Caps of the gate.

    Returns
    -------
    Measured
        Rows read = rows of ``frame`` + rows of ``rejected``.

    Raises
    ------
    BadInput
        If the file does not pass the gate, the datum is not declared, or nobody says of which network it is.
    """
    table, cells = _read(request, ground, limits)
    project, datum = ground.project, str(request.datum)
    placed = place(cells.frame, layer=LAYER, datum=datum, project=project, region=ground.region, sheet=table.sheet)
    frame, told = _shaped(placed.frame, request)
    found = [*cells.findings, *placed.findings, *told, *_refused(frame, ground)]
    found += _missing(frame, found)
    found += _twice(frame[~frame["row"].isin(_bad(found))])
    blocked = any(f.code in BLOCKING for f in found)
    bad = set(frame["row"]) if blocked else _bad(found)
    good = frame.loc[~frame["row"].isin(bad), list(COLUMNS)].reset_index(drop=True)
    suspicion, doubts = _doubts(good, ground, datum)
    names = samplecells.matched(good, ground.sectors)["sector_id"].notna()
    read = sampledevices.devices(good, cell_m=numbers()["device_cell"])
    found += [*doubts, *_about(good, int(names.sum())), *_odd(read)]
    titled = (_titled(f, cells, table) for f in found)
    return Measured(
        table=table,
        typed=cells,
        frame=good,
        rejected=pd.DataFrame(table.frame[table.frame.index.isin(bad)]),
        findings=Findings(tuple(sorted(titled, key=lambda f: f.row or 0))),
        suspicion=suspicion,
        devices=read,
        named=int(names.sum()),
    )


def _read(request: Request, ground: Ground, limits: Limits | None) -> tuple[Table, Typed]:
    if request.network is not None and request.network not in ground.carriers:
        raise BadInput("measure.network", network=request.network, known=", ".join(ground.carriers))
    table = read_layer(
        request.data,
        name=request.name,
        datum=request.datum,
        layer=LAYER,
        sheet=request.sheet,
        mapping=request.mapping,
        limits=limits,
    )
    given = {} if request.network is None else {"network": request.network}
    cells = typed(table, layer=LAYER, mapping=request.mapping, set_values=given)
    for name in ("rsrp_dbm", "network"):
        if name not in cells.brought:
            title = schema.column(LAYER, name).title_zh
            raise BadInput("measure.no_column", column=title, headings=", ".join(map(str, table.frame.columns)))
    return table, cells


def _shaped(placed: gpd.GeoDataFrame, request: Request) -> tuple[pd.DataFrame, list[Finding]]:
    """Typed rows in the columns of stored samples, and what their clocks said."""
    times, local, unread = sampletime.moments(list(placed["time"]), utc_offset_h=numbers()["utc_offset"])
    shapes = placed.geometry
    whole = {name: pd.array(placed[name], dtype="Int32") for name in ("pci", "arfcn", "mcc", "mnc")}
    frame = pd.DataFrame(
        {
            "time": pd.to_datetime(pd.Series(times, index=placed.index), utc=True).astype("datetime64[ms, UTC]"),
            "easting_m": shapes.x.to_numpy(float),
            "northing_m": shapes.y.to_numpy(float),
            "floor": placed["floor"].fillna(0).astype(np.int32),
            "rsrp_dbm": placed["rsrp_dbm"].astype(float),
            **{name: _texts(placed[name], None) for name in TEXTS},
            **whole,
            "source": _texts(placed["source"], request.name),
            "row": placed.index.astype(np.int64),
        },
        index=placed.index,
    )
    told = [Finding(code="TIME_LOCAL", severity="info", values={"n": local})] if local else []
    if unread:
        first = {"n": len(unread), "row_first": int(placed.index[unread[0]])}
        value = str(placed["time"].iloc[unread[0]])
        told.append(Finding(code="TIME_UNREAD", severity="warning", column="time", value=value, values=first))
    return frame, told


def _texts(cells: pd.Series, blank: str | None) -> pd.Series:
    """A column of texts, whatever it looks like when nothing stands in it."""
    return pd.Series([v if isinstance(v, str) else blank for v in cells], index=cells.index, dtype=object)


def _refused(frame: pd.DataFrame, ground: Ground) -> Iterator[Finding]:
    """Rows that are not of the network they are said to be of."""
    known = ", ".join(ground.carriers)
    for row, name in frame["network"][~frame["network"].isin(list(ground.carriers))].dropna().items():
        yield _at(row, "NETWORK_UNKNOWN", "network", name, near=known)
    radio = frame["radio"].map(lambda v: normal(v).casefold() if isinstance(v, str) else "")
    for row, name in frame["radio"][radio.isin(OLDER_RADIO)].items():
        yield _at(row, "RADIO_OTHER", "radio", name)
    if radio.isin(LTE).any():
        yield Finding(code="RADIO_LTE", severity="warning", column="radio", values={"n": int(radio.isin(LTE).sum())})
    for name, rows in frame.groupby("network"):
        carrier = ground.carriers.get(str(name))
        if carrier is not None:
            yield from _of_others(rows, carrier)
            yield from _beside(rows, carrier)


def _of_others(rows: pd.DataFrame, carrier: Carrier) -> Iterator[Finding]:
    known = _operators()
    for row, mcc, mnc in rows.loc[rows["mcc"].notna() & rows["mnc"].notna(), ["mcc", "mnc"]].itertuples(name=None):
        operator = known.get((int(mcc), int(mnc)))
        if operator not in {None, *carrier.operators} or int(mcc) not in {m for m, _ in known}:
            yield _at(row, "OPERATOR_OTHER", "mnc", f"{mcc}-{mnc}", network=carrier.name)


def _beside(rows: pd.DataFrame, carrier: Carrier) -> Iterator[Finding]:
    """Rows measured on a channel outside the carrier; an LTE number says nothing about an NR carrier."""
    margin = numbers()["carrier_margin"]
    stated = rows["arfcn"].dropna()
    mhz = stated.astype(float).map(channel_mhz)
    off = (mhz < carrier.low_mhz - margin) | (mhz > carrier.high_mhz + margin)
    for row, number, value in zip(stated.index[off], stated[off], mhz[off], strict=True):
        yield _at(row, "CARRIER_OTHER", "arfcn", str(number), network=carrier.name, mhz=f"{value:g}")


def channel_mhz(number: float) -> float:
    """Frequency of an NR channel number [MHz] (TS 38.104 table 5.4.2.1-1); NaN below 70 000, where LTE numbers lie.

    >>> channel_mhz(627264)
    3408.96
    """
    if number < 70_000:  # noqa: PLR2004 - the end of the E-UTRA channel numbers
        return float("nan")
    if number < 600_000:  # noqa: PLR2004 - 3 GHz
        return round(0.005 * number, 3)
    if number < 2_016_667:  # noqa: PLR2004 - 24.25 GHz
        return round(3000 + 0.015 * (number - 600_000), 3)
    return round(24_250.08 + 0.06 * (number - 2_016_667), 3)


def _missing(frame: pd.DataFrame, found: list[Finding]) -> Iterator[Finding]:
    told = _bad(found)
    for name in ("rsrp_dbm", "network"):
        title = schema.column(LAYER, name).title_zh
        for row in frame.index[frame[name].isna()]:
            if int(row) not in told:
                yield _at(row, "REQUIRED", name, "", title=title)


def _twice(frame: pd.DataFrame) -> Iterator[Finding]:
    """Rows that repeat an earlier one in everything; the earlier one stays."""
    marks = pd.util.hash_pandas_object(frame[list(SAME)].astype(str), index=False)
    first = pd.Series(frame["row"].to_numpy(), index=marks.to_numpy()).groupby(level=0).first()
    again = marks.duplicated().to_numpy()
    for row, mark in zip(frame["row"].to_numpy()[again], marks.to_numpy()[again], strict=True):
        yield _at(row, "SAMPLE_TWICE", "", "", first=int(first[mark]))


def _doubts(frame: pd.DataFrame, ground: Ground, datum: str) -> tuple[Suspicion | None, list[Finding]]:
    spots = gpd.GeoDataFrame(geometry=gpd.points_from_xy(frame["easting_m"], frame["northing_m"]), crs=ground.project)
    doubt = None if ground.reference is None else suspect(spots, ground.reference, declared=datum)
    if doubt is None or doubt.verdict == "untested":
        return None, [Finding(code="DATUM_UNTESTED", severity="info", values={"n": len(frame)})]
    if doubt.verdict == "fits":
        return doubt, []
    values = {"declared": datum, "likely": doubt.likely}
    moved = {"shift_m": round(doubt.shift_m), "bearing_deg": round(doubt.bearing_deg)}
    return doubt, [Finding(code="DATUM_SUSPECT", severity="error", value=datum, values={**values, **moved})]


def _about(frame: pd.DataFrame, named: int) -> Iterator[Finding]:
    """What the set as a whole cannot tell."""
    n = len(frame)
    if n and named < n:
        yield Finding(code="CELL_UNKNOWN", severity="info", values={"n": n - named, "total": n})
    if n and frame["device_id"].isna().all():
        yield Finding(code="DEVICE_UNKNOWN", severity="info", values={"n": n})
    if n and frame["time"].isna().any():
        yield Finding(code="TIME_UNKNOWN", severity="info", values={"n": int(frame["time"].isna().sum())})


def _odd(devices: pd.DataFrame) -> Iterator[Finding]:
    """Devices that read off the others."""
    limit, least = numbers()["device_offset"], numbers()["device_samples"]
    for row in devices[(devices["offset_db"].abs() > limit) & (devices["shared"] >= least)].itertuples():
        values = {"offset_db": f"{row.offset_db:+.1f}", "n": row.shared, "limit_db": f"{limit:g}"}
        yield Finding(code="DEVICE_OFF", severity="warning", value=str(row.device_id), values=values)


@cache
def _operators() -> Mapping[tuple[int, int], str]:
    """Operator by mobile country and network code."""
    with Path(__file__).with_name("plmn.csv").open(encoding="utf-8", newline="") as file:
        return {(int(row["mcc"]), int(row["mnc"])): row["operator"] for row in csv.DictReader(file)}


def _bad(findings: list[Finding]) -> set[int]:
    return {f.row for f in findings if f.severity == "error" and f.row is not None}


def _at(row: object, code: str, column: str, value: object, **values: object) -> Finding:
    return Finding(code=code, row=int(str(row)), column=column, value=str(value)[:200], values=values)


def _titled(finding: Finding, cells: Typed, table: Table) -> Finding:
    """The finding with the heading of the file in place of our column."""
    column = cells.mapped.get(finding.column, finding.column)
    return Finding(**{**vars(finding), "column": column, "sheet": finding.sheet or table.sheet})


def days(frame: pd.DataFrame) -> tuple[str, str]:
    """First and last day on which samples were taken, by the clock of the district; empty where no time is known."""
    known = frame["time"].dropna()
    if known.empty:
        return "", ""
    local = known.dt.tz_convert(None) + pd.Timedelta(hours=numbers()["utc_offset"])
    return str(local.min().date()), str(local.max().date())
