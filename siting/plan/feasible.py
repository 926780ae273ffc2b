"""Is there any plan at all, and if not, which rules clash."""

from __future__ import annotations

from collections.abc import Sequence

import highspy
import numpy as np
import numpy.typing as npt

from siting.errors import NotSolved
from siting.plan.core import COUNT, Core, open_part
from siting.plan.model import Model, add_rules, new_model

HALF = 0.5
Ints = npt.NDArray[np.int64]


def feasible_set(core: Core) -> Ints:
    """A start that meets every rule: the empty set, else the feasible one with the largest single gains.

    Raises
    ------
    NotSolved
        With a smallest set of rules that cannot be met together.
    """
    zero_is_fine = (core.limits.low <= 0).all() and (core.limits.high >= 0).all()
    if zero_is_fine:
        return np.zeros(0, dtype=np.int64)
    every = range(len(core.rule_names) + 1)
    chosen = _solved(core, every, gains=core.empty().gain)
    if chosen is None:
        whole = open_part(core.problem, whole=True)  # what no plan can hold is told with the limit that forbids it
        names = dict.fromkeys(_name(whole, at) for at in clash(whole, list(every)))
        raise NotSolved("plan.clash", rules=", ".join(names))
    return chosen


def _name(core: Core, at: int) -> str:
    return COUNT if at == len(core.rule_names) else core.rule_names[at]


def _solved(core: Core, rules: Sequence[int], *, gains: npt.NDArray[np.float64]) -> Ints | None:
    if core.options == 0:
        return _empty_set(core, rules)
    model = new_model(core.options, gains)
    add_rules(model, core, rules=rules, with_count=len(core.rule_names) in rules)
    solver = _run(model)
    if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        return None
    return np.flatnonzero(np.array(solver.getSolution().col_value) > HALF).astype(np.int64)


def _empty_set(core: Core, rules: Sequence[int]) -> Ints | None:
    """No options at all, if these rules allow that; HiGHS gives no verdict on a model without columns."""
    own = [at for at in rules if at < len(core.rule_names)]
    sound = (core.limits.low[own] <= 0).all() and (core.limits.high[own] >= 0).all()
    return np.zeros(0, dtype=np.int64) if sound else None


def _run(model: Model) -> highspy.Highs:
    solver = model.solver(integer=True)
    solver.setOptionValue("mip_rel_gap", 0.01)
    solver.run()
    return solver


def clash(core: Core, rules: list[int]) -> list[int]:
    """A smallest clashing set of rules by QuickXplain (Junker 2004); the count is the last index."""
    nothing = np.zeros(core.options)

    def meets(subset: Sequence[int]) -> bool:
        return _solved(core, subset, gains=nothing) is not None

    def explain(background: list[int], open_rules: list[int], *, fresh: bool) -> list[int]:
        if fresh and not meets(background):
            return []
        if len(open_rules) == 1:
            return open_rules
        half = len(open_rules) // 2
        left, right = open_rules[:half], open_rules[half:]
        needed = explain(background + left, right, fresh=True)
        return explain(background + needed, left, fresh=bool(needed)) + needed

    return sorted(explain([], rules, fresh=False))
