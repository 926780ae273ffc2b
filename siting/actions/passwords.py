"""Passwords: the rule they keep, how they rest in the store, and one answer that takes its time."""

from __future__ import annotations

import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from siting.errors import BadInput

SHORTEST, LONGEST = 12, 200
# Letters and figures that nobody mistakes for one another when they are read off paper.
SIGNS = "abcdefghjkmnpqrstuvwxyz23456789"
GROUPS, GROUP = 4, 4
HASHER = PasswordHasher()


def require_good(password: str, *, name: str) -> None:
    """Refuse a password that breaks the rule.

    Raises
    ------
    BadInput
        If it is too short or too long, or holds the account's name.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise BadInput("people.password_length", n=len(password), least=SHORTEST, most=LONGEST)
    if name.lower() in password.lower() or len(set(password)) <= GROUP:
        raise BadInput("people.password_easy")


def one_time() -> str:
    """A random password, to be told once."""
    return "-".join("".join(secrets.choice(SIGNS) for _ in range(GROUP)) for _ in range(GROUPS))


def digest(password: str) -> str:
    """What the store keeps of a password: argon2id with a salt of its own."""
    return HASHER.hash(password)


def fits(stored: str | None, password: str) -> bool:
    """Whether a password fits; where there is nothing to compare with, the answer takes as long."""
    nobody = _nobody()
    try:
        return verify(stored or nobody, password[: LONGEST + 1]) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


def verify(stored: str, password: str) -> bool:
    """Compare by argon2; counted by a test, for every refusal has to cost one comparison."""
    return HASHER.verify(stored, password)


@cache
def _nobody() -> str:
    """The digest of nobody's password."""
    return digest(secrets.token_urlsafe(32))
