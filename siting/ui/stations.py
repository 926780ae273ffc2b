"""Existing sites on a page: the list by filters, one site with its sectors, the tables that radio reads."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import streamlit as st

from siting.access import may
from siting.actions import layers as layer_actions
from siting.actions import radiotables, stations
from siting.maps import layers, styles
from siting.ui import choices, drawn, emf, fields, importing, parts
from siting.ui.cached import kept
from siting.ui.mapview import Layer
from siting.ui.parts import Card
from siting.ui.session import Desk
from siting.ui.text import UNKNOWN, md, number, t

VIEWS = ("list", "import", "equipment", "prices")
VIEW_KEY = "sites-view"
AIR = ("on", "off", "all")
# Shown columns of the data standard; networks and number of sectors stand among them.
LISTED = ("site_no", "name", "tenants", "site_type", "host_class", "height_m")
LATER = ("commissioned_on", "retired_on", "street_office", "source", "as_of")
SECTOR = (
    "network",
    "azimuth_deg",
    "mechanical_tilt_deg",
    "electrical_tilt_deg",
    "antenna_height_m",
    "power_w",
    "equipment",
)
SEARCHED = ("site_no", "name", "tower_owner", "street_office")
PETAL_M, PETAL_DEG, PETAL_STEPS = 60.0, 50.0, 7
OMNI_SHARE = 0.5


def views(desk: Desk) -> tuple[str, ...]:
    """Parts of the page that this person may open."""
    return tuple(view for view in VIEWS if view != "import" or may(desk.actor, "data.import"))


def listing(desk: Desk) -> gpd.GeoDataFrame:
    """All sites that this person sees, with networks, sectors and whether they are on air."""
    return kept(desk, "stations", _version(desk), lambda: stations.listing(desk.db, desk.actor))


def _version(desk: Desk) -> str:
    return "-".join(str(layer_actions.revision(desk.db, desk.actor, layer)) for layer in stations.LAYERS)


def none(desk: Desk) -> None:
    """What the page says without a site: one sentence and the one useful action."""
    if "import" not in views(desk):
        parts.empty("ui.sites.none_seen")
        return
    parts.empty("ui.sites.none")
    st.button(t("ui.sites.to_import"), key="sites.to_import", on_click=_to_import, icon=":material/upload_file:")


def _to_import() -> None:
    st.session_state[VIEW_KEY] = st.query_params[VIEW_KEY] = "import"


def cards(desk: Desk, frame: gpd.GeoDataFrame) -> list[Card]:
    """How many sites are on air, and how many of them each network has."""
    on_air = frame[frame["on_air"]]
    silent = int((on_air["sectors"] == 0).sum())
    retired = len(frame) - len(on_air)
    first = Card(t("ui.sites.on_air"), number(len(on_air)), t("ui.sites.retired", n=number(retired)) if retired else "")
    counted = on_air["networks"].explode().dropna().value_counts()
    rest = [Card(choices.network_words(desk, str(name)), number(int(n))) for name, n in sorted(counted.items())]
    return [first, *rest, *([Card(t("ui.sites.silent"), number(silent), t("ui.sites.silent_note"))] if silent else [])]


def filters(desk: Desk, frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The rows that the filters leave; every filter stands in the address of the page."""
    everything = t("ui.assets.all")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        search = st.text_input(
            t("ui.assets.search"), key="q", bind="query-params", placeholder=t("ui.sites.search_hint")
        )
        nets = {
            str(name): choices.network_words(desk, str(name))
            for name in sorted(frame["networks"].explode().dropna().unique())
        }
        networks = choices.several(t("ui.choice.network"), nets, key="network", placeholder=everything)
        who = fields.terms("operator")
        tenants = choices.several(fields.title("sites", "tenants"), who, key="tenant", placeholder=everything)
        offices = {str(name): str(name) for name in sorted(frame["street_office"].dropna().unique())}
        streets = choices.several(fields.title("sites", "street_office"), offices, key="street", placeholder=everything)
        air = choices.segments(t("ui.sites.air"), {code: t(f"ui.sites.air.{code}") for code in AIR}, key="air")
    return filtered(frame, networks=networks, tenants=tenants, streets=streets, air=air, search=search)


def filtered(
    frame: gpd.GeoDataFrame,
    *,
    networks: Sequence[str],
    tenants: Sequence[str],
    streets: Sequence[str],
    air: str,
    search: str,
) -> gpd.GeoDataFrame:
    """Sites of any of the networks, tenants and sub-districts, on air or not, in whose names the text stands."""
    keep = np.ones(len(frame), dtype=bool)
    for column, wanted in (("networks", networks), ("tenants", tenants)):
        if wanted:
            keep &= np.array([bool(set(cell) & set(wanted)) for cell in frame[column]], dtype=bool)
    if streets:
        keep &= frame["street_office"].isin(streets).to_numpy()
    if air != "all":
        keep &= frame["on_air"].to_numpy(bool) == (air == "on")
    if search.strip():
        text = search.strip().casefold()
        names = zip(*(frame[name] for name in SEARCHED), strict=True)
        keep &= np.array([any(text in str(cell or "").casefold() for cell in row) for row in names], dtype=bool)
    return frame[keep]


