"""How a solution comes about: what it adds and what any plan could add at most, over the seconds of its run."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pandas as pd

from siting.access import Actor
from siting.actions import runs
from siting.actions.doors import require
from siting.store import artefacts
from siting.store.database import Database

NAME = "curve"
COLUMNS = ("step", "seconds", "value", "bound")
EVERY_S = 0.5
#: Points kept of one run; past it every second one is dropped, so that a long run stays as light as a short one.
MOST = 400
Point = tuple[str, float, float, float]


@dataclass
class Curve:
    """Points of one run, written to its folder while it runs, at most twice a second.

    Parameters
    ----------
    folder : Path
        Of the run.
    clock : callable
        The time now.
    base_value : float
        What is covered without the plan [persons]; values and bounds are kept as what is added to it.
    """

    folder: Path
    clock: Callable[[], datetime]
    base_value: float = 0.0
    _points: list[Point] = field(default_factory=list)
    _started: datetime | None = None
    _written_s: float = -math.inf

    def tell(self, step: str, value: float, bound: float) -> None:
        """A new state of the work: covered by the best plan so far, and by any plan at most [persons].

        Parameters
        ----------
        step : str
            Name of the solver's step.
        value, bound : float
            As the solver says them; without a bound infinite.
        """
        now = self.clock()
        self._started = self._started or now
        seconds = (now - self._started).total_seconds()
        point = (step, seconds, value - self.base_value, bound - self.base_value)
        if self._points and self._points[-1][0] == step and self._points[-1][2:] == point[2:]:
            return
        self._points.append(point)
        if len(self._points) > MOST:
            self._points = [*self._points[:-1:2], self._points[-1]]
        if seconds - self._written_s >= EVERY_S:
            self.save()
            self._written_s = seconds

    def save(self) -> None:
        """Write what is known so far."""
        artefacts.save_table(self.folder, NAME, pd.DataFrame(self._points, columns=list(COLUMNS)))


def curve(db: Database, actor: Actor, run_id: str) -> pd.DataFrame:
    """The points of a run so far; none before it has begun to solve.

    Returns
    -------
    DataFrame
        ``step``, ``seconds`` since the first point, ``value`` added by the best plan so far and ``bound`` that no plan
        exceeds, both as coverage counts [persons or m2]; an unknown bound is infinite.

    Raises
    ------
    NotFound
        If there is no such run that the actor sees.
    """
    require(db, actor, runs.READING)
    run = runs.get(db, actor, run_id)
    folder = runs.folder(db, run.id)
    if not artefacts.has(folder, f"{NAME}.parquet"):
        return pd.DataFrame(columns=list(COLUMNS))
    return artefacts.load_table(folder, NAME)
