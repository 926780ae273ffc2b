"""The sample district as files: one GeoParquet per layer, the same bytes for the same frames."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np

from siting.errors import NotFound
from siting.sample.district import LAYERS
from siting.sample.facts import HOME

FOLDERS = {"assets": "poles", "sites": "sites", "sectors": "sites"}
OTHER_FOLDER = "district"
COMPRESSION_LEVEL = 15
LISTS = ("advisories", "conditions", "tenants", "technologies")


def path_of(folder: Path, layer: str) -> Path:
    """Where a layer's file lies."""
    return folder / FOLDERS.get(layer, OTHER_FOLDER) / f"{layer}.parquet"


def write(frames: dict[str, gpd.GeoDataFrame], folder: Path) -> tuple[Path, ...]:
    """Write every layer as GeoParquet (zstd); same frames, same bytes.

    Parameters
    ----------
    frames : dict of str to geopandas.GeoDataFrame
        Layers as `make` returns them.
    folder : Path
        Gets the folders ``poles``, ``sites`` and ``district``.

    Returns
    -------
    tuple of Path
        The files, in the order of the layers.
    """
    paths = []
    for layer, frame in frames.items():
        path = path_of(folder, layer)
        path.parent.mkdir(parents=True, exist_ok=True)
        frame.to_parquet(
            path, index=False, compression="zstd", compression_level=COMPRESSION_LEVEL, schema_version="1.1.0"
        )
        paths.append(path)
    return tuple(paths)


def read(folder: Path = HOME) -> dict[str, gpd.GeoDataFrame]:
    """Read every layer `write` has written.

    Raises
    ------
    NotFound
        If a layer's file is missing.
    """
    missing = [layer for layer in LAYERS if not path_of(folder, layer).is_file()]
    if missing:
        raise NotFound("sample.files", folder=folder.name, missing=", ".join(missing))
    return {layer: _listed(gpd.read_parquet(path_of(folder, layer))) for layer in LAYERS}


def _listed(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """List columns come back as lists of str, not as arrays."""
    columns = [name for name in LISTS if name in frame]
    return frame.assign(
        **{name: [list(value) if isinstance(value, np.ndarray) else [] for value in frame[name]] for name in columns}
    )
