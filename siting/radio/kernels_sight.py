"""The sweep behind clear heights: one walk per ray from an antenna to the rim of its radius.

Each ray keeps the steepest slope met so far; a receiver takes it from the ray that passes nearest
to its centre (the R2 viewshed), so the whole radius costs one walk per ray instead of one per link.
The ray itself is exact: it visits every cell its plan projection crosses with positive length.
"""
# mypy: disable-error-code="no-untyped-def"

from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt
from numba import njit, prange

numba.config.THREADING_LAYER = "workqueue"

UNKNOWN = 1 << 29
RECEIVER = 1 << 30
IDENTITY = UNKNOWN - 1
RAY_BLOCK = 64
STEPS = 2.0**20  # a cell in steps of a few micrometres
TOUCH = 1e-9  # cells: a path this short in a cell only touches it


class Field(NamedTuple):
    """Obstacles, both ways round, so that every walk reads along rows.

    surface [m above datum] has unknown cells at their highest; code is the building (0 none) with
    the bits UNKNOWN and RECEIVER; receiver is the number of the receiver standing in a cell.
    """

    surface: npt.NDArray[np.float32]
    code: npt.NDArray[np.int32]
    surface_t: npt.NDArray[np.float32]
    code_t: npt.NDArray[np.int32]
    receiver: npt.NDArray[np.int32]
    cell_m: float


class Start(NamedTuple):
    """An antenna in cell units: col, row (fractions of cells from the north-west corner), z [m], own roof.

    A ray ends where everything beyond it below stop_m [m above datum] is hidden.
    """

    col: float
    row: float
    z_m: float
    radius_cells: float
    roof: int
    first: int
    stop_m: float


class Sight(NamedTuple):
    """What the sweep finds for each receiver from `Start.first` on: heights above datum [m]."""

    clear_m: npt.NDArray[np.float32]
    cap_m: npt.NDArray[np.float32]


class Walk(NamedTuple):
    """One of the four sides: start along and across the walk, its direction, and whether rows are walked."""

    along: float
    across: float
    sign: int
    rays: int
    swapped: bool


@njit(cache=True, error_model="numpy")
def _is_nearest(walk, j, u, offset):  # noqa: ANN001, ANN202 - compiled
    """Whether ray j is the one of all four sides that passes nearest to a receiver."""
    if u <= 0.0 or abs(offset) > u or (walk.swapped and abs(offset) == u):
        return False
    return int(np.floor(walk.rays + offset / u * walk.rays + 0.5)) == j


@njit(cache=True, error_model="numpy")
def _steepest(height, near, far, slope):  # noqa: ANN001, ANN202 - compiled
    """Steepest slope after a cell of a height over the antenna, entered at near and left at far."""
    way = near if height > 0.0 else far
    return slope if height <= slope * way else height / way


@njit(cache=True, error_model="numpy")
def _walk_ray(surface, code, field, start, walk, sight, j):  # noqa: C901, ANN001, ANN202 - compiled
    """Follow ray j of one side and write the receivers it is nearest to."""
    slope = (j - walk.rays) / walk.rays
    limit = start.radius_cells / np.sqrt(1.0 + slope * slope) + 1.0
    home_col, home_row = int(np.floor(walk.along)), int(np.floor(walk.across))
    aside = walk.across - home_row
    first = home_col + 1.0 - walk.along if walk.sign > 0 else walk.along - home_col
    known, cap, run_known, run_cap = -np.inf, -np.inf, -np.inf, -np.inf
    run, u0, row, k = -1, 0.0, home_row, 0
    while u0 <= limit:
        col = home_col + walk.sign * k
        if (col < 0 and walk.sign < 0) or (col >= surface.shape[1] and walk.sign > 0):
            break
        u1, middle = first + k, first + k - 0.5
        next_row = home_row + int(np.floor(aside + slope * u1))
        cross = u1 if next_row == row else (max(row, next_row) - home_row - aside) / slope
        for part in range(2):
            at, near, far = (row, u0, cross) if part == 0 else (next_row, cross, u1)
            outside = at < 0 or at >= surface.shape[0] or col < 0 or col >= surface.shape[1]
            if outside or far - near <= TOUCH:
                continue
            here = code[at, col]
            identity = here & IDENTITY
            if identity != run:
                run, run_known, run_cap = identity, known, cap
            in_middle = middle < cross if part == 0 else middle >= cross
            if here & RECEIVER and (in_middle or next_row == row):
                offset = at - home_row + 0.5 - aside
                if _is_nearest(walk, j, middle, offset):
                    spot = field.receiver[col, at] if walk.swapped else field.receiver[at, col]
                    own = identity > 0
                    sight.clear_m[spot - start.first] = start.z_m + (run_known if own else known) * middle
                    sight.cap_m[spot - start.first] = start.z_m + (run_cap if own else cap) * middle
            if (k == 0 and at == home_row) or (identity == start.roof and identity > 0):
                continue
            height = surface[at, col] - start.z_m
            cap = _steepest(height, near, far, cap)
            if not here & UNKNOWN:
                known = _steepest(height, near, far, known)
        row, u0, k = next_row, u1, k + 1
        if run == 0 and start.z_m + known * (u1 if known > 0.0 else limit + 1.0) > start.stop_m:
            break


