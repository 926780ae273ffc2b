"""What a coverage run leaves in its folder, by network and threshold profile, and how it is read again.

The first network under the run's own profile has the plain names (``units``, ``gap_street_office``, ``rasters``); another
network adds ``@NETWORK``, all networks together ``@all``, another profile ``~PROFILE``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
import numpy.typing as npt
import pandas as pd

from siting.geo.grid import Grid
from siting.radio import complaints
from siting.radio.chances import Chance
from siting.radio.coverage import Coverage
from siting.radio.gap import Gap
from siting.radio.network import Network
from siting.store import artefacts

Singles = npt.NDArray[np.float32]

ALL = "all"
OUTDOORS = 0
WALK = "next"
LEVELS = ("street_office", "venue", "building", "operator", "all")
#: Map layers that a threshold profile decides, and those that it does not.
JUDGED = ("probability", "indoor", "unknown", "gap", "gap_share")
MEASURES = ("rsrp_dbm", "sinr_db", "server", "state")
RASTERS = (*MEASURES, *JUDGED)
_SHARED = ("sigma_db", "kind", "hidden", "error_db")


def networks_of(params: Mapping[str, Any]) -> tuple[str, ...]:
    """Networks of a run in their order; runs of old had one."""
    return tuple(params.get("networks") or (params["network"],))


def suffix(params: Mapping[str, Any], *, network: str, profile: str) -> str:
    """What a file's name ends with, for a network (or `ALL`) and a profile of a run."""
    other = "" if network == params["network"] else f"@{quote(network, safe='')}"
    return other + ("" if profile == params["profile"] else f"~{quote(profile, safe='')}")


def address(run_id: str, *, network: str = "", profile: str = "") -> str:
    """A run seen in a network and under a profile, as one text for the address of a tile; see `parsed`."""
    named = "".join(f"{sign}{quote(name, safe='')}" for sign, name in (("@", network), ("~", profile)) if name)
    return run_id + named


def parsed(text: str) -> tuple[str, str, str]:
    """Run, network and profile of an `address`; empty where it names none.

    >>> parsed(address("coverage-1", network="a b", profile="weak-110"))
    ('coverage-1', 'a b', 'weak-110')
    """
    run, _, profile = text.partition("~")
    run_id, _, network = run.partition("@")
    return run_id, unquote(network), unquote(profile)


def save_network(folder: Path, end: str, grid: Grid, missing: Gap, found: Coverage) -> None:
    """Keep one network: its units with levels and figures, its sectors, its map layers.

    Parameters
    ----------
    folder : Path
        Of the run.
    end : str
        From `suffix`.
    grid : Grid
        The map's cells.
    missing : Gap
        Of this network alone, under the run's profile.
    found : Coverage
        The network.
    """
    units = missing.table.assign(
        rsrp_dbm=found.rsrp_dbm,
        sinr_db=found.sinr_db,
        sigma_db=found.sigma_db,
        p_los=found.p_los,
        server=found.server,
        state=found.state,
        flags=found.flags,
        present=missing.chances[0].p,
    )
    artefacts.save_table(folder, f"units{end}", units)
    artefacts.save_table(folder, f"sectors{end}", found.sectors.drop(columns="geometry", errors="ignore"))
    artefacts.save_arrays(folder, f"rasters{end}", {**_measures(grid, units), **judged(grid, units)})


def save_gap(folder: Path, end: str, missing: Gap, *, calls: pd.DataFrame) -> pd.Series:
    """Keep the figures of all levels; complaints stand beside them as evidence where there are any.

    Returns
    -------
    Series
        The figures of the district, with their interval.
    """
    made = missing.levels(LEVELS)
    for level in LEVELS:
        key = "building_id" if level == "building" else level
        table = made[level]
        if len(calls) and key in missing.table:
            weight = complaints.evidence(missing.table, calls, level=key)
            table = table.assign(complaints=table[key].astype(object).map(weight).fillna(0.0).astype(float))
        artefacts.save_table(folder, f"gap_{level}{end}", table)
    return made["all"].iloc[0]


def save_judged(folder: Path, end: str, grid: Grid, missing: Gap) -> None:
    """Keep the map layers of another profile, or of all networks together."""
    artefacts.save_arrays(folder, f"rasters{end}", judged(grid, missing.table))


