"""Columns and coded values of the data standard in words, for tables and cards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from siting.assets import schema
from siting.ui.text import language, number, t

SYNTHETIC = "synthetic:"


def title(layer: str, name: str) -> str:
    """Title of a column with its unit, e.g. 杆高[m]."""
    column = _columns(layer).get(name)
    if column is None:
        return name
    text = column.title_zh if language() == "zh_CN" else column.title_en
    return f"{text}[{column.unit}]" if column.unit not in {"", "1"} else text


def value(layer: str, name: str, cell: object) -> str:
    """One cell in words; unknown is ``—``."""
    column = _columns(layer).get(name)
    if isinstance(cell, list | tuple):
        return "、".join(value(layer, name, item) for item in cell) or "—"
    if cell is None or cell != cell or cell == "":  # noqa: PLR0124 - NaN is the value that differs from itself
        return "—"
    if column is not None and column.numeric and isinstance(cell, int | float):
        return number(cell, digits=2).rstrip("0").rstrip(".")
    if column is not None and column.type == "datetime":
        return str(cell)[:16].replace("T", " ")
    if name == "source" and str(cell).startswith(SYNTHETIC):
        return t("ui.source.synthetic")
    return terms(column.vocab).get(str(cell), str(cell)) if column is not None and column.vocab else str(cell)


def terms(vocab: str) -> Mapping[str, str]:
    """Words of a vocabulary by code, in the session's language."""
    zh = language() == "zh_CN"
    return {term.code: term.title_zh if zh else term.title_en for term in schema.vocabulary(vocab)}


def card(layer: str, row: Mapping[str, object]) -> dict[str, str]:
    """Every known field of one thing as title -> value, in the order of the data standard."""
    shown = {
        title(layer, name): value(layer, name, row[name])
        for name in _columns(layer)
        if name in row and name != "geometry" and not name.endswith("_id")
    }
    return {name: text for name, text in shown.items() if text != "—"}


def table(layer: str, frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Chosen columns with titles and words; numbers stay numbers, so that they sort."""
    made: dict[str, object] = {}
    for name in names:
        column = _columns(layer)[name]
        made[title(layer, name)] = (
            frame[name].to_numpy() if column.numeric else [value(layer, name, cell) for cell in frame[name]]
        )
    return pd.DataFrame(made, index=frame.index)


def _columns(layer: str) -> dict[str, schema.Column]:
    return {column.name: column for column in schema.columns(layer)}
