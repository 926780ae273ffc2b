"""Small random cities, and the slow exact answers the fast ones are held against."""

import geopandas as gpd
import numpy as np
import pandas as pd
from shapely.geometry import box

from siting.geo.grid import Grid

CRS = "EPSG:4548"


def buildings(seed, *, count=60, side_m=300.0, unknown=0.1, extra=()):
    draw = np.random.default_rng(seed)
    west, south = draw.uniform(0, side_m - 40, (2, count))
    wide, deep = draw.uniform(6, 40, (2, count))
    height = draw.choice([9.0, 18.0, 33.0, 60.0], count)
    height[draw.random(count) < unknown] = np.nan
    shapes = [box(w, s, w + a, s + b) for w, s, a, b in zip(west, south, wide, deep, strict=True)]
    frame = gpd.GeoDataFrame(
        {
            "building_id": [f"b{i}" for i in range(count)],
            "height_m": height,
            "use": draw.choice(["residential", "office"], count),
            "building_class": draw.choice(["brick_residential", "office_curtain_wall", "unknown"], count),
        },
        geometry=shapes,
        crs=CRS,
    )
    return (
        pd.concat([frame, gpd.GeoDataFrame(list(extra), geometry="geometry", crs=CRS)], ignore_index=True)
        if extra
        else frame
    )


def grid(cell_m=2.5, side_m=300.0):
    return Grid(0.0, side_m, cell_m, round(side_m / cell_m), round(side_m / cell_m), CRS)


def sector(
    site="s1",
    number=0,
    *,
    easting=150.0,
    northing=150.0,
    height=30.0,
    mount="tower",
    azimuth=0.0,
    equipment="aau64-200w",
    **more,
):
    row = {
        "site_id": site,
        "sector_id": f"{site}-{number}",
        "easting_m": easting,
        "northing_m": northing,
        "antenna_height_m": height,
        "mount": mount,
        "azimuth_deg": azimuth,
        "mechanical_tilt_deg": 0.0,
        "electrical_tilt_deg": 6.0,
        "equipment": equipment,
    }
    return row | more


def clip(a, b, low, high):
    """Shares of the way from a to b at which it is between low and high along one axis; None if it never is inside."""
    if a == b:
        return (0.0, 1.0) if low <= a < high else None
    near, far = sorted(((low - a) / (b - a), (high - a) / (b - a)))
    return max(near, 0.0), min(far, 1.0)


def brute_force(terrain, antenna, receiver):
    """Clear height over known cells, over all cells, and the visited cells, by clipping against every cell of the bounding box."""
    cell, fine = terrain.grid.cell_m, terrain.grid
    x0, y0 = (antenna.easting_m - fine.west_m) / cell, (fine.north_m - antenna.northing_m) / cell
    x1, y1 = (receiver.easting_m - fine.west_m) / cell, (fine.north_m - receiver.northing_m) / cell
    length = np.hypot(x1 - x0, y1 - y0)
    ends = {(int(y0 // 1), int(x0 // 1)), (int(y1 // 1), int(x1 // 1))}
    own = terrain.building[int(y1 // 1), int(x1 // 1)]
    roof = terrain.building[int(y0 // 1), int(x0 // 1)] if antenna.mount == "roof" else 0
    z0 = float(terrain.ground_m[int(y0 // 1), int(x0 // 1)]) + antenna.height_m
    known, every, visited = -np.inf, -np.inf, set()
    for row in range(int(min(y0, y1) // 1), int(max(y0, y1) // 1) + 1):
        for col in range(int(min(x0, x1) // 1), int(max(x0, x1) // 1) + 1):
            across, down = clip(x0, x1, col, col + 1), clip(y0, y1, row, row + 1)
            if across is None or down is None:
                continue
            near, far = max(across[0], down[0]), min(across[1], down[1])
            if (far - near) * length <= 1e-9:
                continue
            visited.add((row, col))
            number = terrain.building[row, col]
            if (row, col) in ends or (number > 0 and number in (own, roof)):
                continue
            surface = float(terrain.surface_m[row, col])
            rise = (float(terrain.ground_m[row, col]) + 100.0 if np.isnan(surface) else surface) - z0
            slope = rise / (near if rise > 0 else far) if rise else 0.0
            every = max(every, z0 + slope)
            if not np.isnan(surface):
                known = max(known, z0 + slope)
    return known, every, visited
