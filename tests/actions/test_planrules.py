"""Every rule of a planning question, end to end on the small sample: held against what stands in the files of the runs."""

import itertools
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from siting.actions import candidates, effects, planparams, plans, question, radiotables, runs, scene, worker
from siting.errors import BadInput, NotSolved
from siting.plan.zones import zones
from siting.store import artefacts, layers
from siting.store import runs as run_rows


class Clock:
    def __init__(self, now):
        self.now = now

    def __call__(self):
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def solve(done, actor, now):
    """Solve a plan on the same coverage, near enough to the best one; the run and its frames."""
    clock = Clock(now)

    def run(**given):
        wanted = plans.params(done.db.settings, {"coverage": done.coverage.id, "kicks": 5, "gap": 0.1, **given})
        made = worker.run_now(done.db, actor, "plan", wanted, clock=clock)
        return made, plans.plan(done.db, actor, made.id)

    return run


@pytest.fixture
def scored(done):
    return artefacts.load_table(done.db.settings.runs_folder / done.score.id, "scored")


def nearest_m(sites) -> float:
    xy = sites[["easting_m", "northing_m"]].to_numpy()
    return min(float(np.hypot(*(a - b))) for a, b in itertools.combinations(xy, 2))


def existing_m(db, run, sites) -> float:
    """Distance of the nearest site on air of the run's networks [m]."""
    names = run.params.get("networks") or [run.params["network"]]
    own = pd.concat([scene.sectors(db, radiotables.networks(db)[name]) for name in names])
    there = own[["easting_m", "northing_m"]].to_numpy()
    return min(float(np.hypot(*(there - xy).T).min()) for xy in sites[["easting_m", "northing_m"]].to_numpy())


def test_no_two_sites_stand_nearer_than_the_spacing_nor_nearer_to_a_site_on_air(done, solve, actor):
    free = plans.plan(done.db, actor, done.plan.id)
    assert nearest_m(free["sites"]) < 150
    run, found = solve(count=4, rules={"min_spacing_m": 150, "spacing_by": "all"})
    assert run.result["count"] >= 2
    assert nearest_m(found["sites"]) >= 150
    assert existing_m(done.db, done.coverage, found["sites"]) >= 150
    assert run.result["value"] <= done.plan.result["bound"]
    line = found["rules"].query("kind == 'spacing'")
    assert "150" in line["message"].iloc[0]
    assert "too_close_to_own_site" in set(found["excluded"]["code"])


def test_quotas_hold_when_counted_by_hand(solve, done, scored, actor):
    sites = plans.plan(done.db, actor, done.plan.id)["sites"]
    office = sites["street_office"].value_counts().index[0]
    kind = sites["class"].value_counts().index[0]
    other = next(c for c in scored["class"].unique() if c != kind)
    owner = sites["owner_org"].value_counts().index[0]
    quotas = [
        {"by": "street_office", "value": office, "at_most": 2},
        {"by": "class", "value": other, "at_least": 2},
        f"owner_org:{owner}<=1",
    ]
    run, found = solve(count=4, rules={"quotas": quotas})
    chosen = found["sites"]
    assert (chosen["street_office"] == office).sum() <= 2
    assert (chosen["class"] == other).sum() >= 2
    assert (chosen["owner_org"] == owner).sum() <= 1
    assert len(chosen) == 4
    table = found["rules"].set_index("rule")
    assert table.loc[f"quota:class:{other}", "activity"] == (chosen["class"] == other).sum()
    assert bool(table.loc[f"quota:street_office:{office}", "binds"]) == ((chosen["street_office"] == office).sum() == 2)
    assert office in table.loc[f"quota:street_office:{office}", "message"]
    assert run.params["rules"]["quotas"][2] == {"by": "owner_org", "value": owner, "at_most": 1.0}


def test_a_quota_by_zone_counts_places_by_what_the_present_network_gives_there(done, solve, scored):
    units = artefacts.load_table(done.db.settings.runs_folder / done.coverage.id, "units")
    outdoors = units[units["floor"] == 0]
    cells, present = outdoors[["easting_m", "northing_m"]].to_numpy(), outdoors["present"].to_numpy(float)

    def zone_of(xy):
        p = present[np.argmin(np.hypot(*(cells - xy).T))]
        return "gap" if p < 0.9 else "surplus" if p >= 0.99 else "normal"

    places = scored[["easting_m", "northing_m"]].drop_duplicates().to_numpy()
    where = pd.Series([zone_of(xy) for xy in places]).value_counts()
    most = where.index[0]
    _, found = solve(count=4, rules={"quotas": [f"zone:{most}<=1", f"zone:{most}>=1"]})
    ours = [zone_of(xy) for xy in found["sites"][["easting_m", "northing_m"]].to_numpy()]
    assert ours.count(most) == 1
    assert found["sites"]["zone"].tolist() == ours
    for empty in {"gap", "normal", "surplus"} - set(where.index):
        assert solve(count=2, kicks=0, rules={"quotas": [f"zone:{empty}<=1"]})[0].result["count"] == 2
        with pytest.raises(NotSolved):
            solve(count=2, rules={"quotas": [f"zone:{empty}>=1"]})


