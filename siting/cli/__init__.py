"""The command line: one command per action.

Exit codes: 0 done, 1 unexpected, 2 bad input or not found, 3 not allowed, 4 conflict, 5 not solved.
The language is the one of ``SITING_APP_LANGUAGE``, else Chinese.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NoReturn

import typer

from siting import words
from siting.cli import (
    alternatives,
    cases,
    comparing,
    district,
    emf,
    measuring,
    people,
    planning,
    proposals,
    radiotables,
    solving,
    tracing,
    trial,
    unblocking,
)
from siting.cli.desk import language
from siting.errors import SitingError, exit_code

BAD_INPUT = 2
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
for part in (
    district,
    planning,
    solving,
    alternatives,
    comparing,
    measuring,
    emf,
    proposals,
    people,
    radiotables,
    tracing,
    trial,
    unblocking,
):
    app.add_typer(part.app)
app.add_typer(cases.app, name="case")
app.add_typer(tracing.ground, name="terrain")


def main(argv: list[str] | None = None, *, run: Callable[..., Any] = app) -> None:
    """Entry point of the console script: an error becomes one line and an exit code; what is unexpected shows itself."""
    given = sys.argv[1:] if argv is None else argv
    try:
        code = run(given or ["--help"], standalone_mode=False)
    except SitingError as error:
        _leave(error.message(language()), exit_code(error))
    except typer.TyperException as error:
        _leave(words.say("cli.usage", lang=language(), why=error.format_message()), BAD_INPUT)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError) as error:
        _leave(words.say("cli.file", lang=language(), file=error.filename, why=error.strerror), BAD_INPUT)
    except typer.Abort:
        sys.exit(1)
    if isinstance(code, int) and code:
        sys.exit(code)


def _leave(message: str, code: int) -> NoReturn:
    typer.echo(" ".join(message.split()), err=True)
    sys.exit(code)
