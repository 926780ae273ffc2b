"""Scenarios: kept under a name, asked again, renamed, removed, all of it in the journal."""

import json

import pytest

from siting.access import local_admin
from siting.actions import effects, planprices, plans, question, runs, scenarios
from siting.errors import BadInput, Conflict
from siting.store import artefacts, journal

ME = local_admin(source="cli")


@pytest.fixture
def given(done):
    return scenarios.asked(done.db, ME, done.plan.id)


def save(done, given, now, name="白天", **changes):
    return scenarios.save(done.db, ME, name, given={**given, **changes}, reason="比较用", now=now)


def test_a_scenario_keeps_the_whole_question_and_its_coverage(done, given, now):
    made = save(done, given, now, coverage_params={"mix": "day"}, budget_yuan=1_000_000.0, price_factor=1.25)
    [found] = scenarios.listing(done.db, ME)
    assert found == made
    assert (made.record["params"]["count"], made.record["params"]["budget_yuan"]) == (5, 1_000_000.0)
    assert made.record["coverage_params"]["mix"] == "day"
    assert made.record["coverage_params"]["profile"] == done.db.settings.text("coverage.profile")
    assert not {"coverage", "scenario"} & set(made.record["params"])
    assert (made.at[:10], made.person, made.reason) == (now.isoformat()[:10], ME.name, "比较用")


def test_asked_again_it_uses_coverage_that_stands_and_divides_the_budget_by_the_prices(done, given, now):
    made = save(done, given, now, budget_yuan=1_000_000.0, price_factor=1.25)
    params = runs.get(done.db, ME, scenarios.queue(done.db, ME, made.id, now=now)).params
    assert (params["coverage"], params["scenario"], params["budget_yuan"], params["count"]) == (
        done.coverage.id, "白天", 800_000.0, 5)  # fmt: skip
    other = save(done, given, now, name="夜间好", coverage_params={"profile": "good-95"})
    params = runs.get(done.db, ME, scenarios.queue(done.db, ME, other.id, now=now)).params
    assert params["coverage"] == ""
    assert params["coverage_params"]["profile"] == "good-95"


def test_a_scenario_has_prices_of_its_own_beside_those_of_the_district(done, given, now):
    made = save(done, given, now, prices={"street_light.micro-2x5w": 50_000})
    assert made.record["params"]["prices"] == {"street_light.micro-2x5w": 50_000.0}
    run = runs.get(done.db, ME, scenarios.queue(done.db, ME, made.id, now=now))
    assert run.params["prices"] == made.record["params"]["prices"]
    asked = plans.params(done.db.settings, run.params)
    asks = question.posed(done.db, ME, asked, done.score.id, held=effects.current(done.db, ME))
    plain = artefacts.load_table(done.db.settings.runs_folder / done.score.id, "scored").set_index("option_id")
    own = asks.offered.set_index("option_id")["cost_yuan"]
    lamps = plain["class"] == "street_light"
    assert 0 < lamps.sum() < len(plain)
    assert set(own[lamps[lamps].index]) == {50_000.0}
    assert own[lamps[~lamps].index].tolist() == plain.loc[~lamps, "cost_yuan"].tolist()
    at = {name: place for place, name in enumerate(asks.problem.option_id)}
    assert asks.problem.cost_yuan[[at[name] for name in own.index]] == pytest.approx(own.to_numpy())


def test_a_drawn_point_with_a_cost_of_its_own_keeps_it(done):
    scored = artefacts.load_table(done.db.settings.runs_folder / done.score.id, "scored")
    lamps = scored[scored["class"] == "street_light"].head(2).assign(cost_yuan=[32_000.0, 99_000.0])
    told = planprices.applied(done.db, lamps, {"street_light.micro-2x5w": 10_000.0})
    assert told["cost_yuan"].tolist() == [10_000.0, 99_000.0]


def test_prices_of_nothing_that_is_priced_and_prices_that_are_none_are_refused(done, given, now):
    with pytest.raises(BadInput) as caught:
        save(done, given, now, prices={"pyramid.micro-2x5w": 1, "street_light.none": 1})
    told = caught.value.message()
    assert [part for part in ("pyramid.micro-2x5w", "street_light.none", "street_light.micro-2x5w") if part not in told] == []
    with pytest.raises(BadInput) as caught:
        save(done, given, now, prices={"street_light.micro-2x5w": -1, "kiosk.micro-2x5w": "x"})
    assert [part for part in ("-1", "kiosk.micro-2x5w = x") if part not in caught.value.message()] == []
    assert scenarios.listing(done.db, ME) == []


def test_a_name_is_taken_once_and_free_again_after_removal(done, given, now):
    made = save(done, given, now)
    with pytest.raises(Conflict) as caught:
        save(done, given, now, name=" 白天 ")
    assert caught.value.key == "scenario.taken"
    other = save(done, given, now, name="夜间")
    with pytest.raises(Conflict):
        scenarios.rename(done.db, ME, other.id, "白天", now=now)
    scenarios.remove(done.db, ME, made.id, reason="过时", now=now)
    scenarios.rename(done.db, ME, other.id, "白天", now=now)
    assert [one.name for one in scenarios.listing(done.db, ME)] == ["白天"]


def test_the_journal_keeps_what_was_saved_renamed_and_removed(done, given, now):
    made = save(done, given, now, price_factor=1.1)
    scenarios.rename(done.db, ME, made.id, "白天二", now=now)
    scenarios.remove(done.db, ME, made.id, reason="过时", now=now)
    kinds = ["scenario.saved", "scenario.renamed", "scenario.removed"]
    [saved], [renamed], [removed] = ([e["payload"] for e in journal.recent(done.db, kind=kind)] for kind in kinds)
    assert json.loads(removed["asked"]) == json.loads(saved["asked"]) == made.record
    assert (renamed["to"], removed["name"], removed["why"]) == ("白天二", "白天二", "过时")
    assert journal.verify(done.db)["plan.scenarios"].ok


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"name": "  "}, "scenario.name"), ({"name": "长" * 61}, "scenario.name"), ({"price_factor": 0.0}, "scenario.price"),
        ({"price_factor": float("nan")}, "scenario.price"), ({"price_factor": 1e6}, "scenario.price"),
        ({"draw_seed": -1}, "scenario.seed"), ({"coverage_params": {"mix": "dusk"}}, "coverage.unknown"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_not_kept(done, given, now, changes, key):
    with pytest.raises(BadInput) as caught:
        save(done, given, now, **changes)
    assert caught.value.key == key
    assert scenarios.listing(done.db, ME) == []


def test_without_a_reason_nothing_is_kept_or_removed(done, given, now):
    with pytest.raises(BadInput):
        scenarios.save(done.db, ME, "甲", given=given, reason=" ", now=now)
    made = save(done, given, now)
    with pytest.raises(BadInput):
        scenarios.remove(done.db, ME, made.id, reason="", now=now)
    assert scenarios.listing(done.db, ME) == [made]
