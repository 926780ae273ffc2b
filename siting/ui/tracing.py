"""The paths from the strongest sectors to a place: level, what is in the way, and a picture of each."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from siting.actions import layers as layer_actions
from siting.actions import tracing
from siting.actions.tracing import Path
from siting.reports import tracepicture
from siting.store.runs import Run
from siting.ui import linked, parts
from siting.ui.cached import kept
from siting.ui.session import Desk
from siting.ui.text import UNKNOWN, md, number, t

OUTDOORS = 0
FLOOR, PICKED = "trace.floor", "trace.path"
# What the paths run over and start from.
RESTS_ON = ("buildings", "sites", "sectors", "ground")
STATES = {0: "nlos", 1: "los", 2: "unknown"}


def panel(desk: Desk, run: Run, *, easting_m: float, northing_m: float, network: str = "", profile: str = "") -> None:
    """Why a place has the signal that it has.

    Parameters
    ----------
    desk : Desk
        Who asks.
    run : Run
        A finished coverage run.
    easting_m, northing_m : float
        The place, project CRS [m].
    network, profile : str
        Of the run's networks, the first for any other name; threshold profile by which it is judged, default the run's.
    """
    with parts.told():
        floors = tracing.floors(desk.db, desk.actor, run.id, easting_m=easting_m, northing_m=northing_m)
        if not floors:
            parts.empty("ui.trace.outside")
            return
        floor = _floor(floors)
        chosen = network if network in (run.params.get("networks") or ()) else ""
        found = _paths(desk, run, (easting_m, northing_m), floor, (chosen, profile))
        if tracing.overtaken(desk.db, run):
            st.caption(t("ui.trace.overtaken"))
        if not found:
            parts.empty("ui.trace.none")
            return
        st.markdown(f"**{md(found[0].reason.say(lang=desk.lang))}**")
        st.dataframe(table(found), hide_index=True, placeholder=UNKNOWN, height=40 + 35 * len(found))
        path = found[_picked(found)]
        _picture(desk, path)
        left, right = st.columns(2, gap="small")
        with left:
            parts.facts(facts(path))
        with right:
            _obstacles(path)


def table(found: Sequence[Path]) -> pd.DataFrame:
    """Paths in words, one row each, the strongest first."""
    return pd.DataFrame(
        {
            t("ui.trace.site"): [_titled(i, p) for i, p in enumerate(found)],
            t("ui.trace.distance"): [round(p.distance_m) for p in found],
            t("ui.trace.state"): [t(f"trace.state.{STATES[p.sight.profile.state]}") for p in found],
            t("ui.trace.level"): [round(p.budget.rsrp_dbm, 1) for p in found],
            t("ui.trace.either"): [f"{p.budget.rsrp_los_dbm:.0f} / {p.budget.rsrp_nlos_dbm:.0f}" for p in found],
            t("ui.trace.obstacles"): [_names(p) for p in found],
        }
    )


def facts(path: Path) -> dict[str, str]:
    """The parts of a level, in the order in which they are taken off."""
    found, sight = path.budget, path.sight
    clearance, endless = sight.profile.clearance_m, float("inf")
    free = t("ui.trace.free") if clearance == endless else UNKNOWN
    shown = {
        t("ui.trace.model"): t(f"ui.trace.model.{found.model}"),
        t("ui.trace.clearance"): number(clearance, digits=1) if abs(clearance) < endless else free,
        t("ui.trace.fresnel"): number(sight.fresnel, digits=2),
        t("ui.trace.eirp"): number(found.eirp_dbm, digits=1),
    }
    losses = {"beam": found.pattern_db, "path": found.path_los_db, "hidden": found.hidden_db}
    losses |= {"wall": found.wall_db, "depth": found.depth_db}
    shown |= {t(f"ui.trace.loss.{name}"): number(-loss or 0.0, digits=1) for name, loss in losses.items()}
    if found.correction_db:
        shown[t("ui.trace.correction")] = number(found.correction_db, digits=1)
    shown[t("ui.trace.level")] = number(found.rsrp_dbm, digits=1)
    shown[t("ui.trace.wanted")] = number(path.wanted_dbm, digits=1)
    return shown


def _floor(floors: Sequence[int]) -> int:
    if len(floors) == 1:
        return floors[0]
    shown = st.selectbox(
        t("ui.trace.floor"),
        list(floors),
        key=FLOOR,
        format_func=lambda n: t("ui.point.outdoors") if n == OUTDOORS else t("ui.point.indoors", floor=n),
    )
    return int(shown)


def _paths(desk: Desk, run: Run, at: tuple[float, float], floor: int, view: tuple[str, str]) -> list[Path]:
    state = "-".join(str(layer_actions.revision(desk.db, desk.actor, name)) for name in RESTS_ON)

    def made() -> list[Path]:
        return tracing.paths(
            desk.db,
            desk.actor,
            run.id,
            easting_m=at[0],
            northing_m=at[1],
            floor=floor,
            network=view[0],
            profile=view[1],
        )

    return kept(desk, "trace", f"{run.id}-{'-'.join(view)}-{state}-{at[0]:.2f}-{at[1]:.2f}-{floor}", made)


def _picked(found: Sequence[Path]) -> int:
    """Which path is looked at; the strongest at first."""
    if len(found) == 1:
        return 0
    chosen = st.segmented_control(
        t("ui.trace.which"),
        range(len(found)),
        default=0,
        required=True,
        key=PICKED,
        format_func=lambda i: f"{i + 1} {found[i].site or found[i].site_id}",
        label_visibility="collapsed",
    )
    return min(int(chosen), len(found) - 1)


def _titled(i: int, path: Path) -> str:
    serves = t("ui.trace.serves") if path.serves else ""
    sector = t("ui.point.sector", site=path.site or path.site_id, azimuth_deg=number(path.azimuth_deg))
    return f"{i + 1} {sector}{serves}"


def _picture(desk: Desk, path: Path) -> None:
    drawn = tracepicture.svg(
        path.sight.profile,
        title=path.site,
        names=path.sight.names,
        frequency_ghz=path.sight.frequency_ghz,
        lang=desk.lang,
    )
    st.image(drawn.decode(), width="stretch")
    parts.download(t("ui.trace.download"), "path.svg", drawn, key="trace.svg", mime="image/svg+xml")


def _names(path: Path) -> str:
    """What is in the way, in the order of the path."""
    return "、".join(_name(path, b.building_id) for b in path.sight.profile.blockers)


def _name(path: Path, building_id: str) -> str:
    return path.sight.name(building_id) if building_id else t("ui.trace.ground")


def _obstacles(path: Path) -> None:
    blockers = path.sight.profile.blockers
    if not blockers:
        st.caption(t("ui.trace.nothing_in_the_way"))
        return
    frame = pd.DataFrame(
        {
            t("ui.trace.obstacle"): [_name(path, b.building_id) for b in blockers],
            t("ui.trace.over"): [round(b.over_m, 1) if b.known else None for b in blockers],
            t("ui.trace.at"): [round(b.near_m) for b in blockers],
        }
    )
    st.dataframe(
        frame,
        hide_index=True,
        placeholder=UNKNOWN,
        height=min(300, 40 + 35 * len(frame)),
        column_config=linked.number_columns(frame),
    )
