"""Where to measure next: the walk that the newest coverage run proposes, as a list, on a map, and to take along."""

from __future__ import annotations

from functools import partial

import geopandas as gpd
import numpy as np
import pandas as pd
import streamlit as st

from siting import words
from siting.access import may
from siting.actions import coverage, runs, surveying
from siting.store.runs import Run
from siting.ui import measuring, parts
from siting.ui.cached import kept
from siting.ui.offices import minute
from siting.ui.session import Desk
from siting.ui.text import language, number, percent, t

#: How many of the newest coverage runs are looked through for one of the network.
LISTED = 20
TABLE_PX = 300
SHOWN = {"stop": 0, "persons": 0, "gain_percent": 2, "cumulative_km": 2}


def panel(desk: Desk, network: str) -> None:
    """The walk for a network; how to get one where there is none.

    Parameters
    ----------
    desk : Desk
        Who asks.
    network : str
        Which network is to be measured.
    """
    run = _newest(desk, network)
    if run is None:
        parts.empty("ui.next.none")
        return
    with parts.told():
        stops = kept(desk, f"next.{network}", run.id, partial(_stops, desk, run, network))
        if stops.empty:
            parts.empty("ui.next.empty")
        else:
            _shown(desk, run, network, stops)


def _newest(desk: Desk, network: str) -> Run | None:
    """The newest coverage run of the network that says where to measure next."""
    found = runs.listing(desk.db, desk.actor, "coverage", limit=LISTED)
    told = (run for run in found if run.status == "done" and surveying.proposes(desk.db, run))
    return next((run for run in told if network in coverage.networks_of(run)), None)


def _stops(desk: Desk, run: Run, network: str) -> pd.DataFrame:
    return surveying.next_samples(desk.db, desk.actor, run.id, network=network)


def _shown(desk: Desk, run: Run, network: str, stops: pd.DataFrame) -> None:
    values = {"n": number(len(stops)), "km": number(float(stops["cumulative_km"].iloc[-1]), digits=1)}
    st.markdown(t("ui.next.told", **values, percent=percent(float(stops["gain"].sum()), digits=0)))
    st.caption(t("ui.next.run", at=minute(run.created_at)))
    if not coverage.current(desk.db, run):
        st.warning(t("ui.next.overtaken"), icon=":material/history:")
    _map(desk, run, network, stops)
    _downloads(desk, run, network)
    table = stops.assign(gain_percent=100.0 * stops["gain"])[list(SHOWN)].round(SHOWN)
    titles = {name: words.say(f"surveying.{name}", lang=desk.lang) for name in SHOWN}
    st.dataframe(table.rename(columns=titles), hide_index=True, height=min(TABLE_PX, 40 + 35 * len(table)))


def _map(desk: Desk, run: Run, network: str, stops: pd.DataFrame) -> None:
    spots = gpd.GeoDataFrame(
        {
            "id": stops["stop"].astype(str),
            "label": [
                t("ui.next.spot", stop=stop, persons=number(persons))
                for stop, persons in zip(stops["stop"], stops["persons"], strict=True)
            ],
            "style": np.where(stops["stop"] == 1, "first", "stop"),
        },
        geometry=gpd.points_from_xy(stops["easting_m"], stops["northing_m"]),
        crs=desk.settings.crs,
    )
    version = f"{run.id}.{network}.{language()}"
    measuring.dots("survey", spots, version=version, name=t("style.survey"), family="survey", desk=desk)


def _downloads(desk: Desk, run: Run, network: str) -> None:
    if not may(desk.actor, "export.internal"):
        return
    with st.container(horizontal=True):
        for kind, mime in (("xlsx", None), ("csv", "text/csv")):
            make = partial(surveying.export, desk.db, desk.actor, run.id, network=network, kind=kind, lang=desk.lang)
            data = kept(desk, f"next.{network}.{kind}.{desk.lang}", run.id, make)
            more = {"mime": mime} if mime else {}
            parts.download(t(f"ui.next.{kind}"), f"next.{kind}", data, key=f"next.{kind}", **more)
