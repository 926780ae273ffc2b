"""Screen and score what a district could use: options on public assets, judged and measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp
import shapely

from siting.access import Actor
from siting.actions import calibrations, coverage, effects, radiotables, runs, scene, stations
from siting.actions import coverage_files as files
from siting.actions.doors import require
from siting.actions.runs import Reporter
from siting.errors import BadInput
from siting.fibre import network as streets
from siting.fibre import route
from siting.plan import eligibility, options, score, tables, verdicts
from siting.radio import emf
from siting.radio.reach import Reach, reach
from siting.reports.geofiles import geopackage
from siting.store import artefacts, layers
from siting.store.database import Database
from siting.store.runs import Run

FREE = ("eligible", "conditional")
STUDY = "unknown"
# Parts that this version measures; a part that nobody measured has no weight, rather than a made-up value.
PARTS = ("added_persons", "added_joint", "key_venues", "indoor_share", "cost_yuan", "fibre_m", "structure", "emf")
SOURCES = ("assets", "sites", "buildings", "districts", "roads", "access")
# Reach of the first network's operators, and which file holds that of each operator.
REACH, REACHES = "reach", "reaches"
ASSET_COLUMNS = ("name", "asset_no", "open_status")


@dataclass(frozen=True)
class Base:
    """The coverage that candidates are measured against.

    Parameters
    ----------
    run : Run
        The coverage run.
    units : DataFrame
        Its units with ``persons`` (people known to be covered or not, in every network of the run) and ``present``
        probability of the first network.
    presents : mapping
        Operator -> probability from its existing sites [units]: the highest over its networks of the run.  Operators of
        the same networks have the same array.
    """

    run: Run
    units: pd.DataFrame
    presents: Mapping[str, npt.NDArray[np.float32]]


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
    offered = _offered(db, base, report)
    admitted = offered["state"].isin([*FREE, *run.params.get("admit", [])])
    usable = offered[admitted & offered["antenna_height_m"].notna()].reset_index(drop=True)
    if usable.empty:
        raise BadInput("candidates.none", n=len(offered))
    report.step("run.stage.reach", 0.3, 0.85)
    thresholds = radiotables.thresholds(db)[base.run.params["profile"]]
    carrier = radiotables.networks(db)[base.run.params["network"]]
    held = calibrations.in_force(db, carrier.name)
    found = reach(
        options.sectors_of(usable),
        ground.terrain,
        ground.units,
        carrier,
        thresholds=thresholds,
        base=base.units["present"].to_numpy(),
        calibration=None if held is None else held.calibration,
        gear=radiotables.gear(db),
        map=report.mapper(),
    )
    report.step("run.stage.score", 0.85, 0.95)
    scored = _scored(db, usable, found, base, thresholds.cell_probability)
    report.step("run.stage.save", 0.95, 1.0)
    _save(db, run.id, base, offered, scored, found)
    return {**_summary(offered, scored, base), "revisions": scene.revisions(db, SOURCES)}


def params(coverage_run: str, *, admit_unknown: bool) -> dict[str, Any]:
    """What to score: every candidate against one coverage run, if wanted with the unknown ones (for study only)."""
    return {"coverage": coverage_run, "admit": [STUDY] if admit_unknown else []}


def standing(db: Database, actor: Actor, wanted: Mapping[str, Any]) -> Run | None:
    """The newest finished score run of these parameters that no later change of the district has overtaken."""
    done = [r for r in runs.listing(db, actor, "score", limit=50) if r.status == "done" and r.params == dict(wanted)]
    return next((r for r in done if r.result["revisions"] == scene.revisions(db, SOURCES)), None)


def base_of(db: Database, actor: Actor, run_id: str | None) -> Base:
    """A finished coverage run with its units, unknown people taken out.

    Raises
    ------
    BadInput
        If there is none, or the district changed since.
    """
    run = runs.finished(db, actor, "coverage", run_id)
    if not coverage.current(db, run):
        raise BadInput("candidates.stale", run=run.id)
    columns = ["unit_id", "floor", "persons", "unknown", "street_office", "venue", "present"]
    units = artefacts.load_table(runs.folder(db, run.id), "units", columns=columns)
    parts = {name: _part(db, run, name) for name in coverage.networks_of(run)}
    unknown = np.max([part["unknown"].to_numpy() for part in parts.values()], axis=0)
    return Base(run, units.assign(persons=units["persons"] - unknown), _presents(db, parts))


def _part(db: Database, run: Run, network: str) -> pd.DataFrame:
    """What a network of a coverage run says of every unit."""
    end = files.suffix(run.params, network=network, profile=run.params["profile"])
    return artefacts.load_table(runs.folder(db, run.id), f"units{end}", columns=["unknown", "present"])


def _presents(db: Database, parts: Mapping[str, pd.DataFrame]) -> dict[str, npt.NDArray[np.float32]]:
    """Operator -> highest probability over its networks; one array for operators of the same networks."""
    carriers = radiotables.networks(db)
    served = {op: tuple(n for n in parts if op in carriers[n].operators) for n in parts for op in carriers[n].operators}
    best = {own: np.max([parts[n]["present"].to_numpy() for n in own], axis=0) for own in set(served.values())}
    return {op: best[own] for op, own in sorted(served.items())}


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


def _offered(db: Database, base: Base, report: Reporter) -> pd.DataFrame:
    """All options with state, codes and sentence."""
    assets = stations.with_taken(db, layers.read(db, "assets"))
    carrier = radiotables.networks(db)[base.run.params["network"]]
    made = options.from_assets(assets, network=carrier.name, operators=carrier.operators)
    points = shapely.points(made["easting_m"], made["northing_m"])
    report.progress(0.2)
    buildings = layers.read(db, "buildings", columns=["height_m"])
    inside = _inside_building(points, buildings.geometry.array) & (made["mount"] != "roof").to_numpy()
    outside = ~shapely.contains_properly(scene.boundary(db), points)
    made = made.assign(**_field(db, made, buildings), inside_building=inside, outside_district=outside)
    report.progress(0.6)
    profile = eligibility.Profile(today=_today(db, base))
    judged = eligibility.eligibility(made, assets, None, profile=profile)
    return made.merge(judged, on="option_id").merge(
        pd.DataFrame(assets[["asset_id", *ASSET_COLUMNS, "structural_status"]]).rename(
            columns={"asset_id": "candidate_id"}
        ),
        on="candidate_id",
    )


def _today(db: Database, base: Base) -> date:
    """The day on which terms are judged: the sample's own, else the day of the coverage run."""
    return date.fromisoformat(db.settings.text("district.as_of") or base.run.created_at[:10])


