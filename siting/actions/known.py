"""What an import is held against: the layer as it stands, the district's outline, trusted shapes, whose rows they are."""

from __future__ import annotations

from collections.abc import Mapping

import geopandas as gpd
import shapely

from siting.access import Actor
from siting.actions import proposal_rows, stations
from siting.assets import hosts
from siting.assets.incoming import Known
from siting.assets.owned import Bringer
from siting.assets.raw import Limits
from siting.geo.region import Region
from siting.store import layers
from siting.store.database import Database

# Layers of everybody's own rows: brought by who may write them, seen by nobody else on the way.
OWN: Mapping[str, str] = {proposal_rows.LAYER: "proposal.write"}
# Layers whose rows lie where a row of another layer lies.
RESTS_ON: Mapping[str, tuple[str, ...]] = {"sectors": ("sites",)}
# Layers tried as reference for the datum, the best first; the layer itself stands in where it is full enough.
REFERENCES = ("roads", "assets", "buildings")
MIN_REFERENCE_ROWS = 20


def limits(db: Database) -> Limits:
    """Caps of the gate, from the settings."""
    return Limits(max_bytes=db.settings.whole("imports.max_mb") * 2**20, max_rows=db.settings.whole("imports.max_rows"))


def known(db: Database, actor: Actor, layer: str) -> Known:
    """What a file of a layer is held against; of a layer of everybody's own rows only the actor's."""
    own = layer in OWN
    old = _own(db, actor, layer) if own else layers.read(db, layer)
    reference = next(
        (f for f in (_reference(db, name, layer, old) for name in (*REFERENCES, layer)) if f is not None), None
    )
    return Known(
        project=db.settings.crs,
        old=old,
        region=region(db),
        reference=reference,
        hosts=stations.hosts(db) if layer in RESTS_ON else None,
        bringer=_bringer(db, actor) if own else None,
    )


def state(db: Database, actor: Actor, layer: str) -> int:
    """State of the rows that a file is held against: the layer's revision, or made of the actor's own rows alone."""
    return layers.state_of(_own(db, actor, layer)) if layer in OWN else layers.revision(db, layer)


def _own(db: Database, actor: Actor, layer: str) -> gpd.GeoDataFrame:
    rows = layers.read(db, layer)
    return rows[rows["proposer_org"] == actor.org].reset_index(drop=True)


def rests_on(db: Database, layer: str) -> dict[str, int]:
    """Revisions of the other layers that the rows of a layer take their places from."""
    return {name: layers.revision(db, name) for name in RESTS_ON.get(layer, ())}


def _bringer(db: Database, actor: Actor) -> Bringer:
    assets = layers.read(db, "assets", columns=hosts.COLUMNS)
    return Bringer(org=actor.org, operator=actor.operator, assets=assets, snap_m=db.settings.number("proposal.snap_m"))


def _reference(db: Database, name: str, layer: str, old: gpd.GeoDataFrame) -> gpd.GeoDataFrame | None:
    frame = old if name == layer else layers.read(db, name, columns=())
    return frame if len(frame) >= MIN_REFERENCE_ROWS else None


def region(db: Database) -> Region | None:
    """The district's outline, sub-districts and communities; None where no outline was brought in."""
    districts = layers.read(db, "districts")
    outline = districts[districts["level"] == "district"]
    if outline.empty:
        return None
    streets = districts[districts["level"] == "street_office"]
    communities = districts[districts["level"] == "community"]
    boundary = shapely.union_all(outline.geometry.to_numpy())
    return Region(db.settings.name, boundary, db.settings.crs, streets, communities)
