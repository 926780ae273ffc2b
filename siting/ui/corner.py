"""The page's upper right corner: language, who sits here, the way out."""

from __future__ import annotations

import streamlit as st

from siting.actions import people
from siting.ui import parts, session
from siting.ui.gate import PASSWORD, ROLE
from siting.ui.session import Desk
from siting.ui.text import md, t


def show(desk: Desk) -> None:
    """Language switch, and for who is signed in name, role, organisation and what they may do with their sign-in."""
    with st.container(key="siting-language", horizontal=True, vertical_alignment="center", gap="small"):
        session.choose_language()
        if desk.actor.session:
            with st.popover(md(f"{desk.actor.name} · {t(f'people.role.{desk.actor.role}')}"), width="content"):
                _own(desk)


def _own(desk: Desk) -> None:
    st.caption(md(f"{desk.actor.name} · {t(f'people.role.{desk.actor.role}')} · {desk.actor.org}"))
    if st.button(t("ui.people.sign_out"), key="siting.sign_out", icon=":material/logout:", width="stretch"):
        people.sign_out(desk.db, session.token(), now=session.now())
        session.leave()
    if len(session.roles(desk)) > 1 and st.button(t("ui.people.switch"), key="siting.switch", width="stretch"):
        session.leave(ROLE)
    if st.button(t("ui.people.change_password"), key="siting.password", width="stretch"):
        session.leave(PASSWORD)
    if st.button(t("ui.people.end_others"), key="siting.end_others", width="stretch"):
        with parts.told():
            st.caption(t("ui.people.others_ended", n=people.end_others(desk.db, desk.actor, now=session.now())))
