import io
import re
from dataclasses import replace

import geopandas as gpd
import openpyxl
import pytest
import shapely

from siting.access import Actor
from siting.actions import assets, plans, proposals
from siting.actions import layers as layer_actions
from siting.assets import hosts, schema
from siting.errors import BadInput, Conflict, NotAllowed, NotFound
from siting.maps.layers import to_lonlat
from siting.store import journal, layers

HIDDEN = {"marginal_people", "cost_yuan", "priority", "need_no"}
TALK = {"requested_at", "request_text", "owner_attitude", "owner_answer_on", "owner_answer_note"}
CANARIES = ("{{7*7}}", "<img src=x onerror=alert(1)>", "=1+1", "@SUM(1)", "</script>", "${1}")
AGENCY = "南开区城市管理委员会"


def person(role, org, **more):
    return Actor(id=f"{role}.{org}", name=org, org=org, role=role, **more)


CTC = person("operator", "中国电信股份有限公司天津分公司", operator="ctc")
CUCC = person("operator", "中国联合网络通信有限公司天津市分公司", operator="cucc")
CMCC = person("operator", "中国移动通信集团天津有限公司", operator="cmcc")
TOWER = person("tower", "中国铁塔股份有限公司天津市分公司")
PLANNER = person("planner", "南开区商务局")
LEADER = person("leader", "南开区人民政府")
OWNER = person("agency", AGENCY)


def spots(db, n=1, **where):
    """Places [deg] of assets of the agency's, with their rows."""
    frame = layers.read(db, "assets")
    mine = frame[(frame["owner_org"] == AGENCY) & (frame["class"] == "street_light") & ~frame["open_status"].isin(["refused", "withdrawn"])]
    return mine.iloc[:n], to_lonlat(mine.iloc[:n]).geometry.tolist()


def add(db, actor, now, *, at=0, **given):
    _, places = spots(db, at + 1)
    point = places[at]
    usual = {"operators": [actor.operator or "ctc"], "technology": "nr3500", "purpose": "weak_area", "configuration": "micro_omni",
        "need_no": "XQ-1", "priority": 2, "cost_yuan": 41000.0}  # fmt: skip
    return proposals.add(db, actor, lon_deg=point.x, lat_deg=point.y, now=now, **{**usual, **given})


def seen(db, actor):
    return set(proposals.listing(db, actor)["candidate_id"])


def number(db, key):
    return layers.read(db, "candidates").set_index("candidate_id").loc[key, "proposal_no"]


def street(db, key):
    name = layers.read(db, "candidates").set_index("candidate_id").loc[key, "street_office"]
    return person("street", f"{name}办事处", streets=(name,)), person("street", "别处", streets=("没有的街道",))


# --- visibility -----------------------------------------------------------------------------------------------------


def test_an_unreleased_proposal_is_seen_by_its_own_and_by_who_sees_all(district, now):
    key = add(district, CTC, now)
    here, elsewhere = street(district, key)
    assert [a.org for a in (CTC, PLANNER, LEADER) if key in seen(district, a)] == [CTC.org, PLANNER.org, LEADER.org]
    for stranger in (CUCC, CMCC, TOWER, OWNER, here, elsewhere):
        assert seen(district, stranger) == set()
        assert layers.count(district, "candidates", viewer=stranger) == 0
        assert layer_actions.counts(district, stranger)["candidates"] == 0
        assert layer_actions.counts_by(district, stranger, "candidates", "state").empty
        with pytest.raises(NotFound):
            proposals.get(district, stranger, key)
        with pytest.raises(NotFound):
            proposals.get(district, stranger, number(district, key))


def test_a_released_proposal_is_seen_by_others_without_cost_gain_priority_need_and_talk(district, now):
    key = add(district, CTC, now)
    here, elsewhere = street(district, key)
    proposals.request_owner(district, CTC, [key], text="可否挂载", now=now)
    proposals.release(district, CTC, [key], now=now)
    for stranger in (CUCC, TOWER, here):
        row = proposals.get(district, stranger, key)
        assert all(row[name] is None or row[name] != row[name] for name in HIDDEN | TALK | {"revision"})
        assert row["proposer_org"] == CTC.org
        assert row["height_m"] > 0
    assert seen(district, elsewhere) == set()
    for own in (CTC, PLANNER, LEADER):
        row = proposals.get(district, own, key)
        assert (row["cost_yuan"], row["priority"], row["need_no"]) == (41000.0, 2, "XQ-1")
        assert row["request_text"] == "可否挂载"


