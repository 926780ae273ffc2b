"""A plan as files: task list, GIS layers, a file to be read back, a map that opens anywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import geopandas as gpd
import pandas as pd

from siting import words
from siting.access import Actor
from siting.actions import effects, modelerror, planlayers, planmap, planwords, radiotables, runs
from siting.actions.planlayers import Covered
from siting.assets import schema
from siting.geo import crs
from siting.maps import styles
from siting.plan import Plan
from siting.reports import plan_sheet, planjson, qml, shapefile
from siting.reports.delimited import delimited
from siting.reports.geofiles import geojson, geopackage
from siting.reports.kml import kml
from siting.reports.workbook import Sheet as Page
from siting.reports.workbook import workbook
from siting.store import artefacts
from siting.store.database import Database
from siting.store.runs import Run

CGCS2000_EPSG = 4490
#: Kind of file, which is also its ending, and its media type.
KINDS: Mapping[str, str] = MappingProxyType(
    {
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "gpkg": "application/geopackage+sqlite3",
        "geojson": "application/geo+json",
        "zip": "application/zip",
        "kml": "application/vnd.google-earth.kml+xml",
        "csv": "text/csv",
        "json": "application/json",
        "html": "text/html",
    }
)
KEPT = "plan.json"
SECTORS: Mapping[str, str] = MappingProxyType(
    {
        "option_id": "option_id", "equipment": "equipment", "antenna_height_m": "height_m", "azimuth_deg": "azimuth",
        "electrical_tilt_deg": "tilt",
    }
)  # fmt: skip
LEFT: Mapping[str, str] = MappingProxyType({"uncovered_before": "gap_before", "uncovered_after": "gap_after"})
TURN = "azimuth_deg"
LEVELS = ("persons", "before", "after", "added")


@dataclass(frozen=True, eq=False)
class Job:
    """One plan on its way into a file.

    Parameters
    ----------
    db, actor : Database, Actor
        The district, and who takes the file home.
    found : mapping
        As `siting.actions.plans.plan` returns it.
    run, base : Run
        The plan run and the coverage run it rests on.
    lang : str
        Language of headings and words.
    """

    db: Database
    actor: Actor
    found: Mapping[str, Any]
    run: Run
    base: Run
    lang: str

    @cached_property
    def covered(self) -> Covered:
        """What the plan changes."""
        return planlayers.covered(self.db, self.actor, self.run.id, self.base)

    @cached_property
    def screened(self) -> gpd.GeoDataFrame | None:
        """All candidates as the actor sees them, if at all."""
        return planlayers.screened(self.db, self.actor, str(self.found["score"]))

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What the file rests on, by working names."""
        settings = self.db.settings
        place = {"district": settings.name, "datum": datum(self.sites)[1]}
        data = {"as_of": settings.text("district.as_of"), "synthetic": settings.flag("district.synthetic")}
        left = float((self.covered.units["persons"] - self.covered.units["after"]).sum())
        told = {**self.found, **self.base.params, **place, **data, "uncovered_after": left}
        told |= {"created_at": self.run.created_at}
        return {name: value for name, value in told.items() if not isinstance(value, pd.DataFrame)}

    @property
    def about(self) -> dict[str, object]:
        """Facts for machines."""
        known = {name: self.facts[name] for name in plan_sheet.NOTES if self.facts.get(name) is not None}
        told = {name: self.facts.get(name) for name in modelerror.ENDS}
        known |= {"added_interval": "not computed"} if None in told.values() else told
        return {**known, "use": "internal", "nature": "pre-check, not a permit"}

    @property
    def notes(self) -> list[tuple[str, object]]:
        """Facts for people."""
        return plan_sheet.notes(self.spoken, lang=self.lang)

    @property
    def spoken(self) -> dict[str, Any]:
        """Facts with network, threshold and time of day in words."""
        facts, lang = self.facts, self.lang
        profile = radiotables.thresholds(self.db)[facts["profile"]]
        return {
            **facts,
            "network": "；".join(self._network(name) for name in facts.get("networks") or [facts["network"]]),
            "profile": words.say("ui.badge.threshold", lang=lang, rsrp_dbm=f"{profile.rsrp_dbm:g}"),
            "mix": words.say(f"ui.mix.{facts['mix']}", lang=lang),
            "added_interval": self._interval(),
        }

    def _interval(self) -> str:
        """Between what the plan adds if the model is off, and whether measurements say how far that may be."""
        span = planwords.interval(self.facts, lang=self.lang)
        known = words.say(f"plan.calibrated.{'yes' if self.facts.get('calibrated') else 'no'}", lang=self.lang)
        return span if planwords.ends(self.facts) is None else f"{span} · {known}"

    def _network(self, name: str) -> str:
        """A network by its operators, band and frequency."""
        network = radiotables.networks(self.db)[name]
        operators = "·".join(words.say(f"ui.operator.{one}", lang=self.lang) for one in network.operators)
        told = {"operators": operators, "band": network.band, "frequency_mhz": f"{1000 * network.frequency_ghz:.0f}"}
        return words.say("ui.network", lang=self.lang, **told)

    @cached_property
    def sites(self) -> gpd.GeoDataFrame:
        """Sites in build order with bands."""
        sites = planlayers.told(self.db, self.actor, self.found["sites"], self.screened)
        known = radiotables.networks(self.db)
        bands = [sorted({known[n].band if n in known else str(n) for n in names}) for names in sites["networks"]]
        return sites.assign(band=pd.Series(bands, index=sites.index, dtype=object), measure=self.found["measure"])

    @cached_property
    def lonlat(self) -> gpd.GeoDataFrame:
        """Sites in longitude, latitude of the project's datum [deg]."""
        return crs.from_project(self.sites, datum=datum(self.sites)[0], crs=self.sites.crs.to_string())

    @property
    def title(self) -> str:
        """District and what it is."""
        return f"{self.db.settings.name} · {words.say('plan.sheet.tasks', lang=self.lang)}"

    def sheet(self) -> pd.DataFrame:
        """The task list in words, with places."""
        points = self.lonlat.geometry
        placed = pd.DataFrame(self.sites.assign(lon_deg=points.x, lat_deg=points.y))
        return plan_sheet.sheet(placed, lang=self.lang, measure=self.found["measure"])


