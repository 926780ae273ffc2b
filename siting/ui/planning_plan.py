"""A plan: its sites in build order, what binds, its files, and the way to proposals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from siting.ui import curve, gaps, linked, planning, planning_picks, planning_tables, proposing
from siting.ui.planning import State
from siting.ui.session import Desk
from siting.ui.text import md, number, t

TABLE_PX = 470
KEY = "option_id"
#: Widths of the columns of the rules: whether it binds, the rule, what is used, the limit.
RULE_PX = (50, 250, 90, 130)


def chooser(now: State) -> None:
    """Earlier plans by date and question; the newest needs no mention in the address, and is not what a run in progress makes."""
    if now.solved is not None and (now.open is not None or now.unanswered):
        key = "ui.planning.unanswered" if now.open is None else "ui.planning.earlier"
        st.caption(t(key, title=md(planning.title(now.solved))))
    if now.solved is None or len(now.plans) < 2:  # noqa: PLR2004 - something to choose from
        return
    known = {run.id: run for run in now.plans}
    names = list(dict.fromkeys([now.solved.id, *known]))
    names.sort(key=list(known).index)

    def chosen() -> None:
        picked = st.session_state["planning.plan"]
        if picked == names[0]:
            st.query_params.pop(planning.PLAN, None)
        else:
            st.query_params[planning.PLAN] = picked

    st.session_state["planning.plan"] = now.solved.id  # a newer plan is shown as soon as it is there
    st.selectbox(
        t("ui.planning.plans"),
        names,
        key="planning.plan",
        on_change=chosen,
        format_func=lambda name: planning.title(known[name]),
        label_visibility="collapsed",
    )


def doing(desk: Desk, run_id: str, found: Mapping[str, Any], chosen: str | None) -> None:
    """How its figures are to be read, and what can be done with the plan: propose it, take it home, go on from it by hand."""
    st.caption(planning_tables.reading(found))
    with st.container(horizontal=True, gap="xxsmall", vertical_alignment="center"):
        proposing.from_plan(desk, run_id, chosen)
        planning_tables.exports(desk, run_id)
        st.button(
            t("ui.planning.by_hand"), key="plan.by_hand", icon=":material/push_pin:", on_click=_taken, args=(found,)
        )
        with st.popover(t("ui.planning.binds"), icon=":material/rule:"):
            binding(found)
            _order(found)
    proposing.outcome(desk)


def _taken(found: Mapping[str, Any]) -> None:
    sites = found["sites"]
    own = sites[~sites["standing"]] if "standing" in sites else sites
    planning_picks.take(own[KEY].astype(str).tolist())
    planning.show("candidates")


def binding(found: Mapping[str, Any]) -> None:
    """Limits and rules with what the plan uses of them, those that bind first, and what is to be known."""
    rules = found["rules"]
    if len(rules):
        ends = [_end(row) for row in rules.to_dict("records")]
        shown = {
            t("ui.planning.rule"): rules["message"],
            t("ui.planning.used"): rules["activity"].round(1),
            t("ui.planning.limit"): ends,
        }
        shown = {t("ui.planning.tight"): ["●" if tight else "" for tight in rules["binds"]], **shown}
        widths = dict(zip(shown, RULE_PX, strict=True))
        st.dataframe(
            pd.DataFrame(shown),
            hide_index=True,
            width=sum(RULE_PX),
            column_config={name: st.column_config.Column(width=px) for name, px in widths.items()},
        )
    for line in found["told"].get("message", []) if len(found["told"]) else []:
        st.caption(md(line))


def _end(row: Mapping[Any, Any]) -> str:
    signs = (("at_least", "≥"), ("at_most", "≤"))
    return " ".join(
        f"{sign} {number(float(row[n]))}" for n, sign in signs if row.get(n) == row.get(n) and row.get(n) is not None
    )


def _order(found: Mapping[str, Any]) -> None:
    """What the first n points of the build order add together."""
    sites = found["sites"]
    new = sites[~sites["standing"]] if "standing" in sites else sites
    curve.build_order(new["marginal_in_plan"], unit=t(f"ui.unit.{found.get('measure', gaps.PERSONS)}"))


def listing(desk: Desk, found: Mapping[str, Any]) -> None:
    """The sites in build order, each with what the plan loses without it."""
    sites = pd.DataFrame(found["sites"]).drop(columns="geometry")
    sites[planning_tables.LOSS] = sites[KEY].map(_losses(desk, found)).astype(float)
    table = planning_tables.table(
        sites,
        measured=str(found.get("measure", gaps.PERSONS)),
        columns=planning_tables.CHOSEN,
        proposed=proposing.numbers(desk),
    )
    linked.table(table, name=planning.NAME, ids=sites[KEY], height_px=TABLE_PX, cells=True)


def _losses(desk: Desk, found: Mapping[str, Any]) -> Mapping[str, float]:
    """What is lost without each point and with no other in its place; nothing where its coverage is no longer current."""
    effect = planning_picks.effect(desk, str(found["score"]), found["sites"][KEY].astype(str).tolist(), {})
    return {} if isinstance(effect, str) else effect.alone
