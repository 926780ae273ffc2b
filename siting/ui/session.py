"""Who sits at the desk, in which district, in which language."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import streamlit as st

from siting import words
from siting.access import Actor, local_admin
from siting.actions import projects
from siting.settings import Settings
from siting.store.database import Database
from siting.ui.text import LANGUAGE_KEY, language, t

PROJECT_VARIABLE = "SITING_PROJECT_FOLDER"
SWITCH_KEY = "siting.language_switch"


@dataclass(frozen=True)
class Desk:
    """What every page needs: the open district, who acts, the language."""

    db: Database
    actor: Actor
    lang: str

    @property
    def settings(self) -> Settings:
        """Settings of the district."""
        return self.db.settings


def identify() -> Actor:
    """The person of this session; until accounts arrive, the one local user of this machine."""
    return local_admin(source="page")


def now() -> datetime:
    """The present moment, with its offset."""
    return datetime.now(UTC).astimezone()


def open_desk() -> Desk:
    """The desk of this session: the district of this server, the person, the language."""
    db = _database(os.environ[PROJECT_VARIABLE])
    if LANGUAGE_KEY not in st.session_state:
        st.session_state[LANGUAGE_KEY] = db.settings.text("app.language")
    return Desk(db, identify(), st.session_state[LANGUAGE_KEY])


def choose_language() -> None:
    """The language switch in the page's upper right corner; the choice outlives the page it was made on."""

    def chosen() -> None:
        st.session_state[LANGUAGE_KEY] = st.session_state[SWITCH_KEY]

    with st.container(key="siting-language"):
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


@st.cache_resource(show_spinner=False)
def _database(folder: str) -> Database:
    return projects.open_project(Path(folder), writing=False, now=now())
