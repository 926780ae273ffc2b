"""The score of one candidate: parts in natural units first, then a visible weighted sum of linear parts.

Zero, full and weight are fixed rows of a named profile, so another candidate never changes a score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from siting.errors import BadInput
from siting.plan import tables
from siting.plan.build import Gains

DEFAULT_WEIGHTS = "default"
#: Columns that `score_candidates` adds beside the parts and their points.
MARKS = ("score", "score_low", "score_high", "rank", "reasons")
Floats = npt.NDArray[np.float64]


def added_people(
    units: pd.DataFrame,
    gains: Gains | Mapping[str, Gains],
    options: pd.DataFrame,
    *,
    base: npt.ArrayLike | Mapping[str, npt.ArrayLike] | None = None,
    shares: Mapping[str, float] | None = None,
    cell_probability: float = 0.9,
) -> pd.DataFrame:
    """What each option alone adds to the existing network.

    Parameters
    ----------
    units : DataFrame
        ``persons``; ``floor`` (missing outdoors, or 0) or a boolean ``indoor``; ``venue`` if known.
    gains : Gains or mapping
        ``p`` [units, options]; or operator -> such gains, 0 where an option does not serve the operator.
    options : DataFrame
        One line per column of ``p``; with several operators their list ``operators``.
    base : array, mapping or None
        Probability from existing sites [units], of every operator if `gains` names them.
    shares : mapping or None
        Operator -> weight of its people; None weighs all operators alike.
    cell_probability : float
        Probability from which a unit counts as covered, for venues.

    Returns
    -------
    DataFrame
        On the options' index: ``added_persons, added_indoor, added_outdoor, indoor_share, key_venues, added_joint``; people
        are expected people [persons], the mean of the operators by their shares; ``indoor_share`` is NaN where nothing is
        added; ``key_venues`` counts venues all of whose units reach the probability with the option and did not before
        (NaN where no venue is known); ``added_joint`` counts people newly covered by all operators of the option at once,
        0 for an option of one operator, who shares with nobody; ``added_by_OPERATOR`` where `gains` names operators.
    """
    if not isinstance(gains, Mapping):
        found = _added(units, gains, options, _level(base, len(units)), cell_probability)
        return found.assign(added_joint=found["added_persons"].where(_sharing(options), 0.0))
    starts: Mapping[str, Any] = base if isinstance(base, Mapping) else dict.fromkeys(gains, base)
    level = {name: _level(starts[name], len(units)) for name in gains}
    single = {_key(gains[name], level[name]): name for name in gains}
    alone = {key: _added(units, gains[name], options, level[name], cell_probability) for key, name in single.items()}
    each = {name: alone[_key(gains[name], level[name])] for name in gains}
    found = _weighted(each, shares)
    joint = _joint(units["persons"].to_numpy(np.float64), gains, level, options)
    own = {f"added_by_{name}": table["added_persons"] for name, table in each.items()}
    return found.assign(added_joint=joint, **own)


def _level(base: Any, size: int) -> Floats:
    return np.zeros(size) if base is None else np.asarray(base, dtype=np.float64)


def _key(gains: Gains, level: Floats) -> tuple[int, bytes]:
    """Equal for operators that reach alike and start alike."""
    return id(gains.p), level.tobytes()


def _sharing(options: pd.DataFrame) -> npt.NDArray[np.bool_]:
    if "operators" not in options:
        return np.ones(len(options), dtype=np.bool_)
    return np.array([len(names) > 1 for names in options["operators"]], dtype=np.bool_)


def _weighted(each: Mapping[str, pd.DataFrame], shares: Mapping[str, float] | None) -> pd.DataFrame:
    """Mean over operators by their shares."""
    weight = np.array([1.0 if shares is None else shares.get(name, 0.0) for name in each])
    weight = weight / weight.sum()
    found = sum(table * own for table, own in zip(each.values(), weight, strict=True))
    share = found["added_indoor"] / found["added_persons"].where(found["added_persons"] > 0)
    return found.assign(indoor_share=share)


def _joint(persons: Floats, gains: Mapping[str, Gains], level: Mapping[str, Floats], options: pd.DataFrame) -> Floats:
    """People newly covered by all operators of each option at once: the worst served of them counts at every unit."""
    found = np.zeros(len(options))
    served = pd.Series([tuple(sorted(names)) for names in options["operators"]])
    for names, lines in served.groupby(served):
        columns = lines.index.to_numpy()
        if len(names) > 1:
            kept = list({_key(gains[name], level[name]): name for name in names}.values())
            found[columns] = _least([gains[name] for name in kept], [level[name] for name in kept], columns, persons)
    return found


def _least(gains: Sequence[Gains], level: Sequence[Floats], columns: npt.NDArray[np.int64], persons: Floats) -> Floats:
    """Persons x the rise of the least probability over operators, by column."""
    size = len(persons)
    parts = [sparse.coo_matrix(sparse.csc_matrix(own.p)[:, columns]) for own in gains]
    keys = [part.col.astype(np.int64) * size + part.row for part in parts]
    every = np.unique(np.concatenate(keys))
    unit = every % size
    after = np.full(every.size, np.inf)
    for part, key, base in zip(parts, keys, level, strict=True):
        p = np.zeros(every.size)
        p[np.searchsorted(every, key)] = part.data
        after = np.minimum(after, np.maximum(p, base[unit]))
    rise = (after - np.min(level, axis=0)[unit]) * persons[unit]
    return np.bincount(every // size, weights=rise, minlength=len(columns)).astype(np.float64)


def _added(
    units: pd.DataFrame, gains: Gains, options: pd.DataFrame, level: Floats, cell_probability: float
) -> pd.DataFrame:
    """What one operator's reach adds to its network."""
    p = sparse.csc_matrix(gains.p, dtype=np.float64)
    persons = units["persons"].to_numpy(dtype=np.float64)
    gain = p.copy()
    gain.data = np.maximum(0.0, p.data - level[p.indices])
    total = gain.T @ persons
    inside = gain.T @ np.where(_indoor(units), persons, 0.0)
    share = np.divide(inside, total, out=np.full(total.size, np.nan), where=total > 0)
    columns = {"added_persons": total, "added_indoor": inside, "added_outdoor": total - inside, "indoor_share": share}
    return pd.DataFrame({**columns, "key_venues": _venues(units, p, level, cell_probability)}, index=options.index)


