"""Classes of links and their corrections: from matched samples to terms, and from terms back to levels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from siting.radio.calibration import ANY, DISTANCE_UNIT_M, STATES, TERMS, ClassFit
from siting.radio.network import defaults
from siting.radio.regression import Design, Solution, device_numbers, solve
from siting.radio.scene import NLOS

Floats = npt.NDArray[np.float64]

Key = tuple[str, int, str]
EVERY_STATE = -1
HIGHEST_LOSS_DB = 60.0
STATE_WORDS = {0: "nlos", 1: "los", 2: "unknown"}


@dataclass(frozen=True)
class Trained:
    """Terms of the classes and offsets of the devices.

    Parameters
    ----------
    fits : tuple of ClassFit
        As in a `Calibration`; the spread is that inside the sample.
    devices : mapping
        Offset by device [dB].
    refused : tuple
        Classes with too many levels below the floor.
    """

    fits: tuple[ClassFit, ...]
    devices: Mapping[str, float]
    refused: tuple[Key, ...]


def class_name(state: int, kind: str) -> str:
    """How the tables of a calibration call a class, such as ``nlos/outdoor``."""
    return f"{STATE_WORDS[state]}/{kind}"


def train(frame: pd.DataFrame, *, diffraction: bool = False) -> Trained:
    """Fit the corrections of all classes that samples speak of.

    Parameters
    ----------
    frame : DataFrame
        From `samples.prepare`; with ``loss_db`` if diffraction is wanted.
    diffraction : bool
        Whether hidden classes get a weight of the Bullington loss.

    Returns
    -------
    Trained
        A class with fewer than 30 samples, or with over 80 % below the floor, has its network's offset.
    """
    frame = frame.reset_index(drop=True)
    keys, cell, refused = _classes(frame)
    rows = frame[cell >= 0].reset_index(drop=True)
    if not keys:
        return Trained((), {}, refused)
    names = sorted({str(d) for d in rows["device_id"]} - {""})
    devices = {name: number for number, name in enumerate(names)}
    means = _means(rows, cell[cell >= 0], len(keys))
    design = _design(rows, keys, cell[cell >= 0], means, (devices, diffraction))
    found = solve(design)
    own = [_class_fit(key, number, found, design, rows, means) for number, key in enumerate(keys)]
    fits = (*(f for f in own if f.state != EVERY_STATE), *_fallbacks(own, found, rows))
    return Trained(fits, {name: float(found.device_db[n]) for name, n in devices.items()}, refused)


def _classes(frame: pd.DataFrame) -> tuple[list[Key], npt.NDArray[np.int64], tuple[Key, ...]]:
    """Classes to be fitted, the number of each sample's (-1 none), and classes refused for their censored share."""
    numbers = defaults()
    label = pd.MultiIndex.from_frame(frame[["network", "state", "kind"]])
    counts = frame.groupby(["network", "state", "kind"], sort=True)["censored"].agg(["size", "mean"])
    dark = counts[counts["mean"] > numbers["censored_refuse_share"]].index
    enough = counts[(counts["size"] >= numbers["class_least_n"]) & ~counts.index.isin(dark)].index
    keys: list[Key] = [(str(n), int(s), str(k)) for n, s, k in enough]
    cell = enough.get_indexer(label).astype(np.int64)
    for network in sorted({str(n) for n in frame["network"]} - {key[0] for key in keys}):
        mine = (frame["network"] == network).to_numpy() & ~label.isin(dark)
        if mine.any():
            cell[mine] = len(keys)
            keys.append((network, EVERY_STATE, ANY))
    large = [key for key in dark if counts.loc[key, "size"] >= numbers["class_least_n"]]
    return keys, cell, tuple((str(n), int(s), str(k)) for n, s, k in large)


def _means(rows: pd.DataFrame, cell: npt.NDArray[np.int64], classes: int) -> Floats:
    """[class, (A, power, loss)]: means of the regressors."""
    count = np.maximum(np.bincount(cell, minlength=classes), 1)
    columns = [rows["gain_db"], rows["power_dbm"], _loss(rows)]
    return np.stack([np.bincount(cell, np.asarray(c, float), classes) / count for c in columns], axis=1)


