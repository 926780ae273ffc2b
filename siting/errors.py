"""One tree of errors; each message names the value, the rule and the remedy.

An error carries a catalogue key and named values; `SitingError.message` puts it into words.
Domain errors know neither HTTP nor exit codes: `EXIT_CODES` and the API's own table map them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from siting import words


@runtime_checkable
class Worded(Protocol):
    """A value of a message that is itself put into words."""

    def say(self, *, lang: str) -> str:
        """The value in a language."""


def _said(values: Mapping[str, object], lang: str) -> dict[str, object]:
    """Values of a message, those that are worded in a language."""
    return {name: value.say(lang=lang) if isinstance(value, Worded) else value for name, value in values.items()}


@dataclass(frozen=True)
class Word:
    """A word of the catalogue as a value of a message.

    Parameters
    ----------
    key : str
        Catalogue key.
    values : mapping
        Named values of the word.
    """

    key: str
    values: Mapping[str, object] = field(default_factory=dict)

    def say(self, *, lang: str) -> str:
        """The word in a language."""
        return words.say(self.key, lang=lang, **_said(self.values, lang))


@dataclass(frozen=True)
class Listed:
    """Several sentences as one value of a message."""

    parts: tuple[Word, ...]

    def say(self, *, lang: str) -> str:
        """The sentences one after the other, each once."""
        return ("；" if lang == "zh_CN" else "; ").join(dict.fromkeys(part.say(lang=lang) for part in self.parts))


class SitingError(Exception):
    """Base of every error that is meant for a person.

    Parameters
    ----------
    key : str
        Catalogue key of the message.
    **values
        Named values of the message.
    """

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(key)
        self.key = key
        self.values = values

    def message(self, lang: str = words.DEFAULT_LANGUAGE) -> str:
        """The error in the user's language."""
        return words.say(self.key, lang=lang, **_said(self.values, lang))

    def say(self, *, lang: str) -> str:
        """The error as a value of another message."""
        return self.message(lang)

    def __str__(self) -> str:
        return self.message()

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.key, self.values)


def _rebuild(kind: type[SitingError], key: str, values: dict[str, object]) -> SitingError:
    return kind(key, **values)


class BadInput(SitingError):
    """A value breaks a rule; nothing was changed."""


class OutOfRange(BadInput):
    """A number lies outside the range in which a model holds."""


class TooFewSamples(BadInput):
    """Too little data for an honest answer; the message gives count and shortfall."""


class Unsupported(BadInput):
    """A thing that this version deliberately does not do."""


class NotFound(SitingError):
    """There is no such thing, or it is not visible to this person."""


class NotAllowed(SitingError):
    """The person lacks the permission."""


class Conflict(SitingError):
    """Somebody else changed the thing meanwhile; nothing was changed now."""


class NotSolved(SitingError):
    """No plan satisfies the rules; the message names those that clash."""


class Unavailable(SitingError):
    """The store does not answer; what was acknowledged is there, and the same may be asked again."""


class Cancelled(SitingError):
    """A long run was stopped on request."""


EXIT_CODES: dict[type[SitingError], int] = {
    BadInput: 2,
    NotFound: 2,
    NotAllowed: 3,
    Conflict: 4,
    NotSolved: 5,
    Cancelled: 5,
}


def exit_code(error: SitingError) -> int:
    """Exit code of the command line for an error (architecture.md: 0 done, 1 unexpected)."""
    return next((code for kind, code in EXIT_CODES.items() if isinstance(error, kind)), 1)
