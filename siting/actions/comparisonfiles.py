"""Plans compared as a file."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from siting import words
from siting.access import Actor
from siting.actions import comparing
from siting.actions.comparing import Compared
from siting.actions.doors import require
from siting.plan.compare import LEVELS
from siting.reports import comparison as worded
from siting.store.database import Database


def export(db: Database, actor: Actor, found: Compared, *, lang: str = words.DEFAULT_LANGUAGE) -> tuple[str, bytes]:
    """Plans compared as a workbook: name and bytes; differences are of the first two.

    Parameters
    ----------
    found : Compared
        From `siting.actions.comparing.compared` for this actor.
    """
    require(db, actor, "export.internal")
    names = list(found.plans["run"])
    measure = str(found.plans["measure"].iloc[0])
    sheets = {"overview": worded.overview(found.plans, lang=lang)}
    sheets |= _level_sheets(found, names, measure, lang)
    two = len(names) == 2  # noqa: PLR2004 - of two a word says whose a site is, of more their letters
    held = worded.of_two(found.sites, *names) if two else worded.of_all(found.sites, names, lang=lang)
    sheets["sites"] = worded.sites(pd.DataFrame(held), measure=measure, lang=lang)
    if found.found is not None:
        titles = worded.problem_names(found.problems, names, lang=lang)
        for column in ("added", "regret"):
            sheets[column] = worded.matrix(found.found.by_problem(column), titles, lang=lang)
    data = worded.book(
        sheets, notes=_notes(db, found, lang), lang=lang, title=f"{db.settings.name} {' '.join(names[:2])}"
    )
    more = f"--{len(names)}" if len(names) > 2 else ""  # noqa: PLR2004 - the name holds two
    return f"{names[0]}--{names[1]}{more}.xlsx", data


def _level_sheets(found: Compared, names: Sequence[str], measure: str, lang: str) -> dict[str, pd.DataFrame]:
    """Differences under the first question that could be posed, level by level."""
    if found.found is None:
        stored = comparing.stored_differences(found)
        return {"street_office": worded.differences(stored, "street_office", names={}, measure=measure, lang=lang)}
    problem = str(found.problems["problem"].iloc[0])
    return {
        by: worded.differences(
            found.found.differences(problem, by, names[0], names[1]),
            by,
            names=found.venue_names,
            measure=measure,
            lang=lang,
        )
        for by in LEVELS
    }


def _notes(db: Database, found: Compared, lang: str) -> list[tuple[str, object]]:
    """What the plans are, and what this is not."""
    known = worded.letters(list(found.plans["run"]))
    lines: list[tuple[str, object]] = [(words.say("compare.district", lang=lang), db.settings.name)]
    for line in found.plans.to_dict("records"):
        plan = words.say("compare.plan", lang=lang, letter=known[line["run"]])
        lines += [(plan, f"{worded.plan_name(line, lang=lang)} · {line['run']} · {line['problem_hash']}")]
    basis = worded.basis(found.plans, lang=lang)
    lines += [(words.say("compare.difference", lang=lang), basis)] if basis else []
    return [*lines, (words.say("compare.nature", lang=lang), words.say("ui.compare.nature", lang=lang))]
