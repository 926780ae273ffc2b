"""Value and bound of a plan over the seconds of its run, and what its points add one after another, as small charts."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from siting import words
from siting.ui.text import UNKNOWN, number, percent, t

HEIGHT_PX = 180
SERIES = ("value", "bound")
# Okabe-Ito blue and vermilion: told apart by colour-blind eyes, in light and dark.
COLOURS = ("#0072B2", "#D55E00")


def live(points: pd.DataFrame) -> None:
    """What is added so far, what no plan exceeds and the gap between, in one line and as curves; nothing before the first point."""
    if points.empty:
        return
    st.caption(said(points))
    if len(points) > 1:
        chart(points)


def said(points: pd.DataFrame) -> str:
    """The last state in words: step, value, bound and gap."""
    last = points.iloc[-1]
    best = float(points["value"].max())
    bound = float(points["bound"].min())
    step = t(f"ui.curve.step.{last['step']}") if words.has(f"ui.curve.step.{last['step']}") else str(last["step"])
    known = np.isfinite(bound) and bound > 0
    most = number(bound) if np.isfinite(bound) else UNKNOWN
    gap = percent(max(0.0, bound - best) / bound, digits=2) if known else UNKNOWN
    return t("ui.curve.state", step=step, value=number(best), bound=most, gap=gap)


def best(points: pd.DataFrame) -> pd.DataFrame:
    """Seconds with the best value and the lowest bound until then; a step that gives no bound leaves the one before it."""
    bound = points["bound"].replace([np.inf], np.nan).cummin().ffill()
    return pd.DataFrame({"seconds": points["seconds"], "value": points["value"].cummax(), "bound": bound})


def chart(points: pd.DataFrame, *, height_px: int = HEIGHT_PX) -> None:
    """Curves of value and bound over seconds."""
    names = {name: t(f"ui.curve.{name}") for name in SERIES}
    long = best(points).melt("seconds", list(SERIES), var_name="series", value_name="people").dropna()
    long["series"] = long["series"].map(names)
    drawn = (
        alt.Chart(long)
        .mark_line(interpolate="step-after", strokeWidth=2)
        .encode(
            x=alt.X("seconds:Q", title=t("ui.curve.seconds")),
            y=alt.Y("people:Q", title=None, scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=4, format=",.0f")),
            color=alt.Color(
                "series:N",
                title=None,
                scale=alt.Scale(domain=list(names.values()), range=list(COLOURS)),
                legend=alt.Legend(orient="top", offset=2, padding=0),
            ),
            strokeDash=alt.StrokeDash(
                "series:N", legend=None, scale=alt.Scale(domain=list(names.values()), range=[[1, 0], [4, 3]])
            ),
        )
        .properties(height=height_px)
    )
    st.altair_chart(drawn, width="stretch")


def build_order(added: pd.Series, *, unit: str, height_px: int = HEIGHT_PX) -> None:
    """What the first n points of a plan add together: the running sum over the build order.

    Parameters
    ----------
    added : Series
        What each point adds when its turn comes, in build order; NaN where it is not known apart.
    unit : str
        Word for what is counted.
    """
    running = pd.DataFrame({"n": np.arange(1, len(added) + 1), "people": added.fillna(0.0).cumsum().to_numpy()})
    drawn = (
        alt.Chart(running)
        .mark_area(line={"color": COLOURS[0]}, color=COLOURS[0], opacity=0.25, interpolate="step-after")
        .encode(
            x=alt.X("n:Q", title=t("ui.curve.points"), axis=alt.Axis(tickMinStep=1)),
            y=alt.Y("people:Q", title=t("ui.plan.added", unit=unit)),
            tooltip=[
                alt.Tooltip("n:Q", title=t("ui.curve.points")),
                alt.Tooltip("people:Q", format=",.0f", title=t("ui.plan.added", unit=unit)),
            ],
        )
        .properties(height=height_px)
    )
    st.altair_chart(drawn, width="stretch")
