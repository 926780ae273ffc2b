"""The covering problem as rows and columns for HiGHS.

Each row's best server is written as a chain over its gains in falling order, v_1 > v_2 > ... > v_L:
y_l <= y_(l-1) + (options whose gain is v_l), 0 <= y <= 1, with worth v_l - v_(l+1).  The chain is as strong as the
assignment form and exact for probabilities; rows that begin alike share their first nodes (a prefix tree),
which merges equal rows entirely.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import highspy
import numpy as np
import numpy.typing as npt
from scipy import sparse

from siting.plan.core import Core

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass
class Model:
    """A maximisation under construction: columns, then rows in blocks of (low, matrix, high)."""

    worth: Floats
    upper: Floats
    binaries: int
    blocks: list[tuple[Floats, sparse.csr_matrix, Floats]] = field(default_factory=list)

    def solver(self, *, integer: bool, seed: int = 0) -> highspy.Highs:
        """A silent one-thread HiGHS loaded with the model."""
        solver = highspy.Highs()
        options = {"output_flag": False, "threads": 1, "random_seed": seed}
        for name, value in options.items():
            solver.setOptionValue(name, value)
        solver.passModel(self._highs_lp(integer=integer))
        return solver

    def _highs_lp(self, *, integer: bool) -> highspy.HighsLp:
        lp = highspy.HighsLp()
        columns = self.worth.size
        matrix = sparse.csc_matrix((0, columns))
        low = high = np.zeros(0)
        if self.blocks:
            matrix = sparse.vstack([block[1] for block in self.blocks]).tocsc()
            low, high = (np.concatenate([block[at] for block in self.blocks]) for at in (0, 2))
        lp.num_col_, lp.num_row_ = columns, matrix.shape[0]
        lp.sense_ = highspy.ObjSense.kMaximize
        lp.col_cost_, lp.col_lower_, lp.col_upper_ = self.worth, np.zeros(columns), self.upper
        lp.row_lower_, lp.row_upper_ = low, high
        lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = matrix.indptr, matrix.indices, matrix.data
        if integer:
            kinds = [highspy.HighsVarType.kInteger] * self.binaries
            lp.integrality_ = kinds + [highspy.HighsVarType.kContinuous] * (columns - self.binaries)
        return lp


def new_model(options: int, worth: Floats) -> Model:
    """One column in 0..1 per option, with its worth."""
    return Model(worth=np.asarray(worth, dtype=np.float64), upper=np.ones(options), binaries=options)


def add_rules(model: Model, core: Core, *, rules: Sequence[int] | None = None, with_count: bool = True) -> None:
    """Add the core's rules (all, or those at the given positions) and the limit on the count."""
    limits = core.limits
    places = range(len(core.rule_names)) if rules is None else [r for r in rules if r < len(core.rule_names)]
    pick = np.fromiter(places, dtype=np.int64)
    matrix = sparse.csc_matrix((limits.coefficient, limits.rule, limits.ptr), shape=(limits.low.size, core.options))
    spare = model.worth.size - core.options
    if pick.size:
        wide = sparse.hstack([matrix.tocsr()[pick], sparse.csr_matrix((pick.size, spare))]).tocsr()
        model.blocks.append((limits.low[pick], wide, limits.high[pick]))
    if with_count:
        ones = np.concatenate([np.ones(core.options), np.zeros(spare)])
        model.blocks.append((np.array([-np.inf]), sparse.csr_matrix(ones), np.array([float(core.count)])))


@dataclass(frozen=True, eq=False)
class Chains:
    """The prefix tree of all rows: per (row, level) its node and worth, levels of a row consecutive from the best down."""

    level_row: Ints
    level_depth: Ints
    level_node: Ints
    level_worth: Floats
    parent: Ints
    node_worth: Floats
    node_options: sparse.csr_matrix


