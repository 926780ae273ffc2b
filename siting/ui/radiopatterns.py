"""Measured antenna patterns on a page: the list, both cuts as lines, and the import that a person decides."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from siting.actions import radiopatterns, radiotables
from siting.findings import Findings
from siting.radio.antenna import Pattern
from siting.radio.network import MARKS
from siting.ui import parts, radioparts
from siting.ui.parts import Card
from siting.ui.session import Desk, now
from siting.ui.text import UNKNOWN, md, number, t

KEY = "radiotable.pattern"
# How many files were kept: each time the upload begins empty again.
TURN = f"{KEY}.turn"
TYPES = ("msi", "pln", "txt")
LISTED = (
    *("name", "mark", "gain_dbi", "hpbw_h_deg", "hpbw_v_deg", "make", "frequency", "tilt"),
    *("file", "edition", "changed_at", "changed_by", "reason", "sha256"),
)
COLOURS = {"horizontal": "#1F6FB4", "vertical": "#C8641E"}
CHART_PX = 260
ASKED = "vertical_flipped"


def view(desk: Desk) -> None:
    """Patterns that stand, one of them drawn; for who may change the tables, the import of another."""
    held = radiopatterns.listing(desk.db, desk.actor)
    left, right = st.columns([3, 2], gap="small")
    with left:
        if held.empty:
            parts.empty("radiotable.no_patterns")
        else:
            _list(held)
            _one(desk, held["name"].tolist())
    with right:
        if desk.may(radiotables.PERMISSION):
            _import(desk)
        st.caption(t("radiotable.pattern_note"))


def chart(pattern: Pattern) -> alt.Chart:
    """Both cuts as lines: gain [dBi] over the angle from the boresight, or down from the horizon."""
    angles = np.arange(-180, 181)
    cuts = {"horizontal": pattern.horizontal_db, "vertical": pattern.vertical_db}
    titles = {name: t(f"radiotable.cut.{name}") for name in cuts}
    long = pd.concat(
        pd.DataFrame({"angle": angles, "gain": pattern.peak_dbi - np.array(cut)[angles % 360], "cut": titles[name]})
        for name, cut in cuts.items()
    )
    colours = alt.Scale(domain=list(titles.values()), range=[COLOURS[name] for name in titles])
    return (
        alt.Chart(long)
        .mark_line()
        .encode(
            x=alt.X("angle:Q", title=t("radiotable.axis.angle"), scale=alt.Scale(domain=[-180, 180], nice=False)),
            y=alt.Y("gain:Q", title=t("radiotable.axis.gain")),
            color=alt.Color("cut:N", title=None, scale=colours, legend=alt.Legend(orient="top", labelLimit=0)),
            tooltip=[alt.Tooltip("cut:N"), alt.Tooltip("angle:Q"), alt.Tooltip("gain:Q", format=".1f")],
        )
        .properties(height=CHART_PX)
    )


def _list(held: pd.DataFrame) -> None:
    widths = {name: held[name].round(1) for name in ("hpbw_h_deg", "hpbw_v_deg")}
    frame = held.assign(
        mark=radioparts.marked(held["mark"]), changed_at=held["changed_at"].map(radioparts.stamp), **widths
    )
    st.dataframe(frame[list(LISTED)].rename(columns=radioparts.heading), hide_index=True, placeholder=UNKNOWN)


def _one(desk: Desk, names: list[str]) -> None:
    """One pattern drawn, and the way out of use."""
    name = str(st.selectbox(t("radiotable.view.patterns"), names, key=f"{KEY}.shown"))
    st.altair_chart(chart(radiotables.patterns(desk.db)[name]), width="stretch")
    if not desk.may(radiotables.PERMISSION):
        return
    with st.popover(t("radiotable.drop"), icon=":material/block:"), st.form(f"{KEY}.drop", border=False):
        reason = st.text_input(t("radiotable.reason_field"), key=f"{KEY}.dropwhy")
        pressed = st.form_submit_button(t("radiotable.drop"), type="primary")
    if pressed:
        with parts.told():
            radioparts.finish(radiopatterns.drop(desk.db, desk.actor, name, reason=reason, now=now()))


def _import(desk: Desk) -> None:
    """A file, what it says, and what a person must decide before it is kept."""
    turn = st.session_state.setdefault(TURN, 0)
    file = st.file_uploader(t("radiotable.upload"), TYPES, key=f"{KEY}.file.{turn}")
    if file is None:
        return
    with parts.told():
        found, findings = radiopatterns.read(desk.db, desk.actor, file.getvalue())
        doubtful = any(finding.code == ASKED for finding in findings)
        flip = _turn() if doubtful else False
        if flip:
            found, _ = radiopatterns.read(desk.db, desk.actor, file.getvalue(), flip=True)
        _read(desk, found, findings)
        _keep(desk, file, found.name, flip=flip)


def _turn() -> bool | None:
    """Whether the vertical cut is upside down: nobody but a person can say."""
    terms = {"keep": t("radiotable.flip.keep"), "turn": t("radiotable.flip.turn")}
    chosen = st.radio(
        t("radiotable.flip"), list(terms), index=None, key=f"{KEY}.flip", format_func=terms.get, horizontal=True
    )
    return None if chosen is None else chosen == "turn"


def _read(desk: Desk, found: Pattern, findings: Findings) -> None:
    parts.cards(
        [
            Card(t("radiotable.column.gain_dbi"), number(found.peak_dbi, digits=1)),
            Card(t("radiotable.column.hpbw_h_deg"), number(found.hpbw_h_deg, digits=1)),
            Card(t("radiotable.column.hpbw_v_deg"), number(found.hpbw_v_deg, digits=1)),
        ]
    )
    for finding in findings:
        box = st.info if finding.severity == "info" else st.warning
        box(md(finding.say("message", lang=desk.lang) + finding.say("remedy", lang=desk.lang)))
    st.altair_chart(chart(found), width="stretch", key=f"{KEY}.preview")


def _keep(desk: Desk, file: UploadedFile, named: str, *, flip: bool | None) -> None:
    with st.form(f"{KEY}.keep"):
        name = st.text_input(t("radiotable.pattern_name_field"), value=named, key=f"{KEY}.name.{file.file_id}")
        marks = radioparts.words_of("mark")
        mark = st.selectbox(
            t("radiotable.column.mark"),
            MARKS,
            index=MARKS.index("unverified"),
            key=f"{KEY}.mark",
            format_func=marks.get,
        )
        reason = st.text_input(t("radiotable.reason_field"), key=f"{KEY}.why")
        pressed = st.form_submit_button(t("radiotable.keep"), type="primary", icon=":material/save:")
    if pressed:
        done = radiopatterns.add(
            desk.db,
            desk.actor,
            file.getvalue(),
            file=file.name,
            name=name,
            flip=flip,
            mark=str(mark),
            reason=reason,
            now=now(),
        )
        st.session_state[TURN] += 1
        radioparts.finish(done)
