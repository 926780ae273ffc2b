"""What measurements at a place say about its surroundings: simple kriging of the residuals, sector by sector."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import minimize
from scipy.spatial import cKDTree

from siting.errors import BadInput
from siting.radio import kernels_field as kernels
from siting.radio.network import DATA, defaults, read_rows

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Terms = tuple[tuple[float, float], ...]
STEP_M = 0.25
CHUNK = 100_000
NOBODY = -1
MANY, FEW = 3000, 1000
LEAST_SCALE, MOST_CHANGE = 0.01, 4.0
START = np.array([[0.0, 0.0, 0.0], [0.7, 0.0, 0.0], [0.0, 0.7, 0.0], [0.0, 0.0, 0.5]])
SEARCH = {"maxfev": 60, "xatol": 0.03, "fatol": 1e-4, "initial_simplex": START}


@dataclass(frozen=True)
class Covariance:
    """How alike residuals are over a distance h: sums of variance e^(-h / range) [dB^2].

    Parameters
    ----------
    common : tuple of (range_m, variance_db2)
        Between any two samples.
    sector : tuple of (range_m, variance_db2)
        On top, between samples of one sector.
    nugget_db2 : float
        What two samples at one place differ by.
    """

    common: Terms
    sector: Terms
    nugget_db2: float

    @property
    def field_db2(self) -> float:
        """Variance of the residual itself, without what a single sample scatters."""
        return sum(v for _, v in (*self.common, *self.sector))

    @property
    def sill_db2(self) -> float:
        """Variance of a sample."""
        return self.field_db2 + self.nugget_db2

    def scaled(self, factor: float) -> Covariance:
        """The same shape with all variances times a factor."""
        return Covariance(
            tuple((r, v * factor) for r, v in self.common),
            tuple((r, v * factor) for r, v in self.sector),
            self.nugget_db2 * factor,
        )

    def between(self, distance_m: npt.ArrayLike, same: npt.ArrayLike) -> Floats:
        """Covariance of two samples apart from the nugget [dB^2].

        Parameters
        ----------
        distance_m : array_like
            Between their places.
        same : array_like of bool
            Whether they belong to one sector.
        """
        h = np.asarray(distance_m, np.float64)
        return _sum(self.common, h) + np.where(same, _sum(self.sector, h), 0.0)


def _sum(terms: Terms, distance_m: Floats) -> Floats:
    return sum((v * np.exp(-distance_m / r) for r, v in terms), np.zeros_like(distance_m))


def default_covariance(path: Path | None = None) -> Covariance:
    """Rows of ``data/covariance.csv``.

    Parameters
    ----------
    path : Path, optional
        A table of the same columns; default the shipped one.
    """
    rows = read_rows(path or DATA / "covariance.csv")
    parts: dict[str, Terms] = {
        part: tuple((float(r["range_m"]), float(r["variance_db2"])) for r in rows if r["part"] == part)
        for part in ("common", "sector")
    }
    nugget = sum(float(r["variance_db2"]) for r in rows if r["part"] == "nugget")
    return Covariance(parts["common"], parts["sector"], nugget)


@dataclass(frozen=True)
class Field:
    """Residuals of samples, and what they say of other places; made by `residual_field`.

    Parameters
    ----------
    place_m : ndarray
        [sample, 2] easting and northing.
    sector : Index
        Of each sample.
    residual_db : ndarray
        Measured minus predicted.
    covariance : Covariance
        How they hang together.
    reach_m : float
        Samples farther away say nothing.
    most : int
        Neighbours of the same sector, and as many of any.
    """

    place_m: Floats
    sector: pd.Index
    residual_db: Floats
    covariance: Covariance
    reach_m: float
    most: int

    def predict(
        self, easting_m: npt.ArrayLike, northing_m: npt.ArrayLike, sector: npt.ArrayLike
    ) -> tuple[Floats, Floats]:
        """Mean and spread of one more sample's residual at each place.

        Parameters
        ----------
        easting_m, northing_m : array_like
            Places, project CRS.
        sector : array_like
            Of each place; one never measured is told only what all sectors have in common.

        Returns
        -------
        mean_db, sigma_db : ndarray
            0 and the whole spread where no sample lies within reach.
        """
        place = np.column_stack([np.ravel(easting_m), np.ravel(northing_m)]).astype(np.float64)
        code, found = self._codes(sector), np.empty((2, len(place)))
        for first in range(0, len(place), CHUNK):
            part = np.s_[first : first + CHUNK]
            near = self._neighbours(place[part], code[part], np.full(len(place[part]), NOBODY))
            found[:, part] = self._krige(place[part], code[part], near)
        return found[0], found[1]

    def around(self, picked: Ints) -> Ints:
        """Neighbours of samples, each without itself: [picked, 2 most], -1 where there are fewer, at the end."""
        return self._neighbours(self.place_m[picked], self._codes(self.sector)[picked], picked)

    def krige(self, picked: Ints, near: Ints) -> tuple[Floats, Floats]:
        """Mean and spread at samples from given neighbours [dB]."""
        return self._krige(self.place_m[picked], self._codes(self.sector)[picked], near)

    def measured(self, easting_m: npt.ArrayLike, northing_m: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether any sample lies within reach of each place."""
        place = np.column_stack([np.ravel(easting_m), np.ravel(northing_m)]).astype(np.float64)
        if not len(self.place_m):
            return np.zeros(len(place), bool)
        found, _ = cKDTree(self.place_m).query(place, distance_upper_bound=self.reach_m)
        return np.isfinite(found)

    def _codes(self, sector: npt.ArrayLike) -> Ints:
        """Number of each sector among the measured ones, `NOBODY` for others."""
        return np.asarray(self.sector.unique().get_indexer(pd.Index(np.ravel(np.asarray(sector, object)))), np.int64)

    def _krige(self, place: Floats, code: Ints, near: Ints) -> tuple[Floats, Floats]:
        mean, explained = np.zeros(len(place)), np.zeros(len(place))
        if len(self.place_m) and len(place):
            east, north = np.ascontiguousarray(self.place_m.T)
            known = kernels.Known(east, north, self._codes(self.sector), self.residual_db)
            east, north = np.ascontiguousarray(place.T)
            asked = kernels.Asked(east, north, code, near)
            kernels.krige(known, self._alike(), asked, mean, explained)
        return mean, np.sqrt(self.covariance.sill_db2 - explained)

    def _alike(self) -> kernels.Alike:
        """The covariance in steps, out to twice the reach."""
        h = np.arange(0.0, 2.0 * self.reach_m + 2.0 * STEP_M, STEP_M)
        common = self.covariance.between(h, same=False)
        return kernels.Alike(common, self.covariance.between(h, same=True) - common, self.covariance.nugget_db2, STEP_M)

    def _neighbours(self, place: Floats, code: Ints, own: Ints) -> Ints:
        """Samples around each place: the nearest of the same sector, then the nearest of those left."""
        if not len(self.place_m):
            return np.full((len(place), 2 * self.most), NOBODY, np.int64)
        same = np.full((len(place), self.most), NOBODY, np.int64)
        members = _groups(self._codes(self.sector))
        for number, at in _groups(code).items():
            if number != NOBODY:
                found = _nearest(self.place_m[members[number]], place[at], self.most + 1, self.reach_m)
                found = np.where(found == NOBODY, NOBODY, members[number][found])
                same[at] = _first(found, (found != NOBODY) & (found != own[at, None]), self.most)
        anyone = _nearest(self.place_m, place, 2 * self.most + 1, self.reach_m)
        fresh = (anyone != NOBODY) & (anyone != own[:, None])
        for column in same.T:
            fresh &= anyone != column[:, None]
        index = np.hstack([same, _first(anyone, fresh, self.most)])
        return _first(index, index != NOBODY, 2 * self.most)


