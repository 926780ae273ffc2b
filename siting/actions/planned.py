"""What a plan run leaves behind: its figures for the run's row, its frames for pages and files."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from siting import words
from siting.access import Actor
from siting.actions import planfiles, planlayers, planwords, radiotables, runs
from siting.actions.planparams import LIMITS
from siting.actions.question import Question, by_operator
from siting.findings import Finding
from siting.plan import Plan
from siting.plan.marginal import marginal_values
from siting.store import artefacts
from siting.store.database import Database
from siting.store.runs import Run

#: Frames of a plan by the name under which `frames` gives them, and the file that holds each.
FRAMES: Mapping[str, str] = {
    "street_offices": "added_street_office",
    "operators": "added_operator",
    "venues": "added_venue",
    "rules": "rules",
    "conditions": "conditions",
    "excluded": "excluded",
    "marginals": "marginals",
    "curve": "steps",
    "told": "findings",
}


@dataclass(frozen=True, eq=False)
class Made:
    """A solved question on its way into the store.

    Parameters
    ----------
    asks, asked : Question, mapping
        The question and its parameters.
    found : Plan
        The answer.
    chosen : DataFrame
        Points of the plan, index = row in ``asks.offered``.
    findings : tuple of Finding
        What is to be known.
    """

    asks: Question
    asked: Mapping[str, Any]
    found: Plan
    chosen: pd.DataFrame
    findings: tuple[Finding, ...]

    @property
    def after(self) -> npt.NDArray[np.float64]:
        """Probability of every unit with the plan, operators weighted."""
        return self.asks.with_options(self.chosen.index.to_numpy())


def save(db: Database, run_id: str, made: Made) -> None:
    """Keep the frames of a plan and the probability with it."""
    folder = runs.folder(db, run_id)
    artefacts.save_table(folder, "plan_sites", made.chosen.reset_index(drop=True))
    for name, frame in _frames(db, made).items():
        artefacts.save_table(folder, FRAMES[name], frame)
    before = made.asks.with_options(np.zeros(0, np.int64))
    artefacts.save_arrays(folder, "after", {"p": made.after.astype(np.float32), "before": before.astype(np.float32)})
    planfiles.keep(db, run_id, made.found)


def _frames(db: Database, made: Made) -> dict[str, pd.DataFrame]:
    found, asks = made.found, made.asks
    steps = [(s.name, s.value, s.bound, s.seconds) for s in found.steps]
    names = planwords.labels(db, asks.offered)
    table = planwords.activity(asks, found, made.asked, made.chosen)
    return {
        "street_offices": _offices(made),
        "operators": by_operator(_from_today(made, found.operators, "operator"), asks.shares),
        "venues": _from_today(made, found.venues, "venue").assign(
            name=lambda f: pd.Series([names.get(str(venue), "") for venue in f["venue"]], index=f.index, dtype=object)
        ),
        "rules": table.assign(names=json.dumps(_mentioned(table, names), ensure_ascii=False)),
        "conditions": _conditions(made.chosen),
        "excluded": _excluded(asks),
        "marginals": _marginals(asks, found),
        "curve": pd.DataFrame(steps, columns=["step", "value", "bound", "seconds"]),
        "told": _told(made.findings),
    }


def _marginals(asks: Question, found: Plan) -> pd.DataFrame:
    """What each chosen point adds when its turn comes, and what is lost without it, alone and with the best in its place."""
    own = marginal_values(asks.problem, found).drop(columns=["cost_yuan", "yuan_per_person"])
    return found.marginals.merge(own, on="option_id")


def _told(findings: tuple[Finding, ...]) -> pd.DataFrame:
    rows = [(f.code, f.severity, f.value, json.dumps(dict(f.values), ensure_ascii=False)) for f in findings]
    return pd.DataFrame(rows, columns=["code", "severity", "value", "details"])


def _mentioned(table: pd.DataFrame, names: Mapping[str, str]) -> dict[str, str]:
    """Names of the hosts and venues that the rules of a plan speak of."""
    return {key: names[key] for key in table["subject"] if key in names}


def _offices(made: Made) -> pd.DataFrame:
    """Expected people by sub-district, and those whom the new points add."""
    units = made.asks.base.units
    gained = units["persons"].to_numpy(float) * (made.after - made.asks.today)
    frame = pd.DataFrame({"street_office": units["street_office"], "persons": units["persons"], "added": gained})
    return frame.groupby("street_office", observed=True).sum().reset_index()


def _from_today(made: Made, table: pd.DataFrame, column: str) -> pd.DataFrame:
    """A plan's figures with the agreed points counted as there already, as the question counts people."""
    standing = np.flatnonzero(made.asks.offered["standing"])
    if table.empty or len(standing) == 0:
        return table
    held = _by(made.asks, standing, column).reindex(table[column]).to_numpy(float)
    return table.assign(covered_before=held, added=table["covered"] - held)


