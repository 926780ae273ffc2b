"""The planning page: what a click answers, what stays in the address, what each view shows."""

import pytest

from siting import settings
from siting.access import local_admin
from siting.actions import plans, runs, worker
from siting.store import runs as run_rows
from siting.store.database import open_database
from siting.ui import planning_candidates, planning_picks, session

PERSON = local_admin(source="page")


def store(folder):
    return open_database(settings.load(folder))


def words_on(at):
    kinds = ("markdown", "caption", "info", "success", "warning", "error")
    return "\n".join(str(e.value) for kind in kinds for e in at.get(kind)).replace("\\", "")


def metrics(at):
    return {m.label: m.value for m in at.metric}


def candidates(folder):
    db = store(folder)
    return plans.candidates(db, PERSON, runs.latest(db, PERSON, "score", status="done").id)


def press(at, key):
    at.button(key=key).click().run()
    assert not at.exception
    return at


def test_a_picked_point_shows_at_once_what_it_adds_and_a_second_click_puts_it_back(open_app, done):
    row = candidates(done).iloc[0]
    at = press(open_app(done, "planning", id=row["option_id"]), "pick")
    shown = metrics(at)
    assert shown["勾选点位"] == "1"
    assert shown["新增覆盖（人）"] == f"{row['added_persons']:,.0f}"
    assert shown["造价（元）"] == f"{row['cost_yuan']:,.0f}"
    assert not [run for run in runs.listing(store(done), PERSON) if run.status in {"queued", "running"}]
    assert metrics(press(at, "pick"))["勾选点位"] == "0"


def test_more_points_than_the_limit_are_told_in_words(open_app, done):
    ids = candidates(done)["option_id"].iloc[:3].tolist()
    at = open_app(done, "planning", count="2")
    at.session_state[planning_picks.PICKED] = ids
    at.run()
    assert metrics(at)["违反规则"] != "0"
    assert "现为 3.0" in words_on(at)


def test_a_forbidden_point_is_marked_on_the_map_and_left_out_by_the_plan(open_app, done, clicks):
    row = candidates(done).iloc[0]
    at = press(open_app(done, "planning", id=row["option_id"]), "pick")
    press(at, "ban")
    assert "已禁用 1 个" in words_on(at)
    assert at.button(key="pick").disabled
    layer = {one["id"]: one for one in clicks.drawn["planning"]["layers"]}["banned"]
    assert [f["properties"]["id"] for f in layer["data"]["features"]] == [row["option_id"]]
    press(at, "run.plan.start")
    asked = runs.latest(store(done), PERSON, "plan").params
    assert (asked["lock"], asked["forbid"]) == ([], [row["candidate_id"]])
    db = store(done)
    worker.run_now(db, PERSON, "plan", {**asked, "count": 5, "time_limit_s": 5.0}, clock=session.now)
    sites = plans.plan(db, PERSON, runs.latest(db, PERSON, "plan", status="done").id)["sites"]
    assert row["candidate_id"] not in set(sites["candidate_id"])


def test_filters_in_the_address_narrow_list_and_map_together(open_app, done, clicks):
    frame = candidates(done)
    kind = frame["class"].iloc[0]
    at = open_app(done, "planning", **{"class": kind})
    wanted = set(frame.loc[frame["class"] == kind, "option_id"])
    layer = {one["id"]: one for one in clicks.drawn["planning"]["layers"]}["candidates-narrowed"]
    assert {f["properties"]["id"] for f in layer["data"]["features"]} == wanted
    assert len(at.dataframe[-1].value) == min(len(wanted), 500)


@pytest.mark.parametrize("layer", ["candidates", "plan", "picked"])
def test_a_point_clicked_on_any_layer_opens_its_card(open_app, done, clicks, layer):
    row = candidates(done).iloc[1]
    at = open_app(done, "planning")
    clicks.send(lat=39.126, lng=117.15, zoom=16, layer=layer, id=row["option_id"])
    at.run()
    assert str(row["owner_org"]) in str(at.table[-1].value).replace("\\", "")
    assert row["option_id"] in at.query_params["id"]


