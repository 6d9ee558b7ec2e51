"""What all commands have in common: how they end, what they look at first, and the options that several have."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial, wraps
from pathlib import Path
from typing import Any

import click

from orchestration import show


def friendly(
    command: Callable[..., Any] | None = None, *, look: bool = True, scratch: bool = True, home: bool = True
) -> Callable[..., Any]:
    """What a user can mend becomes one line and exit status 1; a fault of ours keeps its traceback.

    :param look: look over the data folder first, and tell what in it is damaged.
    :param scratch: its temporary files lie in the data folder and go with the command, also when it is killed.
    :param home: it works with what is in the data folder, which must have a form that this version knows.
    """
    if command is None:
        return partial(friendly, look=look, scratch=scratch, home=home)
    told = command

    @wraps(told)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        from ingest.errors import MendableError

        try:
            if home:
                _check_form()
            with _room() if scratch else nullcontext():
                if look:
                    _look_over()
                return told(*args, **kwargs)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(0)
        except (MendableError, OSError) as error:
            show.fail(_unwritable(error) or str(error))
            sys.exit(1)

    return wrapped


def _unwritable(error: Exception) -> str:
    """What to say where the data folder can't be written, or nothing where that is not what went wrong."""
    from ingest.settings import Settings

    if (
        not isinstance(error, OSError)
        or error.errno not in (errno.EROFS, errno.EACCES, errno.EPERM)
        or not error.filename
    ):
        return ""
    home = Settings.from_env().home
    if not Path(os.fsdecode(error.filename)).absolute().is_relative_to(home) or not home.exists():
        return ""
    why = "its disk is mounted read-only: mount it so that it can be written"
    if error.errno != errno.EROFS:
        why = f"it belongs to {home.owner()}: run it as that user, `sudo -u {home.owner()} rdc …`"
    return f"{home} can't be written ({error.filename}: {error.strerror}), as {why}. What was released stays, and can be read."


@contextmanager
def _room() -> Iterator[None]:
    """A folder for the temporary files of this process, in the data folder where there is one."""
    from ingest.settings import Settings
    from ingest.storage.scratch import claimed

    home = Settings.from_env().home
    with claimed(home) if home.is_dir() else nullcontext():
        yield


def _check_form() -> None:
    from ingest.settings import Settings
    from orchestration.home_format import check

    check(Settings.from_env().home)


def _look_over() -> None:
    """Tell what in the data folder was damaged, and what was done about it, before a command works with it."""
    from ingest.settings import Settings
    from orchestration.damage import mended

    for found in mended(Settings.from_env()):
        show.warn("DAMAGED" if found.lost else "DAMAGED, AND MENDED", str(found))


level_option = click.option(
    "--level",
    default="public",
    show_default=True,
    metavar="LEVEL",
    help="Whose release: public, partners, or a municipality's code. The others than public can be read by their owner only.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for a program to read.")