def _indoor(units: pd.DataFrame) -> npt.NDArray[np.bool_]:
    if "indoor" in units:
        return units["indoor"].to_numpy(dtype=np.bool_)
    return pd.to_numeric(units["floor"], errors="coerce").fillna(0).to_numpy() > 0


def _venues(units: pd.DataFrame, p: sparse.csc_matrix, level: Floats, cell_probability: float) -> Floats:
    if "venue" not in units or units["venue"].isna().all():
        return np.full(p.shape[1], np.nan)
    code, names = pd.factorize(units["venue"])
    missing = (level < cell_probability) & (code >= 0)
    open_units = np.bincount(code[missing], minlength=len(names))
    column = np.repeat(np.arange(p.shape[1]), np.diff(p.indptr))
    turned = (p.data >= cell_probability) & missing[p.indices]
    pairs = sparse.coo_matrix(
        (np.ones(turned.sum()), (code[p.indices[turned]], column[turned])), shape=(len(names), p.shape[1])
    ).tocsc()
    pairs.sum_duplicates()
    done = pairs.data == open_units[pairs.indices]
    return np.bincount(np.repeat(np.arange(p.shape[1]), np.diff(pairs.indptr))[done], minlength=p.shape[1]).astype(
        float
    )


def score_candidates(
    options: pd.DataFrame, parts: pd.DataFrame, *, profile: str | pd.DataFrame = DEFAULT_WEIGHTS
) -> pd.DataFrame:
    """Score options from their parts.

    Parameters
    ----------
    options : DataFrame
        ``option_id``.
    parts : DataFrame
        On the same index: columns named as parts of the profile, in natural units; ``structure`` and ``emf`` hold words.
        Missing columns and values are unknown, never imputed.
    profile : str or DataFrame
        Name of a shipped weight profile, or an edited table with ``part, zero, full, weight``.

    Returns
    -------
    DataFrame
        On the options' index: ``option_id``, the parts, ``points_PART`` (0..weight), ``score`` (0..100, NaN if any weighted
        part is unknown), ``score_low`` and ``score_high`` (unknown parts at zero and at full), ``rank`` (by the middle of
        the interval, ties by id), ``reasons`` (names of unknown parts).

    Raises
    ------
    BadInput
        For a word that the state table does not know, or a profile whose weights do not make a score (see `checked`).
    """
    table = checked(tables.weights(profile) if isinstance(profile, str) else profile)
    weight = table.set_index("part")["weight"].astype(float)
    reached = pd.DataFrame({row.part: _share(parts, row) for row in table.itertuples()}, index=options.index)
    points = reached * weight * 100.0 / weight.sum()
    unknown = reached.isna() & (weight > 0)
    low = points.sum(axis=1)
    high = low + (unknown * weight).sum(axis=1) * 100.0 / weight.sum()
    result = pd.DataFrame({"option_id": options["option_id"]}, index=options.index).join(parts)
    result = result.join(points.add_prefix("points_"))
    result["score"] = low.where(~unknown.any(axis=1))
    result["score_low"], result["score_high"] = low, high
    result["rank"] = _rank((low + high) / 2, options["option_id"])
    result["reasons"] = [",".join(unknown.columns[row]) for row in unknown.to_numpy()]
    return result


