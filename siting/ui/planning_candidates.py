"""The candidates as a list that filters narrow, and the card of the one selected."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import geopandas as gpd
import pandas as pd
import streamlit as st

from siting.ui import choices, linked, parts, planning, planning_picks, planning_tables, proposing, scorebars
from siting.ui.planning import State
from siting.ui.session import Desk
from siting.ui.text import md, number, t, term

MOST_ROWS = 500
TABLE_PX = 470
#: Filters by column, with the family of words of codes; a column without one holds names.
FILTERS: Mapping[str, str] = {
    "class": "asset_class", "street_office": "", "state": "candidate_state", "owner_org": "",
}  # fmt: skip
KEYS: Mapping[str, str] = {"class": "class", "street_office": "street", "state": "state", "owner_org": "owner"}
SEARCHED = ("name", "asset_no", "option_id", "candidate_id")


def narrowed(found: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The candidates that the filters in the page's address leave, in their order."""
    keep = pd.Series(data=True, index=found.index)
    with st.container(horizontal=True, gap="small", key="planning-filters"):
        for column, family in FILTERS.items():
            terms = {v: term(family, v) if family else v for v in sorted(found[column].dropna().unique()) if v}
            name = t(f"ui.planning.filter.{column}")
            chosen = choices.several(name, terms, key=KEYS[column], placeholder=name, hidden=True)
            keep &= found[column].isin(chosen) if chosen else True
        text = st.text_input(
            t("ui.planning.filter.text"),
            key="q",
            bind="query-params",
            placeholder=t("ui.planning.filter.text"),
            label_visibility="collapsed",
        ).strip()
    if text:
        hits = [found[name].fillna("").str.contains(text, case=False, regex=False) for name in SEARCHED]
        keep &= pd.concat(hits, axis=1).any(axis=1)
    return found[keep]


def listing(desk: Desk, now: State, found: gpd.GeoDataFrame) -> None:
    """The table: best first, after what is selected or picked of those past its end; the first column picks, a click on any other one selects."""
    chosen = linked.selected(planning.NAME)
    shown = found.iloc[:MOST_ROWS]
    rest = found.iloc[MOST_ROWS:]
    before = rest[rest["option_id"].isin([chosen, *planning_picks.picked()])]
    if len(rest):
        key = "ui.planning.cut_before" if len(before) else "ui.planning.cut"
        st.caption(t(key, n=number(len(shown)), total=number(len(found)), before=number(len(before))))
    shown = pd.concat([before, shown])
    table = planning_tables.table(shown, measured=now.measured, proposed=proposing.numbers(desk))
    own = {scorebars.title(): scorebars.config(shown)} if scorebars.names(shown) else {}
    linked.table(
        table,
        name=planning.NAME,
        ids=shown["option_id"],
        height_px=TABLE_PX,
        columns=own,
        ticks=linked.Ticks(planning_picks.picked(), lambda new, gone: _ticked(found, new, gone)),
    )


def _ticked(found: gpd.GeoDataFrame, new: Collection[str], gone: Collection[str]) -> None:
    """Pick what was ticked and can be picked, put back what was cleared; tell what cannot."""
    rows = found[found["option_id"].isin(list(new))]
    free = [str(row["option_id"]) for _, row in rows.iterrows() if planning_picks.usable(row)]
    planning_picks.take([key for key in planning_picks.picked() if key not in gone] + free)
    if len(free) < len(rows):
        st.toast(t("ui.planning.unusable", n=len(rows) - len(free)), icon=":material/block:")


def card(desk: Desk, now: State, row: Mapping[str, Any]) -> None:
    """One candidate: pick or forbid it, the parts of its score in their units, and what must be settled first."""
    key, candidate = str(row["option_id"]), str(row["candidate_id"])
    mine, out = key in planning_picks.picked(), candidate in planning_picks.banned()
    st.markdown(f"**{md(row.get('name') or row.get('asset_no') or '—')}**")
    with st.container(horizontal=True, gap="small"):
        st.button(
            t("ui.planning.unpick" if mine else "ui.planning.pick"),
            key="pick",
            disabled=not (mine or planning_picks.usable(row)),
            on_click=planning_picks.toggle,
            args=(key,),
            icon=":material/push_pin:",
            type="secondary" if mine else "primary",
        )
        st.button(
            t("ui.planning.allow" if out else "ui.planning.ban"),
            key="ban",
            on_click=planning_picks.ban,
            args=(candidate,),
            icon=":material/block:",
        )
    _beside(desk, now, key)
    if pd.notna(row.get("rank")):
        st.markdown(
            t("ui.planning.rank", rank=number(float(row["rank"])), score=number(float(row["score_low"]), digits=1))
        )
        scorebars.card(row, measured=now.measured)
    parts.facts(planning_tables.facts(row, now.measured))


def _beside(desk: Desk, now: State, option_id: str) -> None:
    """What this point adds beside those already picked."""
    others = [key for key in planning_picks.picked() if key != option_id]
    if not others or now.scored is None:
        return
    found = planning_picks.effect(desk, now.scored.id, [*others, option_id], {})
    if not isinstance(found, str) and option_id in found.alone:
        unit = t(f"ui.unit.{now.measured}")
        st.markdown(t("ui.picks.beside", n=number(found.alone[option_id]), unit=unit))
