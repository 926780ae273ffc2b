"""Where the models of TR 38.901 hold, and how a link outside is refused or clamped."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from siting.errors import OutOfRange

Floats = npt.NDArray[np.float64]
Like = npt.ArrayLike
OutOfRangeRule = Literal["raise", "clamp"]

LIGHT_M_S = 3.0e8
FLAGS = {
    "distance_low": 1,
    "distance_high": 2,
    "ut_low": 4,
    "ut_high": 8,
    "bs_unusual": 16,
    "los_unknown": 32,
    "cell_unknown": 64,
    "own_roof": 128,
    "depth_capped": 256,
    "no_server": 512,
    "learned_out_of_domain": 1024,
    "bs_clamped": 2048,
}


@dataclass(frozen=True)
class Range:
    """Where a model holds (radio handbook 3.3): distances, heights [m], frequency [GHz]."""

    distance_m: tuple[float, float]
    bs_m: tuple[float, float]
    bs_usual_m: tuple[float, float]
    ut_m: tuple[float, float]
    frequency_ghz: tuple[float, float]


RANGES = {
    "uma": Range((10.0, 5000.0), (10.0, 80.0), (20.0, 35.0), (1.5, 22.5), (0.5, 100.0)),
    "umi": Range((10.0, 5000.0), (3.0, 25.0), (5.0, 15.0), (1.5, 22.5), (0.5, 100.0)),
    "rma": Range((10.0, 10000.0), (10.0, 150.0), (10.0, 150.0), (1.0, 10.0), (0.5, 30.0)),
    "inh": Range((0.0, 150.0), (2.0, 10.0), (2.0, 10.0), (0.5, 3.0), (0.5, 100.0)),
}
RMA_NLOS_MAX_M = 5000.0
INH_DISTANCE_3D_M = (1.0, 150.0)
SIGMA_DB = {"uma": (4.0, 6.0), "umi": (4.0, 7.82), "rma": (4.0, 8.0), "inh": (3.0, 8.03)}


@dataclass(frozen=True)
class Link:
    """Checked geometry: horizontal and slant distance, heights used in height terms, lg terms."""

    d2: Floats
    d3: Floats
    bs: Floats
    ut: Floats
    f: Floats

    @property
    def lg_d(self) -> Floats:
        """Lg of the slant distance."""
        return np.asarray(np.log10(self.d3))

    @property
    def lg_f(self) -> Floats:
        """Lg of the frequency."""
        return np.asarray(np.log10(self.f))


def arrays(*values: Like) -> list[Floats]:
    """Broadcast values as ``float64``."""
    return [np.asarray(v, np.float64) for v in np.broadcast_arrays(*values)]


def require(argument: str, values: Floats, low: float, high: float) -> None:
    """Refuse values outside a range, NaN included, naming the worst."""
    wrong = ~((values >= low) & (values <= high)) | ~np.isfinite(values)
    if np.any(wrong):
        worst = values[wrong].flat[int(np.argmax(np.abs(np.nan_to_num(values[wrong]))))]
        raise OutOfRange("radio.range", argument=argument, value=float(worst), low=low, high=high)


def link_of(model: str, d2: Like, f: Like, bs: Like, ut: Like, rule: OutOfRangeRule) -> Link:
    """Check or clamp a link; clamped heights enter height terms only, a short distance also the slant one."""
    distance, frequency, base, user = arrays(d2, f, bs, ut)
    span = RANGES[model]
    require("frequency_ghz", frequency, *span.frequency_ghz)
    checks = (
        ("distance_2d_m", distance, span.distance_m),
        ("bs_height_m", base, span.bs_m),
        ("ut_height_m", user, span.ut_m),
    )
    for name, values, (low, high) in checks:
        require(name, values, *((low, high) if rule == "raise" else (-math.inf, math.inf)))
    far = np.maximum(distance, span.distance_m[0])
    slant = np.hypot(far, base - user)
    if model == "inh" and rule == "raise":
        require("distance_3d_m", slant, *INH_DISTANCE_3D_M)
    return Link(far, slant, np.clip(base, *span.bs_m), np.clip(user, *span.ut_m), frequency)