def _loss(rows: pd.DataFrame) -> Floats:
    if "loss_db" not in rows:
        return np.zeros(len(rows))
    return np.clip(rows["loss_db"].to_numpy(float), 0.0, HIGHEST_LOSS_DB)


def regressors(rows: pd.DataFrame, power_mean_dbm: Floats, loss_mean_db: Floats) -> Floats:
    """[sample, term] of `TERMS`: 1, lg(d3 / 100 m), A, power over its mean, and the mean loss over that of the path."""
    return np.stack(
        [
            np.ones(len(rows)),
            np.log10(rows["distance_3d_m"].to_numpy(float) / DISTANCE_UNIT_M),
            rows["gain_db"].to_numpy(float),
            rows["power_dbm"].to_numpy(float) - power_mean_dbm,
            loss_mean_db - _loss(rows),
        ],
        axis=1,
    )


def _design(
    rows: pd.DataFrame,
    keys: list[Key],
    cell: npt.NDArray[np.int64],
    means: Floats,
    rest: tuple[Mapping[str, int], bool],
) -> Design:
    devices, diffraction = rest
    networks = sorted({key[0] for key in keys})
    active = _active(rows, keys, cell, diffraction=diffraction)
    level = rows["textbook_dbm"].to_numpy(float)
    return Design(
        regressors(rows, means[cell, 1], means[cell, 2]) * active[cell],
        rows["rsrp_dbm"].to_numpy(float) - level,
        cell,
        device_numbers(rows["device_id"], devices),
        pd.factorize(rows["block"])[0].astype(np.int64),
        rows["censored"].to_numpy(bool),
        np.array([networks.index(key[0]) for key in keys], np.int64),
        active,
    )


def _active(
    rows: pd.DataFrame, keys: list[Key], cell: npt.NDArray[np.int64], *, diffraction: bool
) -> npt.NDArray[np.bool_]:
    """Which terms the samples of each class can tell."""
    numbers, by = defaults(), rows.groupby(cell)
    count = by.size().to_numpy()
    span = by["distance_3d_m"].max().to_numpy(float) / by["distance_3d_m"].min().to_numpy(float)
    long = (count >= numbers["slope_least_n"]) & (span >= numbers["slope_span"])
    slope = long & (by["censored"].mean().to_numpy(float) <= numbers["censored_slope_share"])
    enough = count >= numbers["class_least_n"]
    hidden = np.array([state == NLOS for _, state, _ in keys]) & (count >= numbers["slope_least_n"]) & diffraction
    return np.stack([np.ones(len(keys), bool), slope, enough, enough, hidden], axis=1)


def _class_fit(key: Key, number: int, found: Solution, design: Design, rows: pd.DataFrame, means: Floats) -> ClassFit:
    mine = design.cell == number
    terms = [float(v) for v in found.terms[number]]
    return ClassFit(
        *key,
        offset_db=terms[0],
        slope_db=terms[1],
        pattern=1.0 + terms[2],
        power=terms[3],
        beta=terms[4],
        loss_mean_db=float(means[number, 2]),
        power_mean_dbm=float(means[number, 1]),
        pattern_mean_db=float(means[number, 0]),
        sigma_db=float(found.sigma_db[number]),
        covariance=_rows(found.covariance[number]),
        n=int(mine.sum()),
        blocks=int(rows.loc[mine, "block"].nunique()),
        censored=int(design.censored[mine].sum()),
    )


def _rows(matrix: Floats) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(v) for v in row) for row in matrix)


def _fallbacks(own: list[ClassFit], found: Solution, rows: pd.DataFrame) -> list[ClassFit]:
    """What holds in a state where a kind has no class of its own: the network's offset, the weights of its classes."""
    made = []
    for number, network in enumerate(sorted({fit.network for fit in own})):
        offset = float(found.network_db[number]), float(found.network_variance[number])
        every = [fit for fit in own if fit.network == network]
        for state in STATES:
            like = [fit for fit in every if fit.state == state] or every
            at = rows[(rows["network"] == network) & (rows["state"] == state)]
            made.append(_fallback((network, state, ANY), like, offset, at))
    return made


