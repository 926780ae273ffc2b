"""Rasters as GeoTIFF, with what they mean written into the file."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.io import MemoryFile
from rasterio.transform import from_origin

from siting.geo.grid import Grid


def geotiff(grid: Grid, bands: Mapping[str, npt.NDArray[np.float32]], *, tags: Mapping[str, str]) -> bytes:
    """A GeoTIFF of named bands, float32, NaN = not computed.

    Parameters
    ----------
    grid : Grid
        Place and CRS of the bands.
    bands : mapping of str to ndarray [rows, cols]
        Band descriptions and values.
    tags : mapping of str to str
        Written into the file: what was computed, when, how sure.

    Returns
    -------
    bytes
        The file.
    """
    profile = {
        "driver": "GTiff",
        "height": grid.rows,
        "width": grid.cols,
        "count": len(bands),
        "dtype": "float32",
        "crs": grid.crs,
        "nodata": float("nan"),
        "compress": "deflate",
        "predictor": 3,
        "transform": from_origin(grid.west_m, grid.north_m, grid.cell_m, grid.cell_m),
    }
    with rasterio.Env(GDAL_PAM_ENABLED="NO"), MemoryFile() as memory:
        with memory.open(**profile) as file:
            for number, (name, values) in enumerate(bands.items(), start=1):
                file.write(values.astype(np.float32), number)
                file.set_band_description(number, name)
            file.update_tags(**tags)
        return bytes(memory.getbuffer())
