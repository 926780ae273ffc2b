"""What measurements taught about a network: corrections of the textbook by class, with their uncertainty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from siting.findings import Findings
from siting.radio.scene import LOS, NLOS, UNKNOWN

Floats = npt.NDArray[np.float64]

STATES = (NLOS, LOS, UNKNOWN)
OUTDOOR = "outdoor"
ANY = ""
#: Order of the regressors in `ClassFit.covariance`.
TERMS = ("offset", "slope", "pattern", "power", "diffraction")
DISTANCE_UNIT_M = 100.0


@dataclass(frozen=True)
class ClassFit:
    """Correction of one class of links: measured minus textbook.

    ``offset_db + slope_db lg(d3 / 100 m) + (pattern - 1) A + power (P - power_mean_dbm) - beta (L - loss_mean_db)``
    with A the pattern's gain relative to its maximum [dB, <= 0], P the sector's power per resource element [dBm] and
    L the diffraction loss [dB].

    Parameters
    ----------
    network : str
        Profile name of the carrier.
    state : int
        Of the path: 0 NLOS, 1 LOS, 2 UNKNOWN.
    kind : str
        ``outdoor``, a building class, or empty: what holds where a kind has no class of its own.
    offset_db, slope_db, pattern, power, beta, loss_mean_db, power_mean_dbm : float
        See above; the textbook has 0, 0, 1, 0, 0.
    pattern_mean_db : float
        Mean of A over the samples [dB]: what `causal` turns the pattern's weight into.
    sigma_db : float
        Spread of the residual on blocks that the fit did not see [dB].
    covariance : tuple of tuple of float
        Of the terms, in the order of `TERMS`.
    n, blocks, censored : int
        Samples, 250 m blocks they lie in, and samples at the device's floor.
    """

    network: str
    state: int
    kind: str
    offset_db: float = 0.0
    slope_db: float = 0.0
    pattern: float = 1.0
    power: float = 0.0
    beta: float = 0.0
    loss_mean_db: float = 0.0
    power_mean_dbm: float = 0.0
    pattern_mean_db: float = 0.0
    sigma_db: float = 9.0
    covariance: tuple[tuple[float, ...], ...] = ()
    n: int = 0
    blocks: int = 0
    censored: int = 0


@dataclass(frozen=True)
class Calibration:
    """Corrections of one or more networks, and how well they did on places they had not seen.

    Parameters
    ----------
    fits : tuple of ClassFit
        One per class that was fitted, and one with empty kind per network and state.
    devices : mapping
        Offset of each measuring device [dB].
    metrics : DataFrame
        The held-out table: ``network, class, predictor`` (``calibrated``, ``uncalibrated``, ``constant``,
        ``free_space``, ``distance``, ``random_split``), ``n, rmse_db, bias_db, mae_db, f1, brier``.
    reliability : DataFrame
        ``low, high, predicted, measured, n`` of ten bins of the probability, on held-out blocks.
    usable : bool
        False where it was not better than a constant; such a one is used only by a named person's word.
    findings : Findings
        Devices and sectors that do not fit, and what the data cannot tell.
    data_hash : str
        Of the samples and the sites they were matched with.
    """

    fits: tuple[ClassFit, ...]
    devices: Mapping[str, float]
    metrics: pd.DataFrame
    reliability: pd.DataFrame
    usable: bool
    findings: Findings = field(default_factory=Findings)
    data_hash: str = ""

    def networks(self) -> tuple[str, ...]:
        """Networks it speaks of."""
        return tuple(sorted({fit.network for fit in self.fits}))

    def fit_of(self, network: str, state: int, kind: str) -> ClassFit | None:
        """The correction of a class, else of its network and state; None where nothing was measured."""
        found = {(f.network, f.state, f.kind): f for f in self.fits}
        return found.get((network, state, kind)) or found.get((network, state, ANY))


@dataclass(frozen=True)
class Terms:
    """A calibration as arrays [kind, state] over the kinds of a run; see `ClassFit` for their meaning.

    ``sigma_db`` is the spread of a link; ``measured`` tells where it already holds the spread of penetration.
    """

    offset_db: Floats
    slope_db: Floats
    pattern: Floats
    power: Floats
    beta: Floats
    loss_mean_db: Floats
    power_mean_dbm: Floats
    sigma_db: Floats
    measured: npt.NDArray[np.bool_]

    @property
    def diffracts(self) -> bool:
        """Whether any class needs the diffraction loss of its paths."""
        return bool(np.any(self.beta != 0.0))


def terms_of(
    calibration: Calibration | None, network: str, kinds: Sequence[str], *, uncalibrated_sigma_db: float
) -> Terms:
    """Corrections of a network by kind of unit and state of path; without any the textbook's.

    Parameters
    ----------
    calibration : Calibration, optional
        None: textbook with `uncalibrated_sigma_db` everywhere.
    network : str
        Profile name.
    kinds : sequence of str
        ``outdoor`` and building classes, in the order of the wanted rows.
    uncalibrated_sigma_db : float
        Spread where nothing was measured [dB].
    """
    fits = [[_fit(calibration, network, state, kind, uncalibrated_sigma_db) for state in STATES] for kind in kinds]

    def column(name: str) -> Floats:
        return np.array([[getattr(fit, name) for fit in row] for row in fits], np.float64).reshape(
            len(kinds), len(STATES)
        )

    own = [[fit.n > 0 and fit.kind not in {ANY, OUTDOOR} for fit in row] for row in fits]
    return Terms(
        column("offset_db"),
        column("slope_db"),
        column("pattern"),
        column("power"),
        column("beta"),
        column("loss_mean_db"),
        column("power_mean_dbm"),
        column("sigma_db"),
        np.array(own, bool).reshape(len(kinds), len(STATES)),
    )


def causal(calibration: Calibration) -> Calibration:
    """The calibration for asking what a change would do.

    Pattern and power weights describe where operators put power and what reflections fill, not what turning an
    antenna or raising its power does; so the change itself is computed with the nominal pattern and power, and what
    was measured stays as the level of the class.
    """
    return replace(calibration, fits=tuple(_nominal(fit) for fit in calibration.fits))


def _nominal(fit: ClassFit) -> ClassFit:
    level_db = fit.offset_db + (fit.pattern - 1.0) * fit.pattern_mean_db
    return replace(fit, offset_db=level_db, pattern=1.0, power=0.0)


def _fit(calibration: Calibration | None, network: str, state: int, kind: str, sigma_db: float) -> ClassFit:
    found = None if calibration is None else calibration.fit_of(network, state, kind)
    return found or ClassFit(network, state, kind, sigma_db=sigma_db)
