"""Members of a zip archive, unpacked no farther than allowed, whatever its headers say."""

import io
import zipfile
import zlib
from collections.abc import Callable, Mapping

from siting.assets.raw import Limits
from siting.errors import BadInput


def unpack(data: bytes, *, wanted: Callable[[str], bool], limits: Limits) -> Mapping[str, bytes]:
    """Content of the wanted members by name.

    Parameters
    ----------
    data : bytes
        An archive that passed the gate.
    wanted : callable
        Whether a member is needed, by its name.
    limits : Limits
        The sum of unpacked bytes is counted while reading; sizes stated in the archive are not believed.

    Raises
    ------
    BadInput
        If the archive is damaged or expands beyond the limit.
    """
    out: dict[str, bytes] = {}
    left = limits.max_expanded_bytes
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.infolist():
                if wanted(member.filename):
                    with archive.open(member) as file:
                        out[member.filename] = file.read(left + 1)
                    left -= len(out[member.filename])
                    _stay_within(left, data, limits)
    except (zipfile.BadZipFile, zlib.error, ValueError, KeyError, EOFError, OSError, RuntimeError) as error:
        raise BadInput("assets.gate.broken", kind="zip", reason=f"{type(error).__name__}: {error}") from error
    return out


def _stay_within(left: int, data: bytes, limits: Limits) -> None:
    if left < 0:
        expanded = limits.max_expanded_bytes // 2**20
        raise BadInput("assets.gate.expansion", expanded_mb=expanded, packed_mb=round(len(data) / 2**20, 2))
