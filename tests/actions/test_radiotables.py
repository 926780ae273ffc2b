import json
from datetime import timedelta

import pytest

from siting.access import Actor
from siting.actions import radiopatterns, radiotables
from siting.errors import BadInput, Conflict, NotAllowed, NotFound
from siting.radio import network
from siting.store import journal, layers
from tests.radio.test_patternfile import leaning, text

WHY = "铁塔公司 2026 年 10 月核实"
PLANNER = Actor(id="p", name="王规划", org="南开区商务局", role="planner")
READER = Actor(id="r", name="r", org="x", role="leader")
ON_AIR = {"name": "own-n41", "operators": "cmcc", "band": "n41", "frequency_ghz": "2.6", "bandwidth_mhz": "60", "scs_khz": "30",
    "n_rb": "162", "channel_id": "n41-2570", "load_factor": "0.4", "noise_figure_db": "7", "mark": "2nd", "source": "执照"}  # fmt: skip


def edit(db, kind, now, actor=PLANNER, reason=WHY, seen=None, **rows):
    named = {name.replace("_", "-"): cells for name, cells in rows.items()}
    return radiotables.edit(db, actor, kind, named, reason=reason, seen=seen, now=now)


def codes(outcome):
    return [finding.code for finding in outcome.findings]


def test_a_district_that_changed_nothing_reads_what_is_shipped(district):
    assert dict(radiotables.networks(district)) == network.load_networks()
    assert dict(radiotables.thresholds(district)) == network.load_thresholds()
    assert radiotables.gear(district) == network.shipped_gear()
    assert radiotables.revision(district) == 0
    for kind in radiotables.TABLES:
        assert set(radiotables.table(district, READER, kind)["state"]) == {"shipped"}


def test_an_edited_number_counts_everywhere_with_who_when_and_why_and_the_rest_stays(district, now):
    done = edit(district, "networks", now, ctcu_n78_a={"load_factor": "0.30"})
    assert (done.changed, len(done.findings), done.revision) == (("ctcu-n78-a",), 0, 1)
    held = radiotables.networks(district)
    assert held["ctcu-n78-a"].load_factor == 0.3
    assert {n: r for n, r in held.items() if n != "ctcu-n78-a"} == {
        n: r for n, r in network.load_networks().items() if n != "ctcu-n78-a"
    }
    row = radiotables.table(district, READER, "networks").set_index("name").loc["ctcu-n78-a"]
    assert (row["state"], row["edition"], row["changed_by"], row["reason"]) == ("changed", 2, "王规划", WHY)
    [event] = journal.recent(district, kind="radio.changed")
    assert (event["actor"], event["payload"]["name"], event["payload"]["reason"]) == ("p", "ctcu-n78-a", WHY)
    assert event["payload"]["cells"]["load_factor"] == "0.3"
    assert journal.verify(district)["radio.tables"].ok


def test_an_edit_of_a_threshold_raises_its_version_and_no_version_ever_means_two_things(district, now):
    first = radiotables.thresholds(district)["weak-110"].version
    edit(district, "thresholds", now, weak_110={"rsrp_dbm": "-108", "version": "77"})
    assert (radiotables.thresholds(district)["weak-110"].version, first) == (2, 1)
    back = radiotables.restore(district, PLANNER, "thresholds", ["weak-110"], reason=WHY, now=now)
    assert back.changed == ("weak-110",)
    assert radiotables.thresholds(district)["weak-110"] == network.load_thresholds()["weak-110"]
    edit(district, "thresholds", now, weak_110={"rsrp_dbm": "-107"})
    held = radiotables.thresholds(district)["weak-110"]
    assert (held.rsrp_dbm, held.version) == (-107.0, 3)


def test_the_same_row_in_other_digits_is_no_change(district, now):
    assert edit(district, "thresholds", now, weak_110={"cell_probability": "0.900"}).changed == ()
    assert radiotables.revision(district) == 0


def test_a_new_row_is_the_districts_own_and_can_be_switched_off_but_not_restored(district, now):
    assert edit(district, "networks", now, own_n41=ON_AIR).changed == ("own-n41",)
    assert radiotables.networks(district)["own-n41"].operators == ("cmcc",)
    edit(district, "networks", now, own_n41={"active": "0"})
    assert not radiotables.networks(district)["own-n41"].active
    with pytest.raises(BadInput, match="own-n41"):
        radiotables.restore(district, PLANNER, "networks", ["own-n41"], reason=WHY, now=now)


