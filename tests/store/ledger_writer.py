"""Writers on one case, each killed inside a transaction; run as a program by `test_postgresql`."""

import json
import os
import signal
import sys
from datetime import datetime
from pathlib import Path

from sqlalchemy import event

from siting import settings
from siting.access import Actor
from siting.actions import cases
from siting.ledger.model import Command
from siting.store.database import open_database

STOPS = ("UPDATE problem", "INSERT INTO case_event", "DELETE FROM case_party", "INSERT INTO case_party", "commit")


def say(word):
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


def main(folder, case_id, actor, now):
    db = open_database(settings.load(folder))
    for stop in STOPS:
        db.engine.dispose()
        pid = os.fork()
        if pid == 0:
            write(db, case_id, stop, actor, now)
            os._exit(0)
        os.waitpid(pid, 0)


def write(db, case_id, stop, actor, now):
    """Carry out one command, and another up to a statement."""

    def change(name):
        revision = cases.get(db, actor, case_id).revision
        command = Command(id=name, move="save_draft", case_id=case_id, revision=revision, data={"title": name})
        cases.do(db, actor, command, now=now)

    def reached(point):
        if point.startswith(stop):
            say("inside")
            os.kill(os.getpid(), signal.SIGKILL)

    change(f"done-{stop}")
    say("done")

    @event.listens_for(db.engine, "after_cursor_execute")
    def _executed(_connection, _cursor, statement, *_rest):
        reached(statement)

    @event.listens_for(db.engine, "commit")
    def _commits(connection):
        if connection.get_execution_options().get("siting_write"):
            reached("commit")

    change(f"lost-{stop}")


if __name__ == "__main__":
    where, which, who, when = sys.argv[1:]
    main(Path(where), which, Actor(**json.loads(who)), datetime.fromisoformat(when))
