"""The radio tables on a page: what everything is computed with, where it comes from, and what nobody has confirmed."""

from __future__ import annotations

import streamlit as st

from siting import words
from siting.actions import radiotables
from siting.radio import tablecheck
from siting.ui import choices, parts, radioparts, radiopatterns, tableforms
from siting.ui.session import Desk
from siting.ui.tableforms import Board
from siting.ui.text import md, t

VIEWS = (*radiotables.TABLES, radiotables.PATTERNS, "fixed", "history")
BOARD = Board(radiotables, "radiotable", "radiotable.note", tablecheck.columns, lambda _desk, _kind: {})


def view(desk: Desk) -> None:
    """All radio tables, one at a time; whoever may change them finds a form in place of a table."""
    terms = {name: t(f"radiotable.view.{name}") for name in VIEWS}
    chosen = choices.segments(t("radiotable.views"), terms, key="table", hidden=True)
    radioparts.said(desk)
    if chosen == radiotables.PATTERNS:
        radiopatterns.view(desk)
    elif chosen == "fixed":
        _fixed(desk)
    elif chosen == "history":
        tableforms.history(desk, BOARD)
    else:
        tableforms.view(desk, BOARD, chosen)


def _fixed(desk: Desk) -> None:
    """Tables that the program brings, with what nobody has confirmed."""
    st.caption(t("radiotable.fixed_note"))
    for name, rows in radiotables.fixed(desk.db, desk.actor).items():
        key = f"radiotable.file.{name}"
        st.markdown(f"**{t(key) if words.has(key) else md(name)}**")
        first = [c for c in rows.columns if c not in {"source", "mark"}]
        frame = rows.assign(mark=radioparts.marked(rows["mark"]))[[first[0], "mark", *first[1:], "source"]].astype(str)
        st.dataframe(
            frame.rename(columns=radioparts.heading),
            hide_index=True,
            height=min(parts.TABLE_HEIGHT_PX, 40 + 35 * len(frame)),
        )
