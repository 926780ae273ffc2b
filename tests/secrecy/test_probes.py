"""What a stranger can find out about an operator's unreleased proposals, points, runs and stations: nothing.

Every probe asks two districts the same: one in which the secret things are, one in which they are not.  The answers are
equal word for word, and carry no mark of the secret.
"""


from itertools import pairwise

import pytest

from siting.actions import (
    assets,
    audit,
    candidates,
    cases,
    coverage,
    effects,
    journal,
    layers,
    people,
    plans,
    proposals,
    runs,
    stations,
    unblocking,
    worker,
)
from siting.ledger.model import Command
from siting.maps.layers import to_lonlat
from siting.store import layers as stored
from siting.ui.drawn import Drawer
from tests import secret_planning, secret_radio
from tests.case_people import dispatched, moved
from tests.secret_district import (
    AGENCY,
    BOSS,
    CMCC,
    CTC,
    STRANGERS,
    Asked,
    given_away,
    lights,
    photo,
    proposed,
    reported,
    serialised,
    told,
)  # fmt: skip

NOW = None


def picked(layer):
    """A click on the secret place."""

    def probe(q):
        found = layers.pick(q.db, q.actor, lon_deg=q.secret.lon_deg, lat_deg=q.secret.lat_deg, zoom=19, layers_in_order=[layer])
        return "nothing" if found is None else [found[0], found[1].drop("geometry")]

    return probe


def drawn(layer, *, run=None):
    """A layer as the map asks for it."""

    def probe(q):
        names = {"mine": q.mine.plan, "theirs": q.secret.run["plan"], "their score": q.secret.run["score"], None: None}
        return Drawer(q.db, q.actor).features(layer, run_id=names[run])

    return probe


