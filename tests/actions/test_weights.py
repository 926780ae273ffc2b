from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from siting.actions import permission, plans, radiotables, runs, stability, weights, worker
from siting.errors import BadInput, Conflict, NotAllowed, NotFound
from siting.plan import tables
from siting.store import artefacts, journal, layers
from tests.case_people import dispatched, moved, person, report, rival

PLANNER, OPERATOR, RIVAL = person("planner"), person("operator"), rival()


def test_the_shipped_weights_hold_until_the_district_writes_its_own_over_them(done, now):
    shipped = weights.profile(done.db)
    assert shipped[["part", "zero", "full", "weight"]].equals(tables.weights()[["part", "zero", "full", "weight"]])
    first = weights.save(done.db, PLANNER, "default", {"cost_yuan": 25.0}, reason="先看造价", now=now)
    again = weights.save(done.db, PLANNER, "default", {"fibre_m": 0.5}, reason="光纤不重要", now=now)
    assert (first.edition, again.edition) == (2, 3)
    held = weights.profile(done.db).set_index("part")["weight"]
    assert (held["cost_yuan"], held["fibre_m"]) == (25.0, 0.5)
    told = weights.history(done.db, PLANNER)
    assert told["reason"].tolist() == ["光纤不重要", "先看造价"]
    assert journal.recent(done.db, kind="score.changed")[0]["payload"]["reason"] == "光纤不重要"
    assert weights.profiles(done.db, OPERATOR)["state"].tolist() == ["changed"]


def test_a_profile_of_ones_own_is_named_versioned_and_leaves_radio_tables_alone(done, now):
    before = radiotables.revision(done.db)
    weights.save(done.db, PLANNER, "保民生", weights.profile(done.db).assign(weight=1.0), reason="试算", now=now)
    assert weights.profiles(done.db, PLANNER)["name"].tolist() == ["default", "保民生"]
    assert set(weights.profile(done.db, "保民生")["weight"]) == {1.0}
    assert radiotables.revision(done.db) == before
    with pytest.raises(NotFound):
        weights.profile(done.db, "没有")


@pytest.mark.parametrize("given", [{"beauty": 1.0}, {"cost_yuan": -1.0}, {"cost_yuan": float("nan")}])
def test_weights_that_cannot_be_used_are_refused_and_nothing_is_kept(done, now, given):
    with pytest.raises(BadInput):
        weights.save(done.db, PLANNER, "default", given, reason="x", now=now)
    assert weights.revision(done.db) == 0


def test_who_may_not_edit_tables_saves_nothing_and_an_older_look_is_refused(done, now):
    with pytest.raises(NotAllowed):
        weights.save(done.db, OPERATOR, "default", {"emf": 1.0}, reason="x", now=now)
    with pytest.raises(BadInput):
        weights.save(done.db, PLANNER, "default", {"emf": 1.0}, reason=" ", now=now)
    weights.save(done.db, PLANNER, "default", {"emf": 1.0}, reason="x", seen=0, now=now)
    with pytest.raises(Conflict):
        weights.save(done.db, PLANNER, "default", {"emf": 2.0}, reason="x", seen=0, now=now)


def test_other_weights_rank_the_stored_parts_without_a_new_run(done, actor):
    only = dict.fromkeys(tables.weights()["part"], 0.0) | {"added_persons": 1.0}
    found = weights.rescored(done.db, actor, done.score.id, only)
    best = found.sort_values(["added_persons", "option_id"], ascending=[False, True])
    top = found["added_persons"].clip(0, 2000)
    assert found["score"].to_numpy() == pytest.approx(top.to_numpy() / 20.0)
    assert found["added_persons"].iloc[0] == best["added_persons"].iloc[0]
    assert len(runs.listing(done.db, actor, "score")) == 1


def test_the_permission_of_a_host_counts_as_the_reader_knows_it(done, actor):
    found = weights.rescored(done.db, actor, done.score.id)
    default = permission.permission.host_classes().set_index("class")["probability"]
    assert set(found["permission_basis"]) == {"default"}
    assert found["permission"].to_numpy() == pytest.approx(found["class"].map(default).to_numpy())
    points = found.filter(regex="^points_")
    assert "points_permission" in points
    assert points.sum(axis=1).to_numpy() == pytest.approx(found["score_low"].to_numpy())


def light(db):
    frame = layers.read(db, "assets")
    return frame[(frame["class"] == "street_light") & frame["owner_org"].notna()].iloc[0]


