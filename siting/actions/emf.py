"""Pre-check of fields of a site or a proposal, and the numbered public sheet of what was found."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from siting.access import Actor
from siting.actions import emfsubject, radiotables
from siting.actions import layers as seen_layers
from siting.actions.doors import require
from siting.actions.emfsubject import Subject
from siting.errors import NotFound
from siting.radio import emf
from siting.radio.emf import EmfReport, Reason
from siting.reports import emfsheet
from siting.store import journal, layers
from siting.store.database import Database

PERMISSION = "asset.read"
ISSUING = "export.internal"
KIND = "emf.issue"
STREAM = "emf.{}"
NUMBER = "EMF-{year}-{n:05d}"
NUMBERS = 100_000
# Drawn over distance, and read off at the distances of the sheet.
CHART_M = tuple(float(d) for d in range(5, 205, 5))
EVERY = 1_000_000
WHOLE = 100.0
SOURCES = ("sites", "sectors", "buildings", "candidates")


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A pre-check as a person may read it.

    Parameters
    ----------
    subject : Subject
        What was checked.
    report : EmfReport
        Verdict and highest share count all known transmitters; its points only those that the person sees.
    own : float
        Highest share of this site alone, where its own formula holds; NaN where no point could be computed.
    hidden : bool
        Whether transmitters count that the person does not see.
    roof_closed : bool
        Whether somebody vouches that nobody walks on the roof under the antennas.
    along : DataFrame
        Shares of this site alone over distance, see `emf.along`.
    names : mapping
        Building id -> name, where it has one.
    """

    subject: Subject
    report: EmfReport
    own: float
    hidden: bool
    roof_closed: bool
    along: pd.DataFrame
    names: Mapping[str, str]

    @property
    def excess(self) -> str:
        """Whence a share above the limit comes: ``own``, ``sum`` with transmitters already there, empty where none is."""
        spot = self.report.worst
        if spot is None or spot.q <= 1.0:
            return ""
        return "own" if self.own > 1.0 else "sum"


@dataclass(frozen=True, kw_only=True)
class Issue:
    """A public sheet that was given out: its number, day, who gave it out, and all that it says."""

    number: str
    on: str
    by: str
    org: str
    facts: Mapping[str, Any]


def check(db: Database, actor: Actor, name: str, *, roof_closed: bool = False) -> Checked:
    """Pre-check the fields around a site or proposal that the actor sees.

    All known transmitters within 100 m count, whoever runs them: else two that keep the limits alone would both pass
    where they exceed them together.  Of those that the actor does not see only the verdict and the highest share tell.

    Parameters
    ----------
    name : str
        Id or number of a site or a proposal.
    roof_closed : bool
        Whether the actor vouches that nobody walks on the roof under the antennas.

    Raises
    ------
    NotFound
        If there is none whose sectors the actor sees.
    """
    require(db, actor, PERMISSION)
    subject = emfsubject.subject_of(db, actor, name)
    if subject.sectors.empty:
        raise NotFound("emf.no_sectors", name=name)
    tables: dict[str, Any] = {"networks": radiotables.networks(db), "gear": radiotables.gear(db)}
    sources = emf.sources_of(subject.sectors, **tables)
    buildings = emfsubject.buildings(db, subject, sources)
    hosts = emfsubject.host_ids(subject, buildings) if roof_closed else ()
    options = {
        **tables,
        "factors": emf.usual_factors(),
        "closed_roofs": hosts,
        "surveyed": layers.count(db, "buildings") > 0,
    }
    known, seen = emfsubject.others(db, subject), emfsubject.others(db, subject, viewer=actor)
    report = emf.precheck(subject.sectors, buildings, existing=known, **options)
    hidden, alone = len(seen) < len(known), _own(report)
    if hidden:
        own = emf.precheck(subject.sectors, buildings, existing=seen, **options)
        aside = (Reason("others_undecided", {}),) if len(report.reasons) > len(own.reasons) else ()
        report = replace(report, points=own.points, advisories=own.advisories, reasons=(*own.reasons, *aside))
    named = buildings[buildings["name"].notna()]
    return Checked(
        subject=subject,
        report=report,
        own=alone,
        hidden=hidden,
        roof_closed=roof_closed,
        along=emf.along(sources, CHART_M),
        names=dict(zip(named["building_id"].astype(str), named["name"].astype(str), strict=True)),
    )


def _own(report: EmfReport) -> float:
    """Highest share of the checked site alone; a point too near to a foreign antenna only still tells it."""
    far_m, points = report.sources.frame["far_m"].max(), report.points
    holds = ~points["near_field"].astype(bool) | (points["distance_m"] >= far_m)
    return float(points["own"][holds].max())


def version(db: Database, actor: Actor) -> str:
    """Name of the state of what a pre-check rests on, as the actor sees it: equal as long as nothing of it changes."""
    require(db, actor, PERMISSION)
    seen = (seen_layers.revision(db, actor, layer) for layer in SOURCES)
    return "-".join(str(n) for n in (radiotables.revision(db), *seen))


def issue(db: Database, actor: Actor, name: str, *, roof_closed: bool = False, now: datetime) -> Issue:
    """Give out the public sheet of a pre-check under a number of the year; the same facts keep their number.

    Numbers are drawn at random: counted ones would tell how many sheets others had made.

    Raises
    ------
    NotFound
        If there is no site or proposal whose sectors the actor sees.
    """
    require(db, actor, ISSUING)
    done = check(db, actor, name, roof_closed=roof_closed)
    facts = _facts(db, done)
    before = issued(db, actor, done.subject.id)
    if before and before[0].facts == facts:
        return before[0]
    with db.write() as connection:
        stream, payload = STREAM.format(now.year), {**facts, "number": _number(db, now)}
        journal.append(connection, key=db.key(), stream=stream, actor=actor, kind=KIND, payload=payload, now=now)
    return issued(db, actor, done.subject.id)[0]


