"""``SHA256SUMS``: the SHA-256 of every file of a release, in the form that ``sha256sum --check`` reads."""

from __future__ import annotations

from pathlib import Path

from ingest.verified import file_sha256

SUMS = "SHA256SUMS"


def write_sums(folder: Path) -> None:
    """Write it over every file in the folder."""
    lines = [
        f"{file_sha256(file)}  {file.relative_to(folder).as_posix()}\n"
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != SUMS
    ]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")


def read_sums(text: str) -> dict[str, str]:
    """File → SHA-256, from its text."""
    return {name: digest for line in text.splitlines() if line for digest, _, name in [line.partition("  ")]}
