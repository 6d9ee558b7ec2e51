"""Units and containers: what systemd and compose make of them, and that all of it listens on this machine alone."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted([*DEPLOY.glob("systemd/*.service"), *DEPLOY.glob("systemd/*.timer")])


def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    verify = shutil.which("systemd-analyze")
    if verify is None:
        pytest.skip("systemd-analyze is not here")
    command = tmp_path / "rdc"
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    for unit in UNITS:
        (tmp_path / unit.name).write_text(unit.read_text(encoding="utf-8").replace("/opt/rdc/bin/rdc", str(command)))
    files = [str(tmp_path / unit.name) for unit in UNITS]
    done = subprocess.run([verify, "verify", "--man=no", *files], capture_output=True, text=True, check=False)
    ours = [line for line in done.stderr.splitlines() if "rdc-" in line or str(tmp_path) in line]
    assert ours == [], done.stderr


@pytest.mark.parametrize("unit", [u for u in UNITS if u.suffix == ".service"], ids=lambda unit: unit.name)
def test_a_service_may_do_little(unit: Path) -> None:
    text = unit.read_text(encoding="utf-8")
    for line in ("User=rdc", "ProtectSystem=strict", "NoNewPrivileges=yes", "CapabilityBoundingSet=", "PrivateTmp=yes"):
        assert line in text.splitlines()
    assert "0.0.0.0" not in text


def test_the_commands_of_units_and_containers_are_there() -> None:
    from orchestration.cli import main

    told = re.findall(r"^ExecStart=/opt/rdc/bin/rdc (.+)$", "\n".join(u.read_text() for u in UNITS), re.MULTILINE)
    told += [" ".join(part["command"]) for part in _compose()["services"].values() if part.get("image") == "rdc"]
    assert len(told) == 7
    for command in told:
        words = command.split()
        names = [word for word in words[:2] if word.isalpha()]
        asked = CliRunner().invoke(main, [*names, "--help"])
        assert asked.exit_code == 0 and all(o in asked.output for o in words if o.startswith("--")), command


def test_containers_can_write_their_data_and_nothing_else() -> None:
    compose = _compose()
    assert compose["services"]["web"]["ports"] == ["127.0.0.1:8443:8443"]
    for name, part in compose["services"].items():
        assert part["read_only"] and part["cap_drop"] == ["ALL"], name
        assert name == "web" or (part["network_mode"] == "service:web" and part["healthcheck"] and "ports" not in part)
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
    assert re.findall(r"^USER (\S+)$", text, re.MULTILINE) == ["10001"]
    copied = [word for line in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE) for word in line.split()]
    assert copied and all((ROOT / name).exists() for name in copied)


def _compose() -> dict[str, dict[str, dict[str, object]]]:
    return yaml.safe_load((DEPLOY / "compose.yml").read_text(encoding="utf-8"))