def test_the_owner_who_was_asked_sees_the_question_and_not_the_money(district, now):
    key = add(district, CTC, now)
    other = add(district, CTC, now, at=1)
    proposals.request_owner(district, CTC, [key], text="可否挂载", now=now)
    assert seen(district, OWNER) == {key}
    row = proposals.get(district, OWNER, key)
    assert row["request_text"] == "可否挂载"
    assert all(row[name] is None or row[name] != row[name] for name in HIDDEN)
    assert other not in seen(district, OWNER)
    assert seen(district, person("agency", "南开区园林局")) == set()


@pytest.mark.parametrize("column", sorted({*HIDDEN, *TALK, "extra", "plan_run", "row_hash", "source_name", "imported_by"}))
def test_what_is_blank_in_the_rows_cannot_be_counted_or_read_another_way(district, now, column):
    key = add(district, CTC, now)
    proposals.release(district, CTC, [key], now=now)
    for read in (layer_actions.counts_by, lambda d, a, layer, *c: layers.counts_by(d, layer, *c, viewer=a)):
        with pytest.raises(NotAllowed):
            read(district, CUCC, "candidates", "state", column)
    rows = layers.read(district, "candidates", viewer=CUCC, provenance=True, columns=(column,))
    assert rows[column].isna().all() if column != "extra" else not rows[column].any()
    picked = layer_actions.pick(district, CUCC, **where(district, key), zoom=17, layers_in_order=["candidates"])
    assert picked is not None
    assert picked[1].get(column) is None or picked[1][column] != picked[1][column]


def where(db, key):
    rows = layers.read(db, "candidates")
    point = to_lonlat(rows[rows["candidate_id"] == key]).geometry.iloc[0]
    return {"lon_deg": point.x, "lat_deg": point.y}


def test_a_withdrawn_proposal_stays_with_its_own_organisation(district, now):
    key = add(district, CTC, now)
    proposals.release(district, CTC, [key], now=now)
    assert key in seen(district, CUCC)
    proposals.withdraw(district, CTC, key, reason="改址", now=now)
    assert key not in seen(district, CUCC)
    assert proposals.get(district, CTC, key)["state"] == "withdrawn"
    assert proposals.get(district, LEADER, key)["withdrawn_reason"] == "改址"


def test_an_import_of_proposals_is_not_told_to_competitors(district, now):
    plan = bring(district, CTC, now, book([row(district, 1)]))
    assets.commit(district, CTC, plan.id, now=now)
    assert plan.id in {r["id"] for r in layer_actions.recent_imports(district, CTC)}
    assert plan.id not in {r["id"] for r in layer_actions.recent_imports(district, CUCC, limit=100)}
    with pytest.raises(NotFound):
        assets.commit(district, CUCC, plan.id, now=now)


# --- from a plan ----------------------------------------------------------------------------------------------------


def test_a_plan_becomes_proposals_with_everything_the_plan_knows(done, now):
    keys = proposals.from_plan(done.db, PLANNER, done.plan.id, now=now)
    sites = plans.plan(done.db, PLANNER, done.plan.id)["sites"]
    rows = layers.read(done.db, "candidates").set_index("candidate_id").loc[keys]
    numbers = rows["proposal_no"].tolist()
    assert numbers == sorted(set(numbers))
    assert all(re.fullmatch(r"JY-2026-\d{5}", n) for n in numbers)
    assert rows["host_asset_id"].tolist() == sites["candidate_id"].tolist()
    assert rows["marginal_people"].tolist() == pytest.approx(sites["marginal_in_plan"].tolist())
    assert rows["cost_yuan"].tolist() == sites["cost_yuan"].tolist()
    assert rows["antenna_height_m"].tolist() == sites["antenna_height_m"].tolist()
    assert [[float(a) for a in row] for row in rows["azimuths"]] == [list(a) for a in sites["azimuths"]]
    assert set(rows["technology"]) == {"nr3500"}
    assert all(codes == ["ctc", "cucc"] for codes in rows["operators"])
    assert rows["owner_org"].tolist() == sites["owner_org"].tolist()
    assert (rows["plan_run"] == done.plan.id).all()
    assert all(shapely.distance(a, b) < 1e-6 for a, b in zip(rows.geometry, sites.geometry, strict=True))