LOOKS = {
    "the list of proposals": lambda q: proposals.listing(q.db, q.actor),
    "the list of proposals by state and operator": lambda q: [
        proposals.listing(q.db, q.actor, states=[state], operators=["ctc"]) for state in ("proposed", "released", "withdrawn", "built")
    ],
    "a proposal by its id": lambda q: proposals.get(q.db, q.actor, q.secret.proposal),
    "a proposal by its number": lambda q: proposals.get(q.db, q.actor, q.secret.proposal_no),
    "a proposal that was withdrawn": lambda q: proposals.get(q.db, q.actor, q.secret.withdrawn),
    "rows of the layer of proposals": lambda q: layers.read(q.db, q.actor, "candidates"),
    "rows of the layer of sites": lambda q: layers.read(q.db, q.actor, "sites"),
    "rows of the layer of sectors": lambda q: layers.read(q.db, q.actor, "sectors"),
    "rows of the layer of assets": lambda q: layers.read(q.db, q.actor, "assets"),
    "counts of rows": lambda q: layers.counts(q.db, q.actor),
    "counts of proposals by state": lambda q: layers.counts_by(q.db, q.actor, "candidates", "state"),
    "counts of proposals by host": lambda q: layers.counts_by(q.db, q.actor, "candidates", "host_asset_id", "proposer_org"),
    "counts of sites by host": lambda q: layers.counts_by(q.db, q.actor, "sites", "host_asset_id", "tenants"),
    "versions of layers": lambda q: [layers.revision(q.db, q.actor, n) for n in ("candidates", "sites", "sectors", "assets")],
    "a click on the secret place among proposals": picked("candidates"),
    "a click on the secret place among sites": picked("sites"),
    "a click on the secret place among assets": picked("assets"),
    "what came in lately": lambda q: layers.recent_imports(q.db, q.actor, limit=100),
    "an import by its number": lambda q: assets.commit(q.db, q.actor, q.secret.import_id, now=NOW),
    "drawn proposals": drawn("proposals"),
    "drawn sites": drawn("sites"),
    "a foreign plan on the map": drawn("plan", run="theirs"),
    "foreign candidates on the map": drawn("candidates", run="their score"),
    "one's own plan on the map": drawn("plan", run="mine"),
    "versions in the addresses of drawn layers": lambda q: [
        Drawer(q.db, q.actor).version(n) for n in ("proposals", "sites", "assets", "basemap")
    ],
    "the list of runs": lambda q: runs.listing(q.db, q.actor, limit=100),
    "the latest runs": lambda q: [runs.latest(q.db, q.actor, kind) for kind in runs.KINDS],
    "the latest finished runs": lambda q: [runs.finished(q.db, q.actor, kind, None) for kind in ("coverage", "score", "plan")],
    "a run by its id": lambda q: runs.get(q.db, q.actor, q.secret.run["plan"]),
    "a finished run by its id": lambda q: runs.finished(q.db, q.actor, "score", q.secret.run["score"]),
    "stopping a foreign run": lambda q: runs.cancel(q.db, q.actor, q.secret.run["plan"], now=NOW),
    "planning on foreign coverage": lambda q: runs.start(q.db, q.actor, "plan", {"coverage": q.secret.run["coverage"]}, now=NOW),
    "a foreign plan": lambda q: plans.plan(q.db, q.actor, q.secret.run["plan"]),
    "foreign candidates": lambda q: candidates.candidates(q.db, q.actor, q.secret.run["score"]),
    "a raster of foreign coverage": lambda q: coverage.raster(q.db, q.actor, q.secret.run["coverage"], "gap"),
    "figures of foreign coverage": lambda q: coverage.figures(q.db, q.actor, q.secret.run["coverage"]),
    "a place in foreign coverage": lambda q: coverage.card(
        q.db, q.actor, q.secret.run["coverage"], easting_m=500000.0, northing_m=4330000.0
    ),
    "what a foreign plan would propose": lambda q: proposals.proposable(q.db, q.actor, q.secret.run["plan"]),
    "what one's own plan would propose": lambda q: proposals.proposable(q.db, q.actor, q.mine.plan),
    "proposing from a foreign plan": lambda q: proposals.from_plan(q.db, q.actor, q.secret.run["plan"], now=NOW),
    "what the secret place means to a form": lambda q: vars(
        proposals.spot(q.db, q.actor, lon_deg=q.secret.lon_deg, lat_deg=q.secret.lat_deg)
    ),
    "releasing a foreign proposal": lambda q: proposals.release(q.db, q.actor, [q.secret.proposal], now=NOW),
    "withdrawing a foreign proposal": lambda q: proposals.withdraw(q.db, q.actor, q.secret.proposal_no, reason="试", now=NOW),
    "asking the owner about a foreign proposal": lambda q: proposals.request_owner(q.db, q.actor, [q.secret.proposal], text="试", now=NOW),
    "answering a foreign proposal": lambda q: proposals.answer(q.db, q.actor, q.secret.proposal, attitude="agree", now=NOW),
    "one's own candidates": lambda q: candidates.candidates(q.db, q.actor, q.mine.score),
    "one's own plan": lambda q: plans.plan(q.db, q.actor, q.mine.plan),
    "effects of points on candidates": lambda q: effects.current(q.db, q.actor),
    "the version of the effects": lambda q: effects.version(q.db, q.actor),
    "the list of points": lambda q: cases.list_cases(q.db, q.actor),
    "points of the competitor": lambda q: cases.list_cases(q.db, q.actor, operator="ctc"),
    "points by a searched word": lambda q: [cases.list_cases(q.db, q.actor, text=w) for w in ("机密", "NEED-SECRET", "电信")],
    "points by state": lambda q: cases.list_cases(q.db, q.actor, state=["coordinating", "draft"]),
    "a point by its id": lambda q: cases.get(q.db, q.actor, q.secret.case_id),
    "a point by its number": lambda q: cases.get(q.db, q.actor, q.secret.pp_no),
    "a foreign draft": lambda q: cases.get(q.db, q.actor, q.secret.draft_no),
    "what happened to a point": lambda q: cases.history(q.db, q.actor, q.secret.pp_no),
    "moves on a point": lambda q: cases.allowed(q.db, q.actor, q.secret.case_id, now=NOW),
    "a file of a point": lambda q: cases.attachment(q.db, q.actor, q.secret.case_id, q.secret.sha256),
    "hiding a file of a point": lambda q: cases.hide(q.db, q.actor, q.secret.case_id, q.secret.sha256, reason="试", now=NOW),
    "a foreign file under one's own point": lambda q: cases.attachment(q.db, q.actor, q.mine.case_id, q.secret.sha256),
    "handing in a file to a point": lambda q: cases.attach(q.db, q.actor, q.secret.case_id, photo(), name="a.jpg", now=NOW),
    "the value of a point": lambda q: unblocking.value_of(q.db, q.actor, q.secret.case_id),
    "the values of points": lambda q: unblocking.values(q.db, q.actor),
    "substitutes for a point": lambda q: unblocking.substitutes(q.db, q.actor, q.secret.pp_no),
    "having a point valued": lambda q: unblocking.request(q.db, q.actor, q.secret.case_id, now=NOW),
    "the list of stations": lambda q: stations.listing(q.db, q.actor),
    "sectors of a foreign station": lambda q: stations.sectors(q.db, q.actor, "5a5a5a5a-0000-4000-8000-000000000001"),
    "stations to take home": lambda q: stations.export(q.db, q.actor, "sites"),
    "the accounts": lambda q: people.accounts(q.db, q.actor, now=NOW),
    "the organisations with accounts": lambda q: people.organisations(q.db, q.actor),
    "the journal": lambda q: audit.events(q.db, q.actor, "district"),
    "whether the journal is whole": lambda q: journal.report(q.db, q.actor),
    **secret_radio.LOOKS,
    **secret_planning.LOOKS,
    **{
        f"one's own plan as {kind}": lambda q, kind=kind: plans.export(q.db, q.actor, q.mine.plan, kind=kind)[1]
        for kind in plans.KINDS
    },
    **{
        f"a foreign plan as {kind}": lambda q, kind=kind: plans.export(q.db, q.actor, q.secret.run["plan"], kind=kind)
        for kind in plans.KINDS
    },
}