def _inside_building(points: np.ndarray, buildings: np.ndarray) -> np.ndarray:
    inside = np.zeros(len(points), bool)
    inside[shapely.STRtree(buildings).query(points, predicate="within")[0]] = True
    return inside


def _field(db: Database, made: pd.DataFrame, buildings: gpd.GeoDataFrame) -> dict[str, Any]:
    """Field pre-check by distance: quotient and word."""
    equipment = radiotables.equipment(db)
    carriers = radiotables.networks(db)
    power = made["equipment"].map({name: row.power_w for name, row in equipment.items()}).to_numpy(float)
    gain = made["equipment"].map({name: row.envelope_gain_dbi for name, row in equipment.items()}).to_numpy(float)
    mhz = np.array([carriers[names[0]].frequency_ghz * 1e3 for names in made["networks"]])
    safe_m = np.array([float(emf.compliance_distance_m(p, g, f)) for p, g, f in zip(power, gain, mhz, strict=True)])
    near_m = verdicts.nearest_building_m(made, np.asarray(buildings.geometry.array))
    quotient = emf.distance_quotient(safe_m, near_m)
    exempt = emf.is_exempt(emf.equivalent_power_w(power, gain, mhz))
    return {"emf_quotient": quotient, "emf": verdicts.emf(quotient, exempt)}


