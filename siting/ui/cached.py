"""Answers kept between reruns, by what they are and by the version of the data behind them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from siting.ui.session import Desk

T = TypeVar("T")


def kept(desk: Desk, name: str, version: str, make: Callable[[], T]) -> T:
    """An answer from memory, made once for every version; every reader gets a copy.

    Parameters
    ----------
    desk : Desk
        Whose district and rows; answers of two districts, or of two people who see different rows, never mix.
    name, version : str
        What it is, and the state of the data behind it (layer revision, run id).
    make : callable
        Makes it.
    """
    return _kept(str(desk.settings.folder), _seen(desk), name, version, make)


def shared(desk: Desk, name: str, version: str, make: Callable[[], T]) -> T:
    """As `kept`, but the very thing for all readers: for what is large and that nobody changes."""
    return _shared(str(desk.settings.folder), _seen(desk), name, version, make)


def _seen(desk: Desk) -> str:
    """Whose eyes: two people who see different rows never get each other's answers."""
    person = desk.actor
    return "|".join((person.role, person.org, person.operator, *sorted(person.streets)))


@st.cache_data(max_entries=128, show_spinner=False)
def _kept(folder: str, seen: str, name: str, version: str, _make: Callable[[], T]) -> T:  # noqa: ARG001 - the key of the cache
    return _make()


@st.cache_resource(max_entries=24, show_spinner=False)
def _shared(folder: str, seen: str, name: str, version: str, _make: Callable[[], T]) -> T:  # noqa: ARG001 - the key of the cache
    return _make()
