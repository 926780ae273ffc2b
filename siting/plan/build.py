"""From people, reach and options to a covering problem."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from siting.errors import BadInput
from siting.plan.problem import MODES, CoverProblem, Limits, Rule

Floats = npt.NDArray[np.float64]
FREE_STATES = ("eligible", "conditional")
GROUP_JOIN = "+"


class Gains(Protocol):
    """What `build` needs of a reach: `p`, coverage probability [units, options] in the options' order."""

    @property
    def p(self) -> sparse.csc_matrix:
        """Sparse CSC, 0..1."""


def build(  # noqa: PLR0913 - one keyword per part of the question
    units: pd.DataFrame,
    gains: Gains | Mapping[str, Gains],
    options: pd.DataFrame,
    *,
    mode: str = "probability",
    limits: Limits,
    rules: Sequence[Rule] = (),
    use_permission: bool = False,
    base: Mapping[str, npt.ArrayLike] | None = None,
    operator_share: Mapping[str, float] | None = None,
    cell_probability: float = 0.9,
    admit: Collection[str] = (),
) -> CoverProblem:
    """One row per unit and operator, one column per option.

    Operators that every option serves alike, by the same reach, and that start from equal coverage share their rows.

    Parameters
    ----------
    units : DataFrame
        One line per unit: ``persons``, and if known ``street_office`` and ``venue``.
    gains : Gains or mapping
        ``p`` [units, options], options in the order of the frame, or any order if ``option_id`` names them; or operator
        -> such gains, where options reach an operator's people by its own network.
    options : DataFrame
        ``option_id``, ``candidate_id``, ``operators`` (list), ``cost_yuan``; if present ``state`` and ``codes`` (of
        eligibility), ``locked``, ``permission`` (probability of agreement).
    mode : str
        ``probability``, or ``binary``: 1 where p reaches `cell_probability`, else 0.
    limits, rules
        What may be chosen; rules by position in `options`.
    use_permission : bool
        Multiply p by the option's permission.
    base : mapping or None
        Operator -> probability from existing sites [units]; None is a district without sites.
    operator_share : mapping or None
        Operator -> share of the people; None shares equally among the operators of the options.
    cell_probability : float
        Threshold of binary mode.
    admit : collection of str
        States beside eligible and conditional that may be chosen (``unknown``, for study only).

    Raises
    ------
    BadInput
        If the mode is unknown or the shapes differ; every other fault as `CoverProblem` reports it.
    """
    if mode not in MODES:
        raise BadInput("plan.build.mode", mode=mode, modes=", ".join(MODES))
    served = [tuple(sorted(names)) for names in options["operators"]]
    everyone = sorted({name for names in served for name in names} | set(base or {}))
    given = dict(gains) if isinstance(gains, Mapping) else dict.fromkeys(everyone, gains)
    reach = _reach(everyone, given)
    p = {key: _aligned(given[name], options) for name, key in reach.items()}
    for one in p.values():
        if one.shape != (len(units), len(options)):
            raise BadInput("plan.build.shape", given=one.shape, units=len(units), options=len(options))
    share = dict(operator_share) if operator_share is not None else {name: 1.0 / len(everyone) for name in everyone}
    p = {key: _probability(one, options, use_permission=use_permission) for key, one in p.items()}
    level = {name: np.asarray((base or {}).get(name, np.zeros(len(units))), dtype=np.float64) for name in everyone}
    if mode == "binary":
        p = {key: _binary(one, cell_probability) for key, one in p.items()}
        level = {n: (b >= cell_probability).astype(float) for n, b in level.items()}
    groups = _groups(everyone, served, level, reach)
    persons = units["persons"].to_numpy(dtype=np.float64)
    cover = (
        sparse.vstack([_served_only(p[reach[names[0]]], served, names[0]) for names in groups])
        if groups
        else sparse.csc_matrix((0, len(options)))
    )
    return CoverProblem(
        option_id=options["option_id"].to_numpy(),
        row_id=np.arange(len(groups) * len(units), dtype=np.int64),
        cover=cover.tocsc(),
        weight=np.concatenate([persons * sum(share.get(n, 0.0) for n in names) for names in groups] or [np.zeros(0)]),
        base=np.concatenate([level[names[0]] for names in groups] or [np.zeros(0)]),
        cost_yuan=options["cost_yuan"].to_numpy(dtype=np.float64),
        locked=_flag(options, "locked"),
        forbidden=_forbidden(options, admit),
        limits=limits,
        rules=tuple(rules),
        candidate_id=options["candidate_id"].to_numpy(),
        operators=tuple(served),
        row_table=_row_table(units, groups),
        option_table=options[["state", "codes"]].reset_index(drop=True) if {"state", "codes"} <= set(options) else None,
    )


