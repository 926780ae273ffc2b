"""A learned correction on the map: features of every unit's own link, and the coverage with it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from siting.radio.kernels_tally import LOS_AT, NLOS_AT
from siting.radio.learn import Correction, Shift, of_links
from siting.radio.links import Mapper
from siting.radio.network import Gear
from siting.radio.outcome import sigma_db
from siting.radio.pathloss import FLAGS
from siting.radio.samplelinks import links
from siting.radio.scene import LOS, NLOS, UNKNOWN, Terrain
from siting.radio.verdict import Coverage

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
#: Units whose paths are looked at together.
PORTION = 200_000


def unit_features(
    coverage: Coverage, units: pd.DataFrame, sites: pd.DataFrame, terrain: Terrain, *, gear: Gear | None = None
) -> pd.DataFrame:
    """What the path from its server tells of every unit.

    Parameters
    ----------
    coverage : Coverage
        Of the units.
    units : DataFrame
        From `demand.units`, the table the coverage was computed for.
    sites : DataFrame
        The sectors the coverage was computed with.
    terrain : Terrain
        Obstacles.
    gear : Gear, optional
        Units and measured patterns; default the shipped ones.

    Returns
    -------
    DataFrame
        One row per served unit, indexed by its place in the table, with the columns `learn.FEATURES`.
    """
    return _features(coverage, units, sites, terrain, rows=np.flatnonzero(coverage.server >= 0), gear=gear)


def _features(
    coverage: Coverage,
    units: pd.DataFrame,
    sites: pd.DataFrame,
    terrain: Terrain,
    *,
    rows: npt.NDArray[np.int64],
    gear: Gear | None,
) -> pd.DataFrame:
    """What the path from its server tells of some served units, by their place in the table."""
    sector = coverage.sectors.iloc[coverage.server[rows]]
    columns = ["easting_m", "northing_m", "floor", "building_class"]
    asked = units.iloc[rows][columns].set_axis(rows, axis="index")
    asked = asked.assign(
        network=coverage.network.name,
        site_id=sector["site_id"].astype(str).to_numpy(object),
        sector_id=sector["sector_id"].astype(str).to_numpy(object),
    )
    mine = sites.drop(columns="network", errors="ignore")
    found, _ = links(asked, mine, terrain, {coverage.network.name: coverage.network}, gear=gear)
    return of_links(found, terrain)


def corrected(coverage: Coverage, correction: Correction, features: pd.DataFrame) -> Coverage:
    """A coverage with the learned stage on top of its calibration.

    Parameters
    ----------
    coverage : Coverage
        Calibrated by what the correction was learned on.
    correction : Correction
        From `learn.fit_correction`; one that was not adopted changes nothing.
    features : DataFrame
        From `unit_features`.

    Returns
    -------
    Coverage
        Level, SINR and strongest known paths of a unit moved by what its server's path says, spreads those left by both
        stages.  Where the server's path is unknown, or like none that was measured, nothing moves and the flag
        learned_out_of_domain is set.  A coverage brought up to date has to be corrected again.
    """
    if not correction.adopted:
        return coverage
    return _moved(coverage, correction, features.index.to_numpy(np.int64), correction.predict(features))


def corrected_map(
    coverage: Coverage,
    correction: Correction,
    units: pd.DataFrame,
    sites: pd.DataFrame,
    terrain: Terrain,
    *,
    gear: Gear | None = None,
    map: Mapper = map,  # noqa: A002 - the name every long computation gives its mapper
) -> Coverage:
    """As `corrected`, portion by portion, so that a whole district's features are never in memory at once.

    Parameters
    ----------
    coverage, correction
        As in `corrected`.
    units, sites, terrain, gear
        As in `unit_features`.
    map : callable
        Ordered mapper over portions, in this process.
    """
    if not correction.adopted:
        return coverage
    served = np.flatnonzero(coverage.server >= 0)
    portions = [served[start : start + PORTION] for start in range(0, len(served), PORTION)]

    def portion(rows: npt.NDArray[np.int64]) -> Shift:
        return correction.predict(_features(coverage, units, sites, terrain, rows=rows, gear=gear))

    parts = list(map(portion, portions))
    none = Shift(np.zeros(0), np.zeros(0, bool))
    shift_db, outside = (
        np.concatenate([getattr(one, name) for one in (none, *parts)]) for name in ("shift_db", "outside")
    )
    return _moved(coverage, correction, served, Shift(shift_db, outside.astype(bool)))


def _moved(coverage: Coverage, correction: Correction, at: npt.NDArray[np.int64], told: Shift) -> Coverage:
    """A coverage with some units moved by what their paths say, and its spreads after both stages."""
    silent = told.outside | (coverage.state[at] == UNKNOWN)
    shift = np.zeros(len(coverage.unit_id), np.float32)
    shift[at] = np.where(silent, 0.0, told.shift_db)
    flags = coverage.flags.copy()
    flags[at[silent]] |= np.uint16(FLAGS["learned_out_of_domain"])
    best, spread = coverage.strongest, _spread_db(coverage, correction)
    sigma = sigma_db(coverage.kinds, spread, coverage.kind, coverage.state, coverage.p_los.astype(np.float64))
    return replace(
        coverage,
        rsrp_dbm=coverage.rsrp_dbm + shift,
        sinr_db=coverage.sinr_db + shift,
        sigma_db=sigma.astype(np.float32),
        flags=flags,
        spread_db=spread,
        strongest=replace(best, los_dbm=best.los_dbm + shift, nlos_dbm=best.nlos_dbm + shift),
    )


def _spread_db(coverage: Coverage, correction: Correction) -> Floats:
    """Spreads by class, wall and path, those of known paths in measured classes as both stages leave them."""
    spread = coverage.spread_db.copy()
    for number, kind in enumerate(coverage.kinds.names):
        for path, state in ((LOS_AT, LOS), (NLOS_AT, NLOS)):
            left = correction.sigma_db.get((coverage.network.name, state, kind))
            if left is not None:
                spread[number, :, path] = left
    return spread