def _scored(db: Database, usable: pd.DataFrame, found: Reach, base: Base, cell_probability: float) -> pd.DataFrame:
    """Usable options with their parts in natural units and the score."""
    people = score.added_people(
        base.units, found, usable, base=base.units["present"].to_numpy(), cell_probability=cell_probability
    )
    parts = people.assign(
        added_joint=people["added_persons"],
        cost_yuan=usable["cost_yuan"],
        fibre_m=_fibre_m(db, usable),
        structure=verdicts.structure(usable["codes"].tolist(), usable["structural_status"].tolist()),
        emf=usable["emf"],
    )
    weights = tables.weights()
    marks = score.score_candidates(usable, parts, profile=weights[weights["part"].isin(PARTS)])
    return usable.drop(columns=["cost_yuan", "emf"]).merge(marks, on="option_id").sort_values("rank", ignore_index=True)


def _fibre_m(db: Database, usable: pd.DataFrame) -> pd.Series:
    """Metres along streets to the nearest access point, lead-ins included; NaN where none is reached."""
    net = streets.build(layers.read(db, "roads"), layers.read(db, "access"))
    points = gpd.GeoDataFrame(
        geometry=gpd.points_from_xy(usable["easting_m"], usable["northing_m"]), index=usable.index, crs=db.settings.crs
    )
    return route.marginal_cost(net, points)["fibre_m"]


def _save(db: Database, run_id: str, base: Base, offered: pd.DataFrame, scored: pd.DataFrame, found: Reach) -> None:
    folder = runs.folder(db, run_id)
    artefacts.save_table(folder, "options", _flat(offered))
    artefacts.save_table(folder, "scored", _flat(scored))
    order = pd.Index(found.option_id).get_indexer(pd.Index(scored["option_id"]))
    artefacts.save_matrix(folder, REACH, found.p[:, order])
    artefacts.save_table(folder, REACHES, pd.DataFrame({"operator": sorted(base.presents), "file": REACH}))


def _flat(frame: pd.DataFrame) -> pd.DataFrame:
    """Tuples as lists, as Parquet knows them."""
    flat = frame.copy()
    for name in ("codes", "operators", "networks", "azimuths", "tilts"):
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


def candidates(db: Database, actor: Actor, run_id: str) -> gpd.GeoDataFrame:
    """All candidates of a score run in the project CRS: the scored ones by rank, then the others with their reasons.

    What problem points forbid or hold today is laid over them, as far as the actor sees these problem points.
    """
    runs.get(db, actor, run_id)
    folder = runs.folder(db, run_id)
    scored = artefacts.load_table(folder, "scored")
    offered = artefacts.load_table(folder, "options")
    rest = offered[~offered["option_id"].isin(scored["option_id"])]
    both = effects.applied(pd.concat([scored, rest], ignore_index=True), effects.current(db, actor))
    points = gpd.points_from_xy(both["easting_m"], both["northing_m"])
    return gpd.GeoDataFrame(both, geometry=points, crs=db.settings.crs)


def write(db: Database, actor: Actor, run_id: str, path: Path) -> None:
    """Write a score run as GeoPackage: layers ``candidates`` (scored) and ``candidates_excluded`` (with reasons)."""
    require(db, actor, "export.internal")
    run = runs.finished(db, actor, "score", run_id)
    both = candidates(db, actor, run_id).assign(measure=run.result["measure"])
    free = both["rank"].notna() & (both["effect"] != effects.FORBIDDEN)
    parts = {"candidates": both[free], "candidates_excluded": _reasons(both[~free])}
    about: Mapping[str, object] = {**run.result, "run": run.id, "district": db.settings.name}
    path.write_bytes(geopackage(parts, about=about, as_of=run.created_at))


def _reasons(rest: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    names = ["option_id", "candidate_id", "class", "name", "street_office", "owner_org", "state", "codes", "message"]
    return rest[[*names, "geometry"]]
