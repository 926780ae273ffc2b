"""One network's levels at every unit, and what they mean against a threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtr

from siting.errors import BadInput
from siting.findings import Findings
from siting.radio.kernels_shapes import Tally
from siting.radio.kernels_tally import LOS_AT, MAYBE_LOS_AT, MAYBE_NLOS_AT, NLOS_AT
from siting.radio.kriging import Covariance
from siting.radio.links import OUTDOOR, Kinds
from siting.radio.network import Network, Thresholds
from siting.radio.stage import Scene

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Strongest:
    """Strongest levels before the wall by kind of path [dBm], and probabilities over unknown paths by threshold.

    Parameters
    ----------
    los_dbm, nlos_dbm : ndarray of float32
        Over paths known to be clear, and known to be hidden; -inf where there is none.
    maybe_los_dbm, maybe_nlos_dbm : ndarray of float32
        Over unknown paths, taken as clear and as hidden.
    p_maybe : ndarray of float32
        [threshold, unit]: best mixed probability over unknown paths.
    levels_dbm : tuple of float
        The thresholds of `p_maybe`.
    """

    los_dbm: Singles
    nlos_dbm: Singles
    maybe_los_dbm: Singles
    maybe_nlos_dbm: Singles
    p_maybe: Singles
    levels_dbm: tuple[float, ...]


@dataclass(frozen=True)
class Kept:
    """What a coverage was computed from, beside terrain and sites.

    Parameters
    ----------
    scene : Scene
        Places, obstacles, classes, units.
    levels : ndarray
        Thresholds of the probabilities over unknown paths [dBm].
    tally : Tally
        Sums and maxima in the order of the places.
    unit_id : ndarray of int64
        Identity of each unit, in the order of the units frame.
    cell_unknown : ndarray of bool
        Units whose own cell is unknown, in that order.
    calibration : str
        Hash of the samples behind the calibration; empty without one.
    obstacles : str
        Hash of terrain and places.
    radius_m : float
        Plan distance up to which sectors were evaluated.
    """

    scene: Scene
    levels: Floats
    tally: Tally
    unit_id: npt.NDArray[np.int64]
    cell_unknown: npt.NDArray[np.bool_]
    calibration: str
    obstacles: str
    radius_m: float


@dataclass(frozen=True)
class Local:
    """What measurements nearby add to a coverage, by unit.

    Parameters
    ----------
    mean_db : ndarray of float32
        Already added to the levels; 0 where nothing was measured near.
    sigma_db : ndarray of float32
        Spread that replaces that of the class outdoors; NaN where nothing was measured near.
    walled : ndarray of bool
        Whether the spread of the wall comes on top: not in buildings measured inside.
    covariance : Covariance
        How the residuals outdoors hang together.
    samples : int
        Places measured.
    """

    mean_db: Singles
    sigma_db: Singles
    walled: npt.NDArray[np.bool_]
    covariance: Covariance
    samples: int


@dataclass(frozen=True)
class Coverage:
    """One network over a table of units, in the order of that table.

    Parameters
    ----------
    network : Network
        The carrier.
    unit_id : ndarray of int64
        Identity of each unit.
    rsrp_dbm, sinr_db, sigma_db, p_los : ndarray of float32
        Median level of the server [dBm], its SINR and spread [dB], and its probability of line of sight.
    server : ndarray of int32
        Row of `sectors`, -1 where none reaches.
    state : ndarray of uint8
        Of the server's path: 0 NLOS, 1 LOS, 2 UNKNOWN.
    flags : ndarray of uint16
        Bits of `pathloss.FLAGS`, for the server's path.
    sectors : DataFrame
        The sectors computed, equipment filled in.
    calibrated : bool
        Whether measurements of this network corrected it; False: textbook medians (未校准).
    no_sites : bool
        Whether there was no sector at all: everything is gap.
    findings : Findings
        Sectors left out and why.
    provenance : dict
        Hash of inputs, network, spread, models and calibration.
    kind, kinds, spread_db, strongest
        Class of each unit, walls by class, spreads [class, wall, path] and strongest levels, for `probability`.
    kept : Kept, optional
        What `update` needs.
    units : DataFrame, optional
        The table of units itself.
    local : Local, optional
        What measurements nearby added.
    """

    network: Network
    unit_id: npt.NDArray[np.int64]
    rsrp_dbm: Singles
    server: npt.NDArray[np.int32]
    p_los: Singles
    state: npt.NDArray[np.uint8]
    sinr_db: Singles
    sigma_db: Singles
    flags: npt.NDArray[np.uint16]
    sectors: pd.DataFrame
    calibrated: bool
    no_sites: bool
    findings: Findings
    provenance: dict[str, str]
    kind: npt.NDArray[np.uint8]
    kinds: Kinds
    spread_db: Floats
    strongest: Strongest
    kept: Kept | None = field(default=None, repr=False, compare=False)
    units: pd.DataFrame | None = field(default=None, repr=False, compare=False)
    local: Local | None = field(default=None, repr=False, compare=False)


def probability(coverage: Coverage, thresholds: Thresholds) -> Singles:
    """Probability that each unit is covered, with the SINR rule if the profile has one.

    Parameters
    ----------
    coverage : Coverage
        One network.
    thresholds : Thresholds
        Profile; over unknown paths its level must be among those the coverage kept.

    Returns
    -------
    ndarray of float32
        [1]; 0 where no sector reaches or the class is not computable.

    Raises
    ------
    BadInput
        If the level was not kept.
    """
    best = coverage.strongest
    p = _known(coverage, thresholds.rsrp_dbm)
    if np.isfinite(best.maybe_nlos_dbm).any():
        if thresholds.rsrp_dbm not in best.levels_dbm:
            raise BadInput("radio.level.unknown", value=thresholds.rsrp_dbm, known=", ".join(map(str, best.levels_dbm)))
        p = np.maximum(p, best.p_maybe[best.levels_dbm.index(thresholds.rsrp_dbm)])
    return np.minimum(p, _sinr_probability(coverage, thresholds)).astype(np.float32)


def probability_range(coverage: Coverage, thresholds: Thresholds) -> tuple[Singles, Singles]:
    """Probability with all unknown paths taken as hidden, and as clear."""
    known, best = _known(coverage, thresholds.rsrp_dbm), coverage.strongest
    hidden = np.maximum(known, _exceeds(coverage, best.maybe_nlos_dbm, thresholds.rsrp_dbm, MAYBE_NLOS_AT))
    clear = np.maximum(known, _exceeds(coverage, best.maybe_los_dbm, thresholds.rsrp_dbm, MAYBE_LOS_AT))
    quality = _sinr_probability(coverage, thresholds)
    return np.minimum(hidden, quality).astype(np.float32), np.minimum(clear, quality).astype(np.float32)


def _known(coverage: Coverage, level_dbm: float) -> Floats:
    best = coverage.strongest
    seen = _exceeds(coverage, best.los_dbm, level_dbm, LOS_AT)
    return np.maximum(seen, _exceeds(coverage, best.nlos_dbm, level_dbm, NLOS_AT))


def _exceeds(coverage: Coverage, level_before_dbm: Singles, level_dbm: float, state: int) -> Floats:
    """Probability that a level before the wall exceeds a threshold behind it, wall models averaged."""
    total = np.zeros(len(level_before_dbm))
    kinds, kind = coverage.kinds, coverage.kind
    for wall in range(kinds.wall_db.shape[1]):
        margin = level_before_dbm - kinds.wall_db[kind, wall] - level_dbm
        total += kinds.weight[kind, wall] * ndtr(margin / np.maximum(_spread_db(coverage, wall, state), 1e-9))
    return total


def _spread_db(coverage: Coverage, wall: int, path: int) -> Floats:
    """Spread behind a wall model by unit: of its class, or what measurements nearby leave of it [dB]."""
    own = coverage.spread_db[coverage.kind, wall, path]
    if coverage.local is None:
        return np.asarray(own)
    return spread_near(coverage.local, own, coverage.spread_db[OUTDOOR, 0, path])


def spread_near(local: Local, own_db: Floats, outdoors_db: Floats | np.float64) -> Floats:
    """A unit's spread with the outdoor part replaced where measurements lie near [dB]."""
    wall = np.where(local.walled, np.maximum(own_db**2 - outdoors_db**2, 0.0), 0.0)
    return np.where(np.isnan(local.sigma_db), own_db, np.sqrt(local.sigma_db.astype(np.float64) ** 2 + wall))


