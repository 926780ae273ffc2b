"""What the sectors of one network give every outdoor cell and every floor of every building."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtr

from siting.errors import BadInput, Unsupported
from siting.findings import Finding, Findings
from siting.radio import kernels_link as link
from siting.radio import kernels_sight as sight
from siting.radio.decibel import dbm_to_mw, mw_to_dbm, noise_per_re_dbm
from siting.radio.links import Kinds, Places, kinds_at, masts_of, places_of, sectors_array
from siting.radio.network import Network, Thresholds, defaults, load_thresholds
from siting.radio.pathloss import FLAGS
from siting.radio.terrain import Antenna as MountedAntenna
from siting.radio.terrain import Terrain, field_of, start_of

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Mapper = Callable[[Callable[[Any], Any], Sequence[Any]], Iterable[Any]]
LOS_AT, NLOS_AT = 0, 1


@dataclass(frozen=True)
class Strongest:
    """Strongest levels before the wall by kind of path [dBm], and probabilities over unknown paths by threshold.

    Parameters
    ----------
    los_dbm, nlos_dbm : ndarray of float32
        Over paths known to be clear, and known to be hidden; -inf where there is none.
    maybe_los_dbm, maybe_nlos_dbm : ndarray of float32
        Over unknown paths, taken as clear and as hidden.
    p_maybe : ndarray of float32
        [threshold, unit]: best mixed probability over unknown paths.
    levels_dbm : tuple of float
        The thresholds of `p_maybe`.
    """

    los_dbm: Singles
    nlos_dbm: Singles
    maybe_los_dbm: Singles
    maybe_nlos_dbm: Singles
    p_maybe: Singles
    levels_dbm: tuple[float, ...]


@dataclass(frozen=True)
class Coverage:
    """One network over a table of units, in the order of that table.

    Parameters
    ----------
    network : Network
        The carrier.
    unit_id : ndarray of int64
        Identity of each unit.
    rsrp_dbm, sinr_db, sigma_db, p_los : ndarray of float32
        Median level of the server [dBm], its SINR and spread [dB], and its probability of line of sight.
    server : ndarray of int32
        Row of `sectors`, -1 where none reaches.
    state : ndarray of uint8
        Of the server's path: 0 NLOS, 1 LOS, 2 UNKNOWN.
    flags : ndarray of uint16
        Bits of `pathloss.FLAGS`, for the server's path.
    sectors : DataFrame
        The sectors computed, equipment filled in.
    calibrated : bool
        False: textbook medians without any measurement (未校准).
    no_sites : bool
        Whether there was no sector at all: everything is gap.
    findings : Findings
        Sectors left out and why.
    provenance : dict
        Hash of inputs, network, spread and models.
    """

    network: Network
    unit_id: npt.NDArray[np.int64]
    rsrp_dbm: Singles
    server: npt.NDArray[np.int32]
    p_los: Singles
    state: npt.NDArray[np.uint8]
    sinr_db: Singles
    sigma_db: Singles
    flags: npt.NDArray[np.uint16]
    sectors: pd.DataFrame
    calibrated: bool
    no_sites: bool
    findings: Findings
    provenance: dict[str, str]
    kind: npt.NDArray[np.uint8]
    kinds: Kinds
    spread_db: Floats
    strongest: Strongest


@dataclass(frozen=True)
class _Scene:
    """Everything that is the same for all masts of a run."""

    terrain: Terrain
    network: Network
    places: Places
    field: sight.Field
    units: link.Units
    tally: link.Tally
    levels: Floats
    radius_m: float
    done: list[int]

    def add(self, part: pd.DataFrame) -> int:
        """Sweep one mast and add its sectors to all units in reach; returns its number."""
        first = part.iloc[0]
        antenna = MountedAntenna(
            float(first.easting_m), float(first.northing_m), float(first.antenna_height_m), str(first.mount)
        )
        span = self.places.span(self.terrain, antenna.northing_m, self.radius_m)
        found = sight.Sight(*(np.full(span[1] - span[0], np.inf, np.float32) for _ in range(2)))
        start = start_of(self.terrain, antenna, radius_m=self.radius_m, first=span[0], stop_m=self.places.highest_m)
        sight.sweep(self.field, start, found)
        model = link.UMA if first.model == "uma" else link.UMI
        place = (
            antenna.easting_m,
            antenna.northing_m,
            start.z_m,
            model,
            start.roof,
            self.radius_m,
            self.network.frequency_ghz,
        )
        mast = link.Mast(*place)
        link.add_mast(
            mast,
            sectors_array(part),
            self.places.receivers,
            span,
            self.units,
            found,
            self.field,
            self.tally,
            self.levels,
        )
        self.done.append(int(first.mast))
        return int(first.mast)


def coverage(
    sites: pd.DataFrame,
    terrain: Terrain,
    units: pd.DataFrame,
    network: Network,
    *,
    levels_dbm: Sequence[float] | None = None,
    map: Mapper = map,  # noqa: A002 - the name every long computation gives its mapper
) -> Coverage:
    """Level, best server, SINR and probability of one network at every unit.

    Parameters
    ----------
    sites : DataFrame
        One row per sector (`links.COLUMNS`), project CRS; `network.sectors_of` makes it.
    terrain : Terrain
        Obstacles in cells of at most 2.5 m; should reach `max_range_m` beyond the units.
    units : DataFrame
        From `demand.units`.
    network : Network
        The carrier; all its sectors share one channel.
    levels_dbm : sequence of float, optional
        Thresholds at which probabilities over unknown paths are kept; default those of all profiles.
    map : callable
        Ordered mapper over one task per mast; it must run them in this process, whose kernels use all cores.

    Returns
    -------
    Coverage
        Uncalibrated.  Without sectors every unit has no server.

    Raises
    ------
    BadInput
        If columns are missing or units lie outside the terrain.
    Unsupported
        If the mapper ran tasks in other processes.
    """
    masts = masts_of(sites, terrain, network)
    kinds = kinds_at(network.frequency_ghz)
    places = places_of(units, terrain, kinds)
    levels = (
        tuple(sorted({t.rsrp_dbm for t in load_thresholds().values()})) if levels_dbm is None else tuple(levels_dbm)
    )
    spread_db = kinds.sigma_db(defaults()["uncalibrated_sigma_db"], defaults()["uncalibrated_sigma_db"])
    scene = _scene(terrain, network, places, (kinds, spread_db), levels)
    computed = list(map(scene.add, list(masts)))
    if len(scene.done) != len(computed):
        raise Unsupported("radio.map.processes")
    return _result(scene, masts.frame, units, (kinds, spread_db), masts.findings)


def _scene(
    terrain: Terrain, network: Network, places: Places, classes: tuple[Kinds, Floats], levels: tuple[float, ...]
) -> _Scene:
    kinds, spread_db = classes
    units = link.Units(places.height_m, places.kind, kinds.wall_db, spread_db, kinds.weight)
    field = field_of(terrain, places.row, places.col)
    tally = _blank_tally(len(places.order), len(levels))
    return _Scene(terrain, network, places, field, units, tally, np.array(levels), defaults()["max_range_m"], [])


def _blank_tally(size: int, levels: int) -> link.Tally:
    def full(value: float, kind: Any) -> npt.NDArray[Any]:
        return np.full(size, value, kind)

    return link.Tally(
        drawn_mw=full(0, np.float64),
        best_mw=full(0, np.float64),
        other_mw=full(0, np.float64),
        server=full(-1, np.int32),
        state=full(0, np.uint8),
        p_los=full(0, np.float32),
        flags=full(0, np.uint16),
        los_mw=full(0, np.float32),
        nlos_mw=full(0, np.float32),
        maybe_los_mw=full(0, np.float32),
        maybe_nlos_mw=full(0, np.float32),
        p_maybe=np.zeros((levels, size), np.float32),
    )


def _result(
    scene: _Scene, sectors: pd.DataFrame, units: pd.DataFrame, classes: tuple[Kinds, Floats], findings: Findings
) -> Coverage:
    kinds, spread_db = classes
    tally, network = scene.tally, scene.network
    back = np.empty(len(scene.places.order), np.int64)
    back[scene.places.order] = np.arange(len(back))
    kind = scene.places.kind[back]
    served = tally.server[back] >= 0
    wall = kinds.mean_wall_db[kind]
    rsrp = np.where(served, mw_to_dbm(tally.drawn_mw[back]) - wall, np.nan)
    noise = dbm_to_mw(noise_per_re_dbm(network.scs_khz, network.noise_figure_db))
    interference = network.load_factor * tally.other_mw[back] * dbm_to_mw(-wall)
    sinr = rsrp - mw_to_dbm(noise + interference)
    p_los = np.where(served, tally.p_los[back], np.nan)
    unknown = _cell_unknown(units)
    flags = tally.flags[back] | np.where(served, 0, FLAGS["no_server"]).astype(np.uint16)
    flags |= np.where(unknown, FLAGS["cell_unknown"], 0).astype(np.uint16)
    strongest = _strongest(tally, back, scene.levels)
    no_sites = not len(sectors)
    if no_sites:
        findings += [Finding(code="radio_no_sites", severity="warning", value=network.name)]
    return Coverage(
        network=network,
        unit_id=units["unit_id"].to_numpy(np.int64),
        rsrp_dbm=rsrp.astype(np.float32),
        server=tally.server[back],
        p_los=p_los.astype(np.float32),
        state=tally.state[back],
        sinr_db=sinr.astype(np.float32),
        sigma_db=_sigma_db(kinds, spread_db, kind, p_los).astype(np.float32),
        flags=flags,
        sectors=sectors,
        calibrated=False,
        no_sites=no_sites,
        findings=findings,
        provenance=_provenance(scene, sectors, units),
        kind=kind,
        kinds=kinds,
        spread_db=spread_db,
        strongest=strongest,
    )


def _strongest(tally: link.Tally, back: npt.NDArray[np.int64], levels: Floats) -> Strongest:
    """Levels by kind of path in the order of the units frame."""

    def level(power_mw: Singles) -> Singles:
        return mw_to_dbm(power_mw[back]).astype(np.float32)

    return Strongest(
        level(tally.los_mw),
        level(tally.nlos_mw),
        level(tally.maybe_los_mw),
        level(tally.maybe_nlos_mw),
        tally.p_maybe[:, back],
        tuple(float(v) for v in levels),
    )


def _cell_unknown(units: pd.DataFrame) -> npt.NDArray[np.bool_]:
    if "cell_unknown" not in units:
        return np.zeros(len(units), bool)
    return np.asarray(units["cell_unknown"].to_numpy(bool))


def _sigma_db(kinds: Kinds, spread_db: Floats, kind: npt.NDArray[np.uint8], p_los: Floats) -> Floats:
    """Spread of the server's level: states mixed by p, wall models by weight [dB]."""
    total = np.maximum(kinds.weight.sum(axis=1), 1e-9)
    variance = (kinds.weight[:, :, None] * spread_db**2).sum(axis=1) / total[:, None]
    return np.sqrt(p_los * variance[kind, LOS_AT] + (1.0 - p_los) * variance[kind, NLOS_AT])


