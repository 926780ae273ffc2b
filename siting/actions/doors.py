"""What every action asks first: is this sign-in still good, and does the role hold the permission."""

from __future__ import annotations

from siting import access
from siting.access import Actor
from siting.errors import NotAllowed
from siting.store import sessions
from siting.store.database import Database


def require(db: Database, actor: Actor, permission: str) -> None:
    """Refuse an ended sign-in, then a role without the permission.

    A page that is still open keeps its `Actor`; an administrator who ends the sign-in is obeyed here.

    Raises
    ------
    NotAllowed
        If the sign-in has ended, or the role lacks the permission.
    """
    still_signed_in(db, actor)
    access.require(actor, permission)


def require_any(db: Database, actor: Actor, *permissions: str) -> None:
    """Refuse an ended sign-in, then a role with none of the permissions.

    Raises
    ------
    NotAllowed
        If the sign-in has ended, or the role lacks them all; the first one is named.
    """
    still_signed_in(db, actor)
    if not any(access.may(actor, permission) for permission in permissions):
        access.require(actor, permissions[0])


def still_signed_in(db: Database, actor: Actor) -> None:
    """Refuse an actor whose sign-in was ended; the command line and the program itself have none.

    Raises
    ------
    NotAllowed
        If the sign-in has ended.
    """
    if actor.session and not sessions.live(db, actor.session):
        raise NotAllowed("access.session_ended")
