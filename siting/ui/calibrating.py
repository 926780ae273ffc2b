"""Calibration on a page: samples in, a fit judged on blocks it did not see, and the decision to use it or not."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from siting.actions import calibrating, calibrations, measurements, runs
from siting.store.runs import Run
from siting.store.samples import SampleSet
from siting.ui import calibrated, choices, measuring, parts, running, surveying
from siting.ui.offices import minute
from siting.ui.session import Desk, now
from siting.ui.text import UNKNOWN, md, number, t

SAMPLES, FIT, NEXT = "samples", "fit", "next"
DECIDED = "calibration.decided"
LISTED = 20


def panel(desk: Desk) -> None:
    """The whole of it: on the left what to do, on the right what came of it.

    Parameters
    ----------
    desk : Desk
        Who calibrates where.
    """
    side, main = st.columns([1, 3], gap="small")
    with side:
        network = choices.network(desk, key="calibration.network")
        standing(desk, network)
        steps = {SAMPLES: t("ui.calibration.samples"), FIT: t("ui.calibration.fit"), NEXT: t("ui.calibration.next")}
        step = choices.segments(t("ui.calibration.step"), steps, key="step", hidden=True)
    if step == SAMPLES:
        with side:
            measuring.form(desk, network)
        with main:
            measuring.main(desk)
    elif step == NEXT:
        with main:
            surveying.panel(desk, network)
    else:
        _fitting(desk, network, side=side, main=main)


def standing(desk: Desk, network: str) -> None:
    """Whether the network is calibrated, by which run, by whom and when."""
    found = calibrations.in_force(desk.db, network)
    if found is None:
        st.badge(t("ui.badge.uncalibrated"), color="orange")
        return
    st.badge(t("ui.calibration.calibrated"), color="green")
    st.caption(t("ui.calibration.by", name=md(found.adopted_by), at=minute(found.adopted_at)))
    if found.learned is not None:
        st.caption(t("ui.calibration.with_learned"))


def _fitting(
    desk: Desk, network: str, *, side: st.delta_generator.DeltaGenerator, main: st.delta_generator.DeltaGenerator
) -> None:
    finished = [run for run in _done(desk) if run.params["network"] == network]
    with side:
        _start(desk, network)
        run = _chosen(finished)
        if run is not None and desk.may(calibrations.PERMISSION):
            _decide(desk, run, network)
    with main:
        if run is None:
            parts.empty("ui.calibration.no_run")
        else:
            with parts.told():
                calibrated.shown(desk, run)
        _history(desk, network)


def _done(desk: Desk) -> list[Run]:
    found = runs.listing(desk.db, desk.actor, calibrations.KIND, limit=LISTED)
    return [run for run in found if run.status == "done"]


def _start(desk: Desk, network: str) -> None:
    """Sets, profile and options of a new fit."""
    if not runs.may_ask(desk.actor, calibrations.KIND):
        return
    usable = {one.id: one for one in measurements.sets(desk.db, desk.actor) if network in one.networks}
    if not usable:
        st.info(t("ui.calibration.no_sets"), icon=":material/info:")
        return
    chosen = st.multiselect(
        t("ui.calibration.sets"),
        list(usable),
        default=list(usable),
        key=f"calibration.sets.{network}.{len(usable)}",
        placeholder=UNKNOWN,
        select_all=False,
        format_func=lambda name: _set_words(usable[name]),
    )
    params = {
        "network": network,
        "profile": choices.profile(desk, key="calibration.profile"),
        "sets": sorted(chosen),
        "diffraction": st.checkbox(t("ui.calibration.diffraction"), key="calibration.diffraction"),
        "learned": st.checkbox(t("ui.calibration.learned"), key="calibration.learned"),
        "seed": calibrating.SEED,
    }
    if chosen:
        running.panel(desk, calibrations.KIND, params=params, label=t("ui.calibration.start"))
    else:
        st.caption(t("ui.calibration.choose"))


def _set_words(one: SampleSet) -> str:
    return t("ui.calibration.set", name=one.name, n=number(one.rows))


def _chosen(finished: list[Run]) -> Run | None:
    """The run to look at: the newest unless another is chosen."""
    if len(finished) < 2:  # noqa: PLR2004 - nothing to choose from
        return finished[0] if finished else None
    by_id = {run.id: run for run in finished}
    picked = st.selectbox(
        t("ui.calibration.run"),
        list(by_id),
        key=f"calibration.run.{finished[0].id}",
        format_func=lambda name: _run_words(by_id[name]),
    )
    return by_id[str(picked)]


def _run_words(run: Run) -> str:
    values = {"at": minute(run.created_at), "n": number(run.result["samples"])}
    return t("ui.calibration.run_row", **values, rmse_db=number(run.result["rmse_db"], digits=1))


def _decide(desk: Desk, run: Run, network: str) -> None:
    """Adopt, reject or withdraw, with a reason."""
    told = st.session_state.pop(DECIDED, None)
    if told:
        st.success(told, icon=":material/check_circle:")
    force = calibrations.in_force(desk.db, network)
    mine = force is not None and force.run == run.id
    with st.form("calibration.decision", border=True, clear_on_submit=True):
        reason = st.text_input(t("ui.calibration.reason"), key="calibration.reason")
        override = "" if run.result["usable"] or mine else _override()
        if mine:
            wanted = {"withdraw": st.form_submit_button(t("ui.calibration.withdraw"), icon=":material/undo:")}
        else:
            with st.container(horizontal=True):
                wanted = {
                    "adopt": st.form_submit_button(t("ui.calibration.adopt"), type="primary", icon=":material/check:"),
                    "reject": st.form_submit_button(t("ui.calibration.reject"), icon=":material/close:"),
                }
    _act(desk, run, network, wanted, reason=reason, override=override)


def _override() -> str:
    word = calibrations.OVERRIDES[0]
    return st.text_input(t("ui.calibration.override", word=word), key="calibration.override")


def _act(desk: Desk, run: Run, network: str, wanted: Mapping[str, bool], *, reason: str, override: str) -> None:
    move = next((name for name, pressed in wanted.items() if pressed), None)
    if move is None:
        return
    with parts.told():
        if move == "adopt":
            calibrations.adopt(desk.db, desk.actor, run.id, network, reason=reason, override=override, now=now())
        elif move == "reject":
            calibrations.reject(desk.db, desk.actor, run.id, network, reason=reason, now=now())
        else:
            calibrations.withdraw(desk.db, desk.actor, network, reason=reason, now=now())
        st.session_state[DECIDED] = t(f"ui.calibration.done.{move}")
        st.rerun()


def _history(desk: Desk, network: str) -> None:
    """What was decided before, and why."""
    found = calibrations.history(desk.db, desk.actor, network)
    if not found:
        return
    with st.expander(t("ui.calibration.history", n=len(found))):
        shown = pd.DataFrame(
            {
                t("ui.calibration.at"): [minute(one.at) for one in found],
                t("ui.calibration.decision"): [_decision(one) for one in found],
                t("ui.calibration.who"): [one.name for one in found],
                t("ui.samples.org"): [one.org for one in found],
                t("ui.calibration.why"): [one.reason for one in found],
                t("ui.calibration.run"): [one.run for one in found],
            }
        )
        st.dataframe(shown, hide_index=True, height=min(260, 40 + 35 * len(shown)))


def _decision(one: calibrations.Decision) -> str:
    said = t(f"ui.calibration.decided.{one.decision}")
    return t("ui.calibration.overridden", said=said) if one.override else said
