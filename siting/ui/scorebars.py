"""Score parts as bars: small ones in the rows of a table, a stacked one with natural values on the card of a candidate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from siting.plan import permission, tables
from siting.ui.text import UNKNOWN, language, number, percent, t

#: Column of the bars in a table of candidates.
COLUMN = "score_bars"
POINTS = "points_"
# Okabe-Ito, then its lighter shades: eleven parts that stay apart for everybody.
COLOURS = ("#0072B2", "#56B4E9", "#D55E00", "#E69F00", "#7F5A9B", "#009E73", "#66C2A4", "#CC79A7", "#8C6D31", "#B8A100",
    "#7A7A7A")  # fmt: skip
DIGITS: Mapping[str, int] = {"sinr_change": 2, "fibre_m": 0}
INK = "#3B3B3B"
BAR_PX, ROW_PX = 64, 22


def names(frame: pd.DataFrame | Mapping[str, Any]) -> list[str]:
    """Parts that were scored, in the order of the shipped table."""
    return [part for part in tables.weights()["part"] if f"{POINTS}{part}" in frame]


def title() -> str:
    """Title of the column of bars."""
    return t("score.bars")


def column(frame: pd.DataFrame) -> pd.Series:
    """Points of every part as a list per row, in the order of `names`; NaN (unknown) draws nothing.

    Parameters
    ----------
    frame : DataFrame
        Scored candidates with their columns ``points_PART``.

    Returns
    -------
    Series of list
        On the frame's index, for a column shown with `config`; None where a candidate was not scored.
    """
    own = frame[[f"{POINTS}{part}" for part in names(frame)]]
    scored = own.notna().any(axis=1)
    rows = own.fillna(0.0).round(1).to_numpy(float).tolist()
    return pd.Series([row if kept else None for row, kept in zip(rows, scored, strict=True)], index=frame.index)


def config(frame: pd.DataFrame) -> Any:
    """How a table shows `column`: ``column_config={scorebars.title(): scorebars.config(frame)}``."""
    parts = names(frame)
    words = "、".join(t(f"score.part.{part}") for part in parts)
    most = frame[[f"{POINTS}{part}" for part in parts]].max().max() if parts else 1.0
    return st.column_config.BarChartColumn(
        title(),
        help=t("score.bars_help", parts=words),
        width="small",
        y_min=0,
        y_max=float(most) or 1.0,
        color=COLOURS[0],
    )


def natural(part: str, row: Mapping[str, Any], *, measured: str = "persons") -> str:
    """A part in its own unit, in words; unknown is ``—``, never 0."""
    value = row.get("own_cost_yuan", row.get(part)) if part == "cost_yuan" else row.get(part)
    if part == "permission":
        return permission.said(row, lang=language())
    if part in {"structure", "emf"}:
        return t(f"ui.{part}.{value}") if isinstance(value, str) and value != "unknown" else UNKNOWN
    if part == "indoor_share":
        return percent(_plain(value), digits=0)
    value, slots = _plain(value), _plain(row.get("slots_free"))
    if part == "tenants" and number(slots) != UNKNOWN:
        return t("score.free_slots", tenants=number(value), slots=number(slots))
    shown = number(value, digits=DIGITS.get(part, 0))
    unit = measured if part in {"added_persons", "added_joint"} else _unit(part)
    return shown if shown == UNKNOWN else f"{shown} {t(f'score.unit.{unit}')}"


def card(row: Mapping[str, Any], *, measured: str = "persons") -> None:
    """Draw one candidate's score: a stacked bar of points, below it every part with its natural value.

    Parameters
    ----------
    row : mapping
        A scored candidate: parts, ``points_PART``, ``score_low``, ``score_high``.
    measured : str
        ``persons`` or ``area_m2``, what the district counts.
    """
    parts = [part for part in names(row) if not pd.isna(row.get("score_low"))]
    if parts:
        frame = _frame(row, parts, measured)
        st.altair_chart(stacked(frame), width="stretch")
        st.altair_chart(listed(frame), width="stretch")


def stacked(frame: pd.DataFrame) -> alt.Chart:
    """Points of all parts in one bar out of 100."""
    axis = alt.Axis(tickCount=5, grid=False)
    bar = (
        _coloured(frame).mark_bar().encode(x=alt.X("points:Q", scale=alt.Scale(domain=[0, 100]), title=None, axis=axis))
    )
    return bar.encode(order="order:Q").properties(height=BAR_PX).configure_view(stroke=None)


def listed(frame: pd.DataFrame) -> alt.LayerChart:
    """One bar per part with its natural value and its points."""
    axis = alt.Axis(ticks=False, domain=False, labelLimit=90, labelOverlap=False)
    rows = _coloured(frame).encode(
        x=alt.X("points:Q", title=None, axis=None, scale=alt.Scale(domain=[0, 75])),
        y=alt.Y("part:N", sort=frame["part"].tolist(), title=None, axis=axis),
    )
    told = rows.mark_text(align="left", dx=4).encode(text="said:N", color=alt.value(INK))
    return (rows.mark_bar() + told).properties(height=ROW_PX * len(frame)).configure_view(stroke=None)


def _frame(row: Mapping[str, Any], parts: Sequence[str], measured: str) -> pd.DataFrame:
    """One line per part: its name, points, natural value and both in words."""
    points = [_points(row, part) for part in parts]
    shown = [natural(part, row, measured=measured) for part in parts]
    said = [f"{value} · {number(own, digits=1)} {t('score.points')}" for value, own in zip(shown, points, strict=True)]
    titles = [t(f"score.part.{part}") for part in parts]
    return pd.DataFrame({"part": titles, "points": points, "said": said, "order": range(len(parts))})


def _coloured(frame: pd.DataFrame) -> alt.Chart:
    scale = alt.Scale(domain=frame["part"].tolist(), range=list(COLOURS[: len(frame)]))
    hint = [alt.Tooltip("part:N", title=" "), alt.Tooltip("said:N", title=" ")]
    return alt.Chart(frame).encode(color=alt.Color("part:N", scale=scale, legend=None), tooltip=hint)


def _points(row: Mapping[str, Any], part: str) -> float:
    value = _plain(row.get(f"{POINTS}{part}"))
    return 0.0 if value is None or value != value else value  # noqa: PLR0124 - NaN


def _plain(value: object) -> float | None:
    """A number of whatever kind a table holds; None where there is none."""
    return float(value) if isinstance(value, Real) else None


def _unit(part: str) -> str:
    table = tables.weights()
    return str(table.loc[table["part"] == part, "unit"].iloc[0])
