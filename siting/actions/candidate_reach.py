"""What every option gives every operator's people: one reach per network, put together per group of operators."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

from siting.actions import calibrations, radiotables
from siting.actions.candidate_base import Base
from siting.actions.runs import Reporter
from siting.actions.scene import Scene
from siting.plan import options
from siting.radio.reach import reach
from siting.store.database import Database

Operators = tuple[str, ...]
MOUNT = ["candidate_id", "configuration", "start_deg"]


@dataclass(frozen=True, eq=False)
class Reached:
    """Options with what each alone gives.

    Parameters
    ----------
    options : DataFrame
        One line per column of the matrices.
    p : mapping
        Group of operators -> probability [units, options]; 0 where an option does not serve them.
    """

    options: pd.DataFrame
    p: Mapping[Operators, sp.csc_array]

    def at(self, rows: npt.NDArray[np.int64]) -> Reached:
        """Some of the options, in this order."""
        same = np.array_equal(rows, np.arange(len(self.options)))
        p = self.p if same else {group: matrix[:, rows] for group, matrix in self.p.items()}
        return replace(self, options=self.options.iloc[rows].reset_index(drop=True), p=p)


def computed(db: Database, ground: Scene, base: Base, tried: pd.DataFrame, report: Reporter) -> Reached:
    """What options give alone; of their start azimuths the two best of each host are kept.

    Parameters
    ----------
    tried : DataFrame
        Options at the start azimuths that may be used.
    """
    mounts = {name: _mounts(tried, name) for name in base.networks}
    parts = {name: _alone(db, ground, base, mounts[name], name, report) for name in base.networks}
    found = Reached(tried, dict(_by_group(base, tried, mounts, parts)))
    return found.at(np.flatnonzero(options.best_turns(tried, single_value(base, found))))


def single_value(base: Base, found: Reached) -> npt.NDArray[np.float64]:
    """Expected people that each option alone adds, over all operators by their share."""
    persons = base.units["persons"].to_numpy(np.float64)
    total = np.zeros(len(found.options))
    for group, p in found.p.items():
        present = base.presents[group[0]]
        gain = np.maximum(0.0, p.data - present[p.indices]) * persons[p.indices]
        column = np.repeat(np.arange(p.shape[1]), np.diff(p.indptr))
        total += base.share(group) * np.bincount(column, weights=gain, minlength=p.shape[1])
    return total


def _mounts(tried: pd.DataFrame, network: str) -> pd.DataFrame:
    """Antennas of a network: one per host, configuration and start azimuth, whoever else shares the host."""
    mine = tried[[network in own for own in tried["networks"]]]
    return mine.drop_duplicates(MOUNT).reset_index(drop=True)


def _alone(
    db: Database, ground: Scene, base: Base, mounts: pd.DataFrame, network: str, report: Reporter
) -> sp.csc_array:
    """Probability of every unit by each antenna of a network alone [units, mounts]."""
    if mounts.empty:
        return sp.csc_array((len(base.units), 0), dtype=np.float32)
    carrier, held = radiotables.networks(db)[network], calibrations.in_force(db, network)
    report.note = network
    present = np.min([base.presents[operator] for operator in carrier.operators], axis=0)
    found = reach(
        options.sectors_of(mounts, network=network),
        ground.terrain,
        ground.units,
        carrier,
        thresholds=radiotables.thresholds(db)[base.run.params["profile"]],
        base=present,
        calibration=None if held is None else held.calibration,
        gear=radiotables.gear(db),
        map=report.mapper(),
    )
    order = pd.Index(found.option_id).get_indexer(pd.Index(mounts["option_id"]))
    return found.p if np.array_equal(order, np.arange(len(order))) else found.p[:, order]


def _by_group(
    base: Base, tried: pd.DataFrame, mounts: Mapping[str, pd.DataFrame], parts: Mapping[str, sp.csc_array]
) -> Iterator[tuple[Operators, sp.csc_array]]:
    """Each group of operators with the reach of every option for it."""
    for networks, operators in base.groups.items():
        if len(base.networks) == 1:
            yield operators, parts[networks[0]]
            continue
        nothing = sp.csc_array((len(base.units), 1), dtype=np.float32)
        whole = sp.csc_array(sp.hstack([*(parts[name] for name in networks), nothing], format="csc"))
        place = np.full(len(tried), whole.shape[1] - 1)
        first = 0
        for name in networks:
            at = _place(tried, mounts[name], name)
            place = np.where(at >= 0, first + at, place)
            first += parts[name].shape[1]
        yield operators, whole[:, place]


def _place(tried: pd.DataFrame, mounts: pd.DataFrame, network: str) -> npt.NDArray[np.int64]:
    """Row of the antenna of a network that each option has; -1 where it has none."""
    rows = pd.MultiIndex.from_frame(mounts[MOUNT]).get_indexer(pd.MultiIndex.from_frame(tried[MOUNT]))
    has = np.fromiter((network in own for own in tried["networks"]), bool, len(tried))
    return np.where(has, rows, -1).astype(np.int64)
