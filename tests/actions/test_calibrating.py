"""From samples to a calibration in force: the fit finds what was planted, and people decide by name and reason."""

import dataclasses
import shutil

import numpy as np
import pytest

from siting import settings
from siting.access import local_admin
from siting.actions import calibrating, calibrations, measurements, people, runs, worker
from siting.errors import BadInput, Conflict, NotAllowed, NotFound, TooFewSamples
from siting.radio import calibrate
from siting.store import artefacts
from siting.store.database import open_database
from tests import drive
from tests.case_people import person, rival

NETWORK = drive.NETWORK


@pytest.fixture(scope="module")
def fitted(small_project, tmp_path_factory, now):
    """A district with a drive of planted -7 dB and a finished calibration; its folder, set and run."""
    folder = tmp_path_factory.mktemp("fitted") / "district"
    shutil.copytree(small_project, folder)
    db, me = open_database(settings.load(folder)), local_admin(source="cli")
    shown = drive.table(db, drive.drive(db, devices=("甲", "乙")))
    plan = measurements.dry_run(db, me, drive.as_csv(shown), name="路测.csv", datum="wgs84", network=NETWORK, now=now)
    made = measurements.commit(db, me, plan.id, now=now)
    run = worker.run_now(db, me, "calibrate", calibrating.params(db, me, {"network": NETWORK}), clock=lambda: now)
    db.engine.dispose()
    return folder, made.id, run.id


@pytest.fixture
def db(fitted, tmp_path):
    folder = shutil.copytree(fitted[0], tmp_path / "district")
    opened = open_database(settings.load(folder))
    yield opened
    opened.engine.dispose()


@pytest.fixture
def run_id(fitted):
    return fitted[2]


@pytest.fixture
def unusable(db, actor, run_id):
    """The calibration as it would be had it not beaten a constant."""
    found = dataclasses.replace(calibrations.calibration(db, actor, run_id), usable=False)
    artefacts.save_text(runs.folder(db, run_id), calibrations.FILE, calibrate.to_json(found))


def test_a_planted_offset_comes_back_on_places_the_fit_has_not_seen(db, actor, run_id):
    found = calibrations.calibration(db, actor, run_id)
    table = calibrating.whole(found)
    assert found.usable
    assert table.loc["calibrated", "rmse_db"] == pytest.approx(6.0, abs=0.5)
    assert table.loc["uncalibrated", "bias_db"] == pytest.approx(-7.0, abs=1.0)
    assert abs(table.loc["calibrated", "bias_db"]) < 1.0


def test_figures_of_the_run_are_those_of_its_table(db, actor, run_id):
    run = runs.get(db, actor, run_id)
    table = calibrating.whole(calibrations.calibration(db, actor, run_id))
    assert run.result["rmse_db"] == pytest.approx(table.loc["calibrated", "rmse_db"], abs=1e-3)
    assert run.result["rmse_constant_db"] == pytest.approx(table.loc["constant", "rmse_db"], abs=1e-3)
    assert run.result["samples"] > 300


def test_residuals_are_those_of_the_held_out_table(db, actor, run_id):
    left = calibrating.residuals(db, actor, run_id)
    told = float(np.sqrt(np.mean(left["residual_db"] ** 2)))
    assert told == pytest.approx(runs.get(db, actor, run_id).result["rmse_db"], abs=1e-3)
    assert np.allclose(left["rsrp_dbm"] - left["predicted_dbm"], left["residual_db"])


def test_who_sees_the_run_but_no_samples_gets_its_figures_and_no_places(db, run_id):
    coordinator = person("coordinator")
    assert calibrations.calibration(db, coordinator, run_id).usable
    with pytest.raises(NotFound):
        calibrating.residuals(db, coordinator, run_id)


def test_classes_are_told_with_their_terms(db, actor, run_id):
    table = calibrating.by_class(calibrations.calibration(db, actor, run_id))
    assert set(table["class"]) == {"los/outdoor", "nlos/outdoor"}
    assert table["offset_db"].notna().all()


def test_nothing_is_in_force_until_somebody_adopts_it(db, actor, run_id, now):
    assert calibrations.in_force(db, NETWORK) is None
    assert calibrations.version(db, NETWORK) == ""
    calibrations.adopt(db, actor, run_id, NETWORK, reason="路测覆盖全区", now=now)
    force = calibrations.in_force(db, NETWORK)
    assert (force.run, force.adopted_by) == (run_id, actor.name)
    assert force.calibration.fits == calibrations.calibration(db, actor, run_id).fits
    assert run_id in calibrations.version(db, NETWORK)
    assert calibrations.in_force(db, "cm-n41") is None


def test_an_adopted_calibration_outlives_the_files_of_its_run(db, actor, run_id, now):
    calibrations.adopt(db, actor, run_id, NETWORK, reason="x", now=now)
    shutil.rmtree(runs.folder(db, run_id))
    assert calibrations.in_force(db, NETWORK).calibration.usable


