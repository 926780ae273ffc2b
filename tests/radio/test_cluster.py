"""Coverage computed by other programs over the network: tasks and tallies travel by TCP, nothing is shared."""

import os
import secrets
import subprocess
import sys
from contextlib import contextmanager
from multiprocessing.connection import Listener
from pathlib import Path

import numpy as np

from siting.radio import coverage, demand, network, terrain
from tests.radio.radio_scenes import buildings, grid
from tests.radio.test_coverage import _sites

ROOT = Path(__file__).parents[2]
NETWORK = network.load_networks()["ctcu-n78-a"]
WORKER = """
import sys
from multiprocessing.connection import Client
with Client(("127.0.0.1", int(sys.argv[1])), authkey=bytes.fromhex(sys.stdin.readline())) as line:
    while (work := line.recv()) is not None:
        line.send(work[0](work[1]))
"""


@contextmanager
def cluster(count):
    """An ordered map over programs of their own, each given every so-manieth task in reverse order."""
    key = secrets.token_bytes(16)
    with Listener(("127.0.0.1", 0), authkey=key) as door:
        call = [sys.executable, "-c", WORKER, str(door.address[1])]
        programs = [
            subprocess.Popen(
                call, stdin=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}
            )
            for _ in range(count)
        ]
        for program in programs:
            print(key.hex(), file=program.stdin, flush=True)
        lines = [door.accept() for _ in programs]

        def ordered(function, tasks):
            items = list(tasks)
            done = [None] * len(items)
            for at in reversed(range(len(items))):
                lines[at % count].send((function, items[at]))
                done[at] = lines[at % count].recv()
            return iter(done)

        yield ordered
        for line in lines:
            line.send(None)
            line.close()
        for program in programs:
            program.communicate(timeout=60)


def test_programs_of_their_own_over_the_network_give_the_same_bits_in_any_order():
    ground, _ = terrain.from_layers(grid(), buildings(3))
    units = demand.units(grid(10.0), ground, {"buildings": buildings(3).assign(residents=10.0)})
    sites = _sites(4, 40).assign(model=["uma", "umi", "free_space"] * 40)
    alone = coverage.coverage(sites, ground, units, NETWORK)
    with cluster(2) as over_the_network:
        apart = coverage.coverage(sites, ground, units, NETWORK, map=over_the_network)
    for name in ("rsrp_dbm", "sinr_db", "server", "flags", "p_los", "state", "sigma_db"):
        np.testing.assert_array_equal(getattr(alone, name), getattr(apart, name))
    for one, two in zip(alone.kept.tally, apart.kept.tally, strict=True):
        np.testing.assert_array_equal(one, two)
