"""Sectors as a file brings them: without coordinates, at the place of the site that each row names."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from siting.assets import headings
from siting.assets.cells import normal
from siting.assets.fill import made_id
from siting.assets.raw import Limits
from siting.assets.read import Table, located, read_table
from siting.assets.sitenames import NAMES, Hosts, resolve
from siting.assets.typed import Typed
from siting.findings import Finding
from siting.geo import crs

LAYER = "sectors"
# A sector whose own coordinates lie farther from its site than this is shown to a person.
AWAY_M = 50.0
MOUNTS: Mapping[str, str] = {"telecom_tower": "tower", "public_roof": "roof", "private_roof": "roof"}
POLE = "pole"


@dataclass(frozen=True)
class File:
    """A file of sectors with the cells by which its rows name their sites taken apart.

    Parameters
    ----------
    whole : Table
        As read.
    table : Table
        The rest of the file, with shapes if it has coordinates, else with empty ones.
    names : DataFrame
        `sitenames.NAMES` of every row as text.
    titles : mapping
        Which heading each of them had.
    placed : bool
        Whether the file has coordinates.
    """

    whole: Table
    table: Table
    names: pd.DataFrame
    titles: Mapping[str, str]
    placed: bool


def read(
    data: bytes,
    *,
    name: str,
    datum: str | None,
    sheet: str | None,
    mapping: Mapping[str, str],
    limits: Limits | None,
) -> File:
    """Read a file of sectors; a datum is asked for only where the file has coordinates.

    Raises
    ------
    BadInput
        If the file does not pass the gate, or has coordinates while the datum is missing or unknown.
    """
    expected = [*headings.known(LAYER), *_references(), *headings.place_headings(), *mapping]
    whole = read_table(data, name=name, sheet=sheet, columns=expected, limits=limits)
    titles = _titles(list(whole.frame.columns), mapping)
    names = pd.DataFrame({n: _texts(whole.frame, titles.get(n)) for n in NAMES}, index=whole.frame.index)
    rest = dataclasses.replace(whole, frame=whole.frame.drop(columns=list(titles.values())))
    decided = {heading: field for heading, field in mapping.items() if heading not in titles.values()}
    if _has_coordinates(rest, decided):
        return File(whole, located(rest, datum=datum, mapping=decided), names, titles, placed=True)
    unused = [Finding(code="DATUM_UNUSED", severity="info", sheet=whole.sheet, value=datum)] if datum else []
    empty = gpd.GeoDataFrame(rest.frame, geometry=gpd.GeoSeries([None] * len(rest.frame), index=rest.frame.index))
    table = dataclasses.replace(rest, frame=empty, findings=(*rest.findings, *unused))
    return File(whole, table, names, titles, placed=False)


def _references() -> dict[str, str]:
    return {heading: field for heading, field in headings.known("sites").items() if field in NAMES}


def _titles(found: Sequence[str], mapping: Mapping[str, str]) -> dict[str, str]:
    """Column of the sites -> heading of the file; a person's word wins."""
    known = _references()
    titles = {field: heading for heading, field in mapping.items() if field in NAMES and heading in found}
    for heading in found:
        field = known.get(headings.plain(heading))
        if field is not None and heading not in mapping:
            titles.setdefault(field, heading)
    return titles


def _texts(frame: pd.DataFrame, heading: str | None) -> list[str]:
    if heading is None:
        return [""] * len(frame)
    return ["" if cell is None else normal(str(cell)) for cell in frame[heading]]


def _has_coordinates(table: Table, mapping: Mapping[str, str]) -> bool:
    if isinstance(table.frame, gpd.GeoDataFrame):
        return True
    columns = list(table.frame.columns)
    return any(headings.coordinates(columns, geographic=kind, mapping=mapping) is not None for kind in (True, False))


def place(
    frame: gpd.GeoDataFrame, file: File, hosts: Hosts, *, datum: str | None, project: str
) -> tuple[gpd.GeoDataFrame, list[Finding]]:
    """Give every sector its site and the site's place; a row without exactly one site has an empty shape and an error."""
    asked = file.names.assign(site_id=[value if isinstance(value, str) else "" for value in frame["site_id"]])
    found, findings = resolve(asked, hosts, titles=file.titles, sheet=file.table.sheet)
    at = np.array(found, dtype=int)
    hit = at >= 0
    shapes = np.full(len(frame), shapely.Point(), dtype=object)
    shapes[hit] = hosts.sites.geometry.to_numpy()[at[hit]]
    ids = frame["site_id"].to_numpy(dtype=object, copy=True)
    ids[hit] = hosts.sites["site_id"].to_numpy(dtype=object)[at[hit]]
    site = hosts.sites[["height_m", "host_class"]].iloc[np.where(hit, at, 0)] if len(hosts.sites) else None
    out = frame.assign(site_id=ids, **_of_site(site, hit)).set_geometry(
        gpd.GeoSeries(shapes, index=frame.index, crs=project)
    )
    if file.placed:
        own = crs.to_project(frame, datum=str(datum), crs=project).geometry
        findings += _away(out, own, file.table.sheet)
    return out, findings


def _of_site(site: pd.DataFrame | None, hit: np.ndarray) -> dict[str, object]:
    """What the site says for its sectors: height [m] and how antennas stand on such a host."""
    if site is None:
        return {"site_height_m": np.full(len(hit), np.nan), "site_mount": [POLE] * len(hit)}
    heights = np.where(hit, site["height_m"].to_numpy(float), np.nan)
    return {"site_height_m": heights, "site_mount": [MOUNTS.get(str(kind), POLE) for kind in site["host_class"]]}


