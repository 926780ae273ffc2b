"""Long work on a page: start, progress, cancel; everything is in the run's row and folder, so a reload loses nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import streamlit as st

from siting.actions import curves, runs
from siting.store.runs import Run
from siting.ui import curve, parts
from siting.ui.session import Desk, now
from siting.ui.text import md, number, t

OPEN = ("queued", "running")
EVERY_S = 1.0
CURVED = ("plan",)


def panel(desk: Desk, kind: str, *, params: Mapping[str, Any], label: str) -> None:
    """The start button of a kind of run, or the progress of the one that is open, with a cancel button.

    Who may not ask for this kind sees the progress alone.

    Parameters
    ----------
    desk : Desk
        For whom.
    kind : str
        ``coverage``, ``score`` or ``plan``.
    params : mapping
        What to compute when started.
    label : str
        Words on the button.
    """
    latest = runs.latest(desk.db, desk.actor, kind)
    if latest is not None and latest.status in OPEN:
        follow(desk, latest.id)
        return
    if start(desk, kind, params=params, label=label):
        st.rerun()
    ended(desk, latest)


def start(
    desk: Desk,
    kind: str,
    *,
    params: Mapping[str, Any] | Callable[[], Mapping[str, Any]],
    label: str,
    primary: bool = True,
    started: Callable[[], None] | None = None,
) -> bool:
    """The button that queues a run, for who may ask for it; whether it was just queued.

    Parameters
    ----------
    params : mapping or callable
        What to compute; a callable is asked when the button is pressed, and its refusal is told.
    primary : bool
        Whether it is the page's main button.
    started : callable, optional
        Called once the run is queued, before the page is drawn anew.
    """
    if not runs.may_ask(desk.actor, kind):
        return False
    style = {"type": "primary" if primary else "secondary", "icon": ":material/play_arrow:" if primary else None}
    if not st.button(label, key=f"run.{kind}.start", width="stretch", **style):  # type: ignore[arg-type]
        return False
    with parts.told():
        runs.start(desk.db, desk.actor, kind, params() if callable(params) else params, now=now())
        if started is not None:
            started()
        return True
    return False


def ended(desk: Desk, latest: Run | None) -> None:
    """How the last run ended, unless it ended well."""
    if latest is not None and latest.status == "failed":
        st.error(t("ui.run.failed", message=md(runs.said(latest.message, desk.lang))), icon=":material/error:")
    if latest is not None and latest.status == "cancelled":
        st.warning(t("ui.run.cancelled"), icon=":material/cancel:")


def unfinished(desk: Desk, kinds: Sequence[str]) -> Run | None:
    """The open run of some kinds that a page follows: of several the first kind named, as it waits for the others."""
    found = (runs.latest(desk.db, desk.actor, kind) for kind in kinds)
    return next((run for run in found if run is not None and run.status in OPEN), None)


@st.fragment(run_every=EVERY_S)
def follow(desk: Desk, run_id: str) -> None:
    """The progress of one open run, with a cancel button; the page starts again when it ends."""
    with parts.told():
        _followed(desk, run_id)


def _followed(desk: Desk, run_id: str) -> None:
    run = runs.get(desk.db, desk.actor, run_id)
    if run.status not in OPEN:
        st.rerun()
    stage = t(run.stage) if run.stage else t(f"ui.run.{run.status}")
    seconds = t("ui.run.seconds", n=number(_seconds(run)))
    st.progress(min(max(run.progress, 0.0), 1.0), text=f"{md(stage)} {run.progress:.0%} · {seconds}")
    if run.message:
        st.caption(md(run.message))
    if run.kind in CURVED:
        curve.live(curves.curve(desk.db, desk.actor, run.id))
    if run.cancel_requested:
        st.caption(t("ui.run.stopping"))
    elif runs.may_ask(desk.actor, run.kind) and st.button(
        t("ui.run.cancel"), key=f"run.{run.kind}.cancel", icon=":material/stop:"
    ):
        runs.cancel(desk.db, desk.actor, run_id, now=now())
        st.rerun(scope="fragment")


def _seconds(run: Run) -> float:
    """Since it was asked for [s]; never below 0, whatever the clocks of two machines say."""
    return max(0.0, (now() - datetime.fromisoformat(run.started_at or run.created_at)).total_seconds())
