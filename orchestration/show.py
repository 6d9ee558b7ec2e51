"""What the command line shows: tables, a progress bar, and words for what happened.

Much of it comes from outside: a title from a source, a line of a delivery, the name of a file. So everything is shown as it is
written: square brackets are no markup, and what steers a terminal is left out.
"""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.panel import Panel
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

if TYPE_CHECKING:
    from warehouse.making.diff import Diff

#: A pipe has no width of its own; 80 columns would break every row in three.
_WIDTH = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 140

out = Console(highlight=False, width=_WIDTH)
err = Console(stderr=True, highlight=False, width=_WIDTH)

_STYLE = {
    "live": "green",
    "ok": "green",
    "sample": "yellow",
    "last_good": "yellow",
    "stale": "yellow",
    "failed": "red",
    "quarantined": "red",
    "none": "red",
}


def unfolded() -> Console:
    """For a tree with addresses in it: a terminal folds them at its own width, a pipe gets them whole."""
    return out if sys.stdout.isatty() else Console(highlight=False, width=4000)


def text(value: str, strong: str = "", style: str = "") -> Text:
    """Text as it is written, for whatever shows it.

    :param strong: what of it is shown in bold, where it comes first.
    """
    found = Text(_steerless(value), style)
    if strong and (start := found.plain.find(strong)) >= 0:
        found.stylize("bold", start, start + len(strong))
    return found


class Branch(Tree):
    """A tree whose labels are shown as they are written."""

    def __init__(self, label: str, strong: str = "") -> None:
        super().__init__(text(label, strong))

    def branch(self, label: str, strong: str = "") -> Branch:
        self.children.append(child := Branch(label, strong))
        return child


def line(value: str, strong: str = "") -> None:
    """Tell something on standard output, where a pipe gets each line whole."""
    out.print(text(value, strong), soft_wrap=True)


def note(value: str, strong: str = "") -> None:
    """Tell something beside what was asked for, on standard error."""
    err.print(text(value, strong), soft_wrap=True)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], right: Sequence[str] = ()) -> None:
    grid = Table(title=text(title) if title else None, title_justify="left", header_style="bold", pad_edge=False)
    for name in columns:
        grid.add_column(text(name), justify="right" if name in right else "left", overflow="fold")
    for row in rows:
        grid.add_row(*(_cell(v) for v in row))
    out.print(grid)


def _cell(value: Any) -> Text:
    if value is None:
        return text("-", style="dim")
    said = plain(value)
    return text(said, style=_STYLE.get(said, ""))


def plain(value: Any) -> str:
    if isinstance(value, float | Decimal):
        number = float(value)
        return f"{int(number)}" if number.is_integer() and abs(number) < 1e15 else repr(number)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def as_json(value: Any) -> None:
    """Print JSON and nothing else, for a program to read."""
    print(json.dumps(value, ensure_ascii=False, indent=1, default=_default))


def _default(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime | date) else str(value)


def warn(title: str, value: str) -> None:
    err.print(Panel(text(value), title=text(title), border_style="yellow", title_align="left"))


def fail(value: str) -> None:
    err.print(Text.assemble(("Error:", "bold red"), " ", text(value)))


def content(pieces: Iterable[bytes]) -> None:
    """What was asked for on standard output, byte for byte; on a terminal without what steers one."""
    if sys.stdout.isatty():
        pieces = [_steerless(b"".join(pieces).decode(errors="replace").replace("\r\n", "\n")).encode()]
    for piece in pieces:
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()


def _steerless(value: str) -> str:
    return "".join(c for c in value if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf"))


def age(moment: str | None) -> str | None:
    """How long ago, in the largest unit that fits."""
    if not moment:
        return None
    seconds = (datetime.now(UTC) - datetime.fromisoformat(moment).astimezone(UTC)).total_seconds()
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"


def difference(diff: Diff) -> None:
    """What changed between two releases, section by section; a section without a change is left out."""
    if not diff.changed:
        line(f"Nothing differs between {diff.old} and {diff.new}.")
        return
    line(f"From {diff.old} to {diff.new}")
    sections = (
        ("Schema", ("table", "column", "change", "old", "new"), diff.schema),
        ("Rows", ("table", "old", "new", "added", "removed"), diff.rows),
        (
            "Sources",
            ("table_id", "change", "old_modified", "new_modified", "old_origin", "new_origin", "new_snapshot_id"),
            diff.sources,
        ),
        ("Definitions", ("indicator_id", "version", "change", "field", "old", "new"), diff.definitions),
        (
            "Effects of policy choices",
            (
                "intervention_id",
                "indicator_id",
                "change",
                "old_overall_answer",
                "new_overall_answer",
                "old_estimate",
                "new_estimate",
            ),
            diff.effects,
        ),
    )
    for title, columns, records in sections:
        if records:
            table(title, columns, [[r[c] for c in columns] for r in records])
    if not diff.value_totals:
        return
    table(
        "Figures that differ",
        ["indicator", *diff.value_totals],
        [
            *([name, *(kinds.get(k) for k in diff.value_totals)] for name, kinds in diff.by_indicator.items()),
            ["all", *diff.value_totals.values()],
        ],
    )
    if diff.became_definitive:
        line(f"{diff.became_definitive:,} figures went from provisional to definitive.")
    table(
        "",
        ["indicator", "region", "period", "change", "old", "new", "status"],
        [
            (
                *(v["indicator_id"], v["region_code"], v["period_code"], v["kind"]),
                *(_figure(v, "old"), _figure(v, "new")),
                _arrow(v["old_period_status"], v["new_period_status"]),
            )
            for v in diff.values
        ],
    )
    if diff.omitted:
        line(f"… and {diff.omitted:,} more; `--limit` names more of them, `--json` has them for a program.")


def _figure(change: dict[str, Any], side: str) -> Any:
    value = change[f"{side}_value"]
    reason = change[f"{side}_missing_reason"]
    return f"({reason})" if value is None and reason else value


def _arrow(old: Any, new: Any) -> str | None:
    return old if old == new else f"{old or '-'} → {new or '-'}"


def bar() -> Progress:
    """A progress bar on standard error, so that standard output stays clean; plain lines when it is no terminal."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=err,
        transient=not err.is_terminal,
    )


@contextmanager
def download_bar() -> Iterator[Callable[[str, int, int], None]]:
    """A bar per file, in bytes; takes a file's name, what is there of it, and its size (0 when unknown)."""
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        console=err,
        transient=not err.is_terminal,
    )
    tasks: dict[str, TaskID] = {}

    def progress(name: str, have: int, total: int) -> None:
        if name not in tasks:
            tasks[name] = bar.add_task(_steerless(name), total=total or None)
        bar.update(tasks[name], completed=have, total=total or None)

    with bar:
        yield progress
