"""Execute queued runs: the loop of the worker process, and the same step for the command line."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from siting import settings
from siting.access import Actor
from siting.actions import alternatives, calibrating, coverage, people, plans, stability, unblocking, whatif
from siting.actions import runs as run_actions
from siting.errors import SitingError, Unavailable
from siting.store import runs
from siting.store.database import Database, open_database
from siting.store.runs import Run

LOG = logging.getLogger("siting.worker")
IDLE_S = 0.25
AWAY_S = 5.0
WORK: Mapping[str, run_actions.Work] = {
    "coverage": coverage.execute,
    "score": plans.execute_score,
    "plan": plans.execute_plan,
    "alternatives": alternatives.execute,
    "unblock": unblocking.execute,
    "calibrate": calibrating.execute,
    stability.KIND: stability.execute,
}


def execute(
    db: Database, actor: Actor, run: Run, *, clock: Callable[[], datetime], bench: whatif.Bench | None = None
) -> Run:
    """Do the work of a claimed run and close it; what goes wrong is raised after it is recorded.

    Parameters
    ----------
    bench : Bench, optional
        What the last what-if left standing; without it every one begins anew.

    Raises
    ------
    SitingError
        The reason for which the run failed or stopped.
    """
    work: dict[str, run_actions.Work] = {**WORK, whatif.KIND: partial(whatif.execute, bench or whatif.Bench())}
    return run_actions.perform(db, actor, run, work[run.kind], run_actions.Reporter(db, run.id, clock))


def run_now(db: Database, actor: Actor, kind: str, params: Mapping[str, Any], *, clock: Callable[[], datetime]) -> Run:
    """Record and execute at once, in this process: how the command line works."""
    run_id = run_actions.start(db, actor, kind, params, now=clock(), status="running")
    return execute(db, actor, runs.get(db, run_id), clock=clock)


def step(db: Database, *, clock: Callable[[], datetime], bench: whatif.Bench | None = None) -> bool:
    """Execute one queued run if there is one; whether there was."""
    run = runs.claim(db, now=clock())
    if run is None:
        return False
    try:
        execute(db, people.requester(db, run), run, clock=clock, bench=bench)
    except SitingError as error:
        LOG.warning("run %s: %s", run.id, error)
    except Exception:
        LOG.exception("run %s failed unexpectedly", run.id)
    return True


def turn(db: Database, *, bench: whatif.Bench | None = None) -> float:
    """One step; how long to rest after it [s], longer while the store does not answer."""
    try:
        return 0.0 if step(db, clock=_now, bench=bench) else IDLE_S
    except Unavailable as error:
        LOG.warning("%s", error)
        return AWAY_S


def _now() -> datetime:
    return datetime.now(UTC).astimezone()


def main() -> None:
    """``python -m siting.actions.worker DIR``: work until the parent goes away."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    db = open_database(settings.load(Path(sys.argv[1])))
    parent, bench = os.getppid(), whatif.Bench()
    while os.getppid() == parent:
        time.sleep(turn(db, bench=bench))


if __name__ == "__main__":
    main()
