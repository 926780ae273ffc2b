"""Frames as GeoPackage and GeoJSON, with datum and meaning in the file."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import geopandas as gpd
import pandas as pd
import pyogrio

from siting.reports import qml
from siting.reports.workbook import plain

WGS84 = "WGS 84"
PLAIN: Mapping[str, str] = MappingProxyType({})


def geopackage(
    layers: Mapping[str, gpd.GeoDataFrame],
    *,
    about: Mapping[str, object],
    as_of: str,
    looks: Mapping[str, str] = PLAIN,
) -> bytes:
    """A GeoPackage with one table per layer, a table ``about`` and, for QGIS, a table ``layer_styles``.

    Parameters
    ----------
    layers : mapping of str to GeoDataFrame
        Frames in the project CRS, which is written in.
    about : mapping
        Label -> value: value, bound, gap, status, seed, hash, date…
    as_of : str
        ISO time that the file carries as its date; the same input then gives the same bytes.
    looks : mapping
        Layer -> its style as QML, see `siting.reports.qml`; default none.

    Returns
    -------
    bytes
        The file.
    """
    notes = pd.DataFrame([(k, str(plain(v))) for k, v in about.items()], columns=["name", "value"])
    with tempfile.TemporaryDirectory() as folder, _dated(as_of):
        path = Path(folder) / "out.gpkg"
        for name, frame in layers.items():
            _flat(frame).to_file(path, layer=name, driver="GPKG", engine="pyogrio", append=path.exists())
        pyogrio.write_dataframe(notes, path, layer="about", driver="GPKG", append=path.exists())
        if looks:
            table = qml.layer_styles(looks, as_of=_instant(as_of))
            pyogrio.write_dataframe(
                table, path, layer="layer_styles", driver="GPKG", append=True, layer_options={"FID": "id"}
            )
        return path.read_bytes()


class _dated:  # noqa: N801 - used as a statement
    """GDAL writes this date instead of the present one."""

    def __init__(self, as_of: str) -> None:
        self.as_of = _instant(as_of)

    def __enter__(self) -> None:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": self.as_of.strftime("%Y-%m-%dT%H:%M:%S.000Z")})

    def __exit__(self, *_: object) -> None:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})


def _instant(as_of: str) -> pd.Timestamp:
    """A time in UTC; one without a zone is taken as it stands."""
    at = pd.Timestamp(as_of)
    return at.tz_convert("UTC") if at.tz else at.tz_localize("UTC")


def geojson(lonlat: gpd.GeoDataFrame, *, about: Mapping[str, object], datum: str = "CGCS2000") -> bytes:
    """RFC 7946 GeoJSON of a frame in longitude, latitude.

    The foreign members ``datum`` and ``about`` say what it is.

    Parameters
    ----------
    lonlat : GeoDataFrame
        Longitude, latitude [deg].
    about : mapping
        As in `geopackage`.
    datum : str
        Name of the datum of the coordinates: ``WGS 84``, or ``CGCS2000``, which the format may pass off as WGS 84.
    """
    document = json.loads(_flat(lonlat).to_json(drop_id=True, na="null"))
    document.pop("crs", None)
    document["datum"] = datum if datum == WGS84 else f"{datum}, served as WGS 84, difference < 1 m"
    document["about"] = {k: plain(v) for k, v in about.items()}
    return json.dumps(document, ensure_ascii=False).encode()


def _flat(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Lists become text: neither format has them."""
    texts = {
        name: [plain(v) for v in frame[name]]
        for name in frame.columns
        if name != frame.geometry.name and frame[name].dtype == object
    }
    return frame.assign(**{name: pd.Series(values, index=frame.index, dtype=object) for name, values in texts.items()})
