"""The page frame: desk, navigation by permission, the page asked for, and the last door for errors."""

import logging

import streamlit as st

from siting.ui import navigation, parts, session
from siting.ui.text import t

LOG = logging.getLogger("siting.page")

navigation.only_declared_pages()
desk = session.open_desk()
parts.frame(desk.settings.name)
page = navigation.choose(desk.actor)
session.choose_language()
try:
    page.run()
except Exception:
    LOG.exception("page %s", page.url_path)
    st.error(t("ui.frame.broken"), icon=":material/error:")
