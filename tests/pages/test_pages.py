from datetime import timedelta

import pytest
from streamlit.proto.Alert_pb2 import Alert

from siting import settings
from siting.access import Actor, local_admin
from siting.actions import coverage, curves, plans, runs, worker
from siting.store import layers
from siting.store import runs as run_rows
from siting.store.database import open_database
from siting.ui import session

PAGES = ("overview", "assets", "coverage", "planning")


def store(folder):
    return open_database(settings.load(folder))


def words_on(at):
    kinds = ("markdown", "caption", "info", "success", "warning", "error", "text", "title", "table")
    found = [str(e.value) for kind in kinds for e in at.get(kind) if kind != "table"]
    return "\n".join(found + [m.label + m.value for m in at.metric] + [str(table.value) for table in at.table])


def metrics(at):
    return {m.label: m.value for m in at.metric}


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("state", ["fresh", "done"])
def test_every_page_opens_before_and_after_computing_and_says_what_data_it_shows(open_app, page, state, request):
    at = open_app(request.getfixturevalue(state), page)
    assert not at.error
    assert "2026\\-11\\-01" in words_on(at)
    assert "合成样例数据" in words_on(at)
    assert ("未校准" in words_on(at)) == (state == "done" and page != "assets")


@pytest.mark.parametrize("page", PAGES)
def test_every_page_speaks_english_when_asked(open_app, done, page):
    at = open_app(done)
    at.radio(key="siting.language_switch").set_value("en").run()
    if page != "overview":
        at.switch_page(f"pages/{page}.py").run()
    shown = words_on(at)
    assert not at.exception
    assert "Synthetic sample data" in shown
    assert "ui." not in shown.replace("ui\\.", "")


def test_a_page_opened_anew_speaks_the_language_last_chosen_in_this_browser(open_app, done, monkeypatch):
    monkeypatch.setattr(session, "remembered", lambda: "en")
    assert "Synthetic sample data" in words_on(open_app(done))


@pytest.mark.parametrize("kept", ["", "tlh"])
def test_a_browser_that_keeps_no_language_of_ours_gets_the_one_of_the_district(open_app, done, kept, monkeypatch):
    monkeypatch.setattr(session, "remembered", lambda: kept)
    assert "合成样例数据" in words_on(open_app(done))


def test_a_role_without_permission_sees_no_page(opened_by_token, done, monkeypatch):
    monkeypatch.setattr(session, "identify", lambda: Actor(id="x", name="x", org="x", role="nobody"))
    at = opened_by_token(done)
    assert [e.value for e in at.error] == ["角色 nobody 没有可用的页面；请找管理员开通权限。"]
    assert not at.metric
    assert not at.dataframe


def test_the_cards_of_the_overview_are_the_figures_of_the_run(open_app, done):
    db = store(done)
    table = coverage.figures(
        db, local_admin(source="page"), runs.latest(db, local_admin(source="page"), "coverage", status="done").id
    )
    shown = metrics(open_app(done))
    assert shown["公共资源"] == f"{layers.count(db, 'assets'):,}"
    assert shown["人口（人）"] == f"{table['persons'].sum():,.0f}"
    assert shown["未覆盖（人）"] == f"{table['uncovered'].sum():,.0f}"
    assert shown["覆盖率"] == f"{100 * table['covered'].sum() / table['persons'].sum():.1f}%"


def test_starting_coverage_queues_exactly_what_was_chosen_and_a_reload_still_shows_it(open_app, fresh):
    at = open_app(fresh, "coverage")
    at.selectbox(key="coverage.mix").set_value("day").run()
    at.button(key="run.coverage.start").click().run()
    db, person = store(fresh), local_admin(source="page")
    run = runs.latest(db, person, "coverage")
    assert run.status == "queued"
    assert dict(run.params) == {"network": "ctcu-n78-a", "networks": ["ctcu-n78-a"], "profile": "weak-110", "mix": "day", "cell_m": 10.0}
    again = open_app(fresh, "coverage")
    again.button(key="run.coverage.cancel").click().run()
    assert runs.get(db, person, run.id).cancel_requested or runs.get(db, person, run.id).status == "cancelled"


