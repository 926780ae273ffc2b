"""Which pages there are, for whom, and the one adapter to Streamlit's own idea of pages."""

from __future__ import annotations

import csv
import logging
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage
from streamlit.runtime.pages_manager import PagesManager

from siting.access import Actor, may
from siting.ui.text import md, t

LOG = logging.getLogger("siting.page")
TABLE = Path(__file__).with_name("pages.csv")


@dataclass(frozen=True)
class PageRow:
    """One page: file name without ending, permission that opens it.

    No icon: Streamlit 1.67 makes the icon of a page its favicon and fetches that from the internet.
    """

    name: str
    permission: str

    @property
    def file(self) -> str:
        """Script of the page, relative to the app."""
        return f"pages/{self.name}.py"


@cache
def table() -> tuple[PageRow, ...]:
    """All pages in their order; the first is the start page."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return tuple(PageRow(row["name"], row["permission"]) for row in csv.DictReader(file))


def permitted(actor: Actor) -> tuple[PageRow, ...]:
    """The pages that an actor may open; the others are absent for them."""
    return tuple(row for row in table() if may(actor, row.permission))


def choose(actor: Actor) -> StreamlitPage:
    """Declare the permitted pages; the page asked for is run by the caller."""
    found = permitted(actor)
    if not found:
        st.error(t("ui.frame.no_pages", role=md(actor.role)), icon=":material/lock:")
        st.stop()
    pages = [
        st.Page(row.file, title=t(f"ui.page.{row.name}"), url_path=row.name, default=row is found[0]) for row in found
    ]
    return st.navigation(pages, position="top")


def show(page: StreamlitPage) -> None:
    """Run a page; the last door for errors, which go to the log with their traceback and to the person as one sentence."""
    try:
        page.run()
    except Exception:
        LOG.exception("page %s", page.url_path)
        st.error(t("ui.frame.broken"), icon=":material/error:")


def only_declared_pages() -> None:
    """Switch off Streamlit's scan of ``pages/``: with it the first deep link of a fresh process says "Page not found".

    The switch is a private attribute of Streamlit 1.67; `tests/ui` notices when it goes away.
    """
    PagesManager.uses_pages_directory = False
