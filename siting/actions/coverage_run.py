"""The work of a coverage run: network after network, so that only one is in memory, then all together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from siting.access import Actor
from siting.actions import calibrations, learning, measured, radiotables, runs, scene
from siting.actions import coverage_files as files
from siting.actions.runs import Reporter
from siting.findings import Findings
from siting.geo.grid import Grid
from siting.radio import coverage as radio
from siting.radio import demand, venues, weak
from siting.radio.calibration import Calibration
from siting.radio.chances import Chance, chance
from siting.radio.gap import Gap
from siting.radio.network import Network, Thresholds
from siting.store import artefacts, layers
from siting.store.database import Database
from siting.store.runs import Run

SOURCES = ("buildings", "demand", "districts", "venues", "sites", "sectors")
#: What runs of old do not tell about themselves.
LATER = ("profile", "tables", "calibration")
#: Decides between stops that are worth the same.
SEED = 1
COUNTS = ("persons", "covered", "uncovered", "unknown", "uncovered_indoor", "uncovered_outdoor")


@dataclass(frozen=True, eq=False)
class Job:
    """What is the same for all networks of a run.

    Parameters
    ----------
    db : Database
        The district.
    viewer : Actor
        Whose samples are taken along.
    run : Run
        What was asked for.
    folder : Path
        Where the result goes.
    ground : Scene
        The district laid out.
    calls : DataFrame
        Complaints on the map.
    profiles : mapping
        All threshold profiles of the district by name.
    """

    db: Database
    viewer: Actor
    run: Run
    folder: Path
    ground: scene.Scene
    calls: pd.DataFrame
    profiles: Mapping[str, Thresholds]

    @property
    def thresholds(self) -> Thresholds:
        """The profile of the run."""
        return self.profiles[self.run.params["profile"]]

    def end(self, network: str) -> str:
        """What the files of a network end with."""
        return files.suffix(self.run.params, network=network, profile=self.thresholds.name)


@dataclass(frozen=True, eq=False)
class Done:
    """What is kept of a network while the next one is computed."""

    chance: Chance
    samples: pd.DataFrame
    figures: Mapping[str, Any]
    facts: Mapping[str, Any]
    findings: Findings


def compute(db: Database, run: Run, report: Reporter, *, viewer: Actor) -> dict[str, Any]:
    """Compute all networks of a run and keep what they give; the run's own figures are those of the first.

    Returns
    -------
    dict
        Figures for the run's row; ``networks`` and ``all`` hold those of each network and of all together.
    """
    asked = run.params
    report.step("run.stage.scene", 0.0, 0.1)
    ground = scene.build(db, cell_m=asked["cell_m"], mix=asked["mix"])
    calls = measured.calls(db, ground.grid, now=report.clock())
    job = Job(db, viewer, run, runs.folder(db, run.id), ground, calls, radiotables.thresholds(db))
    files.save_grid(job.folder, ground.grid)
    artefacts.save_table(job.folder, "complaints", calls)
    names = files.networks_of(asked)
    width = 0.85 / len(names)
    done = {name: _network(job, name, report, 0.1 + at * width, width) for at, name in enumerate(names)}
    report.step("run.stage.gap", 0.95, 1.0)
    first = done[names[0]]
    findings = sum((one.findings for one in done.values()), ground.findings)
    return {
        **first.figures,
        **first.facts,
        "findings": findings.counts(),
        "networks": {name: {**one.figures, **one.facts} for name, one in done.items()},
        "all": _together(job, list(done.values())) if len(done) > 1 else {},
        "profiles": {name: row.version for name, row in job.profiles.items()},
        "complaints": len(calls),
        "revisions": revisions(db, asked),
    }


def revisions(db: Database, params: Mapping[str, Any]) -> dict[str, Any]:
    """State of everything that a coverage run rests on: layers, tables of radio, threshold profile, calibrations."""
    profile = radiotables.thresholds(db).get(params["profile"])
    return {
        **scene.revisions(db, SOURCES),
        "profile": f"{params['profile']} {'' if profile is None else profile.version}",
        "tables": radiotables.revision(db),
        "calibration": {name: calibrations.version(db, name) for name in files.networks_of(params)},
    }


def _network(job: Job, name: str, report: Reporter, start: float, width: float) -> Done:
    """Compute one network, let a calibrated one follow the measurements nearby, judge it under every profile, keep it."""
    carrier = radiotables.networks(job.db)[name]
    report.step("run.stage.coverage", start, start + 0.85 * width)
    report.note = name
    held = calibrations.in_force(job.db, name)
    learnt = None if held is None else held.calibration
    taken = measured.samples_of(job.db, name, viewer=job.viewer)
    found = _computed(job, carrier, learnt, report)
    if held is not None and held.learned is not None:
        report.step("run.stage.learn", start + 0.84 * width, start + 0.85 * width)
        found = _corrected(job, carrier, found, held, report)
    if learnt is not None and found.calibrated and len(taken):
        found = radio.local_residuals(found, taken, calibration=learnt)
    report.step("run.stage.save", start + 0.85 * width, start + width)
    files.save_walk(job.folder, _plain(job, name), _walk(job, found))
    chances = {key: chance(found, row, calibration=learnt) for key, row in job.profiles.items()}
    files.save_chances(job.folder, _plain(job, name), chances)
    samples = _samples(job, name, taken, {} if learnt is None else learnt.devices)
    own = chances[job.thresholds.name]
    missing = demand.gap(job.ground.units, own, thresholds=job.thresholds, measured=samples)
    whole = save_view(job.db, job.folder, job.end(name), job.ground.grid, missing, job.calls)
    files.save_network(job.folder, job.end(name), job.ground.grid, missing, found)
    facts = _facts(found, calibration="" if held is None else held.run, samples=int(samples["n"].sum()))
    return Done(own, samples, figures(missing, whole), facts, found.findings)


def _computed(job: Job, carrier: Network, learnt: Calibration | None, report: Reporter) -> radio.Coverage:
    return radio.coverage(
        scene.sectors(job.db, carrier),
        job.ground.terrain,
        job.ground.units,
        carrier,
        calibration=learnt,
        gear=radiotables.gear(job.db),
        levels_dbm=sorted({row.rsrp_dbm for row in job.profiles.values()}),
        map=report.mapper(),
    )


def _corrected(
    job: Job, carrier: Network, found: radio.Coverage, held: calibrations.InForce, report: Reporter
) -> radio.Coverage:
    """A calibrated coverage with the learned stage in force on top."""
    if held.learned is None or not found.calibrated:
        return found
    return learning.applied(
        found,
        learning.again(job.db, held.learned, held.calibration),
        job.ground,
        scene.sectors(job.db, carrier),
        gear=radiotables.gear(job.db),
        name=held.learned.table_hash,
        report=report,
    )


def _walk(job: Job, found: radio.Coverage) -> pd.DataFrame:
    """Where to measure next, for the profile of the run and as far as a day's walk goes."""
    budget_km = job.db.settings.number("coverage.walk_km")
    return radio.next_samples(found, budget_km=budget_km, seed=SEED, thresholds=job.thresholds)


