"""What one operator keeps to itself, who asks about it, and answers as text that can be searched."""

import dataclasses
import datetime as dt
import io
import json
import re
import shutil
import zipfile
from collections.abc import Callable, Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
from PIL import Image

from siting.access import Actor
from siting.actions import assets, cases, proposals
from siting.errors import SitingError
from siting.maps.layers import to_lonlat
from siting.store import layers, runs
from tests import secret_planning, secret_radio
from tests.case_people import dispatched, moved, person, rival

CMCC, CTC = person("operator"), rival()
CUCC = person("operator", org="中国联合网络通信有限公司天津市分公司", operator="cucc")
AGENCY, BOSS = person("agency"), person("coordinator")
STRANGERS = {
    "a competing operator": CMCC,
    "the tower company": person("tower"),
    "an owner who was not asked": person("agency", org="南开区园林局"),
    "another street office": person("street", org="别处街道办事处", streets=("别处街道",)),
}
PASSWORD = "for-tests-only-7"  # noqa: S105 - made up
ACCOUNTS = {
    "cmcc": ("operator", CMCC.org), "ctc": ("operator", CTC.org), "tower": ("tower", person("tower").org),
    "garden": ("agency", "南开区园林局"), "planner": ("planner", "南开区商务局"), "coordinator": ("coordinator", "南开区商务局"),
    "leader": ("leader", "南开区人民政府"), "agency": ("agency", AGENCY.org),
}  # fmt: skip
# Words that only the secret things carry.
WORDS = ("机密杆位", "XQ-SECRET-771", "机密诉求", "机密走访", "机密备注", "机密文件", "7712377", "NEED-SECRET-9",
    "机密终端", "机密路测", "机密来源", "机密情景")  # fmt: skip



@dataclasses.dataclass(frozen=True)
class Secret:
    """What the competitor keeps to itself: its marks, and the ids by which somebody may guess it."""

    proposal: str
    proposal_no: str
    withdrawn: str
    case_id: str
    pp_no: str
    draft_id: str
    draft_no: str
    sha256: str
    run: dict[str, str]
    import_id: str
    set_id: str
    sheet: str
    scenario: str
    host: str
    lon_deg: float
    lat_deg: float

    @property
    def marks(self):
        """Everything by which an answer would give it away."""
        return (*WORDS, self.proposal, self.proposal_no, self.withdrawn, self.case_id, self.pp_no, self.draft_id, self.draft_no,
            self.sha256, *self.run.values(), self.import_id, self.set_id, self.sheet, self.scenario)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Mine:
    """What the asking operator has itself, alike in both districts."""

    coverage: str
    score: str
    plan: str
    second: str
    alternatives: str
    stability: str
    scenario: str
    proposal: str
    case_id: str


def photo():
    found = io.BytesIO()
    Image.new("RGB", (8, 8), "white").save(found, "JPEG")
    return found.getvalue()


def lights(db):
    """Street lights of one owner, scored for the asking operator, by key."""
    frame = layers.read(db, "assets")
    free = frame["open_status"].isin(["open_free", "open_paid", "conditional"])
    return frame[(frame["owner_org"] == AGENCY.org) & (frame["class"] == "street_light") & free].reset_index(drop=True)


def proposed(db, actor, row, now, **given):
    point = to_lonlat(gpd.GeoDataFrame(geometry=[row.geometry], crs=db.settings.crs)).geometry.iloc[0]
    usual = {"operators": [actor.operator], "technology": "nr3500", "purpose": "weak_area", "configuration": "micro_omni"}
    return proposals.add(db, actor, lon_deg=point.x, lat_deg=point.y, now=now, **{**usual, **given})


def reported(db, actor, row, now, *, draft=False, **changes):
    given = {
        "kind": "new_blocked", "title": "灯杆受阻", "reason_code": "owner.refuses", "source": "operator",
        "requested_action": "请协调", "needs": [{"need_no": "NEED-OWN-1", "operator": actor.operator}],
        "site_ref": row["asset_id"], **changes,
    }  # fmt: skip
    return cases.report(db, actor, given, draft=draft, now=now)


def occupied(db, row, now, code, name):
    """A station of one operator on a pole: every slot is taken."""
    frame = gpd.GeoDataFrame(
        [{"site_id": "5a5a5a5a-0000-4000-8000-000000000001", "site_no": name, "name": name, "host_asset_id": row["asset_id"],
          "host_class": row["class"], "tenants": [code], "commissioned_on": now.date(), "source": "测试", "as_of": now.date()}],
        geometry=[row.geometry], crs=db.settings.crs)  # fmt: skip
    with db.write() as connection:
        layers.upsert(connection, "sites", frame, provenance={"source_name": "test"}, now=now)


def copied_run(db, actor, run_id, name, renamed):
    """A run of somebody else's with the files of a known one; runs that it rests on are renamed like it."""
    was = runs.get(db, run_id)
    params, result = (json.loads(_renamed(json.dumps(dict(part)), renamed)) for part in (was.params, was.result))
    made = runs.add(db, run_id=name, kind=was.kind, params=params, actor=actor, audience="org", operators=actor.operator,
        now=pd.Timestamp(was.created_at).to_pydatetime(), status="running")  # fmt: skip
    runs.finish(db, made.id, status="done", result=result, now=pd.Timestamp(was.created_at).to_pydatetime())
    shutil.copytree(db.settings.runs_folder / run_id, db.settings.runs_folder / name)
    return name


