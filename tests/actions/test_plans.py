import io
import json
import re
from datetime import timedelta

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pyogrio
import pytest

from siting.access import Actor
from siting.actions import candidates, coverage, planfiles, plans, radiotables, runs, scene, worker
from siting.errors import BadInput, NotAllowed
from siting.geo import crs
from siting.maps import vendor
from siting.plan import options
from siting.radio import coverage as radio
from siting.radio import demand
from siting.reports import planjson
from siting.store import artefacts, layers, samples

# Names addresses in comments and in a link that the map switches off.
LEAFLET = vendor.read("leaflet.js").decode()
AUDITOR = Actor(id="l", name="l", org="l", role="auditor")
COUNT = 5
CANARIES = {"{{7*7}}", "<img src=x onerror=alert(1)>", "</script><script>alert(1)</script>", "${1}", "=1+1", "@SUM(1)"}
# What a task list holds.
HEADINGS = ["序号", "站点", "街道", "资产", "产权单位", "运营商", "频段", "挂高", "方位角", "下倾角", "新增覆盖人口", "投资", "结构状态", "电磁预评估", "前置条件", "责任单位", "时限"]  # fmt: skip


class Clock:
    """A clock that goes on by a second whenever it is asked, and may do something then."""

    def __init__(self, now, act=None):
        self.now, self.act = now, act

    def __call__(self):
        self.now += timedelta(seconds=1)
        if self.act is not None:
            self.act(self.now)
        return self.now


@pytest.fixture
def solve(done, actor, now):
    """Solve another plan on the same coverage."""

    def run(clock=None, **given):
        clock = Clock(now) if clock is None else clock
        wanted = plans.params(done.db.settings, {"coverage": done.coverage.id, **given})
        return worker.run_now(done.db, actor, "plan", wanted, clock=clock)

    return run


@pytest.fixture
def people(done):
    """Persons, present probability, reach and cost as plain arrays, straight from the files of the runs."""
    at = done.db.settings.runs_folder
    units = artefacts.load_table(at / done.coverage.id, "units")
    scored = artefacts.load_table(at / done.score.id, "scored")
    reach = artefacts.load_matrix(at / done.score.id, "reach").toarray()
    return (units["persons"] - units["unknown"]).to_numpy(), units["present"].to_numpy(float), reach, scored


def value_of(people, chosen) -> float:
    """Expected people covered with the best of the present network and the chosen options, by plain numpy."""
    persons, present, reach, scored = people
    columns = np.flatnonzero(scored["option_id"].isin(chosen))
    return float(persons @ np.maximum(present, reach[:, columns].max(axis=1, initial=0.0)))


def file_of(done, actor, kind, tmp_path):
    name, data = plans.export(done.db, actor, done.plan.id, kind=kind)
    assert name.endswith(f".{kind}")
    (tmp_path / name).write_bytes(data)
    return tmp_path / name


def test_every_offered_option_has_one_state_and_a_reason_unless_it_is_eligible(done, actor):
    found = done.score.result
    assert sum(found["states"].values()) == found["offered"]
    table = candidates.candidates(done.db, actor, done.score.id)
    assert len(table) == found["offered"]
    assert table["option_id"].is_unique
    assert table["rank"].notna().sum() == found["scored"]
    assert set(table.loc[table["rank"].notna(), "state"]) <= {"eligible", "conditional"}
    assert (table.loc[table["state"] != "eligible", "codes"].map(len) > 0).all()
    assert table["message"].str.len().gt(0).all()


