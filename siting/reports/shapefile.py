"""Layers as zipped Shapefiles: names of at most 10 bytes, a code page file, and what was shortened said beside them."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyogrio

from siting.errors import BadInput
from siting.reports.delimited import delimited
from siting.reports.workbook import plain

ENCODING = "UTF-8"
NAME_BYTES, TEXT_BYTES = 10, 254


@dataclass(frozen=True)
class Part:
    """One layer of the archive.

    Parameters
    ----------
    frame : GeoDataFrame
        In the CRS that is written beside it.
    names : mapping
        Column -> name in the file, at most 10 bytes; other columns are left out.
    qml : str
        Style for QGIS, which refers to the names in the file; empty for none.
    """

    frame: gpd.GeoDataFrame
    names: Mapping[str, str]
    qml: str = ""


def archive(
    parts: Mapping[str, Part], *, about: Sequence[tuple[str, object]], titles: Mapping[str, str], as_of: str
) -> bytes:
    """A zip with one Shapefile per layer, ``about.csv`` and ``fields.csv``.

    Parameters
    ----------
    parts : mapping of str to Part
        Layers; one without features has no Shapefile and is named in ``about.csv``.
    about : sequence of (str, object)
        Label and value of what the files rest on.
    titles : mapping
        Heading of a column as people read it.
    as_of : str
        ISO time that all files carry; the same input then gives the same bytes.

    Returns
    -------
    bytes
        The archive.

    Raises
    ------
    BadInput
        If a name has more than 10 bytes or stands for two columns.
    """
    with tempfile.TemporaryDirectory() as folder:
        fields, empty = [], []
        for layer, part in parts.items():
            fields += _layer(Path(folder), layer, part, titles=titles, as_of=as_of)
            empty += [] if len(part.frame) else [(layer, 0)]
        lines = pd.DataFrame([*about, *empty], columns=["name", "value"])
        (Path(folder) / "about.csv").write_bytes(delimited(lines))
        columns = ["layer", "field", "column", "title", "cut"]
        (Path(folder) / "fields.csv").write_bytes(delimited(pd.DataFrame(fields, columns=columns)))
        return _zipped(Path(folder), as_of)


def _layer(
    folder: Path, layer: str, part: Part, *, titles: Mapping[str, str], as_of: str
) -> list[tuple[str, str, str, str, int]]:
    """Write one layer; a line per column: layer, name in the file, column, heading, texts that were cut."""
    kept = {column: name for column, name in part.names.items() if column in part.frame}
    _sound(kept)
    held = {column: _column(part.frame[column]) for column in kept}
    columns = {name: held[column][0] for column, name in kept.items()}
    frame = gpd.GeoDataFrame(columns, geometry=part.frame.geometry.array, crs=part.frame.crs)
    if len(frame):
        pyogrio.write_dataframe(
            frame,
            folder / f"{layer}.shp",
            driver="ESRI Shapefile",
            encoding=ENCODING,
            layer_options={"DBF_DATE_LAST_UPDATE": as_of[:10]},
        )
        if part.qml:
            (folder / f"{layer}.qml").write_text(part.qml, encoding="utf-8")
    return [(layer, name, column, titles.get(column, column), held[column][1]) for column, name in kept.items()]


def _column(cells: pd.Series) -> tuple[pd.Series, int]:
    """A column as the format holds it, and how many of its texts had to be cut; unknown stays empty."""
    if cells.dtype.kind in "fiu":
        return cells.reset_index(drop=True), 0
    whole = [plain(value) for value in cells]
    fit = [_fitting(value) for value in whole]
    return pd.Series(fit, dtype=object), sum(len(str(a)) < len(str(b)) for a, b in zip(fit, whole, strict=True))


def _sound(names: Mapping[str, str]) -> None:
    long = [name for name in names.values() if len(name.encode()) > NAME_BYTES]
    twice = [name for name in names.values() if list(names.values()).count(name) > 1]
    if long or twice:
        raise BadInput("shapefile.names", names=", ".join(dict.fromkeys([*long, *twice])), most=NAME_BYTES)


def _fitting(value: object) -> str | None:
    """A text of at most 254 bytes, cut between characters."""
    if value is None:
        return None
    return str(value).encode()[:TEXT_BYTES].decode(errors="ignore")


def _zipped(folder: Path, as_of: str) -> bytes:
    """All files of a folder by name, each with the same date."""
    buffer, day = io.BytesIO(), pd.Timestamp(as_of)
    stamp = (day.year, day.month, day.day, day.hour, day.minute, day.second)
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(folder.iterdir()):
            told = zipfile.ZipInfo(path.name, date_time=stamp)
            told.compress_type, told.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            file.writestr(told, path.read_bytes())
    return buffer.getvalue()
