"""Run coverage and gap for one or more networks, and look at the result."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from siting import access
from siting.access import Actor
from siting.actions import coverage_files as files
from siting.actions import coverage_run, radiotables, runs
from siting.actions.coverage_files import ALL, OUTDOORS, RASTERS
from siting.actions.doors import require
from siting.actions.runs import Reporter
from siting.errors import BadInput
from siting.geo.grid import Grid
from siting.maps import colouring
from siting.radio import demand
from siting.radio.chances import Chance
from siting.radio.people import mixes
from siting.reports.geotiff import geotiff
from siting.store import artefacts, journal, layers
from siting.store.database import Database
from siting.store.runs import Run

__all__ = ["ALL", "OUTDOORS", "RASTERS"]

MIXES = mixes()
GAP_COLUMNS = (
    "unit_id",
    "row",
    "col",
    "floor",
    "easting_m",
    "northing_m",
    "building_id",
    "street_office",
    "venue",
    "persons",
    "measure",
)


def params(db: Database, given: Mapping[str, Any]) -> dict[str, Any]:
    """What to compute: what was asked for, completed by the settings.

    Parameters
    ----------
    db : Database
        The district.
    given : mapping
        ``networks`` (or one ``network``), ``profile, mix, cell_m``.  The first network is the one that planning and
        everything after it rests on.

    Raises
    ------
    BadInput
        If a network, profile or mix is unknown, or the cell is not a positive number.
    """
    settings = db.settings
    named = given.get("networks") or [given.get("network") or settings.text("coverage.network")]
    networks = list(dict.fromkeys(named))
    chosen: dict[str, Any] = {
        "network": networks[0],
        "networks": networks,
        "profile": given.get("profile") or settings.text("coverage.profile"),
        "mix": given.get("mix") or settings.text("coverage.mix"),
        "cell_m": settings.number("coverage.cell_m") if given.get("cell_m") is None else float(given["cell_m"]),
    }
    known = {"networks": radiotables.networks(db), "profile": radiotables.thresholds(db), "mix": MIXES}
    for name, values in known.items():
        for value in chosen[name] if name == "networks" else [chosen[name]]:
            if value not in values:
                raise BadInput("coverage.unknown", name=name.removesuffix("s"), value=value, known=", ".join(values))
    if not 0 < chosen["cell_m"] < math.inf:
        raise BadInput("coverage.cell", cell_m=chosen["cell_m"])
    return chosen


def execute(db: Database, actor: Actor, run: Run, report: Reporter) -> dict[str, Any]:
    """Do a coverage run: lay out the district, compute every network, count the gap, keep the result.

    Returns
    -------
    dict
        Figures of the district for the run's row.
    """
    require(db, actor, runs.PERMISSION)
    return coverage_run.compute(db, run, report, viewer=actor)


def standing(db: Database, actor: Actor, wanted: Mapping[str, Any]) -> Run | None:
    """The newest finished run of these parameters that no later change of the district has overtaken."""
    done = [r for r in runs.listing(db, actor, "coverage", limit=50) if r.status == "done"]
    return next((r for r in done if _asked(r.params) == _asked(wanted) and current(db, r)), None)


def _asked(params: Mapping[str, Any]) -> dict[str, Any]:
    return {**params, "networks": list(files.networks_of(params))} if params else {}


def current(db: Database, run: Run) -> bool:
    """Whether nothing that a finished coverage run rests on has changed since."""
    now = coverage_run.revisions(db, run.params)
    return bool({**{name: now[name] for name in coverage_run.LATER}, **run.result["revisions"]} == now)


def grid_of(db: Database, run_id: str) -> Grid:
    """The map grid of a finished run."""
    return files.load_grid(runs.folder(db, run_id))


def networks_of(run: Run) -> tuple[str, ...]:
    """Networks that a run computed, the first one first."""
    return files.networks_of(run.params)


def views(run: Run) -> tuple[str, ...]:
    """What may be looked at: every network, and `ALL` together where there are several."""
    names = files.networks_of(run.params)
    return (*names, ALL) if len(names) > 1 else names


def profiles_of(db: Database, run: Run) -> tuple[str, ...]:
    """Profiles under which a run can be read without computing again: those unchanged since; none for runs of old."""
    now = radiotables.thresholds(db)
    kept = run.result.get("profiles", {})
    return tuple(name for name, version in kept.items() if name in now and now[name].version == version)


def raster(
    db: Database, actor: Actor, run_id: str, name: str, *, network: str = "", profile: str = ""
) -> tuple[Grid, npt.NDArray[np.float32]]:
    """One map layer of a finished run.

    Parameters
    ----------
    network, profile : str
        Default those of the run; another profile must have been read with `judge` before.

    Raises
    ------
    BadInput
        If there is no layer, or no network, of this name.
    """
    run = runs.get(db, actor, run_id)
    if name not in RASTERS:
        raise BadInput("coverage.raster", name=name, known=", ".join(RASTERS))
    view = _view(run, network, profile)
    folder = runs.folder(db, run_id)
    return files.load_grid(folder), files.load_raster(folder, run.params, name, network=view[0], profile=view[1])


def figures(
    db: Database, actor: Actor, run_id: str, *, by: str = "street_office", network: str = "", profile: str = ""
) -> pd.DataFrame:
    """Covered, uncovered and unknown people by ``street_office``, ``venue``, ``building``, ``operator`` or ``all``, most uncovered first."""
    return _table(db, runs.get(db, actor, run_id), f"gap_{by}", network, profile)


def venues(db: Database, actor: Actor, run_id: str, *, network: str = "", profile: str = "") -> pd.DataFrame:
    """Verdicts on the key venues, see `siting.radio.venues.verdicts`, with expected and reliable shares."""
    return _table(db, runs.get(db, actor, run_id), "venues", network, profile)


def blocks(db: Database, actor: Actor, run_id: str, *, network: str = "", profile: str = "") -> pd.DataFrame:
    """Weak blocks of 150 m, the most uncovered first, see `siting.radio.weak.weak_blocks`."""
    return _table(db, runs.get(db, actor, run_id), "blocks", network, profile)


def sectors(db: Database, actor: Actor, run_id: str, *, network: str = "") -> pd.DataFrame:
    """Sectors that a run computed, in the order in which its units name their server.

    Of sectors whose site the actor does not see an empty row is left.
    """
    found = _table(db, runs.get(db, actor, run_id), "sectors", network, "")
    return found[_seen(db, actor, found)].reindex(found.index)


def colours(db: Database, actor: Actor, run_id: str, *, most: int, network: str = "") -> npt.NDArray[np.int64]:
    """A colour 0 .. most - 1 for every sector of a run, the same for all of a site, unlike those of sites nearby."""
    found = _table(db, runs.get(db, actor, run_id), "sectors", network, "")
    return colouring.apart(found["easting_m"], found["northing_m"], colours=most)


def _seen(db: Database, actor: Actor, found: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Sectors of a run whose sites the actor sees; who sees all sites sees those that are gone too."""
    if access.view(actor, "sites") == "all":
        return np.ones(len(found), bool)
    sites = layers.read(db, "sites", columns=(), viewer=actor)
    return found["site_id"].isin(sites["site_id"]).to_numpy(bool)


