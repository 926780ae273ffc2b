"""The first start of a district: who can come in, and from where."""

from __future__ import annotations

import ipaddress
from datetime import datetime

from siting import words
from siting.actions import people
from siting.errors import BadInput
from siting.store.database import Database

RESET = "siting user password NAME --project {folder}"


def first_start(db: Database, *, host: str, now: datetime) -> list[str]:
    """Make the first accounts where there are none; the lines that the console shows.

    Parameters
    ----------
    db : Database
        The district.
    host : str
        Where it is going to listen.
    now : datetime
        Time of the act.

    Raises
    ------
    BadInput
        If others could reach demonstration accounts, made before or about to be made.
    """
    lang = db.settings.text("app.language")
    fresh = not people.any_accounts(db)
    sample = db.settings.flag("district.synthetic") if fresh else people.demonstrating(db)
    if sample and not loopback(host):
        raise BadInput("people.demo_not_loopback", host=host)
    if not fresh:
        return [words.say("people.later", lang=lang, command=RESET.format(folder=db.settings.folder))]
    if sample:
        return _demonstration(db, lang, now=now)
    account, password = people.first_administrator(db, now=now)
    return [words.say("people.first_administrator", lang=lang, name=account.name, password=password)]


def loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _demonstration(db: Database, lang: str, *, now: datetime) -> list[str]:
    lines = [words.say("people.first_demonstration", lang=lang)]
    for name, role, org, password in people.demonstration(db, now=now):
        said = words.say(f"people.role.{role}", lang=lang)
        lines.append(words.say("people.table", lang=lang, name=f"{name:<14}", password=password, role=said, org=org))
    return lines
