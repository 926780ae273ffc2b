"""Hold finished plans against each other: under each one's own question, under scenarios, and if the model were off."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from siting.access import Actor
from siting.actions import candidates, coverage, effects, plans, question, radiotables, runs, scene
from siting.actions.doors import require
from siting.errors import BadInput
from siting.plan import CoverProblem, Limits
from siting.plan import compare as core
from siting.plan.build import GROUP_JOIN
from siting.plan.compare import Comparison, Kept, Origin
from siting.radio.draws import errors_db, shifting
from siting.store import artefacts, layers, scenarios
from siting.store.database import Database
from siting.store.runs import Run
from siting.store.scenarios import Scenario

LIMITS = ("count", "budget_yuan", "target_persons")
#: What a question is made of beside its limits: plans that agree in these are asked the same.
POSED = ("admit", "forbid", "mode", "use_permission", "fibre_in_cost", "rules", "prices")
LISTED = 100
MOST = 10
SITES = ("option_id", "candidate_id", "name", "class", "configuration", "street_office", "state", "owner_org", "added_persons", "cost_yuan",
    "fibre_m", "message")  # fmt: skip
PLAN, SCENARIO, DRAW = "plan", "scenario", "draw"
STALE, NO_COVERAGE, NO_SCORE = "stale", "no_coverage", "no_score"


@dataclass(frozen=True, eq=False)
class Compared:
    """Plans side by side.

    Parameters
    ----------
    plans : DataFrame
        One line per plan in the order asked for: what `listing` tells, and ``fibre_m`` (NaN where no plan site has a
        route), ``unreached`` (sites without a route), ``agreed``, ``fibre_in_cost`` (whether its cost counts fibre),
        ``site_cost_yuan`` (without fibre; NaN where it was not kept), ``prices`` (those of its own, as text).
    problems : DataFrame
        What they were held against: ``problem`` (its name in `found`), ``kind`` (`PLAN`, `SCENARIO`, `DRAW`), ``name`` of a
        scenario, ``coverage`` run, ``price_factor``.
    missing : DataFrame
        What they could not be held against: ``problem, kind, name, why`` (`STALE`: the district changed since;
        `NO_COVERAGE`, `NO_SCORE`: not computed yet).
    found : Comparison or None
        None where nothing could be posed.
    sites : GeoDataFrame
        Chosen sites of any plan, common ones first: columns `SITES`, ``plans`` (those that hold it), ``common``, one column
        per plan with what the site adds when its turn comes there.  Where some plans count fibre as cost and others do
        not, ``cost_yuan`` is that of the site alone.
    offices : DataFrame
        People added by sub-district as each plan counted them itself: ``street_office``, one column per plan.
    venue_names : mapping
        Names of venues by id.
    same_coverage, same_score : bool
        Whether all plans rest on the same.
    """

    plans: pd.DataFrame
    problems: pd.DataFrame
    missing: pd.DataFrame
    found: Comparison | None
    sites: gpd.GeoDataFrame
    offices: pd.DataFrame
    venue_names: Mapping[str, str]
    same_coverage: bool
    same_score: bool


@dataclass(frozen=True)
class _Asked:
    """A problem to be posed: its name, whose it is, with which parameters, against which runs."""

    problem: str
    kind: str
    name: str
    params: Mapping[str, Any]
    coverage: str
    network: str
    score: str
    price_factor: float = 1.0
    draw_seed: int | None = None


def listing(db: Database, actor: Actor) -> pd.DataFrame:
    """Finished plans that the actor sees, newest first.

    Returns
    -------
    DataFrame
        ``run, created_at, count, budget_yuan, target_persons`` (NaN where it was no limit), ``scenario, measure, calibrated,
        sites, added`` [persons or m2, as coverage counts], ``cost_yuan, gap, status, coverage, score, problem_hash``.
    """
    require(db, actor, runs.READING)
    found = [_line(run) for run in runs.listing(db, actor, "plan", limit=LISTED) if run.status == "done"]
    return pd.DataFrame(found, columns=list(_COLUMNS))


_RESULT = ("measure", "calibrated", "added", "cost_yuan", "gap", "status", "coverage", "score", "problem_hash")
_COLUMNS = ("run", "created_at", *LIMITS, "scenario", "sites", *_RESULT)


def _line(run: Run) -> dict[str, Any]:
    limits = {name: np.nan if run.params.get(name) is None else float(run.params[name]) for name in LIMITS}
    own = {"run": run.id, "created_at": run.created_at, "scenario": str(run.params.get("scenario") or "")}
    return {**own, **limits, "sites": run.result["count"], **{name: run.result[name] for name in _RESULT}}


def version(db: Database, actor: Actor, plan_runs: Sequence[str]) -> str:
    """Name of the state that a comparison of these plans rests on, for this person."""
    require(db, actor, runs.READING)
    names = [(one.id, one.name) for one in scenarios.listing(db, viewer=actor)]
    done = [(run.id, run.status) for kind in ("coverage", "score") for run in runs.listing(db, actor, kind, limit=1)]
    ground = (scene.revisions(db, candidates.SOURCES), radiotables.revision(db))
    return repr((tuple(plan_runs), effects.version(db, actor), names, done, ground))


def compared(db: Database, actor: Actor, plan_runs: Sequence[str], *, draws: bool = True) -> Compared:
    """Hold two or more finished plans against each other.

    Every plan's own question is posed anew as the district stands now for this person, without what was picked by hand;
    then the scenarios kept in the district whose coverage and candidates stand; then draws of the model's error.

    Parameters
    ----------
    plan_runs : sequence of str
        Two plan runs or more; differences are told of the first two.
    draws : bool
        Whether draws are made.

    Raises
    ------
    BadInput
        If fewer than two different runs are named, or more than `MOST`, or one is not finished.
    NotFound
        If a run is not there for the actor.
    """
    require(db, actor, runs.READING)
    names = list(dict.fromkeys(plan_runs))
    if len(names) < 2:  # noqa: PLR2004 - one plan differs from nothing
        raise BadInput("compare.two", given=len(names))
    if len(names) > MOST:
        raise BadInput("compare.many", given=len(names), most=MOST)
    found = {name: plans.plan(db, actor, name) for name in names}
    asked = {name: runs.finished(db, actor, "plan", name) for name in names}
    kept = {name: _kept(own) for name, own in found.items()}
    wanted, missing = _wanted(db, actor, asked)
    problems, about = _problems(db, actor, wanted, options={o for plan in kept.values() for o in plan.chosen})
    if draws and problems:
        problems, about = _with_draws(db, wanted[0], problems, about)
    here = Origin(db.settings.name, db.settings.crs)
    result = core.compare(
        kept,
        problems,
        draws=[line["problem"] for line in about if line["kind"] == DRAW],
        plan_origins={name: Origin(db.settings.name, str(own["sites"].crs)) for name, own in found.items()},
        problem_origins=dict.fromkeys(problems, here),
    ) if problems else None  # fmt: skip
    table = pd.DataFrame([_with_fibre(asked[name], own) for name, own in found.items()])
    return Compared(
        plans=table,
        problems=pd.DataFrame(about, columns=["problem", "kind", "name", "coverage", "price_factor"]),
        missing=pd.DataFrame(missing, columns=["problem", "kind", "name", "why"]),
        found=None if result is None else _apart(result),
        sites=_sites(found, alone=len(set(table["fibre_in_cost"])) > 1),
        offices=_offices(found),
        venue_names=_venues(db),
        same_coverage=len(set(table["coverage"])) == 1,
        same_score=len(set(table["score"])) == 1,
    )


def _apart(found: Comparison) -> Comparison:
    """One line per operator in place of those that share one because they are covered alike."""
    alike = found.groups["by"] == "operator"
    joined = found.groups[alike].rename(columns={"name": "operator"})
    everyone = sorted({name for names in joined["operator"] for name in str(names).split(GROUP_JOIN)})
    each = question.by_operator(joined, question.operator_shares(everyone)).rename(columns={"operator": "name"})
    return replace(found, groups=pd.concat([found.groups[~alike], each], ignore_index=True))


def _kept(own: Mapping[str, Any]) -> Kept:
    chosen = tuple(str(name) for name in _new(own)["option_id"])
    return Kept(chosen, float(own["cost_yuan"]), float(own["gap"]), str(own["problem_hash"]))


def _new(own: Mapping[str, Any]) -> gpd.GeoDataFrame:
    """Sites that the plan itself brings: those agreed or being built are nobody's choice."""
    sites: gpd.GeoDataFrame = own["sites"]
    return sites[~sites["standing"]] if "standing" in sites else sites


