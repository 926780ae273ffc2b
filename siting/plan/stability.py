"""How firm the ranks of candidates are: the same list under errors of the model, and under other weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from siting.plan import score, tables
from siting.plan.margins import Drawn, Margins, drawn, rows
from siting.radio.calibration import Calibration

Floats = npt.NDArray[np.float64]
Wholes = npt.NDArray[np.int64]

# Scores that differ by less are equal: the sums of twins may differ in their last digit.
DECIMALS = 9
#: Parts of the score that an error of the model moves.
MOVED = ("added_persons", "added_joint", "indoor_share", "key_venues")
COLUMNS = (
    "rank", "rank_median", "rank_low", "rank_high", "top_share", "separable", "rank_low_weights", "rank_high_weights",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Stability:
    """Ranks under draws.

    Parameters
    ----------
    table : DataFrame
        On the options' index, columns `COLUMNS`: present rank, median and 5 - 95 % ranks over the draws of the model's error,
        share of the draws in the first `top`, whether the interval is narrow enough to tell the option from the rest of the
        list, and the 5 - 95 % ranks over draws of the weights.
    tau, tau_weights : float
        Mean Kendall tau between the present order and that of a draw of the error, or of the weights.
    """

    table: pd.DataFrame
    tau: float
    tau_weights: float


def judged(scored: pd.DataFrame, found: Drawn, *, profile: pd.DataFrame, top: int = 10, seed: int = 0) -> Stability:
    """Ranks of scored options under draws.

    Parameters
    ----------
    scored : DataFrame
        From `siting.plan.score_candidates`, in the order of the draws' columns.
    found : Drawn
        From `drawn`.
    profile : DataFrame
        Weights, see `siting.plan.score.score_candidates`.
    top : int
        How many count as first.
    seed : int
        Of the draws of the weights.
    """
    points, weight = _points(scored, profile)
    order = np.argsort(scored["option_id"].to_numpy(dtype=str), kind="stable")
    share = weight / weight.sum()
    present = _ranks(points @ share, order)
    errors = np.array([_ranks(own @ share, order) for own in _moved(scored, found, points, profile)])
    other = np.random.default_rng(seed).dirichlet(rows()["weight_concentration"] * share[share > 0], len(errors))
    varied = np.array([_ranks(points[:, share > 0] @ own, order) for own in other])
    table = _table(present, errors, varied, top)
    return Stability(
        pd.DataFrame(table, index=scored.index)[list(COLUMNS)], _tau(present, errors), _tau(present, varied)
    )


def _points(scored: pd.DataFrame, profile: pd.DataFrame) -> tuple[Floats, Floats]:
    """Reached share of every weighted part [options, parts], unknown parts in the middle, and the weights."""
    again = score.rescored(scored.assign(_at=np.arange(len(scored))), profile.assign(weight=1.0)).sort_values("_at")
    reached = again[[f"points_{part}" for part in profile["part"]]].to_numpy(float) * len(profile) / 100.0
    return np.where(np.isnan(reached), 0.5, reached), profile["weight"].to_numpy(float)


def _moved(scored: pd.DataFrame, found: Drawn, points: Floats, profile: pd.DataFrame) -> Iterator[Floats]:
    """The shares of `_points` under every draw.

    A joint figure moves as the people of the option do.
    """
    number = {part: at for at, part in enumerate(profile["part"])}
    ends = dict(zip(profile["part"], profile[["zero", "full"]].to_numpy(float), strict=True))
    still = found.added_persons[0].astype(np.float64)
    joint = scored["added_joint"].to_numpy(float) if "added_joint" in scored else np.full(len(scored), np.nan)
    ratio_of = np.divide(joint, still, out=np.zeros_like(still), where=still > 0)
    for draw in range(1, len(found.added_persons)):
        own = points.copy()
        added = found.added_persons[draw].astype(np.float64)
        values = (added, added * ratio_of, found.indoor_share[draw], found.key_venues[draw])
        for part, value in zip(MOVED, values, strict=True):
            if part in number:
                zero, full = ends[part]
                reached = np.clip((value - zero) / (full - zero), 0.0, 1.0)
                own[:, number[part]] = np.where(np.isnan(reached), 0.5, reached)
        yield own


def _ranks(value: Floats, order: Wholes) -> Wholes:
    """Rank of every option, 1 for the largest, ties by id; `order` sorts by id."""
    best = order[np.argsort(-np.round(value[order], DECIMALS), kind="stable")]
    rank = np.empty(len(value), np.int64)
    rank[best] = np.arange(1, len(value) + 1)
    return rank


def _table(present: Wholes, errors: Wholes, varied: Wholes, top: int) -> dict[str, npt.NDArray[np.generic]]:
    ends = (rows()["low"], rows()["high"])
    low, high = np.quantile(errors, ends, axis=0, method="nearest")
    low_weights, high_weights = np.quantile(varied, ends, axis=0, method="nearest")
    return {
        "rank": present,
        "rank_median": np.median(errors, axis=0),
        "rank_low": low,
        "rank_high": high,
        "top_share": (errors <= top).mean(axis=0),
        "separable": high - low <= rows()["wide_share"] * len(present),
        "rank_low_weights": low_weights,
        "rank_high_weights": high_weights,
    }


def _tau(present: Wholes, others: Wholes) -> float:
    """Mean Kendall tau; 1 for a list of one."""
    if len(present) < 2:  # noqa: PLR2004 - nothing to compare
        return 1.0
    return float(np.mean([stats.kendalltau(present, other).statistic for other in others]))


def rank_stability(
    options: pd.DataFrame,
    margins: Margins,
    *,
    calibration: Calibration | None = None,
    draws: int = 200,
    top: int = 10,
    seed: int = 0,
) -> pd.DataFrame:
    """Ranks of scored options under errors of the model and under other weights.

    Parameters
    ----------
    options : DataFrame
        From `siting.plan.score_candidates` with the default profile, ``candidate_id`` beside it; in the order of the margins.
    margins : Margins
        What is known of reach and network.
    calibration : Calibration, optional
        See `drawn`.
    draws, top, seed : int
        See `drawn` and `judged`.

    Returns
    -------
    DataFrame
        ``option_id`` and `COLUMNS`; ``attrs`` holds ``tau`` and ``tau_weights``, see `Stability`.

    Raises
    ------
    BadInput
        If there is no draw.

    Notes
    -----
    A candidate beside others of nearly equal score has a wide interval though each of its gains is well known: the figure
    is about order, not about the size of what is gained.
    """
    profile = tables.weights()
    measured = profile[profile["part"].isin(options.columns)]
    found = drawn(options["candidate_id"].tolist(), margins, calibration=calibration, draws=draws, seed=seed)
    told = judged(options, found, profile=measured, top=top, seed=seed)
    table = options[["option_id"]].join(told.table)
    table.attrs = {"tau": told.tau, "tau_weights": told.tau_weights}
    return table
