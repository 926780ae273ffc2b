"""What is known of the model's error where a coverage run kept it, and what a plan adds under draws of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

from siting.actions import coverage, radiotables, runs
from siting.actions import coverage_files as files
from siting.actions.question import Question
from siting.plan import modelerror
from siting.plan.modelerror import Part
from siting.store import artefacts
from siting.store.database import Database
from siting.store.runs import Run

CHANCES = ("sigma_db", "kind", "error_db")
#: Names of the ends in the figures of a plan.
ENDS = ("added_low", "added_high")


def network_of(db: Database, run: Run, operator: str) -> str:
    """The first network of a coverage run that is an operator's."""
    carriers = radiotables.networks(db)
    return next(name for name in coverage.networks_of(run) if operator in carriers[name].operators)


def chances(db: Database, run: Run, network: str) -> dict[str, npt.NDArray[Any]] | None:
    """Spread of the level and class of the error at every unit in a network of a run; None where the run kept none."""
    name = f"chances{files.suffix(run.params, network=network, profile=run.params['profile'])}"
    folder = runs.folder(db, run.id)
    return artefacts.load_arrays(folder, name, only=CHANCES) if artefacts.has(folder, f"{name}.npz") else None


def alike(reaches: Mapping[str, sp.csc_array], presents: Mapping[str, npt.NDArray[Any]]) -> list[list[str]]:
    """Operators that are reached and start alike, together."""
    groups: dict[tuple[int, int], list[str]] = {}
    for name, matrix in reaches.items():
        groups.setdefault((id(matrix), id(presents[name])), []).append(name)
    return list(groups.values())


def ends(db: Database, asks: Question, asked: Mapping[str, Any], chosen: pd.DataFrame) -> dict[str, float | None]:
    """Between what a plan adds if the model is off, as the question counts people.

    Parameters
    ----------
    chosen : DataFrame
        Points of the plan, index = row in ``asks.offered``.

    Returns
    -------
    dict
        `ENDS`: 5 % and 95 % points [persons or m2]; None where the coverage run kept nothing about its error.
    """
    parts = list(_parts(db, asks, chosen.index.to_numpy()))
    if None in parts:
        return dict.fromkeys(ENDS)
    found = modelerror.added_interval(
        asks.base.units["persons"].to_numpy(np.float64),
        [part for part in parts if part is not None],
        chosen["candidate_id"].tolist(),
        standing=chosen["standing"].to_numpy(bool),
        permission=chosen["permission"].to_numpy(np.float64) if asked["use_permission"] else None,
        cell_probability=_threshold(db, asks) if asked["mode"] == "binary" else None,
    )
    return dict(zip(ENDS, (found.low, found.high), strict=True))


def _threshold(db: Database, asks: Question) -> float:
    return radiotables.thresholds(db)[asks.base.run.params["profile"]].cell_probability


def _parts(db: Database, asks: Question, columns: npt.NDArray[np.int64]) -> Iterator[Part | None]:
    """One part per group of operators that are reached and start alike; None where nothing is known of its error."""
    for names in alike(asks.reaches, asks.base.presents):
        network = network_of(db, asks.base.run, names[0])
        known = chances(db, asks.base.run, network)
        share = sum(asks.shares[name] for name in names)
        p, present = asks.reaches[names[0]][:, columns], asks.base.presents[names[0]]
        yield None if known is None else Part(network, share, p, present, **known)