def test_the_plan_shows_its_sites_in_build_order_with_what_each_is_worth(open_app, done):
    db = store(done)
    found = plans.plan(db, PERSON, runs.latest(db, PERSON, "plan", status="done").id)
    at = open_app(done, "planning", **{"planning-view": "plan"})
    table = at.dataframe[-1].value
    assert table["建设次序"].tolist() == list(range(1, found["count"] + 1))
    assert (table["去掉后损失（人）"] <= table["方案内边际（人）"] + 1).all()
    assert {"光缆距离（m）", "电磁预评估", "权属单位"} <= set(table.columns)
    assert metrics(at)["光缆（m）"] == f"{found['sites']['fibre_m'].sum():,.0f}"


def test_a_plan_is_taken_over_by_hand(open_app, done):
    db = store(done)
    found = plans.plan(db, PERSON, runs.latest(db, PERSON, "plan", status="done").id)
    at = press(open_app(done, "planning", **{"planning-view": "plan"}), "plan.by_hand")
    shown = metrics(at)
    assert shown["勾选点位"] == str(found["count"])
    assert float(shown["新增覆盖（人）"].replace(",", "")) == pytest.approx(found["added"], abs=1)


def test_an_earlier_plan_is_shown_by_its_address(open_app, done, now):
    db = store(done)
    first = runs.latest(db, PERSON, "plan", status="done")
    wanted = plans.params(db.settings, {"coverage": first.params["coverage"], "count": 2, "time_limit_s": 5.0})
    later = now.replace(hour=22)
    worker.run_now(db, PERSON, "plan", wanted, clock=lambda: later)
    at = open_app(done, "planning", **{"planning-view": "plan"})
    assert metrics(at)["入选点位"] == "2"
    later = now.replace(hour=23)
    worker.run_now(db, PERSON, "plan", {**wanted, "count": 3}, clock=lambda: later)
    assert metrics(at.run())["入选点位"] == "3"
    assert at.selectbox(key="planning.plan").value == runs.latest(db, PERSON, "plan", status="done").id
    assert metrics(open_app(done, "planning", **{"planning-view": "plan", "plan": first.id}))["入选点位"] == "5"


@pytest.mark.parametrize("view", ["alternatives", "compare"])
def test_the_other_views_open(open_app, done, view):
    assert not open_app(done, "planning", **{"planning-view": view}).error


def test_an_operator_sees_no_plan_of_others_and_its_own_run_stays_its_own(open_as, done):
    at = open_as(done, "operator", "planning")
    assert "还没有候选点" in words_on(at)
    press(at, "run.plan.start")
    run = run_rows.latest(store(done), "plan")
    assert (run.audience, run.params["count"]) == ("org", 30)


def test_a_question_without_a_plan_says_that_the_plan_below_answers_an_earlier_one(open_app, done):
    db = store(done)
    address = {"planning-view": "plan"}
    assert "先前的方案" not in words_on(open_app(done, "planning", **address))
    asked = runs.latest(db, PERSON, "plan", status="done").params
    run_id = runs.start(db, PERSON, "plan", asked, now=session.now())
    run_rows.finish(db, run_id, status="failed", now=session.now())
    assert "上次求解没有得到方案，以下仍是先前的方案" in words_on(open_app(done, "planning", **address))


def test_points_picked_past_the_end_of_the_list_stand_in_it(open_app, done, monkeypatch):
    monkeypatch.setattr(planning_candidates, "MOST_ROWS", 3)
    frame = candidates(done)
    at = open_app(done, "planning")
    at.session_state[planning_picks.PICKED] = [frame["option_id"].iloc[5]]
    at.run()
    assert at.dataframe[-1].value["名次"].tolist() == [6, 1, 2, 3]
    assert f"前 3 个，上列另有选中的 1 个，共 {len(frame):,} 个" in words_on(at)
