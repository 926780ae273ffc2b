"""A writer of the ledger that dies inside its transactions; run as a program by `test_ledger_faults`.

A server imports once and forks one writer after the other.  A writer acknowledges every command that it was answered; at
a random statement of a random transaction it says so and stops, and the server kills it there.  The next writer sends
the unanswered command again first.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import event

from siting import settings
from siting.access import Actor
from siting.actions import cases, unblocking
from siting.ledger.model import Command
from siting.store.database import Database, open_database

# Loaded on the first move otherwise, in every writer anew.
LOADED = unblocking
#: Statements of one move's transaction that change something; beyond them lie the commit and the time after it.
STATEMENTS = ("UPDATE problem", "INSERT INTO case_event", "DELETE FROM case_party", "INSERT INTO case_party")
POINTS = (*STATEMENTS, "commit", "committed")


def main(folder: Path, case_id: str, kills: int, actor: Actor, now: datetime) -> None:
    rng = random.Random(7)
    db = open_database(settings.load(folder))
    unanswered = None
    for number in range(kills):
        point = POINTS[number % len(POINTS)]
        writer = Writer(db, actor, now, case_id, point=point, after=rng.randrange(3), number=number)
        told = _one(writer, unanswered)
        sent, acked = [m["sent"] for m in told if "sent" in m], [m["acked"] for m in told if "acked" in m]
        unanswered = next((one for one in sent if one["id"] not in acked), None)
        outcome = {"point": point, "inside": {"inside": point} in told, "acked": acked, "unanswered": unanswered}
        sys.stdout.write(json.dumps(outcome) + "\n")
        sys.stdout.flush()


@dataclass(frozen=True)
class Writer:
    """One process that moves a case until it stops at its point, after so many answered commands."""

    db: Database
    actor: Actor
    now: datetime
    case_id: str
    point: str
    after: int
    number: int

    def run(self, pipe, unanswered):
        done = [0]

        def tell(**said):
            os.write(pipe, (json.dumps(said) + "\n").encode())

        def reached(point):
            if done[0] >= self.after and point == self.point:
                tell(inside=point)
                signal.pause()

        @event.listens_for(self.db.engine, "after_cursor_execute")
        def _executed(_connection, _cursor, statement, *_rest):
            reached(next((point for point in STATEMENTS if statement.startswith(point)), ""))

        @event.listens_for(self.db.engine, "commit")
        def _commits(connection):
            if connection.get_execution_options().get("siting_write"):
                reached("commit")

        for turn in range(10):
            sent = unanswered if turn == 0 and unanswered else self.next(turn)
            tell(sent=sent)
            cases.do(self.db, self.actor, Command(move="save_draft", case_id=self.case_id, **sent), now=self.now)
            reached("committed")
            tell(acked=sent["id"])
            done[0] += 1

    def next(self, turn):
        revision = cases.get(self.db, self.actor, self.case_id).revision
        return {"id": f"{self.number}-{turn}", "revision": revision, "data": {"title": f"第{self.number}次第{turn}步"}}


def _one(writer, unanswered):
    """Fork a writer, kill it where it stops, return what it told."""
    writer.db.engine.dispose()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        writer.run(writing, unanswered)
        os._exit(1)
    os.close(writing)
    told = []
    with os.fdopen(reading) as lines:
        for line in lines:
            told.append(json.loads(line))
            if "inside" in told[-1]:
                os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return told


if __name__ == "__main__":
    where, which, many, who, when = sys.argv[1:]
    main(Path(where), which, int(many), Actor(**json.loads(who)), datetime.fromisoformat(when))