def test_the_same_plan_twice_is_the_same_proposals_and_a_finding(done, now):
    first = proposals.from_plan(done.db, PLANNER, done.plan.id, now=now)
    found = proposals.proposable(done.db, PLANNER, done.plan.id)
    assert found.findings.counts() == {"PROPOSED_TWICE": 5}
    assert found.sites.empty
    assert proposals.from_plan(done.db, PLANNER, done.plan.id, now=now) == first
    assert layers.count(done.db, "candidates") == 5


def test_some_options_of_a_plan_can_be_proposed_and_strange_ones_are_refused(done, now):
    options = plans.plan(done.db, PLANNER, done.plan.id)["sites"]["option_id"].tolist()
    assert len(proposals.from_plan(done.db, PLANNER, done.plan.id, options[1:3], now=now)) == 2
    assert len(proposals.from_plan(done.db, PLANNER, done.plan.id, now=now)) == 5
    assert layers.count(done.db, "candidates") == 5
    with pytest.raises(BadInput, match="no-such"):
        proposals.from_plan(done.db, PLANNER, done.plan.id, ["no-such"], now=now)


def test_options_that_stand_from_another_plan_are_refused_all_at_once_by_name(done, now):
    keys = proposals.from_plan(done.db, PLANNER, done.plan.id, now=now)
    rows = layers.read(done.db, "candidates", provenance=True).assign(plan_run="plan-earlier")
    with done.db.write() as connection:
        layers.upsert(connection, "candidates", rows, provenance={}, now=now)
    with pytest.raises(BadInput) as refused:
        proposals.from_plan(done.db, PLANNER, done.plan.id, now=now)
    assert all(no in str(refused.value) for no in rows["proposal_no"])
    proposals.withdraw(done.db, PLANNER, keys[0], reason="重提", now=now)
    option = rows.set_index("candidate_id").loc[keys[0], "option_id"]
    again = proposals.from_plan(done.db, PLANNER, done.plan.id, [option], now=now)
    assert again != [keys[0]]
    assert number(done.db, again[0]) not in set(rows["proposal_no"])


def test_an_operator_neither_sees_nor_proposes_from_another_ones_plan(done, now):
    with pytest.raises(NotFound):
        proposals.from_plan(done.db, CMCC, done.plan.id, now=now)
    for role in (OWNER, LEADER):
        with pytest.raises(NotAllowed):
            proposals.from_plan(done.db, role, done.plan.id, now=now)


# --- by place -------------------------------------------------------------------------------------------------------


def test_a_place_near_a_shareable_asset_hangs_on_it_and_takes_its_height(district, now):
    rows, places = spots(district)
    key = proposals.add(district, CTC, lon_deg=places[0].x + 2e-5, lat_deg=places[0].y, operators=["ctc", "cucc"], technology="nr3500",
        purpose="capacity", configuration="micro_omni", now=now)  # fmt: skip
    got, host = proposals.get(district, CTC, key), rows.iloc[0]
    assert got["host_asset_id"] == host["asset_id"]
    assert (got["owner_org"], got["asset_no"], got["host_class"]) == (AGENCY, host["asset_no"], "street_light")
    assert got["geometry"].equals(host.geometry)
    assert got["height_m"] == pytest.approx(host["mount_height_m"] if host["mount_height_m"] > 0 else host["height_m"])
    assert (got["equipment"], got["mount"], got["azimuths"], got["sectors"]) == ("micro-2x5w", "pole", ["0"], 1)
    assert got["network"] == "ctcu-n78-a"


