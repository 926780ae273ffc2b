"""What a plan run is asked, with the names in it held against the district before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from siting.access import Actor
from siting.actions import candidates, coverage, planparams, radiotables, runs
from siting.actions.doors import require
from siting.actions.planparams import QUOTA_COLUMNS, Known
from siting.plan.zones import ZONES
from siting.store import artefacts, layers
from siting.store.database import Database
from siting.store.runs import Run

#: What quotas count by that is read from the hosts.
OF_HOSTS = ("street_office", "owner_org", "class")
#: Columns that have another name where points are drawn.
DRAWN: Mapping[str, str] = MappingProxyType({"class": "host_class"})


def params(db: Database, actor: Actor, given: Mapping[str, Any]) -> dict[str, Any]:
    """A plan run's parameters, complete, every name in its quotas and required venues known.

    Parameters
    ----------
    given : mapping
        See `siting.actions.planparams.params`.

    Notes
    -----
    Where the candidates of the coverage run are scored already, a quota may name what stands among them, and a venue must
    have units; else it may name whatever the district has for this person.

    Raises
    ------
    BadInput
        With everything that is wrong, and the names that are known.
    """
    require(db, actor, runs.READING)
    rules = given.get("rules") or {}
    if not (rules.get("quotas") or rules.get("required_venues")):
        return planparams.params(db.settings, given)
    base = runs.finished(db, actor, "coverage", given["coverage"]) if given.get("coverage") else None
    return planparams.params(db.settings, given, known=_known(db, actor, base, given))


def _known(db: Database, actor: Actor, base: Run | None, given: Mapping[str, Any]) -> Known:
    study = candidates.STUDY in (given.get("admit") or ())
    scored = None if base is None else candidates.standing(db, actor, candidates.params(base.id, admit_unknown=study))
    own = coverage.params(db, given.get("coverage_params") or {})["networks"]
    names = own if base is None else coverage.networks_of(base)
    carriers = radiotables.networks(db)
    operators = {name for network in names if network in carriers for name in carriers[network].operators}
    hosts = _of_district(db, actor) if scored is None else _of_scored(db, scored)
    return Known({**hosts, "operator": operators, "zone": set(ZONES)}, _venues(db, actor, base))


def _of_scored(db: Database, scored: Run) -> dict[str, set[str]]:
    columns = [QUOTA_COLUMNS[by] for by in OF_HOSTS]
    table = artefacts.load_table(runs.folder(db, scored.id), "scored", columns=columns)
    return {by: set(table[QUOTA_COLUMNS[by]].dropna().astype(str)) for by in OF_HOSTS}


def _of_district(db: Database, actor: Actor) -> dict[str, set[str]]:
    """What may stand among the candidates once they are scored: of assets, of drawn points, and all sub-districts."""
    found = {
        by: {
            str(name)
            for layer, own in (("assets", QUOTA_COLUMNS[by]), ("candidates", DRAWN.get(by, by)))
            for name in layers.counts_by(db, layer, own, viewer=actor)[own].dropna()
        }
        for by in OF_HOSTS
    }
    areas = layers.counts_by(db, "districts", "level", "name", viewer=actor)
    streets = set(areas.loc[areas["level"] == "street_office", "name"].dropna().astype(str))
    return {**found, "street_office": found["street_office"] | streets}


def _venues(db: Database, actor: Actor, base: Run | None) -> dict[str, str]:
    """Names of the venues by id; of a coverage run those that have units."""
    rows = layers.read(db, "venues", columns=["name"], viewer=actor)
    named = zip(rows["venue_id"].astype(str), rows["name"], strict=True)
    found = {key: str(name) if isinstance(name, str) and name else key for key, name in named}
    if base is None:
        return found
    units = artefacts.load_table(runs.folder(db, base.id), "units", columns=["venue"])
    covered = set(units["venue"].dropna().astype(str).unique())
    return {key: name for key, name in found.items() if key in covered}
