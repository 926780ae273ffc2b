"""The learned second stage of a calibration: kept with its run, taken along when that is adopted, learned again for coverage."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from siting.actions import runs
from siting.actions.runs import Reporter
from siting.actions.scene import Scene
from siting.errors import BadInput, NotFound
from siting.radio import learned, lessons
from siting.radio.calibration import Calibration
from siting.radio.coverage import Coverage
from siting.radio.learn import Correction
from siting.radio.lessons import Record
from siting.radio.network import Gear
from siting.radio.pathloss import FLAGS
from siting.store import artefacts, decisions
from siting.store.database import Database

TABLE, RECORD = "learned", "learned.json"
#: Under this name the record stands beside a calibration that was adopted.
BESIDE = "learned"


def save(folder: Path, correction: Correction, calibration: Calibration, features: pd.DataFrame, *, seed: int) -> None:
    """Keep what a stage that met its conditions was learned from; one that did not leaves nothing that could be used.

    Parameters
    ----------
    folder : Path
        Of the calibration run.
    correction, calibration, features, seed
        See `siting.radio.learn.fit_correction`.
    """
    if not correction.adopted:
        return
    table = lessons.table_of(calibration, features)
    artefacts.save_table(folder, TABLE, table)
    record = lessons.record_of(correction, calibration, table, seed=seed)
    artefacts.save_text(folder, RECORD, lessons.to_json(record))


def taken_along(db: Database, run_id: str, calibration: str) -> str:
    """An adopted calibration as text, with the record of its learned stage; the table goes where it outlives the run."""
    folder = runs.folder(db, run_id)
    if not artefacts.has(folder, RECORD):
        return calibration
    record = lessons.from_json(artefacts.load_text(folder, RECORD))
    decisions.keep_table(db, record.table_hash, artefacts.load_table(folder, TABLE))
    return json.dumps({**json.loads(calibration), BESIDE: lessons.to_json(record)}, ensure_ascii=False)


def record_in(calibration: str) -> Record | None:
    """The record in the text of an adopted calibration; None where no learned stage was taken along."""
    kept = json.loads(calibration).get(BESIDE)
    return None if kept is None else lessons.from_json(kept)


def again(db: Database, record: Record, calibration: Calibration) -> Correction:
    """The stage in force, learned again from its table.

    Raises
    ------
    BadInput
        If the table is gone, changed, or belongs to other samples.
    """
    try:
        table = decisions.load_table(db, record.table_hash)
    except NotFound as error:
        raise BadInput("lessons.other", table=record.table_hash, samples=record.data_hash) from error
    return lessons.again(record, table, calibration)


def applied(
    found: Coverage,
    stage: Correction,
    ground: Scene,
    sectors: pd.DataFrame,
    *,
    gear: Gear,
    name: str,
    report: Reporter,
) -> Coverage:
    """A calibrated coverage with a learned stage on top.

    Parameters
    ----------
    found : Coverage
        Calibrated by what the stage was learned on, not yet following measurements nearby.
    stage : Correction
        From `again`.
    ground, sectors, gear
        What the coverage was computed from.
    name : str
        Under which the run's facts speak of the stage: the hash of its table.
    report : Reporter
        Of the run.
    """
    moved = learned.corrected_map(found, stage, ground.units, sectors, ground.terrain, gear=gear, map=report.mapper())
    return replace(moved, provenance={**moved.provenance, BESIDE: name})


def facts(found: Coverage) -> dict[str, Any]:
    """Whether a learned stage is in a coverage, and the share of its served units on which it is silent."""
    if BESIDE not in found.provenance:
        return {"learned": False}
    silent = (found.flags[found.server >= 0] & FLAGS["learned_out_of_domain"]) > 0
    return {"learned": True, "learned_outside": float(silent.mean()) if len(silent) else 0.0}
