"""Candidates and plans as tables, cards and a set of picked points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import geopandas as gpd
import pandas as pd
import streamlit as st

from siting.actions import candidates as candidate_actions
from siting.actions import effects, plans, runs
from siting.maps import layers, styles
from siting.store.runs import Run
from siting.ui import choices, gaps, parts
from siting.ui.cached import kept
from siting.ui.mapview import Layer
from siting.ui.parts import Badge, Card
from siting.ui.session import Desk
from siting.ui.text import UNKNOWN, number, percent, t, term

PICKED = "planning.picked"
MOST_ROWS = 2000
KEY = "option_id"
NUMBERS: Mapping[str, int] = {
    "order": 0, "rank": 0, "score": 1, "score_low": 1, "score_high": 1, "added_persons": 0, "added_indoor": 0, "added_outdoor": 0,
    "marginal_in_plan": 0, "indoor_share": 2, "key_venues": 0, "cost_yuan": 0, "fibre_m": 0, "emf_quotient": 3, "mount_height_m": 1,
}  # fmt: skip
CODED: Mapping[str, str] = {"state": "candidate_state", "class": "asset_class", "open_status": "open_status"}
WORDED: Mapping[str, str] = {"structure": "ui.structure.{}", "emf": "ui.emf.{}", "configuration": "ui.configuration.{}"}
LISTED = ("rank", "name", "class", "street_office", "state", "score", "added_persons", "added_indoor", "cost_yuan", "fibre_m", "emf",
    "structure", "owner_org", "message")  # fmt: skip
CHOSEN = ("order", "name", "class", "street_office", "state", "marginal_in_plan", "added_persons", "cost_yuan", "fibre_m", "emf",
    "structure", "owner_org", "message")  # fmt: skip
FACTS = ("name", "asset_no", "class", "configuration", "mount_height_m", "street_office", "owner_org", "open_status", "state", "message",
    "rank", "score", "added_persons", "added_indoor", "added_outdoor", "key_venues", "cost_yuan", "fibre_m", "emf", "emf_quotient",
    "structure", "marginal_in_plan")  # fmt: skip
PARTS = ("added_indoor", "added_outdoor")
EXPORTS: Mapping[str, str] = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "gpkg": "application/geopackage+sqlite3",
    "geojson": "application/geo+json",
    "html": "text/html",
}


def candidates(desk: Desk, run_id: str) -> gpd.GeoDataFrame:
    """Candidates of a score run, best first, with what problem points do to them now."""
    version = f"{run_id}.{effects.version(desk.db, desk.actor)}"
    return kept(desk, "candidates", version, lambda: candidate_actions.candidates(desk.db, desk.actor, run_id))


def plan(desk: Desk, run_id: str) -> Mapping[str, Any]:
    """Summary and sites of a plan run."""
    return kept(desk, "plan", run_id, lambda: plans.plan(desk.db, desk.actor, run_id))


def table(
    frame: pd.DataFrame,
    *,
    measured: str,
    columns: Sequence[str] = LISTED,
    picked: Sequence[str] | None = None,
    proposed: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Candidates or plan sites in words, gains in people or square metres; picked ones are ticked, proposed ones numbered."""
    shown: dict[str, object] = {}
    if proposed:
        shown[t("ui.plan.column.proposed")] = [proposed.get(key, "") for key in frame[KEY]]
    if picked is not None:
        shown[t("ui.plan.column.picked")] = ["✔" if key in picked else "" for key in frame[KEY]]
    for name in columns:
        if name in frame.columns and (measured == gaps.PERSONS or name not in PARTS):
            shown[title(name, measured)] = _cells(name, frame[name])
    return pd.DataFrame(shown, index=frame.index)


def title(name: str, measured: str) -> str:
    """Title of a column, with the unit in which this district counts."""
    return t(f"ui.plan.column.{name}", unit=t(f"ui.unit.{measured}"))


def facts(row: Mapping[str, Any], measured: str) -> dict[str, str]:
    """One candidate: what it is, and every part of its score in its own unit with the points it brings."""
    shown = {}
    for name in FACTS:
        if name in row and (measured == gaps.PERSONS or name not in PARTS):
            points = row.get(f"points_{name}")
            own = f"  ({t('ui.plan.points', n=number(points, digits=1))})" if number(points) != UNKNOWN else ""
            shown[title(name, measured)] = f"{_text(name, row[name])}{own}"
    return shown


