"""The command that holds plans against each other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from siting import words
from siting.actions import comparing, comparisonfiles
from siting.actions.comparing import Compared
from siting.cli.desk import Account, Json, Project, desk, language, show, target
from siting.errors import BadInput
from siting.plan.compare import LEVELS
from siting.reports import comparison as worded

app = typer.Typer()
ENDING = ".xlsx"
SITE = ("option_id", "name", "street_office", "cost_yuan", "fibre_m", "added_persons")
SHOWN = {"street_office": 20, "operator": 20, "venue": 10}
SMALLEST = 0.05


@app.command()
def compare(
    a: Annotated[str, typer.Argument(help="方案任务编号")],
    b: Annotated[str, typer.Argument(help="另一个方案任务编号")],
    more: Annotated[list[str] | None, typer.Argument(help="更多方案，列入情景表")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="另存对比表 .xlsx")] = None,
    project: Project = None,
    account: Account = None,
    as_json: Json = False,
) -> None:
    """比较方案：街道、场所、运营商差异，各自独有的站点，造价与间隙。 Compare plans."""
    if out is not None:
        target(out)
        if out.suffix.lower() != ENDING:
            raise BadInput("compare.ending", value=out.name, ending=ENDING)
    at = desk(project, account, writing=False)
    found = comparing.compared(at.db, at.actor, [a, b, *(more or [])])
    if out is not None:
        out.write_bytes(comparisonfiles.export(at.db, at.actor, found, lang=language())[1])
    if as_json:
        show({**_plain(found), **({} if out is None else {"out": out})}, as_json=True)
        return
    for line in _lines(found, [a, b]):
        typer.echo(line)


def _plain(found: Compared) -> dict[str, Any]:
    """Everything for machines, under working names."""
    first, second = found.plans["run"].iloc[:2]
    sites = worded.of_two(found.sites, first, second)
    names = {worded.FIRST: "only_first", worded.SECOND: "only_second", worded.BOTH: "common"}
    held = {name: _records(sites.loc[sites["held"] == key, list(SITE)]) for key, name in names.items()}
    result = {
        "plans": _records(found.plans), "same_coverage": found.same_coverage, "same_score": found.same_score, "costs_subtract": worded.one_basis(found.plans), **held,
        "missing": _records(found.missing),
    }  # fmt: skip
    told = found.found
    if told is None:
        return {**result, "differences": {"street_office": _records(comparing.stored_differences(found))}}
    problem = str(found.problems["problem"].iloc[0])
    return {
        **result,
        "problem": problem,
        "differences": {by: _records(told.differences(problem, by, first, second)) for by in LEVELS},
        "matrix": _records(told.matrix[~told.matrix["draw"]]),
        "left_out": _records(told.left_out),
        "questions_differ": told.hashes_differ,
        "robust": told.robust,
        "robust_draws": told.robust_draws or None,
        "worst_mean": dict(told.worst_mean),
    }


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    known = frame.astype(object).where(frame.notna(), None)
    return [{str(name): cell for name, cell in row.items()} for row in known.to_dict("records")]


def _lines(found: Compared, pair: list[str]) -> Iterator[str]:
    """The comparison for people."""
    lang, colon = language(), words.say("cli.colon", lang=language())
    for letter, (_, line) in zip(worded.LETTERS, found.plans.iterrows(), strict=False):
        name = worded.plan_name(dict(line), lang=lang)
        yield f"{words.say('compare.plan', lang=lang, letter=letter)}{colon}{name} · {line['run']}"
    for title, *cells in worded.written(found.plans, lang=lang).itertuples(index=False):
        marks = [*worded.LETTERS[: len(found.plans)], "B−A"]
        yield f"{title}{colon}{'  '.join(f'{mark} {cell}' for mark, cell in zip(marks, cells, strict=False))}"
    if not worded.one_basis(found.plans):
        yield worded.basis(found.plans, lang=lang)
    yield from _differences(found, pair)
    yield from _sites(found, pair)
    if found.found is not None:
        yield from _matrix(found)
        letter = worded.letters(list(found.plans["run"]))[found.found.robust]
        yield words.say("compare.cli.robust", lang=lang, letter=letter)


def _differences(found: Compared, pair: list[str]) -> Iterator[str]:
    lang, measure = language(), str(found.plans["measure"].iloc[0])
    for by in LEVELS:
        if found.found is None:
            table = comparing.stored_differences(found) if by == "street_office" else pd.DataFrame()
        else:
            table = found.found.differences(str(found.problems["problem"].iloc[0]), by, pair[0], pair[1])
        if table.empty:
            continue
        yield words.say(f"compare.sheet.{by}", lang=lang)
        table = table[table["difference"].abs() >= SMALLEST].head(SHOWN[by])
        shown = worded.differences(table, by, names=found.venue_names, measure=measure, lang=lang)
        for line in shown.itertuples(index=False):
            yield f"  {line[0]}  A {line[3]:,.1f}  B {line[4]:,.1f}  B−A {line[5]:+,.1f}"


def _matrix(found: Compared) -> Iterator[str]:
    """What every plan adds under every question and scenario, and its regret there."""
    lang, runs = language(), list(found.plans["run"])
    titles = worded.problem_names(found.problems, runs, lang=lang)
    for column in ("added", "regret"):
        yield words.say(f"compare.sheet.{column}", lang=lang)
        shown = worded.matrix(found.found.by_problem(column), titles, lang=lang) if found.found else pd.DataFrame()
        for letter, line in zip(worded.LETTERS, shown.to_dict("records"), strict=False):
            cells = list(line.items())[1:]
            yield f"  {letter}  {'  '.join(f'{title} {cell:,.1f}' for title, cell in cells)}"


def _sites(found: Compared, pair: list[str]) -> Iterator[str]:
    lang = language()
    sites = worded.of_two(found.sites, *pair)
    for key in (worded.FIRST, worded.SECOND, worded.BOTH):
        own = sites[sites["held"] == key]
        title = words.say(f"style.compare.{key}", lang=lang)
        yield words.say("compare.cli.sites", lang=lang, held=title, n=len(own))
        if key != worded.BOTH:
            for line in own.itertuples():
                yield f"  {line.name if isinstance(line.name, str) else '—'}  {line.street_office}  {line.option_id}"
