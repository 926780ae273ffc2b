import pytest

from siting.actions.planchecks import Checked, apart


@pytest.mark.parametrize(("checked", "expected"), [(1019.0, 1000.0), (981.0, 1000.0), (50.0, 0.0)])
def test_a_network_that_adds_nearly_what_the_plan_says_is_no_finding(checked, expected):
    assert apart(Checked(5000.0, checked), expected) == ()
    assert apart(None, expected) == ()


@pytest.mark.parametrize(("checked", "share"), [(970.0, "3.0%"), (1500.0, "50.0%"), (0.0, "100.0%")])
def test_a_network_that_adds_two_in_a_hundred_otherwise_is_told_with_both_figures(checked, share):
    (finding,) = apart(Checked(5000.0, checked), 1000.0)
    assert (finding.code, finding.value) == ("plan_checked_apart", share)
    assert dict(finding.values) == {"checked": checked, "added": 1000.0, "limit": "2%"}
    for lang in ("zh_CN", "en"):
        assert "2%" in finding.say("message", lang=lang) + finding.say("remedy", lang=lang)
