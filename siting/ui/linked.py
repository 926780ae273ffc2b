"""One selection shared by a table and a map: a row shows its place, a place shows its row.

The selection is the id of a thing, kept under one name in the session and in the address of the
page, so that a selected thing can be sent as a link.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import pandas as pd
import streamlit as st

from siting.ui.text import UNKNOWN

PARAMETER = "id"
THOUSAND = 1000.0
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
    """How numbers are written: thousands apart, or one decimal in every row of a column of small fractions."""
    made: dict[str, object] = {}
    for name in frame.columns[[pd.api.types.is_numeric_dtype(kind) for kind in frame.dtypes]]:
        cells = frame[name].dropna()
        fine = bool(((cells % 1) != 0).any()) and float(cells.abs().max()) < THOUSAND
        made[str(name)] = st.column_config.NumberColumn(format="%.1f" if fine else "localized")
    return made


def table(
    frame: pd.DataFrame,
    *,
    name: str,
    ids: pd.Series,
    height_px: int,
    columns: Mapping[str, object] | None = None,
    acts: Mapping[str, Callable[[str], None]] | None = None,
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
    acts : mapping, optional
        Title of a column -> what a click into it does with the row's id; where given, a click into any other cell selects
        its row.
    """
    known = [str(v) for v in ids]
    key = f"{name}.rows.{st.session_state.get(f'{name}.table', 0)}"

    def chosen() -> None:
        made = st.session_state[key]["selection"]
        if acts is not None and made.get("cells"):
            row, column = made["cells"][0]
            acts[column](known[row]) if column in acts else select(name, known[row], from_table=True)
            return
        select(name, known[made["rows"][0]] if made["rows"] else None, from_table=True)

    now = selected(name)
    st.dataframe(
        frame,
        key=key,
        hide_index=True,
        height=height_px,
        placeholder=UNKNOWN,
        column_config={**number_columns(frame), **(columns or {})},
        on_select=chosen,
        selection_mode="single-row" if acts is None else ["single-row", "single-cell"],
        selection_default={
            "selection": {"rows": [known.index(now)] if now in known else [], "columns": [], "cells": []}
        },
    )
