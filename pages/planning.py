"""选址：候选点打分、点选、求解，看界与间隙，导出。"""

import streamlit as st

from siting.actions import runs
from siting.ui import atlas, choices, gaps, linked, mapview, parts, proposals, proposing, running, session
from siting.ui.text import t

NAME = "planning"
VIEWS = ("candidates", "plan")
MAP_PX = 460

desk = session.open_desk()
covered = runs.latest(desk.db, desk.actor, "coverage", status="done")
scored = runs.latest(desk.db, desk.actor, "score", status="done")
solved = runs.latest(desk.db, desk.actor, "plan", status="done")
if covered is None:
    parts.header(desk, NAME)
    parts.empty("ui.planning.no_coverage")
    st.page_link("pages/coverage.py", label=t("ui.overview.to_coverage"), icon=":material/cell_tower:")
    st.stop()
measured = gaps.measure(covered)
old = proposals.stale(desk, covered, scored, "ui.badge.stale_score")
old += proposals.stale(desk, covered, solved, "ui.badge.stale_plan")
parts.header(desk, NAME, badges=[*gaps.badges(desk, covered), *old])

side, main = st.columns([1, 3], gap="small")
with side:
    unknown = st.checkbox(
        t("ui.planning.admit_unknown"), key="unknown", bind="query-params", help=t("ui.planning.admit_help")
    )
    admit = ["unknown"] if unknown else []
    running.panel(desk, "score", params={"coverage": covered.id, "admit": admit}, label=t("ui.planning.score"))
    limit = proposals.limit()
    picks = proposals.picked()
    if picks:
        st.caption(t("ui.planning.picked", n=len(picks)))
        st.button(t("ui.planning.clear"), on_click=proposals.clear, icon=":material/close:")
    params = {"coverage": covered.id, "admit": admit, "lock": picks, **limit}
    running.panel(desk, "plan", params=params, label=t("ui.planning.solve"))

found = proposals.candidates(desk, scored.id) if scored is not None else None
chosen = linked.selected(NAME)
states = {"candidate_state": set() if found is None else set(found["state"])}
row = None if found is None else next((r for _, r in found[found["option_id"] == chosen].iterrows()), None)
with main:
    if solved is not None:
        parts.cards(proposals.cards(proposals.plan(desk, solved.id)))
    focus = atlas.place(
        None if row is None else row.geometry, desk.settings.crs, version=str(linked.turn(NAME)), zoom=16
    )
    click = mapview.draw(
        [
            *atlas.background(desk),
            atlas.raster("gap", covered.id, family=gaps.family(covered)),
            atlas.features(desk, "sites", name=t("style.network"), visible=False),
            *(
                [atlas.features(desk, "candidates", name=t("style.candidate_state"), run_id=scored.id)]
                if scored is not None
                else []
            ),
            *(
                [atlas.features(desk, "plan", name=t("style.mark.chosen"), run_id=solved.id)]
                if solved is not None
                else []
            ),
            *([proposals.marks(found, picks)] if found is not None else []),
        ],
        key=NAME,
        bounds=atlas.extent(desk),
        height_px=MAP_PX,
        legend=atlas.key("candidate_state", "mark", gaps.family(covered), lang=desk.lang, only=states),
        note=gaps.note(desk, covered),
        focus=focus,
        selected=focus,
    )
    if click is not None:
        linked.select(NAME, click.id if click.layer in VIEWS else None)
        st.rerun()
with side:
    if row is not None:
        word = "ui.planning.unpick" if chosen in picks else "ui.planning.pick"
        usable = chosen in picks or proposals.usable(row)
        st.button(
            t(word),
            key="pick",
            disabled=not usable,
            on_click=proposals.toggle,
            args=(chosen,),
            icon=":material/push_pin:",
            width="stretch",
        )
        parts.facts(proposals.facts(row, measured))
    elif found is not None:
        st.caption(t("ui.planning.click"))
with main:
    if found is None:
        parts.empty("ui.planning.no_score")
    else:
        terms = {v: t(f"ui.planning.{v}") for v in VIEWS}
        view = choices.segments(t("ui.planning.view"), terms, key="planning-view", hidden=True)
        listed, columns, proposed = found, proposals.LISTED, proposing.numbers(desk)
        if view == "plan" and solved is not None:
            proposing.from_plan(desk, solved.id, chosen)
            proposals.exports(desk, solved.id)
            listed, columns = proposals.plan(desk, solved.id)["sites"], proposals.CHOSEN
        elif view == "plan":
            parts.empty("ui.planning.no_plan")
        linked.table(
            proposals.table(listed, measured=measured, columns=columns, picked=picks, proposed=proposed),
            name=NAME,
            ids=listed["option_id"],
            height_px=360,
        )
