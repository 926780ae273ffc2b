import pandas as pd
import pytest

from siting.access import Actor
from siting.actions import candidates, plantables, radiotables, runs, worker
from siting.errors import BadInput, Conflict, NotAllowed
from siting.plan import tables
from siting.store import artefacts, journal

WHY = "2026 年 9 月三家报价"
PLANNER = Actor(id="p", name="王规划", org="南开区商务局", role="planner")
READER = Actor(id="r", name="r", org="x", role="leader")
LIGHT = "street_light.micro-2x5w"
POLE = {"equipment": "micro-2x5w", "mount": "pole", "height_from": "new", "offset_m": "0", "default_height_m": "9", "azimuths": "0 180",
    "tilts": "4 4", "weight_kg": "24", "sail_m2": "0.24", "power_kva": "0.4", "slots": "1", "mark": "2nd", "source": "设计院"}  # fmt: skip


def edit(db, kind, now, rows, actor=PLANNER, reason=WHY, seen=None):
    return plantables.edit(db, actor, kind, rows, reason=reason, seen=seen, now=now)


def codes(outcome):
    return [finding.code for finding in outcome.findings]


@pytest.mark.parametrize("kind", plantables.TABLES)
def test_a_district_that_changed_nothing_plans_with_what_is_shipped(district, kind):
    read = getattr(plantables, kind)
    pd.testing.assert_frame_equal(read(district), getattr(tables, kind)(), check_exact=True)
    assert set(plantables.table(district, READER, kind)["state"]) == {"shipped"}
    assert plantables.revision(district) == 0


def test_an_edited_price_counts_with_who_when_and_why_and_the_radio_tables_stay_as_they_were(district, now):
    radio = radiotables.revision(district)
    done = edit(district, "costs", now, {LIGHT: {"site_cost_yuan": "41000.5"}})
    assert (done.changed, codes(done), done.revision) == ((LIGHT,), [], 1)
    held = plantables.costs(district).set_index(["host_class", "equipment"])["site_cost_yuan"]
    shipped = tables.costs().set_index(["host_class", "equipment"])["site_cost_yuan"]
    assert held[("street_light", "micro-2x5w")] == 41000.5
    assert (held.drop(("street_light", "micro-2x5w")) == shipped.drop(("street_light", "micro-2x5w"))).all()
    row = plantables.table(district, READER, "costs").set_index("name").loc[LIGHT]
    assert (row["state"], row["edition"], row["changed_by"], row["reason"]) == ("changed", 2, "王规划", WHY)
    [event] = journal.recent(district, kind="plan.changed")
    assert (event["actor"], event["payload"]["name"], event["payload"]["cells"]["site_cost_yuan"]) == (
        "p",
        LIGHT,
        "41000.5",
    )
    assert journal.verify(district)["plan.tables"].ok
    assert radiotables.revision(district) == radio
    assert (len(radiotables.history(district, READER)), len(plantables.history(district, READER))) == (0, 1)


def test_a_restored_row_says_what_is_shipped_and_no_version_means_two_things(district, now):
    edit(district, "costs", now, {LIGHT: {"site_cost_yuan": "1"}})
    assert plantables.restore(district, PLANNER, "costs", [LIGHT], reason=WHY, now=now).changed == (LIGHT,)
    pd.testing.assert_frame_equal(plantables.costs(district), tables.costs())
    edit(district, "costs", now, {LIGHT: {"site_cost_yuan": "2"}})
    assert plantables.table(district, READER, "costs").set_index("name").loc[LIGHT, "edition"] == 3
    assert plantables.history(district, READER)[["kind", "name", "version"]].to_numpy().tolist() == [
        ["costs", LIGHT, 3], ["costs", LIGHT, 1], ["costs", LIGHT, 2]]  # fmt: skip


