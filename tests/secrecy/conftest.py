"""Two districts that differ by nothing but what one operator keeps to itself."""

import shutil
from pathlib import Path

import pytest

from siting import settings
from siting.access import local_admin
from siting.actions import candidates, coverage, people, plans, worker
from siting.store.database import open_database
from tests import secret_planning, secret_radio
from tests.case_people import dispatched, moved
from tests.secret_district import (
    ACCOUNTS,
    AGENCY,
    CMCC,
    PASSWORD,
    Mine,
    Pair,
    lights,
    occupied,
    proposed,
    reported,
    secrets_of,
)


@pytest.fixture(scope="session")
def common(small_project, tmp_path_factory, now):
    """The district with people and all that the asking operator has: runs, a proposal, a point agreed on, one shared."""
    folder = Path(shutil.copytree(small_project, tmp_path_factory.mktemp("common") / "district"))
    db = open_database(settings.load(folder))
    for name, (role, org) in ACCOUNTS.items():
        people.add_account(db, local_admin(source="cli"), name=name, roles=[role], org=org, password=PASSWORD, now=now)
    clock = lambda: now  # noqa: E731
    base = worker.run_now(db, CMCC, "coverage", coverage.params(db, {"networks": ["cm-n41", "cm-n79"], "cell_m": 20}), clock=clock)
    score = worker.run_now(db, CMCC, "score", candidates.params(base.id, admit_unknown=False), clock=clock)
    rows = lights(db)
    own = proposed(db, CMCC, rows.iloc[0], now, name="自有杆位", operators=["cmcc"], technology="nr2600")
    case = dispatched(db, reported(db, CMCC, rows.iloc[0], now, proposal_ref=own), now)
    moved(db, AGENCY, moved(db, AGENCY, case, "accept", now, responsible_person="李四", phone="13900000000"), "agree", now,
        agreed_on="2026-11-02", doc_no="文1")  # fmt: skip
    plan = worker.run_now(db, CMCC, "plan", plans.params(db.settings, {"coverage": base.id, "count": 3}), clock=clock)
    more = secret_planning.own(db, CMCC, base.id, score, plan, now)
    db.engine.dispose()
    return folder, Mine(base.id, score.id, plan.id, *more, own, case.id)


@pytest.fixture(scope="session")
def made_pair(common, tmp_path_factory, now):
    """Folders of both districts; in both a pole is held by a competitor, but not by the same one."""
    folder, mine = common
    places = {name: Path(shutil.copytree(folder, tmp_path_factory.mktemp(name) / "district")) for name in ("full", "plain")}
    full, plain = (open_database(settings.load(place)) for place in places.values())
    occupied(full, lights(full).iloc[6], now, "ctc", "机密杆位站")
    occupied(plain, lights(plain).iloc[6], now, "cucc", "另一站")
    for db, name in ((full, "机密扇区"), (plain, "另一扇区")):
        secret_radio.on_air(db, now, name)
        secret_radio.of_the_district(db, mine.coverage, name, now)
        secret_planning.standing(db, CMCC, mine, now)
    secret = secrets_of(full, mine, now)
    full.engine.dispose()
    plain.engine.dispose()
    return places, secret, mine


@pytest.fixture(scope="session")
def pair(made_pair, now):
    """Both districts, open; for looking only."""
    places, secret, mine = made_pair
    full, plain = (open_database(settings.load(place)) for place in places.values())
    yield Pair(full, plain, secret, mine, now)
    full.engine.dispose()
    plain.engine.dispose()


@pytest.fixture
def fresh_pair(made_pair, tmp_path, now):
    """Copies of both districts in which one may do things."""
    places, secret, mine = made_pair
    copies = [Path(shutil.copytree(place, tmp_path / name)) for name, place in places.items()]
    full, plain = (open_database(settings.load(copy)) for copy in copies)
    yield Pair(full, plain, secret, mine, now)
    full.engine.dispose()
    plain.engine.dispose()


