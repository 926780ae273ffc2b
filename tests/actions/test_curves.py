"""The way of a solution is kept while it is found."""

import math
from datetime import timedelta

import pytest

from siting.actions import curves, plans, runs, worker
from siting.errors import NotFound


class Clock:
    def __init__(self, now):
        self.now = now

    def __call__(self):
        return self.now


@pytest.fixture
def recorder(district, actor, now):
    run_id = runs.start(district, actor, "plan", {}, now=now, status="running")
    clock = Clock(now)
    made = curves.Curve(runs.folder(district, run_id), clock, base_value=100.0)

    def tell(after_s, *state):
        clock.now = now + timedelta(seconds=after_s)
        made.tell(*state)

    return run_id, tell, made


def test_points_are_what_is_added_over_the_seconds_since_the_first(district, actor, recorder):
    run_id, tell, _ = recorder
    tell(3, "greedy", 130.0, math.inf)
    tell(5, "bound", 130.0, 170.0)
    found = curves.curve(district, actor, run_id)
    assert found["step"].tolist() == ["greedy", "bound"]
    assert found["seconds"].tolist() == [0.0, 2.0]
    assert found["value"].tolist() == [30.0, 30.0]
    assert found["bound"].tolist() == [math.inf, 70.0]


def test_a_run_that_has_not_begun_to_solve_has_no_points_and_an_unseen_one_is_not_found(district, actor, recorder):
    assert curves.curve(district, actor, recorder[0]).empty
    with pytest.raises(NotFound):
        curves.curve(district, actor, "plan-of-nobody")


def test_the_file_is_written_at_most_twice_a_second_and_whole_when_saved(district, actor, recorder):
    run_id, tell, made = recorder
    for i in range(10):
        tell(0.1 * i, "search", 100.0 + i, math.inf)
    assert curves.curve(district, actor, run_id)["value"].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    made.save()
    assert curves.curve(district, actor, run_id)["value"].max() == 9.0


def test_a_long_run_keeps_few_points_its_last_among_them(district, actor, recorder):
    run_id, tell, made = recorder
    for i in range(5 * curves.MOST):
        tell(0.02 * i, "search", 100.0 + i, math.inf)
    made.save()
    found = curves.curve(district, actor, run_id)
    assert len(found) <= curves.MOST
    assert found["value"].iloc[-1] == 5 * curves.MOST - 1
    assert found["seconds"].is_monotonic_increasing


def test_a_finished_plan_kept_its_way_up_to_its_value_and_bound(done, actor):
    found = curves.curve(done.db, actor, done.plan.id)
    result = plans.plan(done.db, actor, done.plan.id)
    assert found["value"].iloc[-1] == pytest.approx(result["added"])
    assert found["bound"].iloc[-1] == pytest.approx(result["bound"] - result["base_value"])
    assert worker.WORK["plan"] is plans.execute_plan