def _fallback(key: Key, like: list[ClassFit], offset: tuple[float, float], at: pd.DataFrame) -> ClassFit:
    weight = np.array([fit.n for fit in like], float)

    def mean(name: str) -> float:
        return float(np.average([getattr(fit, name) for fit in like], weights=weight))

    covariance = np.average([fit.covariance for fit in like], axis=0, weights=weight)
    pooled = like[0].state == EVERY_STATE
    if not pooled:
        covariance[0, :] = covariance[:, 0] = 0.0
        covariance[0, 0] = offset[1] + defaults()["prior_class_db"] ** 2
    return ClassFit(
        *key,
        offset_db=mean("offset_db") if pooled else offset[0],
        slope_db=mean("slope_db"),
        pattern=mean("pattern"),
        power=mean("power"),
        beta=mean("beta") if key[1] == NLOS else 0.0,
        loss_mean_db=mean("loss_mean_db"),
        power_mean_dbm=mean("power_mean_dbm"),
        pattern_mean_db=mean("pattern_mean_db"),
        sigma_db=mean("sigma_db"),
        covariance=_rows(covariance),
        n=len(at),
        blocks=int(at["block"].nunique()),
        censored=int(at["censored"].sum()),
    )


@dataclass(frozen=True)
class Predicted:
    """Calibrated medians [dBm], and the variance of their corrections [dB^2]; NaN where no class answers."""

    level_dbm: Floats
    variance_db2: Floats


def predict(fits: tuple[ClassFit, ...], devices: Mapping[str, float], frame: pd.DataFrame) -> Predicted:
    """What a calibration says at matched samples, offsets of known devices included.

    Parameters
    ----------
    fits : tuple of ClassFit
        Of a `Calibration`.
    devices : mapping
        Offset by device [dB]; others have none.
    frame : DataFrame
        From `samples.prepare`.
    """
    number = fit_numbers(fits, frame)
    known = number >= 0
    table = _table(fits)[np.where(known, number, 0)] if fits else np.full((len(frame), 8), np.nan)
    offset, slope, pattern, power, beta, loss_mean, power_mean = table.T[:7]
    x = regressors(frame, power_mean, loss_mean)
    loss = np.maximum(-beta * x[:, 4], (frame["nlos_dbm"] - frame["los_dbm"]).to_numpy(float))
    change = offset + slope * x[:, 1] + (pattern - 1.0) * x[:, 2] + power * x[:, 3] - np.where(beta > 0.0, loss, 0.0)
    own = frame["device_id"].map(lambda name: devices.get(str(name), 0.0)).to_numpy(float)
    covariance = np.array([fit.covariance or np.zeros((len(TERMS), len(TERMS))) for fit in fits])
    variance = np.zeros(len(frame))
    for at in np.unique(number[known]):
        rows = number == at
        variance[rows] = np.einsum("ij,jk,ik->i", x[rows], covariance[at], x[rows])
    level = frame["textbook_dbm"].to_numpy(float) + change + own
    return Predicted(np.where(known, level, np.nan), variance)


def fit_numbers(fits: tuple[ClassFit, ...], frame: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Number of the fit that answers for each sample, -1 for none."""
    at = {(fit.network, fit.state, fit.kind): number for number, fit in enumerate(fits)}
    label = pd.MultiIndex.from_frame(frame[["network", "state", "kind"]])
    codes, unique = label.factorize()
    found = [at.get((n, int(s), k), at.get((n, int(s), ANY), -1)) for n, s, k in unique]
    return np.array(found, np.int64)[codes] if len(frame) else np.empty(0, np.int64)


def _table(fits: tuple[ClassFit, ...]) -> Floats:
    return np.array(
        [
            (f.offset_db, f.slope_db, f.pattern, f.power, f.beta, f.loss_mean_db, f.power_mean_dbm, f.sigma_db)
            for f in fits
        ]
    )


def with_sigmas(fits: tuple[ClassFit, ...], spread: Mapping[Key, float]) -> tuple[ClassFit, ...]:
    """Fits with the spread found on unseen blocks: of the class, of its state, else of its network [dB]."""

    def of(fit: ClassFit) -> float:
        tried = ((fit.network, fit.state, fit.kind), (fit.network, fit.state, ANY), (fit.network, EVERY_STATE, ANY))
        return next((spread[key] for key in tried if key in spread), fit.sigma_db)

    return tuple(replace(fit, sigma_db=of(fit)) for fit in fits)
