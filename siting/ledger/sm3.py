"""The SM3 digest of GB/T 32905-2016, for machines whose OpenSSL was built without it."""

from __future__ import annotations

WORD = 0xFFFFFFFF
START = (0x7380166F, 0x4914B2B9, 0x172442D7, 0xDA8A0600, 0xA96F30BC, 0x163138AA, 0xE38DEE4D, 0xB0FB0E4E)
EARLY, LATE = 0x79CC4519, 0x7A879D8A
ROUNDS, CHANGE, BLOCK = 64, 16, 64


def digest(data: bytes) -> bytes:
    """The 32-byte digest.

    Source: GB/T 32905-2016, clauses 4 and 5.

    >>> digest(b"abc").hex()
    '66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0'
    """
    padded = data + b"\x80" + bytes((55 - len(data)) % BLOCK) + (8 * len(data)).to_bytes(8, "big")
    state: tuple[int, ...] = START
    for at in range(0, len(padded), BLOCK):
        state = _compress(state, padded[at : at + BLOCK])
    return b"".join(word.to_bytes(4, "big") for word in state)


def _turn(word: int, by: int) -> int:
    by %= 32
    return ((word << by) | (word >> (32 - by))) & WORD


def _expand(block: bytes) -> list[int]:
    words = [int.from_bytes(block[i : i + 4], "big") for i in range(0, BLOCK, 4)]
    for j in range(CHANGE, ROUNDS + 4):
        mixed = words[j - 16] ^ words[j - 9] ^ _turn(words[j - 3], 15)
        words.append(mixed ^ _turn(mixed, 15) ^ _turn(mixed, 23) ^ _turn(words[j - 13], 7) ^ words[j - 6])
    return words


def _compress(state: tuple[int, ...], block: bytes) -> tuple[int, ...]:
    words = _expand(block)
    a, b, c, d, e, f, g, h = state
    for j in range(ROUNDS):
        early = j < CHANGE
        s1 = _turn((_turn(a, 12) + e + _turn(EARLY if early else LATE, j)) & WORD, 7)
        s2 = s1 ^ _turn(a, 12)
        most = a ^ b ^ c if early else (a & b) | (a & c) | (b & c)
        choice = e ^ f ^ g if early else (e & f) | (~e & g)
        t1 = (most + d + s2 + (words[j] ^ words[j + 4])) & WORD
        t2 = (choice + h + s1 + words[j]) & WORD
        a, b, c, d = t1, a, _turn(b, 9), c
        e, f, g, h = t2 ^ _turn(t2, 9) ^ _turn(t2, 17), e, _turn(f, 19), g
    return tuple(old ^ new for old, new in zip(state, (a, b, c, d, e, f, g, h), strict=True))
