"""The data folder: whether it can be written, whose it is, what in it is damaged, left over or held."""

from __future__ import annotations

import json
import os
import shlex
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from ingest.errors import MendableError
from ingest.storage import scratch
from ingest.storage.durable import PRIVATE
from orchestration import damage
from orchestration.doctor.finding import Finding
from orchestration.instance import close_dead_runs, dagster_home
from orchestration.ui import LOCK as UI_LOCK
from orchestration.workspace import PUBLIC, Workspace
from orchestration.writer import LOCK, SIGNS, WRITER, BusyError, lives
from warehouse.releases.release import ReleaseError

#: What holds a secret, or what not everyone may see.
_FILES = ("keys.json", "alerts.json", "alerts.yml", "runs.jsonl")
_FOLDERS = ("municipal", "dagster", "damaged", "warehouse/restricted", "tmp")


def rights(work: Workspace) -> Iterator[Finding]:
    home = work.settings.home
    try:
        with tempfile.NamedTemporaryFile(dir=home):
            yield Finding("rights", True, f"{home} can be written")
    except OSError as error:
        repair = f"Let this user write there: `sudo chown -R $(id -un) {shlex.quote(str(home))}`, or mount it writable."
        yield Finding("rights", False, f"{home} can't be written ({error.strerror})", repair)
    for name in (*_FILES, *_FOLDERS):
        path = home / name
        if path.exists() and (mode := stat.S_IMODE(path.stat().st_mode)) & 0o077:
            least = 0o700 if path.is_dir() else PRIVATE
            said = f"{name} can be read by others than its owner ({mode:o})"
            yield Finding("rights", False, said, f"chmod {least:o} {shlex.quote(str(path))}", _narrow(path, least))


def _narrow(path: Path, mode: int) -> Callable[[], str]:
    def mend() -> str:
        path.chmod(mode)
        return f"{path.name} is for its owner alone now"

    return mend


def owner(work: Workspace) -> Iterator[Finding]:
    """All is of one user, who runs this: what another user made can't be replaced."""
    home, me = work.settings.home, os.geteuid()
    paths = [home, *home.glob("*"), *home.glob("*/*")]
    others = [p for p in paths if p.lstat().st_uid != me]
    if others:
        said = f"{len(others)} files and folders are of another user, such as {others[0]}"
        yield Finding("owner", False, said, f"sudo chown -R $(id -un) {shlex.quote(str(home))}")
    else:
        yield Finding("owner", True, "all of it is of the user who runs this")


def damaged(work: Workspace) -> Iterator[Finding]:
    settings = work.settings
    found = damage.looked(settings)
    for path, what in found:
        repair = (
            "`rdc doctor --fix`, or any other command of `rdc`, puts it aside and makes it again where that can be."
        )
        yield Finding("damage", False, f"{path}: {what}", repair, lambda: _mended(work))
    if lost := damage.lost(settings):
        aside = settings.home / "damaged"
        repair = f"Look at it (`rdc status`), put back a backup where needed, then move {aside} out of the data folder."
        yield Finding(
            "damage", False, f"{len(lost)} times something was damaged and lost, such as {lost[0].path}", repair
        )
    if not found and not lost:
        yield Finding("damage", True, "nothing is damaged")


def _mended(work: Workspace) -> str:
    return " ".join(str(found) for found in damage.mended(work.settings)) or "it was mended already"


def released_file(work: Workspace) -> Iterator[Finding]:
    """The file that everyone reads opens, and is a release."""
    import duckdb

    file = work.releases.current_file
    if not file.is_file():
        yield Finding("release", True, "no release yet; `rdc run` makes one")
        return
    try:
        release = work.at(PUBLIC).releases.current()
        with duckdb.connect(str(file), read_only=True) as con:
            [(figures,)] = con.execute("select count(*) from core.indicator_value").fetchall()
        yield Finding("release", True, f"{release.release_id if release else '-'} opens; {figures:,} figures")
    except (duckdb.Error, ReleaseError, MendableError) as error:
        why = " ".join(str(error).split())[:200]
        yield Finding("release", False, f"{file} can't be read: {why}", "`rdc releases`, then `rdc rollback RELEASE`.")


