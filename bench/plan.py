"""Choosing sites: our solve beside a plain sparse HiGHS model and spopt, in turn on growing scenes.

Run ``python bench/plan.py [--size small|full] [--only 0 1 ...]``.  `SITING_BENCH_SPOPT` names a Python that has spopt; it is
left out by name otherwise.
"""

import argparse
import json
import multiprocessing
import os
import platform
import resource
import subprocess
import tempfile
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import highspy
import numpy as np
from scipy import sparse
from scipy.spatial import cKDTree

from siting.plan import CoverProblem, Limits, solve
from siting.plan.problem import with_changes

# kind, options, rows, count, entries (binary), seconds, wanted gap, peers
SCENES = {
    "small": [
        ("binary", 200, 500, 10, 4_000, 5.0, 0.0, ("plain", "spopt")),
        ("budget", 200, 500, 10, 4_000, 5.0, 0.001, ("plain",)),
        ("probability", 60, 300, 5, 0, 2.0, 0.01, ("plain",)),
    ],
    "full": [
        ("binary", 300, 3_000, 10, 20_000, 60.0, 0.0, ("plain", "spopt")),
        ("binary", 1_000, 5_000, 20, 60_000, 120.0, 0.0, ("plain", "spopt")),
        ("disc", 5_000, 5_000, 100, 75_000, 400.0, 0.0, ("plain", "spopt")),
        ("disc", 5_000, 5_000, 100, 125_000, 400.0, 0.0, ("plain", "spopt")),
        ("budget", 300, 3_000, 10, 20_000, 60.0, 0.001, ("plain",)),
        ("both", 300, 3_000, 10, 20_000, 60.0, 0.001, ("plain",)),
        ("binary", 50_000, 60_000, 100, 3_500_000, 60.0, 0.001, ()),
        ("budget", 50_000, 60_000, 100, 3_500_000, 60.0, 0.001, ()),
        ("both", 50_000, 60_000, 100, 3_500_000, 60.0, 0.001, ()),
        ("binary", 50_000, 400_000, 100, 33_000_000, 60.0, 0.01, ()),
        ("probability", 5_000, 60_000, 50, 0, 60.0, 0.001, ()),
        ("disc", 5_000, 5_000, 100, 150_000, 60.0, 0.0, ()),
        ("disc", 5_000, 5_000, 100, 200_000, 60.0, 0.0, ()),
        ("disc", 5_000, 5_000, 100, 250_000, 60.0, 0.0, ()),
        ("clusters", 50_000, 60_000, 100, 4_000_000, 60.0, 0.001, ()),
    ],
}
PEER = "SITING_BENCH_SPOPT"
RADIUS_M = 150.0
SIDE_M = 6_400.0


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


def binary(options, units, count, *, entries, seed=0):
    """Maximal covering: options and weighted places at random on a square, discs with holes."""
    rng = np.random.default_rng(seed)
    places, people = rng.random((options, 2)), rng.random((units, 2))
    radius = (entries / (options * units * np.pi * 0.55)) ** 0.5
    near = cKDTree(people).sparse_distance_matrix(cKDTree(places), radius, output_type="coo_matrix")
    seen = rng.random(near.data.size) < np.clip(1.15 - 0.9 * near.data / radius, 0.0, 1.0)
    ids = [f"o{at:05d}" for at in range(options)]
    return CoverProblem(
        option_id=ids, row_id=np.arange(units), candidate_id=ids, operators=(("ctc", "cucc"),) * options,
        cover=sparse.csc_matrix((np.ones(seen.sum()), (near.row[seen], near.col[seen])), shape=(units, options)),
        weight=rng.gamma(0.7, 3.0, units), base=np.zeros(units), cost_yuan=rng.integers(50, 151, options).astype(float),
        locked=np.zeros(options, bool), forbidden=np.zeros(options, bool), limits=Limits(count=count), rules=(),
    )  # fmt: skip


def budget(options, units, count, *, entries, seed=0):
    """The same places for 100 yuan a site, costs 50 to 150."""
    problem = binary(options, units, count, entries=entries, seed=seed)
    return with_changes(problem, limits=Limits(budget_yuan=100.0 * count))


