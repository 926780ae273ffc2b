"""Points that somebody drew: proposals that stand on no public asset, as candidates without an owner."""

from __future__ import annotations

import hashlib

import geopandas as gpd
import numpy as np
import pandas as pd

from siting.access import Actor
from siting.actions import plantables
from siting.actions.proposal_rows import empty
from siting.plan import options
from siting.radio.network import Network
from siting.store import layers
from siting.store.database import Database

LIVING = ("proposed", "released")
DRAWN = "drawn"
SLOTS = 1


def options_of(db: Database, actor: Actor, carrier: Network, *, tag: str = "") -> pd.DataFrame:
    """One option per drawn point that the actor sees and that one of a network's operators would use.

    A shared network serves all its operators from there.  A point without owner says so (``owner_missing``).

    Returns
    -------
    DataFrame
        The columns of `siting.plan.options`.
    """
    rows = _living(db, actor)
    mine = rows[np.fromiter((bool(set(own) & set(carrier.operators)) for own in rows["operators"]), bool, len(rows))]
    priced, mounted = plantables.costs(db), plantables.configurations(db)
    made = [_option(row, carrier, tag, priced=priced, mounted=mounted) for _, row in mine.iterrows()]
    return pd.DataFrame(made, columns=list(options.COLUMNS))


def _living(db: Database, actor: Actor) -> gpd.GeoDataFrame:
    rows = layers.read(db, "candidates", viewer=actor)
    alone = np.fromiter((empty(host) for host in rows["host_asset_id"]), bool, len(rows))
    return rows[rows["state"].isin(LIVING).to_numpy() & alone]


def version(db: Database, actor: Actor) -> str:
    """Name of the drawn points that the actor sees: equal as long as none comes, goes or changes; empty without any."""
    rows = _living(db, actor)
    told = "|".join(f"{name} {n}" for name, n in zip(rows["candidate_id"], rows["revision"], strict=True))
    return hashlib.blake2b(told.encode(), digest_size=6).hexdigest() if told else ""


def _option(
    row: pd.Series, carrier: Network, tag: str, *, priced: pd.DataFrame, mounted: pd.DataFrame
) -> dict[str, object]:
    configuration = DRAWN if empty(row["configuration"]) else str(row["configuration"])
    equipment = "" if empty(row["equipment"]) else str(row["equipment"])
    operators = sorted(carrier.operators)
    place = row["geometry"].representative_point()
    azimuths = [float(a) for a in row["azimuths"]] or [0.0]
    tilts = ([float(a) for a in row["tilts"]] or [0.0]) * len(azimuths)
    known = not empty(row["cost_yuan"])
    cost = float(row["cost_yuan"]) if known else _cost(str(row["host_class"]), equipment, priced)
    return {
        **_asked(configuration, mounted),
        "option_id": f"{row['candidate_id']}|{configuration}{tag}|{'+'.join(operators)}",
        "candidate_id": str(row["candidate_id"]),
        "class": row["host_class"],
        "configuration": configuration if equipment else "",
        "equipment": equipment,
        "mount": "pole" if empty(row["mount"]) else row["mount"],
        "easting_m": place.x,
        "northing_m": place.y,
        "antenna_height_m": row["antenna_height_m"],
        "mount_height_m": row["height_m"],
        "height_assumed": False,
        "new_pole": False,
        "azimuths": azimuths,
        "tilts": tilts[: len(azimuths)],
        "start_deg": 0.0,
        "networks": [carrier.name],
        "operators": operators,
        "parties": 1,
        "cost_yuan": cost,
        "own_cost_yuan": cost,
        "cost_mark": "unverified",
        "street_office": row["street_office"],
        "owner_org": None,
    }


def _cost(host_class: str, equipment: str, costs: pd.DataFrame) -> float:
    """The price of the class, else the highest of the equipment: an unknown host is not a cheap one."""
    own = costs[costs["equipment"] == equipment]
    named = own[own["host_class"] == host_class]
    return float((named if len(named) else own)["site_cost_yuan"].max()) if len(own) else np.nan


def _asked(configuration: str, rows: pd.DataFrame) -> dict[str, float]:
    """What a configuration asks of its host; nothing where it is not known."""
    names = ("weight_kg", "sail_m2", "power_kva")
    found = rows[rows["configuration"] == configuration]
    needs = {name: float(found[name].max()) if len(found) else 0.0 for name in names}
    return {**needs, "slots": SLOTS}


def named(db: Database, actor: Actor, made: pd.DataFrame) -> pd.DataFrame:
    """Options with the name of the proposal for those that stand on no asset."""
    rows = layers.read(db, "candidates", columns=["name"], viewer=actor)
    names = made["candidate_id"].map(rows.set_index("candidate_id")["name"])
    return made.assign(name=made["name"].where(made["name"].notna(), names))
