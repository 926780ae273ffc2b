"""Whom the networks leave out: covered, uncovered and unknown people on every level, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from siting.errors import BadInput, NotFound
from siting.radio.calibration import Calibration
from siting.radio.chances import ALWAYS, NEVER, Chance, chance
from siting.radio.coverage import Coverage
from siting.radio.draws import bounds, number_of_draws
from siting.radio.network import DATA, Thresholds, defaults, read_rows

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]

KEYS = {
    "cell": ["row", "col"],
    "floor": ["building_id", "floor"],
    "building": ["building_id"],
    "street_office": ["street_office"],
    "venue": ["venue"],
    "operator": ["operator"],
    "all": [],
}
EVERYBODY = ("cell", "street_office", "all")
OPERATOR = "operator"
FIGURES = ("persons", "covered", "uncovered", "unknown", "uncovered_indoor", "uncovered_outdoor", "nobody")


@dataclass(frozen=True, eq=False)
class Party:
    """Operators that share the same networks, and what those give every unit.

    Parameters
    ----------
    operators : tuple of str
        Who.
    weight : float
        Share of the people counted for them.
    p : ndarray
        Probability that a unit is covered: the highest over the networks.
    unknown : ndarray of bool
        Units of which that cannot be said.
    networks : tuple of int
        Rows of `Gap.chances`.
    samples : tuple of ndarray
        Measurements of these networks by unit, and those that met the threshold.
    """

    operators: tuple[str, ...]
    weight: float
    p: Floats
    unknown: Flags
    networks: tuple[int, ...]
    samples: tuple[Floats, Floats]


@dataclass(frozen=True, eq=False)
class Gap:
    """People by unit: covered + uncovered + unknown = persons.

    Parameters
    ----------
    table : DataFrame
        The units with ``probability`` and the figures of `FIGURES`; over several operators people are weighted.
    measure : str
        ``persons``, or ``area_m2`` where the district has no people layer: then every figure is in m2.
    thresholds : Thresholds
        What counts as covered.
    calibrated : bool
        False: textbook medians without any measurement (未校准).
    no_sites : bool
        Whether no sector was there at all: everything is gap.
    parties : tuple of Party
        Operators and what they give.
    chances : tuple of Chance
        The networks behind.
    seed : int
        Of the draws behind the intervals.
    """

    table: pd.DataFrame
    measure: str
    thresholds: Thresholds
    calibrated: bool
    no_sites: bool
    parties: tuple[Party, ...]
    chances: tuple[Chance, ...]
    seed: int

    def by(self, level: str) -> pd.DataFrame:
        """Figures of a level, most uncovered first.

        Parameters
        ----------
        level : {"cell", "floor", "building", "street_office", "venue", "operator", "all"}
            Floors sum to buildings; buildings and outdoor cells to sub-districts (``street_office``, empty where
            unknown).  ``cell`` sums whatever stands in a cell.  ``operator``: each with its share of the people.

        Returns
        -------
        DataFrame
            Keys, `FIGURES`, ``share`` (uncovered of persons), ``p05, p95`` (of uncovered, over draws of the model's
            error), ``rank`` (1 = most uncovered), ``measure``, ``calibrated``.  ``nobody``: people whom no operator
            covers.

        Raises
        ------
        NotFound
            If there is no such level.
        """
        return self.levels([level])[level]

    def levels(self, names: Sequence[str]) -> dict[str, pd.DataFrame]:
        """`by` of several levels from the same draws, in one pass.

        Raises
        ------
        NotFound
            If there is no such level.
        """
        for name in names:
            if name not in KEYS:
                raise NotFound("radio.gap.level", value=name, known=", ".join(KEYS))
        groups = {name: _groups(self.table, name) for name in names if name != OPERATOR}
        by_group, by_party = _drawn(self, groups)
        made = {name: _sums(self.table, groups[name], by_group[name]) for name in groups}
        if OPERATOR in names:
            made[OPERATOR] = _operators(self, by_party)
        return {name: _ranked(made[name]).assign(measure=self.measure, calibrated=self.calibrated) for name in names}

    @property
    def total(self) -> pd.Series:
        """Figures of all units, without an interval."""
        return self.table[list(FIGURES)].sum().pipe(_with_share)


def gap(
    units: pd.DataFrame,
    coverages: Coverage | Chance | Sequence[Coverage | Chance],
    *,
    thresholds: Thresholds,
    measured: pd.DataFrame | None = None,
    calibrations: Mapping[str, Calibration] | None = None,
    seed: int = 0,
) -> Gap:
    """People whom the given networks leave out.

    Parameters
    ----------
    units : DataFrame
        From `demand.units`.
    coverages : Coverage, Chance, or a sequence of them
        Over the same units.  An operator's probability is the highest over its networks, never a sum; over operators
        people are weighted by ``data/operators.csv``.
    thresholds : Thresholds
        Profile.
    measured : DataFrame, optional
        ``unit_id, n, n_pass``: measurements there count as much as a prior of 10 model samples.  With a column
        ``network`` they speak for the operators of that network only.
    calibrations : mapping, optional
        Calibration by network: how far each may still be off.
    seed : int
        Of the draws behind ``p05`` and ``p95``.

    Returns
    -------
    Gap
        A unit counts as unknown where its own cell is unknown, or where the unknown paths decide.

    Raises
    ------
    BadInput
        If there is no coverage or it belongs to other units.
    """
    given = [coverages] if isinstance(coverages, Coverage | Chance) else list(coverages)
    ids = units["unit_id"].to_numpy()
    fits = [len(c.p) == len(ids) if isinstance(c, Chance) else np.array_equal(c.unit_id, ids) for c in given]
    if not given or not all(fits):
        raise BadInput("radio.gap.units", value=len(given), total=len(units))
    known = calibrations or {}
    layers = tuple(
        c if isinstance(c, Chance) else chance(c, thresholds, calibration=known.get(c.network.name)) for c in given
    )
    sharing = {(): tuple(range(len(layers))), **_sharing(layers)}
    everybody, *parties = (
        _party(names, own, layers, _samples(ids, measured, layers, own)) for names, own in sharing.items()
    )
    return Gap(
        _figures(units, parties, everybody),
        str(units["measure"].iloc[0]) if len(units) else "persons",
        thresholds,
        all(layer.calibrated for layer in layers),
        all(layer.no_sites for layer in layers),
        tuple(parties),
        layers,
        seed,
    )


def operator_weights() -> dict[str, float]:
    """How much each operator's people count, from ``data/operators.csv``."""
    return {row["operator"]: float(row["weight"]) for row in read_rows(DATA / "operators.csv")}