def test_a_place_without_asset_within_fifteen_metres_is_on_the_ground(district, now):
    frame = layers.read(district, "assets")
    extent = layer_actions.boundary(district, PLANNER).geometry.iloc[0]
    free = extent.difference(shapely.union_all(shapely.buffer(frame.geometry.to_numpy(), 16)))
    spot = to_lonlat(gpd.GeoDataFrame(geometry=[free.representative_point()], crs=frame.crs)).geometry.iloc[0]
    given = {"operators": ["ctc"], "technology": "nr3500", "purpose": "weak_area"}
    with pytest.raises(BadInput, match="挂高"):
        proposals.add(district, CTC, lon_deg=spot.x, lat_deg=spot.y, now=now, **given)
    key = proposals.add(district, CTC, lon_deg=spot.x, lat_deg=spot.y, height_m=12.0, now=now, **given)
    got = proposals.get(district, CTC, key)
    assert (got["host_class"], got["host_asset_id"], got["owner_org"]) == ("ground", None, None)
    with pytest.raises(BadInput, match="权属单位未知"):
        proposals.request_owner(district, CTC, [key], text="?", now=now)


@pytest.mark.parametrize(
    ("x", "host"), [(0.0, "pole"), (0.8, "pole"), (3.0, "park"), (13.0, "kiosk"), (-4.0, "pole"), (-5.0, "pole"), (40.0, None)]
)
def test_a_pole_is_meant_before_the_park_it_stands_in_and_a_refused_one_never(x, host):
    shapes = [shapely.Point(0, 0), shapely.box(0, -50, 6, 50), shapely.Point(14, 0), shapely.Point(-5, 0)]
    columns = {"asset_id": ["pole", "park", "kiosk", "no"], "open_status": ["not_surveyed", "open_free", "conditional", "refused"]}
    held = gpd.GeoDataFrame(columns, geometry=shapes)
    assert hosts.nearest(gpd.GeoSeries([shapely.Point(x, 0)]), held, within_m=15.0).iloc[0] == host


@pytest.mark.parametrize(
    "given",
    [
        {"operators": ["cucc"]},
        {"operators": []},
        {"operators": ["ctc", "x"]},
        {"technology": "6g"},
        {"purpose": "fun"},
        {"height_m": -1.0},
        {"height_m": 701.0},
        {"priority": 0},
        {"name": "字" * 1001},
    ],
)
def test_what_the_data_standard_does_not_admit_is_refused_and_nothing_is_written(district, now, given):
    with pytest.raises(BadInput):
        add(district, CTC, now, **given)
    assert layers.count(district, "candidates") == 0


def test_a_place_outside_the_district_is_refused(district, now):
    with pytest.raises(BadInput, match="区界以外"):
        proposals.add(district, CTC, lon_deg=10.0, lat_deg=10.0, operators=["ctc"], technology="nr3500", purpose="weak_area", now=now)


def test_numbers_name_the_year_are_never_given_twice_and_count_nothing(district, now):
    add(district, CTC, now)
    with pytest.raises(BadInput):
        add(district, CTC, now, at=1, purpose="fun")
    add(district, CMCC, now, at=1, technology="nr2600")
    add(district, CTC, now.replace(year=2027), at=2)
    found = layers.read(district, "candidates")["proposal_no"]
    assert sorted(n[:8] for n in found) == ["JY-2026-", "JY-2026-", "JY-2027-"]
    assert found.is_unique


# --- flow -----------------------------------------------------------------------------------------------------------


def test_a_proposal_is_asked_answered_released_and_withdrawn_each_with_one_event(district, now):
    key = add(district, CTC, now)
    proposals.request_owner(district, CTC, [key], text=CANARIES[0], now=now)
    assert proposals.get(district, CTC, key)["state"] == "proposed"
    proposals.answer(district, OWNER, key, attitude="agree", note=CANARIES[1], now=now)
    proposals.release(district, CTC, [key], now=now)
    proposals.withdraw(district, CTC, key, reason=CANARIES[2], now=now)
    got = proposals.get(district, CTC, key)
    assert (got["request_text"], got["owner_answer_note"], got["withdrawn_reason"]) == CANARIES[:3]
    assert (got["owner_attitude"], got["owner_answer_on"], got["state"]) == ("agree", now.date(), "withdrawn")
    events = [e for e in journal.recent(district) if e["stream"] == f"proposal.{key}"]
    kinds = ["proposal.withdraw", "proposal.release", "proposal.answer", "proposal.request", "proposal.added"]
    assert [e["kind"] for e in events] == kinds
    assert [e["org"] for e in events] == [CTC.org, CTC.org, OWNER.org, CTC.org, CTC.org]
    assert all(report.ok for report in journal.verify(district).values())


