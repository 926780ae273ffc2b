"""How firm the ranks are: the run that draws them, and what it says in the rows of the table of candidates."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import streamlit as st

from siting.actions import permission, runs, stability
from siting.actions.stability import Ranks
from siting.store.runs import Run
from siting.ui import running, weights
from siting.ui.cached import kept
from siting.ui.parts import told
from siting.ui.session import Desk
from siting.ui.text import number, percent, t

#: Columns of `joined`: ranks from - to in words, and the share of draws among the first.
SPAN, TOP_SHARE = "rank_span", "top_share"


def panel(desk: Desk, scored: Run) -> Ranks | None:
    """The button that draws ranks, its progress, or what was drawn in one line; the ranks by the weights now set."""
    with told():
        done = stability.standing(desk.db, desk.actor, scored.id)
        if done is not None:
            found = _ranks(desk, scored, done)
            st.caption(_said(found))
            return found
        latest = runs.latest(desk.db, desk.actor, stability.KIND)
        if latest is not None and latest.status in running.OPEN:
            running.follow(desk, latest.id)
        elif running.start(
            desk, stability.KIND, params=stability.params(scored), label=t("stability.start"), primary=False
        ):
            st.rerun()
        else:
            running.ended(desk, latest)
    return None


def controls(desk: Desk, scored: Run, found: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The weights and the test of the ranks, side by side; the candidates as both leave them."""
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        ranked = weights.panel(desk, scored.id)
        ranks = panel(desk, scored)
    return joined(weights.applied(found, ranked), ranks)


def joined(found: gpd.GeoDataFrame, ranks: Ranks | None) -> gpd.GeoDataFrame:
    """Candidates with `SPAN` and `TOP_SHARE` in words; unchanged where nothing was drawn."""
    if ranks is None:
        return found
    table = ranks.table.set_index("option_id")
    span = [
        t("stability.span" if firm else "stability.span_wide", low=number(float(low)), high=number(float(high)))
        for low, high, firm in zip(table["rank_low"], table["rank_high"], table["separable"], strict=True)
    ]
    words = pd.DataFrame(
        {SPAN: span, TOP_SHARE: table["top_share"].map(lambda p: percent(p, digits=0))}, index=table.index
    )
    return found.assign(**{name: found["option_id"].map(words[name]) for name in (SPAN, TOP_SHARE)})


def _ranks(desk: Desk, scored: Run, done: Run) -> Ranks:
    profile = weights.wanted(desk, scored.id)
    name = f"stability.{weights.version(profile)}"
    learnt = permission.version(desk.db, desk.actor)
    return kept(desk, name, f"{done.id}.{learnt}", lambda: stability.ranks(desk.db, desk.actor, done.id, profile))


def _said(found: Ranks) -> str:
    """The list in one line: how many draws, how alike the orders are, how many places cannot be told apart."""
    vague = int((~found.table["separable"]).sum())
    error = t("stability.measured" if found.calibrated else "stability.assumed")
    return t(
        "stability.said", draws=found.draws, error=error, tau=f"{found.tau:.2f}", tau_weights=f"{found.tau_weights:.2f}",
        vague=number(vague), n=number(len(found.table)),
    )  # fmt: skip
