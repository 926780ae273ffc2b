"""Small random questions of every kind with the answer by enumeration; nothing here uses the code under test to judge it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy import sparse

from siting.plan import CoverProblem, Limits, Rule
from siting.plan.build import build
from siting.plan.rules import loads, one_per_candidate, quota, required_venues, slots, spacing

OPERATORS = ("cmcc", "ctc", "cucc")
CELL_PROBABILITY = 0.5
LOADS = (("weight_kg", "spare_weight_kg"), ("sail_m2", "spare_sail_m2"), ("power_kva", "power_kva_spare"))
# What a kind of question holds beside the plain one; "count" and "budget" are the limits.
KINDS = {
    "count": {"count"},
    "budget": {"budget"},
    "count and budget": {"count", "budget"},
    "unlimited": set(),
    "locked": {"count", "locked"},
    "forbidden": {"count", "forbidden"},
    "one per candidate": {"count", "shared places", "one per candidate"},
    "slots": {"count", "shared places", "slots"},
    "load kg": {"count", "shared places", "weight_kg"},
    "load sail": {"budget", "shared places", "sail_m2"},
    "load kVA": {"count", "shared places", "power_kva"},
    "spacing": {"count", "spacing"},
    "quota street": {"count", "quota street_office"},
    "quota owner": {"budget", "quota owner_org"},
    "quota operator": {"count", "joint", "quota operators"},
    "required venues": {"count", "venues"},
    "operators and joint options": {"count", "joint"},
    "binary": {"count", "binary", "joint"},
    "permission": {"budget", "permission"},
    "zero weights and duplicates": {"count", "twins"},
}
MIXED = sorted(set().union(*KINDS.values()))


@dataclass(eq=False)
class World:
    """The facts of a made-up district; `inside` lists every subset of the options."""

    rng: np.random.Generator
    options: pd.DataFrame
    units: pd.DataFrame
    p: np.ndarray
    base: dict[str, np.ndarray]
    assets: pd.DataFrame
    inside: np.ndarray
    rules: list[Rule] = field(default_factory=list)
    allowed: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Case:
    """A question, and of every subset of its options whether it is allowed and whom it covers."""

    problem: CoverProblem
    allowed: np.ndarray
    reached: np.ndarray
    free: np.ndarray

    @property
    def best(self) -> float | None:
        """The optimum, None where nothing is allowed."""
        return float(self.reached[self.allowed].max()) if self.allowed.any() else None

    def subset(self, chosen) -> int:
        """Place of a plan, its locked options with it, among the subsets."""
        places = {*self.problem.index_of(chosen).tolist(), *np.flatnonzero(self.problem.locked).tolist()}
        return sum(1 << at for at in places)


def draw(rng, kind: str) -> Case:
    """A random question of one kind; "mixture" draws its parts at random."""
    parts = KINDS.get(kind) or ({name for name in MIXED if rng.random() < 0.35} if kind == "mixture" else set())
    world = _world(rng, parts)
    limits = _limits(world, parts)
    if "one per candidate" in parts:
        _add(world, one_per_candidate(world.options), _one_per_candidate(world))
    if "slots" in parts:
        _add(world, slots(world.options, world.assets), _per_place(world, "slots", "slots_total"))
    for used, spare in LOADS:
        if used in parts:
            _add(world, loads(world.options, world.assets[["asset_id", spare]]), _per_place(world, used, spare))
    if "spacing" in parts:
        _spacing(world)
    for column in ("street_office", "owner_org", "operators"):
        if f"quota {column}" in parts:
            _quota(world, column)
    if "venues" in parts:
        _venues(world)
    return _case(world, limits, parts)


def _world(rng, parts) -> World:
    n, m = int(rng.integers(5, 10)), int(rng.integers(6, 15))
    places = rng.integers(0, max(2, n // 2), n) if "shared places" in parts else np.arange(n)
    spots = rng.random((n, 2)) * 500
    served = [list(rng.permutation(OPERATORS)[: rng.integers(1, 4)]) if "joint" in parts else ["ctc"] for _ in range(n)]
    states = np.where(rng.random(n) < 0.3, "blocked", "eligible") if "forbidden" in parts else np.full(n, "eligible")
    options = pd.DataFrame({
        "option_id": [f"o{at:02d}" for at in rng.permutation(n)], "candidate_id": [f"c{at}" for at in places],
        "easting_m": spots[places, 0], "northing_m": spots[places, 1],
        "street_office": rng.choice(["东街", "西街", "南街"], n), "owner_org": rng.choice(["甲", "乙"], n),
        "operators": [[str(o) for o in names] for names in served], "cost_yuan": rng.integers(0, 12, n) * 1e4,
        "slots": rng.integers(1, 3, n), "weight_kg": rng.integers(5, 40, n) * 1.1, "sail_m2": rng.integers(1, 9, n) * 0.1,
        "power_kva": rng.integers(1, 9, n) * 0.1, "permission": rng.random(n), "state": states,
        "codes": [["x"] if state == "blocked" else [] for state in states],
        "locked": (rng.random(n) < 0.25) & (states == "eligible") & ("locked" in parts),
    })  # fmt: skip
    p = rng.random((m, n)) * (rng.random((m, n)) < rng.choice([0.2, 0.4, 0.7]))
    persons = rng.integers(0, 60, m) * rng.choice([0.5, 1.0, 1.37])
    if "twins" in parts:
        p[:, -1], persons[: m // 2] = p[:, 0], 0.0
    base = {name: rng.random(m) * rng.choice([0.0, 0.6]) for name in OPERATORS}
    units = pd.DataFrame({
        "unit_id": np.arange(m), "persons": persons, "street_office": "东街", "venue": rng.choice(["医院", "学校", "站"], m),
        "key_point": rng.random(m) < 0.3,
    })  # fmt: skip
    names = [f"c{at}" for at in range(n)]
    assets = pd.DataFrame({
        "asset_id": names, "slots_total": rng.choice([0.0, 1.0, 2.0, 3.0, np.nan], n),
        "spare_weight_kg": rng.choice([10.0, 40.0, 70.0, np.nan], n), "spare_sail_m2": rng.choice([0.2, 0.6, 1.0, np.nan], n),
        "power_kva_spare": rng.choice([0.2, 0.6, 1.0, np.nan], n),
    })  # fmt: skip
    inside = (np.arange(1 << n)[:, None] >> np.arange(n)) & 1 > 0
    return World(rng, options, units, p, base, assets, inside, allowed=np.ones(1 << n, bool))


def _add(world: World, rules: list[Rule], fine: np.ndarray) -> None:
    world.rules += rules
    world.allowed &= fine


def _limits(world: World, parts) -> Limits:
    taken = world.inside & ~world.options["locked"].to_numpy()
    count = int(world.rng.integers(0, 6)) if "count" in parts else None
    budget = float(world.rng.integers(0, 40) * 1e4) if "budget" in parts else None
    if count is not None:
        world.allowed &= taken.sum(axis=1) <= count
    if budget is not None:
        world.allowed &= taken @ world.options["cost_yuan"].to_numpy() <= budget
    return Limits(count=count, budget_yuan=budget)


def _one_per_candidate(world: World) -> np.ndarray:
    """Two chosen options of one place never serve the same operator."""
    fine = np.ones(len(world.inside), bool)
    rows = list(world.options[["candidate_id", "operators"]].itertuples(index=False))
    for a, first in enumerate(rows):
        for b, second in enumerate(rows[:a]):
            if first.candidate_id == second.candidate_id and set(first.operators) & set(second.operators):
                fine &= ~(world.inside[:, a] & world.inside[:, b])
    return fine


def _per_place(world: World, used: str, spare: str) -> np.ndarray:
    """What the chosen options of a place use together stays within what it has, where that is known."""
    room = dict(zip(world.assets["asset_id"], world.assets[spare], strict=True))
    need = world.options[used].to_numpy(float)
    fine = np.ones(len(world.inside), bool)
    for place in world.options["candidate_id"].unique():
        here = (world.options["candidate_id"] == place).to_numpy()
        if room[place] == room[place]:
            fine &= world.inside @ np.where(here, need, 0.0) <= room[place] + 1e-9
    return fine


def _spacing(world: World) -> None:
    apart_m, by = float(world.rng.choice([0.0, 80.0, 200.0])), str(world.rng.choice(["operator", "all"]))
    fine = np.ones(len(world.inside), bool)
    rows = list(world.options[["easting_m", "northing_m", "operators"]].itertuples(index=False))
    for a, first in enumerate(rows):
        for b, second in enumerate(rows[:a]):
            near = np.hypot(first.easting_m - second.easting_m, first.northing_m - second.northing_m) < apart_m
            if near and (by == "all" or set(first.operators) & set(second.operators)):
                fine &= ~(world.inside[:, a] & world.inside[:, b])
    _add(world, spacing(world.options, min_spacing_m=apart_m, by=by), fine)


def _quota(world: World, column: str) -> None:
    """Numbers per value; an option of k operators counts 1/k with each."""
    values = [v if isinstance(v, list) else [v] for v in world.options[column]]
    charge = pd.DataFrame([{one: 1.0 / len(v) for one in v} for v in values]).fillna(0.0)
    at_most = {name: float(world.rng.integers(0, 4)) for name in charge if world.rng.random() < 0.7}
    at_least = {name: float(world.rng.choice([0.5, 1.0, 2.0])) for name in charge if world.rng.random() < 0.4}
    fine = np.ones(len(world.inside), bool)
    for name, limit in at_most.items():
        fine &= world.inside @ charge[name].to_numpy() <= limit + 1e-9
    for name, limit in at_least.items():
        fine &= world.inside @ charge[name].to_numpy() >= limit - 1e-9
    _add(world, quota(world.options, by=column, at_most=at_most, at_least=at_least), fine)


def _venues(world: World) -> None:
    base = world.base["ctc"]
    fine = np.ones(len(world.inside), bool)
    for at, unit in world.units.iterrows():
        if unit["venue"] == "医院" and unit["key_point"] and base[at] < CELL_PROBABILITY:
            fine &= world.inside[:, world.p[at] >= CELL_PROBABILITY].any(axis=1)
    reach = Reach(sparse.csc_matrix(world.p))
    rules = required_venues(
        world.units, reach, world.options, venues=["医院"], cell_probability=CELL_PROBABILITY, base=base
    )
    _add(world, rules, fine)


@dataclass(frozen=True)
class Reach:
    """What `build` asks for: `p` [units, options]."""

    p: sparse.csc_matrix


def _case(world: World, limits: Limits, parts) -> Case:
    options = world.options
    named = sorted({name for names in options["operators"] for name in names})
    base = {name: world.base[name] for name in named}
    problem = build(
        world.units, Reach(sparse.csc_matrix(world.p)), options, mode="binary" if "binary" in parts else "probability",
        limits=limits, rules=world.rules, use_permission="permission" in parts, base=base, cell_probability=CELL_PROBABILITY,
    )  # fmt: skip
    locked, blocked = options["locked"].to_numpy(), (options["state"] == "blocked").to_numpy()
    allowed = world.allowed & world.inside[:, locked].all(axis=1) & ~world.inside[:, blocked].any(axis=1)
    return Case(problem, allowed, _values(world, base, parts), ~(locked | blocked))


def _values(world: World, base: dict[str, np.ndarray], parts) -> np.ndarray:
    """Expected people covered by every subset: of each operator the best serving option, else what is there already."""
    p = world.p * (world.options["permission"].to_numpy() if "permission" in parts else 1.0)
    total = np.zeros(len(world.inside))
    for name, level in base.items():
        own = p * np.array([name in names for names in world.options["operators"]])
        if "binary" in parts:
            own, level = (own >= CELL_PROBABILITY).astype(float), (level >= CELL_PROBABILITY).astype(float)  # noqa: PLW2901
        best = np.zeros((len(world.inside), len(level)))
        for at in range(own.shape[1]):
            np.maximum(best, np.where(world.inside[:, at, None], own[:, at], 0.0), out=best)
        total += np.maximum(best, level) @ world.units["persons"].to_numpy() / len(base)
    return total


def clashing(case: Case, names: list[str]) -> bool:
    """Whether no choice of the free options meets these limits and rules together."""
    problem = case.problem
    n = problem.option_id.size
    inside = (np.arange(1 << n)[:, None] >> np.arange(n)) & 1 > 0
    fine = inside[:, problem.locked].all(axis=1) & ~inside[:, problem.forbidden].any(axis=1)
    free = inside & ~problem.locked
    if "count" in names and problem.limits.count is not None:
        fine &= free.sum(axis=1) <= problem.limits.count
    if "budget_yuan" in names and problem.limits.budget_yuan is not None:
        fine &= free @ problem.cost_yuan <= problem.limits.budget_yuan
    for rule in problem.rules:
        if rule.name in names:
            used = inside[:, rule.option_index] @ rule.coefficient
            fine &= used <= (np.inf if rule.at_most is None else rule.at_most) + 1e-9
            fine &= used >= (-np.inf if rule.at_least is None else rule.at_least) - 1e-9
    return not fine.any()
