"""Screen and score what a district could use: options on public assets, judged and measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import scipy.sparse as sp

from siting.access import Actor
from siting.actions import (
    candidate_drawn,
    candidate_emf,
    candidate_offer,
    candidate_parts,
    candidate_reach,
    effects,
    plantables,
    runs,
    scene,
    weights,
)
from siting.actions.candidate_base import Base, base_of
from siting.actions.candidate_offer import Offer
from siting.actions.candidate_reach import Reached
from siting.actions.doors import require
from siting.actions.runs import Reporter
from siting.actions.weights import Given
from siting.errors import BadInput
from siting.plan import options, score
from siting.reports.geofiles import geopackage
from siting.store import artefacts
from siting.store.database import Database
from siting.store.runs import Run

__all__ = ["Base", "base_of", "candidates", "execute", "params", "reaches", "standing", "write"]

FREE = ("eligible", "conditional")
STUDY = "unknown"
SOURCES = ("assets", "sites", "buildings", "districts", "roads", "access")
# What is one choice of a host, whatever its start azimuth.
HOST = ["candidate_id", "configuration", "networks"]
LISTS = ("codes", "operators", "networks", "azimuths", "tilts")
# Reach of the first network's operators, and which file holds that of each operator.
REACH, REACHES = "reach", "reaches"


def execute(db: Database, actor: Actor, run: Run, report: Reporter) -> dict[str, Any]:
    """Do a score run: screen all assets, compute what the usable ones cover, score them, keep everything.

    Raises
    ------
    BadInput
        If the coverage run is not there or the district changed since.
    """
    require(db, actor, runs.PERMISSION)
    report.step("run.stage.scene", 0.0, 0.15)
    base = base_of(db, actor, run.params["coverage"])
    ground = scene.build(db, cell_m=base.run.params["cell_m"], mix=base.run.params["mix"])
    if not np.array_equal(ground.units["unit_id"], base.units["unit_id"]):
        raise BadInput("candidates.stale", run=base.run.id)
    report.step("run.stage.candidates", 0.15, 0.3)
    offer = candidate_offer.offered(db, actor, base, report)
    usable = _usable(offer.options, run.params.get("admit", []))
    tried = candidate_emf.estimated(db, options.turned(usable))
    report.step("run.stage.reach", 0.3, 0.75)
    found = candidate_reach.computed(db, ground, base, _open(tried), report)
    report.step("run.stage.emf", 0.75, 0.9)
    checked = _checked(db, actor, base, found, offer, report)
    offered = _all(offer, usable, tried, checked)
    found = replace(found, options=checked).at(np.flatnonzero(checked["emf"] != candidate_emf.EXCEEDS))
    if found.options.empty:
        raise BadInput("candidates.none", n=len(offered))
    report.step("run.stage.score", 0.9, 0.95)
    scored, found = _scored(db, base, found)
    report.step("run.stage.save", 0.95, 1.0)
    _save(db, run.id, offered, scored, found)
    return {**_summary(offered, scored, base), "revisions": revisions(db, actor)}


def _usable(offered: pd.DataFrame, admit: Sequence[str]) -> pd.DataFrame:
    admitted = offered["state"].isin([*FREE, *admit]) & offered["antenna_height_m"].notna()
    usable = offered[admitted & offered["cost_yuan"].notna()].reset_index(drop=True)
    if usable.empty:
        raise BadInput("candidates.none", n=len(offered))
    return usable


def _open(tried: pd.DataFrame) -> pd.DataFrame:
    """Options that no façade nearby forbids."""
    kept = tried[tried["emf"] != candidate_emf.EXCEEDS]
    if kept.empty:
        raise BadInput("candidates.none", n=len(tried))
    return kept.reset_index(drop=True)


def _checked(db: Database, actor: Actor, base: Base, found: Reached, offer: Offer, report: Reporter) -> pd.DataFrame:
    """Reached options in their order, with state and reasons after the pre-check of their fields."""
    value = candidate_reach.single_value(base, found)
    checked = candidate_emf.decided(db, actor, found.options, value, progress=report.progress)
    again = checked["emf_share"].notna().to_numpy()
    return pd.concat([checked[~again], offer.again(checked[again])]).sort_index()


def _all(offer: Offer, usable: pd.DataFrame, tried: pd.DataFrame, checked: pd.DataFrame) -> pd.DataFrame:
    """All options: those computed, those that the pre-check forbids at every start azimuth, and the unusable ones."""
    places = checked[HOST].astype(str).agg("|".join, axis=1)
    first = tried[tried["start_deg"] == 0.0]
    barred = first[~first[HOST].astype(str).agg("|".join, axis=1).isin(places)]
    rest = offer.options[~offer.options["option_id"].isin(usable["option_id"])]
    parts = [part for part in (checked, offer.again(barred), rest) if len(part)]
    return pd.concat(parts, ignore_index=True).sort_values("option_id", ignore_index=True)


def params(coverage_run: str, *, admit_unknown: bool) -> dict[str, Any]:
    """What to score: every candidate against one coverage run, if wanted with the unknown ones (for study only)."""
    return {"coverage": coverage_run, "admit": [STUDY] if admit_unknown else []}


def standing(db: Database, actor: Actor, wanted: Mapping[str, Any]) -> Run | None:
    """The newest finished score run of these parameters that no later change of the district has overtaken."""
    done = [r for r in runs.listing(db, actor, "score", limit=50) if r.status == "done" and r.params == dict(wanted)]
    return next((r for r in done if r.result["revisions"] == revisions(db, actor)), None)


def revisions(db: Database, actor: Actor) -> dict[str, Any]:
    """State of all that a score run rests on: layers, planning tables, and the points drawn without a host that the actor sees."""
    drawn, priced = candidate_drawn.version(db, actor), plantables.revision(db)
    return {**scene.revisions(db, SOURCES), "drawn": drawn, "plan_tables": priced}


def reaches(db: Database, run_id: str) -> dict[str, sp.csc_array]:
    """Operator -> coverage probability of each scored option alone [units, options], columns as in the table ``scored``.

    0 where an option does not serve the operator.  Operators that all options serve alike share one matrix.

    Raises
    ------
    NotFound
        If the score run left none.
    """
    folder = runs.folder(db, run_id)
    if artefacts.has(folder, f"{REACHES}.parquet"):
        table = artefacts.load_table(folder, REACHES)
        names = dict(zip(table["operator"], table["file"], strict=True))
    else:
        served = artefacts.load_table(folder, "scored", columns=["operators"])["operators"]
        names = dict.fromkeys(sorted({op for own in served for op in own}), REACH)
    held = {name: artefacts.load_matrix(folder, name) for name in dict.fromkeys(names.values())}
    return {op: held[name] for op, name in names.items()}


def _scored(db: Database, base: Base, found: Reached) -> tuple[pd.DataFrame, Reached]:
    """Options with their parts in natural units and the score, the best first, and their reach in this order."""
    parts = candidate_parts.parts_of(db, base, found)
    own = weights.profile(db)
    marks = score.score_candidates(found.options, parts, profile=own[own["part"].isin(parts.columns)])
    marks = marks.drop(columns="option_id").rename(columns={"cost_yuan": "own_cost_yuan"})
    told = found.options.drop(columns=["own_cost_yuan", "emf", "tenants"]).join(marks).sort_values("rank")
    return told.reset_index(drop=True), found.at(told.index.to_numpy())


def _save(db: Database, run_id: str, offered: pd.DataFrame, scored: pd.DataFrame, found: Reached) -> None:
    folder = runs.folder(db, run_id)
    artefacts.save_table(folder, "options", _flat(offered))
    artefacts.save_table(folder, "scored", _flat(scored))
    lines = []
    for at, (group, p) in enumerate(found.p.items()):
        name = REACH if at == 0 else f"{REACH}@{at}"
        artefacts.save_matrix(folder, name, p)
        lines += [{"operator": operator, "file": name} for operator in group]
    artefacts.save_table(folder, REACHES, pd.DataFrame(lines))
    artefacts.save_table(folder, weights.FILE, weights.profile(db))


def _flat(frame: pd.DataFrame) -> pd.DataFrame:
    """Tuples as lists, as Parquet knows them."""
    flat = frame.copy()
    for name in LISTS:
        flat[name] = pd.Series([list(v) for v in frame[name]], index=frame.index, dtype=object)
    return flat


def _summary(offered: pd.DataFrame, scored: pd.DataFrame, base: Base) -> dict[str, Any]:
    return {
        "coverage": base.run.id,
        "measure": base.run.result["measure"],
        "calibrated": base.run.result["calibrated"],
        "offered": len(offered),
        "states": {str(k): int(v) for k, v in offered["state"].value_counts().items()},
        "scored": len(scored),
        "best_added": float(scored["added_persons"].max()),
        "unreached_by_fibre": int(scored["fibre_m"].isna().sum()),
    }


def candidates(db: Database, actor: Actor, run_id: str, given: Given = None) -> gpd.GeoDataFrame:
    """All candidates of a score run in the project CRS: the scored ones by rank, then the others with their reasons.

    What problem points forbid or hold today is laid over them, and what closed ones teach of permission counts, as far as
    the actor sees these problem points.  ``given`` are other weights, see `siting.actions.weights.rescored`.
    """
    runs.get(db, actor, run_id)
    folder = runs.folder(db, run_id)
    scored = weights.rescored(db, actor, run_id, given)
    offered = artefacts.load_table(folder, "options")
    rest = offered[~offered["option_id"].isin(scored["option_id"])]
    both = effects.applied(pd.concat([scored, rest], ignore_index=True), effects.current(db, actor))
    points = gpd.points_from_xy(both["easting_m"], both["northing_m"])
    return gpd.GeoDataFrame(both, geometry=points, crs=db.settings.crs)


def write(db: Database, actor: Actor, run_id: str, path: Path, given: Given = None) -> None:
    """Write a score run as GeoPackage: layers ``candidates`` (scored) and ``candidates_excluded`` (with reasons).

    The weights stand in its layer ``about``; ``given`` are other ones than the run's.
    """
    require(db, actor, "export.internal")
    run = runs.finished(db, actor, "score", run_id)
    both = candidates(db, actor, run_id, given).assign(measure=run.result["measure"])
    free = both["rank"].notna() & (both["effect"] != effects.FORBIDDEN)
    parts = {"candidates": both[free], "candidates_excluded": _reasons(both[~free])}
    used = weights.text(weights.weighed(weights.of_run(db, actor, run_id), given))
    about: Mapping[str, object] = {**run.result, "run": run.id, "district": db.settings.name, "weights": used}
    path.write_bytes(geopackage(parts, about=about, as_of=run.created_at))


def _reasons(rest: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    names = ["option_id", "candidate_id", "class", "name", "street_office", "owner_org", "state", "codes", "message"]
    return rest[[*names, "geometry"]]
