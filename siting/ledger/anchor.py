"""One value over all chain heads: kept off the machine, it shows later that no chain lost its tail."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

from siting.errors import BadInput
from siting.ledger import chain


@dataclass(frozen=True, kw_only=True, order=True)
class Head:
    """The last link of a chain: its name, the number of the event, its value."""

    chain: str
    number: int
    value: str


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """All heads at a moment.

    Parameters
    ----------
    at : str
        ISO time.
    count : int
        Number of chains.
    root : str
        SHA-256 over all heads; this is what is printed on paper.
    heads : tuple of Head
        By name.
    """

    at: str
    count: int
    root: str
    heads: tuple[Head, ...]


def anchor(heads: Iterable[Head], *, at: datetime) -> Anchor:
    """The anchor of some heads, whatever their order."""
    ordered = tuple(sorted(heads))
    return Anchor(at=at.isoformat(timespec="seconds"), count=len(ordered), root=_root(ordered), heads=ordered)


def to_json(found: Anchor) -> bytes:
    """An anchor as a file."""
    return json.dumps(asdict(found), ensure_ascii=False, indent=1).encode()


def from_json(data: bytes) -> Anchor:
    """An anchor from its file.

    Raises
    ------
    BadInput
        If the file is none, or its heads do not give its root.
    """
    try:
        given = json.loads(data)
        heads = tuple(
            Head(chain=str(h["chain"]), number=int(h["number"]), value=str(h["value"])) for h in given["heads"]
        )
        found = Anchor(at=str(given["at"]), count=int(given["count"]), root=str(given["root"]), heads=heads)
    except (ValueError, TypeError, KeyError) as error:
        raise BadInput("ledger.anchor.none") from error
    if found.root != _root(tuple(sorted(heads))) or found.count != len(heads):
        raise BadInput("ledger.anchor.changed", root=found.root)
    return found


def _root(heads: tuple[Head, ...]) -> str:
    return hashlib.sha256(chain.canonical({"heads": [asdict(head) for head in heads]})).hexdigest()