def test_zones_need_no_cells():
    assert zones(np.zeros((2, 2)), np.zeros((0, 2)), np.zeros(0), cell_probability=0.9).tolist() == ["gap", "gap"]


def test_a_quota_by_operator_charges_each_of_several_a_share(done, solve, scored):
    served = scored["operators"].iloc[0]
    run, _ = solve(count=4, rules={"quotas": [{"by": "operator", "value": served[0], "at_most": 1}]})
    assert run.result["count"] <= len(served)


def coverable(done, scored):
    """A venue with a key point that is not covered and that options can cover, and which these are."""
    folder = done.db.settings.runs_folder
    units = artefacts.load_table(folder / done.coverage.id, "units")
    reach = artefacts.load_matrix(folder / done.score.id, "reach").tocsr()
    good = reach.max(axis=1).todense()
    good = np.asarray(good).ravel() >= 0.9
    open_ = (units["present"] < 0.9).to_numpy()
    by = pd.DataFrame({"venue": units["venue"].astype(object), "open": open_, "can": good | ~open_}).dropna()
    return by.groupby("venue").agg(open=("open", "sum"), can=("can", "all"))


def test_a_required_venue_is_covered_or_the_plan_says_that_nothing_can(done, solve, scored, actor):
    sums = coverable(done, scored)
    need = sums[sums["open"] > 0]
    assert len(need)
    names = layers.read(done.db, "venues", columns=["name"]).set_index("venue_id")["name"]
    for venue in need.index[need["can"]][:1]:
        _, found = solve(count=30, rules={"required_venues": [venue]})
        folder = done.db.settings.runs_folder
        units = artefacts.load_table(folder / done.coverage.id, "units")
        reach = artefacts.load_matrix(folder / done.score.id, "reach").tocsr()
        mine = np.flatnonzero(scored["option_id"].isin(found["sites"]["option_id"]))
        points = np.flatnonzero((units["venue"].astype(object) == venue) & (units["present"] < 0.9))
        assert (reach[points][:, mine].max(axis=1).todense() >= 0.9 - 1e-6).all()
    for venue in need.index[~need["can"]][:1]:
        with pytest.raises(NotSolved, match=str(names[venue])):
            solve(count=30, rules={"required_venues": [str(names[venue])]})


def test_rules_that_clash_are_named_in_sentences(solve, scored):
    office = scored["street_office"].iloc[0]
    with pytest.raises(NotSolved) as caught:
        solve(count=2, rules={"quotas": [f"street_office:{office}>=3"]})
    told = caught.value.message()
    assert "新站点不超过 2 个" in told
    assert f"街道“{office}”不少于 3 个" in told
    assert "at most 2 new sites" in caught.value.message("en")
    assert "quota:" not in told


def test_a_spacing_that_leaves_no_point_for_a_quota_is_named_beside_it(solve, scored):
    rules = {"quotas": [f"street_office:{scored['street_office'].iloc[0]}>=1"], "min_spacing_m": 5000}
    with pytest.raises(NotSolved) as caught:
        solve(count=2, rules=rules)
    assert "与现网站点间距不小于 5000 米" in caught.value.message()
    assert "at least 5000 m from sites on air" in caught.value.message("en")


def test_a_rule_that_nothing_can_meet_is_not_told_as_one_of_several(solve, scored):
    office = scored["street_office"].iloc[0]
    with pytest.raises(NotSolved, match="没有方案能满足：街道") as caught:
        solve(count=500, rules={"quotas": [f"street_office:{office}>=499"]})
    assert "同时" not in caught.value.message()


def test_a_forbidden_candidate_is_not_chosen_and_stands_among_the_reasons(done, solve, actor):
    first = plans.plan(done.db, actor, done.plan.id)["sites"].iloc[0]
    run, found = solve(count=5, forbid=[first["candidate_id"]])
    assert first["candidate_id"] not in set(found["sites"]["candidate_id"])
    assert run.result["value"] <= done.plan.result["value"] + 1e-6
    left = found["excluded"].set_index("code")["options"]
    assert left["forbidden_by_hand"] >= 1
    assert found["excluded"]["reason"].str.len().gt(0).all()
    with pytest.raises(BadInput, match="不在可用候选中"):
        solve(count=2, forbid=["nobody"])


