"""Alternatives to a finished plan: looked for by the worker, told with what they trade, adopted as plans of their own."""

import json
from datetime import timedelta

import numpy as np
import pytest

from siting.access import Actor
from siting.actions import alternatives, plans, runs, worker
from siting.cli import main
from siting.errors import BadInput, NotFound
from siting.store import artefacts, layers
from tests.actions.test_unblocking import blocked

PLANNER = Actor(id="plan", name="plan", org="南开区商务局", role="planner")
BUREAU = Actor(id="lead", name="lead", org="南开区商务局", role="coordinator")


@pytest.fixture
def look(done, actor, now):
    def run(**wish):
        wanted = alternatives.params(done.db, actor, done.plan.id, **wish)
        return worker.run_now(done.db, actor, "alternatives", wanted, clock=lambda: now)

    return run


def covered(done, names):
    """Expected people with some options, straight from the files of the runs."""
    at = done.db.settings.runs_folder
    units = artefacts.load_table(at / done.coverage.id, "units", columns=["persons", "unknown", "present"])
    offered = artefacts.load_table(at / done.score.id, "scored")["option_id"]
    reach = artefacts.load_matrix(at / done.score.id, "reach")
    best = reach[:, np.flatnonzero(offered.isin(list(names)))].max(axis=1).todense()
    level = np.maximum(units["present"].to_numpy(float), np.asarray(best, float).ravel())
    return float((units["persons"] - units["unknown"]).to_numpy(float) @ level)


def test_the_worker_finds_plans_that_lose_what_they_say_and_tells_what_each_trades(done, actor, now):
    alternatives.request(done.db, actor, done.plan.id, now=now, within=0.1)
    assert worker.step(done.db, clock=lambda: now)
    run = alternatives.standing(done.db, PLANNER, done.plan.id)
    found = alternatives.found(done.db, PLANNER, run.id)
    plan = plans.plan(done.db, actor, done.plan.id)
    first = set(plan["sites"]["option_id"])
    lines, points = found["alternatives"], found["points"]
    assert found["count"] == len(lines) > 0
    assert (found["why"] == "") == (len(lines) == 5)
    for line in lines.to_dict("records"):
        names = set(line["chosen"])
        own = points[points["number"] == line["number"]]
        assert set(line["enters"]) == names - first == set(own.loc[own["role"] == "enters", "option_id"])
        assert set(line["leaves"]) == first - names == set(own.loc[own["role"] == "leaves", "option_id"])
        assert line["loss"] == pytest.approx(covered(done, first) - covered(done, names), abs=1e-2)
        assert line["loss"] <= 0.1 * plan["added"] + 1e-6
        signed = np.where(own["role"] == "enters", 1.0, -1.0)
        assert line["cost_change_yuan"] == pytest.approx(signed @ own["cost_yuan"])
        assert line["fibre_change_m"] == pytest.approx(signed @ own["fibre_m"].to_numpy(float), nan_ok=True)
        shifts = found["shifts"][found["shifts"]["number"] == line["number"]]
        assert shifts.loc[shifts["by"] == "street_office", "change"].sum() == pytest.approx(-line["loss"], abs=1e-3)
        assert line["gap"] >= plan["gap"] - 1e-9
    known = set(layers.read(done.db, "venues", columns=["name"])["name"])
    assert {name for part in ("venues_won", "venues_lost") for names in lines[part] for name in names} <= known
    assert points["name"].notna().all()


def test_an_adopted_alternative_is_a_plan_of_the_same_question_with_the_first_ones_bound(done, actor, now, look):
    found = alternatives.found(done.db, actor, look(within=0.2).id)
    line = found["alternatives"].iloc[0]
    later = now + timedelta(minutes=1)
    alternatives.adopt(done.db, actor, alternatives.standing(done.db, actor, done.plan.id).id, 1, now=later)
    assert worker.step(done.db, clock=lambda: later)
    made = runs.latest(done.db, actor, "plan", status="done")
    assert made.id == runs.latest(done.db, actor, "alternatives").result["adopted"] != done.plan.id
    own, first = plans.plan(done.db, PLANNER, made.id), plans.plan(done.db, PLANNER, done.plan.id)
    assert set(own["sites"]["option_id"]) == set(line["chosen"])
    assert (own["problem_hash"], own["limit"]) == (first["problem_hash"], first["limit"])
    assert own["bound"] == pytest.approx(first["bound"], rel=1e-6)
    assert own["added"] == pytest.approx(first["added"] - line["loss"], abs=1e-6)
    assert (own["status"], own["method"], own["proven"]) == (line["status"], "alternative", False)
    assert made.params["start"] == done.plan.id
    assert alternatives.standing(done.db, actor, made.id) is None
    assert len(plans.export(done.db, actor, made.id, kind="json")[1]) > 0


