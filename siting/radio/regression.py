"""The regression behind a calibration: classes under a network, devices, robust weights, levels below a floor.

Measured minus textbook is linear in the terms of a class plus an offset per device.  Classes lean on their network's
offset, everything on its prior; the solution is the posterior mean.  Offsets of devices are eliminated first, so that
ten thousand devices cost no more than ten.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import log_ndtr, ndtr

from siting.radio.calibration import TERMS
from siting.radio.network import defaults

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

OFFSET, DIFFRACTION = TERMS.index("offset"), TERMS.index("diffraction")
FIXED = 1e12  # precision of a term that is held
HUBER = 1.345
MAD_TO_SIGMA = 1.4826
ROUNDS = 50
SETTLED = 1e-4
LEAST_SIGMA_DB = 0.5
LEAST_INFORMATION = 1e-3
#: Mean square of psi of a standard normal value at 1.345.
HUBER_SQUARE = 0.7101645


@dataclass(frozen=True)
class Design:
    """Samples of classes as numbers.

    Parameters
    ----------
    x : ndarray
        [sample, term]: 1, lg(d3 / 100 m), A, P - mean, mean - L; 0 where a class does not have the term.
    y : ndarray
        Measured minus textbook [dB]; of a censored sample the floor minus textbook.
    cell, device, block : ndarray of int
        Number of each sample's class, device (-1 none) and block.
    censored : ndarray of bool
        The true value lies at or below y.
    network : ndarray of int
        Of each class.
    active : ndarray of bool
        [class, term].
    """

    x: Floats
    y: Floats
    cell: Ints
    device: Ints
    block: Ints
    censored: Bools
    network: Ints
    active: Bools

    @property
    def devices(self) -> int:
        """How many devices there are."""
        return int(self.device.max(initial=-1)) + 1


@dataclass(frozen=True)
class Solution:
    """Posterior of a design.

    Parameters
    ----------
    terms : ndarray
        [class, term]; weights of pattern and power as differences from the textbook's 1 and 0.
    covariance : ndarray
        [class, term, term].
    network_db, network_variance : ndarray
        Offset of each network and its variance.
    device_db : ndarray
        Offset of each device.
    sigma_db : ndarray
        Robust spread of each class inside the sample.
    repeats : ndarray
        How many samples of a class say what one alone would (design effect of its blocks).
    """

    terms: Floats
    covariance: Floats
    network_db: Floats
    network_variance: Floats
    device_db: Floats
    sigma_db: Floats
    repeats: Floats

    def mean_db(self, design: Design) -> Floats:
        """Expected measured minus textbook of every sample, its device included."""
        own = np.einsum("ij,ij->i", design.x, self.terms[design.cell])
        return own + np.where(design.device >= 0, np.append(self.device_db, 0.0)[design.device], 0.0)


def solve(design: Design) -> Solution:
    """Posterior mean by reweighting: Huber weights for outliers, expected values for what lies below the floor.

    Parameters
    ----------
    design : Design
        At least one class.

    Returns
    -------
    Solution
        After at most 50 rounds.  Samples of one block repeat each other: the data of a class count one over its design
        effect, so that uncertainties stay honest.

    References
    ----------
    Huber (1964) for weights and spread; Tobin (1958) and Dempster, Laird, Rubin (1977) for censored values, whose
    expected psi keeps both tails alike; Kish (1965) for the design effect.
    """
    classes = len(design.network)
    sigma, repeats = np.full(classes, defaults()["uncalibrated_sigma_db"]), np.ones(classes)
    y, weight, held = design.y, np.ones(len(design.y)), np.zeros(classes)
    active = design.active.copy()
    before = np.full(active.shape, np.inf)
    for _ in range(ROUNDS):
        found = _posterior(design, y, weight, (sigma, repeats, active, held))
        active, held = _hold(found.terms, active, held)
        mean = found.mean_db(design)
        scaled, square = _influence(design, mean, sigma)
        sigma = _sigmas(design, mean, square * sigma[design.cell] ** 2)
        scaled, _ = _influence(design, mean, sigma)
        spread = sigma[design.cell]
        weight = np.where(
            design.censored, 1.0, np.minimum(1.0, HUBER * spread / _least(np.abs(design.y - mean), spread))
        )
        y = np.where(design.censored, mean + spread * scaled, design.y)
        repeats = _repeats(design, spread * scaled, sigma)
        if np.max(np.abs(found.terms - before), initial=0.0) < SETTLED:
            break
        before = found.terms
    told = _information(design, mean, sigma)
    y = np.where(design.censored, mean + spread * scaled / told, design.y)
    return _posterior(design, y, np.where(design.censored, told, weight), (sigma, repeats, active, held))


def _least(size: Floats, spread: Floats) -> Floats:
    """Sizes of residuals, those within Huber's limit raised to it."""
    return np.maximum(size, HUBER * spread)


