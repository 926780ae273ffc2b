"""Which sites to build: options, score, plans with a proven gap, alternatives, the value of unblocking.

Examples
--------
>>> import numpy as np
>>> from scipy import sparse
>>> from siting.plan import CoverProblem, Limits, solve
>>> problem = CoverProblem(
...     option_id=["a", "b", "c"], row_id=["here", "there"], cover=sparse.csc_matrix([[0.9, 0.5, 0.0], [0.0, 0.5, 0.9]]),
...     weight=[100.0, 80.0], base=[0.0, 0.0], cost_yuan=[1.0, 1.0, 1.0], locked=[False] * 3, forbidden=[False] * 3,
...     limits=Limits(count=1), rules=(), candidate_id=["a", "b", "c"], operators=(("ctc",),) * 3)
>>> plan = solve(problem, gap=0.0)
>>> plan.chosen, plan.value, plan.status
(('a',), 90.0, 'optimal')
"""

from siting.plan.auto import solve
from siting.plan.blocking import value_of_unblocking
from siting.plan.problem import CoverProblem, Limits, Rule
from siting.plan.result import Plan
from siting.plan.score import score_candidates
from siting.plan.twins import alternatives

__all__ = [
    "CoverProblem",
    "Limits",
    "Plan",
    "Rule",
    "alternatives",
    "score_candidates",
    "solve",
    "value_of_unblocking",
]
