"""Writes the portal as files: every page that a release has, its charts, the style, the release's own files, feed and sitemap.

The same release gives the same bytes. A site is made beside the folder that is there and takes its place when it is whole; a page
that would be the same is not drawn again.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import shutil
import uuid
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ingest.errors import MendableError
from warehouse.serve.portal import assets, feeds, looks
from warehouse.serve.portal.page import FEED, INDEX
from warehouse.serve.portal.site import writer
from warehouse.serve.portal.site.index import index
from warehouse.serve.portal.site.writer import LookUp, Writer

#: What a site says of itself: which files it has and from what they were made.
MANIFEST = "portal.json"
#: Pages that a process draws at a time, and how many are worth another process.
_PART, _WORTH = 150, 300

Tell = Callable[[int, int], None]


class SiteError(MendableError):
    """A site that can't be made; the message says what to do."""


@dataclass(frozen=True)
class Built:
    """What was made: the release, how many pages it has and how many of these were drawn now, files and bytes."""

    release: str
    pages: int
    drawn: int
    files: int
    bytes: int


def build(
    home: Path,
    output: Path,
    base: str | None = None,
    tell: Tell = lambda done, of: None,
    look_up: LookUp | None = None,
) -> Built:
    """The current release as a site in ``output``.

    :param base: the address at which the site will be; without it there is neither a sitemap nor a feed, whose addresses are whole.
    :param look_up: gives the address at which a cell can be looked up at its source; it goes to other processes.
    :param tell: told how many pages are done, and of how many.
    :raises SiteError: the folder has something else in it. :raises ReleaseError: there is no release.
    """
    _ours(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    made = output.with_name(f".{output.name}.{uuid.uuid4().hex[:8]}")
    try:
        made.mkdir()
        built = _Building(home, output, made, f"{base.rstrip('/')}/" if base else None, look_up).go(tell)
        _take_place(made, output)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return built


def _ours(output: Path) -> None:
    if output.exists() and not output.is_dir():
        raise SiteError(f"{output} is a file; name a folder for the site.")
    if output.is_dir() and any(output.iterdir()) and not (output / MANIFEST).is_file():
        raise SiteError(
            f"{output} has files in it that are no portal; name an empty or a new folder, or empty this one."
        )


def _take_place(made: Path, output: Path) -> None:
    old = made.with_name(f"{made.name}.old")
    if output.exists():
        output.rename(old)
    made.rename(output)
    shutil.rmtree(old, ignore_errors=True)


@dataclass
class _Building:
    """One build."""

    home: Path
    output: Path
    made: Path
    base: str | None
    look_up: LookUp | None = None
    files: dict[str, str] = field(default_factory=dict)
    pages: dict[str, str] = field(default_factory=dict)

    def go(self, tell: Tell) -> Built:
        own = Writer(self.home, self.made, self.base, None, self.look_up)
        try:
            mark = self._mark(own)
            before = read_manifest(self.output)
            kept = _by_page(before) if before.get("mark") == mark else {}
            wanted = [place for place, e in enumerate(own.entries) if not self._take_over(e.folder, kept.get(e.folder))]
            already = len(own.entries) - len(wanted)
            drawn = self._drawn(own, wanted, lambda done: tell(already + done, len(own.entries)))
            for place, written in drawn.items():
                self.files |= written
                self.pages |= dict.fromkeys(written, own.entries[place].folder)
            self._beside(own)
            said: dict[str, Any] = {"release": own.opened.release_id, "base": self.base, "mark": mark}
            said |= {"pages": self.pages, "files": self.files}
            (self.made / MANIFEST).write_text(json.dumps(said, indent=0, sort_keys=True) + "\n", encoding="utf-8")
            sizes = [f.stat().st_size for f in self.made.rglob("*") if f.is_file()]
            return Built(own.opened.release_id, len(own.entries), len(wanted), len(sizes), sum(sizes))
        finally:
            own.close()

    def _mark(self, own: Writer) -> str:
        """Stands for all that a page is made from, but for its own address."""
        release = own.opened.release
        parts = [release.release_id, release.sha256, self.base or "", code(), own.center.model_dump_json(), *own.files]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def _take_over(self, folder: str, files: dict[str, str] | None) -> bool:
        """Takes the files of a page from the site that is there, if all of them are as they were written."""
        if not files or any(_digest(self.output / name) != digest for name, digest in files.items()):
            return False
        for name, digest in files.items():
            target = self.made / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.output / name, target)
            self.files[name], self.pages[name] = digest, folder
        return True

    def _drawn(self, own: Writer, wanted: list[int], tell: Callable[[int], None]) -> dict[int, dict[str, str]]:
        """Draws pages, in as many processes as there are processors where that pays."""
        parts = [wanted[at : at + _PART] for at in range(0, len(wanted), _PART)]
        processes = min(os.cpu_count() or 1, len(wanted) // _WORTH)
        if processes < 2:
            some = ([(place, own.draw(own.entries[place])) for place in part] for part in parts)
            return writer.counted(some, tell)
        given = (self.home, self.made, self.base, own.opened.release_id, self.look_up)
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(processes, context, writer.begin, given) as pool:
            return writer.counted(pool.map(writer.part, parts), tell)

    # -- what stands beside the pages ---------------------------------------------------------------------------------

    def _beside(self, own: Writer) -> None:
        for name in assets.STYLE:
            self._write(own, f"stijl/{assets.fingerprint(name)}/{name}", assets.style(name))
        for name, digest in own.files.items():
            target = self.made / "bestanden" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(own.opened.folder / name, target)
            self.files[f"bestanden/{name}"] = digest
        self._write(own, INDEX, index(own.view, own.site))
        self._write(own, "robots.txt", feeds.robots(f"{self.base}sitemap.xml" if self.base else None).encode())
        if self.base is None:
            return
        addresses = [own.links("").here(e.path, **e.state) for e in own.entries if e.kind.listed]
        for name, content in feeds.sitemaps(addresses, self.base, own.opened.created_at).items():
            self._write(own, name, content)
        feed = feeds.atom(own.center, own.library.releases.all(), f"{self.base}{FEED}", self.base)
        self._write(own, FEED, feed)

    def _write(self, own: Writer, name: str, content: bytes) -> None:
        self.files[name] = own.write(name, content)


def read_manifest(output: Path) -> dict[str, Any]:
    """What the site that is there says of itself; nothing if it can't be read."""
    try:
        said = json.loads((output / MANIFEST).read_text(encoding="utf-8"))
        return said if {"mark", "pages", "files"} <= said.keys() else {}
    except (OSError, ValueError, AttributeError):
        return {}


def _by_page(before: dict[str, Any]) -> dict[str, dict[str, str]]:
    """The files of each page, with their SHA-256."""
    found: dict[str, dict[str, str]] = {}
    for name, folder in before["pages"].items():
        found.setdefault(folder, {})[name] = before["files"].get(name, "")
    return found


def _digest(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return ""


@cache
def code() -> str:
    """Stands for all that draws pages: its code, templates, words and style, and the library that draws charts."""
    folder = Path(looks.__file__).parent
    whole = hashlib.sha256(version("vl-convert-python").encode())
    for file in sorted(f for f in folder.rglob("*") if f.is_file() and "__pycache__" not in f.parts):
        whole.update(f"{file.relative_to(folder)}\n".encode() + file.read_bytes())
    return whole.hexdigest()