def _plain(job: Job, network: str) -> str:
    """Ending of what holds every profile."""
    return files.suffix(job.run.params, network=network, profile=job.run.params["profile"])


def _samples(job: Job, network: str, taken: pd.DataFrame, devices: Mapping[str, float]) -> pd.DataFrame:
    """Samples of a network counted by unit, under every profile; kept, and those of the run's profile given back."""
    counted = [
        measured.at_units(taken, job.ground.units, job.ground.grid, level_dbm=row.rsrp_dbm, devices=devices).assign(
            profile=name, network=network
        )
        for name, row in job.profiles.items()
    ]
    table = pd.concat(counted, ignore_index=True)
    artefacts.save_table(job.folder, f"measured{_plain(job, network)}", table)
    return table[table["profile"] == job.thresholds.name]


def _together(job: Job, done: list[Done]) -> dict[str, Any]:
    """All networks: operators weighted, and nobody at all."""
    samples = pd.concat([one.samples for one in done], ignore_index=True)
    missing = demand.gap(job.ground.units, [one.chance for one in done], thresholds=job.thresholds, measured=samples)
    end = job.end(files.ALL)
    whole = save_view(job.db, job.folder, end, job.ground.grid, missing, job.calls)
    files.save_judged(job.folder, end, job.ground.grid, missing)
    return figures(missing, whole)


def save_view(db: Database, folder: Path, end: str, grid: Grid, missing: Gap, calls: pd.DataFrame) -> pd.Series:
    """Keep the figures of all levels, the verdicts on key venues and the weak blocks; returns the figures of the district."""
    places = layers.read(db, "venues", columns=["class"])
    places = places[places["class"] != measured.COMPLAINT]
    shapes = dict(zip(places["venue_id"].astype(str), places.geometry, strict=True))
    judged = venues.verdicts(missing.table, grid, shapes, thresholds=missing.thresholds)
    need = missing.thresholds.cell_probability
    for weight in ("persons", "units"):
        shares = venues.shares(missing.table, "venue", cell_probability=need, weight=weight)
        shares = shares.rename(columns={"expected": f"expected_{weight}", "reliable": f"reliable_{weight}"})
        judged = judged.merge(shares.drop(columns="unknown").astype({"venue": str}), on="venue", how="left")
    artefacts.save_table(folder, f"venues{end}", judged)
    artefacts.save_table(folder, f"blocks{end}", weak.weak_blocks(missing))
    return files.save_gap(folder, end, missing, calls=calls)


def figures(missing: Gap, whole: pd.Series) -> dict[str, Any]:
    """People of the district: covered, uncovered with its interval, unknown; indoors apart."""
    indoors = missing.table[missing.table["floor"] > files.OUTDOORS]
    persons_indoor = float(indoors["persons"].sum())
    return {
        "measure": missing.measure,
        **{name: float(whole[name]) for name in (*COUNTS, "nobody", "p05", "p95")},
        "persons_indoor": persons_indoor,
        "indoor_gap_share": float(indoors["uncovered"].sum()) / persons_indoor if persons_indoor else None,
    }


def _facts(found: radio.Coverage, *, calibration: str, samples: int) -> dict[str, Any]:
    """What the figures of a network rest on."""
    return {
        "calibrated": found.calibrated,
        "calibration": calibration,
        "no_sites": found.no_sites,
        "sectors": len(found.sectors),
        "units": len(found.unit_id),
        "samples": samples,
        "provenance": found.provenance,
        **learning.facts(found),
    }
