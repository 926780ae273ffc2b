"""The radio tables on a page: what everything is computed with, where it comes from, and what nobody has confirmed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from siting import words
from siting.actions import radiotables
from siting.actions.radiotables import Outcome
from siting.radio import tablecheck
from siting.radio.tablecells import Column
from siting.ui import choices, parts, radioparts, radiopatterns
from siting.ui.session import Desk, now
from siting.ui.text import UNKNOWN, md, t

KEY = "radiotable"
VIEWS = (*radiotables.TABLES, radiotables.PATTERNS, "fixed", "history")
UNVERIFIED = "unverified"
# Shown first: how well the numbers of a row are known.
FIRST = ("name", "mark")
HIDDEN = ("version", "scope")
LATER = ("state", "edition", "changed_at", "changed_by", "reason")


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
        _history(desk)
    elif desk.may(radiotables.PERMISSION):
        _editable(desk, chosen)
    else:
        _readable(desk, chosen)


def shown(kind: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of a table in words under their codes' columns: numbers as numbers, yes and no as ticks, codes as words."""
    named = {column.name: column for column in tablecheck.columns(kind)}
    order = [*FIRST, *(name for name in named if name not in {*FIRST, *HIDDEN}), *LATER]
    return pd.DataFrame({name: _cells(named.get(name), name, rows[name]) for name in order})


def cells(kind: str, frame: pd.DataFrame) -> dict[str, dict[str, str]]:
    """What somebody wrote into `shown`, by row, as text cells of the table."""
    columns = [c for c in tablecheck.columns(kind) if c.name in frame]
    return {str(row["name"]): {c.name: _text(c, row[c.name]) for c in columns} for row in frame.to_dict("records")}


def _readable(desk: Desk, kind: str) -> None:
    frame = shown(kind, radiotables.table(desk.db, desk.actor, kind))
    st.dataframe(frame, hide_index=True, placeholder=UNKNOWN, column_config=_config(kind))
    _note(frame)


def _editable(desk: Desk, kind: str) -> None:
    """The table as a form that ends in one action with a reason; below it new rows and the way back."""
    rows, found = radiotables.table(desk.db, desk.actor, kind), radiotables.revision(desk.db)
    frame = shown(kind, rows)
    seen = st.session_state.setdefault(f"{KEY}.seen.{kind}", found)
    with st.form(f"{KEY}.{kind}", border=False):
        edited = st.data_editor(
            frame,
            key=f"{KEY}.{kind}.{found}",
            hide_index=True,
            placeholder=UNKNOWN,
            disabled=["name", *LATER],
            column_config=_config(kind),
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            reason = st.text_input(t("radiotable.reason_field"), key=f"{KEY}.{kind}.why")
            pressed = st.form_submit_button(t("radiotable.save"), type="primary", icon=":material/save:")
    _note(frame)
    st.session_state[f"{KEY}.seen.{kind}"] = found
    if pressed:
        with parts.told():
            radioparts.finish(_edit(desk, kind, cells(kind, edited), reason=reason, seen=seen))
        radioparts.said(desk)
    left, right = st.columns(2)
    with left:
        _new(desk, kind, rows)
    with right:
        _back(desk, kind, rows)


def _edit(desk: Desk, kind: str, rows: Mapping[str, Mapping[str, str]], *, reason: str, seen: int) -> Outcome:
    return radiotables.edit(desk.db, desk.actor, kind, rows, reason=reason, seen=seen, now=now())


def _new(desk: Desk, kind: str, rows: pd.DataFrame) -> None:
    """A new row begins as a copy of one that stands."""
    with st.popover(t("radiotable.new"), icon=":material/add:"), st.form(f"{KEY}.{kind}.new", border=False):
        pattern = st.selectbox(t("radiotable.copy_of"), rows["name"].tolist(), key=f"{KEY}.{kind}.copy")
        name = st.text_input(t("radiotable.new_name"), key=f"{KEY}.{kind}.name").strip()
        reason = st.text_input(t("radiotable.reason_field"), key=f"{KEY}.{kind}.newwhy")
        pressed = st.form_submit_button(t("radiotable.new"), type="primary")
    if not pressed:
        return
    if name in set(rows["name"]):
        st.error(t("radiotable.taken", name=md(name)), icon=":material/error:")
        return
    copied = rows.set_index("name").loc[pattern].drop([*LATER], errors="ignore").astype(str).to_dict()
    with parts.told():
        done = radiotables.edit(desk.db, desk.actor, kind, {name: copied}, reason=reason, now=now())
        radioparts.finish(done)
    radioparts.said(desk)


def _back(desk: Desk, kind: str, rows: pd.DataFrame) -> None:
    """Rows that were changed may say again what is shipped."""
    changed = rows.loc[rows["state"] == radiotables.CHANGED, "name"].tolist()
    if not changed:
        return
    with st.popover(t("radiotable.restore"), icon=":material/undo:"), st.form(f"{KEY}.{kind}.back", border=False):
        names = st.multiselect(t("radiotable.rows"), changed, key=f"{KEY}.{kind}.rows", placeholder=UNKNOWN)
        reason = st.text_input(t("radiotable.reason_field"), key=f"{KEY}.{kind}.backwhy")
        pressed = st.form_submit_button(t("radiotable.restore"), type="primary")
    if pressed:
        with parts.told():
            radioparts.finish(radiotables.restore(desk.db, desk.actor, kind, names, reason=reason, now=now()))
        radioparts.said(desk)


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


def _history(desk: Desk) -> None:
    told = radiotables.history(desk.db, desk.actor)
    if told.empty:
        parts.empty("radiotable.never")
        return
    kinds = [t(f"radiotable.view.{kind}") for kind in told["kind"]]
    times = [radioparts.stamp(at) for at in told["at"]]
    st.dataframe(told.assign(kind=kinds, at=times).rename(columns=radioparts.heading), hide_index=True)


def _note(frame: pd.DataFrame) -> None:
    """How many rows nobody has confirmed, and what computing with them means."""
    count = int((frame["mark"] == t(f"radiotable.mark.{UNVERIFIED}")).sum())
    if count:
        st.caption(t("radiotable.note", n=count, total=len(frame)))


def _config(kind: str) -> dict[str, Any]:
    named = {column.name: column for column in tablecheck.columns(kind)}
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
        return rows == radiotables.ON
    known = radioparts.words_of(name) if column.type in {"words", "choice"} else {}
    if column.type == "words":
        return rows.map(lambda cell: [known.get(code, code) for code in cell.split(";")])
    return rows.map(lambda cell: known.get(cell, cell))


def _text(column: Column, value: Any) -> str:
    if column.type == "flag":
        return radiotables.ON if value else radiotables.OFF
    if column.type == "words":
        return ";".join(_code(column, word) for word in value) if isinstance(value, list | tuple | np.ndarray) else ""
    if value is None or value != value:  # noqa: PLR0124 - NaN
        return ""
    if column.type == "choice":
        return _code(column, value)
    return f"{value:.10g}" if column.type in {"number", "whole"} else str(value)


def _code(column: Column, word: object) -> str:
    return {said: code for code, said in radioparts.words_of(column.name).items()}.get(str(word), str(word))
