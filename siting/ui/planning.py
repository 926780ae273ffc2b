"""What the planning page shows: on which runs it rests, which view, which plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import streamlit as st

from siting.actions import candidates as candidate_actions
from siting.actions import effects, permission, plans, runs
from siting.store.runs import Run
from siting.ui import choices, gaps, running
from siting.ui.cached import kept, shared
from siting.ui.parts import Badge
from siting.ui.session import Desk
from siting.ui.text import number, t

NAME = "planning"
VIEWS = ("candidates", "plan", "alternatives", "compare")
VIEW, PLAN = "planning-view", "plan"
#: In the session: the view to turn to when the page is drawn next.
NEXT = "planning.next"
KINDS = ("plan", "score", "coverage")
MOST_PLANS = 30


@dataclass(frozen=True, eq=False)
class State:
    """What stands when the page is drawn.

    Parameters
    ----------
    covered, scored : Run or None
        Newest finished coverage and score run.
    plans : tuple of Run
        Finished plans, the newest first.
    solved : Run or None
        The plan shown.
    open : Run or None
        Long work in progress.
    unanswered : bool
        Whether the newest question got no plan, so that the plan shown answers an earlier one.
    measured : str
        ``persons`` or ``area_m2``.
    """

    covered: Run | None
    scored: Run | None
    plans: tuple[Run, ...]
    solved: Run | None
    open: Run | None
    unanswered: bool
    measured: str


def state(desk: Desk) -> State:
    """What stands now for this person; the plan is the one in the address, else the newest."""
    covered = runs.latest(desk.db, desk.actor, "coverage", status="done")
    every = runs.listing(desk.db, desk.actor, "plan", limit=2 * MOST_PLANS)
    listed = [run for run in every if run.status == "done"]
    asked = st.query_params.get(PLAN, "")
    return State(
        covered=covered,
        scored=runs.latest(desk.db, desk.actor, "score", status="done"),
        plans=tuple(listed[:MOST_PLANS]),
        solved=next((run for run in listed if run.id == asked), listed[0] if listed else None),
        open=running.unfinished(desk, KINDS),
        unanswered=bool(every) and every[0].status in {"failed", "cancelled"},
        measured=gaps.PERSONS if covered is None else gaps.measure(covered),
    )


def candidates(desk: Desk, run_id: str) -> gpd.GeoDataFrame:
    """Candidates of a score run, best first, with what problem points do to them now; not to be changed."""
    version = f"{run_id}.{effects.version(desk.db, desk.actor)}.{permission.version(desk.db, desk.actor)}"
    return shared(desk, "candidates", version, lambda: candidate_actions.candidates(desk.db, desk.actor, run_id))


def plan(desk: Desk, run_id: str) -> Mapping[str, Any]:
    """Figures and frames of a plan run."""
    return kept(desk, f"plan.{desk.lang}", run_id, lambda: plans.plan(desk.db, desk.actor, run_id, lang=desk.lang))


def badges(desk: Desk, now: State) -> list[Badge]:
    """Network and threshold of the coverage run, and which of candidates and plan rest on another one."""
    if now.covered is None:
        return []
    stale = [(now.scored, "ui.badge.stale_score"), (now.solved, "ui.badge.stale_plan")]
    old = [badge for run, key in stale for badge in _stale(desk, now.covered, run, key)]
    return [*gaps.badges(desk, now.covered), *old]


def _stale(desk: Desk, covered: Run, found: Run | None, key: str) -> list[Badge]:
    if found is None or found.params.get("coverage") in ("", None, covered.id):
        return []
    base = runs.get(desk.db, desk.actor, found.params["coverage"])
    return [Badge(t(key, date=gaps.when(base)), "orange")]


def view(views: Mapping[str, str]) -> str:
    """The view chosen, in the address of the page; after a start it is the plan's."""
    following = st.session_state.pop(NEXT, None)
    if following in views:
        st.session_state[VIEW] = following
        choices.remember(VIEW, VIEWS[0])
    return choices.segments(t("ui.planning.view"), views, key=VIEW, hidden=True)


def show(name: str) -> None:
    """Turn to another view when the page is drawn next."""
    st.session_state[NEXT] = name


def title(run: Run) -> str:
    """Minute, question and figures of a plan, for a list of plans."""
    added = number(float(run.result.get("added", float("nan"))))
    return f"{gaps.when(run)} · {limit_words(run.params)} · +{added}"


def limit_words(asked: Mapping[str, Any]) -> str:
    """What a plan is asked for, in short: 30 sites, 300 × 10⁴ yuan, or people to reach."""
    said = []
    if asked.get("count") is not None:
        said.append(t("ui.planning.said.count", n=number(float(asked["count"]))))
    if asked.get("budget_yuan") is not None:
        said.append(t("ui.planning.said.budget", n=number(float(asked["budget_yuan"]) / 1e4)))
    if asked.get("target_persons") is not None:
        said.append(t("ui.planning.said.target", n=number(float(asked["target_persons"]))))
    return " · ".join(said)
