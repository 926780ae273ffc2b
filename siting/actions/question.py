"""The planning question of a plan run: who could be covered by which point, under which limits and effects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

from siting.access import Actor
from siting.actions import candidates, effects, radiotables, runs, stations
from siting.actions.candidates import Base
from siting.errors import BadInput
from siting.plan import CoverProblem, Limits, Rule, build, rules
from siting.store import artefacts, layers
from siting.store.database import Database

ROOM = (
    "slots_total", "slots_reserved", "slots_taken", "spare_weight_kg", "spare_sail_m2", "power_kva_spare",
)  # fmt: skip


@dataclass(frozen=True)
class Gains:
    """Coverage probability of each option alone, sparse [units, options]."""

    p: sp.csc_array


@dataclass(frozen=True, eq=False)
class Question:
    """What is asked, ready to be solved.

    Parameters
    ----------
    base : Base
        The coverage that points are measured against.
    offered : DataFrame
        Scored options, best first, with ``effect``, ``case_no``, ``standing`` (agreed or being built: outside the limits)
        and ``locked`` (those and the ones picked by hand).
    reach : sparse array [units, options]
        Coverage probability of each option alone.
    problem : CoverProblem
        The same for the solver.
    """

    base: Base
    offered: pd.DataFrame
    reach: sp.csc_array
    problem: CoverProblem

    @property
    def today(self) -> npt.NDArray[np.float64]:
        """Probability of every unit from the present network and the points that are agreed or being built."""
        return self.with_options(np.flatnonzero(self.offered["standing"]))

    def with_options(self, columns: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Probability of every unit from the present network and some options."""
        present = self.base.units["present"].to_numpy(np.float64)
        if len(columns) == 0:
            return present
        best = np.asarray(self.reach[:, columns].max(axis=1).todense(), np.float64).ravel()
        return np.maximum(present, best)


def posed(db: Database, actor: Actor, asked: Mapping[str, Any], score_run: str, *, held: pd.DataFrame) -> Question:
    """The question of a plan run as it stands with these effects of problem points.

    Parameters
    ----------
    asked : mapping
        Parameters of the plan run, see `siting.actions.plans.params`.
    score_run : str
        The score run whose options are offered.
    held : DataFrame
        From `siting.actions.effects.current`.

    Raises
    ------
    BadInput
        If the coverage run is stale, or points picked by hand are not usable, blocked, or break the limit alone.
    """
    base = candidates.base_of(db, actor, asked["coverage"])
    folder = runs.folder(db, score_run)
    offered = effects.applied(artefacts.load_table(folder, "scored"), held)
    offered = _marked(offered, asked["lock"])
    reach = artefacts.load_matrix(folder, "reach")
    operators = radiotables.networks(db)[base.run.params["network"]].operators
    problem = build.build(
        base.units,
        Gains(reach),
        offered,
        limits=_limits(asked, offered),
        rules=_rules(db, offered),
        base={op: base.units["present"].to_numpy() for op in operators},
        cell_probability=radiotables.thresholds(db)[base.run.params["profile"]].cell_probability,
        admit=asked["admit"],
    )
    return Question(base, offered, reach, problem)


def _marked(offered: pd.DataFrame, picked: list[str]) -> pd.DataFrame:
    """Options with what is fixed: agreed ones by themselves, the others by hand."""
    missing = sorted(set(picked) - set(offered["option_id"]))
    if missing:
        raise BadInput("plans.lock_unknown", names=", ".join(missing))
    standing = offered["effect"] == effects.LOCKED
    mine = offered["option_id"].isin(picked)
    blocked = offered[mine & (offered["effect"] == effects.FORBIDDEN)]
    if len(blocked):
        raise BadInput("unblocking.picked_blocked", names="、".join(blocked["name"].fillna("") + blocked["case_no"]))
    taken = offered["candidate_id"].isin(offered.loc[standing, "candidate_id"])
    return offered.assign(standing=standing, locked=standing | (mine & ~taken))


def _limits(asked: Mapping[str, Any], offered: pd.DataFrame) -> Limits:
    """What is left for the optimiser once the points picked by hand are counted; agreed ones count for nothing."""
    own = offered[offered["locked"] & ~offered["standing"]]
    count, budget = asked.get("count"), asked.get("budget_yuan")
    if count is not None:
        left = count - len(own)
        if left < 0:
            raise BadInput("plans.lock_many", n=len(own), count=count)
        return Limits(count=left)
    left_yuan = float(budget or 0.0) - float(own["cost_yuan"].sum())
    if left_yuan < 0:
        raise BadInput("plans.lock_dear", cost=float(own["cost_yuan"].sum()), budget=budget)
    return Limits(budget_yuan=left_yuan)


def _rules(db: Database, offered: pd.DataFrame) -> list[Rule]:
    assets = stations.with_taken(db, layers.read(db, "assets", columns=ROOM))
    own = pd.DataFrame(assets[assets["asset_id"].isin(offered["candidate_id"])].drop(columns="geometry"))
    made = [*rules.one_per_candidate(offered), *rules.slots(offered, own), *rules.loads(offered, own)]
    standing = offered["standing"].to_numpy(bool)
    return [_with_room(rule, standing) for rule in made] if standing.any() else made


def _with_room(rule: Rule, standing: npt.NDArray[np.bool_]) -> Rule:
    """A rule that never refuses what is agreed already: its slot may be entered as taken by itself."""
    held = float(rule.coefficient[standing[rule.option_index]].sum())
    return replace(rule, at_most=held) if rule.at_most is not None and held > rule.at_most else rule
