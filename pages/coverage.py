"""覆盖分析：选网络与口径，运算，看缺口落在谁家、哪一层，为什么。"""

import streamlit as st

from siting.actions import runs
from siting.ui import atlas, calibrating, choices, coveragecard, covering, floors, gaps, parts, session, whatif
from siting.ui.text import t

NAME = "coverage"
VIEWS = ("map", "buildings", "calibration", "whatif")

desk = session.open_desk()
run = runs.latest(desk.db, desk.actor, "coverage", status="done")
top = st.container()
views = [v for v in VIEWS if v != "whatif" or runs.may_ask(desk.actor, v)]
view = choices.segments(t("ui.coverage.view"), {v: t(f"ui.coverage.view.{v}") for v in views}, key="view", hidden=True)
if view == "calibration":
    with top:
        parts.header(desk, NAME, badges=gaps.badges(desk, run))
    calibrating.panel(desk)
    st.stop()
if view == "whatif":
    with top:
        parts.header(desk, NAME, badges=gaps.badges(desk, run))
    if run is None:
        parts.empty("ui.whatif.none")
    else:
        whatif.panel(desk, run)
    st.stop()

side, main = st.columns([1, 3], gap="small")
place = st.session_state.get("coverage.place")
with side:
    covering.controls(desk, run)
    seen = None if run is None else covering.chosen(desk, run)
with top:
    parts.header(desk, NAME, badges=covering.badges(desk, run, seen))
with main:
    if seen is None:
        parts.empty("ui.coverage.no_run")
    else:
        offices = covering.figures(desk, seen, "street_office")
        parts.cards(gaps.cards(offices, seen.run, whole=covering.whole(desk, seen)))
if view == "buildings":
    with main:
        if seen is not None:
            floors.panel(desk, seen)
    st.stop()

with main:
    kind = "gap" if seen is None else covering.map_layer(seen)
    click = covering.draw(desk, seen, kind, focus=covering.focus(desk), selected=place)
    if click is not None:
        st.session_state["coverage.place"] = atlas.clicked(click)
        st.rerun()
    if seen is not None:
        if place is not None:
            coveragecard.paths(desk, seen, place)
        with parts.told():
            covering.listing(desk, seen)
with side:
    if seen is not None and place is not None:
        coveragecard.place(desk, seen, place)
    elif seen is not None:
        st.caption(t("ui.coverage.click"))
