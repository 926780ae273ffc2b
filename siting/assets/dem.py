"""The gate of elevation rasters: how large, really a GeoTIFF, one band of heights; read where it can do no harm.

Run as ``python -m siting.assets.dem`` it is the parsing process: limits on itself first, then one file from
standard input to JSON on standard output; a person has no use for that.
"""

from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import rasterio
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader, MemoryFile

from siting.assets.child import confine
from siting.assets.gate import ENVIRONMENT
from siting.assets.raw import Limits
from siting.errors import BadInput

MAGIC = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
MOST_CELLS = 400_000_000
# The lowest and the highest land on earth lie between these [m].
LOWEST_M, HIGHEST_M = -500.0, 9000.0
METRES = ("", "m", "metre", "meter", "metres", "meters")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Elevations:
    """What an elevation raster says of itself.

    Parameters
    ----------
    rows, cols : int
        Size.
    wkt, crs : str
        Coordinate reference system, in full and by name.
    step_x, step_y : float
        Size of a cell in units of the CRS.
    lowest_m, highest_m : float
        Heights [m].
    missing : float
        Share of cells without a value.
    """

    rows: int
    cols: int
    wkt: str
    crs: str
    step_x: float
    step_y: float
    lowest_m: float
    highest_m: float
    missing: float


def read(data: bytes, *, limits: Limits | None = None) -> Elevations:
    """Let an elevation raster through the gate.

    Parameters
    ----------
    data : bytes
        The file.
    limits : Limits, optional
        Caps; the parsing process dies at them.

    Raises
    ------
    BadInput
        With what is wrong and what to do.
    """
    caps = limits or Limits()
    sniff(data, limits=caps)
    command = [sys.executable, "-m", "siting.assets.dem", json.dumps(dataclasses.asdict(caps))]
    try:
        done = subprocess.run(  # noqa: S603 - our own module, no shell
            command, input=data, capture_output=True, timeout=caps.max_seconds, env=dict(ENVIRONMENT), check=False
        )
    except subprocess.TimeoutExpired as error:
        raise BadInput("assets.gate.time", seconds=caps.max_seconds) from error
    if done.returncode != 0:
        lines = done.stderr.decode("utf-8", "backslashreplace").strip().splitlines()
        why = lines[-1][:200] if lines else f"signal {-done.returncode}"
        raise BadInput("assets.gate.died", kind="GeoTIFF", reason=why)
    answer = json.loads(done.stdout)
    if "error" in answer:
        raise BadInput(answer["error"], **answer["values"])
    return Elevations(**answer)


def sniff(data: bytes, *, limits: Limits) -> None:
    """Refuse what is empty, too large, or no TIFF by content; the name says nothing.

    Raises
    ------
    BadInput
        With what is wrong.
    """
    if not data:
        raise BadInput("assets.gate.empty")
    if len(data) > limits.max_bytes:
        raise BadInput("assets.gate.size", found_mb=round(len(data) / 2**20, 1), max_mb=limits.max_bytes // 2**20)
    if not data.startswith(MAGIC):
        raise BadInput("terrain.kind", head=data[:8].hex())


def parse(data: bytes) -> Elevations:
    """Read every cell of a raster once.

    Raises
    ------
    BadInput
        If it is broken, has several bands, no CRS, other units than metres, or heights that no land has.
    """
    try:
        with rasterio.Env(GDAL_PAM_ENABLED="NO"), MemoryFile(data) as memory, memory.open(driver="GTiff") as file:
            _require_heights(file)
            lowest, highest, known = _range(file)
            size = file.height * file.width
            return Elevations(
                rows=file.height,
                cols=file.width,
                wkt=file.crs.to_wkt(),
                crs=file.crs.to_string()[:80],
                step_x=abs(file.transform.a) or abs(file.transform.b),
                step_y=abs(file.transform.e) or abs(file.transform.d),
                lowest_m=lowest,
                highest_m=highest,
                missing=1.0 - known / size,
            )
    except RasterioError as error:
        raise BadInput("assets.gate.broken", kind="GeoTIFF", reason=str(error)[:200]) from error


def _require_heights(file: DatasetReader) -> None:
    if file.count != 1:
        raise BadInput("terrain.bands", value=file.count)
    if file.height * file.width > MOST_CELLS:
        raise BadInput("terrain.cells", value=file.height * file.width, limit=MOST_CELLS)
    if file.crs is None or not file.crs.to_wkt() or file.transform.is_identity:
        raise BadInput("terrain.crs", value="-")
    if str(file.units[0] or "").strip().lower() not in METRES:
        raise BadInput("terrain.unit", value=str(file.units[0]))
    if np.dtype(file.dtypes[0]).kind not in "iuf":
        raise BadInput("terrain.numbers", value=file.dtypes[0])


def _range(file: DatasetReader) -> tuple[float, float, int]:
    """Lowest and highest height [m] and the number of cells with one."""
    lowest, highest, known = math.inf, -math.inf, 0
    for _, window in file.block_windows(1):
        cells = file.read(1, window=window, masked=True)
        values = np.asarray(cells.compressed(), np.float64)
        values = values[~np.isnan(values)] * file.scales[0] + file.offsets[0]
        if values.size:
            lowest, highest = min(lowest, float(values.min())), max(highest, float(values.max()))
            known += values.size
    if not known:
        raise BadInput("terrain.nothing")
    if lowest < LOWEST_M or highest > HIGHEST_M:
        raise BadInput("terrain.range", lowest=lowest, highest=highest, low=LOWEST_M, high=HIGHEST_M)
    return lowest, highest, known


def main(caps: Mapping[str, Any]) -> bytes:
    """Answer for one file: what it says, or the key and values of what is wrong."""
    confine(Limits(**caps))
    try:
        return json.dumps(dataclasses.asdict(parse(sys.stdin.buffer.read()))).encode()
    except BadInput as error:
        return json.dumps({"error": error.key, "values": error.values}, default=str).encode()
    except MemoryError:
        return json.dumps({"error": "assets.gate.memory", "values": {}}).encode()


if __name__ == "__main__":
    sys.stdout.buffer.write(main(json.loads(sys.argv[1])))
