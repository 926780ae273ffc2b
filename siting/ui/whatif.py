"""Thinking aloud on the map: add, move, turn, tilt, raise power, and see whom it would help."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely
import streamlit as st

from siting.access import may
from siting.actions import radiotables, runs, whatif
from siting.maps import layers, styles
from siting.radio.changes import LIMITS
from siting.store.runs import Run
from siting.ui import atlas, choices, dates, fields, gaps, mapview, parts, running
from siting.ui.cached import kept
from siting.ui.mapview import Click, Layer, Place
from siting.ui.parts import Card
from siting.ui.session import Desk, now
from siting.ui.text import UNKNOWN, md, number, t

KEY = "whatif"
MODES = ("tune", "move", "add")
CHANGES, PICKED, SPOT = f"{KEY}.changes", f"{KEY}.picked", f"{KEY}.spot"
TUNED = ("azimuth_deg", "electrical_tilt_deg", "mechanical_tilt_deg", "power_w", "antenna_height_m")
MOUNTS = ("pole", "roof", "tower", "wall")
MAP_PX, MOST_CELLS, STREETS = 420, 1500, 12
THREE = (0.0, 120.0, 240.0)
LEAST_SHOWN = 0.05
STEPS = {"azimuth_deg": 10.0, "power_w": 10.0}


def panel(desk: Desk, run: Run) -> None:
    """The view of a coverage run in which its network can be changed for trial.

    Parameters
    ----------
    desk : Desk
        For whom.
    run : Run
        A finished coverage run.
    """
    network = whatif.network(desk.db, desk.actor, run.id)
    done = _last(desk, run)
    side, main = st.columns([1, 2], gap="small")
    with side:
        mode = choices.segments(
            t("ui.whatif.mode"), {name: t(f"ui.whatif.mode.{name}") for name in MODES}, key=f"{KEY}-mode"
        )
        _editor(desk, mode, network)
        _list(network)
        _ask(desk, run)
    with main:
        click = _map(desk, run, network, done)
        if click is not None and _clicked(desk, mode, click):
            st.rerun()
        if done is not None:
            _result(done)
            _streets(desk, done)


def _changes() -> list[dict[str, Any]]:
    return st.session_state.setdefault(CHANGES, [])


def _last(desk: Desk, run: Run) -> Run | None:
    """The newest what-if of this coverage run that is done."""
    found = runs.listing(desk.db, desk.actor, whatif.KIND, limit=20)
    return next((r for r in found if r.status == "done" and r.params.get("coverage") == run.id), None)


def _clicked(desk: Desk, mode: str, click: Click) -> bool:
    """Take a click on the map; whether anything follows from it."""
    if click.layer == f"{KEY}-sites" and click.id and mode != "add":
        st.session_state[PICKED] = click.id
        return True
    place = atlas.clicked(click)
    if mode == "add":
        st.session_state[SPOT] = place
        return True
    picked = st.session_state.get(PICKED)
    if mode == "move" and picked:
        easting_m, northing_m = atlas.metres(desk, place)
        _put({"op": "move", "site_id": picked, "easting_m": round(easting_m, 1), "northing_m": round(northing_m, 1)})
        return True
    return False


def _put(change: dict[str, Any]) -> None:
    """Note a change; a later one of the same thing takes the place of the earlier."""
    thing = ("op", "site_id", "sector_id")
    rest = [c for c in _changes() if any(c.get(name) != change.get(name) for name in thing)]
    st.session_state[CHANGES] = [*rest, change]


def _editor(desk: Desk, mode: str, network: pd.DataFrame) -> None:
    if mode == "add":
        _adding(desk)
        return
    picked = st.session_state.get(PICKED)
    own = network[network["site_id"] == picked]
    if own.empty:
        st.caption(t("ui.whatif.pick"))
        return
    st.markdown(f"**{md(_site(own))}**")
    if mode == "move":
        st.caption(t("ui.whatif.move_hint"))
        return
    _tuning(own, str(picked))
    if st.button(t("ui.whatif.remove"), key=f"{KEY}-remove", icon=":material/delete:"):
        _put({"op": "remove", "site_id": picked})
        st.rerun()


def _site(own: pd.DataFrame) -> str:
    """A site by number and name, else by its id."""
    row = own.iloc[0]
    said = " ".join(str(row[name]) for name in ("site_no", "name") if pd.notna(row[name]) and row[name])
    return said or str(row["site_id"])


def _tuning(own: pd.DataFrame, picked: str) -> None:
    """One sector's parameters as fields; what differs from the network is noted."""
    parts_ = {str(part): f"{t('ui.whatif.part')} {part}" for part in own["part"]}
    chosen = choices.segments(t("ui.whatif.part"), parts_, key=f"{KEY}-part", hidden=True)
    row = own[own["part"].astype(str) == chosen]
    if row.empty:
        return
    sector = str(row["sector_id"].iloc[0])
    with st.form(f"{KEY}-tune", border=False):
        given = {name: _field(name, row[name].iloc[0], f"{KEY}-{name}-{picked}-{chosen}") for name in TUNED}
        noted = st.form_submit_button(t("ui.whatif.note"), icon=":material/edit:")
    if noted:
        changed = {
            name: value for name, value in given.items() if value is not None and value != _number(row[name].iloc[0])
        }
        if changed:
            _put({"op": "tune", "sector_id": sector, **changed})
        st.rerun()


