"""Measured samples on a page: file, datum and network → findings → confirm; the sets there are, and taking one out of use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from siting.actions import measurements
from siting.actions.measurements import SamplePlan
from siting.maps import layers, styles
from siting.store.samples import SampleSet
from siting.ui import atlas, choices, importing, mapview, parts
from siting.ui.parts import Card
from siting.ui.session import Desk, now
from siting.ui.text import UNKNOWN, md, number, t

PERMISSION = "measure.import"
TYPES = ("csv", "txt", "xlsx", "geojson", "json", "gpkg", "zip")
PLAN, DONE = "samples.plan", "samples.done"
MOST_ON_MAP = 3000
MAP_PX = 300
TABLE_PX = 300


def form(desk: Desk, network: str) -> None:
    """What a file of samples is: file, declared datum, network; nothing for who may not import."""
    if not desk.may(PERMISSION):
        return
    with st.form("samples.form", border=True):
        file = st.file_uploader(t("ui.samples.file"), TYPES, key="samples.file")
        datum = st.selectbox(
            t("ui.import.datum"),
            (*importing.DATUMS, importing.OTHER_DATUM),
            index=None,
            key="samples.datum",
            placeholder=t("ui.import.datum_needed"),
            format_func=lambda name: t(f"ui.datum.{name}"),
        )
        source = st.text_input(t("ui.samples.source"), key="samples.source", placeholder=t("ui.samples.source_example"))
        more = _details()
        if st.form_submit_button(t("ui.import.check"), type="primary", icon=":material/fact_check:", width="stretch"):
            st.session_state[PLAN] = st.session_state[DONE] = None
            with parts.told():
                st.session_state[PLAN] = _check(desk, file, datum=datum, network=network, **more)
                st.session_state["samples.from"] = source
    example = measurements.example(desk.db, network)
    if example is not None:
        parts.download(t("ui.samples.example"), "drive.csv", example, key="samples.example", mime="text/csv")


def _details() -> dict[str, Any]:
    """What most files do not need."""
    with st.expander(t("ui.import.more")):
        return {
            "in_file": st.checkbox(t("ui.samples.in_file"), key="samples.in_file"),
            "epsg": st.text_input(t("ui.import.epsg"), key="samples.epsg"),
            "sheet": st.text_input(t("ui.import.sheet"), key="samples.sheet"),
            "mapping": st.text_area(
                t("ui.import.mapping"), key="samples.mapping", height=80, placeholder="SS-RSRP=rsrp_dbm"
            ),
        }


def _check(desk: Desk, file: UploadedFile | None, *, datum: str | None, network: str, **more: Any) -> SamplePlan | None:
    if file is None:
        st.warning(t("ui.import.no_file"), icon=":material/upload_file:")
        return None
    if datum is None:
        st.error(t("ui.import.datum_missing"), icon=":material/public:")
        return None
    return measurements.dry_run(
        desk.db,
        desk.actor,
        file.getvalue(),
        name=file.name,
        datum=f"epsg:{more['epsg'].strip()}" if datum == importing.OTHER_DATUM else datum,
        network=None if more["in_file"] else network,
        mapping=importing.pairs(more["mapping"]),
        sheet=more["sheet"].strip() or None,
        now=now(),
    )


def main(desk: Desk) -> None:
    """What the checked file would do, else the sets there are."""
    done = st.session_state.get(DONE)
    if done:
        st.success(done, icon=":material/check_circle:")
    plan = st.session_state.get(PLAN)
    if isinstance(plan, SamplePlan):
        _checked(desk, plan)
    else:
        _sets(desk)


def _checked(desk: Desk, plan: SamplePlan) -> None:
    st.markdown(f"**{md(plan.name)}**")
    parts.cards(
        [
            Card(t("ui.samples.read"), number(plan.read)),
            Card(t("ui.samples.landed"), number(plan.landed)),
            Card(t("ui.samples.rejected"), number(plan.rejected)),
            Card(t("ui.samples.named"), number(plan.named)),
            Card(t("ui.samples.days"), days(plan.first_day, plan.last_day)),
        ]
    )
    _confirm(desk, plan)
    parts.findings(plan.findings.rows(lang=desk.lang), key="samples.findings")
    with st.container(horizontal=True):
        if plan.rejected:
            rows = measurements.rejected_rows(plan, lang=desk.lang)
            parts.download(t("ui.import.rejected_rows"), "rejected.xlsx", rows, key="samples.rejected")
        if len(plan.findings):
            listed = measurements.findings_csv(plan, lang=desk.lang)
            parts.download(t("ui.import.findings"), "findings.csv", listed, key="samples.csv", mime="text/csv")
    if len(plan.devices) > 1:
        height = min(220, 40 + 35 * len(plan.devices))
        st.dataframe(_devices(plan.devices), hide_index=True, height=height, placeholder=UNKNOWN)
    if plan.landed:
        _map(desk, plan)


def _confirm(desk: Desk, plan: SamplePlan) -> None:
    reason = st.text_input(t("ui.import.reason"), key="samples.reason") if plan.needs_reason else None
    with st.container(horizontal=True):
        wanted = plan.landed and st.button(
            t("ui.samples.confirm", n=number(plan.landed)),
            type="primary",
            key="samples.confirm",
            icon=":material/save:",
        )
        if st.button(t("ui.samples.drop"), key="samples.drop", icon=":material/close:"):
            st.session_state[PLAN] = None
            st.rerun()
    if wanted:
        with parts.told():
            source = str(st.session_state.get("samples.from") or "")
            made = measurements.commit(desk.db, desk.actor, plan.id, now=now(), reason=reason, source=source)
            st.session_state[DONE] = t("ui.samples.done", name=md(made.name), n=number(made.rows))
            st.session_state[PLAN] = None
            st.rerun()


def _devices(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            t("ui.samples.device"): [name or UNKNOWN for name in frame["device_id"]],
            t("ui.samples.rows"): frame["n"],
            t("ui.samples.median"): frame["median_dbm"].round(1),
            t("ui.samples.shared"): frame["shared"],
            t("ui.samples.offset"): frame["offset_db"].round(1),
        }
    )


def _map(desk: Desk, plan: SamplePlan) -> None:
    step = max(1, -(-len(plan.frame) // MOST_ON_MAP))
    rows = plan.frame.iloc[::step]
    spots = gpd.GeoDataFrame(
        {"id": rows["row"].astype(str), "label": [f"{v:g} dBm" for v in rows["rsrp_dbm"]], "style": "new"},
        geometry=gpd.points_from_xy(rows["easting_m"], rows["northing_m"]),
        crs=desk.settings.crs,
    )
    dots("samples", spots, version=plan.id, name=t("ui.samples.title"), family="import", desk=desk)


def dots(layer_id: str, spots: gpd.GeoDataFrame, *, version: str, name: str, family: str, desk: Desk) -> None:
    """Places on a small map of their own; `spots` holds ``id, label, style`` in the project CRS."""
    spec = layers.Spec(
        layer=layer_id,
        key="id",
        label="label",
        family=family,
        style="style",
        from_zoom=0,
        limit=MOST_ON_MAP,
        columns=(),
    )
    shown = layers.to_lonlat(spots)
    west, south, east, north = (float(v) for v in shown.total_bounds)
    layer = mapview.Layer(
        id=layer_id,
        type="geojson",
        version=version,
        name=name,
        data=layers.geojson(shown, spec),
        styles=styles.family(family),
        clickable=True,
    )
    mapview.draw(
        [*atlas.background(desk), layer],
        key=f"{layer_id}.{version}",
        bounds=(west, south, east, north),
        height_px=MAP_PX,
        legend=atlas.key(family, lang=desk.lang, only={family: sorted(set(spots["style"]))}),
    )


def _sets(desk: Desk) -> None:
    found = measurements.sets(desk.db, desk.actor, retired=True)
    if not found:
        parts.empty("ui.samples.none")
        return
    picked = st.dataframe(
        _table(desk, found),
        hide_index=True,
        height=min(TABLE_PX, 40 + 35 * len(found)),
        key=f"samples.sets.{len([one for one in found if one.retired_at])}",
        on_select="rerun",
        selection_mode="single-row",
    )
    rows = picked["selection"]["rows"]
    if rows and desk.may(PERMISSION) and not found[rows[0]].retired_at:
        _retire(desk, found[rows[0]])


def _table(desk: Desk, found: Sequence[SampleSet]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            t("ui.samples.name"): [one.name for one in found],
            t("ui.samples.source"): [one.source for one in found],
            t("ui.choice.network"): ["、".join(choices.network_words(desk, n) for n in one.networks) for one in found],
            t("ui.samples.rows"): [one.rows for one in found],
            t("ui.samples.days"): [days(one.first_day, one.last_day) for one in found],
            t("ui.samples.datum"): [_datum(one.datum) for one in found],
            t("ui.samples.org"): [one.org for one in found],
            t("ui.samples.imported"): [one.imported_at[:10] for one in found],
            t("ui.samples.state"): [t(f"ui.samples.{'retired' if one.retired_at else 'used'}") for one in found],
        }
    )


def _datum(code: str) -> str:
    return t(f"ui.datum.{code}") if code in importing.DATUMS else code


def _retire(desk: Desk, one: SampleSet) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        reason = st.text_input(t("ui.samples.why_retire", name=one.name), key="samples.why")
        if st.button(t("ui.samples.retire"), key="samples.retire", icon=":material/archive:"):
            with parts.told():
                measurements.retire(desk.db, desk.actor, one.id, reason=reason, now=now())
                st.rerun()


def days(first: str, last: str) -> str:
    """A range of days in short; one day once."""
    return UNKNOWN if not first else first if first == last else t("ui.samples.from_to", first=first, last=last)
