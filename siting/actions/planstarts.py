"""What an earlier plan is good for: a larger limit starts from the best stored plan of a smaller one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from siting.access import Actor
from siting.actions import runs
from siting.actions.planparams import LIMITS, params, same_question
from siting.actions.question import Question
from siting.errors import BadInput
from siting.findings import Finding
from siting.plan.result import broken
from siting.store import artefacts
from siting.store.database import Database
from siting.store.runs import Run

#: What two plans may differ in and still answer one question under different limits.
BESIDES = (*LIMITS, "gap", "time_limit_s", "kicks", "seed", "start", "scenario", "coverage_params")
LOOKED_AT = 200
#: How many stored plans are tried, the best first.
TRIED = 5
Start = tuple[str, tuple[str, ...]]


def best(
    db: Database, actor: Actor, asks: Question, asked: Mapping[str, Any], score_run: str
) -> tuple[Start | None, tuple[Finding, ...]]:
    """The plan to start from: run and the options that are free in this question; what became of the one asked for.

    The one named in ``start`` and the best stored one of the same question under a smaller limit are taken, if they
    hold here; the one worth more is given back.  The least yuan for a number of people starts from none.
    """
    if "target_persons" in asked:
        unused = Finding(code="plan_start_unusable", severity="info", value=asked["start"])
        return None, (unused,) if asked["start"] else ()
    found = [_usable(db, asks, run) for run in _smaller(db, actor, asked, score_run)]
    starts = [start for start in found if start is not None][:1]
    told: tuple[Finding, ...] = ()
    if asked["start"]:
        own = _usable(db, asks, runs.finished(db, actor, "plan", asked["start"]))
        starts += [] if own is None else [own]
        if own is None:
            told = (Finding(code="plan_start_unusable", severity="info", value=asked["start"]),)
    return (max(starts, key=lambda start: _worth(asks, start[1])) if starts else None), told


def _smaller(db: Database, actor: Actor, asked: Mapping[str, Any], score_run: str) -> list[Run]:
    """Finished plans of the same question under a smaller limit, the best first."""
    done = [run for run in runs.listing(db, actor, "plan", limit=LOOKED_AT) if run.status == "done"]
    same = [run for run in done if run.result.get("score") == score_run and _is_smaller(db, run, asked)]
    return sorted(same, key=lambda run: (-float(run.result["value"]), run.id))[:TRIED]


def _is_smaller(db: Database, run: Run, asked: Mapping[str, Any]) -> bool:
    try:
        other = params(db.settings, run.params)
    except BadInput:
        return False
    shared = [name for name in ("count", "budget_yuan") if name in asked and name in other]
    smaller = any(other[name] < asked[name] for name in shared) and all(other[name] <= asked[name] for name in shared)
    return smaller and same_question(other, asked, besides=BESIDES)


def _usable(db: Database, asks: Question, run: Run) -> Start | None:
    """A stored plan's free options, if they meet every limit and rule of this question."""
    sites = artefacts.load_table(runs.folder(db, run.id), "plan_sites", columns=["option_id"])
    place = {str(name): at for at, name in enumerate(asks.problem.option_id)}
    names = [str(name) for name in sites["option_id"]]
    if not set(names) <= set(place):
        return None
    places = np.array([place[name] for name in names], np.int64)
    held = np.union1d(places, np.flatnonzero(asks.problem.locked))
    free = tuple(name for name in names if not asks.problem.locked[place[name]])
    return None if broken(asks.problem, held) else (run.id, free)


def _worth(asks: Question, names: Sequence[str]) -> float:
    held = np.flatnonzero(asks.problem.locked | np.isin(asks.problem.option_id, list(names)))
    return asks.value(held)
