"""The way of a joint site through a district of two networks: planned, checked, handed out, proposed, blocked, replaced."""

import dataclasses
import json
import os
import shutil
from datetime import timedelta
from types import SimpleNamespace

import pytest

from siting import settings
from siting.access import Actor
from siting.actions import (
    alternatives,
    candidates,
    cases,
    comparing,
    emfsubject,
    picking,
    planchecks,
    planfiles,
    planprices,
    plans,
    proposals,
    radiotables,
    runs,
    unblocking,
    weights,
    worker,
)
from siting.store import artefacts, case_values
from siting.store.database import open_database
from siting.ui import proposing

CMCC = Actor(id="cmcc", name="cmcc", org="中国移动通信集团天津有限公司", role="operator", operator="cmcc")
CTC = Actor(id="ctc", name="ctc", org="中国电信股份有限公司天津分公司", role="operator", operator="ctc")
PLANNER = Actor(id="plan", name="plan", org="南开区商务局", role="planner")
QUOTAS = ["operator:cmcc>=0.5", "operator:ctc>=0.5"]
# After the plan of one network that the district comes with.
LATER = timedelta(minutes=5)
OPERATORS = ["cbn", "cmcc", "ctc", "cucc"]


@pytest.fixture(scope="module")
def two(two_folder, tmp_path_factory, now):
    """A district of two networks with a plan of three points and one of four."""
    folder, ids = two_folder
    copy = tmp_path_factory.mktemp("joint") / "two"
    shutil.copytree(folder, copy)
    db = open_database(settings.load(copy, environ={**os.environ, "SITING_PLAN_UNBLOCK_TIME_S": "2"}))
    yield SimpleNamespace(db=db, ids=ids, now=now, plans=[planned(db, ids, now, count=count) for count in (3, 4)])
    db.engine.dispose()


class Quiet:
    """A run that nobody watches."""

    def cancelled(self):
        return False

    def mapper(self):
        return map


def planned(db, ids, now, *, count):
    asked = {"coverage": ids["coverage"], "count": count, "kicks": 5, "gap": 0.5, "rules": {"quotas": QUOTAS}}
    return worker.run_now(db, PLANNER, "plan", plans.params(db.settings, asked), clock=lambda: now + LATER)


def joint_of(sites):
    return sites[sites["parties"] > 1]


def served(sites, operator):
    return [operator in own for own in sites["operators"]]


def test_a_plan_of_two_networks_tells_each_operator_apart_and_splits_what_a_joint_site_costs(two):
    found = plans.plan(two.db, PLANNER, two.plans[1].id)
    sites, joint = found["sites"], joint_of(found["sites"])
    for operator in OPERATORS:
        own = sites[served(sites, operator)]
        assert own["candidate_id"].is_unique
        share = sum(1 / len(names) for names in own["operators"])
        assert operator not in {"cmcc", "ctc"} or share >= 0.5 - 1e-9
    assert found["operators"]["operator"].tolist() == OPERATORS
    assert found["operators"]["added"].sum() == pytest.approx(found["added"], rel=1e-6)
    assert found["operators"]["persons"].tolist() == pytest.approx([found["operators"]["persons"].mean()] * 4)
    assert len(joint)
    assert (joint["own_cost_yuan"] * joint["parties"]).to_numpy() == pytest.approx(joint["cost_yuan"].to_numpy())
    assert found["cost_yuan"] == pytest.approx(sites["cost_yuan"].sum())


def test_points_for_cost_are_given_by_what_one_network_pays(two):
    stored = artefacts.load_table(runs.folder(two.db, two.ids["score"]), "scored").set_index("option_id")
    again = weights.rescored(two.db, PLANNER, two.ids["score"]).set_index("option_id").loc[stored.index]
    points = again["points_cost_yuan"].groupby(stored["own_cost_yuan"])
    assert (stored["cost_yuan"] > stored["own_cost_yuan"]).any()
    assert (points.max() - points.min()).max() == pytest.approx(0.0, abs=1e-9)
    assert points.max().is_monotonic_decreasing
    assert points.ngroups > 2


def test_prices_of_a_scenario_hold_for_joint_sites_by_the_same_sharing(two):
    scored = artefacts.load_table(runs.folder(two.db, two.ids["score"]), "scored")
    told = planprices.applied(two.db, scored, {"street_light.micro-2x5w": 10_000.0})
    lamps = told[told["class"] == "street_light"]
    own = {1: 10_000.0, 2: 0.7 * 10_000.0}
    assert set(lamps["parties"]) == {1, 2}
    assert lamps["own_cost_yuan"].to_numpy() == pytest.approx(lamps["parties"].map(own).to_numpy())
    assert lamps["cost_yuan"].to_numpy() == pytest.approx((lamps["parties"] * lamps["parties"].map(own)).to_numpy())
    others = told["class"] != "street_light"
    assert told.loc[others, "cost_yuan"].tolist() == scored.loc[others, "cost_yuan"].tolist()


def test_where_interference_hurts_nobody_the_networks_computed_anew_add_what_the_plan_says(two, monkeypatch):
    found = plans.plan(two.db, PLANNER, two.plans[1].id)
    profiles = radiotables.thresholds(two.db)
    easy = dataclasses.replace(profiles["weak-110"], sinr_db=-100.0)
    monkeypatch.setattr(planchecks.radiotables, "thresholds", lambda _: {**profiles, "weak-110": easy})
    base = candidates.base_of(two.db, PLANNER, two.ids["coverage"])
    checked = planchecks.network(two.db, base, found["sites"], Quiet())
    assert checked.added == pytest.approx(found["added"], rel=0.02)


