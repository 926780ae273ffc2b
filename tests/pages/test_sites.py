"""The page of existing sites: list, map, card, tables, and whose rows a person sees."""

import pytest

from siting import settings
from siting.access import Actor, local_admin
from siting.actions import stations
from siting.store import layers
from siting.store.database import open_database
from siting.ui import session

CTC = Actor(id="t", name="t", org="中国电信股份有限公司天津分公司", role="operator", operator="ctc")
READER = Actor(id="r", name="r", org="南开区人民政府", role="leader")


@pytest.fixture(autouse=True)
def _seated(monkeypatch):
    monkeypatch.setattr(session, "identify", lambda: local_admin(source="page"))


def store(folder):
    return open_database(settings.load(folder))


def sites(folder):
    return layers.read(store(folder), "sites")


def metrics(at):
    return {m.label: m.value for m in at.metric}


def on_map(clicks):
    drawn = next(layer for layer in clicks.drawn["sites"]["layers"] if layer["id"] == "sites")
    return {feature["properties"]["id"] for feature in drawn["data"]["features"]}


def listed(at):
    return set(at.dataframe[0].value.iloc[:, 0])


def test_the_list_the_map_and_the_cards_count_the_same_sites(open_app, fresh, clicks):
    at = open_app(fresh, "sites")
    everything = sites(fresh)
    assert not at.error
    assert metrics(at)["在网站址"] == str(len(everything))
    assert sum(int(value) for label, value in metrics(at).items() if "MHz" in label) == len(everything)
    assert on_map(clicks) == set(everything["site_id"])
    assert listed(at) == set(everything["site_no"])


def test_filters_come_from_the_address_and_narrow_list_and_map_alike(open_app, fresh, clicks):
    everything = sites(fresh)
    street = everything["street_office"].mode()[0]
    at = open_app(fresh, "sites", network="ctcu-n78-a", street=street, tenant="ctc")
    db = store(fresh)
    mine = set(layers.read(db, "sectors").query("network == 'ctcu-n78-a'")["site_id"])
    own = everything[everything["site_id"].isin(mine) & (everything["street_office"] == street)]
    assert 0 < len(own) < len(everything)
    assert on_map(clicks) == set(own["site_id"])
    assert listed(at) == set(own["site_no"])
    at.text_input(key="q").set_value(own["site_no"].iloc[0]).run()
    assert listed(at) == {own["site_no"].iloc[0]}


def test_a_clicked_site_shows_its_sectors_and_their_petals(open_app, fresh, clicks):
    one = sites(fresh).iloc[3]
    at = open_app(fresh, "sites")
    clicks.send(lat=39.1, lng=117.1, zoom=15, layer="sites", id=one["site_id"])
    at.run()
    shown = at.dataframe[1].value
    known = layers.read(store(fresh), "sectors")
    known = known[known["site_id"] == one["site_id"]]
    assert sorted(shown["方位角[deg]"]) == sorted(known["azimuth_deg"])
    assert any(one["name"] in str(m.value) for m in at.markdown)
    petals = next(layer for layer in clicks.drawn["sites"]["layers"] if layer["id"] == "petals")
    assert len(petals["data"]["features"]) == len(known)


def test_an_operator_sees_its_own_sites_in_list_map_counts_and_cards_and_no_other(open_app, fresh, clicks, monkeypatch):
    everything = sites(fresh)
    own = everything[["ctc" in tenants for tenants in everything["tenants"]]]
    foreign = everything[~everything["site_id"].isin(own["site_id"])].iloc[0]
    monkeypatch.setattr(session, "identify", lambda: CTC)
    at = open_app(fresh, "sites", id=foreign["site_id"])
    assert metrics(at)["在网站址"] == str(len(own))
    assert on_map(clicks) == set(own["site_id"])
    assert listed(at) == set(own["site_no"])
    assert not any(foreign["name"] in str(e.value) for kind in ("markdown", "caption", "table") for e in at.get(kind))
    assert not [layer for layer in clicks.drawn["sites"]["layers"] if layer["id"] == "petals"]
    assert at.segmented_control[0].options == ["清单与地图", "无线参数", "规划参数"]


def test_two_operators_of_one_server_do_not_share_what_was_remembered(open_app, fresh, clicks, monkeypatch):
    monkeypatch.setattr(session, "identify", lambda: CTC)
    at = open_app(fresh, "sites")
    mobile = Actor(id="m", name="m", org="中国移动通信集团天津有限公司", role="operator", operator="cmcc")
    first = on_map(clicks)
    monkeypatch.setattr(session, "identify", lambda: mobile)
    at.run()
    assert first
    assert not first & on_map(clicks)


def test_without_sites_the_page_offers_the_one_useful_action(open_app, fresh):
    db = store(fresh)
    with db.write() as connection:
        keys = layers.read(db, "sites")["site_id"].tolist()
        layers.remove(connection, "sites", keys, now=session.now())
    at = open_app(fresh, "sites")
    assert "先导入站址" in at.info[0].value
    at.button(key="sites.to_import").click().run()
    assert at.selectbox(key="import.layer").options == ["现网站点", "扇区"]


def test_who_may_not_import_is_told_who_does(open_app, fresh, monkeypatch):
    db = store(fresh)
    with db.write() as connection:
        keys = layers.read(db, "sites")["site_id"].tolist()
        layers.remove(connection, "sites", keys, now=session.now())
    monkeypatch.setattr(session, "identify", lambda: READER)
    at = open_app(fresh, "sites")
    assert "数据管理员" in at.info[0].value
    assert not at.button


def test_sectors_without_coordinates_are_imported_on_the_page_without_a_datum(open_app, fresh):
    db = store(fresh)
    data = stations.export(db, local_admin(source="page"), "sectors")
    total = layers.count(db, "sectors")
    with db.write() as connection:
        layers.remove(connection, "sectors", layers.read(db, "sectors")["sector_id"].tolist(), now=session.now())
    at = open_app(fresh, "sites", **{"sites-view": "import"})
    at.file_uploader(key="import.file").upload("s.xlsx", data)
    at.selectbox(key="import.layer").set_value("sectors")
    next(b for b in at.button if "FormSubmitter" in str(b.key)).click().run()
    assert not at.error
    at.button(key="import.confirm").click().run()
    assert layers.count(store(fresh), "sectors") == total