def _sharing(layers: Sequence[Chance]) -> dict[tuple[str, ...], tuple[int, ...]]:
    """Operators grouped by the networks they have."""
    own: dict[str, tuple[int, ...]] = {}
    for number, layer in enumerate(layers):
        for name in layer.network.operators:
            own[name] = (*own.get(name, ()), number)
    return {tuple(n for n in own if own[n] == which): which for which in dict.fromkeys(own.values())}


def _party(
    operators: tuple[str, ...], own: tuple[int, ...], layers: Sequence[Chance], samples: tuple[Floats, Floats]
) -> Party:
    weights = operator_weights()
    whole = sum(weights.get(name, 1.0) for name in {n for layer in layers for n in layer.network.operators})
    share = sum(weights.get(name, 1.0) for name in operators) / whole
    p = np.max([layers[n].p for n in own], axis=0).astype(np.float64)
    low = np.any([layers[n].bound == ALWAYS for n in own], axis=0)
    high = np.any([layers[n].bound != NEVER for n in own], axis=0)
    unknown = layers[0].hidden | (high & ~low)
    return Party(operators, share, _updated(p, samples), unknown & (samples[0] == 0), own, samples)


def _samples(
    ids: npt.NDArray[np.int64], measured: pd.DataFrame | None, layers: Sequence[Chance], own: tuple[int, ...]
) -> tuple[Floats, Floats]:
    """Samples of some networks by unit, and those among them that met the threshold."""
    if measured is None or not len(measured):
        return np.zeros(len(ids)), np.zeros(len(ids))
    if "network" in measured:
        measured = measured[measured["network"].isin([layers[n].network.name for n in own])]
    sums = measured.groupby("unit_id")[["n", "n_pass"]].sum().reindex(ids).fillna(0.0)
    return sums["n"].to_numpy(float), sums["n_pass"].to_numpy(float)


