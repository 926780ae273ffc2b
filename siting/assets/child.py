"""The parsing process: limits on itself first, then one file from standard input to JSON on standard output.

Started by `siting.assets.gate` as ``python -m siting.assets.child``; a person has no use for it.
"""

import ctypes
import json
import resource
import sys
from collections.abc import Mapping

from siting.assets import raw as raw_tables
from siting.assets import rawsheet, rawtext, rawvector
from siting.assets.raw import Limits, Raw
from siting.errors import BadInput

_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000


def parse(data: bytes, *, kind: str, sheet: str | None, limits: Limits) -> Raw:
    """Parse a file of a kind that the gate has found by content.

    Raises
    ------
    BadInput
        If the file is not what it looks like.
    """
    if kind == "geojson":
        return rawvector.parse_geojson(data, limits=limits)
    if kind == "gpkg":
        return rawvector.parse_gpkg(data, sheet=sheet, limits=limits)
    if kind == "shapefile":
        return rawvector.parse_shapefile(data, sheet=sheet, limits=limits)
    if kind == "xlsx":
        return rawsheet.parse(data, sheet=sheet, limits=limits)
    return rawtext.parse(data, limits=limits)


def confine(limits: Limits) -> None:
    """Limit memory, processor time and file size of this process and cut it off from every network.

    Only a process of one thread may leave the network, so numerical libraries are started with one.
    Where the system grants no namespace the parsers still open nothing but this one file.
    """
    resource.setrlimit(resource.RLIMIT_AS, (limits.max_memory_bytes, limits.max_memory_bytes))
    seconds = max(1, int(limits.max_seconds))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits.max_expanded_bytes, limits.max_expanded_bytes))
    if sys.platform == "linux":
        ctypes.CDLL(None).unshare(_CLONE_NEWUSER | _CLONE_NEWNET)


def main(arguments: Mapping[str, object]) -> bytes:
    """Answer for one request: the raw table, or the key and values of what is wrong."""
    limits = Limits(**arguments["limits"])  # type: ignore[arg-type]
    confine(limits)
    sheet = arguments["sheet"]
    try:
        table = parse(
            sys.stdin.buffer.read(),
            kind=str(arguments["kind"]),
            sheet=None if sheet is None else str(sheet),
            limits=limits,
        )
        return raw_tables.dump(table)
    except BadInput as error:
        return json.dumps({"error": error.key, "values": error.values}, default=str).encode()
    except MemoryError:
        return json.dumps({"error": "assets.gate.memory", "values": {}}).encode()


if __name__ == "__main__":
    sys.stdout.buffer.write(main(json.loads(sys.argv[1])))
