"""A plan as files: task list, GIS layers, a map that opens anywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from siting import words
from siting.access import Actor
from siting.actions import coverage, radiotables
from siting.geo import crs
from siting.maps import basemap, export, layers, legend, styles, tiles
from siting.maps.export import Features, Picture, Sheet
from siting.maps.mercator import Tile
from siting.reports import plan_sheet
from siting.reports.geofiles import geojson, geopackage
from siting.reports.workbook import Sheet as Page
from siting.reports.workbook import workbook
from siting.store import layers as store_layers
from siting.store.database import Database
from siting.store.runs import Run

# Land shown around the plan's points on the standalone map [deg].
MARGIN_DEG = 0.004
CGCS2000_EPSG = 4490
POPUP = (
    "order",
    "name",
    "class",
    "street_office",
    "owner_org",
    "added_persons",
    "cost_yuan",
    "fibre_m",
    "emf",
    "message",
)


def render(db: Database, actor: Actor, found: Mapping[str, Any], *, run: Run, base: Run, kind: str, lang: str) -> bytes:
    """One plan as bytes of a kind.

    Parameters
    ----------
    found : mapping
        As `siting.actions.plans.plan` returns it.
    run, base : Run
        The plan run and the coverage run it rests on.
    kind : str
        ``gpkg``, ``geojson``, ``xlsx`` or ``html``.
    lang : str
        Language of headings and words.
    """
    place = {"district": db.settings.name, "datum": _datum(found["sites"])[1]}
    data = {"as_of": db.settings.text("district.as_of"), "synthetic": db.settings.flag("district.synthetic")}
    facts = {**found, **base.params, **place, **data, "created_at": run.created_at}
    facts = {name: value for name, value in facts.items() if not isinstance(value, pd.DataFrame)}
    makers: Mapping[str, Callable[[], bytes]] = {
        "gpkg": lambda: _geopackage(db, found, facts, lang, as_of=run.created_at),
        "geojson": lambda: geojson(
            _lonlat(found["sites"]).assign(measure=found["measure"]), about=_about(facts), datum=facts["datum"]
        ),
        "xlsx": lambda: _workbook(db, found, facts, lang),
        "html": lambda: _map(db, actor, found, facts, lang, coverage_run=base.id),
    }
    return makers[kind]()


def _datum(sites: gpd.GeoDataFrame) -> tuple[str, str]:
    """Code and name of the datum in which coordinates leave: the project's own."""
    national = sites.crs.geodetic_crs.to_epsg() == CGCS2000_EPSG
    return ("cgcs2000", "CGCS2000") if national else ("wgs84", "WGS 84")


