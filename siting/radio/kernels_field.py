"""Kriging of many places at once: every thread solves the small systems of whole places."""
# mypy: disable-error-code="no-untyped-def"

import math
from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt
from numba import njit, prange

numba.config.THREADING_LAYER = "workqueue"


class Known(NamedTuple):
    """Samples: place [m], number of their sector, residual [dB]."""

    easting_m: npt.NDArray[np.float64]
    northing_m: npt.NDArray[np.float64]
    code: npt.NDArray[np.int64]
    residual_db: npt.NDArray[np.float64]


class Asked(NamedTuple):
    """Places [m], number of the sector asked for at each, and their neighbours ([place, most], -1 = none, at the end)."""

    easting_m: npt.NDArray[np.float64]
    northing_m: npt.NDArray[np.float64]
    code: npt.NDArray[np.int64]
    near: npt.NDArray[np.int64]


class Alike(NamedTuple):
    """Covariance over distance in steps [dB2]: between any two samples, and on top within one sector."""

    common: npt.NDArray[np.float64]
    sector: npt.NDArray[np.float64]
    nugget_db2: float
    step_m: float


@njit(cache=True, error_model="numpy")
def _covariance(alike, east, north, same):  # noqa: ANN001, ANN202 - compiled
    """Covariance over a distance given by its components, linear between the steps [dB2]."""
    at = math.sqrt(east * east + north * north) / alike.step_m
    low = min(int(at), alike.common.size - 2)
    share = min(at - low, 1.0)
    value = alike.common[low] + share * (alike.common[low + 1] - alike.common[low])
    if same:
        value += alike.sector[low] + share * (alike.sector[low + 1] - alike.sector[low])
    return value


@njit(cache=True, error_model="numpy")
def _fill(known, alike, near, factor):  # noqa: ANN001, ANN202 - compiled
    """Cholesky factor of the covariance among neighbours, row by row in place."""
    for i in range(near.size):
        a = near[i]
        for j in range(i + 1):
            b = near[j]
            east, north = known.easting_m[a] - known.easting_m[b], known.northing_m[a] - known.northing_m[b]
            value = _covariance(alike, east, north, known.code[a] == known.code[b])
            for k in range(j):
                value -= factor[i, k] * factor[j, k]
            if i == j:
                factor[i, i] = math.sqrt(value + alike.nugget_db2)
            else:
                factor[i, j] = value / factor[j, j]


@njit(cache=True, error_model="numpy")
def _solve(factor, toward, answer):  # noqa: ANN001, ANN202 - compiled
    """Mean and explained variance at a place whose covariance with each neighbour is given (both overwritten)."""
    mean, explained = 0.0, 0.0
    for i in range(toward.size):
        for k in range(i):
            toward[i] -= factor[i, k] * toward[k]
            answer[i] -= factor[i, k] * answer[k]
        toward[i] /= factor[i, i]
        answer[i] /= factor[i, i]
        mean += toward[i] * answer[i]
        explained += toward[i] * toward[i]
    return mean, explained


@njit(cache=True, parallel=True, error_model="numpy")
def krige(known, alike, asked, mean_db, explained_db2):  # noqa: ANN001, ANN201 - compiled
    """Mean residual and explained variance at places from their neighbours."""
    near = asked.near
    for place in prange(near.shape[0]):
        count = 0
        while count < near.shape[1] and near[place, count] >= 0:
            count += 1
        mine = near[place, :count]
        factor = np.empty((count, count))
        toward, answer = np.empty(count), np.empty(count)
        _fill(known, alike, mine, factor)
        for i in range(count):
            a = mine[i]
            east, north = known.easting_m[a] - asked.easting_m[place], known.northing_m[a] - asked.northing_m[place]
            toward[i] = _covariance(alike, east, north, known.code[a] == asked.code[place])
            answer[i] = known.residual_db[a]
        mean_db[place], explained_db2[place] = _solve(factor, toward, answer)
