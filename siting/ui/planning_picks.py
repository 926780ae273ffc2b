"""Points picked and forbidden by hand: kept for the session, their effect known at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd
import pandas as pd
import streamlit as st

from siting.actions import effects, picking, runs
from siting.errors import SitingError
from siting.maps import layers, styles
from siting.ui import parts
from siting.ui.cached import shared
from siting.ui.mapview import Layer
from siting.ui.parts import Card
from siting.ui.session import Desk
from siting.ui.text import UNKNOWN, language, md, number, t

PICKED, BANNED = "planning.picked", "planning.banned"
MOST = 500
#: Sub-districts named on the card of a picked set.
STREETS = 2
KEY = "option_id"


def picked() -> list[str]:
    """Options picked by hand; a plan keeps them."""
    return list(st.session_state.get(PICKED, []))


def banned() -> list[str]:
    """Candidates (or single options, where a scenario names such) forbidden by hand; a plan does without them."""
    return list(st.session_state.get(BANNED, []))


def toggle(option_id: str) -> None:
    """Pick an option, or put it back."""
    now = picked()
    st.session_state[PICKED] = [k for k in now if k != option_id] if option_id in now else [*now, option_id]


def ban(candidate_id: str) -> None:
    """Forbid a candidate with all its options, or allow it again; what is forbidden is not picked."""
    now = banned()
    gone = candidate_id in now
    st.session_state[BANNED] = [k for k in now if k != candidate_id] if gone else [*now, candidate_id]
    st.session_state[PICKED] = [k for k in picked() if k.partition("|")[0] != candidate_id]


def take(option_ids: Sequence[str]) -> None:
    """Pick exactly these options."""
    st.session_state[PICKED] = list(option_ids)[:MOST]


def clear() -> None:
    """Put all picked points back and allow the forbidden ones."""
    st.session_state[PICKED] = []
    st.session_state[BANNED] = []


def usable(row: Mapping[str, Any]) -> bool:
    """Whether a candidate was scored and is free to be picked; the others stay on the map with their reasons."""
    out = {row["candidate_id"], row[KEY]} & set(banned())
    return bool(pd.notna(row.get("rank"))) and not row.get("effect") and not out


def bench(desk: Desk, score_run: str) -> picking.Bench:
    """The stored reach of a score run, laid out once for all who see the same."""
    version = f"{score_run}.{effects.version(desk.db, desk.actor)}"
    return shared(desk, "bench", version, lambda: picking.bench(desk.db, desk.actor, score_run))


def prepare(desk: Desk, score_run: str) -> None:
    """Lay the reach out while the person looks at the page, so that the first click is answered like every other."""
    if runs.may_ask(desk.actor, "plan"):
        effect(desk, score_run, [], {})


def effect(desk: Desk, score_run: str, option_ids: Sequence[str], asked: Mapping[str, Any]) -> picking.Effect | str:
    """What these options add together and which rules they break; why not, in words, where it cannot be said."""
    try:
        return picking.effect(bench(desk, score_run), option_ids, asked)
    except SitingError as error:
        return error.message(language())


def panel(desk: Desk, score_run: str, asked: Mapping[str, Any], *, measured: str) -> list[str]:
    """The picked set in figures; the rules that it breaks, or why nothing can be said of it, as sentences."""
    keys = picked()
    found = effect(desk, score_run, keys, asked) if keys else None
    parts.cards(cards(found if isinstance(found, picking.Effect) else None, measured))
    if isinstance(found, str):
        return [found]
    return [] if found is None else list(dict.fromkeys(said(found)))


def warn(lines: Sequence[str]) -> None:
    """Sentences about the picked set that want attention."""
    for line in lines:
        st.warning(md(line), icon=":material/rule:")


def cards(found: picking.Effect | None, measured: str) -> list[Card]:
    """A picked set in figures; without one there is nothing to say yet."""
    unit = t(f"ui.unit.{measured}")
    if found is None:
        names = (
            t("ui.picks.sites"),
            t("ui.plan.added", unit=unit),
            t("ui.plan.cost"),
            t("ui.plan.fibre"),
            t("ui.picks.rules"),
        )
        return [Card(name, "0" if name == names[0] else UNKNOWN, "\u00a0") for name in names]
    unreached = t("ui.picks.unreached", n=found.fibre_unknown) if found.fibre_unknown else t("ui.picks.along")
    broken = said(found)
    return [
        Card(t("ui.picks.sites"), number(found.count), t("ui.picks.kept")),
        Card(t("ui.plan.added", unit=unit), number(found.added), _streets(found) or t("ui.figure.modelled")),
        Card(t("ui.plan.cost"), number(found.cost_yuan), t("ui.plan.cost_note")),
        Card(t("ui.plan.fibre"), number(found.fibre_m), unreached),
        Card(t("ui.picks.rules"), number(len(broken)), broken[0] if broken else t("ui.picks.kept_all")),
    ]


def _streets(found: picking.Effect) -> str:
    """Where most is added, and in how many sub-districts in all."""
    first = [f"{row.street_office} {number(row.added)}" for row in found.streets.head(STREETS).itertuples()]
    told, n = "、".join(first), len(found.streets)
    return t("ui.picks.streets", streets=told, n=n) if n > STREETS else told


def said(found: picking.Effect) -> list[str]:
    """Broken rules as sentences."""
    lang = language()
    return [
        t("ui.picks.broken", rule=one.rule.say(lang=lang), n=number(one.activity, digits=1)) for one in found.broken
    ]


def marks(frame: gpd.GeoDataFrame) -> list[Layer]:
    """Picked and forbidden points on the map."""
    chosen = frame[frame[KEY].isin(picked())].assign(mark="picked")
    hit = frame["candidate_id"].isin(banned()) | frame[KEY].isin(banned())
    out = frame[hit].drop_duplicates("candidate_id").assign(mark="banned")
    return [_layer("picked", chosen), _layer("banned", out)]


def _layer(name: str, rows: gpd.GeoDataFrame) -> Layer:
    spec = layers.Spec(
        layer=name, key=KEY, label="name", family="mark", style="mark", from_zoom=0, limit=MOST, columns=()
    )
    return Layer(
        id=name,
        type="geojson",
        version="|".join(sorted(rows[KEY])) or "none",
        name=t(f"style.mark.{name}"),
        data=layers.geojson(layers.to_lonlat(rows), spec),
        styles=styles.family("mark"),
        clickable=True,
    )