def agreed_case(db, now, row, *, days, end="agree"):
    """A blocked light agreed after so many days and closed, or withdrawn after it was asked for."""
    given = {"asset_ref": row["asset_id"], "site_ref": row["asset_id"]}
    case = dispatched(db, report(db, OPERATOR, now, **given), now, lead=row["owner_org"])
    if end == "withdraw":
        return moved(db, OPERATOR, case, "withdraw", now + timedelta(days=days), reason="不建了")
    owner, later = person("agency", org=row["owner_org"]), now + timedelta(days=days)
    case = moved(db, owner, case, "accept", later, responsible_person="李", phone="13812341234")
    return moved(db, owner, case, "agree", later, agreed_on=later.date().isoformat(), doc_no="函1")


def test_what_was_asked_and_agreed_in_time_counts_for_and_what_was_withdrawn_counts_against(done, now):
    row = light(done.db)
    for days in (5, 27, 40):  # the term is 20 working days, 28 calendar days
        case = agreed_case(done.db, now, row, days=days)
        assert permission.outcome(case) == (days <= 28, float(days))
    gone = agreed_case(done.db, now, row, days=3, end="withdraw")
    assert permission.outcome(gone)[0] is False
    closed = permission.closed(done.db, OPERATOR)
    assert closed[["class", "agreed"]].to_numpy().tolist() == [["street_light", False]]
    never = report(done.db, OPERATOR, now, asset_ref=row["asset_id"])
    moved(done.db, OPERATOR, never, "withdraw", now, reason="未派单")
    assert len(permission.closed(done.db, OPERATOR)) == 1


def test_only_the_cases_that_somebody_sees_teach_them(done, now):
    row = light(done.db)
    agreed_case(done.db, now, row, days=3, end="withdraw")
    options = pd.DataFrame({"class": ["street_light"], "owner_org": [row["owner_org"]]})
    mine = permission.learnt(done.db, OPERATOR, options).iloc[0]
    rival = permission.learnt(done.db, RIVAL, options).iloc[0]
    assert (mine["permission_basis"], mine["permission_n"]) == ("class", 1)
    assert mine["permission"] == pytest.approx(1 / 3)
    assert (rival["permission_basis"], rival["permission_n"]) == ("default", 0)
    assert permission.version(done.db, OPERATOR) != permission.version(done.db, RIVAL)


def test_a_plan_that_counts_permission_keeps_the_probability_and_not_the_cases(done, actor, now):
    wanted = plans.params(done.db.settings, {"coverage": done.coverage.id, "count": 2, "use_permission": True})
    run = worker.run_now(done.db, actor, "plan", wanted, clock=lambda: now)
    sites = plans.plan(done.db, actor, run.id)["sites"]
    default = permission.permission.host_classes().set_index("class")["probability"]
    assert sites["permission"].tolist() == sites["class"].map(default).tolist()
    assert not set(permission.permission.COLUMNS[1:]) & set(sites.columns)
    assert run.result["added"] < done.plan.result["added"]


@pytest.fixture
def drawn(done, actor, now, monkeypatch):
    monkeypatch.setattr(stability.margins, "rows", lambda: {**ROWS, "draws": 20.0})
    return worker.run_now(done.db, actor, stability.KIND, stability.params(done.score), clock=lambda: now)


ROWS = dict(stability.margins.rows())


def test_the_ranks_of_a_run_are_drawn_once_and_read_by_any_weights(done, actor, drawn):
    scored = artefacts.load_table(runs.folder(done.db, done.score.id), "scored")
    kept = artefacts.load_arrays(runs.folder(done.db, drawn.id), stability.FILE)
    assert kept["added_persons"].shape == (21, len(scored))
    assert kept["added_persons"][0] == pytest.approx(scored["added_persons"].to_numpy(), rel=1e-3, abs=0.05)
    assert np.nan_to_num(kept["key_venues"][0]).tolist() == scored["key_venues"].fillna(0).tolist()
    told = stability.ranks(done.db, actor, drawn.id)
    assert told.draws == 20
    assert told.table["option_id"].tolist() == scored["option_id"].tolist()
    own = weights.rescored(done.db, actor, done.score.id).set_index("option_id")["rank"]
    assert told.table["rank"].tolist() == own.reindex(told.table["option_id"]).tolist()
    cheap = dict.fromkeys(tables.weights()["part"], 0.0) | {"cost_yuan": 1.0}
    fixed = stability.ranks(done.db, actor, drawn.id, cheap)
    assert fixed.tau == pytest.approx(1.0)
    assert (fixed.table["rank_low"] == fixed.table["rank_high"]).all()
    assert stability.standing(done.db, actor, done.score.id).id == drawn.id
