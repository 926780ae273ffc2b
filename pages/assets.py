"""公共资源：有哪些杆、灯、桥、绿地，谁的、开不开放；导入新的清单。"""

import streamlit as st

from siting.actions import layers
from siting.ui import atlas, fields, holdings, importing, linked, mapview, parts, session
from siting.ui.text import t

NAME = "assets"
VIEWS = ("list", "import")
MAP_PX = 440

desk = session.open_desk()
parts.header(desk, NAME)
view = st.segmented_control(
    t("ui.assets.view"), VIEWS, default="list", required=True, key="assets-view", bind="query-params", format_func=lambda v: t(f"ui.assets.{v}"),
    label_visibility="collapsed",
)  # fmt: skip
if view == "import":
    importing.wizard(desk)
    st.stop()

counts = holdings.matrix(desk)
if counts.empty:
    parts.empty("ui.assets.none")
    st.stop()
with st.container(horizontal=True, vertical_alignment="bottom"):
    search = st.text_input(t("ui.assets.search"), key="q", bind="query-params")
    classes = st.multiselect(
        t("style.asset_class"),
        list(fields.terms("asset_class")),
        key="class",
        placeholder=t("ui.assets.all"),
        bind="query-params",
        format_func=fields.terms("asset_class").get,
    )
    statuses = st.multiselect(
        t("style.open_status"),
        list(fields.terms("open_status")),
        key="status",
        placeholder=t("ui.assets.all"),
        bind="query-params",
        format_func=fields.terms("open_status").get,
    )
    colour = st.segmented_control(t("ui.assets.colour"), ("assets", "assets-status"), default="assets", required=True, key="colour", bind="query-params",
        format_func=lambda c: t("style.asset_class" if c == "assets" else "style.open_status"))  # fmt: skip
found = holdings.filtered(holdings.assets(desk), classes=classes, statuses=statuses, search=search)
left, right = st.columns([3, 2], gap="small")
with right:
    asset = holdings.asset(desk, linked.selected(NAME) or "", holdings.assets(desk))
    if asset is not None:
        st.markdown(f"**{t('ui.assets.card')}**")
        parts.facts(fields.card("assets", asset))
    else:
        st.caption(t("ui.assets.click"))
        st.dataframe(counts, hide_index=True, height=MAP_PX - 30)
with left:
    focus = atlas.place(None if asset is None else asset["geometry"], desk.settings.crs, version=str(linked.turn(NAME)))
    click = mapview.draw(
        [
            *atlas.background(desk),
            *([atlas.narrowed(found, colour)] if classes or statuses or search else atlas.crowd(desk, colour)),
        ],
        key=NAME,
        bounds=atlas.extent(desk),
        height_px=MAP_PX,
        legend=atlas.key("asset_class" if colour == "assets" else "open_status", lang=desk.lang),
        note=t("ui.assets.shown", n=len(found)),
        focus=focus,
        selected=focus,
    )
    if click is not None:
        hit = layers.pick(
            desk.db,
            desk.actor,
            lon_deg=click.lon_deg,
            lat_deg=click.lat_deg,
            zoom=click.zoom,
            layers_in_order=["assets"],
        )
        linked.select(NAME, None if hit is None else str(hit[1]["asset_id"]))
        st.rerun()
if len(found) > holdings.MOST_ROWS:
    st.caption(t("ui.assets.cut", n=holdings.MOST_ROWS, total=len(found)))
linked.table(holdings.listing(found), name=NAME, ids=found["asset_id"].iloc[: holdings.MOST_ROWS], height_px=330)
