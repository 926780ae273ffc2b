"""Report a new problem point: click the place, fill a few fields, done within a minute."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import streamlit as st

from siting.access import may
from siting.actions import cases, proposals
from siting.actions import layers as layer_actions
from siting.errors import SitingError
from siting.ledger.moves import KINDS, REASONS
from siting.ui import atlas, casebook, casemoves, fields, mapview, parts
from siting.ui.mapview import Click, Place
from siting.ui.session import Desk, now
from siting.ui.text import UNKNOWN, md, t

STATE = "cases.new"
MAP = "cases-new-map"
VIEW = "cases-view"
MAP_PX = 560
SOURCES = ("operator", "hotline_12345", "patrol", "meeting", "petition")
URGENCIES = (1, 2, 3)
STANDING = ("proposed", "released")
OPERATORS = ("cmcc", "ctc", "cucc", "cbn")


def may_report(desk: Desk) -> bool:
    """Whether the person may report at all."""
    return may(desk.actor, "case.report")


def begin(desk: Desk, proposal_id: str) -> None:
    """Start a report from a proposal, named in the address of the page; one that is not visible starts an empty report."""
    st.query_params.pop("new", None)
    st.session_state.pop(VIEW, None)
    st.query_params[VIEW] = "new"
    try:
        found = proposals.get(desk.db, desk.actor, proposal_id)
    except SitingError:
        return
    place = atlas.place(found["geometry"], desk.settings.crs, version=proposal_id)
    host = found.get("host_asset_id")
    st.session_state[STATE] = {
        "place": place,
        "site_ref": host if isinstance(host, str) and host else proposal_id,
        "proposal_ref": proposal_id,
        "label": str(found.get("name") or found.get("proposal_no") or ""),
        "operators": list(found.get("operators") or ()),
        "turn": uuid.uuid4().hex,
    }


def page(desk: Desk) -> None:
    """Map to click on the left, the form on the right."""
    state: dict[str, Any] = st.session_state.setdefault(STATE, {"turn": uuid.uuid4().hex})
    left, right = st.columns([3, 2], gap="small")
    with left:
        click = mapview.draw(
            [*atlas.background(desk), *atlas.crowd(desk, "assets"), _known(desk)],
            key=MAP,
            bounds=atlas.extent(desk),
            height_px=MAP_PX,
            legend=atlas.key("case_stage", lang=desk.lang),
            note=t("ui.cases.new_click"),
            focus=state.get("place"),
            selected=state.get("place"),
        )
        if click is not None:
            st.session_state[STATE] = _picked(desk, click)
            st.rerun()
    with right:
        _form(desk, state)


def _known(desk: Desk) -> mapview.Layer:
    return casebook.layer(casebook.ledger(desk), desk.settings.crs)


def _picked(desk: Desk, click: Click) -> dict[str, Any]:
    """What a click means: the asset under it, else the bare place."""
    hit = layer_actions.pick(
        desk.db, desk.actor, lon_deg=click.lon_deg, lat_deg=click.lat_deg, zoom=click.zoom, layers_in_order=["assets"]
    )
    state: dict[str, Any] = {"place": atlas.clicked(click), "turn": uuid.uuid4().hex}
    if hit is None:
        return state
    asset = hit[1]
    centre = atlas.place(asset["geometry"], desk.settings.crs, version=str(asset["asset_id"]), zoom=click.zoom)
    label = " ".join(fields.value("assets", name, asset[name]) for name in ("class", "asset_no"))
    known = {"place": centre, "site_ref": str(asset["asset_id"]), "label": label}
    return {**state, **known, **_proposed(desk, str(asset["asset_id"]))}


def _proposed(desk: Desk, host: str) -> dict[str, Any]:
    """The standing proposal on a facility, if the person sees one."""
    listed = proposals.listing(desk.db, desk.actor)
    found = listed[(listed["host_asset_id"] == host) & listed["state"].isin(STANDING)]
    if found.empty:
        return {}
    first = found.iloc[0]
    return {"proposal_ref": str(first["candidate_id"]), "operators": list(first["operators"] or ())}


def _form(desk: Desk, state: Mapping[str, Any]) -> None:
    place: Place | None = state.get("place")
    if place is None:
        parts.empty("ui.cases.new_empty")
        return
    label = state.get("label") or t("ui.cases.bare_place")
    st.markdown(f"**{md(label)}**  {place.lon_deg:.6f}, {place.lat_deg:.6f}")
    turn = state["turn"]
    with st.form(f"new-{turn}", border=False):
        given = _fields(desk, state)
        draft, sent = st.columns(2)
        kept = draft.form_submit_button(t("move.save_draft"), width="stretch")
        submit = sent.form_submit_button(t("move.submit"), type="primary", width="stretch")
    if kept or submit:
        _send(desk, state, given, draft=kept)


def _fields(desk: Desk, state: Mapping[str, Any]) -> dict[str, Any]:
    turn = state["turn"]
    title = st.text_input(t("case.field.title"), value=state.get("label", ""), key=f"title-{turn}", max_chars=80)
    with st.container(horizontal=True):
        kind = _choice("kind", list(KINDS), turn)
        reason = _choice("reason_code", ["", *REASONS], turn)
    text = st.text_input(t("case.field.reason_text"), key=f"text-{turn}", max_chars=400)
    action = st.text_area(t("case.field.requested_action"), key=f"action-{turn}", height=68, max_chars=400)
    operators = _operators(desk, state)
    with st.container(horizontal=True):
        need_no = st.text_input(f"{t('case.field.need_no')} *", key=f"need-{turn}", max_chars=40)
        urgency = _choice("urgency", list(URGENCIES), turn, index=1)
        first = SOURCES.index("operator" if desk.actor.role in {"operator", "tower"} else "meeting")
        source = _choice("source", list(SOURCES), turn, index=first)
    needs = [{"need_no": need_no, "operator": name, "urgency": urgency} for name in operators]
    return {"kind": kind, "title": title, "reason_code": reason, "reason_text": text, "requested_action": action, "source": source,
        "needs": needs}  # fmt: skip


def _choice(name: str, codes: list[Any], turn: str, *, index: int = 0) -> Any:
    words = {code: t(f"case.{name}.{code}") if code else UNKNOWN for code in codes}
    return st.selectbox(
        t(f"case.field.{name}"), codes, index=index, key=f"{name}-{turn}", format_func=lambda code: words[code]
    )


def _operators(desk: Desk, state: Mapping[str, Any]) -> list[str]:
    """Whose need it is: an operator reports its own, others name those of the proposal or choose."""
    own = [desk.actor.operator] if desk.actor.operator else list(state.get("operators", ()))
    return st.multiselect(
        t("case.field.operator"),
        own if desk.actor.operator else list(OPERATORS),
        default=own,
        placeholder=UNKNOWN,
        select_all=False,
        key=f"op-{state['turn']}",
        format_func=lambda code: t(f"ui.operator.{code}"),
    )


def _send(desk: Desk, state: Mapping[str, Any], given: Mapping[str, Any], *, draft: bool) -> None:
    place: Place = state["place"]
    where = {"lon_deg": f"{place.lon_deg:.7f}", "lat_deg": f"{place.lat_deg:.7f}"}
    refs = {name: state[name] for name in ("site_ref", "proposal_ref") if state.get(name)}
    with parts.told():
        made = cases.report(
            desk.db, desk.actor, {**given, **where, **refs}, command_id=f"new-{state['turn']}", draft=draft, now=now()
        )
        number = str(made.record["pp_no"])
        del st.session_state[STATE]
        casemoves.told(t("ui.cases.reported", pp_no=number))
        st.switch_page("pages/case.py", query_params={"id": number})