def test_a_row_of_ones_own_is_named_after_what_it_is_about_and_can_be_switched_off_but_not_restored(district, now):
    name = "street_light.micro_two"
    assert edit(district, "configurations", now, {name: POLE}).changed == (name,)
    held = plantables.configurations(district).set_index(["class", "configuration"]).loc[("street_light", "micro_two")]
    assert (held["azimuths"], held["tilts"], held["default_height_m"]) == ("0 180", "4 4", 9.0)
    assert list(plantables.configurations(district)) == list(tables.configurations())
    with pytest.raises(BadInput, match="micro_two"):
        plantables.restore(district, PLANNER, "configurations", [name], reason=WHY, now=now)
    edit(district, "configurations", now, {name: {"active": "0"}})
    pd.testing.assert_frame_equal(plantables.configurations(district), tables.configurations())


def test_everything_wrong_is_said_at_once_and_nothing_is_stored(district, now):
    wrong = {
        "street_light.micro-2x5w": {"site_cost_yuan": "-5", "mark": "std"},
        "spaceship.micro-2x5w": {"site_cost_yuan": "5", "mark": "2nd", "source": "x"},
        "kiosk.nothing": {"site_cost_yuan": "many", "source": "", "mark": "sure"},
        "again": {
            "host_class": "shelter",
            "equipment": "micro-2x5w",
            "site_cost_yuan": "7",
            "mark": "2nd",
            "source": "x",
        },
    }
    done = edit(district, "costs", now, wrong)
    assert [(f.sheet, f.code, f.column) for f in done.findings] == [
        ("street_light.micro-2x5w", "radio_cell_range", "site_cost_yuan"),
        ("street_light.micro-2x5w", "plan_source_same", "source"),
        ("spaceship.micro-2x5w", "radio_cell_word", "host_class"),
        ("kiosk.nothing", "radio_cell_number", "site_cost_yuan"),
        ("kiosk.nothing", "radio_cell_word", "mark"),
        ("kiosk.nothing", "radio_cell_empty", "source"),
        ("again", "plan_row_name", "name"),
        ("again", "plan_row_twice", "host_class"),
    ]
    assert (done.changed, plantables.revision(district)) == ((), 0)


@pytest.mark.parametrize(
    ("kind", "name", "cells", "code"),
    [
        ("costs", "kiosk.nobody", {"site_cost_yuan": "5", "mark": "2nd", "source": "x"}, "plan_unit_unknown"),
        ("configurations", "street_light.two", {**POLE, "tilts": "4"}, "plan_sectors_differ"),
        ("configurations", "street_light.two", {**POLE, "azimuths": "0 0.0"}, "plan_azimuth_twice"),
        ("configurations", "street_light.two", {**POLE, "azimuths": "0 400"}, "radio_cell_range"),
        ("configurations", "street_light.two", {**POLE, "default_height_m": ""}, "plan_height_missing"),
        ("configurations", "tunnel.two", POLE, "plan_cost_missing"),
        ("configurations", "street_light.micro_omni", {"slots": "0"}, "radio_cell_range"),
        ("sharing", "1", {"own_share": "0.9"}, "plan_share_alone"),
        ("sharing", "2", {"own_share": "0.49"}, "plan_share_short"),
        ("sharing", "2", {"own_share": "-0.1"}, "radio_cell_range"),
        ("fibre", "new_route", {"price_per_m": "-1"}, "radio_cell_range"),
        ("fibre", "new_route", {"cost_basis": "dollars"}, "radio_cell_word"),
    ],
)
def test_a_row_that_cannot_be_planned_with_is_refused(district, now, kind, name, cells, code):
    done = edit(district, kind, now, {name: cells})
    assert (code in codes(done), done.changed) == (True, ())
    assert all(
        finding.say(part) != f"finding.{finding.code}.{part}"
        for finding in done.findings
        for part in ("message", "remedy")
    )


def test_half_of_the_cost_each_is_the_least_that_two_can_pay_and_a_rising_share_is_warned_of(district, now):
    assert codes(edit(district, "sharing", now, {"2": {"own_share": "0.5"}})) == ["plan_share_rising"]
    assert plantables.sharing(district).set_index("parties")["own_share"].tolist() == [1.0, 0.5, 0.6, 0.55]


