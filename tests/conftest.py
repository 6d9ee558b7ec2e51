"""What the tests share: a data folder, the stand-in for CBS, and where the recorded tables are, if anywhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

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
