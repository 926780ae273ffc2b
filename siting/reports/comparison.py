"""Plans held against each other as tables in words, for pages, the command line and a workbook."""

from __future__ import annotations

import math
import string
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeVar

import pandas as pd

from siting import words
from siting.reports.workbook import Sheet, workbook

PERSONS = "persons"
LETTERS = string.ascii_uppercase
FIGURES = ("added", "sites", "agreed", "cost_yuan", "site_cost_yuan", "fibre_m", "unreached", "gap")
#: Decimals of a figure where it is read; the others are whole.
DIGITS: Mapping[str, int] = MappingProxyType({"gap": 2})
UNKNOWN = "—"
LIMITS = ("count", "budget_yuan", "target_persons")
SITE_COLUMNS = ("name", "class", "street_office", "owner_org", "added_persons", "cost_yuan", "fibre_m", "message")
CODED = {"class": "style.asset_class.{}"}
BOTH, FIRST, SECOND = "both", "first", "second"
Frame = TypeVar("Frame", bound=pd.DataFrame)


def plan_name(line: Mapping[Hashable, Any], *, lang: str) -> str:
    """A plan by its day and minute, scenario, limits and the people it adds.

    Parameters
    ----------
    line : mapping
        ``created_at, scenario, count, budget_yuan, target_persons`` (NaN for none), ``added, measure``.
    """
    amounts = {"count": 1.0, "budget_yuan": 1e4, "target_persons": 1.0}
    limits = [
        words.say(f"compare.limit.{name}", lang=lang, n=f"{line[name] / size:,.10g}")
        for name, size in amounts.items()
        if line[name] == line[name]
    ]
    own = [str(line["scenario"])] if line["scenario"] else []
    unit = words.say(f"ui.unit.{line['measure']}", lang=lang)
    added = words.say("compare.adds", lang=lang, n=f"{line['added']:,.0f}", unit=unit)
    return " · ".join([str(line["created_at"])[5:16].replace("T", " "), *own, *limits, added])


def letters(runs: Sequence[str]) -> dict[str, str]:
    """Plans in short: A, B, …"""
    return dict(zip(runs, LETTERS, strict=False))


def one_basis(plans: pd.DataFrame) -> bool:
    """Whether all plans counted cost alike: with and without fibre, or at different prices, they do not subtract."""
    return len(set(zip(plans["fibre_in_cost"], plans["prices"], strict=True))) == 1


def basis(plans: pd.DataFrame, *, lang: str) -> str:
    """Why the costs of the plans do not subtract, and what does; empty where they do."""
    if one_basis(plans):
        return ""
    return words.say("compare.basis" if _one_table(plans) else "compare.basis_prices", lang=lang)


def _one_table(plans: pd.DataFrame) -> bool:
    return len(set(plans["prices"])) == 1


def overview(plans: pd.DataFrame, *, lang: str) -> pd.DataFrame:
    """The figures of each plan, one column per plan; of two also the difference, unknown where they do not subtract.

    All are rounded as they are read, and the difference is that of the rounded ones.

    Parameters
    ----------
    plans : DataFrame
        One line per plan: ``run``, `FIGURES`, ``fibre_in_cost`` and ``prices``; the gap as a share, shown in percent.  The cost of the
        sites alone is shown where a plan counts fibre as cost.
    """
    unit = words.say(f"ui.unit.{plans['measure'].iloc[0]}", lang=lang)
    names = _figures(plans)
    shown: dict[str, list[Any]] = {
        words.say("compare.figure", lang=lang): [words.say(f"compare.figure.{n}", lang=lang, unit=unit) for n in names]
    }
    columns = [
        [round((100.0 if n == "gap" else 1.0) * float(line[n]), DIGITS.get(n, 0)) for n in names]
        for _, line in plans.iterrows()
    ]
    for letter, column in zip(LETTERS, columns, strict=False):
        shown[words.say("compare.plan", lang=lang, letter=letter)] = column
    if len(columns) == 2:  # noqa: PLR2004 - a difference is of two
        unlike = set() if one_basis(plans) else {"cost_yuan"} if _one_table(plans) else {"cost_yuan", "site_cost_yuan"}
        told = zip(names, *columns, strict=True)
        shown[words.say("compare.difference", lang=lang)] = [
            math.nan if n in unlike else round(b - a, DIGITS.get(n, 0)) for n, a, b in told
        ]
    return pd.DataFrame(shown)


def written(plans: pd.DataFrame, *, lang: str) -> pd.DataFrame:
    """`overview` as text: whole numbers with separators but for `DIGITS`; what is unknown is a dash."""
    table, names = overview(plans, lang=lang), _figures(plans)
    texts = {
        title: [_amount(cell, DIGITS.get(name, 0)) for name, cell in zip(names, table[title], strict=True)]
        for title in table.columns[1:]
    }
    return table.assign(**texts)


def _figures(plans: pd.DataFrame) -> tuple[str, ...]:
    return tuple(name for name in FIGURES if name != "site_cost_yuan" or plans["fibre_in_cost"].any())


def _amount(value: float, digits: int) -> str:
    return UNKNOWN if math.isnan(value) else f"{round(value, digits) + 0.0:,.{digits}f}"


