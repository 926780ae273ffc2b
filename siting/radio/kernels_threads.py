"""Work shared out over the threads of this process; the kernels let go of the interpreter while they run."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba


def on_threads(work: Callable[..., Any], parts: Sequence[Any]) -> list[Any]:
    """Results of a compiled function over parts, in their order; as many threads as numba may use."""
    threads = min(numba.get_num_threads(), len(parts))
    if threads < 2:  # noqa: PLR2004 - one thread needs no pool
        return [work(part) for part in parts]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, parts))
