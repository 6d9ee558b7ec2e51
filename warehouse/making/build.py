"""dbt, in this process: a build takes 2 to 3 seconds so, against 10 as a command of its own."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.errors import MendableError
from ingest.project import DBT_PROJECT
from ingest.storage import durable
from ingest.storage.paths import plain
from ingest.verified import file_sha256

PROJECT = DBT_PROJECT


class BuildError(MendableError):
    """dbt did not build: which node, and what it said."""


@dataclass(frozen=True)
class Node:
    """What came of one model or test."""

    unique_id: str
    resource_type: str
    name: str
    status: str
    message: str
    seconds: float
    failures: int | None

    @property
    def ok(self) -> bool:
        return self.status in ("success", "pass", "warn")


def project_with(files: Mapping[Path, str], scratch: Path) -> Path:
    """The dbt project with some of its files as given, by their path in it: a copy in ``scratch`` where they are others.

    dbt takes the columns of a wide table from YAML, so an indicator that the project does not ship needs another file there.
    """
    others = {path: text for path, text in files.items() if path.read_text(encoding="utf-8") != text}
    if not others:
        return PROJECT
    copy = scratch / "project"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(
        PROJECT, copy, ignore=shutil.ignore_patterns("target", "logs", "indicators", "goals", "interventions")
    )
    for path, text in others.items():
        (copy / path.relative_to(PROJECT)).write_text(text, encoding="utf-8")
    return copy


def dbt_build(
    database: Path, scratch: Path, project: Path = PROJECT, select: Sequence[str] = (), leave_out: str | None = None
) -> list[Node]:
    """Build every model into ``database`` and run every dbt test.

    :param scratch: folder for dbt's own output (manifest, logs).
    :param project: the dbt project, as :func:`project_with` gives it.
    :param select: only these models and tests, by their names.
    :param leave_out: a resource type of dbt that is not built.
    :raises BuildError: a model failed. A failed test does not raise: it is among the nodes.
    """
    with _environment(database):
        which = [
            *(["--select", *select] if select else []),
            *(["--exclude-resource-type", leave_out] if leave_out else []),
        ]
        # What came of it is taken from dbt itself: its JSON, some megabytes, nobody reads.
        result = _invoke(["build", "--no-write-json", *which], scratch, project)
    if result.exception is not None:
        raise BuildError(f"dbt: {_why(result)}")
    # An exposure is among the results too; there is nothing to build of it.
    nodes = [n for n in map(_node, result.result.results if result.result else []) if n.resource_type != "exposure"]
    broken = [n for n in nodes if n.resource_type == "model" and not n.ok]
    # A model is skipped when one before it, or a test of one, failed: that one is told.
    failed = [n for n in nodes if not n.ok and n.status != "skipped"] or broken
    if broken:
        said = "; ".join(f"{n.resource_type} {n.name}: {n.status} {n.message}".strip() for n in failed)
        more = (
            " RDC_BUILD_MEMORY says how much memory a build may have; give it more." if "Out of Memory" in said else ""
        )
        raise BuildError(said + more)
    if not nodes:
        raise BuildError("dbt built nothing; its log is in " + str(scratch / "logs" / "dbt.log"))
    return nodes


def needs_project(arguments: list[str]) -> bool:
    """Whether dbt works on a project with these arguments; without a command, or for help, it only says something."""
    from dbt.cli.main import cli

    return any(a in cli.commands for a in arguments) and not {"-h", "--help"} & set(arguments)


def dbt_command(arguments: list[str], database: Path, scratch: Path, project: Path = PROJECT) -> bool:
    """Run a dbt command as it is written on ``database``; dbt prints what it has to say.

    :returns: whether it succeeded.
    """
    from dbt.cli.main import dbtRunner

    where: list[str] = []
    if needs_project(arguments):
        where = ["--project-dir", str(project), "--profiles-dir", str(project)]
        where += ["--target-path", str(scratch / "target"), "--log-path", str(scratch / "logs")]
    with _environment(database):
        result = dbtRunner().invoke([*arguments, *where])
    if result.exception is not None:
        raise BuildError(f"dbt: {_why(result)}")
    return bool(result.success)


def manifest(scratch: Path) -> Path:
    """The manifest of the project as it is now, parsed anew only when a file of it changed."""
    # Not the one that dbt writes into its target: every build writes that anew, and may be killed over it.
    found, stamp = scratch / "manifest.json", scratch / "manifest.sha256"
    now = project_hash()
    if not (found.is_file() and read_text(stamp) == f"{now} {file_sha256(found)}"):
        _clear(scratch / "parse.duckdb")
        with _environment(scratch / "parse.duckdb"):
            result = _invoke(["parse"], scratch, PROJECT)
        if not result.success:
            raise BuildError(f"dbt parse: {_why(result)}")
        for file in (found, stamp):
            _clear(file)
        durable.write(found, (scratch / "target" / "manifest.json").read_bytes())
        durable.write(stamp, f"{now} {file_sha256(found)}")
    return found


def read_text(file: Path) -> str:
    """What a file says; nothing where it can't be read."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


def _clear(path: Path) -> None:
    """Take away what can be made again, whatever it is."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif path.exists() or path.is_symlink():
        path.unlink()


def _why(result: Any) -> str:
    """What dbt says went wrong; a Ctrl-C says nothing."""
    return str(result.exception or "") or "it was broken off before it was done; run `rdc run` again"


def project_hash() -> str:
    sha = hashlib.sha256()
    for file in sorted(PROJECT.rglob("*")):
        name = file.relative_to(PROJECT)
        if file.suffix in (".sql", ".yml") and "target" not in name.parts:
            sha.update(f"{name}\n".encode())
            sha.update(file.read_bytes())
    return sha.hexdigest()


def _invoke(command: list[str], scratch: Path, project: Path) -> Any:
    from dbt.cli.main import dbtRunner

    target, parsed = scratch / "target", scratch / "target" / "partial_parse.msgpack"
    stamp = scratch / "partial_parse.sha256"
    # dbt goes on from what it parsed before. It may do so only from what it wrote to its end: a byte that changed since could
    # be a byte of a model.
    if not (parsed.is_file() and read_text(stamp) == file_sha256(parsed)):
        _clear(target)
    for folder in (scratch, scratch / "logs"):
        if not folder.is_dir():
            _clear(folder)
            folder.mkdir(parents=True)
    _clear(stamp)  # until dbt is done, what it parses is not whole
    result = dbtRunner().invoke(
        [
            *command,
            *("--project-dir", str(project), "--profiles-dir", str(project)),
            *("--target-path", str(target), "--log-path", str(scratch / "logs")),
            *("--quiet", "--log-level", "none"),
        ]
    )
    if result.exception is None and parsed.is_file():
        durable.write(stamp, file_sha256(parsed))
    return result


@contextmanager
def _environment(database: Path) -> Iterator[None]:
    """Tell the profile which file to build into, and let go of the file afterwards: dbt-duckdb keeps it open."""
    before = {name: os.environ.get(name) for name in ("RDC_CANDIDATE", "DO_NOT_TRACK")}
    os.environ.update(RDC_CANDIDATE=str(plain(database)), DO_NOT_TRACK="1")
    try:
        yield
    finally:
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager

        DuckDBConnectionManager.close_all_connections()
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _node(item: Any) -> Node:
    return Node(
        unique_id=item.node.unique_id,
        resource_type=str(item.node.resource_type.value),
        name=item.node.name,
        status=str(item.status.value if hasattr(item.status, "value") else item.status),
        message=" ".join(str(item.message or "").split()),
        seconds=float(item.execution_time or 0),
        failures=item.failures,
    )
