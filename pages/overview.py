"""总览：一页看清缺口在哪里、资源有多少、数据是哪天的。"""

import streamlit as st

from siting.actions import coverage, layers, runs
from siting.ui import atlas, casebook, gaps, holdings, linked, mapview, parts, session
from siting.ui.cached import kept
from siting.ui.text import t

NAME = "overview"
MAP_PX = 500
FIGURES_PX = 230

desk = session.open_desk()
run = runs.latest(desk.db, desk.actor, "coverage", status="done")
parts.header(desk, NAME, badges=gaps.badges(desk, run))
figures = None
if run is not None:
    figures = kept(desk, "figures", run.id, lambda: coverage.figures(desk.db, desk.actor, run.id, by="street_office"))
parts.cards([*holdings.cards(desk), *(gaps.cards(figures, run) if figures is not None else [])])

left, right = st.columns([3, 2], gap="small")
with right:
    if figures is None:
        parts.empty("ui.overview.no_run")
        parts.link(desk, "coverage", t("ui.overview.to_coverage"), icon=":material/cell_tower:")
    else:
        shown = gaps.table(figures, level="street_office", measured=gaps.measure(run))
        linked.table(shown, name=NAME, ids=figures.loc[shown.index, "street_office"], height_px=FIGURES_PX)
    ledger = casebook.ledger(desk)
    foremost = casebook.foremost(ledger, 5)
    if not foremost.empty:
        st.page_link("pages/cases.py", label=f"**{t('ui.overview.foremost')}**", icon=":material/priority_high:")
        st.dataframe(foremost, hide_index=True, column_config=linked.number_columns(foremost))
    st.markdown(f"**{t('ui.overview.imports')}**")
    recent = holdings.imports(layers.recent_imports(desk.db, desk.actor, limit=8))
    if recent.empty:
        st.caption(t("ui.overview.no_imports"))
    else:
        st.dataframe(recent, hide_index=True, height=min(180, 40 + 35 * len(recent)))
with left:
    chosen = linked.selected(NAME)
    click = mapview.draw(
        [
            *atlas.background(desk),
            *([atlas.raster("gap", run.id, family=gaps.family(run))] if run is not None else []),
            *atlas.crowd(desk, "assets", visible=False),
            atlas.features(desk, "sites", name=t("style.network"), visible=run is None),
            casebook.layer(ledger, desk.settings.crs),
        ],
        key=NAME,
        bounds=atlas.extent(desk),
        height_px=MAP_PX,
        legend=atlas.key(
            *([gaps.family(run)] if run is not None else []),
            "network",
            "case_stage",
            lang=desk.lang,
            only={"case_stage": casebook.stages(ledger)},
        ),
        note=gaps.note(desk, run),
        focus=atlas.street(desk, chosen, version=str(linked.turn(NAME))),
    )
    if click is not None:
        linked.select(NAME, atlas.street_at(desk, click))
        st.rerun()