def _renamed(text, names):
    for old, new in names.items():
        text = text.replace(old, new)
    return text


def secrets_of(db, mine, now):
    """What the competitor does; nobody else may notice."""
    rows = lights(db)
    given = {"need_no": "XQ-SECRET-771", "cost_yuan": 7712377.0, "height_m": 23.47}
    proposal = proposed(db, CTC, rows.iloc[1], now, name="机密杆位甲", **given)
    # Later, on the same pole as the asking operator's own agreed point.
    proposed(db, CTC, rows.iloc[0], now.replace(hour=20), name="机密杆位丙", **given)
    gone = proposed(db, CTC, rows.iloc[2], now, name="机密杆位乙", **given)
    proposals.release(db, CTC, [gone], now=now)
    proposals.withdraw(db, CTC, gone, reason="机密备注", now=now)
    need = [{"need_no": "NEED-SECRET-9", "operator": "ctc"}]
    case = dispatched(db, reported(db, CTC, rows.iloc[3], now, title="机密诉求甲", needs=need, requested_action="机密诉求"), now)
    case = moved(db, AGENCY, case, "accept", now, responsible_person="李四", phone="13900000000")
    case = moved(db, AGENCY, case, "record_visit", now, on="2026-11-02", who="机密走访", contact="某人", result="agreed")
    case, sha256 = cases.attach(db, CTC, case.id, photo(), name="机密文件.jpg", now=now)
    draft = reported(db, CTC, rows.iloc[4], now, draft=True, title="机密诉求草稿", needs=need)
    point = to_lonlat(rows.iloc[[5]]).geometry.iloc[0]
    text = f"名称,经度,纬度,使用企业,制式,挂高,目的\n机密杆位丁,{point.x:.7f},{point.y:.7f},电信,nr3500,23.47,weak_area\n"
    brought = assets.dry_run(db, CTC, text.encode(), name="机密文件.csv", layer="candidates", datum="wgs84", now=now)
    assert brought.new == 1, brought.findings
    assets.commit(db, CTC, brought.id, now=now)
    made = {kind: f"{kind}-20261102-093000-5ec2e7" for kind in ("coverage", "score", "plan", "alternatives", "stability")}
    renamed = {getattr(mine, kind): name for kind, name in made.items()}
    for old, new in renamed.items():
        copied_run(db, CTC, old, new, renamed)
    row = proposals.get(db, CTC, proposal)
    scenario = secret_planning.secrets_of(db, CTC, mine, now)
    set_id, more, sheet = secret_radio.secrets_of(db, CTC, proposal, now)
    place = to_lonlat(rows.iloc[[1]]).geometry.iloc[0]
    return Secret(proposal, row["proposal_no"], gone, case.id, case.record["pp_no"], draft.id, draft.record["pp_no"], sha256,
        {**made, **more}, brought.id, set_id, sheet, scenario, str(rows.iloc[1]["asset_id"]), place.x, place.y)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Asked:
    """One question: to which district, by whom, about what."""

    db: object
    actor: Actor
    secret: Secret
    mine: Mine
    now: dt.datetime


@dataclasses.dataclass(frozen=True)
class Pair:
    """The district with the secret and the one without."""

    full: object
    plain: object
    secret: Secret
    mine: Mine
    now: dt.datetime

    def answers(self, probe: Callable, actor):
        """What a probe finds out in both districts, as text."""
        return tuple(told(probe, Asked(db, actor, self.secret, self.mine, self.now)) for db in (self.full, self.plain))


def told(probe, asked):
    """The whole of an answer as text: what came back, or the error with its sentence."""
    try:
        return serialised(probe(asked))
    except SitingError as error:
        return f"{type(error).__name__}: {error.key}: {error.message()} {sorted(map(str, error.values.items()))}"


def serialised(thing):
    """Anything that an action, a page or a file gives, as text that can be searched."""
    if dataclasses.is_dataclass(thing):
        thing = {f.name: getattr(thing, f.name) for f in dataclasses.fields(thing)}
    if isinstance(thing, Mapping):
        return "\n".join(f"{key}={serialised(value)}" for key, value in thing.items())
    if isinstance(thing, list | tuple):
        return "\n".join(map(serialised, thing))
    return next((say(thing) for kind, say in SAID if isinstance(thing, kind)), str(thing))


def _frame_text(frame):
    plain = pd.DataFrame(frame)
    if isinstance(frame, gpd.GeoDataFrame):
        plain = plain.assign(geometry=frame.geometry.to_wkt().astype(object))
    return plain.to_csv()


def _file_text(data):
    if data[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(data)) as parts:
            text = "\n".join(parts.read(name).decode(errors="replace") for name in sorted(parts.namelist()))
        return re.sub(r"[\d-]+T[\d:]+Z(?=</dcterms:)", "", text)  # when the file was written
    text = data.decode("utf-8", errors="replace")
    return re.sub(r"_[0-9a-f]{32}", "", text)  # folium numbers its elements at random


def given_away(text, secret):
    """Marks of the secret that stand in a text."""
    return [mark for mark in secret.marks if mark in text]


SAID = (
    (bytes, _file_text),
    (pd.DataFrame, _frame_text),
    (pd.Series, lambda row: row.to_csv()),
    (np.ndarray, lambda values: repr(values.tolist())),
)
