"""What a plan adds if the model is off by some dB: an interval about the figures, not about the choice of sites.

A stored probability p is read as a margin, p = Phi(margin / spread).  In a draw all places of a class are off by the same
number of dB, for old sites and new ones alike, and every new site by its own besides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.special import ndtr, ndtri

from siting.plan.margins import rows
from siting.radio.draws import bounds, errors_db

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Wholes = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
#: Stream of the draws of the sites' own errors, beside those named after networks.
SITES = "site"


@dataclass(frozen=True, eq=False)
class Part:
    """What the operators of one network have, and what the sites of a plan give them.

    Parameters
    ----------
    network : str
        Profile name; parts of one network are off by the same.
    share : float
        Of the people.
    p : scipy.sparse array [units, sites]
        Probability of every unit by each site alone.
    present : array_like [units]
        Probability from existing sites; 0 and 1 are certain and stay so.
    sigma_db : array_like [units]
        Spread of the level [dB]; where it is unknown the middle one counts.
    kind : array_like of int [units]
        Class of the model's error.
    error_db : array_like [classes]
        Spread of that error [dB].
    """

    network: str
    share: float
    p: sparse.csc_array
    present: npt.ArrayLike
    sigma_db: npt.ArrayLike
    kind: npt.ArrayLike
    error_db: npt.ArrayLike


@dataclass(frozen=True)
class Interval:
    """What a plan adds [persons]: 5 % and 95 % points over draws of the model's error, and the figure without any error."""

    low: float
    high: float
    added: float


def added_interval(
    persons: npt.ArrayLike,
    parts: Sequence[Part],
    candidate_id: Sequence[str],
    *,
    standing: npt.ArrayLike | None = None,
    permission: npt.ArrayLike | None = None,
    cell_probability: float | None = None,
    draws: int | None = None,
    site_sigma_db: float | None = None,
    seed: int = 0,
) -> Interval:
    """What a fixed set of sites adds under draws of the model's error.

    Parameters
    ----------
    persons : array_like [units]
        People of every unit.
    parts : sequence of Part
        The networks; their shares add up to 1.
    candidate_id : sequence of str [sites]
        Place of every site; sites of one place are off alike.
    standing : array_like of bool [sites], optional
        Sites that are agreed or being built: what they give counts as there already.
    permission : array_like [sites], optional
        Probability by which every p of a site is multiplied, whatever the draw.
    cell_probability : float, optional
        If given, a unit counts in full from this probability on and not at all below.
    draws : int, optional
        How many; default the row ``draws`` of the table of stability.
    site_sigma_db : float, optional
        Spread of the error of one site [dB]; default the row ``site_sigma_db``.
    seed : int
        Same seed, same draws.

    Returns
    -------
    Interval
        In people; 0 for no sites.

    Raises
    ------
    BadInput
        If there is no draw.

    Notes
    -----
    A site counts where an entry of `Part.p` was kept; what is not kept because it hardly adds anything today is missing in
    draws in which the model is too hopeful, so both ends are rather too low than too high.  Both ends may lie below the
    figure itself: a plan is chosen where the model sees most.
    """
    count = int(rows()["draws"]) if draws is None else draws
    spread = rows()["site_sigma_db"] if site_sigma_db is None else site_sigma_db
    names, place = np.unique(np.asarray(candidate_id, dtype=str), return_inverse=True)
    sites = _after_none(errors_db(SITES, np.full(len(names), spread), draws=count, seed=seed))[:, place]
    known = np.zeros(len(place), np.bool_) if standing is None else np.asarray(standing, np.bool_)
    willing = None if permission is None else np.asarray(permission, np.float32)
    total = np.zeros(count + 1)
    for part in parts:
        classes = _after_none(errors_db(part.network, part.error_db, draws=count, seed=seed))
        total += _added(part, np.asarray(persons, np.float64), classes, sites, known, willing, cell_probability)
    low, high = bounds(total[1:])
    return Interval(float(low), float(high), float(total[0]))


def _after_none(errors: Floats) -> Singles:
    """The draws after a first one without any error."""
    return np.concatenate([np.zeros((1, errors.shape[1])), errors]).astype(np.float32)


def _added(
    part: Part,
    persons: Floats,
    classes: Singles,
    sites: Singles,
    standing: Flags,
    permission: Singles | None,
    cell_probability: float | None,
) -> Floats:
    """People that the sites add for a part by draw; only units that a site reaches are looked at."""
    p = sparse.csr_array(part.p)
    unit = np.flatnonzero(np.diff(p.indptr))
    p, weight = p[unit], part.share * persons[unit]
    steepness, kind = (1.0 / _spread(part)[unit]).astype(np.float32), np.asarray(part.kind, np.int64)[unit]
    base = _quantile(np.asarray(part.present)[unit])
    before = _served(p, np.flatnonzero(standing), steepness, permission)
    after = _served(p, np.arange(p.shape[1]), steepness, permission)
    added = np.zeros(len(classes))
    for draw, (of_class, of_site) in enumerate(zip(classes, sites, strict=True)):
        shift = of_class[kind] * steepness
        had = np.maximum(ndtr(base + shift), before.best(of_site, shift))
        has = np.maximum(had, after.best(of_site, shift))
        if cell_probability is not None:
            had, has = ((p >= cell_probability).astype(np.float32) for p in (had, has))
        added[draw] = np.sum(weight * (has - had))
    return added


def _quantile(p: npt.ArrayLike) -> Singles:
    """Normal quantile of probabilities, taken in double precision: near 1 single precision has few digits left."""
    return np.asarray(ndtri(np.asarray(p, np.float64)), np.float32)


def _spread(part: Part) -> Floats:
    """Spread of the level by unit [dB], the middle one where it is unknown."""
    sigma = np.asarray(part.sigma_db, np.float64)
    known = sigma[sigma > 0]
    return np.where(sigma > 0, sigma, np.median(known) if len(known) else rows()["class_sigma_db"])


@dataclass(frozen=True, eq=False)
class _Served:
    """Entries of some sites by unit: where the units with any stand (`at`) and where their entries begin (`start`)."""

    units: int
    at: Wholes
    start: Wholes
    site: Wholes
    quantile: Singles
    steepness: Singles
    owner: Wholes
    permission: Singles | None

    def best(self, site_db: Singles, shift: Singles) -> Singles:
        """Highest probability of every unit by these sites, if they and the classes are off by so much."""
        found = np.zeros(self.units, np.float32)
        moved = self.quantile + site_db[self.site] * self.steepness
        if self.permission is None:
            found[self.at] = ndtr(np.maximum.reduceat(moved, self.start) + shift[self.at])
        else:
            p = self.permission * ndtr(moved + shift[self.owner])
            found[self.at] = np.maximum.reduceat(p, self.start)
        return found


def _served(p: sparse.csr_array, sites: Wholes, steepness: Singles, permission: Singles | None) -> _Served:
    """The entries of some sites."""
    own = p[:, sites]
    size = np.diff(own.indptr)
    at = np.flatnonzero(size)
    owner = np.repeat(np.arange(len(size)), size)
    site = sites[own.indices].astype(np.int64)
    return _Served(
        len(size),
        at,
        own.indptr[at].astype(np.int64),
        site,
        _quantile(own.data),
        steepness[owner],
        owner,
        None if permission is None else permission[site],
    )
