"""Giving it to others: ``rdc serve``, and the keys of partners."""

from __future__ import annotations

import click

from orchestration import show
from orchestration.command.friendly import friendly, json_option


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True)
@friendly
def serve(host: str, port: int) -> None:
    """Serve the releases: API, OData as StatLine's, files, and the portal."""
    from ingest.settings import Settings
    from orchestration.explain import LookUp
    from orchestration.metrics import Scraped
    from warehouse.serve.app import run as listen

    settings = Settings.from_env()
    show.note(f"http://{host}:{port}  portal: /  API: /v1  OData: /ODataCatalog, /odata/v1/CBS  (stop with Ctrl-C)")
    listen(settings.home, host, port, LookUp(settings), Scraped(settings))


@click.group()
def keys() -> None:
    """Keys by which partners get at what is not public."""


@keys.command("add")
@click.argument("key_id", metavar="NAME")
@click.option("--partner", required=True, help="The organisation that it is for.")
@click.option(
    "--level",
    type=click.Choice(["partners", "municipality"]),
    default="partners",
    show_default=True,
    help="partners: tables shared among partners; municipality: a municipality's own figures as well.",
)
@click.option(
    "--municipality",
    "municipalities",
    multiple=True,
    help="A municipality's code, or * for all; may be given more than once.",
)
@click.option("--days", type=click.IntRange(1, 3660), default=365, show_default=True, help="Days until it expires.")
@click.option(
    "--per-minute", type=click.IntRange(1, 100_000), default=600, show_default=True, help="Requests per minute."
)
@json_option
@friendly
def keys_add(
    key_id: str, partner: str, level: str, municipalities: tuple[str, ...], days: int, per_minute: int, as_json: bool
) -> None:
    """Make a key. It is shown once: only its hash is kept."""
    from ingest.settings import Settings
    from warehouse.serve.keys import Keys

    made, secret = Keys(Settings.from_env().home).add(key_id, partner, level, municipalities, days, per_minute)
    if as_json:
        show.as_json({"key_id": made.key_id, "secret": secret, "expires_at": made.expires_at})
        return
    show.note(
        f"Key {made.key_id} for {partner} until {made.expires_at[:10]}; it is shown this once:", strong=made.key_id
    )
    click.echo(secret)


@keys.command("list")
@json_option
@friendly
def keys_list(as_json: bool) -> None:
    """The keys that were made; never the keys themselves."""
    from dataclasses import asdict
    from datetime import UTC, datetime

    from ingest.settings import Settings
    from warehouse.serve.keys import Keys

    found = Keys(Settings.from_env().home).all()
    now = datetime.now(UTC)
    state = {k.key_id: "revoked" if k.revoked_at else "expired" if k.refused(now) else "ok" for k in found}
    if as_json:
        show.as_json(
            [{n: v for n, v in asdict(k).items() if n != "digest"} | {"state": state[k.key_id]} for k in found]
        )
        return
    show.table(
        "",
        ["key", "partner", "level", "municipalities", "state", "made", "expires", "per minute"],
        [
            (
                *(k.key_id, k.partner, k.level, ", ".join(k.municipalities) or "-", state[k.key_id]),
                *(k.created_at[:10], k.expires_at[:10], k.per_minute),
            )
            for k in found
        ],
    )


@keys.command("revoke")
@click.argument("key_id", metavar="NAME")
@friendly
def keys_revoke(key_id: str) -> None:
    """Take a key back; it is refused from its next request on."""
    from ingest.settings import Settings
    from warehouse.serve.keys import Keys

    revoked = Keys(Settings.from_env().home).revoke(key_id)
    show.line(f"Key {revoked.key_id} of {revoked.partner} is revoked.")


COMMANDS = [serve, keys]