def test_count_and_budget_hold_together(solve):
    run, found = solve(count=3, budget_yuan=100_000)
    assert len(found["sites"]) <= 3
    assert found["sites"]["cost_yuan"].sum() <= 100_000
    assert run.result["limit"] == {"count": 3, "budget_yuan": 100_000}


def test_binary_mode_counts_the_people_of_units_that_pass(done, solve, scored):
    run, found = solve(count=3, mode="binary")
    folder = done.db.settings.runs_folder
    units = artefacts.load_table(folder / done.coverage.id, "units")
    reach = artefacts.load_matrix(folder / done.score.id, "reach")
    columns = np.flatnonzero(scored["option_id"].isin(found["sites"]["option_id"]))
    people = (units["persons"] - units["unknown"]).to_numpy()
    best = np.maximum(units["present"], np.asarray(reach[:, columns].max(axis=1).todense()).ravel())
    assert run.result["value"] == pytest.approx(people[best >= 0.9].sum(), rel=1e-6)
    assert run.result["base_value"] == pytest.approx(people[units["present"] >= 0.9].sum(), rel=1e-6)
    expected = people @ best - people @ units["present"]
    assert run.result["expected_added"] == pytest.approx(expected, rel=1e-5)


def with_columns(done, **columns):
    """Give the scored options further columns, as a score run would."""
    folder = done.db.settings.runs_folder / done.score.id
    table = artefacts.load_table(folder, "scored")
    artefacts.save_table(folder, "scored", table.assign(**{name: make(table) for name, make in columns.items()}))
    return artefacts.load_table(folder, "scored")


def test_permission_counts_as_an_expected_value(done, solve):
    with_columns(done, permission=lambda table: np.where(table["class"] == table["class"].iloc[0], 0.5, 0.25))
    run, found = solve(count=1, use_permission=True, gap=0.0)
    folder = done.db.settings.runs_folder
    units = artefacts.load_table(folder / done.coverage.id, "units")
    reach = artefacts.load_matrix(folder / done.score.id, "reach")
    table = artefacts.load_table(folder / done.score.id, "scored")
    people, present = (units["persons"] - units["unknown"]).to_numpy(), units["present"].to_numpy(float)
    gains = [
        people @ np.maximum(0, table["permission"].iloc[j] * reach[:, [j]].toarray().ravel() - present)
        for j in np.argsort(-table["added_persons"].to_numpy())[:40]
    ]
    assert run.result["added"] == pytest.approx(max(gains), rel=1e-5)
    assert found["sites"]["permission"].iloc[0] in (0.25, 0.5)


def test_a_candidate_without_permission_is_left_out_with_the_reason(done, solve, actor):
    first = plans.plan(done.db, actor, done.plan.id)["sites"].iloc[0]
    with_columns(done, permission=lambda t: np.where(t["candidate_id"] == first["candidate_id"], np.nan, 0.5))
    _, found = solve(count=3, use_permission=True)
    assert first["candidate_id"] not in set(found["sites"]["candidate_id"])
    assert "permission_unknown" in set(found["excluded"]["code"])


def test_fibre_counts_as_cost_and_what_has_none_is_left_out_with_the_reason(done, solve, actor):
    first = plans.plan(done.db, actor, done.plan.id)["sites"].iloc[0]
    table = with_columns(
        done, fibre_cost_yuan=lambda t: np.where(t["candidate_id"] == first["candidate_id"], np.nan, 50_000.0)
    )
    run, found = solve(budget_yuan=250_000, fibre_in_cost=True)
    own = table.set_index("option_id").loc[found["sites"]["option_id"]]
    assert run.result["cost_yuan"] == pytest.approx((own["cost_yuan"] + own["fibre_cost_yuan"]).sum())
    assert run.result["cost_yuan"] <= 250_000
    assert found["sites"]["site_cost_yuan"].tolist() == own["cost_yuan"].tolist()
    assert first["candidate_id"] not in set(found["sites"]["candidate_id"])
    assert "fibre_unreached" in set(found["excluded"]["code"])
    with pytest.raises(BadInput, match="没有以元计"):
        solve(budget_yuan=250_000, fibre_in_cost=True, lock=[first["option_id"]])


def test_fibre_without_a_price_is_no_cost_of_a_yuan_plan(done, solve):
    with_columns(done, fibre_cost_yuan=lambda t: np.full(len(t), np.nan))
    with pytest.raises(BadInput, match="光缆"):
        solve(budget_yuan=250_000, fibre_in_cost=True)