def issued(db: Database, actor: Actor, name: str) -> list[Issue]:
    """Public sheets given out for a site or proposal that the actor sees, newest first."""
    require(db, actor, PERMISSION)
    subject = emfsubject.subject_of(db, actor, name)
    return [found for found in _issues(db) if found.facts["id"] == subject.id]


def sheet(db: Database, actor: Actor, number: str, *, lang: str = "zh_CN") -> bytes:
    """A public sheet as docx, as it was given out.

    Raises
    ------
    NotFound
        If there is none of this number for a site or proposal that the actor sees.
    """
    require(db, actor, PERMISSION)
    found = next((one for one in _issues(db) if one.number == number), None)
    if found is None or not _sees(db, actor, found):
        raise NotFound("emf.no_sheet", number=number)
    return emfsheet.sheet(found.facts, number=found.number, on=found.on, lang=lang)


def _sees(db: Database, actor: Actor, one: Issue) -> bool:
    """Whether the actor sees what a sheet is about."""
    try:
        emfsubject.subject_of(db, actor, str(one.facts["id"]))
    except NotFound:
        return False
    return True


def _number(db: Database, now: datetime) -> str:
    """A number of the year that no sheet has."""
    taken = {one.number for one in _issues(db)}
    while True:
        number = NUMBER.format(year=now.year, n=secrets.randbelow(NUMBERS))
        if number not in taken:
            return number


def _issues(db: Database) -> list[Issue]:
    events = journal.recent(db, kind=KIND, limit=EVERY)
    return [_issue(event) for event in events]


def _issue(event: Mapping[str, Any]) -> Issue:
    facts = dict(event["payload"])
    return Issue(
        number=str(facts.pop("number")),
        on=str(event["at"])[:10],
        by=str(event["actor"]),
        org=str(event["org"]),
        facts=facts,
    )


def _facts(db: Database, done: Checked) -> dict[str, Any]:
    """All that a sheet says, as texts: the journal keeps no binary fractions."""
    report, subject = done.report, done.subject
    read_off = done.along[done.along["distance_m"].isin(emf.DISTANCES_M)]
    units = radiotables.equipment(db)
    spoken = [db.settings.text(f"emf.{name}") for name in ("contact", "published")]
    return {
        **{name: getattr(subject, name) for name in ("id", "kind", "no", "title", "street_office")},
        "operators": list(subject.operators),
        "district": db.settings.name,
        "synthetic": db.settings.flag("district.synthetic"),
        "contact": spoken[0],
        "published": spoken[1],
        "verdict": report.verdict,
        "equipment": _equipment(db, report),
        "height_m": _short(report.sources.frame["antenna_height_m"].min()),
        "excess": done.excess,
        "worst": worst_of(done),
        "factored": _short(report.factored),
        "along": [[_short(v) for v in row] for row in read_off[["distance_m", "beam", "street"]].to_numpy(float)],
        "reasons": [reason.code for reason in report.reasons],
        "advisories": advisories_of(done),
        "others": report.existing > 0,
        "roof_closed": done.roof_closed,
        "unverified": any(units[str(name)].mark == "unverified" for name in report.sources.frame["equipment"]),
    }


def _equipment(db: Database, report: EmfReport) -> list[dict[str, str]]:
    """What is installed: kind of unit and carrier with number of sectors, power and limit."""
    units, rows = radiotables.equipment(db), report.sources.frame
    found = []
    for (unit, network, mhz, power), part in rows.groupby(
        ["equipment", "network", "frequency_mhz", "power_w"], sort=True
    ):
        limit = emf.limits(float(str(mhz)))
        found.append(
            {
                "title_zh": units[str(unit)].title_zh,
                "title_en": units[str(unit)].title_en,
                "network": str(network),
                "mhz": _short(mhz),
                "power_w": _short(power),
                "sectors": str(len(part)),
                "limit_s": _short(limit.s_w_m2),
                "limit_e": _short(limit.e_v_m),
            }
        )
    return found


def worst_of(done: Checked) -> dict[str, str]:
    """The point that decides as a sheet tells it; empty where no point could be computed."""
    spot = done.report.worst
    if spot is None:
        return {}
    return {
        "share": _short(spot.q),
        "own": _short(spot.own),
        "alone": _short(done.own),
        "building": done.names.get(spot.building_id, ""),
        "face": spot.face,
        "floor": str(spot.floor),
        "distance_m": _short(round(spot.distance_m)),
    }


def advisories_of(done: Checked) -> list[dict[str, str]]:
    """What is said beside the verdict, as a sheet tells it."""
    found = []
    for advice in done.report.advisories:
        texts = {k: _short(v) if isinstance(v, float) else str(v) for k, v in advice.given.items()}
        code = "exempt_sum" if (advice.code, done.excess) == ("exempt_exceeds", "sum") else advice.code
        found.append({"code": code, **texts, "building": done.names.get(str(advice.given.get("building", "")), "")})
    return found


def _short(value: object) -> str:
    """A number as text with three significant digits; empty for none."""
    number = float(str(value))
    if np.isnan(number):
        return ""
    return f"{number:.0f}" if number == round(number) or abs(number) >= WHOLE else f"{number:.3g}"
