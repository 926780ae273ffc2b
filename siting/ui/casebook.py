"""The ledger of problem points as one dense list with its map: filters, order, words."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import geopandas as gpd
import pandas as pd
import shapely
import streamlit as st

from siting.actions import cases, unblocking
from siting.maps import layers, styles
from siting.ui import atlas, choices
from siting.ui.mapview import Layer, Place
from siting.ui.parts import Card
from siting.ui.session import Desk
from siting.ui.text import UNKNOWN, number, t

STAGES: Mapping[str, tuple[str, ...]] = {
    "entered": ("draft", "submitted", "returned", "verified"),
    "working": ("dispatched", "coordinating", "contested", "waiting_reporter", "waiting_external"),
    "held": ("suspended", "transferred_up", "alternative_site"),
    "agreed": ("agreed", "building"),
    "on_air": ("commissioned", "resolved"),
    "closed": ("confirmed_closed", "closed_auto", "withdrawn", "merged"),
}
STAGE_OF: Mapping[str, str] = {state: stage for stage, states in STAGES.items() for state in states}
LISTED = ("pp_no", "state", "title", "value", "range", "venues", "kind", "reason_code", "street_office", "operators", "lead_unit",
    "responsible_person", "reported_at", "target_agree_on", "agreed_on", "target_build_on", "commissioned_on")  # fmt: skip
FOREMOST = ("pp_no", "title", "value", "state", "lead_unit")
WAITING = ("entered", "working", "held")
WORDED: Mapping[str, str] = {"state": "case.state.{}", "kind": "case.kind.{}", "reason_code": "case.reason_code.{}"}
SEARCHED = ("pp_no", "title", "lead_unit", "street_office", "responsible_person", "need_nos")
OPEN = tuple(stage for stage in STAGES if stage != "closed")
PARTS_SHOWN = 3


def ledger(desk: Desk) -> pd.DataFrame:
    """All problem points that the person sees, the dearest first; those without a value last."""
    found = cases.list_cases(desk.db, desk.actor)
    values = unblocking.values(desk.db, desk.actor)
    both = found.merge(values, on="case_id", how="left")
    both["stage"] = both["state"].map(STAGE_OF)
    both["value"] = pd.to_numeric(both["value"], errors="coerce")
    return both.sort_values(["value", "pp_no"], ascending=[False, True], na_position="last", ignore_index=True)


def filtered(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows that the controls leave; every choice stands in the address of the page."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        search = st.text_input(
            t("ui.cases.search"), key="q", bind="query-params", placeholder=t("ui.cases.search_hint")
        )
        everything = t("ui.assets.all")
        terms = {stage: t(f"style.case_stage.{stage}") for stage in STAGES}
        stages = choices.several(t("ui.cases.stage"), terms, key="stage", placeholder=t("ui.cases.open"))
        kinds = _several(frame, "kind", everything)
        streets = _several(frame, "street_office", everything)
        units = _several(frame, "lead_unit", everything)
    kept = frame["stage"].isin(stages or OPEN)
    for column, chosen in (("kind", kinds), ("street_office", streets), ("lead_unit", units)):
        if chosen:
            kept &= frame[column].isin(chosen)
    if search.strip():
        hits = [
            frame[c].astype("string").str.contains(search.strip(), case=False, regex=False)
            for c in SEARCHED
            if c in frame
        ]
        kept &= pd.concat(hits, axis=1).fillna(value=False).any(axis=1)
    return frame[kept].reset_index(drop=True)


def _several(frame: pd.DataFrame, column: str, placeholder: str) -> list[str]:
    codes = sorted(str(v) for v in frame[column].dropna().unique() if v)
    terms = {code: word(column, code) for code in codes}
    return choices.several(t(f"ui.cases.column.{column}"), terms, key=column, placeholder=placeholder)


def cards(frame: pd.DataFrame) -> list[Card]:
    """Counts of the stages; agreed is not built, so the two stand apart."""
    counts = frame["stage"].value_counts()
    unvalued = int(frame[frame["stage"].isin(("entered", "working"))]["value"].isna().sum())
    waiting = Card(t("ui.cases.waiting"), number(int(counts.get("entered", 0))), t("style.case_stage.entered"))
    working = Card(
        t("style.case_stage.working"),
        number(int(counts.get("working", 0) + counts.get("held", 0))),
        t("ui.cases.working_note"),
    )
    agreed = Card(t("ui.cases.agreed"), number(int(counts.get("agreed", 0))), t("ui.cases.agreed_note"))
    on_air = Card(t("ui.cases.on_air"), number(int(counts.get("on_air", 0))), t("ui.cases.on_air_note"))
    return [
        waiting,
        working,
        agreed,
        on_air,
        Card(t("ui.cases.unvalued"), number(unvalued), t("ui.cases.unvalued_note")),
    ]


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """The list in words; numbers stay numbers, so that they sort."""
    shown = frame.assign(
        range=[spread(low, high) for low, high in zip(frame["people_low"], frame["people_high"], strict=True)]
    )
    return pd.DataFrame(
        {t(f"ui.cases.column.{name}"): _cells(name, shown[name]) for name in LISTED if name in shown}, index=frame.index
    )


def _cells(name: str, cells: pd.Series) -> object:
    return cells.round(0) if name == "value" else [word(name, cell) for cell in cells]


def word(name: str, cell: object) -> str:
    """One cell in words; unknown is ``—``."""
    if isinstance(cell, list | tuple):
        shown = [word(name, item) for item in cell]
        more = t("ui.cases.more", n=len(shown) - PARTS_SHOWN) if len(shown) > PARTS_SHOWN else ""
        return "、".join(shown[:PARTS_SHOWN]) + more or UNKNOWN
    if cell is None or cell != cell or cell == "":  # noqa: PLR0124 - NaN
        return UNKNOWN
    if name == "operators":
        return t(f"ui.operator.{cell}")
    return t(WORDED[name].format(cell)) if name in WORDED else str(cell)


def spread(low: object, high: object) -> str:
    """Both bounds of a value; ``—`` where it was not computed, never 0."""
    return UNKNOWN if number(low) == UNKNOWN else f"{number(low)}–{number(high)}"


def layer(frame: pd.DataFrame, crs: str) -> Layer:
    """The listed points that have a place, on the map, coloured by stage."""
    spec = layers.specs()["problems"]
    placed = frame[frame["easting_m"].notna()]
    places = gpd.points_from_xy(placed["easting_m"].astype(float), placed["northing_m"].astype(float))
    points = gpd.GeoDataFrame(placed[["pp_no", "title", "stage"]], geometry=places, crs=crs)
    state = (placed["pp_no"] + placed["stage"] + placed["easting_m"].astype(str)).tolist()
    return Layer(
        id="problems",
        type="geojson",
        version=hashlib.sha256("|".join(state).encode()).hexdigest()[:16],
        name=t("style.case_stage"),
        data=layers.geojson(layers.to_lonlat(points), spec),
        styles=styles.family(spec.family),
        clickable=True,
    )


def spot(desk: Desk, row: Mapping[str, object] | pd.Series | None, *, version: str) -> Place | None:
    """Where a listed point lies on the map."""
    if row is None or number(row["easting_m"]) == UNKNOWN:
        return None
    point = shapely.Point(float(str(row["easting_m"])), float(str(row["northing_m"])))
    return atlas.place(point, desk.settings.crs, version=version, zoom=16)


def foremost(frame: pd.DataFrame, n: int) -> pd.DataFrame:
    """The open points that cost most while they stay blocked, in words."""
    first = frame[frame["stage"].isin(WAITING)].head(n)
    return pd.DataFrame(
        {t(f"ui.cases.column.{name}"): _cells(name, first[name]) for name in FOREMOST}, index=first.index
    )


def stages(frame: pd.DataFrame) -> Sequence[str]:
    """Stages that occur, for the legend."""
    return [stage for stage in STAGES if (frame["stage"] == stage).any()]
