"""The ground of the district on the page of imports: what is in force, and bringing in an elevation raster."""

from __future__ import annotations

from datetime import date

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from siting.actions import terrain
from siting.actions.terrain import GroundFile
from siting.ui import parts
from siting.ui.session import Desk, now
from siting.ui.text import number, percent, t

TYPES = ("tif", "tiff")
DONE = "terrain.done"


def panel(desk: Desk) -> None:
    """What the ground is made of, and a form to change it for who may import."""
    with st.expander(t("ui.terrain.title"), icon=":material/terrain:"), parts.told():
        found = terrain.current(desk.db, desk.actor)
        if found is None:
            st.caption(t("ui.terrain.flat"))
        else:
            parts.facts(facts(found))
            _clear(desk)
        _form(desk)
        told = st.session_state.pop(DONE, None)
        if isinstance(told, GroundFile):
            st.success(t("ui.terrain.loaded", share=percent(told.covered)), icon=":material/check_circle:")
            parts.findings(told.findings.rows(lang=desk.lang), key="terrain.findings")


def facts(found: GroundFile) -> dict[str, object]:
    """An elevation raster in words."""
    return {
        t("ui.terrain.name"): found.name,
        t("ui.terrain.source"): found.source,
        t("ui.terrain.as_of"): found.as_of,
        t("ui.terrain.crs"): f"{found.crs} ({found.datum})",
        t("ui.terrain.cell"): found.cell,
        t("ui.terrain.heights"): f"{number(found.lowest_m, digits=1)} – {number(found.highest_m, digits=1)}",
        t("ui.terrain.covered"): percent(found.covered),
        t("ui.terrain.loaded_at"): found.loaded_at[:16].replace("T", " "),
    }


def _form(desk: Desk) -> None:
    with st.form("terrain.form", border=False):
        file = st.file_uploader(t("ui.terrain.file"), TYPES, key="terrain.file")
        source = st.text_input(t("ui.terrain.source"), key="terrain.source")
        as_of = st.date_input(t("ui.terrain.as_of"), value=None, key="terrain.as_of")
        if st.form_submit_button(t("ui.terrain.load"), icon=":material/save:"):
            _load(desk, file, source, as_of if isinstance(as_of, date) else None)


def _load(desk: Desk, file: UploadedFile | None, source: str, as_of: date | None) -> None:
    if file is None:
        st.warning(t("ui.import.no_file"), icon=":material/upload_file:")
        return
    with parts.told():
        content = file.getvalue()
        st.session_state[DONE] = terrain.load(
            desk.db, desk.actor, content, name=file.name, source=source, as_of=as_of, now=now()
        )
        st.rerun()


def _clear(desk: Desk) -> None:
    with st.popover(t("ui.terrain.clear")):
        reason = st.text_input(t("ui.terrain.reason"), key="terrain.reason")
        if st.button(t("ui.terrain.confirm"), key="terrain.clear"):
            with parts.told():
                terrain.clear(desk.db, desk.actor, reason=reason, now=now())
                st.rerun()
