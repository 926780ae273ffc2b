import io

import openpyxl
import pytest

from siting import settings
from siting.access import Actor
from siting.actions import proposals, runs
from siting.maps.layers import to_lonlat
from siting.store import layers
from siting.store.database import open_database
from siting.ui import session
from siting.ui.drawn import Drawer
from siting.ui.text import LANGUAGE_KEY

AGENCY = "南开区城市管理委员会"
CTC = Actor(id="ctc", name="ctc", org="中国电信股份有限公司天津分公司", role="operator", operator="ctc")
CUCC = Actor(id="cucc", name="cucc", org="中国联合网络通信有限公司天津市分公司", role="operator", operator="cucc")
PLANNER = Actor(id="pl", name="pl", org="南开区商务局", role="planner")
OWNER = Actor(id="ag", name="ag", org=AGENCY, role="agency")
CANARY = "<img src=x onerror=alert(1)> {{7*7}} [x](http://a)"


def store(folder):
    return open_database(settings.load(folder))


@pytest.fixture
def opened(open_app, monkeypatch):
    def sit(folder, actor, page="proposals", **query):
        monkeypatch.setattr(session, "identify", lambda: actor)
        return open_app(folder, page, **query)

    return sit


def facts(at):
    """Everything in the card."""
    return "\n".join(str(cell) for table in at.table for line in table.value.itertuples() for cell in line).replace("\\", "")


def words_on(at):
    kinds = ("markdown", "caption", "info", "success", "warning", "error", "expander")
    found = [str(getattr(e, "value", None) or getattr(e, "label", "")) for kind in kinds for e in at.get(kind)]
    return "\n".join([*found, facts(at)]).replace("\\", "")


def lamp(db, at=0):
    frame = layers.read(db, "assets")
    mine = frame[(frame["owner_org"] == AGENCY) & (frame["class"] == "street_light") & ~frame["open_status"].isin(["refused", "withdrawn"])]
    return to_lonlat(mine.iloc[[at]]).geometry.iloc[0]


def make(folder, now, at=0, actor=CTC, **given):
    db = store(folder)
    point = lamp(db, at)
    usual = {"operators": [actor.operator or "ctc"], "technology": "nr3500", "purpose": "weak_area", "configuration": "micro_omni", "cost_yuan": 41234.0}
    return proposals.add(db, actor, lon_deg=point.x, lat_deg=point.y, now=now, **{**usual, **given})


def number(folder, key):
    return layers.read(store(folder), "candidates").set_index("candidate_id").loc[key, "proposal_no"]


def press(at, label):
    next(b for b in at.button if b.label == label).click().run()
    assert not at.exception
    return at


def test_an_empty_page_says_what_to_do_and_to_others_that_there_is_nothing(opened, fresh):
    assert "点地图新建" in words_on(opened(fresh, CTC))
    assert "还没有给您看的建站建议" in words_on(opened(fresh, OWNER))


def test_list_map_and_card_show_the_same_proposal(opened, fresh, now, clicks):
    key, other = make(fresh, now, name=CANARY), make(fresh, now, at=1)
    at = opened(fresh, CTC, id=key)
    assert len(at.dataframe[-1].value) == 2
    drawn = next(layer for layer in clicks.drawn["proposals"]["layers"] if layer["id"] == "proposals")
    assert {f["properties"]["id"] for f in drawn["data"]["features"]} == {key, other}
    assert number(fresh, key) in words_on(at)
    assert CANARY in facts(at)
    clicks.send(lat=39.1, lng=117.1, zoom=16, layer="proposals", id=other)
    at.run()
    assert number(fresh, other) in facts(at)


def test_filters_in_the_address_narrow_list_and_map(opened, fresh, now, clicks):
    first, _ = make(fresh, now), make(fresh, now, at=1)
    proposals.release(store(fresh), CTC, [first], now=now)
    at = opened(fresh, CTC, state="released")
    assert len(at.dataframe[-1].value) == 1
    drawn = next(layer for layer in clicks.drawn["proposals"]["layers"] if layer["id"] == "proposals")
    assert [f["properties"]["id"] for f in drawn["data"]["features"]] == [first]


def test_another_operator_sees_a_released_proposal_without_its_cost_and_may_do_nothing(opened, fresh, now):
    key = make(fresh, now)
    proposals.release(store(fresh), CTC, [key], now=now)
    shown = words_on(opened(fresh, CTC, id=key))
    assert "41,234" in shown
    shown = words_on(opened(fresh, CUCC, id=key))
    assert number(fresh, key) in shown
    assert "41,234" not in shown
    for step in ("征询权属单位", "撤回", "公开"):
        assert step not in [e.label for e in opened(fresh, CUCC, id=key).expander]


def test_a_proposal_goes_from_question_to_answer_to_release_to_withdrawal(opened, fresh, now):
    key = make(fresh, now)
    at = opened(fresh, CTC, id=key)
    at.text_area(key="proposals.request").set_value(CANARY)
    assert f"已征询 {number(fresh, key)}" in words_on(press(at, "征询权属单位"))
    at = opened(fresh, OWNER, id=key)
    assert CANARY in facts(at)
    at.radio(key="proposals.attitude").set_value("agree")
    at.text_area(key="proposals.note").set_value("可以")
    assert "已答复" in words_on(press(at, "答复"))
    at = opened(fresh, CTC, id=key)
    assert "同意" in words_on(at)
    assert "已公开" in words_on(press(at, "公开"))
    at.text_input(key="proposals.reason").set_value("改址")
    assert "已撤回" in words_on(press(at, "撤回"))
    assert proposals.get(store(fresh), CTC, key)["state"] == "withdrawn"


