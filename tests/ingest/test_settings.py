"""The environment is read in one way: what can't be used is told with its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.http import Client
from ingest.municipal.drop import settle_seconds
from ingest.settings import Settings, SettingsError, home_of, number, secret


@pytest.mark.parametrize("text", ["veel", "-1", "nan", "inf", "1e999", "0x10"])
def test_a_number_that_is_none_is_told_with_its_name(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, use in (
        ("RDC_HTTP_TIMEOUT", Client),
        ("RDC_HTTP_ATTEMPTS", Client),
        ("RDC_DROP_SETTLE_SECONDS", settle_seconds),
    ):
        with monkeypatch.context() as patched:
            patched.setenv(name, text)
            with pytest.raises(SettingsError, match=f"{name} must be a.* number of"):
                use()


def test_a_number_is_of_the_kind_of_its_default() -> None:
    assert number("X", 60.0, 0, {"X": " 2.5 "}) == 2.5
    assert number("X", 3600, 1, {"X": "20"}) == 20
    assert number("X", 3600, 1, {"X": ""}) == number("X", 3600, 1, {}) == 3600
    with pytest.raises(SettingsError, match="a whole number of 1 or more"):
        number("X", 3600, 1, {"X": "2.5"})


def test_the_data_folder_is_said_once(tmp_path: Path) -> None:
    env = {"RDC_HOME": str(tmp_path / "a" / "..")}
    assert home_of(env) == Settings.from_env(env).home == tmp_path
    assert home_of({}) == Path("data").resolve()


def test_a_secret_may_be_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("kept elsewhere\n", encoding="utf-8")
    assert secret("RDC_X", {}) == ""
    assert secret("RDC_X", {"RDC_X": "here"}) == "here"
    assert secret("RDC_X", {"RDC_X_FILE": str(file)}) == "kept elsewhere"
    with pytest.raises(SettingsError, match="both set"):
        secret("RDC_X", {"RDC_X": "here", "RDC_X_FILE": str(file)})
    with pytest.raises(SettingsError, match="gone"):
        secret("RDC_X", {"RDC_X_FILE": str(tmp_path / "gone")})
