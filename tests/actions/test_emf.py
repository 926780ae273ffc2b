"""Pre-checks of stored sites and proposals: what counts, who reads what, numbered sheets."""

import io
import json
import re

import docx
import pandas as pd
import pytest
import shapely

from siting import cli, settings
from siting.access import Actor
from siting.actions import candidate_emf, emf, journal
from siting.errors import NotAllowed, NotFound
from siting.plan import options
from siting.radio import emf as radio
from siting.store import journal as events
from siting.store import layers

CMCC = Actor(id="m", name="m", org="中国移动通信集团天津有限公司", role="operator", operator="cmcc")
CTC = Actor(id="t", name="t", org="中国电信股份有限公司天津分公司", role="operator", operator="ctc")
AUDITOR = Actor(id="a", name="a", org="审计局", role="auditor")


def saved(db, layer, frame, now):
    with db.write() as connection:
        layers.upsert(connection, layer, frame, provenance={"source_name": "test"}, now=now)


def site_at(db, n, place, now, *, tenants, network):
    """The n-th site moved to a place, on a pole of 30 m, with one sector to the north and of one operator."""
    sites, sectors = layers.read(db, "sites"), layers.read(db, "sectors")
    one = sites.iloc[[n]].assign(tenants=[tenants], geometry=[shapely.Point(place)], host_class="ground")
    own = sectors[sectors["site_id"] == one["site_id"].iloc[0]]
    first = own.iloc[[0]].assign(
        network=network, equipment="aau64-200w", power_w=200.0, azimuth_deg=0.0, mechanical_tilt_deg=0.0, electrical_tilt_deg=0.0,
        antenna_height_m=30.0, mount="pole", gain_dbi=None, pattern=None,
    )  # fmt: skip
    with db.write() as connection:
        layers.remove(connection, "sectors", own["sector_id"].tolist()[1:], now=now)
    saved(db, "sites", one, now)
    saved(db, "sectors", first, now)
    return one["site_id"].iloc[0]


@pytest.fixture
def open_ground(district, now):
    """A site of each of two operators 20 m apart on ground without buildings but a wall 120 m ahead; all other sites are gone."""
    sites, sectors, buildings = (layers.read(district, name) for name in ("sites", "sectors", "buildings"))
    centre = buildings.union_all().centroid
    wall = shapely.box(centre.x - 20, centre.y + 120, centre.x + 20, centre.y + 130)
    block = buildings.iloc[[0]].assign(height_m=40.0, name="示范楼", geometry=[wall])
    with district.write() as connection:
        for layer, frame, key in (("buildings", buildings.iloc[1:], "building_id"), ("sites", sites.iloc[2:], "site_id"),
            ("sectors", sectors[~sectors["site_id"].isin(sites["site_id"].iloc[:2])], "sector_id")):  # fmt: skip
            layers.remove(connection, layer, frame[key].tolist(), now=now)
    saved(district, "buildings", block, now)
    mine = site_at(district, 0, (centre.x, centre.y), now, tenants=["ctc"], network="ctcu-n78-a")
    theirs = site_at(district, 1, (centre.x + 20, centre.y), now, tenants=["cmcc"], network="cm-n41")
    return district, mine, theirs


def test_all_transmitters_within_100_m_decide_and_only_ones_own_are_listed(open_ground, actor):
    db, mine, _ = open_ground
    whole, own = emf.check(db, actor, mine), emf.check(db, CTC, mine)
    assert (whole.report.existing, whole.hidden, own.hidden) == (1, False, True)
    assert own.report.verdict == whole.report.verdict == "exceeds_precheck"
    assert own.report.worst == whole.report.worst
    assert own.report.points["q"].max() < 1.0 < whole.report.points["q"].max()
    assert own.report.points["q"].max() == pytest.approx(own.report.points["own"].max())


def test_the_site_alone_passes_where_both_together_exceed(open_ground, actor, now):
    db, mine, theirs = open_ground
    other = layers.read(db, "sites")
    with db.write() as connection:
        layers.remove(connection, "sites", [theirs], now=now)
    alone = emf.check(db, actor, mine)
    assert len(other) == 2
    assert alone.report.verdict == "passed_precheck"
    assert alone.report.new_only
    expected = 200 * 10**2.45 / (4 * 3.141592653589793 * 120.0**2) * 376.730 / float(radio.limits(3450.0).e_v_m) ** 2
    assert alone.report.worst.q == pytest.approx(expected, rel=1e-3)
    assert alone.names[alone.report.worst.building_id] == "示范楼"


