"""Schemathesis asks the API whatever its OpenAPI document allows, and much that it does not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.warehouse.conftest import Center


def test_schemathesis_finds_nothing(center: Center, tmp_path: Path) -> None:
    # An address that is too long is refused as such, before anyone looks at what is in it.
    statuses = [400, 401, 403, 404, 405, 406, 409, 414, 415, 429]
    # A cursor of the right form that we did not give, and several names that are not there, are 400 all the same.
    given = [200, 400, 401, 403, 404, 406, 429]
    of_listings = "".join(
        f'[[operations]]\ninclude-name = "GET {path}"\nchecks.positive_data_acceptance.expected-statuses = {given}\n'
        for path in ("/waarnemingen", "/gebieden", "/tabellen/{tabel}")
    )
    (tmp_path / "schemathesis.toml").write_text(
        f"[checks]\nnegative_data_rejection.expected-statuses = {statuses}\n{of_listings}"
    )
    done = subprocess.run(
        [
            *(str(Path(sys.executable).with_name("schemathesis")), "run", f"{center.service.url}/v1/openapi.json"),
            *(
                "--url",
                f"{center.service.url}/v1",
                "--max-examples",
                "8",
                "--phases",
                "examples,coverage,fuzzing",
                "--seed",
                "2026",
            ),
            *("--checks", "all", "--generation-database", "none", "--no-color"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