def render(db: Database, actor: Actor, found: Mapping[str, Any], *, run: Run, base: Run, kind: str, lang: str) -> bytes:
    """One plan as bytes of a kind.

    Parameters
    ----------
    found : mapping
        As `siting.actions.plans.plan` returns it.
    run, base : Run
        The plan run and the coverage run it rests on.
    kind : str
        One of `KINDS`.
    lang : str
        Language of headings and words.
    """
    job = Job(db, actor, found, run, base, lang)
    makers: Mapping[str, Callable[[Job], bytes]] = {
        "gpkg": _geopackage,
        "geojson": lambda own: geojson(own.lonlat, about=own.about, datum=own.facts["datum"]),
        "xlsx": _workbook,
        "zip": _shapefiles,
        "kml": lambda own: kml(own.lonlat, own.sheet(), title=own.title, about=own.notes),
        "csv": lambda own: delimited(own.sheet(), facts=own.notes),
        "json": _json,
        "html": lambda own: planmap.standalone(
            own.db, own.actor, own.sites, own.covered, title=own.title, facts=own.spoken, lang=own.lang
        ),
    }
    return makers[kind](job)


def keep(db: Database, run_id: str, found: Plan) -> None:
    """Keep a plan as the solver gave it in its run's folder, so that it leaves bit by bit."""
    artefacts.save_text(runs.folder(db, run_id), KEPT, planjson.dump(planjson.Record(found, {})).decode())


def datum(sites: gpd.GeoDataFrame) -> tuple[str, str]:
    """Code and name of the datum in which coordinates leave: the project's own."""
    national = sites.crs.geodetic_crs.to_epsg() == CGCS2000_EPSG
    return ("cgcs2000", "CGCS2000") if national else ("wgs84", "WGS 84")


