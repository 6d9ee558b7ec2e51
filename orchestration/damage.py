"""What in a data folder can't be used as it is: told, put aside, and made again from what is whole.

What belongs here: one look at every kind of file that is read back, before a command works with it. A bad sector, a full disk or
a hand in the wrong folder must not be taken for «there is nothing yet», nor stop every command until someone removes a file.

Nothing is ever removed: what is damaged goes to ``$RDC_HOME/damaged/<moment>/``, under the path it had, and a line of what was
found to ``damaged/found.jsonl``. As long as something of that was lost, `rdc status` says so and ends with 1.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml

from ingest.municipal.layer import Layer
from ingest.outcome import Outcomes
from ingest.settings import DATABASE, Settings
from ingest.snapshot import MANIFEST, Snapshot, SnapshotError, Store, now
from ingest.storage import durable
from ingest.storage.clock import Clock
from ingest.storage.durable import PRIVATE, Damaged
from ingest.storage.log import Log
from ingest.verified import file_sha256
from orchestration import runs
from orchestration.instance import is_cut_off
from orchestration.writer import LOCK, BusyError, writing
from warehouse.releases.release import CURRENT, LAST, MAKING, PROMOTED, Release, Releases
from warehouse.releases.sums import SUMS, read_sums
from warehouse.serve.keys import Keys

#: What is a folder, when it is there at all.
_FOLDERS = [
    "boundaries",
    "dagster",
    "dbt",
    "drop",
    "geo",
    "indicators",
    "municipal",
    "serve",
    "snapshots",
    "sources",
    "tmp",
    "warehouse",
]


@dataclass(frozen=True)
class Damage:
    """Something that is damaged.

    :param done: what was done about it, and what is left to do.
    :param lost: whether something of it can't be had again.
    """

    path: str
    what: str
    done: str
    lost: bool
    at: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.what}. {self.done}"


#: What is damaged, what is wrong with it, and what mends it: it says what was done, and whether something is lost.
_Remedy = tuple[Path, str, Callable[[], tuple[str, bool]]]


def log(settings: Settings) -> Log:
    """What was found before."""
    return Log(settings.home / "damaged" / "found.jsonl", PRIVATE, fits=lambda facts: Damage(**facts))


def lost(settings: Settings) -> list[Damage]:
    """What was lost, until someone who looked at it takes the folder ``damaged`` away."""
    return [f for f in (Damage(**facts) for facts in log(settings).read()) if f.lost]


def looked(settings: Settings) -> list[tuple[str, str]]:
    """What is damaged now, and how; nothing is mended."""
    return [(str(path), what) for path, what, _ in _look(settings, True)] if settings.home.is_dir() else []


def mended(settings: Settings, dagster: bool = True) -> list[Damage]:
    """Look at the data folder, and mend what can be mended. Costs a look at names and sizes where nothing is wrong.

    Nothing is done while a run is working: it looked itself before it began, and what it is writing is not damaged.

    :param dagster: look at Dagster's databases too. Never in a process that has them open: whoever closes a file gives up the
        locks that its process has on it, SQLite's own among them, and two then write at once
        (https://www.sqlite.org/howtocorrupt.html, 2.2).
    """
    lock = settings.home / LOCK
    if not settings.home.is_dir() or not (lock.is_dir() or any(_look(settings, dagster))):
        return []
    found = []
    try:
        if lock.is_dir():
            durable.set_aside(settings.home, lock)
        with writing(settings.home, "mending what is damaged"):
            for path, what, mend in _look(settings, dagster):
                done, gone = mend()
                found.append(Damage(str(path), what, done, gone, now()))
                log(settings).append(asdict(found[-1]))
    except (BusyError, PermissionError):  # a run is working, or the folder belongs to someone else
        return found
    return found


def _look(settings: Settings, dagster: bool) -> Iterator[_Remedy]:
    home = settings.home
    for path in (home / name for name in _FOLDERS):
        if path.exists() and not path.is_dir():
            yield path, "it is no folder", _putting(home, path)
    yield from _clock(settings)
    yield from _levels(settings)
    yield from _logs(settings)
    yield from _snapshots(settings)
    for level in ("public", *settings.restricted):
        yield from _releases(home, Releases(settings.releases(level)))
    yield from _keys(home)
    if dagster:
        yield from _dagster(home)


def _aside(home: Path, path: Path, more: str = "") -> str:
    return f"It was put aside as {durable.set_aside(home, path)}.{' ' + more if more else ''}"


def _putting(home: Path, path: Path, more: str = "", gone: bool = False) -> Callable[[], tuple[str, bool]]:
    return lambda: (_aside(home, path, more), gone)


# -- what is known of the clock, and of who may see what ---------------------------------------------------------------


def _clock(settings: Settings) -> Iterator[_Remedy]:
    home = settings.home
    try:
        Clock.read(home)
    except Damaged as error:
        more, series = (
            "It is made anew.",
            [Releases(settings.releases(level)) for level in ("public", *settings.restricted)],
        )
        if gone := any(release.corrections for releases in series for release in releases.all()):
            more += (
                " The corrections of what a wrong clock told are gone with it; what is released has them. `rdc clock` says whether "
                "one is to be decided again."
            )
        yield error.path, error.what, _putting(home, error.path, more, gone)


def _levels(settings: Settings) -> Iterator[_Remedy]:
    levels = Releases(settings.releases("public")).levels
    if what := levels.damage():

        def mend() -> tuple[str, bool]:
            done = _aside(settings.home, levels.file)
            levels.recall()
            told = "It was made again from the releases: what was closed in any of them is closed in those before the newest."
            return f"{done} {told}", False

        yield levels.file, what, mend


# -- logs -------------------------------------------------------------------------------------------------------------


def _logs(settings: Settings) -> Iterator[_Remedy]:
    home = settings.home
    outcomes = Outcomes(settings.snapshots).log
    if what := outcomes.damage():

        def mend() -> tuple[str, bool]:
            kept = outcomes.mend(home)
            return f"It was put aside as {kept}; all other attempts that it tells of are kept.", False

        yield outcomes.file, what, mend
    ended = runs.log(home)
    if what := ended.damage():
        yield (
            ended.file,
            what,
            lambda: (f"It was put aside as {ended.mend(home)}; all other runs in it are kept.", False),
        )
    for folder in sorted(settings.municipal.glob("*/")):
        layer = Layer(settings.municipal, folder.name)
        what, missing = layer.log.damage(), layer.missing()
        newest = max((d.at for d in layer.deliveries()), default="")
        # One that is newer than the log was on its way into it when its run was killed.
        if what or len(missing) > 1 or any(d["at"] < newest for d in missing):
            what = what or f"{len(missing)} deliveries that have a record are not in it"

            def restore(layer: Layer = layer) -> tuple[str, bool]:
                before, bad = len(layer.deliveries()), layer.log.bad()
                kept = layer.log.mend(home, keep=True)
                back = layer.restore()
                gone = max(0, bad - back)
                aside = f"It was put aside as {kept}. " if kept else ""
                told = f"{before} deliveries are in it and {back} were put back from their records."
                if gone:
                    told += (
                        f" {gone} can't be had back: the figures that were published of them stay as they are; to have them in "
                        f"the next figures, the files must be delivered again (their rows are still in {layer.folder / 'rows'})."
                    )
                return aside + told, gone > 0

            yield layer.log.file, what, restore


# -- snapshots --------------------------------------------------------------------------------------------------------


def _snapshots(settings: Settings) -> Iterator[_Remedy]:
    home = settings.home
    for folder in sorted(settings.snapshots.glob("*/*")):
        if folder.name.startswith("."):
            continue
        if folder.name.endswith(".verdict.json"):
            yield from _verdict(home, folder)
        elif folder.is_dir() and (what := _spoilt(folder)):

            def mend(folder: Path = folder) -> tuple[str, bool]:
                verdict = folder.with_name(f"{folder.name}.verdict.json")
                again = f"`rdc run --table {folder.parent.name}` fetches the table anew; until then the one before it serves."
                done = _aside(home, folder, again)
                if verdict.exists():
                    _aside(home, verdict)
                return done, False

            yield folder, what, mend
        elif folder.is_file() and Store.is_id(folder.parent.name, folder.name):
            yield folder, "it is no folder", _putting(home, folder)


def _spoilt(folder: Path) -> str:
    """What is wrong with a snapshot, from names and sizes; its content is compared when it is used."""
    if not (folder / MANIFEST).exists():
        return f"its {MANIFEST} is gone" if Store.is_id(folder.parent.name, folder.name) else ""
    try:
        snapshot = Snapshot.read(folder)
    except SnapshotError as error:
        return str(error.__cause__.what if isinstance(error.__cause__, Damaged) else error)
    for name, known in snapshot.files.items():
        file = snapshot.file(name)
        if not file.is_file():
            return f"its {name} is gone"
        if (size := file.stat().st_size) != known["bytes"]:
            return f"its {name} has {size:,} bytes, and had {known['bytes']:,}"
    return ""


def _verdict(home: Path, file: Path) -> Iterator[_Remedy]:
    try:
        durable.read_record(file, "")
    except FileNotFoundError:
        return
    except Damaged as error:
        yield file, error.what, _putting(home, file, "The next `rdc run` audits the snapshot anew.")


# -- releases ---------------------------------------------------------------------------------------------------------


def _releases(home: Path, releases: Releases) -> Iterator[_Remedy]:
    for path in (releases.folder / LAST, releases.folder / CURRENT, releases.folder / MAKING):
        try:
            durable.read_record(path, "", strict=True)
        except FileNotFoundError:
            continue
        except Damaged as error:

            def anew(path: Path = path) -> tuple[str, bool]:
                done = _aside(home, path, "It is written anew.")
                if path.name == LAST:  # while all that tells of numbers is still here
                    releases.remember()
                return done, False

            yield path, error.what, anew
    making = releases.making()
    for folder in sorted(releases.folders()):
        record = releases.record(folder.name)["release.json"]
        # What a killed run was making or removing is not damaged; a folder that neither mark nor record has is someone's own.
        if folder.name != making and ((folder / PROMOTED).exists() or record.exists()):
            yield from _release(home, releases, folder)
    yield from _current(home, releases)
    for record in sorted(releases.folder.glob("records/[0-9]*.json")):
        folder = releases.folder / "releases" / record.stem
        if record.stem != making and not folder.is_dir():
            yield folder, "this release is gone", _retiring(home, releases, record.stem)


def _retiring(home: Path, releases: Releases, release_id: str) -> Callable[[], tuple[str, bool]]:
    """Put aside what is left of a release that can't be used: its folder, and what was kept of it once more."""

    def retire() -> tuple[str, bool]:
        left = [releases.path(release_id).parent, *releases.record(release_id).values()]
        told = [_aside(home, path) for path in left if path.exists()]
        return f"{told[0]} Release {release_id} can't be gone back to any more.", True

    return retire


def _release(home: Path, releases: Releases, folder: Path) -> Iterator[_Remedy]:
    """Its record and the sums of its files are there twice each, and the sums have the record's. So one of the four can be
    damaged, and the others say which."""
    record = releases.record(folder.name)
    file, sums = folder / "release.json", folder / SUMS
    right = next(
        (f for f in (file, record["release.json"]) if _facts(f, folder.name) and _fits(f, sums, record[SUMS])), None
    )
    right = right or next((f for f in (file, record["release.json"]) if _facts(f, folder.name)), None)
    if right is None:
        what = "it does not say what was released, and nothing else does"
        yield file, what, _retiring(home, releases, folder.name)
        return
    facts = _facts(right, folder.name)
    yield from _twice(home, right, file, record["release.json"])
    told = [s for s in (sums, record[SUMS]) if _listed(s) == file_sha256(right)]
    if len(told) == 2 and sums.read_bytes() != record[SUMS].read_bytes():
        told.sort(key=lambda s: _right(s, folder), reverse=True)
    if told:
        yield from _twice(home, told[0], sums, record[SUMS])
    assert facts is not None
    released = facts
    if not (folder / PROMOTED).exists():

        def mark() -> tuple[str, bool]:
            durable.write(folder / PROMOTED, "")
            return "It was put back.", False

        yield folder / PROMOTED, "it is gone", mark
    kept = folder / DATABASE
    size = kept.stat().st_size if kept.is_file() else None
    if size != facts.bytes:
        what = "it is gone" if size is None else f"it has {size:,} bytes, and had {facts.bytes:,}"

        def mend(facts: Release = released) -> tuple[str, bool]:
            current = releases.current_file
            if current.is_file() and current.stat().st_size == facts.bytes and file_sha256(current) == facts.sha256:
                done = _aside(home, kept) if kept.exists() else ""
                releases.keep_again(facts.release_id)
                return f"{done} It was made again from {current}.".strip(), False
            return _retiring(home, releases, folder.name)()

        yield kept, what, mend


def _twice(home: Path, right: Path, *both: Path) -> Iterator[_Remedy]:
    """What is there twice, and once not as it should be."""
    content = right.read_bytes()
    for file in both:
        if not (file.is_file() and file.read_bytes() == content) and (file.exists() or file.parent.name != "records"):

            def again(file: Path = file) -> tuple[str, bool]:
                done = _aside(home, file) if file.exists() else ""
                durable.write(file, content)
                return f"{done} It was made again from {right}.".strip(), False

            yield file, "it is not what was released", again


def _right(sums: Path, folder: Path) -> int:
    """How many files of a release have the sum that is written down for them."""
    known = read_sums(sums.read_text(encoding="utf-8"))
    return sum((folder / n).is_file() and file_sha256(folder / n) == digest for n, digest in known.items())


def _fits(file: Path, *sums: Path) -> bool:
    return file_sha256(file) in [_listed(s) for s in sums]


def _facts(file: Path, release_id: str) -> Release | None:
    try:
        found = Release(**json.loads(file.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
    return found if found.release_id == release_id else None


def _listed(sums: Path) -> str | None:
    """The sum that a release has written down for its ``release.json``."""
    try:
        return read_sums(sums.read_text(encoding="utf-8")).get("release.json")
    except (OSError, ValueError):
        return None


def _current(home: Path, releases: Releases) -> Iterator[_Remedy]:
    file = releases.current_file
    if not file.exists() and not releases.all():
        return
    try:
        if releases.current() is not None:
            return
        what = "a folder stands in its place" if file.exists() else "it is gone"
    except Damaged as error:
        what = error.what

    def mend() -> tuple[str, bool]:
        if file.is_file() and (release_id := releases.recorded(file_sha256(file))):
            releases.keep_again(release_id)
            return (
                f"It is release {release_id}, whose folder is gone; that was made again, but for the files for download.",
                True,
            )
        aside = _aside(home, file) + " " if file.exists() else ""
        known = {r.release_id: r for r in releases.all()}
        pointed = releases.pointed_to()
        order = [*([pointed] if pointed in known else []), *(i for i in reversed(known) if i != pointed)]
        for release_id in order:
            kept = releases.path(release_id)
            if closed := releases.opens(known[release_id]):
                told = ", ".join(map(str, closed))
                aside += (
                    f"Release {release_id} was passed over, since it has what was closed after it was made: {told}. "
                )
                continue
            if not kept.is_file() or file_sha256(kept) != known[release_id].sha256:
                _retiring(home, releases, release_id)()
                aside += f"Release {release_id} is damaged as well, and was put aside too. "
                continue
            releases.point_to(release_id)
            if release_id == pointed:
                return f"{aside}It was made again from release {release_id}, which it was.", False
            last = "Which release it was is not known any more" if pointed is None else f"It was release {pointed}"
            return (
                f"{aside}{last}; now it is release {release_id}, the newest that is whole. Look whether that is right.",
                True,
            )
        return f"{aside}No release can be used. `rdc run` makes one from the snapshots.", True

    yield file, what, mend


# -- keys and Dagster -------------------------------------------------------------------------------------------------


def _keys(home: Path) -> Iterator[_Remedy]:
    keys = Keys(home)
    try:
        keys.all()
    except Damaged as error:
        again = "No key opens anything now: make them anew with `rdc keys add`, or put a copy of the file back."
        yield keys.file, error.what, _putting(home, keys.file, again, gone=True)


def _dagster(home: Path) -> Iterator[_Remedy]:
    """Dagster's own files: its settings, and what it remembers of runs."""
    settings = home / "dagster" / "dagster.yaml"
    if settings.exists() and not _yaml(settings):
        yield (
            settings,
            "it is no YAML, or not whole",
            _putting(home, settings, "It is written anew, with our defaults."),
        )
    for file in sorted((home / "dagster").rglob("*.db")):
        if what := _no_database(file):

            def mend(file: Path = file) -> tuple[str, bool]:
                for beside in (file.with_name(file.name + "-wal"), file.with_name(file.name + "-shm")):
                    if beside.exists():
                        _aside(home, beside)
                return _aside(
                    home, file, "What Dagster remembered of past runs is in it; no figure depends on it."
                ), False

            yield file, what, mend


def _yaml(file: Path) -> bool:
    try:
        text = file.read_text(encoding="utf-8")
        return isinstance(yaml.safe_load(text), dict) and not is_cut_off(text)
    except (OSError, ValueError, yaml.YAMLError):
        return False


def _no_database(file: Path) -> str:
    """What is wrong with a file of SQLite, from its head (https://www.sqlite.org/fileformat.html#the_database_header)."""
    if not file.is_file():
        return "a folder stands in its place"
    with file.open("rb") as source:
        head = source.read(100)
    if not head:
        return ""  # SQLite makes a database of an empty file
    if head[:16] != b"SQLite format 3\0" or len(head) < 100:
        return "it is no database"
    size = int.from_bytes(head[16:18], "big")
    least = int.from_bytes(head[28:32], "big") * (65536 if size == 1 else size)
    told = head[24:28] == head[92:96]  # else an old SQLite wrote it, which does not say how long it is
    return f"it ends after {file.stat().st_size:,} bytes" if told and file.stat().st_size < least else ""