def _hold(terms: Floats, active: Bools, held: Floats) -> tuple[Bools, Floats]:
    """Keep the weight of diffraction within 0 and 1: a class that leaves them stays at the bound it left by."""
    beta = terms[:, DIFFRACTION]
    out = active[:, DIFFRACTION] & ((beta < 0.0) | (beta > 1.0))
    if not out.any():
        return active, held
    kept = active.copy()
    kept[out, DIFFRACTION] = False
    return kept, np.where(out, np.clip(beta, 0.0, 1.0), held)


def _posterior(design: Design, y: Floats, weight: Floats, state: tuple[Floats, Floats, Bools, Floats]) -> Solution:
    """One weighted solution of all classes, networks and devices."""
    sigma, repeats, active, held = state
    classes, terms = active.shape
    networks, devices = int(design.network.max()) + 1, design.devices
    scaled = weight / (sigma**2 * repeats)[design.cell]
    size = networks + classes * terms
    precision, right = _prior(design, active, held, size)
    for i in range(terms):
        at = networks + np.arange(classes) * terms + i
        right[at] += np.bincount(design.cell, scaled * design.x[:, i] * y, classes)
        for j in range(terms):
            sums = np.bincount(design.cell, scaled * design.x[:, i] * design.x[:, j], classes)
            precision[at, networks + np.arange(classes) * terms + j] += sums
    cross, own, pull = _by_device(design, scaled, y, (size, networks, devices))
    reduced = precision - (cross / own) @ cross.T
    covariance = np.asarray(np.linalg.inv(reduced), np.float64)
    theta = covariance @ (right - cross @ (pull / own))
    blocks = np.arange(classes)
    whole = covariance[networks:, networks:].reshape(classes, terms, classes, terms)
    return Solution(
        theta[networks:].reshape(classes, terms),
        np.asarray(whole[blocks, :, blocks, :], np.float64),
        theta[:networks],
        np.diag(covariance)[:networks].copy(),
        (pull - cross.T @ theta) / own,
        sigma,
        repeats,
    )


def _by_device(design: Design, scaled: Floats, y: Floats, sizes: tuple[int, int, int]) -> tuple[Floats, Floats, Floats]:
    """Products of terms and devices, precision of each device, and its pull."""
    size, networks, devices = sizes
    classes, terms = design.active.shape
    known = design.device >= 0
    cell, device, weight = design.cell[known], design.device[known], scaled[known]
    cross = np.zeros((size, devices))
    for i in range(terms):
        sums = np.bincount(cell * devices + device, weight * design.x[known, i], classes * devices)
        cross[networks + np.arange(classes) * terms + i] = sums.reshape(classes, devices)
    own = np.bincount(device, weight, devices) + defaults()["prior_device_db"] ** -2
    pull = np.bincount(device, weight * y[known], devices)
    return cross, np.asarray(own, np.float64), np.asarray(pull, np.float64)


def _prior(design: Design, active: Bools, held: Floats, size: int) -> tuple[Floats, Floats]:
    """Precision and pull of the priors; a class's offset leans on its network's."""
    classes, terms = active.shape
    networks = size - classes * terms
    numbers = defaults()
    spread = np.array([numbers["prior_class_db"], *(numbers[f"prior_{name}"] for name in TERMS[1:])])
    each = np.where(active, spread**-2, FIXED)
    precision, right = (
        np.diag(np.concatenate([np.full(networks, numbers["prior_network_db"] ** -2), each.ravel()])),
        np.zeros(size),
    )
    right[networks + np.arange(classes) * terms + DIFFRACTION] = np.where(active[:, DIFFRACTION], 0.0, FIXED * held)
    lean, at = spread[OFFSET] ** -2, networks + np.arange(classes) * terms + OFFSET
    np.add.at(precision, (design.network, design.network), lean)
    precision[design.network, at] -= lean
    precision[at, design.network] -= lean
    return precision, right


