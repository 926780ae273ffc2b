import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.radio import kernel_cases


@pytest.fixture(scope="module")
def plain():
    return kernel_cases.runs(), kernel_cases.links()


@pytest.fixture(scope="module", params=["NUMBA_DISABLE_JIT", "NUMBA_BOUNDSCHECK"])
def checked(request, tmp_path_factory):
    """The same in one process of its own; numba keeps nothing compiled with bounds checked, so both cases share it."""
    own = {request.param: "1", "NUMBA_OPT": "0", "NUMBA_CACHE_DIR": str(tmp_path_factory.mktemp("numba"))}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.radio.kernel_cases"],
        cwd=Path(__file__).parents[2],
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        check=True,
        timeout=400,
    )
    return json.loads(done.stdout)


def test_kernels_give_the_same_interpreted_and_with_bounds_checked(plain, checked):
    expected, found = plain[0], checked[0]
    assert found[0] == pytest.approx(expected[0], abs=1e-4)
    assert found[1] == pytest.approx(expected[1], abs=1e-5)
    assert found[2] == pytest.approx(expected[2], rel=1e-5)


def test_kernels_of_single_links_give_the_same_interpreted_and_with_bounds_checked(plain, checked):
    (under, depth), (found_under, found_depth) = plain[1], checked[1]
    assert any(depth)
    for one, other in zip(under, found_under, strict=True):
        assert other == pytest.approx(one, abs=1e-6)
    assert found_depth == pytest.approx(depth, abs=1e-6)