@pytest.mark.parametrize(("source", "ok"), [("2026 年框架合同", True), ("  ", False), (None, False)])
def test_a_figure_counts_as_confirmed_only_by_a_source_of_its_own(district, now, source, ok):
    cells = {"mark": "2nd", **({} if source is None else {"source": source})}
    assert bool(edit(district, "fibre", now, {"new_route": cells}).changed) is ok
    assert (plantables.fibre(district)["mark"].tolist() == ["2nd"]) is ok


def test_the_same_row_in_other_digits_is_no_change(district, now):
    assert edit(district, "costs", now, {LIGHT: {"site_cost_yuan": "32000.00"}}).changed == ()
    assert edit(district, "configurations", now, {"public_roof.macro_three": {"azimuths": "0, 120，240"}}).changed == ()


def test_a_unit_that_the_district_added_may_be_priced_and_mounted(district, now):
    unit = {"title_zh": "新", "title_en": "new", "site_type": "micro", "power_w": "10", "broadcast_gain_dbi": "8", "envelope_gain_dbi": "10",
        "hpbw_h_deg": "360", "hpbw_v_deg": "40", "max_loss_db": "30", "sidelobe_db": "20", "feeder_db": "0", "mark": "2nd", "source": "样本"}  # fmt: skip
    assert radiotables.edit(district, PLANNER, "equipment", {"own-4x10w": unit}, reason=WHY, now=now).changed
    price = {"site_cost_yuan": "52000", "mark": "2nd", "source": "报价"}
    assert edit(district, "costs", now, {"street_light.own-4x10w": price}).changed
    assert edit(district, "configurations", now, {"street_light.own": {**POLE, "equipment": "own-4x10w"}}).changed


def test_two_people_at_one_table_do_not_overwrite_each_other(district, now):
    seen = plantables.revision(district)
    edit(district, "costs", now, {LIGHT: {"site_cost_yuan": "3"}}, seen=seen)
    with pytest.raises(Conflict):
        edit(district, "fibre", now, {"new_route": {"price_per_m": "3"}}, seen=seen)


def test_a_change_needs_the_permission_a_reason_a_table_and_a_column(district, now):
    with pytest.raises(NotAllowed):
        edit(district, "costs", now, {LIGHT: {"site_cost_yuan": "3"}}, actor=READER)
    with pytest.raises(BadInput, match="原因"):
        edit(district, "costs", now, {LIGHT: {"site_cost_yuan": "3"}}, reason=" ")
    with pytest.raises(BadInput, match="configurations"):
        edit(district, "walls", now, {})
    with pytest.raises(BadInput, match="price"):
        edit(district, "costs", now, {LIGHT: {"price": "3"}})


def test_a_changed_price_makes_scores_stale_and_the_next_plan_counts_it(done, now, actor):
    wanted = candidates.params(done.coverage.id, admit_unknown=False)
    before = artefacts.load_table(runs.folder(done.db, done.score.id), "options")
    assert candidates.standing(done.db, actor, wanted).id == done.score.id
    edit(done.db, "costs", now, {LIGHT: {"site_cost_yuan": "99000"}})
    assert candidates.standing(done.db, actor, wanted) is None
    again = worker.run_now(done.db, actor, "score", wanted, clock=lambda: now)
    after = artefacts.load_table(runs.folder(done.db, again.id), "options").set_index("option_id")
    lights = before[(before["class"] == "street_light") & (before["parties"] == 1)]["option_id"]
    assert len(lights) > 0
    assert set(after.loc[lights, "cost_yuan"]) == {99000.0}
    others = before[(before["class"] != "street_light")].set_index("option_id")["cost_yuan"].dropna()
    assert (after.loc[others.index, "cost_yuan"] == others).all()


def test_a_configuration_that_is_switched_off_is_offered_no_more(done, now, actor):
    edit(done.db, "configurations", now, {"street_light.micro_omni": {"active": "0"}})
    wanted = candidates.params(done.coverage.id, admit_unknown=False)
    again = worker.run_now(done.db, actor, "score", wanted, clock=lambda: now)
    offered = artefacts.load_table(runs.folder(done.db, again.id), "options")
    lights = offered[offered["class"] == "street_light"]
    assert (lights["configuration"] == "").all()
    assert set(lights["state"]) == {"excluded"}
