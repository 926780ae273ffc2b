"""Limits of GB 8702-2014, what is exempt, and the distance beyond which one source keeps the limits."""
# ruff: noqa: PLR2004 - the numbers of the cited formulas

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from siting.errors import OutOfRange

Floats = npt.NDArray[np.float64]
Like = npt.ArrayLike

IMPEDANCE_OHM = 376.730
EXEMPT_W = 100.0
DIPOLE_GAIN_DB = 2.15
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Limits:
    """Public limits over any 6 minutes: field [V/m], [A/m] and power density [W/m2]."""

    e_v_m: Floats
    h_a_m: Floats
    s_w_m2: Floats


@dataclass(frozen=True)
class Quotient:
    """Sum of the shares of the limit, by power density and by field; at most 1 keeps it."""

    q_s: float
    q_e: float

    @property
    def worst(self) -> float:
        """The larger of the two."""
        return max(self.q_s, self.q_e)


def limits(frequency_mhz: Like) -> Limits:
    """Public exposure limits.

    Parameters
    ----------
    frequency_mhz : array_like
        30 to 300000 [MHz].

    Returns
    -------
    Limits
        The electric field steps just above 3000 MHz and does not follow from the power density.

    Raises
    ------
    OutOfRange
        Outside 30 MHz to 300 GHz.

    Examples
    --------
    >>> round(float(limits(3500.0).e_v_m), 4)
    13.0154
    """
    f = np.asarray(frequency_mhz, np.float64)
    wrong = ~((f >= 30.0) & (f <= 300_000.0))
    if np.any(wrong):
        raise OutOfRange("radio.range", argument="frequency_mhz", value=float(f[wrong].flat[0]), low=30, high=300_000)
    low, middle = f <= 3000.0, f <= 15_000.0
    root = np.sqrt(f)
    return Limits(
        np.asarray(np.where(low, 12.0, np.where(middle, 0.22 * root, 27.0))),
        np.asarray(np.where(low, 0.032, np.where(middle, 0.00059 * root, 0.073))),
        np.asarray(np.where(low, 0.4, np.where(middle, f / 7500.0, 2.0))),
    )


def equivalent_power_w(power_w: Like, gain_dbi: Like, frequency_mhz: Like) -> Floats:
    """Equivalent radiated power [W]: against a half-wave dipole up to 1000 MHz, isotropic above."""
    power, gain, f = (np.asarray(v, np.float64) for v in np.broadcast_arrays(power_w, gain_dbi, frequency_mhz))
    return np.asarray(power * 10.0 ** ((gain - np.where(f <= 1000.0, DIPOLE_GAIN_DB, 0.0)) / 10.0))


def is_exempt(equivalent_power_w: Like) -> npt.NDArray[np.bool_]:
    """Whether a site's summed equivalent power [W] is at most 100 W (above 3 MHz)."""
    return np.asarray(np.asarray(equivalent_power_w, np.float64) <= EXEMPT_W * (1.0 + _ROUNDING))


def power_density_w_m2(
    power_w: Like, gain_dbi: Like, distance_m: Like, *, reflection: float = 1.0, time: float = 1.0, power: float = 1.0
) -> Floats:
    """Power density in the far field, k P G / (4 pi R^2).

    Parameters
    ----------
    power_w, gain_dbi, distance_m : array_like
        Power [W], gain towards the point [dBi], slant distance [m] > 0.
    reflection, time, power : float
        Factors for ground reflection, duty cycle and actual maximum power; the verdict uses 1, 1, 1.

    Returns
    -------
    ndarray
        [W/m2].
    """
    p, g, r = (np.asarray(v, np.float64) for v in np.broadcast_arrays(power_w, gain_dbi, distance_m))
    return np.asarray(reflection * time * power * p * 10.0 ** (g / 10.0) / (4.0 * np.pi * r**2))


def quotient(densities_w_m2: Like, frequencies_mhz: Like) -> Quotient:
    """Shares of the limit of several sources at one point, summed."""
    density, f = np.broadcast_arrays(np.asarray(densities_w_m2, np.float64), np.asarray(frequencies_mhz, np.float64))
    limit = limits(f)
    return Quotient(float(np.sum(density / limit.s_w_m2)), float(np.sum(IMPEDANCE_OHM * density / limit.e_v_m**2)))


def compliance_distance_m(
    power_w: Like,
    gain_dbi: Like,
    frequency_mhz: Like,
    *,
    share: float = 1.0,
    reflection: float = 1.0,
    time: float = 1.0,
    power: float = 1.0,
) -> Floats:
    """Distance [m] on the boresight where the power density falls to a share of its limit.

    Examples
    --------
    >>> round(float(compliance_distance_m(200.0, 24.5, 3500.0)), 2)
    98.04
    """
    limit = share * limits(frequency_mhz).s_w_m2
    return np.asarray(
        np.sqrt(power_density_w_m2(power_w, gain_dbi, 1.0, reflection=reflection, time=time, power=power) / limit)
    )


def distance_quotient(compliance_m: Like, nearest_building_m: Like) -> Floats:
    """Compliance distance over the horizontal distance to the nearest building, a plain ratio without unit.

    Heights and beams are left out on purpose: below 1 no façade can lie within the compliance
    distance; above 1 the full pre-check has to look.

    Parameters
    ----------
    compliance_m : array_like
        From `compliance_distance_m` with the envelope gain [m].
    nearest_building_m : array_like
        Horizontal distance to the nearest building of any height that is not the host [m]; none known: inf.

    Returns
    -------
    ndarray
        [1]; distances below 1 m count as 1 m.
    """
    return np.asarray(
        np.asarray(compliance_m, np.float64) / np.maximum(np.asarray(nearest_building_m, np.float64), 1.0)
    )
