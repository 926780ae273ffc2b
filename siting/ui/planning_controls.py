"""The left column of the planning page: what to reach, by which rules, and the buttons that compute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from siting.actions import candidates, coverage, planasked, runs
from siting.ui import choices, planning, planning_picks, planrules, running
from siting.ui.planning import State
from siting.ui.session import Desk
from siting.ui.text import number, percent, t

TARGETS = ("count", "budget", "both", "target")
YUAN_PER_UNIT = 1e4
COUNTS, BUDGETS, PEOPLE = (1, 500, 30), (1, 100_000, 300), (1, 10_000_000, 5000)
GAPS, SECONDS = (0.0, 50.0), (1, 3600)


def panel(desk: Desk, now: State) -> dict[str, Any]:
    """Draw the column; what a plan would be asked now."""
    asked: dict[str, Any] = {**_limit(now.measured), **_effort(desk)}
    asked |= planrules.panel(desk, now.scored)
    asked["admit"] = _admit()
    asked["lock"], asked["forbid"] = planning_picks.picked(), planning_picks.banned()
    _by_hand(asked)
    if now.open is not None:
        running.follow(desk, now.open.id)
    else:
        _buttons(desk, now, asked)
    return asked


def _limit(measured: str) -> dict[str, float]:
    """A number of points, a budget, both, or people to reach for the least money."""
    by = choices.segments(
        t("ui.planning.by"), {name: t(f"ui.planning.by.{name}") for name in TARGETS}, key="by", hidden=True
    )
    asked: dict[str, float] = {}
    with st.container(horizontal=True, gap="small"):
        if by in {"count", "both"}:
            asked["count"] = _number("count", COUNTS)
        if by in {"budget", "both"}:
            asked["budget_yuan"] = YUAN_PER_UNIT * _number("budget", BUDGETS)
        if by == "target":
            asked["target_persons"] = float(_number("target", PEOPLE, unit=t(f"ui.unit.{measured}")))
    return asked


def _number(name: str, bounds: tuple[int, int, int], **values: object) -> int:
    low, high, usual = bounds
    return int(st.number_input(t(f"ui.planning.{name}", **values), low, high, usual, key=name, bind="query-params"))


def _effort(desk: Desk) -> dict[str, float]:
    """How near the bound is near enough, and how long to look for it."""
    with st.container(horizontal=True, gap="small"):
        gap = st.number_input(
            t("ui.planning.gap"), *GAPS, 100 * desk.settings.number("plan.gap"), 0.5, key="gap", bind="query-params"
        )
        usual = int(desk.settings.number("plan.time_limit_s"))
        seconds = st.number_input(t("ui.planning.seconds"), *SECONDS, usual, 10, key="seconds", bind="query-params")
    return {"gap": gap / 100, "time_limit_s": float(seconds)}


def _admit() -> list[str]:
    unknown = st.checkbox(
        t("ui.planning.admit_unknown"), key="unknown", bind="query-params", help=t("ui.planning.admit_help")
    )
    return [candidates.STUDY] if unknown else []


def _by_hand(asked: Mapping[str, Any]) -> None:
    """How many points are picked and forbidden, and the button that forgets them."""
    if not asked["lock"] and not asked["forbid"]:
        return
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        said = [t(f"ui.planning.{name}", n=len(keys)) for name, keys in _hands(asked) if keys]
        st.markdown(" · ".join(said), width="content")
        st.button(t("ui.planning.clear"), on_click=planning_picks.clear, icon=":material/close:", key="hands.clear")


def _hands(asked: Mapping[str, Any]) -> tuple[tuple[str, list[str]], ...]:
    return ("picked", asked["lock"]), ("banned", asked["forbid"])


def _buttons(desk: Desk, now: State, asked: Mapping[str, Any]) -> None:
    """Solve, which computes what is missing before it, and the steps before it alone; how the last run ended."""
    base = (
        {"coverage": now.covered.id} if now.covered is not None else {"coverage_params": coverage.params(desk.db, {})}
    )
    wanted = {**base, **asked}
    queued = running.start(
        desk,
        "plan",
        params=lambda: planasked.params(desk.db, desk.actor, wanted),
        label=t("ui.planning.solve", what=planning.limit_words(asked)),
        started=_started,
    )
    if now.covered is None:
        queued |= running.start(
            desk, "coverage", params=coverage.params(desk.db, {}), label=t("ui.planning.cover"), primary=False
        )
    else:
        study = candidates.STUDY in asked["admit"]
        scoring = candidates.params(now.covered.id, admit_unknown=study)
        queued |= running.start(desk, "score", params=scoring, label=t("ui.planning.score"), primary=False)
    if queued:
        st.rerun()
    _ended(desk)


def _started() -> None:
    st.session_state[planning.NEXT] = "plan"
    st.query_params.pop(planning.PLAN, None)


def _ended(desk: Desk) -> None:
    """How the newest run ended unless it ended well; a plan that somebody stopped is there, and says so."""
    latest = [runs.latest(desk.db, desk.actor, kind) for kind in planning.KINDS]
    known = [run for run in latest if run is not None]
    newest = max(known, key=lambda run: run.created_at, default=None)
    running.ended(desk, newest)
    if newest is not None and newest.kind == "plan" and newest.result.get("status") == "cancelled":
        st.warning(
            t("ui.planning.stopped", n=number(newest.result["count"]), gap=percent(newest.result["gap"], digits=2)),
            icon=":material/front_hand:",
        )
