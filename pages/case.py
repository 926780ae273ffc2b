"""点位详情：事实与两个日期、解阻价值与替代点、办理、材料、经过。"""

import streamlit as st

from siting.ui import casemoves, casevalue, caseview, linked, parts, session
from siting.ui.text import md, t

NAME = "case"

desk = session.open_desk()
case = caseview.chosen(desk, linked.selected(NAME))
parts.header(desk, NAME, badges=caseview.badges(case) if case is not None else ())
st.page_link("pages/cases.py", label=t("ui.case.back"), icon=":material/arrow_back:")
if case is None:
    parts.empty("ui.case.none")
    st.stop()
casemoves.tell()
st.markdown(f"##### {md(case.record['pp_no'])} · {md(case.record['title'])}")
acts, facts = st.columns([2, 3], gap="small")
with acts:
    casemoves.panel(desk, case)
    caseview.dates(case)
    caseview.record(case)
    caseview.needs(case)
with facts:
    valued = casevalue.show(desk, case)
    found = casevalue.substitutes(desk, case)
    caseview.chart(desk, case, found)
    if found is not None:
        casevalue.table(found, valued=valued)
    st.markdown(f"**{t('ui.case.files')}**")
    caseview.files(desk, case)
    st.markdown(f"**{t('ui.case.history')}**")
    caseview.history(desk, case)
