"""建站建议：提出的点位在哪、走到哪一步；征询、答复、公开、撤回；点地图新提，或按表导入。"""

import streamlit as st

from siting.actions import proposals
from siting.ui import atlas, choices, importing, linked, mapview, parts, proposing, session
from siting.ui.text import number, t

NAME = "proposals"
MAP_PX = 300

desk = session.open_desk()
parts.header(desk, NAME)
views = proposing.views(desk)
view = choices.segments(t("ui.proposals.view"), views, key="proposals-view", hidden=True) if len(views) > 1 else "list"
if view == "new":
    proposing.new(desk)
    st.stop()
if view == "import":
    proposing.template()
    importing.wizard(desk, only=("candidates",))
    st.stop()

proposing.told()
held = proposals.listing(desk.db, desk.actor)
if held.empty:
    parts.empty("ui.proposals.none" if len(views) > 1 else "ui.proposals.none_seen")
    st.stop()
found = proposing.narrowed(held)
chosen = next((row for _, row in held[held["candidate_id"] == linked.selected(NAME)].iterrows()), None)
left, right = st.columns([3, 2], gap="small")
with left:
    focus = atlas.place(None if chosen is None else chosen.geometry, desk.settings.crs, version=str(linked.turn(NAME)))
    click = mapview.draw(
        [*atlas.background(desk), proposing.layer(found)],
        key=NAME,
        bounds=atlas.extent(desk),
        height_px=MAP_PX,
        legend=atlas.key("proposal_state", lang=desk.lang, only={"proposal_state": set(found["state"])}),
        note=t("ui.proposals.shown", n=number(len(found)), total=number(len(held))),
        focus=focus,
        selected=focus,
    )
    if click is not None:
        linked.select(NAME, click.id if click.layer == NAME else None)
        st.rerun()
    linked.table(proposing.table(found), name=NAME, ids=found["candidate_id"], height_px=230)
with right:
    if chosen is None:
        st.caption(t("ui.proposals.choose"))
        proposing.together(desk, found)
    else:
        proposing.card(desk, chosen)
