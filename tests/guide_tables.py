"""The guide's tables of codes, made from the tables of the program; `python tests/guide_tables.py` writes them anew.

A table stands in a guide between ``<!-- table: NAME -->`` and ``<!-- end -->``.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import typer.main

from siting import access, cli, settings, words
from siting.assets import schema
from siting.ledger import effects, fields, moves, screening, state
from siting.plan import tables
from siting.plan.eligibility import STATE_OF_OUTCOME

ROOT = Path(__file__).parents[1]
GUIDES = {"zh_CN": ROOT / "docs" / "guide" / "zh-CN.md", "en": ROOT / "docs" / "guide" / "en.md"}
PLACE = re.compile(r"(<!-- table: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
COMMON = {"--project", "--as", "--json"}
NONE = "—"
# Vocabularies up to this size are told where they are used.
FEW = 6


def _words() -> Mapping[tuple[str, str], dict[str, str]]:
    with (Path(__file__).parent / "guide_words.csv").open(encoding="utf-8", newline="") as file:
        return {(row["group"], row["code"]): {"zh_CN": row["zh"], "en": row["en"]} for row in csv.DictReader(file)}


WORDS = _words()


def guide_word(group: str, code: str, lang: str) -> str:
    """A word that only the guides need."""
    return WORDS[group, code][lang]


def either(lang: str, zh: str, en: str) -> str:
    """The one of the language."""
    return zh if lang == "zh_CN" else en


def code(text: str) -> str:
    """In code type; a dash for nothing."""
    return f"`{text}`" if text else NONE


def table(head: Sequence[str], rows: Iterator[Sequence[str]]) -> str:
    """A table of Markdown; bars inside cells are kept from parting them."""
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") or NONE for cell in row] for row in rows)]
    return "".join("|" + "|".join(f" {cell} " if cell != "---" else cell for cell in line) + "|\n" for line in lines)


def _join(lang: str, parts: Sequence[str]) -> str:
    return either(lang, "、", ", ").join(parts)


def roles(lang: str) -> str:
    """Roles with the rows of each layer that they see."""
    layers = list(dict.fromkeys(layer for layer, _ in access.ROWS))
    head = [either(lang, "角色", "role"), "", *(guide_word("rows", layer, lang) for layer in layers)]
    seen = lambda role, layer: access.ROWS.get((layer, role), "")  # noqa: E731 - one cell of the table
    rows = (
        [code(r), words.say(f"people.role.{r}", lang=lang), *(_scope(seen(r, layer), lang) for layer in layers)]
        for r in access.ROLES
    )
    return table(head, rows)


def _scope(scope: str, lang: str) -> str:
    return guide_word("scope", scope, lang) if scope else NONE


def permissions(lang: str) -> str:
    """Permissions with the roles that hold them, and on which rows."""
    head = [either(lang, *pair) for pair in (("权限", "permission"), ("含义", "meaning"), ("角色", "roles"))]
    return table(head, ([code(p), guide_word("permission", p, lang), _holders(p, lang)] for p in access.PERMISSIONS))


def _holders(permission: str, lang: str) -> str:
    held = {r: access.scope(access.Actor(id="", name="", org="", role=r), permission) for r in access.ROLES}
    by_scope = {s: [words.say(f"people.role.{r}", lang=lang) for r in held if held[r] == s] for s in access.SCOPES}
    sign, stop = either(lang, "：", ": "), either(lang, "；", "; ")
    return stop.join(f"{guide_word('scope', s, lang)}{sign}{_join(lang, who)}" for s, who in by_scope.items() if who)


def states(lang: str) -> str:
    """States with the view that lists them and what kind new_blocked does to planning in them."""
    head = [either(lang, *p) for p in (("状态", "state"), ("名称", "name"), ("视图", "view"), ("对选址", "planning"))]
    views = {s: v for v, listed in state._VIEWS.items() for s in listed}
    said = lambda s: words.say(f"case.view.{views[s]}", lang=lang) if s in views else NONE  # noqa: E731
    return table(head, ([code(s), words.say(f"case.state.{s}", lang=lang), said(s), code(_effect(s))] for s in state.STATES))


def _effect(name: str) -> str:
    """What a case of kind new_blocked does to its candidate in a state."""
    if name in effects._LOCKING:
        return effects.LOCKED
    return effects.FORBIDDEN if name in state.OPEN else ""


def moves_(lang: str) -> str:
    """Moves with who may do them, from where to where, and what they ask for."""
    titles = (("办理", "move"), ("名称", "name"), ("权限", "permission"), ("从", "from"), ("到", "to"), ("必填", "required"))
    head = [*(either(lang, *p) for p in titles), either(lang, "至少一项", "one of"), either(lang, "可填", "optional")]
    return table(head, (_move(move, lang) for move in moves.MOVES.values()))


def _move(move: moves.Move, lang: str) -> list[str]:
    lead = either(lang, "（限牵头单位）", " (lead unit only)") if move.lead else ""
    asked = (_join(lang, [_given(name, lang) for name in names]) for names in (move.required, move.any_of, move.optional))
    return [
        code(move.name),
        move.title(lang=lang),
        _join(lang, [code(p) for p in move.permissions]) + lead,
        _from(move, lang),
        _join(lang, [_state(s, lang) for s in move.to]),
        *asked,
    ]


def _from(move: moves.Move, lang: str) -> str:
    groups = {state.OPEN: ("未结", "any open one"), state.STATES: ("任何状态", "any")}
    named = groups.get(move.from_states)
    return either(lang, *named) if named else _join(lang, [_state(s, lang) for s in move.from_states])


def _state(name: str, lang: str) -> str:
    if name in state.STATES:
        return words.say(f"case.state.{name}", lang=lang)
    return guide_word("state" if name == moves.NEW else "to", name, lang)


def _given(name: str, lang: str) -> str:
    return guide_word("field", name, lang) if name == moves.RECORD else code(name)


def kinds(lang: str) -> str:
    """Kinds of problem points."""
    head = [either(lang, *p) for p in (("类型", "kind"), ("名称", "name"), ("办结方式", "ends by"))]
    built = lambda k: either(lang, *(("解决", "resolve") if k in moves.WITHOUT_BUILDING else ("建成开通", "commission")))  # noqa: E731
    return table(head, ([code(k), words.say(f"case.kind.{k}", lang=lang), built(k)] for k in moves.KINDS))


def causes(lang: str) -> str:
    """Codes of causes."""
    head = [either(lang, "原因代码", "cause"), either(lang, "名称", "name")]
    return table(head, ([code(r), words.say(f"case.reason_code.{r}", lang=lang)] for r in moves.REASONS))


def case_fields(lang: str) -> str:
    """Everything that may be entered about a problem point."""
    titles = (("字段", "field"), ("名称", "name"), ("分组", "group"), ("类型", "type"), ("取值", "values"), ("上报必填", "to report"))
    return table([either(lang, *p) for p in titles], (_field(key, f, lang) for key, f in fields.FIELDS.items()))


def _field(key: str, field: fields.Field, lang: str) -> list[str]:
    limits = [field.vocab.replace("..", "–") if field.type == "int" else code(field.vocab)] if field.vocab else []
    limits += [either(lang, f"最多 {field.max_length} 字", f"at most {field.max_length} characters")] if field.max_length else []
    limits += [guide_word("when", field.when, lang)] if field.when else []
    kind, group = guide_word("type", field.type, lang), guide_word("group", field.group, lang)
    return [code(key), field.title(lang=lang), group, kind, _join(lang, limits), either(lang, "是", "yes") if field.required else ""]


def vocabularies(lang: str) -> str:
    """Codes of the vocabularies that fields name, kinds and causes aside."""
    rows = (
        [code(v), _join(lang, [f"{code(term)} {words.say(f'case.{v}.{term}', lang=lang)}" for term in terms])]
        for v, terms in fields.VOCABULARIES.items()
        if v not in {"kind", "reason_code"}
    )
    return table([either(lang, "词表", "vocabulary"), either(lang, "代码", "codes")], rows)


def refusals(lang: str) -> str:
    """Codes with which a move is refused or remarked upon."""
    head = [either(lang, *p) for p in (("代码", "code"), ("含义", "meaning"), ("处理", "remedy"))]
    return table(head, ([code(c), *_both(f"case.reason.{c}", lang)] for c in keyed("case.reason.", ".message")))


def _both(key: str, lang: str) -> list[str]:
    said = words.catalogue(lang)
    return [said[f"{key}.message"], said[f"{key}.remedy"]]


def keyed(head: str, tail: str = "") -> list[str]:
    """Codes in the catalogue between a head and a tail."""
    found = (key for key in words.catalogue("zh_CN") if key.startswith(head) and key.endswith(tail))
    return sorted(key.removeprefix(head).removesuffix(tail) for key in found)


def flaws(lang: str) -> str:
    """What `siting verify` names."""
    return _said("journal.flaw.", lang)


def unvalued(lang: str) -> str:
    """Why a value is not computed."""
    return _said("unblocking.why.", lang)


def _said(head: str, lang: str) -> str:
    titles = [either(lang, "代码", "code"), either(lang, "含义", "meaning")]
    return table(titles, ([code(c), words.catalogue(lang)[head + c]] for c in keyed(head)))


def candidates(lang: str) -> str:
    """Columns of proposals."""
    titles = (("字段", "column"), ("名称", "name"), ("类型", "type"), ("单位", "unit"), ("来自", "from"), ("谁可见", "who reads it"))
    return table([either(lang, *p) for p in titles], (_column(c, lang) for c in schema.columns("candidates")))


def _column(column: schema.Column, lang: str) -> list[str]:
    origin = ("系统", "the program") if column.derived else ("必填", "required") if column.required else ("可填", "optional")
    own = access.MASKED.get(("candidates", column.name), ())
    reader = {0: ("见到建议者", "who sees the proposal"), 1: ("提出单位", "the proposer"), 2: ("提出、权属单位", "proposer and owner")}
    kind = guide_word("column" if ("column", column.type) in WORDS else "type", column.type, lang)
    title = column.title_zh if lang == "zh_CN" else column.title_en
    terms = schema.vocabulary(column.vocab) if column.vocab else ()
    said = [f"{code(term.code)} {term.title_zh if lang == 'zh_CN' else term.title_en}" for term in terms]
    kind = _join(lang, said) if 0 < len(said) <= FEW and column.type != "geometry" else kind
    return [code(column.name), title, kind, column.unit, either(lang, *origin), either(lang, *reader[len(own)])]


def settings_(lang: str) -> str:
    """All settings."""
    head = [either(lang, *p) for p in (("键", "key"), ("默认", "default"), ("单位", "unit"), ("含义", "meaning"))]
    help_ = lambda row: row.help_zh if lang == "zh_CN" else row.help_en  # noqa: E731
    return table(head, ([code(row.key), code(row.default), row.unit, help_(row)] for row in settings.rows()))


def commands() -> Iterator[tuple[str, object]]:
    """Every command that can be called, as it is typed, with its click command."""
    pending = [("siting", typer.main.get_command(cli.app))]
    for name, command in pending:
        inner = getattr(command, "commands", None)
        if inner is None:
            yield name, command
        else:
            pending.extend((f"{name} {own}", one) for own, one in inner.items())


def commands_(lang: str) -> str:
    """Commands with their options, those that all share left out."""
    head = [either(lang, *p) for p in (("命令", "command"), ("作用", "what it does"), ("选项", "options"))]
    return table(head, (_command(name, command, lang) for name, command in sorted(commands(), key=_order)))


def _order(item: tuple[str, object]) -> int:
    """Commands of their own before groups, each in the program's order."""
    return item[0].count(" ")


