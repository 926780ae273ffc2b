"""How well a calibration does on places it has not seen, beside predictors that need no model."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtr

from siting.radio.calibration import ANY
from siting.radio.classes import EVERY_STATE, Key, Predicted, class_name, predict, train
from siting.radio.network import defaults

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

FOLDS = 5
BINS = 10
METRICS = ("network", "class", "predictor", "n", "rmse_db", "bias_db", "mae_db", "f1", "brier")
CALIBRATED, UNCALIBRATED, CONSTANT = "calibrated", "uncalibrated", "constant"
FREE_SPACE, DISTANCE, RANDOM = "free_space", "distance", "random_split"
ALL = ""


@dataclass(frozen=True)
class Guess:
    """One predictor on blocks it was not trained on: level [dBm], spread [dB], chance of a weak level, and its verdict.

    A predictor of verdicts alone has NaN levels.
    """

    level_dbm: Floats
    chance: Floats
    weak: Bools


@dataclass(frozen=True)
class Judged:
    """Held-out tables of a calibration.

    Parameters
    ----------
    metrics, reliability : DataFrame
        As in `calibration.Calibration`.
    sigma_db : mapping
        Spread by class, by (network, state, "") and by (network, -1, "") [dB].
    guesses : mapping
        By predictor.
    """

    metrics: pd.DataFrame
    reliability: pd.DataFrame
    sigma_db: Mapping[Key, float]
    guesses: Mapping[str, Guess]


def folds_of(blocks: pd.Series, *, seed: int) -> Ints:
    """Fold of each sample: whole blocks, dealt out in the order of a seeded hash of their names.

    Parameters
    ----------
    blocks : Series
        Name of the block each sample lies in.
    seed : int
        Another seed deals otherwise.
    """
    names = sorted({str(b) for b in blocks}, key=lambda b: hashlib.blake2b(f"{seed}:{b}".encode()).digest())
    deal = {name: number % FOLDS for number, name in enumerate(names)}
    return np.array([deal[str(b)] for b in blocks], np.int64)


def judge(frame: pd.DataFrame, *, seed: int, level_dbm: float, diffraction: bool = False) -> Judged:
    """Train on four fifths of the blocks, look at the rest, five times.

    Parameters
    ----------
    frame : DataFrame
        From `samples.prepare`.
    seed : int
        Of the blocks' deal and of the random split.
    level_dbm : float
        A level below it is weak.
    diffraction : bool
        As in `classes.train`.

    Returns
    -------
    Judged
        A sample below the floor counts as an error only by how far the predicted level lies above the floor.
    """
    frame = frame.reset_index(drop=True)
    fold = folds_of(frame["block"], seed=seed)
    draw = np.random.default_rng(seed).integers(0, FOLDS, len(frame))
    fitted = _out_of_fold(frame, fold, diffraction=diffraction)
    mixed = _out_of_fold(frame, draw, diffraction=diffraction)
    guesses = {
        CALIBRATED: graded(frame, fold, fitted, level_dbm),
        **_others(frame, fold, level_dbm),
        RANDOM: graded(frame, draw, mixed, level_dbm),
    }
    error = errors_db(frame, fitted.level_dbm)
    metrics = table_of(frame, guesses, level_dbm)
    return Judged(metrics, _reliability(frame, guesses[CALIBRATED], level_dbm), spreads(frame, error), guesses)


def table_of(frame: pd.DataFrame, guesses: Mapping[str, Guess], level_dbm: float) -> pd.DataFrame:
    """`METRICS` of each predictor in all, by network and by class."""
    rows = [row for name, guess in guesses.items() for row in _rows(frame, name, guess, level_dbm)]
    return pd.DataFrame(rows, columns=list(METRICS))


def errors_db(frame: pd.DataFrame, level_dbm: Floats) -> Floats:
    """Measured minus predicted [dB]; of a sample below the floor 0 where the prediction is below it too."""
    error = frame["rsrp_dbm"].to_numpy(float) - level_dbm
    return np.where(frame["censored"].to_numpy(bool), np.minimum(error, 0.0), error)


def _out_of_fold(frame: pd.DataFrame, fold: Ints, *, diffraction: bool) -> Predicted:
    level, variance = np.full(len(frame), np.nan), np.zeros(len(frame))
    for rows, others in splits(fold):
        trained = train(frame[others], diffraction=diffraction)
        found = predict(trained.fits, trained.devices, frame[rows])
        plain = frame.loc[rows, "textbook_dbm"].to_numpy(float)
        level[rows] = np.where(np.isnan(found.level_dbm), plain, found.level_dbm)
        variance[rows] = found.variance_db2
    return Predicted(level, variance)


def splits(fold: Ints) -> Iterator[tuple[Bools, Bools]]:
    """Rows of a fold and rows of the others, for every fold that leaves something to train on."""
    for number in np.unique(fold):
        rows = fold == number
        if (~rows).any():
            yield rows, ~rows


def graded(frame: pd.DataFrame, fold: Ints, found: Predicted, level_dbm: float) -> Guess:
    """Chances and verdicts of held-out levels, with the spread and the cut that the other folds show.

    Parameters
    ----------
    frame : DataFrame
        From `samples.prepare`.
    fold : ndarray of int
        Of each sample.
    found : Predicted
        Of models that had not seen the sample.
    level_dbm : float
        A level below it is weak.
    """
    error = errors_db(frame, found.level_dbm)
    sigma = np.empty(len(frame))
    for rows, others in splits(fold):
        known = spreads(frame[others], error[others])
        sigma[rows] = sigma_of(frame[rows], known)
    chance = ndtr((level_dbm - found.level_dbm) / np.sqrt(sigma**2 + found.variance_db2))
    return Guess(found.level_dbm, chance, verdicts(frame, chance, fold, level_dbm))


def _others(frame: pd.DataFrame, fold: Ints, level_dbm: float) -> dict[str, Guess]:
    """Predictors that need no calibration: textbook, mean level, free space with an offset, distance to the nearest site."""
    measured, size = frame["rsrp_dbm"].to_numpy(float), len(frame)
    plain, free = (frame[name].to_numpy(float) for name in ("textbook_dbm", "free_space_dbm"))
    levels = {UNCALIBRATED: plain, CONSTANT: np.zeros(size), FREE_SPACE: free.copy()}
    sigma = {name: np.full(size, defaults()["uncalibrated_sigma_db"]) for name in levels}
    for rows, others in splits(fold):
        for name in (CONSTANT, FREE_SPACE):
            rest = measured[others] - (free[others] if name == FREE_SPACE else 0.0)
            levels[name][rows] += rest.mean()
            sigma[name][rows] = max(float(rest.std()), 1.0)
    chance = {name: ndtr((level_dbm - levels[name]) / sigma[name]) for name in levels}
    found = {name: Guess(levels[name], chance[name], verdicts(frame, chance[name], fold, level_dbm)) for name in levels}
    far = frame["nearest_m"].to_numpy(float)
    nothing = np.full(size, np.nan)
    return found | {DISTANCE: Guess(nothing, nothing, verdicts(frame, far, fold, level_dbm))}


def spreads(frame: pd.DataFrame, error_db: Floats) -> dict[Key, float]:
    """Root mean square of errors by class, by state and by network, where there are samples enough [dB]."""
    least = defaults()["class_least_n"]
    square = pd.Series(error_db**2, frame.index)
    found: dict[Key, float] = {}
    for columns in (["network"], ["network", "state"], ["network", "state", "kind"]):
        by = square.groupby([frame[name] for name in columns])
        for key, mean, count in zip(by.mean().index, by.mean(), by.size(), strict=True):
            parts = key if isinstance(key, tuple) else (key,)
            if count >= least or len(parts) == 1:
                found[_key(parts)] = float(np.sqrt(mean))
    return found


def _key(parts: tuple) -> Key:
    state = int(parts[1]) if len(parts) > 1 else EVERY_STATE
    return str(parts[0]), state, str(parts[2]) if len(parts) > 2 else ANY  # noqa: PLR2004 - network, state, kind


def sigma_of(frame: pd.DataFrame, known: Mapping[Key, float]) -> Floats:
    """Spread of each sample from those of classes [dB]."""
    label = pd.MultiIndex.from_frame(frame[["network", "state", "kind"]])
    codes, unique = label.factorize()

    def of(network: str, state: int, kind: str) -> float:
        tried = ((network, state, kind), (network, state, ANY), (network, EVERY_STATE, ANY))
        return next((known[key] for key in tried if key in known), defaults()["uncalibrated_sigma_db"])

    return np.array([of(*key) for key in unique], np.float64)[codes] if len(frame) else np.empty(0)


def truth(frame: pd.DataFrame, level_dbm: float) -> tuple[Bools, Bools]:
    """Which samples are weak, and of which one can tell (a floor above the level hides it)."""
    hidden = frame["censored"].to_numpy(bool) & (frame["floor_dbm"].to_numpy(float) >= level_dbm)
    return frame["rsrp_dbm"].to_numpy(float) < level_dbm, ~hidden


def verdicts(frame: pd.DataFrame, score: Floats, fold: Ints, level_dbm: float) -> Bools:
    """Weak or not by a score, with the cut that is best on the other folds."""
    weak, told = truth(frame, level_dbm)
    found = np.zeros(len(frame), bool)
    for rows, others in splits(fold):
        found[rows] = score[rows] >= best_cut(score[others & told], weak[others & told])
    return found


def best_cut(score: Floats, weak: Bools) -> float:
    """The score from which calling everything weak has the highest F1; infinite where nothing is weak."""
    if not weak.any():
        return np.inf
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(weak[order])
    f1 = 2.0 * hits / (np.arange(1, len(order) + 1) + weak.sum())
    last = np.append(np.diff(score[order]) != 0.0, True)
    return float(score[order][np.argmax(np.where(last, f1, -1.0))])


def f1_of(weak: Bools, said: Bools) -> float:
    """Harmonic mean of precision and recall of the weak; NaN where nothing is weak and nothing was said to be."""
    total = int(weak.sum() + said.sum())
    return 2.0 * int((weak & said).sum()) / total if total else float("nan")


def _rows(frame: pd.DataFrame, predictor: str, guess: Guess, level_dbm: float) -> Iterator[tuple]:
    """Metrics of a predictor in all, by network and by class."""
    yield _row((ALL, ALL), predictor, frame, guess, np.ones(len(frame), bool), level_dbm)
    for network in sorted(set(frame["network"])):
        mine = (frame["network"] == network).to_numpy()
        yield _row((network, ALL), predictor, frame, guess, mine, level_dbm)
        for (state, kind), at in frame[mine].groupby(["state", "kind"]).indices.items():
            rows = np.zeros(len(frame), bool)
            rows[np.flatnonzero(mine)[at]] = True
            yield _row((network, class_name(int(state), str(kind))), predictor, frame, guess, rows, level_dbm)


def _row(
    who: tuple[str, str], predictor: str, frame: pd.DataFrame, guess: Guess, rows: Bools, level_dbm: float
) -> tuple:
    error = errors_db(frame, guess.level_dbm)[rows]
    weak, told = truth(frame, level_dbm)
    judged = rows & told
    brier = float(np.mean((guess.chance[judged] - weak[judged]) ** 2)) if judged.any() else np.nan
    f1 = f1_of(weak[judged], guess.weak[judged])
    sizes = (float(np.sqrt(np.mean(error**2))), float(np.mean(error)), float(np.mean(np.abs(error))))
    return (*who, predictor, int(rows.sum()), *sizes, f1, brier)


def _reliability(frame: pd.DataFrame, guess: Guess, level_dbm: float) -> pd.DataFrame:
    """Ten bins of the probability of a level that is not weak, and the share that really was."""
    weak, told = truth(frame, level_dbm)
    covered, chance = ~weak[told], 1.0 - guess.chance[told]
    at = np.minimum((chance * BINS).astype(np.int64), BINS - 1)
    count = np.bincount(at, minlength=BINS)
    with np.errstate(invalid="ignore"):
        said, seen = (np.bincount(at, values, BINS) / count for values in (chance, covered.astype(float)))
    edges = np.arange(BINS + 1) / BINS
    return pd.DataFrame({"low": edges[:-1], "high": edges[1:], "predicted": said, "measured": seen, "n": count})


def whole(metrics: pd.DataFrame, predictor: str, column: str, *, network: str = ALL) -> float:
    """One number of a predictor over all classes of a network, or of all networks.

    Parameters
    ----------
    metrics : DataFrame
        Of a `Calibration`.
    predictor, column : str
        One of the table's each.
    network : str
        Empty for all.
    """
    row = (metrics["class"] == ALL) & (metrics["network"] == network) & (metrics["predictor"] == predictor)
    return float(metrics.loc[row, column].to_numpy(float)[0])
