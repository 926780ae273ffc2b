"""Loss and spread from outdoors to indoors, TR 38.901 tables 7.4.3-1 to 7.4.3-3."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from siting.errors import BadInput
from siting.radio.decibel import dbm_to_mw, mw_to_dbm
from siting.radio.network import DATA, defaults, read_rows

Floats = npt.NDArray[np.float64]
Like = npt.ArrayLike

MODELS = ("low", "high", "low_a", "legacy")
LOSS_PER_M_DB = 0.5
_SIGMA_DB = {"low": 4.4, "high": 6.5, "low_a": 4.4, "legacy": 0.0}
_LEGACY_DB = 20.0
_LEGACY_BELOW_GHZ = 6.0
_MATERIALS = {
    "glass": (2.0, 0.2),
    "irr_glass": (25.4, 0.11),
    "concrete": (5.0, 4.0),
    "wood": (4.85, 0.12),
    "plywood": (1.03, 0.17),
}
_WALLS = {
    "low": (("glass", 0.3), ("concrete", 0.7)),
    "high": (("irr_glass", 0.7), ("concrete", 0.3)),
    "low_a": (("glass", 0.3), ("plywood", 0.7)),
}


def material_loss_db(material: str, frequency_ghz: Like) -> Floats:
    """Loss of one material [dB] at a frequency [GHz] (table 7.4.3-1)."""
    base, slope = _MATERIALS[material]
    return np.asarray(base + slope * np.asarray(frequency_ghz, np.float64))


def wall_loss_db(frequency_ghz: Like, *, model: str) -> Floats:
    """Loss through the outer wall, PL_tw.

    Parameters
    ----------
    frequency_ghz : array_like
        [GHz].
    model : {"low", "high", "low_a", "legacy"}
        Kind of wall; ``legacy`` holds below 6 GHz.

    Returns
    -------
    ndarray
        [dB].

    Raises
    ------
    BadInput
        If the model is unknown, or legacy is asked for at 6 GHz or above.

    Examples
    --------
    >>> round(float(wall_loss_db(2.6, model="low")), 4)
    12.2558
    """
    f = np.asarray(frequency_ghz, np.float64)
    _known(model)
    if model == "legacy":
        if np.any(f >= _LEGACY_BELOW_GHZ):
            raise BadInput("radio.o2i.legacy", value=float(f.max()), limit=_LEGACY_BELOW_GHZ)
        return np.full(f.shape, _LEGACY_DB)
    passed = sum(share * dbm_to_mw(-material_loss_db(material, f)) for material, share in _WALLS[model])
    return np.asarray(5.0 - mw_to_dbm(passed))


def indoor_loss_db(depth_m: Like) -> Floats:
    """Loss over the path inside the building: 0.5 dB per metre of plan distance, at most 25 m."""
    return np.asarray(LOSS_PER_M_DB * np.clip(np.asarray(depth_m, np.float64), 0.0, defaults()["indoor_depth_cap_m"]))


def sigma_db(model: str) -> float:
    """Spread of the penetration loss, sigma_P [dB]."""
    _known(model)
    return _SIGMA_DB[model]


def model_for(building_class: str) -> str:
    """Wall model of a building class: ``low``, ``high``, ``both`` (probabilities averaged) or ``none`` (not computable).

    A class that the table does not know counts as ``unknown``.
    """
    rows = class_models().get(building_class, class_models()["unknown"])
    return rows[0][0] if len(rows) == 1 else "both"


@cache
def class_models() -> dict[str, tuple[tuple[str, float], ...]]:
    """(model, weight) pairs by building class, from ``data/o2i.csv``."""
    table: dict[str, tuple[tuple[str, float], ...]] = {}
    for row in read_rows(DATA / "o2i.csv"):
        table[row["building_class"]] = (*table.get(row["building_class"], ()), (row["model"], float(row["weight"])))
    return table


def floor_height_m(floor: Like) -> Floats:
    """Receiver height above ground [m] on floor n: 1.5 + 3 (n - 1); floor 0 is outdoors, 1.5 m."""
    n = np.maximum(np.asarray(floor, np.float64), 1.0)
    return np.asarray(defaults()["receiver_m"] + defaults()["storey_m"] * (n - 1.0))


def _known(model: str) -> None:
    if model not in MODELS:
        raise BadInput("radio.o2i.model", value=model, known=", ".join(MODELS))
