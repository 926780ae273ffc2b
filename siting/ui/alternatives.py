"""Other plans nearly as good as the one shown: what each trades, its points, and the way to make one the plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import geopandas as gpd
import pandas as pd
import streamlit as st

from siting.actions import alternatives, runs
from siting.maps import layers, styles
from siting.store.runs import Run
from siting.ui import atlas, choices, linked, mapview, parts, planning, planning_tables, running
from siting.ui.cached import kept
from siting.ui.mapview import Layer
from siting.ui.session import Desk, now
from siting.ui.text import UNKNOWN, md, number, percent, t

KEY = "option_id"
FAMILY = "alternative"
LIST_PX, MAP_PX, POINTS_PX, SHIFTS_PX = 220, 400, 220, 180
ZOOM = 15
MOST_LOSS_PERCENT = 20.0
NAMES_SHOWN = 4
POINTS = ("name", "class", "configuration", "street_office", "owner_org", "state", "cost_yuan", "fibre_m", "permission", "message")  # fmt: skip


def panel(desk: Desk, plan_run: str) -> None:
    """Alternatives to a finished plan: look for them, compare what they trade, see their points, adopt one.

    Parameters
    ----------
    desk : Desk
        For whom.
    plan_run : str
        The plan's run.
    """
    run = alternatives.standing(desk.db, desk.actor, plan_run)
    _search(desk, plan_run, again=run is not None)
    _adopted(desk, plan_run)
    if run is None:
        parts.empty("ui.alternatives.none_yet")
        return
    found = kept(desk, "alternatives", run.id, lambda: alternatives.found(desk.db, desk.actor, run.id))
    st.caption(_told(found))
    if len(found["alternatives"]) == 0:
        return
    names = _names(found)
    st.dataframe(
        _listed(found, names),
        hide_index=True,
        height=min(LIST_PX, 40 + 35 * len(found["alternatives"])),
        placeholder=UNKNOWN,
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        line = _chosen(found)
        _adopting(desk, run, line)
    left, right = st.columns([2, 3], gap="small")
    points = found["points"][found["points"]["number"] == line["number"]].sort_values("role", kind="stable")
    with left:
        _map(desk, plan_run, points)
    with right:
        _points(points, measured=str(found["measure"]))
        _shifts(found, int(line["number"]))


def _search(desk: Desk, plan_run: str, *, again: bool) -> None:
    """The wishes and the button, or the progress of the search under way."""
    latest = runs.latest(desk.db, desk.actor, alternatives.KIND)
    if latest is not None and latest.status in running.OPEN:
        running.follow(desk, latest.id)
        return
    if not runs.may_ask(desk.actor, alternatives.KIND):
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        count = st.number_input(
            t("ui.alternatives.count"), 1, alternatives.MOST, alternatives.COUNT, key="alternatives.count"
        )
        within = st.number_input(
            t("ui.alternatives.within"),
            0.0,
            MOST_LOSS_PERCENT,
            100 * alternatives.WITHIN,
            step=0.5,
            key="alternatives.within",
        )
        changes = st.number_input(
            t("ui.alternatives.changes"), 1, 100, alternatives.MIN_CHANGES, key="alternatives.changes"
        )
        asked = partial(
            alternatives.params,
            desk.db,
            desk.actor,
            plan_run,
            count=int(count),
            within=float(within) / 100,
            min_changes=int(changes),
        )
        word = "ui.alternatives.again" if again else "ui.alternatives.search"
        if running.start(desk, alternatives.KIND, params=asked, label=t(word), primary=not again):
            st.rerun()
    running.ended(desk, latest)


def _told(found: Mapping[str, Any]) -> str:
    """How many were met and are near enough, and why there are fewer than asked."""
    counts = {name: number(int(found[name])) for name in ("met", "near", "count")}
    said = t("ui.alternatives.met", **counts, within=percent(float(found["within"])))
    why = found["why"]
    return f"{said} {t(f'ui.alternatives.why.{why}', asked=number(int(found['asked'])))}" if why else said


def _names(found: Mapping[str, Any]) -> dict[str, str]:
    points = found["points"]
    named = points["name"].where(points["name"].notna(), points["candidate_id"])
    return dict(zip(points[KEY].astype(str), named.astype(str), strict=True))


def _listed(found: Mapping[str, Any], names: Mapping[str, str]) -> pd.DataFrame:
    """A line per alternative: what it loses and gains, who enters and leaves by name."""
    lines, unit = found["alternatives"], t(f"ui.unit.{found['measure']}")
    shown = {
        t("ui.alternatives.number"): lines["number"],
        t("ui.alternatives.loss", unit=unit): [number(float(x), digits=1) for x in lines["loss"]],
        t("ui.alternatives.gap"): [percent(float(x), digits=2) for x in lines["gap"]],
        t("ui.alternatives.cost"): [_signed(x) for x in lines["cost_change_yuan"]],
        t("ui.alternatives.fibre"): [_signed(x) for x in lines["fibre_change_m"]],
        t("ui.alternatives.permission"): [_signed(x, digits=2) for x in lines["permission_change"]],
        t("ui.alternatives.enters"): [_some([names.get(n, n) for n in own]) for own in lines["enters"]],
        t("ui.alternatives.leaves"): [_some([names.get(n, n) for n in own]) for own in lines["leaves"]],
        t("ui.alternatives.won"): [_some(own) for own in lines["venues_won"]],
        t("ui.alternatives.lost"): [_some(own) for own in lines["venues_lost"]],
        t("ui.alternatives.origin"): [t(f"ui.alternatives.origin.{origin}") for origin in lines["origin"]],
    }
    nothing = [name for name, cells in shown.items() if all(cell == UNKNOWN for cell in cells)]
    return pd.DataFrame(shown).drop(columns=nothing)


def _signed(value: object, *, digits: int = 0) -> str:
    """A change with its sign; unknown is said to be."""
    if not isinstance(value, int | float) or value != value:  # noqa: PLR0124 - NaN
        return UNKNOWN
    return f"{value:+,.{digits}f}"


def _some(names: Sequence[str]) -> str:
    """Some names, and how many more there are."""
    own = [str(name) for name in names]
    more = len(own) - NAMES_SHOWN
    said = "、".join(own[:NAMES_SHOWN]) or UNKNOWN
    return f"{said} {t('ui.alternatives.more', n=more)}" if more > 0 else said


def _chosen(found: Mapping[str, Any]) -> Mapping[Any, Any]:
    """The alternative whose points are shown, in the address of the page; at first the first."""
    lines = {str(row["number"]): row for row in found["alternatives"].to_dict("records")}
    unit = t(f"ui.unit.{found['measure']}")
    terms = {
        name: t("ui.alternatives.one", number=name, loss=_signed(-float(row["loss"]), digits=1), unit=unit)
        for name, row in lines.items()
    }
    return lines[choices.segments(t("ui.alternatives.which"), terms, key="alternative", hidden=True)]


def _adopting(desk: Desk, run: Run, line: Mapping[Any, Any]) -> None:
    """The button that makes the alternative a plan of its own."""
    latest = runs.latest(desk.db, desk.actor, alternatives.KIND)
    if not runs.may_ask(desk.actor, alternatives.KIND) or (latest is not None and latest.status in running.OPEN):
        return
    label = t("ui.alternatives.adopt", number=line["number"])
    if st.button(label, key="alternatives.adopt", icon=":material/check:", help=t("ui.alternatives.adopt_help")):
        with parts.told():
            alternatives.adopt(desk.db, desk.actor, run.id, int(line["number"]), now=now())
            st.rerun()


def _adopted(desk: Desk, plan_run: str) -> None:
    """The plan made last of an alternative to the one shown, and the way to it."""
    latest = runs.latest(desk.db, desk.actor, alternatives.KIND, status="done")
    made = None if latest is None else latest.result.get("adopted")
    if latest is None or made is None or plan_run not in {made, latest.params.get("plan")}:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        title = planning.title(runs.get(desk.db, desk.actor, made))
        st.success(t("ui.alternatives.adopted", title=md(title)), icon=":material/check:")
        st.button(t("ui.alternatives.open"), key="alternatives.open", on_click=_show, args=(made,))


def _show(plan_run: str) -> None:
    st.query_params[planning.PLAN] = plan_run
    planning.show("plan")


def _map(desk: Desk, plan_run: str, points: gpd.GeoDataFrame) -> None:
    """The plan, and above it what enters and leaves; a click selects the point in the list and the other way round."""
    row = points[points[KEY] == linked.selected(planning.NAME)]
    spot = None if row.empty else row.geometry.iloc[0]
    focus = atlas.place(spot, desk.settings.crs, version=str(linked.turn(planning.NAME)), zoom=ZOOM)
    hit = mapview.draw(
        [
            *atlas.background(desk),
            atlas.features(desk, "plan", name=t("style.mark.chosen"), run_id=plan_run),
            _marks(points),
        ],
        key=f"{planning.NAME}-alternatives",
        bounds=atlas.extent(desk),
        height_px=MAP_PX,
        legend=atlas.key(FAMILY, "mark", lang=desk.lang, only={"mark": ["chosen"]}),
        focus=focus,
        selected=focus,
    )
    if hit is not None:
        linked.select(planning.NAME, hit.id if hit.layer == FAMILY else None)
        st.rerun()


def _marks(points: gpd.GeoDataFrame) -> Layer:
    spec = layers.Spec(
        layer=FAMILY, key=KEY, label="name", family=FAMILY, style="role", from_zoom=0, limit=500, columns=()
    )
    return Layer(
        id=FAMILY,
        type="geojson",
        version="|".join(f"{key}{role}" for key, role in zip(points[KEY], points["role"], strict=True)) or "none",
        name=t("style.alternative"),
        data=layers.geojson(layers.to_lonlat(points), spec),
        styles=styles.family(FAMILY),
        clickable=True,
    )


def _points(points: gpd.GeoDataFrame, *, measured: str) -> None:
    """Points that enter and leave; a row leads to its place on the map."""
    own = pd.DataFrame(points).drop(columns="geometry").reset_index(drop=True)
    table = planning_tables.table(own, measured=measured, columns=POINTS)
    table.insert(0, t("ui.alternatives.role"), [t(f"ui.alternatives.role.{role}") for role in own["role"]])
    height = min(POINTS_PX, 40 + 35 * len(own))
    linked.table(table, name=planning.NAME, ids=own[KEY], height_px=height)


def _shifts(found: Mapping[str, Any], wanted: int) -> None:
    """People more and fewer by operator and sub-district."""
    own = found["shifts"]
    own = own[(own["number"] == wanted) & (own["change"].abs() >= 0.05)]  # noqa: PLR2004 - what one decimal shows
    own = own.sort_values(["by", "change"], kind="stable")
    shown = {
        t("ui.alternatives.by"): [_named(by, name) for by, name in zip(own["by"], own["name"], strict=True)],
        t("ui.alternatives.change", unit=t(f"ui.unit.{found['measure']}")): [
            _signed(x, digits=1) for x in own["change"]
        ],
    }
    st.dataframe(pd.DataFrame(shown), hide_index=True, height=SHIFTS_PX)


def _named(by: str, name: str) -> str:
    return "·".join(t(f"ui.operator.{one}") for one in name.split("+")) if by == "operator" else name
