"""管理：谁有账号、属于哪个单位、任什么角色；新建、重置、停用、结束登录。"""

import streamlit as st

from siting.actions import people
from siting.ui import linked, offices, parts, session
from siting.ui.text import t

NAME = "admin"

desk = session.open_desk()
parts.header(desk, NAME)
offices.told()
found = people.accounts(desk.db, desk.actor, now=session.now())
left, right = st.columns([3, 2], gap="small")
with left:
    st.markdown(f"**{t('ui.admin.accounts')}**")
    if found.empty:
        parts.empty("ui.admin.no_accounts")
    else:
        linked.table(offices.listing(found), name=NAME, ids=found["name"], height_px=330)
    st.markdown(f"**{t('ui.admin.organisations')}**")
    known = people.organisations(desk.db, desk.actor)
    st.dataframe(offices.organisations(known), hide_index=True, height=min(260, 40 + 35 * len(known)))
with right:
    chosen = found[found["name"] == linked.selected(NAME)]
    if chosen.empty:
        st.caption(t("ui.admin.choose"))
    else:
        offices.acts(desk, chosen.iloc[0].to_dict())
    if offices.edits(desk):
        with st.expander(t("ui.admin.add"), expanded=found.empty, icon=":material/person_add:"):
            offices.add_form(desk)
