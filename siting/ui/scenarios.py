"""Scenarios on a page: keep a question under a name, ask it again, load it into the controls, rename or remove it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from siting.actions import coverage, planparams, planprices, radiotables, runs, scenarios
from siting.store.scenarios import Scenario
from siting.ui import choices, fields, parts
from siting.ui.session import Desk, now
from siting.ui.text import UNKNOWN, md, number, t

KEY = "scenario"
#: Controls that are in the page's address by their own doing.
REMEMBERED = ("by", "spacing-by", "mode")
#: Where the page keeps the points picked and forbidden by hand.
PICKED, BANNED = "planning.picked", "planning.banned"
OPEN = ("queued", "running")
LIMITS = {"count": 1.0, "budget_yuan": 1e4, "target_persons": 1.0}
LISTED_PX, PRICES_PX = 220, 260
YUAN_PER_CONTROL = 1e4
Given = Mapping[str, Mapping[str, Any]]


def panel(desk: Desk, given: Given) -> None:
    """The scenarios that this person sees, with what may be done with them, and a form for a new one.

    Parameters
    ----------
    desk : Desk
        For whom.
    given : mapping
        What a new scenario can be made of: words -> parameters as `siting.actions.scenarios.save` takes them.
    """
    st.markdown(f"**{t('ui.scenario.title')}**")
    held = scenarios.listing(desk.db, desk.actor)
    if held:
        _table(desk, held)
    else:
        st.caption(t("ui.scenario.none"))
    if not desk.may(runs.PERMISSION):
        return
    if held:
        _acts(desk, held)
    if given:
        with st.expander(t("ui.scenario.save"), icon=":material/bookmark_add:"):
            _form(desk, given)


def asks(desk: Desk, one: Scenario) -> str:
    """What a scenario asks, in short."""
    record, own = one.record, one.record["params"]
    base = record["coverage_params"]
    told = [choices.network_words(desk, name) for name in base["networks"]]
    told += [choices.threshold_words(desk, base["profile"]), t(f"ui.mix.{base['mix']}")]
    told += [
        t(f"compare.limit.{name}", n=number(own[name] / size, digits=0 if size == 1 else 1))
        for name, size in LIMITS.items()
        if own.get(name) is not None
    ]
    told += [t("ui.scenario.price_of", factor=f"{record['price_factor']:g}")] if record["price_factor"] != 1 else []
    told += [t("ui.scenario.prices_of", n=len(own["prices"]))] if own.get("prices") else []
    told += [t("ui.scenario.draw_of", seed=record["draw_seed"])] if record["draw_seed"] is not None else []
    told += [t("ui.scenario.forbids", n=len(own["forbid"]))] if own.get("forbid") else []
    return " · ".join(told)


def _table(desk: Desk, held: list[Scenario]) -> None:
    shown = {
        "name": [one.name for one in held],
        "asks": [asks(desk, one) for one in held],
        "reason": [one.reason for one in held],
        "person": [one.person for one in held],
        "at": [one.at[:16].replace("T", " ") for one in held],  # noqa: PD008 - a time, no frame
    }
    frame = pd.DataFrame({t(f"ui.scenario.column.{name}"): cells for name, cells in shown.items()})
    st.dataframe(frame, hide_index=True, height=min(LISTED_PX, 38 + 35 * len(frame)))


def _acts(desk: Desk, held: list[Scenario]) -> None:
    """Ask the chosen scenario, load it, rename it or take it away."""
    known = {one.id: one for one in held}
    latest = runs.latest(desk.db, desk.actor, "plan")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            t("ui.scenario.which"), list(known), key=f"{KEY}.which", format_func=lambda name: known[name].name
        )
        one = known[str(chosen)]
        busy = latest is not None and latest.status in OPEN
        if st.button(t("ui.scenario.run"), icon=":material/play_arrow:", disabled=busy, key=f"{KEY}.run"):
            with parts.told():
                scenarios.queue(desk.db, desk.actor, one.id, now=now())
                st.rerun()
        st.button(t("ui.scenario.load"), icon=":material/upload:", on_click=load, args=(one,), key=f"{KEY}.load")
        with st.popover(t("ui.scenario.rename")):
            _rename(desk, one)
        with st.popover(t("ui.scenario.remove")):
            _remove(desk, one)
    if busy:
        st.caption(t("ui.scenario.busy"))


def load(one: Scenario) -> None:
    """Set the controls of the planning page to a scenario; called before the page is drawn, as a callback."""
    own, address = one.record["params"], st.query_params
    limits = {"count": own.get("count"), "budget": own.get("budget_yuan"), "target": own.get("target_persons")}
    given = {name: value for name, value in limits.items() if value is not None}
    rules = own.get("rules") or {}
    wanted: dict[str, Any] = {
        "by": "both" if len(given) > 1 else next(iter(given)),
        **{name: round(value / YUAN_PER_CONTROL if name == "budget" else value) for name, value in given.items()},
        "gap": 100 * own["gap"],
        "seconds": round(own["time_limit_s"]),
        "unknown": "unknown" in own["admit"],
        "spacing": round(rules.get("min_spacing_m", 0)),
        "spacing-by": rules.get("spacing_by", "operator"),
        "mode": own.get("mode", "probability"),
        "permission": own.get("use_permission", False),
        "fibre": own.get("fibre_in_cost", False),
        "seed": own.get("seed", 0),
    }
    st.session_state.update(wanted)
    address.update({name: str(wanted[name]) for name in REMEMBERED})
    address["must"] = list(rules.get("required_venues", []))
    address["quota"] = [text for quota in rules.get("quotas", []) for text in planparams.quota_text(quota)]
    st.session_state.pop("must", None)
    st.session_state[PICKED], st.session_state[BANNED] = list(own["lock"]), list(own.get("forbid", []))


def _rename(desk: Desk, one: Scenario) -> None:
    with st.form(f"{KEY}.rename.{one.id}", border=False):
        name = st.text_input(t("ui.scenario.name"), one.name, max_chars=scenarios.LONGEST_NAME)
        if st.form_submit_button(t("ui.scenario.rename")):
            with parts.told():
                scenarios.rename(desk.db, desk.actor, one.id, name, now=now())
                st.rerun()


def _remove(desk: Desk, one: Scenario) -> None:
    with st.form(f"{KEY}.remove.{one.id}", border=False):
        st.caption(t("ui.scenario.remove_help", name=md(one.name)))
        reason = st.text_input(t("ui.scenario.reason"), max_chars=scenarios.LONGEST_REASON)
        if st.form_submit_button(t("ui.scenario.remove"), icon=":material/delete:"):
            with parts.told():
                scenarios.remove(desk.db, desk.actor, one.id, reason=reason, now=now())
                st.rerun()


def _form(desk: Desk, given: Given) -> None:
    """A question of a plan with other people, thresholds, networks, prices or model, under a name."""
    source = st.selectbox(t("ui.scenario.source"), list(given), key=f"{KEY}.source")
    asked = given[str(source)]
    with st.form(f"{KEY}.new", border=False, clear_on_submit=False):
        with st.container(horizontal=True):
            name = st.text_input(t("ui.scenario.name"), key=f"{KEY}.name", max_chars=scenarios.LONGEST_NAME)
            reason = st.text_input(t("ui.scenario.reason"), key=f"{KEY}.reason", max_chars=scenarios.LONGEST_REASON)
        based = _coverage(desk, asked["coverage_params"], str(source))
        with st.container(horizontal=True):
            factor = st.number_input(t("ui.scenario.price"), 0.1, 10.0, 1.0, 0.1, key=f"{KEY}.price")
            seed = st.number_input(
                t("ui.scenario.seed"), 0, 10**6, None, key=f"{KEY}.seed", help=t("ui.scenario.seed_help")
            )
        prices = _prices(desk, asked.get("prices") or {}, str(source))
        if st.form_submit_button(t("ui.scenario.save"), icon=":material/bookmark_add:"):
            wanted = {**asked, "coverage_params": based, "prices": prices, "price_factor": factor, "draw_seed": seed}
            with parts.told():
                scenarios.save(desk.db, desk.actor, name, given=wanted, reason=reason, now=now())
                st.rerun()


def _prices(desk: Desk, given: Mapping[str, float], source: str) -> dict[str, float]:
    """Own prices beside the district's, in a table of which one column is written; what is left empty is the district's."""
    district = planprices.known(desk.db)
    classes, own = fields.terms("asset_class"), t("ui.scenario.own_price")
    parted = [name.split(planprices.JOIN, 1) for name in district]
    frame = pd.DataFrame(
        {
            t("ui.scenario.price_class"): [classes.get(kind, kind) for kind, _ in parted],
            t("ui.scenario.price_equipment"): [unit for _, unit in parted],
            t("ui.scenario.district_price"): list(district.values()),
            own: pd.array([given.get(name) for name in district], dtype="Float64"),
        },
        index=list(district),
    )
    with st.expander(t("ui.scenario.prices")):
        st.caption(t("ui.scenario.prices_help"))
        written = st.data_editor(
            frame,
            hide_index=True,
            height=PRICES_PX,
            placeholder=UNKNOWN,
            disabled=[name for name in frame if name != own],
            column_config={name: st.column_config.NumberColumn(format="localized") for name in frame.columns[2:]},
            key=f"{KEY}.prices.{source}",
        )
    return {str(name): float(value) for name, value in written[own].dropna().items()}


def _coverage(desk: Desk, given: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Networks, threshold and time of day, at first those of the plan, else those of the settings."""
    base = coverage.params(desk.db, given)
    networks = {n: choices.network_words(desk, n) for n, row in radiotables.networks(desk.db).items() if row.active}
    profiles = [n for n, row in radiotables.thresholds(desk.db).items() if row.active]
    own = [name for name in base["networks"] if name in networks]
    chosen = st.multiselect(
        t("ui.choice.networks"),
        list(networks),
        own,
        key=f"{KEY}.networks.{source}",
        placeholder=UNKNOWN,
        select_all=False,
        format_func=networks.__getitem__,
    )
    with st.container(horizontal=True):
        profile = st.selectbox(
            t("ui.choice.profile"),
            profiles,
            profiles.index(base["profile"]) if base["profile"] in profiles else 0,
            key=f"{KEY}.profile.{source}",
            format_func=lambda name: choices.profile_words(desk, name),
        )
        mix = st.selectbox(
            t("ui.choice.mix"),
            list(coverage.MIXES),
            list(coverage.MIXES).index(base["mix"]),
            key=f"{KEY}.mix.{source}",
            format_func=lambda name: t(f"ui.mix.{name}"),
        )
    return {**base, "networks": chosen or own, "profile": profile, "mix": mix}
