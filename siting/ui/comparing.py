"""Plans side by side: figures, two maps that move together, where they differ, and how they fare under scenarios."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import geopandas as gpd
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from siting.actions import comparing, comparisonfiles, runs
from siting.actions import scenarios as scenario_actions
from siting.actions.comparing import Compared
from siting.maps import layers, styles
from siting.plan.compare import LEVELS, Comparison, defaults
from siting.reports import comparison as worded
from siting.ui import atlas, choices, linked, mapview, parts, scenarios
from siting.ui.cached import kept
from siting.ui.mapview import Click, Layer, Place
from siting.ui.session import Desk
from siting.ui.text import UNKNOWN, md, number, percent, t

NAME = "compare"
VIEWS = ("differences", "sites", "scenarios")
MAP_PX, TABLE_PX = 380, 330
SPREADSHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
#: Letter and symbol of the sites that one plan alone has.
SIDES: Mapping[str, tuple[str, str]] = {worded.FIRST: ("A", "▲"), worded.SECOND: ("B", "◆")}
Names = Mapping[str, str]


def panel(desk: Desk, asked: Mapping[str, Any] | None = None) -> None:
    """The view in which two finished plans are chosen and compared; below it the scenarios kept in the district.

    Parameters
    ----------
    desk : Desk
        For whom.
    asked : mapping, optional
        What the controls of the page would ask now: a scenario can be made of it too.
    """
    listed = comparing.listing(desk.db, desk.actor)
    if len(listed) < 2:  # noqa: PLR2004 - one plan differs from nothing
        parts.empty("ui.compare.need_two")
        scenarios.panel(desk, _questions(desk, list(listed["run"]), asked))
        return
    names = _chosen(desk, listed)
    if names[0] == names[1]:
        st.info(t("ui.compare.same"), icon=":material/info:")
        return
    with parts.told():
        version = comparing.version(desk.db, desk.actor, names)
        found = kept(desk, "compare", version, lambda: comparing.compared(desk.db, desk.actor, names))
        _badges(found)
        _figures(desk, found)
        _maps(desk, found)
        _views(desk, found, names, asked)


def _chosen(desk: Desk, listed: pd.DataFrame) -> list[str]:
    """Plans A and B, at first the two newest, and any more for the tables; all in the address of the page."""
    terms = {line["run"]: worded.plan_name(line, lang=desk.lang) for line in listed.to_dict("records")}
    order = list(terms)
    columns = st.columns(min(len(order), 3), gap="small")
    with columns[0]:
        first = choices.one(t("ui.compare.first"), terms, key="a")
    with columns[1]:
        others = {name: terms[name] for name in [*order[1:], order[0]]}
        second = choices.one(t("ui.compare.second"), others, key="b")
    if len(columns) == 2:  # noqa: PLR2004 - nothing more to choose
        return [first, second]
    with columns[2]:
        more = choices.several(t("ui.compare.more"), terms, key="more", placeholder=t("ui.compare.more_none"))
    return [first, second, *(name for name in more if name not in {first, second})]


def _badges(found: Compared) -> None:
    marks = {
        "other_coverage": not found.same_coverage,
        "other_score": not found.same_score,
        "other_question": found.found is not None and found.found.hashes_differ,
    }
    with st.container(horizontal=True):
        for name, shown in marks.items():
            if shown:
                st.badge(t(f"ui.compare.{name}"), color="orange")
        st.badge(t("ui.compare.nature"), color="gray")


def _figures(desk: Desk, found: Compared) -> None:
    """Figures of both, with the difference; the gap in percent."""
    table = worded.written(found.plans, lang=desk.lang)
    st.table(table.set_index(table.columns[0]), border="horizontal")
    if not worded.one_basis(found.plans):
        st.caption(worded.basis(found.plans, lang=desk.lang))


def _maps(desk: Desk, found: Compared) -> None:
    """A map of each plan; common sites and those of one plan alone differ in colour and shape."""
    sites = worded.of_two(found.sites, *found.plans["run"].iloc[:2])
    chosen = linked.selected(NAME)
    row = sites[sites["option_id"] == chosen]
    spot = None if row.empty else row.geometry.iloc[0]
    focus = atlas.place(spot, desk.settings.crs, version=str(linked.turn(NAME)), zoom=16)
    clicks = [
        _map(desk, sites, side, focus, column) for side, column in zip(SIDES, st.columns(2, gap="small"), strict=True)
    ]
    hit = next((click for click in clicks if click is not None), None)
    if hit is not None:
        linked.select(NAME, hit.id)
        st.rerun()


def _map(desk: Desk, sites: gpd.GeoDataFrame, side: str, focus: Place | None, column: DeltaGenerator) -> Click | None:
    """One plan's map, with how many sites are where."""
    letter, mark = SIDES[side]
    own = sites[sites["held"].isin([worded.BOTH, side])]
    counts = own["held"].value_counts()
    with column:
        numbers = {"both": int(counts.get(worded.BOTH, 0)), "own": int(counts.get(side, 0))}
        st.markdown(t("ui.compare.map", letter=letter, mark=mark, **numbers))
        return mapview.draw(
            [*atlas.background(desk), _marks(own, f"{NAME}-{side}")],
            key=f"{NAME}-{side}",
            bounds=atlas.extent(desk),
            height_px=MAP_PX,
            legend=atlas.key(NAME, lang=desk.lang, only={NAME: [worded.BOTH, side]}),
            focus=focus,
            selected=focus,
            group=NAME,
        )


