"""Measured levels made fit for a calibration: checked, thinned to what a place says, and matched to sectors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.spatial import cKDTree

from siting.errors import BadInput
from siting.findings import Finding, Findings
from siting.radio.network import Gear, Network, defaults
from siting.radio.samplelinks import links
from siting.radio.scene import Terrain

Floats = npt.NDArray[np.float64]

#: What a samples frame must hold; the others are filled with "missing".
NEEDED = ("easting_m", "northing_m", "rsrp_dbm", "network")
OPTIONAL: Mapping[str, Any] = {
    "time": pd.NaT,
    "floor": 0,
    "building_id": None,
    "building_class": None,
    "site_id": None,
    "sector_id": None,
    "device_id": None,
    "source": None,
}
NAMED, SITE, PREDICTED = "named", "site", "predicted"


@dataclass(frozen=True)
class Prepared:
    """Samples as a calibration takes them.

    Parameters
    ----------
    frame : DataFrame
        One row per (20 m cell, floor, sector, device): median ``rsrp_dbm``, ``n`` raw samples behind it,
        ``censored``, ``block`` (name of the 250 m block), ``matched`` (``named``, ``site`` or ``predicted``),
        the samples' own columns, and `samplelinks.COLUMNS`.
    findings : Findings
        What was left out, and why.
    counts : mapping
        ``given, range, network, outside, duplicates, unserved, used, rows``: samples at each step.
    """

    frame: pd.DataFrame
    findings: Findings
    counts: Mapping[str, int]


def prepare(
    samples: pd.DataFrame,
    sites: pd.DataFrame,
    terrain: Terrain,
    networks: Mapping[str, Network],
    *,
    gear: Gear | None = None,
    floor_dbm: float | None = None,
) -> Prepared:
    """Check samples, match each to a sector, and take medians per place.

    Parameters
    ----------
    samples : DataFrame
        Columns `NEEDED` and what there is of `OPTIONAL`: ``floor`` 0 outdoors, ``building_class`` for samples
        indoors (missing: unknown), ``site_id`` and ``sector_id`` of the serving cell where known.
    sites : DataFrame
        One row per sector as `coverage` takes it; with a column ``network`` each network has its own sectors.
    terrain : Terrain
        Obstacles around sites and samples.
    networks : mapping
        Carriers by name.
    gear : Gear, optional
        Units and measured patterns; default the shipped ones.
    floor_dbm : float, optional
        Levels at or below it mean "below" [dBm]; default that of a phone.

    Returns
    -------
    Prepared
        Samples without a sector in reach are left out and counted.

    Raises
    ------
    BadInput
        If columns are missing, or the sites are not what `coverage` takes.
    """
    missing = [name for name in NEEDED if name not in samples]
    if missing:
        raise BadInput("calibrate.columns", value=", ".join(missing))
    floor = defaults()["device_floor_dbm"] if floor_dbm is None else floor_dbm
    frame, counts = _checked(_complete(samples), terrain, networks, floor)
    frame, unknown = _named(frame, sites, networks)
    frame, wandering = _served(frame, sites, terrain, networks, gear)
    counts["unserved"] = wandering
    merged = medians(frame, floor_dbm=floor)
    found, findings = links(merged, sites, terrain, networks, gear=gear)
    found = found[found["textbook_dbm"].notna()].reset_index(drop=True).astype({"state": np.int64, "roof": np.int64})
    found = _nearest(found, sites)
    counts |= {"used": len(frame), "rows": len(found)}
    return Prepared(found, findings + _told(counts, unknown, frame["matched"]), counts)


def _complete(samples: pd.DataFrame) -> pd.DataFrame:
    frame = samples.reset_index(drop=True).copy()
    for name, value in OPTIONAL.items():
        if name not in frame:
            frame[name] = value
    floors = pd.to_numeric(frame["floor"], errors="coerce").fillna(0).astype(np.int64)
    device = frame["device_id"].astype(object).where(frame["device_id"].notna(), "").astype(str)
    indoors = frame["building_class"].astype(object).where(frame["building_class"].notna(), "unknown")
    return frame.assign(floor=floors, device_id=device, building_class=indoors)


def _checked(
    frame: pd.DataFrame, terrain: Terrain, networks: Mapping[str, Network], floor_dbm: float
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Rows that can be used, and how many were left out for what."""
    counts = {"given": len(frame)}
    level = pd.to_numeric(frame["rsrp_dbm"], errors="coerce").to_numpy(float)
    row, col = terrain.grid.cells_of(
        *(np.nan_to_num(frame[name].to_numpy(float), nan=-1e12) for name in ("easting_m", "northing_m"))
    )
    rules = {
        "range": (level >= min(defaults()["rsrp_low_dbm"], floor_dbm)) & (level <= defaults()["rsrp_high_dbm"]),
        "network": frame["network"].isin(list(networks)).to_numpy(),
        "outside": terrain.grid.inside(row, col),
    }
    kept = np.ones(len(frame), bool)
    for name, passes in rules.items():
        counts[name] = int((kept & ~passes).sum())
        kept &= passes
    frame = frame[kept].assign(rsrp_dbm=np.maximum(level[kept], floor_dbm))
    same = ["time", "easting_m", "northing_m", "floor", "rsrp_dbm", "network", "site_id", "sector_id", "device_id"]
    doubled = frame.duplicated(same)
    counts["duplicates"] = int(doubled.sum())
    return frame[~doubled.to_numpy()], counts


