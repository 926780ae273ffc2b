"""What points picked by hand add is what a plan of them would add."""

import itertools

import numpy as np
import pytest

from siting.actions import candidates, effects, picking, plans, question
from siting.store import artefacts, layers

OPERATORS = ("cmcc", "ctc", "cucc", "cbn")


@pytest.fixture
def bench(done, actor):
    return picking.bench(done.db, actor, done.score.id)


@pytest.fixture
def by_hand(done, actor):
    """People added by some options, by plain numpy over dense columns, operators weighted alike."""
    base = candidates.base_of(done.db, actor, done.coverage.id)
    reaches = {name: reach.toarray() for name, reach in candidates.reaches(done.db, done.score.id).items()}
    scored = artefacts.load_table(done.db.settings.runs_folder / done.score.id, "scored")

    def added(chosen, street=None):
        columns = np.flatnonzero(scored["option_id"].isin(chosen))
        inside = np.ones(len(base.units)) if street is None else (base.units["street_office"] == street).to_numpy()
        people = base.units["persons"].to_numpy(float) * inside
        gains = [
            people @ np.maximum(0.0, reach[:, columns].max(axis=1, initial=0.0) - base.presents[name])
            for name, reach in reaches.items()
        ]
        return float(np.mean(gains))

    return added


def test_one_point_adds_what_its_score_says(bench):
    for row in bench.offered.iloc[[0, len(bench.offered) // 2]].itertuples():
        assert picking.effect(bench, [row.option_id], {}).added == pytest.approx(row.added_persons, abs=1e-3)


def test_a_set_adds_its_best_server_gain_in_all_and_by_sub_district_and_is_lost_point_by_point(bench, by_hand):
    ids = bench.offered["option_id"].tolist()[:6]
    found = picking.effect(bench, ids, {})
    assert found.added == pytest.approx(by_hand(ids), rel=1e-5)
    assert found.streets["added"].sum() == pytest.approx(found.added)
    assert found.streets["added"].is_monotonic_decreasing
    for street, added in found.streets.itertuples(index=False):
        assert added == pytest.approx(by_hand(ids, street), rel=1e-4)
    for one in ids:
        rest = [name for name in ids if name != one]
        assert found.alone[one] == pytest.approx(by_hand(ids) - by_hand(rest), rel=1e-3, abs=1e-2)
    assert found.cost_yuan == bench.offered["cost_yuan"].iloc[:6].sum()
    assert found.fibre_m == pytest.approx(bench.offered["fibre_m"].iloc[:6].sum())


def test_the_plan_of_a_run_adds_by_hand_what_the_run_says(done, actor, bench):
    found = plans.plan(done.db, actor, done.plan.id)
    assert picking.effect(bench, found["sites"]["option_id"].tolist(), {}).added == pytest.approx(
        found["added"], rel=1e-6
    )


def test_operators_share_what_is_added_as_their_people_count(done, actor, bench, monkeypatch):
    ids = bench.offered["option_id"].tolist()[:3]
    monkeypatch.setattr(
        question, "operator_weights", lambda: {name: 3.0 if name == "ctc" else 1.0 for name in OPERATORS}
    )
    found = picking.effect(picking.bench(done.db, actor, done.score.id), ids, {})
    added = found.operators.set_index("operator")["added"]
    alone = picking.effect(bench, ids, {}).operators.set_index("operator")["added"]
    served = {name for side in bench.sides for name in side.shares}
    whole = sum(3.0 if name == "ctc" else 1.0 for name in served)
    for name in alone.index:
        assert added[name] == pytest.approx(alone[name] * len(served) * (3.0 if name == "ctc" else 1.0) / whole)
    assert added.sum() == pytest.approx(found.added)


def test_order_and_repetition_of_clicks_change_nothing(bench):
    ids = bench.offered["option_id"].tolist()[:4]
    values = {round(picking.effect(bench, list(turn), {}).added, 6) for turn in itertools.permutations(ids)}
    assert len(values) == 1
    assert picking.effect(bench, [*ids, ids[0]], {}).count == 4


def test_no_points_and_unknown_points_add_nothing(bench):
    for ids in ([], ["no such option"]):
        found = picking.effect(bench, ids, {})
        assert (found.count, found.added, found.broken) == (0, 0.0, ())


def test_broken_limits_and_rules_name_their_points(bench):
    ids = bench.offered["option_id"].tolist()[:3]
    cost = float(bench.offered["cost_yuan"].iloc[:3].sum())
    near = {"min_spacing_m": 1e6, "spacing_by": "all", "quotas": []}
    asked = {"count": 2, "budget_yuan": cost - 1, "rules": near}
    found = {b.kind: b for b in picking.effect(bench, ids, asked).broken}
    assert (found["count"].activity, found["count"].limit) == (3, 2)
    assert (found["budget_yuan"].activity, found["budget_yuan"].limit) == (cost, cost - 1)
    assert set(found["spacing"].option_ids) == set(ids)
    kept = {"count": 3, "budget_yuan": cost, "rules": {"min_spacing_m": 0.0, "spacing_by": "all", "quotas": []}}
    assert {b.kind for b in picking.effect(bench, ids, kept).broken} <= {"slots", "power_kva", "weight_kg", "sail_m2"}


def test_a_quota_of_a_street_is_charged_by_the_points_in_it(bench):
    street = bench.offered["street_office"].value_counts().index[0]
    ids = bench.offered.loc[bench.offered["street_office"] == street, "option_id"].tolist()[:2]
    rules = {"quotas": [{"by": "street_office", "value": street, "at_most": 1.0}]}
    found = [b for b in picking.effect(bench, ids, {"rules": rules}).broken if b.kind == "quota"]
    assert [(b.activity, b.limit, set(b.option_ids)) for b in found] == [(2.0, 1.0, set(ids))]


def test_a_host_without_room_is_named(done, actor, now):
    row = artefacts.load_table(done.db.settings.runs_folder / done.score.id, "scored").iloc[0]
    frame = layers.read(done.db, "assets")
    full = frame[frame["asset_id"] == row["candidate_id"]].assign(spare_weight_kg=0.5)
    with done.db.write() as connection:
        layers.upsert(connection, "assets", full, provenance={"source_name": "t"}, now=now)
    found = picking.effect(picking.bench(done.db, actor, done.score.id), [row["option_id"]], {})
    assert "weight_kg" in {b.kind for b in found.broken}


def test_a_point_under_a_problem_point_is_named_as_blocked(done, actor, bench, monkeypatch):
    held = effects.current(done.db, actor)
    first = bench.offered.iloc[0]
    line = {
        "candidate_id": first["candidate_id"],
        "case_no": "X-1",
        "effect": "forbidden",
        "option_id": "",
        "configuration": "",
    }
    held.loc[0] = line
    monkeypatch.setattr(effects, "current", lambda *_: held)
    found = picking.effect(picking.bench(done.db, actor, done.score.id), [first["option_id"]], {})
    assert [b.option_ids for b in found.broken if b.kind == picking.BLOCKED] == [(first["option_id"],)]