def _lonlat(sites: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return crs.from_project(sites, datum=_datum(sites)[0], crs=sites.crs.to_string())


def _about(facts: Mapping[str, Any]) -> dict[str, object]:
    """Facts under their working names, for machines."""
    known = {name: facts[name] for name in plan_sheet.NOTES if facts.get(name) is not None}
    return {**known, "nature": "pre-check, not a permit"}


def _spoken(db: Database, facts: Mapping[str, Any], lang: str) -> dict[str, Any]:
    """Facts for people: network, threshold and time of day in words."""
    network, profile = radiotables.networks(db)[facts["network"]], radiotables.thresholds(db)[facts["profile"]]
    operators = "·".join(words.say(f"ui.operator.{name}", lang=lang) for name in network.operators)
    frequency = f"{1000 * network.frequency_ghz:.0f}"
    return {
        **facts,
        "network": words.say("ui.network", lang=lang, operators=operators, band=network.band, frequency_mhz=frequency),
        "profile": words.say("ui.badge.threshold", lang=lang, rsrp_dbm=f"{profile.rsrp_dbm:g}"),
        "mix": words.say(f"ui.mix.{facts['mix']}", lang=lang),
    }


def _geopackage(db: Database, found: Mapping[str, Any], facts: Mapping[str, Any], lang: str, *, as_of: str) -> bytes:
    sectors = _sectors(found["sites"])
    parts = {"plan_sites": found["sites"].assign(measure=found["measure"]), "plan_sectors": sectors}
    return geopackage(parts, about={**_about(facts), "language": lang, "crs": db.settings.crs}, as_of=as_of)


def _sectors(sites: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """One line per sector: azimuth and tilt."""
    both = sites[["option_id", "equipment", "antenna_height_m", "azimuths", "tilts", "geometry"]]
    lines = both.explode(["azimuths", "tilts"], ignore_index=True)
    return lines.rename(columns={"azimuths": "azimuth_deg", "tilts": "electrical_tilt_deg"}).astype(
        {"azimuth_deg": float, "electrical_tilt_deg": float}
    )


def _workbook(db: Database, found: Mapping[str, Any], facts: Mapping[str, Any], lang: str) -> bytes:
    sites = found["sites"]
    lonlat = _lonlat(sites).geometry
    placed = pd.DataFrame(sites.assign(lon_deg=lonlat.x, lat_deg=lonlat.y))
    table = plan_sheet.sheet(placed, lang=lang, measure=found["measure"])
    about = pd.DataFrame(
        plan_sheet.notes(_spoken(db, facts, lang), lang=lang),
        columns=[words.say(f"plan.sheet.{c}", lang=lang) for c in ("item", "value")],
    )
    pages = [
        Page(words.say("plan.sheet.tasks", lang=lang), table),
        Page(words.say("plan.sheet.about", lang=lang), about),
    ]
    return workbook(pages, properties={"title": f"{db.settings.name} {facts['run']}"})


def _map(
    db: Database, actor: Actor, found: Mapping[str, Any], facts: Mapping[str, Any], lang: str, *, coverage_run: str
) -> bytes:
    sites = found["sites"]
    agreed = sites["standing"] if "standing" in sites else np.zeros(len(sites), bool)
    sites = sites.assign(mark=np.where(agreed, "agreed", "chosen"))
    shown = plan_sheet.sheet(pd.DataFrame(sites), lang=lang, measure=found["measure"])
    titles = plan_sheet.titles(lang=lang, measure=found["measure"])
    lonlat = layers.to_lonlat(sites[["option_id", "mark", "geometry"]].join(shown))
    spec = layers.Spec(
        layer="plan", key="option_id", label=titles["name"], family="mark", style="mark", from_zoom=0, limit=5000,
        columns=tuple(titles[n] for n in POPUP if titles[n] in shown),
    )  # fmt: skip
    edges = lonlat.total_bounds if len(lonlat) else np.array([0.0, 0.0, 0.0, 0.0])
    west, south, east, north = (float(v) for v in edges + np.array([-1, -1, 1, 1]) * MARGIN_DEG)
    bounds = (west, south, east, north)
    popup = tuple((titles[n], titles[n]) for n in POPUP if titles[n] in shown)
    features = Features(
        words.say("plan.sheet.tasks", lang=lang), layers.geojson(lonlat, spec), styles.family("mark"), popup
    )
    notes = plan_sheet.notes(_spoken(db, facts, lang), lang=lang, names=plan_sheet.NOTES_ON_MAP)
    lines = tuple(f"{label}: {value:,}" if isinstance(value, int) else f"{label}: {value}" for label, value in notes)
    title = f"{db.settings.name} · {words.say('plan.sheet.tasks', lang=lang)}"
    pictures = _pictures(db, actor, coverage_run, bounds, found["measure"])
    key = (
        legend.block("mark", lang=lang, keys=sorted(set(sites["mark"]) | {"chosen"})),
        legend.block(styles.gap_family(found["measure"]), lang=lang),
    )
    return export.standalone(Sheet(title, lines, bounds, pictures, (features,), key))


def _pictures(db: Database, actor: Actor, coverage_run: str, bounds: Any, measure: str) -> tuple[Picture, ...]:
    """Basemap and gap under the points."""
    columns = {"landcover": ("kind",), "buildings": (), "roads": ("class",)}
    frames = {n: layers.to_lonlat(store_layers.read(db, n, columns=c)) for n, c in columns.items()}
    ground = basemap.prepare(frames)
    grid, values = coverage.raster(db, actor, coverage_run, "gap")

    def gap(tile: Tile) -> bytes:
        return tiles.raster(grid, values, tile, family=styles.gap_family(measure))

    return (export.picture(bounds, lambda tile: basemap.draw(ground, tile)), export.picture(bounds, gap))