def _groups(code: Ints) -> dict[int, Ints]:
    """Row numbers by code."""
    order = np.argsort(code, kind="stable")
    values, first = np.unique(code[order], return_index=True)
    return {int(v): rows for v, rows in zip(values, np.split(order, first[1:]), strict=True)}


def _nearest(points: Floats, place: Floats, count: int, reach_m: float) -> Ints:
    """Numbers of the nearest points [place, count], nearest first, `NOBODY` where there are fewer within reach."""
    count_here = min(count, len(points))
    _, found = cKDTree(points).query(place, k=list(range(1, count_here + 1)), distance_upper_bound=reach_m)
    padded = np.full((len(place), count), NOBODY, np.int64)
    padded[:, :count_here] = np.where(found == len(points), NOBODY, found)
    return padded


def _first(values: Ints, wanted: npt.NDArray[np.bool_], count: int) -> Ints:
    """The first wanted values of each row, in their order, `NOBODY` where there are fewer."""
    rank = np.cumsum(wanted, axis=1) - 1
    row, col = np.nonzero(wanted & (rank < count))
    out = np.full((len(values), count), NOBODY, np.int64)
    out[row, rank[row, col]] = values[row, col]
    return out


def residual_field(samples: pd.DataFrame, covariance: Covariance) -> Field:
    """Residuals of samples as a field that can be asked anywhere.

    Parameters
    ----------
    samples : DataFrame
        ``easting_m, northing_m, sector_id, residual_db`` (measured minus predicted); rows without a number are left out.
    covariance : Covariance
        From `default_covariance` or `fit_covariance`.

    Raises
    ------
    BadInput
        If a column is missing.
    """
    missing = [n for n in ("easting_m", "northing_m", "sector_id", "residual_db") if n not in samples]
    if missing:
        raise BadInput("radio.local.columns", value=", ".join(missing))
    kept = samples[samples[["easting_m", "northing_m", "residual_db"]].notna().all(axis=1)]
    place = kept[["easting_m", "northing_m"]].to_numpy(np.float64)
    rows = defaults()
    return Field(
        place,
        pd.Index(kept["sector_id"].astype(object).fillna("").to_numpy(object)),
        kept["residual_db"].to_numpy(np.float64),
        covariance,
        rows["kriging_reach_m"],
        int(rows["kriging_neighbours"]),
    )


