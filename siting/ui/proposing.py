"""Proposals on a page: list, map, one card with what this person may do, the form for a new one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import geopandas as gpd
import pandas as pd
import streamlit as st

from siting import words
from siting.access import may
from siting.actions import layers as layer_actions
from siting.actions import proposals
from siting.assets import schema
from siting.errors import SitingError
from siting.maps import layers, styles
from siting.ui import atlas, choices, fields, mapview, navigation, parts
from siting.ui.session import Desk, now
from siting.ui.text import UNKNOWN, language, md, number, t

LAYER = "candidates"
NAME = "proposals"
WRITE = "proposal.write"
TOLD, PLACE, TURN = "proposals.told", "proposals.place", "proposals.turn"
LISTED = ("proposal_no", "name", "state", "operators", "technology", "host_class", "street_office", "owner_org", "owner_attitude", "height_m",
    "purpose", "proposer_org", "marginal_people", "cost_yuan", "priority", "proposed_at")  # fmt: skip
FACTS = ("proposal_no", "name", "state", "proposer_org", "operators", "technology", "host_class", "asset_no", "owner_org", "street_office",
    "height_m", "antenna_height_m", "azimuths", "tilts", "mount", "purpose", "marginal_people", "cost_yuan", "need_no", "priority",
    "planned_year", "proposed_at", "released_at", "requested_at", "request_text", "owner_attitude", "owner_answer_on", "owner_answer_note",
    "withdrawn_at", "withdrawn_reason")  # fmt: skip
TEMPLATE = "proposals.xlsx"
SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
NEW_PX = 480
USUAL_PURPOSE = "weak_area"


def views(desk: Desk) -> dict[str, str]:
    """What the page offers: the list, and to who may propose the form and the import."""
    names = ("list", "new", "import") if may(desk.actor, WRITE) else ("list",)
    return {name: t(f"ui.proposals.{name}") for name in names}


def narrowed(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The proposals that the filters in the page's address leave."""
    everything = t("ui.assets.all")
    streets = {name: name for name in sorted(frame["street_office"].dropna().unique())}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        states = choices.several(
            fields.title(LAYER, "state"), fields.terms("proposal_state"), key="state", placeholder=everything
        )
        operators = choices.several(
            fields.title(LAYER, "operators"), fields.terms("operator"), key="operator", placeholder=everything
        )
        offices = choices.several(fields.title(LAYER, "street_office"), streets, key="street", placeholder=everything)
    keep = pd.Series(data=True, index=frame.index)
    keep &= frame["state"].isin(states) if states else True
    keep &= frame["street_office"].isin(offices) if offices else True
    keep &= frame["operators"].map(lambda codes: not operators or bool(set(codes) & set(operators))).astype(bool)
    return frame[keep]


def table(frame: gpd.GeoDataFrame) -> pd.DataFrame:
    """Proposals in words; a column that says nothing of any of them is left out."""
    told = frame.assign(technology=frame["technologies"])
    return fields.table(LAYER, told, [name for name in LISTED if frame[name].notna().any()])


def layer(frame: gpd.GeoDataFrame) -> mapview.Layer:
    """Proposals on the map, by state."""
    spec = layers.specs()[NAME]
    marks = "|".join(f"{key}{state}" for key, state in zip(frame[spec.key], frame["state"], strict=True))
    return mapview.Layer(
        id=NAME,
        type="geojson",
        version=hashlib.sha256(marks.encode()).hexdigest()[:16],
        name=t("ui.page.proposals"),
        data=layers.geojson(layers.to_lonlat(frame), spec),
        styles=styles.family(spec.family),
        clickable=True,
    )


def told() -> bool:
    """What came of the last thing done; whether something was done, and well."""
    found = st.session_state.pop(TOLD, None)
    if found is not None:
        good, text = found
        (st.success if good else st.error)(text, icon=":material/check_circle:" if good else ":material/error:")
        return bool(good)
    return False


def outcome(desk: Desk) -> None:
    """What came of proposing sites of a plan, with the way to the proposals."""
    if told() and NAME in {page.name for page in navigation.permitted(desk.actor)}:
        st.page_link("pages/proposals.py", label=t("ui.page.proposals"), icon=":material/arrow_forward:")


