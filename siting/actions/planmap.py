"""A plan on a map of its own: one HTML file with the gap before and after, the sites, a legend and what it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from siting import words
from siting.access import Actor
from siting.actions import planlayers
from siting.actions.planlayers import Covered
from siting.maps import basemap, export, layers, legend, styles, tiles
from siting.maps.export import Choice, Features, Picture, Sheet
from siting.maps.mercator import Tile
from siting.reports import plan_sheet
from siting.store import layers as store_layers
from siting.store.database import Database

# Land shown around the plan's points [deg].
MARGIN_DEG = 0.004
POPUP = (
    "order", "name", "class", "street_office", "owner_org", "operators", "band", "antenna_height_m", "azimuths", "tilts", "marginal_in_plan",
    "cost_yuan", "fibre_m", "structure", "emf", "permission", "message",
)  # fmt: skip
GROUND: Mapping[str, tuple[str, ...]] = {"landcover": ("kind",), "buildings": (), "roads": ("class",)}
SYNTHETIC = "synthetic:"


def standalone(
    db: Database,
    actor: Actor,
    sites: gpd.GeoDataFrame,
    covered: Covered,
    *,
    title: str,
    facts: Mapping[str, Any],
    lang: str,
) -> bytes:
    """The map as one HTML file.

    Parameters
    ----------
    sites : GeoDataFrame
        Sites of the plan in the project CRS, in build order.
    covered : Covered
        What the plan changes.
    title : str
        District and what it is.
    facts : mapping
        Facts in words, see `siting.reports.plan_sheet.notes`.
    lang : str
        Language of the words.
    """
    measure = str(facts["measure"])
    bounds = _bounds(sites, covered)
    features, kinds = _features(sites, measure=measure, lang=lang)
    key = (
        legend.block("mark", lang=lang, keys=kinds),
        legend.block(styles.gap_family(measure), lang=lang),
    )
    gap = _gap(covered, bounds, measure=measure, lang=lang)
    return export.standalone(
        Sheet(title, _lines(db, actor, facts, lang), bounds, (_ground(db, bounds),), (features,), key, gap)
    )


def _bounds(sites: gpd.GeoDataFrame, covered: Covered) -> export.Box:
    """(west, south, east, north) [deg] of the sites with a margin; of the whole map where there is none."""
    frame = (
        sites if len(sites) else gpd.GeoDataFrame(geometry=[shapely.box(*covered.grid.bounds)], crs=covered.grid.crs)
    )
    edges = layers.to_lonlat(frame[["geometry"]]).total_bounds + np.array([-1, -1, 1, 1]) * MARGIN_DEG
    west, south, east, north = (float(v) for v in edges)
    return west, south, east, north


def _features(sites: gpd.GeoDataFrame, *, measure: str, lang: str) -> tuple[Features, list[str]]:
    """The sites with their popups, and the marks that occur."""
    agreed = sites["standing"] if "standing" in sites else np.zeros(len(sites), bool)
    sites = sites.assign(mark=np.where(agreed, "agreed", "chosen"))
    shown = plan_sheet.sheet(pd.DataFrame(sites), lang=lang, measure=measure)
    titles = plan_sheet.titles(lang=lang, measure=measure)
    popup = tuple(titles[name] for name in POPUP if titles[name] in shown)
    lonlat = layers.to_lonlat(sites[["option_id", "mark", "geometry"]].join(shown))
    spec = layers.Spec(
        layer="plan", key="option_id", label=titles["name"], family="mark", style="mark", from_zoom=0, limit=5000, columns=popup
    )  # fmt: skip
    data = layers.geojson(lonlat, spec)
    name = words.say("plan.sheet.tasks", lang=lang)
    made = Features(name, data, styles.family("mark"), tuple((heading, heading) for heading in popup))
    return made, sorted(set(sites["mark"]) | {"chosen"})


def _lines(db: Database, actor: Actor, facts: Mapping[str, Any], lang: str) -> tuple[str, ...]:
    """Dates, figures and sources, a line each."""
    told = plan_sheet.notes(facts, lang=lang, names=plan_sheet.NOTES_ON_MAP)
    lines = [f"{label}: {value:,}" if isinstance(value, int) else f"{label}: {value}" for label, value in told]
    sources = [_source(name, lang) for name in planlayers.sources(db, actor)]
    return (*lines, words.say("plan.map.source", lang=lang, names="；".join(dict.fromkeys(sources))))


def _source(name: str, lang: str) -> str:
    return words.say("ui.source.synthetic", lang=lang) if name.startswith(SYNTHETIC) else name


def _ground(db: Database, bounds: export.Box) -> Picture:
    """Roads, water, green and buildings."""
    frames = {n: layers.to_lonlat(store_layers.read(db, n, columns=c)) for n, c in GROUND.items()}
    ground = basemap.prepare(frames)
    return export.picture(bounds, lambda tile: basemap.draw(ground, tile))


def _gap(covered: Covered, bounds: export.Box, *, measure: str, lang: str) -> Choice:
    """The gap after the plan, the gap before it, or none."""
    family = styles.gap_family(measure)

    def drawn(column: str) -> Picture:
        values: npt.NDArray[np.float64] = covered.uncovered(column)

        def tile(at: Tile) -> bytes:
            return tiles.raster(covered.grid, values, at, family=family)

        return export.picture(bounds, tile)

    pictures = tuple((words.say(f"plan.map.{column}", lang=lang), drawn(column)) for column in ("after", "before"))
    return Choice(words.say("plan.map.gap", lang=lang), (*pictures, (words.say("plan.map.none", lang=lang), None)))