@pytest.fixture(autouse=True)
def _moment(now, monkeypatch):
    monkeypatch.setitem(globals(), "NOW", now)
    monkeypatch.setenv("OGR_CURRENT_DATE", "2026-11-02T00:00:00Z")


@pytest.mark.parametrize("who", STRANGERS)
@pytest.mark.parametrize("name", LOOKS)
def test_nothing_is_learned_from(pair, name, who):
    full, plain = pair.answers(LOOKS[name], STRANGERS[who])
    assert full == plain
    assert given_away(full, pair.secret) == given_away(plain, pair.secret)  # what was typed comes back, nothing else


def test_the_owner_itself_finds_all_of_it(pair):
    probes = [probe for name, probe in LOOKS.items() if name != "taking a foreign set out of use"]  # the owner's hand would do it
    texts = [told(probe, Asked(pair.full, CTC, pair.secret, pair.mine, NOW)) for probe in probes]
    assert [mark for mark in pair.secret.marks if not any(mark in text for text in texts)] == []


# --- what is learned by doing --------------------------------------------------------------------------------------


def both(pair, doing, actor=CMCC):
    """What comes of an act in both districts; the same, and without a mark of the secret."""
    full, plain = pair.answers(doing, actor)
    assert full == plain
    assert given_away(full, pair.secret) == given_away(plain, pair.secret)
    return full


def pole(db, at):
    """A pole and its place [deg]."""
    row = lights(db).iloc[[at]]
    point = to_lonlat(row).geometry.iloc[0]
    return row.iloc[0], point.x, point.y


def computed(q, kind, **asked):
    """A run of one's own on coverage of one's own, as the district stands now."""
    wanted = {"network": "cm-n41", "cell_m": 40}
    base = worker.run_now(q.db, q.actor, "coverage", coverage.params(q.db, wanted), clock=lambda: NOW)
    given = candidates.params(base.id, admit_unknown=False) if kind == "score" else plans.params(q.db.settings, {"coverage": base.id, **asked})
    return worker.run_now(q.db, q.actor, kind, given, clock=lambda: NOW).id


def scored(q):
    return candidates.candidates(q.db, q.actor, computed(q, "score"))


def test_a_pole_is_taken_in_the_same_words_whoever_holds_it(fresh_pair):
    text = both(fresh_pair, scored)
    row, _, _ = pole(fresh_pair.full, 6)
    line = next(line for line in text.splitlines() if row["asset_id"] in line)
    assert "NO_SLOT" in line or "reserved_by_other" in line
    assert not [w for w in (CTC.org, "电信", "ctc", "机密杆位站") if w in line]


