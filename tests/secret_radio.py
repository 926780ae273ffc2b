"""What an operator measures, computes and has checked on radio, and how others may ask about it."""

import json
import shutil
import tempfile
from pathlib import Path

import geopandas as gpd
import pandas as pd

from siting.actions import (
    calibrating,
    calibrations,
    coverage,
    emf,
    measurements,
    radiopatterns,
    radiotables,
    sights,
    tracing,
    whatif,
)
from siting.findings import Finding, Findings
from siting.radio import calibrate, heldout
from siting.radio.calibration import Calibration, ClassFit
from siting.radio.scene import Receiver
from siting.store import artefacts, layers
from siting.store import runs as stored
from siting.ui.drawn import Drawer
from tests.case_people import person

STATION = "5a5a5a5a-0000-4000-8000-000000000001"
NETWORK, SECOND = "ctcu-n78-a", "ctcu-n78-b"
OWN = "cm-n41"
DISTRICT = "coverage-20261102-093000-d15717"
HEAD = "time,easting_m,northing_m,rsrp_dbm,device,cell\n"
SENT = {"name": "机密路测.csv", "datum": "epsg:4548"}
RENAMED = {"cm-n41": NETWORK, "cm-n79": SECOND}


def drive(place, *, cell="", device="机密终端"):
    """A file of three samples around a place [m]."""
    lines = [f"2026-10-20 08:00:0{n},{place.x + n:.2f},{place.y:.2f},-9{n},{device},{cell}" for n in range(3)]
    return (HEAD + "\n".join(lines) + "\n").encode()


def middle(db):
    return layers.read(db, "districts").union_all().representative_point()


def on_air(db, now, name):
    """Two sectors of the station on a pole; their names begin with a word."""
    rows = [{"sector_id": f"{name}-{n}", "site_id": STATION, "network": NETWORK, "azimuth_deg": 180.0 * n, "antenna_height_m": 20.0 + n,
        "mount": "pole", "equipment": "aau64-200w"} for n in range(2)]  # fmt: skip
    places = [layers.read(db, "sites").set_index("site_id").geometry[STATION]] * 2
    with db.write() as connection:
        layers.upsert(
            connection, "sectors", gpd.GeoDataFrame(rows, geometry=places, crs=db.settings.crs), provenance={"source_name": "test"}, now=now
        )


def of_the_district(db, base, name, now):
    """Coverage that the district computed of two networks whose sites the strangers do not see."""
    was, folder = stored.get(db, base), db.settings.runs_folder
    params, result = (json.loads(_renamed(json.dumps(dict(part)))) for part in (was.params, was.result))
    stored.add(db, run_id=DISTRICT, kind="coverage", params=params, actor=person("planner"), audience="district", operators="ctc cucc",
        now=now, status="running")  # fmt: skip
    stored.finish(db, DISTRICT, status="done", result=result, now=now)
    shutil.copytree(folder / base, folder / DISTRICT)
    for path in (folder / DISTRICT).glob("*@cm-n79*"):
        path.rename(path.with_name(_renamed(path.name)))
    table = artefacts.load_table(folder / DISTRICT, "sectors")
    names = [f"{name}-{n}" for n in range(len(table))]
    artefacts.save_table(folder / DISTRICT, "sectors", table.assign(site_id=STATION, sector_id=names))


def _renamed(text):
    for old, new in RENAMED.items():
        text = text.replace(old, new)
    return text


def secrets_of(db, actor, proposal, now):
    """What a competitor measures, calibrates, tries and has checked; ids of the set, the runs and the sheet."""
    sent = measurements.dry_run(db, actor, drive(middle(db)), network=NETWORK, now=now, **SENT)
    made = measurements.commit(db, actor, sent.id, now=now, source="机密来源")
    office = person("planner")
    other = measurements.dry_run(db, office, drive(middle(db)), network=OWN, now=now, **SENT)
    measurements.commit(db, office, other.id, now=now, source="机密来源")
    found = {"calibrate": _calibrated(db, actor, made.id, now), "whatif": _tried(db, actor, now)}
    return made.id, found, emf.issue(db, actor, proposal, now=now).number


