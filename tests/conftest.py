"""What the tests share: a data folder, the stand-in for CBS, and where the recorded tables are, if anywhere."""

from __future__ import annotations

import os
from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# The same examples in every run, however slow the machine: what a change breaks is told by that change. To look further, by hand:
# ``pytest --hypothesis-profile wide``.
settings.register_profile("gate", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("wide", deadline=None, max_examples=2000, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("gate")

#: Where the workers write which tests belong together.
GROUPS = "rdc/groups"
#: Fixtures of a whole session that take long to make. What asks for one of them goes to one worker, these first.
DEAR = ("released", "center", "candidate")


def _shares(item: pytest.Item) -> str:
    """The dear fixture that a test shares with others, or its file where it shares one of that file's own; else itself."""
    if not isinstance(item, pytest.Function):
        return item.nodeid
    found = item._fixtureinfo.name2fixturedefs
    scopes = {name: found[name][-1].scope for name in item.fixturenames if name in found}
    if dear := next((name for name in DEAR if scopes.get(name) == "session"), None):
        return dear
    return str(item.path) if "module" in scopes.values() else item.nodeid


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In a worker of xdist: tells the scheduler what belongs together, and puts the long of it first, so that none waits at the end."""
    if hasattr(config, "workerinput"):
        groups = {item.nodeid: _shares(item) for item in items}
        alone, size = len(DEAR) + 1, Counter(groups.values())
        items.sort(key=lambda i: DEAR.index(of) if (of := groups[i.nodeid]) in DEAR else alone - (size[of] > 1))
        config.cache.set(GROUPS, groups)  # type: ignore[union-attr]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Tests that share something dear to make (a release, a run of all faults) go to one worker; the others spread.

    The mark ``xdist_group`` says the same, but xdist 3.8 writes it into a field that pytest 9.2 no longer has.
    """
    from xdist.scheduler import LoadScopeScheduling

    class BySharedFixture(LoadScopeScheduling):
        groups = cached_property(lambda self: config.cache.get(GROUPS, {}))  # once all workers have collected

        def _split_scope(self, nodeid: str) -> str:
            return str(self.groups.get(nodeid, nodeid))

    return BySharedFixture(config, log)


PROJECT = Path(__file__).parent.parent


def shared() -> Path | None:
    """The folder with recorded CBS tables; a clone of the project does not have it."""
    folder = Path(os.environ.get("RDC_SHARED", PROJECT.parent / "shared"))
    return folder if (folder / "statline").is_dir() else None


@pytest.fixture(scope="session")
def recorded() -> Path:
    folder = shared()
    if folder is None:
        pytest.skip("the recorded CBS tables are not here (set RDC_SHARED to their folder)")
    return folder / "statline"
