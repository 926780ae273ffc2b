"""Carriers, equipment, thresholds and default numbers: every one a row with its source and mark."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd

from siting.errors import BadInput
from siting.radio.antenna import Pattern

DATA = Path(__file__).parent / "data"
MARKS = ("std", "2nd", "unverified")


@dataclass(frozen=True)
class Network:
    """One carrier layer; a shared one is credited to each of its operators."""

    name: str
    operators: tuple[str, ...]
    band: str
    frequency_ghz: float
    bandwidth_mhz: float
    scs_khz: float
    n_rb: int
    channel_id: str
    load_factor: float
    noise_figure_db: float
    active: bool
    source: str
    mark: str


@dataclass(frozen=True)
class Thresholds:
    """What counts as covered: level [dBm], optional SINR [dB], probability a cell and share an area needs."""

    name: str
    version: int
    rsrp_dbm: float
    sinr_db: float | None
    cell_probability: float
    area_share: float
    scope: str
    source: str
    mark: str
    active: bool = True


@dataclass(frozen=True)
class Equipment:
    """One kind of radio unit: total power [W], broadcast and envelope gain [dBi], beam widths [deg] (0 = omni).

    pattern names a measured broadcast pattern; empty: the widths make the beam.
    """

    name: str
    title_zh: str
    title_en: str
    power_w: float
    broadcast_gain_dbi: float
    envelope_gain_dbi: float
    hpbw_h_deg: float
    hpbw_v_deg: float
    max_loss_db: float
    sidelobe_db: float
    feeder_db: float
    site_type: str
    pattern: str
    source: str
    mark: str
    active: bool = True


@dataclass(frozen=True)
class Gear:
    """Radio units by name, and measured antenna patterns by the name that sectors and units give them.

    A sector's own pattern counts before that of its unit; without either the unit's widths make the beam.
    """

    equipment: Mapping[str, Equipment]
    patterns: Mapping[str, Pattern]


def read_rows(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV table as text.

    Raises
    ------
    BadInput
        If a row lacks source or mark.
    """
    with path.open(encoding="utf-8", newline="") as file:
        return _marked(list(csv.DictReader(file)), path)


def _marked(rows: list[dict[str, Any]], path: Path) -> list[dict[str, Any]]:
    for number, row in enumerate(rows, start=2):
        if not row.get("source") or row.get("mark") not in MARKS:
            raise BadInput(
                "radio.table.mark", file=path.name, row=number, value=row.get("mark"), known=", ".join(MARKS)
            )
    return rows


def _convert(kind: str, text: str) -> Any:
    if kind == "float | None":
        return float(text) if text else None
    if kind == "tuple[str, ...]":
        return tuple(text.split(";"))
    if kind == "bool":
        return text == "1"
    return {"float": float, "int": int}.get(kind, str)(text)


def records(kind: type[Any], rows: Iterable[Mapping[str, str]]) -> dict[str, Any]:
    """Rows of text cells, as `read_rows` gives them, as values by name.

    Parameters
    ----------
    kind : type
        `Network`, `Thresholds` or `Equipment`.
    rows : iterable of mapping
        Cells by column; several words in a cell stand between semicolons, yes and no are 1 and 0.
    """
    types = {f.name: str(f.type) for f in fields(kind)}
    return {row["name"]: kind(**{name: _convert(types[name], row[name]) for name in types}) for row in rows}


def load_networks(path: Path | None = None) -> dict[str, Network]:
    """Carrier layers by profile name, those switched off included.

    Parameters
    ----------
    path : Path, optional
        A table of the same columns; default the shipped one.
    """
    return records(Network, read_rows(path or DATA / "networks.csv"))


def load_thresholds(path: Path | None = None) -> dict[str, Thresholds]:
    """Threshold profiles by name."""
    return records(Thresholds, read_rows(path or DATA / "thresholds.csv"))


def load_equipment(path: Path | None = None) -> dict[str, Equipment]:
    """Radio units by name."""
    return records(Equipment, read_rows(path or DATA / "equipment.csv"))


def shipped_gear() -> Gear:
    """The shipped radio units, without measured patterns."""
    return Gear(load_equipment(), {})


@cache
def defaults() -> Mapping[str, float]:
    """Default numbers by name; unit, source and mark stand beside each in ``data/defaults.toml``."""
    return MappingProxyType({row["name"]: float(row["value"]) for row in read_numbers(DATA / "defaults.toml")})


def read_numbers(path: Path) -> list[dict[str, Any]]:
    """Numbers of a TOML table with ``name, value, unit, source, mark``, in the order of the file.

    Raises
    ------
    BadInput
        If one lacks source or mark.
    """
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    return _marked([{"name": name, **row} for name, row in table.items()], path)


def shipped_tables() -> dict[str, list[dict[str, Any]]]:
    """Every shipped table by the name of its file, each row with source and mark."""
    read = {".csv": read_rows, ".toml": read_numbers}
    return {path.stem: read[path.suffix](path) for path in sorted(DATA.iterdir()) if path.suffix in read}


def sectors_of(sites: pd.DataFrame, sectors: pd.DataFrame, network: Network) -> pd.DataFrame:
    """One row per sector of a network, with its position: what `coverage` takes.

    Parameters
    ----------
    sites : GeoDataFrame
        ``site_id`` and point geometry in the project CRS; retired sites are left out.
    sectors : DataFrame
        Child rows with ``site_id`` and ``network``.
    network : Network
        Whose sectors are wanted.

    Returns
    -------
    DataFrame
        The sector columns plus ``easting_m, northing_m``, ordered by (site_id, sector_id).
    """
    points = sites.geometry.representative_point()
    places = pd.DataFrame({"site_id": sites["site_id"], "easting_m": points.x, "northing_m": points.y})
    if "retired_on" in sites:
        places = places[sites["retired_on"].isna().to_numpy()]
    mine = sectors[sectors["network"] == network.name]
    joined = mine.drop(columns=["geometry", "easting_m", "northing_m"], errors="ignore").merge(places, on="site_id")
    return joined.sort_values(["site_id", "sector_id"], kind="stable").reset_index(drop=True)