@dataclass(frozen=True)
class _Register:
    """Sectors by (network, site, sector), sites by (network, site), and sites of sector names that occur once."""

    sectors: frozenset[tuple[str, str, str]]
    sites: frozenset[tuple[str, str]]
    lone: Mapping[tuple[str, str], str]

    def find(self, network: str, site: str | None, sector: str | None) -> tuple[str | None, str | None, str]:
        """Site and sector that a sample's names stand for, and how it is matched."""
        if site is not None and sector is not None and (network, site, sector) in self.sectors:
            return site, sector, NAMED
        if site is None and sector is not None and (network, sector) in self.lone:
            return self.lone[network, sector], sector, NAMED
        if site is not None and (network, site) in self.sites:
            return site, None, SITE
        return None, None, PREDICTED


def _register(sites: pd.DataFrame, networks: Mapping[str, Network]) -> _Register:
    own = [(str(n),) for n in sites["network"]] if "network" in sites else [tuple(networks)] * len(sites)
    rows = [
        (name, str(site), str(sector))
        for names, site, sector in zip(own, sites["site_id"], sites["sector_id"], strict=True)
        for name in names
    ]
    counts = Counter((name, sector) for name, _, sector in rows)
    lone = {(name, sector): site for name, site, sector in rows if counts[name, sector] == 1}
    return _Register(frozenset(rows), frozenset((name, site) for name, site, _ in rows), lone)


def _named(frame: pd.DataFrame, sites: pd.DataFrame, networks: Mapping[str, Network]) -> tuple[pd.DataFrame, int]:
    """Samples with the names the register knows, and how many of them name others."""
    register = _register(sites, networks)
    given = [[_text(value) for value in frame[name]] for name in ("site_id", "sector_id")]
    asked = list(zip(frame["network"], *given, strict=True))
    found = {key: register.find(*key) for key in set(asked)}
    told = [found[key] for key in asked]
    unknown = sum(how == PREDICTED and key[1:] != (None, None) for key, (_, _, how) in zip(asked, told, strict=True))
    columns = {
        name: pd.Series([row[at] for row in told], frame.index, object)
        for at, name in enumerate(("site_id", "sector_id", "matched"))
    }
    return frame.assign(**columns), unknown


def _text(value: object) -> str | None:
    return None if value is None or value != value else str(value)  # noqa: PLR0124 - NaN


