"""Accounts at the command line, and acting as one of them."""

import io
import json
import re
import shutil

import pytest

from siting import cli, settings
from siting.actions import people
from siting.store import journal
from siting.store.database import open_database
from siting.ui import session

MADE_UP = "read-from-stdin-1"


@pytest.fixture(scope="module")
def folder(small_project, tmp_path_factory):
    return shutil.copytree(small_project, tmp_path_factory.mktemp("cli") / "district")


@pytest.fixture
def siting(capsys, folder, monkeypatch):
    """Run a command on the district: exit code, what it printed, what it complained."""

    def run(*args, stdin=""):
        code = 0
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        try:
            cli.main([*args, "--project", str(folder)])
        except SystemExit as left:
            code = left.code
        return code, *capsys.readouterr()

    return run


def test_an_account_is_added_with_a_one_time_password_that_lets_in(siting, folder):
    code, said, _ = siting("user", "add", "li.si", "--role", "operator", "--org", "中国移动天津")
    assert code == 0
    password = re.search(r"\w{4}(-\w{4}){3}", said)[0]
    db = open_database(settings.load(folder))
    found = people.standing(db, people.sign_in(db, "li.si", password, now=session.now()), now=session.now())
    assert (found.pending, found.account.org.operator) == ("password", "cmcc")


def test_a_password_from_standard_input_is_never_printed(siting, folder):
    _, said, _ = siting("user", "add", "pipe", "--role", "planner", "--role", "coordinator", "--org", "商务局", "--password-stdin", stdin=f"{MADE_UP}\n")  # fmt: skip
    assert MADE_UP not in said
    db = open_database(settings.load(folder))
    assert people.sign_in(db, "pipe", MADE_UP, now=session.now())


def test_as_names_who_acts_and_the_journal_says_so(siting, folder):
    siting("user", "add", "root", "--role", "system_admin", "--org", "数据局")
    siting("user", "add", "street1", "--role", "street", "--org", "长虹街道办事处")
    code, _, _ = siting("user", "disable", "street1", "--as", "root")
    assert code == 0
    event = journal.recent(open_database(settings.load(folder)), kind="account.disabled", limit=1)[0]
    assert (event["role"], event["source"]) == ("system_admin", "cli")
    assert siting("user", "enable", "street1", "--as", "root:system_admin")[0] == 0
    assert siting("user", "end", "street1")[0] == 0
    code, said, _ = siting("user", "list", "--json")
    states = {row["name"]: row["state"] for row in json.loads(said)["accounts"]}
    assert states["street1"] == "one_time"


@pytest.mark.parametrize(
    ("who", "code"), [("nobody", 2), ("pipe", 2), ("pipe:leader", 3), ("pipe:planner", 3), ("li.si", 3)]
)
def test_who_may_not_is_refused_with_the_exit_code_for_it(siting, who, code):
    left, said, complaint = siting("user", "password", "li.si", "--as", who)
    assert left == code
    assert said == ""
    assert complaint.strip()


def test_every_word_of_the_list_is_there_for_people_too(siting):
    code, said, _ = siting("user", "list")
    assert code == 0
    assert "li.si" in said
