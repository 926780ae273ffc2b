"""Viewsheds of gdal and GRASS over the same obstacles: line of sight alone, one mast after the other."""

import shutil
import tempfile
from pathlib import Path

import numpy as np
import rasterio
from contest import child
from rasterio.transform import from_origin

RANGE_M = 3000.0
ABOVE_ROOF_M, RECEIVER_M = 3.0, 1.5


def write(path, ground):
    """The obstacles' surface as a raster file."""
    grid = ground.grid
    profile = {"driver": "GTiff", "dtype": "float32", "count": 1, "crs": grid.crs}
    place = from_origin(grid.west_m, grid.north_m, grid.cell_m, grid.cell_m)
    with rasterio.open(path, "w", width=grid.cols, height=grid.rows, transform=place, **profile) as file:
        file.write(ground.surface_m, 1)


def gdal(ground, masts, *, keep=False):
    """gdal_viewshed, one process per mast; with `keep` also what each mast sees."""
    if not shutil.which("gdal_viewshed"):
        return {"skipped": "gdal_viewshed is not installed"}, []
    spent, seen = [], []
    with tempfile.TemporaryDirectory() as name:
        surface, out = Path(name) / "surface.tif", Path(name) / "seen.tif"
        write(surface, ground)
        for mast in masts.itertuples():
            at = ["-ox", str(mast.easting_m), "-oy", str(mast.northing_m), "-oz", str(ABOVE_ROOF_M)]
            how = ["-tz", str(RECEIVER_M), "-md", str(RANGE_M), "-cc", "0"]
            spent.append(child(["gdal_viewshed", "-q", *at, *how, str(surface), str(out)], folder=name))
            if spent[-1].code:
                return {"skipped": f"gdal_viewshed ended with {spent[-1].code}"}, []
            if keep:
                seen.append(_read(out, ground))
    return _sum(spent, len(masts)), seen


def grass(ground, masts, *, keep=False):
    """r.viewshed in one temporary GRASS session; with `keep` also what each mast sees."""
    if not shutil.which("grass"):
        return {"skipped": "GRASS is not installed"}, []
    with tempfile.TemporaryDirectory() as name:
        surface, script = Path(name) / "surface.tif", Path(name) / "all.sh"
        write(surface, ground)
        lines = [f"r.in.gdal --q -o input={surface} output=surface", "g.region raster=surface"]
        for number, mast in enumerate(masts.itertuples()):
            where = f"coordinates={mast.easting_m},{mast.northing_m} observer_elevation={ABOVE_ROOF_M}"
            how = f"target_elevation={RECEIVER_M} max_distance={RANGE_M} memory=2000"
            lines.append(f"r.viewshed --o --q -b input=surface output=seen {where} {how}")
            if keep:
                lines.append(f"r.out.gdal --o --q input=seen type=Byte output={name}/{number}.tif")
        script.write_text("set -e\n" + "\n".join(lines) + "\n", encoding="utf-8")
        spent = child(["grass", "--tmp-location", str(surface), "--exec", "sh", str(script)], folder=name)
        if spent.code:
            return {"skipped": f"GRASS ended with {spent.code}"}, []
        seen = [_read(Path(name) / f"{n}.tif", ground) for n in range(len(masts))] if keep else []
    return _sum([spent], len(masts)), seen


def _read(path, ground):
    with rasterio.open(path) as file:
        values = file.read(1)
    return values.reshape(ground.surface_m.shape) > 0


def _sum(spent, masts):
    wall, cpu = (float(np.sum([getattr(s, name) for s in spent])) for name in ("wall_s", "cpu_s"))
    note = f"line of sight alone, {masts} masts, obstacles as its cells"
    return {"wall_s": wall, "cpu_s": cpu, "peak_gb": max(s.peak_gb for s in spent), "note": note}


def scaled(figures, masts, total):
    """Figures of some masts as those of all."""
    if "skipped" in figures or masts == total:
        return figures
    times = {name: figures[name] * total / masts for name in ("wall_s", "cpu_s")}
    return {**figures, **times, "note": f"{figures['note']}, scaled to {total}"}
