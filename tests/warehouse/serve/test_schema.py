"""Schemathesis asks the API whatever its OpenAPI document allows, and much that it does not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.warehouse.conftest import Center
from tests.warehouse.made import PERIODS

THERE = {
    "indicator": ["bev_inwoners", "won_prijs"],
    "thema": ["bevolking", "wonen"],
    "gebied": ["GM0770", "GM1728"],
    "gebiedSoort": ["gemeente"],
    "periode": PERIODS,
}


def test_schemathesis_finds_nothing(center: Center, tmp_path: Path) -> None:
    # Names that are not there are refused, and a cursor that we did not give: the one is asked for with names that are, the other
    # in test_cursor. So what the document allows is to be answered.
    document = center.service.get("/v1/openapi.json").json()
    for operations in document["paths"].values():
        for operation in operations.values():
            asked = [p for p in operation.get("parameters", []) if p["name"] != "cursor"]
            for parameter in asked:
                if parameter["in"] == "query" and parameter["name"] in THERE:
                    parameter["schema"] = {"type": "array", "items": {"enum": THERE[parameter["name"]]}, "maxItems": 3}
            operation["parameters"] = asked
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    # An address that is too long is refused as such, before anyone looks at what is in it.
    statuses = [400, 401, 403, 404, 405, 406, 409, 414, 415, 429]
    # What is no name of a table is 404, and a form that one listing does not have is 406; 400 would be ours to explain.
    given = [200, 401, 403, 404, 406, 429]
    (tmp_path / "schemathesis.toml").write_text(
        f"[checks]\nnegative_data_rejection.expected-statuses = {statuses}\n"
        f"positive_data_acceptance.expected-statuses = {given}\n"
    )
    done = subprocess.run(
        [
            *(str(Path(sys.executable).with_name("schemathesis")), "run", "openapi.json"),
            *(
                "--url",
                f"{center.service.url}/v1",
                "--request-timeout",
                "60",
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
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
