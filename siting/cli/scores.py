"""Scores on the terminal: other weights, the first candidates part by part, and how firm their ranks are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import typer

from siting import words
from siting.actions import stability, weights, worker
from siting.actions.stability import Ranks
from siting.actions.weights import Given
from siting.cli.desk import Desk, language, now, pairs
from siting.errors import BadInput
from siting.plan import permission, tables
from siting.store.runs import Run

POINTS = "points_"
MISSING = "—"
#: How a figure of a unit is written; what has no unit of its own in words keeps four digits.
WRITTEN = {
    "persons": ",.0f",
    "area_m2": ",.0f",
    "yuan": ",.0f",
    "m": ",.0f",
    "dB": ".2f",
    "venues": ",.4g",
    "tenants": ",.4g",
}
COUNTED = ("added_persons", "added_joint")


def weights_of(items: list[str]) -> dict[str, float]:
    """``part=weight`` options as numbers."""
    found = {}
    for part, value in pairs(items, "--weight").items():
        try:
            found[part] = float(value)
        except ValueError as error:
            raise BadInput("score.profile.row", parts=f"{part}={value}") from error
    return found


def given(at: Desk, profile: str | None, changed: Mapping[str, float]) -> Given:
    """The weights asked for: a named profile, single weights over it, or over those of the run."""
    if profile is None:
        weights.weighed(weights.profile(at.db), changed)
        return changed or None
    return weights.weighed(weights.read(at.db, at.actor, profile), changed)


def ranks(at: Desk, run: Run, wanted: Given) -> Ranks:
    """Ranks under draws of the model's error, drawn now unless they were drawn before."""
    done = stability.standing(at.db, at.actor, run.id)
    done = done or worker.run_now(at.db, at.actor, stability.KIND, stability.params(run), clock=now)
    return stability.ranks(at.db, at.actor, done.id, wanted)


def told(found: Ranks | None) -> dict[str, Any]:
    """The list's figures of `ranks`."""
    if found is None:
        return {}
    figures = {"tau": found.tau, "tau_weights": found.tau_weights, "draws": found.draws}
    return {**figures, "not_separable": int((~found.table["separable"]).sum())}


def listed(at: Desk, run: Run, wanted: Given, found: Ranks | None, *, top: int) -> dict[str, Any]:
    """The first candidates with their parts, and ranks where they were drawn."""
    table = weights.rescored(at.db, at.actor, run.id, wanted).head(top)
    if found is not None:
        drawn = found.table.drop(columns="rank").set_index("option_id")
        table = table.join(drawn, on="option_id")
    return {"candidates": [_line(row) for row in table.to_dict("records")]} if top else {}


def echo(shown: Mapping[str, Any], found: Ranks | None, *, unit: str) -> None:
    """What was drawn in one line, then one per candidate: rank, name, score, ranks, its parts with their points."""
    if found is not None:
        typer.echo(_sentence(found))
    for line in shown.get("candidates", []):
        parts = [_part(name, own, unit) for name, own in line["parts"].items()]
        typer.echo(
            _say(
                "score.cli.line",
                parts="；".join(parts),
                score=_score(line),
                rank=line["rank"],
                name=line["name"],
                span=_span(line),
            )
        )


def _line(row: Mapping[Any, Any]) -> dict[str, Any]:
    """One candidate for machines."""
    names = [str(name).removeprefix(POINTS) for name in row if str(name).startswith(POINTS)]
    kept = ["rank", "option_id", "name", "score", "score_low", "score_high", *permission.COLUMNS]
    drawn = ["rank_median", "rank_low", "rank_high", "top_share", "separable", "rank_low_weights", "rank_high_weights"]
    parts = {name: {"value": _plain(row.get(_own(name, row))), "points": _plain(row[POINTS + name])} for name in names}
    return {**{name: _plain(row[name]) for name in (*kept, *drawn) if name in row}, "parts": parts}


def _own(part: str, row: Mapping[Any, Any]) -> str:
    return "own_cost_yuan" if part == "cost_yuan" and "own_cost_yuan" in row else part


def _plain(value: Any) -> Any:
    return None if value is None or pd.isna(value) else value.item() if hasattr(value, "item") else value


def _part(name: str, own: Mapping[str, Any], measure: str) -> str:
    value, points = own["value"], own["points"]
    gained = MISSING if points is None else f"{points:.1f}"
    return f"{_say(f'score.part.{name}')} {_shown(name, value, measure)} → {gained}"


def _shown(name: str, value: Any, measure: str) -> str:
    """The value of a part with its unit; yuan, metres and people as whole numbers."""
    if value is None:
        return MISSING
    if name in {"structure", "emf"}:
        return _say(f"ui.{name}.{value}")
    unit = measure if name in COUNTED else _units().get(name, "1")
    if not isinstance(value, int | float) or unit not in WRITTEN:
        return f"{value:,.4g}" if isinstance(value, float) else str(value)
    return f"{value:{WRITTEN[unit]}} {_say(f'score.unit.{unit}')}"


def _units() -> dict[str, str]:
    shipped = tables.weights()
    return dict(zip(shipped["part"], shipped["unit"], strict=True))


def _score(line: Mapping[str, Any]) -> str:
    if line["score"] is not None:
        return f"{line['score']:.1f}"
    return f"{line['score_low']:.1f}–{line['score_high']:.1f}"


def _span(line: Mapping[str, Any]) -> str:
    if "rank_low" not in line:
        return ""
    key = "stability.span" if line["separable"] else "stability.span_wide"
    return _say(
        "score.cli.span",
        span=_say(key, low=int(line["rank_low"]), high=int(line["rank_high"])),
        share=f"{line['top_share']:.0%}",
    )


def _say(key: str, **values: object) -> str:
    return words.say(key, lang=language(), **values)


def _sentence(found: Ranks) -> str:
    """The list's figures of `ranks` in words."""
    error = _say("stability.measured" if found.calibrated else "stability.assumed")
    vague = int((~found.table["separable"]).sum())
    return _say("stability.said", draws=found.draws, error=error, tau=f"{found.tau:.2f}", tau_weights=f"{found.tau_weights:.2f}",
        vague=vague, n=len(found.table))  # fmt: skip
