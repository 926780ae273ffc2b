"""The rules of a plan on the page: spacing, quotas, venues, how coverage and cost count; kept in the page's address."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from siting.actions import layers as layer_actions
from siting.actions import planparams, planrules, planwords
from siting.errors import BadInput
from siting.store.runs import Run
from siting.ui import choices, fields, planning
from siting.ui.session import Desk
from siting.ui.text import language, md, t

QUOTA = "quota"
#: Widgets of a quota that is being written, and what a quota of each kind counts by.
FORM = "planrules"
SPACING_M, SEEDS, NUMBERS = (0, 5000, 0), (0, 1_000_000, 0), (0, 500, 3)


def panel(desk: Desk, scored_run: Run | None) -> dict[str, Any]:
    """Draw the rules as one button that opens; what they add to a plan run's parameters.

    Returns
    -------
    dict
        ``rules``, ``mode``, ``use_permission``, ``fibre_in_cost``, ``seed``.
    """
    offered = None if scored_run is None else planning.candidates(desk, scored_run.id)
    scored = pd.DataFrame() if offered is None else pd.DataFrame(offered[offered["rank"].notna()])
    n = _set()
    with st.popover(
        t("ui.planrules.title_n", n=n) if n else t("ui.planrules.title"), icon=":material/tune:", width="stretch"
    ):
        rules = {**_spacing(), "quotas": _quotas(scored), "required_venues": _venues(desk)}
        return {"rules": rules, **_counting(scored)}


def _set() -> int:
    """How many rules the address names."""
    names = ("spacing", "must", "permission", "fibre")
    on = [st.query_params.get(name, "") not in ("", "0", "false", "False") for name in names]
    return sum(on) + len(_written()) + (st.query_params.get("mode", "") == "binary")


def _spacing() -> dict[str, Any]:
    terms = {name: t(f"ui.planrules.spacing_by.{name}") for name in planparams.SPACING_BY}
    low, high, usual = SPACING_M
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        metres = st.number_input(t("ui.planrules.spacing"), low, high, usual, 50, key="spacing", bind="query-params")
        by = choices.segments(t("ui.planrules.spacing_by"), terms, key="spacing-by", hidden=True)
    return {"min_spacing_m": float(metres), "spacing_by": by}


def _written() -> list[dict[str, Any]]:
    """The quotas in the address; what is none is passed over."""
    found = []
    for text in st.query_params.get_all(QUOTA):
        try:
            found.append(planparams.quota_of(text))
        except BadInput:
            continue
    return [quota for quota in found if quota["by"] in planparams.QUOTA_COLUMNS]


def _quotas(scored: pd.DataFrame) -> list[dict[str, Any]]:
    """The quotas so far, each with a button that drops it, and the line that adds one."""
    st.caption(t("ui.planrules.quotas"))
    written = _written()
    for at, quota in enumerate(written):
        text = planparams.quota_text(quota)[0]
        said = planwords.sentence(f"quota:{quota['by']}:{quota['value']}", names={}, ends=quota).say(lang=language())
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            st.markdown(md(said), width="content")
            st.button(
                "✕", key=f"{FORM}.drop.{at}", on_click=_drop, args=(text,), help=t("ui.planrules.drop"), type="tertiary"
            )
    _form(scored)
    return written


def _form(scored: pd.DataFrame) -> None:
    terms = {by: t(f"plans.by.{by}") for by in planparams.QUOTA_COLUMNS}
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        by = st.selectbox(t("ui.planrules.by"), list(terms), key=f"{FORM}.by", format_func=terms.get)
        values = _values(scored, by)
        value = st.selectbox(t("ui.planrules.value"), list(values), key=f"{FORM}.value.{by}", format_func=values.get)
    signs = {"<=": t("ui.planrules.at_most"), ">=": t("ui.planrules.at_least")}
    low, high, usual = NUMBERS
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        sign = st.selectbox(t("ui.planrules.sign"), list(signs), key=f"{FORM}.sign", format_func=signs.get)
        n = st.number_input(t("ui.planrules.n"), low, high, usual, key=f"{FORM}.n")
        text = f"{by}:{value}{sign}{n}"
        st.button(
            t("ui.planrules.add"),
            key=f"{FORM}.add",
            on_click=_add,
            args=(text,),
            disabled=value is None,
            icon=":material/add:",
        )


def _values(scored: pd.DataFrame, by: str) -> dict[str, str]:
    """What a quota may name, in words."""
    if by == "zone":
        return {zone: t(f"plans.zone.{zone}") for zone in planrules.ZONES}
    column = planparams.QUOTA_COLUMNS[by]
    if column not in scored:
        return {}
    named = scored[column].explode().dropna().astype(str)
    known = sorted(set(named[named != ""]))
    return {value: planwords.Coded(by, value).say(lang=language()) for value in known}


def _add(text: str) -> None:
    """Add a quota; one of the same kind, name and sign is replaced."""
    head = text.rstrip("0123456789.")
    kept = [one for one in st.query_params.get_all(QUOTA) if one.rstrip("0123456789.") != head]
    st.query_params[QUOTA] = [*kept, text]


def _drop(text: str) -> None:
    st.query_params[QUOTA] = [one for one in st.query_params.get_all(QUOTA) if one != text]


def _venues(desk: Desk) -> list[str]:
    places = layer_actions.read(desk.db, desk.actor, "venues", columns=["name", "class"])
    kinds = [fields.value("venues", "class", kind) for kind in places["class"]]
    named = places.assign(
        kind=kinds, said=[str(n or k) for n, k in zip(places["name"], places["venue_id"], strict=True)]
    ).sort_values(["class", "said"])
    terms = {
        str(k): f"{kind} · {said}" for k, kind, said in named[["venue_id", "kind", "said"]].itertuples(index=False)
    }
    chosen = choices.several(t("ui.planrules.venues"), terms, key="must", placeholder=t("ui.planrules.none"))
    if chosen:
        st.caption(t("ui.planrules.venues_help"))
    return chosen


def _counting(scored: pd.DataFrame) -> dict[str, Any]:
    """How coverage and cost count; what the candidates do not know cannot be chosen."""
    modes = {name: t(f"ui.planrules.mode.{name}") for name in ("probability", "binary")}
    mode = choices.segments(t("ui.planrules.mode"), modes, key="mode")
    low, high, usual = SEEDS
    return {
        "mode": mode,
        "use_permission": _if_known("permission", "permission" in scored, _permission_help(scored)),
        "fibre_in_cost": _if_known("fibre", _priced(scored), _fibre_help(scored)),
        "seed": int(st.number_input(t("ui.planrules.seed"), low, high, usual, key="seed", bind="query-params")),
    }


def _if_known(name: str, known: bool, told: str) -> bool:  # noqa: FBT001 - what it depends on
    wanted = st.checkbox(t(f"ui.planrules.{name}"), key=name, bind="query-params", help=told, disabled=not known)
    return bool(wanted and known)


def _priced(scored: pd.DataFrame) -> bool:
    return "fibre_cost_yuan" in scored and bool(scored["fibre_cost_yuan"].notna().any())


def _permission_help(scored: pd.DataFrame) -> str:
    if "permission" not in scored:
        return t("ui.planrules.permission_absent")
    known, least = planrules.with_cases(scored)
    return t("ui.planrules.permission_help", known=known, least=least, rest=len(scored) - known)


def _fibre_help(scored: pd.DataFrame) -> str:
    if not _priced(scored):
        return t("ui.planrules.fibre_absent")
    return t("ui.planrules.fibre_help", n=int(scored["fibre_cost_yuan"].isna().sum()))
