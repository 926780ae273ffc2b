"""Joint options: several networks on one host, and who pays which share."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from siting.plan import tables

NEEDS = ("weight_kg", "sail_m2", "power_kva", "slots")


def joint(
    options: pd.DataFrame, networks: Mapping[str, Sequence[str]], *, sharing: pd.DataFrame | None = None
) -> pd.DataFrame:
    """One option per host, configuration and set of two or more networks that have no operator in common.

    Parameters
    ----------
    options : DataFrame
        Single options of all networks, see `siting.plan.options.from_assets`.
    networks : mapping
        Network -> its operators, in the order of the run.
    sharing : DataFrame or None
        Edited table; None takes the shipped one.

    Returns
    -------
    DataFrame
        The columns of the options.  Slots, weight, sail and power are the sums over the networks, as each brings its own
        radio units; every party pays its share of what it would pay alone, ``cost_yuan`` is what all pay together and
        ``own_cost_yuan`` the mean of a party.
    """
    table = tables.sharing() if sharing is None else sharing
    parts = [_together(options, names, networks, own_share(len(names), table)) for names in sets_of(networks)]
    return pd.concat(parts, ignore_index=True) if parts else options.iloc[:0]


def sets_of(networks: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, ...]]:
    """Sets of two or more networks without a common operator; of networks of the same operators the first counts."""
    first = {tuple(sorted(operators)): name for name, operators in reversed(list(networks.items()))}
    names = [name for name in networks if name in first.values()]
    for size in range(2, len(names) + 1):
        for chosen in itertools.combinations(names, size):
            served = [operator for name in chosen for operator in networks[name]]
            if len(served) == len(set(served)):
                yield chosen


def own_share(parties: int, table: pd.DataFrame) -> float:
    """What each of some parties pays of its cost alone; more parties than the table knows pay as the most it knows."""
    rows = table[table["parties"] <= parties].sort_values("parties")
    return float(rows["own_share"].iloc[-1])


def _together(
    options: pd.DataFrame, names: tuple[str, ...], networks: Mapping[str, Sequence[str]], share: float
) -> pd.DataFrame:
    """The options of the first network with what the others add on the same host."""
    key = ["candidate_id", "configuration"]
    alone = {name: options[[row[0] == name for row in options["networks"]]] for name in names}
    both = alone[names[0]].copy()
    for name in names[1:]:
        other = alone[name][[*key, *NEEDS, "cost_yuan"]]
        both = both.merge(other, on=key, suffixes=("", "_other"), validate="one_to_one")
        for column in (*NEEDS, "cost_yuan"):
            both[column] = both[column] + both.pop(f"{column}_other")
    operators = sorted(operator for name in names for operator in networks[name])
    total = both["cost_yuan"] * share
    return both.assign(
        option_id=both["candidate_id"] + "|" + both["configuration"] + "|" + "+".join(operators),
        networks=pd.Series([list(names) for _ in range(len(both))], index=both.index, dtype=object),
        operators=pd.Series([list(operators) for _ in range(len(both))], index=both.index, dtype=object),
        parties=len(names),
        cost_yuan=total,
        own_cost_yuan=total / len(names),
    )
