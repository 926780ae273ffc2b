"""Existing sites: who sees which, what sectors may name, how many slots they take, tables to take home and to fill in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import geopandas as gpd
import numpy as np
import pandas as pd

from siting.access import Actor
from siting.actions import plantables, radiotables
from siting.actions.commissioning import follow
from siting.actions.doors import require
from siting.assets import schema, sitenames
from siting.assets.sitenames import Hosts
from siting.errors import BadInput
from siting.geo import crs
from siting.radio.antenna import FORMS
from siting.reports.workbook import Sheet, workbook
from siting.store import layers
from siting.store.database import Database

__all__ = ["export", "follow", "hosts", "listing", "sectors", "template", "with_taken"]
PERMISSION = "asset.read"
LAYERS = ("sites", "sectors")
# In which sites and their places leave; what is imported again is declared as this datum.
DATUM = "cgcs2000"
PLACE_DECIMALS = 9
ONE_SLOT = 1


def listing(db: Database, actor: Actor) -> gpd.GeoDataFrame:
    """Sites that the actor sees, with what their sectors add.

    Returns
    -------
    GeoDataFrame
        The columns of the layer plus ``networks`` (list), ``sectors`` (number) and ``on_air``.
    """
    require(db, actor, PERMISSION)
    sites = layers.read(db, "sites", viewer=actor)
    parts = pd.DataFrame(
        layers.read(db, "sectors", columns=["site_id", "network"], viewer=actor).drop(columns="geometry")
    )
    by_site = parts.groupby("site_id")["network"]
    names, counts = by_site.agg(lambda found: sorted(set(found))), by_site.size()
    return sites.assign(
        networks=pd.Series([names.get(name, []) for name in sites["site_id"]], index=sites.index, dtype=object),
        sectors=sites["site_id"].map(counts).fillna(0).astype(int),
        on_air=sites["retired_on"].isna(),
    )


def sectors(db: Database, actor: Actor, site_id: str) -> pd.DataFrame:
    """Sectors of one site that the actor sees, by network and azimuth; empty for a site that is not the actor's to see."""
    require(db, actor, PERMISSION)
    found = layers.read(db, "sectors", viewer=actor)
    own = pd.DataFrame(found[found["site_id"] == site_id].drop(columns="geometry"))
    return own.sort_values(["network", "azimuth_deg", "sector_id"], kind="stable", ignore_index=True)


def hosts(db: Database) -> Hosts:
    """What sectors of an import may name: stored sites, known networks and equipment."""
    known = radiotables.equipment(db)
    columns = ["height_m", "host_class", *sitenames.NAMES]
    return Hosts(
        sites=layers.read(db, "sites", columns=columns),
        networks=tuple(radiotables.networks(db)),
        equipment=tuple(known),
        patterns=tuple(name for name in (*FORMS, *radiotables.patterns(db)) if name),
        omni=frozenset(name for name, row in known.items() if row.hpbw_h_deg == 0),
    )


def with_taken(db: Database, assets: pd.DataFrame) -> pd.DataFrame:
    """Assets with the slots that sites on air take on them added to ``slots_taken``.

    A site takes the slots of the first configuration of its host's class.
    """
    sites = layers.read(db, "sites", columns=["host_asset_id", "host_class", "retired_on"])
    held = sites[sites["host_asset_id"].notna() & sites["retired_on"].isna()]
    if held.empty:
        return assets
    slots = plantables.configurations(db).drop_duplicates("class").set_index("class")["slots"].astype(float)
    taken = held["host_class"].map(slots).fillna(ONE_SLOT).groupby(held["host_asset_id"]).sum()
    own = pd.to_numeric(assets["slots_taken"], errors="coerce").fillna(0.0)
    return assets.assign(slots_taken=own + assets["asset_id"].map(taken).fillna(0.0))


def template(db: Database, layer: str) -> bytes:
    """An empty spreadsheet of sites or sectors; sectors name their site by number and owner or by name.

    Raises
    ------
    BadInput
        If the layer is neither.
    """
    _require_layer(layer)
    if layer == "sites":
        return schema.template(layer)
    named = [schema.column("sites", name) for name in sitenames.NAMES]
    active = [name for name, row in radiotables.networks(db).items() if row.active]
    units = [name for name, row in radiotables.equipment(db).items() if row.active]
    return schema.template(layer, before=named, lists={"network": active, "equipment": units})


def export(db: Database, actor: Actor, layer: str) -> bytes:
    """Sites or sectors that the actor sees as xlsx in the headings of the data standard, fit to be imported again.

    Raises
    ------
    BadInput
        If the layer is neither.
    """
    require(db, actor, "export.internal")
    _require_layer(layer)
    frame = layers.read(db, layer, viewer=actor)
    names = [c.name for c in schema.importable(layer) if c.type != "geometry"]
    body = pd.DataFrame({name: _words(layer, name, frame[name]) for name in names})
    if layer == "sites":
        places = crs.from_project(frame, datum=DATUM, crs=db.settings.crs).geometry
        body["lon_deg"], body["lat_deg"] = places.x.round(PLACE_DECIMALS), places.y.round(PLACE_DECIMALS)
    else:
        sites = layers.read(db, "sites", columns=sitenames.NAMES, viewer=actor).set_index("site_id")
        for name in sitenames.NAMES:
            body[name] = frame["site_id"].map(sites[name]).to_numpy()
    titles = _titles(layer, list(body.columns))
    notes = {"title": layer, "comments": f"datum={DATUM}; schema={schema.SCHEMA_VERSION}"}
    return workbook([Sheet(layer, body.rename(columns=titles))], properties=notes)


def _require_layer(layer: str) -> None:
    if layer not in LAYERS:
        raise BadInput("stations.layer", layer=layer, known=", ".join(LAYERS))


def _words(layer: str, name: str, cells: pd.Series) -> list[object]:
    """Cells as people write them: words of a vocabulary, days as text."""
    column = schema.column(layer, name)
    if column.numeric:
        return [None if value != value else value for value in cells]  # noqa: PLR0124 - NaN
    terms = {term.code: term.title_zh for term in schema.vocabulary(column.vocab)} if column.vocab else {}
    return [_word(value, terms) for value in cells]


def _word(value: object, terms: Mapping[str, str]) -> str | None:
    if isinstance(value, list | tuple | np.ndarray):
        return "、".join(terms.get(str(part), str(part)) for part in value) or None
    if value is None or value != value:  # noqa: PLR0124 - NaN
        return None
    return terms.get(str(value), str(value))


def _titles(layer: str, names: Sequence[str]) -> dict[str, str]:
    """Chinese heading of every column where it is the only one of this heading."""
    known = {c.name: c.title_zh for c in schema.importable(layer)}
    if layer == "sectors":
        known |= {name: schema.column("sites", name).title_zh for name in sitenames.NAMES}
    given = [known.get(name, name) for name in names]
    return {name: title for name, title in zip(names, given, strict=True) if given.count(title) == 1}
