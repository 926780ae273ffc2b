"""What the colours mean: rows for the map's legend, in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from siting import words
from siting.maps import styles


@dataclass(frozen=True)
class Row:
    """One line of a legend: a symbol and its meaning."""

    label: str
    shape: str
    fill: str
    stroke: str
    opacity: float


@dataclass(frozen=True)
class Block:
    """The legend of one layer."""

    title: str
    rows: tuple[Row, ...]


def block(family: str, *, lang: str, keys: Iterable[str] | None = None) -> Block:
    """The legend of one family of styles.

    Parameters
    ----------
    family : str
        Family of `styles.table`; its title is the message ``style.FAMILY``.
    lang : str
        Language of the words.
    keys : iterable of str, optional
        Only these rows, e.g. the classes that occur; default all.
    """
    wanted = None if keys is None else set(keys)
    rows = tuple(
        Row(words.say(style.label, lang=lang), style.shape, style.fill, style.stroke, style.opacity)
        for style in styles.family(family).values()
        if wanted is None or style.key in wanted
    )
    return Block(words.say(f"style.{family}", lang=lang), rows)
