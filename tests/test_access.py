import pytest

from siting.access import PERMISSIONS, Actor, local_admin, may, require
from siting.errors import NotAllowed


def test_the_local_administrator_holds_every_permission_of_the_first_screens():
    assert all(may(local_admin(source="cli"), permission) for permission in PERMISSIONS)


def test_an_unknown_permission_is_denied():
    assert not may(local_admin(source="cli"), "asset.explode")


def test_an_unknown_role_is_refused_with_permission_and_role_named():
    nobody = Actor(id="x", name="x", org="x", role="auditor")
    with pytest.raises(NotAllowed, match=r"auditor.*plan\.run"):
        require(nobody, "plan.run")
