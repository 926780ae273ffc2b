"""Zones of a district by what the present network gives there: gap, normal, surplus."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

TABLE = Path(__file__).parent / "data" / "zones.csv"
GAP, NORMAL, SURPLUS = "gap", "normal", "surplus"
ZONES = (GAP, NORMAL, SURPLUS)


@cache
def _surplus_from() -> float:
    with TABLE.open(encoding="utf-8", newline="") as file:
        return next(float(row["from_probability"]) for row in csv.DictReader(file) if row["zone"] == SURPLUS)


def zones(
    places_m: npt.NDArray[np.float64],
    cells_m: npt.NDArray[np.float64],
    present: npt.NDArray[np.float64],
    *,
    cell_probability: float,
) -> npt.NDArray[np.str_]:
    """The zone of each place: that of the outdoor cell nearest to it.

    Parameters
    ----------
    places_m, cells_m : array [n, 2]
        Easting and northing of the places and of the outdoor cells [m].
    present : array
        Probability that the present network covers each cell.
    cell_probability : float
        From here on a cell is covered.

    Returns
    -------
    ndarray of str
        ``gap`` below `cell_probability`, ``surplus`` from the figure of ``data/zones.csv`` on, else ``normal``; a
        district without cells is all gap.
    """
    if len(cells_m) == 0:
        return np.full(len(places_m), GAP)
    near = present[cKDTree(cells_m).query(places_m)[1]]
    covered = np.where(near >= max(_surplus_from(), cell_probability), SURPLUS, NORMAL)
    return np.where(near < cell_probability, GAP, covered)
