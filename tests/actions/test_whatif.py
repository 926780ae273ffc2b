import json
from datetime import timedelta

import pytest

from siting.access import Actor, local_admin
from siting.actions import coverage, radiotables, scene, whatif, worker
from siting.cli import main
from siting.errors import BadInput, NotAllowed, SitingError
from siting.radio import changes, demand
from siting.radio import coverage as radio
from siting.store import journal, layers

PLANNER = local_admin(source="cli")
MOBILE = Actor(id="m", name="m", org="中国移动通信集团天津有限公司", role="operator", operator="cmcc")
AUDITOR = Actor(id="l", name="l", org="l", role="auditor")


def tried(done, now, wanted, *, bench=None):
    whatif.start(done.db, PLANNER, done.coverage.id, wanted, now=now)
    assert worker.step(done.db, clock=lambda: now, bench=bench)
    found = worker.run_actions.latest(done.db, PLANNER, whatif.KIND)
    assert found.status == "done", found.message
    return found


def first_sector(done):
    return whatif.network(done.db, PLANNER, done.coverage.id).iloc[0]


def whole(done, wanted):
    """The gap of the changed network computed as a whole: the judge."""
    asked = done.coverage.params
    carrier, thresholds = (
        radiotables.networks(done.db)[asked["network"]],
        radiotables.thresholds(done.db)[asked["profile"]],
    )
    ground = scene.build(done.db, cell_m=asked["cell_m"], mix=asked["mix"])
    sites = changes.apply(scene.sectors(done.db, carrier), wanted, network=carrier.name)
    found = radio.coverage(sites, ground.terrain, ground.units, carrier, levels_dbm=(thresholds.rsrp_dbm,))
    return demand.gap(ground.units, found, thresholds=thresholds).total


def test_a_trial_says_what_computing_the_changed_network_as_a_whole_says(done, now):
    sector, bench = first_sector(done), whatif.Bench()
    trials = (
        [{"op": "tune", "sector_id": sector.sector_id, "azimuth_deg": 77.0, "power_w": 20.0}],
        [{"op": "remove", "site_id": sector.site_id}],
        [
            {
                "op": "move",
                "site_id": sector.site_id,
                "easting_m": sector.easting_m + 60.0,
                "northing_m": sector.northing_m,
            }
        ],
    )
    for turn, wanted in enumerate(trials):
        found = tried(done, now + timedelta(seconds=turn), wanted, bench=bench)
        truth = whole(done, wanted)
        for name in ("covered", "uncovered", "unknown"):
            assert found.result["after"][name] == pytest.approx(truth[name], abs=1e-6), (wanted, name)
        assert found.result["before"]["uncovered"] == pytest.approx(done.coverage.result["uncovered"], abs=1e-6)
    assert found.result["calibrated"] is False


def test_switching_a_site_off_leaves_more_people_out_and_a_new_one_fewer(done, now):
    sector = first_sector(done)
    off = tried(done, now, [{"op": "remove", "site_id": sector.site_id}])
    assert off.result["after"]["uncovered"] > off.result["before"]["uncovered"]
    cells = whatif.cells(done.db, PLANNER, off.id)
    lost = off.result["after"]["uncovered"] - off.result["before"]["uncovered"]
    assert -cells["gained"].sum() == pytest.approx(lost, abs=0.01 * len(cells) + 1.0)
    worst = coverage.figures(done.db, PLANNER, done.coverage.id, by="building").iloc[0]
    place = (
        layers.read(done.db, "buildings").set_index("building_id").geometry.representative_point()[worst["building_id"]]
    )
    new = {"op": "add", "site_id": "try-1", "easting_m": place.x, "northing_m": place.y, "antenna_height_m": 120.0, "mount": "tower",
           "equipment": "aau64-320w", "azimuths": [0.0, 120.0, 240.0], "tilt_deg": 12.0}  # fmt: skip
    on = tried(done, now + timedelta(seconds=5), [new])
    assert on.result["after"]["uncovered"] < on.result["before"]["uncovered"]
    streets = whatif.streets(done.db, PLANNER, on.id)
    change = on.result["after"]["uncovered"] - on.result["before"]["uncovered"]
    assert streets["change"].sum() == pytest.approx(change, abs=1e-6)


def test_what_was_tuned_is_written_with_a_reason_and_then_stands_in_the_network(done, now):
    sector = first_sector(done)
    run = tried(done, now, [{"op": "tune", "sector_id": sector.sector_id, "electrical_tilt_deg": 11.0}])
    with pytest.raises(BadInput):
        whatif.adopt(done.db, PLANNER, run.id, reason=" ", now=now)
    with pytest.raises(NotAllowed):
        whatif.adopt(done.db, AUDITOR, run.id, reason="现场已调", now=now)
    assert whatif.adopt(done.db, PLANNER, run.id, reason="现场已调", now=now) == 1
    stored = layers.read(done.db, "sectors").set_index("sector_id")
    assert stored.loc[sector.sector_id, "electrical_tilt_deg"] == 11.0
    assert "现场已调" in str(journal.recent(done.db, kind="layer.tuned"))
    with pytest.raises(BadInput, match=done.coverage.id):
        whatif.start(done.db, PLANNER, done.coverage.id, [{"op": "remove", "site_id": sector.site_id}], now=now)


def test_only_tuned_sectors_can_be_written(done, now):
    run = tried(done, now, [{"op": "remove", "site_id": first_sector(done).site_id}])
    with pytest.raises(BadInput):
        whatif.adopt(done.db, PLANNER, run.id, reason="停", now=now)


def test_nobody_tries_nothing_or_what_is_not_theirs_to_see(done, now):
    with pytest.raises(BadInput):
        whatif.start(done.db, PLANNER, done.coverage.id, [], now=now)
    with pytest.raises(BadInput, match="zz"):
        whatif.start(done.db, PLANNER, done.coverage.id, [{"op": "remove", "site_id": "zz"}], now=now)
    with pytest.raises(SitingError):
        whatif.start(
            done.db, MOBILE, done.coverage.id, [{"op": "remove", "site_id": first_sector(done).site_id}], now=now
        )


def test_the_command_tries_a_list_of_changes_and_refuses_what_is_no_list(done, tmp_path, capsys):
    sector, file = first_sector(done), tmp_path / "changes.json"
    file.write_text(json.dumps([{"op": "remove", "site_id": sector.site_id}]), encoding="utf-8")
    main(["whatif", str(file), "--project", str(done.db.settings.folder), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert told["uncovered_change"] == pytest.approx(told["uncovered"] - told["uncovered_before"])
    assert told["uncovered_change"] > 0
    file.write_text("{}", encoding="utf-8")
    with pytest.raises(SystemExit) as left:
        main(["whatif", str(file), "--project", str(done.db.settings.folder)])
    assert left.value.code == 2
    assert "changes.json" in capsys.readouterr().err