def _marks(sites: gpd.GeoDataFrame, name: str) -> Layer:
    spec = layers.Spec(
        layer=name, key="option_id", label="name", family=NAME, style="held", from_zoom=0, limit=2000, columns=()
    )
    return Layer(
        id=name,
        type="geojson",
        version="|".join(f"{o}{h}" for o, h in zip(sites["option_id"], sites["held"], strict=True)) or "none",
        name=t("ui.compare.view.sites"),
        data=layers.geojson(layers.to_lonlat(sites), spec),
        styles=styles.family(NAME),
        clickable=True,
    )


def _views(desk: Desk, found: Compared, names: list[str], asked: Mapping[str, Any] | None) -> None:
    terms = {name: t(f"ui.compare.view.{name}") for name in VIEWS}
    view = choices.segments(t("ui.compare.view"), terms, key="compare-view", hidden=True)
    if view == "differences":
        _differences(desk, found, names)
    elif view == "sites":
        _sites(desk, found, names)
    else:
        _scenarios(desk, found, names, asked)
    if desk.may("export.internal"):
        version = comparing.version(desk.db, desk.actor, names)
        make = partial(comparisonfiles.export, desk.db, desk.actor, found, lang=desk.lang)
        name, data = kept(desk, f"compare.book.{desk.lang}", version, make)
        parts.download(t("ui.compare.download"), name, data, key="compare.download", mime=SPREADSHEET)


def _differences(desk: Desk, found: Compared, names: list[str]) -> None:
    """Where plans A and B differ, the largest difference first."""
    measure = str(found.plans["measure"].iloc[0])
    if found.found is None:
        st.caption(t("ui.compare.stored_note"))
        stored = comparing.stored_differences(found)
        st.dataframe(
            worded.differences(stored, "street_office", names={}, measure=measure, lang=desk.lang),
            hide_index=True,
            placeholder=UNKNOWN,
        )
        return
    titles = worded.problem_names(found.problems, names, lang=desk.lang)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        problem = choices.one(t("ui.compare.under"), titles, key="under")
        by = choices.segments(t("ui.compare.level"), {name: t(f"compare.by.{name}") for name in LEVELS}, key="level")
    table = found.found.differences(problem, by, *names[:2])
    shown = worded.differences(table, by, names=found.venue_names, measure=measure, lang=desk.lang)
    st.dataframe(
        shown,
        hide_index=True,
        height=min(TABLE_PX, 38 + 35 * len(shown)),
        placeholder=UNKNOWN,
        column_config=linked.number_columns(shown),
    )
    st.caption(t("ui.compare.differences_note"))