def test_a_plan_tells_what_each_point_is_worth_without_and_with_the_best_in_its_place(done, actor):
    plan = plans.plan(done.db, actor, done.plan.id)
    worth = plan["marginals"].set_index("option_id")
    names = list(plan["sites"]["option_id"])
    assert list(worth.index) == names
    for name in names:
        without = [other for other in names if other != name]
        assert worth.loc[name, "loss_alone"] == pytest.approx(covered(done, names) - covered(done, without), abs=1e-2)
        instead = [*without, worth.loc[name, "replacement"]]
        assert worth.loc[name, "loss_replaced"] == pytest.approx(
            covered(done, names) - covered(done, instead), abs=1e-2
        )


def test_a_changed_question_is_not_held_against_the_old_bound(done, actor, now):
    wanted = alternatives.params(done.db, actor, done.plan.id)
    site = plans.plan(done.db, actor, done.plan.id)["sites"].iloc[0]
    blocked(done.db, site["candidate_id"], now)
    with pytest.raises(BadInput, match="重新求解"):
        worker.run_now(done.db, actor, "alternatives", wanted, clock=lambda: now)


@pytest.mark.parametrize("wrong", [{"count": 0}, {"count": 99}, {"within": -0.1}, {"within": 1.0}, {"min_changes": 0}])
def test_an_impossible_wish_is_refused(done, actor, wrong):
    with pytest.raises(BadInput, match="替代方案"):
        alternatives.params(done.db, actor, done.plan.id, **wrong)


def test_what_is_not_there_cannot_be_read_or_adopted(done, actor, now, look):
    run = look(count=1, within=0.2)
    with pytest.raises(NotFound, match="7"):
        alternatives.adopt(done.db, actor, run.id, 7, now=now)
    with pytest.raises(BadInput):
        alternatives.found(done.db, actor, done.plan.id)
    assert alternatives.standing(done.db, BUREAU, "plan-none") is None


def test_the_command_lists_what_each_trades_and_adopts_one(done, actor, capsys):
    place = ["--project", str(done.db.settings.folder)]
    main(["alternatives", done.plan.id, "--within", "0.2", "--count", "3", *place, "--json"])
    told = json.loads(capsys.readouterr().out)
    found = alternatives.found(done.db, actor, told["run"])["alternatives"]
    assert [line["loss"] for line in told["alternatives"]] == found["loss"].tolist()
    assert [line["enters"] for line in told["alternatives"]] == [list(names) for names in found["enters"]]
    names = plans.candidates(done.db, actor, done.score.id).set_index("option_id")["name"]
    for line in told["alternatives"]:
        assert sorted(line["enters"] + line["leaves"]) == sorted(row["option_id"] for row in line["points"])
        assert all(row["name"] == names[row["option_id"]] for row in line["points"])
    main(["alternatives", done.plan.id, "--adopt", "1", *place, "--json"])
    own = json.loads(capsys.readouterr().out)["adopted"]
    assert runs.get(done.db, actor, own).result["method"] == "alternative"
    main(["alternatives", done.plan.id, "--within", "0.2", "--count", "1", *place])
    said, first = capsys.readouterr().out, found.iloc[0]
    assert all(f"{names[option]}  " in said and f"  {option}\n" in said for option in first["enters"])
    assert f"换出 {names[first['leaves'][0]]}" in said
    main(["alternatives", done.plan.id, "--within", "0", *place])
    assert "可放宽" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["alternatives", done.plan.id, "--adopt", "1", *place])
    assert "没有第 1 号" in capsys.readouterr().err
