import numpy as np
import pytest

from siting.errors import BadInput
from siting.radio import patternfile
from siting.radio.antenna import gain_dbi, read_msi, sector

MODEL = sector(0.0)
ALL = np.arange(360.0)
FLAT = [-float(gain_dbi(MODEL, angle, 0.0)) for angle in ALL]


def leaning(tilt_deg):
    """Vertical losses of a beam of 10 degrees that looks so far down, at 0 to 359 degrees down from the horizon."""
    return [min(12.0 * (((a - tilt_deg + 180.0) % 360.0 - 180.0) / 10.0) ** 2, 30.0) for a in ALL]


def cut(name, losses, angles=ALL, style="{:g} {:g}"):
    return "\n".join([f"{name} {len(losses)}", *(style.format(a, v) for a, v in zip(angles, losses, strict=True))])


def text(head="NAME A\nGAIN 16 dBi\n", horizontal=FLAT, vertical=None, **style):
    vertical = leaning(0.0) if vertical is None else vertical
    return f"{head}{cut('HORIZONTAL', horizontal, **style)}\n{cut('VERTICAL', vertical, **style)}\n".encode()


def codes(found):
    return [finding.code for finding in found]


def test_a_plain_file_gives_back_its_numbers_and_nothing_to_remark():
    head = "NAME KT-65\nMAKE Acme\nFREQUENCY 3500\nH_WIDTH 65\nV_WIDTH 10\nGAIN 16 dBi\nTILT 0\nPOLARIZATION +45\nCOMMENT x y\n"
    pattern, found = read_msi(text(head))
    assert (pattern.name, pattern.peak_dbi, len(found)) == ("KT-65", 16.0, 0)
    assert pattern.horizontal_db == pytest.approx(FLAT, abs=1e-4)
    assert pattern.hpbw_h_deg == pytest.approx(65.0, abs=0.1)
    assert pattern.hpbw_v_deg == pytest.approx(10.0, abs=0.1)
    assert patternfile.words_of(text(head))["MAKE"] == "Acme"


@pytest.mark.parametrize(
    ("said", "dbi"),
    [
        ("16 dBi", 16.0),
        ("16dBi", 16.0),
        ("16 dBd", 18.15),
        ("16", 18.15),
        ("13,85 dBd", 16.0),
        ("16.0 DBI", 16.0),
        ("dBi 16", 16.0),
    ],
)
def test_a_gain_counts_from_a_dipole_unless_the_file_says_otherwise(said, dbi):
    assert read_msi(text(f"NAME A\nGAIN {said}\n"))[0].peak_dbi == pytest.approx(dbi)


def test_case_tabs_decimal_commas_and_a_missing_name_key_are_no_matter():
    plain, _ = read_msi(text())
    odd = text("Acme KT-65 dual\r\nGain\t16,0 dBi\r\n", style="{:.1f}\t{:.4f}").replace(b".", b",")
    odd = odd.replace(b"HORIZONTAL", b"horizontal").replace(b"VERTICAL", b"Vertical").replace(b"\n", b"\r\n")
    pattern, found = read_msi(odd)
    assert (pattern.name, len(found)) == ("Acme KT-65 dual", 0)
    assert pattern.horizontal_db == pytest.approx(plain.horizontal_db, abs=1e-3)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030", "utf-16"])
def test_the_usual_encodings_are_read(encoding):
    data = text("NAME 定向天线\nGAIN 16 dBi\n").decode().encode(encoding)
    assert read_msi(data)[0].name == "定向天线"


def test_a_file_is_read_from_its_path_too(tmp_path):
    (tmp_path / "a.pln").write_bytes(text())
    assert read_msi(tmp_path / "a.pln") == read_msi(text())
    assert read_msi(str(tmp_path / "a.pln")) == read_msi(text())


def test_missing_and_uneven_angles_are_filled_round_the_circle():
    angles = np.sort(np.concatenate([np.arange(5.0, 360.0, 10.0), [7.5]]))
    losses = [abs((a + 180.0) % 360.0 - 180.0) / 10.0 for a in angles]
    data = f"NAME A\nGAIN 10 dBi\n{cut('HORIZONTAL', losses, angles)}\n{cut('VERTICAL', leaning(0.0))}".encode()
    pattern, found = read_msi(data)
    assert codes(found) == ["pattern_resampled"]
    # A straight line from 355 to 5 degrees over the seam, and between the points 175 and 185 on the other side.
    assert pattern.horizontal_db[0] == pytest.approx(0.5)
    assert pattern.horizontal_db[180] == pytest.approx(17.5)
    assert pattern.horizontal_db[90] == pytest.approx(9.0)


