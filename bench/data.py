"""Buildings in: read, check, reproject, assign to sub-districts; ours against the defaults of geopandas.

    python bench/data.py [--size small|full] [--repeat N]

Two rows are ours: the steps alone on a frame that is already read, and the whole import with the
gate, the parsing process, typing, findings and the comparison with the store, which the peer lacks.
"""

import argparse
import resource
import statistics
import tempfile
import time
from datetime import date
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from siting.assets import schema
from siting.assets.incoming import Known, Request, prepare
from siting.assets.place import place
from siting.geo.region import Region, street_of

CRS = "EPSG:4548"
WEST, SOUTH, SIDE_M = 509_000.0, 4_327_000.0, 8_000.0
SIZES = {"small": 2_000, "full": 200_000}


def streets():
    """Twelve sub-districts, three by four."""
    wide, high = SIDE_M / 3, SIDE_M / 4
    corners = [(WEST + i * wide, SOUTH + j * high) for i in range(3) for j in range(4)]
    shapes = [shapely.box(x, y, x + wide, y + high) for x, y in corners]
    return gpd.GeoDataFrame({"name": [f"street {i}" for i in range(12)]}, geometry=shapes, crs=CRS)


def buildings(count, seed=2026):
    """Rectangles turned at random, in longitude and latitude."""
    draw = np.random.default_rng(seed)
    at = draw.uniform((WEST, SOUTH), (WEST + SIDE_M - 60, SOUTH + SIDE_M - 60), (count, 2)) + 30
    half = draw.uniform((4, 6), (10, 30), (count, 2))
    angle = draw.uniform(0, np.pi, count)
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)])[None] * half[:, None]
    turned = np.stack(
        [
            corners[..., 0] * np.cos(angle)[:, None] - corners[..., 1] * np.sin(angle)[:, None],
            corners[..., 0] * np.sin(angle)[:, None] + corners[..., 1] * np.cos(angle)[:, None],
        ],
        axis=-1,
    )
    names = [f"b{i}" for i in range(count)]
    shapes = shapely.polygons(turned + at[:, None])
    frame = gpd.GeoDataFrame(
        {"building_id": names, "height_m": draw.integers(3, 99, count) * 1.0}, geometry=shapes, crs=CRS
    )
    return frame.to_crs(4326)


def peer(path, parts):
    frame = gpd.read_file(path)
    frame["geometry"] = frame.geometry.make_valid()
    frame = frame.to_crs(CRS)
    spots = frame.set_geometry(frame.representative_point())
    joined = gpd.sjoin(spots, parts, how="left", predicate="intersects")
    return joined[~joined.index.duplicated()]["name"]


def steps(path, region):
    frame = gpd.read_file(path, use_arrow=True)
    placed = place(frame, layer="buildings", datum="wgs84", project=CRS, region=region)
    return street_of(placed.frame, region)


def whole(path, region):
    names = [c for c in schema.columns("buildings") if c.type != "geometry"]
    empty = {c.name: pd.Series([], dtype=float if c.numeric else object) for c in names}
    old = gpd.GeoDataFrame(empty, geometry=gpd.GeoSeries([], crs=CRS))
    request = Request(data=path.read_bytes(), name=path.name, layer="buildings", datum="wgs84")
    found = prepare(request, Known(project=CRS, old=old, region=region), today=date(2026, 11, 1))
    return found.difference.merged["street_office"]


def cpu_s():
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def measure(work, repeat):
    result, rounds = work(), []
    for _ in range(repeat):
        cpu, wall = cpu_s(), time.perf_counter()
        result = work()
        rounds.append((cpu_s() - cpu, time.perf_counter() - wall))
    return result, [statistics.median(column) for column in zip(*rounds, strict=True)]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="full")
    parser.add_argument("--repeat", type=int, default=None)
    given = parser.parse_args()
    repeat = given.repeat or (1 if given.size == "small" else 5)
    parts = streets()
    region = Region("bench", shapely.union_all(parts.geometry.to_numpy()), CRS, parts)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "buildings.gpkg"
        buildings(SIZES[given.size]).to_file(path, driver="GPKG")
        works = {
            "geopandas defaults": lambda: peer(path, parts),
            "ours, the steps": lambda: steps(path, region),
            "ours, the whole import": lambda: whole(path, region),
        }
        measured = {name: measure(work, repeat) for name, work in works.items()}
    base, (base_cpu, _) = measured["geopandas defaults"]
    print(f"{SIZES[given.size]} polygons, {repeat} rounds")
    print("| work | cpu s | wall s | cpu ratio | labels equal |\n|---|---|---|---|---|")
    for name, (labels, (cpu, wall)) in measured.items():
        equal = float(np.mean(labels.to_numpy() == base.to_numpy()))
        print(f"| {name} | {cpu:.2f} | {wall:.2f} | {base_cpu / cpu:.2f} | {equal:.4%} |")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"peak memory {peak:.2f} GiB")


if __name__ == "__main__":
    main()
