"""A learned second stage from the drive to the map: used where it helped on unseen blocks, and nowhere else."""

import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from siting import settings
from siting.access import local_admin
from siting.actions import calibrating, calibrations, coverage, learning, measurements, runs, scene, surveying, worker
from siting.errors import BadInput, NotFound
from siting.radio import learn, network
from siting.radio.pathloss import FLAGS
from siting.store import artefacts, decisions
from siting.store.database import open_database
from tests import drive

NETWORK = drive.NETWORK
CELL_M = 40.0


@pytest.fixture(scope="module")
def driven(small_project, tmp_path_factory, now):
    """A district, what a drive of noise alone teaches, and what one teaches that is 16 dB down among buildings."""
    folder = shutil.copytree(small_project, tmp_path_factory.mktemp("learning") / "district")
    db, me = open_database(settings.load(folder)), local_admin(source="cli")
    frame = _places(db)
    dense = frame["built_share"] > frame["built_share"].median()
    found = {
        "noise": _calibrated(db, me, frame, now),
        "effect": _calibrated(db, me, frame.assign(rsrp_dbm=frame["rsrp_dbm"] + np.where(dense, -9.0, 7.0)), now),
    }
    db.engine.dispose()
    return folder, found


def _places(db):
    """Places along the roads with the level that a phone shows there, and what the paths tell of them."""
    carrier = network.load_networks()[NETWORK]
    ground = scene.obstacles(db, cell_m=20.0, bounds=tuple(float(v) for v in scene.boundary(db).bounds))
    spots = drive.places(db, most=4000, seed=3)
    told = learn.features(spots, scene.sectors(db, carrier), ground, {NETWORK: carrier})
    draw = np.random.default_rng(5)
    return told.assign(
        time=drive.START + pd.to_timedelta(np.arange(len(told)), unit="s"),
        sector_id=told["served_sector"],
        device_id="甲",
        rsrp_dbm=told["textbook_dbm"] - 15.0 + draw.normal(0.0, 4.0, len(told)),
    )


def _calibrated(db, me, frame, now):
    frame = frame.assign(rsrp_dbm=frame["rsrp_dbm"].clip(-139.0, -45.0).round(1))
    data = drive.as_csv(drive.table(db, frame))
    plan = measurements.dry_run(db, me, data, name="路测.csv", datum="wgs84", network=NETWORK, now=now)
    made = measurements.commit(db, me, plan.id, now=now)
    asked = calibrating.params(db, me, {"network": NETWORK, "sets": [made.id], "learned": True})
    run = worker.run_now(db, me, "calibrate", asked, clock=lambda: now)
    measurements.retire(db, me, made.id, reason="只作学习", now=now)
    return run.id


@pytest.fixture
def db(driven, tmp_path):
    opened = open_database(settings.load(shutil.copytree(driven[0], tmp_path / "district")))
    yield opened
    opened.engine.dispose()


def computed(db, actor, now):
    run = worker.run_now(db, actor, "coverage", coverage.params(db, {"cell_m": CELL_M}), clock=lambda: now)
    return run, artefacts.load_table(runs.folder(db, run.id), "units")


def test_a_stage_that_met_its_conditions_moves_the_map_and_says_so(db, driven, actor, now):
    run_id = driven[1]["effect"]
    assert runs.get(db, actor, run_id).result["learned"]["meets"]
    calibrations.adopt(db, actor, run_id, NETWORK, reason="x", now=now)
    shutil.rmtree(runs.folder(db, run_id))
    run, moved = computed(db, actor, now)
    own = run.result["networks"][NETWORK]
    assert (own["calibrated"], own["learned"]) == (True, True)
    served = moved["server"] >= 0
    silent = (moved["flags"] & FLAGS["learned_out_of_domain"]) > 0
    assert own["learned_outside"] == pytest.approx(float(silent[served].mean()))
    assert own["provenance"]["learned"] == calibrations.in_force(db, NETWORK).learned.table_hash
    again, same = computed(db, actor, now)
    pd.testing.assert_frame_equal(moved, same)
    plain = _without(db, actor, now, run_id)
    shift = (moved["rsrp_dbm"] - plain["rsrp_dbm"])[served]
    assert abs(shift[~silent]).max() > 1.0
    assert not shift[silent].any()
    assert run.result["networks"][NETWORK]["provenance"] == again.result["networks"][NETWORK]["provenance"]


def _without(db, actor, now, run_id):
    """The units of the same calibration without its second stage."""
    held, text = decisions.in_force(db, NETWORK)
    calibrations.withdraw(db, actor, NETWORK, reason="x", now=now)
    first = text.replace('"learned"', '"earlier"')
    with db.write() as connection:
        decisions.add(connection, replace(held, run=f"{run_id}-first"), calibration=first)
    return computed(db, actor, now)[1]


def test_a_stage_that_failed_leaves_the_map_as_it_is_bit_for_bit(db, driven, actor, now):
    run_id = driven[1]["noise"]
    assert not runs.get(db, actor, run_id).result["learned"]["meets"]
    assert not artefacts.has(runs.folder(db, run_id), learning.RECORD)
    calibrations.adopt(db, actor, run_id, NETWORK, reason="x", now=now)
    assert calibrations.in_force(db, NETWORK).learned is None
    run, units = computed(db, actor, now)
    assert run.result["networks"][NETWORK]["learned"] is False
    assert not ((units["flags"] & FLAGS["learned_out_of_domain"]) > 0).any()
    pd.testing.assert_frame_equal(units, _without(db, actor, now, run_id))


def test_a_table_that_is_gone_or_changed_stops_the_run_and_says_what_to_do(db, driven, actor, now):
    calibrations.adopt(db, actor, driven[1]["effect"], NETWORK, reason="x", now=now)
    name = calibrations.in_force(db, NETWORK).learned.table_hash
    table = decisions.load_table(db, name)
    decisions.keep_table(db, name, table.assign(rest_db=table["rest_db"] + 1.0))
    with pytest.raises(BadInput) as caught:
        computed(db, actor, now)
    assert caught.value.key == "lessons.other"
    (db.settings.folder / decisions.FOLDER / f"{name}.parquet").unlink()
    with pytest.raises(BadInput) as caught:
        computed(db, actor, now)
    assert caught.value.key == "lessons.other"


def test_a_run_says_where_to_measure_next_as_a_list_to_take_along(db, actor, now):
    run, _ = computed(db, actor, now)
    stops = surveying.next_samples(db, actor, run.id)
    assert surveying.proposes(db, run)
    assert list(stops["stop"]) == list(range(1, len(stops) + 1))
    assert 0.0 < stops["cumulative_km"].iloc[-1] <= db.settings.number("coverage.walk_km")
    assert 0.0 < stops["gain"].sum() <= 1.0
    lines = surveying.export(db, actor, run.id, kind="csv").decode("utf-8-sig").splitlines()
    assert lines[0].startswith("顺序,经度（CGCS2000）,纬度（CGCS2000）")
    assert len(lines) == len(stops) + 1
    assert surveying.export(db, actor, run.id)[:2] == b"PK"
    with pytest.raises(BadInput):
        surveying.export(db, actor, run.id, kind="pdf")
    with pytest.raises(BadInput):
        surveying.next_samples(db, actor, run.id, network="cm-n41")
    (runs.folder(db, run.id) / "next.parquet").unlink()
    assert not surveying.proposes(db, run)
    with pytest.raises(NotFound):
        surveying.next_samples(db, actor, run.id)