@njit(cache=True, error_model="numpy")
def _snapped(place):  # noqa: ANN001, ANN202 - compiled
    """A place in cells in steps that add to whole cells without rounding: a ray is the same in every window."""
    return np.floor(place * STEPS + 0.5) / STEPS


@njit(cache=True, error_model="numpy")
def _side(start, side, rays):  # noqa: ANN001, ANN202 - compiled
    """The walk of one of the four sides: 0 east, 1 west, 2 south, 3 north."""
    col, row = _snapped(start.col), _snapped(start.row)
    if side < 2:  # noqa: PLR2004 - the two sides walked along rows
        return Walk(col, row, 1 - 2 * side, rays, False)
    return Walk(row, col, 5 - 2 * side, rays, True)


@njit(cache=True, error_model="numpy")
def _walk_rays(field, start, sight, rays, first, last):  # noqa: ANN001, ANN202 - compiled
    """Follow rays numbered over all four sides."""
    per_side = 2 * rays + 1
    for number in range(first, last):
        walk = _side(start, number // per_side, rays)
        if walk.swapped:
            _walk_ray(field.surface_t, field.code_t, field, start, walk, sight, number % per_side)
        else:
            _walk_ray(field.surface, field.code, field, start, walk, sight, number % per_side)


@njit(cache=True, error_model="numpy")
def _at_home(field, start, sight):  # noqa: ANN001, ANN202 - compiled
    """A receiver in the antenna's own cell sees it: there is no cell between them."""
    row, col = int(np.floor(_snapped(start.row))), int(np.floor(_snapped(start.col)))
    if not (0 <= row < field.code.shape[0] and 0 <= col < field.code.shape[1]):
        return
    if field.code[row, col] & RECEIVER:
        spot = field.receiver[row, col] - start.first
        sight.clear_m[spot], sight.cap_m[spot] = -np.inf, -np.inf


@njit(cache=True, error_model="numpy")
def sweep_alone(field, start, sight):  # noqa: ANN001, ANN201 - compiled
    """Sweep on one thread, for callers that share out antennas instead of rays."""
    rays = int(np.ceil(start.radius_cells)) + 1
    _walk_rays(field, start, sight, rays, 0, 4 * (2 * rays + 1))
    _at_home(field, start, sight)


@njit(cache=True, parallel=True, error_model="numpy")
def sweep(field, start, sight):  # noqa: ANN001, ANN201 - compiled
    """Fill `sight` for all receivers within the radius; each receiver is written by one ray only.

    Parameters
    ----------
    field : Field
        Obstacles and receivers.
    start : Start
        The antenna.
    sight : Sight
        Written in place; receivers that no ray reaches keep what they held.
    """
    rays = int(np.ceil(start.radius_cells)) + 1
    total = 4 * (2 * rays + 1)
    for block in prange((total + RAY_BLOCK - 1) // RAY_BLOCK):
        _walk_rays(field, start, sight, rays, block * RAY_BLOCK, min((block + 1) * RAY_BLOCK, total))
    _at_home(field, start, sight)


@njit(cache=True, parallel=True, error_model="numpy")
def sweep_some(field, start, sight, wanted):  # noqa: ANN001, ANN201 - compiled
    """The same as `sweep` along some rays only, numbered over all four sides."""
    rays = int(np.ceil(start.radius_cells)) + 1
    for block in prange((len(wanted) + RAY_BLOCK - 1) // RAY_BLOCK):
        for number in wanted[block * RAY_BLOCK : min((block + 1) * RAY_BLOCK, len(wanted))]:
            _walk_rays(field, start, sight, rays, number, number + 1)
    _at_home(field, start, sight)


@njit(cache=True, error_model="numpy")
def rays_to(start, row, col):  # noqa: ANN001, ANN201 - compiled
    """Number of the ray from which the sweep takes the receiver in the middle of each cell; -1 in the antenna's own."""
    rays = int(np.ceil(start.radius_cells)) + 1
    found = np.full(len(row), -1, np.int64)
    home_col, home_row = np.floor(_snapped(start.col)), np.floor(_snapped(start.row))
    for i in range(len(row)):
        if col[i] == home_col and row[i] == home_row:
            continue
        for side in range(4):
            walk = _side(start, side, rays)
            along, across = (row[i], col[i]) if walk.swapped else (col[i], row[i])
            home = int(np.floor(walk.along))
            first = home + 1.0 - walk.along if walk.sign > 0 else walk.along - home
            line = int(np.floor(walk.across))
            u, offset = first + walk.sign * (along - home) - 0.5, across - line + 0.5 - (walk.across - line)
            if u > 0.0 and abs(offset) <= u and not (walk.swapped and abs(offset) == u):
                found[i] = side * (2 * rays + 1) + int(np.floor(rays + offset / u * rays + 0.5))
    return found
