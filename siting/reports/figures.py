"""The result of a command as lines to read: titles and words from the catalogue, every figure with its unit."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from siting import words

TABLE = Path(__file__).with_name("figures.csv")
AREA = "area_m2"
# Below this a share is shown as "less than": two decimals of a percent would say none.
SMALLEST_SHARE = 1e-4
Writer = Callable[[Any, str, str], str]


@cache
def rows() -> Mapping[str, Mapping[str, str]]:
    """The table of figures by name: kind, and where its words stand; a result that is not in it is for machines."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return MappingProxyType({row["name"]: row for row in csv.DictReader(file)})


def lines(result: Mapping[str, Any], *, lang: str) -> list[str]:
    """One line per figure, ``title: value unit``, in the order of the result.

    Parameters
    ----------
    result : mapping
        Figures by working name.  Its ``measure`` says whether amounts are people or m2; what is None
        or has no row in the table is left out.
    lang : str
        ``zh_CN`` or ``en``.

    Returns
    -------
    list of str
        Lines.
    """
    unit = words.say("cli.unit.m2" if result.get("measure") == AREA else "cli.unit.persons", lang=lang)
    known = [(name, value) for name, value in result.items() if name in rows() and value is not None]
    colon = words.say("cli.colon", lang=lang)
    titles = [words.say(f"cli.figure.{name}", lang=lang) for name, _ in known]
    texts = [_text(name, value, unit, lang) for name, value in known]
    return [f"{title}{colon}{text}" for title, text in zip(titles, texts, strict=True)]


def _text(name: str, value: Any, unit: str, lang: str) -> str:
    row = rows()[name]
    if row["kind"] == "amount":
        return f"{value:,.1f} {unit}"
    return WRITERS[row["kind"]](value, row["words"], lang)


def _word(value: Any, template: str, lang: str) -> str:
    """A code in words; a code without words stays as it is."""
    key = template.format(value if isinstance(value, str) else "yes" if value else "no")
    return words.say(key, lang=lang) if words.has(key, lang=lang) else str(value)


def _share(value: Any, _: str, __: str) -> str:
    if 0 < value < SMALLEST_SHARE:
        return f"< {SMALLEST_SHARE * 100:.2f} %"
    return f"{value * 100:.2f} %"


def _tally(value: Any, template: str, lang: str) -> str:
    """Counts by code, most frequent first; nothing counted is a dash."""
    counted = sorted(value.items(), key=lambda pair: (-pair[1], pair[0]))
    return "，".join(f"{_word(code, template, lang)} {count:,}" for code, count in counted) or "—"


def _pairs(value: Any, template: str, lang: str) -> str:
    return "，".join(f"{_word(name, template, lang)} = {_plain(own)}" for name, own in value.items()) or "—"


def _plain(value: Any) -> str:
    return f"{value:,.10g}" if isinstance(value, int | float) else str(value)


def _yuan(value: Any, _: str, lang: str) -> str:
    return f"{value:,.0f} {words.say('cli.unit.yuan', lang=lang)}"


def _seconds(value: Any, _: str, lang: str) -> str:
    return f"{value:,.1f} {words.say('cli.unit.seconds', lang=lang)}"


def _measured(value: Any, unit: str, _: str) -> str:
    return f"{value:,.2f} {unit}".rstrip()


WRITERS: Mapping[str, Writer] = MappingProxyType(
    {
        "text": lambda value, _, __: str(value),
        "number": lambda value, _, __: f"{value:,}",
        "list": lambda value, _, __: "，".join(map(str, value)) or "—",
        "word": _word,
        "share": _share,
        "tally": _tally,
        "pairs": _pairs,
        "yuan": _yuan,
        "seconds": _seconds,
        "measured": _measured,
    }
)
