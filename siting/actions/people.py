"""Accounts and sign-ins: who a person is, in which role, for whom."""

from __future__ import annotations

from siting import access
from siting.access import Actor
from siting.store import accounts
from siting.store.database import Database
from siting.store.runs import Run


def requester(db: Database, run: Run) -> Actor:
    """Who asked for a run, as the worker acts: in their role, without their sign-in.

    Raises
    ------
    NotFound
        If the account is gone or disabled.
    """
    if run.actor == access.SYSTEM:
        return access.system()
    if run.actor == access.LOCAL:
        return access.local_admin(source="system")
    return accounts.get(db, run.actor).acting(run.role, source="system")
