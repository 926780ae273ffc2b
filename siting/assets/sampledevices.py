"""Devices of a set of samples: how many each took, and how far it reads off the others at the same places."""

import numpy as np
import pandas as pd

UNNAMED = ""


def devices(frame: pd.DataFrame, *, cell_m: float) -> pd.DataFrame:
    """One row per measuring device.

    Parameters
    ----------
    frame : DataFrame
        ``easting_m, northing_m, floor, rsrp_dbm, network, sector_id, cell, pci, device_id``.
    cell_m : float
        Side of the squares in which devices are compared [m].

    Returns
    -------
    DataFrame
        ``device_id, n, median_dbm, shared, offset_db``: samples, median, samples in squares that another device
        measured too (of the same cell), and the median difference from the others there; NaN without such squares.
    """
    place = {
        "col": np.floor(frame["easting_m"] / cell_m).astype(np.int64),
        "row": np.floor(frame["northing_m"] / cell_m).astype(np.int64),
    }
    marks = frame[["floor", "network", "sector_id", "cell", "pci"]].astype(str).fillna("")
    told = marks.assign(**place, device_id=frame["device_id"].fillna(UNNAMED), rsrp_dbm=frame["rsrp_dbm"])
    where = [name for name in told.columns if name not in {"device_id", "rsrp_dbm"}]
    cells = told.groupby([*where, "device_id"])["rsrp_dbm"].agg(["median", "size"]).reset_index()
    others = cells.groupby(where)["median"].agg(["sum", "size"])
    at = cells.merge(others, left_on=where, right_index=True, suffixes=("", "_all"))
    shared = at[at["size_all"] > 1]
    rest = (shared["sum"] - shared["median"]) / (shared["size_all"] - 1)
    compared = (
        shared.assign(off=shared["median"] - rest)
        .groupby("device_id")
        .agg(off=("off", "median"), shared=("size", "sum"))
    )
    table = told.groupby("device_id")["rsrp_dbm"].agg(n="size", median_dbm="median").join(compared)
    out = table.rename(columns={"off": "offset_db"}).reset_index()
    return out.assign(shared=out["shared"].fillna(0).astype(int))[
        ["device_id", "n", "median_dbm", "shared", "offset_db"]
    ]