def chains(core: Core) -> Chains:
    """Sort every row's gains, group equal ones to levels, and share the nodes of equal beginnings."""
    cover = core.cover
    row = np.repeat(np.arange(core.rows), np.diff(cover.row_ptr))
    order = np.lexsort((cover.row_col, -cover.row_gain, row))
    row, option, gain = row[order], cover.row_col[order].astype(np.int64), cover.row_gain[order]
    new = np.ones(row.size, dtype=np.bool_)
    new[1:] = (row[1:] != row[:-1]) | (gain[1:] != gain[:-1])
    level = np.cumsum(new) - 1
    first = np.flatnonzero(new)
    level_row, level_gain = row[first], gain[first]
    next_gain = np.append(level_gain[1:], 0.0)
    next_gain[np.append(level_row[1:] != level_row[:-1], True)] = 0.0
    start = np.searchsorted(level_row, level_row, side="left")
    depth = np.arange(level_row.size) - start
    node, parent, example = _prefix_tree(depth, _group_keys(level, option, core.options))
    worth = level_gain - next_gain
    ends = np.append(first[1:], row.size)
    counts = (ends - first)[example]
    taken = np.concatenate([np.arange(first[e], ends[e]) for e in example]) if example.size else np.zeros(0, np.int64)
    matrix = sparse.csr_matrix(
        (np.ones(taken.size), (np.repeat(np.arange(example.size), counts), option[taken])),
        shape=(example.size, core.options),
    )
    node_worth = np.bincount(node, worth, minlength=example.size).astype(np.float64)
    return Chains(level_row, depth, node, worth, parent, node_worth, matrix)


def _group_keys(level: Ints, option: Ints, options: int) -> npt.NDArray[np.uint64]:
    """Two 64-bit sums of random marks per level: equal sets of options have equal keys."""
    marks = np.random.Generator(np.random.PCG64(20260101)).integers(0, 2**64, (2, options), dtype=np.uint64)
    keys = np.zeros((2, int(level[-1]) + 1 if level.size else 0), dtype=np.uint64)
    for at in range(2):
        np.add.at(keys[at], level, marks[at][option])
    return keys


def _prefix_tree(depth: Ints, keys: npt.NDArray[np.uint64]) -> tuple[Ints, Ints, Ints]:
    """Node of each level, parent of each node (-1 at the top), and one level that stands for each node."""
    node = np.full(depth.size, -1, dtype=np.int64)
    parents, examples, count = [], [], 0
    for deep in range(int(depth.max()) + 1 if depth.size else 0):
        here = np.flatnonzero(depth == deep)
        above = node[here - 1] if deep else np.full(here.size, -1, dtype=np.int64)
        columns = np.rec.fromarrays([above, keys[0][here], keys[1][here]])
        _, example, inverse = np.unique(columns, return_index=True, return_inverse=True)
        node[here] = count + inverse.ravel()
        parents.append(above[example])
        examples.append(here[example])
        count += example.size
    empty = [np.zeros(0, dtype=np.int64)]
    return node, np.concatenate(parents or empty), np.concatenate(examples or empty)


def cover_model(core: Core, tree: Chains) -> Model:
    """The whole problem: options, chain nodes, chain rows, rules, count."""
    nodes = tree.parent.size
    model = Model(
        worth=np.concatenate([np.zeros(core.options), tree.node_worth]),
        upper=np.ones(core.options + nodes),
        binaries=core.options,
    )
    child = np.flatnonzero(tree.parent >= 0)
    links = sparse.identity(nodes, format="csr") - sparse.csr_matrix(
        (np.ones(child.size), (child, tree.parent[child])), shape=(nodes, nodes)
    )
    if nodes:
        matrix = sparse.hstack([-tree.node_options, links]).tocsr()
        model.blocks.append((np.full(nodes, -np.inf), matrix, np.zeros(nodes)))
    add_rules(model, core)
    return model


def row_prices(tree: Chains, node_dual: Floats, rows: int) -> Floats:
    """Row prices lambda_i from the duals of the chain rows; a valid start for any Lagrangian bound.

    The worth that flows up a node is `node_worth` plus what its children pass on; the dual says how much of it goes on
    to the options, the rest is absorbed by y <= 1.  Rows sharing a node share the absorption in proportion.
    """
    passed = np.maximum(node_dual, 0.0)
    arriving = tree.node_worth.copy()
    child = tree.parent >= 0
    np.add.at(arriving, tree.parent[child], passed[child])
    share = np.clip(np.divide(passed, arriving, out=np.zeros_like(passed), where=arriving > 0), 0.0, 1.0)
    price, flow = np.zeros(rows), np.zeros(rows)
    for deep in range(int(tree.level_depth.max()) if tree.level_depth.size else -1, -1, -1):
        here = np.flatnonzero(tree.level_depth == deep)
        row, node = tree.level_row[here], tree.level_node[here]
        total = flow[row] + tree.level_worth[here]
        flow[row] = total * share[node]
        price[row] += total - flow[row]
    return price
