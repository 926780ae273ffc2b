"""The controls of a page speak the language of the page alone."""

import ast
from pathlib import Path

UI = Path(__file__).parents[2] / "siting" / "ui"


def lists_of_many():
    for path in sorted(UI.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "st.multiselect":
                yield f"{path.name}:{node.lineno}", {word.arg: ast.unparse(word.value) for word in node.keywords}


def test_no_list_of_many_shows_the_english_words_of_streamlit():
    found = dict(lists_of_many())
    assert len(found) > 3
    assert not [place for place, words in found.items() if words.get("select_all") != "False"]
    assert not [place for place, words in found.items() if "placeholder" not in words]