def test_files_of_a_plan_of_two_networks_hold_its_sites_and_name_both(two):
    solved = two.plans[1].id
    made = {kind: plans.export(two.db, PLANNER, solved, kind=kind)[1] for kind in plans.KINDS}
    assert all(made.values())
    assert len(json.loads(made["geojson"])["features"]) == len(plans.plan(two.db, PLANNER, solved)["sites"])
    found, base = plans.plan(two.db, PLANNER, solved), runs.finished(two.db, PLANNER, "coverage", two.ids["coverage"])
    told = planfiles.Job(two.db, PLANNER, found, two.plans[1], base, "zh_CN").spoken["network"]
    assert "n78" in told
    assert "n41" in told


def test_picks_comparisons_and_alternatives_name_every_operator_on_a_line_of_its_own(two):
    db, pair = two.db, [plan.id for plan in two.plans]
    sites = plans.plan(db, PLANNER, pair[0])["sites"]
    picked = picking.effect(picking.bench(db, PLANNER, two.ids["score"]), list(sites["option_id"]), {})
    stored = plans.plan(db, PLANNER, pair[0])["operators"].set_index("operator")["added"]
    told = picked.operators.set_index("operator")["added"]
    assert told.reindex(OPERATORS).to_numpy() == pytest.approx(stored.reindex(OPERATORS).to_numpy(), rel=1e-5)
    compared = comparing.compared(db, PLANNER, pair, draws=False).found
    held = compared.differences(pair[0], "operator", *pair).set_index("name")
    assert sorted(held.index) == OPERATORS
    assert held["first"].reindex(OPERATORS).to_numpy() == pytest.approx(stored.reindex(OPERATORS).to_numpy(), rel=1e-5)
    whole = compared.by_problem()[pair[0]]
    assert [held["first"].sum(), held["second"].sum()] == pytest.approx(whole[pair].tolist(), rel=1e-6)
    asked = alternatives.params(db, PLANNER, pair[0], count=1, within=0.9)
    searched = worker.run_now(db, PLANNER, "alternatives", asked, clock=lambda: two.now + LATER)
    one = alternatives.found(db, PLANNER, searched.id)
    shifts = one["shifts"][one["shifts"]["by"] == "operator"]
    assert set(shifts["name"]) <= set(OPERATORS)
    assert shifts["change"].sum() == pytest.approx(-one["alternatives"]["loss"].iloc[0], rel=1e-6, abs=1e-3)


def test_a_joint_site_is_proposed_for_all_its_operators_blocked_valued_and_replaced(two, now, planned_folder):
    db, (smaller, solved) = two.db, two.plans
    site = joint_of(plans.plan(db, PLANNER, solved.id)["sites"]).iloc[0]
    (key,) = proposals.from_plan(db, PLANNER, solved.id, [site["option_id"]], now=now)
    proposals.release(db, PLANNER, [key], now=now)
    for viewer in (CMCC, CTC):
        row = proposals.get(db, viewer, key)
        assert sorted(row["operators"]) == OPERATORS
        assert sorted(row["network"].split("+")) == sorted(site["networks"])
        assert sorted(row["technologies"]) == ["nr2600", "nr3500"]
        assert set(proposing.table(proposals.listing(db, viewer))["制式"]) == {"5G-3500、5G-2600"}
        assert key in set(proposals.listing(db, viewer, operators=[viewer.operator])["candidate_id"])
    sectors = emfsubject.subject_of(db, PLANNER, key).sectors
    assert sorted(sectors["network"].unique()) == sorted(site["networks"])
    assert sectors["sector_id"].is_unique

    given = {
        "title": "业主不同意", "kind": "new_blocked", "site_ref": key, "requested_action": "请协调", "reason_code": "owner.refuses",
        "source": "operator", "street_office": "长虹街道", "needs": [{"operator": "ctc", "need_no": "N-1"}],
    }  # fmt: skip
    case = cases.report(db, CTC, given, now=now)
    while worker.step(db, clock=lambda: now):
        pass
    record = case_values.listing(db, viewer=PLANNER, case_id=case.id)[0]["record"]
    assert record["why"] == ""
    assert sorted(record["by_operator"]) == OPERATORS
    value = unblocking.value_of(db, PLANNER, case.id)
    assert 0 <= value.people_low <= value.value <= value.people_high

    without = planned(db, two.ids, now, count=4)
    assert site["candidate_id"] not in set(plans.plan(db, PLANNER, without.id)["sites"]["candidate_id"])
    asked = alternatives.params(db, PLANNER, without.id, count=2, within=0.3)
    searched = worker.run_now(db, PLANNER, "alternatives", asked, clock=lambda: now)
    assert alternatives.found(db, PLANNER, searched.id)["count"] >= 1
    assert comparing.compared(db, PLANNER, [smaller.id, without.id], draws=False).same_coverage
    other = planned_folder[1]["plan"]
    assert not comparing.compared(db, PLANNER, [without.id, other], draws=False).same_coverage
