"""The ground of the district: bring in an elevation raster, look at what is in force, go back to flat ground."""

from __future__ import annotations

import dataclasses
import hashlib
import secrets
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np

from siting.access import Actor
from siting.actions import known, scene
from siting.actions.doors import require
from siting.assets import dem
from siting.assets.dem import Elevations
from siting.errors import BadInput
from siting.findings import Finding, Findings
from siting.geo import grid as grids
from siting.geo import ground
from siting.radio.network import defaults
from siting.store import ground as store
from siting.store import layers
from siting.store.database import Database

PERMISSION = "data.import"
READING = "asset.read"


@dataclasses.dataclass(frozen=True, kw_only=True)
class GroundFile:
    """An elevation raster and what it means for the district.

    Parameters
    ----------
    id : str
        Number; empty as long as it is only looked at.
    name, source, as_of, sha256 : str
        File, where it comes from, date of the survey, digest.
    crs, datum : str
        Coordinate reference system and horizontal datum.
    cell : str
        Size of a cell in units of the CRS.
    lowest_m, highest_m : float
        Heights in the file [m].
    covered : float
        Share of the district whose ground it tells.
    findings : Findings
        What looks wrong.
    loaded_by, loaded_at : str
        Who brought it in, and when.
    """

    id: str = ""
    name: str
    source: str
    as_of: str
    sha256: str
    crs: str
    datum: str
    cell: str
    lowest_m: float
    highest_m: float
    covered: float
    findings: Findings = dataclasses.field(default_factory=Findings)
    loaded_by: str = ""
    loaded_at: str = ""


def check(
    db: Database, actor: Actor, data: bytes | Path, *, name: str, source: str = "", as_of: date | None = None
) -> GroundFile:
    """Look at an elevation raster and say what it would mean; writes nothing.

    Parameters
    ----------
    data : bytes or Path
        A GeoTIFF of one band: ground heights in metres, not roofs.
    name : str
        Its name.
    source : str
        Where it comes from.
    as_of : date, optional
        Date of the survey.

    Raises
    ------
    BadInput
        If it is no such file, or tells nothing about the district.
    NotAllowed
        If the actor may not import.
    """
    require(db, actor, PERMISSION)
    content = data.read_bytes() if isinstance(data, Path) else data
    said = dem.read(content, limits=known.limits(db))
    datum = ground.require_known(said.wkt)
    covered, findings = _meaning(db, content)
    return GroundFile(
        name=name,
        source=source,
        as_of="" if as_of is None else as_of.isoformat(),
        sha256=hashlib.sha256(content).hexdigest(),
        crs=said.crs,
        datum=datum,
        cell=_cell(said),
        lowest_m=said.lowest_m,
        highest_m=said.highest_m,
        covered=covered,
        findings=findings,
    )


def load(
    db: Database,
    actor: Actor,
    data: bytes | Path,
    *,
    name: str,
    source: str,
    as_of: date | None = None,
    now: datetime,
) -> GroundFile:
    """Put an elevation raster in force; computations from now on stand on it.

    Parameters
    ----------
    data, name, source, as_of
        As in `check`; the source is required.
    now : datetime
        Time of the act.

    Raises
    ------
    BadInput
        If it is no such file, tells nothing about the district, or has no source.
    Conflict
        If somebody else changed the ground meanwhile.
    NotAllowed
        If the actor may not import.
    """
    require(db, actor, PERMISSION)
    if not source.strip():
        raise BadInput("terrain.source")
    revision = layers.revision(db, store.LAYER)
    content = data.read_bytes() if isinstance(data, Path) else data
    found = check(db, actor, content, name=name, source=source.strip(), as_of=as_of)
    ground_id = secrets.token_hex(8)
    facts = {**_facts(found), "findings": found.findings.counts(), "org": actor.org, "revision": revision}
    facts["loaded_by"] = actor.id
    store.put(db, ground_id=ground_id, facts=facts, payload=content, actor=actor, kind="ground.loaded", now=now)
    return dataclasses.replace(found, id=ground_id, loaded_by=actor.id, loaded_at=now.isoformat(timespec="seconds"))


def clear(db: Database, actor: Actor, *, reason: str, now: datetime) -> None:
    """Go back to flat ground, with a reason; the file stays in the folder and the journal.

    Raises
    ------
    BadInput
        If there is no reason, or the ground is flat already.
    NotAllowed
        If the actor may not import.
    """
    require(db, actor, PERMISSION)
    if not reason.strip():
        raise BadInput("terrain.reason")
    if store.current(db) is None:
        raise BadInput("terrain.flat")
    facts = {"name": reason.strip(), "sha256": hashlib.sha256(b"").hexdigest(), "org": actor.org}
    store.put(
        db,
        ground_id=secrets.token_hex(8),
        facts={**facts, "revision": layers.revision(db, store.LAYER)},
        payload=b"",
        actor=actor,
        kind="ground.cleared",
        now=now,
    )


def current(db: Database, actor: Actor) -> GroundFile | None:
    """The elevation raster in force; None: the ground counts as flat."""
    require(db, actor, READING)
    found = store.current(db)
    if found is None:
        return None
    record = found[0]
    names = {field.name for field in dataclasses.fields(GroundFile)} - {"findings", "loaded_at"}
    return GroundFile(**{name: record[name] for name in names}, loaded_at=str(record["committed_at"]))


def _facts(found: GroundFile) -> dict[str, Any]:
    return {k: v for k, v in vars(found).items() if k not in {"id", "findings", "loaded_at"}}


def _cell(said: Elevations) -> str:
    return f"{said.step_x:.6g} × {said.step_y:.6g}"


def _meaning(db: Database, content: bytes) -> tuple[float, Findings]:
    """Share of the district that the raster tells, and what looks wrong there."""
    outline = scene.boundary(db)
    grid = grids.over(outline.bounds, cell_m=defaults()["ground_check_cell_m"], crs=db.settings.crs)
    found = ground.onto(content, grid)
    inside = scene.within(grid, outline)
    findings = scene.missing_ground(found, inside)
    covered = 1.0 - float((found.hole | found.outside)[inside].mean())
    if covered == 0.0:
        raise BadInput("terrain.elsewhere", bounds=", ".join(f"{v:.0f}" for v in grid.bounds))
    step = np.where(inside, ground.steepest_m(found.height_m), 0.0)
    wrong = step > defaults()["ground_step_m"]
    if wrong.any():
        row, col = np.unravel_index(int(np.argmax(step)), step.shape)
        easting, northing = grid.centres()
        values = {"n": int(wrong.sum()), "step_m": round(float(step.max()), 1), "cell_m": f"{grid.cell_m:g}"}
        values |= {"easting_m": f"{easting[col]:.0f}", "northing_m": f"{northing[row]:.0f}"}
        findings += [Finding(code="ground_step", severity="warning", value=str(values["n"]), values=values)]
    return covered, findings
