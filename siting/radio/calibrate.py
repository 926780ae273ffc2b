"""From measurements to a calibration: fit, judge on unseen blocks, and say what the data cannot tell."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from siting.errors import TooFewSamples
from siting.findings import Finding, Findings
from siting.radio import heldout
from siting.radio.calibration import Calibration
from siting.radio.calibrationtext import from_json, to_json
from siting.radio.classes import Trained, class_name, train, with_sigmas
from siting.radio.network import Gear, Network, defaults, load_thresholds
from siting.radio.rays import with_rays
from siting.radio.samplechecks import odd_devices, suspect_sectors
from siting.radio.samples import Prepared, prepare
from siting.radio.scene import Terrain

__all__ = ["Options", "Prepared", "fit", "fit_prepared", "from_json", "prepare", "to_json"]

DEFAULT_PROFILE = "target-105"


@dataclass(frozen=True)
class Options:
    """What a calibration may be asked otherwise; empty values are the shipped defaults.

    Parameters
    ----------
    floor_dbm : float, optional
        Levels at or below it mean "below" [dBm].
    level_dbm : float, optional
        A level below it is weak, for F1, Brier score and reliability [dBm].
    far_m : float, optional
        A sector with a quarter of its samples beyond it is suspect [m].
    diffraction : bool
        Whether hidden classes get a weight of the Bullington loss.
    """

    floor_dbm: float | None = None
    level_dbm: float | None = None
    far_m: float | None = None
    diffraction: bool = False

    @property
    def weak_dbm(self) -> float:
        """The level below which a sample is weak [dBm]."""
        return load_thresholds()[DEFAULT_PROFILE].rsrp_dbm if self.level_dbm is None else self.level_dbm


STANDARD = Options()


def fit(
    samples: pd.DataFrame,
    sites: pd.DataFrame,
    terrain: Terrain,
    networks: Mapping[str, Network],
    *,
    seed: int,
    gear: Gear | None = None,
    options: Options = STANDARD,
) -> Calibration:
    """Learn from measured levels how far the textbook is off, class by class.

    Parameters
    ----------
    samples : DataFrame
        Columns of `samples.NEEDED` and what there is of `samples.OPTIONAL`; project CRS.
    sites : DataFrame
        One row per sector as `coverage` takes it; with a column ``network`` each network has its own sectors.
    terrain : Terrain
        Obstacles around sites and samples.
    networks : mapping
        Carriers by name.
    seed : int
        Deals blocks into folds.
    gear : Gear, optional
        Units and measured patterns; default the shipped ones.
    options : Options
        Floor, weak level, gate, diffraction.

    Returns
    -------
    Calibration
        With the held-out table; ``usable`` False where a constant does as well.

    Raises
    ------
    BadInput
        If columns are missing, or the sites are not what `coverage` takes.
    TooFewSamples
        If fewer than 30 places, 3 sectors or 5 blocks are left, or over 80 % of the levels lie below the floor.
    """
    made = prepare(samples, sites, terrain, networks, gear=gear, floor_dbm=options.floor_dbm)
    return fit_prepared(made, terrain, seed=seed, options=options)


def fit_prepared(made: Prepared, terrain: Terrain, *, seed: int, options: Options = STANDARD) -> Calibration:
    """As `fit`, from samples that are prepared already.

    Parameters
    ----------
    made : Prepared
        From `samples.prepare`.
    terrain : Terrain
        Obstacles, for diffraction.
    seed, options
        See `fit`.
    """
    frame, gate = usable_rows(made.frame, far_m=options.far_m)
    _require(frame)
    if options.diffraction:
        frame = with_rays(frame, terrain)
    trained = train(frame, diffraction=options.diffraction)
    held = heldout.judge(frame, seed=seed, level_dbm=options.weak_dbm, diffraction=options.diffraction)
    usable = _usable(held.metrics)
    told = [*gate, *odd_devices(frame), *_told(frame, trained, held, usable=usable)]
    return Calibration(
        fits=with_sigmas(trained.fits, held.sigma_db),
        devices=trained.devices,
        metrics=held.metrics,
        reliability=held.reliability,
        usable=usable,
        findings=made.findings + told,
        data_hash=_hash(frame),
    )


def usable_rows(frame: pd.DataFrame, *, far_m: float | None = None) -> tuple[pd.DataFrame, list[Finding]]:
    """Samples of trustworthy sectors within the distance that coverage computes, and the sectors left out.

    Parameters
    ----------
    frame : DataFrame
        From `samples.prepare`.
    far_m : float, optional
        See `Options`.
    """
    out, findings = suspect_sectors(frame, far_m=defaults()["sector_far_m"] if far_m is None else far_m)
    near = frame["distance_2d_m"].to_numpy(float) <= defaults()["max_range_m"]
    return frame[near & ~out].reset_index(drop=True), findings


def _require(frame: pd.DataFrame) -> None:
    """Refuse what cannot give an honest answer."""
    numbers = defaults()
    sectors = frame.groupby(["network", "served_site", "served_sector"]).ngroups
    have = {"samples": len(frame), "sectors": sectors, "blocks": int(frame["block"].nunique())}
    need = {name: int(numbers[f"fit_least_{name}"]) for name in have}
    lack = {f"lack_{name}": max(need[name] - have[name], 0) for name in have}
    if any(lack.values()):
        raise TooFewSamples("calibrate.few", **have, **lack)
    share = float(frame["censored"].mean())
    if share > numbers["censored_refuse_share"]:
        raise TooFewSamples("calibrate.censored", value=round(100.0 * share), n=len(frame))


def _usable(metrics: pd.DataFrame) -> bool:
    """Whether it beats a constant in every network."""
    networks = sorted(set(metrics["network"]) - {heldout.ALL})
    return all(
        heldout.whole(metrics, heldout.CALIBRATED, "rmse_db", network=name)
        < heldout.whole(metrics, heldout.CONSTANT, "rmse_db", network=name)
        for name in networks
    )


def _told(frame: pd.DataFrame, trained: Trained, held: heldout.Judged, *, usable: bool) -> Findings:
    """What a person must know before believing it."""
    numbers = defaults()
    error = heldout.whole(held.metrics, heldout.CALIBRATED, "rmse_db")
    values = {"constant": f"{heldout.whole(held.metrics, heldout.CONSTANT, 'rmse_db'):.1f}"}
    found = [
        Finding(
            code="calibrate_class_censored",
            severity="warning",
            value=class_name(state, kind),
            values={"network": network},
        )
        for network, state, kind in trained.refused
    ]
    if not frame["censored"].any():
        found.append(Finding(code="calibrate_served_only", severity="info", value=str(len(frame))))
    if error < numbers["honest_rmse_db"]:
        least = numbers["honest_cell_db"]
        code = "calibrate_impossible" if error < least else "calibrate_too_good"
        found.append(Finding(code=code, severity="warning", value=f"{error:.1f}", values={"least": least}))
    if not usable:
        found.append(Finding(code="calibrate_not_better", severity="warning", value=f"{error:.1f}", values=values))
    return Findings(tuple(found))


def _hash(frame: pd.DataFrame) -> str:
    """Of the samples used and of the links they were matched with."""
    digest = hashlib.blake2b(digest_size=16)
    for name in ("network", "served_site", "served_sector", "device_id", "kind"):
        digest.update("\n".join(frame[name].astype(str)).encode())
    for name in ("easting_m", "northing_m", "floor", "rsrp_dbm", "textbook_dbm", "gain_db", "power_dbm"):
        digest.update(np.ascontiguousarray(frame[name].to_numpy(np.float64)).view(np.uint8).data)
    return digest.hexdigest()
