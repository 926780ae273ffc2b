"""The coverage page: what to compute, in which network and under which profile the result is looked at, its map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import shapely
import streamlit as st

from siting.actions import coverage, radiotables, runs
from siting.actions import layers as layer_actions
from siting.store.runs import Run
from siting.ui import atlas, choices, drawn, gaps, linked, mapview, parts, running
from siting.ui.cached import kept
from siting.ui.mapview import Layer, Place
from siting.ui.parts import Badge
from siting.ui.session import Desk, now
from siting.ui.text import percent, t

LEVELS = ("street_office", "venue", "building", "block", "operator")
#: Layers that all networks together have.
TOGETHER = ("gap", "probability", "indoor")
SINGLE = ("gap", "rsrp", "server", "sinr", "probability", "indoor", "state")
OPEN = ("queued", "running")
MAP_PX = 480


@dataclass(frozen=True)
class View:
    """A finished run in one network (or all together), under one threshold profile."""

    run: Run
    network: str
    profile: str

    @property
    def version(self) -> str:
        """Changes with what is looked at."""
        return f"{self.run.id}@{self.network}~{self.profile}"

    def calibrated(self) -> bool:
        """Whether every network in view is calibrated."""
        known = self.run.result.get("networks", {})
        named = [self.network] if self.network in known else list(known)
        return all(known[name]["calibrated"] for name in named) and bool(known)


def controls(desk: Desk, run: Run | None) -> None:
    """What to compute, the start button, the progress; nothing for who may not compute."""
    if not runs.may_ask(desk.actor, "coverage"):
        return
    latest = run is None
    with st.expander(t("ui.coverage.compute"), expanded=latest, icon=":material/tune:"):
        networks = choices.networks(desk, key="coverage.networks")
        asked = {
            "network": networks[0],
            "networks": networks,
            "profile": choices.profile(desk, key="coverage.profile"),
            "mix": choices.mix(desk, key="coverage.mix"),
            "cell_m": choices.cell_m(desk, key="coverage.cell"),
        }
    running.panel(desk, "coverage", params=asked, label=t("ui.coverage.run"))


def chosen(desk: Desk, run: Run) -> View:
    """The network and the profile in which a run is looked at; another profile is read at once and journalled."""
    names = coverage.views(run)
    terms = {name: _network(desk, name) for name in names}
    network = choices.one(t("ui.coverage.network_view"), terms, key="network") if len(names) > 1 else names[0]
    own = str(run.params["profile"])
    known = (own, *(name for name in coverage.profiles_of(desk.db, run) if name != own))
    words = {name: choices.profile_words(desk, name) for name in known}
    profile = choices.one(t("ui.coverage.profile_view"), words, key="read") if len(known) > 1 else own
    view = View(run, network, profile)
    return view if profile == own or _read(desk, view) else View(run, network, own)


def _read(desk: Desk, view: View) -> bool:
    """Read the run under the profile, once in a session; whether that went well."""
    key = f"coverage.judged.{view.version}"
    if st.session_state.get(key):
        return True
    with parts.told(), st.spinner(t("ui.coverage.reading")):
        coverage.judge(desk.db, desk.actor, view.run.id, view.profile, network=view.network, now=now())
        st.session_state[key] = True
    return bool(st.session_state.get(key))


def _network(desk: Desk, name: str) -> str:
    return t("ui.coverage.all_networks") if name == coverage.ALL else choices.network_words(desk, name)


def badges(desk: Desk, run: Run | None, view: View | None) -> list[Badge]:
    """What a reader of the page must know; in which network and under which profile the figures are looked at."""
    if run is None or view is None:
        return gaps.badges(desk, run)
    found = [b for b in gaps.badges(desk, run) if b.text != t("ui.badge.uncalibrated")]
    if not view.calibrated():
        found.append(Badge(t("ui.badge.uncalibrated"), "red"))
    if view.network != run.params["network"]:
        found.append(Badge(t("ui.badge.looked_at", what=_network(desk, view.network)), "violet"))
    if view.profile != run.params["profile"]:
        found.append(Badge(t("ui.badge.read_under", what=choices.threshold_words(desk, view.profile)), "violet"))
    if not coverage.current(desk.db, run):
        found.append(Badge(t("ui.badge.overtaken"), "orange"))
    return found


def figures(desk: Desk, view: View, level: str) -> pd.DataFrame:
    """Figures of a level in a view."""
    return kept(
        desk,
        f"figures.{level}",
        view.version,
        lambda: coverage.figures(
            desk.db, desk.actor, view.run.id, by=level, network=view.network, profile=view.profile
        ),
    )


def whole(desk: Desk, view: View) -> pd.Series | None:
    """Figures of the district with their interval; runs of old have none."""
    return figures(desk, view, "all").iloc[0] if view.run.result.get("profiles") else None


def map_layer(view: View) -> str:
    """Which layer is drawn."""
    names = TOGETHER if view.network == coverage.ALL else SINGLE
    return choices.segments(t("ui.coverage.raster"), {n: t(f"ui.raster.{n}") for n in names}, key="raster", hidden=True)


def draw(
    desk: Desk, view: View | None, kind: str, *, focus: Place | None, selected: Place | None
) -> mapview.Click | None:
    """The map of a view: the chosen layer, what cannot be judged hatched over it, the sites."""
    shown: list[Layer] = []
    families: list[str] = []
    if view is not None:
        family = drawn.raster_family(kind, gaps.measure(view.run))
        for name, own in ((kind, family), ("unknown", "unknown")):
            shown.append(atlas.raster(name, view.run.id, family=own, network=view.network, profile=view.profile))
            families.append(own)
    only = {"server": ["s0"]}
    return mapview.draw(
        [
            *atlas.background(desk),
            *shown,
            atlas.features(desk, "sites", name=t("style.network"), visible=view is None or kind == "server"),
        ],
        key="coverage",
        bounds=atlas.extent(desk),
        height_px=MAP_PX,
        legend=atlas.key(*families, "network", lang=desk.lang, only=only),
        note=gaps.note(desk, None if view is None else view.run),
        focus=focus,
        selected=selected,
    )


def listing(desk: Desk, view: View) -> None:
    """The figures by sub-district, key venue, building or operator; one row can be shown on the map."""
    for name, silent in gaps.learned(view.run).items():
        if view.network in {name, coverage.ALL}:
            st.caption(t("ui.coverage.learned", network=choices.network_words(desk, name), share=percent(silent)))
    level = choices.segments(t("ui.coverage.level"), {n: t(f"ui.level.{n}") for n in LEVELS}, key="by", hidden=True)
    measured = gaps.measure(view.run)
    if level == "block":
        found = _blocks(desk, view)
        shown = gaps.blocks(found, measured)
        st.caption(t("ui.coverage.blocks_note"))
        linked.table(shown, name="coverage.block", ids=_block_ids(found), height_px=300)
        return
    found = figures(desk, view, level)
    together = view.network == coverage.ALL
    if level == "operator":
        own = {name: t(f"ui.operator.{name}") for name in found["operator"]}
        st.dataframe(
            gaps.table(
                found.assign(operator=found["operator"].map(own)), level=level, measured=measured, nobody=together
            ),
            hide_index=True,
        )
        return
    key = "building_id" if level == "building" else level
    if level == "venue":
        found = _with_verdicts(desk, view, found)
    shown = gaps.table(_named(desk, found, level), level=level, measured=measured, nobody=together)
    linked.table(shown, name=f"coverage.{level}", ids=found.loc[shown.index, key], height_px=300)


def _blocks(desk: Desk, view: View) -> pd.DataFrame:
    return kept(
        desk,
        "blocks",
        view.version,
        lambda: coverage.blocks(desk.db, desk.actor, view.run.id, network=view.network, profile=view.profile),
    )


def _block_ids(found: pd.DataFrame) -> pd.Series:
    """Blocks by their middle, which is also where they lie."""
    return pd.Series([f"{e:.0f}|{n:.0f}" for e, n in zip(found["easting_m"], found["northing_m"], strict=True)])


def _with_verdicts(desk: Desk, view: View, found: pd.DataFrame) -> pd.DataFrame:
    judged = kept(
        desk,
        "venues",
        view.version,
        lambda: coverage.venues(desk.db, desk.actor, view.run.id, network=view.network, profile=view.profile),
    )
    columns = ["venue", "verdict", "met", "missed", "reliable_persons"]
    return found.astype({"venue": str}).merge(judged[columns], on="venue", how="left")


def _named(desk: Desk, found: pd.DataFrame, level: str) -> pd.DataFrame:
    """Venues and buildings by their names; a building without one by its sub-district and number."""
    if level not in PLACES:
        return found
    names = names_of(desk, level)
    key = PLACES[level][1]
    return found.assign(**{level: found[key].astype(str).map(names).fillna(found[key].astype(str))})


#: Layer and key of the levels whose places lie in a layer of their own.
PLACES = {"venue": ("venues", "venue"), "building": ("buildings", "building_id")}


def names_of(desk: Desk, level: str) -> pd.Series:
    """Names of venues or buildings by id."""
    layer = PLACES[level][0]
    version = str(layer_actions.revision(desk.db, desk.actor, layer))
    return kept(desk, f"names.{layer}", version, lambda: _names(desk, layer))


def _names(desk: Desk, layer: str) -> pd.Series:
    frame = layer_actions.read(desk.db, desk.actor, layer, columns=("name", "street_office"))
    ids = frame["venue_id" if layer == "venues" else "building_id"].astype(str)
    office = frame["street_office"].fillna("").astype(str)
    return pd.Series(frame["name"].fillna(office + " " + ids.str[:8]).to_numpy(object), index=ids.to_numpy(object))


def focus(desk: Desk) -> Place | None:
    """The place of the row selected last, to which the map goes."""
    level = choices.asked("by", LEVELS)[0] if choices.asked("by", LEVELS) else LEVELS[0]
    name = f"coverage.{level}"
    found, version = linked.selected(name), f"{level}{linked.turn(name)}"
    if not found or level == "operator":
        return None
    if level == "street_office":
        return atlas.street(desk, found, version=version)
    if level == "block":
        middle = shapely.Point(*(float(v) for v in found.split("|")))
        return atlas.place(middle, desk.settings.crs, version=version)
    layer = PLACES[level][0]
    frame = kept(
        desk,
        f"places.{layer}",
        str(layer_actions.revision(desk.db, desk.actor, layer)),
        lambda: layer_actions.read(desk.db, desk.actor, layer, columns=()),
    )
    rows = frame[frame.iloc[:, 0].astype(str) == found]
    return None if rows.empty else atlas.place(rows.geometry.iloc[0], desk.settings.crs, version=version)


def network_titles(desk: Desk, names: Sequence[str]) -> dict[str, str]:
    """Short titles of networks for the heads of columns: operators and band."""
    rows = radiotables.networks(desk.db)
    return {
        name: name
        if name not in rows
        else "·".join(t(f"ui.operator.{o}") for o in rows[name].operators) + f" {rows[name].band}"
        for name in names
    }
