"""Median path loss and line-of-sight probability of 3GPP TR 38.901 v19.4.0.

Distances in m, frequency in GHz, losses in dB.  Arrays broadcast; results are ``float64``.
Tables 7.4.1-1 and 7.4.2-1 with notes 1 and 5.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import numpy.typing as npt

from siting.errors import BadInput
from siting.radio.losprob import (
    inh_los_probability,
    rma_los_probability,
    uma_environment_height_m,
    uma_los_probability,
    umi_los_probability,
)
from siting.radio.ranges import (
    FLAGS,
    LIGHT_M_S,
    RANGES,
    RMA_NLOS_MAX_M,
    SIGMA_DB,
    Floats,
    Like,
    Link,
    OutOfRangeRule,
    Range,
    arrays,
    link_of,
    require,
)

__all__ = [
    "FLAGS",
    "LIGHT_M_S",
    "RANGES",
    "Range",
    "choose_model",
    "free_space_db",
    "inh_los_db",
    "inh_los_probability",
    "inh_nlos_db",
    "range_flags",
    "rma_breakpoint_m",
    "rma_los_db",
    "rma_los_probability",
    "rma_nlos_db",
    "shadow_sigma_db",
    "uma_breakpoint_m",
    "uma_environment_height_m",
    "uma_los_db",
    "uma_los_probability",
    "uma_nlos_db",
    "umi_breakpoint_m",
    "umi_los_db",
    "umi_los_probability",
    "umi_nlos_db",
]

Variant = Literal["standard", "optional"]


def free_space_db(distance_3d_m: Like, frequency_ghz: Like) -> Floats:
    """Loss between isotropic antennas in free space, 20 lg(4 pi d f / c).

    Parameters
    ----------
    distance_3d_m, frequency_ghz : array_like
        Slant distance [m] > 0 and frequency [GHz].

    Returns
    -------
    ndarray
        [dB].

    Raises
    ------
    OutOfRange
        If a distance is not positive or anything is not finite.
    """
    d, f = arrays(distance_3d_m, frequency_ghz)
    require("distance_3d_m", d, math.ulp(0.0), math.inf)
    require("frequency_ghz", f, math.ulp(0.0), math.inf)
    return np.asarray(20.0 * np.log10(4.0 * np.pi * d * f * 1e9 / LIGHT_M_S))


def uma_breakpoint_m(
    frequency_ghz: Like, *, bs_height_m: Like, ut_height_m: Like, environment_height_m: Like = 1.0
) -> Floats:
    """Effective break point d'BP [m] of UMa: 4 (hBS - hE)(hUT - hE) f / c (note 1)."""
    f, bs, ut, env = arrays(frequency_ghz, bs_height_m, ut_height_m, environment_height_m)
    return np.asarray(4.0 * (bs - env) * (ut - env) * f * 1e9 / LIGHT_M_S)


def umi_breakpoint_m(frequency_ghz: Like, *, bs_height_m: Like, ut_height_m: Like) -> Floats:
    """Effective break point d'BP [m] of UMi with the environment height of 1 m (note 1)."""
    return uma_breakpoint_m(frequency_ghz, bs_height_m=bs_height_m, ut_height_m=ut_height_m)


def rma_breakpoint_m(frequency_ghz: Like, *, bs_height_m: Like, ut_height_m: Like) -> Floats:
    """Break point dBP [m] of RMa: 2 pi hBS hUT f / c with true heights (note 5)."""
    f, bs, ut = arrays(frequency_ghz, bs_height_m, ut_height_m)
    return np.asarray(2.0 * np.pi * bs * ut * f * 1e9 / LIGHT_M_S)


def uma_los_db(
    distance_2d_m: Like,
    frequency_ghz: Like,
    *,
    bs_height_m: Like = 25.0,
    ut_height_m: Like = 1.5,
    environment_height_m: Like = 1.0,
    out_of_range: OutOfRangeRule = "raise",
) -> Floats:
    """Urban macro, line of sight: median loss [dB].

    Parameters
    ----------
    distance_2d_m : array_like
        Horizontal distance [m], 10 to 5000.
    frequency_ghz : array_like
        0.5 to 100 [GHz].
    bs_height_m, ut_height_m : array_like
        Antenna 10 to 80 m, receiver 1.5 to 22.5 m above the receiver's ground.
    environment_height_m : array_like
        Effective environment height hE [m].
    out_of_range : {"raise", "clamp"}
        ``clamp`` keeps the slant distance true; ask `range_flags` what was clamped.

    Returns
    -------
    ndarray
        [dB].

    Raises
    ------
    OutOfRange
        Outside the range; NaN and frequency always raise.

    Examples
    --------
    >>> round(float(uma_los_db(200.0, 3.5)), 4)
    89.5695
    """
    link = link_of("uma", distance_2d_m, frequency_ghz, bs_height_m, ut_height_m, out_of_range)
    turn = uma_breakpoint_m(link.f, bs_height_m=link.bs, ut_height_m=link.ut, environment_height_m=environment_height_m)
    return _two_slopes(link, turn, intercept=28.0, slope=22.0, fold=9.0)


