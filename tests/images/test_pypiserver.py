"""The package index in its image."""

from __future__ import annotations

import pytest

from specs.container import STOP_TIMEOUT_SECONDS
from tests.images.conftest import New, native_only
from tests.support.app_container import PASSWORD, AppContainer
from tests.support.machine import session


@pytest.fixture
def service(running: New) -> AppContainer:
    """A container of the app."""
    return running("pypiserver")


@native_only
def test_the_index_only_accepts_the_password(service: AppContainer) -> None:
    statuses = [
        session().get(f"{service.url}/simple/", auth=auth, timeout=60).status_code
        for auth in (None, ("team", f"{PASSWORD}x"), ("team", PASSWORD))
    ]
    assert statuses[0] in (401, 403)
    assert statuses[1] in (401, 403)
    assert statuses[2] == 200


@native_only
def test_sigterm_ends_it_in_order(new: New) -> None:
    code, seconds = new("pypiserver").start().healthy().stop()
    assert code == 0
    assert seconds < STOP_TIMEOUT_SECONDS
