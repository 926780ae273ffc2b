from datetime import timedelta

import pytest

from siting import words
from siting.access import Actor
from siting.actions import runs, worker
from siting.errors import BadInput, Cancelled, NotAllowed, NotFound, NotSolved
from siting.store import journal
from siting.store import runs as stored

AUDITOR = Actor(id="l", name="l", org="l", role="auditor")


class Clock:
    """A clock that a test sets."""

    def __init__(self, now):
        self.now = now

    def __call__(self):
        return self.now

    def later(self, seconds):
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock(now):
    return Clock(now)


@pytest.fixture
def work(monkeypatch):
    """Put a function in the place of the real work of coverage runs."""

    def put(function):
        monkeypatch.setattr(worker, "WORK", {**worker.WORK, "coverage": function})

    return put


def queue(db, actor, now, **options):
    return runs.start(db, actor, "coverage", {"cell_m": 10.0}, now=now, **options)


def test_a_started_run_waits_for_the_worker(district, actor, now):
    run = runs.get(district, actor, queue(district, actor, now))
    assert (run.status, run.kind, run.params, run.actor) == ("queued", "coverage", {"cell_m": 10.0}, "local")
    assert runs.latest(district, actor, "coverage") == run
    assert runs.listing(district, actor) == [run]
    assert runs.latest(district, actor, "plan") is None


def test_the_worker_executes_the_oldest_queued_run(district, actor, clock, work):
    seen = []
    work(lambda _, who, run, __: seen.append((run.id, who.source)) or {"figure": 7})
    first = queue(district, actor, clock.now)
    clock.later(1)
    second = queue(district, actor, clock.now)
    clock.later(1)
    assert worker.step(district, clock=clock)
    assert seen == [(first, "system")]
    done = runs.get(district, actor, first)
    assert (done.status, done.progress, done.result) == ("done", 1.0, {"figure": 7})
    assert runs.get(district, actor, second).status == "queued"
    assert worker.step(district, clock=clock)
    assert not worker.step(district, clock=clock)
    assert journal.recent(district, kind="coverage")[0]["payload"] == {"run": second, "params": {"cell_m": "10.0"}}


def test_a_failing_run_keeps_its_reason_in_words(district, actor, clock, work):
    def fail(*_):
        raise BadInput("coverage.cell", cell_m=-1)

    work(fail)
    run_id = queue(district, actor, clock.now)
    assert worker.step(district, clock=clock)
    run = runs.get(district, actor, run_id)
    assert (run.status, run.result) == ("failed", {})
    assert "-1" in run.message
    assert journal.recent(district, kind="coverage") == []


def test_an_unexpected_error_is_recorded_and_logged_without_its_details_on_the_page(
    district, actor, clock, work, caplog
):
    def break_down(*_):
        raise ZeroDivisionError("secret detail")

    work(break_down)
    run_id = queue(district, actor, clock.now)
    assert worker.step(district, clock=clock)
    run = runs.get(district, actor, run_id)
    assert (run.status, run.message) == ("failed", "run.unexpected")
    assert "ZeroDivisionError: secret detail" in caplog.text


@pytest.mark.parametrize(
    ("error", "status"),
    [(NotSolved("plan.clash", rules="x"), "failed"), (KeyboardInterrupt(), "cancelled"), (OSError(), "failed")],
)
def test_work_done_at_once_never_stays_running(district, actor, clock, work, error, status):
    def fail(*_):
        raise error

    work(fail)
    with pytest.raises(type(error)):
        worker.run_now(district, actor, "coverage", {}, clock=clock)
    assert runs.latest(district, actor, "coverage").status == status


def test_a_run_that_waits_is_cancelled_at_once(district, actor, clock):
    run_id = queue(district, actor, clock.now)
    runs.cancel(district, actor, run_id, now=clock.now)
    assert runs.get(district, actor, run_id).status == "cancelled"
    assert not worker.step(district, clock=clock)


def test_running_work_stops_at_its_next_step_when_asked(district, actor, clock, work):
    reached = []

    def steps(db, who, run, report):
        report.step("run.stage.scene", 0.0, 0.5)
        runs.cancel(db, who, run.id, now=clock.now)
        reached.append("scene")
        report.step("run.stage.coverage", 0.5, 1.0)
        reached.append("coverage")
        return {}

    work(steps)
    run_id = queue(district, actor, clock.now)
    assert worker.step(district, clock=clock)
    assert reached == ["scene"]
    run = runs.get(district, actor, run_id)
    assert (run.status, run.progress, run.stage) == ("cancelled", 0.5, "run.stage.coverage")


def test_the_mapper_of_a_run_stops_between_tasks(district, actor, clock):
    run_id = queue(district, actor, clock.now, status="running")
    report = runs.Reporter(district, run_id, clock)
    report.step("run.stage.coverage", 0.0, 1.0)
    done = []

    def task(number):
        clock.later(1)
        if number == 2:
            runs.cancel(district, actor, run_id, now=clock.now)
        done.append(number)

    with pytest.raises(Cancelled):
        list(report.mapper()(task, range(10)))
    assert done == [0, 1, 2]


def test_progress_is_written_with_a_heartbeat_at_most_twice_a_second(district, actor, clock):
    run_id = queue(district, actor, clock.now, status="running")
    report = runs.Reporter(district, run_id, clock)
    report.step("run.stage.coverage", 0.2, 0.6)
    clock.later(0.1)
    report.progress(0.5)
    assert runs.get(district, actor, run_id).progress == pytest.approx(0.2)
    clock.later(0.5)
    report.progress(0.5)
    run = runs.get(district, actor, run_id)
    assert run.progress == pytest.approx(0.4)
    assert run.heartbeat_at == clock.now.isoformat(timespec="milliseconds")