def test_a_withdrawn_calibration_leaves_the_network_uncalibrated_and_may_be_adopted_again(db, actor, run_id, now):
    calibrations.adopt(db, actor, run_id, NETWORK, reason="一", now=now)
    with pytest.raises(Conflict):
        calibrations.adopt(db, actor, run_id, NETWORK, reason="又", now=now)
    with pytest.raises(Conflict):
        calibrations.reject(db, actor, run_id, NETWORK, reason="又", now=now)
    calibrations.withdraw(db, actor, NETWORK, reason="二", now=now)
    assert calibrations.in_force(db, NETWORK) is None
    with pytest.raises(NotFound):
        calibrations.withdraw(db, actor, NETWORK, reason="又", now=now)
    calibrations.reject(db, actor, run_id, NETWORK, reason="三", now=now)
    calibrations.adopt(db, actor, run_id, NETWORK, reason="四", now=now)
    told = calibrations.history(db, actor, NETWORK)
    assert [(d.decision, d.reason) for d in told] == [
        ("adopted", "四"),
        ("rejected", "三"),
        ("withdrawn", "二"),
        ("adopted", "一"),
    ]


def test_every_decision_needs_a_reason_and_a_network_of_the_run(db, actor, run_id, now):
    for decide in (calibrations.adopt, calibrations.reject):
        with pytest.raises(BadInput) as refused:
            decide(db, actor, run_id, NETWORK, reason=" ", now=now)
        assert refused.value.key == "calibration.reason"
        with pytest.raises(BadInput) as refused:
            decide(db, actor, run_id, "cm-n41", reason="x", now=now)
        assert refused.value.key == "calibration.network"


def test_one_no_better_than_a_constant_needs_the_word_and_a_named_person(db, actor, run_id, now, unusable):
    people.add_account(db, actor, name="lin", roles=["planner"], org="南开区商务局", now=now)
    named = people.acting(db, "lin")
    for who, word, kind in ((actor, "", BadInput), (named, "", BadInput), (actor, "override", NotAllowed)):
        with pytest.raises(kind):
            calibrations.adopt(db, who, run_id, NETWORK, reason="x", now=now, override=word)
    made = calibrations.adopt(db, named, run_id, NETWORK, reason="暂用", now=now, override="强制采用")
    assert (made.override, made.name) == (True, "lin")


def test_an_operator_calibrates_its_own_network_with_its_own_samples_but_does_not_decide(db, actor, now):
    own = rival()
    with pytest.raises(BadInput):
        calibrating.params(db, own, {"network": NETWORK})
    shown = drive.table(db, drive.drive(db, most=900))
    plan = measurements.dry_run(db, own, drive.as_xlsx(shown), name="a.xlsx", datum="wgs84", network=NETWORK, now=now)
    measurements.commit(db, own, plan.id, now=now)
    run = worker.run_now(db, own, "calibrate", calibrating.params(db, own, {"network": NETWORK}), clock=lambda: now)
    assert run.operators == "ctc cucc"
    with pytest.raises(NotAllowed):
        calibrations.adopt(db, own, run.id, NETWORK, reason="x", now=now)
    with pytest.raises(NotFound):
        calibrating.residuals(db, person("operator"), run.id)
    with pytest.raises(NotAllowed):
        runs.start(db, person("operator"), "calibrate", {"network": NETWORK, "sets": []}, now=now)


def test_too_few_samples_fail_the_run_with_their_number(db, actor, now, run_id):
    few = drive.table(db, drive.drive(db, most=25))
    plan = measurements.dry_run(db, actor, drive.as_csv(few), name="few.csv", datum="wgs84", network=NETWORK, now=now)
    made = measurements.commit(db, actor, plan.id, now=now)
    wanted = calibrating.params(db, actor, {"network": NETWORK, "sets": [made.id]})
    with pytest.raises(TooFewSamples):
        worker.run_now(db, actor, "calibrate", wanted, clock=lambda: now)
    assert {run.status for run in runs.listing(db, actor, "calibrate")} == {"done", "failed"}


@pytest.mark.parametrize(
    "given", [{"network": "x"}, {"profile": "x"}, {"sets": ["x"]}, {"sets": []}, {"network": "cm-n41"}]
)
def test_what_cannot_be_calibrated_is_refused_before_it_is_queued(db, actor, given):
    with pytest.raises(BadInput):
        calibrating.params(db, actor, {"network": NETWORK, **given})


def test_indoor_samples_take_the_class_of_the_building_around_them(db, actor):
    from siting.store import layers  # noqa: PLC0415 - this test alone looks into the layers

    buildings = layers.read(db, "buildings")
    house = buildings[buildings["building_class"].notna()].iloc[0]
    spot = house.geometry.representative_point()
    rows = drive.places(db, most=2, seed=1).assign(floor=[0, 2], easting_m=spot.x, northing_m=spot.y)
    found = calibrating._buildings(db, rows)
    assert list(found) == [None, house["building_class"]]


def test_whoever_decides_on_calibrations_may_make_one_for_the_district_and_nothing_else(db, actor, fitted, now):
    people.add_account(db, actor, name="shu", roles=["data_admin"], org="南开区商务局", now=now)
    keeper = people.acting(db, "shu")
    asked = calibrating.params(db, keeper, {"network": NETWORK, "sets": [fitted[1]]})
    queued = runs.start(db, keeper, "calibrate", asked, now=now)
    assert worker.step(db, clock=lambda: now)
    run = runs.get(db, person("planner"), queued)
    assert run.status == "done"
    calibrations.adopt(db, keeper, run.id, NETWORK, reason="复核", now=now)
    for kind in ("coverage", "plan"):
        with pytest.raises(NotAllowed):
            runs.start(db, keeper, kind, {"network": NETWORK}, now=now)
    other = runs.start(db, actor, "coverage", {"network": NETWORK}, now=now)
    with pytest.raises(NotAllowed):
        runs.cancel(db, keeper, other, now=now)
    runs.cancel(db, keeper, runs.start(db, keeper, "calibrate", asked, now=now), now=now)
