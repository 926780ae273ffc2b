"""What the sectors of one mast send towards many units: pattern losses, the strongest, the sum of the others."""
# mypy: disable-error-code="no-untyped-def"

import numpy as np
from numba import njit

from siting.radio.kernels_math import LOG2_PER_DB, F, I, atan2_deg, bits_of, exp2_of, sine_of

#: Levels that agree in all but this many last bits of a single are equal (4e-6 dB).
LOOSE_BITS = 3
RADIANS = F(np.pi / 180.0)
HALF_PI = F(np.pi / 2.0)


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def wrap_deg(angle):  # noqa: ANN001, ANN201 - compiled
    """An angle in (-180, 180] degrees."""
    return angle - F(360.0) * F(np.ceil((angle - F(180.0)) / F(360.0)))


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def upright(azimuth_deg, bearing_deg, depression_deg, phi, delta):  # noqa: ANN001, ANN201 - compiled
    """Directions off an upright sector's azimuth."""
    for i in range(len(phi)):
        phi[i] = wrap_deg(bearing_deg[i] - azimuth_deg)
    for i in range(len(delta)):
        delta[i] = depression_deg[i]


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def tilted(tilt, d2_m, drop_m, phi, delta):  # noqa: ANN001, ANN201 - compiled
    """Turn directions into those a mechanically tilted antenna sees; phi is read and written.

    tilt is the cosine and the sine of the tilt; `antenna` has the same rotation.
    """
    cos_m, sin_m = tilt
    for i in range(len(phi)):
        flat = max(d2_m[i], F(1e-6))
        long = F(1.0) / F(np.sqrt(flat * flat + drop_m[i] * drop_m[i]))
        angle = phi[i] * RADIANS
        ahead = HALF_PI - abs(angle)
        along, aside, down = sine_of(ahead) * flat * long, sine_of(angle) * flat * long, drop_m[i] * long
        x, up = along * cos_m + down * sin_m, along * sin_m - down * cos_m
        phi[i] = atan2_deg(aside, x)
        delta[i] = -atan2_deg(up, F(np.sqrt(x * x + aside * aside)))


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def parabolas_db(beam, phi, delta, loss_db):  # noqa: ANN001, ANN201 - compiled
    """Loss of the standard's parabolas; beam is widths [deg], caps [dB] and electrical tilt [deg]."""
    wide, high, most, side, electrical = beam
    for i in range(len(loss_db)):
        v, h = (delta[i] - electrical) / high, phi[i] / wide
        loss_db[i] = min(min(F(12.0) * v * v, side) + min(F(12.0) * h * h, most), most)


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _cut_db(cut, angle_deg):  # noqa: ANN001, ANN202 - compiled
    """Loss at an angle of a cut of 361 entries."""
    turn = angle_deg - F(360.0) * F(np.floor(angle_deg / F(360.0)))
    low = min(I(turn), I(359))
    return cut[low] + (turn - F(low)) * (cut[low + 1] - cut[low])


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def measured_db(cut, electrical, phi, delta, loss_db):  # noqa: ANN001, ANN201 - compiled
    """Loss of a measured pattern: front and back of the vertical cut mixed by azimuth, as `antenna` mixes them."""
    across, down = cut[0], cut[1]
    for i in range(len(loss_db)):
        share = (F(180.0) - abs(phi[i])) / F(180.0)
        low = delta[i] - electrical
        front, back = _cut_db(down, low) - across[0], _cut_db(down, F(180.0) - low) - across[180]
        loss_db[i] = max(_cut_db(across, phi[i]) + share * front + (F(1.0) - share) * back, F(0.0))


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def textbook_dbm(eirp_dbm, pattern_db, loss_db, level_dbm):  # noqa: ANN001, ANN201 - compiled
    """Level of a sector: EIRP less pattern and path."""
    for i in range(len(level_dbm)):
        level_dbm[i] = eirp_dbm - pattern_db[i] - loss_db[i]


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def corrected_dbm(eirp_dbm, power_dbm, pattern_db, loss_db, weight, slope, level_dbm):  # noqa: ANN001, ANN201 - compiled
    """Level of a sector whose pattern and power count as measurements say; the path holds the rest of the correction."""
    for i in range(len(level_dbm)):
        level_dbm[i] = eirp_dbm + slope[i] * power_dbm - weight[i] * pattern_db[i] - loss_db[i]


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def to_mw(level):  # noqa: ANN001, ANN201 - compiled
    """Levels [dBm] to powers [mW] in place."""
    for i in range(len(level)):
        level[i] = exp2_of(level[i] * LOG2_PER_DB)


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def join(number, power, top, rest, which):  # noqa: ANN001, ANN201 - compiled
    """Add a sector: the strongest stays apart; equal ones leave it to the first."""
    for i in range(len(power)):
        stronger = bits_of(power[i]) >> I(LOOSE_BITS) > bits_of(top[i]) >> I(LOOSE_BITS)
        rest[i] += top[i] if stronger else power[i]
        top[i] = power[i] if stronger else top[i]
        which[i] = number if stronger else which[i]


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def pattern_db(sectors, k, work, count):  # noqa: ANN001, ANN201 - compiled
    """Write the loss of a sector's pattern towards the units of a stretch into `work.pattern_db`."""
    phi, delta, loss = work.phi_deg[:count], work.delta_deg[:count], work.pattern_db[:count]
    d2, drop = work.unit_d2_m[:count], work.drop_m[:count]
    upright(sectors.azimuth_deg[k], work.unit_bearing_deg[:count], work.depression_deg[:count], phi, delta)
    if sectors.mechanical_deg[k] != F(0.0):
        angle = sectors.mechanical_deg[k] * RADIANS
        tilted((F(np.cos(angle)), F(np.sin(angle))), d2, drop, phi, delta)
    electrical = sectors.electrical_deg[k]
    if sectors.cut[k] >= 0:
        measured_db(sectors.cuts[sectors.cut[k]], electrical, phi, delta, loss)
        return
    wide, high = sectors.width_h_deg[k], sectors.width_v_deg[k]
    parabolas_db((wide, high, sectors.max_loss_db[k], sectors.sidelobe_db[k], electrical), phi, delta, loss)


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def level_of(sectors, k, work, count, given):  # noqa: ANN001, ANN201 - compiled
    """Write the level of a sector at the units of a stretch [dBm] into `work.pattern_db`."""
    pattern_db(sectors, k, work, count)
    loss, level = work.loss_db[:count], work.pattern_db[:count]
    if not given:
        textbook_dbm(sectors.eirp_dbm[k], level, loss, level)
        return
    own = (sectors.eirp_dbm[k], sectors.power_dbm[k])
    corrected_dbm(own[0], own[1], level, loss, work.weight[:count], work.slope[:count], level)
