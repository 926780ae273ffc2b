"""Read and write the layers of a district as frames in its metric CRS."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    bindparam,
    column,
    delete,
    func,
    insert,
    select,
    table,
    true,
    update,
)

from siting.access import Actor, masked
from siting.assets import schema
from siting.errors import Conflict, NotAllowed
from siting.store import layer_tables
from siting.store import rows as visible
from siting.store.database import Database
from siting.store.layer_tables import BOX, PROVENANCE
from siting.store.tables import LAYER_REVISION

Bounds = tuple[float, float, float, float]
_CASTS: Mapping[str, Any] = MappingProxyType({"int": int, "float": float, "bool": bool})


def read(
    db: Database,
    layer: str,
    *,
    bounds: Bounds | None = None,
    columns: Sequence[str] | None = None,
    provenance: bool = False,
    viewer: Actor | None = None,
) -> gpd.GeoDataFrame:
    """A layer as a frame in the project CRS, ordered by key.

    Parameters
    ----------
    db : Database
        The store.
    layer : str
        One of `siting.assets.schema.LAYERS`.
    bounds : tuple of float, optional
        Only rows whose bounding box meets (west, south, east, north) [m].
    columns : sequence of str, optional
        Only these columns (the key and the geometry always come along).
    provenance : bool
        Whether to add the provenance columns.
    viewer : Actor, optional
        Whose rows; without one all rows, for computations whose outcome nobody reads row by row.

    Returns
    -------
    GeoDataFrame
        Typed columns; unknown is None or NaN; list columns hold lists of text, dates `date`.
    """
    made = layer_tables.table(layer)
    key = layer_tables.key(layer)
    names = [c.name for c in schema.columns(layer) if c.type != "geometry"]
    if columns is not None:
        names = [n for n in names if n in columns or n == key]
    names += list(PROVENANCE) if provenance else []
    shown = [made.c[n] if viewer is None else visible.shown(viewer, layer, made, n) for n in names]
    query = select(*shown, made.c.geom).order_by(made.c[key]).where(_seen(layer, viewer))
    with db.read() as connection:
        rows = connection.execute(_within(query, layer, bounds, connection)).all()
    return _frame(layer, names, rows, crs=db.settings.crs)


def count(db: Database, layer: str, *, viewer: Actor | None = None) -> int:
    """Number of rows of a layer that the viewer sees."""
    query = select(func.count()).select_from(layer_tables.table(layer)).where(_seen(layer, viewer))
    with db.read() as connection:
        return int(connection.execute(query).scalar_one())


def counts_by(db: Database, layer: str, *columns: str, viewer: Actor | None = None) -> pd.DataFrame:
    """Number of rows that the viewer sees by the values of some columns, column ``n``.

    Raises
    ------
    NotAllowed
        If the viewer reads one of the columns in some rows only: numbers would tell what the rows keep back.
    """
    hidden = set() if viewer is None else set(columns) & set(masked(viewer, layer))
    if hidden:
        raise NotAllowed("store.masked", layer=layer, columns=", ".join(sorted(hidden)))
    made = layer_tables.table(layer)
    keys = [made.c[name] for name in columns]
    query = select(*keys, func.count().label("n")).where(_seen(layer, viewer)).group_by(*keys)
    query = query.order_by(*(k.nulls_first() for k in keys))
    with db.read() as connection:
        rows = connection.execute(query).all()
    return pd.DataFrame([tuple(r) for r in rows], columns=[*columns, "n"])


def revision(db: Database, layer: str) -> int:
    """How often the layer has changed; 0 when it never was written."""
    with db.read() as connection:
        return _revision(connection, layer)


def seen_revision(db: Database, layer: str, *, viewer: Actor) -> int:
    """A number of what a viewer sees of a layer: equal as long as the visible rows are."""
    return state_of(read(db, layer, viewer=viewer))


def state_of(rows: gpd.GeoDataFrame) -> int:
    """A number of what rows say: equal for equal rows."""
    return int.from_bytes(hashlib.blake2b(rows.to_csv(index=False).encode(), digest_size=6).digest())


def upsert(
    connection: Connection,
    layer: str,
    frame: gpd.GeoDataFrame,
    *,
    provenance: Mapping[str, object],
    now: datetime,
    expected_revision: int | None = None,
) -> int:
    """Insert new rows and replace rows of the same key, inside the caller's transaction.

    Parameters
    ----------
    connection : Connection
        A write transaction (`Database.write`).
    layer : str
        One of `siting.assets.schema.LAYERS`.
    frame : GeoDataFrame
        Typed rows in the project CRS; provenance columns in the frame win over ``provenance``.
    provenance : mapping
        Values of the provenance columns for all rows.
    now : datetime
        Time of the change.
    expected_revision : int, optional
        The revision that the caller has seen.

    Returns
    -------
    int
        The layer's new revision.

    Raises
    ------
    Conflict
        If the layer changed since ``expected_revision``.
    """
    found = _revision(connection, layer)
    if expected_revision is not None and found != expected_revision:
        raise Conflict("store.layer_changed", layer=layer, seen=expected_revision, found=found)
    made, key = layer_tables.table(layer), layer_tables.key(layer)
    records = _records(layer, frame, provenance)
    known = set(connection.execute(select(made.c[key])).scalars())
    fresh = [r for r in records if r[key] not in known]
    changed = [r for r in records if r[key] in known]
    if fresh:
        connection.execute(insert(made), fresh)
    if changed:
        names = [n for n in changed[0] if n != key]
        statement = update(made).where(made.c[key] == bindparam("at_key")).values({n: bindparam(n) for n in names})
        connection.execute(statement, [{**{n: r[n] for n in names}, "at_key": r[key]} for r in changed])
    return _bump(connection, layer, found, now)


def remove(connection: Connection, layer: str, keys: Sequence[str], *, now: datetime) -> int:
    """Delete rows by key inside the caller's transaction; the layer's new revision."""
    made, key = layer_tables.table(layer), layer_tables.key(layer)
    connection.execute(delete(made).where(made.c[key] == bindparam("at_key")), [{"at_key": k} for k in keys])
    return _bump(connection, layer, _revision(connection, layer), now)


def changed(connection: Connection, layer: str, *, expected_revision: int, now: datetime) -> int:
    """Note, inside the caller's transaction, that what a layer says has changed without its rows; the new revision.

    Raises
    ------
    Conflict
        If it changed since ``expected_revision``.
    """
    found = _revision(connection, layer)
    if found != expected_revision:
        raise Conflict("store.layer_changed", layer=layer, seen=expected_revision, found=found)
    return _bump(connection, layer, found, now)


def _revision(connection: Connection, layer: str) -> int:
    found = connection.execute(select(LAYER_REVISION.c.revision).where(LAYER_REVISION.c.layer == layer)).scalar()
    return int(found or 0)


def _bump(connection: Connection, layer: str, found: int, now: datetime) -> int:
    values = {"revision": found + 1, "changed_at": now.isoformat(timespec="seconds")}
    if found:
        connection.execute(update(LAYER_REVISION).where(LAYER_REVISION.c.layer == layer).values(**values))
    else:
        connection.execute(insert(LAYER_REVISION).values(layer=layer, **values))
    return found + 1


def _seen(layer: str, viewer: Actor | None) -> ColumnElement[bool]:
    made, sites = layer_tables.table(layer), layer_tables.table("sites")
    return true() if viewer is None else visible.layer(viewer, layer, made, sites)


def _within(query: Select[Any], layer: str, bounds: Bounds | None, connection: Connection) -> Select[Any]:
    if bounds is None:
        return query
    west, south, east, north = bounds
    made = layer_tables.table(layer)
    source: Any = made.c
    if connection.dialect.name == "sqlite":
        box = table(f"{made.name}_box", *(column(n) for n in ("rid", *BOX)))
        query = query.where(made.c.rid == box.c.rid)
        source = box.c
    if connection.get_execution_options().get(layer_tables.SHAPES):
        query = query.where(layer_tables.meets(made, bounds))
    return query.where(source.west <= east, source.east >= west, source.south <= north, source.north >= south)


def _frame(layer: str, names: list[str], rows: Sequence[Any], *, crs: str) -> gpd.GeoDataFrame:
    kinds = {c.name: c.type for c in schema.columns(layer)}
    cells = list(zip(*rows, strict=True)) if rows else [()] * (len(names) + 1)
    data = {name: _column(kinds.get(name, "text"), values) for name, values in zip(names, cells, strict=False)}
    geometry = shapely.from_wkb(np.array(cells[-1], dtype=object))
    return gpd.GeoDataFrame(data, geometry=geometry, crs=crs)


def _column(kind: str, values: Sequence[Any]) -> Any:
    if kind in {"float", "int"}:
        numbers = pd.array(values, dtype="Float64").to_numpy(float, na_value=np.nan)
        whole = kind == "int" and not np.isnan(numbers).any()
        return numbers.astype(np.int64) if whole else numbers
    if kind.startswith("list"):
        return pd.Series([json.loads(v) if v else [] for v in values], dtype=object)
    if kind == "date":
        return pd.Series([date.fromisoformat(v) if v else None for v in values], dtype=object)
    if kind == "bool":
        return pd.Series([None if v is None else bool(v) for v in values], dtype=object)
    return pd.Series(list(values), dtype=object)


def _records(layer: str, frame: gpd.GeoDataFrame, provenance: Mapping[str, object]) -> list[dict[str, Any]]:
    kinds = {c.name: c.type for c in schema.columns(layer) if c.type != "geometry"}
    data: dict[str, list[Any]] = {}
    for name in (*kinds, *PROVENANCE):
        if name in frame.columns:
            data[name] = [_plain(v, kinds.get(name, "text")) for v in frame[name].array]
        else:
            data[name] = [_plain(provenance.get(name), "text")] * len(frame)
    shapes = frame.geometry.array
    data["geom"] = [None if g is None else bytes(g) for g in shapely.to_wkb(np.asarray(shapes, dtype=object))]
    boxes = shapely.bounds(np.asarray(shapes, dtype=object))
    for number, name in enumerate(BOX):
        data[name] = [None if np.isnan(v) else float(v) for v in boxes[:, number]]
    return [dict(zip(data, cells, strict=True)) for cells in zip(*data.values(), strict=True)]


def _plain(value: Any, kind: str) -> Any:
    """A cell as the database keeps it; unknown is NULL."""
    if isinstance(value, list | tuple | np.ndarray):
        return json.dumps(list(value), ensure_ascii=False) if len(value) else None
    if value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return None
    if kind in _CASTS:
        return _CASTS[kind](value)
    if isinstance(value, datetime | date):
        return value.isoformat()[:10] if kind == "date" else value.isoformat()
    return str(value)