def _command(name: str, command: object, lang: str) -> list[str]:
    given = [p.name.upper() for p in command.params if p.param_type_name == "argument"]
    options = [o for p in command.params if p.param_type_name == "option" for o in p.opts if o.startswith("--")]
    zh, _, en = command.help.partition("。 ")
    own = [code(o) for o in options if o not in COMMON]
    return [code(" ".join([name, *given])), either(lang, zh, en.rstrip(".")), " ".join(own)]


def eligibility_codes(lang: str) -> str:
    """Reasons of candidates and the state that each leads to."""
    head = [either(lang, *pair) for pair in (("代码", "code"), ("得到的状态", "state it leads to"), ("意思", "meaning"))]
    screened = {c: STATE_OF_OUTCOME[outcome] for c, outcome in screening.codes().items()}
    found = {**tables.state_of_code(), **screened}
    return table(head, ([code(c), code(s), words.say(f"plan.code.{c}", lang=lang)] for c, s in found.items()))


TABLES: Mapping[str, Callable[[str], str]] = {
    "roles": roles,
    "permissions": permissions,
    "states": states,
    "moves": moves_,
    "kinds": kinds,
    "causes": causes,
    "fields": case_fields,
    "vocabularies": vocabularies,
    "refusals": refusals,
    "flaws": flaws,
    "unvalued": unvalued,
    "candidates": candidates,
    "eligibility": eligibility_codes,
    "settings": settings_,
    "commands": commands_,
}


def written(text: str, lang: str) -> str:
    """A guide with every table as the program has it."""
    return PLACE.sub(lambda m: m[1] + "\n" + TABLES[m[2]](lang) + "\n" + m[4], text)


def main() -> None:
    """Write the tables of both guides."""
    for lang, path in GUIDES.items():
        path.write_text(written(path.read_text(encoding="utf-8"), lang), encoding="utf-8")


if __name__ == "__main__":
    main()
