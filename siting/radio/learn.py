"""A second stage on what a calibration leaves: learned from the path, adopted only where it helps on unseen blocks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
from threadpoolctl import threadpool_limits

from siting.errors import BadInput
from siting.radio import heldout, o2i
from siting.radio.calibrate import STANDARD, Options, usable_rows
from siting.radio.calibration import OUTDOOR, Calibration
from siting.radio.classes import Key, Predicted, predict, train
from siting.radio.network import Gear, Network, defaults
from siting.radio.rays import around, with_rays
from siting.radio.samples import prepare
from siting.radio.scene import Terrain

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

#: What a path tells the learner: never where it lies, nor which site, device or time it belongs to.
FEATURES = (
    "lg_distance",
    "rise_over_m",
    "state",
    "blocked_cells",
    "blocked_m",
    "excess_m",
    "loss_db",
    "roof_mean_m",
    "built_share",
    "depth_m",
    "floor",
    "phi_deg",
    "delta_deg",
    "frequency_ghz",
    "class_number",
)
CATEGORIES = (FEATURES.index("state"), FEATURES.index("class_number"))
CORRECTED, CLASSIFIER = "corrected", "classifier"


@dataclass(frozen=True)
class Domain:
    """Range of every feature in which the learner has seen enough: 1 to 99 % of the training samples."""

    low: Floats
    high: Floats

    def holds(self, values: Floats) -> Bools:
        """Whether each row lies inside."""
        return np.asarray(((values >= self.low) & (values <= self.high)).all(axis=1))


@dataclass(frozen=True)
class Shift:
    """What the learned stage adds to calibrated levels.

    Parameters
    ----------
    shift_db : ndarray
        Within 15 dB; 0 outside the domain.
    outside : ndarray of bool
        Where the learner has seen nothing like it (flag learned_out_of_domain).
    """

    shift_db: Floats
    outside: Bools


@dataclass(frozen=True)
class Correction:
    """A learned second stage.

    Parameters
    ----------
    adopted : bool
        Whether it was better on blocks it had not seen; one that was not adds nothing.
    metrics : DataFrame
        Like that of a calibration, with predictors ``calibrated``, ``corrected`` and ``classifier``.
    sigma_db : mapping
        Spread of what both stages leave on unseen blocks, by class [dB].
    level_dbm : float
        The level below which the classifier calls a place weak.
    domain : Domain
        Where it may speak.
    regressor, classifier
        The trained learners; no classifier where all samples were alike.
    """

    adopted: bool
    metrics: pd.DataFrame
    sigma_db: Mapping[Key, float]
    level_dbm: float
    domain: Domain
    regressor: HistGradientBoostingRegressor
    classifier: HistGradientBoostingClassifier | None

    def predict(self, features: pd.DataFrame) -> Shift:
        """What to add to calibrated levels; nothing if not adopted.

        Parameters
        ----------
        features : DataFrame
            With the columns `FEATURES`.
        """
        values = _values(features)
        if not self.adopted:
            return Shift(np.zeros(len(values)), np.zeros(len(values), bool))
        return _shift(self.regressor, self.domain, values)

    def chance_weak(self, features: pd.DataFrame, level_dbm: npt.ArrayLike) -> Floats:
        """Probability of a weak level, learned directly; NaN without a classifier.

        Parameters
        ----------
        features : DataFrame
            With the columns `FEATURES`.
        level_dbm : array_like
            Calibrated level of each row [dBm].
        """
        return _chance(self.classifier, _with_level(_values(features), np.asarray(level_dbm, np.float64)))


def features(
    samples: pd.DataFrame,
    sites: pd.DataFrame,
    terrain: Terrain,
    networks: Mapping[str, Network],
    *,
    gear: Gear | None = None,
    options: Options = STANDARD,
) -> pd.DataFrame:
    """Samples of trustworthy sectors with what their paths tell.

    Parameters
    ----------
    samples, sites, terrain, networks, gear, options
        As in `calibrate.fit`.

    Returns
    -------
    DataFrame
        Rows of `samples.prepare` with the columns `FEATURES`.
    """
    made = prepare(samples, sites, terrain, networks, gear=gear, floor_dbm=options.floor_dbm)
    return of_links(usable_rows(made.frame, far_m=options.far_m)[0], terrain)


def of_links(frame: pd.DataFrame, terrain: Terrain) -> pd.DataFrame:
    """Links with the columns `FEATURES`.

    Parameters
    ----------
    frame : DataFrame
        Columns of `samplelinks.links`.
    terrain : Terrain
        Obstacles.
    """
    numbers = {name: number for number, name in enumerate((OUTDOOR, *o2i.class_models()))}
    return around(with_rays(frame, terrain), terrain).assign(
        lg_distance=np.log10(frame["distance_3d_m"].to_numpy(float)),
        rise_over_m=frame["rise_m"] - frame["height_m"],
        class_number=frame["kind"].map(numbers).astype(np.int64),
    )


def fit_correction(
    calibration: Calibration, features: pd.DataFrame, *, seed: int, options: Options = STANDARD
) -> Correction:
    """Learn what a calibration leaves, and adopt it only if unseen blocks say so.

    Parameters
    ----------
    calibration : Calibration
        The first stage.
    features : DataFrame
        From `features`, of the samples the calibration was fitted to.
    seed : int
        The same as for the calibration deals the same blocks; it also seeds the learners.
    options : Options
        As for the calibration.

    Returns
    -------
    Correction
        Adopted if on the same blocks the error falls by 0.3 dB or more and F1 by no more than 0.02.

    Raises
    ------
    BadInput
        If columns are missing.
    """
    values = _values(features)
    fold = heldout.folds_of(features["block"], seed=seed)
    held = _held_out(features, values, fold, (seed, options))
    numbers = defaults()
    metrics = heldout.table_of(features, held, options.weak_dbm)
    gain_db = _fall(metrics, "rmse_db")
    lost = np.nan_to_num(_fall(metrics, "f1"))
    first = predict(calibration.fits, calibration.devices, features).level_dbm
    rest = np.nan_to_num(heldout.errors_db(features, first))
    return Correction(
        adopted=bool(gain_db >= numbers["learn_gain_db"] and lost <= numbers["learn_f1_loss"]),
        metrics=metrics,
        sigma_db=heldout.spreads(features, heldout.errors_db(features, held[CORRECTED].level_dbm)),
        level_dbm=options.weak_dbm,
        domain=_domain(values),
        regressor=regressor(values, rest, settings(seed)),
        classifier=_classifier(features, values, first, (seed, options)),
    )


def _fall(metrics: pd.DataFrame, column: str) -> float:
    """By how much a number is lower after the second stage."""
    before, after = (heldout.whole(metrics, name, column) for name in (heldout.CALIBRATED, CORRECTED))
    return before - after


def _held_out(
    frame: pd.DataFrame, values: Floats, fold: npt.NDArray[np.int64], how: tuple[int, Options]
) -> dict[str, heldout.Guess]:
    """Both stages and the classifier on blocks that none of them had seen."""
    seed, options = how
    size = len(frame)
    first, both, variance, chance = (np.full(size, np.nan) for _ in range(4))
    for rows, others in heldout.splits(fold):
        trained = train(frame[others], diffraction=options.diffraction)
        here, there = (predict(trained.fits, trained.devices, frame[part]) for part in (rows, others))
        rest = np.nan_to_num(heldout.errors_db(frame[others], there.level_dbm))
        learner = regressor(values[others], rest, settings(seed))
        first[rows], variance[rows] = here.level_dbm, here.variance_db2
        both[rows] = here.level_dbm + _shift(learner, _domain(values[others]), values[rows]).shift_db
        twin = _classifier(frame[others], values[others], there.level_dbm, how)
        chance[rows] = _chance(twin, _with_level(values[rows], here.level_dbm))
    weak = heldout.verdicts(frame, np.nan_to_num(chance), fold, options.weak_dbm)
    return {
        heldout.CALIBRATED: heldout.graded(frame, fold, Predicted(first, variance), options.weak_dbm),
        CORRECTED: heldout.graded(frame, fold, Predicted(both, variance), options.weak_dbm),
        CLASSIFIER: heldout.Guess(np.full(size, np.nan), chance, weak),
    }


def _values(features: pd.DataFrame) -> Floats:
    missing = [name for name in FEATURES if name not in features]
    if missing:
        raise BadInput("calibrate.columns", value=", ".join(missing))
    return features[list(FEATURES)].to_numpy(np.float64)


def _with_level(values: Floats, level_dbm: Floats) -> Floats:
    return np.column_stack([values, level_dbm])


def _domain(values: Floats) -> Domain:
    share = defaults()["learn_domain_share"]
    low, high = np.quantile(values, [share, 1.0 - share], axis=0)
    return Domain(low, high)


def _shift(learner: HistGradientBoostingRegressor, domain: Domain, values: Floats) -> Shift:
    inside, limit = domain.holds(values), defaults()["learn_clip_db"]
    with threadpool_limits(1, user_api="openmp"):
        told = np.clip(learner.predict(values), -limit, limit) if len(values) else np.empty(0)
    return Shift(np.where(inside, told, 0.0), ~inside)


def _chance(classifier: HistGradientBoostingClassifier | None, values: Floats) -> Floats:
    if classifier is None:
        return np.full(len(values), np.nan)
    with threadpool_limits(1, user_api="openmp"):
        return np.asarray(classifier.predict_proba(values)[:, 1], np.float64)


def settings(seed: int) -> dict[str, object]:
    """Settings of both learners; early stopping would hold out samples of seen blocks."""
    numbers = defaults()
    return {
        "max_leaf_nodes": int(numbers["learn_leaves"]),
        "learning_rate": numbers["learn_rate"],
        "max_iter": int(numbers["learn_rounds"]),
        "min_samples_leaf": int(numbers["learn_leaf_samples"]),
        "l2_regularization": numbers["learn_l2"],
        "early_stopping": False,
        "categorical_features": list(CATEGORIES),
        "random_state": seed,
    }


def regressor(values: Floats, rest_db: Floats, how: Mapping[str, object]) -> HistGradientBoostingRegressor:
    """A learner of what the first stage leaves; on one thread, as two that wait for each other on a busy machine crawl."""
    from sklearn.ensemble import HistGradientBoostingRegressor  # noqa: PLC0415 - a second of every start otherwise

    with threadpool_limits(1, user_api="openmp"):
        return HistGradientBoostingRegressor(**how).fit(values, rest_db)


def _classifier(
    frame: pd.DataFrame, values: Floats, level_dbm: Floats, how: tuple[int, Options]
) -> HistGradientBoostingClassifier | None:
    """A learner of weak levels; None where all samples that tell are alike."""
    from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415 - a second of every start otherwise

    seed, options = how
    weak, told = heldout.truth(frame, options.weak_dbm)
    if len(np.unique(weak[told])) < 2:  # noqa: PLR2004 - weak and not weak
        return None
    with threadpool_limits(1, user_api="openmp"):
        learner = HistGradientBoostingClassifier(**settings(seed))
        return learner.fit(_with_level(values, level_dbm)[told], weak[told])
