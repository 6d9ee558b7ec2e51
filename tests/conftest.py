"""What the tests share: a data folder, the stand-in for CBS, and where the recorded tables are, if anywhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share something dear to make (a release, a run of all faults) go to one worker; the others spread."""
    for item in items:
        shared = getattr(item, "_fixtureinfo", None)
        fixtures = shared.name2fixturedefs if shared else {}
        if "released" in fixtures:
            item.add_marker(pytest.mark.xdist_group("released"))
        elif "module" in {d[-1].scope for d in fixtures.values()}:
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))


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
