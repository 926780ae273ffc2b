"""Every action, every role: who lacks the permission is refused, who holds it is not, and an ended sign-in does nothing."""

import ast
import dataclasses
import importlib
import inspect
import pkgutil
import shutil
from pathlib import Path

import pytest

from siting import access, actions, settings
from siting.access import Actor, local_admin
from siting.actions import people
from siting.errors import NotAllowed, NotFound, SitingError
from siting.ledger.model import Command
from siting.radio.scene import Antenna, Receiver
from siting.store.database import open_database
from siting.store.runs import Run
from tests.case_people import person

ROOT = Path(__file__).parents[2]
ROLES = tuple(access.ROLES)
READ, SEE, RUN, WRITE, RADIO = "report.read", "asset.read", "plan.run", "proposal.write", "radio.edit"
# Action -> permissions one of which is asked for.
ASKED = {
    "assets.dry_run": ("data.import",), "assets.commit": (), "attachments.attach": (READ,), "attachments.attachment": (READ,),
    "attachments.hide": (READ,), "audit.events": ("journal.read",), "candidates.execute": (RUN,), "candidates.standing": (READ,),
    "candidate_base.base_of": (READ,), "candidates.candidates": (READ,), "candidates.write": ("export.internal",),
    "case_reading.stored": (READ,), "case_reading.get": (READ,), "case_reading.list_cases": (READ,), "case_reading.history": (READ,),
    "case_reading.allowed": (READ,), "case_reading.effects": (READ,), "cases.report": ("case.report",), "coverage.execute": (RUN,),
    "coverage.standing": (READ,), "coverage.raster": (READ,), "coverage.figures": (READ,), "coverage.card": (READ,), "coverage.floors": (READ,), "coverage.venues": (READ,), "coverage.blocks": (READ,), "coverage.judge": (READ,), "coverage.sectors": (READ,), "coverage.colours": (READ,),
    "coverage.write_geotiff": ("export.internal",), "effects.current": (READ,), "effects.version": (READ,),
    "emf.check": (SEE,), "emf.version": (SEE,), "emf.issue": ("export.internal",), "emf.issued": (SEE,), "emf.sheet": (SEE,),
    "journal.report": ("journal.verify",), "journal.anchor": ("journal.verify",), "layers.read": (SEE,), "layers.counts": (SEE,), "layers.counts_by": (SEE,),
    "layers.revision": (SEE,), "layers.boundary": (SEE,), "layers.recent_imports": (SEE,), "layers.pick": (SEE,),
    "people.add_account": ("user.edit",), "people.set_roles": ("user.edit", "role.grant"), "people.set_disabled": ("user.edit",),
    "people.reset_password": ("user.edit",), "people.end_sessions": ("user.edit",), "people.accounts": ("user.edit", "role.grant"),
    "people.organisations": ("user.edit", "role.grant"), "people.parties": (READ,), "plans.candidates": (READ,), "curves.curve": (READ,), "picking.bench": (READ,),
    "alternatives.params": (READ,), "alternatives.request": (RUN,), "alternatives.adoption": (READ,), "alternatives.adopt": (RUN,),
    "alternatives.execute": (RUN,), "alternatives.standing": (READ,), "alternatives.found": (READ,), "plans.finish": (RUN,),
    "plans.execute_score": (RUN,), "plans.execute_plan": (RUN,), "plans.plan": (READ,), "plans.export": ("export.internal",),
    "plans.write": ("export.internal",), "proposals.listing": (SEE,), "proposals.get": (SEE,), "proposals.request_owner": (WRITE,),
    "proposals.answer": ("proposal.answer",), "proposals.release": ("proposal.release",), "proposals.withdraw": (WRITE,),
    "proposing.usual": (WRITE,), "proposing.proposable": (WRITE,), "proposing.from_plan": (WRITE,), "proposing.add": (WRITE,),
    "proposing.spot": (WRITE,), "runs.start": (RUN,), "runs.get": (READ,), "runs.latest": (READ,), "runs.listing": (READ,),
    "runs.cancel": (RUN, RADIO), "runs.finished": (READ,), "question.posed": (READ,), "stations.listing": (SEE,), "stations.sectors": (SEE,),
    "stations.export": ("export.internal",), "substitutes.substitutes": (READ,), "unblocking.request": (RUN,),
    "unblocking.execute": (RUN,), "unblocking.value_of": (READ,), "unblocking.values": (READ,),
    "terrain.check": ("data.import",), "terrain.load": ("data.import",), "terrain.clear": ("data.import",), "terrain.current": (SEE,),
    "tracing.paths": (READ,), "tracing.floors": (READ,), "sights.between": (SEE,), "sights.of_site": (SEE,),
    "measurements.dry_run": ("measure.import",), "measurements.commit": (), "measurements.sets": (READ,),
    "measurements.retire": ("measure.import",), "calibrating.params": (READ,), "calibrating.execute": (RUN, RADIO),
    "calibrating.residuals": (READ,), "calibrations.calibration": (READ,), "calibrations.history": (READ,),
    "surveying.next_samples": (READ,), "surveying.export": ("export.internal",), "surveying.write": ("export.internal",),
    "calibrations.adopt": ("radio.edit",), "calibrations.reject": ("radio.edit",), "calibrations.withdraw": ("radio.edit",),
    "whatif.start": (RUN,), "whatif.params": (RUN,), "whatif.execute": (RUN,), "whatif.streets": (READ,), "whatif.cells": (READ,), "whatif.network": (READ,),
    "whatif.adopt": ("asset.edit",), "worker.run_now": (RUN,),
    "radiotables.table": (SEE,), "radiotables.fixed": (SEE,), "radiotables.history": (SEE,),
    "radiotables.edit": (RADIO,), "radiotables.restore": (RADIO,), "radiopatterns.read": (RADIO,), "radiopatterns.add": (RADIO,),
    "radiopatterns.drop": (RADIO,), "radiopatterns.listing": (SEE,),
    "permission.learnt": (READ,), "permission.version": (READ,), "permission.closed": (READ,), "weights.profiles": (READ,),
    "weights.read": (READ,), "weights.history": (READ,), "weights.save": (RADIO,), "weights.of_run": (READ,),
    "weights.rescored": (READ,), "weights.measured": (READ,), "stability.execute": (RUN,), "stability.standing": (READ,),
    "stability.ranks": (READ,),
    "plantables.table": (SEE,), "plantables.history": (SEE,), "plantables.edit": (RADIO,), "plantables.restore": (RADIO,),
    "comparing.listing": (READ,), "comparing.version": (READ,), "comparing.compared": (READ,), "comparisonfiles.export": ("export.internal",),
    "scenarios.save": (RUN,), "scenarios.listing": (READ,), "scenarios.rename": (RUN,), "scenarios.remove": (RUN,), "scenarios.queue": (RUN,), "scenarios.asked": (READ,),
    "planasked.params": (READ,),
}  # fmt: skip
# Actions for which holding the permission on one's own rows is not enough.
WHOLE_DISTRICT = {"unblocking.request", "unblocking.execute"}
# Actions that ask for no permission of their own, because the table of moves does, or because they touch one's own alone.
BY_MOVE = {"case_moves.do", "case_moves.do_all", "case_moves.do_batch", "case_moves.check", "assets.commit", "measurements.commit"}
OWN_ALONE = {"signin.end_others", "proposals.allowed", "people.grants"}
# Parts of actions that no page and no command may call.
PARTS = {
    "candidate_drawn.named", "candidate_drawn.options_of", "candidate_drawn.version", "candidate_emf.decided", "candidate_emf.precheck",
    "candidate_near.placed", "candidate_offer.offered", "candidates.revisions",
    "case_moves.digest", "case_place.reported", "case_place.placed", "case_place.require_proposal", "commissioning.follow",
    "emfsubject.subject_of", "doors.require", "doors.require_any", "doors.still_signed_in", "known.known", "known.state", "planfiles.render", "planlayers.covered", "planlayers.screened",
    "planlayers.sources", "planlayers.told", "planlayers.venues", "planmap.standalone", "planstarts.best", "planchecks.fields", "planlayers.seen", "planned.frames", "planrules.apart",
    "proposal_rows.completed", "proposal_rows.save", "runs.perform", "radiotables.keep", "runs.close", "signin.record", "tablebook.edit", "tablebook.keep", "tablebook.restore", "worker.execute",
}  # fmt: skip
RUN_ROW = Run(
    id="none", kind="coverage", status="running", progress=0, stage="", message="", params={"coverage": "none"}, result={}, actor="",
    org="", role="", audience="org", operators="", created_at="", started_at=None, heartbeat_at=None, finished_at=None,
    cancel_requested=False)  # fmt: skip