def _served(
    frame: pd.DataFrame,
    sites: pd.DataFrame,
    terrain: Terrain,
    networks: Mapping[str, Network],
    gear: Gear | None,
) -> tuple[pd.DataFrame, int]:
    """Samples with a sector each: the predicted one where none was named; how many no sector reaches."""
    frame = frame.assign(cell=_cells(frame, defaults()["sample_cell_m"]))
    free = frame[frame["matched"] != NAMED]
    if not len(free):
        return frame, 0
    by = ["network", "cell", "floor", "site_id"]
    places = free.groupby(by, sort=False, dropna=False).agg(
        easting_m=("easting_m", "mean"), northing_m=("northing_m", "mean"), building_class=("building_class", "first")
    )
    places = places.reset_index().assign(sector_id=None)
    found, _ = links(places, sites, terrain, networks, gear=gear)
    at = free.groupby(by, sort=False, dropna=False).ngroup().to_numpy()
    for name, column in (("site_id", "served_site"), ("sector_id", "served_sector")):
        frame.loc[free.index, name] = found[column].to_numpy(object)[at]
    reached = frame["sector_id"].notna()
    return frame[reached], int((~reached).sum())


def _cells(frame: pd.DataFrame, side_m: float) -> pd.Series:
    """Name of the square each row lies in."""
    east = np.floor(frame["easting_m"].to_numpy(float) / side_m).astype(np.int64)
    north = np.floor(frame["northing_m"].to_numpy(float) / side_m).astype(np.int64)
    return pd.Series([f"{e}:{n}" for e, n in zip(east, north, strict=True)], frame.index, dtype=object)


def medians(frame: pd.DataFrame, *, floor_dbm: float) -> pd.DataFrame:
    """Median level per (network, 20 m cell, floor, sector, device), at the mean place of its samples.

    Parameters
    ----------
    frame : DataFrame
        Samples with ``cell`` and names of sectors.
    floor_dbm : float
        A median at it is censored: the true one lies at or below [dBm].

    Returns
    -------
    DataFrame
        The first row's columns with ``rsrp_dbm``, ``easting_m``, ``northing_m``, ``n``, ``censored`` and ``block``.
    """
    by = frame.groupby(["network", "cell", "floor", "site_id", "sector_id", "device_id"], sort=True)
    merged = by.first()
    merged[["easting_m", "northing_m"]] = by[["easting_m", "northing_m"]].mean()
    merged["rsrp_dbm"], merged["n"] = by["rsrp_dbm"].median(), by.size()
    merged = merged.reset_index()
    return merged.assign(
        censored=merged["rsrp_dbm"] <= floor_dbm,
        floor_dbm=floor_dbm,
        block=_cells(merged, defaults()["sample_block_m"]),
    )


def _nearest(frame: pd.DataFrame, sites: pd.DataFrame) -> pd.DataFrame:
    """Samples with ``nearest_m``, the plan distance to the next antenna of their network [m]."""
    away = pd.Series(np.nan, frame.index)
    for name, rows in frame.groupby("network").indices.items():
        mine = sites[sites["network"] == name] if "network" in sites else sites
        tree = cKDTree(mine[["easting_m", "northing_m"]].to_numpy(float))
        away.iloc[rows] = tree.query(frame.iloc[rows][["easting_m", "northing_m"]].to_numpy(float))[0]
    return frame.assign(nearest_m=away)


def _told(counts: Mapping[str, int], unknown: int, matched: pd.Series) -> list[Finding]:
    """What a person should know of the samples left out, merged, or matched by the program."""
    numbers = {
        "sample_range": (counts["range"], "warning"),
        "sample_network_unknown": (counts["network"], "warning"),
        "sample_outside": (counts["outside"], "warning"),
        "sample_duplicate": (counts["duplicates"], "info"),
        "sample_sector_unknown": (unknown, "warning"),
        "sample_predicted_server": (int((matched != NAMED).sum()), "info"),
        "sample_unserved": (counts["unserved"], "warning"),
        "sample_merged": (counts["used"] - counts["rows"], "info"),
    }
    total = counts["given"]
    return [
        Finding(code=code, severity=severity, value=str(count), values={"total": total})
        for code, (count, severity) in numbers.items()
        if count
    ]