def test_a_larger_budget_starts_from_the_best_stored_plan_and_never_covers_fewer(solve):
    values, starts = [], []
    for budget in (70_000, 100_000, 135_000):
        run, _ = solve(budget_yuan=budget, kicks=0, gap=0.2)
        values.append(run.result["value"])
        starts.append(run.result["start"])
    assert values == sorted(values)
    assert starts[0] == ""
    assert all(starts[1:])


def test_a_plan_is_a_start_only_for_the_same_question(solve):
    first, _ = solve(budget_yuan=70_000, gap=0.2)
    other, _ = solve(budget_yuan=100_000, mode="binary", gap=0.2)
    named, _ = solve(budget_yuan=100_000, mode="binary", gap=0.2, start=first.id)
    assert other.result["start"] == ""
    assert named.result["start"] in ("", first.id)
    with pytest.raises(BadInput):
        solve(count=2, start=first.result["score"])


def test_a_start_that_breaks_the_limits_is_said_not_to_be_used(done, solve):
    run, found = solve(count=2, start=done.plan.id)
    assert run.result["count"] == 2
    assert run.result["start"] == ""
    assert run.result["findings"] == {"plan_start_unusable": 1}
    assert done.plan.id in found["told"]["message"].iloc[0]


def test_the_same_question_gives_the_same_plan_twice(solve):
    asked = {"count": 3, "rules": {"min_spacing_m": 100}, "seed": 3}
    (one, first), (two, second) = solve(**asked), solve(**asked)
    assert first["sites"]["option_id"].tolist() == second["sites"]["option_id"].tolist()
    assert one.result["problem_hash"] == two.result["problem_hash"]
    assert one.result["value"] == two.result["value"]


def test_the_frames_of_a_plan_add_up(done, actor):
    found = plans.plan(done.db, actor, done.plan.id)
    added = done.plan.result["added"]
    for name in ("street_offices", "operators"):
        assert found[name]["added"].sum() == pytest.approx(added, abs=1e-2)
    assert found["marginals"]["added_persons"].sum() == pytest.approx(added, abs=1e-2)
    assert found["curve"]["value"].is_monotonic_increasing
    count = found["rules"].set_index("rule").loc["count"]
    assert (count["activity"], count["at_most"], bool(count["binds"])) == (5, 5, True)
    rests = done.plan.result["rests_on"]
    assert (rests["coverage"], rests["score"]) == (done.coverage.id, done.score.id)
    assert sum(rests["operators"].values()) == pytest.approx(1.0, abs=1e-5)
    assert set(found["conditions"]["option_id"]) <= set(found["sites"]["option_id"])
    assert set(found["sites"]["emf"]) <= {"power_exempt", "passed_precheck", "needs_assessment", "exceeds_precheck"}


def test_a_plan_rests_on_the_coverage_of_its_own_demand(done, actor, now):
    wanted = plans.params(done.db.settings, {"coverage_params": {"mix": "day"}, "count": 2, "kicks": 0})
    run = worker.run_now(done.db, actor, "plan", wanted, clock=Clock(now))
    base = runs.get(done.db, actor, run.result["coverage"])
    assert (base.params["mix"], base.status) == ("day", "done")
    assert run.params["coverage"] == base.id != done.coverage.id
    assert run.operators == base.operators
    again = plans.params(done.db.settings, {"coverage_params": {"mix": "night"}, "count": 2, "kicks": 0})
    assert worker.run_now(done.db, actor, "plan", again, clock=Clock(now)).result["coverage"] == done.coverage.id


def test_parameters_of_an_earlier_version_are_still_read(done, actor):
    old = {"coverage": done.coverage.id, "admit": [], "lock": [], "count": 5, "gap": 0.02, "time_limit_s": 7.0, "seed": 4}
    read = plans.params(done.db.settings, old)
    assert {name: read[name] for name in old} == old
    assert plans.params(done.db.settings, read) == read
    asks = question.posed(done.db, actor, read, done.score.id, held=effects.current(done.db, actor))
    assert asks.problem.digest() == done.plan.result["problem_hash"]


def test_parameters_survive_being_asked_again(done):
    given = {
        "coverage": "c", "budget_yuan": 5e6, "mode": "binary", "use_permission": True, "fibre_in_cost": True, "forbid": ["x"],
        "rules": {"min_spacing_m": 200, "quotas": ["operator:cmcc>=2"], "required_venues": ["v"]}, "gap": 0.05, "seed": 9,
        "kicks": 3, "start": "s", "time_limit_s": 5,
    }  # fmt: skip
    once = plans.params(done.db.settings, given)
    assert plans.params(done.db.settings, once) == once
    assert (once["gap"], once["seed"], once["kicks"], once["rules"]["min_spacing_m"]) == (0.05, 9, 3, 200.0)