def _updated(p: npt.NDArray[np.floating], samples: tuple[Floats, Floats]) -> Floats:
    """Probability with the samples of a unit added to it."""
    if not samples[0].any():
        return np.asarray(p, np.float64)
    prior = defaults()["prior_samples"]
    return np.asarray((prior * p + samples[1]) / (prior + samples[0]))


def _figures(units: pd.DataFrame, parties: Sequence[Party], everybody: Party) -> pd.DataFrame:
    persons = units["persons"].to_numpy(np.float64)
    reached, known, lost = np.zeros(len(units)), np.zeros(len(units)), np.zeros(len(units))
    for party in parties:
        weight = np.where(party.unknown, 0.0, party.weight)
        known += weight
        reached += weight * party.p
        lost += weight * (1.0 - party.p)
    hidden = sum(np.where(party.unknown, party.weight, 0.0) for party in parties)
    best = np.max([party.p for party in parties], axis=0)
    uncovered = persons * lost
    indoors = units["floor"].to_numpy() > 0
    return units.assign(
        probability=np.divide(reached, known, out=np.full(len(units), np.nan), where=known > 0).astype(np.float32),
        covered=persons * reached,
        uncovered=uncovered,
        unknown=persons * hidden,
        uncovered_indoor=np.where(indoors, uncovered, 0.0),
        uncovered_outdoor=np.where(indoors, 0.0, uncovered),
        nobody=np.where(everybody.unknown, 0.0, persons * (1.0 - best)),
    )


@dataclass(frozen=True, eq=False)
class _Groups:
    """Which group each unit belongs to (-1: none), how many there are, and their keys."""

    code: npt.NDArray[np.int64]
    keys: pd.DataFrame


def _groups(table: pd.DataFrame, level: str) -> _Groups:
    names = KEYS[level]
    if not names:
        return _Groups(np.zeros(len(table), np.int64), pd.DataFrame(index=range(1)))
    grouped = table.groupby(names, observed=True, dropna=level not in EVERYBODY, sort=True)
    code = grouped.ngroup().fillna(-1).to_numpy(np.int64)
    first = np.unique(code, return_index=True)
    keys = table[names].iloc[first[1][first[0] >= 0]].reset_index(drop=True)
    return _Groups(np.asarray(code, np.int64), keys)


def _add(values: Floats, groups: _Groups) -> Floats:
    """Sums by group; units of no group are left out."""
    return np.asarray(np.bincount(groups.code + 1, weights=values, minlength=len(groups.keys) + 1)[1:], np.float64)


def _sums(table: pd.DataFrame, groups: _Groups, drawn: list[Floats]) -> pd.DataFrame:
    low, high = bounds(drawn)
    sums = {name: _add(table[name].to_numpy(np.float64), groups) for name in FIGURES}
    return groups.keys.assign(**sums, p05=low, p95=high)


