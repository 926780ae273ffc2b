"""Coverage of a seeded city: our engine and its peers on the same scene, in one go.

    python bench/radio.py --size small|full

Every contender runs as a whole process after its own warm-up; the first call (compiling) is told apart.  A peer that
is not installed is skipped by name.  `SITING_BENCH_SIONNA` names a Python that has sionna-rt; without it this one is
tried.  The peers compute outdoor cells, or line of sight alone; ours is also timed on every floor.
"""

import argparse
import importlib.util
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import peers_gis
import radio_scene
import radio_truth
from contest import alone, line

from siting.radio import coverage, terrain


def sionna(scene, sectors):
    """sionna-rt on some sectors, scaled to all."""
    python = os.environ.get("SITING_BENCH_SIONNA", "")
    if not python and importlib.util.find_spec("sionna") is None:
        return {"skipped": "sionna-rt is not installed"}
    boxes = np.column_stack([scene.buildings.geometry.bounds.to_numpy(), scene.buildings["height_m"]])
    sites = scene.sites.iloc[: 3 * sectors]
    turn = np.radians(90.0 - sites["azimuth_deg"].to_numpy())
    place = np.column_stack([sites[["easting_m", "northing_m", "antenna_height_m"]].to_numpy(), turn])
    extent = [scene.coarse.cols * 10.0, scene.coarse.rows * 10.0]
    with tempfile.TemporaryDirectory() as name:
        city = Path(name) / "city.npz"
        np.savez(city, boxes=boxes, sectors=place, extent=extent, total=len(scene.sites))
        return alone("peers_sionna.py", str(city), python=python or sys.executable)


def peers(scene, size):
    """Name and figures of every peer on the district raster."""
    setup = radio_scene.SIZES[size]
    ground, _findings = terrain.from_layers(radio_scene.grid(scene, 10.0), scene.buildings)
    masts = scene.sites.drop_duplicates("site_id")
    yield "numpy loop per sector", alone("peers_numpy.py", size, "loop")
    yield "march per link", alone("peers_numpy.py", size, "march")
    some = masts.sample(setup["viewsheds"], random_state=1)
    for name, call in (("gdal_viewshed, 10 m", peers_gis.gdal), ("GRASS r.viewshed, 10 m", peers_gis.grass)):
        yield name, peers_gis.scaled(call(ground, some)[0], len(some), len(masts))
    yield "sionna-rt", sionna(scene, setup["traced"])


def ours(size, work, cell_m=2.5):
    found = alone("radio_ours.py", size, work, str(cell_m))
    if "skipped" in found:
        return [(f"ours, {work}", found)]
    return [(name, {**figures, "peak_gb": found["peak_gb"]}) for name, figures in found["rows"]]


def cold():
    """A first coverage with an empty cache: `first_s` is all but compiling."""
    with tempfile.TemporaryDirectory() as name:
        found = alone("radio_ours.py", "small", "outdoors", "10", env={"NUMBA_CACHE_DIR": name})
    return found if "skipped" in found else {**found["rows"][0][1], "peak_gb": found["peak_gb"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=radio_scene.SIZES, default="small")
    size = parser.parse_args().size
    setup, scene = radio_scene.SIZES[size], radio_scene.of(size)
    print(f"{len(scene.buildings)} buildings, {len(scene.sites)} sectors on {setup['scene']['sites']} masts")
    print(f"{'work':<54}{'wall s':>10}{'CPU s':>10}{'first s':>8}{'peak GB':>6}{'x ours':>9}")
    like = ours(size, "outdoors", 10.0)
    rows = [*like, *ours(size, "outdoors"), *(ours(size, "moved") if hasattr(coverage, "update") else [])]
    rows += [row for cell_m in (10.0, 5.0) for row in ours(size, "alike", cell_m)]
    for name, figures in rows:
        line(name, figures)
    if size == "full":
        line("ours, small city, nothing compiled yet", cold())
    for name, figures in peers(scene, size):
        line(name, figures, like[0][1])
    for name, figures in ours(size, "floors"):
        line(name, figures)
    print("line of sight against obstacles of 1 m: recall, precision")
    for (tool, cell), (both, true, seen) in radio_truth.judged(
        scene, masts=setup["judged"], points=setup["points"]
    ).items():
        print(f"  {tool:<16}{cell:>5g} m  {both / max(true, 1):.3f}  {both / max(seen, 1):.3f}  of {true} clear paths")
    print("peak memory is that of each contender's own process")


if __name__ == "__main__":
    main()