def both(options, units, count, *, entries, seed=0):
    """The same with a limit on the number too, at nine tenths of the money."""
    problem = binary(options, units, count, entries=entries, seed=seed)
    return with_changes(problem, limits=Limits(count=count, budget_yuan=90.0 * count))


def disc(options, units, count, *, entries, seed=1):
    """Maximal covering as it is published: places and people at random on a square, whole discs, weights 1 to 100."""
    rng = np.random.default_rng(seed)
    places, people = rng.random((options, 2)), rng.random((units, 2))
    radius = (entries / (options * units * np.pi)) ** 0.5
    near = cKDTree(people).sparse_distance_matrix(cKDTree(places), radius, output_type="coo_matrix")
    weight = rng.integers(1, 101, units).astype(float)
    ids = [f"o{at:06d}" for at in range(options)]
    return CoverProblem(
        option_id=ids, row_id=np.arange(units), candidate_id=ids, operators=(("ctc", "cucc"),) * options,
        cover=sparse.csc_matrix((np.ones(near.nnz), (near.row, near.col)), shape=(units, options)), weight=weight,
        base=np.zeros(units), cost_yuan=np.ones(options), locked=np.zeros(options, bool),
        forbidden=np.zeros(options, bool), limits=Limits(count=count), rules=(),
    )  # fmt: skip


def clusters(options, units, count, *, entries, seed=0):
    """Options and people around sixty centres, whole discs of a radius that gives about so many entries."""
    rng = np.random.default_rng(seed)
    centres = rng.random((60, 2))
    places, people = (centres[rng.integers(0, 60, size)] + rng.normal(0, 0.02, (size, 2)) for size in (options, units))
    tree, radius = cKDTree(people), 0.004
    for _ in range(12):
        found = tree.query_ball_point(places[:500], radius, return_length=True).mean() * options
        radius *= (entries / found) ** 0.5
    near = tree.sparse_distance_matrix(cKDTree(places), radius, output_type="coo_matrix")
    ids = [f"o{at:06d}" for at in range(options)]
    return CoverProblem(
        option_id=ids, row_id=np.arange(units), candidate_id=ids, operators=(("ctc", "cucc"),) * options,
        cover=sparse.csc_matrix((np.ones(near.nnz), (near.row, near.col)), shape=(units, options)),
        weight=rng.gamma(0.7, 3.0, units), base=np.zeros(units), cost_yuan=np.ones(options),
        locked=np.zeros(options, bool), forbidden=np.zeros(options, bool), limits=Limits(count=count), rules=(),
    )  # fmt: skip


def ours(problem, seconds, gap):
    """Value and bound of our solver [persons added]."""
    plan = solve(problem, gap=gap, time_limit_s=seconds)
    return plan.added, plan.bound - plan.base_value, plan.status


def plain_highs(problem, seconds, gap):
    """The textbook model, one variable per entry: max sum c z, sum_j z_ij <= 1, z_ij <= x_j, sum x <= p, cost x <= B."""
    cover = problem.cover.tocoo()
    gain = problem.weight[cover.row] * np.maximum(0.0, cover.data - problem.base[cover.row])
    keep = gain > 0
    row, column, gain = cover.row[keep], cover.col[keep], gain[keep]
    entries, options = gain.size, problem.cover.shape[1]
    at = np.arange(entries)
    link = sparse.csr_matrix((np.r_[-np.ones(entries), np.ones(entries)], (np.r_[at, at], np.r_[column, options + at])))
    rows, index = np.unique(row, return_inverse=True)
    once = sparse.csr_matrix((np.ones(entries), (index, options + at)), shape=(rows.size, options + entries))
    limits, zeros = problem.limits, np.zeros((2, entries))
    size = sparse.csr_matrix(np.hstack([np.array([np.ones(options), problem.cost_yuan]), zeros]))
    matrix = sparse.vstack([link, once, size]).tocsc()
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = options + entries, matrix.shape[0]
    lp.sense_ = highspy.ObjSense.kMaximize
    lp.col_cost_, lp.col_lower_ = np.r_[np.zeros(options), gain], np.zeros(options + entries)
    lp.col_upper_ = np.ones(options + entries)
    lp.row_lower_ = np.full(matrix.shape[0], -np.inf)
    most = [
        np.inf if limits.count is None else limits.count,
        np.inf if limits.budget_yuan is None else limits.budget_yuan,
    ]
    lp.row_upper_ = np.r_[np.zeros(entries), np.ones(rows.size), most]
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = matrix.indptr, matrix.indices, matrix.data
    kinds = [highspy.HighsVarType.kInteger] * options + [highspy.HighsVarType.kContinuous] * entries
    lp.integrality_ = kinds
    solver = highspy.Highs()
    for name, value in {"output_flag": False, "threads": 1, "time_limit": seconds, "mip_rel_gap": gap}.items():
        solver.setOptionValue(name, value)
    solver.passModel(lp)
    solver.run()
    info = solver.getInfo()
    return info.objective_function_value, info.mip_dual_bound, "plain"