def _view(run: Run, network: str, profile: str) -> tuple[str, str]:
    """The network and profile that are meant; BadInput if the run did not compute the network."""
    name = network or run.params["network"]
    if name not in views(run):
        raise BadInput("coverage.unknown", name="network", value=name, known=", ".join(views(run)))
    return name, profile or run.params["profile"]


def _table(db: Database, run: Run, name: str, network: str, profile: str) -> pd.DataFrame:
    view = _view(run, network, profile)
    end = files.suffix(run.params, network=view[0], profile=view[1])
    return artefacts.load_table(runs.folder(db, run.id), name + end)


def judge(db: Database, actor: Actor, run_id: str, profile: str, *, network: str = "", now: datetime) -> None:
    """Read a finished run under another threshold profile, without computing it again; the switch is journalled.

    Parameters
    ----------
    profile : str
        One of `profiles_of`.
    network : str
        Which of `views` is read; default the first.

    Raises
    ------
    BadInput
        If the run kept no such profile, or it has changed since.
    """
    run = runs.finished(db, actor, "coverage", run_id)
    if profile not in profiles_of(db, run):
        raise BadInput("coverage.profile", profile=profile, run=run.id, known=", ".join(profiles_of(db, run)))
    view = _view(run, network, profile)[0]
    end = files.suffix(run.params, network=view, profile=profile)
    if not artefacts.has(runs.folder(db, run.id), f"rasters{end}.npz"):
        _judged(db, run, view, profile)
    with db.write() as connection:
        payload = {"run": run.id, "profile": profile, "network": view, "version": int(run.result["profiles"][profile])}
        journal.append(
            connection, key=db.key(), stream="run.coverage", actor=actor, kind="coverage.profile", payload=payload, now=now
        )  # fmt: skip