def test_everything_wrong_is_said_at_once_and_nothing_is_stored(district, now):
    wrong = {
        "a": {**ON_AIR, "name": "a", "n_rb": "163", "channel_id": "a"},
        "b": {**ON_AIR, "name": "b", "frequency_ghz": "3.35", "bandwidth_mhz": "100", "n_rb": "273", "channel_id": "b"},
        "c": {**ON_AIR, "name": "c", "operators": "cmcc;vodafone", "load_factor": "1.4", "mark": "sure", "source": " "},
        "d": {**ON_AIR, "name": "d", "bandwidth_mhz": "7", "channel_id": "n41-2515"},
        "e f": {**ON_AIR, "frequency_ghz": "many"},
    }
    done = radiotables.edit(district, PLANNER, "networks", wrong, reason=WHY, now=now)
    assert [(f.sheet, f.code) for f in done.findings] == [
        ("a", "radio_blocks_many"),
        ("b", "radio_indoor_band"),
        ("c", "radio_cell_word"),
        ("c", "radio_cell_range"),
        ("c", "radio_cell_word"),
        ("c", "radio_cell_empty"),
        ("d", "radio_carrier_unknown"),
        ("d", "radio_channel_shared"),
        ("e f", "radio_cell_name"),
        ("e f", "radio_cell_number"),
    ]
    assert (done.changed, radiotables.revision(district)) == ((), 0)


@pytest.mark.parametrize(
    ("kind", "cells", "code"),
    [
        ("equipment", {"envelope_gain_dbi": "16"}, "radio_envelope_low"),
        ("equipment", {"pattern": "nobody"}, "radio_pattern_unknown"),
        ("equipment", {"power_w": "0"}, "radio_cell_range"),
        ("equipment", {"power_w": "1e999"}, "radio_cell_number"),
        ("equipment", {"title_zh": "字" * 201}, "radio_cell_long"),
        ("equipment", {"site_type": "ship"}, "radio_cell_word"),
        ("thresholds", {"rsrp_dbm": "110"}, "radio_cell_range"),
        ("thresholds", {"cell_probability": "1"}, "radio_cell_range"),
        ("thresholds", {"active": "maybe"}, "radio_cell_word"),
        ("thresholds", {"active": "0"}, "radio_default_off"),
    ],
)
def test_a_row_that_cannot_be_computed_with_is_refused(district, now, kind, cells, code):
    name = "aau64-240w" if kind == "equipment" else "weak-110"
    done = radiotables.edit(district, PLANNER, kind, {name: cells}, reason=WHY, now=now)
    assert (codes(done), done.changed) == ([code], ())


def test_a_partly_used_carrier_lands_with_a_warning(district, now):
    done = edit(district, "networks", now, own_n41={**ON_AIR, "n_rb": "100"})
    assert (codes(done), done.changed) == (["radio_blocks_few"], ("own-n41",))


def test_the_indoor_band_may_stand_in_the_table_while_it_is_off(district, now):
    cells = {**ON_AIR, "frequency_ghz": "3.35", "bandwidth_mhz": "100", "n_rb": "273", "active": "0"}
    assert edit(district, "networks", now, own_n41=cells).changed == ("own-n41",)


def test_two_people_at_one_table_do_not_overwrite_each_other(district, now):
    seen = radiotables.revision(district)
    edit(district, "networks", now, seen=seen, ctcu_n78_a={"load_factor": "0.3"})
    with pytest.raises(Conflict):
        edit(district, "networks", now, seen=seen, ctcu_n78_a={"load_factor": "0.4"})
    assert radiotables.networks(district)["ctcu-n78-a"].load_factor == 0.3


def test_a_change_needs_the_permission_a_reason_and_a_table(district, now):
    with pytest.raises(NotAllowed):
        edit(district, "networks", now, actor=READER, ctcu_n78_a={"load_factor": "0.3"})
    with pytest.raises(BadInput, match="原因"):
        edit(district, "networks", now, reason="  ", ctcu_n78_a={"load_factor": "0.3"})
    with pytest.raises(BadInput, match="thresholds"):
        edit(district, "walls", now, x={})
    with pytest.raises(BadInput, match="loadfactor"):
        edit(district, "networks", now, ctcu_n78_a={"loadfactor": "0.3"})


