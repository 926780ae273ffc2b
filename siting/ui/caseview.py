"""One problem point as it stands: dates, record, needs, history, evidence, place."""

from __future__ import annotations

from collections.abc import Mapping

import geopandas as gpd
import pandas as pd
import streamlit as st

from siting.actions import cases
from siting.ledger.fields import FIELDS, RECORD_GROUPS, point
from siting.ledger.files import PHOTOS, TYPES
from siting.ledger.model import Case, Fact
from siting.ledger.state import last, live, state_of
from siting.maps import layers, styles
from siting.ui import atlas, casebook, mapview, parts
from siting.ui.mapview import Layer
from siting.ui.parts import Badge
from siting.ui.session import Desk, now
from siting.ui.text import UNKNOWN, md, t

COLOURS: Mapping[str, str] = {
    "entered": "orange", "working": "red", "held": "gray", "agreed": "blue", "on_air": "green", "closed": "gray",
}  # fmt: skip
# Said in the heading, in the table of dates or by the map.
ELSEWHERE = frozenset({"title", "pp_no", "place", "kind", "needs", "target_agree_on", "target_build_on", "site_ref", "asset_ref",
    "proposal_ref"})  # fmt: skip
MAP_PX = 330
THUMBNAIL_PX = 150
TYPES_OF_PHOTOS = frozenset(TYPES[kind] for kind in PHOTOS)


def chosen(desk: Desk, key: str | None) -> Case | None:
    """The point that the address names; one that the person does not see is said to be none."""
    if not key:
        return None
    with parts.told():
        return cases.get(desk.db, desk.actor, key)
    return None


def badges(case: Case) -> list[Badge]:
    """State and kind."""
    state = state_of(case.facts)
    return [
        Badge(t(f"case.state.{state}"), COLOURS[casebook.STAGE_OF[state]]),
        Badge(t(f"case.kind.{case.kind}"), "gray"),
    ]


def dates(case: Case) -> None:
    """Planned and actual dates side by side: a plan is no fact, and agreed is not built."""
    facts = live(case.facts)
    actual = {"agree": last(facts, "agreed"), "build": last(facts, "commissioned")}
    rows = {
        t(f"ui.case.{name}"): [
            casebook.word("", case.record.get(f"target_{name}_on")),
            UNKNOWN if fact is None else str(fact.on),
        ]
        for name, fact in actual.items()
    }
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=[t("ui.case.planned"), t("ui.case.actual")])
    st.table(frame, border="horizontal")


def record(case: Case) -> None:
    """Entered fields in the order of the table; what nobody entered is left out."""
    names = [n for n, f in FIELDS.items() if f.group in RECORD_GROUPS and n not in ELSEWHERE]
    parts.facts({t(f"case.field.{n}"): said(n, case.record[n]) for n in names if case.record.get(n)})


def needs(case: Case) -> None:
    """Whose needs the point holds up."""
    rows = [
        {
            t("case.field.operator"): t(f"ui.operator.{need.operator}"),
            t("case.field.need_no"): need.need_no or UNKNOWN,
            t("case.field.urgency"): t(f"case.urgency.{need.urgency}"),
            t("case.field.technology"): need.technology or UNKNOWN,
        }
        for need in case.needs
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True)


def said(name: str, value: object, move: str = "") -> str:
    """One value of a field in words."""
    field = FIELDS.get(f"{move}.{name}") or FIELDS.get(name)
    if isinstance(value, list | tuple):
        return "、".join(said(name, item, move) for item in value)
    if isinstance(value, bool):
        return t(f"ui.case.{'yes' if value else 'no'}")
    if field is not None and field.terms and str(value) in field.terms:
        return t(f"case.{field.vocab}.{value}")
    return str(value)


def history(desk: Desk, case: Case) -> None:
    """Everything that happened, the latest first; a correction stands beside what it corrected."""
    rows = [
        {
            t("ui.case.seq"): fact.seq,
            t("ui.case.on"): str(fact.on),
            t("ui.case.move"): t(f"move.{entry.move}"),
            t("ui.case.by"): f"{entry.by} · {entry.org}",
            t("ui.case.what"): _what(fact, entry.move),
            t("ui.case.at"): entry.at.strftime("%Y-%m-%d %H:%M"),
        }
        for entry in cases.history(desk.db, desk.actor, case.id)
        for fact in entry.facts
    ]
    frame = pd.DataFrame(rows[::-1])
    st.dataframe(frame, hide_index=True, height=min(330, 38 + 35 * len(frame)))


