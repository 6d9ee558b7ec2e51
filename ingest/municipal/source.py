"""A municipal source, from its deliveries to a snapshot: the one place where intake and disclosure control meet.

plan     is there a delivery that was not judged yet
land     judge what came, count it up, protect it against everything published before, lay it down as a snapshot
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ingest.attempt import Attempt, LandingError, attempt, in_words, tried
from ingest.declaration import Table
from ingest.errors import MendableError
from ingest.home import Home
from ingest.http import UnreachableError
from ingest.municipal import drop
from ingest.municipal.contract import Contract, WayIn
from ingest.municipal.disclosure.memory import Memory
from ingest.municipal.disclosure.protection import Part, Protection
from ingest.municipal.layer import Delivery, Layer, stamp_id
from ingest.municipal.personal import masked_name
from ingest.municipal.region import Geography
from ingest.outcome import FAILED, FETCHED, QUARANTINED, UNCHANGED, UNREACHABLE, Outcome
from ingest.settings import secret as secret_of_environment
from ingest.snapshot import Snapshot, fetched_anew, now
from ingest.source import Progress, Source
from ingest.storage.durable import PRIVATE, write
from ingest.words import shown

if TYPE_CHECKING:
    from ingest.municipal.publication import Observed
    from ingest.municipal.remote import Fetched

SECRET = "RDC_PSEUDONYM_KEY"


def contract_of(home: Home, table: Table) -> Contract:
    return home.registry.contracts[table.id]


def awaits(home: Home, table: Table) -> bool:
    """Whether a source is to be looked after though it has no snapshot: something was dropped, or it has an address."""
    contract = contract_of(home, table)
    return bool(contract.ways_in) or bool(drop.look(home.settings.drop / contract.id))


def state_of(home: Home, contract_ids: list[str]) -> str:
    """Tells one state of some drop folders from the next, without a name in it."""
    found = [
        (i, f.path.name, stat.st_size, stat.st_mtime_ns)
        for i in sorted(contract_ids)
        for f in drop.look(home.settings.drop / i)
        if (stat := f.path.stat())
    ]
    return hashlib.sha256(repr(found).encode()).hexdigest()


def stray_folders(home: Home) -> list[str]:
    """Folders in the drop folder that no contract is for."""
    if not home.settings.drop.is_dir():
        return []
    return sorted(f.name for f in home.settings.drop.iterdir() if f.is_dir() and f.name not in home.registry.contracts)


# -- plan -------------------------------------------------------------------------------------------------------------


def plan(home: Home, table: Table) -> Outcome:
    """What a run would do; nothing is judged or written. ``fetched`` means that there is something to do."""
    contract = contract_of(home, table)
    layer = Layer(home.settings.municipal, contract.id)
    last = home.store.newest(table.id)
    known = _known(layer, contract, home)
    waiting = 0
    for found in drop.look(home.settings.drop / contract.id):
        if not found.settled:
            waiting += 1
        elif (data := drop.read(found.path)) is not None and _sha(data) not in known:
            return Outcome(table.id, now(), FETCHED)
    accepted = any(d.state == "accepted" for d in layer.deliveries())
    if contract.ways_in or (
        accepted and (last is None or last.stamp != _stamp(contract, layer) or home.store.changed(last))
    ):
        return Outcome(table.id, now(), FETCHED)
    return _standing(table, layer, last, waiting)


def _standing(table: Table, layer: Layer, last: Any, waiting: int) -> Outcome:
    """Nothing new: the newest delivery was accepted, or is in quarantine."""
    deliveries = layer.deliveries()
    note = ""
    if waiting:
        note = (
            f"{table.id}: {waiting} file(s) may still be written and are left alone: they are unfinished by their name, or changed "
            f"less than {drop.settle_seconds():g} s ago. Run again in a moment."
        )
    facts = (last.snapshot_id, last.modified, last.row_count) if last else (None, None, None)
    if deliveries and deliveries[-1].state != "accepted":
        return Outcome(table.id, now(), QUARANTINED, _why(table, deliveries[-1]), *facts)
    return Outcome(table.id, now(), UNCHANGED, note, *facts)


def _why(table: Table, delivery: Delivery) -> str:
    told = f" The sender's report: {delivery.report}." if delivery.report else ""
    return f"{table.id}: {delivery.name} was not taken in: {' '.join(delivery.reasons)}{told}"


def _known(layer: Layer, contract: Contract, home: Home) -> set[str]:
    """Hashes of the files that need no judging again: under this contract, with the boundaries that are here."""
    have = {int(f.stem) for f in home.settings.boundaries.glob("[12][0-9][0-9][0-9].geojson")}
    return {
        d.sha256
        for d in layer.deliveries()
        if d.intake_hash == contract.intake_hash and not have.intersection(d.missing_boundaries)
    }


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _stamp(contract: Contract, layer: Layer) -> dict[str, str]:
    force = layer.in_force(contract.covers == "everything")
    text = ";".join(f"{g}-{p}={d.delivery_id}" for (g, p), d in sorted(force.items()))
    return {"deliveries": hashlib.sha256(text.encode()).hexdigest(), "contract": contract.publish_hash}


# -- land -------------------------------------------------------------------------------------------------------------


def land(home: Home, table: Table, progress: Callable[[str, int, int], None] = lambda *_: None) -> Outcome:
    """Take in what was delivered, and publish it if that changes anything. Never raises for what a delivery contains.

    The outcome goes into the log that everyone can read, so it has no number of rows or bytes of a delivery: how many
    clients a file had can be a secret too.
    """
    return attempt(table.id, lambda own: _land(home, table, progress, own), quote=False)


def _land(home: Home, table: Table, progress: Callable[[str, int, int], None], own: Attempt) -> Outcome:
    contract = contract_of(home, table)
    layer = Layer(home.settings.municipal, contract.id)
    layer.sweep()
    if not home.clock_is_wrong():  # a clock that is ahead would take away what may stay
        layer.expire(contract.retention_days)
    problems = _take_in(home, contract, layer, progress)
    last = home.store.newest(table.id)
    spoilt = home.store.changed(last) if last else []
    snapshot = _publish(home, contract, layer, own.at)
    standing = _standing(table, layer, snapshot or last, 0)
    result, reason = standing.result, standing.reason
    if problems and result != QUARANTINED:
        away = all(isinstance(p, UnreachableError) for p in problems)
        result, reason = UNREACHABLE if away else FAILED, f"{table.id}: {' '.join(shown(str(p)) for p in problems)}"
    elif result == UNCHANGED and snapshot is not None:
        result, reason = FETCHED, fetched_anew(last, spoilt) if last and spoilt else reason
    used = snapshot or last
    facts = {"snapshot_id": used.snapshot_id, "modified": used.modified, "rows": used.row_count} if used else {}
    return own.outcome(result, reason, **facts)


def _take_in(
    home: Home,
    contract: Contract,
    layer: Layer,
    progress: Callable[[str, int, int], None],
) -> list[BaseException]:
    """Judge every delivery that was not judged yet; what went wrong with an address costs that address alone."""
    taken = 0
    geography: Geography | None = None
    known = _known(layer, contract, home)
    problems: list[BaseException] = []

    def judge(name: str, data: bytes, way_in: str) -> None:
        nonlocal taken, geography
        known.add(_sha(data))
        geography = geography or Geography.of(home)
        judge_delivery(home, contract, layer, geography, name, data, way_in)
        taken += 1
        progress(contract.id, taken, taken)

    for found in drop.look(home.settings.drop / contract.id):
        if found.settled and (data := drop.read(found.path)) is not None and _sha(data) not in known:
            judge(found.path.name, data, "drop")
    for way in contract.ways_in:
        before = layer.fetched().get(way.address, {})
        fetched, error = tried(partial(_fetched, way, home, before, contract))
        if error is not None:
            problems.append(
                error
                if isinstance(error, MendableError)
                else LandingError(f"{urlsplit(way.url).netloc}: {in_words(error, quote=False)}.")
            )
        elif fetched is not None:
            sha = _sha(fetched.data)
            # An address that gives again what it gave before the last time takes back what it gave then.
            if sha not in known or before.get("sha256", sha) != sha:
                judge(fetched.name, fetched.data, way.kind)
            layer.remember(way.address, fetched.stamp | {"intake": contract.intake_hash, "sha256": sha})
    return problems


def _fetched(way: WayIn, home: Home, before: dict[str, str], contract: Contract) -> Fetched | None:
    from ingest.municipal import remote

    # Under another contract what did not change must be judged anew all the same.
    return remote.fetch(way, home.client, before if before.get("intake") == contract.intake_hash else {})


def judge_delivery(
    home: Home, contract: Contract, layer: Layer, geography: Geography, name: str, data: bytes, way_in: str
) -> Delivery:
    """Judge one delivery, and keep what may be kept of it."""
    from ingest.municipal import report
    from ingest.municipal.intake import quarantine_lines, take_in

    at, sha = now(), _sha(data)
    secret = secret_of_environment(SECRET).encode()
    intake = take_in(contract, name, data, geography, secret)
    key_id = hmac.new(secret, b"key", hashlib.sha256).hexdigest()[:12] if contract.of_type("key") else None
    before = next((d.key_id for d in reversed(layer.deliveries()) if d.key_id and d.state == "accepted"), None)
    if key_id and before and key_id != before:
        intake.warnings.append("De sleutel voor pseudoniemen is een andere dan bij de vorige levering.")
    known = masked_name(name, sha)
    told = home.settings.drop / contract.id / drop.REPORTS / f"{known.rsplit('.', 1)[0]}.txt"
    if way_in != "drop":
        told = layer.folder / "reports" / told.name
    text = report.write(contract, name if way_in == "drop" else known, at, intake)
    if way_in == "drop":
        mode = drop.shut(told.parent.parent)
        write(told, text, mode)
        told.parent.chmod(0o750 if mode != PRIVATE else 0o700)
    else:
        layer.write(f"reports/{told.name}", text.encode())
    delivery = Delivery(
        # A file that is judged anew under another contract is another delivery, also within the second.
        delivery_id=f"{at[:19].replace('-', '').replace(':', '')}-{sha[:12]}-{contract.intake_hash[:6]}",
        at=at,
        name=known,
        sha256=sha,
        bytes=len(data),
        way_in=way_in,
        state=intake.state,
        reasons=intake.reasons,
        warnings=intake.warnings,
        received=intake.received,
        accepted=intake.accepted,
        quarantined=intake.quarantined,
        dropped=dict(intake.dropped),
        covers=[list(pair) for pair in intake.covers],
        intake_hash=contract.intake_hash,
        key_id=key_id,
        missing_boundaries=intake.missing_boundaries,
        report=str(told),
    )
    layer.add(delivery, intake.rows, quarantine_lines(intake, known))
    return delivery


def try_out(home: Home, name: str, file: Path | None) -> tuple[Contract, tuple[Any, str] | None]:
    """A contract, and what would come of a delivery: the intake and the sender's report. Nothing is written.

    :raises RegistryError: there is no such contract, or it can't be used.
    """
    from ingest.declaration import RegistryError
    from ingest.municipal import report
    from ingest.municipal.contract import read
    from ingest.municipal.intake import take_in

    if name in home.registry.contracts:
        contract = home.registry.contracts[name]
    elif Path(name).is_file():
        contract = read(Path(name))
    else:
        known = ", ".join(home.registry.contracts)
        raise RegistryError(f"{name} is no contract and no file. Contracts: {known}.")
    if file is None:
        return contract, None
    data = drop.read(file)
    if data is None:
        raise RegistryError(f"{file} can't be read, or changes while it is read. Look whether it is there, and whole.")
    # Nothing is kept, so any secret will do.
    intake = take_in(contract, file.name, data, Geography.of(home), b"nothing is kept of a try-out")
    return contract, (intake, report.write(contract, file.name, now(), intake))


def history(home: Home, contract_id: str | None) -> list[tuple[str, Delivery, list[str]]]:
    """Every delivery with its contract, and the municipalities and periods that are still from it."""
    from ingest.declaration import RegistryError

    if contract_id and contract_id not in home.registry.contracts:
        raise RegistryError(f"{contract_id} is no contract. Contracts: {', '.join(home.registry.contracts)}.")
    found = []
    for contract in home.registry.contracts.values():
        if contract_id in (None, contract.id):
            layer = Layer(home.settings.municipal, contract.id)
            force = layer.in_force(contract.covers == "everything")
            for delivery in layer.deliveries():
                mine = [f"{g} {p}" for (g, p), d in sorted(force.items()) if d.delivery_id == delivery.delivery_id]
                found.append((contract.id, delivery, mine))
    return found


# -- publish ----------------------------------------------------------------------------------------------------------


def _publish(home: Home, contract: Contract, layer: Layer, at: str) -> Any:
    """Count up, protect, and lay down a snapshot; None where there is nothing (new) to publish."""
    from ingest.municipal import publication

    stamp = _stamp(contract, layer)
    last = home.store.newest(contract.id)
    force = layer.in_force(contract.covers == "everything")
    if not force or (last is not None and last.stamp == stamp and not home.store.changed(last)):
        return None
    memory = Memory(home.settings.municipal)
    if contract.disclosure.units != "none":
        memory.needs_all(home.store, contract.id, list(home.registry.tables), home.released)
    geography = Geography.of(home)
    observed: list[Observed] = []
    warnings: list[str] = []
    protection = Protection(contract, layer, geography, memory, warnings)
    rows: dict[str, list[dict[str, Any]] | None] = {}
    used: dict[tuple[str, str], str] = {}
    for (gemeente, period), delivery in sorted(force.items()):
        if delivery.delivery_id not in rows:
            rows[delivery.delivery_id] = layer.rows(delivery.delivery_id)
        mine = rows[delivery.delivery_id]
        if mine is not None:
            mine = [r for r in mine if (r["gemeente"], r["period"]) == (gemeente, period)]
        found, used[gemeente, period] = protection.figures(Part(gemeente, period, mine, delivery))
        observed += found
    if not observed:
        if warnings:
            raise LandingError(" ".join(warnings))
        return None
    # Not in the snapshot: who has all rows of a file but one could find that one with the file's hash.
    layer.use(stamp_id(stamp), used)
    modified = max(d.at for d in force.values())
    return publication.write(home.store, contract, observed, geography, at, modified, stamp, warnings)


# -- as a source ------------------------------------------------------------------------------------------------------


class Municipal(Source):
    """What municipalities deliver, under a contract each."""

    group = "municipal"
    asked = False
    private = True

    def plan(self, home: Home, table: Table, scope: str | None) -> Outcome:
        return attempt(table.id, lambda _: plan(home, table), quote=False)

    def land(self, home: Home, table: Table, progress: Progress, scope: str | None) -> Outcome:
        return land(home, table, progress)

    def waits(self, home: Home, table: Table) -> bool:
        return awaits(home, table)

    def provenance(self, home: Home, snapshot: Snapshot, cell: dict[str, Any]) -> dict[str, Any] | None:
        from ingest.municipal.provenance import provenance

        return provenance(home, snapshot, cell)


SOURCE = Municipal()
