"""现网站点：现有站址和扇区在哪里、谁在用、工参是什么；导入站址与扇区。"""

import streamlit as st

from siting.ui import atlas, choices, linked, mapview, parts, plantables, radiotables, session, stations
from siting.ui.text import number, t

NAME = "sites"
LIST_PX, MAP_PX = 520, 320

desk = session.open_desk()
parts.header(desk, NAME)
terms = {name: t(f"ui.sites.{name}") for name in stations.views(desk)}
view = choices.segments(t("ui.sites.view"), terms, key=stations.VIEW_KEY, hidden=True)
if view == "import":
    stations.importer(desk)
    st.stop()
if view == "equipment":
    radiotables.view(desk)
    st.stop()
if view == "prices":
    plantables.view(desk)
    st.stop()

everything = stations.listing(desk)
if everything.empty:
    stations.none(desk)
    st.stop()
found = stations.filters(desk, everything)
site = next((row for _, row in everything[everything["site_id"] == linked.selected(NAME)].iterrows()), None)
parts.cards(stations.cards(desk, found))
left, right = st.columns([3, 2], gap="small")
with left:
    linked.table(stations.table(desk, found), name=NAME, ids=found["site_id"], height_px=LIST_PX)
    stations.downloads(desk)
with right:
    focus = atlas.place(None if site is None else site["geometry"], desk.settings.crs, version=str(linked.turn(NAME)))
    petals = [] if site is None else stations.petals(desk, site, stations.sectors(desk, site))
    click = mapview.draw(
        [*atlas.background(desk), *petals, stations.dots(found)],
        key=NAME,
        bounds=atlas.extent(desk),
        height_px=MAP_PX,
        legend=atlas.key("network", lang=desk.lang),
        note=t("ui.sites.shown", n=number(len(found)), total=number(len(everything))),
        focus=focus,
        selected=focus,
    )
    if click is not None:
        linked.select(NAME, click.id if click.layer == NAME else None)
        st.rerun()
    if site is None:
        st.caption(t("ui.sites.click"))
    else:
        stations.card(desk, site)