def _field(name: str, value: Any, key: str) -> float | None:
    low, high = LIMITS[name]
    return st.number_input(fields.title("sectors", name), low, high, _number(value), STEPS.get(name, 1.0), key=key)


def _number(value: Any) -> float | None:
    return None if pd.isna(value) else float(str(value))


def _adding(desk: Desk) -> None:
    spot: Place | None = st.session_state.get(SPOT)
    if spot is None:
        st.caption(t("ui.whatif.add_hint"))
        return
    units = radiotables.equipment(desk.db)
    with st.form(f"{KEY}-add", border=False):
        mount = st.selectbox(
            fields.title("sectors", "mount"), MOUNTS, format_func=lambda code: fields.value("sectors", "mount", code)
        )
        height_m = st.number_input(t("ui.whatif.height_m"), 1.5, 700.0, 12.0, 1.0)
        unit = st.selectbox(
            fields.title("sectors", "equipment"), list(units), format_func=lambda name: _unit(desk, name)
        )
        azimuth_deg = st.number_input(t("ui.whatif.first_azimuth"), 0.0, 359.0, 0.0, 10.0)
        tilt_deg = st.number_input(fields.title("sectors", "electrical_tilt_deg"), -10.0, 30.0, 6.0, 1.0)
        noted = st.form_submit_button(t("ui.whatif.note"), icon=":material/add_location:")
    if not noted:
        return
    easting_m, northing_m = atlas.metres(desk, spot)
    omni = units[str(unit)].hpbw_h_deg == 0
    azimuths = [azimuth_deg] if omni else [(azimuth_deg + turn) % 360.0 for turn in THREE]
    place = {"easting_m": round(easting_m, 1), "northing_m": round(northing_m, 1)}
    made = {
        "antenna_height_m": height_m,
        "mount": mount,
        "equipment": unit,
        "azimuths": azimuths,
        "tilt_deg": 0.0 if omni else tilt_deg,
    }
    used = {str(change.get("site_id")) for change in _changes()}
    names = (t("ui.whatif.new_site", n=n) for n in range(1, len(used) + 2))
    name = next(found for found in names if found not in used)
    _put({"op": "add", "site_id": name, **place, **made})
    st.session_state.pop(SPOT, None)
    st.rerun()


def _unit(desk: Desk, name: str) -> str:
    row = radiotables.equipment(desk.db)[name]
    return row.title_zh if desk.lang == "zh_CN" else row.title_en