def test_all_listed_proposals_are_asked_about_and_released_together(opened, fresh, now):
    keys = [make(fresh, now, at=n) for n in range(3)]
    at = opened(fresh, CTC)
    at.text_area(key="proposals.request_all").input("请同意共享")
    press(at, "征询所列 3 条的权属单位")
    press(at, "公开所列 3 条")
    kept = [proposals.get(store(fresh), CTC, key) for key in keys]
    assert [(row["state"], row["request_text"]) for row in kept] == [("released", "请同意共享")] * 3


def test_who_saw_an_older_state_is_told_so_and_changes_nothing(opened, fresh, now):
    key = make(fresh, now)
    at = opened(fresh, CTC, id=key)
    proposals.request_owner(store(fresh), CTC, [key], text="先", now=now)
    at.text_area(key="proposals.request").set_value("后")
    assert "在此期间已被改动" in words_on(press(at, "征询权属单位"))
    assert proposals.get(store(fresh), CTC, key)["request_text"] == "先"


def test_a_click_on_the_map_and_one_button_make_a_proposal(opened, fresh, clicks):
    at = opened(fresh, CTC)
    at.segmented_control(key="proposals-view").set_value("new").run()
    point = lamp(store(fresh))
    clicks.send(lat=point.y, lng=point.x, zoom=17)
    at.run()
    assert "路灯杆" in words_on(at)
    assert "已提出 JY-" in words_on(press(at, "提出"))
    got = proposals.listing(store(fresh), CTC).iloc[0]
    assert (got["operators"], got["technology"], got["host_class"], got["purpose"]) == (["ctc"], "nr3500", "street_light", "weak_area")


def test_a_place_outside_the_district_is_refused_in_words(opened, fresh, clicks):
    at = opened(fresh, CTC)
    at.segmented_control(key="proposals-view").set_value("new").run()
    clicks.send(lat=10.0, lng=10.0, zoom=17)
    at.run()
    assert "区界以外" in words_on(at)


def test_a_list_is_imported_as_one_s_own(opened, fresh):
    point = lamp(store(fresh))
    made = openpyxl.Workbook()
    made.active.append(["名称", "经度", "纬度", "使用企业", "制式", "挂高", "目的"])
    made.active.append(["好", f"{point.x:.7f}", f"{point.y:.7f}", "电信", "nr3500", "9", "弱覆盖"])
    made.active.append(["坏", f"{point.x:.7f}", f"{point.y:.7f}", "联通", "nr3500", "9", "弱覆盖"])
    out = io.BytesIO()
    made.save(out)
    at = opened(fresh, CTC)
    at.segmented_control(key="proposals-view").set_value("import").run()
    assert at.selectbox(key="import.layer").options == ["建站建议"]
    at.file_uploader(key="import.file").upload("建议.xlsx", out.getvalue(), "application/octet-stream")
    at.selectbox(key="import.datum").set_value("wgs84")
    press(at, "检查")
    press(at, "确认导入 1 行") if any(b.label == "确认导入 1 行" for b in at.button) else at.button(key="import.confirm").click().run()
    held = proposals.listing(store(fresh), CTC)
    assert held["name"].tolist() == ["好"]
    assert held["proposer_org"].tolist() == [CTC.org]


def test_the_chosen_sites_of_a_plan_become_proposals_and_the_table_says_so(opened, done):
    at = opened(done, PLANNER, "planning", **{"planning-view": "plan"})
    press(at, "转为建议（5 个）")
    held = proposals.listing(store(done), PLANNER)
    assert len(held) == 5
    assert "5 个点位已转为建议" in words_on(at)
    assert "proposals" in [link.proto.page for link in at.get("page_link")]
    assert set(at.dataframe[-1].value["建议编号"]) == set(held["proposal_no"])
    assert "转为建议（5 个）" not in [b.label for b in at.button]


def test_who_may_not_propose_has_no_such_button(opened, done):
    run = runs.latest(store(done), PLANNER, "plan", status="done")
    assert run is not None
    coordinator = Actor(id="co", name="co", org="南开区商务局", role="coordinator")
    at = opened(done, coordinator, "planning", **{"planning-view": "plan"})
    assert not [b for b in at.button if "转为建议" in b.label]


@pytest.mark.parametrize("actor", [CTC, OWNER, PLANNER])
def test_the_page_speaks_english_when_asked(opened, fresh, now, actor):
    key = make(fresh, now)
    proposals.request_owner(store(fresh), CTC, [key], text="?", now=now)
    at = opened(fresh, actor, id=key)
    at.session_state[LANGUAGE_KEY] = "en"
    at.run()
    shown = words_on(at)
    assert not at.exception
    assert "Proposal" in shown
    assert "ui." not in shown


def test_the_map_is_sent_only_what_its_viewer_sees_and_no_figures(fresh, now):
    key = make(fresh, now)
    db = store(fresh)
    assert Drawer(db, CUCC).features("proposals")["features"] == []
    proposals.release(db, CTC, [key], now=now)
    sent = Drawer(db, CUCC).features("proposals")["features"]
    assert [set(f["properties"]) for f in sent] == [{"id", "label", "style", "proposal_no"}]
    assert [f["properties"]["id"] for f in sent] == [key]
