"""Candidates and plans as tables, cards and files, in words and units."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from siting import words
from siting.actions import planfiles, plans, planwords
from siting.plan import permission
from siting.ui import gaps, scorebars
from siting.ui.cached import kept
from siting.ui.parts import Card
from siting.ui.session import Desk
from siting.ui.text import UNKNOWN, language, number, percent, t, term

KEY, LOSS = "option_id", "loss_alone"
NUMBERS: Mapping[str, int] = {
    "order": 0, "rank": 0, "score": 1, "score_low": 1, "score_high": 1, "added_persons": 0, "added_indoor": 0, "added_outdoor": 0,
    "marginal_in_plan": 0, LOSS: 0, "indoor_share": 2, "key_venues": 0, "cost_yuan": 0, "fibre_m": 0, "emf_quotient": 3, "mount_height_m": 1,
}  # fmt: skip
CODED: Mapping[str, str] = {"state": "candidate_state", "class": "asset_class", "open_status": "open_status"}
WORDED: Mapping[str, str] = {"structure": "ui.structure.{}", "emf": "ui.emf.{}", "configuration": "ui.configuration.{}"}
LISTED = ("rank", "rank_span", "name", "score", scorebars.COLUMN, "added_persons", "cost_yuan", "fibre_m", "state", "class",
    "street_office", "emf", "structure", "permission", "owner_org", "message", "added_indoor", "top_share")  # fmt: skip
CHOSEN = ("order", "name", "marginal_in_plan", "cost_yuan", "fibre_m", "emf", "owner_org", "class", LOSS, "structure", "permission",
    "message", "street_office", "state", "added_persons")  # fmt: skip
FACTS = ("name", "class", "configuration", "mount_height_m", "owner_org", "state", "message", "permission", "emf", "structure", "fibre_m",
    "cost_yuan", "asset_no", "street_office", "open_status", "emf_quotient", "marginal_in_plan", LOSS)  # fmt: skip
#: Columns whose words are made of several values of a row.
WHOLE: Mapping[str, tuple[str, ...]] = {
    "permission": permission.COLUMNS, "message": ("message", "codes", "state", "case_no"),
}  # fmt: skip
BLANK = re.compile(r"\{\w+\}")
PARTS = ("added_indoor", "added_outdoor")
#: Kinds of files offered at once; the others behind one button.
FIRST = ("xlsx", "gpkg", "geojson", "html")


def table(
    frame: pd.DataFrame,
    *,
    measured: str,
    columns: Sequence[str] = LISTED,
    proposed: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Candidates or plan sites in words, gains in people or square metres.

    Parameters
    ----------
    columns : sequence of str
        In their order; those that nobody measured or that say nothing of any row are left out.
    proposed : mapping, optional
        Option id -> number of its proposal.
    """
    shown: dict[str, object] = {}
    for name in columns:
        if name == scorebars.COLUMN and scorebars.names(frame):
            shown[scorebars.title()] = scorebars.column(frame).tolist()
        elif name in frame.columns and (measured == gaps.PERSONS or name not in PARTS):
            shown[title(name, measured)] = _cells(name, frame)
    if proposed and any(key in proposed for key in frame[KEY]):
        shown[t("ui.plan.column.proposed")] = [proposed.get(key, "") for key in frame[KEY]]
    return pd.DataFrame(shown, index=frame.index)


def title(name: str, measured: str) -> str:
    """Title of a column, with the unit in which this district counts."""
    return t(f"ui.plan.column.{name}", unit=t(f"ui.unit.{measured}"))


def facts(row: Mapping[str, Any], measured: str) -> dict[str, str]:
    """One candidate: what it is, whose, what must be settled first."""
    shown = {title(name, measured): text(name, row) for name in FACTS if name in row}
    return {name: said for name, said in shown.items() if said != UNKNOWN}


