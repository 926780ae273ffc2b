"""Every move that a problem point knows, and the vocabularies of its kind and cause: three tables, one engine."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from siting import words
from siting.ledger.state import ACTIVE, OPEN, STATES

DATA = Path(__file__).parent / "data"
#: Stands among the states a move may start from: there is no case yet.
NEW = "new"
#: Stands among the fields of a move: every field of the record that people enter.
RECORD = "@record"
_GROUPS = {"open": OPEN, "active": ACTIVE, "any": STATES}


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def split(cell: str) -> tuple[str, ...]:
    """Parts of a cell, separated by bars."""
    return tuple(cell.split("|")) if cell else ()


@dataclass(frozen=True, kw_only=True)
class Move:
    """One row of the table of moves.

    Parameters
    ----------
    name : str
        What commands call it.
    permissions : tuple of str
        Any of them allows it.
    lead : bool
        Whether only the lead unit may do it.
    from_states : tuple of str
        States in which it can be done; `NEW` for no case yet.
    to : tuple of str
        States it may lead to; ``=`` keeps the state, ``before`` returns to the one before.
    facts : tuple of str
        Kinds of the facts it adds.
    on : str
        Field with the day on which it happened; empty for the day of entry.
    required, any_of, optional : tuple of str
        Fields that must be given, of which at least one must be given, that may be given.
    record : mapping
        Given field -> field of the record that it sets.
    drafts : tuple of str
        Kinds of documents it drafts; ``@level`` for those of the level it names.
    """

    name: str
    permissions: tuple[str, ...]
    lead: bool
    from_states: tuple[str, ...]
    to: tuple[str, ...]
    facts: tuple[str, ...]
    on: str
    required: tuple[str, ...]
    any_of: tuple[str, ...]
    optional: tuple[str, ...]
    record: Mapping[str, str]
    drafts: tuple[str, ...]

    @property
    def asked(self) -> tuple[str, ...]:
        """Everything that may be given, what must be given first."""
        return tuple(dict.fromkeys((*self.required, *self.any_of, *self.optional)))

    def title(self, *, lang: str = words.DEFAULT_LANGUAGE) -> str:
        """Its name for people."""
        return words.say(f"move.{self.name}", lang=lang)


def _states(cell: str) -> tuple[str, ...]:
    return tuple(state for code in split(cell) for state in _GROUPS.get(code, (code,)))


def _pair(cell: str) -> tuple[str, str]:
    given, _, kept = cell.partition(">")
    return given, kept or given


def _move(row: Mapping[str, str]) -> Move:
    return Move(
        name=row["name"],
        permissions=split(row["permissions"]),
        lead=row["lead"] == "1",
        from_states=_states(row["from_states"]),
        to=split(row["to"]),
        facts=split(row["facts"]),
        on=row["on"],
        required=split(row["required"]),
        any_of=split(row["any_of"]),
        optional=split(row["optional"]),
        record=MappingProxyType(dict(_pair(cell) for cell in split(row["record"]))),
        drafts=split(row["drafts"]),
    )


#: Name -> move, in the order of the table.
MOVES: Mapping[str, Move] = MappingProxyType({row["name"]: _move(row) for row in _rows("moves.csv")})
#: Kinds of problem points.
KINDS: tuple[str, ...] = tuple(row["code"] for row in _rows("kinds.csv"))
#: Kinds that are resolved without anything being built.
WITHOUT_BUILDING = frozenset(row["code"] for row in _rows("kinds.csv") if row["building"] != "1")
#: Causes, ``group.detail``.
REASONS: tuple[str, ...] = tuple(row["code"] for row in _rows("reasons.csv"))