def _reach(everyone: list[str], given: Mapping[str, Gains]) -> dict[str, int]:
    """Which reach each operator has; equal numbers where operators share the matrix itself."""
    missing = [name for name in everyone if name not in given]
    if missing:
        raise BadInput("plan.build.operators", operators=", ".join(missing))
    matrices = {name: given[name].p for name in everyone}
    held = list(dict.fromkeys(id(matrix) for matrix in matrices.values()))
    return {name: held.index(id(matrix)) for name, matrix in matrices.items()}


def _aligned(gains: Gains, options: pd.DataFrame) -> sparse.csc_matrix:
    """Columns in the options' order; where the gains name their options, one they do not hold reaches nobody."""
    names = getattr(gains, "option_id", None)
    p = sparse.csc_matrix(gains.p, dtype=np.float64)
    if names is None:
        return p
    place = pd.Index(names).get_indexer(pd.Index(options["option_id"].astype(object)))
    with_nobody = sparse.hstack([p, sparse.csc_matrix((p.shape[0], 1))], format="csc")
    return with_nobody[:, np.where(place >= 0, place, p.shape[1])]


def _probability(p: sparse.csc_matrix, options: pd.DataFrame, *, use_permission: bool) -> sparse.csc_matrix:
    if not use_permission:
        return p
    return (p @ sparse.diags(options["permission"].to_numpy(dtype=np.float64))).tocsc()


def _binary(p: sparse.csc_matrix, cell_probability: float) -> sparse.csc_matrix:
    sure = p.copy()
    sure.data = (sure.data >= cell_probability).astype(np.float64)
    sure.eliminate_zeros()
    return sure


def _groups(
    everyone: list[str], served: list[tuple[str, ...]], level: dict[str, Floats], reach: Mapping[str, int]
) -> list[tuple[str, ...]]:
    found: dict[tuple[bytes, bytes, int], list[str]] = {}
    for name in everyone:
        mask = np.fromiter((name in names for names in served), dtype=np.bool_, count=len(served))
        found.setdefault((mask.tobytes(), level[name].tobytes(), reach[name]), []).append(name)
    return [tuple(names) for names in found.values()]


def _served_only(p: sparse.csc_matrix, served: list[tuple[str, ...]], operator: str) -> sparse.csc_matrix:
    mask = np.fromiter((operator in names for names in served), dtype=np.float64, count=len(served))
    if mask.all():
        return p
    part = (p @ sparse.diags(mask)).tocsc()
    part.eliminate_zeros()
    return part


def _flag(options: pd.DataFrame, column: str) -> npt.NDArray[np.bool_]:
    return options[column].to_numpy(dtype=np.bool_) if column in options else np.zeros(len(options), dtype=np.bool_)


def _forbidden(options: pd.DataFrame, admit: Collection[str]) -> npt.NDArray[np.bool_]:
    forbidden = _flag(options, "forbidden").copy()
    if "state" in options:
        forbidden |= ~options["state"].isin([*FREE_STATES, *admit]).to_numpy()
    return forbidden & ~_flag(options, "locked")


def _row_table(units: pd.DataFrame, groups: list[tuple[str, ...]]) -> pd.DataFrame:
    names = np.array([GROUP_JOIN.join(group) for group in groups], dtype=object)
    parts = {"operator": pd.Categorical(np.repeat(names, len(units)))}
    for column in ("street_office", "venue"):
        if column in units:
            one = pd.Categorical(units[column])
            parts[column] = pd.Categorical.from_codes(np.tile(one.codes, len(groups)), categories=one.categories)
    return pd.DataFrame(parts)