def umi_los_db(
    distance_2d_m: Like,
    frequency_ghz: Like,
    *,
    bs_height_m: Like = 10.0,
    ut_height_m: Like = 1.5,
    out_of_range: OutOfRangeRule = "raise",
) -> Floats:
    """Urban micro street canyon, line of sight: median loss [dB]; arguments as `uma_los_db`, antenna 3 to 25 m."""
    link = link_of("umi", distance_2d_m, frequency_ghz, bs_height_m, ut_height_m, out_of_range)
    turn = umi_breakpoint_m(link.f, bs_height_m=link.bs, ut_height_m=link.ut)
    return _two_slopes(link, turn, intercept=32.4, slope=21.0, fold=9.5)


def _two_slopes(link: Link, turn_m: Floats, *, intercept: float, slope: float, fold: float) -> Floats:
    near = intercept + slope * link.lg_d + 20.0 * link.lg_f
    far = intercept + 40.0 * link.lg_d + 20.0 * link.lg_f - fold * np.log10(turn_m**2 + (link.bs - link.ut) ** 2)
    return np.asarray(np.where(link.d2 <= turn_m, near, far))


def uma_nlos_db(
    distance_2d_m: Like,
    frequency_ghz: Like,
    *,
    bs_height_m: Like = 25.0,
    ut_height_m: Like = 1.5,
    variant: Variant = "standard",
    out_of_range: OutOfRangeRule = "raise",
) -> Floats:
    """Urban macro without line of sight: median loss [dB], never below `uma_los_db`; ``variant="optional"`` is the simple form."""
    link = link_of("uma", distance_2d_m, frequency_ghz, bs_height_m, ut_height_m, out_of_range)
    if variant == "optional":
        return np.asarray(32.4 + 20.0 * link.lg_f + 30.0 * link.lg_d)
    los = uma_los_db(
        distance_2d_m, frequency_ghz, bs_height_m=bs_height_m, ut_height_m=ut_height_m, out_of_range=out_of_range
    )
    return np.maximum(los, 13.54 + 39.08 * link.lg_d + 20.0 * link.lg_f - 0.6 * (link.ut - 1.5))


def umi_nlos_db(
    distance_2d_m: Like,
    frequency_ghz: Like,
    *,
    bs_height_m: Like = 10.0,
    ut_height_m: Like = 1.5,
    variant: Variant = "standard",
    out_of_range: OutOfRangeRule = "raise",
) -> Floats:
    """Urban micro without line of sight: median loss [dB], never below `umi_los_db`; ``variant="optional"`` is the simple form."""
    link = link_of("umi", distance_2d_m, frequency_ghz, bs_height_m, ut_height_m, out_of_range)
    if variant == "optional":
        return np.asarray(32.4 + 20.0 * link.lg_f + 31.9 * link.lg_d)
    los = umi_los_db(
        distance_2d_m, frequency_ghz, bs_height_m=bs_height_m, ut_height_m=ut_height_m, out_of_range=out_of_range
    )
    return np.maximum(los, 22.4 + 35.3 * link.lg_d + 21.3 * link.lg_f - 0.3 * (link.ut - 1.5))


def _rma_near(d3: Floats, f: Floats, building: Floats) -> Floats:
    return np.asarray(
        20.0 * np.log10(40.0 * np.pi * d3 * f / 3.0)
        + np.minimum(0.03 * building**1.72, 10.0) * np.log10(d3)
        - np.minimum(0.044 * building**1.72, 14.77)
        + 0.002 * d3 * np.log10(building)
    )


def rma_los_db(
    distance_2d_m: Like,
    frequency_ghz: Like,
    *,
    bs_height_m: Like = 35.0,
    ut_height_m: Like = 1.5,
    building_height_m: Like = 5.0,
    street_width_m: Like = 20.0,
    out_of_range: OutOfRangeRule = "raise",
) -> Floats:
    """Rural macro, line of sight: median loss [dB]; mean building height and street width 5 to 50 m."""
    link = link_of("rma", distance_2d_m, frequency_ghz, bs_height_m, ut_height_m, out_of_range)
    building, width = arrays(building_height_m, street_width_m)
    require("building_height_m", building, 5.0, 50.0)
    require("street_width_m", width, 5.0, 50.0)
    turn = rma_breakpoint_m(link.f, bs_height_m=link.bs, ut_height_m=link.ut)
    far = _rma_near(turn, link.f, building) + 40.0 * np.log10(link.d3 / turn)
    return np.asarray(np.where(link.d2 <= turn, _rma_near(link.d3, link.f, building), far))