def _judged(db: Database, run: Run, view: str, profile: str) -> None:
    """Count the people of a network, or of all, under another profile."""
    folder, thresholds = runs.folder(db, run.id), radiotables.thresholds(db)[profile]
    units = artefacts.load_table(folder, "units", columns=GAP_COLUMNS)
    names = files.networks_of(run.params) if view == ALL else (view,)
    chances = [_chance(db, run, name, profile) for name in names]
    samples = pd.concat([_samples(db, run, name, profile) for name in names])
    missing = demand.gap(units, chances, thresholds=thresholds, measured=samples)
    end, grid = files.suffix(run.params, network=view, profile=profile), files.load_grid(folder)
    coverage_run.save_view(db, folder, end, grid, missing, artefacts.load_table(folder, "complaints"))
    files.save_judged(folder, end, grid, missing)


def _chance(db: Database, run: Run, network: str, profile: str) -> Chance:
    own = run.result["networks"][network]
    return files.load_chance(
        runs.folder(db, run.id),
        files.suffix(run.params, network=network, profile=run.params["profile"]),
        radiotables.networks(db)[network],
        profile,
        calibrated=own["calibrated"],
        no_sites=own["no_sites"],
    )


def _samples(db: Database, run: Run, network: str, profile: str) -> pd.DataFrame:
    end = files.suffix(run.params, network=network, profile=run.params["profile"])
    found = artefacts.load_table(runs.folder(db, run.id), f"measured{end}")
    return found[found["profile"] == profile]


def card(
    db: Database,
    actor: Actor,
    run_id: str,
    *,
    easting_m: float,
    northing_m: float,
    network: str = "",
    profile: str = "",
) -> dict[str, Any] | None:
    """What the run found at a place: every unit of the cell, floors of its building first.

    Parameters
    ----------
    easting_m, northing_m : float
        Place in the project CRS [m].
    network, profile : str
        Default those of the run; all networks together are shown by the first.

    Returns
    -------
    dict or None
        ``row, col, street_office, persons, uncovered, unknown``, the frame ``units`` with ``low, high`` (5 % and 95 %
        points of the probability over the model's error), and ``networks``: such a frame of each.  None outside the
        district.
    """
    run = runs.get(db, actor, run_id)
    row, col = (int(v) for v in grid_of(db, run_id).cells_of(easting_m, northing_m))
    chosen, judged_by = _view(run, network, profile)
    at = [("row", "==", row), ("col", "==", col)]
    found = {name: _units(db, actor, run, name, judged_by, at) for name in files.networks_of(run.params)}
    units = found[run.params["network"] if chosen == ALL else chosen]
    if units.empty:
        return None
    sums = {name: float(units[name].sum()) for name in ("persons", "uncovered", "unknown")}
    office = units["street_office"].iloc[0]
    return {"row": row, "col": col, "street_office": office, **sums, "units": units, "networks": found}


