"""The small district with a finished coverage, score and plan run, made once."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from siting import settings
from siting.actions import candidates, coverage, plans, runs, worker
from siting.store import layers
from siting.store.database import Database, open_database
from siting.store.runs import Run

COUNT = 5
NETWORKS = ["ctcu-n78-a", "cm-n41"]
CANARIES = ("{{7*7}}", "<img src=x onerror=alert(1)>", "</script><script>alert(1)</script>", "${1}", "=1+1", "@SUM(1)")


@dataclass(frozen=True)
class Done:
    """An open district and its finished runs."""

    db: Database
    coverage: Run
    score: Run
    plan: Run


@pytest.fixture(scope="session")
def planned_folder(small_project, tmp_path_factory, actor, now) -> tuple[Path, dict[str, str]]:
    """A copy of the small district, its assets named after `CANARIES`, in which coverage, score and a plan were run."""
    folder = tmp_path_factory.mktemp("planned") / "district"
    shutil.copytree(small_project, folder)
    db = open_database(settings.load(folder))
    _rename(db, now)

    def run(kind, wanted):
        return worker.run_now(db, actor, kind, wanted, clock=lambda: now)

    first = run("coverage", coverage.params(db, {}))
    second = run("score", candidates.params(first.id, admit_unknown=False))
    third = run("plan", plans.params(db.settings, {"coverage": first.id, "count": COUNT}))
    db.engine.dispose()
    return folder, {"coverage": first.id, "score": second.id, "plan": third.id}


@pytest.fixture(scope="session")
def two_folder(planned_folder, tmp_path_factory, actor, now) -> tuple[Path, dict[str, str]]:
    """A copy of it in which two networks of different operators were covered and scored."""
    folder = tmp_path_factory.mktemp("two") / "district"
    shutil.copytree(planned_folder[0], folder)
    db = open_database(settings.load(folder))
    first = worker.run_now(db, actor, "coverage", coverage.params(db, {"networks": NETWORKS}), clock=lambda: now)
    second = worker.run_now(db, actor, "score", candidates.params(first.id, admit_unknown=False), clock=lambda: now)
    db.engine.dispose()
    return folder, {"coverage": first.id, "score": second.id}


def _rename(db, now):
    """Every asset carries a name that would run if anything took it for more than text."""
    frame = layers.read(db, "assets")
    frame["name"] = [CANARIES[i % len(CANARIES)] for i in range(len(frame))]
    with db.write() as connection:
        layers.upsert(connection, "assets", frame, provenance={"source_name": "test"}, now=now)


@pytest.fixture
def done(planned_folder, tmp_path, actor):
    """One's own copy of the district with its runs."""
    made, ids = planned_folder
    folder = tmp_path / "planned"
    shutil.copytree(made, folder)
    db = open_database(settings.load(folder))
    yield Done(db, **{kind: runs.get(db, actor, run_id) for kind, run_id in ids.items()})
    db.engine.dispose()
