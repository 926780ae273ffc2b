"""Where to measure next: the walk that a coverage run proposes, to look at and to take along."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd

from siting import words
from siting.access import Actor
from siting.actions import coverage_files as files
from siting.actions import runs
from siting.actions.doors import require
from siting.errors import BadInput
from siting.geo import crs
from siting.reports.workbook import Sheet, workbook
from siting.store import artefacts
from siting.store.database import Database
from siting.store.runs import Run

DATUM = "cgcs2000"
KINDS = ("csv", "xlsx")
DECIMALS = 6
#: Columns of the list that is taken along, with the digits they are given.
COLUMNS = {"stop": 0, "lon_deg": DECIMALS, "lat_deg": DECIMALS, "persons": 0, "gain_percent": 2, "cumulative_km": 2,
           "easting_m": 0, "northing_m": 0}  # fmt: skip


def next_samples(db: Database, actor: Actor, run_id: str, *, network: str = "") -> pd.DataFrame:
    """Stops of a walk or drive that lower the uncertainty of the uncovered people most, in the order of the walk.

    Parameters
    ----------
    run_id : str
        A finished coverage run.
    network : str
        One of its networks; default the first.

    Returns
    -------
    DataFrame
        See `siting.radio.nextsamples.next_samples`; as long as ``coverage.walk_km`` was when the run was made.

    Raises
    ------
    BadInput
        If the run is not finished, or did not compute the network.
    NotFound
        If it is older than these proposals.
    """
    run = runs.finished(db, actor, "coverage", run_id)
    names = files.networks_of(run.params)
    name = network or names[0]
    if name not in names:
        raise BadInput("coverage.unknown", name="network", value=name, known=", ".join(names))
    end = files.suffix(run.params, network=name, profile=run.params["profile"])
    return files.load_walk(runs.folder(db, run.id), end)


def proposes(db: Database, run: Run) -> bool:
    """Whether a finished coverage run says where to measure next; runs of old do not."""
    return artefacts.has(runs.folder(db, run.id), f"{files.WALK}.parquet")


def export(
    db: Database,
    actor: Actor,
    run_id: str,
    *,
    network: str = "",
    kind: str = "xlsx",
    lang: str = words.DEFAULT_LANGUAGE,
) -> bytes:
    """The walk as a list with longitude and latitude (CGCS2000), as ``csv`` or ``xlsx``.

    Raises
    ------
    BadInput
        As `next_samples`, or if the kind is another.
    NotFound
        As `next_samples`.
    """
    require(db, actor, "export.internal")
    require_kind(kind)
    stops = next_samples(db, actor, run_id, network=network)
    places = gpd.GeoDataFrame(geometry=gpd.points_from_xy(stops["easting_m"], stops["northing_m"]), crs=db.settings.crs)
    lonlat = crs.from_project(places, datum=DATUM, crs=db.settings.crs).geometry
    told = stops.assign(lon_deg=lonlat.x, lat_deg=lonlat.y, gain_percent=100.0 * stops["gain"])
    titles = {name: words.say(f"surveying.{name}", lang=lang) for name in COLUMNS}
    table = told[list(COLUMNS)].round(COLUMNS).rename(columns=titles)
    if kind == "csv":
        return table.to_csv(index=False).encode("utf-8-sig")
    title = words.say("surveying.title", lang=lang)
    notes = {"title": title, "comments": f"datum={DATUM}; run={run_id}"}
    return workbook([Sheet(title, table)], properties=notes)


def require_kind(kind: str) -> None:
    """Refuse a kind of file, with or without its dot, that the walk cannot be written as."""
    if kind.removeprefix(".") not in KINDS:
        raise BadInput("surveying.kind", value=kind, known=", ".join(KINDS))


def write(db: Database, actor: Actor, run_id: str, path: Path, *, lang: str = words.DEFAULT_LANGUAGE) -> None:
    """Write the walk for the first network of a run to a file, as its ending says; see `export`."""
    require(db, actor, "export.internal")
    path.write_bytes(export(db, actor, run_id, kind=path.suffix.removeprefix("."), lang=lang))
