"""Whom the networks leave out: covered, uncovered and unknown people on every level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from siting.errors import BadInput, NotFound
from siting.radio.coverage import Coverage, probability, probability_range
from siting.radio.network import Thresholds
from siting.radio.pathloss import FLAGS

Floats = npt.NDArray[np.float64]

KEYS = {
    "cell": ["row", "col"],
    "floor": ["building_id", "floor"],
    "building": ["building_id"],
    "street_office": ["street_office"],
    "venue": ["venue"],
    "all": [],
}
PRIOR_SAMPLES = 10.0
FIGURES = ("persons", "covered", "uncovered", "unknown", "uncovered_indoor", "uncovered_outdoor")


@dataclass(frozen=True)
class Gap:
    """People by unit: covered + uncovered + unknown = persons.

    Parameters
    ----------
    table : DataFrame
        The units with ``probability`` and the figures of `FIGURES`.
    measure : str
        ``persons``, or ``area_m2`` where the district has no people layer: then every figure is in m2.
    thresholds : Thresholds
        What counts as covered.
    calibrated : bool
        False: textbook medians without any measurement (未校准).
    no_sites : bool
        Whether no sector was there at all: everything is gap.
    """

    table: pd.DataFrame
    measure: str
    thresholds: Thresholds
    calibrated: bool
    no_sites: bool

    def by(self, level: str) -> pd.DataFrame:
        """Figures of a level, most uncovered first.

        Parameters
        ----------
        level : {"cell", "floor", "building", "street_office", "venue", "all"}
            Floors sum to buildings; buildings and outdoor cells to sub-districts (``street_office``,
            empty where unknown).  ``cell`` sums whatever stands in a cell.

        Returns
        -------
        DataFrame
            Keys, `FIGURES`, ``share`` (uncovered of persons), ``rank`` (1 = most uncovered), ``measure``,
            ``calibrated``.

        Raises
        ------
        NotFound
            If there is no such level.
        """
        if level not in KEYS:
            raise NotFound("radio.gap.level", value=level, known=", ".join(KEYS))
        rows = (
            self.table if level in ("cell", "street_office", "all") else self.table[self.table[KEYS[level][0]].notna()]
        )
        sums = rows[list(FIGURES)].sum().to_frame().T
        if KEYS[level]:
            grouped = rows.groupby(KEYS[level], observed=True, dropna=False, sort=True)
            sums = grouped[list(FIGURES)].sum().reset_index()
        sums["share"] = np.where(
            sums["persons"] > 0, sums["uncovered"] / sums["persons"].where(sums["persons"] > 0), np.nan
        )
        sums["rank"] = sums["uncovered"].rank(ascending=False, method="first").astype(int)
        sums["measure"], sums["calibrated"] = self.measure, self.calibrated
        return sums.sort_values("rank", ignore_index=True)

    @property
    def total(self) -> pd.Series:
        """Figures of all units."""
        return self.by("all").iloc[0]


def gap(
    units: pd.DataFrame,
    coverages: Coverage | Sequence[Coverage],
    *,
    thresholds: Thresholds,
    measured: pd.DataFrame | None = None,
) -> Gap:
    """People that no given network covers.

    Parameters
    ----------
    units : DataFrame
        From `demand.units`.
    coverages : Coverage or sequence of Coverage
        Over the same units; of several networks the highest probability counts, never a sum.
    thresholds : Thresholds
        Profile.
    measured : DataFrame, optional
        ``unit_id, n, n_pass``: measurements there count as much as a prior of 10 model samples.

    Returns
    -------
    Gap
        A unit counts as unknown where its own cell is unknown, or where the unknown paths decide.

    Raises
    ------
    BadInput
        If there is no coverage or it belongs to other units.
    """
    layers = [coverages] if isinstance(coverages, Coverage) else list(coverages)
    ids = units["unit_id"].to_numpy()
    if not layers or any(not np.array_equal(layer.unit_id, ids) for layer in layers):
        raise BadInput("radio.gap.units", value=len(layers), total=len(units))
    p = np.max([probability(layer, thresholds) for layer in layers], axis=0).astype(np.float64)
    unknown = _unknown(layers, thresholds)
    if measured is not None and len(measured):
        p, unknown = _measured(p, unknown, ids, measured)
    return Gap(
        _figures(units, p, unknown),
        str(units["measure"].iloc[0]) if len(units) else "persons",
        thresholds,
        all(layer.calibrated for layer in layers),
        all(layer.no_sites for layer in layers),
    )


def _unknown(layers: Sequence[Coverage], thresholds: Thresholds) -> npt.NDArray[np.bool_]:
    """Units whose own cell is unknown, or that the unknown paths put on either side of the required probability."""
    ranges = [probability_range(layer, thresholds) for layer in layers]
    low, high = np.max([r[0] for r in ranges], axis=0), np.max([r[1] for r in ranges], axis=0)
    own = (layers[0].flags & FLAGS["cell_unknown"]) > 0
    return np.asarray(own | ((low < thresholds.cell_probability) & (high >= thresholds.cell_probability)))


def _measured(
    p: Floats, unknown: npt.NDArray[np.bool_], ids: npt.NDArray[np.int64], measured: pd.DataFrame
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Probability with the samples of a unit added to it; a measured unit is known."""
    sums = measured.groupby("unit_id")[["n", "n_pass"]].sum().reindex(ids).fillna(0.0)
    n, passed = sums["n"].to_numpy(float), sums["n_pass"].to_numpy(float)
    return (PRIOR_SAMPLES * p + passed) / (PRIOR_SAMPLES + n), unknown & (n == 0)


def _figures(units: pd.DataFrame, p: Floats, unknown: npt.NDArray[np.bool_]) -> pd.DataFrame:
    persons = units["persons"].to_numpy(np.float64)
    covered = np.where(unknown, 0.0, persons * p)
    uncovered = np.where(unknown, 0.0, persons - covered)
    indoors = units["floor"].to_numpy() > 0
    return units.assign(
        probability=np.where(unknown, np.nan, p).astype(np.float32),
        covered=covered,
        uncovered=uncovered,
        unknown=np.where(unknown, persons, 0.0),
        uncovered_indoor=np.where(indoors, uncovered, 0.0),
        uncovered_outdoor=np.where(indoors, 0.0, uncovered),
    )
