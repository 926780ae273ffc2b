"""Masts, places, walls and corrections as the kernels read them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from siting.radio import kernels_shapes as shapes
from siting.radio.calibration import STATES, Calibration, Terms, terms_of
from siting.radio.gearing import sectors_array
from siting.radio.links import MODELS, Kinds, Places, kinds_at
from siting.radio.network import Gear, Network, defaults
from siting.radio.scene import LOS, NLOS, UNKNOWN
from siting.radio.terrain import Terrain, field_of

if TYPE_CHECKING:
    from siting.radio.kernels_sight import Field

Floats = npt.NDArray[np.float64]
Wholes = npt.NDArray[np.int64]
#: State of the path behind each column of the spreads: clear, hidden, unknown taken as clear, as hidden.
PATHS = (LOS, NLOS, UNKNOWN, UNKNOWN)
MOST_RECEIVERS, MOST_UNITS = 1024, 1024


@dataclass(frozen=True)
class Classes:
    """Kinds of units, and what measurements taught about each.

    Parameters
    ----------
    kinds : Kinds
        Walls by class.
    spread_db : ndarray
        [class, wall, path of `PATHS`]: whole spread of a link [dB].
    terms : Terms
        Corrections [class, state].
    calibrated : bool
        Whether the corrections come from measurements of this network.
    """

    kinds: Kinds
    spread_db: Floats
    terms: Terms
    calibrated: bool


def classes_of(network: Network, calibration: Calibration | None) -> Classes:
    """Walls, spreads and corrections of a network.

    Notes
    -----
    A measured class takes its spread on places the fit had not seen, without that of the penetration, which
    it holds already, and the uncertainty of its correction on a link at `model_variance_distance_m` with the
    class's mean pattern loss.
    """
    kinds = kinds_at(network.frequency_ghz)
    knows = calibration is not None and network.name in calibration.networks()
    known = calibration if knows else None
    terms = terms_of(known, network.name, kinds.names, uncalibrated_sigma_db=defaults()["uncalibrated_sigma_db"])
    paths = list(PATHS)
    walls = np.where(terms.measured[:, None, paths], 0.0, kinds.sigma_p_db[:, :, None])
    model = _model_variance(known, network.name, kinds.names)[:, paths]
    spread = np.sqrt(terms.sigma_db[:, None, paths] ** 2 + walls**2 + model[:, None, :])
    return Classes(kinds, spread, terms, knows)


def _model_variance(calibration: Calibration | None, network: str, names: tuple[str, ...]) -> Floats:
    """Variance of the correction by class and state on its reference link [dB2]."""
    found = np.zeros((len(names), len(STATES)))
    if calibration is None:
        return found
    far = np.log10(defaults()["model_variance_distance_m"] / 100.0)
    for k, name in enumerate(names):
        for s in STATES:
            fit = calibration.fit_of(network, s, name)
            if fit is not None and fit.covariance:
                covariance = np.array(fit.covariance)
                x = np.array([1.0, far, fit.pattern_mean_db, 0.0, 0.0])[: len(covariance)]
                found[k, s] = max(float(x @ covariance @ x), 0.0)
    return found


def corrections_of(classes: Classes) -> shapes.Corrections:
    """Corrections as the kernels read them."""
    t = classes.terms
    columns = (t.offset_db, t.slope_db, t.pattern, t.power, t.beta, t.loss_mean_db, t.power_mean_dbm)
    singles = [np.ascontiguousarray(column, np.float32) for column in columns]
    rest = (classes.calibrated, t.diffracts, defaults()["unknown_cap_m"])
    return shapes.Corrections._make((*singles, *rest))


def units_of(places: Places, classes: Classes) -> shapes.Units:
    """Units as the kernels read them."""
    kinds = classes.kinds
    return shapes.Units(
        places.height_m, places.z_m, places.kind, places.host, kinds.wall_db, classes.spread_db, kinds.weight
    )


def masts_array(frame: pd.DataFrame, terrain: Terrain, places: Places, radius_m: npt.ArrayLike) -> shapes.Masts:
    """Masts as the kernels read them, in the order of the frame of sectors; one radius or one per mast [m]."""
    begins = np.flatnonzero(~frame["mast"].duplicated().to_numpy())
    heads = frame.iloc[begins]
    east, north = heads["easting_m"].to_numpy(float), heads["northing_m"].to_numpy(float)
    radius = np.broadcast_to(np.asarray(radius_m, float), len(heads)).copy()
    first, last = places.spans(terrain, north, radius)
    return shapes.Masts(
        east,
        north,
        terrain.ground_at(east, north) + heads["antenna_height_m"].to_numpy(float),
        (east - terrain.grid.west_m) / terrain.grid.cell_m,
        (terrain.grid.north_m - north) / terrain.grid.cell_m,
        np.array([MODELS[m] for m in heads["model"]], np.int64),
        terrain.own_roofs(east, north, heads["mount"]),
        radius,
        np.append(begins, len(frame)).astype(np.int64),
        first,
        last,
    )


@dataclass(frozen=True)
class Scene:
    """What a run computes with, beside its masts."""

    terrain: Terrain
    places: Places
    field: Field
    classes: Classes
    network: Network
    gear: Gear

    def stage(self, frame: pd.DataFrame, radius_m: npt.ArrayLike) -> shapes.Stage:
        """The scene with the sectors of a frame on it."""
        return shapes.Stage(
            self.places.receivers,
            units_of(self.places, self.classes),
            self.field,
            masts_array(frame, self.terrain, self.places, radius_m),
            sectors_array(frame, self.gear.patterns),
            corrections_of(self.classes),
            self.network.frequency_ghz,
        )


def scene_of(terrain: Terrain, places: Places, classes: Classes, network: Network, gear: Gear) -> Scene:
    """Obstacles and receivers together."""
    return Scene(terrain, places, field_of(terrain, places.row, places.col), classes, network, gear)


def stretches_of(places: Places) -> Wholes:
    """All receivers as stretches within one row, first and last (exclusive); none longer than a kernel's room should be."""
    receivers, first_unit = len(places.row), places.receivers.units
    if not receivers:
        return np.zeros((0, 2), np.int64)
    numbers = np.arange(receivers)
    row_start = np.flatnonzero(np.diff(places.row, prepend=-1))
    start = np.repeat(row_start, np.diff(np.append(row_start, receivers)))
    part = np.maximum((numbers - start) // MOST_RECEIVERS, (first_unit[:-1] - first_unit[start]) // MOST_UNITS)
    cut = np.flatnonzero((np.diff(part, prepend=-1) != 0) | (numbers == start))
    return np.column_stack([cut, np.append(cut[1:], receivers)]).astype(np.int64)


def room_of(places: Places, stretches: Wholes) -> tuple[int, int]:
    """Most receivers and units in a stretch."""
    if not len(stretches):
        return 1, 1
    units = places.receivers.units
    return int(np.diff(stretches).max()), int((units[stretches[:, 1]] - units[stretches[:, 0]]).max())
