"""The realm in which foreign clients run: one for all tests of a worker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.local_org.foreign.realm import Realm, realm, why_not


@pytest.fixture(scope="session")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Realm]:
    """A demo org that answers at Salesforce's own host names, in a network namespace without a way out."""
    home = tmp_path_factory.mktemp("realm")
    reason = why_not(home)
    if reason is not None:
        pytest.skip(f"foreign clients run in a network namespace, and there is none: {reason}")
    with realm(home) as served:
        yield served
