"""One selection shared by a table and a map: a row shows its place, a place shows its row.

The selection is the id of a thing, kept under one name in the session and in the address of the
page, so that a selected thing can be sent as a link.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from siting.ui.text import UNKNOWN

PARAMETER = "id"
_ID = re.compile(r"[\w.:#|+-]{1,160}")


def selected(name: str) -> str | None:
    """The selected id, at first the one in the address if it has the form of an id."""
    key = f"{name}.selected"
    if key not in st.session_state:
        asked = st.query_params.get(PARAMETER, "")
        st.session_state[key] = asked if _ID.fullmatch(asked) else None
    return st.session_state[key]


def turn(name: str) -> int:
    """How often the selection has changed; the map goes to the selected place when it does."""
    return int(st.session_state.get(f"{name}.turn", 0))


def select(name: str, found: str | None, *, from_table: bool = False) -> None:
    """Select a thing (or nothing); the table is told unless it was the table."""
    if found == st.session_state.get(f"{name}.selected"):
        return
    st.session_state[f"{name}.selected"] = found
    st.session_state[f"{name}.turn"] = turn(name) + 1
    if not from_table:
        st.session_state[f"{name}.table"] = turn(name)
    if found and _ID.fullmatch(found):
        st.query_params[PARAMETER] = found
    else:
        st.query_params.pop(PARAMETER, None)


def number_columns(frame: pd.DataFrame) -> dict[str, object]:
    """How numbers are written: thousands apart, with one decimal in every row of a column of fractions or in none."""
    made: dict[str, object] = {}
    for name in frame.columns[[pd.api.types.is_numeric_dtype(kind) for kind in frame.dtypes]]:
        cells = frame[name].dropna()
        fine = bool(((cells % 1) != 0).any())
        made[str(name)] = st.column_config.NumberColumn(format="%,.1f" if fine else "localized")
    return made


@dataclass(frozen=True)
class Ticks:
    """The rows that a person ticks in the first column, beside the one selected.

    Parameters
    ----------
    ids : collection of str
        Those ticked now.
    change : callable
        Told which ids were ticked and which were cleared.
    """

    ids: Collection[str]
    change: Callable[[set[str], set[str]], None]


def table(
    frame: pd.DataFrame,
    *,
    name: str,
    ids: pd.Series,
    height_px: int,
    columns: Mapping[str, object] | None = None,
    cells: bool = False,
    ticks: Ticks | None = None,
) -> None:
    """A table of which one row may be selected.

    Parameters
    ----------
    frame : DataFrame
        What is shown.
    name : str
        Name of the selection.
    ids : Series
        Id of every row, in the order of the frame.
    height_px : int
        Height [px].
    columns : mapping, optional
        How columns are drawn, beside the numbers.
    cells : bool
        Whether a click into any cell selects its row, beside one into the first column.
    ticks : Ticks, optional
        Where given, the first column ticks rows, and a click into any cell selects its row.
    """
    known = [str(v) for v in ids]
    key = _key(name, known, ticks)

    def chosen() -> None:
        made = st.session_state[key]["selection"]
        if ticks is not None:
            _ticked(name, {known[row] for row in made["rows"]}, ticks.change)
        if (cells or ticks is not None) and made.get("cells"):
            select(name, known[made["cells"][0][0]], from_table=True)
        elif ticks is None:
            select(name, known[made["rows"][0]] if made["rows"] else None, from_table=True)

    now = selected(name)
    marked = {now} if ticks is None else set(ticks.ids)
    at = [(known.index(now), str(frame.columns[0]))] if ticks is not None and now in known else []
    st.dataframe(
        frame,
        key=key,
        hide_index=True,
        height=height_px,
        placeholder=UNKNOWN,
        column_config={**number_columns(frame), **(columns or {})},
        on_select=chosen,
        selection_mode=_mode(ticks, cells=cells),
        selection_default={
            "selection": {"rows": [i for i, one in enumerate(known) if one in marked], "columns": [], "cells": at}
        },
    )


def _mode(ticks: Ticks | None, *, cells: bool) -> list[Any]:
    rows = "single-row" if ticks is None else "multi-row"
    return [rows, "single-cell"] if cells or ticks is not None else [rows]


def _key(name: str, known: Sequence[str], ticks: Ticks | None) -> str:
    """Name of the widget: other rows, and ticks that the table itself did not make, are a table that forgets its own."""
    if ticks is not None:
        mine = set(ticks.ids) & set(known)
        if st.session_state.get(f"{name}.ticks") != mine:
            st.session_state[f"{name}.ticks"] = mine
            st.session_state[f"{name}.ticks.turn"] = st.session_state.get(f"{name}.ticks.turn", 0) + 1
    turns = (st.session_state.get(f"{name}.{part}", 0) for part in ("table", "ticks.turn"))
    return ".".join(map(str, (name, "rows", *turns, zlib.crc32("\n".join(known).encode()))))


def _ticked(name: str, now: set[str], change: Callable[[set[str], set[str]], None]) -> None:
    before: set[str] = st.session_state.get(f"{name}.ticks", set())
    if now != before:
        st.session_state[f"{name}.ticks"] = now
        change(now - before, before - now)
