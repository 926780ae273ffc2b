"""A made-up drive test: a district's own textbook levels along its roads, off by what is planted."""

import io

import geopandas as gpd
import numpy as np
import pandas as pd
import xlsxwriter

from siting.actions import scene
from siting.geo import crs
from siting.radio import calibrate, network
from siting.store import layers

NETWORK = "ctcu-n78-a"
STEP_M = 15.0
START = pd.Timestamp("2026-10-20T08:00:00")


def drive(db, *, offset_db=-7.0, spread_db=6.0, devices=("甲", "乙"), most=4000, seed=3):
    """Places along the roads with the level that a phone shows there: textbook + ``offset_db`` + noise.

    Returns
    -------
    DataFrame
        ``time, easting_m, northing_m, sector_id, device_id, rsrp_dbm`` and the ``textbook_dbm`` behind them.
    """
    draw = np.random.default_rng(seed)
    spots = places(db, most=most, seed=seed)
    carrier = network.load_networks()[NETWORK]
    bounds = tuple(float(v) for v in scene.boundary(db).bounds)
    ground = scene.obstacles(db, cell_m=20.0, bounds=bounds)
    found = calibrate.prepare(spots, scene.sectors(db, carrier), ground, {NETWORK: carrier}).frame
    level = found["textbook_dbm"].to_numpy(float) + offset_db + draw.normal(0.0, spread_db, len(found))
    return pd.DataFrame(
        {
            "time": START + pd.to_timedelta(np.arange(len(found)), unit="s"),
            "easting_m": found["easting_m"],
            "northing_m": found["northing_m"],
            "sector_id": found["served_sector"],
            "device_id": draw.choice(list(devices), len(found)),
            "rsrp_dbm": np.clip(level, -139.0, -45.0).round(1),
            "textbook_dbm": found["textbook_dbm"],
        }
    ).reset_index(drop=True)


def places(db, *, most, seed):
    """Points along the roads, as samples without a cell."""
    lines = layers.read(db, "roads", columns=()).geometry
    points = np.concatenate([along(line) for line in lines])
    kept = points[np.random.default_rng(seed).permutation(len(points))[:most]]
    return pd.DataFrame(
        {
            "easting_m": kept[:, 0],
            "northing_m": kept[:, 1],
            "rsrp_dbm": -80.0,
            "network": NETWORK,
            "time": range(len(kept)),
        }
    )


def along(line):
    """Points every `STEP_M` on a line."""
    at = np.arange(STEP_M / 2, line.length, STEP_M)
    return np.array([line.interpolate(d).coords[0][:2] for d in at]).reshape(-1, 2)


def table(db, frame, *, datum="wgs84"):
    """The drive under the headings of a Chinese measuring tool, in a datum."""
    spots = gpd.GeoDataFrame(geometry=gpd.points_from_xy(frame["easting_m"], frame["northing_m"]), crs=db.settings.crs)
    shown = crs.from_project(spots, datum=datum, crs=db.settings.crs).geometry
    return pd.DataFrame(
        {
            "测量时间": frame["time"].dt.strftime("%Y-%m-%d %H:%M:%S"),
            "经度": shown.x.round(7),
            "纬度": shown.y.round(7),
            "小区名称": frame["sector_id"],
            "SS-RSRP(dBm)": frame["rsrp_dbm"],
            "终端": frame["device_id"],
        }
    )


def as_csv(shown, *, encoding="gbk"):
    """The table as a file of a Chinese spreadsheet."""
    return shown.to_csv(index=False).encode(encoding)


def as_xlsx(shown):
    """The table as a workbook."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        sheet = book.add_worksheet("路测")
        for at, row in enumerate([list(shown.columns), *shown.to_numpy(object).tolist()]):
            sheet.write_row(at, 0, row)
    return buffer.getvalue()