MADE = {"binary": binary, "budget": budget, "both": both, "disc": disc, "clusters": clusters}
WAYS = {"siting": ours, "plain HiGHS": plain_highs}


def child(send, make, way, seconds, gap):
    """One way in a process of its own: figures of the work alone, memory of all."""
    solve(binary(50, 200, 3, entries=600), kicks=2)
    problem = make()
    before, start = time.process_time(), time.perf_counter()
    value, bound, note = WAYS[way](problem, seconds, gap)
    send.send({"value": value, "bound": bound, "note": note, "cpu_s": time.process_time() - before,
               "wall_s": time.perf_counter() - start, "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6})  # fmt: skip


def apart(make, way, seconds, gap):
    receive, send = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=child, args=(send, make, way, seconds, gap))
    process.start()
    send.close()
    figures = receive.recv()
    process.join()
    return figures


def spopt(problem, name, seconds):
    """Figures of the peer, None where `PEER` names no Python that has it or it gave no answer in time."""
    if not os.environ.get(PEER):
        return None
    cover = problem.cover.tocoo()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scene.npz"
        np.savez(
            path, row=cover.row, column=cover.col, shape=cover.shape, weight=problem.weight, count=problem.limits.count
        )
        command = [os.environ[PEER], str(Path(__file__).with_name("peers_spopt.py")), str(path), name, str(seconds)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=4 * seconds + 600, check=False)
        except subprocess.TimeoutExpired:
            return None
    return json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else None


def contest(label, make, seconds, gap, peers):
    """All ways on one scene, one row each, then the ratios of CPU seconds."""
    ways = {way: partial(apart, make, way, seconds, gap) for way in WAYS if way == "siting" or "plain" in peers}
    for name in ("CBC", "HiGHS") if "spopt" in peers else ():
        ways[f"spopt/{name}"] = partial(lambda name: spopt(make(), name, seconds), name)
    rows = {}
    for way, run in ways.items():
        rows[way] = run()
        tell(label, way, rows[way])
    for way, r in rows.items():
        if way != "siting" and r is not None:
            print(f"  ratio {way} / siting: {r['cpu_s'] / rows['siting']['cpu_s']:.1f}", flush=True)


def tell(label, way, r):
    """The row of one way as soon as it has finished."""
    if r is None:
        print(f"| {label} | {way} | skipped: {PEER} names no Python with spopt, or it gave no answer |", flush=True)
        return
    gap_found = 100.0 * (r["bound"] - r["value"]) / r["bound"]
    print(
        f"| {label} | {way} | {r['cpu_s']:.2f} | {r['wall_s']:.2f} | {r['peak_gb']:.2f} | {r['value']:.1f} | {r['bound']:.1f} | {gap_found:.4f} | {r['note']} |",
        flush=True,
    )


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=sorted(SCENES), default="small")
    parser.add_argument("--only", type=int, nargs="*", help="positions of the scenes to run")
    given = parser.parse_args(argv)
    print(f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, load {os.getloadavg()[0]:.1f}", flush=True)
    print("| scene | way | CPU s | wall s | peak GB | value | bound | gap % | note |")
    for at, (kind, options, units, count, entries, seconds, gap, peers) in enumerate(SCENES[given.size]):
        if given.only and at not in given.only:
            continue
        if kind in MADE:
            make = partial(MADE[kind], options, units, count, entries=entries)
        else:
            make = partial(scene, options, units, count)
        contest(f"{kind} {options} x {units}, {count}, {entries or 'all'} entries", make, seconds, gap, peers)
    print(
        f"peak memory {max(resource.getrusage(w).ru_maxrss for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1e6:.2f} GB"
    )


if __name__ == "__main__":
    main()