def test_a_plan_of_one_s_own_is_the_same_beside_secret_proposals_and_points(fresh_pair):
    def planned(q):
        sites = plans.plan(q.db, q.actor, computed(q, "plan", count=2))["sites"]
        return sites[["candidate_id", "option_id", "configuration", "effect", "case_no", "message", "state"]]

    assert "NK-2026-0001" in both(fresh_pair, planned)  # one's own point is agreed on


HEADINGS = "名称,经度,纬度,使用企业,制式,挂高,目的"


def brought(q, text):
    made = assets.dry_run(q.db, q.actor, text.encode(), name="自有.csv", layer="candidates", datum="wgs84", now=NOW)
    found = [made.new, made.changed, made.unchanged, made.rejected, made.missing]
    return made, [found, [(f.code, f.row, f.value, f.message) for f in made.findings], made.changes, made.missing_keys]


def test_a_file_that_names_a_competitor_s_proposal_is_refused_as_one_that_names_nobody_s(fresh_pair):
    def named(q):
        row = f"试,{q.secret.lon_deg},{q.secret.lat_deg},移动,nr2600,8,weak_area,{q.secret.proposal}"
        return brought(q, f"{HEADINGS},建议ID\n{row}\n")[1]

    assert "KEY_NOT_OWN" in both(fresh_pair, named)


def test_a_file_with_a_point_on_a_competitor_s_pole_lands_without_a_word(fresh_pair):
    def landed(q):
        made, said = brought(q, f"{HEADINGS}\n试,{q.secret.lon_deg},{q.secret.lat_deg},移动,nr2600,8,weak_area\n")
        done = assets.commit(q.db, q.actor, made.id, now=NOW)
        return [said, done.new, done.changed, done.revision > 0, len(proposals.listing(q.db, q.actor))]

    assert "KEY_NOT_OWN" not in both(fresh_pair, landed)


def test_a_checked_file_is_not_overtaken_by_what_a_competitor_does_in_secret(fresh_pair):
    def late(q):
        made, _ = brought(q, f"{HEADINGS}\n试,{q.secret.lon_deg},{q.secret.lat_deg},移动,nr2600,8,weak_area\n")
        if q.db is fresh_pair.full:
            proposed(q.db, CTC, pole(q.db, 7)[0], NOW)
        return assets.commit(q.db, q.actor, made.id, now=NOW).new

    assert both(fresh_pair, late) == "1"


def test_numbers_of_proposals_do_not_count_what_others_hold_back(fresh_pair):
    q = Asked(fresh_pair.full, CMCC, fresh_pair.secret, fresh_pair.mine, NOW)
    keys = []
    for at in range(5):
        keys.append(proposed(q.db, CMCC, pole(q.db, 8 + at)[0], NOW, technology="nr2600"))
        proposed(q.db, CTC, pole(q.db, 8 + at)[0], NOW)
    numbers = [int(proposals.get(q.db, CMCC, key)["proposal_no"][-5:]) for key in keys]
    assert [after - before for before, after in pairwise(numbers)] != [2, 2, 2, 2]
    assert max(numbers) > len(stored.read(q.db, "candidates"))


def test_proposing_and_reporting_at_the_secret_place_says_nothing_of_it(fresh_pair):
    def done(q):
        row, _, _ = pole(q.db, 3)
        key = proposed(q.db, q.actor, row, NOW, technology="nr2600")
        mine = reported(q.db, q.actor, row, NOW, proposal_ref=key)
        record = {k: v for k, v in mine.record.items() if k not in {"pp_no", "proposal_ref"}}
        allowed = cases.allowed(q.db, q.actor, mine.id, now=NOW)
        return [record, mine.needs, [(f.kind, f.org, f.data.get("findings")) for f in mine.facts], allowed]

    both(fresh_pair, done)


@pytest.mark.parametrize("field", ["proposal_ref", "site_ref"])
def test_a_report_that_names_a_competitor_s_proposal_is_refused_as_one_that_names_nothing(fresh_pair, field):
    def done(q):
        return reported(q.db, q.actor, pole(q.db, 8)[0], NOW, **{"site_ref": "", field: q.secret.proposal})

    assert "case.place.reference" in both(fresh_pair, done)


def own_case(q):
    return cases.get(q.db, q.actor, q.mine.case_id)


