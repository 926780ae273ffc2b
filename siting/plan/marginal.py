"""What every chosen option is worth inside its plan: people lost without it, and with the best one in its place."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from siting.plan import kernels
from siting.plan.core import Core, open_part
from siting.plan.problem import CoverProblem
from siting.plan.result import Plan

Ints = npt.NDArray[np.int64]

COLUMNS = ("option_id", "loss_alone", "loss_replaced", "replacement", "venues", "cost_yuan", "yuan_per_person")
OPERATOR = "lost_"
# A venue that loses fewer people is not named [persons].
LEAST_VENUE_PERSONS = 0.5


def marginal_values(problem: CoverProblem, plan: Plan) -> pd.DataFrame:
    """What each chosen option is worth beside all the others; nothing is solved.

    Values of several options do not add up: what two of them cover alike is in neither.

    Parameters
    ----------
    problem : CoverProblem
        The question.
    plan : Plan
        A plan of it.

    Returns
    -------
    DataFrame
        One line per chosen option in build order.  ``loss_alone``: people lost if it is left out; ``loss_replaced``: if
        the best option that keeps every rule comes in its place, never more than ``loss_alone`` and negative where that
        would be a better plan; ``replacement``: that option, empty where none helps; ``lost_OPERATOR``: people of each
        operator lost if it is left out; ``venues``: list of venues that lose people then, the largest loss first;
        ``cost_yuan``; ``yuan_per_person``: cost by ``loss_alone``, NaN where nobody is lost [persons, yuan].
    """
    core = open_part(problem)
    lost = _lost_rows(problem, plan.chosen)
    alone = lost.groupby("option")["people"].sum().reindex(range(len(plan.chosen)), fill_value=0.0).to_numpy()
    back, names = _replaced(core, core.place, problem.index_of(plan.chosen))
    cost = problem.cost_yuan[problem.index_of(plan.chosen)]
    frame = pd.DataFrame(
        {
            "option_id": list(plan.chosen),
            "loss_alone": alone,
            "loss_replaced": alone - back,
            "replacement": names,
            "venues": _venues(problem, lost, len(plan.chosen)),
            "cost_yuan": cost,
            "yuan_per_person": np.divide(cost, alone, out=np.full(alone.size, np.nan), where=alone > 0),
        },
        columns=list(COLUMNS),
    )
    return frame.assign(**_by_operator(problem, lost, len(plan.chosen)))


def _lost_rows(problem: CoverProblem, chosen: tuple[str, ...]) -> pd.DataFrame:
    """For every row that one chosen option serves best: the option's place in the plan and the people lost without it."""
    level = problem.base.copy()
    if problem.locked.any():
        held = problem.cover[:, np.flatnonzero(problem.locked)].max(axis=1)
        level = np.maximum(level, np.asarray(held.todense()).ravel())
    part = problem.cover[:, problem.index_of(chosen)].tocoo()
    frame = pd.DataFrame({"row": part.row, "option": part.col, "p": part.data})
    frame = frame.sort_values(["row", "p"], ascending=[True, False], kind="stable", ignore_index=True)
    first = ~frame["row"].duplicated().to_numpy()
    following = np.append(np.where(first[1:], -1.0, frame["p"].to_numpy()[1:]), -1.0)[: len(frame)]
    floor = np.maximum(level[frame["row"]], following)
    people = problem.weight[frame["row"]] * np.maximum(0.0, frame["p"].to_numpy() - floor)
    return frame.assign(people=people)[first & (people > 0)]


def _replaced(core: Core, place: Ints, chosen: Ints) -> tuple[npt.NDArray[np.float64], list[str]]:
    """For each chosen option: what the best other one brings in its place [persons], and its name."""
    inside = core.positions([str(name) for name in core.problem.option_id[chosen]])
    back = {int(place[at]): int(at) for at in inside}
    state, ones = core.empty(), np.ones(core.options)
    for at in inside:
        kernels.add(core.cover, core.limits, state, at)
    brought, names = np.zeros(chosen.size), [""] * chosen.size
    for turn, option in enumerate(back[int(at)] for at in chosen):
        kernels.remove(core.cover, core.limits, state, option)
        own, state.gain[option] = state.gain[option], 0.0
        other = kernels.best_addition(core.limits, state, ones, kernels.short_rules(core.limits, state))
        if other >= 0:
            brought[turn], names[turn] = state.gain[other], str(core.problem.option_id[place[other]])
        state.gain[option] = own
        kernels.add(core.cover, core.limits, state, option)
    return brought, names


def _by_operator(problem: CoverProblem, lost: pd.DataFrame, count: int) -> dict[str, npt.NDArray[np.float64]]:
    if problem.row_table is None or "operator" not in problem.row_table:
        return {}
    operator = problem.row_table["operator"].astype(object).to_numpy()
    sums = lost.assign(operator=operator[lost["row"]]).groupby(["operator", "option"])["people"].sum()
    return {
        f"{OPERATOR}{name}": np.array([float(sums.get((name, at), 0.0)) for at in range(count)])
        for name in sorted(set(operator))
    }


def _venues(problem: CoverProblem, lost: pd.DataFrame, count: int) -> list[list[str]]:
    if problem.row_table is None or "venue" not in problem.row_table:
        return [[] for _ in range(count)]
    venue = problem.row_table["venue"].astype(object).to_numpy()
    named = lost.assign(venue=venue[lost["row"]]).dropna(subset="venue")
    sums = named[named["venue"] != ""].groupby(["option", "venue"])["people"].sum().reset_index()
    worst = sums[sums["people"] >= LEAST_VENUE_PERSONS].sort_values("people", ascending=False, kind="stable")
    return [[str(name) for name in worst.loc[worst["option"] == at, "venue"]] for at in range(count)]
