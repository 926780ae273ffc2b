"""Calibrate a network with measured samples: choose, fit, judge on unseen blocks, keep what is left over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from siting.access import Actor, view
from siting.actions import calibrations, learning, measurements, radiotables, runs, scene
from siting.actions.doors import require_any
from siting.actions.runs import Reporter
from siting.assets import samplecells
from siting.errors import BadInput
from siting.radio import calibrate, heldout, learn
from siting.radio.calibrate import Options, Prepared
from siting.radio.calibration import Calibration
from siting.radio.classes import class_name
from siting.radio.network import defaults
from siting.radio.rays import with_rays
from siting.radio.terrain import Terrain
from siting.store import artefacts, layers, samples
from siting.store.database import Database
from siting.store.runs import Run

KIND = calibrations.KIND
SEED = 1
SOURCES = ("buildings", "districts", "sites", "sectors")
RESIDUALS = "residuals"
PREDICTORS = (
    "calibrated", "corrected", "classifier", "uncalibrated", "constant", "free_space", "distance", "random_split"
)  # fmt: skip
FIGURES = ("rmse_db", "bias_db", "mae_db", "f1", "brier")
#: What is kept of every place that was used.
COLUMNS = (
    "easting_m", "northing_m", "floor", "network", "state", "kind", "served_site", "served_sector", "matched",
    "device_id", "n", "rsrp_dbm", "predicted_dbm", "residual_db", "distance_2d_m", "block",
)  # fmt: skip
#: Of them, what tells where a site is.
OF_SITES = ("served_site", "served_sector", "matched", "distance_2d_m")


def params(db: Database, actor: Actor, given: Mapping[str, Any]) -> dict[str, Any]:
    """What to calibrate: what was asked for, completed by the settings and by every set that the actor sees.

    Parameters
    ----------
    given : mapping
        ``network``, ``profile`` (whose level is weak, for F1 and Brier score), ``sets`` (ids), ``seed``,
        ``diffraction``, ``learned`` (try a learned second stage too); what is missing is filled in.

    Raises
    ------
    BadInput
        If network or profile is unknown, or no set of the network can be used.
    """
    settings = db.settings
    chosen: dict[str, Any] = {
        "network": given.get("network") or settings.text("coverage.network"),
        "profile": given.get("profile") or settings.text("coverage.profile"),
        "seed": SEED if given.get("seed") is None else int(given["seed"]),
        "diffraction": bool(given.get("diffraction")),
        "learned": bool(given.get("learned")),
    }
    known = {"network": tuple(radiotables.networks(db)), "profile": tuple(radiotables.thresholds(db))}
    for name, values in known.items():
        if chosen[name] not in values:
            raise BadInput("coverage.unknown", name=name, value=chosen[name], known=", ".join(values))
    usable = [one.id for one in measurements.sets(db, actor) if chosen["network"] in one.networks]
    wanted = usable if given.get("sets") is None else [str(name) for name in given["sets"]]
    if not wanted or not set(wanted) <= set(usable):
        raise BadInput("calibration.no_sets", network=chosen["network"])
    return {**chosen, "sets": sorted(wanted)}


def execute(db: Database, actor: Actor, run: Run, report: Reporter) -> dict[str, Any]:
    """Do a calibration run: match, fit, judge on unseen blocks, keep the calibration and what is left over.

    Returns
    -------
    dict
        Figures for the run's row; see `figures`.
    """
    require_any(db, actor, *runs.permissions(KIND))
    asked = run.params
    carrier = radiotables.networks(db)[asked["network"]]
    report.step("run.stage.samples", 0.0, 0.1)
    rows = _measured(db, actor, asked["sets"], carrier.name)
    report.step("run.stage.terrain", 0.1, 0.25)
    surface = _terrain(db)
    report.step("run.stage.match", 0.25, 0.5)
    sites = scene.sectors(db, carrier)
    made = calibrate.prepare(rows, sites, surface, {carrier.name: carrier}, gear=radiotables.gear(db))
    report.step("run.stage.fit", 0.5, 0.75)
    level_dbm = radiotables.thresholds(db)[asked["profile"]].rsrp_dbm
    options = Options(level_dbm=level_dbm, diffraction=asked["diffraction"])
    found = calibrate.fit_prepared(made, surface, seed=asked["seed"], options=options)
    report.step("run.stage.judge", 0.75, 0.85)
    left = _residuals(made, surface, seed=asked["seed"], options=options)
    second = {}
    if asked.get("learned"):
        report.step("run.stage.learn", 0.85, 0.95)
        second = _learned(runs.folder(db, run.id), found, made, surface, seed=asked["seed"], options=options)
    report.step("run.stage.save", 0.95, 1.0)
    _save(db, run.id, found, left)
    return {**figures(found), **second, **_counts(made, found), "revisions": scene.revisions(db, SOURCES)}


def figures(found: Calibration) -> dict[str, Any]:
    """The held-out figures of a calibration beside those of predictors that need none.

    Returns
    -------
    dict
        ``usable``, ``rmse_db, bias_db, mae_db, f1, brier`` on blocks it did not see, and ``rmse_NAME_db``,
        ``f1_NAME`` of the predictor ``NAME``; None where nothing can be told.
    """
    table = whole(found)
    own = table.loc[heldout.CALIBRATED]
    told: dict[str, Any] = {name: _number(own[name]) for name in FIGURES}
    for name, row in table.iterrows():
        if name != heldout.CALIBRATED:
            told |= {f"rmse_{name}_db": _number(row["rmse_db"]), f"f1_{name}": _number(row["f1"])}
    return {"usable": found.usable, **told}


def whole(found: Calibration) -> pd.DataFrame:
    """The held-out table over all classes, by predictor."""
    return _over_all(found.metrics)


def compared(found: Calibration, result: Mapping[str, Any]) -> pd.DataFrame:
    """The held-out figures of all predictors in the order of `PREDICTORS`, those of a learned stage if it was tried.

    Parameters
    ----------
    found : Calibration
        Of a run.
    result : mapping
        Of the same run.
    """
    tried = result.get("learned", {}).get("predictors", {})
    table = pd.concat([whole(found)[list(FIGURES)], pd.DataFrame.from_dict(tried, orient="index", dtype=float)])
    return table.loc[[name for name in PREDICTORS if name in table.index]]


def _over_all(table: pd.DataFrame) -> pd.DataFrame:
    return table[(table["class"] == heldout.ALL) & (table["network"] == heldout.ALL)].set_index("predictor")


def by_class(found: Calibration) -> pd.DataFrame:
    """The held-out figures of the calibration in each class, the largest first, with the terms that were fitted."""
    table = found.metrics
    mine = table[(table["class"] != heldout.ALL) & (table["predictor"] == heldout.CALIBRATED)]
    terms = pd.DataFrame([{"class": class_name(f.state, f.kind), **asdict(f)} for f in found.fits])
    wanted = ["network", "class", "offset_db", "slope_db", "pattern", "power", "beta", "sigma_db", "blocks", "censored"]
    merged = mine.merge(terms[wanted], on=["network", "class"], how="left")
    return merged.sort_values("n", ascending=False, kind="stable").reset_index(drop=True)


def residuals(db: Database, actor: Actor, run_id: str) -> pd.DataFrame:
    """Every place of a finished run with what was measured there and predicted by a fit that did not see its block.

    Returns
    -------
    DataFrame
        `COLUMNS`; ``residual_db`` is measured minus predicted.

    Raises
    ------
    NotFound
        If there is no such run that the actor sees, or the actor does not see the samples behind it.
    """
    found = runs.finished(db, actor, KIND, run_id)
    for set_id in found.params["sets"]:
        samples.get(db, set_id, viewer=actor)
    left = artefacts.load_table(runs.folder(db, found.id), RESIDUALS)
    if view(actor, "sites") == "all":
        return left
    sites = layers.read(db, "sites", columns=(), viewer=actor)
    seen = left["served_site"].isin(sites["site_id"])
    return left.assign(**{name: left[name].where(seen) for name in OF_SITES})


def current(db: Database, run: Run) -> bool:
    """Whether nothing that a finished calibration rests on has changed since."""
    return bool(run.result["revisions"] == scene.revisions(db, SOURCES))


def _measured(db: Database, actor: Actor, sets: Sequence[str], network: str) -> pd.DataFrame:
    """Samples of the sets, with the sectors they name and the buildings they stand in."""
    rows = samples.read(db, sets, viewer=actor)
    rows = rows[rows["network"] == network].reset_index(drop=True)
    sectors = layers.read(db, "sectors", columns=("site_id", "network"))
    return rows.assign(**samplecells.matched(rows, sectors), building_class=_buildings(db, rows))


def _buildings(db: Database, rows: pd.DataFrame) -> pd.Series:
    """Class of the building around each indoor sample; None outdoors and where there is none."""
    inside = rows[rows["floor"] > 0]
    out = pd.Series([None] * len(rows), index=rows.index, dtype=object)
    if inside.empty:
        return out
    spots = gpd.points_from_xy(inside["easting_m"], inside["northing_m"])
    buildings = layers.read(db, "buildings", columns=("building_class",))
    hit = gpd.GeoDataFrame(geometry=spots, index=inside.index, crs=db.settings.crs).sjoin(buildings, how="inner")
    found = hit["building_class"].dropna()
    found = found[~found.index.duplicated()]
    out.loc[found.index] = found
    return out


def _terrain(db: Database) -> Terrain:
    west, south, east, north = (float(v) for v in scene.boundary(db).bounds)
    return scene.obstacles(db, cell_m=db.settings.number("coverage.cell_m"), bounds=(west, south, east, north))


def _residuals(made: Prepared, surface: Terrain, *, seed: int, options: Options) -> pd.DataFrame:
    """Places with the level that a fit without their block predicts."""
    frame, _ = calibrate.usable_rows(made.frame, far_m=options.far_m)
    if options.diffraction:
        frame = with_rays(frame, surface)
    held = heldout.judge(frame, seed=seed, level_dbm=options.weak_dbm, diffraction=options.diffraction)
    predicted = held.guesses[heldout.CALIBRATED].level_dbm
    told = frame.assign(predicted_dbm=predicted, residual_db=heldout.errors_db(frame, predicted))
    return told[list(COLUMNS)]


def _learned(
    folder: Path, found: Calibration, made: Prepared, surface: Terrain, *, seed: int, options: Options
) -> dict[str, dict[str, Any]]:
    """Learn a second stage, keep it if it met its conditions: ``learned`` with its figures on the same unseen blocks."""
    frame, _ = calibrate.usable_rows(made.frame, far_m=options.far_m)
    features = learn.of_links(frame, surface)
    second = learn.fit_correction(found, features, seed=seed, options=options)
    learning.save(folder, second, found, features, seed=seed)
    table = _over_all(second.metrics)
    rows = {name: {c: _number(table.loc[name, c]) for c in FIGURES} for name in (learn.CORRECTED, learn.CLASSIFIER)}
    return {"learned": {"meets": second.adopted, "predictors": rows}}


def conditions() -> dict[str, float]:
    """What a learned stage must reach: ``gain_db`` by which RMSE falls at least, ``loss`` by which F1 may fall."""
    numbers = defaults()
    return {"gain_db": numbers["learn_gain_db"], "loss": numbers["learn_f1_loss"]}


def _save(db: Database, run_id: str, found: Calibration, left: pd.DataFrame) -> None:
    folder = runs.folder(db, run_id)
    artefacts.save_text(folder, calibrations.FILE, calibrate.to_json(found))
    artefacts.save_table(folder, "metrics", found.metrics)
    artefacts.save_table(folder, "reliability", found.reliability)
    artefacts.save_table(folder, RESIDUALS, left)


def _counts(made: Prepared, found: Calibration) -> dict[str, Any]:
    """What it rests on."""
    return {
        "samples": int(made.counts["used"]),
        "places": int(made.counts["rows"]),
        "blocks": int(made.frame["block"].nunique()),
        "devices": len(found.devices),
        "counts": {name: int(n) for name, n in made.counts.items()},
        "findings": found.findings.counts(),
        "data_hash": found.data_hash,
    }


def _number(value: object) -> float | None:
    number = float(str(value))
    return None if np.isnan(number) else round(number, 4)