def test_a_failed_run_says_why_on_the_page(open_app, fresh, now):
    db, person = store(fresh), local_admin(source="page")
    bad = {**coverage.params(db, {}), "cell_m": 3.3}
    runs.start(db, person, "coverage", bad, now=now)
    assert worker.step(db, clock=lambda: now)
    assert any("3.3" in e.value.replace("\\", "") for e in open_app(fresh, "coverage").error)


def test_a_click_on_the_coverage_map_shows_level_server_and_people_there(open_app, done, clicks):
    at = open_app(done, "coverage")
    clicks.send(lat=39.1265, lng=117.150, zoom=16)
    at.run()
    assert not at.exception
    shown = str(at.table[0].value)
    for word in ("RSRP", "达标概率", "服务扇区", "人口"):
        assert word in shown


def test_a_click_outside_the_district_says_so(open_app, done, clicks):
    at = open_app(done, "coverage")
    clicks.send(lat=10.0, lng=10.0, zoom=16)
    at.run()
    assert "区界以外" in words_on(at)


def test_filters_narrow_the_list_and_the_map_of_assets(open_app, done, clicks):
    at = open_app(done, "assets")
    at.multiselect(key="class").set_value(["bridge"]).run()
    found = layers.read(store(done), "assets")
    names = set(found.loc[found["class"] == "bridge", "asset_id"])
    sent = clicks.drawn["assets"]["layers"]
    narrowed = next(layer for layer in sent if layer["id"] == "assets-narrowed")
    assert {f["properties"]["id"] for f in narrowed["data"]["features"]} == names
    assert len(at.dataframe[-1].value) == len(names)


def test_an_asset_in_the_address_is_opened(open_app, done, clicks):
    asset = layers.read(store(done), "assets").iloc[7]
    at = open_app(done, id=asset["asset_id"])
    at.switch_page("pages/assets.py").run()
    assert asset["asset_no"] in str(at.table[0].value).replace("\\", "")
    assert clicks.drawn["assets"]["selected"] is not None


def test_a_file_is_checked_then_imported_with_its_findings(open_app, fresh):
    text = "asset_no,class,name,owner_org,open_status,lon,lat\nN1,multi_pole,好,区城管委,open_free,117.150,39.126\nN2,no_such,坏,区城管委,open_free,117.150,39.127\n"
    at = open_app(fresh, "assets")
    at.segmented_control(key="assets-view").set_value("import").run()
    at.file_uploader(key="import.file").upload("清单.csv", text.encode(), "text/csv")
    at.selectbox(key="import.datum").set_value("wgs84")
    form(at).click().run()
    assert metrics(at)["新增"] == "1"
    assert metrics(at)["退回"] == "1"
    before = layers.count(store(fresh), "assets")
    at.button(key="import.confirm").click().run()
    assert not at.exception
    assert layers.count(store(fresh), "assets") == before + 1
    assert "已导入：新增 1" in words_on(at)


def test_an_undeclared_datum_is_refused_in_words(open_app, fresh):
    at = open_app(fresh, "assets")
    at.segmented_control(key="assets-view").set_value("import").run()
    at.file_uploader(key="import.file").upload("a.csv", b"lon,lat\n117.15,39.126\n", "text/csv")
    form(at).click().run()
    assert len(at.error) == 1
    assert at.error[0].proto.format == Alert.ERROR


def form(at):
    return next(b for b in at.button if b.label == "检查")


def test_planning_without_coverage_names_the_one_thing_to_do(open_app, fresh):
    at = open_app(fresh, "planning")
    assert "还没有覆盖分析" in words_on(at)
    assert not at.dataframe
    at.button(key="run.plan.start").click().run()
    asked = runs.latest(store(fresh), local_admin(source="page"), "plan").params
    assert (asked["count"], asked["coverage"]) == (30, "")
    assert asked["coverage_params"]["networks"]


def test_a_candidate_clicked_on_the_map_can_be_picked_and_is_kept_by_the_plan(open_app, done, clicks):
    db, person = store(done), local_admin(source="page")
    scored = runs.latest(db, person, "score", status="done")
    best = plans.candidates(db, person, scored.id).iloc[0]["option_id"]
    at = open_app(done, "planning")
    clicks.send(lat=39.126, lng=117.15, zoom=16, layer="candidates", id=best)
    at.run()
    at.button(key="pick").click().run()
    assert "已勾选 1 个" in words_on(at)
    at.number_input(key="count").set_value(7).run()
    at.button(key="run.plan.start").click().run()
    asked = runs.latest(db, person, "plan").params
    assert asked["lock"] == [best]
    assert asked["count"] == 7


