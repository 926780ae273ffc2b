"""The interface's words, in the language of this session."""

from __future__ import annotations

import re

import streamlit as st

from siting import words
from siting.maps import styles

LANGUAGE_KEY = "siting.language"
UNKNOWN = "—"
_PUNCTUATION = re.compile(r"[\\`*_{}\[\]()#+\-.!|<>~$:/&@^=\"']")


def language() -> str:
    """The language of this session; Chinese unless chosen otherwise."""
    chosen = st.session_state.get(LANGUAGE_KEY, words.DEFAULT_LANGUAGE)
    return chosen if chosen in words.LANGUAGES else words.DEFAULT_LANGUAGE


def t(key: str, **values: object) -> str:
    """A message in the session's language.

    Parameters
    ----------
    key : str
        Key of the catalogue, e.g. ``"ui.page.overview"``.
    **values
        Named values of the message.
    """
    return words.say(key, lang=language(), **values)


def term(family: str, value: object) -> str:
    """The name of a coded value, e.g. of an asset class; an unknown code is shown as it is, nothing as ``—``."""
    if value is None or value != value or value == "":  # noqa: PLR0124 - NaN is the value that differs from itself
        return UNKNOWN
    style = styles.family(family).get(str(value))
    return t(style.label) if style else str(value)


def number(value: object, *, digits: int = 0) -> str:
    """A number with thousands separators; unknown is ``—``, never 0.

    >>> number(12345.6), number(float("nan"))
    ('12,346', '—')
    """
    if not isinstance(value, int | float) or value != value:  # noqa: PLR0124 - NaN
        return UNKNOWN
    return f"{value:,.{digits}f}"


def percent(share: object, *, digits: int = 1) -> str:
    """A share as percent; unknown is ``—``."""
    return UNKNOWN if not isinstance(share, int | float) or share != share else f"{100 * share:.{digits}f}%"  # noqa: PLR0124 - NaN


def md(text: object) -> str:
    r"""Text of people's making as literal text in Streamlit's Markdown: no link, picture, formula or emoji code comes of it.

    >>> md("![x](http://a) $1$ :red[b]")
    '\\!\\[x\\]\\(http\\:\\/\\/a\\) \\$1\\$ \\:red\\[b\\]'
    """
    return _PUNCTUATION.sub(r"\\\g<0>", " ".join(str(text).split()))
