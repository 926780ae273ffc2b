"""How firm the ranks of a score run are: draws of the model's error as a run, ranks by the weights and cases of who reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from siting.access import Actor
from siting.actions import candidates, modelerror, radiotables, runs, weights
from siting.actions import coverage_files as files
from siting.actions.candidates import Base
from siting.actions.doors import require
from siting.actions.runs import Reporter
from siting.actions.weights import Given
from siting.errors import BadInput, Cancelled
from siting.plan import margins, stability
from siting.plan.margins import Drawn, Layer, Margins
from siting.radio.gap import operator_weights
from siting.store import artefacts
from siting.store.database import Database
from siting.store.runs import Run

KIND = "stability"
FILE = "drawn"
TOP = 10
PARTS = ("added_persons", "indoor_share", "key_venues")


@dataclass(frozen=True, eq=False)
class Ranks:
    """Ranks of a score run under draws.

    Parameters
    ----------
    table : DataFrame
        ``option_id`` and the columns of `siting.plan.stability.Stability`.
    tau, tau_weights : float
        See there.
    draws, top : int
        How many draws, how many count as first.
    calibrated : bool
        Whether the model's error comes from measurements.
    """

    table: pd.DataFrame
    tau: float
    tau_weights: float
    draws: int
    top: int
    calibrated: bool


def params(score: Run, *, seed: int = 0) -> dict[str, Any]:
    """What to draw: the model's error, as often as the table says, for the candidates of a score run."""
    return {
        "score": score.id,
        "coverage": score.params["coverage"],
        "draws": int(margins.rows()["draws"]),
        "seed": seed,
    }


def execute(db: Database, actor: Actor, run: Run, report: Reporter) -> dict[str, Any]:
    """Do a run: draw the model's error and keep what every candidate adds then.

    Who reads it later ranks by weights and cases of their own, so the draws hold neither.

    Raises
    ------
    BadInput
        If the coverage run is not there, is stale, or kept nothing about its error.
    """
    require(db, actor, runs.PERMISSION)
    report.step("run.stage.scene", 0.0, 0.15)
    scored_run = runs.finished(db, actor, "score", run.params["score"])
    base = candidates.base_of(db, actor, scored_run.params["coverage"])
    folder = runs.folder(db, scored_run.id)
    places = artefacts.load_table(folder, "scored", columns=["candidate_id"])["candidate_id"].tolist()
    asked = _margins(db, base, scored_run, len(places))
    report.step("run.stage.draws", 0.15, 0.95)
    found = margins.drawn(places, asked, draws=run.params["draws"], seed=run.params["seed"], progress=_stopping(report))
    report.step("run.stage.save", 0.95, 1.0)
    artefacts.save_arrays(runs.folder(db, run.id), FILE, {name: getattr(found, name) for name in PARTS})
    calibrated = bool(base.run.result["calibrated"])
    return {"score": scored_run.id, "coverage": base.run.id, "scored": len(places), "calibrated": calibrated}


def standing(db: Database, actor: Actor, score_run: str) -> Run | None:
    """The newest finished draws for a score run."""
    done = [run for run in runs.listing(db, actor, KIND, limit=50) if run.status == "done"]
    return next((run for run in done if run.params["score"] == score_run), None)


def ranks(
    db: Database,
    actor: Actor,
    run_id: str,
    given: Given = None,
    *,
    top: int = TOP,
) -> Ranks:
    """Ranks under the draws of a run.

    Parameters
    ----------
    given : DataFrame, mapping or None
        Weights, see `siting.actions.weights.rescored`.
    top : int
        How many candidates count as first.
    """
    run = runs.finished(db, actor, KIND, run_id)
    scored, profile = weights.measured(db, actor, run.params["score"], given)
    found = Drawn(**artefacts.load_arrays(runs.folder(db, run.id), FILE))
    told = stability.judged(scored, found, profile=profile, top=top, seed=run.params["seed"])
    table = scored[["option_id"]].join(told.table)
    calibrated = bool(run.result["calibrated"])
    return Ranks(table, told.tau, told.tau_weights, run.params["draws"], top, calibrated)


def _stopping(report: Reporter) -> Callable[[float], None]:
    """Report progress, and stop when asked to."""

    def tell(share: float) -> None:
        report.progress(share)
        if report.cancelled():
            raise Cancelled("compute.cancelled")

    return tell


def _margins(db: Database, base: Base, scored_run: Run, options: int) -> Margins:
    units = base.units
    venue, _ = pd.factorize(units["venue"])
    floor = pd.to_numeric(units["floor"], errors="coerce").fillna(0).to_numpy()
    need = radiotables.thresholds(db)[base.run.params["profile"]].cell_probability
    return Margins(
        tuple(_layers(db, base, scored_run)),
        units["persons"].to_numpy(np.float64),
        floor > files.OUTDOORS,
        np.asarray(venue, np.int64),
        options,
        need,
    )


def _layers(db: Database, base: Base, scored_run: Run) -> Iterator[Layer]:
    """One layer per group of operators that reach and start alike."""
    counted = operator_weights()
    reaches = candidates.reaches(db, scored_run.id)
    whole = sum(counted.get(name, 1.0) for name in reaches)
    for names in modelerror.alike(reaches, base.presents):
        p = reaches[names[0]]
        known = modelerror.chances(db, base.run, modelerror.network_of(db, base.run, names[0]))
        if known is None:
            raise BadInput("stability.no_error", run=base.run.id)
        yield margins.layer(
            (p.data, p.indices, p.indptr),
            base.presents[names[0]],
            share=sum(counted.get(name, 1.0) for name in names) / whole,
            sigma_db=known["sigma_db"],
            kind=known["kind"],
            error_db=known["error_db"],
        )
