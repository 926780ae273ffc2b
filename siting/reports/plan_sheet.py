"""A plan as people read it: headings and words in their language, and what the figures rest on."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from siting import words
from siting.assets import schema
from siting.reports.workbook import plain

TABLE = Path(__file__).with_name("plan_columns.csv")
# Columns of the task list that people fill in: who is responsible, by when.
TO_FILL = ("plan.sheet.responsible", "plan.sheet.due")
PERSONS = "persons"
NOTES = (
    "district", "run", "coverage", "network", "profile", "mix", "created_at", "datum", "status", "count", "added", "added_interval",
    "bound", "gap", "gap_of_total", "base_value", "value", "unknown_persons", "cost_yuan", "cost_bound_yuan", "cost_gap", "measure", "calibrated", "seed", "problem_hash",
    "checked_added", "uncovered_after", "as_of", "synthetic",
)  # fmt: skip
# What a map has room for; all the rest is in the files beside it.
NOTES_ON_MAP = (
    "as_of", "synthetic", "network", "profile", "mix", "calibrated", "measure", "run", "created_at", "status", "count", "added", "added_interval", "gap",
    "checked_added", "cost_yuan", "cost_bound_yuan", "cost_gap",
)  # fmt: skip
FLAGS: Mapping[str, str] = {"calibrated": "plan.calibrated.{}", "synthetic": "plan.synthetic.{}"}
SHARES = ("gap", "gap_of_total", "cost_gap")
#: What says nothing of a plan whose cost was made least.
OF_PEOPLE = ("bound", "gap", "gap_of_total")


@cache
def columns() -> tuple[Mapping[str, str], ...]:
    """The table of columns: name, titles, vocabulary (its name, or keys of the catalogue with {}), digits, short name, always shown."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


def sheet(sites: pd.DataFrame, *, lang: str, measure: str = PERSONS) -> pd.DataFrame:
    """The task list: one line per site in build order, headings and words in the language, two columns to fill in.

    Parameters
    ----------
    sites : DataFrame
        Sites of a plan.  A column of the task list that is not there stays, with empty cells; any other is left out.
    lang : str
        ``zh_CN`` or ``en``.
    measure : str
        What is counted: ``persons`` or ``area_m2``; the headings say it.
    """
    heads = titles(lang=lang, measure=measure)
    first = [row for row in columns() if row["always"]]
    rest = [row for row in columns() if not row["always"] and row["name"] in sites]
    empty: list[object] = [None] * len(sites)

    def cells(rows: Sequence[Mapping[str, str]]) -> dict[str, list[object]]:
        held = {row["name"]: _cells(sites[row["name"]], row, lang) for row in rows if row["name"] in sites}
        return {heads[row["name"]]: held.get(row["name"], empty) for row in rows}

    to_fill = {words.say(key, lang=lang): [""] * len(sites) for key in TO_FILL}
    return pd.DataFrame({**cells(first), **to_fill, **cells(rest)}, index=sites.index, dtype=object)


def short_names() -> dict[str, str]:
    """Name of every column in at most 10 bytes, for files that allow no more."""
    return {row["name"]: row["short"] for row in columns()}


def titles(*, lang: str, measure: str = PERSONS) -> dict[str, str]:
    """Title of every column by name, for what is counted."""
    end = "zh" if lang == "zh_CN" else "en"
    own = "" if measure == PERSONS else f"area_{end}"
    return {row["name"]: row.get(own) or row[f"title_{end}"] for row in columns()}


def notes(facts: Mapping[str, Any], *, lang: str, names: Sequence[str] = NOTES) -> list[tuple[str, object]]:
    """What the figures rest on, line by line; ends with what the file is not.

    Parameters
    ----------
    facts : mapping
        Facts by the names of `NOTES`; unknown ones are left out.
    lang : str
        ``zh_CN`` or ``en``.
    names : sequence of str
        Which lines, in which order.
    """
    beside = OF_PEOPLE if facts.get("cost_bound_yuan") is not None else ()
    known = [(name, facts[name]) for name in names if name not in beside and facts.get(name) not in {None, ""}]
    lines = [(words.say(f"plan.note.{name}", lang=lang), _note(name, value, lang)) for name, value in known]
    ends = (("plan.note.use", "plan.note.internal"), ("plan.note.nature", "plan.note.precheck"))
    return [*lines, *((words.say(label, lang=lang), words.say(text, lang=lang)) for label, text in ends)]


def _note(name: str, value: object, lang: str) -> object:
    for prefix in ("plan.status", "plan.measure"):
        if name == prefix.removeprefix("plan.") and words.has(f"{prefix}.{value}", lang=lang):
            return words.say(f"{prefix}.{value}", lang=lang)
    if name in FLAGS:
        return words.say(FLAGS[name].format("yes" if value else "no"), lang=lang)
    if name in SHARES and isinstance(value, float):
        return f"{value:.2%}"
    if name == "created_at":
        return str(value)[:16].replace("T", " ")
    return round(value) if isinstance(value, float) and np.isfinite(value) else value


def _cells(cells: pd.Series, row: Mapping[str, str], lang: str) -> list[object]:
    if row["digits"]:
        return [_rounded(plain(v), int(row["digits"])) for v in cells]
    return [_word(v, row["vocab"], lang) for v in cells]


def _rounded(value: object, digits: int) -> object:
    if not isinstance(value, int | float):
        return value
    return round(float(value), digits) if digits else round(value)


def _word(value: Any, vocab: str, lang: str) -> object:
    if isinstance(value, list | tuple | np.ndarray):
        return "、".join(str(_word(v, vocab, lang)) for v in value)
    value = plain(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if not vocab or value is None:
        return value
    if "{}" in vocab:
        return words.say(vocab.format(value), lang=lang)
    found = {t.code: t.title_zh if lang == "zh_CN" else t.title_en for t in schema.vocabulary(vocab)}
    return found.get(str(value), value)