def _with_fibre(run: Run, own: Mapping[str, Any]) -> dict[str, Any]:
    """The line of a plan with what its fibre is, and what its sites cost without it."""
    new, counted = _new(own), bool(run.params.get("fibre_in_cost", False))
    routes = new["fibre_m"]
    metres = float(routes.sum()) if routes.notna().any() else float("nan")
    fibre = {"fibre_m": metres, "unreached": int(routes.isna().sum()), "agreed": int(own.get("agreed", 0))}
    return {
        **_line(run),
        **fibre,
        "fibre_in_cost": counted,
        "prices": json.dumps(run.params.get("prices") or {}, sort_keys=True),
        "site_cost_yuan": float(_alone(new, counted=counted).sum(skipna=False)),
    }


def _alone(sites: pd.DataFrame, *, counted: bool = False) -> pd.Series:
    """Cost of sites without fibre [yuan]; where it was not kept, their cost unless fibre is counted in it."""
    if "site_cost_yuan" in sites:
        return sites["site_cost_yuan"].astype(float)
    return sites["cost_yuan"].astype(float) * (np.nan if counted else 1.0)


def _wanted(
    db: Database, actor: Actor, asked: Mapping[str, Run]
) -> tuple[list[_Asked], list[tuple[str, str, str, str]]]:
    """Questions that can be posed now, and those that cannot with the reason."""
    wanted, missing = [], []
    for name, run in asked.items():
        base = runs.finished(db, actor, "coverage", str(run.result["coverage"]))
        if coverage.current(db, base):
            wanted.append(_Asked(name, PLAN, "", _params(db, run.params), *_of(base), str(run.result["score"])))
        else:
            missing.append((name, PLAN, "", STALE))
    scored = {(own.coverage, tuple(own.params["admit"])): own.score for own in wanted}
    for one in scenarios.listing(db, viewer=actor):
        found = _of_scenario(db, actor, one, scored)
        if isinstance(found, _Asked):
            wanted.append(found)
        else:
            missing.append((one.id, SCENARIO, one.name, found))
    return wanted, missing