def _sites(desk: Desk, found: Compared, names: list[str]) -> None:
    """Common and differing sites of plans A and B; a row shows its place on both maps."""
    sites = worded.of_two(found.sites, *names[:2])
    counts = {name: int((sites["held"] == name).sum()) for name in (worded.BOTH, worded.FIRST, worded.SECOND)}
    st.caption(t("ui.compare.sites_note", **counts))
    measure = str(found.plans["measure"].iloc[0])
    linked.table(
        worded.sites(sites, measure=measure, lang=desk.lang), name=NAME, ids=sites["option_id"], height_px=TABLE_PX
    )


def _scenarios(desk: Desk, found: Compared, names: list[str], asked: Mapping[str, Any] | None) -> None:
    """Plans by scenarios, regret, the robust choice, and the scenarios themselves."""
    if found.found is not None:
        _matrix(desk, found, found.found, names)
    letter = worded.letters(names)
    for line in found.missing.to_dict("records"):
        name = t("compare.question", letter=letter[line["problem"]]) if line["problem"] in letter else md(line["name"])
        st.caption(t("ui.compare.missing", name=name, why=t(f"ui.compare.missing.{line['why']}")))
    scenarios.panel(desk, _questions(desk, names, asked))


def _matrix(desk: Desk, found: Compared, held: Comparison, names: list[str]) -> None:
    unit = t(f"ui.unit.{found.plans['measure'].iloc[0]}")
    titles = worded.problem_names(found.problems, names, lang=desk.lang)
    for key, column in (("ui.compare.matrix", "added"), ("ui.compare.regret", "regret")):
        st.markdown(t(key, unit=unit))
        shown = worded.matrix(held.by_problem(column), titles, lang=desk.lang)
        st.dataframe(shown, hide_index=True, column_config=linked.number_columns(shown))
    letter = worded.letters(names)
    least = held.by_problem().min(axis=1)[held.robust]
    st.success(
        t("ui.compare.robust", letter=letter[held.robust], n=number(float(least)), unit=unit), icon=":material/shield:"
    )
    if held.robust_draws:
        drawn = int((found.problems["kind"] == comparing.DRAW).sum())
        values = {"draws": drawn, "share": percent(defaults()["worst_share"], digits=0), "unit": unit}
        worst = number(float(held.worst_mean[held.robust_draws]))
        st.info(
            t("ui.compare.robust_draws", letter=letter[held.robust_draws], n=worst, **values), icon=":material/casino:"
        )
    for text in _notes(desk, held, titles, letter):
        st.caption(text)


def _notes(desk: Desk, held: Comparison, titles: Names, letter: Names) -> list[str]:
    """Limits that a plan breaks under another question, and sites that count for nothing there."""
    told = []
    for line in held.matrix[~held.matrix["draw"] & held.matrix["violations"].map(bool)].to_dict("records"):
        where = {"letter": letter[line["plan"]], "problem": md(titles[line["problem"]])}
        told.append(t("ui.compare.breaks", **where, rules=worded.rules(line["violations"], lang=desk.lang)))
    out = held.left_out[held.left_out["problem"].isin(list(titles))]
    for (plan, problem, why), lines in out.groupby(["plan", "problem", "why"], sort=False):
        where = {"letter": letter[str(plan)], "problem": md(titles[str(problem)])}
        told.append(t("ui.compare.left_out", **where, n=len(lines), why=t(f"ui.compare.left_out.{why}")))
    return told


def _questions(desk: Desk, names: list[str], asked: Mapping[str, Any] | None) -> dict[str, Mapping[str, Any]]:
    """What a scenario can be made of, by words for it: the controls as they stand, and what the plans were asked."""
    base = runs.latest(desk.db, desk.actor, "coverage", status="done")
    present = {} if base is None else {"coverage_params": dict(base.params)}
    return {
        **({} if asked is None else {t("ui.scenario.present"): {"coverage_params": {}, **asked, **present}}),
        **{
            t("compare.question", letter=letter): scenario_actions.asked(desk.db, desk.actor, name)
            for name, letter in worded.letters(names).items()
        },
    }
