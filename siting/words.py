"""The catalogue: every sentence a person reads, by key, in Chinese and English.

A message is stored as a key with named values and put into words only where it meets a person,
so that one finding can be read in either language.  Catalogues are gettext files, one per
package and language, in ``siting/locale/LANGUAGE/PACKAGE.po``.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from babel.messages.pofile import read_po

LANGUAGES = ("zh_CN", "en")
DEFAULT_LANGUAGE = "zh_CN"
LOCALE_DIR = Path(__file__).parent / "locale"


@cache
def catalogue(lang: str) -> Mapping[str, str]:
    """All messages of one language as key -> template, for checks and for `say`.

    Raises
    ------
    KeyError
        If the language is not one of `LANGUAGES`.
    """
    if lang not in LANGUAGES:
        raise KeyError(lang)
    messages: dict[str, str] = {}
    for path in sorted((LOCALE_DIR / lang).glob("*.po")):
        with path.open("rb") as file:
            messages.update({str(m.id): str(m.string) for m in read_po(file) if m.id and m.string})
    return MappingProxyType(messages)


def has(key: str, *, lang: str = DEFAULT_LANGUAGE) -> bool:
    """Whether the catalogue knows the key."""
    return key in catalogue(lang)


def say(key: str, *, lang: str = DEFAULT_LANGUAGE, **values: object) -> str:
    """Put a message into words.

    Parameters
    ----------
    key : str
        Message key, e.g. ``"finding.REQUIRED.message"``.
    lang : str
        One of `LANGUAGES`.
    **values
        Named values of the template; a value is never itself read as a template.

    Returns
    -------
    str
        The sentence; an unknown key is returned as it is, so that nothing said is lost.

    Examples
    --------
    >>> say("no.such.key")
    'no.such.key'
    """
    template = catalogue(lang).get(key)
    if template is None:
        return key
    return template.format_map(_Values(values))


class _Values(dict[str, object]):
    """Values of a template; a name without value stays visible as ``{name}``."""

    def __missing__(self, name: str) -> str:
        return "{" + name + "}"
