"""What the sectors of one network give every outdoor cell and every floor of every building."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from siting.errors import Unsupported
from siting.findings import Finding, Findings
from siting.radio import kernels_formulas as formulas
from siting.radio import kernels_link as link
from siting.radio import kernels_sight as sight
from siting.radio.decibel import dbm_to_mw, mw_to_dbm, noise_per_re_dbm
from siting.radio.links import Kinds, Mapper, Places, kinds_at, masts_of, places_of, sectors_array
from siting.radio.network import Network, defaults, load_thresholds
from siting.radio.pathloss import FLAGS
from siting.radio.terrain import Antenna as MountedAntenna
from siting.radio.verdict import (
    LOS_AT,
    NLOS_AT,
    AreaShares,
    Coverage,
    Floats,
    Singles,
    Strongest,
    area_shares,
    best_of,
    probability,
    probability_range,
)

__all__ = [
    "AreaShares",
    "Coverage",
    "Mapper",
    "Reach",
    "area_shares",
    "best_of",
    "coverage",
    "probability",
    "probability_range",
    "reach",
]
from siting.radio.reach import Reach, reach
from siting.radio.terrain import Terrain, field_of, start_of


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
        model = formulas.UMA if first.model == "uma" else formulas.UMI
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
        no_sites=not len(sectors),
        findings=findings + _no_sites(sectors, network),
        provenance=_provenance(scene, sectors, units),
        kind=kind,
        kinds=kinds,
        spread_db=spread_db,
        strongest=strongest,
    )


def _no_sites(sectors: pd.DataFrame, network: Network) -> list[Finding]:
    """The finding that nothing is there yet."""
    return [] if len(sectors) else [Finding(code="radio_no_sites", severity="warning", value=network.name)]


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