def _calibrated(db, actor, set_id, now):
    name = "calibrate-20261102-093000-5ec2e7"
    told = {"network": NETWORK, "profile": "target-105", "seed": 1, "sets": [set_id], "diffraction": False, "learned": False}
    stored.add(db, run_id=name, kind="calibrate", params=told, actor=actor, audience="org", operators="ctc cucc", now=now, status="running")
    figures = {"n": 3, "rmse_db": 6.0, "bias_db": 0.0, "mae_db": 5.0, "f1": 0.5, "brier": 0.1}
    metrics = pd.DataFrame([{"network": n, "class": heldout.ALL, "predictor": p, **figures} for n in (heldout.ALL, NETWORK) for p in calibrating.PREDICTORS])
    bins = pd.DataFrame({"low": [0.0], "high": [1.0], "predicted": [0.5], "measured": [0.5], "n": [3]})
    findings = Findings((Finding(code="calibrate_served_only", severity="info", value="3"),))
    fitted = Calibration((ClassFit(NETWORK, 0, ""),), {"机密终端": 1.0}, metrics, bins, usable=True, findings=findings)
    folder = db.settings.runs_folder / name
    artefacts.save_text(folder, calibrations.FILE, calibrate.to_json(fitted))
    left = dict.fromkeys(calibrating.COLUMNS, 1.0) | {"network": NETWORK, "device_id": "机密终端", "served_site": STATION}
    artefacts.save_table(folder, calibrating.RESIDUALS, pd.DataFrame([left]))
    stored.finish(db, name, status="done", result={**calibrating.figures(fitted), "samples": 3, "places": 3, "blocks": 1, "revisions": {}}, now=now)
    return name


def _tried(db, actor, now):
    name = "whatif-20261102-093000-5ec2e7"
    told = {"coverage": DISTRICT, "changes": [{"op": "remove", "site_id": STATION}]}
    stored.add(db, run_id=name, kind="whatif", params=told, actor=actor, audience="org", operators="ctc cucc", now=now, status="running")
    count = dict.fromkeys(whatif.FIGURES, 1.0)
    figures = {"measure": "persons", "network": NETWORK, "calibrated": False, "before": count, "after": count, "findings": {}}
    stored.finish(db, name, status="done", result=figures, now=now)
    folder, place = db.settings.runs_folder / name, middle(db)
    streets = pd.DataFrame({"street_office": ["某街道"], "before": [9.0], "after": [1.0], "change": [-8.0]})
    cells = pd.DataFrame({"easting_m": [place.x], "northing_m": [place.y], "cell_m": [20.0], "gained": [7.712377]})
    artefacts.save_table(folder, "streets", streets)
    artefacts.save_table(folder, "cells", cells)
    return name


# --- what strangers ask ---------------------------------------------------------------------------------------------


def checked(q, **given):
    """What a file of samples would do, without the number of the plan."""
    found = measurements.dry_run(q.db, q.actor, drive(middle(q.db), **given), network=NETWORK, now=q.now, **SENT)
    return [measurements.summary(found) | {"id": ""}, [f.code for f in found.findings]]


def taken_home(q, run_id):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "c.tif"
        coverage.write_geotiff(q.db, q.actor, run_id, path)
        return path.read_bytes()


def at_station(q):
    point = layers.read(q.db, "sites").set_index("site_id").geometry[STATION]
    return {"easting_m": point.x, "northing_m": point.y}


def changed(q, changes):
    return whatif.start(q.db, q.actor, DISTRICT, changes, now=q.now)


def decided(decide):
    return lambda q: decide(q.db, q.actor, q.secret.run["calibrate"], NETWORK, reason="试", now=q.now)


