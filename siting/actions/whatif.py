"""What a change of the network would do for people, before anybody decides on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from siting.access import Actor
from siting.actions import calibrations, coverage, radiotables, runs, scene
from siting.actions.doors import require
from siting.actions.runs import Reporter
from siting.assets.match import row_hashes
from siting.errors import BadInput
from siting.radio import changes as radio_changes
from siting.radio import coverage as radio
from siting.radio import demand, update
from siting.radio.calibration import Calibration, causal
from siting.radio.gap import Gap
from siting.store import artefacts, journal, layers
from siting.store.database import Database
from siting.store.runs import Run

KIND = "whatif"
FIGURES = ("persons", "covered", "uncovered", "unknown", "uncovered_indoor", "uncovered_outdoor")
#: Changes of fewer people than this in a cell are not listed.
LEAST_PERSONS = 0.01


@dataclass(frozen=True, eq=False)
class Stand:
    """A coverage run computed once more, ready for changes.

    Parameters
    ----------
    ground : Scene
        The district laid out.
    sectors : DataFrame
        The network on air.
    found : Coverage
        With it.
    missing : Gap
        Whom it leaves out.
    """

    ground: scene.Scene
    sectors: pd.DataFrame
    found: radio.Coverage
    missing: Gap


@dataclass
class Bench:
    """The last stand, kept by whoever executes runs: the next change of the same run takes moments."""

    held: dict[tuple[object, ...], Stand] = field(default_factory=dict)

    def get(self, key: tuple[object, ...]) -> Stand | None:
        """The stand under a key, if it is the last one."""
        return self.held.get(key)

    def keep(self, key: tuple[object, ...], stand: Stand) -> Stand:
        """Keep a stand in place of the one before."""
        self.held.clear()
        self.held[key] = stand
        return stand


def params(db: Database, actor: Actor, coverage_run: str, changes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What to try: changes of the network of a coverage run.

    Parameters
    ----------
    coverage_run : str
        A finished run; its network, threshold profile, mix and cell hold.
    changes : sequence of mapping
        See `siting.radio.changes.check`.

    Raises
    ------
    BadInput
        If there is no change or one is faulty, or the coverage run is overtaken by later data.
    """
    require(db, actor, runs.PERMISSION)
    base = runs.finished(db, actor, "coverage", coverage_run)
    if not changes:
        raise BadInput("whatif.nothing")
    radio_changes.check(changes)
    if not coverage.current(db, base):
        raise BadInput("whatif.stale", run=base.id)
    radio_changes.apply(network(db, actor, base.id), changes, network=base.params["network"])
    return {"coverage": base.id, "changes": [dict(change) for change in changes]}


def start(db: Database, actor: Actor, coverage_run: str, changes: Sequence[Mapping[str, Any]], *, now: datetime) -> str:
    """Ask what changes would do to the gap of a coverage run, see `params`; returns the id of the run."""
    return runs.start(db, actor, KIND, params(db, actor, coverage_run, changes), now=now)


def execute(bench: Bench, db: Database, actor: Actor, run: Run, report: Reporter) -> dict[str, Any]:
    """Do a what-if run: the network as it is (kept from the last time if nothing changed), the change, the difference.

    A change of a sector that the actor does not see is one of a sector that is not there.

    Returns
    -------
    dict
        ``before``, ``after`` and ``change`` of every figure, ``p05`` and ``p95`` of people gained, whether calibrated.
    """
    require(db, actor, runs.PERMISSION)
    base = runs.finished(db, actor, "coverage", run.params["coverage"])
    carrier = base.params["network"]
    radio_changes.apply(network(db, actor, base.id), run.params["changes"], network=carrier)
    report.step("run.stage.scene", 0.0, 0.7)
    stand = _stand(bench, db, base, report)
    report.step("run.stage.whatif", 0.7, 0.95)
    changed = radio_changes.apply(stand.sectors, run.params["changes"], network=carrier)
    found = update.update(stand.found, changed, stand.ground.terrain, map=report.mapper())
    after = demand.gap(stand.ground.units, found, thresholds=stand.missing.thresholds)
    report.step("run.stage.save", 0.95, 1.0)
    _save(db, run.id, stand, changed, after)
    return {
        "measure": after.measure,
        "network": carrier,
        "calibrated": found.calibrated,
        "before": _figures(stand.missing),
        "after": _figures(after),
        "findings": found.findings.counts(),
    }


def _stand(bench: Bench, db: Database, base: Run, report: Reporter) -> Stand:
    key = (base.id, radiotables.revision(db), calibrations.version(db, base.params["network"]))
    held = bench.get(key)
    return held if held is not None else bench.keep(key, _computed(db, base, report))


def _computed(db: Database, base: Run, report: Reporter) -> Stand:
    asked = base.params
    carrier = radiotables.networks(db)[asked["network"]]
    thresholds = radiotables.thresholds(db)[asked["profile"]]
    ground = scene.build(db, cell_m=asked["cell_m"], mix=asked["mix"])
    sectors = scene.sectors(db, carrier)
    found = radio.coverage(
        sectors,
        ground.terrain,
        ground.units,
        carrier,
        calibration=_calibration(db, carrier.name),
        gear=radiotables.gear(db),
        levels_dbm=(thresholds.rsrp_dbm,),
        map=report.mapper(),
    )
    return Stand(ground, sectors, found, demand.gap(ground.units, found, thresholds=thresholds))


