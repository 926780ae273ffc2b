import ast
from pathlib import Path

import pytest
from streamlit.runtime.pages_manager import PagesManager

from siting import words
from siting.access import PERMISSIONS, ROLES, Actor, local_admin
from siting.ui import navigation

ROOT = Path(__file__).parents[2]


def test_every_page_has_a_file_a_title_and_a_known_permission():
    for row in navigation.table():
        assert (ROOT / row.file).is_file()
        assert set(row.permissions) <= set(PERMISSIONS)
        assert words.has(f"ui.page.{row.name}", lang="zh_CN")
        assert words.has(f"ui.page.{row.name}", lang="en")


def test_every_file_in_pages_is_in_the_table():
    assert {path.stem for path in (ROOT / "pages").glob("*.py")} == {row.name for row in navigation.table()}


def test_the_local_user_sees_all_pages_and_an_unknown_role_none():
    assert navigation.permitted(local_admin(source="page")) == navigation.table()
    assert navigation.permitted(Actor(id="x", name="x", org="x", role="nobody")) == ()


def test_no_role_is_left_without_a_page():
    for role in set(ROLES) - {"system"}:
        assert navigation.permitted(Actor(id="x", name="x", org="x", role=role)), role


def test_administrators_and_the_auditor_see_their_own_page_and_nothing_else():
    for role, pages in {"system_admin": ["admin"], "security_admin": ["admin"], "auditor": ["journal"]}.items():
        assert [row.name for row in navigation.permitted(Actor(id="x", name="x", org="x", role=role))] == pages


def test_every_address_of_a_page_answers_for_every_role(monkeypatch):
    declared = []
    monkeypatch.setattr(navigation.st, "Page", lambda _, **page: page)
    monkeypatch.setattr(navigation.st, "navigation", lambda pages, **_: declared.append(pages))
    names = {row.name for row in navigation.table()}
    for role in set(ROLES) - {"system"}:
        actor = Actor(id="x", name="x", org="x", role=role)
        navigation.choose(actor)
        paths = ["" if page.get("default") else page["url_path"] for page in declared.pop()]
        assert sorted(paths) == sorted(names - {navigation.permitted(actor)[0].name} | {""}), role


def test_streamlit_does_not_scan_the_pages_folder_once_switched_off(monkeypatch, tmp_path):
    (tmp_path / "pages").mkdir()
    monkeypatch.setattr(PagesManager, "uses_pages_directory", None)
    assert PagesManager(str(tmp_path / "app.py"))
    assert PagesManager.uses_pages_directory is True, "Streamlit no longer scans: the adapter can go"
    navigation.only_declared_pages()
    assert PagesManager(str(tmp_path / "app.py"))
    assert PagesManager.uses_pages_directory is False


@pytest.mark.parametrize("path", sorted((ROOT / "pages").glob("*.py")), ids=lambda p: p.stem)
def test_a_page_is_short_and_imports_only_streamlit_ui_and_actions(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 120
    for node in ast.walk(ast.parse(text)):
        names = (
            [a.name for a in node.names]
            if isinstance(node, ast.Import)
            else [node.module]
            if isinstance(node, ast.ImportFrom)
            else []
        )
        for name in names:
            assert name.split(".")[0] == "streamlit" or name.startswith(("siting.ui", "siting.actions"))
        assert not (isinstance(node, ast.keyword) and node.arg == "unsafe_allow_html")
        assert not (isinstance(node, ast.Attribute) and node.attr in {"html", "iframe", "components"})
