"""A data folder that can't be written: it is read as ever, and what writes says why it can't and what to do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ingest.verified import file_sha256
from tests.warehouse import made

RDC = Path(sys.executable).with_name("rdc")
#: Mounted read-only in a mount namespace of its own, since rights do not stop root.
MOUNTED = 'mount --bind "$RDC_HOME" "$RDC_HOME" && mount -o remount,ro,bind "$RDC_HOME" && exec "$@"'


def test_it_is_read_and_what_writes_says_why_it_can_not(tmp_path: Path) -> None:
    home = tmp_path / "home"
    release = made.publish(home / "warehouse")
    environment = os.environ | {"RDC_HOME": str(home)}
    within: list[str] = []
    if os.geteuid() == 0:
        within = ["unshare", "--mount", "sh", "-c", MOUNTED, "sh"]
        if not shutil.which("unshare") or subprocess.run([*within, "true"], env=environment, check=False).returncode:
            pytest.skip("root may not mount here, and nothing else stops root from writing")
    else:
        for folder, _, _ in os.walk(home):
            Path(folder).chmod(0o555)

    def rdc(*arguments: str, status: int) -> str:
        command = [*within, str(RDC), *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    before = {f: file_sha256(f) for f in home.rglob("*") if f.is_file()}
    try:
        assert release.release_id in rdc("releases", "--json", status=0)
        assert "3" in rdc("query", "select 1 + 2", status=0)
        for arguments in (["run", "--source", "sample"], ["backup", str(tmp_path / "kept")]):
            told = " ".join(rdc(*arguments, status=1).split())
            assert "can't be written" in told and ("mount it" in told or "sudo -u" in told)
        assert {f: file_sha256(f) for f in home.rglob("*") if f.is_file()} == before
    finally:
        for folder, _, _ in os.walk(home):
            Path(folder).chmod(0o755)
