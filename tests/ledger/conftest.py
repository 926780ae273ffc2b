"""A small world of people and cases, moved by the rules alone."""

from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import pytest

from siting import access
from siting.access import Actor
from siting.ledger import rules
from siting.ledger.model import Command

NOW = datetime(2026, 11, 3, 10, tzinfo=timezone(timedelta(hours=8)))
PHOTO, FILE = "a" * 64, "b" * 64
REPORT = {
    "title": "市府大楼楼顶受阻", "kind": "new_blocked", "place": "512345.20,4332100.00", "street_office": "长虹街道",
    "source": "operator", "reason_code": "owner.refuses", "requested_action": "请协调业主", "owner_of_asset": "市公安局",
    "needs": [{"operator": "cmcc", "need_no": "00012345678901234567", "urgency": 1}], "pp_no": "NK-2026-0001",
}  # fmt: skip


def person(name, role, org, **more):
    return Actor(id=name, name=name, org=org, role=role, source="page", **more)


ACTORS = {
    "planner": person("planner", "planner", "南开区商务局"),
    "co": person("co", "coordinator", "南开区商务局"),
    "op": person("op", "operator", "移动公司", operator="cmcc"),
    "op2": person("op2", "operator", "电信公司", operator="ctc"),
    "op3": person("op3", "operator", "联通公司", operator="cucc"),
    "tower": person("tower", "tower", "铁塔公司"),
    "lead": person("lead", "agency", "城市管理委员会"),
    "assist": person("assist", "agency", "园林局"),
    "owner": person("owner", "agency", "市公安局"),
    "agency": person("agency", "agency", "住建委"),
    "street": person("street", "street", "长虹街道办事处", streets=("长虹街道",)),
    "street2": person("street2", "street", "鼓楼街道办事处", streets=("鼓楼街道",)),
    "le": person("le", "leader", "区政府"),
    "su": person("su", "supervisor", "区督查室"),
    "auditor": person("auditor", "auditor", "审计局"),
    "da": person("da", "data_admin", "数据中心"),
    "sy": person("sy", "system_admin", "信息中心"),
    "local": access.local_admin(source="cli"),
    "system": access.system(),
}
COMMISSION = {"commissioned_on": "2026-11-03", "photo": PHOTO, "gps": "117.16,39.12", "record_no": "YS-1"}
# Move -> who rightly does it, with the least it asks for.
LEAST = {
    "save_draft": ("op", REPORT),
    "submit": ("op", {}),
    "send_back": ("co", {"missing": ["照片"]}),
    "resubmit": ("op", {"answers": ["已补"]}),
    "verify": ("co", {"difficulty": "normal", "street_office": "长虹街道", "reason_code": "owner.price"}),
    "dispatch": (
        "co",
        {"lead_unit": "城市管理委员会", "responsible_person": "王", "limit": 20, "assist_units": ["园林局"]},
    ),
    "reassign": ("co", {"lead_unit": "城市管理委员会", "cause": "职责"}),
    "accept": ("lead", {"responsible_person": "王", "phone": "13812341234"}),
    "contest": ("lead", {"reason": "不属我委", "proposed_unit": "园林局"}),
    "rule_contest": ("co", {"ruling": "confirmed"}),
    "report_progress": ("lead", {"text": "已约谈"}),
    "record_visit": ("lead", {"on": "2026-11-01", "who": "王", "contact": "物业", "result": "undecided"}),
    "ask_reporter": ("lead", {"question": "高度？", "answer_by": "2026-11-10"}),
    "answer": ("op", {"text": "25米"}),
    "start_external": ("lead", {"body": "电力公司", "matter": "报装", "clock": "power_plan_lv"}),
    "end_external": ("lead", {"on": "2026-11-02", "result": "已批", "doc_no": "D1"}),
    "set_permit_mode": ("co", {"permit_mode": "normal", "permit_no": "P1"}),
    "supply_missing": ("op", {"item": "承诺书", "file": FILE}),
    "request_extension": ("lead", {"clock": "agree", "reason": "节假日", "new_due": "2026-12-01"}),
    "decide_extension": ("le", {"granted": True, "remark": "同意"}),
    "suspend": ("le", {"reason": "保障", "review_on": "2026-12-01"}),
    "resume": ("co", {"cause": "结束"}),
    "transfer_up": ("co", {"body": "市通信管理局", "doc_no": "H1"}),
    "return_from_city": ("co", {"doc_no": "H2", "result": "已协调"}),
    "choose_alternative": ("op", {"other": "site-2"}),
    "drop_alternative": ("op", {"reason": "荷载不足"}),
    "agree": ("lead", {"agreed_on": "2026-11-03", "doc_no": "XY-1"}),
    "void_agreement": ("co", {"cause": "业主反悔", "doc_no": "F1"}),
    "start_build": ("op", {"started_on": "2026-11-03", "project_code": "XM1"}),
    "cancel_build": ("op", {"reason": "设计变更"}),
    "commission": ("op", COMMISSION),
    "resolve": ("op", {"doc_no": "BJ-1"}),
    "confirm_close": ("op", {"need_no": "00012345678901234567", "satisfaction": 5}),
    "reject_close": ("op", {"reason": "未达标", "photo": PHOTO}),
    "auto_close": ("system", {}),
    "reopen": ("op", {"reason": "被拆", "evidence": "照片"}),
    "withdraw": ("op", {"reason": "不再需要"}),
    "merge": ("co", {"into": "NK-2026-0002"}),
    "unmerge": ("co", {"reason": "误并"}),
    "add_need": ("co", {"operator": "ctc", "need_no": "D-1", "urgency": 2}),
    "link": ("op", {"other": "NK-2026-0003", "relation": "blocks"}),
    "attach": ("op", {"sha256": "c" * 64, "kind": "document", "taken_on": "2026-11-01"}),
    "escalate": ("co", {"level": "L1", "basis": "逾期"}),
    "supervise": ("su", {"doc_no": "DB1", "requirement": "限期", "limit": 5}),
    "close_supervision": ("su", {"result": "已办"}),
    "correct": ("op", {"fact": 1, "void": False, "data": {"title": "新标题"}, "reason": "笔误"}),
}
_EVIDENCE = [
    ("attach", {"sha256": PHOTO, "kind": "photo", "taken_on": "2026-11-01"}),
    ("attach", {"sha256": FILE, "kind": "document", "taken_on": "2026-11-01"}),
]
_SUBMITTED = ["save_draft", "submit", *_EVIDENCE]
_COORDINATING = [*_SUBMITTED, "verify", "dispatch", "accept"]
_BUILT = [*_COORDINATING, "agree", "start_build", "commission"]
PATHS = {
    "new": [],
    "draft": ["save_draft"],
    "submitted": _SUBMITTED,
    "returned": [*_SUBMITTED, "send_back"],
    "verified": [*_SUBMITTED, "verify"],
    "dispatched": [*_SUBMITTED, "verify", "dispatch"],
    "coordinating": _COORDINATING,
    "contested": [*_COORDINATING[:-1], "contest"],
    "waiting_reporter": [*_COORDINATING, "ask_reporter"],
    "waiting_external": [*_COORDINATING, "start_external"],
    "alternative_site": [*_COORDINATING, "choose_alternative"],
    "agreed": [*_COORDINATING, "agree"],
    "building": [*_COORDINATING, "agree", "start_build"],
    "resolved": [*_COORDINATING, "agree", "resolve"],
    "commissioned": _BUILT,
    "transferred_up": [*_COORDINATING, "transfer_up"],
    "suspended": [*_COORDINATING, "suspend"],
    "closed_auto": [*_BUILT, "auto_close"],
    "confirmed_closed": [*_BUILT, "confirm_close"],
    "withdrawn": [*_SUBMITTED, "withdraw"],
    "merged": [*_SUBMITTED, "merge"],
}


