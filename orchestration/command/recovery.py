"""Having a data folder again: ``rdc backup`` and ``rdc restore``."""

from __future__ import annotations

from pathlib import Path

import click

from orchestration import show
from orchestration.command.friendly import friendly, json_option

_folder = click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))


@click.command()
@_folder
@click.option(
    "--keep", type=click.IntRange(1), metavar="N", help="Keep the newest N backups in DIR, and remove older ones."
)
@json_option
@friendly
def backup(folder: Path, keep: int | None, as_json: bool) -> None:
    """Copy the data folder to DIR; a second time only what is new. Runs, service and readers go on meanwhile."""
    from ingest.settings import Settings
    from orchestration.recovery.backup import backup as go
    from orchestration.recovery.repository import as_listed

    made, new = go(Settings.from_env(), folder, keep)
    if as_json:
        show.as_json(as_listed(made) | {"new_bytes": new})
        return
    for path, why in made.left_out.items():
        show.note(f"{path} is not in it: {why}")
    show.line(
        f"Backup {made.number}: {len(made.files):,} files, {made.bytes / 1e6:,.1f} MB, of which {new / 1e6:,.1f} MB new in {folder}",
        strong=f"Backup {made.number}",
    )


@click.command()
@_folder
@click.option(
    "--backup", "number", type=click.IntRange(1), metavar="NUMBER", help="Which backup; the newest by default."
)
@click.option("--list", "only_list", is_flag=True, help="Only list the backups that there are.")
@json_option
@friendly(look=False, home=False)
def restore(folder: Path, number: int | None, only_list: bool, as_json: bool) -> None:
    """Lay a backup down in an empty data folder. It is compared with its hashes first; one that is damaged is refused."""
    from ingest.settings import Settings
    from orchestration.recovery.repository import Repository, as_listed
    from orchestration.recovery.restore import restore as go

    if only_list:
        of = Repository(folder)
        of.check_form()
        found = [as_listed(made) for made in of.all()]
        if as_json:
            show.as_json(found)
            return
        show.table(
            "",
            ["backup", "made", "version", "release", "files", "MB"],
            [
                (
                    b["number"],
                    b["made_at"],
                    b["version"],
                    b["releases"].get("public"),
                    b["files"],
                    f"{b['bytes'] / 1e6:,.1f}",
                )
                for b in found
            ],
            right=("files", "MB"),
        )
        return
    settings = Settings.from_env()
    made = go(settings, folder, number)
    if as_json:
        show.as_json(as_listed(made))
        return
    current = made.releases.get("public")
    show.line(
        f"Backup {made.number} of {made.made_at} is restored in {settings.home}: {len(made.files):,} files, each with the SHA-256 that it "
        f"had{f'; release {current} is current' if current else ''}",
        strong=f"Backup {made.number}",
    )


COMMANDS = [backup, restore]