def _list(network: pd.DataFrame) -> None:
    """What was noted, each with a way to drop it."""
    for number_, change in enumerate(_changes()):
        left, right = st.columns([6, 1], vertical_alignment="center")
        left.markdown(md(_words(change, network)))
        if right.button("✕", key=f"{KEY}-drop-{number_}", help=t("ui.whatif.drop")):
            st.session_state[CHANGES] = [c for n, c in enumerate(_changes()) if n != number_]
            st.rerun()


def _words(change: Mapping[str, Any], network: pd.DataFrame) -> str:
    """One change as a line."""
    key = "sector_id" if change["op"] == "tune" else "site_id"
    own = network[network[key].astype(str) == str(change[key])]
    thing = str(change[key]) if own.empty else _site(own)
    if change["op"] == "tune" and len(own):
        said = [
            f"{fields.title('sectors', name)} {_was(own, name)} → {change[name]:g}" for name in TUNED if name in change
        ]
        return t("ui.whatif.done.tune", thing=thing, part=int(own["part"].iloc[0]), said=", ".join(said))
    return t(f"ui.whatif.done.{change['op']}", thing=thing)


def _was(own: pd.DataFrame, name: str) -> str:
    return f"{float(own[name].iloc[0]):g}" if len(own) and pd.notna(own[name].iloc[0]) else UNKNOWN


def _ask(desk: Desk, run: Run) -> None:
    latest = runs.latest(desk.db, desk.actor, whatif.KIND)
    if latest is not None and latest.status in running.OPEN:
        running.follow(desk, latest.id)
        return
    label = t("ui.whatif.compute")
    if st.button(
        label,
        key=f"{KEY}-compute",
        type="primary",
        icon=":material/play_arrow:",
        disabled=not _changes(),
        width="stretch",
    ):
        with parts.told():
            whatif.start(desk.db, desk.actor, run.id, _changes(), now=now())
            st.rerun()
    if latest is not None and latest.status == "failed":
        st.error(t("ui.run.failed", message=md(runs.said(latest.message, desk.lang))), icon=":material/error:")


def _result(done: Run) -> None:
    """The change of the gap in people, indoors and outdoors."""
    before, after = done.result["before"], done.result["after"]
    measured = str(done.result["measure"])
    if done.params["changes"] != _changes():
        st.caption(t("ui.whatif.older"))
    cards = []
    for name in ("uncovered", "uncovered_indoor", "uncovered_outdoor", "unknown"):
        gained = before[name] - after[name]
        cards.append(
            Card(gaps.column(name, measured), _signed(-gained), f"{number(before[name])} → {number(after[name])}")
        )
    parts.cards(cards)
    said = [] if done.result["calibrated"] else [t("ui.badge.uncalibrated")]
    st.caption(" · ".join([*said, t("ui.whatif.nominal")]))


def _signed(value: float) -> str:
    if abs(value) < LEAST_SHOWN:
        return number(0.0)
    return f"{value:+,.1f}".replace("-", "−")


def _streets(desk: Desk, done: Run) -> None:
    frame = kept(desk, f"{KEY}-streets", done.id, lambda: whatif.streets(desk.db, desk.actor, done.id)).head(STREETS)
    columns = {"street_office": t("ui.level.street_office")}
    columns |= {name: t(f"ui.whatif.column.{name}") for name in ("before", "after", "change")}
    shown = frame.rename(columns=columns).round(1)
    st.dataframe(shown, hide_index=True, placeholder=UNKNOWN)
    tuned = any(change["op"] == "tune" for change in done.params["changes"])
    if tuned and may(desk.actor, "asset.edit"):
        _adopting(desk, done)


