"""The march over the roofs of one path: `diffraction.bullington_db` cell by cell, without a profile in between."""
# mypy: disable-error-code="no-untyped-def"

import math

import numpy as np
from numba import njit

from siting.radio.kernels_sight import IDENTITY, TOUCH, UNKNOWN

LIGHT_M_GHZ = 0.3
LEAST_V = -0.78
GRAZING = 1e-12


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def knife_edge_db(v):  # noqa: ANN001, ANN201 - compiled
    """Loss of one knife edge [dB] (ITU-R P.526)."""
    if not v > LEAST_V:
        return 0.0
    return 6.9 + 20.0 * math.log10(math.sqrt((v - 0.1) * (v - 0.1) + 1.0) + v - 0.1)


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def bullington_db(stage, m, receiver, z_m):  # noqa: ANN001, ANN201 - compiled
    """Loss over the roofs between mast m and a height above datum [m] at a receiver [dB]; 0 where no cell lies between."""
    field, masts, receivers = stage.field, stage.masts, stage.receivers
    end_col, end_row = receivers.col[receiver] + 0.5, receivers.row[receiver] + 0.5
    skipped = (masts.roof[m], receivers.building[receiver])
    wave = LIGHT_M_GHZ / stage.frequency_ghz
    ends = (masts.z_m[m], float(z_m), wave, stage.corrections.cap_m)
    climb, back, most, length = _edges(field, (masts.col[m], masts.row[m]), (end_col, end_row), skipped, ends)
    if most == -np.inf:
        return 0.0
    loss = knife_edge_db(_equivalent_v(climb, back, most, length, ends))
    return loss + (1.0 - math.exp(-loss / 6.0)) * (10.0 + 0.02 * length / 1000.0)


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _equivalent_v(climb, back, most, length, ends):  # noqa: ANN001, ANN202 - compiled
    """Parameter of the edge where the tangents from both ends meet, else that of the highest edge."""
    ht, hr, wave, _cap = ends
    if climb < (hr - ht) / length or climb + back <= GRAZING:
        return most
    before = (hr - ht + back * length) / (climb + back)
    behind = length - before
    over = ht + climb * before - (ht * behind + hr * before) / length
    return over * math.sqrt(2.0 * length / (wave * before * behind))


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _crossing(start, step, cell):  # noqa: ANN001, ANN202 - compiled
    """Way [cells] to the first border along one axis, and between borders."""
    if step == 0.0:
        return np.inf, np.inf
    border = cell + 1.0 if step > 0.0 else cell
    return (border - start) / step, 1.0 / abs(step)


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _edges(field, start, end, skipped, ends):  # noqa: ANN001, ANN202 - compiled
    """Steepest climb from the antenna, steepest from the receiver, largest parameter, plan length [m]."""
    cells = math.hypot(end[0] - start[0], end[1] - start[1])
    climb, back, most, length = -np.inf, -np.inf, -np.inf, cells * field.cell_m
    if cells == 0.0:
        return climb, back, most, length
    step_x, step_y = (end[0] - start[0]) / cells, (end[1] - start[1]) / cells
    col, row = math.floor(start[0]), math.floor(start[1])
    last_col, last_row, home_col, home_row = math.floor(end[0]), math.floor(end[1]), col, row
    to_x, across = _crossing(start[0], step_x, col)
    to_y, down = _crossing(start[1], step_y, row)
    here = 0.0
    while here < cells:
        there = min(to_x, to_y, cells)
        home = (col == home_col and row == home_row) or (col == last_col and row == last_row)
        if there - here > TOUCH and not home and 0 <= row < field.code.shape[0] and 0 <= col < field.code.shape[1]:
            height, counts = _height(field, row, col, skipped, ends[3])
            if counts:
                d1 = 0.5 * (here + there) * field.cell_m
                d2 = length - d1
                climb, back = max(climb, (height - ends[0]) / d1), max(back, (height - ends[1]) / d2)
                over = height - (ends[0] + (ends[1] - ends[0]) * d1 / length)
                most = max(most, over * math.sqrt(2.0 * length / (ends[2] * d1 * d2)))
        here = there
        if to_x <= there:
            col, to_x = col + (1 if step_x > 0.0 else -1), to_x + across
        if to_y <= there:
            row, to_y = row + (1 if step_y > 0.0 else -1), to_y + down
    return climb, back, most, length


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _height(field, row, col, skipped, cap_m):  # noqa: ANN001, ANN202 - compiled
    """Surface of a cell [m above datum], unknown ones at ground level, and whether it may be an edge at all."""
    code = field.code[row, col]
    identity = code & IDENTITY
    if identity > 0 and (identity == skipped[0] or identity == skipped[1]):
        return 0.0, False
    return field.surface[row, col] - (cap_m if code & UNKNOWN else 0.0), True
