"""The catalogue is complete in both languages and nothing in it is dead."""

import re
import string
from pathlib import Path

import pytest

from siting import words

ROOT = Path(__file__).parents[1]
CODE = [
    p
    for folder in ("siting", "pages")
    for p in (ROOT / folder).rglob("*")
    if p.suffix in {".py", ".csv", ".toml", ".js"}
]


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def test_both_languages_know_the_same_keys():
    assert set(words.catalogue("zh_CN")) == set(words.catalogue("en"))


def test_every_message_names_the_same_values_in_both_languages():
    chinese, english = words.catalogue("zh_CN"), words.catalogue("en")
    assert {key: english[key] for key in chinese if fields(chinese[key]) != fields(english[key])} == {}


def test_no_message_is_left_empty_in_any_catalogue_file():
    for path in words.LOCALE_DIR.rglob("*.po"):
        pairs = re.findall(r'msgid "(.+)"\nmsgstr "(.*)"', path.read_text(encoding="utf-8"))
        assert pairs, path
        assert [key for key, text in pairs if not text.strip()] == [], path


def test_every_key_of_the_catalogue_is_used_somewhere():
    source = "\n".join(p.read_text(encoding="utf-8") for p in CODE)
    unused = [k for k in words.catalogue("zh_CN") if k not in source and not _computed(k, source)]
    assert unused == []


def _computed(key: str, source: str) -> bool:
    """A key put together in code: its code stands in the source, or a formatted prefix of it does."""
    parts = key.split(".")
    heads = (n for n in range(1, len(parts)) if f'"{".".join(parts[:n])}.{{' in source)
    return any(all(part in source for part in parts[n:]) for n in heads)


def test_a_value_is_never_read_as_a_template():
    assert "{0}" in words.say("run.kind", kind="{0}", known="{known.__class__}")


def test_an_unknown_key_is_returned_as_it_is():
    assert words.say("no.such.key") == "no.such.key"


def test_an_unknown_language_is_refused():
    with pytest.raises(KeyError):
        words.catalogue("xx")
