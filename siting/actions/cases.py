"""Problem points: report them, move them, read them.

Reading is in `case_reading`, carrying out in `case_moves`, files in `attachments`; their public names are repeated here.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime

from siting.access import Actor
from siting.actions.attachments import attach, attachment, hide
from siting.actions.attachments import listed as attached
from siting.actions.case_moves import Row, do, do_all, do_batch
from siting.actions.case_reading import Entry, allowed, effects, get, history, list_cases
from siting.ledger.model import Case, Command
from siting.store.database import Database

__all__ = [
    "Entry",
    "Row",
    "allowed",
    "attach",
    "attached",
    "attachment",
    "do",
    "do_all",
    "do_batch",
    "effects",
    "get",
    "hide",
    "history",
    "list_cases",
    "report",
]


def report(
    db: Database,
    actor: Actor,
    given: Mapping[str, object],
    *,
    command_id: str = "",
    draft: bool = False,
    source: str = "page",
    now: datetime,
) -> Case:
    """Report a problem point; nothing is written unless all of it stands.

    Parameters
    ----------
    db, actor
        The district; who reports.
    given : mapping
        Fields of the record by name, ``needs`` as a list of mappings; the place as ``easting_m`` and ``northing_m``, as
        ``lon_deg`` and ``lat_deg`` with their ``datum`` (WGS 84 unless named), or as a ``site_ref``.
    command_id : str
        Name of this very request: sent twice, it is done once.
    draft : bool
        Whether to keep it as a draft that only one's own organisation sees.
    source : str
        Through which door.
    now : datetime
        Time of the act.

    Returns
    -------
    Case
        With its number.
    """
    name = command_id or uuid.uuid4().hex
    kept = Command(id=name, move="save_draft", data=given, source=source, sent_at=now)
    sent = Command(id=f"{name}/submit", move="submit", source=source, sent_at=now)
    return do_all(db, actor, [kept] if draft else [kept, sent], now=now)[-1]
