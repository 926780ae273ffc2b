"""How the tests are dealt to the workers: nothing dear is made twice, and neither worker waits for the other at the end."""

from xdist.scheduler import LoadScopeScheduling

# Folders whose tests share what is dear to make, so that one worker makes it: servers, districts with everything computed.
TOGETHER = ("tests/store/", "tests/e2e/", "tests/secrecy/", "tests/pages/")
# The first module compiles the kernels; meanwhile the other worker does what needs none, and finds them compiled.
# Then what takes long, so that short modules are left for the end.
ORDER = (
    "tests/actions/test_alternatives.py",
    "tests/assets/",
    "tests/store/",
    "tests/ledger/",
    "tests/geo/",
    "tests/test_architecture.py",
    "tests/test_docs.py",
    "tests/test_words.py",
    "tests/e2e/",
    "tests/secrecy/",
    "tests/pages/",
    "tests/radio/test_kernels.py",
    "tests/plan/test_kernels.py",
    "tests/actions/",
    "tests/plan/",
    "tests/radio/",
)


def place(nodeid: str) -> int:
    """Place of a test in the order; those of one place stay as they were found."""
    return next((at for at, start in enumerate(ORDER) if nodeid.startswith(start)), len(ORDER))


class ByFolder(LoadScopeScheduling):
    """Whole modules to a worker, whole folders where they share something dear."""

    def _split_scope(self, nodeid: str) -> str:
        return next((folder for folder in TOGETHER if nodeid.startswith(folder)), super()._split_scope(nodeid))
