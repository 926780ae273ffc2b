"""A coverage after some sites were added, removed, moved, turned or given other power, without computing the others again.

Sums are whole numbers, so what a mast gave is taken away exactly; where it may have been the largest of
anything, the maxima are computed again from the masts that stay.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from siting.errors import BadInput
from siting.radio import kernels_shapes as shapes
from siting.radio import kernels_tally as kernel
from siting.radio.links import Mapper, masts_of
from siting.radio.outcome import obstacles_of, result
from siting.radio.stage import Scene, room_of, stretches_of
from siting.radio.tallies import Meeting, blank, meet, merge
from siting.radio.terrain import Terrain
from siting.radio.verdict import Coverage, Kept

Wholes = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
#: Columns of a computed sector that make it another one.
MAKE = (
    "site_id",
    "sector_id",
    "easting_m",
    "northing_m",
    "antenna_height_m",
    "mount",
    "model",
    "azimuth_deg",
    "mechanical_tilt_deg",
    "electrical_tilt_deg",
    "eirp_dbm",
    "power_dbm",
    "width_h_deg",
    "width_v_deg",
    "max_loss_db",
    "sidelobe_db",
    "pattern",
)
_MAXIMA = ("los_mw", "nlos_mw", "maybe_los_mw", "maybe_nlos_mw")


@dataclass(frozen=True)
class Change:
    """What differs between two tables of sectors.

    Parameters
    ----------
    removed : DataFrame
        Sectors of the masts that go, with their old numbers.
    added, kept : DataFrame
        Sectors of the masts that come and of those that stay, with their new numbers.
    number : ndarray
        New number of each old sector, -1 for those that go.
    """

    removed: pd.DataFrame
    added: pd.DataFrame
    kept: pd.DataFrame
    number: Wholes


def update(
    coverage: Coverage,
    sites: pd.DataFrame,
    terrain: Terrain,
    *,
    map: Mapper = map,  # noqa: A002 - the name every long computation gives its mapper
) -> Coverage:
    """The coverage of other sites over the same units.

    Parameters
    ----------
    coverage : Coverage
        From `coverage.coverage` or an earlier update.
    sites : DataFrame
        All sectors as they are to be, as for `coverage.coverage`.
    terrain : Terrain
        The same as before.
    map : callable
        Ordered mapper over groups of masts.

    Returns
    -------
    Coverage
        Equal to a full run with these sites, bit for bit.

    Raises
    ------
    BadInput
        If the coverage does not hold what is needed, or the terrain is another.
    """
    kept = coverage.kept
    if kept is None:
        raise BadInput("radio.update.kept")
    scene = kept.scene
    if terrain is not scene.terrain and obstacles_of(terrain, scene.places) != kept.obstacles:
        raise BadInput("radio.update.terrain")
    masts = masts_of(sites, terrain, scene.network, gear=scene.gear)
    change = change_of(coverage.sectors, masts.frame)
    tally = _copied(kept.tally)
    touched = _take_away(kept, change, tally, map)
    tally.key[:] = _renumbered(tally.key, change.number)
    if touched.any():
        _again(kept, change.kept, touched, tally, map)
    if len(change.added):
        merge(tally, _met(kept, change.added, map))
    return result(replace(kept, tally=tally), masts, coverage.units)


def change_of(before: pd.DataFrame, after: pd.DataFrame) -> Change:
    """Which masts go, come and stay; a mast of which one sector differs goes and comes."""
    old, new = _masts_by_make(before), _masts_by_make(after)
    number = np.full(len(before), -1, np.int64)
    stays_old, stays_new = np.zeros(len(before), bool), np.zeros(len(after), bool)
    for make, runs in old.items():
        for one, two in zip(runs, new.get(make, []), strict=False):
            number[one], stays_old[one], stays_new[two] = two, True, True
    return Change(before[~stays_old], after[~stays_new], after[stays_new], number)


def _masts_by_make(frame: pd.DataFrame) -> dict[bytes, list[Wholes]]:
    """Rows of each mast, by what makes it."""
    found: dict[bytes, list[Wholes]] = defaultdict(list)
    if frame.empty:
        return found
    plain = pd.DataFrame({name: frame[name].to_numpy() for name in MAKE})
    row = np.asarray(pd.util.hash_pandas_object(plain, index=False))
    mast = frame["mast"].to_numpy()
    for rows in np.split(np.arange(len(frame)), np.flatnonzero(np.diff(mast)) + 1):
        found[row[rows].tobytes()].append(rows)
    return found


def _copied(tally: shapes.Tally) -> shapes.Tally:
    return shapes.Tally._make(np.array(column) for column in tally)


def _renumbered(key: Wholes, number: Wholes) -> Wholes:
    """Keys with the sectors' new numbers; those of sectors that went are computed again."""
    if np.array_equal(number, np.arange(len(number))):
        return key
    server, _level = kernel.servers_of(key)
    new = number[server] if len(number) else np.full(len(key), -1)
    return np.asarray(np.where((server < 0) | (new < 0), -1, kernel.numbered(key, new)), np.int64)


