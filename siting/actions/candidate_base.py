"""The coverage that candidates are measured against: what every operator's people have today."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from siting.access import Actor
from siting.actions import coverage, radiotables, runs
from siting.actions import coverage_files as files
from siting.errors import BadInput
from siting.radio.gap import operator_weights
from siting.store import artefacts
from siting.store.database import Database
from siting.store.runs import Run

Singles = npt.NDArray[np.float32]
COLUMNS = ["unit_id", "floor", "persons", "unknown", "street_office", "venue", "present"]


@dataclass(frozen=True)
class Base:
    """The coverage that candidates are measured against.

    Parameters
    ----------
    run : Run
        The coverage run.
    units : DataFrame
        Its units with ``persons`` (people known to be covered or not, in every network of the run) and ``present``
        probability of the first network.
    presents : mapping
        Operator -> probability from its existing sites [units]: the highest over its networks of the run.  Operators of
        the same networks have the same array.
    served : mapping
        Operator -> its networks of the run.
    """

    run: Run
    units: pd.DataFrame
    presents: Mapping[str, Singles]
    served: Mapping[str, tuple[str, ...]]

    @property
    def networks(self) -> tuple[str, ...]:
        """Networks of the run, the first one first."""
        return coverage.networks_of(self.run)

    @cached_property
    def groups(self) -> dict[tuple[str, ...], tuple[str, ...]]:
        """Operators of the same networks by these networks, those of the first network first."""
        own: dict[tuple[str, ...], tuple[str, ...]] = {}
        for operator, networks in self.served.items():
            own[networks] = (*own.get(networks, ()), operator)
        return dict(sorted(own.items(), key=lambda item: [self.networks.index(name) for name in item[0]]))

    def share(self, operators: tuple[str, ...]) -> float:
        """Share of the people that is counted for some operators."""
        weights = operator_weights()
        whole = sum(weights.get(name, 1.0) for name in self.served)
        return sum(weights.get(name, 1.0) for name in operators) / whole


def base_of(db: Database, actor: Actor, run_id: str | None) -> Base:
    """A finished coverage run with its units, unknown people taken out.

    Raises
    ------
    BadInput
        If there is none, or the district changed since.
    """
    run = runs.finished(db, actor, "coverage", run_id)
    if not coverage.current(db, run):
        raise BadInput("candidates.stale", run=run.id)
    units = artefacts.load_table(runs.folder(db, run.id), "units", columns=COLUMNS)
    first, *others = coverage.networks_of(run)
    parts = {first: units[["unknown", "present"]], **{name: _part(db, run, name) for name in others}}
    unknown = np.max([part["unknown"].to_numpy() for part in parts.values()], axis=0)
    carriers = radiotables.networks(db)
    operators = sorted({op for name in parts for op in carriers[name].operators})
    served = {op: tuple(name for name in parts if op in carriers[name].operators) for op in operators}
    best = {own: np.max([parts[name]["present"].to_numpy() for name in own], axis=0) for own in set(served.values())}
    presents = {op: best[own] for op, own in served.items()}
    return Base(run, units.assign(persons=units["persons"] - unknown), presents, served)


def _part(db: Database, run: Run, network: str) -> pd.DataFrame:
    """What a network of a coverage run says of every unit."""
    end = files.suffix(run.params, network=network, profile=run.params["profile"])
    return artefacts.load_table(runs.folder(db, run.id), f"units{end}", columns=["unknown", "present"])