def _away(placed: gpd.GeoDataFrame, own: gpd.GeoSeries, sheet: str) -> Iterator[Finding]:
    usable = ~placed.geometry.is_empty & ~own.is_empty & own.notna()
    distance = placed.geometry[usable].distance(own[usable].set_crs(placed.crs, allow_override=True))
    for row, metres in distance[distance > AWAY_M].items():
        yield Finding(
            code="SECTOR_AWAY",
            severity="warning",
            row=int(str(row)),
            column="geometry",
            sheet=sheet,
            values={"distance_m": round(metres)},
        )


def complete(
    frame: gpd.GeoDataFrame, hosts: Hosts, old: gpd.GeoDataFrame, *, titles: Mapping[str, str], sheet: str
) -> tuple[gpd.GeoDataFrame, list[Finding]]:
    """Known words for network and equipment, heights and mounts of the site where the file has none, and keys."""
    out = frame.copy()
    findings = [
        *_words(out, "network", "NETWORK_UNKNOWN", hosts.networks),
        *_words(out, "equipment", "EQUIPMENT_UNKNOWN", hosts.equipment),
        *_patterns(out, hosts.patterns),
        *_heights(out),
        *_azimuths(out, hosts.omni),
    ]
    blank = out["mount"].isna()
    out["mount"] = out["mount"].where(~blank, out["site_mount"])
    if blank.any():
        findings.append(Finding(code="MOUNT_FROM_SITE", severity="info", values={"n": int(blank.sum())}))
    made = _keys(out, old)
    if made:
        findings.append(Finding(code="SECTOR_KEY", severity="info", values={"n": made}))
    named = [Finding(**{**vars(f), "column": titles.get(f.column, f.column), "sheet": sheet}) for f in findings]
    return out.drop(columns=["site_height_m", "site_mount"]), named


def _words(out: pd.DataFrame, column: str, code: str, known: Sequence[str]) -> Iterator[Finding]:
    plain = {normal(name).casefold(): name for name in known}
    given = ["" if value is None or value != value else normal(str(value)) for value in out[column]]  # noqa: PLR0124 - NaN
    out[column] = pd.Series([plain.get(v.casefold(), v or None) for v in given], index=out.index, dtype=object)
    for row, value in zip(out.index, given, strict=True):
        if value.casefold() not in plain:
            near = difflib.get_close_matches(value.casefold(), plain, n=3, cutoff=0.4) if value else []
            values = {"near": "、".join(plain[n] for n in near) or "、".join(known)}
            yield Finding(code=code, row=int(row), column=column, value=value or "—", values=values)


def _patterns(out: pd.DataFrame, known: Sequence[str]) -> Iterator[Finding]:
    """Unknown patterns are said and left out: the beam of the unit counts."""
    asked = pd.DataFrame({"pattern": out["pattern"].dropna()})
    unknown = {f.row: f for f in _words(asked, "pattern", "PATTERN_UNKNOWN", known)}
    out.loc[asked.index, "pattern"] = asked["pattern"]
    out.loc[list(unknown), "pattern"] = None
    for found in unknown.values():
        yield dataclasses.replace(found, severity="warning")


def _heights(out: pd.DataFrame) -> Iterator[Finding]:
    column = "antenna_height_m"
    blank = out[column].isna()
    out[column] = out[column].where(~blank, out["site_height_m"])
    for row in out.index[blank]:
        height = out.loc[row, column]
        if height != height:  # noqa: PLR0124 - NaN
            yield Finding(code="HEIGHT_UNKNOWN", row=int(row), column=column)
        else:
            values = {"height_m": f"{height:g}"}
            yield Finding(code="HEIGHT_FROM_SITE", severity="warning", row=int(row), column=column, values=values)


def _azimuths(out: pd.DataFrame, omni: frozenset[str]) -> Iterator[Finding]:
    for row in out.index[out["azimuth_deg"].isna() & ~out["equipment"].isin(omni)]:
        yield Finding(code="AZIMUTH_UNKNOWN", severity="warning", row=int(row), column="azimuth_deg")


def _keys(out: gpd.GeoDataFrame, old: gpd.GeoDataFrame) -> int:
    """Ids for rows without one: the n-th sector of a site and network is that of last time; how many were needed."""
    blank = out["sector_id"].isna()
    rows = out[blank].sort_values(["site_id", "network", "azimuth_deg"], kind="stable")
    turn = rows.groupby(["site_id", "network"], dropna=False).cumcount()
    stored = old[~old["sector_id"].isin(out["sector_id"])].sort_values("azimuth_deg", kind="stable")
    known = {key: list(group["sector_id"]) for key, group in stored.groupby(["site_id", "network"])}
    for row, site, network, n in zip(rows.index, rows["site_id"], rows["network"], turn, strict=True):
        before = known.get((site, network), [])
        out.loc[row, "sector_id"] = before[n] if n < len(before) else made_id(LAYER, str(site), str(network), str(n))
    return int(blank.sum())


def gone(old: gpd.GeoDataFrame, new: gpd.GeoDataFrame) -> tuple[str, ...]:
    """Keys of stored sectors of the sites in a file that the file no longer lists."""
    same = old["site_id"].isin(new["site_id"])
    return tuple(old.loc[same & ~old["sector_id"].isin(new["sector_id"]), "sector_id"].astype(str))


def retitled(cells: Typed, file: File) -> Typed:
    """What was typed, with the headings that named the sites among those that were understood."""
    return dataclasses.replace(cells, mapped={**cells.mapped, **file.titles})
