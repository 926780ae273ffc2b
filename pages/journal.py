"""审计日志：谁在何时做了什么，记录是否完整。"""

import streamlit as st

from siting.ui import choices, offices, parts, session
from siting.ui.text import t

NAME = "journal"
TABLE_PX = 480

desk = session.open_desk()
parts.header(desk, NAME)
terms = {kind: t(f"ui.journal.of.{kind}") for kind in offices.kinds()}
with st.container(horizontal=True, vertical_alignment="bottom"):
    which = choices.segments(t("ui.journal.which"), terms, key="which")
    verify = st.button(t("ui.journal.verify"), key="journal.verify", icon=":material/verified:")
if verify:
    offices.checked(desk)
events = offices.events(desk, which)
if events.empty:
    parts.empty("ui.journal.none")
else:
    st.dataframe(events, hide_index=True, height=TABLE_PX)
