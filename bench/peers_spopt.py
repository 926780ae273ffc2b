"""spopt's maximal covering on a scene, in its own Python: cover and weights come as one npz file.

Run as ``python peers_spopt.py SCENE.npz CBC|HiGHS SECONDS``; prints figures as JSON on the last line.
"""

import json
import resource
import sys
import time

import numpy as np
import pulp
from spopt.locate import MCLP

SOLVERS = {
    "CBC": lambda seconds: pulp.PULP_CBC_CMD(msg=False, timeLimit=seconds),
    "HiGHS": lambda seconds: pulp.HiGHS(msg=False, timeLimit=seconds, threads=1),
}


def main(scene, name, seconds):
    rows, options = scene["shape"]
    distance = np.full((rows, options), 2.0)
    distance[scene["row"], scene["column"]] = 0.5
    start, cpu = time.perf_counter(), sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    model = MCLP.from_cost_matrix(distance, scene["weight"], 1.0, p_facilities=int(scene["count"]))
    built = time.perf_counter() - start
    model = model.solve(SOLVERS[name](seconds), results=False)
    spent = sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) - cpu
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    value = model.problem.objective.value()
    proven = pulp.LpStatus[model.problem.status] == "Optimal" and model.problem.sol_status == pulp.LpSolutionOptimal
    print(
        json.dumps(
            {
                "value": float("nan") if value is None else value,
                "bound": value if proven else float("nan"),
                "cpu_s": spent,
                "wall_s": time.perf_counter() - start,
                "peak_gb": peak / 1e6,
                "note": f"model built in {built:.1f} s",
            }
        )
    )


main(np.load(sys.argv[1]), sys.argv[2], float(sys.argv[3]))
