"""Changes of a network that somebody thinks aloud about: add, move, tune, remove; the network's frame stays as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from siting.errors import BadInput

TUNED = ("azimuth_deg", "electrical_tilt_deg", "mechanical_tilt_deg", "power_w", "antenna_height_m", "equipment")
PLACE = ("easting_m", "northing_m")
ADDED = (*PLACE, "antenna_height_m", "mount", "equipment", "azimuths")
#: What each kind of change must say.
NEEDED: Mapping[str, tuple[str, ...]] = {
    "add": ("site_id", *ADDED),
    "move": ("site_id", *PLACE),
    "tune": ("sector_id",),
    "remove": ("site_id",),
}
#: Lowest and highest value of each number that a change may state.
LIMITS: Mapping[str, tuple[float, float]] = {
    "azimuth_deg": (0.0, 360.0),
    "electrical_tilt_deg": (-90.0, 90.0),
    "mechanical_tilt_deg": (-90.0, 90.0),
    "tilt_deg": (-90.0, 90.0),
    "power_w": (0.001, 2000.0),
    "antenna_height_m": (1.5, 700.0),
}


def check(changes: Sequence[Mapping[str, Any]]) -> None:
    """Refuse changes that lack something or say something impossible; all of it at once.

    Parameters
    ----------
    changes : sequence of mapping
        Each with ``op``: ``add`` (``site_id, easting_m, northing_m, antenna_height_m, mount, equipment, azimuths`` and
        optionally ``tilt_deg``, ``power_w``), ``move`` (``site_id`` and place), ``tune`` (``sector_id`` and any of
        `TUNED`), ``remove`` (``site_id``).

    Raises
    ------
    BadInput
        Naming every fault with the number of its change, from 1.
    """
    faults = [f"{number}: {fault}" for number, change in enumerate(changes, start=1) for fault in _faults(change)]
    if faults:
        raise BadInput("radio.changes", faults="; ".join(faults), known=", ".join(NEEDED))


def _faults(change: Mapping[str, Any]) -> list[str]:
    op = str(change.get("op"))
    if op not in NEEDED:
        return [op]
    lacking = [name for name in NEEDED[op] if _empty(change.get(name))]
    if op == "tune" and not any(change.get(name) is not None for name in TUNED):
        lacking.append("/".join(TUNED))
    outside = [
        f"{name} = {change[name]} ({low:g} – {high:g})"
        for name, (low, high) in LIMITS.items()
        if change.get(name) is not None and not low <= float(change[name]) <= high
    ]
    return lacking + outside


def _empty(value: object) -> bool:
    return value is None or (isinstance(value, str | list | tuple) and len(value) == 0)


def apply(sectors: pd.DataFrame, changes: Sequence[Mapping[str, Any]], *, network: str) -> pd.DataFrame:
    """Sectors of a network as the changes would make them.

    Parameters
    ----------
    sectors : DataFrame
        From `network.sectors_of`.
    changes : sequence of mapping
        See `check`; later ones see what earlier ones did.
    network : str
        Of sectors that are added.

    Returns
    -------
    DataFrame
        Ordered by (site_id, sector_id).

    Raises
    ------
    BadInput
        If a change is faulty or names a site or sector that is not there.
    """
    check(changes)
    found = sectors.copy()
    for change in changes:
        found = _APPLY[change["op"]](found, change, network)
    return found.sort_values(["site_id", "sector_id"], kind="stable").reset_index(drop=True)


def _add(found: pd.DataFrame, change: Mapping[str, Any], network: str) -> pd.DataFrame:
    site = str(change["site_id"])
    if (found["site_id"] == site).any():
        raise BadInput("radio.changes.taken", value=site)
    tilt = float(change.get("tilt_deg") or 0.0)
    rows = [
        {
            **{name: change[name] for name in (*PLACE, "antenna_height_m", "mount", "equipment")},
            "site_id": site,
            "sector_id": f"{site}/{number}",
            "network": network,
            "azimuth_deg": float(azimuth) % 360.0,
            "mechanical_tilt_deg": 0.0,
            "electrical_tilt_deg": tilt,
            "power_w": float(change["power_w"]) if change.get("power_w") is not None else float("nan"),
        }
        for number, azimuth in enumerate(change["azimuths"], start=1)
    ]
    new = pd.DataFrame(rows)
    return new if found.empty else pd.concat([found, new], ignore_index=True)


def _move(found: pd.DataFrame, change: Mapping[str, Any], _network: str) -> pd.DataFrame:
    own = _named(found, "site_id", change)
    moved = found.copy()
    for name in PLACE:
        moved.loc[own, name] = float(change[name])
    return moved


def _tune(found: pd.DataFrame, change: Mapping[str, Any], _network: str) -> pd.DataFrame:
    own = _named(found, "sector_id", change)
    tuned = found.copy()
    for name in TUNED:
        if change.get(name) is not None:
            tuned.loc[own, name] = change[name]
    return tuned


def _remove(found: pd.DataFrame, change: Mapping[str, Any], _network: str) -> pd.DataFrame:
    return found[~_named(found, "site_id", change)]


_APPLY = {"add": _add, "move": _move, "tune": _tune, "remove": _remove}


def _named(found: pd.DataFrame, column: str, change: Mapping[str, Any]) -> pd.Series:
    own = found[column].astype(str) == str(change[column])
    if not own.any():
        raise BadInput("radio.changes.unknown", column=column, value=change[column])
    return own
