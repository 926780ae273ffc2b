"""One place of a coverage run: its signal, who gives it, how sure that is, its floors, and what limits it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from siting.actions import coverage
from siting.radio.pathloss import FLAGS
from siting.ui import atlas, covering, gaps, holdings, parts, tracing
from siting.ui.covering import View
from siting.ui.mapview import Place
from siting.ui.session import Desk
from siting.ui.text import UNKNOWN, number, percent, t

OUTDOORS = coverage.OUTDOORS
STATES = {0: "hidden", 1: "clear", 2: "unknown"}
ROW_PX, HEAD_PX, MOST_PX = 35, 40, 260


def place(desk: Desk, view: View, spot: Place) -> None:
    """The card of a place, or the sentence that it lies outside."""
    easting_m, northing_m = atlas.metres(desk, spot)
    with parts.told():
        card = coverage.card(
            desk.db,
            desk.actor,
            view.run.id,
            easting_m=easting_m,
            northing_m=northing_m,
            network=view.network,
            profile=view.profile,
        )
        if card is None:
            parts.empty("ui.coverage.outside")
            return
        measured = gaps.measure(view.run)
        parts.facts(point(desk, card, measured))
        st.caption(t("ui.point.interval_note"))
        if len(card["networks"]) > 1:
            st.dataframe(networks(desk, card), hide_index=True, placeholder=UNKNOWN)
        inside = floors(card, measured)
        if len(inside):
            st.dataframe(inside, hide_index=True, height=min(MOST_PX, HEAD_PX + ROW_PX * len(inside)))


def paths(desk: Desk, view: View, spot: Place) -> None:
    """What limits the place: the paths of its strongest sectors."""
    easting_m, northing_m = atlas.metres(desk, spot)
    with st.expander(t("ui.coverage.limits"), expanded=False, icon=":material/route:"):
        if st.toggle(t("ui.coverage.limits_show"), key="coverage.limits"):
            at = {"easting_m": easting_m, "northing_m": northing_m}
            tracing.panel(desk, view.run, **at, network=view.network, profile=view.profile)


def point(desk: Desk, card: Mapping[str, Any], measured: str) -> dict[str, str]:
    """What is known of a map cell: its signal outdoors (in a building: on its lowest floor), and the people in it."""
    lowest = card["units"].sort_values("floor").iloc[0]
    floor = int(lowest["floor"])
    shown = {
        t("ui.level.street_office"): str(card["street_office"] or UNKNOWN),
        t("ui.point.at"): t("ui.point.outdoors") if floor == OUTDOORS else t("ui.point.indoors", floor=floor),
        t("ui.point.rsrp"): number(float(lowest["rsrp_dbm"]), digits=1),
        t("ui.point.sinr"): number(float(lowest["sinr_db"]), digits=1),
        t("ui.point.probability"): chance(lowest),
        t("ui.point.server"): holdings.sector(desk, lowest["server"]),
        t("ui.point.state"): t(f"style.state.{STATES[int(lowest['state'])]}") if lowest["server"] else UNKNOWN,
        t("ui.point.flags"): flags(int(lowest["flags"])),
    }
    for name in ("persons", "uncovered", "unknown"):
        shown[gaps.column(name, measured)] = number(float(card[name]), digits=1)
    return shown


def chance(unit: pd.Series) -> str:
    """A probability with how far it may be off; in words where it cannot be judged."""
    if pd.isna(unit["probability"]):
        return t("ui.point.undecided")
    said = percent(float(unit["probability"]))
    if pd.isna(unit["low"]):
        return said
    return t(
        "ui.point.between",
        p=said,
        low=percent(float(unit["low"]), digits=0),
        high=percent(float(unit["high"]), digits=0),
    )


def flags(bits: int) -> str:
    """Limits of the model that a place breaks, in words."""
    broken = [t(f"radio.flag.{name}") for name, bit in FLAGS.items() if bits & bit]
    return "；".join(broken) or t("ui.point.no_flags")


def networks(desk: Desk, card: Mapping[str, Any]) -> pd.DataFrame:
    """The place in every network: level and probability on its lowest floor, people not covered over all floors."""
    titles = covering.network_titles(desk, list(card["networks"]))
    rows = []
    for name, units in card["networks"].items():
        lowest = units.sort_values("floor").iloc[0]
        rows.append(
            {
                t("ui.point.network"): titles[name],
                t("ui.point.probability"): chance(lowest),
                t("ui.point.uncovered"): round(float(units["uncovered"].sum()), 1),
                t("ui.point.rsrp"): round(float(lowest["rsrp_dbm"]), 1),
                t("ui.point.server"): holdings.sector(desk, lowest["server"]),
            }
        )
    return pd.DataFrame(rows)


def floors(card: Mapping[str, Any], measured: str) -> pd.DataFrame:
    """Floors of the building in a map cell, the top one first; empty where there is none."""
    inside = card["units"][card["units"]["floor"] > OUTDOORS]
    return pd.DataFrame(
        {
            t("ui.point.floor"): inside["floor"].astype(int),
            t("ui.point.rsrp"): inside["rsrp_dbm"].astype(float).round(1),
            t("ui.point.probability_percent"): (inside["probability"].astype(float) * 100).round(0),
            gaps.column("persons", measured): inside["persons"].astype(float).round(1),
            gaps.column("uncovered", measured): inside["uncovered"].astype(float).round(1),
        }
    )
