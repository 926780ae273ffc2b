"""The rules of a plan on the page: they stand in the address, and are asked of the plan."""

from itertools import pairwise

from siting import settings
from siting.access import local_admin
from siting.actions import runs
from siting.store.database import open_database

PERSON = local_admin(source="page")


def test_rules_in_the_address_are_asked_of_the_plan_and_can_be_dropped(open_app, done):
    at = open_app(done, "planning", spacing="150", quota=["operator:ctc>=1", "nonsense"], mode="binary", seed="7")
    assert "运营商“电信”不少于 1 个" in said(at)
    at.selectbox(key="planrules.by").select("zone").run()
    at.selectbox(key="planrules.value.zone").select("gap").run()
    at.button(key="planrules.add").click().run()
    assert not at.exception
    assert at.query_params["quota"] == ["operator:ctc>=1", "nonsense", "zone:gap<=3"]
    at.button(key="planrules.drop.0").click().run()
    at.button(key="run.plan.start").click().run()
    db = open_database(settings.load(done))
    asked = runs.latest(db, PERSON, "plan").params
    assert asked["rules"]["quotas"] == [{"by": "zone", "value": "gap", "at_most": 3.0}]
    assert (asked["rules"]["min_spacing_m"], asked["mode"], asked["seed"]) == (150.0, "binary", 7)


def test_a_quota_of_a_name_that_nobody_knows_is_refused_when_the_plan_is_asked_for(open_app, done):
    at = open_app(done, "planning", quota=["owner_org:*无此*单位<=3"])
    before = runs.latest(db := open_database(settings.load(done)), PERSON, "plan")
    at.button(key="run.plan.start").click().run()
    assert not at.exception
    assert "无此" in at.error[0].value
    assert "权属单位" in at.error[0].value
    assert runs.latest(db, PERSON, "plan").id == before.id
    db.engine.dispose()


def test_venues_are_offered_by_class_and_then_by_name(open_app, done):
    offered = open_app(done, "planning").multiselect(key="must").options
    assert all(" · " in one for one in offered)
    classes = [one.partition(" · ")[0] for one in offered]
    assert len(set(classes)) == 1 + sum(a != b for a, b in pairwise(classes))
    assert all(a <= b for a, b in pairwise(offered) if a.partition(" · ")[0] == b.partition(" · ")[0])


def said(at):
    return "\n".join(str(m.value) for m in at.markdown).replace("\\", "")
