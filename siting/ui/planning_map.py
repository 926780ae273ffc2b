"""The map of the planning page: gap below, candidates, the plan and what was picked or forbidden by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import geopandas as gpd

from siting.maps import styles
from siting.ui import atlas, gaps, linked, mapview, planning, planning_picks
from siting.ui.mapview import Click, Layer
from siting.ui.planning import State
from siting.ui.session import Desk
from siting.ui.text import t

HEIGHT_PX = 470
LAYERS = ("candidates", "candidates-narrowed", "plan", "picked", "banned")
ZOOM = 16


def draw(
    desk: Desk, now: State, found: gpd.GeoDataFrame | None, kept: gpd.GeoDataFrame | None, row: Mapping[str, Any] | None
) -> Click | None:
    """Draw the map; a click on it since the last time.

    Parameters
    ----------
    found, kept : GeoDataFrame or None
        All candidates, and those that the filters leave.
    row : mapping or None
        The one selected.
    """
    states = {"candidate_state": set() if found is None else set(found["state"])}
    family = styles.gap_family(now.measured)
    focus = atlas.place(
        None if row is None else row["geometry"], desk.settings.crs, version=str(linked.turn(planning.NAME)), zoom=ZOOM
    )
    return mapview.draw(
        [*_ground(desk, now), *_candidates(desk, now, found, kept), *_plan(desk, now), *_hands(found)],
        key=planning.NAME,
        bounds=atlas.extent(desk),
        height_px=HEIGHT_PX,
        legend=atlas.key("candidate_state", "mark", family, lang=desk.lang, only=states),
        note=gaps.note(desk, now.covered),
        focus=focus,
        selected=focus,
    )


def _ground(desk: Desk, now: State) -> list[Layer]:
    covered = now.covered
    gap = [] if covered is None else [atlas.raster("gap", covered.id, family=gaps.family(covered))]
    return [*atlas.background(desk), *gap, atlas.features(desk, "sites", name=t("style.network"), visible=False)]


def _candidates(desk: Desk, now: State, found: gpd.GeoDataFrame | None, kept: gpd.GeoDataFrame | None) -> list[Layer]:
    """All candidates by address, or those that the filters leave with the page itself."""
    if now.scored is None or found is None:
        return []
    name = t("style.candidate_state")
    if kept is None or len(kept) == len(found):
        return [atlas.features(desk, "candidates", name=name, run_id=now.scored.id)]
    return [atlas.narrowed(kept, "candidates", name=name)]


def _plan(desk: Desk, now: State) -> list[Layer]:
    if now.solved is None:
        return []
    return [atlas.features(desk, "plan", name=t("style.mark.chosen"), run_id=now.solved.id)]


def _hands(found: gpd.GeoDataFrame | None) -> list[Layer]:
    return [] if found is None else planning_picks.marks(found)