def table(desk: Desk, frame: gpd.GeoDataFrame) -> pd.DataFrame:
    """The list in words; heights and numbers of sectors stay numbers."""
    first, later = fields.table("sites", frame, LISTED), fields.table("sites", frame, LATER)
    rows = radiotables.networks(desk.db)
    names = [_bands(rows, cell) for cell in frame["networks"]]
    first.insert(LISTED.index("tenants") + 1, t("ui.sites.networks"), names)
    return pd.concat([first, frame["sectors"].rename(t("ui.sites.sectors")), later], axis=1)


def _bands(rows: Mapping[str, Any], names: Sequence[str]) -> str:
    return "、".join(rows[name].band if name in rows else name for name in names) or UNKNOWN


def downloads(desk: Desk) -> None:
    """Sites and sectors to take home, in the form in which they can be imported again."""
    if not may(desk.actor, "export.internal"):
        return
    with st.container(horizontal=True):
        for layer in stations.LAYERS:
            data = kept(desk, f"export-{layer}", _version(desk), partial(stations.export, desk.db, desk.actor, layer))
            parts.download(t(f"ui.sites.export.{layer}"), f"{layer}.xlsx", data, key=f"sites.export.{layer}")


def importer(desk: Desk) -> None:
    """Import of sites, then of sectors, with the sheets to fill in."""
    st.caption(t("ui.sites.import_note"))
    with st.container(horizontal=True):
        for layer in stations.LAYERS:
            data = stations.template(desk.db, layer)
            parts.download(t(f"ui.sites.template.{layer}"), f"{layer}.xlsx", data, key=f"sites.template.{layer}")
    importing.wizard(desk, only=stations.LAYERS)


def card(desk: Desk, site: Mapping[str, Any]) -> None:
    """One site: its sectors, the pre-check of its fields, then all that is known of it."""
    st.markdown(f"**{md(site['site_no'] or '')} {md(site['name'] or '')}**")
    found = sectors(desk, site)
    if found.empty:
        st.warning(t("ui.sites.no_sectors"), icon=":material/warning:")
    else:
        shown = fields.table("sectors", found, SECTOR)
        rows = radiotables.networks(desk.db)
        shown[fields.title("sectors", "network")] = [_bands(rows, [str(name)]) for name in found["network"]]
        st.dataframe(shown, hide_index=True, placeholder=UNKNOWN)
    emf.panel(desk, str(site["site_id"]), computable=not found.empty)
    parts.facts(fields.card("sites", site))


def sectors(desk: Desk, site: Mapping[str, Any]) -> pd.DataFrame:
    """Sectors of one site that this person sees."""
    return stations.sectors(desk.db, desk.actor, str(site["site_id"]))


def dots(frame: gpd.GeoDataFrame) -> Layer:
    """The sites that the filters leave, coloured by network."""
    spec = layers.specs()["sites"]
    shown = drawn.PREPARED["sites"](frame)
    digest = hashlib.sha256("|".join(shown["site_id"] + shown["network"]).encode()).hexdigest()[:16]
    return Layer(
        id="sites",
        type="geojson",
        version=digest,
        name=t("style.network"),
        data=layers.geojson(layers.to_lonlat(shown), spec),
        styles=styles.family(spec.family),
        clickable=True,
    )


def petals(desk: Desk, site: Mapping[str, Any], found: pd.DataFrame) -> list[Layer]:
    """Where the sectors of one site look: a petal for each, a circle for one that looks everywhere."""
    if found.empty:
        return []
    omni = set(stations.hosts(desk.db).omni)
    shapes = [
        _petal(site["geometry"], None if unit in omni else azimuth_deg)
        for unit, azimuth_deg in zip(found["equipment"], found["azimuth_deg"].astype(float), strict=True)
    ]
    frame = gpd.GeoDataFrame({"style": "petal"}, index=found.index, geometry=shapes, crs=desk.settings.crs)
    spec = replace(layers.specs()["sites"], key="style", label="", style="style", columns=())
    return [
        Layer(
            id="petals",
            type="geojson",
            version=str(site["site_id"]),
            data=layers.geojson(layers.to_lonlat(frame), spec),
            styles={"petal": replace(styles.family("mark")["picked"], shape="polygon", size_px=1.0, opacity=0.45)},
        )
    ]


def _petal(place: shapely.Point, azimuth_deg: float | None) -> shapely.Geometry:
    if azimuth_deg is None:
        return place.buffer(PETAL_M * OMNI_SHARE)
    turn = np.radians(np.nan_to_num(azimuth_deg) + np.linspace(-PETAL_DEG / 2, PETAL_DEG / 2, PETAL_STEPS))
    rim = np.column_stack([place.x + PETAL_M * np.sin(turn), place.y + PETAL_M * np.cos(turn)])
    return shapely.Polygon([(place.x, place.y), *rim])