def floors(db: Database, actor: Actor, run_id: str, building_id: str, *, profile: str = "") -> pd.DataFrame:
    """A building floor by floor in every network of the run, in its order; the top floor first.

    Returns
    -------
    DataFrame
        ``floor, network, persons, uncovered, unknown``; ``probability`` (mean over the floor, NaN = unknown), ``lowest``
        (worst place of the floor), ``rsrp_dbm`` (median over the floor).
    """
    run = runs.get(db, actor, run_id)
    judged_by = _view(run, "", profile)[1]
    parts = []
    for name in files.networks_of(run.params):
        units = _units(db, actor, run, name, judged_by, [("building_id", "==", building_id)])
        grouped = units[units["floor"] > OUTDOORS].groupby("floor")
        part = grouped[["persons", "uncovered", "unknown"]].sum()
        p, level = grouped["probability"], grouped["rsrp_dbm"]
        parts.append(part.assign(probability=p.mean(), lowest=p.min(), rsrp_dbm=level.median(), network=name))
    return pd.concat(parts).reset_index().sort_values("floor", ascending=False, kind="stable", ignore_index=True)


def _units(
    db: Database, actor: Actor, run: Run, network: str, profile: str, where: Sequence[tuple[str, str, Any]]
) -> pd.DataFrame:
    """Some units of a network under a profile, with the interval of their probability and the name of their server.

    Servers of sites that the actor does not see have no name.
    """
    folder = runs.folder(db, run.id)
    end = files.suffix(run.params, network=network, profile=run.params["profile"])
    units = artefacts.load_table(folder, f"units{end}", filters=list(where))
    names = _names(db, actor, run, network)
    servers = [names[s] if s >= 0 else None for s in units["server"]]
    units["server"] = pd.Series(servers, index=units.index, dtype=object)
    if not len(units) or not profiles_of(db, run):
        return units.assign(low=np.nan, high=np.nan)
    part = _chance(db, run, network, profile).part(units["unit_id"].to_numpy())
    if profile != run.params["profile"]:
        thresholds, samples = radiotables.thresholds(db)[profile], _samples(db, run, network, profile)
        units = demand.gap(units, part, thresholds=thresholds, measured=samples).table.assign(present=part.p)
    low, high = part.interval()
    return units.assign(low=low, high=high).sort_values("floor", ascending=False)


def _names(db: Database, actor: Actor, run: Run, network: str) -> list[str | None]:
    """Ids of a network's sectors in the order of the run; None for those of sites that the actor does not see."""
    found = _table(db, run, "sectors", network, "")
    return [name if seen else None for name, seen in zip(found["sector_id"], _seen(db, actor, found), strict=True)]


def write_geotiff(db: Database, actor: Actor, run_id: str, path: Path) -> None:
    """Write all map layers of all networks of a finished run to a GeoTIFF whose tags say what they mean.

    Bands of the first network have the plain names; those of another end with ``@NETWORK``, of all together with ``@all``.
    Servers of sites that the actor does not see have no name.
    """
    require(db, actor, "export.internal")
    run = runs.finished(db, actor, "coverage", run_id)
    folder = runs.folder(db, run_id)
    bands: dict[str, npt.NDArray[np.float32]] = {}
    servers = {}
    for view in views(run):
        end = files.suffix(run.params, network=view, profile=run.params["profile"])
        bands |= {f"{name}{end}": values for name, values in artefacts.load_arrays(folder, f"rasters{end}").items()}
        if view != ALL:
            servers[view] = _names(db, actor, run, view)
    asked = {k: " ".join(v) if isinstance(v, list) else str(v) for k, v in run.params.items()}
    kinds = {"measure": str(run.result["measure"]), "calibrated": str(run.result["calibrated"]).lower()}
    own = {"modelled": "true", "run": run.id, "district": db.settings.name, "servers": json.dumps(servers)}
    path.write_bytes(geotiff(grid_of(db, run_id), bands, tags={**asked, **kinds, **own}))
