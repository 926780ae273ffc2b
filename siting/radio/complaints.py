"""Complaints as evidence: where people say they have no signal, older ones weighing less; never counted as people."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from siting.radio.network import defaults

Floats = npt.NDArray[np.float64]


def weights(age_d: npt.ArrayLike) -> Floats:
    """Weight of complaints by age: 0.5^(age / 180 d).

    Parameters
    ----------
    age_d : array_like
        Age [d]; NaN (no date) and dates to come weigh as new ones.

    Examples
    --------
    >>> weights([0.0, 180.0, 360.0]).tolist()
    [1.0, 0.5, 0.25]
    """
    age = np.maximum(np.nan_to_num(np.asarray(age_d, np.float64), nan=0.0), 0.0)
    return np.asarray(0.5 ** (age / defaults()["complaint_half_life_d"]))


def evidence(units: pd.DataFrame, places: pd.DataFrame, *, level: str) -> pd.Series:
    """Weight of complaints by place of a level.

    Parameters
    ----------
    units : DataFrame
        ``row, col`` and the level's column.
    places : DataFrame
        ``row, col`` of the cell a complaint points at, ``weight``.
    level : str
        ``street_office``, ``building_id`` or ``venue``.

    Returns
    -------
    Series
        Sum of weights, by name of the place; places without complaints are missing.  A cell that belongs to several
        places of the level counts for each of them.
    """
    known = units.loc[units[level].notna(), ["row", "col", level]].drop_duplicates()
    found = places.merge(known.astype({level: str}), on=["row", "col"])
    return pd.Series(found.groupby(level)["weight"].sum())
