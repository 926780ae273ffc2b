"""Local residuals: measurements nearby move a coverage's levels and narrow their spread."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.spatial import cKDTree
from scipy.special import ndtr, ndtri

from siting.errors import BadInput
from siting.radio.calibration import Calibration
from siting.radio.kernels_tally import LOS_AT, MAYBE_LOS_AT, MAYBE_NLOS_AT, NLOS_AT
from siting.radio.kriging import Covariance, Field, default_covariance, fit_covariance, residual_field
from siting.radio.links import OUTDOOR
from siting.radio.network import defaults
from siting.radio.scene import UNKNOWN
from siting.radio.verdict import Coverage, Local, Strongest, spread_near

__all__ = ["Covariance", "Field", "default_covariance", "fit_covariance", "local_residuals", "residual_field"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
NEEDED = ("easting_m", "northing_m", "rsrp_dbm", "network")
#: Floors are kept apart by more than any distance that counts.
FLOOR_APART_M = 1e4
OPTIONAL = ("floor", "building_id", "site_id", "sector_id", "device_id")
OUTDOORS = 0
SEPARATOR = "\x1f"


def local_residuals(coverage: Coverage, samples: pd.DataFrame, *, calibration: Calibration | None) -> Coverage:
    """A coverage that follows the measurements within 200 m.

    Parameters
    ----------
    coverage : Coverage
        From `coverage`, without measurements added before.
    samples : DataFrame
        ``easting_m, northing_m, rsrp_dbm, network``, and what there is of ``floor`` (0 outdoors), ``building_id,
        site_id, sector_id, device_id``.  A column ``residual_db`` (measured minus predicted for the sector that was
        heard) counts as it is; without it the level is held against the coverage at the same place, which only knows
        the server there: samples of another named sector are left out.
    calibration : Calibration, optional
        What the coverage was computed with: offsets of the devices.

    Returns
    -------
    Coverage
        Levels of every unit moved by the kriged residual of its server, spread narrowed, probabilities following.
        Measurements outdoors speak for outdoors and for the outer part of the way to people indoors, whose wall
        keeps its own spread; measurements indoors speak for their own building.  Interference stays as modelled.

    Raises
    ------
    BadInput
        If columns are missing, the coverage does not know where its units stand, or it follows measurements already.
    """
    missing = [name for name in NEEDED if name not in samples]
    if missing:
        raise BadInput("radio.local.columns", value=", ".join(missing))
    if coverage.units is None or coverage.local is not None:
        raise BadInput("radio.local.coverage", value=coverage.network.name)
    units = coverage.units
    heard = _thinned(_residuals(coverage, units, samples, calibration))
    outdoors = heard[heard["floor"] == OUTDOORS]
    field = residual_field(outdoors, _covariance(coverage, outdoors))
    mean, sigma = _near(field, coverage, units, np.arange(len(units)))
    walled = np.ones(len(mean), bool)
    for rows, inside in _buildings(units, heard[heard["floor"] != OUTDOORS]):
        wide_db2 = float(np.nanmean(coverage.sigma_db[rows] ** 2))
        inner = residual_field(inside, field.covariance.scaled(wide_db2 / field.covariance.sill_db2))
        mean[rows], sigma[rows] = _near(inner, coverage, units, rows)
        walled[rows] = False
    return _moved(
        coverage, Local(mean.astype(np.float32), sigma.astype(np.float32), walled, field.covariance, len(heard))
    )


def _residuals(
    coverage: Coverage, units: pd.DataFrame, samples: pd.DataFrame, calibration: Calibration | None
) -> pd.DataFrame:
    """Samples of the coverage's network: place, floor, building, name of the sector, residual."""
    own = samples[samples["network"] == coverage.network.name].reset_index(drop=True)
    column = {name: own[name] if name in own else pd.Series(None, own.index, object) for name in OPTIONAL}
    floor = pd.to_numeric(column["floor"], errors="coerce").fillna(OUTDOORS).astype(np.int64)
    frame = own[["easting_m", "northing_m"]].assign(floor=floor, building_id=column["building_id"].astype(object))
    named = [column[name].map(_text) for name in ("site_id", "sector_id")]
    if "residual_db" in own:
        return frame.assign(sector_id=_label(*named), residual_db=own["residual_db"])
    unit = _units_at(units, frame)
    found = np.maximum(unit, 0)
    server = coverage.server[found]
    serving = [coverage.sectors[name].map(_text).to_numpy()[server] for name in ("site_id", "sector_id")]
    fits = (unit >= 0) & (server >= 0)
    for given, is_there in zip(named, serving, strict=True):
        fits &= (given == "").to_numpy() | (given.to_numpy() == is_there)
    inside = units["building_id"].astype(object).to_numpy()[found]
    level = own["rsrp_dbm"] - column["device_id"].map(calibration.devices if calibration else {}).fillna(0.0)
    frame = frame.assign(building_id=inside, sector_id=_label(*(pd.Series(s) for s in serving)))
    return frame.assign(residual_db=level.astype(float) - coverage.rsrp_dbm[found])[fits]


def _text(value: Any) -> str:
    return "" if pd.isna(value) else str(value)


def _label(site: pd.Series, sector: pd.Series) -> pd.Series:
    """One name per sector of a site."""
    return site.astype(str) + SEPARATOR + sector.astype(str)