def _of_scenario(
    db: Database, actor: Actor, one: Scenario, known: Mapping[tuple[str, tuple[str, ...]], str]
) -> _Asked | str:
    """A scenario against coverage and candidates that stand, or why not; candidates of the plans compared come first."""
    record = one.record
    base = coverage.standing(db, actor, record["coverage_params"])
    if base is None:
        return NO_COVERAGE
    params = _params(db, {**record["params"], "coverage": base.id})
    admits = candidates.params(base.id, admit_unknown=candidates.STUDY in params["admit"])
    scored = candidates.standing(db, actor, admits)
    score = known.get((base.id, tuple(params["admit"])), "" if scored is None else scored.id)
    if not score:
        return NO_SCORE
    price, seed = float(record.get("price_factor", 1.0)), record.get("draw_seed")
    return _Asked(one.id, SCENARIO, one.name, params, *_of(base), score, price, seed)


def _of(base: Run) -> tuple[str, str]:
    """A coverage run and the network that planning rests on."""
    return base.id, str(base.params["network"])


def _params(db: Database, given: Mapping[str, Any]) -> dict[str, Any]:
    """A question's parameters without what was picked by hand: that belongs to the plan, not to the question."""
    return {**plans.params(db.settings, given), "lock": []}


def _problems(
    db: Database, actor: Actor, wanted: Sequence[_Asked], *, options: set[str]
) -> tuple[dict[str, CoverProblem], list[dict[str, Any]]]:
    """Every question cut down to the options that matter; questions that differ in their limits alone are posed once."""
    held, posed, problems = effects.current(db, actor), {}, {}
    for one in wanted:
        key = repr((one.coverage, one.score, [one.params.get(name) for name in POSED]))
        if key not in posed:
            whole = question.posed(db, actor, {**one.params, "coverage": one.coverage}, one.score, held=held).problem
            posed[key] = core.only(whole, options)
        problem = replace(posed[key], limits=_limits(one.params), cost_yuan=posed[key].cost_yuan * one.price_factor)
        problems[one.problem] = problem if one.draw_seed is None else _one_draw(db, one, problem)
    return problems, [_about(one) for one in wanted]


def _limits(params: Mapping[str, Any]) -> Limits:
    return Limits(count=params.get("count"), budget_yuan=params.get("budget_yuan"))


def _about(one: _Asked) -> dict[str, Any]:
    return {name: getattr(one, name) for name in ("problem", "kind", "name", "coverage", "price_factor")}


