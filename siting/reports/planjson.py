"""A plan as JSON that reads back bit by bit: every float by its shortest exact text, every column with its type."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
import pandas as pd

from siting.errors import BadInput
from siting.plan import Plan
from siting.plan.result import Step

SCHEMA = "siting.plan"
VERSION = 1
NATURE = "预评估，不是许可 / pre-check, not a permit"
TABLES = ("operators", "street_offices", "venues", "marginals", "rules")
_SINGLE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_FLOATS = ("value", "base_value", "added", "bound", "gap", "seconds", "cost_yuan", "checked_value", "cost_bound_yuan")


@dataclass(frozen=True, eq=False)
class Record:
    """A plan with what stands beside it in the file.

    Parameters
    ----------
    plan : Plan
        As the solver gave it.
    about : mapping
        What the file rests on, by working names.
    params : mapping
        Parameters of the run.
    tables : mapping of str to DataFrame
        Further tables: ``sites``.
    """

    plan: Plan
    about: Mapping[str, object]
    params: Mapping[str, object] = field(default_factory=dict)
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)


def dump(record: Record) -> bytes:
    """The record as UTF-8 JSON; the same record gives the same bytes.

    Raises
    ------
    BadInput
        If a cell of a table is of a kind that JSON has not.
    """
    own = [name.name for name in fields(Plan) if name.name not in {*TABLES, "steps"}]
    document = {
        "schema": SCHEMA,
        "version": VERSION,
        "nature": NATURE,
        "about": _plain(dict(record.about)),
        "params": _plain(dict(record.params)),
        "plan": {
            **{name: _plain(getattr(record.plan, name)) for name in own},
            "steps": [_plain(asdict(step)) for step in record.plan.steps],
        },
        "plan_tables": {name: _packed(getattr(record.plan, name)) for name in TABLES},
        "tables": {name: _packed(frame) for name, frame in record.tables.items()},
    }
    return json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1).encode()


def load(data: bytes) -> Record:
    """Read what `dump` wrote; every number is the one that was written.

    Raises
    ------
    BadInput
        If it is not such a file, of another version, or cut off.
    """
    document = _document(data)
    try:
        told = dict(document["plan"])
        told |= {name: _number(told[name]) for name in _FLOATS if told.get(name) is not None}
        told["steps"] = tuple(
            Step(s["name"], _number(s["value"]), _number(s["bound"]), _number(s["seconds"])) for s in told["steps"]
        )
        told["chosen"] = tuple(told["chosen"])
        told |= {name: _unpacked(document["plan_tables"][name]) for name in TABLES}
        tables = {name: _unpacked(packed) for name, packed in document["tables"].items()}
        return Record(Plan(**told), document["about"], document["params"], tables)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInput("planjson.broken", why=str(error)[:120]) from error


def _document(data: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BadInput("planjson.not_json", why=str(error)[:120]) from error
    known = isinstance(document, dict) and document.get("schema") == SCHEMA
    if not known or document.get("version") != VERSION:
        found = document.get("version", "—") if known else "—"
        raise BadInput("planjson.version", found=found, known=VERSION, schema=SCHEMA)
    return document


def _packed(frame: pd.DataFrame) -> dict[str, Any]:
    """Columns in order with their type and values."""
    columns = [
        {"name": str(name), "type": str(frame[name].dtype), "values": [_plain(v) for v in frame[name].tolist()]}
        for name in frame.columns
    ]
    return {"rows": len(frame), "columns": columns}


def _unpacked(packed: Mapping[str, Any]) -> pd.DataFrame:
    index = pd.RangeIndex(packed["rows"])
    return pd.DataFrame({column["name"]: _column(column, index) for column in packed["columns"]}, index=index)


def _column(column: Mapping[str, Any], index: pd.RangeIndex) -> pd.Series:
    if column["type"].startswith("float"):
        values = np.array([_number(v) for v in column["values"]], np.float64).astype(column["type"])
        return pd.Series(values, index=index)
    return pd.Series(column["values"], index=index, dtype=column["type"])


def _plain(value: Any) -> Any:
    """A value as JSON carries it; what is no finite number is named in words."""
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(part) for part in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return next(word for word, meant in _SINGLE.items() if repr(meant) == repr(value))
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, str | int | float):
        return value
    raise BadInput("planjson.cell", kind=type(value).__name__)


def _number(value: Any) -> float:
    return _SINGLE[value] if isinstance(value, str) else float(value)
