"""Long work on a page: start, progress, cancel; everything is in the run's row, so a reload loses nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from siting.actions import runs
from siting.ui import parts
from siting.ui.session import Desk, now
from siting.ui.text import md, t

OPEN = ("queued", "running")
EVERY_S = 1.0


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
    if not runs.may_ask(desk.actor, kind):
        return
    if st.button(label, key=f"run.{kind}.start", type="primary", icon=":material/play_arrow:", width="stretch"):
        with parts.told():
            runs.start(desk.db, desk.actor, kind, params, now=now())
            st.rerun()
    if latest is not None and latest.status == "failed":
        st.error(t("ui.run.failed", message=md(t(latest.message))), icon=":material/error:")
    if latest is not None and latest.status == "cancelled":
        st.warning(t("ui.run.cancelled"), icon=":material/cancel:")


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
    st.progress(min(max(run.progress, 0.0), 1.0), text=f"{md(stage)} {run.progress:.0%}")
    if run.message:
        st.caption(md(run.message))
    if run.cancel_requested:
        st.caption(t("ui.run.stopping"))
    elif runs.may_ask(desk.actor, run.kind) and st.button(
        t("ui.run.cancel"), key=f"run.{run.kind}.cancel", icon=":material/stop:"
    ):
        runs.cancel(desk.db, desk.actor, run_id, now=now())
        st.rerun(scope="fragment")
