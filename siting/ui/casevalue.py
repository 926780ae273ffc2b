"""What a blocked point costs, and what could stand in for it."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import streamlit as st

from siting.access import scope
from siting.actions import unblocking
from siting.ledger.model import Case, Value
from siting.ui import casebook, choices, parts
from siting.ui.parts import Card
from siting.ui.session import Desk, now
from siting.ui.text import UNKNOWN, md, number, percent, t, term

LISTED = (
    "name",
    "class",
    "distance_m",
    "added_people",
    "share_of_loss",
    "owner_org",
    "open_status",
    "cost_yuan",
    "fibre_m",
)
NUMBERS = {"distance_m": 0, "added_people": 0, "cost_yuan": 0, "fibre_m": 0}
NEVER = "never"
EVERY_S = 2.0


def show(desk: Desk, case: Case) -> bool:
    """The value with its bounds, or why there is none; a valuation under way is waited for.  Whether there is one."""
    lines = unblocking.values(desk.db, desk.actor)
    line = lines[lines["case_id"] == case.id]
    if line.empty:
        return False
    st.markdown(f"**{t('ui.case.value')}**")
    value = unblocking.value_of(desk.db, desk.actor, case.id)
    why = str(line["why"].iloc[0])
    if value is not None:
        _cards(desk, value)
    elif why == NEVER:
        _wait(desk, case.id)
    else:
        st.warning(t("ui.case.not_valued", why=t(f"unblocking.why.{why}")), icon=":material/help:")
    old = value is None or value.stale
    if (
        old
        and scope(desk.actor, "plan.run") == "all"
        and st.button(t("ui.case.value_again"), icon=":material/refresh:")
    ):
        with parts.told():
            unblocking.request(desk.db, desk.actor, case.id, now=now())
            st.rerun()
    return value is not None


def again(desk: Desk, frame: pd.DataFrame) -> None:
    """Have every waiting point whose value is old or missing valued anew, for who plans the whole district."""
    old = frame[
        frame["stage"].isin(casebook.WAITING)
        & (frame["stale"].eq(other=True) | frame["value"].isna())
        & frame["why"].notna()
    ]
    if old.empty or scope(desk.actor, "plan.run") != "all":
        return
    if st.button(t("ui.cases.value_again", n=len(old)), icon=":material/refresh:"):
        with parts.told():
            asked = [unblocking.request(desk.db, desk.actor, case_id, now=now()) for case_id in old["case_id"]]
            st.toast(t("ui.cases.value_asked", n=len([run for run in asked if run])), icon=":material/hourglass_top:")


def _cards(desk: Desk, value: Value) -> None:
    between = casebook.spread(value.people_low, value.people_high)
    venues = "、".join(md(name) for name in value.venues[:3]) or t("ui.case.no_venue")
    parts.cards(
        [
            Card(t("ui.case.people"), number(value.value), t("ui.case.people_note")),
            Card(t("ui.case.between"), between, t("ui.case.between_note")),
            Card(
                t("ui.case.local"),
                number(value.local_value),
                t("ui.case.local_exact" if value.local_proven else "ui.case.local_found"),
            ),
            Card(t("ui.case.venues"), number(len(value.venues)), venues),
        ]
    )
    plan = t(
        "ui.case.value_of",
        date=value.computed_at[:16].replace("T", " "),
        profile=md(choices.profile_words(desk, value.profile)),
    )
    st.caption(plan + (f"  :orange[{t('ui.case.stale')}]" if value.stale else ""))


@st.fragment(run_every=EVERY_S)
def _wait(desk: Desk, case_id: str) -> None:
    lines = unblocking.values(desk.db, desk.actor)
    if str(lines.loc[lines["case_id"] == case_id, "why"].iloc[0]) != NEVER:
        st.rerun()
    st.info(t("ui.case.valuing"), icon=":material/hourglass_top:")


def substitutes(desk: Desk, case: Case) -> gpd.GeoDataFrame | None:
    """What could stand in for the point, with its place; None where nothing was planned yet."""
    if not case.record.get("site_ref"):
        return None
    found = unblocking.substitutes(desk.db, desk.actor, case.id)
    points = gpd.points_from_xy(found["easting_m"].astype(float), found["northing_m"].astype(float))
    return gpd.GeoDataFrame(found, geometry=points, crs=desk.settings.crs)


def table(found: gpd.GeoDataFrame, *, valued: bool) -> None:
    """Substitutes in words, the one that brings back most first; `valued` says whether any were looked for."""
    st.markdown(f"**{t('ui.case.substitutes')}**")
    if found.empty:
        st.caption(t("ui.case.no_substitute" if valued else "ui.case.substitute_later"))
        return
    shown = {
        t(f"ui.case.substitute.{name}"): [_cell(name, cell) for cell in found[name]] for name in LISTED if name in found
    }
    st.dataframe(pd.DataFrame(shown), hide_index=True)


def _cell(name: str, cell: object) -> str:
    if name in NUMBERS:
        return number(cell, digits=NUMBERS[name])
    if name == "share_of_loss":
        return percent(cell, digits=0)
    if name in {"class", "open_status"}:
        return term("asset_class" if name == "class" else name, cell)
    return UNKNOWN if cell is None or cell != cell else str(cell)  # noqa: PLR0124 - NaN