def test_all_that_is_wrong_is_told_at_once(done):
    given = {
        "coverage": "c", "count": 0, "mode": "both", "gap": 2, "seed": -1, "lock": ["a"], "forbid": ["a"], "admit": ["all"],
        "rules": {"min_spacing_m": -5, "quotas": ["nonsense", {"by": "colour", "value": "red", "at_most": 1}], "colour": 1},
    }  # fmt: skip
    with pytest.raises(BadInput) as caught:
        plans.params(done.db.settings, given)
    told = caught.value.message()
    for part in ("数量上限 0", "both", "间隙 2", "seed", "既选定又禁用", "all", "间距 -5", "nonsense", "colour:red", "colour"):
        assert part in told
    assert "10" in told.split("处")[0]


@pytest.mark.parametrize(
    ("text", "quota"),
    [
        ("street_office:长虹街道<=3", {"by": "street_office", "value": "长虹街道", "at_most": 3.0}),
        ("operator:cmcc>=2", {"by": "operator", "value": "cmcc", "at_least": 2.0}),
        ("owner_org:甲<=乙公司<=1", {"by": "owner_org", "value": "甲<=乙公司", "at_most": 1.0}),
    ],
)
def test_a_quota_is_read_as_people_write_it(text, quota):
    assert planparams.quota_of(text) == quota
    assert planparams.quota_text(quota) == [text]


def test_an_agreed_point_that_is_no_option_is_told(done, actor, scored, monkeypatch):
    held = pd.DataFrame([("nowhere", "PP-1", "locked", "", "")], columns=list(effects.COLUMNS))
    asked = plans.params(done.db.settings, {"coverage": done.coverage.id, "count": 2})
    asks = question.posed(done.db, actor, asked, done.score.id, held=held)
    assert [(f.code, f.value) for f in asks.findings] == [("plan_agreed_absent", "nowhere")]
    assert "PP-1" in asks.findings[0].message


def test_a_picked_candidate_stands_for_its_best_option(solve, scored):
    last = scored.drop_duplicates("candidate_id").iloc[-1]
    _, found = solve(count=2, lock=[last["candidate_id"]])
    assert last["option_id"] in set(found["sites"]["option_id"])


def test_a_stopped_plan_is_kept_without_the_last_checks(done, actor, now):
    class Stopper(Clock):
        def __call__(self):
            latest = runs.latest(done.db, actor, "plan")
            if latest.stage == "run.stage.solve":
                run_rows.request_cancel(done.db, latest.id, now=self.now)
            return super().__call__()

    wanted = plans.params(done.db.settings, {"coverage": done.coverage.id, "count": 5})
    run = worker.run_now(done.db, actor, "plan", wanted, clock=Stopper(now))
    assert (run.status, run.result["status"], run.result["checked_value"]) == ("done", "cancelled", None)
    assert candidates.standing(done.db, actor, candidates.params(done.coverage.id, admit_unknown=False)) is not None


def test_every_operator_is_covered_by_its_own_network_and_counts_by_its_share(done, actor, now):
    asked = {"coverage_params": {"networks": ["ctcu-n78-a", "cm-n41"], "cell_m": 50}, "count": 2, "kicks": 0, "gap": 0.2}
    wanted = plans.params(done.db.settings, asked)
    run = worker.run_now(done.db, actor, "plan", wanted, clock=Clock(now))
    base = candidates.base_of(done.db, actor, run.result["coverage"])
    reach = candidates.reaches(done.db, run.result["score"])
    table = artefacts.load_table(done.db.settings.runs_folder / run.result["score"], "scored")
    sites = plans.plan(done.db, actor, run.id)["sites"]
    columns = np.flatnonzero(table["option_id"].isin(sites["option_id"]))
    people, value = base.units["persons"].to_numpy(), 0.0
    for name, present in base.presents.items():
        best = np.maximum(present, reach[name][:, columns].toarray().max(axis=1))
        value += people @ best / len(base.presents)
    assert len(base.presents) > 2
    assert run.result["value"] == pytest.approx(value, rel=1e-5)
    assert sum(run.result["rests_on"]["operators"].values()) == pytest.approx(1.0, abs=1e-5)
    assert set(run.operators.split()) <= set(base.presents)
    found = plans.plan(done.db, actor, run.id)["operators"]
    assert found["added"].sum() == pytest.approx(run.result["added"], abs=1e-2)
