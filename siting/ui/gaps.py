"""The figures of coverage and gap as cards, tables and marks; each says what kind of figure it is."""

from __future__ import annotations

import pandas as pd

from siting.maps import styles
from siting.store.runs import Run
from siting.ui import choices, dates
from siting.ui.parts import Badge, Card
from siting.ui.session import Desk
from siting.ui.text import UNKNOWN, number, percent, t

PERSONS = "persons"
BOUNDS = ("p05", "p95")
COUNTS = ("persons", "covered", "uncovered", "unknown", "uncovered_indoor", "uncovered_outdoor")


def badges(desk: Desk, run: Run | None) -> list[Badge]:
    """What a reader of the figures must know: which network and threshold, and that nothing was calibrated."""
    if run is None:
        return []
    asked = run.params
    more = len(asked.get("networks", ())) - 1
    first = choices.network_words(desk, asked["network"])
    said = t(
        "ui.badge.run",
        network=first if more < 1 else t("ui.badge.networks", first=first, more=more),
        threshold=choices.threshold_words(desk, asked["profile"]),
        mix=t(f"ui.mix.{asked['mix']}"),
        cell_m=f"{asked['cell_m']:g}",
    )
    shown = [Badge(said, "blue")]
    if not calibrated(run):
        shown.append(Badge(t("ui.badge.uncalibrated"), "red"))
    if learned(run):
        shown.append(Badge(t("ui.badge.learned"), "violet"))
    if measure(run) != "persons":
        shown.append(Badge(t("ui.badge.area"), "orange"))
    if run.result.get("no_sites", False):
        shown.append(Badge(t("ui.badge.no_sites"), "orange"))
    return shown


def calibrated(run: Run) -> bool:
    """Whether every network of a run is calibrated."""
    each = run.result.get("networks", {}).values()
    return all(one["calibrated"] for one in each) if each else bool(run.result.get("calibrated", False))


def learned(run: Run) -> dict[str, float]:
    """Networks of a run with a learned stage on top of their calibration, with the share on which it is silent."""
    each = run.result.get("networks", {})
    return {name: float(one["learned_outside"]) for name, one in each.items() if one.get("learned")}


def of(name: str, measured: str) -> str:
    """A title that names what is counted and in which unit: people, or square metres."""
    return t(f"ui.figure.{name}", measure=t(f"ui.measure.{measured}"), unit=t(f"ui.unit.{measured}"))


def family(run: Run) -> str:
    """Family of styles of a run's gap raster."""
    return styles.gap_family(measure(run))


def counted(frame: pd.DataFrame, measured: str) -> tuple[str, ...]:
    """Columns of figures that say something: ground without buildings has no indoors."""
    indoors = measured == PERSONS or bool(frame["uncovered_indoor"].gt(0).any())
    return COUNTS if indoors else tuple(c for c in COUNTS if not c.endswith("door"))


def measure(run: Run) -> str:
    """What is counted: ``persons``, or ``area_m2`` where the district has no people layer."""
    return str(run.result.get("measure", "persons"))


def cards(frame: pd.DataFrame, run: Run, *, whole: pd.Series | None = None) -> list[Card]:
    """The district's figures: people, share covered, people not covered indoors and outdoors, unknown.

    Parameters
    ----------
    frame : DataFrame
        Figures of a level whose places cover the district.
    run : Run
        The coverage run.
    whole : Series, optional
        Figures of the whole district with their interval, and people whom nobody covers.
    """
    total = frame[list(COUNTS)].sum(min_count=1)
    share = total["covered"] / total["persons"] if total["persons"] else float("nan")
    measured = measure(run)
    mix = t("ui.figure.persons_note", mix=t(f"ui.mix.{run.params['mix']}"))
    source = t("ui.figure.no_sites" if run.result.get("no_sites", False) else "ui.figure.modelled")
    unknown = t("ui.figure.unknown_note", n=number(float(total["unknown"])))
    shown = [
        Card(
            of("persons", measured),
            number(float(total["persons"])),
            mix if measured == PERSONS else t("ui.figure.area_note"),
        ),
        Card(t("ui.figure.covered_share"), percent(float(share)), source),
        Card(of("uncovered", measured), number(float(total["uncovered"])), _between(whole, unknown)),
    ]
    if "uncovered_indoor" in counted(frame, measured):
        shown.append(Card(of("uncovered_indoor", measured), number(float(total["uncovered_indoor"])), source))
    return shown


