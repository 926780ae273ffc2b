"""The planning question of a plan run: who could be covered by which point, under which limits and effects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

from siting.access import Actor
from siting.actions import candidates, effects, permission, planprices, planrules, radiotables, runs
from siting.actions.candidates import Base
from siting.errors import BadInput
from siting.findings import Finding
from siting.plan import CoverProblem, Limits, build
from siting.radio.gap import operator_weights
from siting.store import artefacts
from siting.store.database import Database


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
        Scored options, best first, with ``effect``, ``case_no``, ``standing`` (agreed or being built: outside the limits),
        ``locked`` (those and the ones picked by hand), ``forbidden`` (left out of this question) and ``cost_yuan`` as
        it is counted (``site_cost_yuan`` without fibre).
    reaches : mapping
        Operator -> coverage probability of each option alone, sparse [units, options].
    shares : mapping
        Operator -> its share of the people.
    problem : CoverProblem
        The same for the solver.
    findings : tuple of Finding
        What is to be known of the question.
    """

    base: Base
    offered: pd.DataFrame
    reaches: Mapping[str, sp.csc_array]
    shares: Mapping[str, float]
    problem: CoverProblem
    findings: tuple[Finding, ...] = ()

    @property
    def today(self) -> npt.NDArray[np.float64]:
        """Probability of every unit from the present network and the points that are agreed or being built."""
        return self.with_options(np.flatnonzero(self.offered["standing"]))

    def with_options(self, columns: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Probability of every unit from the present network and some options, operators weighted."""
        return expected(self.base.presents, self.reaches, self.shares, columns)

    def value(self, columns: npt.NDArray[np.int64]) -> float:
        """What the question counts, with some options beside the present network [persons]."""
        problem = self.problem
        best = np.zeros(problem.weight.size)
        if len(columns):
            best = np.asarray(problem.cover[:, columns].max(axis=1).todense(), np.float64).ravel()
        return float(problem.weight @ np.maximum(problem.base, best))


def expected(
    presents: Mapping[str, npt.NDArray[np.float32]],
    reaches: Mapping[str, sp.csc_array],
    shares: Mapping[str, float],
    columns: npt.NDArray[np.int64],
) -> npt.NDArray[np.float64]:
    """Probability of every unit with some options, operators weighted by their shares; operators alike are done once."""
    alike: dict[tuple[int, int], list[str]] = {}
    for name in presents:
        alike.setdefault((id(presents[name]), id(reaches[name])), []).append(name)
    total = np.zeros(len(next(iter(presents.values()))))
    for names in alike.values():
        best = np.asarray(presents[names[0]], np.float64)
        if len(columns):
            own = reaches[names[0]][:, columns].max(axis=1)
            best = np.maximum(best, np.asarray(own.todense(), np.float64).ravel())
        total += sum(shares[name] for name in names) * best
    return total


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
        If the coverage run is stale; if points picked by hand are not usable, blocked, or break the limit alone; if a
        point to be forbidden or a venue is unknown; if permission or fibre cost is asked for and the candidates have none.
    """
    base = candidates.base_of(db, actor, asked["coverage"])
    scored = effects.applied(artefacts.load_table(runs.folder(db, score_run), "scored"), held)
    scored = planprices.applied(db, scored, asked.get("prices") or {})
    offered, findings = _marked(scored, asked["lock"]), _absent(scored, held)
    offered = planrules.by_hand(offered, asked["forbid"])
    offered = planrules.apart(db, actor, base, offered, asked)
    offered = _priced(offered) if asked["fibre_in_cost"] else offered.assign(site_cost_yuan=offered["cost_yuan"])
    offered = _with_permission(db, actor, offered) if asked["use_permission"] else offered
    reaches = candidates.reaches(db, score_run)
    shares = operator_shares(list(base.presents))
    covered = radiotables.thresholds(db)[base.run.params["profile"]].cell_probability
    if any(quota["by"] == "zone" for quota in asked["rules"]["quotas"]):
        today = expected(base.presents, reaches, shares, np.flatnonzero(offered["standing"]))
        offered = offered.assign(zone=planrules.zoned(db, base, offered, today=today, covered=covered))
    problem = build.build(
        base.units,
        {name: Gains(reaches[name]) for name in base.presents},
        offered,
        mode=asked["mode"],
        limits=_limits(asked, offered),
        rules=planrules.rows(db, base, offered, asked=asked, reaches=reaches, cell_probability=covered),
        use_permission=asked["use_permission"],
        base=dict(base.presents),
        operator_share=shares,
        cell_probability=covered,
        admit=asked["admit"],
    )
    return Question(base, offered, reaches, shares, problem, findings)


def operator_shares(operators: Sequence[str]) -> dict[str, float]:
    """Each operator's share of the people, by the weights with which coverage counts them."""
    weights = operator_weights()
    whole = sum(weights.get(name, 1.0) for name in operators)
    return {name: weights.get(name, 1.0) / whole for name in operators}


def by_operator(table: pd.DataFrame, shares: Mapping[str, float]) -> pd.DataFrame:
    """One line per operator of a table whose operators alike share a line: its people by the operators' shares.

    Parameters
    ----------
    table : DataFrame
        ``operator`` (one, or several joined) and figures in people; what is no number stays as it is.
    shares : mapping
        Operator -> share of the people.
    """
    names = table["operator"].astype(object).str.split(build.GROUP_JOIN)
    apart = table.assign(operator=names, together=names.map(lambda own: sum(shares[name] for name in own)))
    apart = apart.explode("operator", ignore_index=True)
    part = apart["operator"].map(shares) / apart.pop("together")
    figures = apart.select_dtypes("number").columns
    apart[figures] = apart[figures].mul(part.astype(float), axis=0)
    return apart.sort_values("operator", ignore_index=True)


def _marked(offered: pd.DataFrame, picked: list[str]) -> pd.DataFrame:
    """Options with what is fixed: agreed ones by themselves, the others by hand, by option or the best one of a candidate."""
    best = offered.drop_duplicates("candidate_id").set_index("candidate_id")["option_id"]
    names = {str(best.get(name, name)) for name in picked}
    missing = sorted(names - set(offered["option_id"]))
    if missing:
        raise BadInput("plans.lock_unknown", names=", ".join(missing))
    standing = offered["effect"] == effects.LOCKED
    mine = offered["option_id"].isin(names)
    blocked = offered[mine & (offered["effect"] == effects.FORBIDDEN)]
    if len(blocked):
        raise BadInput("unblocking.picked_blocked", names="、".join(blocked["name"].fillna("") + blocked["case_no"]))
    taken = offered["candidate_id"].isin(offered.loc[standing, "candidate_id"])
    return offered.assign(standing=standing, locked=standing | (mine & ~taken), forbidden=False)


def _absent(offered: pd.DataFrame, held: pd.DataFrame) -> tuple[Finding, ...]:
    """Agreed points that are not among the options: their coverage is in no figure of the plan."""
    agreed = held[held["effect"] == effects.LOCKED]
    missing = agreed[~agreed["candidate_id"].isin(offered["candidate_id"])]
    return tuple(
        Finding(
            code="plan_agreed_absent", severity="warning", value=str(row.candidate_id), values={"case_no": row.case_no}
        )
        for row in missing.itertuples()
    )


def _priced(offered: pd.DataFrame) -> pd.DataFrame:
    """Options whose cost is site and fibre; those without fibre priced in yuan are left out, with the reason."""
    if "fibre_cost_yuan" not in offered or offered["fibre_cost_yuan"].isna().all():
        raise BadInput("plans.no_fibre_cost")
    known = offered["fibre_cost_yuan"].notna()
    both = offered["cost_yuan"] + offered["fibre_cost_yuan"].fillna(0.0)
    offered = offered.assign(site_cost_yuan=offered["cost_yuan"], cost_yuan=both)
    return planrules.barred(offered, ~known.to_numpy(bool), "fibre_unreached")


def _with_permission(db: Database, actor: Actor, offered: pd.DataFrame) -> pd.DataFrame:
    """Options as permission counts: what is agreed has it, those of which nothing is known are left out with the reason.

    Only the probability goes into the plan, not the number of cases behind it: whoever reads the plan may see fewer.
    """
    if "permission" not in offered:
        offered = offered.assign(permission=permission.learnt(db, actor, offered)["permission"])
    known = pd.to_numeric(offered["permission"], errors="coerce")
    offered = planrules.barred(offered, known.isna().to_numpy(bool), "permission_unknown")
    return offered.assign(permission=known.fillna(0.0).where(~offered["standing"], 1.0))


def _limits(asked: Mapping[str, Any], offered: pd.DataFrame) -> Limits:
    """What is left for the optimiser once the points picked by hand are counted; agreed ones count for nothing."""
    own = offered[offered["locked"] & ~offered["standing"]]
    count, budget = asked.get("count"), asked.get("budget_yuan")
    if count is not None and len(own) > count:
        raise BadInput("plans.lock_many", n=len(own), count=count)
    spent = float(own["cost_yuan"].sum())
    if budget is not None and spent > budget:
        raise BadInput("plans.lock_dear", cost=spent, budget=budget)
    return Limits(
        count=None if count is None else count - len(own), budget_yuan=None if budget is None else budget - spent
    )