def card(desk: Desk, row: Mapping[str, Any]) -> None:
    """One proposal: its facts, and what this person may do with it."""
    found = proposals.allowed(desk.actor, row)
    for step in found:
        _FORMS[step](desk, row)
    told = {**row, "technology": row["technologies"]}
    shown = {fields.title(LAYER, name): fields.value(LAYER, name, told[name]) for name in FACTS}
    parts.facts({title: text for title, text in shown.items() if text != "—"})


def _request(desk: Desk, row: Mapping[str, Any]) -> None:
    with (
        st.expander(t("ui.proposals.request"), icon=":material/mail:"),
        st.form(f"request.{row['candidate_id']}", border=False),
    ):
        st.caption(t("ui.proposals.request_help", owner=md(row["owner_org"])))
        st.text_area(fields.title(LAYER, "request_text"), key="proposals.request", height=80)
        _submit(desk, row, "request", lambda db, actor, key, seen: proposals.request_owner(
            db, actor, [key], text=st.session_state["proposals.request"], now=now(), seen={key: seen}))  # fmt: skip


def _answer(desk: Desk, row: Mapping[str, Any]) -> None:
    terms = fields.terms("owner_attitude")
    with (
        st.expander(t("ui.proposals.answer"), icon=":material/reply:", expanded=True),
        st.form(f"answer.{row['candidate_id']}", border=False),
    ):
        st.radio(
            fields.title(LAYER, "owner_attitude"),
            list(terms),
            key="proposals.attitude",
            format_func=terms.get,
            horizontal=True,
        )
        st.text_area(fields.title(LAYER, "owner_answer_note"), key="proposals.note", height=80)
        _submit(desk, row, "answer", lambda db, actor, key, seen: proposals.answer(
            db, actor, key, attitude=st.session_state["proposals.attitude"], note=st.session_state["proposals.note"],
            now=now(), seen=seen))  # fmt: skip


def _release(desk: Desk, row: Mapping[str, Any]) -> None:
    with (
        st.expander(t("ui.proposals.release"), icon=":material/visibility:"),
        st.form(f"release.{row['candidate_id']}", border=False),
    ):
        st.caption(t("ui.proposals.release_help"))
        _submit(desk, row, "release", lambda db, actor, key, seen: proposals.release(
            db, actor, [key], now=now(), seen={key: seen}))  # fmt: skip


def _withdraw(desk: Desk, row: Mapping[str, Any]) -> None:
    with (
        st.expander(t("ui.proposals.withdraw"), icon=":material/undo:"),
        st.form(f"withdraw.{row['candidate_id']}", border=False),
    ):
        st.text_input(fields.title(LAYER, "withdrawn_reason"), key="proposals.reason")
        _submit(desk, row, "withdraw", lambda db, actor, key, seen: proposals.withdraw(
            db, actor, key, reason=st.session_state["proposals.reason"], now=now(), seen=seen))  # fmt: skip


def _report(desk: Desk, row: Mapping[str, Any]) -> None:
    """The way to the form of a blocked site, with this proposal filled in."""
    if "cases" in {page.name for page in navigation.permitted(desk.actor)}:
        query = {"new": str(row["candidate_id"])}
        st.page_link("pages/cases.py", label=t("ui.proposals.report"), icon=":material/report:", query_params=query)


_FORMS: Mapping[str, Callable[[Desk, Mapping[str, Any]], None]] = {
    "request": _request, "answer": _answer, "release": _release, "withdraw": _withdraw, "report": _report,
}  # fmt: skip


def together(desk: Desk, frame: gpd.GeoDataFrame) -> None:
    """What can be done with all listed proposals at once: ask their owners, release them."""
    rows = [row for _, row in frame.iterrows()]
    for step, acts in (("request", _request_all), ("release", _release_all)):
        seen = {
            str(row["candidate_id"]): int(row["revision"]) for row in rows if step in proposals.allowed(desk.actor, row)
        }
        if len(seen) > 1:
            with st.expander(t(f"ui.proposals.all.{step}", n=len(seen))), st.form(f"all.{step}", border=False):
                acts(desk, seen)


def _request_all(desk: Desk, seen: Mapping[str, int]) -> None:
    st.text_area(fields.title(LAYER, "request_text"), key="proposals.request_all", height=80)
    _submit_all("request", seen, lambda: proposals.request_owner(
        desk.db, desk.actor, list(seen), text=st.session_state["proposals.request_all"], now=now(), seen=seen))  # fmt: skip


