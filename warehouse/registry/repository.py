"""What the history of the project's files proves: since when a declaration stands there as it does.

A day that someone wrote into a declaration is a claim. The day of a commit is told by the repository, which others have copies of.
"""

from __future__ import annotations

import re
import subprocess
from datetime import UTC, date, datetime
from pathlib import Path

_UNCOMMITTED = "0" * 40
_SECONDS = 20


def standing_since(file: Path, name: str) -> date | None:
    """The day of the youngest commit of the lines of a declaration: since then it stands there as it does.

    :param name: its ``id``; its lines go on to the next ``- id:``.
    :returns: None where that can't be told: the file is in no git checkout, a line was not committed yet, or git is not there.
    """
    first, last = _lines(file.read_text(encoding="utf-8").splitlines(), name)
    try:
        told = subprocess.run(
            ["git", "-C", str(file.parent), "blame", "--line-porcelain", "-L", f"{first},{last}", "--", file.name],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    stamps = [int(found) for found in re.findall(r"^committer-time (\d+)$", told.stdout, re.M)]
    if told.returncode or not stamps or _UNCOMMITTED in told.stdout:
        return None
    return datetime.fromtimestamp(max(stamps), UTC).date()


def _lines(lines: list[str], name: str) -> tuple[int, int]:
    """The first and last line of a declaration, counted from 1; all of the file where it is written in another way."""
    starts = [at for at, line in enumerate(lines, 1) if re.match(r"\s*-\s*id:", line)]
    own = [at for at in starts if re.match(rf"\s*-\s*id:\s*[\"']?{re.escape(name)}[\"']?\s*(#.*)?$", lines[at - 1])]
    if not own:
        return 1, max(len(lines), 1)
    last = min((at for at in starts if at > own[0]), default=len(lines) + 1) - 1
    while last > own[0] and not lines[last - 1].strip():
        last -= 1
    return own[0], last
