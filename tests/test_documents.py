"""What the documents name is there: paths, modules, commands with their options, targets of make, settings, tables."""

from __future__ import annotations

import os
import re
import tomllib
from functools import cache
from pathlib import Path
from pkgutil import resolve_name

import click
import pytest
import yaml

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    *(ROOT / f for f in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
PACKAGES = ("ingest", "expectations", "warehouse", "orchestration", "tests")

_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")
#: A path from the root, or a bare name of a file that only the project can have.
_PATH = re.compile(r"(?<![\w/$.>-])(?:[\w*<>{},.-]+/)+[\w*<>.-]*|(?<![\w/$.>-])[\w*-]+\.(?:py|sql)\b")
_MODULE = re.compile(rf"(?<![\w/.])(?:{'|'.join(PACKAGES)})(?:\.[a-z_]\w*)+")
_COMMAND = re.compile(r"(?<![\w/.-])rdc((?: +[^\s|;>\"]+)+)")
_MAKE = re.compile(r"(?<![\w-])make ([a-z][a-z-]*)")
_SETTING = re.compile(r"\bRDC_[A-Z0-9_]*[A-Z0-9]\b")
_TABLE = re.compile(r"(?<![\w./])(?:core|mart)\.(?!(?:py|sql|yml)\b)([a-z_]+)\b")


def _code(text: str) -> list[str]:
    """What is set as code: every line of a block, and every span."""
    blocks = [line for block in _FENCE.findall(text) for line in block.splitlines()[1:-1]]
    return blocks + _SPAN.findall(_FENCE.sub("", text))


@cache
def _files() -> list[str]:
    """What is in the project, but for what tools keep in it."""
    tops = [ROOT / top for top in (*PACKAGES, "dbt_project", "deploy", "docs")]
    found = [file for file in ROOT.iterdir() if file.is_file()]
    found += [file for top in tops for file in top.rglob("*") if file.is_file()]
    names = [file.relative_to(ROOT).as_posix() for file in found]
    return [name for name in names if not re.search(r"(^|/)__pycache__/|^dbt_project/(target|logs)/", name)]


@cache
def _tops() -> set[str]:
    return {name.split("/")[0] for name in _files() if "/" in name}


def _there(path: str) -> bool:
    """Whether a path is a file or a folder of the project: from the root or, as in a table of one room, from any folder."""
    pattern = re.escape(re.sub(r"<[^>]*>", "*", path.rstrip("/."))).replace(r"\*", "[^/]*")
    expression = ("" if path.split("/")[0] in _tops() else "(.*/)?") + pattern + "(/.*)?"
    return any(re.fullmatch(expression, name) for name in _files())


def _is_of_the_project(path: str) -> bool:
    return "/" not in path or path.split("/")[0] in _tops() or path.endswith((".py", ".sql"))


def paths(text: str) -> list[str]:
    found = [path for code in _code(text) for path in _PATH.findall(code) if _is_of_the_project(path)]
    return [path for path in found if not _there(path)]


def links(text: str, folder: Path) -> list[str]:
    return [target for target in _LINK.findall(text) if not (folder / target).exists()]


def modules(text: str) -> list[str]:
    def there(name: str) -> bool:
        try:
            resolve_name(name)
        except (ImportError, AttributeError):
            return False
        return True

    return [name for code in _code(text) for name in _MODULE.findall(code) if not there(name)]


def commands(text: str) -> list[str]:
    main = resolve_name(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]["rdc"])
    missing = []
    for code in _code(text):
        for words in _COMMAND.findall(code):
            command: click.Command = main
            rest = words.split()
            while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
                name = rest.pop(0).strip(",.:)")
                step = command.commands.get(name)
                if step is None:
                    missing.append(f"rdc {words.strip()}: no {name}")
                    break
                command = step
            if command.context_settings.get("ignore_unknown_options"):
                continue
            known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
            asked = {option for word in rest for option in re.findall(r"^\[?(--[a-z-]+)", word)}
            missing += [f"rdc {words.strip()}: no {option}" for option in sorted(asked - known - {"--help"})]
    return missing


def targets(text: str) -> list[str]:
    known = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    return [f"make {name}" for code in _code(text) for name in _MAKE.findall(code) if name not in known]


@cache
def _known_settings() -> set[str]:
    code = (ROOT / f for f in _files() if f.endswith((".py", ".yml")) and not f.startswith("tests/"))
    # A partner keeps the key of a service under a name of its own; that of the examples is RDC_KEY.
    return {name for file in code for name in _SETTING.findall(file.read_text())} | {"RDC_KEY"}


def settings(text: str) -> list[str]:
    return [name for name in _SETTING.findall(text) if name not in _known_settings()]


@cache
def _tables() -> set[str]:
    models = {Path(name).stem for name in _files() if name.startswith("dbt_project/models/") and name.endswith(".sql")}
    # Those that are made once dbt is done: the effects, and by the audit the verdict on a candidate.
    worked_out = yaml.safe_load((ROOT / "dbt_project/models/mart/_policy_effect.yml").read_text(encoding="utf-8"))
    return models | {table["name"] for source in worked_out["sources"] for table in source["tables"]} | {"check_result"}


def tables(text: str) -> list[str]:
    return [name for code in _code(text) for name in _TABLE.findall(code) if name not in _tables()]


ASKED = {
    "paths": paths,
    "modules": modules,
    "commands": commands,
    "targets": targets,
    "settings": settings,
    "tables": tables,
}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: os.fspath(path.relative_to(ROOT)))
def test_what_a_document_names_is_there(document: Path) -> None:
    text = document.read_text()
    missing = {kind: names for kind, look in ASKED.items() if (names := look(text))}
    if gone := links(text, document.parent):
        missing["links"] = gone
    assert not missing


def test_a_name_of_nothing_is_seen() -> None:
    text = """See `ingest/nowhere.py`, `nowhere.py` and `python -m warehouse.nowhere.at_all`: `make nothing`, with `RDC_NOWHERE`.
```
$ rdc pull wonen --nowhere | head      # of mart.nowhere
$ rdc nowhere
  ingest/nowhere/ ──► snapshot
```
And [a page](nowhere.md)."""
    assert paths(text) == ["ingest/nowhere/", "ingest/nowhere.py", "nowhere.py"]
    assert modules(text) == ["warehouse.nowhere.at_all"]
    assert commands(text) == ["rdc pull wonen --nowhere: no --nowhere", "rdc nowhere: no nowhere"]
    assert targets(text) == ["make nothing"]
    assert settings(text) == ["RDC_NOWHERE"]
    assert tables(text) == ["nowhere"]
    assert links(text, ROOT) == ["nowhere.md"]
