"""Problem points and planning: what a block does to candidates and plans, what it costs, what could stand in."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from siting.access import Actor
from siting.actions import candidates, cases, effects, plans, question, runs, unblocking, worker
from siting.errors import BadInput, NotAllowed, NotFound
from siting.plan import solve
from siting.plan.problem import with_changes
from siting.store import artefacts, case_values, journal, layers

CTC = Actor(id="ctc", name="ctc", org="中国电信股份有限公司天津分公司", role="operator", operator="ctc")
CMCC = Actor(id="cmcc", name="cmcc", org="中国移动通信集团天津有限公司", role="operator", operator="cmcc")
PLANNER = Actor(id="plan", name="plan", org="南开区商务局", role="planner")
BUREAU = Actor(id="lead", name="lead", org="南开区商务局", role="coordinator")


def blocked(db, site_ref, now, *, by=CTC, need="N-1"):
    """A problem point at a place, as an operator reports it."""
    given = {
        "title": "业主不同意",
        "kind": "new_blocked",
        "site_ref": site_ref,
        "requested_action": "请协调",
        "reason_code": "owner.refuses",
        "source": "operator",
        "street_office": "长虹街道",
        "needs": [{"operator": by.operator, "need_no": need}],
    }
    return cases.report(db, by, given, now=now)


@pytest.fixture
def agreed(monkeypatch):
    """Make the points of some cases agreed, whatever their facts say."""
    seen = cases.effects
    numbers = set()

    def effects_now(db, actor=None):
        found = seen(db, actor)
        return found.assign(effect=found["effect"].mask(found["case_no"].isin(numbers), "locked"))

    monkeypatch.setattr(cases, "effects", effects_now)
    return numbers.add


def planned(done, actor, now, **given):
    wanted = plans.params(done.db.settings, {"coverage": done.coverage.id, "count": 5, **given})
    run = worker.run_now(done.db, actor, "plan", wanted, clock=lambda: now)
    return plans.plan(done.db, actor, run.id)


def chosen_sites(done, actor):
    return plans.plan(done.db, actor, done.plan.id)["sites"]


def test_a_blocked_point_of_a_plan_is_valued_by_the_worker_and_listed(done, actor, now):
    site = chosen_sites(done, actor).iloc[0]
    case = blocked(done.db, site["candidate_id"], now)
    assert list(unblocking.values(done.db, CTC)["why"]) == ["never"]
    assert worker.step(done.db, clock=lambda: now)
    line = unblocking.values(done.db, CTC).iloc[0]
    assert (line["case_id"], line["why"], line["stale"]) == (case.id, "", False)
    assert 0 <= line["people_low"] <= line["value"] <= line["people_high"]
    found = unblocking.value_of(done.db, CTC, case.id)
    assert (found.value, found.plan_run, found.profile) == (line["value"], done.plan.id, "weak-110")
    assert journal.verify(done.db)[case_values.STREAM].ok
    told = journal.recent(done.db, kind=case_values.STREAM)[0]["payload"]
    assert float(told["value"]) == line["value"]
    assert not worker.step(done.db, clock=lambda: now)


def test_the_value_is_the_difference_of_the_two_best_plans(done, actor, now):
    asked = plans.params(done.db.settings, done.plan.params)
    nothing = effects.current(done.db, None)
    asks = question.posed(done.db, actor, asked, done.score.id, held=nothing)
    free = solve(asks.problem, gap=0.0)
    site = chosen_sites(done, actor).iloc[0]
    without = solve(with_changes(asks.problem, forbid=[site["option_id"]]), gap=0.0)
    assert (free.status, without.status) == ("optimal", "optimal")
    blocked(done.db, site["candidate_id"], now)
    worker.step(done.db, clock=lambda: now)
    line = unblocking.values(done.db, CTC).iloc[0]
    assert line["people_low"] - 1e-6 <= free.value - without.value <= line["people_high"] + 1e-6


def test_a_block_takes_effect_at_once_without_a_new_score(done, actor, now):
    site = chosen_sites(done, actor).iloc[0]
    case = blocked(done.db, site["candidate_id"], now)
    shown = candidates.candidates(done.db, actor, done.score.id).set_index("option_id").loc[site["option_id"]]
    assert (shown["state"], shown["effect"], shown["case_no"]) == ("blocked", "forbidden", case.record["pp_no"])
    assert "open_problem_point" in shown["codes"]
    assert case.record["pp_no"] in shown["message"]
    again = planned(done, actor, now)
    assert again["score"] == done.score.id
    assert site["candidate_id"] not in set(again["sites"]["candidate_id"])
    assert again["count"] == 5


@pytest.mark.parametrize("limit", [{"count": 5}, {"count": None, "budget_yuan": 400_000.0}], ids=["count", "budget"])
def test_an_agreed_point_is_always_in_the_plan_and_outside_its_limits(done, actor, now, agreed, limit):
    scored = candidates.candidates(done.db, actor, done.score.id)
    idle = scored[
        scored["rank"].notna() & ~scored["candidate_id"].isin(chosen_sites(done, actor)["candidate_id"])
    ].iloc[-1]
    case = blocked(done.db, idle["candidate_id"], now)
    agreed(case.record["pp_no"])
    plan = planned(done, actor, now, **limit)
    own = plan["sites"].set_index("option_id").loc[idle["option_id"]]
    assert (own["effect"], own["order"]) == ("locked", 0)
    assert case.record["pp_no"] in own["message"]
    new = plan["sites"][plan["sites"]["effect"] == ""]
    assert plan["agreed"] == 1
    assert plan["count"] == len(new) == new["order"].max()
    assert plan["cost_yuan"] == pytest.approx(new["cost_yuan"].sum())
    assert len(new) == 5 if limit["count"] else new["cost_yuan"].sum() <= limit["budget_yuan"]
    base = candidates.base_of(done.db, actor, done.coverage.id)
    people, present = base.units["persons"].to_numpy(), base.units["present"].to_numpy()
    reach = artefacts.load_matrix(runs.folder(done.db, done.score.id), "reach")
    names = artefacts.load_table(runs.folder(done.db, done.score.id), "scored")["option_id"].tolist()
    held = reach[:, [names.index(idle["option_id"])]].toarray().ravel()
    assert plan["base_value"] == pytest.approx(people @ np.maximum(present, held))
    best = reach[:, [names.index(name) for name in new["option_id"]]].toarray().max(axis=1)
    everything = people @ np.maximum.reduce([present, held, best])
    assert plan["added"] == pytest.approx(everything - plan["base_value"])


def test_an_agreed_point_whose_own_slot_is_taken_breaks_no_rule(done, actor, now, agreed):
    site = chosen_sites(done, actor).iloc[0]
    case = blocked(done.db, site["candidate_id"], now)
    agreed(case.record["pp_no"])
    frame = layers.read(done.db, "assets")
    mine = frame["asset_id"] == site["candidate_id"]
    frame.loc[mine, ["slots_total", "slots_taken"]] = [1, 1]
    asked = plans.params(done.db.settings, done.plan.params)
    with done.db.write() as connection:
        layers.upsert(connection, "assets", frame[mine], provenance={"source_name": "test"}, now=now)
    asks = question.posed(done.db, actor, asked, done.score.id, held=effects.current(done.db, None))
    found = solve(asks.problem)
    assert asks.problem.locked.sum() == 1
    assert len(found.chosen) == 5


def test_a_point_picked_by_hand_that_is_blocked_is_refused_by_name_and_an_agreed_one_counts_for_nothing(
    done, actor, now, agreed
):
    site = chosen_sites(done, actor).iloc[0]
    case = blocked(done.db, site["candidate_id"], now)
    with pytest.raises(BadInput, match=case.record["pp_no"]):
        planned(done, actor, now, lock=[site["option_id"]])
    agreed(case.record["pp_no"])
    plan = planned(done, actor, now, lock=[site["option_id"]])
    assert (plan["agreed"], plan["count"]) == (1, 5)


def test_an_operator_plans_without_the_problem_points_of_others(done, actor, now):
    site = chosen_sites(done, actor).iloc[0]
    case = blocked(done.db, site["candidate_id"], now, by=CMCC)
    mine = planned(done, CTC, now)
    text = mine["sites"].drop(columns="geometry").to_csv()
    assert site["candidate_id"] in set(mine["sites"]["candidate_id"])
    assert case.record["pp_no"] not in text
    shown = candidates.candidates(done.db, CTC, mine["score"])
    assert set(shown["case_no"]) == {""}
    assert unblocking.values(done.db, CTC).empty
    with pytest.raises(NotFound):
        unblocking.value_of(done.db, CTC, case.id)
    with pytest.raises(NotFound):
        unblocking.substitutes(done.db, CTC, case.id)


def test_substitutes_are_what_the_plan_takes_instead_then_neighbours_by_the_people_they_bring_back(done, actor, now):
    sites = chosen_sites(done, actor)
    site = sites.iloc[0]
    case = blocked(done.db, site["candidate_id"], now)
    assert unblocking.substitutes(done.db, CTC, case.id).empty
    worker.step(done.db, clock=lambda: now)
    found = unblocking.substitutes(done.db, CTC, case.id, limit=50)
    record = case_values.listing(done.db, viewer=actor, case_id=case.id)[0]["record"]
    assert set(found[found["in_plan"]]["option_id"]) == set(record["substitutes"])
    assert found["in_plan"].is_monotonic_decreasing
    rest = found[~found["in_plan"]]
    assert rest["added_people"].is_monotonic_decreasing
    assert (rest["distance_m"] <= 500).all()
    assert site["candidate_id"] not in set(found["candidate_id"])
    folder = runs.folder(done.db, done.score.id)
    names, reach = artefacts.load_table(folder, "scored")["option_id"].tolist(), artefacts.load_matrix(folder, "reach")
    units = candidates.base_of(done.db, actor, done.coverage.id).units
    people, level = units["persons"].to_numpy(), units["present"].to_numpy()
    for name in record["plan_free"]:
        if name != site["option_id"]:
            level = np.maximum(level, reach[:, [names.index(name)]].toarray().ravel())
    for line in found.head(5).itertuples():
        own = reach[:, [names.index(line.option_id)]].toarray().ravel()
        assert line.added_people == pytest.approx(people @ (np.maximum(level, own) - level))
    lost = people @ (np.maximum(level, reach[:, [names.index(site["option_id"])]].toarray().ravel()) - level)
    assert found["share_of_loss"].iloc[0] == pytest.approx(found["added_people"].iloc[0] / lost)
    other = found.iloc[0]
    blocked(done.db, other["candidate_id"], now, by=CMCC, need="N-2")
    left = unblocking.substitutes(done.db, CTC, case.id, limit=50)
    assert other["candidate_id"] not in set(left["candidate_id"])
    assert not left["message"].str.contains("PP-").any()


def test_what_cannot_be_computed_has_a_reason_and_stands_last(done, actor, now):
    scored = candidates.candidates(done.db, actor, done.score.id)
    unusable = scored[scored["rank"].isna()].iloc[0]
    site = chosen_sites(done, actor).iloc[0]
    first = blocked(done.db, unusable["candidate_id"], now)
    second = blocked(done.db, site["candidate_id"], now, need="N-2")
    while worker.step(done.db, clock=lambda: now):
        pass
    found = unblocking.values(done.db, BUREAU)
    assert list(found["case_id"]) == [second.id, first.id]
    assert found["why"].tolist() == ["", "not_scored"]
    assert np.isnan(found["value"].iloc[1])
    assert unblocking.value_of(done.db, BUREAU, first.id) is None


def test_a_block_before_any_plan_says_so(district, now):
    asset = layers.read(district, "assets")["asset_id"].iloc[0]
    blocked(district, asset, now)
    worker.step(district, clock=lambda: now)
    assert unblocking.values(district, CTC)["why"].tolist() == ["no_plan"]


def test_a_block_on_coverage_that_was_overtaken_says_so(done, actor, now):
    sites = layers.read(done.db, "sites")
    with done.db.write() as connection:
        layers.upsert(connection, "sites", sites.head(1), provenance={"source_name": "test"}, now=now)
    blocked(done.db, chosen_sites(done, actor)["candidate_id"].iloc[0], now)
    worker.step(done.db, clock=lambda: now)
    assert unblocking.values(done.db, CTC)["why"].tolist() == ["coverage_stale"]


def test_a_value_is_stale_once_a_newer_plan_stands_and_fresh_again_when_asked_anew(done, actor, now):
    site = chosen_sites(done, actor).iloc[0]
    case = blocked(done.db, site["candidate_id"], now)
    worker.step(done.db, clock=lambda: now)
    planned(done, PLANNER, now + timedelta(minutes=1), gap=0.05)
    assert unblocking.values(done.db, CTC)["stale"].tolist() == [True]
    assert unblocking.value_of(done.db, CTC, case.id).stale
    with pytest.raises(NotAllowed):
        unblocking.request(done.db, CTC, case.id, now=now)
    assert unblocking.request(done.db, PLANNER, case.id, now=now)
    assert unblocking.request(done.db, PLANNER, case.id, now=now) is None
    worker.step(done.db, clock=lambda: now)
    assert unblocking.values(done.db, CTC)["stale"].tolist() == [False]


def test_a_valuation_that_broke_off_says_so_until_it_is_asked_anew(done, actor, now, monkeypatch):
    blocked(done.db, chosen_sites(done, actor).iloc[0]["candidate_id"], now)

    def broken(*_args, **_named):
        raise RuntimeError("torn")

    with monkeypatch.context() as patch:
        patch.setattr(worker, "WORK", {**worker.WORK, "unblock": broken})
        assert worker.step(done.db, clock=lambda: now)
    assert list(unblocking.values(done.db, CTC)["why"]) == ["failed"]
    assert unblocking.value_of(done.db, CTC, "NK-2026-0001") is None
    assert unblocking.request(done.db, BUREAU, "NK-2026-0001", now=now + timedelta(seconds=1))
    assert list(unblocking.values(done.db, CTC)["why"]) == ["never"]
    assert worker.step(done.db, clock=lambda: now + timedelta(seconds=2))
    assert list(unblocking.values(done.db, CTC)["why"]) == [""]


def test_a_point_is_valued_in_a_plan_whose_order_names_its_limit_alone(done, actor, now):
    bare = {"coverage": done.coverage.id, "admit": [], "lock": [], "count": 5}
    later = now + timedelta(minutes=1)
    run = worker.run_now(done.db, PLANNER, "plan", bare, clock=lambda: later)
    site = plans.plan(done.db, actor, run.id)["sites"].iloc[0]
    case = blocked(done.db, site["candidate_id"], now)
    worker.step(done.db, clock=lambda: now)
    found = unblocking.value_of(done.db, PLANNER, case.id)
    assert found.plan_run == run.id
    assert found.value > 0


def test_a_plan_of_an_operator_is_no_plan_of_the_district(done, actor, now):
    planned(done, CTC, now)
    case = blocked(done.db, chosen_sites(done, actor)["candidate_id"].iloc[0], now)
    assert unblocking.params(done.db, case)["plan"] == done.plan.id


def test_a_site_id_names_its_host(done, actor, now):
    site = chosen_sites(done, actor).iloc[0]
    frame = layers.read(done.db, "sites").head(1).assign(host_asset_id=site["candidate_id"])
    with done.db.write() as connection:
        layers.upsert(connection, "sites", frame, provenance={"source_name": "test"}, now=now)
    owner = Actor(id="ctc", name="ctc", org=frame["tower_owner"].iloc[0], role="operator", operator="ctc")
    case = blocked(done.db, frame["site_id"].iloc[0], now, by=owner)
    held = effects.current(done.db, None)
    assert held["candidate_id"].tolist() == [site["candidate_id"]]
    assert held["case_no"].tolist() == [case.record["pp_no"]]


def options(*rows):
    return pd.DataFrame(
        [(o, o.split("|")[0], c, s, ["x"], "可用：因素") for o, c, s in rows],
        columns=["option_id", "candidate_id", "configuration", "state", "codes", "message"],
    )


def held(*rows):
    return pd.DataFrame(rows, columns=list(effects.COLUMNS), dtype=object)


@pytest.mark.parametrize(
    ("named", "kind", "expected"), [("", "", "a|1"), ("a|2", "", "a|2"), ("a|9", "micro", "a|3"), ("", "macro", "a|2")]
)
def test_of_an_agreed_candidate_the_proposed_option_is_locked_else_the_best(named, kind, expected):
    frame = options(
        ("a|1", "roof", "eligible"),
        ("b|1", "roof", "eligible"),
        ("a|2", "macro", "eligible"),
        ("a|3", "micro", "eligible"),
    )
    found = effects.applied(frame, held(("a", "PP-1", "locked", named, kind)))
    assert found.loc[found["effect"] == "locked", "option_id"].tolist() == [expected]
    assert found["state"].tolist() == ["eligible"] * 4


def test_a_block_covers_all_options_and_never_softens_an_exclusion():
    frame = options(("a|1", "roof", "eligible"), ("a|2", "pole", "excluded"), ("b|1", "roof", "conditional"))
    found = effects.applied(frame, held(("a", "PP-1", "forbidden", "", "")))
    assert found["state"].tolist() == ["blocked", "excluded", "conditional"]
    assert found["case_no"].tolist() == ["PP-1", "PP-1", ""]
    assert [list(c) for c in found["codes"]] == [["x", "open_problem_point"], ["x", "open_problem_point"], ["x"]]
    assert frame["state"].tolist() == ["eligible", "excluded", "conditional"]