def _provenance(scene: _Scene, sectors: pd.DataFrame, units: pd.DataFrame) -> dict[str, str]:
    digest = hashlib.blake2b(digest_size=16)
    for array in (scene.terrain.surface_m, scene.terrain.building, scene.places.receivers.units, scene.places.height_m):
        digest.update(np.ascontiguousarray(array).view(np.uint8).data)
    digest.update(repr(scene.network).encode())
    digest.update(repr(sorted(defaults().items())).encode())
    digest.update(sectors.drop(columns="geometry", errors="ignore").to_csv(index=False).encode())
    models = sectors.groupby("model").size().to_dict() if len(sectors) else {}
    return {
        "inputs": digest.hexdigest(),
        "network": scene.network.name,
        "sigma_db": str(defaults()["uncalibrated_sigma_db"]),
        "models": ", ".join(f"{name} {count}" for name, count in sorted(models.items())),
        "units": str(len(units)),
    }


def probability(coverage: Coverage, thresholds: Thresholds) -> Singles:
    """Probability that each unit is covered, with the SINR rule if the profile has one.

    Parameters
    ----------
    coverage : Coverage
        One network.
    thresholds : Thresholds
        Profile; over unknown paths its level must be among those the coverage kept.

    Returns
    -------
    ndarray of float32
        [1]; 0 where no sector reaches or the class is not computable.

    Raises
    ------
    BadInput
        If the level was not kept.
    """
    best = coverage.strongest
    p = _known(coverage, thresholds.rsrp_dbm)
    if np.isfinite(best.maybe_nlos_dbm).any():
        if thresholds.rsrp_dbm not in best.levels_dbm:
            raise BadInput("radio.level.unknown", value=thresholds.rsrp_dbm, known=", ".join(map(str, best.levels_dbm)))
        p = np.maximum(p, best.p_maybe[best.levels_dbm.index(thresholds.rsrp_dbm)])
    return np.minimum(p, _sinr_probability(coverage, thresholds)).astype(np.float32)


