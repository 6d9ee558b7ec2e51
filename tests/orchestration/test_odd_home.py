"""A whole run in a data folder whose name means something to SQL, a URL, a shell and a glob."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.orchestration.conftest import Rdc

pytestmark = pytest.mark.long


def test_a_run_in_an_odd_folder(tmp_path: Path) -> None:
    rdc = Rdc(tmp_path / "a'b;c?d#e %20 [x]*", {})
    rdc.home.mkdir()
    rdc("run", "--source", "sample")
    assert rdc.json("status")["release"]["release_id"] == rdc.json("releases")[0]["release_id"]
    assert "Eersel" in rdc("pull", "bevolking", "--region", "GM0770").stdout
    assert "19313" in rdc("explain", "bev_inwoners", "GM0770", "2020JJ00").stdout
    assert [p.name for p in tmp_path.iterdir()] == [rdc.home.name]
