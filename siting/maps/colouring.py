"""Few colours for many neighbours: near things get different ones."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

NEAR = 8


def apart(easting_m: npt.ArrayLike, northing_m: npt.ArrayLike, *, colours: int) -> npt.NDArray[np.int64]:
    """A colour for every place, unlike those of its nearest neighbours as far as the colours go round.

    Parameters
    ----------
    easting_m, northing_m : array_like
        Places [m]; equal places get the same colour.
    colours : int
        How many colours there are.

    Returns
    -------
    ndarray of int64
        0 .. colours - 1.

    Examples
    --------
    >>> apart([0.0, 10.0, 20.0, 0.0], [0.0, 0.0, 0.0, 0.0], colours=3).tolist()
    [0, 1, 2, 0]
    """
    places, which = np.unique(np.column_stack([easting_m, northing_m]), axis=0, return_inverse=True)
    chosen = np.full(len(places), -1)
    for at, place in enumerate(places):
        far = np.hypot(*(places[:at] - place).T)
        near = np.argsort(far, kind="stable")[:NEAR]
        weight = np.bincount(chosen[near], weights=1.0 / (1.0 + far[near]), minlength=colours)
        chosen[at] = int(np.argmin(weight))
    return np.asarray(chosen[which.ravel()], np.int64)