def _between(whole: pd.Series | None, unknown: str) -> str:
    """The interval of the uncovered, then the unknown."""
    if whole is None:
        return unknown
    low, high = number(float(whole["p05"])), number(float(whole["p95"]))
    return f"{t('ui.figure.interval', low=low, high=high)} · {unknown}"


def table(frame: pd.DataFrame, *, level: str, measured: str, nobody: bool = False) -> pd.DataFrame:
    """Figures by place, the largest gap first, with titles.

    Parameters
    ----------
    frame : DataFrame
        Columns of `siting.actions.coverage.figures`.
    level : str
        Column that names the place.
    measured : str
        What is counted, see `measure`.
    nobody : bool
        Whether people whom no operator covers are told apart.
    """
    found = frame.sort_values("uncovered", ascending=False)
    shown: dict[str, object] = {t(f"ui.level.{level}"): [str(v) if v == v and v else "—" for v in found[level]]}  # noqa: PLR0124 - NaN
    share = (found["uncovered"] / found["persons"].where(found["persons"] > 0)) * 100
    shown |= _judged(found)
    shown[t("ui.figure.column.uncovered_share")] = share.round(1).to_numpy()
    counts = [name for name in counted(frame, measured) if name != "uncovered"]
    for name in ("uncovered", *BOUNDS, *(("nobody",) if nobody else ()), *counts):
        if name in found:
            shown[column(name, measured)] = found[name].round(0).to_numpy()
    return pd.DataFrame(shown, index=found.index)


def blocks(found: pd.DataFrame, measured: str) -> pd.DataFrame:
    """Weak blocks as a list, the most uncovered first, with their middle in the project CRS."""
    names = ("uncovered", *BOUNDS, "persons", "unknown")
    figures = {column(name, measured): found[name].round(0) for name in names}
    middle = {t("ui.figure.column.easting"): found["easting_m"], t("ui.figure.column.northing"): found["northing_m"]}
    return pd.DataFrame({t("ui.figure.column.rank"): found["rank"], **figures, **middle})


def _judged(found: pd.DataFrame) -> dict[str, object]:
    """Verdicts on venues and complaints as evidence, where there are any."""
    shown: dict[str, object] = {}
    if "verdict" in found:
        shown[t("ui.figure.column.verdict")] = [
            t(f"ui.verdict.{v}") if isinstance(v, str) else UNKNOWN for v in found["verdict"]
        ]
        shown[t("ui.figure.column.met")] = (found["met"].astype(float) * 100).round(1).to_numpy()
    if "complaints" in found:
        shown[t("ui.figure.column.complaints")] = found["complaints"].round(2).to_numpy()
    return shown


def column(name: str, measured: str) -> str:
    """Title of a column of figures, with its unit."""
    return t(f"ui.figure.column.{name}", measure=t(f"ui.measure.{measured}"), unit=t(f"ui.unit.{measured}"))


def note(desk: Desk, run: Run | None) -> str:
    """The line in the map's corner: date of the data, date of the run, how far it can be trusted."""
    parts = [dates.dated(desk)]
    if run is not None:
        parts.append(t("ui.note.run", date=when(run)))
        if not calibrated(run):
            parts.append(t("ui.badge.uncalibrated"))
    return " · ".join(parts)


def when(run: Run) -> str:
    """Day and minute of a run."""
    return run.created_at[:16].replace("T", " ")