ASIDE = Command(id="c", move="withdraw", case_id="none", revision=1, data={"reason": "x"})
GIVEN = {
    "run_id": "none", "building_id": "none", "profile": "none", "plan_id": "none", "case_id": "none", "site_id": "none", "score_run": "none", "layer": "candidates", "kind": "none",
    "rows": {}, "names": [], "file": "x.msi", "params": {}, "data": b"", "name": "none", "datum": None, "sha256": "0" * 64, "reason": "x", "which": "none", "command": ASIDE,
    "commands": [ASIDE], "dry_run": True, "given": {"kind": "none"}, "number": "none", "wanted": {}, "asked": {"coverage": "none"}, "held": None,
    "roles": ["none"], "org": "x", "disabled": True, "ids": ["none"], "text": "x", "attitude": "agree", "option_ids": None,
    "lon_deg": 0.0, "lat_deg": 0.0, "zoom": 15, "layers_in_order": ["assets"], "operators": ["cmcc"], "technology": "none",
    "purpose": "none", "easting_m": 0.0, "northing_m": 0.0, "run": RUN_ROW, "report": None, "coverage_run": "none", "changes": [], "bench": None, "columns": "state", "path": Path("x.gpkg"), "network": "none", "set_id": "none",
    "options": None, "weights": {}, "antenna": Antenna(0.0, 0.0, 30.0), "receiver": Receiver(0.0, 0.0), "site": "none", "source": "none", "most": 3,
    "plan_runs": ["none", "other"], "plan_run": "none", "made": None, "scored_run": None, "found": None, "scenario_id": "none",
}  # fmt: skip
# What differs by action because the name means something else there.
BESIDES = {
    "assets.dry_run": {"layer": "assets"}, "coverage.raster": {"name": "gap"}, "layers.read": {"layer": "assets"},
    "stations.export": {"layer": "none"},
}  # fmt: skip


