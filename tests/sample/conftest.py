import pytest

from siting import sample


@pytest.fixture(scope="session")
def known():
    return sample.facts()


@pytest.fixture(scope="session")
def small(known):
    return sample.make(size="small", **known.frames())
