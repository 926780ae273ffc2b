"""The least yuan for a number of people, from the run's question to its files, its sentences and the command line."""

import json

import openpyxl
import pytest

from siting.actions import alternatives, plans, runs, unblocking, worker
from siting.errors import BadInput, NotSolved
from siting.reports import figures, planjson
from siting.ui import planning_tables


@pytest.fixture
def solve(done, actor, now):
    """Solve a plan on the same coverage."""

    def run(**given):
        wanted = plans.params(done.db.settings, {"coverage": done.coverage.id, "gap": 0.5, **given})
        return worker.run_now(done.db, actor, "plan", wanted, clock=lambda: now)

    return run


def test_a_target_is_reached_for_least_yuan_with_a_bound_in_words_cards_and_files(done, actor, solve, tmp_path):
    target = round(done.plan.result["added"] * 0.9, 1)
    run = solve(target_persons=target)
    found = run.result
    assert found["added"] >= target - 1e-6
    assert found["cost_yuan"] <= done.plan.result["cost_yuan"]
    assert 0 < found["cost_bound_yuan"] <= found["cost_yuan"]
    assert found["gap"] == found["cost_gap"] == pytest.approx(1 - found["cost_bound_yuan"] / found["cost_yuan"])
    told = plans.plan(done.db, actor, run.id)
    line = told["rules"].set_index("rule").loc["target_persons"]
    assert (line["activity"], line["at_least"]) == (pytest.approx(found["added"]), target)
    assert f"{target:,.0f}" in line["message"]
    cards = {card.label: card.value for card in planning_tables.cards(told)}
    assert cards["达标造价下界（元）"] == f"{found['cost_bound_yuan']:,.0f}"
    assert not any("新增上界" in title for title in cards)
    (tmp_path / "p.xlsx").write_bytes(plans.export(done.db, actor, run.id, kind="xlsx")[1])
    notes = dict(openpyxl.load_workbook(tmp_path / "p.xlsx").worksheets[1].iter_rows(values_only=True))
    assert notes["任何达标方案不低于(元)"] == round(found["cost_bound_yuan"])
    assert notes["间隙（相对投资）"] == f"{found['cost_gap']:.2%}"
    assert "覆盖上界" not in notes
    kept = planjson.load(plans.export(done.db, actor, run.id, kind="json")[1])
    assert kept.plan.cost_bound_yuan == found["cost_bound_yuan"]
    assert any("投资不低于" in text for text in figures.lines(found, lang="zh_CN"))
    with pytest.raises(BadInput):
        alternatives.params(done.db, actor, run.id)
    assert unblocking._standing_plan(done.db).id == done.plan.id
    assert json.dumps(found, allow_nan=True)


def test_a_point_picked_by_hand_counts_towards_the_target_and_is_paid_in_the_bound(done, actor, solve):
    sites = plans.plan(done.db, actor, done.plan.id)["sites"]
    first = sites.iloc[0]
    run = solve(target_persons=first["marginal_in_plan"] * 0.5, lock=[first["option_id"]])
    assert plans.plan(done.db, actor, run.id)["sites"]["option_id"].tolist() == [first["option_id"]]
    assert run.result["cost_yuan"] == run.result["cost_bound_yuan"] == first["cost_yuan"]
    assert (run.result["gap"], run.result["status"]) == (0.0, "optimal")


def test_a_target_that_nothing_reaches_is_refused_with_the_most_that_can_be_added(done, actor, solve):
    people = done.coverage.result["persons"]
    with pytest.raises(NotSolved, match=r"最多能新增 [\d,]+ 人"):
        solve(target_persons=2.0 * people)
    failed = next(run for run in runs.listing(done.db, actor, "plan") if run.status == "failed")
    assert "人的目标达不到" in runs.said(failed.message, "zh_CN")
