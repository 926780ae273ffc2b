"""问题点位：台账与地图，按解阻价值排序；点地图上报新的点位。"""

import streamlit as st

from siting.ui import atlas, casebook, caseform, casevalue, choices, linked, mapview, parts, session
from siting.ui.text import md, number, t

NAME = "cases"
TALL_PX = 430

desk = session.open_desk()
parts.header(desk, NAME)
views = {v: t(f"ui.cases.{v}") for v in (("list", "new") if caseform.may_report(desk) else ("list",))}
if "new" in st.query_params and "new" in views:
    caseform.begin(desk, st.query_params["new"])
view = choices.segments(t("ui.cases.view"), views, key="cases-view", hidden=True) if len(views) > 1 else "list"
if view == "new":
    caseform.page(desk)
    st.stop()

ledger = casebook.ledger(desk)
if ledger.empty:
    parts.empty("ui.cases.none" if "new" in views else "ui.cases.none_yet")
    st.stop()
parts.cards(casebook.cards(ledger))
found = casebook.filtered(ledger)
chosen = next((row for _, row in found[found["pp_no"] == linked.selected(NAME)].iterrows()), None)
left, right = st.columns([3, 2], gap="small")
with left:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(t("ui.cases.shown", n=number(len(found)), total=number(len(ledger))), width="content")
        casevalue.again(desk, ledger)
        if chosen is not None:
            title = t("ui.cases.open_one", pp_no=md(chosen["pp_no"]), title=md(chosen["title"]))
            st.page_link(
                "pages/case.py", label=title, query_params={"id": str(chosen["pp_no"])}, icon=":material/open_in_full:"
            )
    linked.table(casebook.table(found), name=NAME, ids=found["pp_no"], height_px=TALL_PX - 45)
with right:
    spot = casebook.spot(desk, chosen, version=str(linked.turn(NAME)))
    click = mapview.draw(
        [*atlas.background(desk), casebook.layer(found, desk.settings.crs)],
        key=NAME,
        bounds=atlas.extent(desk),
        height_px=TALL_PX,
        legend=atlas.key("case_stage", lang=desk.lang, only={"case_stage": casebook.stages(found)}),
        note=t("ui.cases.ranked"),
        focus=spot,
        selected=spot,
    )
    if click is not None:
        linked.select(NAME, click.id if click.layer == "problems" else None)
        st.rerun()
