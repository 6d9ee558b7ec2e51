"""What of a data folder a backup has. All of it, but for what is made anew by itself.

Not kept are: what is being made (``candidate``, hidden files, ``tmp``), what follows from the rest (``dbt``, ``verified.json``), and
Dagster's history of runs, on which no figure hangs; its settings are kept. What someone put into the folder is theirs, and kept,
but for links inside it: they may lead anywhere, also to what whoever put them there may not read.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ingest import verified
from ingest.municipal import drop

#: Made anew by itself, at the top of the data folder.
_MADE = {"dbt", "lost+found", "tmp"}
#: Of Dagster's folder, what someone may have written.
_DAGSTER = {"dagster.yaml"}


@dataclass(frozen=True)
class Found:
    """A file or folder of the data folder.

    :param path: as it is called in the data folder, with slashes.
    :param why: why it is not in the backup; empty where it is.
    """

    path: str
    place: Path
    facts: os.stat_result
    why: str = ""

    @property
    def is_folder(self) -> bool:
        return stat.S_ISDIR(self.facts.st_mode)


def found(home: Path) -> Iterator[Found]:
    """Everything that is kept, folders before what is in them, and what should be and can't be, with the reason."""
    for name in sorted(_names(home)):
        if not name.startswith(".") and name not in _MADE:
            # At the top a link is a folder on another disk, laid by whoever runs this.
            yield from _at(home / name, name, (home / name).stat)


def is_empty(home: Path) -> bool:
    """Whether there is nothing in a data folder that a restore could spoil."""
    return not home.is_dir() or all(name.startswith(".") or name in _MADE - {"dbt"} for name in _names(home))


def _at(place: Path, path: str, look: object = None) -> Iterator[Found]:
    try:
        facts = look() if callable(look) else place.lstat()
    except FileNotFoundError:
        return  # gone since its folder was read
    if stat.S_ISLNK(facts.st_mode):
        yield Found(path, place, facts, "a link; what it leads to is not in the data folder")
    elif stat.S_ISDIR(facts.st_mode):
        yield Found(path, place, facts)
        for name in sorted(_names(place)):
            if _is_kept(path, name):
                yield from _at(place / name, f"{path}/{name}")
    elif not stat.S_ISREG(facts.st_mode):
        yield Found(path, place, facts, "neither a file nor a folder")
    elif path.startswith("drop/") and path.count("/") == 2 and place in _unsettled(place.parent):
        yield Found(path, place, facts, "it is still being put down")
    else:
        yield Found(path, place, facts)


def _names(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in folder.iterdir()]
    except FileNotFoundError:
        return []


def _is_kept(folder: str, name: str) -> bool:
    if folder == "dagster":
        return name in _DAGSTER
    made = (folder, name) == ("snapshots", verified.NAME) or (folder.startswith("warehouse") and name == "candidate")
    return not (made or name.startswith("."))


def _unsettled(folder: Path) -> set[Path]:
    return {file.path for file in drop.look(folder) if not file.settled}