def differences(
    table: pd.DataFrame,
    by: str,
    *,
    names: Mapping[str, str],
    measure: str,
    lang: str,
    first: str = "A",
    second: str = "B",
) -> pd.DataFrame:
    """Where two plans differ, in words.

    Parameters
    ----------
    table : DataFrame
        From `siting.plan.compare.Comparison.differences`.
    by : str
        Its level.
    names : mapping
        Names of venues by id.
    measure : str
        What is counted.
    first, second : str
        Letters of the plans.
    """
    unit = words.say(f"ui.unit.{measure}", lang=lang)
    added = {name: table[name].round(1) for name in ("first", "second")}
    shown = {words.say(f"compare.by.{by}", lang=lang): [_group(by, name, names, lang) for name in table["name"]]}
    for column in ("persons", "covered_before"):
        shown[words.say(f"compare.column.{column}", lang=lang, unit=unit)] = table[column].round(0).to_list()
    for letter, column in ((first, "first"), (second, "second")):
        shown[words.say("compare.column.added", lang=lang, letter=letter, unit=unit)] = added[column].to_list()
    apart = (added["second"] - added["first"]).round(1)
    shown[words.say("compare.difference", lang=lang)] = (apart + 0.0).to_list()
    return pd.DataFrame(shown)


def sites(frame: pd.DataFrame, *, measure: str, lang: str) -> pd.DataFrame:
    """Common and differing sites in words; ``held`` says whose a site is, as `of_two` or `of_all` gives it."""
    unit = words.say(f"ui.unit.{measure}", lang=lang)
    shown: dict[str, list[Any]] = {
        words.say("compare.held", lang=lang): [
            words.say(f"style.compare.{held}", lang=lang) if held in {BOTH, FIRST, SECOND} else held
            for held in frame["held"]
        ]
    }
    for name in SITE_COLUMNS:
        cells = [_coded(name, cell, lang) for cell in frame[name]]
        shown[words.say(f"ui.plan.column.{name}", lang=lang, unit=unit)] = cells
    return pd.DataFrame(shown, index=frame.index)


def of_two(frame: Frame, first: str, second: str) -> Frame:
    """Sites that one of two plans holds, common ones first, with ``held``: `BOTH`, `FIRST` or `SECOND`.

    Parameters
    ----------
    frame : DataFrame
        Sites with ``plans``, the runs that hold each.
    first, second : str
        Runs of the two plans.
    """
    whose = {(True, True): BOTH, (True, False): FIRST, (False, True): SECOND}
    held = pd.Series([whose.get((first in runs, second in runs)) for runs in frame["plans"]], frame.index, dtype=object)
    own = frame.assign(held=held)[held.notna().to_numpy()]
    return own.loc[(own["held"] != BOTH).sort_values(kind="stable").index]


def of_all(frame: Frame, runs: Sequence[str], *, lang: str) -> Frame:
    """Sites of several plans, with ``held``: the letters of those that hold each."""
    known, comma = letters(runs), words.say("compare.comma", lang=lang)
    return frame.assign(held=[comma.join(known[run] for run in own) for own in frame["plans"]])


def problem_names(problems: pd.DataFrame, runs: Sequence[str], *, lang: str) -> dict[str, str]:
    """What plans were held against, in words; draws are left out."""
    known = letters(runs)
    return {
        str(line["problem"]): words.say("compare.question", lang=lang, letter=known[line["problem"]])
        if line["problem"] in known
        else str(line["name"])
        for _, line in problems.iterrows()
        if line["kind"] != "draw"
    }


def matrix(wide: pd.DataFrame, titles: Mapping[str, str], *, lang: str) -> pd.DataFrame:
    """Plans by problems in words.

    Parameters
    ----------
    wide : DataFrame
        From `siting.plan.compare.Comparison.by_problem`.
    titles : mapping
        From `problem_names`.
    """
    known = letters(list(wide.index))
    head = {
        words.say("compare.plans", lang=lang): [
            words.say("compare.plan", lang=lang, letter=known[n]) for n in wide.index
        ]
    }
    return pd.DataFrame(
        {**head, **{title: (wide[name].round(1) + 0.0).to_list() for name, title in titles.items() if name in wide}}
    )


def rules(violations: Sequence[str], *, lang: str) -> str:
    """Limits and rules that are broken, by kind; several of one kind with their number."""
    kinds = Counter(name.partition(":")[0] for name in violations)
    said = []
    for kind, n in kinds.items():
        key = f"compare.rule.{kind}"
        text = words.say(key if words.has(key) else "compare.rule.other", lang=lang, name=kind)
        said.append(text if n == 1 else words.say("compare.times", lang=lang, what=text, n=n))
    return words.say("compare.and", lang=lang).join(said)


def book(sheets: Mapping[str, pd.DataFrame], *, notes: Sequence[tuple[str, object]], lang: str, title: str) -> bytes:
    """A comparison as xlsx: one sheet per table, the notes below the first.

    Parameters
    ----------
    sheets : mapping
        Tables in words by the last part of the key of their title, ``compare.sheet.…``.
    """
    pages = [
        Sheet(words.say(f"compare.sheet.{name}", lang=lang), table, notes if at == 0 else ())
        for at, (name, table) in enumerate(sheets.items())
    ]
    return workbook(pages, properties={"title": title})


def _group(by: str, name: object, venues: Mapping[str, str], lang: str) -> str:
    if by == "operator":
        return "·".join(words.say(f"ui.operator.{code}", lang=lang) for code in str(name).split("+"))
    return venues.get(str(name), str(name)) if by == "venue" else str(name)


def _coded(name: str, cell: object, lang: str) -> object:
    if name in CODED and isinstance(cell, str):
        key = CODED[name].format(cell)
        return words.say(key, lang=lang) if words.has(key) else cell
    return cell
