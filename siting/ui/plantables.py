"""The planning tables on a page: prices, configurations, sharing and fibre, with what nobody has confirmed."""

from __future__ import annotations

from collections.abc import Mapping

from siting.actions import plantables, radiotables
from siting.plan import tablecheck
from siting.ui import choices, fields, radioparts, tableforms
from siting.ui.session import Desk
from siting.ui.tableforms import Board
from siting.ui.text import t

VIEWS = (*plantables.TABLES, "history")
KEY = "plantable"


def view(desk: Desk) -> None:
    """All planning tables, one at a time; whoever may change them finds a form in place of a table."""
    terms = {name: t(f"radiotable.view.{name}") for name in VIEWS}
    chosen = choices.segments(t("plantable.views"), terms, key=KEY, hidden=True)
    radioparts.said(desk)
    if chosen == "history":
        tableforms.history(desk, BOARD)
    else:
        tableforms.view(desk, BOARD, chosen)


def _naming(desk: Desk, kind: str) -> Mapping[str, Mapping[str, str]]:
    """What a row is named after: classes and radio units to choose from, anything else typed."""
    classes = fields.terms("asset_class")
    units = {name: name for name, unit in radiotables.equipment(desk.db).items() if unit.active}
    known = {"host_class": classes, "class": classes, "equipment": units}
    return {column: known.get(column, {}) for column in plantables.KEYS[kind]}


BOARD = Board(plantables, KEY, "plantable.note", tablecheck.columns, _naming)
