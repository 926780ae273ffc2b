"""The way of many single links at once: what lies under the ray, and how deep a receiver stands in its building.

The walk visits the cells that `path.trace` visits; tests hold both against each other.
"""
# mypy: disable-error-code="no-untyped-def"

import math
from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt
from numba import njit, prange

from siting.radio.kernels_link import depth_m
from siting.radio.kernels_sight import TOUCH

numba.config.THREADING_LAYER = "workqueue"

LIGHT_M_S = 3.0e8
LEAST_V = -0.78
GRAZING = 1e-12
NO_EXCESS_M = -100.0  # what a ray over nothing clears by, at most


class Ground(NamedTuple):
    """Cells: surface [m above datum] with unknown heights at ground level, building (0 none), side [m]."""

    surface_m: npt.NDArray[np.float32]
    building: npt.NDArray[np.int32]
    cell_m: float


class Ends(NamedTuple):
    """Both ends of every link: col and row in fractions of cells, height above datum [m], roof under the antenna (0 none)."""

    col: npt.NDArray[np.float64]
    row: npt.NDArray[np.float64]
    z_m: npt.NDArray[np.float64]
    roof: npt.NDArray[np.int32]
    to_col: npt.NDArray[np.float64]
    to_row: npt.NDArray[np.float64]
    to_z_m: npt.NDArray[np.float64]


class Under(NamedTuple):
    """What is found under every ray: cells over it and their length [m], the most by which one is [m], Bullington loss [dB]."""

    cells: npt.NDArray[np.int32]
    length_m: npt.NDArray[np.float64]
    excess_m: npt.NDArray[np.float64]
    loss_db: npt.NDArray[np.float64]


@njit(cache=True, error_model="numpy")
def _edge_db(v):  # noqa: ANN001, ANN202 - compiled
    """Loss of a knife edge [dB] (`diffraction.knife_edge_db`)."""
    if v <= LEAST_V:
        return 0.0
    return 6.9 + 20.0 * math.log10(math.sqrt((v - 0.1) * (v - 0.1) + 1.0) + v - 0.1)


@njit(cache=True, error_model="numpy")
def _bullington_db(climb, back, highest_v, heights, length_m, wave_m):  # noqa: ANN001, ANN202 - compiled
    """Loss of the edge where the steepest tangents of both ends meet [dB] (`diffraction.bullington_db`)."""
    start, end = heights
    v = highest_v
    if climb >= (end - start) / length_m and climb + back > GRAZING:
        before = (end - start + back * length_m) / (climb + back)
        behind = length_m - before
        ray = (start * behind + end * before) / length_m
        v = (start + climb * before - ray) * math.sqrt(2.0 * length_m / (wave_m * before * behind))
    loss = _edge_db(v)
    return loss + (1.0 - math.exp(-loss / 6.0)) * (10.0 + 0.02 * length_m / 1000.0)


@njit(cache=True, error_model="numpy")
def _walk(ground, ends, k, wave_m, under):  # noqa: ANN001, ANN202 - compiled, one flat loop
    """Follow link k from its antenna and note what lies under the ray."""
    x0, y0 = ends.col[k], ends.row[k]
    along, down = ends.to_col[k] - x0, ends.to_row[k] - y0
    cells_long = math.sqrt(along * along + down * down)
    length = cells_long * ground.cell_m
    rows, cols = ground.surface_m.shape
    home_row, home_col = math.floor(y0), math.floor(x0)
    last_row, last_col = math.floor(ends.to_row[k]), math.floor(ends.to_col[k])
    inside = 0 <= last_row < rows and 0 <= last_col < cols
    own = ground.building[last_row, last_col] if inside else 0
    z0, z1, roof = ends.z_m[k], ends.to_z_m[k], ends.roof[k]
    climb, back, highest, here = -np.inf, -np.inf, -np.inf, 0.0
    while here < 1.0 and cells_long > 0.0:
        middle = min(here + TOUCH / cells_long, 1.0)
        x, y = x0 + middle * along, y0 + middle * down
        col, row = math.floor(x), math.floor(y)
        to_x = (col + 1.0 - x0) / along if along > 0.0 else (col - x0) / along if along < 0.0 else np.inf
        to_y = (row + 1.0 - y0) / down if down > 0.0 else (row - y0) / down if down < 0.0 else np.inf
        far = min(max(min(to_x, to_y), middle), 1.0)
        share, width = 0.5 * (here + far), (far - here) * length
        here = far
        if not (0 <= row < rows and 0 <= col < cols) or width <= TOUCH * ground.cell_m:
            continue
        if (row == home_row and col == home_col) or (row == last_row and col == last_col):
            continue
        number = ground.building[row, col]
        if number > 0 and (number == own or number == roof):  # noqa: PLR1714, SIM109 - compiled
            continue
        height, before = float(ground.surface_m[row, col]), share * length
        behind = length - before
        over = height - (z0 + (z1 - z0) * share)
        climb, back = max(climb, (height - z0) / before), max(back, (height - z1) / behind)
        highest = max(highest, over * math.sqrt(2.0 * length / (wave_m * before * behind)))
        under.excess_m[k] = max(under.excess_m[k], over)
        if over > 0.0:
            under.cells[k] += 1
            under.length_m[k] += width
    if highest > -np.inf:
        under.loss_db[k] = _bullington_db(climb, back, highest, (z0, z1), length, wave_m)


@njit(cache=True, parallel=True, error_model="numpy")
def follow(ground, ends, wave_m, under):  # noqa: ANN001, ANN201 - compiled
    """Follow every link and fill `under`.

    Parameters
    ----------
    ground : Ground
        Cells.
    ends : Ends
        Links.
    wave_m : float
        Wavelength [m].
    under : Under
        Written in place; give it zeros, and `NO_EXCESS_M` for the excess.
    """
    for k in prange(len(ends.col)):
        _walk(ground, ends, k, wave_m, under)


@njit(cache=True, parallel=True, error_model="numpy")
def depths(field, row, col, along, down, building, distance_m, depth):  # noqa: ANN001, ANN201, PLR0917 - compiled
    """Write how deep receivers stand in their buildings [m] towards their antennas, as `coverage` counts it.

    Parameters
    ----------
    field : Field
        See `kernels_sight`.
    row, col : ndarray of int
        Cells of the receivers.
    along, down : ndarray
        Direction to the antenna in columns and rows, of length 1.
    building : ndarray of int
        Building of each, 0 = none.
    distance_m : ndarray
        Plan distance to the antenna [m].
    depth : ndarray
        Written; 0 outside buildings.
    """
    for k in prange(len(row)):
        depth[k] = 0.0
        if building[k] > 0 and distance_m[k] > 0.0:
            depth[k] = depth_m(field, row[k], col[k], along[k], down[k], building[k], distance_m[k])
