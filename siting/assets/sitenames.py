"""Which site a row of a child layer means: by its id, by number and owner, or by a name that only one site has."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import geopandas as gpd
import pandas as pd

from siting.assets.cells import normal
from siting.findings import Finding

# How a row may name its site beside the id, in the order in which the names are trusted.
NAMES = ("site_no", "tower_owner", "name")
SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class Hosts:
    """What rows of sectors may name.

    Parameters
    ----------
    sites : GeoDataFrame
        ``site_id, site_no, tower_owner, name, height_m, host_class`` and geometry in the project CRS.
    networks, equipment : tuple of str
        Known names.
    patterns : tuple of str
        Measured antenna patterns, and the words that mean none.
    omni : frozenset of str
        Equipment that needs no azimuth.
    """

    sites: gpd.GeoDataFrame
    networks: tuple[str, ...]
    equipment: tuple[str, ...]
    patterns: tuple[str, ...] = ()
    omni: frozenset[str] = frozenset()


class Register:
    """The sites by everything that may name them.

    Parameters
    ----------
    sites : DataFrame
        As in `Hosts`.
    """

    def __init__(self, sites: pd.DataFrame) -> None:
        self._owners = [normal(str(value or "")) for value in sites["tower_owner"]]
        self._labels = [normal(str(value or "")) for value in sites["name"]]
        self._ids = _positions(sites["site_id"])
        self._numbers = _positions(sites["site_no"])
        self._names = _positions(sites["name"])

    def matching(self, site_id: str, site_no: str, owner: str, name: str) -> list[int]:
        """Positions of the sites that these names can mean; empty text = not named."""
        if site_id in self._ids:
            return self._ids[site_id]
        if not site_no:
            return [] if site_id else self._names.get(name, [])
        found = self._numbers.get(site_no, [])
        if owner:
            found = [at for at in found if self._owners[at] == owner]
        if name and len(found) > 1:
            found = [at for at in found if self._labels[at] == name]
        return found

    def contradicts(self, at: int, site_no: str) -> bool:
        """Whether a row that means this site gives the number of another one."""
        return site_no in self._numbers and at not in self._numbers[site_no]

    def near(self, site_no: str, name: str) -> str:
        """The nearest known numbers, or names where no number was given."""
        known, asked = (self._numbers, site_no) if site_no or not name else (self._names, name)
        found = difflib.get_close_matches(asked, list(known), n=SHOWN, cutoff=0.5) or sorted(known)[:SHOWN]
        return "、".join(found)


def _positions(values: pd.Series) -> Mapping[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for at, value in enumerate(values):
        if isinstance(value, str) and value:
            found[normal(value)].append(at)
    return dict(found)


def resolve(
    asked: pd.DataFrame, hosts: Hosts, *, titles: Mapping[str, str], sheet: str
) -> tuple[list[int], list[Finding]]:
    """Position of each row's site, -1 where there is not exactly one, and the findings that say why.

    Parameters
    ----------
    asked : DataFrame
        Columns ``site_id`` and `NAMES` as text, index = row as the user sees it.
    hosts : Hosts
        Known sites.
    titles : mapping
        Column -> heading of the file.
    sheet : str
        Sheet for the findings.
    """
    register = Register(hosts.sites)
    at: list[int] = []
    findings: list[Finding] = []
    for row, *names in asked[["site_id", *NAMES]].itertuples(name=None):
        found = register.matching(*names)
        at.append(found[0] if len(found) == 1 else -1)
        if len(found) == 1 and register.contradicts(found[0], names[1]):
            at[-1] = -1
            column = titles.get("site_no", "site_no")
            findings.append(Finding(code="SITE_CONTRADICTS", row=int(row), column=column, sheet=sheet, value=names[1]))
        if len(found) != 1:
            findings.append(_unplaced(int(row), names, len(found), register.near(names[1], names[3]), titles, sheet))
    return at, findings


def _unplaced(row: int, names: list[str], found: int, near: str, titles: Mapping[str, str], sheet: str) -> Finding:
    site_id, number, _, name = names
    column = "site_no" if number else "name" if name and not site_id else "site_id" if site_id else "site_no"
    code = "SITE_AMBIGUOUS" if found else "SITE_UNKNOWN" if any(names) else "SITE_UNNAMED"
    return Finding(
        code=code,
        row=row,
        column=titles.get(column, column),
        sheet=sheet,
        value=number or name or site_id,
        values={"near": near or "—", "n": found},
    )
