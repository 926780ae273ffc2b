"""The only place that converts between decibels and linear power."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

SUBCARRIERS_PER_RB = 12
THERMAL_NOISE_DBM_HZ = -174.0


def dbm_to_mw(x: npt.ArrayLike) -> Floats:
    """Power of a level.

    Parameters
    ----------
    x : array_like
        Level [dBm], or a ratio [dB].

    Returns
    -------
    ndarray
        Power [mW], or the plain ratio.

    Examples
    --------
    >>> float(dbm_to_mw(30.0))
    1000.0
    """
    return np.asarray(10.0 ** (np.asarray(x, float) / 10.0))


def mw_to_dbm(x: npt.ArrayLike) -> Floats:
    """Level of a power; zero becomes -inf.

    Parameters
    ----------
    x : array_like
        Power [mW] >= 0, or a plain ratio.

    Returns
    -------
    ndarray
        Level [dBm], or [dB].
    """
    with np.errstate(divide="ignore"):
        return np.asarray(10.0 * np.log10(np.asarray(x, float)))


def power_per_re_dbm(power_w: npt.ArrayLike, n_rb: npt.ArrayLike) -> Floats:
    """Power in one resource element of a carrier whose total power is spread evenly.

    Parameters
    ----------
    power_w : array_like
        Total power of the carrier over all ports [W].
    n_rb : array_like
        Resource blocks of the carrier, 12 subcarriers each.

    Returns
    -------
    ndarray
        [dBm].

    Examples
    --------
    >>> round(float(power_per_re_dbm(200.0, 273)), 3)
    17.857
    """
    return mw_to_dbm(np.asarray(power_w, float) * 1000.0 / (SUBCARRIERS_PER_RB * np.asarray(n_rb, float)))


def noise_per_re_dbm(scs_khz: npt.ArrayLike, noise_figure_db: npt.ArrayLike) -> Floats:
    """Thermal noise of the receiver in one resource element (kT at 290 K).

    Parameters
    ----------
    scs_khz : array_like
        Subcarrier spacing [kHz].
    noise_figure_db : array_like
        Noise figure of the receiver [dB].

    Returns
    -------
    ndarray
        [dBm].
    """
    width_db = mw_to_dbm(np.asarray(scs_khz, float) * 1000.0)
    return np.asarray(THERMAL_NOISE_DBM_HZ + width_db + np.asarray(noise_figure_db, float))