def decide(case, move, actor=None, *, now=NOW, instance=None, **data):
    """A move by a name of `ACTORS` (by whoever rightly does it) with the data given; the least data where none are."""
    who, least = LEAST.get(move, ("op", {}))
    command = Command(
        id=f"c{0 if case is None else case.revision}", move=move, case_id="", instance=instance, data=data or least
    )
    return rules.decide(case, command, ACTORS[actor or who], now=now)


def moved(case, move, actor=None, **data):
    """The case after a move that must be allowed."""
    decision = decide(case, move, actor, **data)
    assert decision.allowed, (move, decision.reasons)
    return decision.case


def made(state, *, kind="new_blocked"):
    """A case in a state, come there by moves."""
    case = None
    for step in PATHS[state]:
        move, data = step if isinstance(step, tuple) else (step, LEAST[step][1])
        case = moved(case, move, **({**data, "kind": kind} if move == "save_draft" else data))
    return case


@pytest.fixture(scope="session")
def world():
    """`ACTORS`, `LEAST`, `decide`, `moved`, `made` and the clock."""
    return SimpleNamespace(
        actors=ACTORS,
        least=LEAST,
        decide=decide,
        moved=moved,
        made=made,
        paths=PATHS,
        now=NOW,
        report=REPORT,
        photo=PHOTO,
        file=FILE,
    )
