"""A keyed chain over journal entries: whoever edits, drops or swaps one is found out."""

from __future__ import annotations

import hashlib
import hmac
import json
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from siting.errors import BadInput
from siting.ledger import sm3

START = "0" * 64
HASHES = ("sha256", "sm3")
BLOCK = 64


@dataclass(frozen=True)
class ChainReport:
    """Outcome of `verify`: whether the chain holds; else the place and the reason."""

    ok: bool
    seq: int | None
    why: str


def canonical(payload: Mapping[str, object]) -> bytes:
    """The one byte form of a payload: sorted keys, no blanks, NFC text, decimals as text.

    Raises
    ------
    BadInput
        On a binary floating-point number: its decimal form is ambiguous; pass text.
    """
    text = json.dumps(_plain(payload), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return unicodedata.normalize("NFC", text).encode()


def link(prev: str, event: Mapping[str, object], *, key: bytes, hash_name: str = "sha256") -> str:
    """Chain value of one event: an HMAC over the length-prefixed previous value and event.

    Parameters
    ----------
    prev : str
        Chain value of the event before, `START` for the first.
    event : mapping
        All recorded fields of the event.
    key : bytes
        The district's secret key.
    hash_name : str
        One of `HASHES`.

    Returns
    -------
    str
        Hexadecimal digest, with the name of the hash before it unless it is SHA-256: a chain may change its hash.
    """
    if hash_name not in HASHES:
        raise BadInput("ledger.chain.hash", name=hash_name, known=", ".join(HASHES))
    parts = (prev.encode(), canonical(event))
    message = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    value = _mac(key, message, hash_name)
    return value if hash_name == HASHES[0] else f"{hash_name}:{value}"


def _mac(key: bytes, message: bytes, hash_name: str) -> str:
    """HMAC of RFC 2104; SM3 is computed here where the system's library lacks it."""
    if hash_name in hashlib.algorithms_available:
        return hmac.new(key, message, hash_name).hexdigest()
    padded = (sm3.digest(key) if len(key) > BLOCK else key).ljust(BLOCK, b"\0")
    inner = sm3.digest(bytes(b ^ 0x36 for b in padded) + message)
    return sm3.digest(bytes(b ^ 0x5C for b in padded) + inner).hex()


def holds(prev: str, event: Mapping[str, object], recorded: str, *, key: bytes) -> bool:
    """Whether a recorded chain value is the one of this event after the value ``prev``."""
    name = recorded.partition(":")[0] if ":" in recorded else HASHES[0]
    return name in HASHES and hmac.compare_digest(
        link(prev, event, key=key, hash_name=name).encode(), recorded.encode()
    )


def verify(entries: Iterable[tuple[Mapping[str, object], str]], *, key: bytes) -> ChainReport:
    """Recompute a chain of (event, recorded value) from the start."""
    prev = START
    for seq, (event, recorded) in enumerate(entries, start=1):
        if not holds(prev, event, recorded, key=key):
            return ChainReport(ok=False, seq=seq, why="mac")
        prev = recorded
    return ChainReport(ok=True, seq=None, why="")


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, float):
        raise BadInput("ledger.chain.float", value=value)
    return value
