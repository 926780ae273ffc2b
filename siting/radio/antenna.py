"""Antenna patterns: the standard's element, sectors, omnis, and pattern files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from siting.errors import OutOfRange
from siting.findings import Findings
from siting.radio import patternfile

Floats = npt.NDArray[np.float64]
Like = npt.ArrayLike

WIDEST_DEG = 1.0e6  # a beam this wide is flat: its loss stays below 1e-6 dB
#: Words that a sector may have in place of a measured pattern: the widths of its unit make the beam.
FORMS = ("", "sector", "omni", "isotropic")


@dataclass(frozen=True)
class Pattern:
    """Gain over the offset from the boresight: parabolas of the standard's form, or two measured cuts.

    Parameters
    ----------
    name : str
        What screens call it.
    peak_dbi : float
        Highest gain [dBi].
    hpbw_h_deg, hpbw_v_deg : float
        Half-power widths [deg].
    max_loss_db, sidelobe_db : float
        Caps of the whole loss (and of the horizontal one) and of the vertical loss [dB].
    horizontal_db, vertical_db : tuple of float
        Loss at 0..359 degrees (horizontal clockwise from the boresight, vertical down from the horizon); empty: parabolas.
    """

    name: str
    peak_dbi: float
    hpbw_h_deg: float = WIDEST_DEG
    hpbw_v_deg: float = WIDEST_DEG
    max_loss_db: float = 30.0
    sidelobe_db: float = 30.0
    horizontal_db: tuple[float, ...] = ()
    vertical_db: tuple[float, ...] = ()


def element_38901() -> Pattern:
    """One element of TR 38.901 table 7.3-1: 8 dBi, 65 degrees both ways, caps of 30 dB."""
    return sector(8.0, hpbw_h_deg=65.0, hpbw_v_deg=65.0)


def isotropic() -> Pattern:
    """0 dBi everywhere."""
    return Pattern("isotropic", 0.0)


def omni(gain_dbi: float, *, hpbw_v_deg: float = 10.0) -> Pattern:
    """The same gain [dBi] all round, with a vertical beam."""
    return Pattern("omni", gain_dbi, hpbw_v_deg=_width(hpbw_v_deg))


def sector(
    gain_dbi: float,
    *,
    hpbw_h_deg: float = 65.0,
    hpbw_v_deg: float = 10.0,
    max_loss_db: float = 30.0,
    sidelobe_db: float = 30.0,
) -> Pattern:
    """A sector of the standard's parabolic form.

    Parameters
    ----------
    gain_dbi : float
        Highest gain [dBi].
    hpbw_h_deg, hpbw_v_deg : float
        Half-power widths [deg], above 0 and up to 360.
    max_loss_db, sidelobe_db : float
        Caps [dB].

    Raises
    ------
    OutOfRange
        If a width is out of range.
    """
    return Pattern("sector", gain_dbi, _width(hpbw_h_deg), _width(hpbw_v_deg), max_loss_db, sidelobe_db)


def _width(width_deg: float) -> float:
    if not 0.0 < width_deg <= 360.0:  # noqa: PLR2004 - a full circle
        raise OutOfRange("radio.range", argument="hpbw_deg", value=width_deg, low=0, high=360)
    return width_deg


def read_msi(source: Path | str | bytes, *, flip: bool = False) -> tuple[Pattern, Findings]:
    """A measured pattern from an .msi or .pln file of a planning tool.

    Parameters
    ----------
    source : path or bytes
        The file, or what is in it.
    flip : bool
        Turn the vertical cut upside down: what a person decides who knows that in this file angles grow upwards.

    Returns
    -------
    tuple
        The pattern: gain over an isotropic antenna [dBi], losses [dB] at 0 to 359 degrees, horizontal clockwise from the
        boresight, vertical down from the horizon.  And what was remarkable: ``pattern_sign``, ``pattern_count``,
        ``pattern_resampled``, ``pattern_offset``, ``pattern_tilt``, ``vertical_flipped``.

    Raises
    ------
    BadInput
        If it is no such text, lacks the gain, a cut or 36 points in one, or losses carry both signs; the line is named.

    Notes
    -----
    A gain without unit counts from a dipole: dBi = dBd + 2.15.  That vertical angles grow downwards is a convention which
    not every maker keeps: a file that states a tilt but beams above the horizon is only reported, a person decides.  A cut
    that contains an electrical tilt must not be tilted again by its sectors.
    """
    cuts, findings = patternfile.read(source, flip=flip)
    pattern = Pattern(
        cuts.name,
        cuts.gain_dbi,
        hpbw_h_deg=patternfile.width_deg(cuts.horizontal_db),
        hpbw_v_deg=patternfile.width_deg(cuts.vertical_db),
        max_loss_db=float(cuts.horizontal_db.max()),
        sidelobe_db=float(cuts.vertical_db.max()),
        horizontal_db=tuple(cuts.horizontal_db.tolist()),
        vertical_db=tuple(cuts.vertical_db.tolist()),
    )
    return pattern, findings


def wrap_deg(angle_deg: Like) -> Floats:
    """An angle in (-180, 180] degrees."""
    angle = np.asarray(angle_deg, np.float64)
    return np.asarray(angle - 360.0 * np.ceil((angle - 180.0) / 360.0))


def gain_dbi(
    pattern: Pattern,
    azimuth_offset_deg: Like,
    depression_deg: Like,
    *,
    mechanical_tilt_deg: float = 0.0,
    electrical_tilt_deg: float = 0.0,
) -> Floats:
    """Gain towards a direction.

    Parameters
    ----------
    pattern : Pattern
        The antenna.
    azimuth_offset_deg : array_like
        Direction clockwise from the sector's azimuth [deg].
    depression_deg : array_like
        Direction below the horizon [deg].
    mechanical_tilt_deg, electrical_tilt_deg : float
        Downtilts [deg]; the mechanical one turns the antenna, the electrical one lowers the beam at every azimuth.

    Returns
    -------
    ndarray
        [dBi].

    Examples
    --------
    >>> float(gain_dbi(element_38901(), 32.5, 0.0))
    5.0
    """
    phi, delta = (np.asarray(v, np.float64) for v in np.broadcast_arrays(azimuth_offset_deg, depression_deg))
    phi, delta = _tilted(wrap_deg(phi), delta, mechanical_tilt_deg)
    delta = delta - electrical_tilt_deg
    loss = _cut_loss_db(pattern, phi, delta) if pattern.horizontal_db else _parabola_loss_db(pattern, phi, delta)
    return np.asarray(pattern.peak_dbi - loss)


def _tilted(phi: Floats, delta: Floats, mechanical_deg: float) -> tuple[Floats, Floats]:
    """A direction as the mechanically tilted antenna sees it."""
    if mechanical_deg == 0.0:
        return phi, delta
    p, d, m = np.radians(phi), np.radians(delta), np.radians(mechanical_deg)
    x, y, z = np.cos(d) * np.cos(p), np.cos(d) * np.sin(p), -np.sin(d)
    across, up = x * np.cos(m) - z * np.sin(m), x * np.sin(m) + z * np.cos(m)
    return np.degrees(np.arctan2(y, across)), np.degrees(-np.arcsin(np.clip(up, -1.0, 1.0)))


def _parabola_loss_db(pattern: Pattern, phi: Floats, delta: Floats) -> Floats:
    vertical = np.minimum(12.0 * (delta / pattern.hpbw_v_deg) ** 2, pattern.sidelobe_db)
    horizontal = np.minimum(12.0 * (phi / pattern.hpbw_h_deg) ** 2, pattern.max_loss_db)
    return np.asarray(np.minimum(vertical + horizontal, pattern.max_loss_db))


def _cut_loss_db(pattern: Pattern, phi: Floats, delta: Floats) -> Floats:
    """Two cuts to all directions: front and back vertical cuts mixed by azimuth, never below zero loss."""
    share = (180.0 - np.abs(phi)) / 180.0
    front = _cut(pattern.vertical_db, delta) - pattern.horizontal_db[0]
    back = _cut(pattern.vertical_db, 180.0 - delta) - pattern.horizontal_db[180]
    return np.maximum(_cut(pattern.horizontal_db, phi) + share * front + (1.0 - share) * back, 0.0)


def _cut(cut_db: tuple[float, ...], angle_deg: Floats) -> Floats:
    return np.asarray(np.interp(np.mod(angle_deg, 360.0), np.arange(361.0), (*cut_db, cut_db[0])))
