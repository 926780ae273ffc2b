"""The house as drawn: sizes, who may import what, and texts that must not occur."""

import ast
import io
import re
import tokenize
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = sorted((ROOT / "siting").rglob("*.py"))
PAGES = sorted([*(ROOT / "pages").glob("*.py"), ROOT / "app.py"])
FOLDERS = sorted({path.parent for path in CORE + PAGES})
TEXTS = [p for p in ROOT.glob("*.*") if p.suffix in {".md", ".toml", ".in", ".lock"}] + [
    ROOT / "Makefile",
    ROOT / ".ci" / "run",
]
MAX_FUNCTION, MAX_MODULE, MAX_PAGE = 40, 400, 120
# The three doors where anything unexpected is caught, logged with its traceback, and shown.
DOORS = {"siting/actions/worker.py", "siting/ui/navigation.py", "siting/serve.py"}


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def of(folder: Path) -> list[Path]:
    """Modules and pages of one folder."""
    return [path for path in CORE + PAGES if path.parent == folder]


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def code_lines(path: Path) -> set[int]:
    """Lines that carry code: neither blank nor comment."""
    kinds = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline)
    return {n for t in tokens if t.type not in kinds for n in range(t.start[0], t.end[0] + 1)}


def functions(path: Path):
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def body_lines(node, lines: set[int]) -> int:
    doc = ast.get_docstring(node, clean=False)
    body = node.body[1:] if doc is not None else node.body
    return len([n for n in lines if body and body[0].lineno <= n <= node.end_lineno])


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{a.name}" for a in node.names)}
    return found


@pytest.mark.parametrize("folder", FOLDERS, ids=name)
def test_functions_and_modules_stay_small(folder):
    for path in of(folder):
        lines = code_lines(path)
        long = {n.name: size for n in functions(path) if (size := body_lines(n, lines)) > MAX_FUNCTION}
        assert long == {}, path
        limit = MAX_PAGE if path in PAGES else MAX_MODULE
        assert len(path.read_text(encoding="utf-8").splitlines()) <= limit, path


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_a_page_knows_only_streamlit_the_interface_and_the_actions(path):
    outside = {
        m for m in imports(path) if m.split(".")[0] in {"siting", "geopandas", "pandas", "shapely", "sqlalchemy"}
    }
    assert {m for m in outside if not m.startswith(("siting.ui", "siting.actions"))} <= {"siting"}


@pytest.mark.parametrize("folder", sorted({path.parent for path in CORE}), ids=name)
def test_special_libraries_have_one_home(folder):
    for path in of(folder):
        used = {m.split(".")[0] for m in imports(path)}
        assert "numba" not in used or path.name.startswith("kernels"), path
        assert "pyproj" not in used or path.parent.name == "geo", path
        assert "streamlit" not in used or path.parent.name in {"ui", "mapview"} or path.name == "serve.py", path
        assert "sqlalchemy" not in used or "store" in path.parts, path


@pytest.mark.parametrize("folder", FOLDERS, ids=name)
def test_no_raw_html_and_broad_except_only_at_the_doors(folder):
    for path in of(folder):
        assert not re.search(r"unsafe_allow_html|st\.html\(", path.read_text(encoding="utf-8")), path
        broad = [
            n.lineno
            for n in ast.walk(tree(path))
            if isinstance(n, ast.ExceptHandler)
            and (n.type is None or (isinstance(n.type, ast.Name) and n.type.id in {"Exception", "BaseException"}))
        ]
        assert broad == [] or name(path) in DOORS, path


def test_the_lock_holds_hashes_and_no_addresses():
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "--hash=sha256:" in lock
    assert not re.search(r"://|--index|--find-links|-i ", lock)


def test_every_direct_dependency_says_why():
    lines = (ROOT / "requirements.in").read_text(encoding="utf-8").splitlines()
    named = [line for line in lines if line.strip() and not line.startswith("#")]
    assert [line for line in named if not re.search(r"#\s*\S+", line)] == []


def test_the_architecture_page_names_every_package_and_module():
    drawn = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    modules = {
        p.parent.name if p.name == "__init__.py" else p.stem
        for p in CORE
        if "migrations" not in p.parts and p.stem != "__main__"
    }
    assert sorted(m for m in modules if not re.search(rf"\b{re.escape(m)}\b", drawn)) == []