def test_a_site_within_the_limit_by_itself_is_not_blamed_for_the_sum(open_ground, actor, now, capsys):
    db, mine, theirs = open_ground
    sectors = layers.read(db, "sectors")
    saved(db, "sectors", sectors[sectors["site_id"] == theirs].assign(power_w=2000.0), now)
    whole, own = emf.check(db, actor, mine), emf.check(db, CTC, mine)
    expected = 200 * 10**2.45 / (4 * 3.141592653589793 * 120.0**2) * 376.730 / float(radio.limits(3450.0).e_v_m) ** 2
    assert whole.report.verdict == "exceeds_precheck"
    assert whole.own == own.own == pytest.approx(expected, rel=1e-3)
    assert whole.own < 1.0 < whole.report.worst.q
    assert whole.excess == own.excess == "sum"
    made = emf.issue(db, CTC, mine, now=now)
    assert emf.issue(db, actor, mine, now=now).number == made.number
    lines = [p.text for p in docx.Document(io.BytesIO(emf.sheet(db, CTC, made.number))).paragraphs]
    cli.main(["emf", mine, "--project", str(db.settings.folder)])
    for said in ("\n".join(lines), capsys.readouterr().out):
        assert "本站自身不超过限值，超出来自与周边已有设施的叠加" in said
        assert f"其中本站 {100 * whole.report.worst.own:.0f}%，其余为周边已有设施" in said
        assert f"本站单独计算，最高处为限值的 {100 * expected:.0f}%" in said
        assert "方案须调整" not in said
        assert "中国移动" not in said


def test_a_site_above_the_limit_by_itself_must_be_changed_though_others_add_to_it(open_ground, actor, now, capsys):
    db, mine, _ = open_ground
    sectors = layers.read(db, "sectors")
    saved(db, "sectors", sectors[sectors["site_id"] == mine].assign(power_w=800.0), now)
    done = emf.check(db, actor, mine)
    assert done.report.worst.q > done.own > 1.0
    assert done.excess == "own"
    cli.main(["emf", mine, "--project", str(db.settings.folder)])
    said = capsys.readouterr().out
    assert "方案须调整" in said
    assert f"其中本站 {done.report.worst.own:.2f} 倍，其余为周边已有设施" in said
    cli.main(["emf", mine, "--json", "--project", str(db.settings.folder)])
    answer = json.loads(capsys.readouterr().out)
    assert (answer["own"], answer["excess"]) == (pytest.approx(done.own), "own")


def test_equipment_exempt_by_power_is_not_blamed_for_the_sum_either(open_ground, actor, now):
    db, mine, theirs = open_ground
    sectors = layers.read(db, "sectors").set_index("site_id", drop=False)
    both = sectors.assign(power_w=sectors["site_id"].map({mine: 0.35, theirs: 40_000.0}))
    saved(db, "sectors", both.reset_index(drop=True), now)
    done = emf.check(db, actor, mine)
    assert done.report.verdict == "power_exempt"
    assert done.own < 1.0 < done.report.worst.q
    assert next(given["code"] for given in emf.advisories_of(done)) == "exempt_sum"
    made = emf.issue(db, actor, mine, now=now)
    lines = "\n".join(p.text for p in docx.Document(io.BytesIO(emf.sheet(db, actor, made.number))).paragraphs)
    assert "本站自身不超过限值；但距天线" in lines
    assert "建议抬高天线" not in lines


def test_a_retired_site_no_longer_counts(open_ground, actor, now):
    db, mine, theirs = open_ground
    sites = layers.read(db, "sites")
    gone = sites[sites["site_id"] == theirs].assign(retired_on=now.date())
    saved(db, "sites", gone, now)
    assert emf.check(db, actor, mine).report.new_only