def test_what_one_candidate_adds_equals_the_sum_over_its_column(people):
    _, _, _, scored = people
    base = value_of(people, [])
    for row in scored.sort_values("added_persons").iloc[[0, len(scored) // 2, -1]].itertuples():
        assert row.added_persons == pytest.approx(value_of(people, [row.option_id]) - base, abs=1e-3)
        assert row.added_indoor + row.added_outdoor == pytest.approx(row.added_persons)


def test_the_scores_are_sums_of_their_points_and_rank_by_them(people):
    scored = people[3]
    points = scored.filter(regex="^points_").sum(axis=1)
    assert scored["score_low"].to_numpy() == pytest.approx(points.to_numpy())
    assert scored["rank"].tolist() == list(range(1, len(scored) + 1))
    middle = (scored["score_low"] + scored["score_high"]) / 2
    assert middle.is_monotonic_decreasing


def test_a_standing_score_serves_until_the_district_changes(done, actor, now):
    wanted = candidates.params(done.coverage.id, admit_unknown=False)
    assert candidates.standing(done.db, actor, wanted).id == done.score.id
    assert candidates.standing(done.db, actor, candidates.params(done.coverage.id, admit_unknown=True)) is None
    frame = layers.read(done.db, "assets").head(1)
    with done.db.write() as connection:
        layers.upsert(connection, "assets", frame, provenance={"source_name": "t"}, now=now)
    assert candidates.standing(done.db, actor, wanted) is None


def test_a_coverage_that_later_imports_overtook_is_refused(done, actor, now, solve):
    frame = layers.read(done.db, "sites").head(1)
    with done.db.write() as connection:
        layers.upsert(connection, "sites", frame, provenance={"source_name": "t"}, now=now)
    with pytest.raises(BadInput, match="重新运行覆盖"):
        solve(count=3)
    with pytest.raises(BadInput, match="重新运行覆盖"):
        worker.run_now(done.db, actor, "score", candidates.params(done.coverage.id, admit_unknown=False), clock=lambda: now)  # fmt: skip
    assert {r.status for r in runs.listing(done.db, actor)} == {"done", "failed"}


def test_the_value_of_a_plan_is_what_plain_arithmetic_says_and_below_its_bound(done, people):
    found = done.plan.result
    chosen = plans_sites(done)["option_id"]
    assert len(chosen) == found["count"] == COUNT
    assert found["value"] == pytest.approx(value_of(people, chosen), abs=1e-2)
    assert found["base_value"] == pytest.approx(value_of(people, []))
    assert found["added"] == pytest.approx(found["value"] - found["base_value"])
    assert found["bound"] >= found["value"] - 1e-9
    assert found["gap"] == pytest.approx((found["bound"] - found["value"]) / (found["bound"] - found["base_value"]))
    assert found["proven"] == (found["status"] == "optimal")


def plans_sites(done, run=None):
    return artefacts.load_table(done.db.settings.runs_folder / (run or done.plan).id, "plan_sites")


def test_no_single_exchange_improves_the_plan(done, people):
    chosen = plans_sites(done)["option_id"].tolist()
    scored = people[3]
    own = scored[scored["option_id"].isin(chosen)]["candidate_id"].tolist()
    free = ~scored["candidate_id"].isin(own) & ~scored["codes"].map(lambda codes: "POWER_SHORT" in codes)
    others = scored.loc[free, "option_id"].tolist()
    best = max(value_of(people, [*(c for c in chosen if c != out), new]) for out in chosen for new in others[::4])
    assert best <= done.plan.result["bound"] + 1e-2
    assert best <= done.plan.result["value"] * (1 + 1e-3)


def test_sites_come_in_build_order_and_their_turns_sum_to_what_the_plan_adds(done):
    sites = plans_sites(done)
    assert sites["order"].tolist() == list(range(1, COUNT + 1))
    assert sites["marginal_in_plan"].sum() == pytest.approx(done.plan.result["added"], abs=1e-2)
    assert sites["marginal_in_plan"].is_monotonic_decreasing
    offices = artefacts.load_table(done.db.settings.runs_folder / done.plan.id, "added_street_office")
    assert offices["added"].sum() == pytest.approx(done.plan.result["added"], abs=1e-2)


def test_at_most_one_option_stands_on_an_asset(done):
    assert plans_sites(done)["candidate_id"].is_unique


def test_a_budget_is_kept_and_nothing_cheap_is_left_out(done, people, solve):
    run = solve(budget_yuan=500_000)
    sites = plans_sites(done, run)
    assert run.result["cost_yuan"] == sites["cost_yuan"].sum() <= 500_000
    assert run.result["value"] == pytest.approx(value_of(people, sites["option_id"]), abs=1e-2)
    assert run.result["bound"] >= run.result["value"]
    assert run.result["limit"] == {"budget_yuan": 500_000}


def test_a_larger_count_never_covers_fewer(done, solve):
    small, large = solve(count=2), solve(count=4)
    assert small.result["value"] <= large.result["value"] <= done.plan.result["value"] + 1e-6
    assert large.result["score"] == done.score.id


def test_points_picked_by_hand_are_in_the_plan_and_count(done, people, solve):
    scored = people[3]
    poor = scored.sort_values("added_persons")["option_id"].head(2).tolist()
    run = solve(count=4, lock=poor)
    sites = plans_sites(done, run)
    assert sites["option_id"].tolist()[:2] == sorted(poor, key=scored["option_id"].tolist().index)
    assert len(sites) == run.result["count"] == 4
    assert run.result["value"] == pytest.approx(value_of(people, sites["option_id"]), abs=1e-2)
    assert run.result["added"] == pytest.approx(run.result["value"] - value_of(people, []), abs=1e-2)


def test_the_cost_of_points_picked_by_hand_counts_towards_the_budget(people, solve):
    scored = people[3]
    pick = scored[scored["state"] == "eligible"].sort_values("cost_yuan").iloc[-1]
    run = solve(budget_yuan=float(pick["cost_yuan"]) + 1.0, lock=[pick["option_id"]])
    assert (run.result["count"], run.result["cost_yuan"]) == (1, pick["cost_yuan"])


@pytest.mark.parametrize(("limit", "words"), [({"count": 1}, "超过数量上限"), ({"budget_yuan": 1000.0}, "超过预算")])
def test_more_picks_than_the_limit_allows_are_refused(done, people, solve, actor, limit, words):
    with pytest.raises(BadInput, match=words):
        solve(lock=people[3]["option_id"].head(2).tolist(), **limit)
    assert runs.latest(done.db, actor, "plan").status == "failed"
    assert words in runs.said(runs.latest(done.db, actor, "plan").message, "zh_CN")


def test_a_pick_that_cannot_be_used_is_refused(done, solve, actor):
    table = candidates.candidates(done.db, actor, done.score.id)
    excluded = table.loc[table["state"] == "excluded", "option_id"].iloc[0]
    with pytest.raises(BadInput, match="不在可用候选中"):
        solve(count=2, lock=[excluded])


@pytest.mark.parametrize("given", [{}, {"count": 2, "target_persons": 5.0}, {"count": 0}, {"count": 2.5}, {"count": -1}, {"budget_yuan": 0.0}, {"budget_yuan": float("nan")}])  # fmt: skip
def test_a_limit_that_is_none_or_of_two_kinds_is_refused(district, given):
    with pytest.raises(BadInput):
        plans.params(district.settings, {"coverage": "c", **given})


def test_unknown_assets_are_used_only_when_admitted(done, solve):
    run = solve(count=3, admit=["unknown"])
    assert run.result["candidates"] > done.plan.result["candidates"]
    assert run.result["added"] > 0
    assert done.score.result["states"]["unknown"] > 0
    assert "unknown" not in set(plans_sites(done)["state"])


def test_building_the_plan_never_lowers_the_level_of_any_unit(done, actor):
    asked = done.coverage.params
    carrier, thresholds = radiotables.networks(done.db)[asked["network"]], radiotables.thresholds(done.db)[asked["profile"]]
    ground = scene.build(done.db, cell_m=asked["cell_m"], mix=asked["mix"])
    new = options.sectors_of(plans.plan(done.db, actor, done.plan.id)["sites"])
    today = scene.sectors(done.db, carrier)
    before, after = (
        radio.coverage(sites, ground.terrain, ground.units, carrier)
        for sites in (today, pd.concat([today, new], ignore_index=True))
    )
    p_before, p_after = radio.probability(before, thresholds), radio.probability(after, thresholds)
    assert (p_after >= p_before - 1e-6).all()
    assert np.nan_to_num(after.rsrp_dbm - before.rsrp_dbm).min() >= -1e-4
    promised = artefacts.load_arrays(done.db.settings.runs_folder / done.plan.id, "after")["p"]
    assert (p_after >= promised - 1e-3).mean() > 0.999  # a single link is traced, the network swept
    assert (p_after > p_before + 0.05).any()


def measured_weak(db, run_id, actor, now):
    """A set of samples that found no signal anywhere outdoors."""
    units = artefacts.load_table(db.settings.runs_folder / run_id, "units")
    places = units.loc[units["floor"] == 0, ["easting_m", "northing_m"]]
    columns = {"floor": 0, "rsrp_dbm": -140.0, "network": "cm-n41", "device_id": "a", "source": "t", "time": None}
    told = {"name": "a", "sha256": "a", "datum": "wgs84", "source": "t", "networks": ("cm-n41",), "rows": len(places)}
    by = {"first_day": "", "last_day": "", "imported_at": now.isoformat(), "actor": actor.id, "org": actor.org}
    samples.write(db, "a", places.assign(**columns))
    with db.write() as connection:
        samples.add(connection, samples.SampleSet(id="a", **told, **by))


def test_a_profile_with_a_rule_of_quality_is_checked_on_the_whole_network_without_measurements_on_either_side(done, actor, now):
    db = done.db
    strict = next(t for t in radiotables.thresholds(db).values() if t.sinr_db is not None)
    measured_weak(db, done.coverage.id, actor, now)
    base = worker.run_now(
        db, actor, "coverage", coverage.params(db, {"network": "cm-n41", "profile": strict.name}), clock=lambda: now
    )
    run = worker.run_now(
        db, actor, "plan", plans.params(db.settings, {"coverage": base.id, "count": 3}), clock=lambda: now
    )
    carrier = radiotables.networks(db)["cm-n41"]
    ground = scene.build(db, cell_m=base.params["cell_m"], mix=base.params["mix"])
    today, new = scene.sectors(db, carrier), options.sectors_of(plans.plan(db, actor, run.id)["sites"])

    def covered(sites):
        found = radio.coverage(sites, ground.terrain, ground.units, carrier, levels_dbm=(strict.rsrp_dbm,))
        return float(demand.gap(ground.units, found, thresholds=strict).total["covered"])

    now_covered, then = covered(today), covered(pd.concat([today, new], ignore_index=True))
    assert base.result["covered"] < 0.99 * now_covered  # the samples count in the run itself
    assert run.result["checked_added"] == pytest.approx(then - now_covered, rel=1e-9)
    kept = planjson.load((done.db.settings.runs_folder / run.id / planfiles.KEPT).read_bytes()).plan
    assert kept.checked_value == run.result["checked_value"]
    assert done.plan.result["checked_added"] is None


def test_cancelling_keeps_the_best_plan_so_far(done, actor, now, solve):
    def stop_the_solver(at):
        latest = runs.latest(done.db, actor, "plan")
        if latest.stage == "run.stage.solve":
            runs.cancel(done.db, actor, latest.id, now=at)

    run = solve(clock=Clock(now, stop_the_solver), count=COUNT)
    assert (run.status, run.result["status"]) == ("done", "cancelled")
    assert run.result["repeatable"] is False
    assert run.result["bound"] >= run.result["value"] > run.result["base_value"]
    assert len(plans_sites(done, run)) == run.result["count"] > 0


def test_cancelling_while_candidates_are_computed_leaves_no_run_open(done, actor, now):
    def stop_early(at):
        latest = runs.latest(done.db, actor, "plan")
        if latest.status == "running" and latest.progress > 0.1:
            runs.cancel(done.db, actor, latest.id, now=at)

    wanted = plans.params(done.db.settings, {"coverage": done.coverage.id, "count": 3, "admit": ["unknown"]})
    clock = Clock(now, stop_early)
    run_id = runs.start(done.db, actor, "plan", wanted, now=clock())
    assert worker.step(done.db, clock=clock)
    assert runs.get(done.db, actor, run_id).status == "cancelled"
    assert [r.status for r in runs.listing(done.db, actor, "score")] == ["cancelled", "done"]


def test_the_same_question_gives_the_same_plan_again(done, solve):
    again = solve(count=COUNT)
    assert plans_sites(done, again)["option_id"].tolist() == plans_sites(done)["option_id"].tolist()
    assert again.result["problem_hash"] == done.plan.result["problem_hash"]
    assert again.result["value"] == done.plan.result["value"]


def test_the_geopackage_opens_in_the_projects_crs_with_what_it_means(done, actor, tmp_path):
    path = file_of(done, actor, "gpkg", tmp_path)
    assert {"plan_sites", "plan_sectors", "about"} <= set(pyogrio.list_layers(path)[:, 0])
    sites = gpd.read_file(path, layer="plan_sites")
    assert sites.crs.to_epsg() == 4548
    assert sites["option_id"].tolist() == plans_sites(done)["option_id"].tolist()
    assert sites.geometry.x.to_numpy() == pytest.approx(plans_sites(done)["easting_m"].to_numpy())
    assert set(sites["measure"]) == {"persons"}
    sectors = gpd.read_file(path, layer="plan_sectors")
    assert len(sectors) == plans_sites(done)["azimuths"].map(len).sum()
    about = pyogrio.read_dataframe(path, layer="about").set_index("name")["value"]
    assert about["calibrated"] == "False"
    assert float(about["bound"]) == done.plan.result["bound"]
    assert about["nature"] == "pre-check, not a permit"


def test_the_geojson_states_its_datum_and_its_points_are_where_the_sites_are(done, actor, tmp_path):
    document = json.loads(file_of(done, actor, "geojson", tmp_path).read_text(encoding="utf-8"))
    assert document["datum"].startswith("CGCS2000")
    assert "crs" not in document
    back = crs.to_project(
        gpd.GeoDataFrame.from_features(document["features"]), datum="cgcs2000", crs=done.db.settings.crs
    )
    sites = plans_sites(done)
    assert back.geometry.x.to_numpy() == pytest.approx(sites["easting_m"].to_numpy(), abs=1e-3)
    assert back.geometry.y.to_numpy() == pytest.approx(sites["northing_m"].to_numpy(), abs=1e-3)
    assert [f["properties"]["name"] for f in document["features"]] == sites["name"].tolist()
    assert set(sites["name"]) <= CANARIES


def test_the_task_list_has_the_agreed_headings_and_no_live_cell(done, actor, tmp_path):
    book = openpyxl.load_workbook(file_of(done, actor, "xlsx", tmp_path))
    tasks, about, *_ = book.worksheets
    heads = [cell.value for cell in tasks[1]]
    assert [h for h in HEADINGS if not any(str(head).startswith(h) for head in heads)] == []
    kinds = {cell.data_type for page in book for row in page.iter_rows() for cell in row}
    assert kinds <= {"s", "n"}
    names = [row[heads.index("站点")].value for row in tasks.iter_rows(min_row=2)]
    assert names == plans_sites(done)["name"].tolist()
    people = [row[heads.index("新增覆盖人口（按建设次序）")].value for row in tasks.iter_rows(min_row=2)]
    assert sum(people) == pytest.approx(done.plan.result["added"], abs=0.05 * COUNT)
    notes = {row[0].value: row[1].value for row in about.iter_rows(min_row=2)}
    assert notes["模型校准"] == "未校准"
    assert notes["性质"] == "预评估，不是许可"
    assert notes["方案编号"] == done.plan.id


def test_the_task_list_is_there_in_english_too(done, actor):
    _, data = plans.export(done.db, actor, done.plan.id, kind="xlsx", lang="en")
    heads = [cell.value for cell in openpyxl.load_workbook(io.BytesIO(data)).worksheets[0][1]]
    assert not re.search("[一-鿿]", "".join(heads))


def test_the_map_fetches_nothing_and_holds_names_only_as_data(done, actor, tmp_path):
    page = file_of(done, actor, "html", tmp_path).read_text(encoding="utf-8")
    assert LEAFLET in page
    page = page.replace(LEAFLET, "")
    assert not re.search(r"""(src|href|action)\s*=\s*["']?\s*(https?:)?//""", page, re.IGNORECASE)
    assert not re.search(r"url\(\s*['\"]?(https?:)?//|@import|fetch\(|XMLHttpRequest|importScripts", page)
    # nothing of the names stands raw; each is there once per site, with its signs written as JSON escapes
    raw = [name for name in CANARIES if re.search(r"[<{$]", name) and name in page]
    assert raw == []
    for name in set(plans_sites(done)["name"]) - {"=1+1", "@SUM(1)"}:
        escaped = "".join(f"\\u{ord(c):04x}" if c in "<>&{}$`'%#" else c for c in name)
        assert escaped in page
    assert "未校准" in page


def test_an_unknown_kind_of_file_is_refused(done, actor, tmp_path):
    with pytest.raises(BadInput, match="exe"):
        plans.export(done.db, actor, done.plan.id, kind="exe")
    with pytest.raises(BadInput, match="pdf"):
        plans.write(done.db, actor, done.plan.id, tmp_path / "x.pdf")
    assert list(tmp_path.glob("x.*")) == []


def test_a_written_plan_lies_beside_itself_in_the_other_kinds(done, actor, tmp_path):
    paths = plans.write(done.db, actor, done.plan.id, tmp_path / "x.html")
    assert {p.name for p in paths} == {"x.html", "x.gpkg", "x.geojson", "x.xlsx"} == {p.name for p in tmp_path.glob("x.*")}  # fmt: skip


def test_scored_and_excluded_candidates_are_written_apart_with_reasons(done, actor, tmp_path):
    candidates.write(done.db, actor, done.score.id, tmp_path / "s.gpkg")
    scored = gpd.read_file(tmp_path / "s.gpkg", layer="candidates")
    rest = gpd.read_file(tmp_path / "s.gpkg", layer="candidates_excluded")
    assert (len(scored), len(rest)) == (done.score.result["scored"], done.score.result["offered"] - len(scored))
    assert rest["message"].str.len().gt(0).all()
    assert scored.crs.to_epsg() == 4548


def test_a_district_nobody_may_build_in_is_said_to_have_no_candidate(district, actor, now):
    frame = layers.read(district, "assets")
    with district.write() as connection:
        layers.upsert(connection, "assets", frame.assign(open_status="not_open"), provenance={}, now=now)
    base = worker.run_now(district, actor, "coverage", coverage.params(district, {}), clock=lambda: now)
    with pytest.raises(BadInput, match="没有可用的"):
        worker.run_now(district, actor, "score", candidates.params(base.id, admit_unknown=False), clock=lambda: now)


def test_somebody_without_the_permission_sees_and_exports_nothing(done, tmp_path):
    for forbidden in (
        lambda: plans.plan(done.db, AUDITOR, done.plan.id),
        lambda: plans.candidates(done.db, AUDITOR, done.score.id),
        lambda: plans.export(done.db, AUDITOR, done.plan.id, kind="xlsx"),
        lambda: candidates.write(done.db, AUDITOR, done.score.id, tmp_path / "s.gpkg"),
    ):
        with pytest.raises(NotAllowed):
            forbidden()
