"""The offsets of web maps, GCJ-02 and BD-09, forwards and exactly back."""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Pair = tuple[Floats, Floats]

_AXIS_M = 6378245.0
_ECCENTRICITY2 = 0.00669342162296594323
_ROUNDS = 20
_STEP_DEG = 1e-12
_BD_FACTOR = math.pi * 3000.0 / 180.0


def gcj02_from_wgs84(lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike) -> Pair:
    """Apply the GCJ-02 offset [degrees]; the formula reproduces published converters."""
    lon, lat = np.asarray(lon_deg, float), np.asarray(lat_deg, float)
    x, y = lon - 105.0, lat - 35.0
    root, pi = np.sqrt(np.abs(x)), math.pi
    common = (20 * np.sin(6 * pi * x) + 20 * np.sin(2 * pi * x)) * 2 / 3
    p = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + common
    p = p + (20 * np.sin(pi * y) + 40 * np.sin(pi * y / 3)) * 2 / 3
    p = p + (160 * np.sin(pi * y / 12) + 320 * np.sin(pi * y / 30)) * 2 / 3
    q = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + common
    q = q + (20 * np.sin(pi * x) + 40 * np.sin(pi * x / 3)) * 2 / 3
    q = q + (150 * np.sin(pi * x / 12) + 300 * np.sin(pi * x / 30)) * 2 / 3
    w = np.sqrt(1 - _ECCENTRICITY2 * np.sin(np.radians(lat)) ** 2)
    d_lat = 180 * p * w**3 / (pi * _AXIS_M * (1 - _ECCENTRICITY2))
    d_lon = 180 * q * w / (pi * _AXIS_M * np.cos(np.radians(lat)))
    return lon + d_lon, lat + d_lat


def wgs84_from_gcj02(lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike) -> Pair:
    """Take the GCJ-02 offset off [degrees], by iteration to below 1e-12 degree."""
    return _inverse(gcj02_from_wgs84, lon_deg, lat_deg)


def bd09_from_gcj02(lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike) -> Pair:
    """Apply the BD-09 offset to GCJ-02 coordinates [degrees]."""
    lon, lat = np.asarray(lon_deg, float), np.asarray(lat_deg, float)
    z = np.hypot(lon, lat) + 2e-5 * np.sin(_BD_FACTOR * lat)
    theta = np.arctan2(lat, lon) + 3e-6 * np.cos(_BD_FACTOR * lon)
    return z * np.cos(theta) + 0.0065, z * np.sin(theta) + 0.006


def gcj02_from_bd09(lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike) -> Pair:
    """Take the BD-09 offset off [degrees]; the result is GCJ-02."""
    return _inverse(bd09_from_gcj02, lon_deg, lat_deg)


def _inverse(forward: Callable[[Floats, Floats], Pair], lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike) -> Pair:
    goal_x, goal_y = np.asarray(lon_deg, float), np.asarray(lat_deg, float)
    x, y = goal_x, goal_y
    for _ in range(_ROUNDS):
        to_x, to_y = forward(x, y)
        dx, dy = to_x - goal_x, to_y - goal_y
        x, y = x - dx, y - dy
        if max(np.max(np.abs(dx), initial=0.0), np.max(np.abs(dy), initial=0.0)) < _STEP_DEG:
            break
    return x, y
