"""The seeded synthetic district: streets, blocks, public assets, sites, people, fibre; same seed, same bytes."""

from siting.sample.district import AS_OF, LAYERS, SEED, make
from siting.sample.facts import HOME, Facts, facts
from siting.sample.files import read, write

__all__ = ["AS_OF", "HOME", "LAYERS", "SEED", "Facts", "facts", "make", "read", "write"]
