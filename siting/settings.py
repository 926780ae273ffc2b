"""Settings of one district and one server: one table, read once, frozen.

A district is a folder with ``siting.toml``.  Every setting is a row of ``settings.csv``
(section, name, default, unit, help); the environment variable ``SITING_SECTION_NAME`` wins
over the file, the file over the default.
"""

from __future__ import annotations

import csv
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

from siting.errors import BadInput, NotFound

FILE_NAME = "siting.toml"
KEY_NAME = "secret.key"
TABLE = Path(__file__).with_name("settings.csv")
Value = str | int | float | bool
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


@dataclass(frozen=True)
class Row:
    """One row of the table of settings."""

    section: str
    name: str
    type: str
    default: str
    unit: str
    help_zh: str
    help_en: str

    @property
    def key(self) -> str:
        """``section.name``."""
        return f"{self.section}.{self.name}"

    @property
    def variable(self) -> str:
        """Environment variable that overrides the file."""
        return f"SITING_{self.section}_{self.name}".upper()


@dataclass(frozen=True)
class Settings:
    """All settings of the district in ``folder``.

    Parameters
    ----------
    folder : Path
        The district's folder.
    values : mapping
        ``section.name`` -> value, complete: every row of the table is there.
    """

    folder: Path
    values: Mapping[str, Value]

    def text(self, key: str) -> str:
        """A setting as text."""
        return str(self.values[key])

    def number(self, key: str) -> float:
        """A setting as a number."""
        return float(self.values[key])

    def whole(self, key: str) -> int:
        """A setting as a whole number."""
        return int(self.values[key])

    def flag(self, key: str) -> bool:
        """A setting as yes or no."""
        return bool(self.values[key])

    @property
    def name(self) -> str:
        """Name of the district."""
        return self.text("district.name")

    @property
    def crs(self) -> str:
        """The metric CRS in which everything is computed, e.g. ``EPSG:4548``."""
        return self.text("district.crs")

    @property
    def database_url(self) -> str:
        """Where the store is; by default one SQLite file in the folder."""
        given = self.text("store.url")
        return given or f"sqlite:///{(self.folder / 'siting.db').resolve()}"

    @property
    def runs_folder(self) -> Path:
        """Where results of long runs lie."""
        return self.folder / "runs"

    @property
    def cache_folder(self) -> Path:
        """Where drawn tiles lie; may be deleted at any time."""
        return self.folder / "cache"


@cache
def rows() -> tuple[Row, ...]:
    """The table of settings."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return tuple(Row(**record) for record in csv.DictReader(file))


def load(folder: Path, *, environ: Mapping[str, str] = os.environ) -> Settings:
    """Read a district's settings.

    Parameters
    ----------
    folder : Path
        Folder that holds ``siting.toml``.
    environ : mapping, optional
        Environment; a parameter for tests.

    Raises
    ------
    NotFound
        If the folder is no district.
    BadInput
        If the file does not parse, names an unknown setting, or a value has the wrong type.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        raise NotFound("settings.no_project", folder=folder)
    given = _parse(path)
    unknown = sorted(set(given) - {row.key for row in rows()})
    if unknown:
        raise BadInput("settings.unknown", names=", ".join(unknown), file=path)
    values: dict[str, Value] = {row.key: _value(row, environ.get(row.variable, given.get(row.key))) for row in rows()}
    return Settings(folder, MappingProxyType(values))


def write(folder: Path, values: Mapping[str, Value]) -> Path:
    """Write ``siting.toml`` of a new district; refuses to overwrite one.

    Raises
    ------
    BadInput
        If the folder already is a district or a setting is unknown.
    """
    path = folder / FILE_NAME
    if path.exists():
        raise BadInput("settings.exists", folder=folder)
    known = {row.key: row for row in rows()}
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise BadInput("settings.unknown", names=", ".join(unknown), file=path)
    lines: list[str] = []
    for section in dict.fromkeys(row.section for row in rows()):
        chosen = {key: value for key, value in values.items() if known[key].section == section}
        if chosen:
            lines += [f"[{section}]", *(f"{known[key].name} = {_toml(value)}" for key, value in chosen.items()), ""]
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def _parse(path: Path) -> dict[str, object]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput("settings.broken", file=path, why=str(error)) from error
    return {f"{section}.{name}": value for section, entries in document.items() for name, value in _entries(entries)}


def _entries(entries: object) -> list[tuple[str, object]]:
    return list(entries.items()) if isinstance(entries, dict) else [("", entries)]


def _value(row: Row, given: object) -> Value:
    text = row.default if given is None else str(given)
    try:
        if row.type == "int":
            return int(text)
        if row.type == "float":
            return float(text)
        if row.type == "bool":
            return {**dict.fromkeys(_TRUE, True), **dict.fromkeys(_FALSE, False)}[text.lower()]
    except (ValueError, KeyError) as error:
        raise BadInput("settings.type", name=row.key, value=text, type=row.type) from error
    return text


def _toml(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