def _release_all(desk: Desk, seen: Mapping[str, int]) -> None:
    st.caption(t("ui.proposals.release_help"))
    _submit_all("release", seen, lambda: proposals.release(desk.db, desk.actor, list(seen), now=now(), seen=seen))


def _submit_all(step: str, seen: Mapping[str, int], act: Callable[[], None]) -> None:
    done = t(f"ui.proposals.all.done.{step}", n=len(seen))
    st.form_submit_button(
        t(f"ui.proposals.all.{step}", n=len(seen)), on_click=_attempt, args=(act, done), type="primary"
    )


def _submit(desk: Desk, row: Mapping[str, Any], step: str, act: Callable[..., None]) -> None:
    """The button of a form: it acts on the proposal as it stood when the person saw it."""
    seen = {"key": str(row["candidate_id"]), "seen": int(row["revision"])}
    done = t(f"ui.proposals.done.{step}", name=md(row["proposal_no"]))
    st.form_submit_button(
        t(f"ui.proposals.{step}"),
        on_click=_attempt,
        args=(partial(act, desk.db, desk.actor, **seen), done),
        type="primary",
    )


def _attempt(act: Callable[[], None], done: str) -> None:
    try:
        act()
        st.session_state[TOLD] = (True, done)
    except SitingError as error:
        st.session_state[TOLD] = (False, md(error.message(language())))


def new(desk: Desk) -> None:
    """A proposal by a click on the map: place, what hangs there, and the few words it needs."""
    left, right = st.columns([3, 2], gap="small")
    spot = st.session_state.get(PLACE)
    with left:
        click = mapview.draw(
            [*atlas.background(desk), *atlas.crowd(desk, "assets"), layer(proposals.listing(desk.db, desk.actor))],
            key="proposals-new",
            bounds=atlas.extent(desk),
            height_px=NEW_PX,
            legend=atlas.key("asset_class", "proposal_state", lang=desk.lang),
            selected=None if spot is None else mapview.Place(*spot),
        )
        if click is not None:
            st.session_state[PLACE] = _meant(desk, click)
            st.rerun()
    with right:
        told()
        if spot is None:
            parts.empty("ui.proposals.click")
            return
        with parts.told():
            _new_form(desk, proposals.spot(desk.db, desk.actor, lon_deg=spot[1], lat_deg=spot[0]), spot)


def _meant(desk: Desk, click: mapview.Click) -> tuple[float, float]:
    """Latitude and longitude that a click means: of the asset under the finger, else of the click itself."""
    place = {"lon_deg": click.lon_deg, "lat_deg": click.lat_deg, "zoom": click.zoom}
    hit = layer_actions.pick(desk.db, desk.actor, **place, layers_in_order=["assets"])
    spot = None if hit is None else atlas.place(hit[1]["geometry"], desk.settings.crs, version="")
    return (click.lat_deg, click.lon_deg) if spot is None else (spot.lat_deg, spot.lon_deg)


def _new_form(desk: Desk, found: proposals.Spot, spot: tuple[float, float]) -> None:
    host = found.host
    kind = fields.value(LAYER, "host_class", found.host_class)
    owner = md(host.get("owner_org") or "—")
    said = (
        t("ui.proposals.on_host", kind=kind, name=md(_named(host)), owner=owner)
        if host
        else t("ui.proposals.on_ground")
    )
    st.markdown(said)
    usual = proposals.usual(desk.db, desk.actor)
    with st.form(f"proposals.new.{spot[0]:.7f}.{spot[1]:.7f}"):
        names = fields.terms("operator")
        operators = st.multiselect(
            fields.title(LAYER, "operators"),
            list(names),
            default=usual.operators,
            key="new.operators",
            placeholder=UNKNOWN,
            select_all=False,
            format_func=names.get,
        )
        left, right = st.columns(2, gap="small")
        with left:
            technology, height_m = _chosen("technology", usual.technology), _height(found, spot)
            name = st.text_input(fields.title(LAYER, "name"), key="new.name", placeholder=_named(host))
        with right:
            purpose, configuration = _chosen("purpose", USUAL_PURPOSE), _configuration(found)
            need_no = st.text_input(fields.title(LAYER, "need_no"), key="new.need")
        given = {"operators": operators, "technology": technology, "height_m": height_m, "name": name, "purpose": purpose,
            "configuration": configuration, "need_no": need_no}  # fmt: skip
        if st.form_submit_button(
            t("ui.proposals.add"), type="primary", icon=":material/add_location:", width="stretch"
        ):
            _added(desk, spot, given)


