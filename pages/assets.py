"""公共资源：有哪些杆、灯、桥、绿地，谁的、开不开放；导入新的清单。"""

import streamlit as st

from siting.actions import layers
from siting.ui import atlas, choices, fields, holdings, importing, linked, mapview, parts, session, terrain
from siting.ui.text import number, t

NAME = "assets"
VIEWS = ("list", "import")
MAP_PX = 440

desk = session.open_desk()
parts.header(desk, NAME)
if desk.may("data.import"):
    views = {v: t(f"ui.assets.{v}") for v in VIEWS}
    if choices.segments(t("ui.assets.view"), views, key="assets-view", hidden=True) == "import":
        importing.wizard(desk)
        terrain.panel(desk)
        st.stop()

counts = holdings.matrix(desk)
if counts.empty:
    parts.empty("ui.assets.none")
    st.stop()
with st.container(horizontal=True, vertical_alignment="bottom"):
    search = st.text_input(t("ui.assets.search"), key="q", bind="query-params", placeholder=t("ui.assets.search_hint"))
    everything = t("ui.assets.all")
    classes = choices.several(t("style.asset_class"), fields.terms("asset_class"), key="class", placeholder=everything)
    statuses = choices.several(
        t("style.open_status"), fields.terms("open_status"), key="status", placeholder=everything
    )
    looks = {"assets": t("style.asset_class"), "assets-status": t("style.open_status")}
    colour = choices.segments(t("ui.assets.colour"), looks, key="colour")
found = holdings.filtered(holdings.assets(desk), classes=classes, statuses=statuses, search=search)
left, right = st.columns([3, 2], gap="small")
with right:
    asset = holdings.asset(desk, linked.selected(NAME) or "", holdings.assets(desk))
    if asset is not None:
        st.markdown(f"**{t('ui.assets.card')}**")
        parts.facts(fields.card("assets", asset))
    else:
        st.caption(t("ui.assets.click"))
        st.dataframe(counts, hide_index=True, height=MAP_PX - 30, column_config=linked.number_columns(counts))
family, column = ("asset_class", "class") if colour == "assets" else ("open_status", "open_status")
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
        legend=atlas.key(family, lang=desk.lang, only={family: set(found[column])}),
        note=t("ui.assets.shown", n=number(len(found))),
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
    st.caption(t("ui.assets.cut", n=number(holdings.MOST_ROWS), total=number(len(found))))
linked.table(holdings.listing(found), name=NAME, ids=found["asset_id"].iloc[: holdings.MOST_ROWS], height_px=330)