def leftovers(work: Workspace) -> Iterator[Finding]:
    """What processes left that were killed. The next run clears it; it only takes room until then."""
    home = work.settings.home
    dead = [f for f in (home / "tmp").glob("*.lock") if _free(f)]
    # A run may be writing what it began within the last minute.
    parts = [p for folder in (home, work.store.root, work.releases.folder) for p in folder.glob(".*.part")]
    # The sign of a process that is gone goes as someone asks for it.
    signs = [f.name for f in (home / SIGNS).glob("*") if not lives(home, f.name)] if (home / SIGNS).is_dir() else []
    number = len(dead) + len(parts)
    if number:
        said = f"{number} leftovers of processes that are gone"
        yield Finding(
            "leftovers",
            False,
            said,
            "The next `rdc run` clears them; `rdc doctor --fix` does now.",
            lambda: _swept(work),
        )
    else:
        cleared = f"; {len(signs)} signs of dead processes cleared" if signs else ""
        yield Finding("leftovers", True, f"nothing is left of processes that are gone{cleared}")


def _free(lock: Path) -> bool:
    """Whether nobody holds a lock of :mod:`ingest.storage.scratch`."""
    import fcntl

    try:
        handle = os.open(lock, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except OSError:
        return False
    finally:
        os.close(handle)


def _swept(work: Workspace) -> str:
    scratch.sweep(work.settings.home)
    try:
        with work.writing("rdc doctor --fix"):
            work.sweep()
    except BusyError:
        return "what can be cleared while a run works is cleared; the run clears the rest"
    return "leftovers are cleared"


def locks(work: Workspace) -> Iterator[Finding]:
    """Who works in the folder; and what one that was killed left saying that it does."""
    home = work.settings.home
    free = not (home / LOCK).is_file() or _lockable(home / LOCK)
    told = home / WRITER
    if not free:
        yield Finding("locks", True, f"a run is working: {_who(told)}")
    elif told.exists():
        said = f"{told.name} says that {_who(told)} works here, and it does not any more"
        yield Finding("locks", False, said, f"rm {shlex.quote(str(told))}", lambda: _removed(home, told))
    else:
        yield Finding("locks", True, "no run is working")
    up = (home / UI_LOCK).is_file() and not _lockable(home / UI_LOCK)
    yield Finding("locks", True, "`rdc ui` is running" if up else "`rdc ui` is not running for this folder")


def _lockable(file: Path) -> bool:
    lock = FileLock(file, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    lock.release()
    return True


def _who(told: Path) -> str:
    try:
        content = json.loads(told.read_text(encoding="utf-8"))
        return f"{content['what']} (process {content['pid']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "someone"


def _removed(home: Path, told: Path) -> str:
    lock = FileLock(home / LOCK, thread_local=False)
    try:
        with lock.acquire(timeout=0):
            told.unlink(missing_ok=True)
    except Timeout:
        return "a run has begun meanwhile; nothing was done"
    return f"{told.name} is removed"


def dagster_books(work: Workspace) -> Iterator[Finding]:
    """Dagster's databases are whole, and no run in them waits for a process that is gone."""
    import sqlite3

    home = work.settings.home
    folder = Path(os.environ.get("DAGSTER_HOME") or home / "dagster")
    if not folder.is_dir():
        yield Finding("Dagster", True, "Dagster was not used here yet")
        return
    bad = []
    for file in sorted(folder.rglob("*.db")):
        try:
            with sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=5) as con:
                [(said,)] = con.execute("pragma quick_check(1)").fetchall()
        except sqlite3.Error as error:
            said = str(error)
        if said != "ok":
            bad.append(f"{file.name}: {said}")
    if bad:
        repair = f"Stop `rdc ui`, then move {folder} away: no figure depends on it."
        yield Finding("Dagster", False, "; ".join(bad), repair)
        return
    dead = _dead_runs(home)
    if dead:
        said = f"{dead} runs are open in Dagster whose process is gone"
        yield Finding(
            "Dagster",
            False,
            said,
            "The next look of `rdc ui` closes them; `rdc doctor --fix` does now.",
            lambda: _closed(home),
        )
    else:
        yield Finding("Dagster", True, f"its books in {folder} are whole")


def _dead_runs(home: Path) -> int:
    from dagster import DagsterInstance

    from orchestration.instance import PROCESS, going_on

    os.environ["DAGSTER_HOME"] = str(dagster_home(home))
    with DagsterInstance.get() as instance:
        signs = [run.tags.get(PROCESS) for i in going_on(instance) if (run := instance.get_run_by_id(i))]
    return sum(sign is not None and not lives(home, sign) for sign in signs)


def _closed(home: Path) -> str:
    from dagster import DagsterInstance

    with DagsterInstance.get() as instance:
        return f"{close_dead_runs(instance, home)} runs are marked as failed; the sensors ask for them again"
