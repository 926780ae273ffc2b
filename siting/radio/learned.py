"""A learned correction on the map: features of every unit's own link, and the coverage with it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from siting.radio.kernels_tally import LOS_AT, NLOS_AT
from siting.radio.learn import Correction, of_links
from siting.radio.network import Gear
from siting.radio.pathloss import FLAGS
from siting.radio.samplelinks import links
from siting.radio.scene import LOS, NLOS, UNKNOWN, Terrain
from siting.radio.verdict import Coverage

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]


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
    served = np.flatnonzero(coverage.server >= 0)
    sector = coverage.sectors.iloc[coverage.server[served]]
    columns = ["easting_m", "northing_m", "floor", "building_class"]
    asked = units.iloc[served][columns].set_axis(served, axis="index")
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
    told = correction.predict(features)
    at = features.index.to_numpy(np.int64)
    silent = told.outside | (coverage.state[at] == UNKNOWN)
    shift = np.zeros(len(coverage.unit_id), np.float32)
    shift[at] = np.where(silent, 0.0, told.shift_db)
    flags = coverage.flags.copy()
    flags[at[silent]] |= np.uint16(FLAGS["learned_out_of_domain"])
    best = coverage.strongest
    return replace(
        coverage,
        rsrp_dbm=coverage.rsrp_dbm + shift,
        sinr_db=coverage.sinr_db + shift,
        flags=flags,
        spread_db=_spread_db(coverage, correction),
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
