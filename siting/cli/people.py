"""Commands about people: accounts, their passwords and sign-ins."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Annotated

import typer

from siting import words
from siting.actions import people
from siting.cli.desk import Account, Json, Project, desk, language, now, show

app = typer.Typer()
users = typer.Typer(help="账号管理。 Accounts.")
app.add_typer(users, name="user")
Secret = Annotated[bool, typer.Option("--password-stdin", help="从标准输入读密码，不生成一次性密码")]


@users.command()
def add(
    name: str,
    roles: Annotated[list[str], typer.Option("--role", help="角色，可重复")],
    org: Annotated[str, typer.Option("--org", help="单位名称，与公共资源清单一致")],
    operator: Annotated[str | None, typer.Option("--operator", help="运营企业 cmcc ctc cucc cbn")] = None,
    street: Annotated[list[str] | None, typer.Option("--street", help="街道办事处管辖的街道，可重复")] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="新单位的类别；默认由角色判断")] = None,
    password_stdin: Secret = False,
    project: Project = None,
    account: Account = None,
    as_json: Json = False,
) -> None:
    """新建账号，显示一次性密码。 Add an account; prints its one-time password."""
    at = desk(project, account, writing=True)
    made, password = people.add_account(
        at.db,
        at.actor,
        name=name,
        roles=roles,
        org=org,
        kind=kind,
        operator=operator,
        streets=street or (),
        password=_secret(password_stdin),
        now=now(),
    )
    shown = {"name": made.name, "org": made.org.name, "roles": ", ".join(made.roles)}
    _show({**shown, **({} if password_stdin else {"password": password})}, as_json=as_json)


@users.command(name="list")
def list_(project: Project = None, account: Account = None, as_json: Json = False) -> None:
    """列出账号。 List the accounts."""
    at = desk(project, account, writing=False)
    found = people.accounts(at.db, at.actor, now=now())
    rows = [{**row, "roles": ", ".join(row["roles"])} for row in found.to_dict("records")]
    if as_json:
        show({"accounts": rows}, as_json=True)
        return
    for row in rows:
        typer.echo("  ".join(str(row[column]) for column in ("name", "org", "roles", "state", "last_seen", "open")))


@users.command()
def password(
    name: str, password_stdin: Secret = False, project: Project = None, account: Account = None, as_json: Json = False
) -> None:
    """重置密码，结束其登录。 Reset a password; ends the account's sign-ins."""
    at = desk(project, account, writing=True)
    told = people.reset_password(at.db, at.actor, name, password=_secret(password_stdin), now=now())
    _show({"name": name, **({} if password_stdin else {"password": told})}, as_json=as_json)


@users.command()
def disable(name: str, project: Project = None, account: Account = None, as_json: Json = False) -> None:
    """停用账号。 Take an account out of use."""
    at = desk(project, account, writing=True)
    people.set_disabled(at.db, at.actor, name, True, now=now())
    _show({"name": name, "state": "disabled"}, as_json=as_json)


@users.command()
def enable(name: str, project: Project = None, account: Account = None, as_json: Json = False) -> None:
    """启用账号。 Put an account back into use."""
    at = desk(project, account, writing=True)
    people.set_disabled(at.db, at.actor, name, False, now=now())
    _show({"name": name, "state": "active"}, as_json=as_json)


@users.command()
def end(name: str, project: Project = None, account: Account = None, as_json: Json = False) -> None:
    """结束某账号的全部登录。 End an account's sign-ins."""
    at = desk(project, account, writing=True)
    _show({"name": name, "ended": people.end_sessions(at.db, at.actor, name, now=now())}, as_json=as_json)


def _secret(wanted: bool) -> str | None:
    """The password from standard input, without its line's end; none where one is to be made."""
    return sys.stdin.readline().rstrip("\r\n") if wanted else None


def _show(result: Mapping[str, object], *, as_json: bool) -> None:
    """One line per value, or all of it as JSON."""
    if as_json:
        show(result, as_json=True)
        return
    for name, value in result.items():
        typer.echo(
            words.say(
                "cli.user.line", lang=language(), title=words.say(f"cli.user.{name}", lang=language()), value=value
            )
        )
