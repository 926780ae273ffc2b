"""Compiled code made ready before the clock of a solve starts."""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy import sparse

from siting.plan.bound import hopeless, priced
from siting.plan.core import open_part
from siting.plan.problem import CoverProblem, Limits
from siting.plan.reduce import reduced
from siting.plan.result import Watch
from siting.plan.search import greedy_set, improved, searched


@cache
def compiled() -> None:
    """Compile the kernels of a solve, or load them: some 25 s where a machine has never done so, and no work on a question."""
    for limits in (Limits(count=2), Limits(count=2, budget_yuan=2.0)):
        core, watch = reduced(_smallest(limits)).core, Watch()
        found, _ = searched(core, kicks=1, seed=0, start=greedy_set(core), watch=watch)
        improved(core, found, kicks=1, seed=0, watch=watch)
        prices = priced(core, added=1.0, rows=None, rounds=1, watch=watch)
        hopeless(core, prices, value=core.base_value)
        open_part(core.problem, whole=True)


def _smallest(limits: Limits) -> CoverProblem:
    names = np.array(["a", "b", "c"])
    return CoverProblem(
        option_id=names,
        row_id=np.arange(3),
        cover=sparse.csc_matrix(np.array([[0.9, 0.5, 0.0], [0.0, 0.5, 0.5], [0.2, 0.0, 0.9]])),
        weight=np.ones(3),
        base=np.zeros(3),
        cost_yuan=np.ones(3),
        locked=np.zeros(3, dtype=np.bool_),
        forbidden=np.zeros(3, dtype=np.bool_),
        limits=limits,
        rules=(),
        candidate_id=names,
        operators=(("ctc",),) * 3,
    )
