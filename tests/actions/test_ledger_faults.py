import json
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import pytest
from sqlalchemy import text

from siting import settings
from siting.access import local_admin
from siting.actions import cases, journal
from siting.ledger.model import Command
from siting.store import cases as store
from siting.store.database import open_database
from tests.actions.ledger_child import POINTS
from tests.case_people import person, report

ROOT = Path(__file__).parents[2]
KILLS = 100


@pytest.fixture(scope="module")
def killed(small_project, tmp_path_factory, now):
    """A district with a draft whose writers were killed inside their transactions, the draft, and what they had told."""
    folder = shutil.copytree(small_project, tmp_path_factory.mktemp("killed") / "district")
    db, op = open_database(settings.load(folder)), person("operator")
    draft = report(db, op, now, draft=True)
    given = [folder, draft.id, str(KILLS), json.dumps(asdict(op)), now.isoformat()]
    program = [sys.executable, "-m", "tests.actions.ledger_child", *given]
    told = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert told.returncode == 0, told.stderr
    yield db, draft, [json.loads(line) for line in told.stdout.splitlines()]
    db.engine.dispose()


def test_writers_killed_inside_a_transaction_lose_nothing_acknowledged(now, killed):
    district, draft, told = killed
    assert len(told) == KILLS
    assert all(one["inside"] for one in told)
    assert set(Counter(one["point"] for one in told)) == set(POINTS)
    with district.read() as connection:
        events = store.events(connection, draft.id)
    written = Counter(event.command_id for event in events)
    assert set(written.values()) == {1}
    assert [event.revision for event in events] == list(range(1, len(events) + 1))
    acked = [name for one in told for name in one["acked"]]
    assert len(acked) > KILLS / 2
    assert set(acked) <= set(written)
    # Whatever was not answered was sent again by the next writer, so that only the last one may be missing.
    last = told[-1]["unanswered"]["id"]
    assert set(written) - set(acked) <= {events[0].command_id, last}
    assert journal.report(district, local_admin(source="cli")).whole


def test_the_command_that_was_never_answered_can_be_sent_again(now, killed):
    district, draft, told = killed
    last = told[-1]["unanswered"]
    op = person("operator")
    command = Command(move="save_draft", case_id=draft.id, **last)
    first = cases.do(district, op, command, now=now)
    assert cases.do(district, op, command, now=now) == first
    with district.read() as connection:
        ids = [event.command_id for event in store.events(connection, draft.id)]
        held = connection.execute(text("SELECT revision FROM problem")).scalar_one()
    assert ids.count(last["id"]) == 1
    assert held == len(ids) == first.revision
    assert journal.report(district, local_admin(source="cli")).whole
