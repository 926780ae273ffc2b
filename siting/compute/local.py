"""An ordered map over tasks on this machine, with progress and cancel."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, TypeVar

from siting.errors import Cancelled

T = TypeVar("T")
R = TypeVar("R")
Mapper = Callable[[Callable[[Any], Any], Iterable[Any]], Iterator[Any]]


def never() -> bool:
    """Nobody asked to stop."""
    return False


def run(
    function: Callable[[T], R],
    tasks: Iterable[T],
    *,
    processes: int = 1,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] = never,
) -> list[R]:
    """Apply a function to every task; results come in the order of the tasks.

    Parameters
    ----------
    function : callable
        Must be importable by name when ``processes`` is above 1.
    tasks : iterable
        Work items.
    processes : int
        Number of processes; 1 works in this one.
    progress : callable, optional
        Called with the finished share, 0..1.
    cancelled : callable
        Asked between tasks.

    Raises
    ------
    Cancelled
        As soon as ``cancelled()`` is true.
    """
    items = list(tasks)
    done: list[R] = []
    for result in _ordered(function, items, processes):
        done.append(result)
        if progress is not None:
            progress(len(done) / len(items))
        if cancelled():
            raise Cancelled("compute.cancelled")
    return done


def mapper(
    *,
    processes: int = 1,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] = never,
) -> Mapper:
    """The same as `run` with the options bound, to hand down as a ``map=`` argument."""

    def ordered(function: Callable[[Any], Any], tasks: Iterable[Any]) -> Iterator[Any]:
        return iter(run(function, tasks, processes=processes, progress=progress, cancelled=cancelled))

    return ordered


def _ordered(function: Callable[[T], R], items: list[T], processes: int) -> Iterator[R]:
    if processes <= 1 or len(items) < 2:  # noqa: PLR2004 - one task needs no pool
        yield from map(function, items)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(function, items)