def _by(asks: Question, columns: npt.NDArray[np.int64], column: str) -> pd.Series:
    problem = asks.problem
    best = np.asarray(problem.cover[:, columns].max(axis=1).todense()).ravel()
    people = problem.weight * np.maximum(problem.base, best)
    keys = problem.row_table[column] if problem.row_table is not None else pd.Series(dtype=object)
    return pd.Series(people).groupby(keys.astype(object).to_numpy()).sum()


def _conditions(chosen: pd.DataFrame) -> pd.DataFrame:
    """What must hold before each chosen point can be built: its reasons, and the sentence."""
    tied = chosen[chosen["codes"].map(len) > 0]
    return tied[["option_id", "name", "state", "codes", "message"]].reset_index(drop=True)


def _excluded(asks: Question) -> pd.DataFrame:
    """How many scored options were left out of the question, by reason."""
    out = asks.offered[asks.problem.forbidden]
    codes = out["codes"].map(list).explode().dropna()
    counted = codes.value_counts(sort=True)
    return pd.DataFrame({"code": counted.index.astype(object), "options": counted.to_numpy(np.int64)})


def summary(db: Database, made: Made, scored: Run) -> dict[str, Any]:
    """Figures of a plan for the run's row.

    What is added counts from the network of today and the points agreed or being built; points picked by hand are
    part of what is added.  ``value``, ``bound`` and ``added`` are what the question counts (in binary mode the people
    of units that count as covered, with permission the expected value); ``expected_added`` is expected people whatever
    the mode.
    """
    asks, found = made.asks, made.found
    base, new = asks.base, made.chosen[~made.chosen["standing"]]
    standing = np.flatnonzero(asks.offered["standing"])
    today, people = asks.value(standing), base.units["persons"].to_numpy(float)
    return {
        "coverage": base.run.id,
        "score": scored.id,
        **{name: base.run.result[name] for name in ("measure", "calibrated")},
        "count": len(new),
        "agreed": len(made.chosen) - len(new),
        "agreed_added": today - asks.value(np.zeros(0, np.int64)),
        "candidates": int(scored.result["scored"]),
        "base_value": today,
        "added": found.value - today,
        "expected_added": float(people @ (made.after - asks.today)),
        **{name: getattr(found, name) for name in ("value", "bound", "gap", "gap_of_total")},
        "status": found.status,
        "proven": found.status == "optimal",
        **{name: getattr(found, name) for name in ("seconds", "seed", "kicks", "repeatable", "method", "problem_hash")},
        "mode": made.asked["mode"],
        **_cost(found, new),
        "steps": [[s.name, s.value, s.bound, s.seconds] for s in found.steps],
        "unknown_persons": float(base.run.result["unknown"]),
        "limit": {name: made.asked[name] for name in LIMITS if name in made.asked},
        "left_out": int(asks.problem.forbidden.sum()),
        "rests_on": rests_on(db, asks, scored),
    }


def _cost(found: Plan, new: pd.DataFrame) -> dict[str, float]:
    """Cost of the new points [yuan]; where it was made least, what no plan reaching the target can cost less than.

    The points picked by hand are paid in every plan, so they count in the cost and in its bound; ``gap`` is of the cost
    then, and none relative to all people is told.
    """
    cost = float(new["cost_yuan"].sum())
    if found.cost_bound_yuan is None:
        return {"cost_yuan": cost}
    least = min(cost, found.cost_bound_yuan + float(new.loc[new["locked"], "cost_yuan"].sum()))
    share = (cost - least) / cost if cost > 0 else 0.0
    return {"cost_yuan": cost, "cost_bound_yuan": least, "cost_gap": share, "gap": share}


