"""选址：候选点打分、点选、求解，看界与间隙，比较，导出。"""

import streamlit as st

from siting.ui import (
    alternatives,
    comparing,
    linked,
    parts,
    planning,
    planning_candidates,
    planning_controls,
    planning_map,
    planning_picks,
    planning_plan,
    planning_tables,
    session,
    stability,
)
from siting.ui.text import t

desk = session.open_desk()
now = planning.state(desk)
parts.header(desk, planning.NAME, badges=planning.badges(desk, now))
side, main = st.columns([1, 3.4], gap="small")
with side:
    asked = planning_controls.panel(desk, now)
with main:
    view = planning.view({name: t(f"ui.planning.{name}") for name in planning.VIEWS})
    if now.covered is None:
        parts.empty("ui.planning.no_coverage")
        st.stop()
    if view == "compare":
        comparing.panel(desk, asked)
        st.stop()
    if view == "alternatives" and now.solved is not None:
        planning_plan.chooser(now)
        alternatives.panel(desk, now.solved.id)
        st.stop()

found = planning.candidates(desk, now.scored.id) if now.scored is not None else None
plan = planning.plan(desk, now.solved.id) if now.solved is not None else None
chosen = linked.selected(planning.NAME)
kept, broken = None, []
if view == "candidates" and found is not None:
    with side:
        found = stability.controls(desk, now.scored, found)
with main:
    head, (place, rows) = st.container(gap="small"), st.columns([2, 3], gap="small")
with head:
    if view == "plan" and plan is not None:
        planning_plan.chooser(now)
        parts.cards(planning_tables.cards(plan))
        planning_plan.doing(desk, now.solved.id, plan, chosen)
    elif view == "candidates" and found is not None:
        broken = planning_picks.panel(desk, now.scored.id, asked, measured=now.measured)
        kept = planning_candidates.narrowed(found)
row = None if found is None else next((r for _, r in found[found["option_id"] == chosen].iterrows()), None)
with place:
    click = planning_map.draw(desk, now, found, kept, row)
if click is not None:
    linked.select(planning.NAME, click.id if click.layer in planning_map.LAYERS else None)
    st.rerun()
with rows:
    if view == "plan" and plan is not None:
        planning_plan.listing(desk, plan)
    elif view != "candidates":
        parts.empty("ui.planning.no_plan")
    elif found is None:
        parts.empty("ui.planning.no_score")
    else:
        planning_candidates.listing(desk, now, kept)
with side:
    planning_picks.warn(broken)
    if row is not None:
        planning_candidates.card(desk, now, row)
if view == "candidates" and found is not None:
    planning_picks.prepare(desk, now.scored.id)
