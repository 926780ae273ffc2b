"""The import on a page: file and declared datum → dry run with findings → confirm → rows set aside to take home."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from siting.actions import assets
from siting.actions.assets import ImportPlan
from siting.maps import layers, styles
from siting.ui import atlas, fields, mapview, parts
from siting.ui.parts import Card
from siting.ui.session import Desk, now
from siting.ui.text import md, number, t

LAYERS = ("assets", "sites", "sectors", "buildings", "demand", "venues", "roads", "access", "ducts", "districts")
DATUMS = ("wgs84", "cgcs2000", "gcj02", "bd09", "cgcs2000_117", "cgcs2000_39", "utm50n")
TYPES = ("geojson", "json", "gpkg", "zip", "csv", "xlsx", "xls", "txt")
OTHER_DATUM = "epsg"
# Layers whose rows lie where the row lies that they name; a datum is asked for only if a file has coordinates.
PLACELESS = ("sectors",)
PLAN, DONE = "import.plan", "import.done"
MOST_ON_MAP = 3000
MOST_CHANGES = 500


def wizard(desk: Desk, *, only: Sequence[str] = LAYERS) -> None:
    """The whole import: the form, and below it what the checked file would do.

    Parameters
    ----------
    desk : Desk
        Who imports where.
    only : sequence of str
        Layers offered.
    """
    left, right = st.columns([2, 3], gap="small")
    with left:
        _form(desk, only)
    with right:
        plan = st.session_state.get(PLAN)
        landed, text = st.session_state.get(DONE) or ("", "")
        if landed in only:
            st.success(text, icon=":material/check_circle:")
        if isinstance(plan, ImportPlan) and plan.layer in only:
            _checked(desk, plan)
        elif landed not in only:
            parts.empty("ui.import.nothing")


def _form(desk: Desk, only: Sequence[str]) -> None:
    with st.form("import.form", border=True):
        file = st.file_uploader(t("ui.import.file"), TYPES, key="import.file")
        chosen = {**_what(only), **_details()}
        if st.form_submit_button(t("ui.import.check"), type="primary", icon=":material/fact_check:", width="stretch"):
            st.session_state[PLAN] = st.session_state[DONE] = None
            with parts.told():
                st.session_state[PLAN] = _check(desk, file, **chosen)


def _what(only: Sequence[str]) -> dict[str, str | None]:
    """Layer, declared datum, and where assets are offered their class."""
    layer = st.selectbox(t("ui.import.layer"), only, key="import.layer", format_func=lambda name: t(f"ui.layer.{name}"))
    datum = st.selectbox(
        t("ui.import.datum"),
        (*DATUMS, OTHER_DATUM),
        index=None,
        key="import.datum",
        placeholder=t("ui.import.datum_needed"),
        format_func=lambda name: t(f"ui.datum.{name}"),
    )
    if "assets" not in only:
        return {"layer": str(layer), "datum": datum, "asset_class": None}
    classes = fields.terms("asset_class")
    given = st.selectbox(
        t("ui.import.class"),
        list(classes),
        index=None,
        key="import.class",
        placeholder=t("ui.import.class_in_file"),
        format_func=classes.get,
    )
    return {"layer": str(layer), "datum": datum, "asset_class": given if layer == "assets" else None}


def _details() -> dict[str, str]:
    """What most files do not need."""
    with st.expander(t("ui.import.more")):
        return {
            "epsg": st.text_input(t("ui.import.epsg"), key="import.epsg"),
            "sheet": st.text_input(t("ui.import.sheet"), key="import.sheet"),
            "mapping": st.text_area(
                t("ui.import.mapping"), key="import.mapping", height=80, placeholder="POLE_NO=asset_no"
            ),
            "values": st.text_area(
                t("ui.import.values"), key="import.values", height=80, placeholder="owner_org=市城管委"
            ),
        }


def _check(desk: Desk, file: UploadedFile | None, **chosen: Any) -> ImportPlan | None:
    if file is None:
        st.warning(t("ui.import.no_file"), icon=":material/upload_file:")
        return None
    if chosen["datum"] is None and chosen["layer"] not in PLACELESS:
        st.error(t("ui.import.datum_missing"), icon=":material/public:")
        return None
    return assets.dry_run(
        desk.db,
        desk.actor,
        file.getvalue(),
        name=file.name,
        layer=chosen["layer"],
        datum=f"epsg:{chosen['epsg'].strip()}" if chosen["datum"] == OTHER_DATUM else chosen["datum"],
        mapping=pairs(chosen["mapping"]),
        set_values=pairs(chosen["values"]),
        asset_class=chosen["asset_class"],
        sheet=chosen["sheet"].strip() or None,
        now=now(),
    )


def pairs(text: str) -> dict[str, str]:
    r"""Lines ``left=right`` as a mapping; other lines are passed over.

    >>> pairs("POLE=asset_no\n\nx")
    {'POLE': 'asset_no'}
    """
    split = (line.partition("=") for line in text.splitlines())
    return {left.strip(): right.strip() for left, sign, right in split if sign and left.strip()}


def _checked(desk: Desk, plan: ImportPlan) -> None:
    st.markdown(f"**{md(plan.name)}** → {t(f'ui.layer.{plan.layer}')}")
    counts = ("read", "new", "changed", "unchanged", "rejected", "missing")
    parts.cards([Card(t(f"ui.import.{name}"), number(getattr(plan, name))) for name in counts])
    _confirm(desk, plan)
    parts.findings(plan.findings.rows(lang=desk.lang), key="import.findings")
    with st.container(horizontal=True):
        if plan.rejected:
            parts.download(
                t("ui.import.rejected_rows"),
                "rejected.xlsx",
                assets.rejected_rows(plan, lang=desk.lang),
                key="import.rejected",
            )
        if len(plan.findings):
            parts.download(
                t("ui.import.findings"),
                "findings.csv",
                assets.findings_csv(plan, lang=desk.lang),
                key="import.csv",
                mime="text/csv",
            )
    if plan.changes:
        with st.expander(t("ui.import.changes", n=len(plan.changes))):
            st.dataframe(
                pd.DataFrame([vars(change) for change in plan.changes[:MOST_CHANGES]]).astype(str), hide_index=True
            )
    if len(plan.frame):
        _map(desk, plan.frame)


def _confirm(desk: Desk, plan: ImportPlan) -> None:
    reason = st.text_input(t("ui.import.reason"), key="import.reason") if plan.needs_reason else None
    if not plan.landed:
        st.caption(t("ui.import.no_change"))
        return
    if st.button(t("ui.import.confirm", n=plan.landed), type="primary", key="import.confirm", icon=":material/save:"):
        with parts.told():
            result = assets.commit(desk.db, desk.actor, plan.id, now=now(), reason=reason)
            told = t(
                "ui.import.landed",
                new=result.new,
                changed=result.changed,
                unchanged=result.unchanged,
                rejected=result.rejected,
            )
            st.session_state[DONE] = (plan.layer, told)
            st.session_state[PLAN] = None
            st.rerun()


def _map(desk: Desk, frame: gpd.GeoDataFrame) -> None:
    spec = layers.Spec(
        layer="import",
        key="",
        label="",
        family="import",
        style="import_status",
        from_zoom=0,
        limit=MOST_ON_MAP,
        columns=(),
    )
    shown = layers.to_lonlat(frame)
    west, south, east, north = (float(v) for v in shown.total_bounds)
    layer = mapview.Layer(
        id="import",
        type="geojson",
        version=str(st.session_state[PLAN].id),
        name=t("style.import"),
        data=layers.geojson(shown, spec),
        styles=styles.family("import"),
    )
    mapview.draw(
        [*atlas.background(desk), layer],
        key=f"import.{st.session_state[PLAN].id}",
        bounds=(west, south, east, north),
        height_px=320,
        legend=atlas.key("import", lang=desk.lang),
    )