def limit() -> dict[str, float]:
    """The controls for what a plan may use: a number of points, or a budget."""
    by = choices.segments(
        t("ui.planning.by"), {name: t(f"ui.planning.{name}") for name in ("count", "budget")}, key="by"
    )
    if by == "count":
        return {"count": st.number_input(t("ui.planning.count"), 1, 500, 30, key="count", bind="query-params")}
    budget = st.number_input(t("ui.planning.budget"), 1, 100_000, 300, key="budget", bind="query-params")
    return {"budget_yuan": 1e4 * budget}


def stale(desk: Desk, covered: Run, found: Run | None, key: str) -> list[Badge]:
    """A mark on candidates or a plan that rest on another coverage run than the one shown."""
    if found is None or found.params["coverage"] == covered.id:
        return []
    base = runs.get(desk.db, desk.actor, found.params["coverage"])
    return [Badge(t(key, date=gaps.when(base)), "orange")]


def usable(row: Mapping[str, Any]) -> bool:
    """Whether a candidate was scored and is free to be picked; the others stay on the map with their reasons."""
    return bool(pd.notna(row.get("rank"))) and not row.get("effect")


def picked() -> list[str]:
    """Points picked by hand; a plan keeps them."""
    return list(st.session_state.get(PICKED, []))


def toggle(key: str) -> None:
    """Pick a point, or put it back."""
    now = picked()
    st.session_state[PICKED] = [k for k in now if k != key] if key in now else [*now, key]


def clear() -> None:
    """Put all picked points back."""
    st.session_state[PICKED] = []


def marks(frame: gpd.GeoDataFrame, keys: Sequence[str]) -> Layer:
    """The picked points on the map."""
    spec = layers.Spec(
        layer="picked", key=KEY, label="name", family="mark", style="mark", from_zoom=0, limit=500, columns=()
    )
    rows = frame[frame[KEY].isin(keys)].assign(mark="picked")
    return Layer(
        id="picked",
        type="geojson",
        version="|".join(sorted(keys)) or "none",
        name=t("style.mark.picked"),
        data=layers.geojson(layers.to_lonlat(rows), spec),
        styles=styles.family("mark"),
    )


def cards(found: Mapping[str, Any]) -> list[Card]:
    """A plan in figures: what it adds, what any plan could add at most, the gap between, its cost."""
    most = float(found["bound"]) - float(found["base_value"])
    unit = t(f"ui.unit.{found.get('measure', 'persons')}")
    return [
        Card(t("ui.plan.sites"), number(found["count"]), t("ui.plan.of_candidates", n=number(found["candidates"]))),
        Card(t("ui.plan.added", unit=unit), number(found["added"]), t("ui.figure.modelled")),
        Card(t("ui.plan.bound", unit=unit), number(most), t("ui.plan.bound_note")),
        Card(t("ui.plan.gap"), percent(found["gap"], digits=2), t(f"ui.plan.status.{found['status']}")),
        Card(t("ui.plan.cost"), number(found["cost_yuan"]), t("ui.plan.cost_note")),
    ]


def exports(desk: Desk, run_id: str) -> None:
    """The plan as files; a file is made when asked for, and kept for the next click."""
    with st.container(horizontal=True):
        for kind, mime in EXPORTS.items():
            name, data = kept(
                desk,
                f"export.{kind}.{desk.lang}",
                run_id,
                partial(plans.export, desk.db, desk.actor, run_id, kind=kind, lang=desk.lang),
            )
            parts.download(t(f"ui.plan.export.{kind}"), name, data, key=f"plan.export.{kind}", mime=mime)


def _cells(name: str, cells: pd.Series) -> object:
    if name in NUMBERS:
        return pd.to_numeric(cells, errors="coerce").round(NUMBERS[name]).to_numpy()
    return [_text(name, cell) for cell in cells]


def _text(name: str, cell: object) -> str:
    if name in NUMBERS:
        return number(float(cell), digits=NUMBERS[name]) if isinstance(cell, int | float) else "—"
    if name in WORDED and isinstance(cell, str):
        return t(WORDED[name].format(cell))
    if name in CODED:
        return term(CODED[name], cell)
    if isinstance(cell, list | tuple):
        return "、".join(map(str, cell))
    return "—" if cell is None or cell != cell else str(cell)  # noqa: PLR0124 - NaN
