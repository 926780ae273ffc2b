"""Prices of a question's own, beside the district's: what a site of a class with a radio unit costs there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from siting.actions import plantables
from siting.errors import BadInput
from siting.plan.joint import own_share
from siting.store.database import Database

#: Joins host class and equipment to the name of a price, as in the district's table.
JOIN = "."
DEAREST_YUAN = 1e9


def known(db: Database) -> dict[str, float]:
    """The district's prices [yuan] by name, ``class.equipment``."""
    table = plantables.costs(db)
    names = table["host_class"].astype(str) + JOIN + table["equipment"].astype(str)
    return dict(zip(names, table["site_cost_yuan"].astype(float), strict=True))


def checked(db: Database, prices: Mapping[str, Any]) -> dict[str, float]:
    """Own prices [yuan] by name, as numbers.

    Raises
    ------
    BadInput
        With every price that the district's table does not have, or that is no number of yuan.
    """
    table = known(db)
    strange = sorted(name for name in prices if name not in table)
    if strange:
        raise BadInput(
            "scenario.prices_unknown", names="、".join(strange), n=len(table), known="、".join(sorted(table))
        )
    wrong = [f"{name} = {value}" for name, value in prices.items() if not _usable(value)]
    if wrong:
        raise BadInput("scenario.prices_wrong", prices="、".join(wrong), most=f"{DEAREST_YUAN:,.0f}")
    return {name: float(value) for name, value in prices.items()}


def _usable(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and 0 <= value <= DEAREST_YUAN


def applied(db: Database, offered: pd.DataFrame, prices: Mapping[str, float]) -> pd.DataFrame:
    """Options at own prices, the district's where those say nothing.

    Parameters
    ----------
    offered : DataFrame
        Options with ``class, equipment, cost_yuan`` and, where they are shared, ``parties, own_cost_yuan``.
    prices : mapping
        From `checked`.

    Notes
    -----
    Of an option for k networks, cost = price x k x (what each of k parties pays).  Options that do not cost what the
    district's table says (drawn points with a cost of their own) keep their cost.
    """
    if not prices:
        return offered
    names = offered["class"].astype(str) + JOIN + offered["equipment"].astype(str)
    parties = offered["parties"].astype(int) if "parties" in offered else pd.Series(1, index=offered.index)
    table = plantables.sharing(db)
    paid = parties.map({k: k * own_share(k, table) for k in set(parties)}).astype(float)
    before, cost = names.map(known(db)).astype(float) * paid, offered["cost_yuan"].astype(float)
    new = names.map(prices).astype(float) * paid
    hit = (new.notna() & np.isclose(before, cost, rtol=1e-9)).to_numpy()
    told = offered.assign(cost_yuan=cost.where(~hit, new))
    return (
        told.assign(own_cost_yuan=told["own_cost_yuan"].where(~hit, new / parties)) if "own_cost_yuan" in told else told
    )