def probability_range(coverage: Coverage, thresholds: Thresholds) -> tuple[Singles, Singles]:
    """Probability with all unknown paths taken as hidden, and as clear."""
    known, best = _known(coverage, thresholds.rsrp_dbm), coverage.strongest
    hidden = np.maximum(known, _exceeds(coverage, best.maybe_nlos_dbm, thresholds.rsrp_dbm, NLOS_AT))
    clear = np.maximum(known, _exceeds(coverage, best.maybe_los_dbm, thresholds.rsrp_dbm, LOS_AT))
    quality = _sinr_probability(coverage, thresholds)
    return np.minimum(hidden, quality).astype(np.float32), np.minimum(clear, quality).astype(np.float32)


def _known(coverage: Coverage, level_dbm: float) -> Floats:
    best = coverage.strongest
    seen = _exceeds(coverage, best.los_dbm, level_dbm, LOS_AT)
    return np.maximum(seen, _exceeds(coverage, best.nlos_dbm, level_dbm, NLOS_AT))


def _exceeds(coverage: Coverage, level_before_dbm: Singles, level_dbm: float, state: int) -> Floats:
    """Probability that a level before the wall exceeds a threshold behind it, wall models averaged."""
    total = np.zeros(len(level_before_dbm))
    kinds, kind = coverage.kinds, coverage.kind
    for wall in range(kinds.wall_db.shape[1]):
        margin = level_before_dbm - kinds.wall_db[kind, wall] - level_dbm
        total += kinds.weight[kind, wall] * ndtr(margin / np.maximum(coverage.spread_db[kind, wall, state], 1e-9))
    return total