def test_a_site_of_others_is_not_found_and_a_street_office_reads_those_of_its_area(open_ground, actor, now):
    db, mine, theirs = open_ground
    with pytest.raises(NotFound):
        emf.check(db, CTC, theirs)
    street = layers.read(db, "sites").set_index("site_id").loc[mine, "street_office"]
    office = Actor(id="s", name="s", org="街道办事处", role="street", streets=(street,))
    assert emf.check(db, office, mine).report.verdict == "exceeds_precheck"
    made = emf.issue(db, actor, mine, now=now)
    assert [one.number for one in emf.issued(db, office, mine)] == [made.number]
    assert emf.sheet(db, office, made.number)
    owner = Actor(id="g", name="g", org="南开区城市管理委员会", role="agency")
    for stranger in (CMCC, owner, Actor(id="s", name="s", org="别的街道", role="street", streets=("别的街道",))):
        with pytest.raises(NotFound):
            emf.sheet(db, stranger, made.number)
    with pytest.raises(NotAllowed):
        emf.issued(db, AUDITOR, mine)


def test_sheets_are_numbered_by_year_and_equal_facts_keep_their_number(open_ground, actor, now):
    db, mine, theirs = open_ground
    first = emf.issue(db, actor, mine, now=now)
    again = emf.issue(db, CTC, mine, now=now)
    other = emf.issue(db, actor, theirs, now=now)
    changed = emf.issue(db, actor, mine, roof_closed=True, now=now)
    later = emf.issue(db, actor, theirs, roof_closed=True, now=now.replace(year=2027))
    numbers = [one.number for one in (first, again, other, changed, later)]
    assert all(re.fullmatch(r"EMF-2026-\d{5}", number) for number in numbers[:4])
    assert numbers[4].startswith("EMF-2027-")
    assert numbers[0] == numbers[1]
    assert len(set(numbers)) == 4
    assert (first.on, first.by) == (now.date().isoformat(), actor.id)
    assert journal.report(db, actor).whole
    assert len(events.recent(db, kind=emf.KIND, limit=100)) == 4


def test_a_sheet_says_what_was_found_when_it_was_given_out_whatever_changed_since(open_ground, actor, now):
    db, mine, _ = open_ground
    made = emf.issue(db, actor, mine, now=now)
    before = emf.sheet(db, actor, made.number)
    sectors = layers.read(db, "sectors")
    saved(db, "sectors", sectors[sectors["site_id"] == mine].assign(power_w=1.0), now)
    text = [p.text for p in docx.Document(io.BytesIO(emf.sheet(db, actor, made.number))).paragraphs]
    assert text == [p.text for p in docx.Document(io.BytesIO(before)).paragraphs]
    assert any("示范楼" in line for line in text)
    assert any("200 W" in line for line in text)
    assert emf.issue(db, actor, mine, now=now).number != made.number


def test_who_to_ask_and_where_results_appear_come_from_the_settings(open_ground, actor, now):
    db, mine, _ = open_ground
    path = db.settings.folder / settings.FILE_NAME
    path.write_text(
        path.read_text(encoding="utf-8") + '\n[emf]\ncontact = "热线 12345"\npublished = "区政府网站"\n',
        encoding="utf-8",
    )
    told = settings.load(db.settings.folder)
    made = emf.issue(type(db)(db.engine, told), actor, mine, now=now)
    assert (made.facts["contact"], made.facts["published"]) == ("热线 12345", "区政府网站")


def test_a_proposal_is_checked_with_the_transmitters_around_it(open_ground, actor, now):
    db, mine, _ = open_ground
    place = layers.read(db, "sites").set_index("site_id").loc[mine, "geometry"]
    row = {
        "candidate_id": "c1", "proposal_no": "JY-2026-00001", "name": "建议一", "state": "proposed", "host_class": "ground", "operators": ["ctc"],
        "proposer_org": CTC.org, "technology": "nr3500", "network": "ctcu-n78-a", "equipment": "micro-2x5w", "height_m": 8.0, "mount": "pole",
        "antenna_height_m": 8.0, "azimuths": ["0"], "tilts": ["0"], "purpose": "weak_area", "revision": 1,
    }  # fmt: skip
    frame = layers.read(db, "candidates")
    columns = {name: [row.get(name)] for name in frame.columns if name != "geometry"}
    saved(
        db,
        "candidates",
        type(frame)(pd.DataFrame(columns), geometry=[shapely.Point(place.x, place.y - 50)], crs=frame.crs),
        now,
    )
    done = emf.check(db, actor, "JY-2026-00001")
    assert done.report.verdict == "power_exempt"
    assert done.report.existing == 2
    assert emf.check(db, CTC, "c1").hidden
    with pytest.raises(NotFound):
        emf.check(db, CMCC, "c1")
    assert emf.issue(db, CTC, "c1", now=now).facts["kind"] == "proposal"


