"""What comes from outside is shown as it is written: it is no markup, and does not steer the terminal."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from rich.console import Console

from orchestration import show
from orchestration.show import Branch

#: A closing tag that opens nothing (an error in markup), one that would hide text, a backslash before a bracket; to clear the
#: screen, to set the title of the window, and to turn the order of letters round.
ODD = "naam [/] [red]x[/red] [1] \\[b] \x1b[2J\x1b]0;titel\x07 \x9b2J \u202etxt"
SAID = "naam [/] [red]x[/red] [1] \\[b] [2J]0;titel 2J txt"


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    said = io.StringIO()
    console = Console(file=said, highlight=False, width=400, color_system=None, force_terminal=True)
    monkeypatch.setattr(show, "out", console)
    monkeypatch.setattr(show, "err", console)
    yield said


@pytest.mark.parametrize(
    "tell",
    [
        lambda: show.line(ODD),
        lambda: show.line(ODD, strong="naam"),
        lambda: show.note(ODD),
        lambda: show.fail(ODD),
        lambda: show.warn("T", ODD),
        lambda: show.warn(ODD, "t"),
        lambda: show.table("", ["a"], [[ODD]]),
        lambda: show.table("", [ODD], [["a"]]),
        lambda: show.table("", ["a"], [[{ODD: 1}], [ODD]]),
        lambda: show.out.print(Branch("a").branch(ODD).branch(ODD, strong="naam")),
    ],
)
def test_it_is_shown_as_it_is_written(screen: io.StringIO, tell: Any) -> None:
    tell()
    said = screen.getvalue()
    assert SAID in said
    assert not set("\x1b\x07\x9b\u202e") & set(said)


def test_a_bar_shows_a_name_as_it_is_written(screen: io.StringIO) -> None:
    with show.download_bar() as progress:
        progress(ODD, 1, 2)
    assert SAID in screen.getvalue()