def counts(findings: tuple[Finding, ...]) -> dict[str, int]:
    """Number of findings by code."""
    return {code: sum(f.code == code for f in findings) for code in dict.fromkeys(f.code for f in findings)}


def rests_on(db: Database, asks: Question, scored: Run) -> dict[str, Any]:
    """What a plan rests on: runs, networks, profile, mix, calibrations, and the state of everything edited since."""
    run = asks.base.run
    asked, result = run.params, run.result
    return {
        "coverage": run.id,
        "score": scored.id,
        "networks": list(asked.get("networks") or [asked["network"]]),
        "profile": asked["profile"],
        "mix": asked["mix"],
        "cell_m": asked["cell_m"],
        "calibration": {n: own.get("calibration", "") for n, own in result.get("networks", {}).items()},
        "radio": result.get("provenance", ""),
        "radio_tables": radiotables.revision(db),
        "layers": {**result.get("revisions", {}), **scored.result.get("revisions", {})},
        "operators": {name: round(share, 6) for name, share in asks.shares.items()},
    }


def radio(base: Run) -> str:
    """Where the probabilities of a plan come from, in one line: the coverage run and what it rests on."""
    told = {"coverage": base.id, **(base.result.get("provenance") or {})}
    return "; ".join(f"{name}={value}" for name, value in told.items())


def frames(db: Database, actor: Actor, run: Run, *, lang: str = words.DEFAULT_LANGUAGE) -> dict[str, Any]:
    """The frames of a finished plan; runs of earlier versions have empty ones where they left none.

    Numbers of problem points that the actor does not see are left out of them, and of their sentences.

    Returns
    -------
    dict
        ``sites`` (project CRS, build order) and the frames of `FRAMES`; ``rules`` with a sentence per line, ``told``
        with message and remedy, ``excluded`` with the reason in words.
    """
    folder = runs.folder(db, run.id)
    table = artefacts.load_table(folder, "plan_sites")
    points = gpd.points_from_xy(table["easting_m"], table["northing_m"])
    found = {name: _loaded(db, run, file) for name, file in FRAMES.items()}
    seen = planlayers.seen(db, actor)
    sites = planlayers.blanked(gpd.GeoDataFrame(table, geometry=points, crs=db.settings.crs), seen)
    return {"sites": sites, **found, **_said(run, found, seen, lang), **_tied(sites, found["conditions"])}


def _tied(sites: pd.DataFrame, conditions: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The conditions with the sentences of their sites."""
    if conditions.empty:
        return {}
    said = dict(zip(sites["option_id"], sites["message"], strict=True))
    return {"conditions": conditions.assign(message=[said[name] for name in conditions["option_id"]])}


def _loaded(db: Database, run: Run, file: str) -> pd.DataFrame:
    folder = runs.folder(db, run.id)
    return artefacts.load_table(folder, file) if artefacts.has(folder, f"{file}.parquet") else pd.DataFrame()


def _said(run: Run, found: Mapping[str, pd.DataFrame], seen: Collection[str], lang: str) -> dict[str, pd.DataFrame]:
    """Frames with their sentences in a language."""
    said: dict[str, pd.DataFrame] = {}
    if len(found["rules"]):
        table = found["rules"]
        own = {"rules": run.params.get("rules") or {"min_spacing_m": 0.0}}
        names = json.loads(table["names"].iloc[0])
        said["rules"] = planwords.lines(table.drop(columns="names"), names=names, asked=own, lang=lang)
    if len(found["told"]):
        rows = [_finding(row, seen) for row in found["told"].to_dict("records")]
        words_of = {part: [f.say(part, lang=lang) for f in rows] for part in ("message", "remedy")}
        said["told"] = found["told"].drop(columns="details").assign(**words_of)
    if len(found["excluded"]):
        said["excluded"] = found["excluded"].assign(reason=[_reason(code, lang) for code in found["excluded"]["code"]])
    return said


def _finding(row: Mapping[Hashable, Any], seen: Collection[str]) -> Finding:
    told = json.loads(row["details"])
    if told.get("case_no", "") not in {"", *seen}:
        told["case_no"] = "—"
    return Finding(code=row["code"], severity=row["severity"], value=row["value"], values=told)


def _reason(code: str, lang: str) -> str:
    """A reason of the options in words; what it says of single options is left open."""
    return re.sub(r"\{\w+\}", "…", words.say(f"plan.code.{code}", lang=lang))