def rma_nlos_db(
    distance_2d_m: Like,
    frequency_ghz: Like,
    *,
    bs_height_m: Like = 35.0,
    ut_height_m: Like = 1.5,
    building_height_m: Like = 5.0,
    street_width_m: Like = 20.0,
    out_of_range: OutOfRangeRule = "raise",
) -> Floats:
    """Rural macro without line of sight: median loss [dB], never below `rma_los_db`; distance up to 5000 m."""
    link = link_of("rma", distance_2d_m, frequency_ghz, bs_height_m, ut_height_m, out_of_range)
    if out_of_range == "raise":
        require("distance_2d_m", link.d2, 10.0, RMA_NLOS_MAX_M)
    h, w = arrays(building_height_m, street_width_m)
    los = rma_los_db(
        distance_2d_m,
        frequency_ghz,
        bs_height_m=bs_height_m,
        ut_height_m=ut_height_m,
        building_height_m=h,
        street_width_m=w,
        out_of_range=out_of_range,
    )
    lg_bs = np.log10(link.bs)
    nlos = (
        161.04
        - 7.1 * np.log10(w)
        + 7.5 * np.log10(h)
        - (24.37 - 3.7 * (h / link.bs) ** 2) * lg_bs
        + (43.42 - 3.1 * lg_bs) * (link.lg_d - 3.0)
        + 20.0 * link.lg_f
        - (3.2 * np.log10(11.75 * link.ut) ** 2 - 4.97)
    )
    return np.maximum(los, nlos)


def inh_los_db(
    distance_2d_m: Like,
    frequency_ghz: Like,
    *,
    bs_height_m: Like = 3.0,
    ut_height_m: Like = 1.5,
    out_of_range: OutOfRangeRule = "raise",
) -> Floats:
    """Indoor office, line of sight: median loss [dB]; slant distance 1 to 150 m."""
    link = link_of("inh", distance_2d_m, frequency_ghz, bs_height_m, ut_height_m, out_of_range)
    return np.asarray(32.4 + 17.3 * link.lg_d + 20.0 * link.lg_f)


def inh_nlos_db(
    distance_2d_m: Like,
    frequency_ghz: Like,
    *,
    bs_height_m: Like = 3.0,
    ut_height_m: Like = 1.5,
    out_of_range: OutOfRangeRule = "raise",
) -> Floats:
    """Indoor office without line of sight: median loss [dB], never below `inh_los_db`."""
    link = link_of("inh", distance_2d_m, frequency_ghz, bs_height_m, ut_height_m, out_of_range)
    los = inh_los_db(
        distance_2d_m, frequency_ghz, bs_height_m=bs_height_m, ut_height_m=ut_height_m, out_of_range=out_of_range
    )
    return np.maximum(los, 17.30 + 38.3 * link.lg_d + 24.9 * link.lg_f)


def shadow_sigma_db(model: str, *, los: bool, beyond_breakpoint: bool = False) -> float:
    """Textbook spread of shadowing [dB] of ``uma``, ``umi``, ``rma`` or ``inh``."""
    if model not in SIGMA_DB:
        raise BadInput("radio.model.unknown", value=model, known=", ".join(SIGMA_DB))
    if model == "rma" and los and beyond_breakpoint:
        return 6.0
    return SIGMA_DB[model][0 if los else 1]


def range_flags(
    model: str, distance_2d_m: Like, frequency_ghz: Like, *, bs_height_m: Like, ut_height_m: Like
) -> npt.NDArray[np.uint16]:
    """Which limits of a model a link breaks, as bits of `FLAGS`.

    Raises
    ------
    OutOfRange
        If the frequency is outside the model.
    """
    d, f, bs, ut = arrays(distance_2d_m, frequency_ghz, bs_height_m, ut_height_m)
    span = RANGES[model]
    require("frequency_ghz", f, *span.frequency_ghz)
    bits = (
        (d < span.distance_m[0], "distance_low"),
        (d > span.distance_m[1], "distance_high"),
        (ut < span.ut_m[0], "ut_low"),
        (ut > span.ut_m[1], "ut_high"),
        ((bs < span.bs_usual_m[0]) | (bs > span.bs_usual_m[1]), "bs_unusual"),
        ((bs < span.bs_m[0]) | (bs > span.bs_m[1]), "bs_clamped"),
    )
    flags = np.zeros(d.shape, np.uint16)
    for mask, name in bits:
        flags |= np.where(mask, np.uint16(FLAGS[name]), np.uint16(0))
    return flags


def choose_model(antenna_height_m: float, mean_roof_height_m: float) -> Literal["uma", "umi"]:
    """UMa for an antenna above the mean roof around it, else UMi; both above the same ground [m]."""
    return "uma" if antenna_height_m > mean_roof_height_m else "umi"
