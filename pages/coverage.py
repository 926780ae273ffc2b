"""覆盖分析：选网络与口径，运算，看缺口落在谁家。"""

import streamlit as st

from siting.actions import coverage, runs
from siting.ui import atlas, choices, gaps, linked, mapview, parts, running, session
from siting.ui.cached import kept
from siting.ui.text import t

NAME = "coverage"
RASTERS = ("gap", "rsrp", "probability")
MAP_PX = 500

desk = session.open_desk()
run = runs.latest(desk.db, desk.actor, "coverage", status="done")
parts.header(desk, NAME, badges=gaps.badges(desk, run))
side, main = st.columns([1, 3], gap="small")
with side:
    params = {
        "network": choices.network(desk, key="coverage.network"),
        "profile": choices.profile(desk, key="coverage.profile"),
        "mix": choices.mix(desk, key="coverage.mix"),
        "cell_m": choices.cell_m(desk, key="coverage.cell"),
    }
    running.panel(desk, "coverage", params=params, label=t("ui.coverage.run"))
    shown = choices.segments(t("ui.coverage.raster"), {r: t(f"ui.raster.{r}") for r in RASTERS}, key="raster")
family = gaps.family(run) if run is not None and shown == "gap" else shown
with main:
    if run is None:
        parts.empty("ui.coverage.no_run")
    else:
        figures = kept(
            desk, "figures", run.id, lambda: coverage.figures(desk.db, desk.actor, run.id, by="street_office")
        )
        parts.cards(gaps.cards(figures, run))
    place = st.session_state.get("coverage.place")
    click = mapview.draw(
        [
            *atlas.background(desk),
            *([atlas.raster(shown, run.id, family=family)] if run is not None else []),
            atlas.features(desk, "sites", name=t("style.network"), visible=run is None),
        ],
        key=NAME,
        bounds=atlas.extent(desk),
        height_px=MAP_PX,
        legend=atlas.key(*([family] if run is not None else []), "network", lang=desk.lang),
        note=gaps.note(desk, run),
        focus=atlas.street(desk, linked.selected(NAME), version=str(linked.turn(NAME))),
        selected=place,
    )
    if click is not None:
        st.session_state["coverage.place"] = atlas.clicked(click)
        st.rerun()
with side:
    if run is not None and place is not None:
        with parts.told():
            easting_m, northing_m = atlas.metres(desk, place)
            card = coverage.card(desk.db, desk.actor, run.id, easting_m=easting_m, northing_m=northing_m)
            if card is None:
                parts.empty("ui.coverage.outside")
            else:
                parts.facts(gaps.point(desk, card, gaps.measure(run)))
                floors = gaps.floors(card, gaps.measure(run))
                if len(floors):
                    st.dataframe(floors, hide_index=True, height=min(260, 40 + 35 * len(floors)))
    elif run is not None:
        st.caption(t("ui.coverage.click"))
if run is not None:
    with main:
        shown = gaps.table(figures, level="street_office", measured=gaps.measure(run))
        linked.table(shown, name=NAME, ids=figures.loc[shown.index, "street_office"], height_px=300)
