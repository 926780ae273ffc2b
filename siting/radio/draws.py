"""Draws of the model's error: what a figure could also be if the model were off by some dB in a whole class of places."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from siting.errors import BadInput
from siting.radio.network import defaults

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Codes = npt.NDArray[np.integer]

LOW, HIGH = 0.05, 0.95


def errors_db(network: str, spread_db: npt.ArrayLike, *, draws: int, seed: int) -> Floats:
    """Errors of a network's classes, one column each; a class is off by the same everywhere.

    Parameters
    ----------
    network : str
        Profile name; the draws of two networks are independent and do not depend on each other's order.
    spread_db : array_like
        [class]: standard deviation of the error [dB].
    draws : int
        How many.
    seed : int
        Same seed, same draws.

    Returns
    -------
    ndarray, shape (draws, classes)
        Normal errors [dB], stratified: every class meets each of its quantiles (i + 1/2) / draws exactly once, so that
        few draws give the 5 % and 95 % points of a single class exactly.

    Raises
    ------
    BadInput
        If there is no draw.
    """
    if draws < 1:
        raise BadInput("radio.draws.none", value=draws)
    spread = np.asarray(spread_db, np.float64)
    levels = ndtri((np.arange(draws) + 0.5) / draws)
    source = np.random.default_rng([seed, zlib.crc32(network.encode())])
    order = np.argsort(source.random((draws, len(spread))), axis=0, kind="stable")
    return np.asarray(levels[order] * spread)


@dataclass(frozen=True)
class Shifting:
    """One network's probabilities, ready to be moved by an error.

    Parameters
    ----------
    quantile : ndarray of float32
        Normal quantile of each unit's probability.
    steepness : ndarray of float32
        1 / spread of the unit's level [1/dB].
    kind : ndarray of integers
        Class of each unit.
    errors : ndarray
        [draw, class] [dB].
    """

    quantile: Singles
    steepness: Singles
    kind: Codes
    errors: Floats

    def probability(self, draw: int) -> Singles:
        """Probabilities if the network were off by the errors of a draw."""
        moved = self.errors[draw].astype(np.float32)[self.kind]
        moved *= self.steepness
        moved += self.quantile
        return np.asarray(ndtr(moved, out=moved))


def shifting(p: Singles, sigma_db: Singles, kind: Codes, errors: Floats) -> Shifting:
    """Prepare probabilities for draws; what is certain (0 or 1, or no server) stays so.

    Parameters
    ----------
    p : ndarray
        Probability by unit.
    sigma_db : ndarray
        Spread of the server's level [dB]; NaN where there is none.
    kind : ndarray of integers
        Class by unit, a column of `errors`.
    errors : ndarray
        From `errors_db`.
    """
    certain = ~(sigma_db > 0)
    steep = np.where(certain, 0.0, 1.0 / np.where(certain, 1.0, sigma_db))
    return Shifting(ndtri(np.asarray(p, np.float64)).astype(np.float32), steep.astype(np.float32), kind, errors)


def bounds(values: Sequence[Floats] | Floats) -> tuple[Floats, Floats]:
    """5 % and 95 % points over draws, shape (draws, groups); the middle of a stratum stands for it."""
    stacked = np.asarray(values)
    low, high = np.quantile(stacked, (LOW, HIGH), axis=0, method="hazen")
    return np.asarray(low), np.asarray(high)


def number_of_draws() -> int:
    """How many draws an interval rests on."""
    return int(defaults()["gap_draws"])
