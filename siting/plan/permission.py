"""The risk that a host is refused, learnt from closed problem points: how often was it agreed within the term."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from numbers import Real

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from siting import words
from siting.plan import tables

#: Where a probability comes from: cases of the class and owner, of the class, or the shipped order of host classes.
BASES = ("owner_class", "class", "default")
COLUMNS = (
    "permission", "permission_low", "permission_high", "permission_n", "permission_basis", "permission_days",
)  # fmt: skip
Floats = npt.NDArray[np.float64]


@cache
def host_classes() -> pd.DataFrame:
    """Host classes in the default order of hosts, with the probability used where no case is known."""
    return pd.read_csv(tables.DATA / "permission.csv")


@cache
def rows() -> Mapping[str, float]:
    """The numbers of `risk` by name: the prior, the interval, how few cases are too few."""
    table = pd.read_csv(tables.DATA / "permission_rows.csv")
    return dict(zip(table["name"], table["value"].astype(float), strict=True))


def interval(agreed: npt.ArrayLike, cases: npt.ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Mean and interval of the share of agreements, by the Beta distribution with a flat prior.

    Parameters
    ----------
    agreed, cases : array_like
        Agreements among closed cases.

    Returns
    -------
    tuple of ndarray
        Mean (s + 1) / (n + 2), and the lower and upper end of the interval of the rows ``low`` and ``high``.
    """
    own = rows()
    first = np.asarray(agreed, np.float64) + own["prior_agreed"]
    second = np.asarray(cases, np.float64) - np.asarray(agreed, np.float64) + own["prior_refused"]
    belief = stats.beta(first, second)
    return first / (first + second), np.asarray(belief.ppf(own["low"])), np.asarray(belief.ppf(own["high"]))


def risk(options: pd.DataFrame, closed: pd.DataFrame) -> pd.DataFrame:
    """Probability that the host of each option is agreed within the term.

    Parameters
    ----------
    options : DataFrame
        ``class``, ``owner_org`` (missing: unknown).
    closed : DataFrame
        One line per closed case: ``class``, ``owner_org``, ``agreed`` (bool: within the term), ``days`` from asking to the
        agreement (NaN where there was none).

    Returns
    -------
    DataFrame
        On the options' index, columns `COLUMNS`: mean, 5 - 95 % interval, number of cases, where it comes from
        (`BASES`), and the median of the days to an agreement [days].  A class with no case has the shipped probability of
        its place in the order of hosts, and the interval of knowing nothing; a class that the order does not name is NaN.
    """
    asked = pd.DataFrame({"class": options["class"].to_numpy(), "owner_org": options["owner_org"].to_numpy()})
    by_class = _counted(asked, closed, ["class"])
    by_owner = _counted(asked, closed.dropna(subset=["owner_org"]), ["class", "owner_org"])
    enough = (by_owner["n"] >= rows()["least_cases"]).to_numpy()
    counts = pd.DataFrame(np.where(enough[:, None], by_owner, by_class), columns=by_class.columns)
    known = (counts["n"] > 0).to_numpy()
    mean, low, high = interval(counts["agreed"], counts["n"])
    default = asked["class"].map(host_classes().set_index("class")["probability"]).to_numpy(np.float64)
    basis = np.where(enough, BASES[0], np.where(known, BASES[1], BASES[2]))
    found = (
        np.where(known, mean, default),
        low,
        high,
        counts["n"].to_numpy(np.int64),
        basis,
        counts["days"].to_numpy(),
    )
    return pd.DataFrame(dict(zip(COLUMNS, found, strict=True)), index=options.index)


def _counted(asked: pd.DataFrame, closed: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Agreements, cases and median days of the cases that share the keys, by line of what is asked."""
    groups = closed.groupby(keys, observed=True)
    table = pd.DataFrame({"agreed": groups["agreed"].sum(), "n": groups.size(), "days": groups["days"].median()})
    found = asked[keys].merge(table.reset_index(), on=keys, how="left")
    return found[["agreed", "n", "days"]].astype(np.float64).fillna({"agreed": 0.0, "n": 0.0})


def said(row: Mapping[str, object], *, lang: str = words.DEFAULT_LANGUAGE) -> str:
    """One option's probability in words: ``62%（41%–80%，n = 13）``; alone where no cases are told, unknown is ``—``."""
    mean, low, high = (_percent(row.get(name)) for name in COLUMNS[:3])
    if not mean:
        return "—"
    if "permission_n" not in row:
        return mean
    n = int(float(str(row["permission_n"])))
    if row.get("permission_basis") == BASES[2]:
        return words.say("score.permission_none", lang=lang, mean=mean)
    key = "score.permission" if n >= rows()["least_cases"] else "score.permission_few"
    basis = words.say(f"score.basis.{row.get('permission_basis')}", lang=lang)
    return words.say(key, lang=lang, mean=mean, low=low, high=high, n=n, basis=basis)


def _percent(value: object) -> str:
    return f"{value:.0%}" if isinstance(value, Real) and value == value else ""  # noqa: PLR0124 - NaN
