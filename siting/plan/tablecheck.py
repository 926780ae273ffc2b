"""Whether rows that a district writes into the planning tables can be planned with; everything wrong is said at once."""

from __future__ import annotations

import csv
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType

from siting.assets import schema
from siting.findings import Finding, Findings
from siting.plan.tables import DATA
from siting.radio import tablecells
from siting.radio.tablecells import YES, Cells, Column, found

COLUMNS = Path(__file__).with_name("columns.csv")
#: Table -> file that holds its shipped rows.
FILES: Mapping[str, str] = MappingProxyType(
    {"costs": "cost", "configurations": "configurations", "sharing": "sharing", "fibre": "fibre"}
)
TABLES = tuple(FILES)
#: Columns that name a row; its name is made of them, joined by dots.
KEYS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "costs": ("host_class", "equipment"),
        "configurations": ("class", "configuration"),
        "sharing": ("parties",),
        "fibre": ("route",),
    }
)
CLASSES = ("host_class", "class")
UNVERIFIED = "unverified"
# Less than this much more than the whole is rounding.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Beside:
    """What the rows of a table are held against.

    Parameters
    ----------
    before : mapping
        Rows as they stood, by name.
    others : sequence of mapping
        Rows of the table that stay as they are.
    equipment : collection of str
        Radio units of the district.
    costs, configurations : sequence of mapping
        The other tables as they count.
    """

    before: Mapping[str, Cells]
    others: Sequence[Cells]
    equipment: Collection[str]
    costs: Sequence[Cells]
    configurations: Sequence[Cells]


@cache
def columns(table: str) -> tuple[Column, ...]:
    """Columns of one of `TABLES`, in the order in which they are shown; classes are those of the data standard."""
    classes = tuple(term.code for term in schema.vocabulary("asset_class"))
    return tuple(
        replace(column, choices=classes) if column.name in CLASSES else column
        for column in tablecells.read_columns(COLUMNS, table)
    )


def tidy(table: str, cells: Cells) -> dict[str, str]:
    """Cells of a row in one spelling; what names a row is read from its name where it is not given."""
    parts = str(cells.get("name") or "").split(".", len(KEYS[table]) - 1)
    told = dict(zip(KEYS[table], parts, strict=False))
    return tablecells.tidied(columns(table), {**told, **{n: c for n, c in cells.items() if c or n not in told}})


@cache
def shipped(table: str) -> Mapping[str, Mapping[str, str]]:
    """Rows as the program brings them, by name."""
    with (DATA / f"{FILES[table]}.csv").open(encoding="utf-8", newline="") as file:
        rows = [{"active": YES, **row} for row in csv.DictReader(file)]
    named = {".".join(row[key] for key in KEYS[table]): row for row in rows}
    return MappingProxyType({name: tidy(table, {**row, "name": name}) for name, row in named.items()})


def check(table: str, rows: Sequence[Cells], *, beside: Beside) -> Findings:
    """What is wrong with new or changed rows of a table.

    Parameters
    ----------
    table : str
        One of `TABLES`.
    rows : sequence of mapping
        The rows in text cells, as `tidy` gives them.
    beside : Beside
        What they are held against.

    Returns
    -------
    Findings
        ``sheet`` is the row's name, ``column`` the column's code; nothing may be stored while one is an error.
    """
    told: list[Finding] = []
    for row in rows:
        own = [*tablecells.wrong(columns(table), row), *_named(table, row), *_marked(row, beside)]
        told += own or _WHOLE[table](row, beside)
    return Findings((*told, *_twice(table, rows, beside)))


def _named(table: str, row: Cells) -> list[Finding]:
    """The name says what the row is about."""
    wanted = ".".join(row[key] for key in KEYS[table])
    return (
        [] if wanted == row["name"] else [found("plan_row_name", row, "name", row["name"], values={"wanted": wanted})]
    )


def _marked(row: Cells, beside: Beside) -> list[Finding]:
    """A figure counts as confirmed only by a source of its own."""
    before = beside.before.get(row["name"], {})
    confirmed = row["mark"] != UNVERIFIED and before.get("mark", UNVERIFIED) == UNVERIFIED
    same = row["source"] and row["source"] == before.get("source")
    return [found("plan_source_same", row, "source", row["source"][:40])] if confirmed and same else []


def _twice(table: str, rows: Sequence[Cells], beside: Beside) -> list[Finding]:
    """Two rows about the same thing."""
    keys = [tuple(row[key] for key in KEYS[table]) for row in (*rows, *beside.others)]
    return [
        found("plan_row_twice", row, KEYS[table][0], ".".join(key))
        for row, key in zip(rows, keys, strict=False)
        if keys.count(key) > 1
    ]


def _cost(row: Cells, beside: Beside) -> list[Finding]:
    return _unit(row, beside)


def _unit(row: Cells, beside: Beside) -> list[Finding]:
    if row["equipment"] in beside.equipment:
        return []
    return [
        found("plan_unit_unknown", row, "equipment", row["equipment"], values={"known": ", ".join(beside.equipment)})
    ]


def _configuration(row: Cells, beside: Beside) -> list[Finding]:
    """As many tilts as azimuths, a height where there is none to go by, a price, and no class left without reason."""
    told = _unit(row, beside)
    azimuths, tilts = row["azimuths"].split(), row["tilts"].split()
    if len(azimuths) != len(tilts):
        told.append(found("plan_sectors_differ", row, "tilts", row["tilts"], values={"n": len(azimuths)}))
    if len({float(azimuth) for azimuth in azimuths}) < len(azimuths):
        told.append(found("plan_azimuth_twice", row, "azimuths", row["azimuths"]))
    if row["height_from"] == "new" and not row["default_height_m"]:
        told.append(found("plan_height_missing", row, "default_height_m"))
    priced = any((c["host_class"], c["equipment"]) == (row["class"], row["equipment"]) for c in beside.costs)
    if not priced and row["active"] == YES:
        wanted = f"{row['class']}.{row['equipment']}"
        told.append(found("plan_cost_missing", row, "equipment", row["equipment"], values={"wanted": wanted}))
    return told


def _share(row: Cells, beside: Beside) -> list[Finding]:
    """One alone pays all; the more there are, the less each pays, and never less than its part of the whole."""
    shares = {int(r["parties"]): float(r["own_share"]) for r in (*beside.others, row)}
    parties, share = int(row["parties"]), float(row["own_share"])
    told = []
    if parties == 1 and share != 1.0:
        told.append(found("plan_share_alone", row, "own_share", row["own_share"]))
    if share * parties < 1.0 - ROUNDING:
        least = f"{1 / parties:.4g}"
        told.append(
            found("plan_share_short", row, "own_share", row["own_share"], values={"n": parties, "least": least})
        )
    if any((n < parties and s < share) or (n > parties and s > share) for n, s in shares.items()):
        told.append(found("plan_share_rising", row, "own_share", row["own_share"], severity="warning"))
    return told


def _route(_row: Cells, _beside: Beside) -> list[Finding]:
    return []


_WHOLE = {"costs": _cost, "configurations": _configuration, "sharing": _share, "fibre": _route}
