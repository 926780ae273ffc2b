"""What stands beside a plan's sites in its files: the gap before and after, places, candidates left out, sources."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from siting.access import Actor
from siting.actions import candidates, coverage, effects, runs
from siting.errors import NotFound
from siting.geo.grid import Grid
from siting.maps import styles
from siting.store import artefacts, layers
from siting.store.database import Database
from siting.store.runs import Run

Raster = npt.NDArray[np.float64]
UNITS = ("row", "col", "persons", "unknown", "street_office", "venue", "present")
REASONS = ("option_id", "candidate_id", "class", "name", "street_office", "owner_org", "state", "codes", "message")  # fmt: skip
CHANCES = ("permission", "permission_low", "permission_high", "permission_n", "permission_basis")
DRAWN = ("buildings", "roads", "landcover", "demand")


@dataclass(frozen=True, eq=False)
class Covered:
    """What a plan changes, unit by unit.

    Parameters
    ----------
    grid : Grid
        Cells of the coverage run.
    units : DataFrame
        ``row, col, street_office, venue, persons`` (known ones), ``before`` and ``after``: people expected to be covered;
        square metres where the district has no people layer.
    """

    grid: Grid
    units: pd.DataFrame

    def uncovered(self, column: str) -> Raster:
        """People not covered, floors and outdoors together, per cell [rows, cols]; NaN where nobody is."""
        size = self.grid.rows * self.grid.cols
        cell = self.units["row"].to_numpy(np.int64) * self.grid.cols + self.units["col"].to_numpy(np.int64)
        persons = self.units["persons"].to_numpy(float)
        missing = np.bincount(cell, persons - self.units[column].to_numpy(float), size)
        known = np.bincount(cell, persons, size) > 0
        return np.where(known, np.maximum(missing, 0.0), np.nan).reshape(self.grid.shape)

    def by(self, level: str) -> pd.DataFrame:
        """``persons, before, after, added`` by sub-district or venue, most added first; units without one left out."""
        sums = self.units.groupby(level, observed=True)[["persons", "before", "after"]].sum().reset_index()
        sums[level] = sums[level].astype(object)
        sums = sums.assign(added=sums["after"] - sums["before"])
        return sums.sort_values(["added", level], ascending=[False, True], ignore_index=True)


def covered(db: Database, actor: Actor, plan_run: str, base: Run) -> Covered:
    """What a plan run changes against the coverage run it rests on."""
    runs.finished(db, actor, "plan", plan_run)
    units = artefacts.load_table(runs.folder(db, base.id), "units", columns=UNITS)
    told = artefacts.load_arrays(runs.folder(db, plan_run), "after")
    persons = (units["persons"] - units["unknown"]).to_numpy(float)
    before = told.get("before", units["present"].to_numpy())
    made = units[["row", "col", "street_office", "venue"]].assign(
        persons=persons, before=persons * _known(before), after=persons * _known(told["p"])
    )
    return Covered(coverage.grid_of(db, base.id), made)


def _known(chance: npt.ArrayLike) -> npt.NDArray[np.float64]:
    return np.nan_to_num(np.asarray(chance, np.float64))


def cells_left(found: Covered, *, measure: str) -> gpd.GeoDataFrame:
    """Cells in which people stay uncovered after the plan, as squares: from the lowest class of the legend on.

    Returns
    -------
    GeoDataFrame
        ``uncovered_before, uncovered_after``, measure and square in the project CRS.
    """
    grid, before, after = found.grid, found.uncovered("before"), found.uncovered("after")
    lowest = min(s.lower for s in styles.family(styles.gap_family(measure)).values() if s.lower is not None)
    row, col = np.nonzero(np.nan_to_num(after) >= lowest)
    west, north = grid.west_m + col * grid.cell_m, grid.north_m - row * grid.cell_m
    squares = shapely.box(west, north - grid.cell_m, west + grid.cell_m, north)
    columns = {"uncovered_before": before[row, col], "uncovered_after": after[row, col], "measure": measure}
    return gpd.GeoDataFrame(columns, geometry=squares, crs=grid.crs)


def screened(db: Database, actor: Actor, score_run: str) -> gpd.GeoDataFrame | None:
    """All candidates as the actor sees them; None where the run in which they were screened is not for this actor."""
    try:
        return candidates.candidates(db, actor, score_run)
    except NotFound:
        return None


def told(db: Database, actor: Actor, sites: gpd.GeoDataFrame, both: gpd.GeoDataFrame | None) -> gpd.GeoDataFrame:
    """Sites with the chance of permission that closed points teach, and without numbers of points the actor does not see.

    Parameters
    ----------
    sites : GeoDataFrame
        Sites of the plan.
    both : GeoDataFrame or None
        From `screened`.
    """
    if both is not None:
        more = [name for name in CHANCES if name in both and name not in sites]
        known = pd.DataFrame(both.set_index("option_id")[more]).reindex(sites["option_id"])
        sites = sites.assign(**{name: known[name].to_numpy() for name in more})
    return blanked(sites, seen(db, actor))


def seen(db: Database, actor: Actor) -> frozenset[str]:
    """Numbers of the problem points that the actor sees holding or forbidding a candidate."""
    return frozenset(map(str, effects.current(db, actor)["case_no"]))


def blanked(sites: gpd.GeoDataFrame, seen: Collection[str]) -> gpd.GeoDataFrame:
    """Sites without the numbers of problem points that are not among those seen, in sentences too."""
    if "case_no" not in sites:
        return sites
    hidden = ~sites["case_no"].fillna("").isin({"", *seen})
    message = [
        text.replace(number, "—") if out else text
        for text, number, out in zip(sites["message"], sites["case_no"], hidden, strict=True)
    ]
    return sites.assign(message=message, case_no=sites["case_no"].where(~hidden, ""))


def left_out(both: gpd.GeoDataFrame, sites: pd.DataFrame) -> gpd.GeoDataFrame:
    """Candidates that a plan could not use, each with its reasons: columns `REASONS`.

    Parameters
    ----------
    both : GeoDataFrame
        From `screened`.
    sites : DataFrame
        Sites of the plan.
    """
    free = both["rank"].notna() & (both["effect"] != effects.FORBIDDEN)
    rest = both[~free & ~both["option_id"].isin(sites["option_id"])]
    return rest[[*REASONS, "geometry"]].sort_values("option_id", ignore_index=True)


def venues(db: Database, actor: Actor, found: Covered) -> pd.DataFrame:
    """`Covered.by` of the venues that the actor sees, with ``name`` and ``class``."""
    known = pd.DataFrame(layers.read(db, "venues", columns=["venue_id", "name", "class"], viewer=actor))
    named = known[["venue_id", "name", "class"]].rename(columns={"venue_id": "venue"})
    return named.merge(found.by("venue"), on="venue").sort_values(
        ["added", "venue"], ascending=[False, True], ignore_index=True
    )


def sources(db: Database, actor: Actor) -> list[str]:
    """Where the layers that are drawn and counted come from, each said once."""
    told = [layers.counts_by(db, layer, "source", viewer=actor)["source"].dropna().tolist() for layer in DRAWN]
    return list(dict.fromkeys(str(name) for names in told for name in names if name))