def cards(found: Mapping[str, Any]) -> list[Card]:
    """A plan in figures: what it adds, what any plan could add at most, the gap between, cost and fibre.

    Where the cost was made least, the gap is that between the cost and what no plan reaching the target can cost less than.
    """
    most = float(found["bound"]) - float(found["base_value"])
    unit = t(f"ui.unit.{found.get('measure', 'persons')}")
    sites = found["sites"]
    unreached = int(sites["fibre_m"].isna().sum())
    floor = found.get("cost_bound_yuan")
    least = None if floor is None else Card(t("ui.plan.cost_bound"), number(floor), t("ui.plan.cost_bound_note"))
    fibre = t("ui.picks.unreached", n=unreached) if unreached else t("ui.picks.along")
    error = t("ui.plan.interval", span=planwords.interval(found, lang=language()))
    return [
        Card(t("ui.plan.sites"), number(found["count"]), t("ui.plan.of_candidates", n=number(found["candidates"]))),
        Card(t("ui.plan.added", unit=unit), number(found["added"]), error),
        least or Card(t("ui.plan.bound", unit=unit), number(most), t("ui.plan.bound_note")),
        Card(
            t("ui.plan.gap" if least is None else "ui.plan.gap_cost"),
            percent(found["gap"], digits=2),
            t(f"ui.plan.status.{found['status']}"),
        ),
        Card(t("ui.plan.cost"), number(found["cost_yuan"]), t("ui.plan.cost_note")),
        Card(t("ui.plan.fibre"), number(float(sites["fibre_m"].sum())), fibre),
    ]


def reading(found: Mapping[str, Any]) -> str:
    """What the interval is about, and what bound and gap are about."""
    known = t(f"plan.calibrated.{'yes' if found.get('calibrated') else 'no'}")
    missing = planwords.ends(found) is None
    said = t("ui.plan.reading_none") if missing else t("ui.plan.reading", calibrated=known)
    return " ".join([said, *([t("ui.plan.permitted")] if found.get("use_permission") else [])])


def exports(desk: Desk, run_id: str) -> None:
    """The plan as files; a file is made when somebody asks for it, and kept for the next click."""
    for kind in FIRST:
        _file(desk, run_id, kind)
    with st.popover(t("ui.plan.export.more"), icon=":material/more_horiz:"):
        for kind in planfiles.KINDS:
            if kind not in FIRST:
                _file(desk, run_id, kind)


def _file(desk: Desk, run_id: str, kind: str) -> None:
    make = partial(plans.export, desk.db, desk.actor, run_id, kind=kind, lang=desk.lang)

    def data() -> bytes:
        return kept(desk, f"export.{kind}.{desk.lang}", run_id, make)[1]

    st.download_button(
        t(f"ui.plan.export.{kind}"),
        data,
        f"{run_id}.{kind}",
        planfiles.KINDS[kind],
        key=f"plan.export.{kind}",
        on_click="ignore",
        icon=":material/download:",
    )


def reasons(row: Mapping[str, Any]) -> str:
    """Why a candidate is in its state, in the language of the page; the stored sentence where it is Chinese."""
    message, codes = row.get("message"), row.get("codes")
    if language() == words.DEFAULT_LANGUAGE or codes is None or len(codes) == 0:
        return str(message) if isinstance(message, str) else UNKNOWN
    state = t(f"plan.state.{row['state']}")
    said = [BLANK.sub(str(row.get("case_no") or "…"), t(f"plan.code.{code}")) for code in codes]
    return f"{state}: {'; '.join(said)}"


def text(name: str, row: Mapping[str, Any]) -> str:
    """One value of a candidate in words."""
    if name == "permission":
        return scorebars.natural(name, row)
    return reasons(row) if name == "message" else _text(name, row.get(name))


def _cells(name: str, frame: pd.DataFrame) -> object:
    if name in NUMBERS:
        return pd.to_numeric(frame[name], errors="coerce").round(NUMBERS[name]).to_numpy()
    if name in WHOLE:
        own = frame[[column for column in WHOLE[name] if column in frame]]
        rows = own.itertuples(index=False, name=None)
        return [text(name, dict(zip(own.columns.astype(str), row, strict=True))) for row in rows]
    if name in CODED or name in WORDED:
        return frame[name].map({cell: _text(name, cell) for cell in frame[name].unique()}).fillna(UNKNOWN).tolist()
    return [_text(name, cell) for cell in frame[name]]


def _text(name: str, cell: object) -> str:
    if name in NUMBERS:
        return number(float(cell), digits=NUMBERS[name]) if isinstance(cell, int | float) else UNKNOWN
    if name in WORDED and isinstance(cell, str):
        key = WORDED[name].format(cell)
        return t(key) if words.has(key) else cell
    if name in CODED:
        return term(CODED[name], cell)
    if isinstance(cell, list | tuple):
        return "、".join(map(str, cell))
    return UNKNOWN if cell is None or cell != cell or cell == "" else str(cell)  # noqa: PLR0124 - NaN
