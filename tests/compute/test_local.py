import pytest

from siting.compute import local
from siting.errors import Cancelled


def test_results_come_in_the_order_of_the_tasks():
    assert local.run(abs, [-3, 1, -2]) == [3, 1, 2]


def test_two_processes_give_the_same_results_as_one():
    tasks = list(range(-20, 20))
    assert local.run(abs, tasks, processes=2) == local.run(abs, tasks)


def test_progress_rises_to_one():
    seen: list[float] = []
    local.run(abs, range(4), progress=seen.append)
    assert seen == [0.25, 0.5, 0.75, 1.0]


def test_a_cancelled_run_stops_after_the_task_in_hand():
    done: list[int] = []
    with pytest.raises(Cancelled):
        local.run(done.append, range(5), cancelled=lambda: len(done) == 2)
    assert done == [0, 1]


def test_no_tasks_give_no_results():
    assert list(local.mapper()(abs, [])) == []