def test_the_plan_shows_what_it_adds_its_bound_and_whether_it_is_proven(open_app, done):
    db, person = store(done), local_admin(source="page")
    found = plans.plan(db, person, runs.latest(db, person, "plan", status="done").id)
    at = open_app(done, "planning", **{"planning-view": "plan"})
    shown = metrics(at)
    assert shown["入选点位"] == "5"
    assert shown["新增覆盖（人）"] == f"{found['added']:,.0f}"
    assert float(shown["新增上界（人）"].replace(",", "")) >= float(shown["新增覆盖（人）"].replace(",", ""))
    assert ("已证明最优" in {m.delta for m in at.metric}) == found["proven"]


def test_while_a_plan_is_solved_its_value_and_bound_stand_beside_the_progress_in_both_languages(open_app, done, now):
    db, person = store(done), local_admin(source="page")
    base = runs.latest(db, person, "coverage", status="done")
    asked = plans.params(db.settings, {"coverage": base.id, "count": 5})
    later = now + timedelta(minutes=1)
    run_id = runs.start(db, person, "plan", asked, now=later, status="running")
    run_rows.beat(db, run_id, progress=0.6, stage="run.stage.solve", now=later)
    way = curves.Curve(runs.folder(db, run_id), lambda: later, base_value=100.0)
    way.tell("greedy", 1105.0, float("inf"))
    way.tell("bound", 1105.0, 1600.0)
    way.save()
    at = open_app(done, "planning")
    assert "求上界：已得 1,005，任何方案不超过 1,500，间隙 33.00%" in words_on(at)
    assert len(at.get("vega_lite_chart")) == 1
    at.button(key="run.plan.cancel").click().run()
    assert runs.get(db, person, run_id).cancel_requested
    at = open_app(done)
    at.radio(key="siting.language_switch").set_value("en").run()
    at.switch_page("pages/planning.py").run()
    assert "Bound: found 1,005, no plan above 1,500, gap 33.00%" in words_on(at)


def test_a_plan_of_an_older_coverage_run_is_marked_as_such(open_app, done, now):
    assert "非当前" not in words_on(open_app(done, "planning"))
    db, person = store(done), local_admin(source="page")
    later = now + timedelta(hours=1)
    worker.run_now(db, person, "coverage", coverage.params(db, {"cell_m": 20}), clock=lambda: later)
    shown = words_on(open_app(done, "planning"))
    assert "非当前" in shown
    assert "请重新打分" in shown


def test_a_district_measured_by_area_speaks_of_square_metres_and_never_of_people(open_app, fresh, now):
    db, person = store(fresh), local_admin(source="page")
    for layer in ("demand", "buildings", "sectors", "sites"):
        key = layers.read(db, layer, columns=()).iloc[:, 0]
        with db.write() as connection:
            layers.remove(connection, layer, [str(v) for v in key], now=now)
    districts = layers.read(db, "districts").assign(population=float("nan"))
    with db.write() as connection:
        layers.upsert(connection, "districts", districts, provenance={}, now=now)
    worker.run_now(db, person, "coverage", coverage.params(db, {"cell_m": 20}), clock=lambda: now)
    at = open_app(fresh, "coverage")
    shown = words_on(at)
    assert "平方米" in shown
    assert "（人）" not in shown + "".join(str(list(d.value.columns)) for d in at.dataframe)
    assert "无现网站点" in shown


@pytest.mark.parametrize("lang", ["zh_CN", "en"])
def test_a_link_names_codes_so_that_it_works_in_every_language(open_app, done, clicks, lang):
    at = open_app(done, raster="rsrp")
    at.radio(key="siting.language_switch").set_value(lang).run()
    at.switch_page("pages/coverage.py").run()
    assert "rsrp" in {layer["id"] for layer in clicks.drawn["coverage"]["layers"]}
    at.segmented_control(key="raster").set_value("gap").run()
    assert "raster" not in at.query_params