def _what(fact: Fact, move: str) -> str:
    hidden = {"sha256", "mime", "size", "need_nos"}
    shown = [
        f"{t(f'case.field.{n}')} {said(n, v, move)}"
        for n, v in fact.data.items()
        if n not in hidden and v and n in FIELDS
    ]
    found = [t(f"ui.case.finding.{code}") for code in _findings(fact)]
    return "；".join([*shown, *found])


def _findings(fact: Fact) -> list[str]:
    listed = fact.data.get("findings")
    return [str(f["code"]) for f in listed if isinstance(f, Mapping)] if isinstance(listed, list | tuple) else []


def files(desk: Desk, case: Case) -> None:
    """Photos as small pictures, every file as a download; whoever may adds one."""
    found = cases.attached(case)
    if found:
        with st.container(horizontal=True):
            for fact in found:
                _file(desk, case, fact)
    if "attach" in cases.allowed(desk.db, desk.actor, case.id, now=now()):
        _upload(desk, case)
    elif not found:
        st.caption(t("ui.case.no_files"))


def _file(desk: Desk, case: Case, fact: Fact) -> None:
    name, mime, data = cases.attachment(desk.db, desk.actor, case.id, str(fact.data["sha256"]))
    with st.container(width=THUMBNAIL_PX + 30):
        if mime in TYPES_OF_PHOTOS:
            st.image(data, width=THUMBNAIL_PX)
        parts.download(md(name), name, data, key=f"file.{fact.seq}", mime=mime)
        st.caption(f"{fact.on} · {said('attach.kind', fact.data['kind'])}")


def _upload(desk: Desk, case: Case) -> None:
    with st.form(f"attach-{case.revision}", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        file = st.file_uploader(t("move.attach"), type=["pdf", "jpg", "jpeg", "png", "docx", "xlsx", "ofd"])
        kinds = FIELDS["attach.kind"].terms
        kind = st.selectbox(t("ui.case.file_kind"), kinds, format_func=lambda code: t(f"case.file_kind.{code}"))
        sent = st.form_submit_button(t("move.attach"))
    if sent and file is not None:
        with parts.told():
            cases.attach(
                desk.db,
                desk.actor,
                case.id,
                file.getvalue(),
                name=file.name,
                kind=kind,
                revision=case.revision,
                now=now(),
            )
            st.rerun()


def chart(desk: Desk, case: Case, substitutes: gpd.GeoDataFrame | None) -> None:
    """The point on the map, with what could stand in for it."""
    where = point(case.record.get("place"))
    if where is None:
        st.caption(t("ui.case.no_place"))
        return
    row = {
        "pp_no": case.record["pp_no"],
        "title": case.record["title"],
        "stage": casebook.STAGE_OF[state_of(case.facts)],
    }
    own = pd.DataFrame([{**row, "easting_m": where[0], "northing_m": where[1]}])
    spot = casebook.spot(desk, own.iloc[0], version=case.id)
    marks = [] if substitutes is None or substitutes.empty else [_marks(substitutes)]
    mapview.draw(
        [*atlas.background(desk), *marks, casebook.layer(own, desk.settings.crs)],
        key=f"case-{case.id}",
        bounds=atlas.extent(desk),
        height_px=MAP_PX,
        legend=atlas.key("mark", lang=desk.lang, only={"mark": {"substitute"} if marks else set()}),
        focus=spot,
        selected=spot,
    )


def _marks(frame: gpd.GeoDataFrame) -> Layer:
    spec = layers.Spec(
        layer="substitutes",
        key="option_id",
        label="name",
        family="mark",
        style="mark",
        from_zoom=0,
        limit=50,
        columns=(),
    )
    rows = layers.to_lonlat(frame.assign(mark="substitute"))
    return Layer(
        id="substitutes",
        type="geojson",
        version="|".join(frame["option_id"]),
        name=t("style.mark.substitute"),
        data=layers.geojson(rows, spec),
        styles=styles.family("mark"),
    )
