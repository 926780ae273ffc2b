from datetime import date

import pytest

from siting.ledger.screening import MountNeed, codes, default_limits, screen_mount

TODAY = date(2026, 11, 1)
HOST = {
    "class": "street_light", "open_status": "open_free", "slots_total": 2, "slots_reserved": 1, "slots_taken": 0, "height_m": 12.0,
    "mount_height_m": 10.0, "spare_weight_kg": 50.0, "spare_sail_m2": 0.5, "spare_moment_knm": 10.0, "design_wind_kpa": 0.5,
    "year": 2015, "structural_status": "paper_ok", "power": "h24", "power_kva_spare": 1.0, "fibre_pairs_spare": 2,
}  # fmt: skip
NEED = {"mount_height_m": 10.0, "weight_kg": 12.0, "sail_area_m2": 0.12, "power_kva": 0.2, "fibre_pairs": 1}


def _screen(host=None, need=None, **limits):
    figures = default_limits()
    if limits:
        figures = type(figures)(**{**figures.__dict__, **limits})
    return screen_mount({**HOST, **(host or {})}, MountNeed(**{**NEED, **(need or {})}), limits=figures, today=TODAY)


CASES = [
    ("NOT_OPEN", {"open_status": "refused"}, {}),
    ("OBJECTION_OPEN", {"objection_open": True}, {}),
    ("WITHDRAWN", {"open_status": "withdrawn"}, {}),
    ("NO_SLOT", {"slots_taken": 1}, {}),
    ("HEIGHT_LOW", {"mount_height_m": None, "height_m": 9.0}, {}),
    ("WEIGHT_OVER", {"spare_weight_kg": 11.9}, {}),
    ("WEIGHT_NEAR", {"spare_weight_kg": 12.0}, {}),
    ("SAIL_OVER", {"spare_sail_m2": 0.1}, {}),
    ("SAIL_NEAR", {"spare_sail_m2": 0.13}, {}),
    ("MOMENT_OVER", {"spare_moment_knm": 0.7}, {}),
    ("MOMENT_NEAR", {"spare_moment_knm": 0.8}, {}),
    ("LIMIT_UNKNOWN", {"spare_sail_m2": None}, {}),
    ("AGE_UNKNOWN", {"year": None}, {}),
    ("OVER_AGE", {"year": 2005}, {}),
    ("TEST_FAILED", {"structural_status": "tested_fail"}, {}),
    ("TEST_EXPIRED", {"structural_status": "tested_ok", "test_valid_to": date(2026, 10, 31)}, {}),
    ("POWER_NONE", {"power": "none", "power_distance_m": 100.0}, {}),
    ("POWER_FAR", {"power": "none", "power_distance_m": 100.1}, {}),
    ("POWER_NIGHT_ONLY", {"power": "night_only"}, {}),
    ("POWER_SHORT", {"power_kva_spare": 0.1}, {}),
    ("POWER_UNKNOWN", {"power": "unknown"}, {}),
    ("FIBRE_SHORT", {"fibre_pairs_spare": 0}, {}),
    ("FIBRE_UNKNOWN", {"fibre_pairs_spare": None}, {}),
]


@pytest.mark.parametrize(("code", "host", "need"), CASES)
def test_each_fault_gives_its_code_and_the_outcome_of_the_table(code, host, need):
    found = _screen(host, need)
    assert [reason.code for reason in found.reasons] == [code]
    assert found.outcome == codes()[code]


def test_a_sound_host_passes_on_paper_with_its_utilisation():
    found = _screen()
    assert (found.outcome, found.reasons) == ("paper_ok", ())
    assert found.utilisation["MOMENT"] == pytest.approx(0.5 * 1.2 * 0.12 * 10.0 / 10.0)
    assert found.utilisation["WEIGHT"] == pytest.approx(12 / 50)


def test_a_class_for_one_guest_takes_no_second_one():
    found = _screen(need={"guests": 1}, one_guest_classes=frozenset({"street_light"}))
    assert [reason.code for reason in found.reasons] == ["SINGLE_TENANT"]


def test_slots_for_public_safety_serve_public_safety_only():
    assert _screen({"slots_taken": 1, "reserved_for": "public_safety"}, {"public_safety": True}).outcome == "paper_ok"
    assert _screen({"slots_taken": 1, "reserved_for": "owner"}, {"public_safety": True}).outcome == "excluded"


def test_a_valid_test_report_answers_age_and_nearness_but_no_excess():
    tested = {"structural_status": "tested_ok", "test_valid_to": TODAY, "year": None, "spare_weight_kg": 12.0}
    assert _screen(tested).outcome == "paper_ok"
    assert [reason.code for reason in _screen({**tested, "spare_weight_kg": 5.0}).reasons] == ["WEIGHT_OVER"]


def test_every_code_of_the_table_is_produced_by_some_case():
    assert {code for code, _, _ in CASES} | {"SINGLE_TENANT"} == set(codes())
