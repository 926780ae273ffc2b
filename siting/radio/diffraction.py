"""Loss over roofs and hills on the exact path: knife edge, Bullington, Deygout.

Cells of a `path.Profile` count as edges at their middle, those that the line of sight tests: not the
two end cells, not the receiver's own building, not the roof under the antenna.  Cells of unknown
height count as ground.  The earth is flat.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from siting.errors import OutOfRange
from siting.radio.path import Profile
from siting.radio.ranges import LIGHT_M_S

Floats = npt.NDArray[np.float64]
Like = npt.ArrayLike

# Knife edge of ITU-R P.526: below this parameter the edge is out of the way.
LEAST_V = -0.78
BULLINGTON_DB_KM = 0.02
DEYGOUT_DB_KM = 0.04
GRAZING = 1e-12


@dataclass(frozen=True)
class Edges:
    """What a path runs over.

    Parameters
    ----------
    distance_m, height_m : ndarray
        Middle of each cell from the antenna, its surface [m above datum].
    start_m, end_m, length_m : float
        Heights of the ends [m above datum], plan distance [m].
    wave_m : float
        Wavelength [m].
    """

    distance_m: Floats
    height_m: Floats
    start_m: float
    end_m: float
    length_m: float
    wave_m: float

    def parameters(self) -> Floats:
        """Diffraction parameter v of every edge, negative below the ray."""
        return parameter(
            self.height_m - self._ray_m(), self.distance_m, self.length_m - self.distance_m, wave_m=self.wave_m
        )

    def between(self, low: int, high: int, *, start_m: float, end_m: float) -> Edges:
        """The edges low..high-1 as a path of their own between an end or edge before and one after them."""
        from_m = 0.0 if low == 0 else float(self.distance_m[low - 1])
        to_m = self.length_m if high == len(self.distance_m) else float(self.distance_m[high])
        part = np.s_[low:high]
        return Edges(self.distance_m[part] - from_m, self.height_m[part], start_m, end_m, to_m - from_m, self.wave_m)

    def _ray_m(self) -> Floats:
        return np.asarray(self.start_m + (self.end_m - self.start_m) * self.distance_m / self.length_m)


def knife_edge_db(v: Like) -> Floats:
    """Loss of one knife edge.

    Parameters
    ----------
    v : array_like
        Diffraction parameter; 0 = the edge touches the ray.

    Returns
    -------
    ndarray
        6.9 + 20 lg(sqrt((v - 0.1)^2 + 1) + v - 0.1) above v = -0.78, else 0 [dB] (ITU-R P.526, P.1812).

    Examples
    --------
    >>> round(float(knife_edge_db(0.0)), 4), round(float(knife_edge_db(1.0)), 4)
    (6.0329, 13.9257)
    """
    v = np.asarray(v, np.float64)
    off = np.maximum(v, LEAST_V) - 0.1
    loss = 6.9 + 20.0 * np.log10(np.sqrt(off**2 + 1.0) + off)
    return np.asarray(np.where(v > LEAST_V, loss, np.where(np.isnan(v), np.nan, 0.0)))


def parameter(height_m: Like, before_m: Like, behind_m: Like, *, wave_m: float) -> Floats:
    """Diffraction parameter v = h sqrt(2 D / (lambda d1 d2)).

    Parameters
    ----------
    height_m : array_like
        Edge over the ray [m].
    before_m, behind_m : array_like
        Plan distances to the two ends [m], D their sum.
    wave_m : float
        Wavelength [m].

    Examples
    --------
    >>> round(float(parameter(12.0, 150.0, 50.0, wave_m=3.0e8 / 3.5e9)), 4)
    9.4657
    """
    before, behind = np.asarray(before_m, np.float64), np.asarray(behind_m, np.float64)
    return np.asarray(height_m) * np.sqrt(2.0 * (before + behind) / (wave_m * before * behind))


def edges_of(profile: Profile, frequency_ghz: float) -> Edges:
    """The edges of a path: the middle of every tested cell, unknown ones at ground level.

    Raises
    ------
    OutOfRange
        If the frequency is not positive.
    """
    if not 0.0 < frequency_ghz < math.inf:
        raise OutOfRange("radio.range", argument="frequency_ghz", value=frequency_ghz, low=0, high=math.inf)
    height = np.where(np.isnan(profile.surface_m), profile.ground_m, profile.surface_m)
    middle = 0.5 * (profile.near_m + profile.far_m)
    wave = LIGHT_M_S / (frequency_ghz * 1e9)
    return Edges(
        middle[profile.tested],
        height[profile.tested],
        profile.start_z_m,
        profile.end_z_m,
        profile.length_m,
        wave,
    )


def bullington_db(profile: Profile, frequency_ghz: float) -> float:
    """Loss of all edges replaced by the one where the tangents from both ends meet.

    Parameters
    ----------
    profile : Profile
        From `terrain.trace`.
    frequency_ghz : float
        [GHz].

    Returns
    -------
    float
        J + (1 - exp(-J / 6)) (10 + 0.02 D) with D in km [dB] (ITU-R P.1812 over a flat earth); 0 without edges.

    Raises
    ------
    OutOfRange
        If the frequency is not positive.
    """
    edges = edges_of(profile, frequency_ghz)
    if not edges.distance_m.size:
        return 0.0
    loss = float(knife_edge_db(_bullington_v(edges)))
    return loss + (1.0 - math.exp(-loss / 6.0)) * (10.0 + BULLINGTON_DB_KM * edges.length_m / 1000.0)


def _bullington_v(edges: Edges) -> float:
    """Parameter of the equivalent edge; where nothing rises over the ray (or just touches it), of the highest one."""
    rise = (edges.height_m - edges.start_m) / edges.distance_m
    climb = float(np.max(rise))
    back = float(np.max((edges.height_m - edges.end_m) / (edges.length_m - edges.distance_m)))
    if climb < (edges.end_m - edges.start_m) / edges.length_m or climb + back <= GRAZING:
        return float(np.max(edges.parameters()))
    before = (edges.end_m - edges.start_m + back * edges.length_m) / (climb + back)
    behind = edges.length_m - before
    ray = (edges.start_m * behind + edges.end_m * before) / edges.length_m
    return float(parameter(edges.start_m + climb * before - ray, before, behind, wave_m=edges.wave_m))


def deygout_db(profile: Profile, frequency_ghz: float) -> float:
    """Loss of the main edge and of the highest one on each side of it.

    Parameters
    ----------
    profile : Profile
        From `terrain.trace`.
    frequency_ghz : float
        [GHz].

    Returns
    -------
    float
        J_p + (1 - exp(-J_p / 6)) (J_t + J_r + 10 + 0.04 D) with D in km [dB]; 0 without edges.  The constants
        are not from a standard: use `bullington_db` unless measurements say otherwise.

    Raises
    ------
    OutOfRange
        If the frequency is not positive.
    """
    edges = edges_of(profile, frequency_ghz)
    if not edges.distance_m.size:
        return 0.0
    v = edges.parameters()
    main = int(np.argmax(v))
    loss = float(knife_edge_db(v[main]))
    top, last = float(edges.height_m[main]), len(v)
    sides = _edge_db(edges.between(0, main, start_m=edges.start_m, end_m=top)) + _edge_db(
        edges.between(main + 1, last, start_m=top, end_m=edges.end_m)
    )
    fixed = 10.0 + DEYGOUT_DB_KM * edges.length_m / 1000.0
    return loss + (1.0 - math.exp(-loss / 6.0)) * (sides + fixed)


def _edge_db(edges: Edges) -> float:
    return float(knife_edge_db(np.max(edges.parameters()))) if edges.distance_m.size else 0.0


def fresnel_radius_m(before_m: Like, behind_m: Like, *, frequency_ghz: float) -> Floats:
    """Radius of the first Fresnel zone, sqrt(lambda d1 d2 / (d1 + d2)) [m] (ITU-R P.526)."""
    before, behind = np.asarray(before_m, np.float64), np.asarray(behind_m, np.float64)
    wave = LIGHT_M_S / (frequency_ghz * 1e9)
    length = before + behind
    return np.sqrt(wave * before * behind / np.where(length > 0.0, length, 1.0))


def fresnel_clearance(profile: Profile, frequency_ghz: float) -> float:
    """How free the ray is: its least height over an edge as a share of the first Fresnel zone's radius there.

    Returns
    -------
    float
        1 and more is free, 0 grazes, negative is obstructed (-v / sqrt 2 of the worst edge); inf without edges.
    """
    edges = edges_of(profile, frequency_ghz)
    return -float(np.max(edges.parameters(), initial=-math.inf)) / math.sqrt(2.0)