def fit_covariance(samples: pd.DataFrame) -> Covariance:
    """Covariance that the samples themselves support; nothing else is looked at.

    Parameters
    ----------
    samples : DataFrame
        As for `residual_field`.

    Returns
    -------
    Covariance
        From 2 000 samples on with the shares of the common part and of the nugget and the length of the ranges
        under which samples left out one by one are likeliest; before, the default shape.  From 100 samples on
        scaled so that their standardised errors have mean square 1.  With fewer the default as it is.
    """
    rows = defaults()
    field = residual_field(samples, default_covariance())
    total = len(field.residual_db)
    if total < rows["kriging_scale_samples"]:
        return field.covariance
    if total >= rows["kriging_refit_samples"]:
        field = replace(field, covariance=_refit(field))
    picked = _pivots(total, MANY)
    return field.covariance.scaled(_missed(field, picked, field.around(picked))[0])


def _pivots(total: int, most: int) -> Ints:
    """Evenly spread numbers of samples."""
    return np.unique(np.linspace(0, total - 1, min(total, most)).astype(np.int64))


def _missed(field: Field, picked: Ints, near: Ints) -> tuple[float, Floats]:
    """Mean square of the standardised errors at samples (never 0), and the spreads they are measured by."""
    mean, sigma = field.krige(picked, near)
    return max(float(np.mean(((field.residual_db[picked] - mean) / sigma) ** 2)), LEAST_SCALE), sigma


def _refit(field: Field) -> Covariance:
    """Shares and ranges of the field's covariance under which left out samples are likeliest, whatever the scale."""
    picked = _pivots(len(field.residual_db), FEW)
    near, shape = field.around(picked), field.covariance

    def surprise(change: Floats) -> float:
        trial = replace(field, covariance=_changed(shape, change))
        square, sigma = _missed(trial, picked, near)
        return float(np.mean(2.0 * np.log(sigma))) + math.log(square)

    found = minimize(surprise, np.zeros(3), method="Nelder-Mead", options=SEARCH)
    return _changed(shape, found.x)


def _changed(shape: Covariance, change: Floats) -> Covariance:
    """A covariance with its common part, its nugget and its ranges times e^change."""
    common, nugget, ranges = (float(v) for v in np.exp(np.clip(change, -MOST_CHANGE, MOST_CHANGE)))
    return Covariance(
        tuple((r * ranges, v * common) for r, v in shape.common),
        tuple((r * ranges, v) for r, v in shape.sector),
        shape.nugget_db2 * nugget,
    )
