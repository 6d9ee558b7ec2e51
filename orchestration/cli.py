"""The ``rdc`` command. Exit status: 0 done, 1 something failed and the message says what to do, 2 wrong usage."""

from __future__ import annotations

import click

from orchestration.command import effects, keeping, making, portal, reading, recovery, sharing, sources, watching


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def main() -> None:
    """The regional data center: ingest, build, audit, release, and read what was released."""


for module in (making, sources, reading, effects, keeping, recovery, watching, sharing, portal):
    for command in module.COMMANDS:
        main.add_command(command)


if __name__ == "__main__":
    main()
