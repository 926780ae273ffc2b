"""How old the data on the screen is."""

from __future__ import annotations

from siting.actions import layers as layer_actions
from siting.ui.session import Desk
from siting.ui.text import t


def dated(desk: Desk) -> str:
    """How old the data is: the declared date, else the day of the last import, else that nobody knows."""
    declared = desk.settings.text("district.as_of")
    if declared:
        return t("ui.badge.as_of", date=declared)
    recent = layer_actions.recent_imports(desk.db, desk.actor, limit=1)
    if not recent:
        return t("ui.badge.no_date")
    return t("ui.badge.imported", date=str(recent[0]["committed_at"])[:10])
