"""Choosing sites: our solve beside a plain sparse HiGHS model, in turn on growing scenes.

Run ``python bench/plan.py [--size small|full]``.  spopt is not among the locked packages and is left out by name.
"""

import argparse
import platform
import resource
import statistics
import time
from datetime import UTC, datetime

import highspy
import numpy as np
from scipy import sparse
from scipy.spatial import cKDTree

from siting.plan import CoverProblem, Limits, solve

SCENES = {
    "small": [(300, 3_000, 10)],
    "full": [(300, 3_000, 10), (1_000, 20_000, 20), (5_000, 60_000, 50), (20_000, 400_000, 100)],
}
RADIUS_M = 150.0
SIDE_M = 6_400.0
PEER_SECONDS = {"small": 5.0, "full": 120.0}


def scene(options, units, count, *, seed=0):
    """Options and people at random places, coverage falling with distance, half of the paths blocked."""
    rng = np.random.default_rng(seed)
    side = SIDE_M * min(1.0, (units / 400_000) ** 0.5)
    places, people = rng.random((options, 2)) * side, rng.random((units, 2)) * side
    near = cKDTree(people).sparse_distance_matrix(cKDTree(places), RADIUS_M, output_type="coo_matrix")
    reach_m = np.where(rng.random(near.data.size) < np.exp(-near.data / 60.0), 160.0, 40.0)
    p = 1.0 / (1.0 + np.exp((near.data - reach_m) / 15.0))
    seen = p > 0.02
    ids = [f"o{at:05d}" for at in range(options)]
    return CoverProblem(
        option_id=ids, row_id=np.arange(units), candidate_id=ids, operators=(("ctc", "cucc"),) * options,
        cover=sparse.csc_matrix((p[seen], (near.row[seen], near.col[seen])), shape=(units, options)),
        weight=rng.gamma(0.7, 3.0, units), base=np.where(rng.random(units) < 0.7, 0.9, 0.1) * rng.random(units),
        cost_yuan=rng.integers(20, 90, options) * 1e3, locked=np.zeros(options, bool), forbidden=np.zeros(options, bool),
        limits=Limits(count=count), rules=(),
    )  # fmt: skip


def ours(problem, seconds):
    """Value and bound of our solver [persons added]."""
    plan = solve(problem, gap=0.001, kicks=20, time_limit_s=seconds)
    return plan.added, plan.bound - plan.base_value


def plain_highs(problem, seconds):
    """The textbook model, one variable per entry: max sum c z, sum_j z_ij <= 1, z_ij <= x_j, sum x <= p."""
    cover = problem.cover.tocoo()
    gain = problem.weight[cover.row] * np.maximum(0.0, cover.data - problem.base[cover.row])
    keep = gain > 0
    row, column, gain = cover.row[keep], cover.col[keep], gain[keep]
    entries, options = gain.size, problem.cover.shape[1]
    at = np.arange(entries)
    link = sparse.csr_matrix((np.r_[-np.ones(entries), np.ones(entries)], (np.r_[at, at], np.r_[column, options + at])))
    rows, index = np.unique(row, return_inverse=True)
    once = sparse.csr_matrix((np.ones(entries), (index, options + at)), shape=(rows.size, options + entries))
    size = sparse.csr_matrix(np.r_[np.ones(options), np.zeros(entries)])
    matrix = sparse.vstack([link, once, size]).tocsc()
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = options + entries, matrix.shape[0]
    lp.sense_ = highspy.ObjSense.kMaximize
    lp.col_cost_, lp.col_lower_ = np.r_[np.zeros(options), gain], np.zeros(options + entries)
    lp.col_upper_ = np.ones(options + entries)
    lp.row_lower_ = np.full(matrix.shape[0], -np.inf)
    lp.row_upper_ = np.r_[np.zeros(entries), np.ones(rows.size), problem.limits.count]
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = matrix.indptr, matrix.indices, matrix.data
    kinds = [highspy.HighsVarType.kInteger] * options + [highspy.HighsVarType.kContinuous] * entries
    lp.integrality_ = kinds
    solver = highspy.Highs()
    for name, value in {"output_flag": False, "threads": 1, "time_limit": seconds, "mip_rel_gap": 0.001}.items():
        solver.setOptionValue(name, value)
    solver.passModel(lp)
    solver.run()
    info = solver.getInfo()
    return info.objective_function_value, info.mip_dual_bound


def timed(work, problem, seconds, *, repeats):
    """Median CPU and wall seconds, and the last answer."""
    cpu, wall, answer = [], [], (float("nan"), float("nan"))
    for _ in range(repeats):
        before, start = time.process_time(), time.perf_counter()
        answer = work(problem, seconds)
        cpu.append(time.process_time() - before)
        wall.append(time.perf_counter() - start)
    return statistics.median(cpu), statistics.median(wall), answer


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=sorted(SCENES), default="small")
    size = parser.parse_args(argv).size
    start = time.perf_counter()
    solve(scene(50, 200, 3), kicks=2, time_limit_s=1.0)
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, highspy {highspy.__version__ if hasattr(highspy, '__version__') else ''}"
    )
    print(f"compiling or loading the kernels: {time.perf_counter() - start:.1f} s; spopt: not in the lock, left out")
    print("options units entries count | way | CPU s | wall s | added | bound | gap %")
    for options, units, count in SCENES[size]:
        problem = scene(options, units, count)
        repeats = 5 if size == "full" and options <= 1_000 else 1  # the large peers take minutes
        rows = {}
        for name, work in (("siting", ours), ("plain HiGHS", plain_highs)):
            cpu, wall, (added, bound) = timed(
                work, problem, PEER_SECONDS[size], repeats=1 if work is plain_highs else repeats
            )
            rows[name] = cpu
            gap = 100.0 * (bound - added) / bound
            print(
                f"{options} {units} {problem.cover.nnz} {count} | {name} | {cpu:.2f} | {wall:.2f} | {added:.1f} | {bound:.1f} | {gap:.3f}"
            )
        print(f"  ratio plain HiGHS / siting: {rows['plain HiGHS'] / rows['siting']:.1f}")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


if __name__ == "__main__":
    main()
