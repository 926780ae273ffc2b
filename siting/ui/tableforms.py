"""Tables that people edit on a page: a form in place of a table for whoever may change them, new rows, the way back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import numpy as np
import pandas as pd
import streamlit as st

from siting.access import Actor
from siting.actions import tablebook
from siting.actions.tablebook import Outcome
from siting.radio.tablecells import Cells, Column
from siting.store.database import Database
from siting.ui import parts, radioparts
from siting.ui.session import Desk, now
from siting.ui.text import UNKNOWN, md, t

UNVERIFIED = "unverified"
# Shown first: how well the numbers of a row are known.
FIRST = ("name", "mark")
HIDDEN = ("version", "scope")
LATER = ("state", "edition", "changed_at", "changed_by", "reason")


class Actions(Protocol):
    """The actions of a family of tables, a module of `siting.actions`."""

    PERMISSION: str

    def table(self, db: Database, actor: Actor, kind: str) -> pd.DataFrame:
        """Rows as they count."""

    def history(self, db: Database, actor: Actor) -> pd.DataFrame:
        """All changes."""

    def revision(self, db: Database) -> int:
        """Place of the last change."""

    def edit(
        self,
        db: Database,
        actor: Actor,
        kind: str,
        rows: Mapping[str, Cells],
        *,
        reason: str,
        seen: int | None = None,
        now: datetime,
    ) -> Outcome:
        """Add or change rows."""

    def restore(
        self,
        db: Database,
        actor: Actor,
        kind: str,
        names: Sequence[str],
        *,
        reason: str,
        seen: int | None = None,
        now: datetime,
    ) -> Outcome:
        """Let rows say what is shipped."""


@dataclass(frozen=True)
class Board:
    """A family of tables on a page.

    Parameters
    ----------
    actions : Actions
        What is read and done.
    key : str
        What the names of its controls begin with.
    note : str
        Message that says what rows nobody has confirmed mean, with ``n`` and ``total``.
    columns : callable
        Table -> its columns.
    naming : callable
        District and table -> columns that name a row, each with the codes to choose from and their words, none where it
        is typed; no column where a row has a name of its own.
    """

    actions: Actions
    key: str
    note: str
    columns: Callable[[str], Sequence[Column]]
    naming: Callable[[Desk, str], Mapping[str, Mapping[str, str]]]

    def shown(self, kind: str, rows: pd.DataFrame) -> pd.DataFrame:
        """Rows in words under their codes' columns: numbers as numbers, yes and no as ticks, codes as words."""
        named = {column.name: column for column in self.columns(kind)}
        order = [*FIRST, *(name for name in named if name not in {*FIRST, *HIDDEN}), *LATER]
        return pd.DataFrame({name: _cells(named.get(name), name, rows[name]) for name in order})

    def cells(self, kind: str, frame: pd.DataFrame) -> dict[str, dict[str, str]]:
        """What somebody wrote into `shown`, by row, as text cells of the table."""
        columns = [c for c in self.columns(kind) if c.name in frame]
        return {str(row["name"]): {c.name: _text(c, row[c.name]) for c in columns} for row in frame.to_dict("records")}


def view(desk: Desk, board: Board, kind: str) -> None:
    """One table; whoever may change it finds a form in its place."""
    if desk.may(board.actions.PERMISSION):
        _editable(desk, board, kind)
    else:
        frame = board.shown(kind, board.actions.table(desk.db, desk.actor, kind))
        st.dataframe(frame, hide_index=True, placeholder=UNKNOWN, column_config=_config(board, kind))
        _note(board, frame)


def history(desk: Desk, board: Board) -> None:
    """All changes of the family, newest first."""
    told = board.actions.history(desk.db, desk.actor)
    if told.empty:
        parts.empty("radiotable.never")
        return
    kinds = [t(f"radiotable.view.{kind}") for kind in told["kind"]]
    times = [radioparts.stamp(at) for at in told["at"]]
    st.dataframe(told.assign(kind=kinds, at=times).rename(columns=radioparts.heading), hide_index=True)


