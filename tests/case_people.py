"""People of a district and a problem point to report, for tests of cases."""

from __future__ import annotations

import uuid

import shapely

from siting.access import Actor
from siting.actions import cases
from siting.ledger.model import Command
from siting.store import layers

ORGS = {
    "planner": "南开区商务局",
    "coordinator": "南开区商务局",
    "operator": "中国移动通信集团天津有限公司",
    "tower": "中国铁塔股份有限公司天津市分公司",
    "agency": "南开区城市管理委员会",
    "street": "长虹街道办事处",
    "leader": "南开区人民政府",
    "supervisor": "南开区政府督查室",
    "data_admin": "南开区商务局",
    "auditor": "南开区审计局",
    "system_admin": "南开区数据局",
    "security_admin": "南开区网信办",
}
RIVAL = "中国电信股份有限公司天津分公司"
OWNER = "某权属单位"
REPORT = {
    "kind": "new_blocked",
    "title": "路口灯杆新建受阻",
    "reason_code": "owner.refuses",
    "source": "operator",
    "requested_action": "请协调权属单位同意挂载",
    "needs": [{"need_no": "00012345678901234567", "operator": "cmcc"}],
}


def person(role, *, org=None, operator="", streets=()):
    """Somebody in a role; an operator is China Mobile unless said otherwise."""
    code = operator or ("cmcc" if role == "operator" and org is None else "")
    return Actor(
        id=f"id-{role}-{code}", name=role, org=org or ORGS[role], role=role, operator=code, streets=tuple(streets)
    )


def rival():
    return person("operator", org=RIVAL, operator="ctc")


def spot(db):
    """A place inside a sub-district and that sub-district's name."""
    district = layers.read(db, "districts")
    street = district[district["level"] == "street_office"].iloc[0]
    inside = shapely.point_on_surface(
        street.geometry.intersection(district[district["level"] == "district"].geometry.iloc[0])
    )
    return inside, street["name"]


def report(db, actor, now, *, draft=False, command_id="", **changes):
    inside, _ = spot(db)
    given = {
        **REPORT,
        "easting_m": f"{inside.x:.2f}",
        "northing_m": f"{inside.y:.2f}",
        "owner_of_asset": OWNER,
        **changes,
    }
    return cases.report(db, actor, given, draft=draft, command_id=command_id, now=now)


def asked(case, move, *, revision=None, command_id="", **data):
    return Command(
        id=command_id or uuid.uuid4().hex,
        move=move,
        case_id=case.id,
        revision=case.revision if revision is None else revision,
        data=data,
    )


def moved(db, actor, case, move, now, **data):
    return cases.do(db, actor, asked(case, move, **data), now=now)


def dispatched(db, case, now, *, lead=None):
    """A submitted case verified and dispatched by the coordinator."""
    boss = person("coordinator")
    verified = moved(
        db,
        boss,
        case,
        "verify",
        now,
        difficulty="normal",
        street_office=case.record["street_office"],
        reason_code="owner.refuses",
    )
    return moved(
        db,
        boss,
        verified,
        "dispatch",
        now,
        lead_unit=lead or ORGS["agency"],
        responsible_person="张三",
        phone="13812341234",
        limit=20,
    )