def _met(kept: Kept, frame: pd.DataFrame, map: Mapper) -> shapes.Tally:  # noqa: A002 - the mapper of the caller
    """The tally of some masts alone."""
    scene = kept.scene
    stretches = stretches_of(scene.places)
    return meet(_meeting(scene, frame, stretches, kept), _numbers(frame), map)


def _meeting(scene: Scene, frame: pd.DataFrame, stretches: Wholes, kept: Kept) -> Meeting:
    stage = scene.stage(frame, kept.radius_m)
    return Meeting(stage, stretches, room_of(scene.places, stretches), kept.levels, scene.places.highest_m)


def _numbers(frame: pd.DataFrame) -> Wholes:
    return np.arange(frame["mast"].nunique())


def _take_away(kept: Kept, change: Change, tally: shapes.Tally, map: Mapper) -> Bools:  # noqa: A002 - the mapper of the caller
    """Subtract the masts that go; returns the units where one of them was the largest of anything."""
    if change.removed.empty:
        return np.zeros(len(tally.key), bool)
    gone = _met(kept, change.removed, map)
    tally.total_fx[:] -= gone.total_fx
    touched = (gone.key >= 0) & (gone.key == tally.key)
    for name in _MAXIMA:
        mine = getattr(gone, name)
        touched |= (mine > 0) & (mine == getattr(tally, name))
    return np.asarray(touched | ((gone.p_maybe > 0) & (gone.p_maybe == tally.p_maybe)).any(axis=0))


def _again(kept: Kept, stay: pd.DataFrame, touched: Bools, tally: shapes.Tally, map: Mapper) -> None:  # noqa: A002 - the mapper of the caller
    """Compute the maxima of some units again from the masts that stay."""
    scene = kept.scene
    targets = np.unique(scene.places.host[touched]).astype(np.int64)
    stay = _near(scene, stay, targets, kept.radius_m)
    if len(stay):
        stretches = _pieces(stretches_of(scene.places), targets)
        meeting = replace(_meeting(scene, stay, stretches, kept), targets=targets)
        fresh = meet(meeting, _numbers(stay), map)
    else:
        fresh = blank(len(tally.key), len(kept.levels))
    for name in shapes.Tally._fields:
        if name != "total_fx":
            np.copyto(getattr(tally, name), getattr(fresh, name), where=touched)


def _near(scene: Scene, frame: pd.DataFrame, targets: Wholes, radius_m: float) -> pd.DataFrame:
    """The masts whose circle may hold one of some receivers."""
    east, north = scene.places.receivers.easting_m[targets], scene.places.receivers.northing_m[targets]
    x, y = frame["easting_m"].to_numpy(float), frame["northing_m"].to_numpy(float)
    away_x = np.maximum(np.maximum(east.min() - x, x - east.max()), 0.0)
    away_y = np.maximum(np.maximum(north.min() - y, y - north.max()), 0.0)
    return frame[np.hypot(away_x, away_y) <= radius_m + scene.terrain.grid.cell_m]


def _pieces(stretches: Wholes, targets: Wholes) -> Wholes:
    """Runs of receivers that follow each other in one stretch."""
    home = np.searchsorted(stretches[:, 0], targets, side="right")
    first = np.flatnonzero((np.diff(targets, prepend=-2) != 1) | (np.diff(home, prepend=-1) != 0))
    return np.column_stack([targets[first], targets[np.append(first[1:], len(targets)) - 1] + 1])