def _adopting(desk: Desk, done: Run) -> None:
    with st.expander(t("ui.whatif.adopt")), st.form(f"{KEY}-adopt", border=False):
        reason = st.text_input(t("ui.whatif.reason"))
        if st.form_submit_button(t("ui.whatif.adopt_now")):
            with parts.told():
                count = whatif.adopt(desk.db, desk.actor, done.id, reason=reason, now=now())
                st.success(t("ui.whatif.adopted", n=number(count)))


def _map(desk: Desk, run: Run, network: pd.DataFrame, done: Run | None) -> Click | None:
    spot: Place | None = st.session_state.get(SPOT)
    extra = [] if done is None else [_cells(desk, done)]
    return mapview.draw(
        [*atlas.background(desk), *extra, _sites(desk, network, _band(desk, run))],
        key=KEY,
        bounds=atlas.extent(desk),
        height_px=MAP_PX,
        legend=atlas.key(
            "network", *(["people_change"] if extra else []), lang=desk.lang, only={"network": [_band(desk, run)]}
        ),
        note=" · ".join([dates.dated(desk), t("ui.note.run", date=gaps.when(run))]),
        selected=spot,
    )


def _band(desk: Desk, run: Run) -> str:
    """Kind of the symbol of the run's network."""
    row = radiotables.networks(desk.db).get(str(run.params["network"]))
    known = styles.family("network")
    return row.band if row is not None and row.band in known else "other"


def _sites(desk: Desk, network: pd.DataFrame, band: str) -> Layer:
    """Sites of the network, the picked one apart, and where the noted changes put sites; clickable."""
    picked = str(st.session_state.get(PICKED))
    sites = network.drop_duplicates("site_id")[["site_id", "easting_m", "northing_m"]]
    sites = sites.assign(style=["picked" if name == picked else "site" for name in sites["site_id"].astype(str)])
    new = [
        {**{k: c[k] for k in ("site_id", "easting_m", "northing_m")}, "style": "new"}
        for c in _changes()
        if "easting_m" in c
    ]
    rows = pd.concat([sites, pd.DataFrame(new)], ignore_index=True) if new else sites
    points = gpd.points_from_xy(rows["easting_m"], rows["northing_m"])
    frame = gpd.GeoDataFrame(rows[["site_id", "style"]].astype(str), geometry=points, crs=desk.settings.crs)
    spec = replace(layers.specs()["sites"], label="", style="style", columns=())
    marks = styles.family("mark")
    family = {"site": styles.family("network")[band], "picked": marks["picked"], "new": marks["chosen"]}
    digest = hashlib.sha256(json.dumps([picked, rows.to_csv(index=False)]).encode()).hexdigest()[:16]
    data = layers.geojson(layers.to_lonlat(frame), spec)
    name = t("style.network")
    return Layer(id=f"{KEY}-sites", type="geojson", version=digest, name=name, data=data, styles=family, clickable=True)


def _cells(desk: Desk, done: Run) -> Layer:
    """Cells in which people gain or lose, the largest changes only."""
    cells = kept(desk, f"{KEY}-cells", done.id, lambda: whatif.cells(desk.db, desk.actor, done.id)).head(MOST_CELLS)
    half = cells["cell_m"] / 2
    boxes = shapely.box(
        cells["easting_m"] - half, cells["northing_m"] - half, cells["easting_m"] + half, cells["northing_m"] + half
    )
    kinds = ["gain" if value > 0 else "loss" for value in cells["gained"]]
    frame = gpd.GeoDataFrame(
        {"site_id": [str(n) for n in range(len(cells))], "style": kinds}, geometry=boxes, crs=desk.settings.crs
    )
    spec = replace(layers.specs()["sites"], label="", style="style", columns=(), limit=MOST_CELLS)
    digest = hashlib.sha256(json.dumps([done.id, len(cells)]).encode()).hexdigest()[:16]
    data = layers.geojson(layers.to_lonlat(frame), spec)
    family = styles.family("people_change")
    return Layer(
        id=f"{KEY}-cells", type="geojson", version=digest, name=t("style.people_change"), data=data, styles=family
    )
