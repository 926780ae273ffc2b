"""Rules of a plan in words: which of them clash, and which of them bind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from siting import words
from siting.actions import modelerror
from siting.actions.planparams import ENDS
from siting.actions.question import Question
from siting.errors import Listed, NotSolved, Word
from siting.plan import Plan
from siting.plan.build import GROUP_JOIN
from siting.store import layers
from siting.store.database import Database

#: What the rules about one host are named by, and what each limits.
HOST_RULES = ("one_per_candidate", "slots", "weight_kg", "sail_m2", "power_kva")
LIMIT_RULES = ("count", "budget_yuan", "target_persons")
CODED = {"operator": "ui.operator.{}", "class": "style.asset_class.{}", "zone": "plans.zone.{}"}
#: Rules that hold of every plan and say nothing of this one.
SILENT = ("one_per_candidate",)
CLOSE = 1e-6
TOO_NEAR = "too_close_to_own_site"


@dataclass(frozen=True)
class Coded:
    """A value of a quota as a person reads it: a code in words (of operators each), a name as it is."""

    by: str
    value: str

    def say(self, *, lang: str) -> str:
        """The value in a language."""
        whole = self.by != "operator"
        return "·".join(self._one(part, lang) for part in ([self.value] if whole else self.value.split(GROUP_JOIN)))

    def _one(self, value: str, lang: str) -> str:
        key = CODED.get(self.by, "{}").format(value)
        return words.say(key, lang=lang) if words.has(key, lang=lang) else value


def ends(found: Mapping[str, Any]) -> tuple[float, float] | None:
    """Between what a plan adds if the model is off, from its figures; None where that was not computed."""
    low, high = (found.get(name) for name in modelerror.ENDS)
    return None if low is None or high is None else (float(low), float(high))


def interval(found: Mapping[str, Any], *, lang: str) -> str:
    """The same in words; plans of earlier versions, and those whose coverage kept nothing about its error, say so."""
    known = ends(found)
    if known is None:
        return words.say("plan.interval.none", lang=lang)
    low, high = (f"{end:,.0f}" for end in known)
    return words.say("plan.interval.span", lang=lang, low=low, high=high)


def sentence(name: str, *, names: Mapping[str, str], ends: Mapping[str, Any] | None = None) -> Word:
    """A rule by its working name as a sentence.

    Parameters
    ----------
    name : str
        For example ``quota:street_office:NAME``, ``spacing:cmcc:…``, ``venue:ID:UNIT:cmcc``.
    names : mapping
        Names of hosts by candidate id and of venues by venue id.
    ends : mapping, optional
        ``at_most, at_least`` of the rule, ``min_spacing_m``.
    """
    kind, _, rest = name.partition(":")
    ends = {end: value for end, value in (ends or {}).items() if value is not None and value == value}  # noqa: PLR0124 - NaN
    if kind in LIMIT_RULES:
        return Word(f"plans.rule.{kind}", {"most": f"{ends.get('at_most', ends.get('at_least', 0)):,.0f}"})
    if kind in HOST_RULES:
        host = rest.rpartition(":")[0] if kind == "one_per_candidate" else rest
        return Word(f"plans.rule.{kind}", {"name": names.get(host, host), "most": f"{ends.get('at_most', 1):g}"})
    first, _, last = rest.partition(":")
    if kind == "venue":
        return Word("plans.rule.venue", {"name": names.get(first, first)})
    if kind == "spacing":
        return _spacing(first, f"{ends.get('min_spacing_m', 0):g}")
    return _quota(first, last, ends) if kind == "quota" else Word("plans.rule.other", {"name": name})


def _spacing(whose: str, metres: str) -> Word:
    if whose == "all":
        return Word("plans.rule.spacing_all", {"metres": metres})
    return Word("plans.rule.spacing", {"metres": metres, "whose": Coded("operator", whose)})


def _quota(by: str, value: str, ends: Mapping[str, Any]) -> Word:
    limits = Listed(tuple(Word(f"plans.end.{end}", {"n": f"{ends[end]:g}"}) for end in ENDS if end in ends))
    return Word("plans.rule.quota", {"by": Word(f"plans.by.{by}"), "value": Coded(by, value), "limits": limits})


def clash(db: Database, error: NotSolved, asks: Question, asked: Mapping[str, Any]) -> NotSolved:
    """The clash of rules that a solver names, as sentences; any other reason as it is."""
    told = str(error.values.get("rules", ""))  # noqa: PD011 - of an error, not of a frame
    known = {rule.name: {"at_most": rule.at_most, "at_least": rule.at_least} for rule in asks.problem.rules}
    known |= {name: {"at_most": asked.get(name)} for name in LIMIT_RULES}
    found = _named(told, sorted(known, key=len, reverse=True))
    if not found:
        return error
    names = labels(db, asks.offered)
    spacing = {"min_spacing_m": asked["rules"]["min_spacing_m"]}
    said = [sentence(name, names=names, ends={**known[name], **spacing}) for name in found]
    said += _near(asks, found, float(spacing["min_spacing_m"]))
    return NotSolved("plans.clash" if len(said) > 1 else "plans.clash_one", rules=Listed(tuple(said)))


def _near(asks: Question, found: Sequence[str], metres: float) -> list[Word]:
    """The spacing to sites on air, where it took options from a rule that wants some before the rules were weighed."""
    if metres <= 0 or any(name.startswith("spacing:") for name in found):
        return []
    wanted = [rule.option_index for rule in asks.problem.rules if rule.name in found and rule.at_least is not None]
    ids = {asks.problem.option_id[at] for places in wanted for at in places}
    near = asks.offered["codes"].map(lambda codes: TOO_NEAR in codes).astype(bool)
    taken = asks.offered.loc[near, "option_id"].isin(ids)
    return [Word("plans.rule.spacing_near", {"metres": f"{metres:g}"})] if taken.any() else []


def _named(text: str, known: Sequence[str]) -> list[str]:
    """The known names, longest first, that a list put together with commas holds, in its order."""
    found: list[tuple[int, str]] = []
    padded = f", {text}, "
    for name in known:
        at = padded.find(f", {name}, ")
        if at >= 0:
            found.append((at, name))
            padded = f"{padded[: at + 2]}{'*' * len(name)}{padded[at + 2 + len(name) :]}"
    return [name for _, name in sorted(found)]


def labels(db: Database, offered: pd.DataFrame) -> dict[str, str]:
    """Names of hosts by candidate id and of venues by venue id."""
    hosts = offered.drop_duplicates("candidate_id")
    named = zip(hosts["candidate_id"], hosts["name"], strict=True)
    venues = layers.read(db, "venues", columns=["name"])
    both = [*named, *zip(venues["venue_id"], venues["name"], strict=True)]
    return {str(key): str(name) for key, name in both if isinstance(name, str) and name}


def activity(asks: Question, found: Plan, asked: Mapping[str, Any], chosen: pd.DataFrame) -> pd.DataFrame:
    """What every rule of a plan uses, and whether it binds.

    Returns
    -------
    DataFrame
        ``rule`` (working name), ``kind``, ``subject``, ``activity``, ``at_most``, ``at_least``, ``binds``, ``n`` (rules
        gathered in one line: conflicts of spacing by operator, key points by venue).  Rules about hosts are there where
        they bind; points picked by hand are counted as used.
    """
    table = _with_target(found, asks, asked).assign(n=1)
    own = chosen[chosen["locked"] & ~chosen["standing"]]
    table = _with_own(table, own, asked)
    parts = table["rule"].str.split(":", n=2)
    table = table.assign(kind=parts.str[0], subject=parts.str[1].astype(object).fillna(""))
    table["binds"] = _binds(table) | _no_yuan_left(table, asks, chosen)
    quota = table["kind"] == "quota"
    table.loc[quota, "subject"] = table.loc[quota, "rule"].str.split(":", n=1).str[1]
    hosts = table["kind"].isin(HOST_RULES)
    kept = table[~(hosts & ~table["binds"]) & ~table["kind"].isin(SILENT)]
    gathered = kept["kind"].isin(["spacing", "venue"])
    lines = [_gathered(part) for _, part in kept[gathered].groupby(["kind", "subject"], sort=True)]
    columns = ["rule", "kind", "subject", "activity", "at_most", "at_least", "binds", "n"]
    return pd.concat([kept.loc[~gathered, columns], pd.DataFrame(lines, columns=columns)], ignore_index=True)


def _with_target(found: Plan, asks: Question, asked: Mapping[str, Any]) -> pd.DataFrame:
    """Rules as the solver counts them, and the people that had to be reached."""
    if asked.get("target_persons") is None:
        return found.rules
    added = found.value - asks.value(np.flatnonzero(asks.offered["standing"]))
    line = {"rule": "target_persons", "activity": added, "at_most": None, "at_least": float(asked["target_persons"])}
    return pd.DataFrame([line, *found.rules.to_dict("records")], columns=list(found.rules.columns))


def _with_own(table: pd.DataFrame, own: pd.DataFrame, asked: Mapping[str, Any]) -> pd.DataFrame:
    """Count and budget with the points picked by hand."""
    used = {"count": float(len(own)), "budget_yuan": float(own["cost_yuan"].sum())}
    more = table["rule"].map(used).fillna(0.0)
    limits = table["rule"].map({name: asked.get(name) for name in used})
    most = limits.astype(float).fillna(table["at_most"].astype(float))
    return table.assign(activity=table["activity"] + more, at_most=most)


def _binds(table: pd.DataFrame) -> pd.Series:
    high, low = table["at_most"].astype(float), table["at_least"].astype(float)
    tight_high = table["activity"] >= high - CLOSE * high.abs().clip(lower=1.0)
    return tight_high | (table["activity"] <= low + CLOSE * low.abs().clip(lower=1.0))


def _no_yuan_left(table: pd.DataFrame, asks: Question, chosen: pd.DataFrame) -> pd.Series:
    """A budget binds once nothing that is free can be paid from the rest."""
    free = ~asks.problem.forbidden & ~asks.offered["option_id"].isin(chosen["option_id"]).to_numpy(bool)
    cheapest = asks.problem.cost_yuan[free].min(initial=np.inf)
    return (table["rule"] == "budget_yuan") & (table["at_most"].astype(float) - table["activity"] < cheapest)


def _gathered(part: pd.DataFrame) -> dict[str, Any]:
    """Several rules of one kind and subject in one line: how many, and how many of them bind."""
    first = part.iloc[0]
    return {
        "rule": f"{first['kind']}:{first['subject']}",
        "kind": first["kind"],
        "subject": first["subject"],
        "activity": float(part["binds"].sum()),
        "at_most": float(len(part)) if first["kind"] == "spacing" else np.nan,
        "at_least": np.nan,
        "binds": bool(part["binds"].any()),
        "n": len(part),
    }


def lines(table: pd.DataFrame, *, names: Mapping[str, str], asked: Mapping[str, Any], lang: str) -> pd.DataFrame:
    """The activity of rules with a sentence each (``message``), those that bind first."""
    spacing = {"min_spacing_m": asked["rules"]["min_spacing_m"]}
    said = [
        sentence(str(row.rule), names=names, ends={"at_most": row.at_most, "at_least": row.at_least, **spacing}).say(
            lang=lang
        )
        for row in table.itertuples()
    ]
    return table.assign(message=said).sort_values("binds", ascending=False, kind="stable", ignore_index=True)
