"""Sets of samples: who brings them, who sees them, and that a set leaves use without being lost."""

import pytest

from siting.actions import journal, measurements
from siting.errors import BadInput, Conflict, NotAllowed, NotFound
from siting.store import journal as events
from siting.store import layers, samples
from tests.case_people import person, rival

NETWORK = "ctcu-n78-a"
HEAD = "time,easting_m,northing_m,rsrp_dbm,device\n"


def file(db, *, rows=3, head=HEAD):
    """Samples in the middle of the district, in its own metres."""
    west, south, east, north = layers.read(db, "districts").total_bounds
    x, y = (west + east) / 2, (south + north) / 2
    lines = [f"2026-10-20 08:00:0{i},{x + 5 * i:.2f},{y:.2f},-9{i},a" for i in range(rows)]
    return (head + "\n".join(lines) + "\n").encode()


def check(db, who, now, *, data=None, network=NETWORK, datum="epsg:4548"):
    data = file(db) if data is None else data
    return measurements.dry_run(db, who, data, name="路测.csv", datum=datum, network=network, now=now)


def bring(db, who, now, **more):
    return measurements.commit(db, who, check(db, who, now, **more).id, now=now, source="10 月路测")


def test_a_checked_file_becomes_a_set_with_its_samples_and_an_event(district, actor, now):
    made = bring(district, actor, now)
    assert (made.rows, made.networks, made.first_day, made.source) == (3, (NETWORK,), "2026-10-20", "10 月路测")
    assert measurements.sets(district, actor) == [made]
    rows = samples.read(district, [made.id], viewer=actor)
    assert list(rows["rsrp_dbm"]) == [-90.0, -91.0, -92.0]
    assert events.recent(district, kind="samples.imported")[0]["payload"]["set"] == made.id
    assert journal.report(district, actor).whole


def test_committing_twice_lands_once(district, actor, now):
    plan = check(district, actor, now)
    first = measurements.commit(district, actor, plan.id, now=now)
    assert measurements.commit(district, actor, plan.id, now=now) == first
    assert len(measurements.sets(district, actor)) == 1


def test_the_same_file_again_is_told(district, actor, now):
    bring(district, actor, now)
    assert "SAMPLES_AGAIN" in check(district, actor, now).findings.counts()


def test_a_file_without_a_usable_row_lands_nothing(district, actor, now):
    plan = check(district, actor, now, data=file(district).replace(b",-9", b",-19"))
    assert (plan.landed, plan.rejected) == (0, 3)
    with pytest.raises(BadInput):
        measurements.commit(district, actor, plan.id, now=now)
    assert measurements.sets(district, actor) == []


def test_rows_set_aside_and_findings_can_be_taken_home(district, actor, now):
    plan = check(district, actor, now, data=file(district).replace(b",-91,", b",,"))
    assert measurements.rejected_rows(plan).startswith(b"PK")
    assert "REQUIRED" in measurements.findings_csv(plan).decode("utf-8-sig")


def test_an_organisation_sees_its_own_sets_and_who_plans_sees_all(district, now):
    mine = person("operator", org=rival().org, operator="ctc")
    made = bring(district, mine, now)
    assert measurements.sets(district, mine) == [made]
    assert measurements.sets(district, person("planner")) == [made]
    assert measurements.sets(district, person("operator")) == []
    with pytest.raises(NotFound):
        samples.read(district, [made.id], viewer=person("operator"))
    with pytest.raises(NotFound):
        measurements.retire(district, person("operator"), made.id, reason="x", now=now)


def test_an_operator_brings_samples_of_its_own_networks(district, now):
    with pytest.raises(NotAllowed):
        check(district, person("operator"), now)


def test_another_organisation_cannot_commit_ones_plan(district, now):
    plan = check(district, rival(), now)
    with pytest.raises(NotFound):
        measurements.commit(district, person("planner"), plan.id, now=now)


def test_a_retired_set_is_listed_but_not_used(district, actor, now):
    made = bring(district, actor, now)
    measurements.retire(district, actor, made.id, reason="测错了", now=now)
    assert measurements.sets(district, actor) == []
    (kept,) = measurements.sets(district, actor, retired=True)
    assert (kept.id, kept.retired_by) == (made.id, actor.id)
    assert (samples.folder(district) / f"{made.id}.parquet").is_file()
    with pytest.raises(NotFound):
        samples.read(district, [made.id], viewer=actor)
    with pytest.raises(Conflict):
        measurements.retire(district, actor, made.id, reason="x", now=now)


def test_a_network_nobody_knows_is_refused(district, actor, now):
    with pytest.raises(BadInput) as refused:
        check(district, actor, now, network="nr-9000")
    assert refused.value.key == "measure.network"


def test_imports_of_samples_do_not_date_the_layers(district, actor, now):
    from siting.actions import layers as looked  # noqa: PLC0415 - beside the store's module of the same name

    before = looked.recent_imports(district, actor)
    bring(district, actor, now)
    assert looked.recent_imports(district, actor) == before
