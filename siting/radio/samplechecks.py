"""Sectors and devices whose samples cannot be what they say."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from siting.findings import Finding
from siting.radio.network import defaults
from siting.radio.samples import NAMED
from siting.radio.scene import LOS

Floats = npt.NDArray[np.float64]


def suspect_sectors(frame: pd.DataFrame, *, far_m: float) -> tuple[npt.NDArray[np.bool_], list[Finding]]:
    """Samples of sectors that are probably not where, or not who, the register says.

    Parameters
    ----------
    frame : DataFrame
        From `samples.prepare`.
    far_m : float
        A quarter of the samples beyond it makes a sector suspect [m].

    Returns
    -------
    ndarray of bool
        Rows to be left out.
    list of Finding
        `sector_suspect` for each: too many samples far off, or a level that does not fall with distance.
    """
    numbers, out, findings = defaults(), np.zeros(len(frame), bool), []
    judged = (frame["matched"] == NAMED).to_numpy() & ~frame["censored"].to_numpy(bool)
    sectors = frame.groupby(["network", "served_site", "served_sector"]).indices
    for rows in sectors.values():
        mine = frame.iloc[rows[judged[rows]]]
        if len(mine) < numbers["sector_least_n"]:
            continue
        share = float((mine["distance_2d_m"] > far_m).mean())
        slope, error = _slope(mine)
        if share > numbers["sector_far_share"] or _flat(mine["distance_3d_m"].to_numpy(float), slope, error):
            out[rows] = True
            site, sector = (str(mine[name].iloc[0]) for name in ("served_site", "served_sector"))
            values = {"site": site, "n": len(mine), "far": round(100.0 * share), "slope": round(slope, 1)}
            findings.append(Finding(code="sector_suspect", severity="warning", value=sector, values=values))
    return out, findings


def _slope(mine: pd.DataFrame) -> tuple[float, float]:
    """Slope of a sector's level per decade of distance, beside what pattern, state and walls explain, and its error [dB]."""
    seen = (mine["state"] == LOS).to_numpy(float)
    x = np.column_stack([np.log10(mine["distance_3d_m"].to_numpy(float)), mine["gain_db"].to_numpy(float), seen])
    x = x - x.mean(axis=0)
    level = (mine["rsrp_dbm"] + mine["wall_db"]).to_numpy(float)
    inverse = np.linalg.pinv(x.T @ x)
    terms = inverse @ (x.T @ (level - level.mean()))
    rest = level - level.mean() - x @ terms
    variance = float(rest @ rest) / max(len(level) - 4, 1) * float(inverse[0, 0])
    return float(terms[0]), float(np.sqrt(variance))


def _flat(distance_m: Floats, slope: float, error: float) -> bool:
    """Whether distances that should tell show no fall of the level."""
    numbers = defaults()
    telling = (
        len(distance_m) >= numbers["slope_least_n"] and distance_m.max() >= numbers["slope_span"] * distance_m.min()
    )
    return bool(telling and slope + 2.0 * error >= 0.0)


def odd_devices(frame: pd.DataFrame) -> list[Finding]:
    """Devices that read otherwise than others in the same cell, on the same floor, of the same sector.

    Parameters
    ----------
    frame : DataFrame
        From `samples.prepare`.

    Returns
    -------
    list of Finding
        `device_offset` with the median difference [dB] where there are 30 shared places and it exceeds 6 dB.
    """
    numbers = defaults()
    shared = _against_others(frame)
    by = shared.groupby("device_id")["difference_db"].agg(["median", "size"])
    odd = by[(by["size"] >= numbers["device_least_n"]) & (by["median"].abs() > numbers["device_limit_db"])]
    return [
        Finding(
            code="device_offset",
            severity="warning",
            value=str(device),
            values={"offset": round(float(row["median"]), 1), "n": int(row["size"])},
        )
        for device, row in odd.iterrows()
    ]


def _against_others(frame: pd.DataFrame) -> pd.DataFrame:
    """Of each row at a place that several devices visited: its level less the median of the others' [dB]."""
    named = frame[(frame["device_id"] != "") & ~frame["censored"].to_numpy(bool)]
    place = ["network", "cell", "floor", "served_site", "served_sector"]
    order = named.sort_values([*place, "rsrp_dbm"], kind="stable")
    by = order.groupby(place, sort=False)
    size, rank = by["rsrp_dbm"].transform("size").to_numpy(), by.cumcount().to_numpy()
    level, start = order["rsrp_dbm"].to_numpy(float), np.arange(len(order)) - rank
    several = size > 1
    size, rank, start = size[several], rank[several], start[several]

    def other(number: npt.NDArray[np.int64]) -> Floats:
        return level[start + number + (number >= rank)]

    middle = 0.5 * (other((size - 2) // 2) + other((size - 1) // 2))
    return pd.DataFrame({"device_id": order["device_id"][several], "difference_db": level[several] - middle})
