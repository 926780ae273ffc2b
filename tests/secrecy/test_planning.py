"""What a stranger learns of others' planning by acting, and from what was computed for the whole district: nothing."""

import pytest

from siting.actions import (
    alternatives,
    candidates,
    planrules,
    plans,
    runs,
    scenarios,
    stability,
    unblocking,
    worker,
)
from siting.errors import NotFound, SitingError
from siting.store import artefacts, case_values
from siting.store import runs as stored
from tests import secret_planning
from tests.case_people import ORGS, dispatched, person
from tests.secret_district import CMCC, CTC, CUCC, copied_run, given_away, lights, reported, serialised
from tests.secret_radio import DISTRICT

PLANNER, TOWER = person("planner"), person("tower")


def both(pair, doing, actor=CMCC):
    full, plain = pair.answers(doing, actor)
    assert full == plain
    assert given_away(full, pair.secret) == given_away(plain, pair.secret)
    return full


def ended(q, kind, params):
    """How work that somebody asks for ends: figures, or the sentence of its failure."""
    try:
        return worker.run_now(q.db, q.actor, kind, params, clock=lambda: q.now).result
    except SitingError as error:
        return f"{error.key}: {error.message()}"


def test_work_that_names_foreign_runs_ends_as_work_that_names_none(fresh_pair):
    def done(q):
        base, foreign = {"coverage": q.mine.coverage}, q.secret.run
        started = plans.params(q.db.settings, {**base, "count": 4, "start": foreign["plan"]})
        return [
            ended(q, "plan", started),
            ended(q, alternatives.KIND, {**base, "plan": foreign["plan"], "count": 1, "within": 0.1, "min_changes": 1}),
            ended(q, alternatives.KIND, {**base, "plan": q.mine.plan, "adopt": {"run": foreign["alternatives"], "number": 1}}),
            ended(q, stability.KIND, {**base, "score": foreign["score"], "draws": 4, "seed": 0}),
        ]

    assert both(fresh_pair, done).count("store.no_run") == 3


def test_a_larger_plan_is_the_same_beside_a_better_one_of_a_competitor(fresh_pair):
    def done(q):
        run = worker.run_now(q.db, q.actor, "plan", secret_planning.asked_of(q, count=4), clock=lambda: q.now)
        found = plans.plan(q.db, q.actor, run.id)
        figures = ("start", "value", "bound", "added", "candidates", "left_out", "agreed", "rests_on", "problem_hash")
        return [{name: found[name] for name in figures}, found["sites"]["option_id"].tolist(), found["excluded"], found["told"]]

    assert f"start={fresh_pair.mine.plan}" in both(fresh_pair, done)


def test_acts_on_a_foreign_scenario_say_that_there_is_none_and_its_name_stays_free(fresh_pair):
    def tried(act, *given, **more):
        def probe(q):
            return act(q.db, q.actor, q.secret.scenario, *given, now=q.now, **more)

        return probe

    for probe in (tried(scenarios.rename, "新名"), tried(scenarios.remove, reason="试"), tried(scenarios.queue)):
        for actor in (CMCC, TOWER):
            assert both(fresh_pair, probe, actor).startswith("NotFound")
    both(fresh_pair, lambda q: scenarios.save(q.db, q.actor, "机密情景", given={"count": 1}, reason="试", now=q.now).name)
    assert [one.name for one in scenarios.listing(fresh_pair.full, CTC)] == ["机密情景"]


def of_the_planner(db, mine, secret_key, now):
    """Candidates of the district in which the second best place is a drawn point that somebody holds back."""
    name = copied_run(db, PLANNER, mine.score, "score-20261102-093000-d15717", {})
    table = secret_planning.scored(db, name)
    table.loc[table["candidate_id"] == table["candidate_id"].iloc[1], ["candidate_id", "name"]] = [secret_key, "机密杆位己"]
    artefacts.save_table(runs.folder(db, name), "scored", table)
    return name, table


def test_what_could_stand_in_for_a_point_names_no_drawn_point_that_others_hold_back(fresh_pair):
    for db, owner in ((fresh_pair.full, CTC), (fresh_pair.plain, CUCC)):
        key = secret_planning.drawn_by(db, owner, fresh_pair.now, operators=[owner.operator], technology="nr3500")
        score, table = of_the_planner(db, fresh_pair.mine, key, fresh_pair.now)
        host = lights(db)
        host = host[host["asset_id"].isin(table["candidate_id"]) & ~host["asset_id"].isin(table["candidate_id"].head(6))].iloc[20]
        case = dispatched(db, reported(db, CMCC, host, fresh_pair.now, title="自有受阻"), fresh_pair.now)
        record = {
            "why": "", "score": score, "coverage": fresh_pair.mine.coverage, "plan_free": table["option_id"].iloc[[4]].tolist(),
            "substitutes": table.loc[table["candidate_id"] == key, "option_id"].tolist(), "site_ref": host["asset_id"],
        }  # fmt: skip
        with db.write() as connection:
            case_values.save(connection, case.id, record, key=db.key(), actor=PLANNER, plan_run="", now=fresh_pair.now)
        whole, told = (unblocking.substitutes(db, who, case.id, limit=500) for who in (PLANNER, CMCC))
        assert (whole["candidate_id"] == key).any()
        assert serialised(told) == serialised(whole[whole["candidate_id"] != key].reset_index(drop=True))
        assert "机密" not in serialised(told)


def test_a_colleague_of_the_planner_who_does_not_see_all_sees_nothing_computed_for_the_district(fresh_pair):
    db, mine, now = fresh_pair.full, fresh_pair.mine, fresh_pair.now
    name = "plan-20261102-093000-d15717"
    given = stored.get(db, mine.plan)
    stored.add(db, run_id=name, kind="plan", params=given.params, actor=PLANNER, audience="district", now=now, status="running")
    stored.finish(db, name, status="done", result=given.result, now=now)
    scenarios.save(db, PLANNER, "全区情景", given={"count": 1}, reason="比较", now=now)
    assert runs.get(db, person("coordinator"), name).id == name
    for role in ("operator", "tower", "agency", "street"):
        colleague = person(role, org=ORGS["planner"], operator="cmcc" if role == "operator" else "")
        with pytest.raises(NotFound):
            runs.get(db, colleague, name)
        assert [run.kind for run in runs.listing(db, colleague)] in ([], ["coverage"])
        assert scenarios.listing(db, colleague) == []


def test_a_spacing_refuses_nobody_a_place_for_the_sake_of_a_station_that_one_does_not_see(pair):
    db = pair.full
    given = {"coverage": DISTRICT, "count": 1, "rules": {"min_spacing_m": 5.0, "spacing_by": "all"}}
    offered = secret_planning.offered_at(db, pair.mine.score, lights(db).iloc[6]["asset_id"])
    refused = {}
    for who in (PLANNER, TOWER):
        base = candidates.base_of(db, who, DISTRICT)
        found = planrules.apart(db, who, base, offered, plans.params(db.settings, given))
        refused[who.role] = ["too_close_to_own_site" in list(codes) for codes in found["codes"]]
    assert all(refused["planner"])
    assert not any(refused["tower"])