def test_a_measured_pattern_is_kept_with_its_digest_and_handed_to_the_computation(district, now):
    data = text("NAME KT-65\nMAKE Acme\nGAIN 15 dBi\n")
    done = radiopatterns.add(district, PLANNER, data, file="kt.msi", reason=WHY, now=now)
    assert done.changed == ("KT-65",)
    held = radiotables.gear(district).patterns["KT-65"]
    assert held == radiopatterns.read(district, PLANNER, data)[0]
    row = radiopatterns.listing(district, READER).iloc[0]
    assert (row["make"], row["file"], row["mark"], row["gain_dbi"]) == ("Acme", "kt.msi", "unverified", 15.0)
    [event] = journal.recent(district, kind="radio.changed")
    assert event["payload"]["sha256"] == row["sha256"]
    assert "horizontal_db" not in json.dumps(event["payload"])
    assert edit(district, "equipment", now, aau64_240w={"pattern": "KT-65"}).changed == ("aau64-240w",)
    assert radiotables.gear(district).equipment["aau64-240w"].pattern == "KT-65"
    with pytest.raises(BadInput, match="aau64-240w"):
        radiopatterns.drop(district, PLANNER, "KT-65", reason=WHY, now=now)


def test_a_pattern_that_may_be_upside_down_is_kept_only_after_a_person_has_decided(district, now):
    data = text("NAME UP\nGAIN 15 dBi\nTILT 6\n", vertical=leaning(354.0))
    with pytest.raises(BadInput, match=r"up\.msi"):
        radiopatterns.add(district, PLANNER, data, file="up.msi", reason=WHY, now=now)
    radiopatterns.add(district, PLANNER, data, file="up.msi", flip=True, reason=WHY, now=now)
    assert radiotables.patterns(district)["UP"].vertical_db[6] == pytest.approx(0.0)
    radiopatterns.add(district, PLANNER, data, file="up.msi", flip=False, reason=WHY, now=now + timedelta(days=1))
    assert radiotables.patterns(district)["UP"].vertical_db[354] == pytest.approx(0.0)
    assert radiopatterns.listing(district, READER).iloc[0]["edition"] == 2


def test_a_pattern_in_no_use_can_be_taken_out_and_one_of_a_sector_cannot(district, now):
    for name in ("FREE", "USED"):
        radiopatterns.add(district, PLANNER, text(), file="x.pln", name=name, reason=WHY, now=now)
    sectors = layers.read(district, "sectors").iloc[:1]
    with district.write() as connection:
        layers.upsert(connection, "sectors", sectors.assign(pattern="USED"), provenance={}, now=now)
    radiopatterns.drop(district, PLANNER, "FREE", reason=WHY, now=now)
    assert set(radiotables.patterns(district)) == {"USED"}
    with pytest.raises(BadInput, match="1"):
        radiopatterns.drop(district, PLANNER, "USED", reason=WHY, now=now)
    with pytest.raises(NotFound):
        radiopatterns.drop(district, PLANNER, "FREE", reason=WHY, now=now)


@pytest.mark.parametrize("given", [{"name": "x" * 61}, {"name": "a\x07b"}, {"mark": "sure"}])
def test_an_unfit_name_or_mark_of_a_pattern_is_refused(district, now, given):
    with pytest.raises(BadInput):
        radiopatterns.add(district, PLANNER, text(), file="x.msi", reason=WHY, now=now, **given)


def test_a_pattern_without_a_name_is_called_after_its_file(district, now):
    assert radiopatterns.add(district, PLANNER, text("GAIN 15 dBi\n"), file="kt65.msi", reason=WHY, now=now).changed == ("kt65",)


def test_the_history_tells_every_change_newest_first(district, now):
    edit(district, "networks", now, ctcu_n78_a={"load_factor": "0.3"})
    edit(district, "equipment", now, aau64_240w={"power_w": "220"})
    told = radiotables.history(district, READER)
    assert told[["kind", "name", "version"]].to_numpy().tolist() == [["equipment", "aau64-240w", 2], ["networks", "ctcu-n78-a", 2]]


def test_every_fixed_table_is_shown_with_source_and_mark(district):
    tables = radiotables.fixed(district, READER)
    assert {"defaults", "o2i", "blocks"} <= set(tables)
    assert not set(tables) & set(radiotables.TABLES)
    for table in tables.values():
        assert table["source"].str.len().min() > 0
        assert table["mark"].isin(network.MARKS).all()
