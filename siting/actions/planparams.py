"""What a plan run is asked: every part with a default, checked as a whole."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from siting.errors import BadInput, Listed, Word
from siting.plan.problem import MODES
from siting.settings import Settings

STATES = ("unknown",)
LIMITS = ("count", "budget_yuan", "target_persons")
KICKS = 60
SPACING_BY = ("operator", "all")
#: What a quota may count by, and the column of the offered options that holds it.
QUOTA_COLUMNS: Mapping[str, str] = {
    "street_office": "street_office",
    "owner_org": "owner_org",
    "operator": "operators",
    "zone": "zone",
    "class": "class",
}
#: Most known names that a refusal lists.
NAMED = 12
NO_RULES: Mapping[str, Any] = {"min_spacing_m": 0.0, "spacing_by": "operator", "quotas": [], "required_venues": []}
Problems = Iterator[Word]
ENDS = ("at_most", "at_least")
_SIGNS: Mapping[str, str] = {"<=": "at_most", ">=": "at_least"}
_QUOTA = re.compile(r"(?P<by>\w+):(?P<value>.+?)(?P<sign><=|>=)\s*(?P<n>\d+(\.\d+)?)")


@dataclass(frozen=True)
class Known:
    """Names that rules may use.

    Parameters
    ----------
    quotas : mapping
        What a quota counts by -> the names it may give.
    venues : mapping
        Names of venues by id.
    """

    quotas: Mapping[str, Collection[str]]
    venues: Mapping[str, str]


def params(settings: Settings, given: Mapping[str, Any], *, known: Known | None = None) -> dict[str, Any]:
    """A plan run's parameters, complete: what was given, the settings and defaults for the rest.

    Parameters
    ----------
    settings : Settings
        ``plan.gap`` and ``plan.time_limit_s`` stand for what is not given.
    given : mapping
        ``coverage`` (a run) or ``coverage_params``; ``count`` and/or ``budget_yuan``, or ``target_persons`` (people to be
        added for the least yuan); ``admit``, ``lock``, ``forbid`` (options or candidates), ``mode``, ``use_permission``,
        ``fibre_in_cost``, ``rules`` (quotas as mappings, or as text like `quota_of` reads), ``gap``, ``time_limit_s``, ``kicks``, ``seed``, ``start``, ``scenario``, ``prices`` (see `siting.actions.planprices`).  The
        parameters of an earlier run are read again as they stand.
    known : Known, optional
        What quotas and required venues may name; None where names are checked later.

    Raises
    ------
    BadInput
        With everything that is wrong.
    """
    rules, problems = _read(given.get("rules") or {})
    given = {**given, "rules": rules}
    problems += [*_limit_problems(given), *_choice_problems(given), *_rule_problems(rules), *_effort_problems(given)]
    problems += [] if known is None else [*_quota_names(rules, known), *_venue_names(rules, known)]
    if len(problems) == 1:
        raise BadInput(problems[0].key, **problems[0].values)
    if problems:
        raise BadInput("plans.invalid", count=len(problems), problems=Listed(tuple(problems)))
    return {**_chosen(given), **_limits(given), **_effort(settings, given)}


def _read(rules: Mapping[str, Any]) -> tuple[dict[str, Any], list[Word]]:
    """Rules with the quotas that are written as text read, and those that cannot be."""
    quotas, problems = [], []
    for quota in rules.get("quotas") or ():
        try:
            quotas.append(quota_of(quota) if isinstance(quota, str) else dict(quota))
        except BadInput as error:
            problems.append(Word(error.key, error.values))
    return {**rules, **({"quotas": quotas} if "quotas" in rules else {})}, problems


def _chosen(given: Mapping[str, Any]) -> dict[str, Any]:
    own = {name: dict(given[name]) for name in ("coverage_params", "prices") if given.get(name)}
    return {
        "coverage": given.get("coverage") or "",
        **own,
        **{name: list(given.get(name) or ()) for name in ("admit", "lock", "forbid")},
        "mode": given.get("mode") or MODES[0],
        "use_permission": bool(given.get("use_permission", False)),
        "fibre_in_cost": bool(given.get("fibre_in_cost", False)),
        "rules": _rules(given.get("rules") or {}),
        "scenario": given.get("scenario") or "",
    }


def _rules(given: Mapping[str, Any]) -> dict[str, Any]:
    quotas = [
        {"by": q["by"], "value": str(q["value"]), **{k: float(q[k]) for k in ENDS if q.get(k) is not None}}
        for q in given.get("quotas") or ()
    ]
    return {
        "min_spacing_m": float(given.get("min_spacing_m") or 0.0),
        "spacing_by": given.get("spacing_by") or NO_RULES["spacing_by"],
        "quotas": quotas,
        "required_venues": list(dict.fromkeys(map(str, given.get("required_venues") or ()))),
    }


def _limits(given: Mapping[str, Any]) -> dict[str, Any]:
    kinds = {"count": int, "budget_yuan": float, "target_persons": float}
    return {name: kinds[name](given[name]) for name in LIMITS if given.get(name) is not None}


def _effort(settings: Settings, given: Mapping[str, Any]) -> dict[str, Any]:
    usual = {"gap": settings.number("plan.gap"), "time_limit_s": settings.number("plan.time_limit_s")}
    numbers = {name: float(_or(given.get(name), value)) for name, value in usual.items()}
    whole = {name: int(_or(given.get(name), value)) for name, value in (("kicks", KICKS), ("seed", 0))}
    return {**numbers, **whole, "start": given.get("start") or ""}


def _or(value: Any, usual: float) -> Any:
    return usual if value is None else value


def _limit_problems(given: Mapping[str, Any]) -> Problems:
    """One kind of limit: what may be used, or what is to be reached."""
    named = [name for name in LIMITS if given.get(name) is not None]
    if not named:
        yield Word("plans.no_limit")
    if "target_persons" in named and len(named) > 1:
        yield Word("plans.one_limit")
    for name in named:
        if not _above(given[name], 0) or (name == "count" and given[name] != int(given[name])):
            yield Word("plans.limit", {"name": Word(f"plans.limits.{name}"), "value": given[name]})


def _choice_problems(given: Mapping[str, Any]) -> Problems:
    if not given.get("coverage") and not given.get("coverage_params") and "coverage" not in given:
        yield Word("plans.no_coverage")
    if (given.get("mode") or MODES[0]) not in MODES:
        yield Word("plan.build.mode", {"mode": given["mode"], "modes": ", ".join(MODES)})
    for state in given.get("admit") or ():
        if state not in STATES:
            yield Word("plans.admit", {"value": state, "known": ", ".join(STATES)})
    both = sorted(set(given.get("lock") or ()) & set(given.get("forbid") or ()))
    if both:
        yield Word("plans.lock_and_forbid", {"names": ", ".join(both)})


def _rule_problems(given: Mapping[str, Any]) -> Problems:
    unknown = sorted(set(given) - set(NO_RULES))
    if unknown:
        yield Word("plans.rules.unknown", {"names": ", ".join(unknown), "known": ", ".join(NO_RULES)})
    spacing = given.get("min_spacing_m") or 0.0
    if not _above(spacing, 0, strict=False):
        yield Word("plans.rules.spacing", {"value": spacing})
    if (given.get("spacing_by") or SPACING_BY[0]) not in SPACING_BY:
        yield Word("plans.rules.spacing_by", {"value": given["spacing_by"], "known": ", ".join(SPACING_BY)})
    for quota in given.get("quotas") or ():
        yield from _quota_problems(quota)


def _quota_problems(quota: Mapping[str, Any]) -> Problems:
    by, value = quota.get("by"), quota.get("value")
    if by not in QUOTA_COLUMNS or not value:
        yield Word("plans.rules.quota_by", {"value": f"{by}:{value}", "known": ", ".join(QUOTA_COLUMNS)})
        return
    ends = [quota[name] for name in ENDS if quota.get(name) is not None]
    sound = bool(ends) and all(_above(end, 0, strict=False) for end in ends)
    if not sound or (len(ends) == len(ENDS) and ends[0] < ends[1]):
        yield Word("plans.rules.quota_ends", {"value": f"{by}:{value}", "ends": ", ".join(map(str, ends)) or "—"})


def _quota_names(given: Mapping[str, Any], known: Known) -> Problems:
    """Quotas that name what nobody knows."""
    for quota in given.get("quotas") or ():
        by, value = quota.get("by"), str(quota.get("value") or "")
        if by in known.quotas and value and value not in known.quotas[by]:
            text = "; ".join(quota_text(quota)) or f"{by}:{value}"
            told = {"value": text, "name": value, "by": Word(f"plans.by.{by}"), **_near(value, known.quotas[by])}
            yield Word("plans.rules.quota_name", told)


def _venue_names(given: Mapping[str, Any], known: Known) -> Problems:
    """Required venues that nobody knows, or that have no units."""
    names = {*known.venues, *known.venues.values()}
    for venue in dict.fromkeys(map(str, given.get("required_venues") or ())):
        if venue not in names:
            yield Word("plans.rules.venue_name", {"name": venue, **_near(venue, set(known.venues.values()))})


def _near(name: str, known: Collection[str]) -> dict[str, object]:
    """Known names to choose from, those most alike first, and how many there are."""
    alike = difflib.get_close_matches(name, sorted(known), n=NAMED, cutoff=0.3)
    listed = [*alike, *(one for one in sorted(known) if one not in alike)][:NAMED]
    more = "…" if len(known) > NAMED else ""
    return {"n": len(known), "known": "、".join(listed) + more or "—"}


def quota_of(text: str) -> dict[str, Any]:
    """A quota as people write it: ``street_office:NAME<=3``, ``operator:cmcc>=2``.

    Raises
    ------
    BadInput
        If the text has another form.
    """
    found = _QUOTA.fullmatch(text.strip())
    if found is None:
        raise BadInput("plans.rules.quota_text", value=text)
    return {"by": found["by"], "value": found["value"].strip(), _SIGNS[found["sign"]]: float(found["n"])}


def quota_text(quota: Mapping[str, Any]) -> list[str]:
    """A quota as `quota_of` reads it, one text for each of its ends."""
    return [
        f"{quota['by']}:{quota['value']}{sign}{quota[end]:g}"
        for sign, end in _SIGNS.items()
        if quota.get(end) is not None
    ]


def _effort_problems(given: Mapping[str, Any]) -> Problems:
    gap, seconds = given.get("gap"), given.get("time_limit_s")
    if gap is not None and not (_above(gap, 0, strict=False) and gap < 1):
        yield Word("plans.effort.gap", {"value": gap})
    if seconds is not None and not _above(seconds, 0):
        yield Word("plans.effort.time", {"value": seconds})
    for name, value in (("kicks", given.get("kicks")), ("seed", given.get("seed"))):
        if value is not None and not (_above(value, 0, strict=False) and value == int(value)):
            yield Word("plans.effort.whole", {"name": name, "value": value})


def _above(value: Any, low: float, *, strict: bool = True) -> bool:
    """Whether a value is a finite number above (or at) another."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return False
    return value > low if strict else value >= low


def same_question(one: Mapping[str, Any], other: Mapping[str, Any], *, besides: Sequence[str]) -> bool:
    """Whether two complete sets of parameters ask the same but for some parts."""
    names = (set(one) | set(other)) - set(besides)
    return all(one.get(name) == other.get(name) for name in names)
