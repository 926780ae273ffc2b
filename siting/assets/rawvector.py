"""GeoJSON and GeoPackage without a general driver, zipped Shapefile through exactly one."""

import codecs
import json
import os
import sqlite3
import struct
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from siting.assets.archive import unpack
from siting.assets.raw import Limits, Raw, as_cell
from siting.assets.rawtext import decode
from siting.errors import BadInput
from siting.findings import Finding

_GEOJSON_TYPES = frozenset({"FeatureCollection", "Feature"})
_ENVELOPE_BYTES = (0, 32, 48, 48, 64)
# Row numbers of the container: another export of the same rows numbers them differently.
_ROW_NUMBERS = frozenset({"fid", "ogc_fid"})
_SHAPE_MAGIC = 9994
_SHP_HEADER = 100
_PARTS = frozenset({".shp", ".shx", ".dbf", ".cpg", ".prj"})
_CODE_PAGES = {"936": "gb18030", "gbk": "gb18030", "gb2312": "gb18030", "cp936": "gb18030", "65001": "utf-8"}


def parse_geojson(data: bytes, *, limits: Limits) -> Raw:
    """A GeoJSON file; one broken shape costs one row, not the file.

    Raises
    ------
    BadInput
        If it is another kind of JSON, or names a CRS by a link that would have to be fetched.
    """
    text, encoding = decode(data)
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadInput("assets.gate.json", line=error.lineno, reason=error.msg) from error
    except RecursionError as error:
        raise BadInput("assets.gate.nesting") from error
    features = _features(content, limits)
    names = list(dict.fromkeys(name for f in features for name in _properties(f)))
    if len(names) > limits.max_columns:
        raise BadInput(
            "assets.gate.extent",
            rows=len(features),
            columns=len(names),
            max_rows=limits.max_rows,
            max_columns=limits.max_columns,
        )
    rows = [[as_cell(_properties(f).get(name)) for name in names] for f in features]
    findings: list[Finding] = []
    shapes = [_geojson_text(f.get("geometry"), row, findings) for row, f in enumerate(features, 1)]
    geometry = shapely.from_geojson(np.array(shapes, dtype=object), on_invalid="ignore")
    return Raw(
        kind="geojson",
        rows=rows,
        numbers=list(range(1, len(rows) + 1)),
        headings=tuple(names),
        wkb=_wkb(geometry),
        encoding=encoding,
        stated_crs=_stated(content.get("crs")),
        findings=tuple(findings),
    )


def _features(content: Any, limits: Limits) -> list[dict[str, Any]]:
    kind = str(content.get("type") if isinstance(content, dict) else type(content).__name__)
    if kind not in _GEOJSON_TYPES:
        raise BadInput("assets.gate.json_type", type=kind[:80])
    features = content.get("features") if kind == "FeatureCollection" else [content]
    if not isinstance(features, list) or not all(isinstance(f, dict) for f in features):
        raise BadInput("assets.gate.json_type", type=f"{kind}.features")
    if len(features) > limits.max_rows:
        raise BadInput(
            "assets.gate.extent",
            rows=len(features),
            columns=0,
            max_rows=limits.max_rows,
            max_columns=limits.max_columns,
        )
    _stated(content.get("crs"))
    return features


def _properties(feature: dict[str, Any]) -> dict[str, Any]:
    found = feature.get("properties")
    return found if isinstance(found, dict) else {}


def _stated(crs: Any) -> str:
    if crs is None:
        return ""
    kind = crs.get("type") if isinstance(crs, dict) else None
    inner = crs.get("properties") if isinstance(crs, dict) else None
    if str(kind) not in {"name", "EPSG"} or not isinstance(inner, dict) or "href" in inner:
        raise BadInput("assets.gate.crs_link", crs=json.dumps(crs, ensure_ascii=False)[:200])
    return str(inner.get("name", inner.get("code", "")))


def _geojson_text(geometry: Any, row: int, findings: list[Finding]) -> str | None:
    if not isinstance(geometry, dict):
        return None
    closed = dict(geometry)
    rings = geometry.get("coordinates")
    if geometry.get("type") == "Polygon" and isinstance(rings, list):
        closed["coordinates"] = [_closed(ring) for ring in rings]
    if geometry.get("type") == "MultiPolygon" and isinstance(rings, list):
        closed["coordinates"] = [[_closed(r) for r in part] if isinstance(part, list) else part for part in rings]
    if closed.get("coordinates") != rings:
        findings.append(
            Finding(code="GEOM_REPAIRED", severity="warning", row=row, column="geometry", values={"what": "closed"})
        )
    return json.dumps(closed)


