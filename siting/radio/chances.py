"""What one network gives every unit under one threshold profile: all that counting people needs, and small to keep."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from siting.radio.calibration import STATES, Calibration
from siting.radio.draws import HIGH, LOW, Shifting, errors_db, shifting
from siting.radio.network import Network, Thresholds, defaults
from siting.radio.pathloss import FLAGS
from siting.radio.verdict import Coverage, probability, probability_range

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]

#: Of `Chance.bound`: what the required probability does when every unknown path is hidden, and when all are clear.
NEVER, OPEN, ALWAYS = 0, 1, 2


@dataclass(frozen=True)
class Chance:
    """One network's chance to cover each unit.

    Parameters
    ----------
    network : Network
        The carrier.
    p : ndarray of float32
        Probability that the unit is covered.
    bound : ndarray of uint8
        `NEVER` the required probability even with clear paths, `ALWAYS` even with hidden ones, `OPEN`: the unknown
        paths decide.
    hidden : ndarray of bool
        The unit's own cell is unknown.
    sigma_db : ndarray of float32
        Spread of the server's level, NaN without one.
    kind : ndarray of uint8
        Class of the model's error: kind of unit and state of the path.
    error_db : ndarray
        Spread of that error by class.
    calibrated, no_sites : bool
        See `Coverage`.
    """

    network: Network
    p: Singles
    bound: Bytes
    hidden: npt.NDArray[np.bool_]
    sigma_db: Singles
    kind: Bytes
    error_db: Floats
    calibrated: bool
    no_sites: bool

    def drawn(self, *, draws: int, seed: int) -> Shifting:
        """The probabilities, ready for draws of the network's error."""
        errors = errors_db(self.network.name, self.error_db, draws=draws, seed=seed)
        return shifting(self.p, self.sigma_db, self.kind, errors)

    def interval(self) -> tuple[Singles, Singles]:
        """5 % and 95 % points of each unit's probability over the model's error."""
        ends = np.multiply.outer(ndtri((LOW, HIGH)), self.error_db)
        moved = shifting(self.p, self.sigma_db, self.kind, ends)
        return moved.probability(0), moved.probability(1)

    def part(self, rows: npt.NDArray[np.int64]) -> Chance:
        """The chances of some units, by their row."""
        cut = {name: getattr(self, name)[rows] for name in ("p", "bound", "hidden", "sigma_db", "kind")}
        return replace(self, **cut)


def chance(coverage: Coverage, thresholds: Thresholds, *, calibration: Calibration | None = None) -> Chance:
    """Judge a network under a profile.

    Parameters
    ----------
    coverage : Coverage
        The network at every unit.
    thresholds : Thresholds
        Profile; its level must be among those the coverage kept.
    calibration : Calibration, optional
        What the coverage was computed with: says how far a class may still be off.

    Raises
    ------
    BadInput
        If the level was not kept.
    """
    low, high = probability_range(coverage, thresholds)
    need = thresholds.cell_probability
    return Chance(
        coverage.network,
        probability(coverage, thresholds),
        np.where(low >= need, ALWAYS, np.where(high >= need, OPEN, NEVER)).astype(np.uint8),
        (coverage.flags & FLAGS["cell_unknown"]) > 0,
        coverage.sigma_db,
        (len(STATES) * coverage.kind.astype(np.int64) + coverage.state).astype(np.uint8),
        error_spread_db(coverage, calibration),
        coverage.calibrated,
        coverage.no_sites,
    )


def error_spread_db(coverage: Coverage, calibration: Calibration | None = None) -> Floats:
    """Spread of the error that all units of a class share [dB]: 8 without measurements, else that of the class's offset."""
    unmeasured = defaults()["model_error_db"]
    names = coverage.kinds.names
    if calibration is None or not coverage.calibrated:
        return np.full(len(names) * len(STATES), unmeasured)
    fits = [calibration.fit_of(coverage.network.name, state, name) for name in names for state in STATES]
    return np.array([unmeasured if f is None or not f.covariance else np.sqrt(f.covariance[0][0]) for f in fits])
