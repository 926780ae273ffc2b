"""What a calibration found, in words, tables, a reliability diagram and a map of what is left over."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import altair as alt
import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import streamlit as st

from siting import words
from siting.actions import calibrating, calibrations, measurements, radiotables
from siting.maps import styles
from siting.radio.calibration import OUTDOOR, Calibration
from siting.store.runs import Run
from siting.ui import fields, measuring, parts
from siting.ui.cached import kept
from siting.ui.parts import Card
from siting.ui.session import Desk
from siting.ui.text import UNKNOWN, language, number, t

#: Columns of the tables, with the digits they are shown with.
PREDICTED: Mapping[str, int] = MappingProxyType({"rmse_db": 1, "bias_db": 1, "mae_db": 1, "f1": 2, "brier": 3})
TERMS: Mapping[str, int] = MappingProxyType(
    {
        "n": 0, "blocks": 0, "rmse_db": 1, "bias_db": 1, "f1": 2, "sigma_db": 1, "offset_db": 1, "slope_db": 1,
        "pattern": 2, "power": 2, "beta": 2, "censored": 0,
    }
)  # fmt: skip
CHART_PX = 260
TABLE_PX = 325


def shown(desk: Desk, run: Run) -> None:
    """Everything about a finished run: figures, tables, diagram, map, findings."""
    found = kept(desk, "calibration", run.id, lambda: calibrations.calibration(desk.db, desk.actor, run.id))
    parts.cards(_cards(run))
    _verdict(desk, run)
    left, right = st.columns([3, 2], gap="small")
    with left:
        _table(predictors(found, run), PREDICTED)
        st.caption(t("ui.calibration.held_out", rsrp_dbm=_weak(desk, run)))
        if "learned" in run.result:
            st.caption(_learned(run))
        with st.expander(t("ui.calibration.classes")):
            _table(classes(found), TERMS)
    with right:
        st.altair_chart(reliability(found), width="stretch")
    if set(run.params["sets"]) <= {one.id for one in measurements.sets(desk.db, desk.actor, retired=True)}:
        _map(desk, run)
    parts.findings(found.findings.rows(lang=desk.lang), key=f"calibration.findings.{run.id}")


def _table(frame: pd.DataFrame, digits: Mapping[str, int]) -> None:
    """A table whose numbers have the digits of their column."""
    formats = {
        t(f"ui.calibration.{name}"): st.column_config.NumberColumn(format=f"%.{n}f") for name, n in digits.items()
    }
    height = min(TABLE_PX, 40 + 35 * len(frame))
    st.dataframe(frame, hide_index=True, height=height, placeholder=UNKNOWN, column_config=formats)


def _learned(run: Run) -> str:
    """Whether the learned stage met its conditions."""
    asked = {name: f"{value:g}" for name, value in calibrating.conditions().items()}
    key = "ui.calibration.learned_good" if run.result["learned"]["meets"] else "ui.calibration.learned_bad"
    return t(key, **asked)


def _weak(desk: Desk, run: Run) -> str:
    """The level below which a place counted as weak; unknown where its profile is gone."""
    row = radiotables.thresholds(desk.db).get(run.params["profile"])
    return UNKNOWN if row is None else f"{row.rsrp_dbm:g}"


def _cards(run: Run) -> list[Card]:
    told = run.result
    error = t("ui.calibration.beside", value=_decibel(told["rmse_uncalibrated_db"]))
    return [
        Card(t("ui.calibration.rmse"), _decibel(told["rmse_db"]), error),
        Card(t("ui.calibration.constant"), _decibel(told["rmse_constant_db"])),
        Card(
            t("ui.calibration.f1"),
            number(told["f1"], digits=2),
            t("ui.calibration.beside", value=number(told["f1_uncalibrated"], digits=2)),
        ),
        Card(t("ui.calibration.brier"), number(told["brier"], digits=3)),
        Card(
            t("ui.calibration.samples_used"),
            number(told["samples"]),
            t("ui.calibration.spread", n=number(told["blocks"]), places=number(told["places"])),
        ),
    ]


def _verdict(desk: Desk, run: Run) -> None:
    values = {name: number(run.result[name], digits=1) for name in ("rmse_db", "rmse_constant_db")}
    if run.result["usable"]:
        st.success(t("ui.calibration.usable", **values), icon=":material/check:")
    else:
        st.error(t("ui.calibration.unusable", **values), icon=":material/block:")
    if not calibrating.current(desk.db, run):
        st.warning(t("ui.calibration.stale"), icon=":material/history:")


def predictors(found: Calibration, run: Run) -> pd.DataFrame:
    """The held-out table in words, one row per predictor."""
    table = calibrating.compared(found, run.result)
    said = {t("ui.calibration.predictor"): [t(f"ui.calibration.predictor.{name}") for name in table.index]}
    return pd.DataFrame(said | _columns(table, PREDICTED))


def classes(found: Calibration) -> pd.DataFrame:
    """Figures and fitted terms by class, in words."""
    table = calibrating.by_class(found)
    said = {t("ui.calibration.class"): [class_words(name) for name in table["class"]]}
    return pd.DataFrame(said | _columns(table, TERMS))


def _columns(table: pd.DataFrame, digits: Mapping[str, int]) -> dict[str, npt.NDArray[Any]]:
    return {t(f"ui.calibration.{name}"): table[name].round(n).to_numpy() for name, n in digits.items()}


def class_words(name: str) -> str:
    """A class such as ``nlos/outdoor`` in words; an unknown part by its code."""
    state, _, kind = name.partition("/")
    known = {OUTDOOR: t("ui.calibration.outdoor"), **fields.terms("building_class")}
    key = f"ui.calibration.state.{state}"
    return " · ".join((t(key) if words.has(key) else state, known.get(kind, kind)))


def reliability(found: Calibration) -> alt.LayerChart:
    """Predicted against measured share of places above the threshold; on the diagonal the probability means what it says."""
    table = found.reliability[found.reliability["n"] > 0]
    names = {name: t(f"ui.calibration.reliability.{name}") for name in ("predicted", "measured", "n")}
    points = table[list(names)].rename(columns=names)
    share = alt.Scale(domain=[0, 1])
    axis = alt.Axis(format="%")
    dots = (
        alt.Chart(points)
        .mark_circle(color=styles.family("network")["n41"].fill, opacity=0.9)
        .encode(
            x=alt.X(field=names["predicted"], type="quantitative", scale=share, axis=axis),
            y=alt.Y(field=names["measured"], type="quantitative", scale=share, axis=axis),
            size=alt.Size(field=names["n"], type="quantitative", legend=None),
            tooltip=[alt.Tooltip(field=name, type="quantitative") for name in names.values()],
        )
    )
    ends = pd.DataFrame({names["predicted"]: [0.0, 1.0], names["measured"]: [0.0, 1.0]})
    line = (
        alt.Chart(ends)
        .mark_line(color="#7F7F7F", strokeDash=[4, 4])
        .encode(
            x=alt.X(field=names["predicted"], type="quantitative"),
            y=alt.Y(field=names["measured"], type="quantitative"),
        )
    )
    return (line + dots).properties(height=CHART_PX, title=t("ui.calibration.reliability"))


def _map(desk: Desk, run: Run) -> None:
    """Where the fit is off: places by measured minus predicted, the largest first where there are too many."""
    left = kept(desk, "residuals", run.id, lambda: calibrating.residuals(desk.db, desk.actor, run.id))
    step = max(1, -(-len(left) // measuring.MOST_ON_MAP))
    rows = left.iloc[::step]
    spots = gpd.GeoDataFrame(
        {
            "id": [str(n) for n in rows.index],
            "label": [_label(*cells) for cells in zip(rows["rsrp_dbm"], rows["residual_db"], strict=True)],
            "style": _styles(rows["residual_db"]),
        },
        geometry=gpd.points_from_xy(rows["easting_m"], rows["northing_m"]),
        crs=desk.settings.crs,
    )
    measuring.dots(
        "residuals", spots, version=f"{run.id}.{language()}", name=t("style.residual"), family="residual", desk=desk
    )


def _label(rsrp_dbm: float, residual_db: float) -> str:
    return t("ui.calibration.residual", rsrp_dbm=f"{rsrp_dbm:.0f}", residual_db=f"{residual_db:+.1f}")


def _styles(residual_db: pd.Series) -> list[str]:
    """Key of the style of each residual, by the limits of the family."""
    found = list(styles.family("residual").values())
    at = np.searchsorted([float(str(style.lower)) for style in found], residual_db.to_numpy(float), side="right") - 1
    return [found[max(int(n), 0)].key for n in at]


def _decibel(value: object) -> str:
    return f"{number(value, digits=1)} dB"