def save_chances(folder: Path, end: str, chances: Mapping[str, Chance]) -> None:
    """Keep a network's chances under every profile: another profile is read without computing again."""
    first = next(iter(chances.values()))
    arrays: dict[str, npt.NDArray[Any]] = {name: getattr(first, name) for name in _SHARED}
    for profile, chance in chances.items():
        arrays[f"p {quote(profile, safe='')}"] = chance.p
        arrays[f"bound {quote(profile, safe='')}"] = chance.bound
    artefacts.save_arrays(folder, f"chances{end}", arrays)


def save_walk(folder: Path, end: str, stops: pd.DataFrame) -> None:
    """Keep where to measure a network next."""
    artefacts.save_table(folder, f"{WALK}{end}", stops)


def load_walk(folder: Path, end: str) -> pd.DataFrame:
    """Where to measure a network next; NotFound if the run did not say."""
    return artefacts.load_table(folder, f"{WALK}{end}")


def load_chance(folder: Path, end: str, network: Network, profile: str, *, calibrated: bool, no_sites: bool) -> Chance:
    """A network's chances under a profile.

    Raises
    ------
    NotFound
        If the run kept none.
    """
    name = quote(profile, safe="")
    arrays = artefacts.load_arrays(folder, f"chances{end}", only=[*_SHARED, f"p {name}", f"bound {name}"])
    p, bound = arrays.pop(f"p {name}"), arrays.pop(f"bound {name}")
    return Chance(network, p=p, bound=bound, calibrated=calibrated, no_sites=no_sites, **arrays)


def _measures(grid: Grid, units: pd.DataFrame) -> dict[str, Singles]:
    """Outdoor layers that no profile decides; NaN where nothing was computed, ``server`` where nothing reaches."""
    outdoors = units[units["floor"] == OUTDOORS]
    at = outdoors["row"].to_numpy(), outdoors["col"].to_numpy()
    layers = {name: np.full(grid.shape, np.nan, np.float32) for name in MEASURES}
    for name in MEASURES:
        layers[name][at] = outdoors[name].to_numpy(np.float32)
    layers["server"][layers["server"] < 0] = np.nan
    return layers


def judged(grid: Grid, units: pd.DataFrame) -> dict[str, Singles]:
    """Map layers that a profile decides [rows, cols], NaN where there is nothing to say.

    Returns
    -------
    dict
        ``probability`` outdoors; ``indoor`` mean probability over the floors of a building cell; ``unknown`` share of
        the cell's units that cannot be judged; ``gap`` uncovered people of all floors and outdoors in the cell;
        ``gap_share`` uncovered share of the people in it.
    """
    size, cell = grid.rows * grid.cols, units["row"].to_numpy(np.int64) * grid.cols + units["col"].to_numpy(np.int64)

    def total(values: npt.ArrayLike) -> npt.NDArray[np.float64]:
        return np.asarray(np.bincount(cell, np.asarray(values, np.float64), size))

    def share(part: npt.NDArray[np.float64], whole: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.divide(part, whole, out=np.full(size, np.nan), where=whole > 0)

    p = units["probability"].to_numpy(np.float64)
    known, inside = ~np.isnan(p), units["floor"].to_numpy() > OUTDOORS
    sure = total(units["persons"] - units["unknown"])
    uncovered = total(units["uncovered"])
    outdoor, indoor = known & ~inside, known & inside
    layers = {
        "probability": share(total(np.where(outdoor, p, 0.0)), total(outdoor)),
        "indoor": share(total(np.where(indoor, p, 0.0)), total(indoor)),
        "unknown": share(total(~known), total(np.ones(len(p)))),
        "gap": np.where(sure > 0, uncovered, np.nan),
        "gap_share": share(uncovered, sure),
    }
    return {name: values.reshape(grid.shape).astype(np.float32) for name, values in layers.items()}


def load_raster(folder: Path, params: Mapping[str, Any], name: str, *, network: str, profile: str) -> Singles:
    """One map layer of a network (or of all) under a profile."""
    wanted = profile if name in JUDGED else params["profile"]
    end = suffix(params, network=network, profile=wanted)
    return artefacts.load_arrays(folder, f"rasters{end}", only=[name])[name]


def save_grid(folder: Path, grid: Grid) -> None:
    """Keep the map's grid."""
    artefacts.save_arrays(folder, "grid", {"grid": np.array([repr(v) for v in asdict(grid).values()])})


def load_grid(folder: Path) -> Grid:
    """The map's grid."""
    west, north, cell, rows, cols, crs = (str(v) for v in artefacts.load_arrays(folder, "grid")["grid"])
    return Grid(float(west), float(north), float(cell), int(rows), int(cols), crs.strip("'"))
