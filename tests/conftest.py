"""What the tests share: a data folder, the stand-in for CBS, and where the recorded tables are, if anywhere."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Tests that share something dear to make (a release, a run of all faults) go to one worker; the others spread.

    The mark ``xdist_group`` says the same, but xdist 3.8 writes it into a field that pytest 9.2 no longer has.
    """
    from xdist.scheduler import LoadScopeScheduling

    @cache
    def shared_by(file: str) -> str | None:
        text = (config.rootpath / file).read_text(encoding="utf-8")
        of_all = next((fixture for fixture in ("released: Rdc", "center: Center") if fixture in text), None)
        return of_all or (file if 'scope="module"' in text else None)

    class BySharedFixture(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return shared_by(nodeid.partition("::")[0]) or nodeid

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