def _added(desk: Desk, spot: tuple[float, float], given: Mapping[str, Any]) -> None:
    with parts.told():
        key = proposals.add(desk.db, desk.actor, lon_deg=spot[1], lat_deg=spot[0], now=now(), **given)
        row = proposals.get(desk.db, desk.actor, key)
        st.session_state[TOLD] = (True, t("ui.proposals.done.add", name=md(row["proposal_no"])))
        st.session_state[PLACE] = None
        st.rerun()


def _chosen(column: str, usual: str) -> str:
    terms = fields.terms(schema.column(LAYER, column).vocab)
    codes = list(terms)
    return str(
        st.selectbox(
            fields.title(LAYER, column), codes, index=codes.index(usual), key=f"new.{column}", format_func=terms.get
        )
    )


def _height(found: proposals.Spot, spot: tuple[float, float]) -> float | None:
    return st.number_input(fields.title(LAYER, "height_m"), 0.0, 700.0, found.height_m, 0.5, key=f"new.height.{spot}")


def _configuration(found: proposals.Spot) -> str | None:
    return st.selectbox(
        fields.title(LAYER, "configuration"),
        found.configurations,
        index=0 if found.configurations else None,
        key=f"new.configuration.{found.host_class}",
        format_func=_configuration_words,
        placeholder=t("ui.proposals.no_configuration"),
    )


def _configuration_words(name: str) -> str:
    key = f"ui.configuration.{name}"
    return t(key) if words.has(key) else name


def _named(host: Mapping[str, Any]) -> str:
    return str(host.get("name") or host.get("asset_no") or "")


def template() -> None:
    """The spreadsheet to fill in."""
    parts.download(t("ui.proposals.template"), TEMPLATE, schema.template(LAYER), key="proposals.template", mime=SHEET)


def from_plan(desk: Desk, run_id: str, chosen: str | None) -> None:
    """Beside a plan: propose its sites, all of them or some, once it is clear how many that would be.

    Parameters
    ----------
    desk : Desk
        Who proposes.
    run_id : str
        The plan.
    chosen : str or None
        Option selected on the page; it alone is offered first.
    """
    if not may(desk.actor, WRITE):
        return
    turn = st.session_state.get(TURN, 0)  # another popover is a closed one: it does not lie over what came of it
    with st.popover(t("ui.proposals.propose"), icon=":material/assignment_add:", key=f"{TURN}.{turn}"), parts.told():
        found = proposals.proposable(desk.db, desk.actor, run_id)
        names = {
            str(r["option_id"]): f"{r['order']:.0f} {r['name'] or r['asset_no'] or ''}"
            for _, r in found.sites.iterrows()
        }
        if len(found.findings):
            st.caption(t("ui.proposals.before", n=number(len(found.findings))))
        if not names:
            return
        first = [chosen] if chosen in names else list(names)
        picked = st.multiselect(
            t("ui.proposals.which"),
            list(names),
            default=first,
            key=f"propose.{run_id}.{chosen}",
            placeholder=UNKNOWN,
            select_all=False,
            format_func=names.get,
        )
        act = partial(proposals.from_plan, desk.db, desk.actor, run_id, picked, now=now())
        done = t("ui.proposals.done.propose", n=number(len(picked)))
        label = t("ui.proposals.confirm", n=number(len(picked)))
        st.button(label, key="propose", type="primary", disabled=not picked, on_click=_proposed, args=(act, done))


def _proposed(act: Callable[[], None], done: str) -> None:
    _attempt(act, done)
    st.session_state[TURN] = st.session_state.get(TURN, 0) + 1


def numbers(desk: Desk) -> dict[str, str]:
    """Number of the proposal that stands for an option, of those that the person sees."""
    frame = proposals.listing(desk.db, desk.actor, states=proposals.LIVE)
    live = frame[frame["option_id"].notna()]
    return dict(zip(live["option_id"], live["proposal_no"], strict=True))
