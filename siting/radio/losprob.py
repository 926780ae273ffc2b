"""Line-of-sight probability of TR 38.901 table 7.4.2-1, used only where the buildings on a path are unknown."""
# ruff: noqa: PLR2004 - the numbers of the cited formulas

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Like = npt.ArrayLike


def _canyon(d: Floats, decay_m: float) -> Floats:
    far = np.maximum(d, 18.0)
    return np.asarray(18.0 / far + np.exp(-far / decay_m) * (1.0 - 18.0 / far))


def uma_los_probability(distance_2d_m: Like, *, ut_height_m: Like = 1.5) -> Floats:
    """Urban macro: probability of line of sight over the outdoor distance [m], receiver height [m]."""
    d, ut = (np.asarray(v, np.float64) for v in np.broadcast_arrays(distance_2d_m, ut_height_m))
    lift = (np.clip(ut - 13.0, 0.0, 10.0) / 10.0) ** 1.5
    tall = 1.0 + lift * 1.25 * (d / 100.0) ** 3 * np.exp(-d / 150.0)
    return np.asarray(np.where(d <= 18.0, 1.0, _canyon(d, 63.0) * tall))


def umi_los_probability(distance_2d_m: Like) -> Floats:
    """Urban micro street canyon: probability of line of sight over the outdoor distance [m]."""
    return _canyon(np.asarray(distance_2d_m, np.float64), 36.0)


def rma_los_probability(distance_2d_m: Like) -> Floats:
    """Rural macro: probability of line of sight over the outdoor distance [m]."""
    return np.asarray(np.exp(-np.maximum(np.asarray(distance_2d_m, np.float64) - 10.0, 0.0) / 1000.0))


def inh_los_probability(distance_2d_m: Like) -> Floats:
    """Indoor mixed office: probability of line of sight over the distance [m]."""
    d = np.asarray(distance_2d_m, np.float64)
    near = np.exp(-np.maximum(d - 1.2, 0.0) / 4.7)
    return np.asarray(np.where(d < 6.5, near, 0.32 * np.exp(-(d - 6.5) / 32.6)))


def uma_environment_height_m(distance_2d_m: Like, ut_height_m: Like, *, seed: int) -> Floats:
    """Draw the effective environment height [m] of note 1, for studies; planning uses 1 m.

    Parameters
    ----------
    distance_2d_m, ut_height_m : array_like
        Horizontal distance and receiver height [m].
    seed : int
        Seed of the draw.
    """
    d, ut = (np.asarray(v, np.float64) for v in np.broadcast_arrays(distance_2d_m, ut_height_m))
    g = np.where(d <= 18.0, 0.0, 1.25 * (d / 100.0) ** 3 * np.exp(-d / 150.0))
    c = np.where(ut < 13.0, 0.0, (np.maximum(ut - 13.0, 0.0) / 10.0) ** 1.5 * g)
    draw = np.random.default_rng(seed)
    steps = np.maximum(np.floor((ut - 1.5 - 12.0) / 3.0), 0.0)
    high = 12.0 + 3.0 * np.floor(draw.random(d.shape) * (steps + 1.0))
    return np.asarray(np.where(draw.random(d.shape) < 1.0 / (1.0 + c), 1.0, high))