@pytest.mark.parametrize("target", ["case_id", "pp_no", "proposal"])
def test_a_link_to_a_competitor_s_point_confirms_nothing(fresh_pair, target):
    def done(q):
        case = moved(q.db, q.actor, own_case(q), "link", NOW, other=getattr(q.secret, target), relation="blocks")
        return [case.record, case.needs, case.facts[-1].kind, case.facts[-1].data]

    both(fresh_pair, done)


def test_an_alternative_that_names_a_competitor_s_station_is_not_taken_for_commissioned(fresh_pair):
    def done(q):
        case = dispatched(q.db, reported(q.db, q.actor, pole(q.db, 9)[0], NOW), NOW)
        case = moved(q.db, AGENCY, case, "accept", NOW, responsible_person="李四", phone="13900000000")
        case = moved(q.db, q.actor, case, "choose_alternative", NOW, other="5a5a5a5a-0000-4000-8000-000000000001")
        case, sha256 = cases.attach(q.db, q.actor, case.id, photo(), name="a.jpg", now=NOW)
        data = {"commissioned_on": "2026-11-02", "photo": sha256, "gps": "117.1,39.1", "record_no": "1"}
        return moved(q.db, q.actor, case, "commission", NOW, **data)

    assert both(fresh_pair, done).startswith("BadInput")


def test_knowing_the_digest_of_a_competitor_s_file_gives_no_hold_of_it(fresh_pair):
    def done(q):
        data = {"sha256": q.secret.sha256, "kind": "photo", "taken_on": "2026-11-02", "name": "a.jpg", "mime": "image/jpeg", "size": 3}
        return moved(q.db, q.actor, own_case(q), "attach", NOW, **data)

    assert "case.file.unknown" in both(fresh_pair, done)


MOVES_TRIED = {
    "report_progress": {"text": "试"}, "withdraw": {"reason": "试"}, "accept": {"responsible_person": "某", "phone": "1"},
    "agree": {"agreed_on": "2026-11-02", "doc_no": "1"}, "add_need": {"operator": "cmcc", "need_no": "1", "urgency": 2},
    "link": {"other": "x", "relation": "blocks"}, "correct": {"fact": 1, "reason": "试", "void": True},
    "confirm_close": {"need_no": "NEED-SECRET-9", "satisfaction": 5},
}  # fmt: skip


@pytest.mark.parametrize("who", STRANGERS)
def test_no_move_can_be_made_on_a_foreign_point_nor_tells_that_it_is_there(pair, who):
    for move, data in MOVES_TRIED.items():
        for key in (pair.secret.case_id, pair.secret.pp_no):
            for revision in (1, 6, 99):

                def tried(q, move=move, data=data, key=key, revision=revision):
                    command = Command(id="c", move=move, case_id=key, revision=revision, data=data)
                    return [str(row.error) for row in cases.do_batch(q.db, q.actor, [command], dry_run=True, now=NOW)]

                full, plain = pair.answers(tried, STRANGERS[who])
                assert full == plain


def test_of_a_shared_point_the_other_operator_is_nameless(fresh_pair):
    db = fresh_pair.full
    case = cases.get(db, BOSS, fresh_pair.mine.case_id)
    case = moved(db, BOSS, case, "add_need", NOW, operator="ctc", need_no="NEED-SECRET-9", urgency=1)
    case = moved(db, CTC, case, "record_visit", NOW, on="2026-11-02", who="机密走访", contact="某人", result="failed", failure_reason="机密备注")
    case, _ = cases.attach(db, CTC, case.id, photo(), name="机密文件.jpg", now=NOW)
    seen = [
        cases.get(db, CMCC, case.id),
        cases.history(db, CMCC, case.id),
        cases.list_cases(db, CMCC),
        cases.list_cases(db, CMCC, operator="ctc").empty,
        cases.list_cases(db, CMCC, text="NEED-SECRET").empty,
        told(lambda q: moved(q.db, q.actor, cases.get(q.db, BOSS, case.id), "link", NOW, revision=1, other="x", relation="blocks"),
            Asked(db, CMCC, fresh_pair.secret, fresh_pair.mine, NOW)),
    ]  # fmt: skip
    text = serialised(seen)
    assert [mark for mark in (*fresh_pair.secret.marks, CTC.org, "ctc", "电信") if mark in text] == []
    assert seen[3:5] == [True, True]
