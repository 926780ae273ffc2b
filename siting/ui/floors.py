"""Buildings one by one: which leave most people without signal, and on which floors in which network."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from siting.actions import coverage
from siting.maps import styles
from siting.ui import covering, gaps, linked, parts
from siting.ui.cached import kept
from siting.ui.covering import View
from siting.ui.session import Desk
from siting.ui.text import UNKNOWN, number, percent, t

NAME = "coverage.building"
MOST = 300
LIST_PX, FLOORS_PX = 560, 520
FIGURES = ("uncovered", "persons", "unknown")
# Numbers stand on the colours of the map: they are paler here.
PALER = 0.6


def panel(desk: Desk, view: View) -> None:
    """Buildings by uncovered people on the left, the floors of the chosen one on the right."""
    found = covering.figures(desk, view, "building").head(MOST)
    if found.empty:
        parts.empty("ui.floors.none")
        return
    measured = gaps.measure(view.run)
    left, right = st.columns([2, 3], gap="small")
    with left:
        st.caption(t("ui.floors.ranked", n=len(found)))
        linked.table(ranked(desk, found, measured), name=NAME, ids=found["building_id"], height_px=LIST_PX)
    chosen = found[found["building_id"].astype(str) == linked.selected(NAME)]
    with right:
        _building(desk, view, (found if chosen.empty else chosen).iloc[0], measured)


def ranked(desk: Desk, found: pd.DataFrame, measured: str) -> pd.DataFrame:
    """Buildings as a list, the most uncovered first."""
    ids = found["building_id"].astype(str)
    names = ids.map(covering.names_of(desk, "building")).fillna(ids)
    figures = {gaps.column(name, measured): found[name].round(1) for name in FIGURES}
    between = [f"{number(low)}–{number(high)}" for low, high in zip(found["p05"], found["p95"], strict=True)]
    return pd.DataFrame({t("ui.level.building"): names, **figures, t("ui.floors.interval"): between})


def _building(desk: Desk, view: View, row: pd.Series, measured: str) -> None:
    building_id = str(row["building_id"])
    table = kept(
        desk,
        f"floors.{building_id}",
        view.version,
        lambda: coverage.floors(desk.db, desk.actor, view.run.id, building_id, profile=view.profile),
    )
    name = covering.names_of(desk, "building").get(building_id, building_id)
    parts.facts(
        {
            t("ui.level.building"): name,
            gaps.column("persons", measured): number(float(row["persons"]), digits=1),
            gaps.column("uncovered", measured): t(
                "ui.floors.between",
                n=number(float(row["uncovered"]), digits=1),
                low=number(float(row["p05"]), digits=1),
                high=number(float(row["p95"]), digits=1),
            ),
            gaps.column("unknown", measured): number(float(row["unknown"]), digits=1),
        }
    )
    st.dataframe(heat(desk, table, measured), hide_index=True, height=FLOORS_PX)
    st.caption(t("ui.floors.note"))


def heat(desk: Desk, table: pd.DataFrame, measured: str) -> pd.io.formats.style.Styler:
    """Floors by networks: probability in the colours of the map, and people not covered; the top floor first.

    Parameters
    ----------
    table : DataFrame
        From `siting.actions.coverage.floors`.
    measured : str
        What is counted.
    """
    names = list(dict.fromkeys(table["network"]))
    titles = covering.network_titles(desk, names)
    by_floor = table.drop_duplicates("floor").set_index("floor")
    shown = pd.DataFrame({t("ui.point.floor"): by_floor.index}, index=by_floor.index)
    shown[gaps.column("persons", measured)] = by_floor["persons"]
    coloured = []
    for name in names:
        own = table[table["network"] == name].set_index("floor")
        title = t("ui.floors.probability", network=titles[name])
        shown[title] = own["probability"]
        shown[t("ui.floors.uncovered", network=titles[name])] = own["uncovered"]
        coloured.append(title)
    others = {name: _one_digit for name in shown.columns[1:] if name not in coloured}
    written: dict[str, Any] = {**dict.fromkeys(coloured, _percent), **others}
    return shown.style.map(_colour, subset=pd.Index(coloured)).format(written)


def _percent(value: Any) -> str:
    return t("ui.floors.unknown") if pd.isna(value) else percent(float(value), digits=0)


def _one_digit(value: Any) -> str:
    return UNKNOWN if pd.isna(value) else f"{value:.1f}"


def _colour(value: Any) -> str:
    """A cell in the colour of its class on the map; grey where nothing can be said."""
    if pd.isna(value):
        return f"background-color: {styles.family('unknown')['part'].fill}"
    for style in styles.family("probability").values():
        if style.lower is not None and style.upper is not None and style.lower <= value < style.upper:
            red, green, blue = styles.rgb(style.fill)
            return f"background-color: rgba({red}, {green}, {blue}, {PALER * style.opacity:.2f})"
    return ""