def _influence(design: Design, mean: Floats, sigma: Floats) -> tuple[Floats, Floats]:
    """Huber's psi of each scaled residual and its square; of a censored sample what is expected of both below the floor."""
    z = (design.y - mean) / sigma[design.cell]
    psi = np.clip(z, -HUBER, HUBER)
    square = psi**2
    at = z[design.censored]
    top, below = np.clip(at, -HUBER, HUBER), np.exp(log_ndtr(at))
    low, beyond = ndtr(-HUBER), np.maximum(below - ndtr(HUBER), 0.0) * (at > HUBER)
    between = ndtr(top) - low
    first = -HUBER * low + _density(HUBER) - _density(top) + HUBER * beyond
    second = HUBER**2 * (low + beyond) + between - top * _density(top) - HUBER * _density(HUBER)
    certain = at <= -HUBER
    share = np.maximum(below, np.finfo(float).tiny)
    psi[design.censored] = np.where(certain, -HUBER, first / share)
    square[design.censored] = np.where(certain, HUBER**2, second / share)
    return psi, square


def _density(z: npt.ArrayLike) -> Floats:
    return np.asarray(np.exp(-0.5 * np.asarray(z) ** 2) / np.sqrt(2.0 * np.pi))


def _information(design: Design, mean: Floats, sigma: Floats) -> Floats:
    """How much a sample tells of its mean, 1 where it is not censored: minus the second derivative of its likelihood."""
    z = (design.y - mean) / sigma[design.cell]
    ratio = np.exp(-0.5 * z**2 - 0.5 * np.log(2.0 * np.pi) - log_ndtr(z))
    return np.where(design.censored, np.clip(ratio * (z + ratio), LEAST_INFORMATION, 1.0), 1.0)


def _sigmas(design: Design, mean: Floats, square: Floats) -> Floats:
    """Spread of each class: 1.4826 MAD, and where values are censored that at which psi has the square of a normal one."""
    order = np.argsort(design.cell, kind="stable")
    ends = np.searchsorted(design.cell[order], np.arange(len(design.network) + 1))
    found = np.full(len(design.network), defaults()["uncalibrated_sigma_db"])
    for number in range(len(found)):
        rows = order[ends[number] : ends[number + 1]]
        if rows.size and design.censored[rows].any():
            found[number] = np.sqrt(np.mean(square[rows]) / HUBER_SQUARE)
        elif rows.size:
            found[number] = MAD_TO_SIGMA * np.median(np.abs(design.y[rows] - mean[rows]))
    return np.maximum(found, LEAST_SIGMA_DB)


def _repeats(design: Design, residual: Floats, sigma: Floats) -> Floats:
    """Design effect of blocks in each class, 1 + (size - 1) rho with rho the correlation inside a block."""
    classes = len(design.network)
    blocks = int(design.block.max(initial=0)) + 1
    key = design.cell * blocks + design.block
    size = np.bincount(key, minlength=classes * blocks).reshape(classes, blocks).astype(float)
    total = np.bincount(key, residual, classes * blocks).reshape(classes, blocks)
    squares = np.bincount(key, residual**2, classes * blocks).reshape(classes, blocks)
    pairs = np.maximum((size * (size - 1.0)).sum(axis=1), 1.0)
    alike = np.clip((total**2 - squares).sum(axis=1) / pairs / sigma**2, 0.0, 1.0)
    mean_size = (size**2).sum(axis=1) / np.maximum(size.sum(axis=1), 1.0)
    return np.asarray(1.0 + np.maximum(mean_size - 1.0, 0.0) * alike)


def device_numbers(devices: npt.ArrayLike, known: Mapping[str, int]) -> Ints:
    """Number of each device by name, -1 for those without a name or not known."""
    return np.array([known.get(str(name), -1) if name else -1 for name in np.asarray(devices, object)], np.int64)