def _drawn(missing: Gap, groups: Mapping[str, _Groups]) -> tuple[dict[str, list[Floats]], list[list[float]]]:
    """Uncovered people by group of every level and by party, for every draw of the networks' errors."""
    counted = np.flatnonzero(missing.table["persons"].to_numpy() > 0)
    persons = missing.table["persons"].to_numpy(np.float64)[counted]
    fold, parts = _folded({name: g.code[counted] for name, g in groups.items()})
    mine = {name: _Groups(parts[name], g.keys) for name, g in groups.items()}
    moved = [c.part(counted).drawn(draws=number_of_draws(), seed=missing.seed) for c in missing.chances]
    by_group: dict[str, list[Floats]] = {name: [] for name in groups}
    by_party: list[list[float]] = [[] for _ in missing.parties]
    for draw in range(number_of_draws()):
        shifted = [s.probability(draw) for s in moved]
        total = np.zeros(len(counted))
        for found, party in zip(by_party, missing.parties, strict=True):
            lost = party.weight * persons * _missed(party, shifted, counted)
            found.append(float(lost.sum()))
            total += lost
        folded = np.asarray(np.bincount(fold, weights=total), np.float64)
        for name, where in mine.items():
            by_group[name].append(_add(folded, where))
    return by_group, by_party


def _folded(
    codes: Mapping[str, npt.NDArray[np.int64]],
) -> tuple[npt.NDArray[np.int64], dict[str, npt.NDArray[np.int64]]]:
    """Units that belong to the same group of every level as one: its number by unit, and its group of each level."""
    size = len(next(iter(codes.values()))) if codes else 0
    fold = np.zeros(size, np.int64)
    for code in codes.values():
        fold = pd.factorize(fold * (int(code.max(initial=0)) + 2) + code + 1)[0].astype(np.int64)
    first = np.unique(fold, return_index=True)[1]
    return fold, {name: code[first] for name, code in codes.items()}


def _missed(party: Party, shifted: Sequence[Singles], counted: npt.NDArray[np.int64]) -> Floats:
    p = np.max([shifted[n] for n in party.networks], axis=0)
    samples = party.samples[0][counted], party.samples[1][counted]
    return np.where(party.unknown[counted], 0.0, 1.0 - _updated(p, samples))


def _operators(missing: Gap, drawn: list[list[float]]) -> pd.DataFrame:
    """Every operator with its share of the people; operators of the same networks have the same figures."""
    weights = operator_weights()
    rows: list[dict[str, object]] = []
    persons = missing.table["persons"].to_numpy(np.float64)
    indoors = missing.table["floor"].to_numpy() > 0
    nobody = float(missing.table["nobody"].sum())
    for party, lost in zip(missing.parties, drawn, strict=True):
        own = persons * party.weight
        uncovered = np.where(party.unknown, 0.0, own * (1.0 - party.p))
        unknown = float(own[party.unknown].sum())
        sums = {
            "persons": own.sum(),
            "covered": own.sum() - uncovered.sum() - unknown,
            "uncovered": uncovered.sum(),
            "unknown": unknown,
            "uncovered_indoor": uncovered[indoors].sum(),
            "uncovered_outdoor": uncovered[~indoors].sum(),
            "nobody": nobody * party.weight,
        }
        low, high = bounds(np.array(lost)[:, None])
        whole = sum(weights.get(name, 1.0) for name in party.operators)
        for name in party.operators:
            part = weights.get(name, 1.0) / whole
            figures = {key: float(value) * part for key, value in (*sums.items(), ("p05", low[0]), ("p95", high[0]))}
            rows.append({OPERATOR: name, **figures})
    return pd.DataFrame(rows)


def _ranked(sums: pd.DataFrame) -> pd.DataFrame:
    share = np.where(sums["persons"] > 0, sums["uncovered"] / sums["persons"].where(sums["persons"] > 0), np.nan)
    rank = sums["uncovered"].rank(ascending=False, method="first").astype(int)
    return sums.assign(share=share, rank=rank).sort_values("rank", ignore_index=True)


def _with_share(sums: pd.Series) -> pd.Series:
    sums["share"] = sums["uncovered"] / sums["persons"] if sums["persons"] > 0 else np.nan
    return sums