def test_a_step_that_begins_its_count_again_does_not_take_progress_back(district, actor, clock):
    outer, inner = (queue(district, actor, clock.now, status="running") for _ in range(2))
    parent = runs.Reporter(district, outer, clock)
    parent.step("run.stage.candidates", 0.25, 0.5)
    child = runs.Reporter(district, inner, clock, parent=parent)
    child.step("run.stage.emf", 0.6, 0.8)
    told = []
    for share in (0.5, 1.0, 0.1, 0.5, 1.0):
        clock.later(1)
        child.progress(share)
        told.append(runs.get(district, actor, outer).progress)
    assert told == pytest.approx([0.425, 0.45, 0.45, 0.45, 0.45])


def test_a_run_inside_another_moves_and_stops_with_it(district, actor, clock):
    outer, inner = (queue(district, actor, clock.now, status="running") for _ in range(2))
    parent = runs.Reporter(district, outer, clock)
    parent.step("run.stage.candidates", 0.0, 0.5)
    child = runs.Reporter(district, inner, clock, parent=parent)
    clock.later(1)
    child.step("run.stage.reach", 0.4, 1.0)
    assert runs.get(district, actor, outer).progress == pytest.approx(0.2)
    assert runs.get(district, actor, outer).stage == "run.stage.reach"
    runs.cancel(district, actor, outer, now=clock.now)
    clock.later(1)
    with pytest.raises(Cancelled):
        child.step("run.stage.score", 0.9, 1.0)


def test_a_run_whose_worker_fell_silent_is_failed_and_never_one_that_still_beats(district, actor, clock):
    silent = queue(district, actor, clock.now, status="running")
    clock.later(stored.STALE_AFTER.total_seconds())
    beating = queue(district, actor, clock.now, status="running")
    clock.later(1)
    assert not worker.step(district, clock=clock)
    found = runs.get(district, actor, silent)
    assert (found.status, found.message) == ("failed", "run.lost_worker")
    assert runs.get(district, actor, beating).status == "running"


def test_somebody_without_the_permission_is_refused_everywhere(district, actor, now):
    run_id = queue(district, actor, now)
    for forbidden in (
        lambda: queue(district, AUDITOR, now),
        lambda: runs.get(district, AUDITOR, run_id),
        lambda: runs.cancel(district, AUDITOR, run_id, now=now),
        lambda: runs.listing(district, AUDITOR),
        lambda: runs.latest(district, AUDITOR, "coverage"),
        lambda: runs.finished(district, AUDITOR, "coverage", run_id),
    ):
        with pytest.raises(NotAllowed):
            forbidden()
    assert runs.get(district, actor, run_id).status == "queued"


def test_what_is_not_there_is_said_so(district, actor, now):
    with pytest.raises(BadInput, match="dance"):
        runs.start(district, actor, "dance", {}, now=now)
    for unknown in (lambda: runs.get(district, actor, "none"), lambda: runs.cancel(district, actor, "none", now=now)):
        with pytest.raises(NotFound):
            unknown()
    with pytest.raises(BadInput, match="先运行"):
        runs.finished(district, actor, "coverage", None)
    with pytest.raises(BadInput, match="先运行"):
        runs.finished(district, actor, "coverage", queue(district, actor, now))


@pytest.mark.parametrize("run_id", ["..", "../x", "a/b", ""])
def test_a_run_id_from_outside_never_leaves_the_folder_of_runs(district, run_id):
    with pytest.raises(NotFound):
        runs.folder(district, run_id)


def test_how_many_samples_others_brought_in_stays_with_those_who_see_samples(done, actor, now):
    db = done.db
    run_id = runs.start(db, actor, "coverage", {"network": "ctcu-n78-a"}, now=now, status="running")
    result = {"samples": 7, "uncovered": 1.0, "networks": {"ctcu-n78-a": {"samples": 7, "uncovered": 1.0}}}
    runs.close(db, actor, stored.get(db, run_id), result, now=now)
    owner = Actor(id="a", name="a", org="南开区城市管理委员会", role="leader")
    street = Actor(id="s", name="s", org="长虹街道办事处", role="coordinator")
    assert runs.get(db, owner, run_id).result == result
    assert runs.get(db, street, run_id).result == {"uncovered": 1.0, "networks": {"ctcu-n78-a": {"uncovered": 1.0}}}
    assert runs.finished(db, street, "coverage", run_id).result == runs.get(db, street, run_id).result


def test_a_kept_reason_speaks_the_language_of_whoever_reads_it(district, actor, clock, work):
    def fail(*_):
        raise NotSolved("plan.clash", rules=BadInput("run.kind", kind="x", known="y"))

    work(fail)
    run_id = queue(district, actor, clock.now)
    assert worker.step(district, clock=clock)
    kept = runs.get(district, actor, run_id).message
    for lang in ("zh_CN", "en"):
        error = NotSolved("plan.clash", rules=BadInput("run.kind", kind="x", known="y"))
        assert runs.said(kept, lang) == error.message(lang)
    assert runs.said("run.unexpected", "en") == words.say("run.unexpected", lang="en")
    assert runs.said("7", "en") == "7"
    assert runs.said("", "en") == ""
