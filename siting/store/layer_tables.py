"""One table per layer, made from its column table; a new column is added by itself, none is dropped.

Beside the layer's own columns each row carries its place (WKB and bounding box), its
provenance, and the hash of its content.  On SQLite an R*Tree answers bounding boxes.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    inspect,
    text,
)
from sqlalchemy.schema import CreateColumn

from siting.assets import schema

BOX = ("west", "south", "east", "north")
PROVENANCE = (
    "source_name",
    "source_sha256",
    "source_sheet",
    "source_row",
    "import_id",
    "imported_by",
    "imported_at",
    "list_version",
    "datum_declared",
    "transform",
    "row_hash",
)
_TYPES: dict[str, Any] = {"int": Integer, "float": Float, "bool": Boolean}
METADATA = MetaData()


@cache
def table(layer: str) -> Table:
    """The layer's table.

    Raises
    ------
    BadInput
        If there is no such layer.
    """
    names = [c for c in schema.columns(layer) if c.type != "geometry"]
    return Table(
        f"layer_{layer}",
        METADATA,
        Column("rid", Integer, primary_key=True),
        *(Column(c.name, _TYPES.get(c.type, Text), unique=c.name == key(layer)) for c in names),
        *(Column(name, Text) for name in PROVENANCE),
        Column("geom", LargeBinary),
        *(Column(name, Float) for name in BOX),
    )


def key(layer: str) -> str:
    """Name of the layer's key column."""
    return next(c.name for c in schema.columns(layer) if c.key == "key")


def ensure(engine: Engine) -> None:
    """Create the layers' tables and add columns that the column tables have gained."""
    with engine.connect().execution_options(siting_write=False) as connection:
        missing = _missing(connection)
    if not missing:
        return
    with engine.connect().execution_options(siting_write=True) as connection, connection.begin():
        for layer, columns in _missing(connection).items():
            if columns is None:
                _create(connection, layer)
            else:
                _extend(connection, layer, columns)


def _missing(connection: Connection) -> dict[str, list[str] | None]:
    """Layers without a table (None) or with columns to add."""
    inspector = inspect(connection)
    present = set(inspector.get_table_names())
    missing: dict[str, list[str] | None] = {}
    for layer in schema.LAYERS:
        wanted = table(layer)
        if wanted.name not in present:
            missing[layer] = None
            continue
        have = {c["name"] for c in inspector.get_columns(wanted.name)}
        lacking = [c.name for c in wanted.columns if c.name not in have]
        if lacking:
            missing[layer] = lacking
    return missing


def _create(connection: Connection, layer: str) -> None:
    made = table(layer)
    made.create(connection)
    if connection.dialect.name != "sqlite":
        return
    name = made.name
    insert_box = (
        f"INSERT INTO {name}_box SELECT new.rid, new.west, new.east, new.south, new.north WHERE new.west IS NOT NULL"
    )
    drop_box = f"DELETE FROM {name}_box WHERE rid = old.rid"
    for statement in (
        f"CREATE VIRTUAL TABLE {name}_box USING rtree(rid, west, east, south, north)",
        f"CREATE TRIGGER {name}_box_insert AFTER INSERT ON {name} BEGIN {insert_box}; END",
        f"CREATE TRIGGER {name}_box_update AFTER UPDATE ON {name} BEGIN {drop_box}; {insert_box}; END",
        f"CREATE TRIGGER {name}_box_delete AFTER DELETE ON {name} BEGIN {drop_box}; END",
    ):
        connection.execute(text(statement))


def _extend(connection: Connection, layer: str, columns: list[str]) -> None:
    made = table(layer)
    for name in columns:
        ddl = CreateColumn(made.c[name]).compile(dialect=connection.dialect)
        connection.execute(text(f"ALTER TABLE {made.name} ADD COLUMN {ddl}"))