@pytest.mark.parametrize("text", CANARIES)
def test_texts_of_people_come_back_as_they_went_in(district, now, text):
    key = add(district, CTC, now, name=text, need_no=text)
    proposals.request_owner(district, CTC, [key], text=text, now=now)
    proposals.answer(district, OWNER, key, attitude="unclear", note=text, now=now)
    got = proposals.get(district, CTC, key)
    assert {got[n] for n in ("name", "need_no", "request_text", "owner_answer_note")} == {text}


def test_what_somebody_changed_meanwhile_is_not_overwritten(district, now):
    key = add(district, CTC, now)
    old = int(proposals.get(district, CTC, key)["revision"])
    proposals.request_owner(district, CTC, [key], text="一", now=now, seen={key: old})
    for attempt in (
        lambda: proposals.request_owner(district, CTC, [key], text="二", now=now, seen={key: old}),
        lambda: proposals.release(district, CTC, [key], now=now, seen={key: old}),
        lambda: proposals.withdraw(district, CTC, key, reason="三", now=now, seen=old),
        lambda: proposals.answer(district, OWNER, key, attitude="agree", now=now, seen=old),
    ):
        with pytest.raises(Conflict, match=number(district, key)):
            attempt()
    got = proposals.get(district, CTC, key)
    assert (got["request_text"], got["state"], got["owner_attitude"]) == ("一", "proposed", None)


def test_a_state_that_does_not_admit_a_step_is_a_conflict_that_names_all_and_changes_none(district, now):
    first, second = add(district, CTC, now), add(district, CTC, now, at=1)
    proposals.release(district, CTC, [first], now=now)
    with pytest.raises(Conflict, match=number(district, first)):
        proposals.release(district, CTC, [first, second], now=now)
    assert proposals.get(district, CTC, second)["state"] == "proposed"
    proposals.withdraw(district, CTC, first, reason="不建", now=now)
    for attempt in (
        lambda: proposals.withdraw(district, CTC, first, reason="不建", now=now),
        lambda: proposals.request_owner(district, CTC, [first], text="?", now=now),
    ):
        with pytest.raises(Conflict):
            attempt()


def test_only_its_own_organisation_and_the_planner_change_a_proposal(district, now):
    key = add(district, CTC, now)
    with pytest.raises(NotFound):
        proposals.withdraw(district, CUCC, key, reason="?", now=now)
    proposals.release(district, PLANNER, [key], now=now)
    for attempt in (
        lambda: proposals.withdraw(district, CUCC, key, reason="?", now=now),
        lambda: proposals.request_owner(district, TOWER, [key], text="?", now=now),
        lambda: proposals.answer(district, TOWER, key, attitude="agree", now=now),
        lambda: proposals.release(district, LEADER, [key], now=now),
    ):
        with pytest.raises(NotAllowed):
            attempt()
    assert proposals.get(district, CTC, key)["revision"] == 2


def test_an_owner_answers_only_what_it_was_asked(district, now):
    tower = replace(TOWER, org=AGENCY)
    key = add(district, CTC, now)
    proposals.release(district, CTC, [key], now=now)
    with pytest.raises(BadInput, match=number(district, key)):
        proposals.answer(district, tower, key, attitude="agree", now=now)
    with pytest.raises(NotFound):
        proposals.answer(district, OWNER, key, attitude="agree", now=now)
    proposals.request_owner(district, CTC, [key], text="可否", now=now)
    with pytest.raises(BadInput, match="maybe"):
        proposals.answer(district, OWNER, key, attitude="maybe", now=now)
    proposals.answer(district, OWNER, key, attitude="refuse", note="待检测", now=now)
    assert proposals.get(district, OWNER, key)["owner_attitude"] == "refuse"


def test_the_steps_offered_are_those_that_would_be_taken(district, now):
    key = add(district, CTC, now)
    offered = {a.role: proposals.allowed(a, proposals.get(district, a, key)) for a in (CTC, PLANNER, LEADER)}
    assert offered == {"operator": ("request", "release", "withdraw", "report"), "planner": ("request", "release", "withdraw"), "leader": ()}
    proposals.request_owner(district, CTC, [key], text="?", now=now)
    assert proposals.allowed(OWNER, proposals.get(district, OWNER, key)) == ("answer", "report")
    proposals.withdraw(district, CTC, key, reason="?", now=now)
    assert proposals.allowed(CTC, proposals.get(district, CTC, key)) == ()


