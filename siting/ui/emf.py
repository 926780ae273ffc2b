"""The pre-check of fields of one site on a page: verdict, highest share, values over distance, worst places, the public sheet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from siting.access import may
from siting.actions import emf
from siting.actions.emf import Checked, Issue
from siting.reports import emfsheet
from siting.ui import parts
from siting.ui.cached import kept
from siting.ui.session import Desk, now
from siting.ui.text import UNKNOWN, language, md, number, t

ICONS: Mapping[str, str] = MappingProxyType(
    {
        "power_exempt": ":material/check:",
        "passed_precheck": ":material/check:",
        "exceeds_precheck": ":material/error:",
        "needs_assessment": ":material/help:",
    }
)
LISTED, OFFERED = 12, 3
CHART_PX = 260
LEAST_PERCENT = 0.01
DETAILED = ("near_field", "own_roof_open", "height_unknown")
SERIES: Mapping[str, str] = MappingProxyType({"beam": "#C4501B", "street": "#1F6FB2"})


def panel(desk: Desk, name: str, *, computable: bool = True) -> None:
    """The pre-check of a site or proposal on demand, and the sheets given out for it.

    Parameters
    ----------
    desk : Desk
        Who looks.
    name : str
        Id of a site or proposal that this person sees.
    computable : bool
        Whether this person sees its sectors; without them only sheets are shown.
    """
    st.markdown(f"**{t('emf.ui.title')}**")
    with parts.told():
        if computable:
            _computed(desk, name)
        _sheets(desk, emf.issued(desk.db, desk.actor, name))


def _computed(desk: Desk, name: str) -> None:
    key = f"emf.{name}"
    with st.container(horizontal=True, vertical_alignment="center"):
        closed = st.checkbox(t("emf.ui.roof_closed"), key=f"{key}.closed", help=t("emf.ui.roof_closed_help"))
        pressed = st.button(t("emf.ui.check"), key=f"{key}.check", icon=":material/cell_tower:")
    if pressed:
        st.session_state[f"{key}.asked"] = True
    if not st.session_state.get(f"{key}.asked", False):
        st.caption(t("emf.ui.note"))
        return
    with st.spinner(t("emf.ui.computing")):
        done = kept(
            desk, f"{key}.{closed}", emf.version(desk.db, desk.actor), partial(_slim, desk, name, closed=closed)
        )
    show(done)
    if may(desk.actor, emf.ISSUING) and st.button(t("emf.ui.issue"), key=f"{key}.issue", icon=":material/description:"):
        made = emf.issue(desk.db, desk.actor, name, roof_closed=closed, now=now())
        st.toast(t("emf.ui.issued", number=made.number))


def _slim(desk: Desk, name: str, *, closed: bool) -> Checked:
    """A pre-check with its worst places only: the points themselves are many."""
    done = emf.check(desk.db, desk.actor, name, roof_closed=closed)
    return replace(done, report=replace(done.report, points=done.report.faces.head(LISTED)))


def show(done: Checked) -> None:
    """A pre-check: verdict, figures, why, chart, places."""
    report = done.report
    verdict(report.verdict, done.excess)
    parts.facts(figures(done))
    for reason in report.reasons:
        said = t(f"emf.why.{reason.code}")
        detail = t(f"emf.detail.{reason.code}", **_rounded(reason.given)) if reason.code in DETAILED else ""
        st.caption(
            f":material/help: {md(said)}{t('emf.ui.colon')}{md(detail)}" if detail else f":material/help: {md(said)}"
        )
    for given in emf.advisories_of(done):
        st.warning(md(emfsheet.advice(given, lang=language())))
    st.altair_chart(chart(done.along), width="stretch")
    st.caption(t("emf.ui.chart_note"))
    _places(done)
    st.caption(t("emf.ui.nature"))


def verdict(code: str, excess: str) -> None:
    """A verdict in its colour and words, with whence a share above the limit comes."""
    box = {"exceeds_precheck": st.error, "needs_assessment": st.warning}.get(code, st.success)
    box(emfsheet.conclusion(code, excess, lang=language()), icon=ICONS[code])


def figures(done: Checked) -> dict[str, str]:
    """Highest share and where, this site's part and its own highest, in usual operation, of the older practice's limit, equivalent power, what else counts."""
    report, spot = done.report, done.report.worst
    power = {t("emf.ui.power"): f"{number(report.equivalent_power_w)} W"}
    if spot is None:
        return power
    others = "hidden" if done.hidden else "new_only" if report.new_only else "known"
    alone = {} if report.new_only else {t("emf.ui.alone"): _share(done.own)}
    return {
        t("emf.ui.highest"): emfsheet.parted(emf.worst_of(done), others=not report.new_only, lang=language()),
        t("emf.ui.place"): emfsheet.where(emf.worst_of(done), lang=language()),
        **alone,
        t("emf.ui.usual"): t("emf.ui.noted", value=_share(report.factored), note=t("emf.ui.usual_note")),
        t("emf.ui.older"): t("emf.ui.noted", value=_share(report.older), note=t("emf.ui.older_note")),
        **power,
        t("emf.ui.around"): t(f"emf.ui.others.{others}", n=number(report.existing)),
    }


def _share(share: float) -> str:
    return emfsheet.percent(share, lang=language())


def _rounded(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: f"{value:.1f}" if isinstance(value, float) else value for name, value in given.items()}


def chart(along: pd.DataFrame) -> alt.LayerChart:
    """Shares of the limit over distance, in the beam and in the street, with the limit itself as a line."""
    titles = {name: t(f"emf.sheet.row.{name}") for name in SERIES}
    long = along.melt("distance_m", list(SERIES), "line", "share").dropna()
    long = long.assign(percent=(100 * long["share"]).clip(lower=LEAST_PERCENT), line=long["line"].map(titles))
    colours = alt.Scale(domain=list(titles.values()), range=list(SERIES.values()))
    lines = (
        alt.Chart(long)
        .mark_line(point=alt.OverlayMarkDef(size=18))
        .encode(
            x=alt.X("distance_m:Q", title=t("emf.ui.axis.distance")),
            y=alt.Y("percent:Q", title=t("emf.ui.axis.share"), scale=alt.Scale(type="log")),
            color=alt.Color("line:N", title=None, scale=colours, legend=alt.Legend(orient="top")),
            tooltip=[alt.Tooltip("line:N"), alt.Tooltip("distance_m:Q"), alt.Tooltip("percent:Q", format=".3g")],
        )
    )
    limit = (
        alt.Chart(pd.DataFrame({"percent": [100.0]}))
        .mark_rule(color="#B00020", strokeDash=[5, 4])
        .encode(y="percent:Q")
    )
    return alt.layer(lines, limit).properties(height=CHART_PX)


def _places(done: Checked) -> None:
    """The worst places: building, side, floor, height, distance, share."""
    faces = done.report.points
    if faces.empty:
        return
    shown = pd.DataFrame(
        {
            t("emf.ui.column.building"): [done.names.get(str(b), UNKNOWN) for b in faces["building_id"]],
            t("emf.ui.column.face"): [t(f"emf.face.{face}") for face in faces["face"]],
            t("emf.ui.column.floor"): faces["floor"].to_numpy(),
            t("emf.ui.column.height_m"): faces["height_m"].round(1).to_numpy(),
            t("emf.ui.column.distance_m"): faces["distance_m"].round(1).to_numpy(),
            t("emf.ui.column.share"): [_share(q) for q in faces["q"]],
        }
    )
    st.dataframe(shown, hide_index=True, height="content")
    if done.hidden:
        st.caption(t("emf.ui.hidden_note"))


def _sheets(desk: Desk, issues: list[Issue]) -> None:
    """The latest sheets to take home."""
    with st.container(horizontal=True):
        for one in issues[:OFFERED]:
            data = kept(desk, f"emf-sheet-{one.number}", "1", partial(emf.sheet, desk.db, desk.actor, one.number))
            parts.download(
                t("emf.ui.download", number=one.number, on=one.on),
                f"{one.number}.docx",
                data,
                key=f"emf.sheet.{one.number}",
            )