def checked(profile: pd.DataFrame) -> pd.DataFrame:
    """A weight profile that makes a score.

    Raises
    ------
    BadInput
        If a part is named twice, a number is missing, a weight is negative, all are 0, or zero and full are equal.
    """
    numbers = profile[["zero", "full", "weight"]].astype(float)
    zero, full, weight = numbers.to_numpy().T
    wrong = ~np.isfinite(zero + full + weight) | (weight < 0) | (zero == full) | profile["part"].duplicated().to_numpy()
    if wrong.any():
        raise BadInput("score.profile.row", parts=", ".join(profile.loc[wrong, "part"].astype(str)))
    if not weight.sum() > 0:
        raise BadInput("score.profile.nothing")
    return profile


def rescored(scored: pd.DataFrame, profile: pd.DataFrame) -> pd.DataFrame:
    """Scored options with points, score and rank by another profile; best first.

    Parameters
    ----------
    scored : DataFrame
        What `score_candidates` gave, with whatever other columns.
    profile : DataFrame
        ``part, zero, full, weight``.
    """
    parts = scored[[part for part in profile["part"] if part in scored]]
    marks = score_candidates(scored[["option_id"]], parts, profile=profile).drop(columns=["option_id", *parts])
    stale = [name for name in map(str, scored) if name.startswith("points_") or name in MARKS]
    return scored.drop(columns=stale).join(marks).sort_values("rank", ignore_index=True)


def _share(parts: pd.DataFrame, row: object) -> Floats:
    name, zero, full = row.part, float(row.zero), float(row.full)  # type: ignore[attr-defined]
    if name not in parts:
        return np.full(len(parts), np.nan)
    values = _numbers(name, parts[name])
    return np.clip((values - zero) / (full - zero), 0.0, 1.0)


def _numbers(name: str, values: pd.Series) -> Floats:
    states: Mapping[tuple[str, str], float] = tables.score_states()
    if name not in {part for part, _ in states}:
        return pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64)
    text = values.where(values.notna() & (values != "unknown"), None)
    for state in set(text.dropna()):
        if (name, state) not in states:
            raise BadInput("plan.score.state", part=name, state=state)
    return np.array([np.nan if state is None or state != state else states[name, state] for state in text])  # noqa: PLR0124


def _rank(middle: pd.Series, ids: pd.Series) -> npt.NDArray[np.int64]:
    order = np.lexsort((ids.to_numpy(dtype=str), -middle.to_numpy(dtype=float)))
    rank = np.empty(order.size, dtype=np.int64)
    rank[order] = np.arange(1, order.size + 1)
    return rank