def _editable(desk: Desk, board: Board, kind: str) -> None:
    """The table as a form that ends in one action with a reason; below it new rows and the way back."""
    rows, found = board.actions.table(desk.db, desk.actor, kind), board.actions.revision(desk.db)
    frame, key = board.shown(kind, rows), board.key
    seen = st.session_state.setdefault(f"{key}.seen.{kind}", found)
    with st.form(f"{key}.{kind}", border=False):
        edited = st.data_editor(
            frame,
            key=f"{key}.{kind}.{found}",
            hide_index=True,
            placeholder=UNKNOWN,
            disabled=["name", *board.naming(desk, kind), *LATER],
            column_config=_config(board, kind),
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            reason = st.text_input(t("radiotable.reason_field"), key=f"{key}.{kind}.why")
            pressed = st.form_submit_button(t("radiotable.save"), type="primary", icon=":material/save:")
    _note(board, frame)
    st.session_state[f"{key}.seen.{kind}"] = found
    if pressed:
        with parts.told():
            radioparts.finish(_edit(desk, board, kind, board.cells(kind, edited), reason=reason, seen=seen))
        radioparts.said(desk)
    left, right = st.columns(2)
    with left:
        _new(desk, board, kind, rows)
    with right:
        _back(desk, board, kind, rows)


def _edit(desk: Desk, board: Board, kind: str, rows: Mapping[str, Cells], *, reason: str, seen: int) -> Outcome:
    return board.actions.edit(desk.db, desk.actor, kind, rows, reason=reason, seen=seen, now=now())


def _new(desk: Desk, board: Board, kind: str, rows: pd.DataFrame) -> None:
    """A new row begins as a copy of one that stands."""
    key, naming = board.key, board.naming(desk, kind)
    with st.popover(t("radiotable.new"), icon=":material/add:"), st.form(f"{key}.{kind}.new", border=False):
        pattern = st.selectbox(t("radiotable.copy_of"), rows["name"].tolist(), key=f"{key}.{kind}.copy")
        name = _named(board, kind, naming)
        reason = st.text_input(t("radiotable.reason_field"), key=f"{key}.{kind}.newwhy")
        pressed = st.form_submit_button(t("radiotable.new"), type="primary")
    if not pressed:
        return
    if name in set(rows["name"]):
        st.error(t("radiotable.taken", name=md(name)), icon=":material/error:")
        return
    copied = rows.set_index("name").loc[pattern].drop([*LATER, *naming], errors="ignore").astype(str).to_dict()
    with parts.told():
        done = board.actions.edit(desk.db, desk.actor, kind, {name: copied}, reason=reason, now=now())
        radioparts.finish(done)
    radioparts.said(desk)


def _named(board: Board, kind: str, naming: Mapping[str, Mapping[str, str]]) -> str:
    """The name of a new row: typed, or made of what the row is about."""
    key = f"{board.key}.{kind}.name"
    if not naming:
        return str(st.text_input(t("radiotable.new_name"), key=key).strip())
    said = [
        st.selectbox(radioparts.heading(column), list(terms), key=f"{key}.{column}", format_func=terms.get)
        if terms
        else st.text_input(radioparts.heading(column), key=f"{key}.{column}").strip()
        for column, terms in naming.items()
    ]
    return ".".join(str(part) for part in said)


def _back(desk: Desk, board: Board, kind: str, rows: pd.DataFrame) -> None:
    """Rows that were changed may say again what is shipped."""
    key = board.key
    changed = rows.loc[rows["state"] == tablebook.CHANGED, "name"].tolist()
    if not changed:
        return
    with st.popover(t("radiotable.restore"), icon=":material/undo:"), st.form(f"{key}.{kind}.back", border=False):
        names = st.multiselect(
            t("radiotable.rows"), changed, key=f"{key}.{kind}.rows", placeholder=UNKNOWN, select_all=False
        )
        reason = st.text_input(t("radiotable.reason_field"), key=f"{key}.{kind}.backwhy")
        pressed = st.form_submit_button(t("radiotable.restore"), type="primary")
    if pressed:
        with parts.told():
            radioparts.finish(board.actions.restore(desk.db, desk.actor, kind, names, reason=reason, now=now()))
        radioparts.said(desk)


def _note(board: Board, frame: pd.DataFrame) -> None:
    """How many rows nobody has confirmed, and what computing with them means."""
    count = int((frame["mark"] == t(f"radiotable.mark.{UNVERIFIED}")).sum())
    if count:
        st.caption(t(board.note, n=count, total=len(frame)))


def _config(board: Board, kind: str) -> dict[str, Any]:
    named = {column.name: column for column in board.columns(kind)}
    return {name: _column(named.get(name), name) for name in (*named, *LATER)}


def _column(column: Column | None, name: str) -> Any:
    """How a column is shown and written into."""
    title = radioparts.heading(name)
    if column is None or column.type == "name":
        return st.column_config.TextColumn(title, pinned=name == "name")
    if column.type in {"number", "whole"}:
        return st.column_config.NumberColumn(title, help=f"{column.low:g} – {column.high:g}")
    if column.type == "flag":
        return st.column_config.CheckboxColumn(title)
    if column.type == "words":
        return st.column_config.MultiselectColumn(title, options=list(radioparts.words_of(name).values()))
    if column.type == "choice":
        return st.column_config.SelectboxColumn(
            title, options=list(radioparts.words_of(name).values()), required=True, pinned=name == "mark"
        )
    return st.column_config.TextColumn(title)


def _cells(column: Column | None, name: str, rows: pd.Series) -> pd.Series:
    """One column as it is shown."""
    if column is None:
        makers = {"state": lambda code: t(f"radiotable.state.{code}"), "changed_at": radioparts.stamp}
        return rows.map(makers[name]) if name in makers else rows
    if column.type in {"number", "whole"}:
        return pd.to_numeric(rows, errors="coerce")
    if column.type == "flag":
        return rows == tablebook.ON
    known = radioparts.words_of(name) if column.type in {"words", "choice"} else {}
    if column.type == "words":
        return rows.map(lambda cell: [known.get(code, code) for code in cell.split(";")])
    return rows.map(lambda cell: known.get(cell, cell))


def _text(column: Column, value: Any) -> str:
    if column.type == "flag":
        return tablebook.ON if value else tablebook.OFF
    if column.type == "words":
        return ";".join(_code(column, word) for word in value) if isinstance(value, list | tuple | np.ndarray) else ""
    if value is None or value != value:  # noqa: PLR0124 - NaN
        return ""
    if column.type == "choice":
        return _code(column, value)
    return f"{value:.10g}" if column.type in {"number", "whole"} else str(value)


def _code(column: Column, word: object) -> str:
    return {said: code for code, said in radioparts.words_of(column.name).items()}.get(str(word), str(word))
