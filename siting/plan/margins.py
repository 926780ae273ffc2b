"""Probabilities as margins over the threshold, and what options add when the model is off by some dB.

A stored probability p is read as a margin, p = Phi(margin / sigma).  In a draw all places of a class are off by the same
number of dB, for old sites and new ones alike, and every site by its own besides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtr, ndtri

from siting.errors import BadInput
from siting.plan import tables
from siting.radio.calibration import Calibration

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Wholes = npt.NDArray[np.int64]


@cache
def rows() -> Mapping[str, float]:
    """The numbers of this module by name; every one is a row of ``data/stability.csv``."""
    table = pd.read_csv(tables.DATA / "stability.csv")
    return dict(zip(table["name"], table["value"].astype(float), strict=True))


@dataclass(frozen=True, eq=False)
class Layer:
    """What the operators of one network have, and what options give them.

    Parameters
    ----------
    share : float
        Of the people; the shares of all layers add up to 1.
    unit, option : ndarray of int
        Unit and option of every entry, by option.
    entry, base : ndarray of float32
        Normal quantile of the probability of every entry, and of today's network at every unit.
    steepness : ndarray of float32
        1 / spread of the level at every unit [1/dB]; 0 where nothing moves it.
    kind : ndarray of int
        Class of the model's error at every unit.
    error_db : ndarray
        Spread of that error by class [dB].
    network : str
        Profile name of the network whose classes these are.
    classes : tuple of (str, int)
        Kind of unit and state of the path by class; empty where no calibration is to be asked.
    """

    share: float
    unit: Wholes
    option: Wholes
    entry: Singles
    base: Singles
    steepness: Singles
    kind: Wholes
    error_db: Floats
    network: str = ""
    classes: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, eq=False)
class Margins:
    """What ranks are drawn from.

    Parameters
    ----------
    layers : tuple of Layer
        One per group of operators that share networks.
    persons, indoor : ndarray
        People of every unit, and whether it is indoors.
    venue : ndarray of int
        Venue of every unit, -1 for none.
    options : int
        How many options there are.
    cell_probability : float
        From here on a unit of a venue is covered.
    """

    layers: tuple[Layer, ...]
    persons: Floats
    indoor: npt.NDArray[np.bool_]
    venue: Wholes
    options: int
    cell_probability: float = 0.9


@dataclass(frozen=True, eq=False)
class Drawn:
    """Parts of the score by draw and option; row 0 is the list without any error.

    Parameters
    ----------
    added_persons, indoor_share : ndarray of float32 [draws + 1, options]
        As in `siting.plan.score.added_people`.
    key_venues : ndarray of float32 [draws + 1, options]
        Likewise; NaN where no venue is known.
    """

    added_persons: Singles
    indoor_share: Singles
    key_venues: Singles


def layer(
    p: Sequence[npt.NDArray[np.generic]],
    present: npt.ArrayLike,
    *,
    share: float,
    sigma_db: npt.ArrayLike,
    kind: npt.ArrayLike,
    error_db: npt.ArrayLike,
    network: str = "",
    classes: Sequence[tuple[str, int]] = (),
) -> Layer:
    """Margins of one network.

    Parameters
    ----------
    p : sequence of three arrays
        ``data, indices, indptr`` of the reach as a CSC matrix [units, options].
    present : array_like
        Probability from existing sites [units].
    share : float
        Of the people.
    sigma_db : array_like
        Spread of the level by unit [dB]; where it is unknown the middle one counts.
    kind, error_db, network, classes
        See `Layer`.
    """
    data, indices, indptr = p
    spread = np.asarray(sigma_db, np.float64)
    known = spread[spread > 0]
    spread = np.where(spread > 0, spread, np.median(known) if len(known) else rows()["class_sigma_db"])
    return Layer(
        share,
        np.asarray(indices, np.int64),
        np.repeat(np.arange(len(indptr) - 1), np.diff(indptr)),
        _quantile(data),
        _quantile(present),
        (1.0 / spread).astype(np.float32),
        np.asarray(kind, np.int64),
        np.asarray(error_db, np.float64),
        network,
        tuple(classes),
    )


def _quantile(p: npt.ArrayLike) -> Singles:
    edge = rows()["certain_p"]
    return np.asarray(ndtri(np.clip(np.asarray(p, np.float64), edge, 1.0 - edge)), np.float32)


def drawn(
    candidate_id: Sequence[str],
    margins: Margins,
    *,
    calibration: Calibration | None = None,
    draws: int = 200,
    seed: int = 0,
    progress: Callable[[float], None] | None = None,
) -> Drawn:
    """Draw the model's error and count again what every option adds.

    Parameters
    ----------
    candidate_id : sequence of str
        Place of every option; options of one place are off alike.
    margins : Margins
        What is known of reach and network.
    calibration : Calibration, optional
        Its uncertainty of the class offsets takes the place of the margins' own.
    draws : int
        How many.
    seed : int
        Same seed, same draws.
    progress : callable, optional
        Told the share that is done, 0..1.

    Raises
    ------
    BadInput
        If there is no draw.
    """
    if draws < 1:
        raise BadInput("stability.draws", value=draws)
    names, place = np.unique(np.asarray(candidate_id, dtype=str), return_inverse=True)
    source = np.random.default_rng(seed)
    offsets = [_offsets(one, calibration, draws, source) for one in margins.layers]
    site = rows()["site_sigma_db"] * source.standard_normal((draws, len(names)))
    still = np.zeros((1, len(names)))
    parts = [_prepared(one, margins) for one in margins.layers]
    found: list[tuple[Floats, Floats, Floats]] = []
    for draw in range(-1, draws):
        sites = (still if draw < 0 else site)[max(draw, 0)][place].astype(np.float32)
        moved = [part.counted(sites, None if draw < 0 else off[draw]) for part, off in zip(parts, offsets, strict=True)]
        found.append(_whole(margins, moved))
        if progress is not None:
            progress((draw + 2) / (draws + 1))
    added, inside, venues = (np.asarray(stack, np.float32) for stack in zip(*found, strict=True))
    with np.errstate(invalid="ignore"):
        share = np.where(added > 0, inside / np.where(added > 0, added, 1.0), np.nan)
    return Drawn(added, share.astype(np.float32), venues)


def _offsets(one: Layer, calibration: Calibration | None, draws: int, source: np.random.Generator) -> Singles:
    """Errors of the classes by draw [dB]."""
    spread = one.error_db
    if calibration is not None and one.network in calibration.networks():
        fits = [calibration.fit_of(one.network, state, kind) for kind, state in one.classes]
        unknown = rows()["class_sigma_db"]
        spread = np.array([unknown if f is None or not f.covariance else np.sqrt(f.covariance[0][0]) for f in fits])
    return np.asarray(source.standard_normal((draws, len(spread))) * spread, np.float32)


@dataclass(frozen=True, eq=False)
class _Part:
    """A layer cut down to the units that matter, ready to be drawn many times."""

    share: float
    unit: Wholes
    option: Wholes
    entry: Singles
    base: Singles
    steepness: Singles
    kind: Wholes
    persons: Floats
    inside: Floats
    venue: Wholes
    at_venue: Wholes
    options: int
    need: float

    def counted(self, site_db: Singles, class_db: Singles | None) -> tuple[Floats, Floats, Floats]:
        """People, people indoors and venues that every option adds, if sites and classes are off by so much."""
        shift = np.zeros(len(self.base), np.float32) if class_db is None else class_db[self.kind] * self.steepness
        base = ndtr(self.base + shift)
        moved = self.entry + shift[self.unit] + site_db[self.option] * self.steepness[self.unit]
        p = ndtr(moved)
        rise = np.maximum(p - base[self.unit], 0.0)
        return self._summed(rise * self.persons), self._summed(rise * self.inside), self._venues(base, p)

    def _summed(self, values: Floats) -> Floats:
        return np.bincount(self.option, weights=values, minlength=self.options).astype(np.float64)

    def _venues(self, base: Singles, p: Singles) -> Floats:
        """Venues whose last uncovered units an option covers."""
        size = int(self.venue.max(initial=-1)) + 1
        open_ = (self.venue >= 0) & (base < self.need)
        missing = np.bincount(self.venue[open_], minlength=size)
        at = self.at_venue
        turned = at[(p[at] >= self.need) & open_[self.unit[at]]]
        key, count = np.unique(self.option[turned] * size + self.venue[self.unit[turned]], return_counts=True)
        done = key[count == missing[key % size]] if size else key
        return np.bincount(done // max(size, 1), minlength=self.options).astype(np.float64)


def _prepared(one: Layer, margins: Margins) -> _Part:
    """Only units with an entry, or of a venue, are kept."""
    needed = margins.venue >= 0
    needed[one.unit] = True
    units = np.flatnonzero(needed)
    number = np.full(len(needed), -1)
    number[units] = np.arange(len(units))
    unit, venue = number[one.unit], margins.venue[units]
    persons = margins.persons[units]
    inside = np.where(margins.indoor[units], persons, 0.0)
    return _Part(
        one.share,
        unit,
        one.option,
        one.entry,
        one.base[units],
        one.steepness[units],
        one.kind[units],
        persons[unit],
        inside[unit],
        venue,
        np.flatnonzero(venue[unit] >= 0),
        margins.options,
        margins.cell_probability,
    )


def _whole(margins: Margins, moved: Sequence[tuple[Floats, Floats, Floats]]) -> tuple[Floats, Floats, Floats]:
    """All operators by their shares."""
    share = [one.share for one in margins.layers]
    added, inside, venues = (
        np.sum([own * part[at] for own, part in zip(share, moved, strict=True)], axis=0) for at in range(3)
    )
    return added, inside, venues if (margins.venue >= 0).any() else np.full(margins.options, np.nan)
