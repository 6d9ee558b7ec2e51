"""What the files of a release take over from the release before: the rows of a theme of which nothing changed.

Which rows those are is told by their content alone. Every row names its release, so no file is copied as it is: its rows are, under
the new release's name, and that gives the same bytes as making them from the figures does. Only a file whose SHA-256 is still what
that release wrote down is read.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from ingest.sql import identifier, literal
from ingest.verified import file_sha256
from warehouse.export import Extract, parquet
from warehouse.reading.published import LONG, Published
from warehouse.releases.sums import SUMS, read_sums

#: The column of both shapes, the last one, that names the release.
RELEASE = "release_id"
PACKAGE = "datapackage.json"
_PIECE = 1 << 22


@dataclass(frozen=True)
class Content:
    """The rows of a theme.

    :param hash: over all figures with what is told of each, the columns, and what made files of them.
    :param made_in: the release in which they were made from the figures; releases behind it took them over.
    """

    hash: str
    made_in: str


def hashes(published: Published, code: str) -> dict[str, str]:
    """Theme → :attr:`Content.hash`. Order does not count in it: the files are sorted by what tells their rows apart.

    :param code: SHA-256 over the code that makes files of figures.
    """
    told = ", ".join(identifier(c.name) for c in LONG if c.name != RELEASE)
    found: dict[str, list[object]] = {theme: [] for theme in published.themes}
    if not found:
        return {}
    for theme, *sums in published.con.execute(
        f"select theme, indicator_id, count(*), sum(hash({told})) from ({published.long()}) group by all order by all"
    ).fetchall():
        found.get(theme, []).append(sums)
    made_by = [code, duckdb.__version__, [c.name for c in LONG]]
    return {
        theme: hashlib.sha256(
            json.dumps([*made_by, [c.name for c in published.wide_columns(theme)], rows], default=str).encode()
        ).hexdigest()
        for theme, rows in found.items()
    }


class Earlier:
    """The files of the release before.

    :param folder: of that release; one that has no such files, or none that can be trusted, has nothing to take over.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self.release_id = folder, folder.name
        self._sums: dict[str, str] = {}
        self._contents: dict[str, Content] = {}
        try:
            self._sums = read_sums((folder / SUMS).read_text(encoding="utf-8"))
            if self.file(PACKAGE):
                package = json.loads((folder / PACKAGE).read_bytes())
                self._contents = {r["path"]: Content(**r["content"]) for r in package["resources"] if "content" in r}
        except (OSError, ValueError, TypeError, KeyError):  # gone, damaged, or of a version that says it otherwise
            self._contents = {}

    def content(self, theme: str) -> Content | None:
        return self._contents.get(f"tables/{theme}.csv")

    def file(self, path: str) -> Path | None:
        """A file of it, if it is as it was written."""
        try:
            return found if file_sha256(found := self._folder / path) == self._sums.get(path) else None
        except OSError:
            return None


def take_over(
    earlier: Earlier, theme: str, rows_hash: str, wide: Extract, long: Extract, folder: Path
) -> Content | None:
    """Write the files of a theme with the rows that the release before has.

    :param folder: for ``<theme>.csv``, ``<theme>.parquet`` and ``<theme>.long.parquet``.
    :returns: None when the rows are not the same, or a file is not as it was written: then what is in the folder doesn't count.
    """
    content = earlier.content(theme)
    if content is None or content.hash != rows_hash:
        return None
    for name, found in ((f"{theme}.parquet", wide), (f"{theme}.long.parquet", long)):
        if (file := earlier.file(f"tables/{name}")) is None:
            return None
        same = f"select * replace ({literal(found.release_id)} as {RELEASE}) from read_parquet({literal(file)})"
        parquet.write(replace(found, sql=same, parameters=[]), folder / name)
    rows = wide.published.con.execute(f"select count(*) from read_parquet({literal(folder / f'{theme}.parquet')})")
    name = f"{theme}.csv"
    file = earlier.file(f"tables/{name}")
    if file is None or renamed(file, folder / name, earlier.release_id, wide.release_id) != rows.fetchall()[0][0]:
        return None
    return content


def renamed(file: Path, target: Path, old: str, new: str) -> int:
    """Copy a CSV whose lines end in a release's name, with another name; the number of lines that have it."""
    end, other, found, rest = f",{old}\n".encode(), f",{new}\n".encode(), 0, b""
    with file.open("rb") as source, target.open("wb") as out:
        while piece := source.read(_PIECE):
            whole, newline, rest = (rest + piece).rpartition(b"\n")
            found += (lines := whole + newline).count(end)
            out.write(lines.replace(end, other))
        out.write(rest)
    return found
