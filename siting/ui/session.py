"""Who sits at the desk, in which district, in which language."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import streamlit as st

from siting import words
from siting.access import Actor, may
from siting.actions import people, projects
from siting.errors import NotAllowed
from siting.settings import Settings
from siting.store.database import Database
from siting.ui.gate import COOKIE, LOGIN
from siting.ui.text import LANGUAGE_KEY, language, t

PROJECT_VARIABLE = "SITING_PROJECT_FOLDER"
SWITCH_KEY = "siting.language_switch"
#: In the session: whether somebody chose the language on the page.
CHOSEN_KEY = "siting.language_chosen"
# Key of the refusal of an ended sign-in.
ENDED = "access.session_ended"
PERSON_KEY = "siting.person"
LEAVE_JS = Path(__file__).with_name("leave.js")
REMEMBER_JS = Path(__file__).with_name("remember.js")
#: In the browser: the language last chosen there.
LANGUAGE_COOKIE = "siting_language"


@dataclass(frozen=True)
class Desk:
    """What every page needs: the open district, who acts, the language."""

    db: Database
    actor: Actor
    lang: str

    def may(self, permission: str) -> bool:
        """Whether the person's role holds a permission; controls that it lacks are not drawn."""
        return may(self.actor, permission)

    @property
    def settings(self) -> Settings:
        """Settings of the district."""
        return self.db.settings


def token() -> str:
    """What the browser showed when this page connected; tests put a real one here."""
    return st.context.cookies.get(COOKIE, "")


def remembered() -> str:
    """The language that the browser showed when this page connected; empty where none was ever chosen there."""
    return st.context.cookies.get(LANGUAGE_COOKIE, "")


def identify() -> Actor:
    """The person of this session; whoever is not signed in any more is led to the sign-in page.

    The single seam of who sits here: tests put a person here, or a token into `token`.
    """
    actor = people.identify(_database(os.environ[PROJECT_VARIABLE]), token(), now=now())
    if actor is None:
        leave()
        raise NotAllowed(ENDED)
    return actor


def roles(desk: Desk) -> tuple[str, ...]:
    """The roles between which this person may switch; none without a sign-in."""
    standing = people.standing(desk.db, token(), now=now())
    return () if standing is None else standing.account.roles


def leave(path: str = LOGIN) -> None:
    """Go to a page before the app, and back to this one afterwards; nothing below it is shown."""
    if path == LOGIN:
        st.info(t("ui.people.to_sign_in"), icon=":material/lock:")
    with st.container(key="siting-leave"):
        _leaving()(key="siting.leaving", data={"to": path})
    st.stop()


def now() -> datetime:
    """The present moment, with its offset."""
    return datetime.now(UTC).astimezone()


def open_desk() -> Desk:
    """The desk of this session: the district of this server, the person, the language."""
    db = _database(os.environ[PROJECT_VARIABLE])
    if LANGUAGE_KEY not in st.session_state:
        known = remembered()
        st.session_state[LANGUAGE_KEY] = known if known in words.LANGUAGES else db.settings.text("app.language")
    actor = identify()
    _clear_after_another(actor)
    return Desk(db, actor, st.session_state[LANGUAGE_KEY])


def _clear_after_another(actor: Actor) -> None:
    """A tab that outlived a sign-in forgets what the person before, or their other role, had on the page."""
    person = (actor.id, actor.role)
    if st.session_state.get(PERSON_KEY, person) != person:
        for name in [str(key) for key in st.session_state if key not in (LANGUAGE_KEY, CHOSEN_KEY)]:
            del st.session_state[name]
    st.session_state[PERSON_KEY] = person


def choose_language() -> None:
    """The language switch in the page's upper right corner; the choice outlives the page it was made on, and the browser keeps it."""

    def chosen() -> None:
        st.session_state[LANGUAGE_KEY] = st.session_state[SWITCH_KEY]
        st.session_state[CHOSEN_KEY] = True

    st.radio(
        t("ui.frame.language"),
        words.LANGUAGES,
        index=words.LANGUAGES.index(language()),
        key=SWITCH_KEY,
        on_change=chosen,
        format_func=lambda lang: words.say("ui.frame.language_name", lang=lang),
        horizontal=True,
        label_visibility="collapsed",
    )
    if st.session_state.get(CHOSEN_KEY):
        _remembering()(key="siting.remembering", data={"name": LANGUAGE_COOKIE, "language": language()}, height=0)


@cache
def _remembering() -> Callable[..., object]:
    return st.components.v2.component(
        "siting_remember", html="<span></span>", js=REMEMBER_JS.read_text(encoding="utf-8")
    )


@cache
def _leaving() -> Callable[..., object]:
    """Registered once per process, as the map is."""
    return st.components.v2.component("siting_leave", html="<span></span>", js=LEAVE_JS.read_text(encoding="utf-8"))


@st.cache_resource(show_spinner=False)
def _database(folder: str) -> Database:
    return projects.open_project(Path(folder), writing=False, now=now())