def _sinr_probability(coverage: Coverage, thresholds: Thresholds) -> Floats | float:
    if thresholds.sinr_db is None:
        return 1.0
    chance = ndtr((coverage.sinr_db.astype(float) - thresholds.sinr_db) / coverage.sigma_db)
    return np.where(np.isnan(chance), 0.0, chance)


def best_of(coverages: Sequence[Coverage], *, operator: str, thresholds: Thresholds) -> Singles:
    """An operator's probability: the highest over its networks, never a sum.

    Raises
    ------
    BadInput
        If none of the coverages serves the operator.
    """
    own = [c for c in coverages if operator in c.network.operators]
    if not own:
        raise BadInput("radio.operator.none", value=operator, known=", ".join(c.network.name for c in coverages))
    return np.asarray(np.max([probability(c, thresholds) for c in own], axis=0), np.float32)


@dataclass(frozen=True)
class AreaShares:
    """Shares of a weight: expected, reliable, and where nothing could be computed."""

    expected: float
    reliable: float
    unknown: float


def area_shares(probability: npt.ArrayLike, weight: npt.ArrayLike, *, cell_probability: float) -> AreaShares:
    """Covered share of an area or of people, expected and reliable.

    Parameters
    ----------
    probability : array_like
        By unit; NaN = unknown.
    weight : array_like
        Area [m2] or people by unit.
    cell_probability : float
        A unit counts as reliable from here on.
    """
    p, w = np.asarray(probability, float), np.asarray(weight, float)
    total = w.sum()
    if total <= 0.0:
        return AreaShares(np.nan, np.nan, np.nan)
    known = ~np.isnan(p)
    expected = float((w[known] * p[known]).sum() / total)
    return AreaShares(expected, float(w[known & (p >= cell_probability)].sum() / total), float(w[~known].sum() / total))
