"""The generator's parameters (tables beside this module) and its seeded draws."""

import tomllib
import uuid
import zlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd
import shapely

from siting.errors import BadInput

DATA = Path(__file__).parent / "data"
CRS = "EPSG:4548"
SNAP_M = 1 / 64  # coordinates are whole 64ths of a metre: exact in binary, small when compressed
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "siting.sample")
SIZES = ("full", "small")


@cache
def table(name: str) -> pd.DataFrame:
    """One parameter table; callers never change it."""
    frame = pd.read_csv(DATA / f"{name}.csv", dtype_backend="numpy_nullable", keep_default_na=False, na_values=[""])
    return frame.astype(dict.fromkeys(frame.select_dtypes("string").columns, object))


@cache
def targets(size: str) -> Mapping[str, float]:
    """What `make` aims at for one size.

    Raises
    ------
    BadInput
        If the size is not one of `SIZES`.
    """
    if size not in SIZES:
        raise BadInput("sample.size", value=size, allowed=", ".join(SIZES))
    return MappingProxyType(tomllib.loads((DATA / "targets.toml").read_text(encoding="utf-8"))[size])


def rng(seed: int, step: str) -> np.random.Generator:
    """Own stream of one step, so that a change in one step leaves the others as they were."""
    return np.random.default_rng([seed, zlib.crc32(step.encode())])


@cache
def mix(text: str) -> tuple[tuple[str | None, ...], np.ndarray]:
    """Values and probabilities of ``"a:3;b:1"``; a dash stands for unknown (None)."""
    pairs = [item.rsplit(":", 1) for item in str(text).split(";")]
    weights = np.array([float(weight) for _, weight in pairs])
    share = weights / weights.sum()
    share.setflags(write=False)
    return tuple(None if value == "-" else value for value, _ in pairs), share


def draw(generator: np.random.Generator, text: str, count: int) -> list[str | None]:
    """Independent draws from a mix."""
    values, share = mix(text)
    return [values[i] for i in generator.choice(len(values), count, p=share)]


def ids(seed: int, layer: str, count: int) -> list[str]:
    """Stable uuid of each row of a layer."""
    return [str(uuid.uuid5(_NAMESPACE, f"{seed}/{layer}/{i}")) for i in range(count)]


def source(seed: int) -> str:
    """What every generated row says about its origin."""
    return f"synthetic:siting.sample:{seed}"


def line(text: str) -> shapely.LineString:
    """A line from ``"e n;e n"`` [m]."""
    return shapely.LineString([tuple(map(float, pair.split())) for pair in text.split(";")])


def snap(geometry: np.ndarray) -> np.ndarray:
    """Round coordinates to the shipped precision without touching topology."""
    return shapely.transform(geometry, lambda xy: np.round(xy / SNAP_M) * SNAP_M)


def explode(geometries: list[shapely.Geometry]) -> np.ndarray:
    """Simple parts of geometries that may be collections; empties vanish."""
    parts = shapely.get_parts(shapely.get_parts(np.asarray(geometries, dtype=object)))
    return parts[~shapely.is_empty(parts)]


def polygons(geometries: list[shapely.Geometry], *, minimum_m2: float = 0.0) -> np.ndarray:
    """Only the polygons among the parts, above an area [m2]."""
    parts = explode(geometries)
    return parts[(shapely.get_type_id(parts) == shapely.GeometryType.POLYGON) & (shapely.area(parts) > minimum_m2)]


def lines(geometries: list[shapely.Geometry], *, minimum_m: float = 0.0) -> np.ndarray:
    """Only the lines among the parts, above a length [m]."""
    parts = explode(geometries)
    return parts[(shapely.get_type_id(parts) == shapely.GeometryType.LINESTRING) & (shapely.length(parts) > minimum_m)]


def largest_remainder(weight: np.ndarray, total: int) -> np.ndarray:
    """Whole numbers proportional to weights that sum exactly to a total (Hamilton's method)."""
    exact = weight / weight.sum() * total
    whole = np.floor(exact).astype(np.int64)
    order = np.argsort(-(exact - whole), kind="stable")
    whole[order[: total - whole.sum()]] += 1
    return whole