def _sinr_probability(coverage: Coverage, thresholds: Thresholds) -> Floats | float:
    if thresholds.sinr_db is None:
        return 1.0
    chance = ndtr((coverage.sinr_db.astype(float) - thresholds.sinr_db) / coverage.sigma_db)
    return np.where(np.isnan(chance), 0.0, chance)


def best_of(coverages: Sequence[Coverage], *, operator: str, thresholds: Thresholds) -> Singles:
    """An operator's probability: the highest over its networks, never a sum.

    Raises
    ------
    BadInput
        If none of the coverages serves the operator.
    """
    own = [c for c in coverages if operator in c.network.operators]
    if not own:
        raise BadInput("radio.operator.none", value=operator, known=", ".join(c.network.name for c in coverages))
    return np.asarray(np.max([probability(c, thresholds) for c in own], axis=0), np.float32)


@dataclass(frozen=True)
class AreaShares:
    """Shares of a weight: expected, reliable, and where nothing could be computed."""

    expected: float
    reliable: float
    unknown: float


def area_shares(probability: npt.ArrayLike, weight: npt.ArrayLike, *, cell_probability: float) -> AreaShares:
    """Covered share of an area or of people, expected and reliable.

    Parameters
    ----------
    probability : array_like
        By unit; NaN = unknown.
    weight : array_like
        Area [m2] or people by unit.
    cell_probability : float
        A unit counts as reliable from here on.
    """
    p, w = np.asarray(probability, float), np.asarray(weight, float)
    total = w.sum()
    if total <= 0.0:
        return AreaShares(np.nan, np.nan, np.nan)
    known = ~np.isnan(p)
    expected = float((w[known] * p[known]).sum() / total)
    return AreaShares(expected, float(w[known & (p >= cell_probability)].sum() / total), float(w[~known].sum() / total))