def test_angles_from_minus_180_are_the_same_circle():
    order = np.arange(-180.0, 180.0)
    by_angle = [FLAT[int(a) % 360] for a in order]
    down = [leaning(0.0)[int(a) % 360] for a in order]
    pattern, found = read_msi(text(horizontal=by_angle, vertical=down, angles=order))
    assert (pattern.horizontal_db, codes(found)) == (read_msi(text())[0].horizontal_db, [])


def test_losses_that_are_all_negative_are_turned_with_a_remark():
    pattern, found = read_msi(text(horizontal=[-v for v in FLAT]))
    assert codes(found) == ["pattern_sign"]
    assert pattern.horizontal_db == read_msi(text())[0].horizontal_db


def broken(what):
    losses = {"signs": [*FLAT[:40], -3.0, *FLAT[41:]], "points": FLAT[:35]}.get(what, FLAT)
    angles = ALL[: len(losses)]
    head = "NAME A\n" if what == "gain" else "NAME A\nGAIN 16 dBi\n"
    tail = "" if what == "cut" else cut("VERTICAL", leaning(0.0))
    body = cut("HORIZONTAL", losses, angles).replace("\n7 ", "\n7 x" if what == "letters" else "\n7 ")
    return f"{head}{body}\n{tail}\n".encode()


@pytest.mark.parametrize(
    ("what", "key", "line"),
    [
        ("signs", "radio.pattern.signs", 44),
        ("points", "radio.pattern.points", 3),
        ("gain", "radio.pattern.gain", 2),
        ("letters", "radio.pattern.point", 11),
        ("cut", "radio.pattern.points", 0),
    ],
)
def test_what_cannot_be_a_pattern_is_refused_and_the_line_named(what, key, line):
    with pytest.raises(BadInput) as refused:
        read_msi(broken(what))
    assert refused.value.key == key
    assert refused.value.values["line"] == line


@pytest.mark.parametrize("data", [b"", b"  \n", b"PK\x03\x04\x00\x00", b"x" * 1_000_001, b"\xff\xfe\x00"])
def test_what_is_no_text_of_a_sensible_size_is_refused(data):
    with pytest.raises(BadInput):
        read_msi(data)


@pytest.mark.parametrize(
    "said", ["TILT 6", "TILT ELECTRICAL 6", "TILT ELECTRICAL", "TILT ELECTRICAL\nELECTRICAL_TILT 6", "TILT -6"]
)
def test_a_file_that_states_a_tilt_but_beams_above_the_horizon_waits_for_a_person(said):
    upwards = text(f"NAME A\nGAIN 16 dBi\n{said}\n", vertical=leaning(354.0))
    pattern, found = read_msi(upwards)
    assert codes(found) == ["vertical_flipped"]
    assert patternfile.beam_deg(pattern.vertical_db) == pytest.approx(-6.0, abs=0.01)
    turned, after = read_msi(upwards, flip=True)
    assert codes(after) == ["pattern_tilt"]
    assert turned.vertical_db == pytest.approx(read_msi(text(vertical=leaning(6.0)))[0].vertical_db)


@pytest.mark.parametrize("said", ["", "TILT 0\n", "TILT NONE\n"])
def test_a_beam_above_the_horizon_without_a_stated_tilt_is_left_alone(said):
    assert codes(read_msi(text(f"NAME A\nGAIN 16 dBi\n{said}", vertical=leaning(354.0)))[1]) == []


def test_the_gain_follows_the_cuts_along_the_axes():
    pattern, _ = read_msi(text(vertical=leaning(6.0)))
    assert float(gain_dbi(pattern, 0.0, 6.0)) == pytest.approx(16.0)
    assert float(gain_dbi(pattern, 0.0, 11.0)) == pytest.approx(16.0 - 3.0)
    # 3 dB of the horizontal cut, and of the 4.32 dB that the vertical one loses on the horizon the front's share.
    assert float(gain_dbi(pattern, 32.5, 0.0)) == pytest.approx(16.0 - 3.0 - (180.0 - 32.5) / 180.0 * 4.32, abs=0.01)


def test_fewer_lines_than_announced_are_remarked():
    assert codes(read_msi(text().replace(b"VERTICAL 360", b"VERTICAL 361"))[1]) == ["pattern_count"]


def test_a_sideways_beam_is_remarked():
    assert codes(read_msi(text(horizontal=[*FLAT[270:], *FLAT[:270]]))[1]) == ["pattern_offset"]


@pytest.mark.parametrize("width", [7.0, 33.0, 65.0, 120.0])
def test_half_power_widths_are_those_of_the_parabola(width):
    offset = (ALL + 180.0) % 360.0 - 180.0
    assert patternfile.width_deg(12.0 * (offset / width) ** 2) == pytest.approx(width, abs=0.1)
    assert patternfile.width_deg(np.zeros(360)) == 360.0
