"""Keys are made, listed and revoked by command; the key itself is shown once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from ingest.storage.durable import PRIVATE, Damaged, record
from tests.orchestration.conftest import Rdc
from warehouse.serve.keys import AccessKeyError, Keys
from warehouse.sharing.access import Scope


def test_add_list_revoke(tmp_path: Path) -> None:
    rdc = Rdc(tmp_path, {})
    secret = rdc(
        *("keys", "add", "eersel-bi", "--partner", "Gemeente Eersel", "--level", "municipality"),
        *("--municipality", "GM0770", "--days", "30"),
    ).stdout.strip()
    assert secret.startswith("rdc_") and len(secret) > 40
    assert Keys(tmp_path).find(secret).scope == Scope("municipality", ("GM0770",))  # type: ignore[union-attr]
    listed = rdc("keys", "list").stdout
    assert "eersel-bi" in listed and "GM0770" in listed and secret not in listed
    rdc("keys", "revoke", "eersel-bi")
    [key] = rdc.json("keys", "list")
    assert key["state"] == "revoked" and "digest" not in key and secret not in str(key)
    assert "There is no key nobody. Known: eersel-bi" in " ".join(
        rdc("keys", "revoke", "nobody", status=1).stderr.split()
    )


@pytest.mark.parametrize(
    ("name", "level", "municipalities", "said"),
    [
        ("x y", "partners", [], "is no name for a key"),
        ("abc", "municipality", [], "needs --municipality"),
        ("abc", "partners", ["GM0770"], "other levels take none"),
        ("abc", "municipality", ["Eersel"], "is no municipality's code"),
        ("abc", "municipality", ["GM0770') or true --"], "is no municipality's code"),
    ],
)
def test_what_makes_no_key(tmp_path: Path, name: str, level: str, municipalities: list[str], said: str) -> None:
    with pytest.raises(AccessKeyError, match=said):
        Keys(tmp_path).add(name, "Partner", level, municipalities)
    assert not (tmp_path / "keys.json").exists()


def test_a_name_is_given_once(tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    keys.add("abc", "Partner", "partners")
    with pytest.raises(AccessKeyError, match="already"):
        keys.add("abc", "Partner", "partners")


def test_a_key_that_is_not_there_cant_be_revoked(tmp_path: Path) -> None:
    keys = Keys(tmp_path / "not" / "yet")
    with pytest.raises(AccessKeyError, match=r"There is no key nobody\. Known: none\."):
        keys.revoke("nobody")
    for name in ("abc", "other"):
        keys.add(name, "Partner", "partners")
    with pytest.raises(AccessKeyError, match=r"There is no key nobody\. Known: abc, other\."):
        keys.revoke("nobody")
    keys.revoke("abc")
    assert [bool(k.revoked_at) for k in keys.all()] == [True, False]
    assert (tmp_path / "not" / "yet" / ".keys.lock").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("content", [[{"key_id": "abc"}], [{"nonsense": 1, "municipalities": []}], [3]])
def test_what_is_no_list_of_keys_opens_nothing(tmp_path: Path, content: list[object]) -> None:
    record(tmp_path / "keys.json", content, PRIVATE)
    with pytest.raises(Damaged, match="it is no list of keys"):
        Keys(tmp_path).find("rdc_anything")


def test_keys_that_are_made_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    """Thirteen processes at once, as a script that hands out keys in the background starts them."""
    script = (
        "import sys; from pathlib import Path; from warehouse.serve.keys import Keys; sys.stdin.readline(); "
        "Keys(Path(sys.argv[1])).add(sys.argv[2], 'Partner', 'partners')"
    )
    names = [f"key-{n:02}" for n in range(13)]
    started = [
        subprocess.Popen([sys.executable, "-c", script, str(tmp_path), name], stdin=subprocess.PIPE) for name in names
    ]
    for process in started:
        assert process.stdin is not None
        process.stdin.close()
    assert [process.wait(60) for process in started] == [0] * 13
    assert sorted(k.key_id for k in Keys(tmp_path).all()) == names


def test_a_command_that_holds_on_to_the_keys_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warehouse.serve.keys._PATIENCE", 0.1)
    with FileLock(tmp_path / ".keys.lock"), pytest.raises(AccessKeyError, match="Another `rdc keys`"):
        Keys(tmp_path).add("abc", "Partner", "partners")
