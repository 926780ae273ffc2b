"""What was measured at the units of a run, and who complained where: evidence that a run takes along."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

import numpy as np
import pandas as pd

from siting.access import Actor
from siting.geo.grid import Grid
from siting.radio import complaints
from siting.store import layers, samples
from siting.store.database import Database

COMPLAINT = "complaint"


def sets_of(db: Database, network: str, *, viewer: Actor) -> list[str]:
    """Sets of samples of a network that somebody sees."""
    return [one.id for one in samples.listing(db, viewer=viewer) if network in one.networks]


def samples_of(db: Database, network: str, *, viewer: Actor) -> pd.DataFrame:
    """Samples of a network, in the project CRS; empty where nothing was measured."""
    found = samples.read(db, sets_of(db, network, viewer=viewer), viewer=viewer)
    return found[found["network"] == network].reset_index(drop=True) if len(found) else found


def at_units(
    measured: pd.DataFrame, units: pd.DataFrame, grid: Grid, *, level_dbm: float, devices: Mapping[str, float]
) -> pd.DataFrame:
    """Samples counted by unit, and those above a level.

    Parameters
    ----------
    measured : DataFrame
        ``easting_m, northing_m, floor, rsrp_dbm, device_id``, from `samples_of`.
    units : DataFrame
        Units of the run.
    grid : Grid
        The map's cells.
    level_dbm : float
        Threshold; a sample at it passes.
    devices : mapping
        Known offset of each device, taken off [dB].

    Returns
    -------
    DataFrame
        ``unit_id, n, n_pass``; samples at places without a unit (under a roof without a floor) are not counted.
    """
    if not len(measured):
        return pd.DataFrame({"unit_id": [], "n": [], "n_pass": []}, dtype=np.int64)
    row, col = grid.cells_of(measured["easting_m"].to_numpy(float), measured["northing_m"].to_numpy(float))
    offset = measured["device_id"].map(dict(devices)).fillna(0.0).to_numpy(float)
    seen = pd.DataFrame(
        {
            "row": row,
            "col": col,
            "floor": measured["floor"].fillna(0).to_numpy(np.int64),
            "n_pass": measured["rsrp_dbm"].to_numpy(float) - offset >= level_dbm,
        }
    )
    places = units[["row", "col", "floor", "unit_id"]].drop_duplicates(["row", "col", "floor"])
    found = seen.merge(places.astype(np.int64), on=["row", "col", "floor"])
    counted = found.groupby("unit_id")["n_pass"].agg(["size", "sum"]).reset_index()
    return counted.set_axis(["unit_id", "n", "n_pass"], axis=1).astype(np.int64)


def calls(db: Database, grid: Grid, *, now: datetime) -> pd.DataFrame:
    """Complaints on the map, older ones weighing less: ``row, col, weight``; empty where none were brought in."""
    found = layers.read(db, "venues", columns=["class", "as_of"])
    found = found[found["class"] == COMPLAINT]
    points = found.geometry.representative_point()
    row, col = grid.cells_of(points.x.to_numpy(), points.y.to_numpy())
    age = [_age_d(value, now.date()) for value in found["as_of"]]
    made = pd.DataFrame({"row": row, "col": col, "weight": complaints.weights(age)})
    return made[grid.inside(row, col)].reset_index(drop=True)


def _age_d(value: object, today: date) -> float:
    """Age of a day [d]; NaN where none is known."""
    return float((today - value).days) if isinstance(value, date) else float("nan")
