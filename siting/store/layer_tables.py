"""One table per layer, made from its column table; a new column is added by itself, none is dropped.

Beside the layer's own columns each row carries its place (WKB and bounding box), its
provenance, and the hash of its content.  Bounding boxes are answered on SQLite by an R*Tree, on PostGIS by a
geometry column made from the place, on PostgreSQL without it by an index on the box.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Engine,
    Float,
    Identity,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    func,
    inspect,
    literal_column,
    select,
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
# Text has one order everywhere, that of its code points; whole numbers have 64 bits everywhere.
_TEXT = Text().with_variant(Text(collation="C"), "postgresql")
_WHOLE = Integer().with_variant(BigInteger(), "postgresql")
_TYPES: dict[str, Any] = {"int": _WHOLE, "float": Float, "bool": Boolean}
# An engine that knows it finds a geometry column of this name in every layer.
SHAPES, SHAPE = "siting_shapes", "shape"
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
        Column("rid", _WHOLE, Identity(), primary_key=True),
        *(Column(c.name, _TYPES.get(c.type, _TEXT), unique=c.name == key(layer)) for c in names),
        *(Column(name, _TEXT) for name in PROVENANCE),
        Column("geom", LargeBinary),
        *(Column(name, Float) for name in BOX),
    )


def key(layer: str) -> str:
    """Name of the layer's key column."""
    return next(c.name for c in schema.columns(layer) if c.key == "key")


def ensure(engine: Engine) -> None:
    """Create the layers' tables and add columns that the column tables have gained."""
    with engine.connect().execution_options(siting_write=False) as connection:
        shapes = _has_postgis(connection)
        complete = not _missing(connection) and not (shapes and _shapeless(connection))
    engine.update_execution_options(**{SHAPES: shapes})
    if complete:
        return
    with engine.connect().execution_options(siting_write=True) as connection, connection.begin():
        for layer, columns in _missing(connection).items():
            if columns is None:
                _create(connection, layer)
            else:
                _extend(connection, layer, columns)
        for name in _shapeless(connection) if shapes else ():
            _shape(connection, name)


def meets(made: Table, bounds: tuple[float, float, float, float]) -> ColumnElement[bool]:
    """Which rows of a layer with shapes may meet a box, by the index; the index rounds, the box columns do not."""
    shape: ColumnElement[Any] = literal_column(f"{made.name}.{SHAPE}")
    return shape.bool_op("&&")(func.ST_MakeEnvelope(*bounds))


def _has_postgis(connection: Connection) -> bool:
    if connection.dialect.name != "postgresql":
        return False
    return connection.execute(text("SELECT 1 FROM pg_extension WHERE extname = 'postgis'")).first() is not None


def _shapeless(connection: Connection) -> list[str]:
    """Tables of layers without a geometry column: those from before PostGIS came."""
    tables = [table(layer) for layer in schema.LAYERS]
    return [made.name for made in tables if SHAPE not in _columns(connection, made)]


def _columns(connection: Connection, made: Table) -> set[str]:
    """Columns that the table really has."""
    return set(connection.execute(select(literal_column("*")).select_from(made).limit(0)).keys())


def _shape(connection: Connection, name: str) -> None:
    shape = f"{SHAPE} geometry GENERATED ALWAYS AS (ST_GeomFromWKB(geom)) STORED"
    connection.execute(text(f"ALTER TABLE {name} ADD COLUMN {shape}"))
    connection.execute(text(f"CREATE INDEX {name}_{SHAPE} ON {name} USING gist ({SHAPE})"))


def _missing(connection: Connection) -> dict[str, list[str] | None]:
    """Layers without a table (None) or with columns to add."""
    present = set(inspect(connection).get_table_names())
    missing: dict[str, list[str] | None] = {}
    for layer in schema.LAYERS:
        wanted = table(layer)
        if wanted.name not in present:
            missing[layer] = None
            continue
        have = _columns(connection, wanted)
        lacking = [c.name for c in wanted.columns if c.name not in have]
        if lacking:
            missing[layer] = lacking
    return missing


def _create(connection: Connection, layer: str) -> None:
    made = table(layer)
    made.create(connection)
    name = made.name
    if connection.dialect.name != "sqlite":
        connection.execute(text(f"CREATE INDEX {name}_box ON {name} ({', '.join(BOX)})"))
        return
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