def _calibration(db: Database, network: str) -> Calibration | None:
    adopted = calibrations.in_force(db, network)
    return None if adopted is None else causal(adopted.calibration)


def _figures(missing: Gap) -> dict[str, float]:
    total = missing.total
    return {name: float(total[name]) for name in FIGURES}


def _save(db: Database, run_id: str, stand: Stand, changed: pd.DataFrame, after: Gap) -> None:
    folder = runs.folder(db, run_id)
    artefacts.save_table(folder, "sectors", changed.drop(columns="geometry", errors="ignore"))
    artefacts.save_table(folder, "streets", _by(stand.missing, after, "street_office"))
    artefacts.save_table(folder, "cells", _cells(stand, after))


def _by(before: Gap, after: Gap, level: str) -> pd.DataFrame:
    """Uncovered people before and after, by place; the largest change first."""
    old, new = (gap.by(level).set_index(level)["uncovered"] for gap in (before, after))
    joined = pd.DataFrame({"before": old, "after": new}).fillna(0.0)
    joined["change"] = joined["after"] - joined["before"]
    order = joined["change"].abs().sort_values(ascending=False, kind="stable").index
    return joined.loc[order].reset_index()


def _cells(stand: Stand, after: Gap) -> pd.DataFrame:
    """Map cells in which people gain or lose coverage: place [m] and people gained."""
    grid = stand.ground.grid
    gained = stand.missing.table["uncovered"].to_numpy() - after.table["uncovered"].to_numpy()
    units = stand.ground.units
    cell = units["row"].to_numpy(np.int64) * grid.cols + units["col"].to_numpy(np.int64)
    total = np.bincount(cell, gained, grid.rows * grid.cols)
    at = np.flatnonzero(np.abs(total) >= LEAST_PERSONS)
    at = at[np.argsort(-np.abs(total[at]), kind="stable")]
    row, col = np.divmod(at, grid.cols)
    return pd.DataFrame(
        {
            "easting_m": grid.west_m + (col + 0.5) * grid.cell_m,
            "northing_m": grid.north_m - (row + 0.5) * grid.cell_m,
            "cell_m": grid.cell_m,
            "gained": total[at],
        }
    )


def streets(db: Database, actor: Actor, run_id: str) -> pd.DataFrame:
    """Uncovered people before and after by sub-district, the largest change first."""
    run = runs.finished(db, actor, KIND, run_id)
    return artefacts.load_table(runs.folder(db, run.id), "streets")


def cells(db: Database, actor: Actor, run_id: str) -> pd.DataFrame:
    """Map cells in which people gain (above 0) or lose coverage, the largest change first."""
    run = runs.finished(db, actor, KIND, run_id)
    return artefacts.load_table(runs.folder(db, run.id), "cells")


def network(db: Database, actor: Actor, coverage_run: str) -> pd.DataFrame:
    """Sectors of a coverage run's network that the actor sees: what can be changed.

    Returns
    -------
    DataFrame
        One row per sector with its place, ``site_no, name`` of its site and its number there, ``part``, from 1.
    """
    base = runs.finished(db, actor, "coverage", coverage_run)
    frame = scene.sectors(db, radiotables.networks(db)[base.params["network"]])
    sites = pd.DataFrame(layers.read(db, "sites", columns=["site_no", "name"], viewer=actor).drop(columns="geometry"))
    seen = frame.drop(columns=["geometry", "site_no", "name"], errors="ignore").merge(sites, on="site_id")
    return seen.assign(part=seen.groupby("site_id").cumcount() + 1)


def adopt(db: Database, actor: Actor, run_id: str, *, reason: str, now: datetime) -> int:
    """Write what a what-if run tuned into the network, because it has been done outside.

    Parameters
    ----------
    run_id : str
        A finished what-if run; of its changes only those that tune sectors on air are written.
    reason : str
        Why, for the journal.

    Returns
    -------
    int
        Sectors changed.

    Raises
    ------
    BadInput
        If no reason is given or nothing was tuned.
    """
    require(db, actor, "asset.edit")
    run = runs.finished(db, actor, KIND, run_id)
    tuned = [change for change in run.params["changes"] if change["op"] == "tune"]
    if not reason.strip() or not tuned:
        raise BadInput("whatif.reason" if tuned else "whatif.not_tuned", run=run_id)
    stored = layers.read(db, "sectors", provenance=True, viewer=actor)
    names = {str(change["sector_id"]) for change in tuned}
    own = stored[stored["sector_id"].isin(names)]
    if set(own["sector_id"]) != names:
        raise BadInput(
            "radio.changes.unknown", column="sector_id", value=", ".join(sorted(names - set(own["sector_id"])))
        )
    for change in tuned:
        for name in radio_changes.TUNED:
            if change.get(name) is not None:
                own.loc[own["sector_id"] == change["sector_id"], name] = change[name]
    with db.write() as connection:
        layers.upsert(connection, "sectors", own.assign(row_hash=row_hashes(own)), provenance={}, now=now)
        told = [{key: str(value) for key, value in change.items()} for change in tuned]
        payload = {"run": run.id, "reason": reason.strip(), "changes": told}
        journal.append(
            connection, key=db.key(), stream="layer/sectors", actor=actor, kind="layer.tuned", payload=payload, now=now
        )
    return len(own)
