"""A seeded city for measuring: blocks of buildings, three-sector sites, poles along streets."""

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from siting.geo.grid import Grid

CRS = "EPSG:4548"
SIZES = {
    "small": {
        "scene": {"width_m": 600.0, "height_m": 600.0, "sites": 4, "options": 60, "residents": 9e3},
        "repeat": 1,
        "long_repeat": 1,
        "peer_repeat": 1,
        "links": 30,
        "judged": 2,
        "points": 100,
        "traced": 2,
        "viewsheds": 4,
    },
    "full": {
        "scene": {"width_m": 8000.0, "height_m": 5200.0, "sites": 450, "options": 20000, "residents": 8.9e5},
        "repeat": 5,
        "long_repeat": 1,
        "peer_repeat": 1,
        "links": 3000,
        "judged": 8,
        "points": 150,
        "traced": 3,
        "viewsheds": 40,
    },
}
FLOORS = np.array([2, 6, 11, 18, 26, 33])
SHARES = np.array([0.1, 0.5, 0.12, 0.13, 0.1, 0.05])
CLASSES = np.array(["brick_residential", "concrete_residential", "office_curtain_wall", "unknown"])


@dataclass(frozen=True)
class Scene:
    """Grids, buildings, sectors of the existing sites and sectors of pole options."""

    fine: Grid
    coarse: Grid
    buildings: gpd.GeoDataFrame
    sites: pd.DataFrame
    options: pd.DataFrame


def of(size):
    """The city of a size."""
    return make(seed=1, **SIZES[size]["scene"])


def grid(scene: Scene, cell_m: float) -> Grid:
    """Cells of another size over the whole city."""
    wide, high = scene.coarse.cols * 10.0, scene.coarse.rows * 10.0
    return Grid(0.0, high, cell_m, round(high / cell_m), round(wide / cell_m), CRS)


def make(*, seed: int, width_m: float, height_m: float, sites: int, options: int, residents: float) -> Scene:
    """Blocks of 100 m with six slots each for slabs and towers, a seventh part of the slots left empty."""
    draw = np.random.default_rng(seed)
    fine = Grid(0.0, height_m, 2.5, round(height_m / 2.5), round(width_m / 2.5), CRS)
    coarse = Grid(0.0, height_m, 10.0, round(height_m / 10), round(width_m / 10), CRS)
    slots = np.stack(
        np.meshgrid(np.arange(10.0, width_m - 50, 50.0), np.arange(10.0, height_m - 30, 33.0)), -1
    ).reshape(-1, 2)
    slots = slots[draw.random(len(slots)) > 0.15]
    floors = draw.choice(FLOORS, len(slots), p=SHARES)
    wide = np.where(floors > 12, draw.uniform(18, 26, len(slots)), draw.uniform(25, 42, len(slots)))
    deep = np.where(floors > 12, draw.uniform(15, 20, len(slots)), draw.uniform(10, 14, len(slots)))
    boxes = shapely.box(slots[:, 0], slots[:, 1], slots[:, 0] + wide, slots[:, 1] + deep)
    area = wide * deep * floors
    buildings = gpd.GeoDataFrame(
        {
            "building_id": [f"b{i}" for i in range(len(slots))],
            "height_m": floors * 3.0,
            "floors": floors,
            "use": "residential",
            "building_class": draw.choice(CLASSES, len(slots), p=[0.4, 0.35, 0.2, 0.05]),
            "residents": residents * area / area.sum(),
        },
        geometry=boxes,
        crs=CRS,
    )
    hosts = draw.choice(len(slots), sites, replace=False)
    centre = slots[hosts] + np.column_stack([wide, deep])[hosts] / 2
    rows = [
        (
            f"s{i:05d}",
            f"s{i:05d}-{k}",
            *centre[i],
            floors[hosts[i]] * 3.0 + 3.0,
            "roof",
            120.0 * k,
            0.0,
            6.0,
            "aau64-240w",
        )
        for i in range(sites)
        for k in range(3)
    ]
    names = ["site_id", "sector_id", "easting_m", "northing_m", "antenna_height_m", "mount", "azimuth_deg"]
    names += ["mechanical_tilt_deg", "electrical_tilt_deg", "equipment"]
    poles = np.column_stack(
        [draw.integers(0, int(width_m / 50), options) * 50.0 + 5.0, draw.uniform(5, height_m - 5, options)]
    )
    poled = [(f"o{i:05d}", f"o{i:05d}-0", *poles[i], 9.0, "pole", 0.0, 0.0, 0.0, "micro-2x5w") for i in range(options)]
    choices = pd.DataFrame(poled, columns=names)
    return Scene(
        fine, coarse, buildings, pd.DataFrame(rows, columns=names), choices.assign(option_id=choices["site_id"])
    )