LOOKS = {
    "sets of samples": lambda q: measurements.sets(q.db, q.actor, retired=True),
    "taking a foreign set out of use": lambda q: measurements.retire(q.db, q.actor, q.secret.set_id, reason="试", now=q.now),
    "bringing in a foreign checked file of samples": lambda q: measurements.commit(q.db, q.actor, q.secret.set_id, now=q.now),
    "the same samples as a competitor": checked,
    "samples that name a foreign sector": lambda q: checked(q, cell="机密扇区-1"),
    "calibrating with foreign samples": lambda q: calibrating.params(q.db, q.actor, {"network": NETWORK, "sets": [q.secret.set_id]}),
    "what could be calibrated": lambda q: calibrating.params(q.db, q.actor, {"network": NETWORK}),
    "what could be calibrated of one's own": lambda q: calibrating.params(q.db, q.actor, {"network": OWN}),
    "a foreign calibration": lambda q: calibrations.calibration(q.db, q.actor, q.secret.run["calibrate"]),
    "what a foreign calibration leaves": lambda q: calibrating.residuals(q.db, q.actor, q.secret.run["calibrate"]),
    "decisions on calibrations": lambda q: calibrations.history(q.db, q.actor),
    "rejecting a foreign calibration": decided(calibrations.reject),
    "the pre-check of a foreign proposal": lambda q: emf.check(q.db, q.actor, q.secret.proposal_no),
    "the pre-check of a foreign station": lambda q: emf.check(q.db, q.actor, STATION),
    "the pre-check of one's own proposal": lambda q: emf.check(q.db, q.actor, q.mine.proposal),
    "the version of pre-checks": lambda q: emf.version(q.db, q.actor),
    "sheets of a foreign proposal": lambda q: emf.issued(q.db, q.actor, q.secret.proposal),
    "a foreign sheet by its number": lambda q: emf.sheet(q.db, q.actor, q.secret.sheet),
    "the line of sight from a foreign station": lambda q: sights.of_site(q.db, q.actor, STATION, Receiver(**at_station(q))),
    "paths of foreign coverage": lambda q: tracing.paths(q.db, q.actor, q.secret.run["coverage"], **at_station(q)),
    "floors of foreign coverage": lambda q: tracing.floors(q.db, q.actor, q.secret.run["coverage"], **at_station(q)),
    "paths of the district's coverage": lambda q: tracing.paths(q.db, q.actor, DISTRICT, **at_station(q)),
    "a place in the district's coverage": lambda q: [
        coverage.card(q.db, q.actor, DISTRICT, network=name, **at_station(q)) for name in (NETWORK, SECOND)
    ],
    "sectors of the district's coverage": lambda q: [coverage.sectors(q.db, q.actor, DISTRICT, network=n) for n in (NETWORK, SECOND)],
    "colours of the district's coverage": lambda q: coverage.colours(q.db, q.actor, DISTRICT, most=6),
    "weak blocks of foreign coverage": lambda q: coverage.blocks(q.db, q.actor, q.secret.run["coverage"]),
    "the district's coverage to take home": lambda q: taken_home(q, DISTRICT),
    "foreign coverage under another profile": lambda q: coverage.judge(q.db, q.actor, q.secret.run["coverage"], "target-105", now=q.now),
    "what a foreign change would do": lambda q: [read(q.db, q.actor, q.secret.run["whatif"]) for read in (whatif.streets, whatif.cells)],
    "writing down a foreign change": lambda q: whatif.adopt(q.db, q.actor, q.secret.run["whatif"], reason="试", now=q.now),
    "what could be changed in the district's coverage": lambda q: whatif.network(q.db, q.actor, DISTRICT),
    "what could be changed in foreign coverage": lambda q: whatif.network(q.db, q.actor, q.secret.run["coverage"]),
    "changing a foreign sector": lambda q: changed(q, [{"op": "tune", "sector_id": "机密扇区-1", "azimuth_deg": 10.0}]),
    "tables and patterns of radio": lambda q: [
        *(radiotables.table(q.db, q.actor, kind) for kind in radiotables.TABLES), radiopatterns.listing(q.db, q.actor),
        radiotables.history(q.db, q.actor),
    ],
    "a tile of the district's coverage": lambda q: [
        Drawer(q.db, q.actor).version(name, run_id=DISTRICT) for name in ("server", "gap")
    ],
}  # fmt: skip
