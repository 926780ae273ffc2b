"""The pre-check of fields on the card of a site: on demand, in words, with a sheet to take home."""

import io
import re

import docx

from siting import settings
from siting.access import local_admin
from siting.actions import emf
from siting.reports import emfsheet
from siting.store import layers
from siting.store.database import open_database
from siting.ui.text import LANGUAGE_KEY

VERDICTS = ("功率豁免", "预评估通过", "未通过", "无法判定")


def first(folder):
    """The first site."""
    db = open_database(settings.load(folder))
    sectors = layers.read(db, "sectors")
    name = min(sectors["site_id"])
    db.engine.dispose()
    return name


def shown(at):
    boxes = [*at.error, *at.warning, *at.success, *at.caption, *at.markdown]
    return "\n".join(str(box.value) for box in boxes)


def told(at):
    """Names and values of the first table of facts."""
    rows = next(table.value for table in at.table if "最高处" in table.value.index)
    return {str(name): re.sub(r"\\(.)", r"\1", str(value)) for name, value in rows.iloc[:, 0].items()}


def pressed(at, site, part):
    return at.button(key=f"emf.{site}.{part}").click().run()


def test_a_pre_check_on_demand_says_verdict_share_and_place_and_computes_again_without_a_closed_roof(open_app, fresh):
    site = first(fresh)
    at = open_app(fresh, "sites", id=site)
    assert "按周围每面外墙" in shown(at)
    assert "结论：" not in shown(at)
    pressed(at, site, "check")
    assert not at.exception
    said = shown(at)
    assert sum(f"结论：{word}。" in said for word in VERDICTS) == 1
    assert "HJ 1151" in said
    figures = told(at)
    db = open_database(settings.load(fresh))
    worst = emf.check(db, local_admin(source="cli"), site).report.worst
    assert figures["计算值最高处占限值"].startswith(emfsheet.percent(worst.q))
    assert f"{worst.distance_m:.0f} m" in figures["最高处"]
    places = next(frame.value for frame in at.dataframe if "占限值" in frame.value.columns)
    assert places["占限值"].iloc[0] == emfsheet.percent(worst.q)
    db.engine.dispose()
    assert "可能有人走动" in said
    at.checkbox(key=f"emf.{site}.closed").check().run()
    assert not at.exception
    assert "可能有人走动" not in shown(at)


def test_a_sheet_is_given_out_and_offered_to_take_home_in_either_language(open_app, fresh):
    site = first(fresh)
    at = open_app(fresh, "sites", id=site)
    pressed(at, site, "check")
    pressed(at, site, "issue")
    assert not at.exception
    db = open_database(settings.load(fresh))
    made = emf.issued(db, local_admin(source="cli"), site)
    assert len(made) == 1
    assert any(made[0].number in str(button.label) for button in at.get("download_button"))
    text = docx.Document(io.BytesIO(emf.sheet(db, local_admin(source="cli"), made[0].number)))
    assert made[0].number in text.core_properties.title
    at.session_state[LANGUAGE_KEY] = "en"
    at.run()
    assert not at.exception
    assert "Verdict: " in shown(at)
    db.engine.dispose()


def test_an_operator_reads_that_others_count_but_not_which(open_as, fresh):
    """The sample has sites of both networks close together; some of one operator lie within 100 m of another's."""
    db = open_database(settings.load(fresh))
    sites = layers.read(db, "sites")
    theirs = sites[sites["tenants"].map(lambda who: "ctc" in who)]
    others = sites[~sites.index.isin(theirs.index)]
    near = next(row["site_id"] for _, row in theirs.iterrows() if others.distance(row["geometry"]).min() < 95)
    db.engine.dispose()
    at = open_as(fresh, "operator", "sites", id=near)
    pressed(at, near, "check")
    assert not at.exception
    assert "只计您可见的设备" in shown(at)
    assert "已计入 100 m 内其他发射设备" in told(at)["其他发射设备"]
