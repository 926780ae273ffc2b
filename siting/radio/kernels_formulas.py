"""The formulas of one link, compiled: loss, line of sight, flags, as `pathloss` and `losprob` have them for arrays.

Tests hold both against each other.
"""
# mypy: disable-error-code="no-untyped-def"
# ruff: noqa: PLR2004 - the numbers of the cited formulas

import math

from numba import njit

UMA, UMI, FREE_SPACE = 0, 1, 2
FREE_DB = 20.0 * math.log10(4.0 * math.pi * 1e9 / 3.0e8)  # free space at 1 m and 1 GHz
NLOS, LOS, UNKNOWN = 0, 1, 2
DISTANCE_LOW, UT_LOW, UT_HIGH, BS_UNUSUAL, BS_CLAMPED = 1, 4, 8, 16, 2048
NEAREST_M = 10.0
NLOS_ABOVE_M = 60.0


@njit(cache=True, error_model="numpy")
def los_loss_db(model, d2, lg_d, bs, ut, frequency_ghz):  # noqa: ANN001, ANN201 - compiled
    """Loss in line of sight [dB] of clamped heights, without 20 lg f (formulas of `pathloss`)."""
    base, slope, fold = (28.0, 22.0, 9.0) if model == UMA else (32.4, 21.0, 9.5)
    turn = 4.0 * (bs - 1.0) * (ut - 1.0) * frequency_ghz * 1e9 / 3.0e8
    if d2 <= turn:
        return base + slope * lg_d
    return base + 40.0 * lg_d - fold * math.log10(turn * turn + (bs - ut) * (bs - ut))


@njit(cache=True, error_model="numpy")
def nlos_loss_db(model, lg_d, ut):  # noqa: ANN001, ANN201 - compiled
    """Loss without line of sight [dB] of a clamped height, without its frequency term and before it is held to LOS or more."""
    if model == UMA:
        return 13.54 + 39.08 * lg_d - 0.6 * (ut - 1.5)
    return 22.4 + 35.3 * lg_d - 0.3 * (ut - 1.5)


@njit(cache=True, error_model="numpy")
def losses_db(model, distance_2d_m, bs_m, ut_m, frequency_ghz):  # noqa: ANN001, ANN201 - compiled
    """Clamped losses with and without line of sight [dB] (formulas of `pathloss`)."""
    return losses_in(UNKNOWN, model, distance_2d_m, bs_m, ut_m, frequency_ghz, math.log10(frequency_ghz))


@njit(cache=True, error_model="numpy")
def losses_in(state, model, distance_2d_m, bs_m, ut_m, frequency_ghz, lg_f):  # noqa: ANN001, ANN201 - compiled
    """Losses [dB] that a link of a state needs: LOS needs no NLOS loss, and far off NLOS never falls below LOS.

    Beyond `NLOS_ABOVE_M`, with the break point beyond it too, the NLOS formulas of both models exceed
    the LOS ones for every receiver height (tests compare them), so the LOS loss is left out (0).
    """
    d2 = max(distance_2d_m, NEAREST_M)
    lg_d = 0.5 * math.log10(d2 * d2 + (bs_m - ut_m) * (bs_m - ut_m))
    ut = min(max(ut_m, 1.5), 22.5)
    low, high = (10.0, 80.0) if model == UMA else (3.0, 25.0)
    bs = min(max(bs_m, low), high)
    hidden = nlos_loss_db(model, lg_d, ut) + (20.0 if model == UMA else 21.3) * lg_f
    if state == NLOS and d2 > NLOS_ABOVE_M and 2.0 * (bs - 1.0) * frequency_ghz * 1e9 / 3.0e8 > NLOS_ABOVE_M:
        return 0.0, hidden
    los = los_loss_db(model, d2, lg_d, bs, ut, frequency_ghz) + 20.0 * lg_f
    return los, max(los, hidden)


@njit(cache=True, error_model="numpy")
def link_flags(model, distance_2d_m, bs_m, ut_m):  # noqa: ANN001, ANN201 - compiled
    """Which limits of the model a link breaks (bits of `pathloss.FLAGS`)."""
    low, high, usual_low, usual_high = (10.0, 80.0, 20.0, 35.0) if model == UMA else (3.0, 25.0, 5.0, 15.0)
    flags = DISTANCE_LOW if distance_2d_m < NEAREST_M else 0
    if model == FREE_SPACE:
        return flags
    flags |= (UT_LOW if ut_m < 1.5 else 0) | (UT_HIGH if ut_m > 22.5 else 0)
    return (
        flags
        | (BS_UNUSUAL if bs_m < usual_low or bs_m > usual_high else 0)
        | (BS_CLAMPED if bs_m < low or bs_m > high else 0)
    )


@njit(cache=True, error_model="numpy")
def los_probability(model, d, ut_m):  # noqa: ANN001, ANN201 - compiled
    """Probability of line of sight over an outdoor distance [m] where buildings are unknown (formulas of `losprob`)."""
    if d <= 18.0 or model == FREE_SPACE:
        return 1.0
    if model == UMI:
        return 18.0 / d + math.exp(-d / 36.0) * (1.0 - 18.0 / d)
    lift = (min(max(ut_m - 13.0, 0.0), 10.0) / 10.0) ** 1.5
    tall = 1.0 + lift * 1.25 * (d / 100.0) ** 3 * math.exp(-d / 150.0)
    return (18.0 / d + math.exp(-d / 63.0) * (1.0 - 18.0 / d)) * tall


@njit(cache=True, error_model="numpy")
def normal(z):  # noqa: ANN001, ANN201 - compiled
    """Standard normal distribution function."""
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


@njit(cache=True, error_model="numpy")
def state_of(z, clear, cap, own):  # noqa: ANN001, ANN201 - compiled
    """State of a receiver at a height above datum; a receiver under its own roof antenna is UNKNOWN."""
    if own:
        return UNKNOWN
    if z < clear:
        return NLOS
    return LOS if z >= cap else UNKNOWN