def test_a_district_without_buildings_decides_nothing(open_ground, actor, now):
    db, mine, _ = open_ground
    with db.write() as connection:
        layers.remove(connection, "buildings", layers.read(db, "buildings")["building_id"].tolist(), now=now)
    report = emf.check(db, actor, mine).report
    assert report.verdict == "needs_assessment"
    assert "no_buildings" in [reason.code for reason in report.reasons]


def test_the_roof_of_a_real_roof_site_is_left_out_when_somebody_vouches_for_it(district, actor):
    number = layers.read(district, "sites")["site_no"].iloc[0]
    open_, closed = (emf.check(district, actor, number, roof_closed=flag) for flag in (False, True))
    assert "own_roof_open" in [reason.code for reason in open_.report.reasons]
    assert "own_roof_open" not in [reason.code for reason in closed.report.reasons]
    assert closed.roof_closed


def test_what_a_pre_check_rests_on_has_a_name_that_changes_with_it(open_ground, actor, now):
    db, mine, _ = open_ground
    before = emf.version(db, actor)
    saved(db, "sites", layers.read(db, "sites").iloc[[0]], now)
    assert emf.version(db, actor) != before
    assert mine


def test_the_command_says_verdict_and_place_and_writes_the_sheet(open_ground, actor, tmp_path, capsys):
    db, mine, _ = open_ground
    out = tmp_path / "sheet.docx"
    cli.main(["emf", mine, "--project", str(db.settings.folder), "--out", str(out)])
    said = capsys.readouterr().out
    assert "结论：未通过。" in said
    assert "示范楼南侧外墙" in said
    made = emf.issued(db, actor, mine)[0]
    assert made.number in said
    assert made.number in docx.Document(out).core_properties.title


def test_the_command_answers_machines_without_nan_and_gives_nothing_out(open_ground, actor, capsys):
    db, mine, _ = open_ground
    cli.main(["emf", mine, "--roof-closed", "--json", "--project", str(db.settings.folder)])
    answer = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert answer["verdict"] == "exceeds_precheck"
    assert answer["roof_closed"] is True
    assert answer["along"][0]["beam"] is None
    assert answer["worst"]["q"] == max(answer["worst"]["q_s"], answer["worst"]["q_e"])
    assert emf.issued(db, actor, mine) == []


def test_what_others_leave_open_is_told_without_saying_where(open_ground, actor, now):
    db, mine, theirs = open_ground
    sectors = layers.read(db, "sectors")
    saved(db, "sectors", sectors[sectors["site_id"] == theirs].assign(equipment="strange", power_w=None), now)
    whole, own = emf.check(db, actor, mine).report, emf.check(db, CTC, mine).report
    assert own.verdict == whole.verdict == "needs_assessment"
    assert [(reason.code, dict(reason.given)) for reason in whole.reasons] == [("existing_incomplete", {"n": 1})]
    assert [(reason.code, dict(reason.given)) for reason in own.reasons] == [("others_undecided", {})]


def test_no_candidates_at_all_have_no_fields_and_say_so_with_the_same_columns(district, actor):
    nothing = pd.DataFrame({name: pd.Series(dtype=object) for name in (*options.COLUMNS, "emf")})
    checked = candidate_emf.precheck(district, actor, nothing)
    decided = candidate_emf.decided(district, actor, nothing, [], progress=pytest.fail)
    assert (len(checked), tuple(checked.columns)) == (0, candidate_emf.COLUMNS)
    assert len(decided) == len(candidate_emf.estimated(district, nothing)) == 0
    assert list(candidate_emf._each(nothing)) == []
