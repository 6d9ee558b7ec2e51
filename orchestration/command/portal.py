"""The portal as files: ``rdc portal build`` and ``rdc portal check``."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlsplit

import click

from orchestration import show
from orchestration.command.friendly import friendly, json_option


class _Address(click.ParamType):  # type: ignore[type-arg]
    name = "URL"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
            self.fail(f"{value!r} is no address of a site, such as https://cijfers.example.nl", param, ctx)
        return value


@click.group()
def portal() -> None:
    """The portal as a static site: public figures only, for any web server or page host."""


@portal.command("build")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder for the site: a new or empty one, or an earlier site, which it replaces once it is whole.",
)
@click.option("--base-url", type=_Address(), help="Where the site will be; needed for the sitemap and the feed.")
@json_option
@friendly
def build(output: Path, base_url: str | None, as_json: bool) -> None:
    """Write every page of the current release. What has not changed is not drawn again."""
    from ingest.settings import Settings
    from orchestration.explain import LookUp
    from warehouse.serve.portal.site.build import build as made

    settings = Settings.from_env()
    with show.bar() as bar:
        task = bar.add_task("pages", total=None)
        built = made(
            settings.home.absolute(),
            output.absolute(),
            base_url,
            lambda done, of: bar.update(task, completed=done, total=of),
            LookUp(settings),
        )
    if as_json:
        show.as_json(asdict(built) | {"output": str(output)})
        return
    show.line(
        f"Release {built.release}: {built.pages} pages, of which {built.drawn} drawn now; {built.files} files, "
        f"{built.bytes / 1e6:.0f} MB in {output}",
        strong=built.release,
    )
    if base_url is None:
        show.note("Without --base-url there is no sitemap and no feed: their addresses are whole.")


@portal.command("check")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@json_option
@friendly
def check(folder: Path, as_json: bool) -> None:
    """Tell what is broken in a site: links, pages, files. Exit status 1 if anything is."""
    from warehouse.serve.portal.site.check import check as looked_through

    broken = list(looked_through(folder))
    if as_json:
        show.as_json(broken)
    else:
        for said in broken:
            show.line(said)
        show.note(f"{len(broken)} things are broken." if broken else "Nothing is broken.")
    sys.exit(1 if broken else 0)


COMMANDS = [portal]