def _closed(ring: Any) -> Any:
    return [*ring, ring[0]] if isinstance(ring, list) and len(ring) > 2 and ring[0] != ring[-1] else ring  # noqa: PLR2004 - a triangle


def _wkb(geometry: Any) -> list[bytes | None]:
    return [None if g is None else bytes(shapely.to_wkb(shapely.force_2d(g))) for g in geometry]


def parse_gpkg(data: bytes, *, sheet: str | None, limits: Limits) -> Raw:
    """A layer of a GeoPackage, read as plain SQL rows; views and virtual tables are refused.

    Raises
    ------
    BadInput
        If it is no GeoPackage, the layer is not a plain table, or it is too large.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "in.gpkg"
        path.write_bytes(data)
        connection = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
        try:
            return _gpkg(connection, sheet, limits)
        except sqlite3.Error as error:
            raise BadInput("assets.gate.broken", kind="gpkg", reason=str(error)) from error
        finally:
            connection.close()


def _gpkg(connection: sqlite3.Connection, sheet: str | None, limits: Limits) -> Raw:
    until = time.monotonic() + limits.max_seconds / 4
    connection.set_progress_handler(lambda: int(time.monotonic() > until), 100_000)
    connection.execute("PRAGMA trusted_schema=OFF")
    layers = [
        r[0] for r in connection.execute("SELECT table_name FROM gpkg_contents WHERE data_type='features' ORDER BY 1")
    ]
    chosen = sheet or next(iter(layers), "")
    if chosen not in layers:
        raise BadInput("assets.gate.no_sheet", sheet=chosen, known=", ".join(layers))
    column, srs = _gpkg_geometry(connection, chosen)
    names, records = _gpkg_records(connection, chosen, limits)
    at = names.index(column)
    keep = [i for i, name in enumerate(names) if i != at and name.lower() not in _ROW_NUMBERS]
    blobs = np.array([_gpkg_wkb(r[at]) for r in records], dtype=object)
    return Raw(
        kind="gpkg",
        rows=[[as_cell(r[i].hex() if isinstance(r[i], bytes) else r[i]) for i in keep] for r in records],
        numbers=list(range(1, len(records) + 1)),
        headings=tuple(names[i] for i in keep),
        wkb=_wkb(shapely.from_wkb(blobs, on_invalid="ignore")),
        sheet=chosen,
        sheets=tuple(layers),
        stated_crs=f"EPSG:{srs}",
    )


def _gpkg_geometry(connection: sqlite3.Connection, layer: str) -> tuple[str, int]:
    """Geometry column and reference system of a layer that is a plain table."""
    made = connection.execute("SELECT type, sql FROM sqlite_master WHERE name=?", (layer,)).fetchone()
    if made is None or made[0] != "table" or str(made[1]).upper().startswith("CREATE VIRTUAL"):
        raise BadInput("assets.gate.no_table_layer", sheet=layer, type=made[0] if made else "")
    query = "SELECT column_name, srs_id FROM gpkg_geometry_columns WHERE table_name=?"
    found = connection.execute(query, (layer,)).fetchone()
    if found is None:
        raise BadInput("assets.gate.no_table_layer", sheet=layer, type="attributes")
    return str(found[0]), int(found[1])


def _gpkg_records(
    connection: sqlite3.Connection, layer: str, limits: Limits
) -> tuple[list[str], list[tuple[Any, ...]]]:
    quoted = '"' + layer.replace('"', '""') + '"'
    cursor = connection.execute(f"SELECT * FROM {quoted} LIMIT {limits.max_rows + 1}")
    names = [d[0] for d in cursor.description]
    records = cursor.fetchall()
    if len(records) > limits.max_rows or len(names) > limits.max_columns:
        raise BadInput(
            "assets.gate.extent",
            rows=len(records),
            columns=len(names),
            max_rows=limits.max_rows,
            max_columns=limits.max_columns,
        )
    return names, records


def _gpkg_wkb(blob: object) -> bytes | None:
    if not isinstance(blob, bytes) or len(blob) < 8 or blob[:2] != b"GP":  # noqa: PLR2004 - header of GeoPackage 1.3, 2.1.3
        return None
    envelope = (blob[3] >> 1) & 7
    return blob[8 + _ENVELOPE_BYTES[envelope] :] if envelope < len(_ENVELOPE_BYTES) else None


def parse_shapefile(data: bytes, *, sheet: str | None, limits: Limits) -> Raw:
    """A Shapefile in a zip; a cut-off file is refused instead of read as rows without place.

    Raises
    ------
    BadInput
        If a part is missing or cut off, or the encoding of the texts is unknown.
    """
    members = unpack(data, wanted=lambda name: name[-4:].lower() in _PARTS, limits=limits)
    stems = sorted(name[:-4] for name in members if name.lower().endswith(".shp"))
    chosen = next((s for s in stems if Path(s).name == sheet), "") if sheet else stems[0]
    if not chosen:
        raise BadInput("assets.gate.no_sheet", sheet=sheet, known=", ".join(Path(s).name for s in stems))
    parts = {name[-4:].lower(): content for name, content in members.items() if name[:-4] == chosen}
    _whole(parts)
    with tempfile.TemporaryDirectory() as folder:
        for ending in (".shp", ".shx", ".dbf"):
            (Path(folder) / f"in{ending}").write_bytes(parts[ending])
        return _shapefile(Path(folder) / "in.shp", parts, Path(chosen).name, tuple(Path(s).name for s in stems), limits)


def _whole(parts: dict[str, bytes]) -> None:
    missing = [ending for ending in (".shp", ".shx", ".dbf") if len(parts.get(ending, b"")) < 32]  # noqa: PLR2004 - shortest header
    if missing:
        raise BadInput("assets.gate.parts", missing=", ".join(missing))
    for ending in (".shp", ".shx"):
        magic, words = struct.unpack_from(">i20xi", parts[ending])
        if magic != _SHAPE_MAGIC or words * 2 != len(parts[ending]):
            raise BadInput("assets.gate.truncated", part=ending, expected=words * 2, found=len(parts[ending]))
    count, header, width = struct.unpack_from("<IHH", parts[".dbf"], 4)
    if len(parts[".dbf"]) < header + count * width:
        raise BadInput("assets.gate.truncated", part=".dbf", expected=header + count * width, found=len(parts[".dbf"]))
    shapes = (len(parts[".shx"]) - _SHP_HEADER) // 8
    if shapes != count:
        raise BadInput("assets.gate.truncated", part=".dbf", expected=shapes, found=count)


def _shapefile(path: Path, parts: dict[str, bytes], sheet: str, sheets: tuple[str, ...], limits: Limits) -> Raw:
    os.environ["GDAL_SKIP"] = "VRT,GDALG,WFS,OAPIF,HTTP,CSW,PLScenes,AmigoCloud,Carto,Elastic,NGW"
    from pyogrio import errors, raw  # noqa: PLC0415 - the list of drivers is fixed when the library loads

    try:
        meta, _, wkb, fields = raw.read(str(path), encoding="ISO-8859-1", max_features=limits.max_rows + 1)
    except (
        errors.DataSourceError,
        errors.DataLayerError,
        errors.FeatureError,
        errors.GeometryError,
        errors.FieldError,
    ) as error:
        raise BadInput("assets.gate.broken", kind="shapefile", reason=str(error)[:200]) from error
    if len(wkb) > limits.max_rows:
        raise BadInput(
            "assets.gate.extent",
            rows=len(wkb),
            columns=len(fields),
            max_rows=limits.max_rows,
            max_columns=limits.max_columns,
        )
    encoding = _dbf_encoding(parts)
    columns = [[_dbf_cell(v, encoding) for v in field.tolist()] for field in fields]
    rows = [list(row) for row in zip(*columns, strict=True)] if columns else [[] for _ in wkb]
    geometry = shapely.from_wkb(np.asarray(wkb, dtype=object), on_invalid="ignore")
    return Raw(
        kind="shapefile",
        rows=rows,
        numbers=list(range(1, len(wkb) + 1)),
        headings=tuple(str(_dbf_cell(str(n), encoding)) for n in meta["fields"]),
        wkb=_wkb(geometry),
        sheet=sheet,
        sheets=sheets,
        encoding=encoding,
        stated_crs=parts.get(".prj", b"").decode("utf-8", "backslashreplace")[:200],
    )


def _dbf_encoding(parts: dict[str, bytes]) -> str:
    stated = parts.get(".cpg", b"").decode("ascii", "ignore").strip().lower()
    if stated:
        try:
            return codecs.lookup(_CODE_PAGES.get(stated, stated)).name
        except LookupError as error:
            raise BadInput("assets.gate.code_page", encoding=stated) from error
    count, header, width = struct.unpack_from("<IHH", parts[".dbf"], 4)
    return decode(parts[".dbf"][32:header] + parts[".dbf"][header : header + count * width])[1]


def _dbf_cell(value: object, encoding: str) -> str | None:
    if not isinstance(value, str):
        return as_cell(value.item() if hasattr(value, "item") else value)
    try:
        return value.encode("latin-1").decode(encoding)
    except UnicodeDecodeError as error:
        raise BadInput(
            "assets.gate.encoding",
            byte=value.encode("latin-1")[error.start : error.start + 1].hex(),
            line=0,
            offset=error.start,
        ) from error
