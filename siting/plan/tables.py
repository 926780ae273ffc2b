"""The package's editable tables: configurations, costs, weights, states; every row has a source and a mark."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

import pandas as pd

DATA = Path(__file__).parent / "data"


@cache
def _read(name: str) -> pd.DataFrame:
    return pd.read_csv(DATA / f"{name}.csv", dtype={"azimuths": str, "tilts": str})


def configurations() -> pd.DataFrame:
    """Which equipment, height and azimuths each asset class gets."""
    return _read("configurations").copy()


def costs() -> pd.DataFrame:
    """Site cost per host class and equipment [yuan]."""
    return _read("cost").copy()


def weights(profile: str = "default") -> pd.DataFrame:
    """Zero, full and weight of every score part of a named profile; no line if none of this name is shipped."""
    table = _read("score")
    return table[table["profile"] == profile].reset_index(drop=True)


@cache
def score_states() -> Mapping[tuple[str, str], float]:
    """Value in 0..1 of a worded part, by (part, state)."""
    table = _read("score_states")
    values = zip(table["part"], table["state"], table["value"], strict=True)
    return MappingProxyType({(part, state): float(value) for part, state, value in values})


@cache
def state_of_code() -> Mapping[str, str]:
    """State each eligibility code leads to."""
    table = _read("eligibility")
    return MappingProxyType(dict(zip(table["code"], table["state"], strict=True)))


def sharing() -> pd.DataFrame:
    """What each of several parties on one host pays, as a share of its cost alone, by the number of parties."""
    return _read("sharing").copy()


def fibre() -> pd.DataFrame:
    """Price of a metre of new route and its basis: ``yuan``, or ``relative``, which never enters a budget in yuan."""
    return _read("fibre").copy()


@cache
def numbers() -> Mapping[str, float]:
    """Figures of options, eligibility and checks by name; unit, source and mark stand beside each in ``data/numbers.csv``."""
    table = _read("numbers")
    return MappingProxyType(dict(zip(table["name"], table["value"].astype(float), strict=True)))
