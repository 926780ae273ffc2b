"""Options that another one can stand in for everywhere, left out of the search and remembered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from siting.plan import kernels_open
from siting.plan.core import Core, open_part
from siting.plan.problem import CoverProblem


@dataclass(frozen=True, eq=False)
class Reduced:
    """The open part without dominated options, and who stands in for each of those by name."""

    core: Core
    dominated: Mapping[str, str]


def reduced(problem: CoverProblem) -> Reduced:
    """Leave out options that another covers in every row at no more cost and without using more of any rule.

    Ties keep the smaller id; an option that some rule asks at least so much of stays.
    """
    core = open_part(problem)
    other = kernels_open.stand_ins(core.cover, core.limits, core.cost_yuan)
    dropped = np.flatnonzero(other >= 0)
    if not dropped.size:
        return Reduced(core, {})
    final = other.copy()
    while (final[final[dropped]] >= 0).any():
        above = final[final[dropped]]
        final[dropped] = np.where(above >= 0, above, final[dropped])
    dominated = dict(zip(core.ids(dropped), core.ids(final[dropped]), strict=True))
    return Reduced(open_part(problem, without=core.place[dropped]), dominated)