def _units_at(units: pd.DataFrame, frame: pd.DataFrame) -> Ints:
    """Unit at each sample, on its floor; -1 where none is near."""
    place = [
        np.column_stack([t["easting_m"], t["northing_m"], FLOOR_APART_M * t["floor"]]).astype(np.float64)
        for t in (units, frame)
    ]
    if not len(units) or not len(frame):
        return np.full(len(frame), -1, np.int64)
    apart, at = cKDTree(place[0]).query(place[1], distance_upper_bound=defaults()["sample_cell_m"])
    return np.where(np.isfinite(apart), at, -1)


def _thinned(heard: pd.DataFrame) -> pd.DataFrame:
    """One residual per small cell, floor and sector: many samples of one place are one witness."""
    kept = heard.dropna(subset=["easting_m", "northing_m", "residual_db"])
    cell = (kept[["easting_m", "northing_m"]] // defaults()["sample_cell_m"]).astype(np.int64)
    keys = [cell["easting_m"].rename("a"), cell["northing_m"].rename("b"), "floor", "building_id", "sector_id"]
    rules = {"easting_m": "mean", "northing_m": "mean", "residual_db": "median"}
    return kept.groupby(keys, dropna=False, sort=True).agg(rules).reset_index()


def _covariance(coverage: Coverage, outdoors: pd.DataFrame) -> Covariance:
    """That of the samples; few samples leave the default shape with the coverage's own spread outdoors."""
    if len(outdoors) >= defaults()["kriging_scale_samples"]:
        return fit_covariance(outdoors)
    return unmeasured(coverage)


def unmeasured(coverage: Coverage) -> Covariance:
    """The default shape with a coverage's own spread outdoors."""
    shape = default_covariance()
    return shape.scaled(float(np.mean(coverage.spread_db[OUTDOOR, 0] ** 2)) / shape.sill_db2)


def _near(field: Field, coverage: Coverage, units: pd.DataFrame, rows: Ints) -> tuple[Floats, Floats]:
    """Mean and spread at units for their server's sector; 0 and NaN where nothing was measured within reach."""
    place = units[["easting_m", "northing_m"]].to_numpy(np.float64)[rows]
    server = coverage.server[rows]
    group, first = _spots(np.column_stack([place, server]))
    asked = np.flatnonzero(field.measured(*place[first].T) & (server[first] >= 0))
    mean, sigma = np.zeros(len(first)), np.full(len(first), np.nan)
    if len(asked):
        label = _label(*(coverage.sectors[name].map(_text) for name in ("site_id", "sector_id"))).to_numpy()
        spots = first[asked]
        mean[asked], sigma[asked] = field.predict(place[spots, 0], place[spots, 1], label[server[spots]])
    return mean[group], sigma[group]


def _spots(key: Floats) -> tuple[Ints, Ints]:
    """Number of the spot of each unit, and its first unit: neighbours in the table with the same key share one."""
    fresh = np.ones(len(key), bool)
    fresh[1:] = (key[1:] != key[:-1]).any(axis=1)
    return np.cumsum(fresh) - 1, np.flatnonzero(fresh)


def _buildings(units: pd.DataFrame, inside: pd.DataFrame) -> Iterator[tuple[Ints, pd.DataFrame]]:
    """Units of every building measured inside, and its samples."""
    measured = inside.dropna(subset=["building_id"])
    indoors = np.flatnonzero(
        (units["floor"] > OUTDOORS).to_numpy() & units["building_id"].isin(measured["building_id"])
    )
    name = units["building_id"].astype(object).to_numpy()[indoors]
    for building, part in measured.groupby("building_id", sort=True):
        rows = indoors[name == building]
        if len(rows):
            yield rows, part


def _moved(coverage: Coverage, local: Local) -> Coverage:
    """Levels moved by the mean, spread and probabilities after the new spread."""
    outdoors = coverage.spread_db[OUTDOOR, 0]
    clear, unknown = coverage.p_los.astype(np.float64), coverage.state == UNKNOWN
    seen_db = np.where(unknown, outdoors[MAYBE_LOS_AT], outdoors[LOS_AT])
    hidden_db = np.where(unknown, outdoors[MAYBE_NLOS_AT], outdoors[NLOS_AT])
    mixed = np.sqrt(clear * seen_db**2 + (1.0 - clear) * hidden_db**2)
    sigma = spread_near(local, coverage.sigma_db.astype(np.float64), mixed).astype(np.float32)
    best, mean = coverage.strongest, local.mean_db
    with np.errstate(invalid="ignore"):
        quantile = (ndtri(best.p_maybe.astype(np.float64)) * coverage.sigma_db + mean) / sigma
    touched = ~np.isnan(local.sigma_db) & (best.p_maybe > 0.0)
    strongest = Strongest(
        best.los_dbm + mean,
        best.nlos_dbm + mean,
        best.maybe_los_dbm + mean,
        best.maybe_nlos_dbm + mean,
        np.where(touched, ndtr(quantile), best.p_maybe).astype(np.float32),
        best.levels_dbm,
    )
    return replace(
        coverage,
        rsrp_dbm=coverage.rsrp_dbm + mean,
        sinr_db=coverage.sinr_db + mean,
        sigma_db=sigma,
        strongest=strongest,
        local=local,
        provenance={**coverage.provenance, "local_samples": str(local.samples)},
    )