def _with_draws(
    db: Database, first: _Asked, problems: dict[str, CoverProblem], about: list[dict[str, Any]]
) -> tuple[dict[str, CoverProblem], list[dict[str, Any]]]:
    """The first question again, once for every draw of the model's error; none where nothing is known of that error."""
    problem = problems[first.problem]
    small = core.only(problem, problem.option_id.tolist(), open_rows=True)
    drawn = {f"{DRAW}-{n}": one for n, one in enumerate(_draws(db, first, small, seed=0), start=1)}
    lines = [{**_about(first), "problem": name, "kind": DRAW} for name in drawn]
    return {**problems, **drawn}, [*about, *lines]


def _one_draw(db: Database, one: _Asked, problem: CoverProblem) -> CoverProblem:
    """The question if the model were off as in one draw; as it is where nothing is known of the model's error."""
    return next(_draws(db, one, problem, seed=int(one.draw_seed or 0)), problem)


def _draws(db: Database, one: _Asked, problem: CoverProblem, *, seed: int) -> Iterator[CoverProblem]:
    """The problem with every probability moved by one error of its place's class, the same for old sites and new ones.

    The spread of the level is that of the present server at the place; where there is none, the middle one of the
    district.  Entries too small to be kept stay away.
    """
    folder = runs.folder(db, one.coverage)
    sure = one.params.get("mode", "probability") == "binary" or one.params.get("use_permission", False)
    if sure or not artefacts.has(folder, "chances.npz"):
        return
    known = artefacts.load_arrays(folder, "chances", only=["sigma_db", "kind", "error_db"])
    sigma = known["sigma_db"]
    if not np.isfinite(sigma).any():
        return
    unit = np.asarray(problem.row_id, dtype=np.int64) % len(sigma)
    spread = np.where(sigma > 0, sigma, np.nanmedian(sigma))[unit].astype(np.float32)
    kind = known["kind"][unit]
    errors = errors_db(one.network, known["error_db"], draws=int(core.defaults()["draws"]), seed=seed)
    at = problem.cover.indices
    level = shifting(problem.base.astype(np.float32), spread, kind, errors)
    entry = shifting(problem.cover.data.astype(np.float32), spread[at], kind[at], errors)
    for draw in range(len(errors)):
        cover = problem.cover.copy()
        cover.data = entry.probability(draw).astype(np.float64)
        yield replace(problem, cover=cover, base=level.probability(draw).astype(np.float64))


def _sites(found: Mapping[str, Mapping[str, Any]], *, alone: bool) -> gpd.GeoDataFrame:
    """Sites of all plans once, common ones first, then in the order in which the plans would build them."""
    held = {name: _new(own) for name, own in found.items()}
    held = {name: own.assign(cost_yuan=_alone(own)) for name, own in held.items()} if alone else held
    crs = next(iter(held.values())).crs
    frames = [own[[c for c in (*SITES, "geometry") if c in own]] for own in held.values()]
    every = pd.concat(frames, ignore_index=True).drop_duplicates("option_id", ignore_index=True)
    turns = {name: own.set_index("option_id")["marginal_in_plan"] for name, own in held.items()}
    for name, turn in turns.items():
        every[name] = every["option_id"].map(turn).to_numpy(float)
    every["plans"] = [
        tuple(name for name, turn in turns.items() if option in turn.index) for option in every["option_id"]
    ]
    every["common"] = every["plans"].map(len) == len(held)
    order = every.sort_values("common", ascending=False, kind="stable", ignore_index=True)
    return gpd.GeoDataFrame(order, geometry="geometry", crs=crs)


def _offices(found: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    columns = {
        name: own["street_offices"].astype({"street_office": object}).set_index("street_office")["added"]
        for name, own in found.items()
    }
    return pd.DataFrame(columns).rename_axis("street_office").reset_index()


def stored_differences(found: Compared) -> pd.DataFrame:
    """Where the first two plans differ by sub-district as each counted it itself, the largest difference first.

    Returns
    -------
    DataFrame
        Like `siting.plan.compare.Comparison.differences`, with what stood before unknown.
    """
    first, second = found.plans["run"].iloc[:2]
    own = found.offices
    table = pd.DataFrame({"name": own["street_office"], "persons": np.nan, "covered_before": np.nan})
    table = table.assign(first=own[first].fillna(0.0), second=own[second].fillna(0.0))
    table["difference"] = table["second"] - table["first"]
    order = table["difference"].abs().sort_values(ascending=False, kind="stable").index
    return table.loc[order].reset_index(drop=True)


def _venues(db: Database) -> dict[str, str]:
    rows = layers.read(db, "venues", columns=["name"])
    named = zip(rows["venue_id"], rows["name"], strict=True)
    return {str(key): str(name) for key, name in named if isinstance(name, str) and name}
