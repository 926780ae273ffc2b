"""Run coverage and gap for one network, and look at the result."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from siting.access import Actor
from siting.actions import radiotables, runs, scene
from siting.actions.doors import require
from siting.actions.runs import Reporter
from siting.errors import BadInput
from siting.geo.grid import Grid
from siting.radio import coverage as radio
from siting.radio import demand
from siting.radio.gap import Gap
from siting.reports.geotiff import geotiff
from siting.store import artefacts
from siting.store.database import Database
from siting.store.runs import Run

MIXES = ("night", "day")
RASTERS = ("rsrp_dbm", "probability", "state", "gap", "gap_share")
SOURCES = ("buildings", "demand", "districts", "venues", "sites", "sectors")
OUTDOORS = 0


def params(db: Database, given: Mapping[str, Any]) -> dict[str, Any]:
    """What to compute: what was asked for, completed by the settings.

    Raises
    ------
    BadInput
        If a network, profile or mix is unknown, or the cell is not a positive number.
    """
    settings = db.settings
    chosen: dict[str, Any] = {
        "network": given.get("network") or settings.text("coverage.network"),
        "profile": given.get("profile") or settings.text("coverage.profile"),
        "mix": given.get("mix") or settings.text("coverage.mix"),
        "cell_m": settings.number("coverage.cell_m") if given.get("cell_m") is None else float(given["cell_m"]),
    }
    known = {"network": tuple(radiotables.networks(db)), "profile": tuple(radiotables.thresholds(db)), "mix": MIXES}
    for name, values in known.items():
        if chosen[name] not in values:
            raise BadInput("coverage.unknown", name=name, value=chosen[name], known=", ".join(values))
    if not 0 < chosen["cell_m"] < math.inf:
        raise BadInput("coverage.cell", cell_m=chosen["cell_m"])
    return chosen


def execute(db: Database, actor: Actor, run: Run, report: Reporter) -> dict[str, Any]:
    """Do a coverage run: lay out the district, compute, count the gap, keep the result.

    Returns
    -------
    dict
        Figures of the district for the run's row.
    """
    require(db, actor, runs.PERMISSION)
    asked = run.params
    carrier, thresholds = radiotables.networks(db)[asked["network"]], radiotables.thresholds(db)[asked["profile"]]
    report.step("run.stage.scene", 0.0, 0.15)
    ground = scene.build(db, cell_m=asked["cell_m"], mix=asked["mix"])
    report.step("run.stage.coverage", 0.15, 0.85)
    found = radio.coverage(
        scene.sectors(db, carrier),
        ground.terrain,
        ground.units,
        carrier,
        levels_dbm=(thresholds.rsrp_dbm,),
        map=report.mapper(),
    )
    report.step("run.stage.gap", 0.85, 0.9)
    missing = demand.gap(ground.units, found, thresholds=thresholds)
    report.step("run.stage.save", 0.9, 1.0)
    _save(db, run.id, ground, found, missing)
    findings = ground.findings + found.findings
    return {
        **_figures(missing),
        **_meaning(found),
        "findings": findings.counts(),
        "revisions": scene.revisions(db, SOURCES),
    }


def standing(db: Database, actor: Actor, wanted: Mapping[str, Any]) -> Run | None:
    """The newest finished run of these parameters that no later change of the district has overtaken."""
    done = [r for r in runs.listing(db, actor, "coverage", limit=50) if r.status == "done" and r.params == dict(wanted)]
    return next((r for r in done if current(db, r)), None)


def current(db: Database, run: Run) -> bool:
    """Whether nothing that a finished coverage run rests on has changed since."""
    return bool(run.result["revisions"] == scene.revisions(db, SOURCES))


def _figures(missing: Gap) -> dict[str, Any]:
    """People of the district: covered, uncovered, unknown; indoors apart."""
    total = missing.total
    indoors = missing.table[missing.table["floor"] > OUTDOORS]
    persons_indoor = float(indoors["persons"].sum())
    names = ("persons", "covered", "uncovered", "unknown", "uncovered_indoor", "uncovered_outdoor")
    return {
        "measure": missing.measure,
        **{name: float(total[name]) for name in names},
        "persons_indoor": persons_indoor,
        "indoor_gap_share": float(indoors["uncovered"].sum()) / persons_indoor if persons_indoor else None,
    }


def _meaning(found: radio.Coverage) -> dict[str, Any]:
    """What the figures rest on."""
    return {
        "calibrated": found.calibrated,
        "no_sites": found.no_sites,
        "sectors": len(found.sectors),
        "units": len(found.unit_id),
        "provenance": found.provenance,
    }


def _save(db: Database, run_id: str, ground: scene.Scene, found: radio.Coverage, missing: Gap) -> None:
    folder = runs.folder(db, run_id)
    units = missing.table.assign(
        rsrp_dbm=found.rsrp_dbm,
        sinr_db=found.sinr_db,
        p_los=found.p_los,
        server=found.server,
        state=found.state,
        flags=found.flags,
        present=radio.probability(found, missing.thresholds),
    )
    artefacts.save_table(folder, "units", units)
    artefacts.save_table(folder, "sectors", found.sectors.drop(columns="geometry", errors="ignore"))
    for level in ("street_office", "venue", "building"):
        artefacts.save_table(folder, f"gap_{level}", missing.by(level))
    artefacts.save_arrays(folder, "rasters", rasters(ground.grid, units))
    artefacts.save_arrays(folder, "grid", {"grid": np.array([repr(v) for v in asdict(ground.grid).values()])})


def rasters(grid: Grid, units: pd.DataFrame) -> dict[str, npt.NDArray[np.float32]]:
    """The map layers of a run [rows, cols], NaN where nothing was computed.

    Parameters
    ----------
    grid : Grid
        The map's cells.
    units : DataFrame
        Units with their result, as saved by a run.

    Returns
    -------
    dict
        ``rsrp_dbm, probability, state`` outdoors; ``gap`` uncovered people of all floors and outdoors in the
        cell; ``gap_share`` uncovered share of the people in it.
    """
    outdoors = units[units["floor"] == OUTDOORS]
    at = outdoors["row"].to_numpy(), outdoors["col"].to_numpy()
    layers = {name: np.full(grid.shape, np.nan, np.float32) for name in RASTERS}
    for name in ("rsrp_dbm", "probability", "state"):
        layers[name][at] = outdoors[name].to_numpy(np.float32)
    cell = units["row"].to_numpy(np.int64) * grid.cols + units["col"].to_numpy(np.int64)
    size = grid.rows * grid.cols
    uncovered = np.bincount(cell, units["uncovered"].to_numpy(float), size)
    known = np.bincount(cell, (units["persons"] - units["unknown"]).to_numpy(float), size)
    share = np.divide(uncovered, known, out=np.full(size, np.nan), where=known > 0)
    layers["gap"] = np.where(known > 0, uncovered, np.nan).reshape(grid.shape).astype(np.float32)
    layers["gap_share"] = share.reshape(grid.shape).astype(np.float32)
    return layers


def grid_of(db: Database, run_id: str) -> Grid:
    """The map grid of a finished run."""
    stored = artefacts.load_arrays(runs.folder(db, run_id), "grid")["grid"]
    west, north, cell, rows, cols, crs = (str(v) for v in stored)
    return Grid(float(west), float(north), float(cell), int(rows), int(cols), crs.strip("'"))


def raster(db: Database, actor: Actor, run_id: str, name: str) -> tuple[Grid, npt.NDArray[np.float32]]:
    """One map layer of a finished run.

    Raises
    ------
    BadInput
        If there is no layer of this name.
    """
    runs.get(db, actor, run_id)
    if name not in RASTERS:
        raise BadInput("coverage.raster", name=name, known=", ".join(RASTERS))
    values = artefacts.load_arrays(runs.folder(db, run_id), "rasters", only=[name])[name]
    return grid_of(db, run_id), values


def figures(db: Database, actor: Actor, run_id: str, *, by: str = "street_office") -> pd.DataFrame:
    """Covered, uncovered and unknown people by ``street_office``, ``venue`` or ``building``, most uncovered first."""
    runs.get(db, actor, run_id)
    return artefacts.load_table(runs.folder(db, run_id), f"gap_{by}")


def card(db: Database, actor: Actor, run_id: str, *, easting_m: float, northing_m: float) -> dict[str, Any] | None:
    """What the run found at a place: every unit of the cell, floors of its building first.

    Parameters
    ----------
    easting_m, northing_m : float
        Place in the project CRS [m].

    Returns
    -------
    dict or None
        ``row, col, street_office, persons, uncovered, unknown`` and the frame ``units``; None outside the district.
    """
    runs.get(db, actor, run_id)
    row, col = (int(v) for v in grid_of(db, run_id).cells_of(easting_m, northing_m))
    folder = runs.folder(db, run_id)
    units = artefacts.load_table(folder, "units", filters=[("row", "==", row), ("col", "==", col)])
    if units.empty:
        return None
    sectors = artefacts.load_table(folder, "sectors")
    servers = units["server"].to_numpy()
    named = sectors["sector_id"].to_numpy(object)
    units["server"] = pd.Series([named[s] if s >= 0 else None for s in servers], index=units.index, dtype=object)
    sums = {name: float(units[name].sum()) for name in ("persons", "uncovered", "unknown")}
    office = units["street_office"].iloc[0]
    return {
        "row": row,
        "col": col,
        "street_office": office,
        **sums,
        "units": units.sort_values("floor", ascending=False),
    }


def write_geotiff(db: Database, actor: Actor, run_id: str, path: Path) -> None:
    """Write a finished run's map layers to a GeoTIFF whose tags say what they mean."""
    require(db, actor, "export.internal")
    run = runs.finished(db, actor, "coverage", run_id)
    grid = grid_of(db, run_id)
    bands = artefacts.load_arrays(runs.folder(db, run_id), "rasters")
    asked = {k: str(v) for k, v in run.params.items()}
    kinds = {"measure": str(run.result["measure"]), "calibrated": str(run.result["calibrated"]).lower()}
    tags = {**asked, **kinds, "modelled": "true", "run": run.id, "district": db.settings.name}
    path.write_bytes(geotiff(grid, bands, tags=tags))
