"""Key venues and whole areas against a profile: is every key point covered, and what share of an area can be relied on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from siting.geo.grid import Grid
from siting.radio.coverage import area_shares
from siting.radio.network import Thresholds, defaults

PASSED, MISSED, UNDECIDED = "passed", "missed", "unknown"
LINE_TYPES = ("LineString", "MultiLineString")
#: Points along a line per side of a cell.
STEPS = 10


def shares(table: pd.DataFrame, level: str, *, cell_probability: float, weight: str = "persons") -> pd.DataFrame:
    """Expected, reliable and unknown share of every place of a level.

    Parameters
    ----------
    table : DataFrame
        Units with ``probability`` (NaN = unknown), from `gap.Gap`.
    level : str
        ``street_office`` or ``venue``.
    cell_probability : float
        A unit is reliable from here on.
    weight : {"persons", "units"}
        Weigh by people, or every cell and floor the same (they are equally large).

    Returns
    -------
    DataFrame
        Level, ``expected, reliable, unknown`` [share of the weight]; NaN where it weighs nothing.
    """
    rows = []
    for name, part in table[table[level].notna()].groupby(level, observed=True, sort=True):
        amount = part["persons"] if weight == "persons" else np.ones(len(part))
        found = area_shares(part["probability"], amount, cell_probability=cell_probability)
        rows.append((name, found.expected, found.reliable, found.unknown))
    return pd.DataFrame(rows, columns=[level, "expected", "reliable", "unknown"])


def verdicts(
    table: pd.DataFrame, grid: Grid, venues: Mapping[str, shapely.Geometry], *, thresholds: Thresholds
) -> pd.DataFrame:
    """Whether each key venue is deeply covered.

    Parameters
    ----------
    table : DataFrame
        Units with ``venue, row, col, floor, probability`` (NaN = unknown).
    grid : Grid
        The map's cells.
    venues : mapping
        Geometry by venue id, in the project CRS.
    thresholds : Thresholds
        Its ``cell_probability`` is required.

    Returns
    -------
    DataFrame
        ``venue``, ``line``, ``met, missed, unknown`` (shares of the key points, of a line: of its length), ``verdict``:
        ``passed`` where every point (of a line 95 % of the length) has the required probability, ``missed`` where that
        fails whatever the unknown points are, else ``unknown``.
    """
    places = table[table["venue"].notna()]
    by_venue = {str(name): part for name, part in places.groupby("venue", observed=True)}
    outdoors = table[table["floor"] == 0]
    ground = np.full(grid.shape, np.nan, np.float32)
    ground[outdoors["row"], outdoors["col"]] = outdoors["probability"]
    rows = []
    for name, geometry in venues.items():
        line = geometry.geom_type in LINE_TYPES
        if line:
            p = _along(geometry, grid, ground)
        elif name in by_venue:
            p = by_venue[name]["probability"].to_numpy(np.float32)
        else:
            continue
        rows.append((name, line, *_judged(p, thresholds.cell_probability, needed=_needed(line))))
    return pd.DataFrame(rows, columns=["venue", "line", "met", "missed", "unknown", "verdict"])


def _needed(line: bool) -> float:  # noqa: FBT001 - the one fact it depends on
    return defaults()["line_share"] if line else 1.0


def _judged(p: npt.NDArray[np.float32], required: float, *, needed: float) -> tuple[float, float, float, str]:
    if not len(p):
        return np.nan, np.nan, np.nan, UNDECIDED
    met, missed = float((p >= required).mean()), float((p < required).mean())
    fails = 1.0 - missed < needed - 1e-12
    verdict = MISSED if fails else PASSED if met >= needed - 1e-12 else UNDECIDED
    return met, missed, float(np.isnan(p).mean()), verdict


def _along(line: shapely.Geometry, grid: Grid, ground: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Outdoor probability at even steps along a line; NaN under a building.  Parts outside the map are left out."""
    steps = max(int(np.ceil(line.length / grid.cell_m * STEPS)), 1)
    parts = [part for part in shapely.get_parts(line) if part.length > 0]
    step_m = line.length / steps
    points = [shapely.line_interpolate_point(part, np.arange(step_m / 2, part.length, step_m)) for part in parts]
    if not points:
        return np.zeros(0, np.float32)
    xy = shapely.get_coordinates(np.concatenate(points))
    row, col = grid.cells_of(xy[:, 0], xy[:, 1])
    keep = grid.inside(row, col)
    return np.asarray(ground[row[keep], col[keep]])