def _sectors(sites: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """One line per sector: azimuth and tilt."""
    both = sites[["option_id", "class", "equipment", "antenna_height_m", "azimuths", "tilts", "geometry"]]
    lines = both.explode(["azimuths", "tilts"], ignore_index=True)
    return lines.rename(columns={"azimuths": "azimuth_deg", "tilts": "electrical_tilt_deg"}).astype(
        {"azimuth_deg": float, "electrical_tilt_deg": float}
    )


def _geopackage(job: Job) -> bytes:
    measure = job.found["measure"]
    parts = {
        "plan_sites": job.sites,
        "plan_sectors": _sectors(job.sites),
        "gap_after": planlayers.cells_left(job.covered, measure=measure),
    }
    looks = {
        "plan_sites": qml.categories("asset_class", "class", label="name", lang=job.lang),
        "plan_sectors": qml.pointers("network", "other", turn=TURN),
        "gap_after": qml.classes(styles.gap_family(measure), "uncovered_after", lang=job.lang),
    }
    if job.screened is not None:
        parts["candidates_excluded"] = planlayers.left_out(job.screened, job.sites)
        looks["candidates_excluded"] = qml.categories("candidate_state", "state", lang=job.lang)
    about = {**job.about, "language": job.lang, "crs": job.db.settings.crs}
    return geopackage(parts, about=about, as_of=job.run.created_at, looks=looks)


def _shapefiles(job: Job) -> bytes:
    names, measure = plan_sheet.short_names(), job.found["measure"]
    points = job.lonlat.geometry
    sites = job.sites.assign(lon_deg=points.x, lat_deg=points.y)
    parts = {
        "plan_sites": shapefile.Part(
            sites, names, qml.categories("asset_class", names["class"], label=names["name"], lang=job.lang)
        ),
        "plan_sectors": shapefile.Part(
            _sectors(job.sites), SECTORS, qml.pointers("network", "other", turn=SECTORS[TURN])
        ),
        "gap_after": shapefile.Part(
            planlayers.cells_left(job.covered, measure=measure),
            LEFT,
            qml.classes(styles.gap_family(measure), LEFT["uncovered_after"], lang=job.lang),
        ),
    }
    titles = plan_sheet.titles(lang=job.lang, measure=measure)
    return shapefile.archive(parts, about=job.notes, titles=titles, as_of=job.run.created_at)


def _json(job: Job) -> bytes:
    """The plan as the solver gave it, without reasons that the actor does not see, and its sites."""
    kept = planjson.load(artefacts.load_text(runs.folder(job.db, job.run.id), KEPT).encode()).plan
    hidden = _unseen(job, kept) if any(effects.CODE in codes for codes in kept.excluded.values()) else set()
    plan = replace(kept, excluded={name: codes for name, codes in kept.excluded.items() if name not in hidden})
    sites = pd.DataFrame(job.sites.drop(columns="geometry"))
    return planjson.dump(planjson.Record(plan, job.about, job.run.params, {"sites": sites}))


def _unseen(job: Job, plan: Plan) -> set[str]:
    """Options that a problem point forbids which the actor does not see."""
    seen = job.screened
    forbidden = set() if seen is None else set(seen.loc[seen["effect"] == effects.FORBIDDEN, "option_id"])
    return {name for name, codes in plan.excluded.items() if effects.CODE in codes and name not in forbidden}


def _workbook(job: Job) -> bytes:
    lang = job.lang
    about = pd.DataFrame(job.notes, columns=[words.say(f"plan.sheet.{c}", lang=lang) for c in ("item", "value")])
    offices = job.covered.by("street_office")
    places = planlayers.venues(job.db, job.actor, job.covered)
    kinds = {t.code: t.title_zh if lang == "zh_CN" else t.title_en for t in schema.vocabulary("scene_class")}
    places = places.assign(**{"class": places["class"].map(kinds).fillna(places["class"])})
    pages = [
        Page(words.say("plan.sheet.tasks", lang=lang), job.sheet()),
        Page(words.say("plan.sheet.about", lang=lang), about),
        Page(words.say("plan.sheet.offices", lang=lang), _levels(job, offices, {"street_office": "street_office"})),
        Page(words.say("plan.sheet.venues", lang=lang), _levels(job, places, {"name": "venue", "class": "class"})),
    ]
    return workbook(pages, properties={"title": f"{job.db.settings.name} {job.run.id}"})


def _levels(job: Job, table: pd.DataFrame, first: Mapping[str, str]) -> pd.DataFrame:
    """People before and after by place, under headings."""
    heads = {**first, **{name: name for name in LEVELS}, "persons": str(job.found["measure"])}
    shown = table[list(heads)].round(dict.fromkeys(LEVELS, 1))
    titles = {name: words.say(f"plan.sheet.{head}", lang=job.lang) for name, head in heads.items()}
    unit = words.say(f"ui.unit.{job.found['measure']}", lang=job.lang)
    titles |= {n: words.say("plan.sheet.measured", lang=job.lang, title=titles[n], unit=unit) for n in LEVELS}
    return shown.rename(columns=titles)
