"""What one sector gives one place, part by part: the link budget of a single path, as a person reads it.

The formulas are those of `pathloss`, `antenna` and `o2i`; the compiled run over all units is held against the same ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from siting.radio import pathloss
from siting.radio.antenna import Pattern, gain_dbi, wrap_deg
from siting.radio.calibration import DISTANCE_UNIT_M, ClassFit
from siting.radio.decibel import power_per_re_dbm
from siting.radio.diffraction import bullington_db
from siting.radio.o2i import indoor_loss_db
from siting.radio.path import Profile
from siting.radio.scene import LOS, NLOS

FREE_SPACE = "free_space"
MOST_DIFFRACTION_DB = 60.0
# Sectors that share these share the path.
MAST = ["easting_m", "northing_m", "antenna_height_m", "mount"]


@dataclass(frozen=True)
class Place:
    """Where a receiver stands.

    Parameters
    ----------
    easting_m, northing_m : float
        Project CRS [m].
    height_m : float
        Above ground [m].
    ground_m : float
        Ground there [m above datum].
    wall_db : float
        Loss of the outer wall [dB]; 0 outdoors.
    """

    easting_m: float
    northing_m: float
    height_m: float
    ground_m: float = 0.0
    wall_db: float = 0.0


@dataclass(frozen=True)
class Budget:
    """Level of one sector at one place, and the parts of its loss.

    Parameters
    ----------
    model : str
        ``uma``, ``umi`` or ``free_space``.
    distance_m : float
        Slant distance [m].
    eirp_dbm : float
        Per resource element, at the pattern's maximum, feeder taken off [dBm].
    pattern_db : float
        Loss because the beam does not point here [dB].
    path_db, path_los_db, path_nlos_db : float
        Path loss as the state has it (unknown: mean by probability), in line of sight, without [dB].
    wall_db, depth_db : float
        Loss of the outer wall and inside the building [dB].
    correction_db : float
        What measurements add; 0 without a calibration.
    p_los : float
        1, 0, or for an unknown path the standard's probability.
    rsrp_dbm, rsrp_los_dbm, rsrp_nlos_dbm : float
        Level as drawn, in line of sight, without [dBm].
    """

    model: str
    distance_m: float
    eirp_dbm: float
    pattern_db: float
    path_db: float
    path_los_db: float
    path_nlos_db: float
    wall_db: float
    depth_db: float
    correction_db: float
    p_los: float
    rsrp_dbm: float
    rsrp_los_dbm: float
    rsrp_nlos_dbm: float

    @property
    def hidden_db(self) -> float:
        """What the obstacles cost: path loss over that in line of sight [dB]."""
        return self.path_db - self.path_los_db


def losses_db(
    model: str, distance_m: float, frequency_ghz: float, *, over_m: float, height_m: float
) -> tuple[float, float]:
    """Path loss in line of sight and without [dB], clamped to the model's range as maps are.

    Parameters
    ----------
    model : str
        ``uma``, ``umi`` or ``free_space``.
    distance_m : float
        Plan distance [m].
    frequency_ghz : float
        [GHz].
    over_m, height_m : float
        Antenna and receiver over the receiver's ground [m].
    """
    if model == FREE_SPACE:
        loss = float(pathloss.free_space_db(max(np.hypot(distance_m, over_m - height_m), 1.0), frequency_ghz))
        return loss, loss
    los, nlos = (
        (pathloss.umi_los_db, pathloss.umi_nlos_db) if model == "umi" else (pathloss.uma_los_db, pathloss.uma_nlos_db)
    )
    near = los(distance_m, frequency_ghz, bs_height_m=over_m, ut_height_m=height_m, out_of_range="clamp")
    far = nlos(distance_m, frequency_ghz, bs_height_m=over_m, ut_height_m=height_m, out_of_range="clamp")
    return float(near), float(far)


def los_probability(model: str, distance_m: float, height_m: float) -> float:
    """Probability of line of sight over an outdoor distance [m] where buildings are unknown (TR 38.901 table 7.4.2-1); 1 in free space."""
    if model == FREE_SPACE:
        return 1.0
    if model == "umi":
        return float(pathloss.umi_los_probability(distance_m))
    return float(pathloss.uma_los_probability(distance_m, ut_height_m=height_m))


def pattern_loss_db(sector: pd.Series, place: Place, antenna_z_m: float, patterns: Mapping[str, Pattern]) -> float:
    """Loss of a sector's beam towards a place, relative to its maximum [dB].

    Parameters
    ----------
    sector : Series
        A row of a coverage's sectors.
    place : Place
        The receiver.
    antenna_z_m : float
        [m above datum].
    patterns : mapping
        Measured patterns by name; used where the sector names one.
    """
    east, north = place.easting_m - sector.easting_m, place.northing_m - sector.northing_m
    bearing = np.degrees(np.arctan2(east, north))
    down = np.degrees(np.arctan2(antenna_z_m - place.ground_m - place.height_m, np.hypot(east, north)))
    measured = patterns.get(str(sector.get("pattern") or ""))
    pattern = measured or Pattern(
        "sector",
        0.0,
        float(sector.width_h_deg),
        float(sector.width_v_deg),
        float(sector.max_loss_db),
        float(sector.sidelobe_db),
    )
    gain = gain_dbi(
        pattern,
        wrap_deg(bearing - sector.azimuth_deg),
        down,
        mechanical_tilt_deg=float(sector.mechanical_tilt_deg),
        electrical_tilt_deg=float(sector.electrical_tilt_deg),
    )
    return pattern.peak_dbi - float(gain)


def reachable(
    sectors: pd.DataFrame,
    place: Place,
    frequency_ghz: float,
    *,
    radius_m: float,
    most: int,
    slack_db: float,
    patterns: Mapping[str, Pattern],
) -> pd.DataFrame:
    """Sectors that may be the strongest of one of the strongest masts at a place, whatever stands between.

    Parameters
    ----------
    sectors : DataFrame
        Rows of a coverage's sectors.
    place : Place
        The receiver.
    frequency_ghz : float
        [GHz].
    radius_m : float
        Plan radius of the run [m].
    most : int
        How many masts are wanted.
    slack_db : float
        Margin for what this does not know: hills, corrections [dB].
    patterns : mapping
        Measured patterns by name.
    """
    east = sectors["easting_m"].to_numpy(float) - place.easting_m
    away = np.hypot(east, sectors["northing_m"].to_numpy(float) - place.northing_m)
    near, away = sectors[away <= radius_m], away[away <= radius_m]
    mast = near.groupby(MAST, sort=False).ngroup().to_numpy() if len(near) else np.empty(0, np.int64)
    if mast.max(initial=-1) < most:
        return near
    bounds = np.empty((len(near), 2))
    for i, (_, sector) in enumerate(near.iterrows()):
        over_m = float(sector.antenna_height_m)
        loss = losses_db(str(sector.model), float(away[i]), frequency_ghz, over_m=over_m, height_m=place.height_m)
        gain = float(sector.eirp_dbm) - pattern_loss_db(sector, place, place.ground_m + over_m, patterns)
        bounds[i] = gain - loss[0], gain - loss[1]
    sure = np.full(mast.max() + 1, -np.inf)
    np.maximum.at(sure, mast, bounds[:, 1])
    return near[bounds[:, 0] >= np.sort(sure)[-most] - slack_db]


def budget(
    sector: pd.Series,
    profile: Profile,
    place: Place,
    frequency_ghz: float,
    *,
    patterns: Mapping[str, Pattern],
    fit: ClassFit | None = None,
) -> Budget:
    """The link budget of one sector over its traced path.

    Parameters
    ----------
    sector : Series
        A row of a coverage's sectors.
    profile : Profile
        Its path to the place.
    place : Place
        The receiver.
    frequency_ghz : float
        [GHz].
    patterns : mapping
        Measured patterns by name.
    fit : ClassFit, optional
        What measurements taught about this class of links.
    """
    model, over_m = str(sector.model), profile.start_z_m - place.ground_m
    slant = float(np.hypot(profile.length_m, over_m - place.height_m))
    los, nlos = losses_db(model, profile.length_m, frequency_ghz, over_m=over_m, height_m=place.height_m)
    lost = pattern_loss_db(sector, place, profile.start_z_m, patterns)
    more = 0.0
    if fit is not None:
        more = _correction_db(fit, sector, lost, slant)
        if fit.beta and profile.state != LOS:
            bent = min(max(bullington_db(profile, frequency_ghz), 0.0), MOST_DIFFRACTION_DB) - fit.loss_mean_db
            nlos = max(los, nlos + fit.beta * bent)
    known = {LOS: 1.0, NLOS: 0.0}
    p = known.get(profile.state)
    outdoors_m = max(profile.length_m - profile.depth_m, 0.0)
    p = los_probability(model, outdoors_m, place.height_m) if p is None else p
    depth = float(indoor_loss_db(profile.depth_m))
    level = float(sector.eirp_dbm) - lost - place.wall_db - depth + more
    path = p * los + (1.0 - p) * nlos
    return Budget(
        model, slant, float(sector.eirp_dbm), lost, path, los, nlos, place.wall_db, depth, more, p, level - path, level - los, level - nlos
    )  # fmt: skip


def _correction_db(fit: ClassFit, sector: pd.Series, pattern_db: float, slant_m: float) -> float:
    """What measurements add to the textbook's level, without diffraction [dB]."""
    power = float(power_per_re_dbm(float(sector.power_w), float(sector.n_rb)))
    distance = fit.slope_db * float(np.log10(slant_m / DISTANCE_UNIT_M))
    return fit.offset_db + distance - (fit.pattern - 1.0) * pattern_db + fit.power * (power - fit.power_mean_dbm)


def limit(found: Budget, profile: Profile, *, wanted_dbm: float) -> str:
    """What keeps a level from being enough: the dearest part of the path that is not distance.

    Parameters
    ----------
    found : Budget
        Of the path.
    profile : Profile
        The path.
    wanted_dbm : float
        Level that is enough [dBm].

    Returns
    -------
    str
        ``enough``, ``unknown`` (heights on the way), ``blocked`` (a roof), ``hill``, ``wall``, ``depth``, ``beam``
        (the antenna looks elsewhere), or ``distance``: even without all of these it would not be enough.
    """
    if found.rsrp_dbm >= wanted_dbm:
        return "enough"
    roofs = any(blocker.building > 0 for blocker in profile.blockers if blocker.known)
    obstacle = "blocked" if roofs else "hill" if profile.state == NLOS else "unknown"
    parts = {
        obstacle: found.hidden_db,
        "wall": found.wall_db,
        "depth": found.depth_db,
        "beam": found.pattern_db,
    }
    if found.rsrp_dbm + sum(parts.values()) < wanted_dbm:
        return "distance"
    return max(parts, key=lambda name: parts[name])