def public():
    """Every public function of the actions that is told who acts."""
    for found in pkgutil.iter_modules(actions.__path__):
        module = importlib.import_module(f"siting.actions.{found.name}")
        for name, function in vars(module).items():
            own = inspect.isfunction(function) and function.__module__ == module.__name__ and not name.startswith("_")
            if own and "actor" in inspect.signature(function).parameters:
                yield f"{found.name}.{name}", function


FUNCTIONS = dict(public())


@pytest.fixture(scope="module")
def store(small_project, tmp_path_factory):
    folder = shutil.copytree(small_project, tmp_path_factory.mktemp("matrix") / "district")
    db = open_database(settings.load(Path(folder)))
    yield db
    db.engine.dispose()


def called(name, db, actor, now):
    """The action with particulars that name nothing; what it refuses comes back."""
    function = FUNCTIONS[name]
    known = {**GIVEN, **BESIDES.get(name, {}), "db": db, "actor": actor, "now": now, "clock": lambda: now}
    first, options = [], {}
    for part in inspect.signature(function).parameters.values():
        if part.kind is part.VAR_POSITIONAL:
            first.append(known[part.name])
        elif part.default is part.empty and part.kind is part.KEYWORD_ONLY:
            options[part.name] = known[part.name]
        elif part.default is part.empty:
            first.append(known[part.name])
        elif part.name == "actor":
            options["actor"] = actor
    try:
        function(*first, **options)
    except SitingError as error:
        return error
    except (AttributeError, KeyError, TypeError):  # nothing was there to work on: it was let in
        return None
    return None


def somebody(role):
    if role == access.LOCAL:
        return local_admin(source="cli")
    if role == access.SYSTEM:
        return access.system()
    return person(role, streets=("长虹街道",) if role == "street" else ())


def test_every_action_that_is_told_who_acts_stands_in_a_table():
    assert set(FUNCTIONS) == {*ASKED, *BY_MOVE, *OWN_ALONE, *PARTS}


@pytest.mark.parametrize("name", sorted(n for n, asked in ASKED.items() if asked))
def test_who_lacks_the_permission_is_refused_and_who_holds_it_is_not(store, now, name):
    for role in ROLES:
        error = called(name, store, somebody(role), now)
        holds = any(role in access.PERMISSIONS[permission] for permission in ASKED[name])
        refused = isinstance(error, NotAllowed) and error.key in {"access.denied", "case.refused"}
        narrower = holds and refused and name in WHOLE_DISTRICT and access.scope(somebody(role), ASKED[name][0]) != "all"
        assert refused is not holds or narrower, (role, error)


@pytest.mark.parametrize("name", sorted({*ASKED, *BY_MOVE}))
def test_an_ended_sign_in_does_nothing(store, now, name):
    for role in ROLES:
        error = called(name, store, dataclasses.replace(somebody(role), session="ended"), now)
        assert isinstance(error, NotAllowed), role
        assert error.key == "access.session_ended"


@pytest.mark.parametrize("name", sorted(BY_MOVE))
def test_what_the_tables_of_moves_decide_is_not_found_by_whoever_does_not_see_it(store, now, name):
    for role in ROLES:
        error = called(name, store, somebody(role), now)
        assert error is None or isinstance(error, NotFound), role


def calls(path):
    """What a module calls as ``name.function``, by the module of the actions that the name stands for."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    known = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("siting.actions"):
            below = node.module.removeprefix("siting.actions").lstrip(".")
            for alias in node.names:
                known[alias.asname or alias.name] = f"{below}.{alias.name}" if below else alias.name
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in known:
            yield f"{known[node.value.id]}.{node.attr}"
    yield from known.values()


def test_no_page_and_no_command_calls_a_part_of_an_action():
    files = [*ROOT.glob("siting/ui/*.py"), *ROOT.glob("siting/cli/*.py"), *ROOT.glob("pages/*.py"), ROOT / "siting" / "serve.py"]
    assert [(path.name, name) for path in files for name in calls(path) if name in PARTS] == []


def test_people_may_act_only_in_roles_they_hold(store, now):
    people.add_account(store, local_admin(source="cli"), name="two", roles=["planner"], org="南开区商务局", now=now)
    with pytest.raises(NotAllowed):
        people.acting(store, "two", role="coordinator")
    assert isinstance(people.acting(store, "two"), Actor)