# --- import ---------------------------------------------------------------------------------------------------------


HEAD = ("名称", "经度", "纬度", "使用企业", "制式", "挂高", "目的", "配置", "需求号", "优先级", "造价")


def row(db, at, **given):
    """A row as an operator writes it, `at` metres along a line of places inside the district."""
    frame = layers.read(db, "assets", columns=())
    west, south, east, north = frame.total_bounds
    x, y = west + 200 + (at % 20) * (east - west - 400) / 20, south + 200 + (at // 20) * (north - south - 400) / 20
    point = to_lonlat(gpd.GeoDataFrame(geometry=[shapely.Point(x, y)], crs=frame.crs)).geometry.iloc[0]
    values = {"名称": f"点{at}", "经度": f"{point.x:.7f}", "纬度": f"{point.y:.7f}", "使用企业": "电信", "制式": "nr3500", "挂高": "10",
        "目的": "弱覆盖", "配置": "micro_omni", "需求号": f"D{at:03d}", "优先级": "3", "造价": "30000"}  # fmt: skip
    return {**values, **given}


def book(rows, head=HEAD):
    names = [*head, *(n for n in dict.fromkeys(k for r in rows for k in r) if n not in head)]
    made = openpyxl.Workbook()
    sheet = made.active
    sheet.append(names)
    for values in rows:
        sheet.append([None] * len(names))
        for at, name in enumerate(names, 1):
            cell = sheet.cell(sheet.max_row if sheet.max_row > 1 else 2, at)
            cell.value, cell.data_type = values.get(name, ""), "s"
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def bring(db, actor, now, data):
    return assets.dry_run(db, actor, data, name="建议.xlsx", layer="candidates", datum="wgs84", now=now)


BAD = {
    3: ({"挂高": "高"}, "TYPE", "挂高"),
    7: ({"挂高": "-3"}, "RANGE", "挂高"),
    11: ({"挂高": "1200"}, "RANGE", "挂高"),
    15: ({"制式": "6G"}, "VOCAB", "制式"),
    19: ({"使用企业": "天上的企业"}, "VOCAB", "使用企业"),
    23: ({"使用企业": "联通"}, "OPERATOR_LEFT_OUT", "使用企业"),
    27: ({"使用企业": ""}, "REQUIRED", "使用企业"),
    31: ({"目的": "好玩"}, "VOCAB", "目的"),
    35: ({"目的": ""}, "REQUIRED", "目的"),
    39: ({"制式": ""}, "REQUIRED", "制式"),
    43: ({"挂高": ""}, "REQUIRED", "挂高"),
    47: ({"提出单位": "中国移动通信集团天津有限公司"}, "ORG_OTHER", "提出单位"),
    51: ({"优先级": "12"}, "RANGE", "优先级"),
    55: ({"优先级": "急"}, "TYPE", "优先级"),
    59: ({"造价": "-1"}, "RANGE", "造价"),
    63: ({"建议ID": "6b1cbd50-8d3a-4c34-9a70-2f3f5b1f0001"}, "KEY_NOT_OWN", "建议ID"),
    67: ({"挂载设施": "6b1cbd50-8d3a-4c34-9a70-2f3f5b1f0002"}, "HOST_UNKNOWN", "挂载设施"),
    71: ({"经度": "10", "纬度": "10"}, "OUTSIDE_FAR", None),
    75: ({"经度": "", "纬度": ""}, None, None),
    79: ({"名称": "{{7*7}}"}, "", None),
    83: ({"名称": "<img src=x onerror=alert(1)>"}, "", None),
}


def test_two_hundred_proposals_of_which_some_are_bad_land_and_each_bad_cell_is_named(district, now):
    head = (*HEAD, "提出单位", "建议ID", "挂载设施")
    rows = [row(district, at, **BAD[at + 2][0]) if at + 2 in BAD else row(district, at) for at in range(200)]
    plan = bring(district, CTC, now, book(rows, head))
    errors = {(f.row, f.code, f.column) for f in plan.findings.of("error")}
    for number, (_, code, column) in BAD.items():
        if code:
            assert (number, code, column) in errors or (column is None and (number, code) in {e[:2] for e in errors})
    bad = {number for number, (_, code, _) in BAD.items() if code != ""}
    assert {e[0] for e in errors} == bad
    assert (plan.read, plan.new, plan.rejected) == (200, 200 - len(bad), len(bad))
    assets.commit(district, CTC, plan.id, now=now)
    held = layers.read(district, "candidates", provenance=True)
    assert len(held) == 200 - len(bad)
    assert set(held["proposer_org"]) == {CTC.org}
    assert set(held["state"]) == {"proposed"}
    assert held["proposal_no"].is_unique
    assert {"{{7*7}}", "<img src=x onerror=alert(1)>"} <= set(held["name"])
    assert held["source_name"].unique().tolist() == ["建议.xlsx"]
    assert seen(district, CUCC) == set()
    assert all(report.ok for report in journal.verify(district).values())
    again = bring(district, CTC, now, book(rows, head))
    assert (again.new, again.changed, again.unchanged) == (0, 0, 200 - len(bad))


def test_two_operators_may_propose_the_same_place_and_learn_nothing_of_each_other(district, now):
    first = bring(district, CTC, now, book([row(district, 1)]))
    assets.commit(district, CTC, first.id, now=now)
    key = layers.read(district, "candidates")["candidate_id"].iloc[0]
    theirs = bring(district, CUCC, now, book([row(district, 1, 使用企业="联通")]))
    assert (theirs.new, theirs.rejected) == (1, 0)
    guessed = bring(district, CUCC, now, book([row(district, 1, 使用企业="联通", 建议ID=key)]))
    nobody = bring(district, CUCC, now, book([row(district, 1, 使用企业="联通", 建议ID="6b1cbd50-8d3a-4c34-9a70-2f3f5b1f0009")]))
    said = [[(f.code, f.message.replace(f.value, "")) for f in p.findings.of("error")] for p in (guessed, nobody)]
    assert said[0] == said[1] == [("KEY_NOT_OWN", "建议ID“”不是本单位已有建议的标识。")]


def test_a_changed_row_of_one_s_own_lands_while_it_is_open_and_is_refused_once_released(district, now):
    first = bring(district, CTC, now, book([row(district, 1), row(district, 2)]))
    assets.commit(district, CTC, first.id, now=now)
    keys = proposals.listing(district, CTC)["candidate_id"].tolist()
    numbers = [number(district, key) for key in keys]
    proposals.release(district, CTC, [keys[0]], now=now)
    dearer = bring(district, CTC, now, book([row(district, 1, 造价="99999"), row(district, 2, 造价="99999")]))
    assert (dearer.changed, dearer.rejected) == (1, 1)
    assert {f.code for f in dearer.findings.of("error")} == {"ROW_FIXED"}
    assets.commit(district, CTC, dearer.id, now=now)
    costs = proposals.listing(district, CTC).set_index("candidate_id")["cost_yuan"]
    assert (costs[keys[0]], costs[keys[1]]) == (30000.0, 99999.0)
    assert [number(district, key) for key in keys] == numbers


def test_who_may_not_propose_may_not_import_proposals_either(district, now):
    for stranger in (OWNER, LEADER, person("data_admin", "南开区商务局")):
        with pytest.raises(NotAllowed):
            bring(district, stranger, now, book([row(district, 1)]))
    with pytest.raises(NotAllowed):
        assets.dry_run(district, CTC, b"x", name="a.csv", layer="assets", datum="wgs84", now=now)


def test_derived_columns_are_never_taken_from_a_file(district, now):
    plan = bring(district, CTC, now, book([row(district, 1, 状态="已公开", 公开时间="2026-01-01", 权属态度="同意")]))
    assets.commit(district, CTC, plan.id, now=now)
    got = proposals.listing(district, CTC).iloc[0]
    assert (got["state"], got["released_at"], got["owner_attitude"]) == ("proposed", None, None)
    assert "DERIVED_IGNORED" in plan.findings.counts()


def test_the_template_offers_what_may_be_imported_and_nothing_that_follows_from_acts():
    titles = [c.value for c in openpyxl.load_workbook(io.BytesIO(schema.template("candidates"))).worksheets[0][1]]
    assert {"使用企业", "挂高", "经度", "纬度"} <= set(titles)
    assert not {"状态", "公开时间", "权属态度", "建议编号"} & set(titles)
