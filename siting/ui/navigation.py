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
from siting.errors import NotAllowed
from siting.ui import session
from siting.ui.text import language, md, t

LOG = logging.getLogger("siting.page")
TABLE = Path(__file__).with_name("pages.csv")


@dataclass(frozen=True)
class PageRow:
    """One page: file name without ending, permissions of which any opens it, whether the navigation lists it.

    No icon: Streamlit 1.67 makes the icon of a page its favicon and fetches that from the internet.
    """

    name: str
    permissions: tuple[str, ...]
    shown: bool = True

    @property
    def file(self) -> str:
        """Script of the page, relative to the app."""
        return f"pages/{self.name}.py"


@cache
def table() -> tuple[PageRow, ...]:
    """All pages in their order; the first is the start page."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return tuple(
            PageRow(row["name"], tuple(row["permission"].split("|")), row["shown"] == "yes")
            for row in csv.DictReader(file)
        )


def permitted(actor: Actor) -> tuple[PageRow, ...]:
    """The pages that an actor may open; the others are absent for them."""
    return tuple(row for row in table() if any(may(actor, name) for name in row.permissions))


def opens(actor: Actor, page: str) -> bool:
    """Whether an actor may open a page."""
    return any(row.name == page for row in permitted(actor))


def start(actor: Actor) -> str:
    """Name of the page that a person starts on; empty for nobody's."""
    found = permitted(actor)
    return found[0].name if found else ""


def choose(actor: Actor) -> StreamlitPage:
    """Declare the permitted pages; the page asked for is run by the caller.

    The address of a page that the role lacks says so, where Streamlit's own "Page not found" would speak English.
    """
    found = permitted(actor)
    if not found:
        st.error(t("ui.frame.no_pages", role=md(actor.role)), icon=":material/lock:")
        st.stop()
    pages = [
        st.Page(
            row.file,
            title=t(f"ui.page.{row.name}"),
            url_path=row.name,
            default=row is found[0],
            visibility="visible" if row.shown else "hidden",
        )
        for row in found
    ]
    others = [_elsewhere(row, pages[0], actor) for row in table() if row not in found]
    return st.navigation([*pages, *others], position="top")


def _elsewhere(row: PageRow, start: StreamlitPage, actor: Actor) -> StreamlitPage:
    """What stands at the address of a page that the role lacks."""
    title = t(f"ui.page.{row.name}")

    def stand_in() -> None:
        st.warning(t("ui.frame.not_yours", page=title, role=t(f"people.role.{actor.role}")), icon=":material/lock:")
        st.page_link(start, label=start.title, icon=":material/arrow_back:")

    return st.Page(stand_in, title=title, url_path=row.name, visibility="hidden")


def show(page: StreamlitPage) -> None:
    """Run a page; the last door for errors, which go to the log with their traceback and to the person as one sentence.

    A button pressed while the last lines of a page compute starts a second run beside this one. Streamlit 1.67 then forgets
    the fragments of the second when the first ends undisturbed, and its progress stands still; drawing once more ends this
    run where it is.
    """
    try:
        page.run()
        st.empty()
    except NotAllowed as error:
        if error.key == session.ENDED:
            session.leave()
        st.error(md(error.message(language())), icon=":material/lock:")
    except Exception:
        LOG.exception("page %s", page.url_path)
        st.error(t("ui.frame.broken"), icon=":material/error:")


def only_declared_pages() -> None:
    """Switch off Streamlit's scan of ``pages/``: with it the first deep link of a fresh process says "Page not found".

    The switch is a private attribute of Streamlit 1.67; `tests/ui` notices when it goes away.
    """
    PagesManager.uses_pages_directory = False
