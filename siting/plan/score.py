"""The score of one candidate: parts in natural units first, then a visible weighted sum of linear parts.

Zero, full and weight are fixed rows of a named profile, so another candidate never changes a score.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from siting.errors import BadInput
from siting.plan import tables
from siting.plan.build import Gains

DEFAULT_WEIGHTS = "default"
OWN_COST = "own_cost_yuan"
#: Columns that `score_candidates` adds beside the parts and their points.
MARKS = ("score", "score_low", "score_high", "rank", "reasons")
Floats = npt.NDArray[np.float64]


def added_people(
    units: pd.DataFrame,
    gains: Gains,
    options: pd.DataFrame,
    *,
    base: npt.ArrayLike | None = None,
    cell_probability: float = 0.9,
) -> pd.DataFrame:
    """What each option alone adds to the existing network.

    Parameters
    ----------
    units : DataFrame
        ``persons``; ``floor`` (missing outdoors, or 0) or a boolean ``indoor``; ``venue`` if known.
    gains : Gains
        ``p`` [units, options].
    options : DataFrame
        One line per column of ``p``.
    base : array or None
        Probability from existing sites [units].
    cell_probability : float
        Probability from which a unit counts as covered, for venues.

    Returns
    -------
    DataFrame
        On the options' index: ``added_persons, added_indoor, added_outdoor, indoor_share, key_venues``; people are expected
        people [persons]; ``indoor_share`` is NaN where nothing is added; ``key_venues`` counts venues all of whose units
        reach the probability with the option and did not before (NaN where no venue is known).
    """
    p = sparse.csc_matrix(gains.p, dtype=np.float64)
    level = np.zeros(len(units)) if base is None else np.asarray(base, dtype=np.float64)
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
        For parts of other options, a word that the state table does not know, or a profile that is not shipped or whose
        weights do not make a score (see `checked`).
    """
    if not parts.index.equals(options.index):
        raise BadInput("score.parts", parts=len(parts), options=len(options))
    table = checked(_shipped(profile) if isinstance(profile, str) else profile)
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


def _shipped(name: str) -> pd.DataFrame:
    found = tables.weights(name)
    if found.empty:
        raise BadInput("score.profile.unknown", name=name, known=DEFAULT_WEIGHTS)
    return found


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
        What `score_candidates` gave, with whatever other columns; ``own_cost_yuan`` holds the part ``cost_yuan`` where the
        whole cost stands beside it.
    profile : DataFrame
        ``part, zero, full, weight``.
    """
    parts = scored[[part for part in profile["part"] if part in scored]]
    if OWN_COST in scored:
        parts = parts.assign(cost_yuan=scored[OWN_COST])
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
