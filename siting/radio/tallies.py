"""Groups of masts met one after another, here or in other processes, and their tallies put together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from siting.errors import OutOfRange
from siting.radio import kernels_shapes as shapes
from siting.radio import kernels_sight as sight
from siting.radio import kernels_tally as kernel
from siting.radio.links import Mapper

Wholes = npt.NDArray[np.int64]
#: Clear heights held at once [entries of two singles].
VIEW_ENTRIES = 4_000_000
MOST_MASTS = 32
_OVER_MW = 2.0
_FIELDS_OF_SERVER = ("mean_mw", "state", "p_los", "flags")
_MAXIMA = ("los_mw", "nlos_mw", "maybe_los_mw", "maybe_nlos_mw", "p_maybe")


def blank(units: int, levels: int) -> shapes.Tally:
    """The tally of no mast."""

    def zeros(kind: type[Any], *shape: int) -> npt.NDArray[Any]:
        return np.zeros((*shape, units), kind)

    single = np.float32
    return shapes.Tally(
        np.full(units, -1, np.int64),
        zeros(np.int64),
        zeros(single),
        zeros(np.uint8),
        zeros(single),
        zeros(np.uint16),
        zeros(single),
        zeros(single),
        zeros(single),
        zeros(single),
        zeros(single, levels),
    )


def merge(into: shapes.Tally, part: shapes.Tally) -> None:
    """Add one tally to another, which is written; the order of merging does not show."""
    better = part.key > into.key
    for name in _FIELDS_OF_SERVER:
        np.copyto(getattr(into, name), getattr(part, name), where=better)
    np.maximum(into.key, part.key, out=into.key)
    into.total_fx[:] += part.total_fx
    for name in _MAXIMA:
        np.maximum(getattr(into, name), getattr(part, name), out=getattr(into, name))
    if np.any(into.total_fx < 0):
        raise OutOfRange("radio.power.sum", value=_OVER_MW)


@dataclass(frozen=True)
class Meeting:
    """A run of masts over stretches of receivers.

    Parameters
    ----------
    stage : Stage
        Receivers, obstacles, masts.
    stretches : ndarray
        Where tallies are wanted.
    room : tuple of int
        Most receivers and units of a stretch.
    levels : ndarray
        Thresholds of the probabilities over unknown paths [dBm].
    stop_m : float
        No unit stands above this [m above datum].
    tally : Tally, optional
        Where this process adds up; other processes, to which it does not travel, return their own.
    targets : ndarray, optional
        Receivers in the stretches, where these are few: only rays that serve them are walked.
    """

    stage: shapes.Stage
    stretches: Wholes
    room: tuple[int, int]
    levels: npt.NDArray[np.float64]
    stop_m: float
    tally: shapes.Tally | None = None
    targets: Wholes | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "tally": None}

    def __call__(self, group: Wholes) -> shapes.Tally | None:
        """Meet the masts of a group; returns a tally of its own outside the process that holds one."""
        own = blank(len(self.stage.units.kind), len(self.levels)) if self.tally is None else self.tally
        views = self._views(group)
        if not kernel.add_masts(self.stage, group, self.stretches, views, self.room, own, self.levels):
            raise OutOfRange("radio.power.sum", value=_OVER_MW)
        return own if self.tally is None else None

    def _views(self, group: Wholes) -> shapes.Views:
        """Clear heights of the masts of a group over the receivers of their rows."""
        masts = self.stage.masts
        begin = np.concatenate([[0], np.cumsum(masts.last[group] - masts.first[group])]).astype(np.int64)
        clear, cap = (np.full(begin[-1], np.inf, np.float32) for _ in range(2))
        for at, m in enumerate(group):
            part = sight.Sight(clear[begin[at] : begin[at + 1]], cap[begin[at] : begin[at + 1]])
            start = start_at(self.stage, int(m), self.stop_m)
            if self.targets is None:
                sight.sweep(self.stage.field, start, part)
            else:
                sight.sweep_some(self.stage.field, start, part, self._rays(int(m), start))
        return shapes.Views(clear, cap, begin)

    def _rays(self, m: int, start: sight.Start) -> Wholes:
        """The rays of mast m that serve the targets in its rows."""
        masts, receivers = self.stage.masts, self.stage.receivers
        targets = np.empty(0, np.int64) if self.targets is None else self.targets
        low, high = np.searchsorted(targets, [masts.first[m], masts.last[m]])
        near = targets[low:high]
        far = receivers.easting_m[near] - masts.easting_m[m]
        near = near[np.abs(far) <= masts.radius_m[m]]
        found = np.unique(sight.rays_to(start, receivers.row[near], receivers.col[near]))
        return found[found >= 0]


def start_at(stage: shapes.Stage, m: int, stop_m: float) -> sight.Start:
    """Where the sweep of mast m starts."""
    masts = stage.masts
    radius = float(masts.radius_m[m]) / stage.field.cell_m
    place = float(masts.col[m]), float(masts.row[m]), float(masts.z_m[m])
    return sight.Start(*place, radius, int(masts.roof[m]), int(masts.first[m]), stop_m)


def groups_of(stage: shapes.Stage, masts: Wholes) -> list[Wholes]:
    """Masts in groups whose clear heights fit into the room for them."""
    size = stage.masts.last[masts] - stage.masts.first[masts]
    groups: list[Wholes] = []
    start = 0
    while start < len(masts):
        many = int(np.searchsorted(np.cumsum(size[start:]), VIEW_ENTRIES, side="right"))
        end = start + min(max(many, 1), MOST_MASTS)
        groups.append(masts[start:end])
        start = end
    return groups


def meet(meeting: Meeting, masts: Wholes, map: Mapper) -> shapes.Tally:  # noqa: A002 - the name every long computation gives its mapper
    """The tally of masts met in groups, in this process or in others."""
    tally = blank(len(meeting.stage.units.kind), len(meeting.levels))
    for part in map(replace(meeting, tally=tally), groups_of(meeting.stage, masts)):
        if part is not None:
            merge(tally, part)
    return tally
