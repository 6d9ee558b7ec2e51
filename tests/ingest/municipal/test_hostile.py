"""Hostile files: whatever is delivered, nothing crashes, the books balance, and no personal value is written anywhere.

Hypothesis makes the files, out of the shipped examples with people who do not exist planted in them; the odd ones that no
generator thinks of are made by hand. All go through one data folder, which is searched after each file and as a whole.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import random
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stdnum import iban
from stdnum.nl import bsn

from ingest.files.sheet import plain
from ingest.municipal import source
from ingest.municipal.contract import Column, Contract, load
from ingest.municipal.examples import FOLDER
from ingest.municipal.layer import Delivery, Layer
from ingest.municipal.region import Geography
from ingest.settings import Settings
from orchestration.workspace import Workspace
from tests.ingest.municipal.conftest import found_in, put

#: Generated files; the hand-made ones come on top.
GENERATED = 330
CONTRACTS = load()


def example(contract: Contract) -> tuple[list[str], list[list[str]]]:
    """Header and rows of a shipped example that is a CSV file."""
    [file] = (FOLDER / contract.id).glob("*.csv")
    text = file.read_bytes().decode("cp1252" if contract.id == "meldingen_fixi" else "utf-8-sig")
    header, *rows = csv.reader(text.splitlines()[2:], delimiter="," if contract.id == "klantcontacten" else ";")
    return header, rows


EXAMPLES = {i: example(c) for i, c in CONTRACTS.items() if list((FOLDER / i).glob("*.csv"))}
HEADERS = {i: header for i, (header, _) in EXAMPLES.items()}


class Person:
    """Someone who does not exist, with data of which each piece is looked for afterwards."""

    def __init__(self, seed: int) -> None:
        rng = random.Random(seed)
        while not bsn.is_valid(number := f"{rng.randint(100_000_000, 999_999_999)}"):
            pass
        letters = "".join(rng.choices(string.ascii_lowercase, k=9))
        self.bsn = number
        self.name = f"Xq{letters} van der Zz{letters[:4]}"
        self.email = f"{letters}@{letters[:5]}.nl"
        self.phone = f"06{rng.randint(10_000_000, 99_999_999)}"
        account = f"RABO{rng.randint(1_000_000_000, 9_999_999_999)}"
        self.iban = "NL" + iban.calc_check_digits("NL00" + account) + account
        self.born = f"{rng.randint(1, 28):02d}-{rng.randint(1, 12):02d}-{rng.randint(1930, 1999)}"
        self.street = f"Qx{letters}straat {rng.randint(100, 999)}"

    @property
    def pieces(self) -> list[str]:
        return [self.bsn, self.name, self.email, self.phone, self.iban, self.street]

    @property
    def text(self) -> str:
        return (
            f"{self.name}, {self.street}, bsn {self.bsn}, {self.email}, bel {self.phone}, {self.iban}, geb. {self.born}"
        )

    def of(self, column: Column) -> str:
        """What of this person would stand in a column."""
        kinds = {
            "naam": self.name,
            "adres": self.street,
            "e-mail": self.email,
            "telefoon": self.phone,
            "iban": self.iban,
        }
        return kinds.get(column.personal or "", self.bsn if column.personal in ("bsn", "sleutel") else self.text)


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[str, str, bytes, list[str]]:
    """A contract, a file's name and content, and the personal values in it: rows that were good, spoiled in several ways."""
    planted: list[str] = []

    def person() -> Person:
        found = Person(draw(st.integers(0, 2**32)))
        planted.extend(found.pieces)
        return found

    def one(*values: Any) -> Any:
        return draw(st.sampled_from(values))

    contract = CONTRACTS[one(*EXAMPLES)]
    header, good = EXAMPLES[contract.id]
    rows = [list(row) for row in draw(st.lists(st.sampled_from(good), max_size=12))]
    header = list(header)
    private = [c for c in contract.columns if c.type in ("drop", "key") and c.personal and not c.name.endswith("*")]
    known = {plain(name): c for c in private for name in (c.name, *c.aliases)}
    header += [c.name for c in private if not {plain(n) for n in (c.name, *c.aliases)} & set(map(plain, header))]
    for row in rows:
        who = person()
        row += [""] * (len(header) - len(row))
        for at, name in enumerate(header):
            # A number that a file already has for each row stays, or all rows would be one.
            if (column := known.get(plain(name))) and not (
                column.type == "key" and contract.id != "wmo_jeugd_clienten"
            ):
                row[at] = who.of(column)
    for _ in range(draw(st.integers(0, 4))):
        _spoil(draw, person(), header, rows)
    kind = one("csv", "csv", "xlsx", "json")
    name = one("levering 2024", f"2024 {person().name}", f"{person().bsn}", "2024")
    content = {"csv": _csv, "xlsx": _xlsx, "json": _json}[kind](draw, person(), header, rows)
    if draw(st.integers(0, 9)) == 9:  # broken off
        content = content[: draw(st.integers(10, max(10, len(content))))]
    return contract.id, f"{name}.{kind}", content, planted


def _spoil(draw: st.DrawFn, who: Person, header: list[str], rows: list[list[str]]) -> None:
    def one(*values: Any) -> Any:
        return draw(st.sampled_from(values))

    piece = one(*who.pieces, who.text, who.born, f"BSN: {who.bsn}", f"'{who.bsn}")
    row = rows[draw(st.integers(0, len(rows) - 1))] if rows else []
    at = draw(st.integers(0, len(row) - 1)) if row else 0
    match one(*range(13)):
        case 0 if row:  # personal data where it does not belong
            row[at] = piece
        case 1:  # a column that nobody declared
            header.append(one("Opmerkingen", who.name, "x", ""))
            for other in rows:
                other.append(piece)
        case 2 if rows:  # no header at all: the first row of data stands there
            header[:] = rows.pop(0)
        case 3 if row:
            row.append(piece)
        case 4 if row:
            del row[at:]
        case 5:
            rows.append(["Totaal", *[str(len(rows))] * (len(header) - 1)])
        case 6:
            rows.insert(at, list(header))
        case 7:
            rows.insert(at, [piece])
        case 8 if row:
            row[0] = one("\x00", "=cmd|'/C calc'!A0", "😀", '"', "\n", "NaN", "1e999", "-")
        case 9 if row:
            rows.append(list(row))
        case 10 if len(header) > 1:
            header.pop(draw(st.integers(0, len(header) - 1)))
        case 11:
            header[:] = draw(st.permutations(header))
        case 12 if row:
            row[at] = one("31-02-2024", "2024-13-01", "GM9999", "-5", "1.2.3,4,5", "∞", draw(st.text(max_size=20)))


def _csv(draw: st.DrawFn, who: Person, header: list[str], rows: list[list[str]]) -> bytes:
    separator, end = draw(st.sampled_from(";,\t")), draw(st.sampled_from(["\n", "\r\n"]))
    quoted = draw(st.booleans())
    lines = [[f'"{c}"' if quoted or separator in c or "\n" in c else c for c in row] for row in [header, *rows]]
    notes = f"Overzicht van {who.name}\n\n" if draw(st.booleans()) else ""
    text = notes + end.join(separator.join(line) for line in lines)
    return text.encode(draw(st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16"])), "replace")


def _xlsx(draw: st.DrawFn, who: Person, header: list[str], rows: list[list[str]]) -> bytes:
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True, "strings_to_numbers": draw(st.booleans())}) as book:
        page = book.add_worksheet()
        start = draw(st.sampled_from([0, 3]))
        if start:
            page.merge_range(0, 0, 0, 3, who.text)
        for n, row in enumerate([header, *rows]):
            for c, cell in enumerate(row):
                page.write(start + n, c, cell)
        if draw(st.booleans()):
            book.add_worksheet().write(0, 0, who.text)
    return target.getvalue()


def _json(draw: st.DrawFn, who: Person, header: list[str], rows: list[list[str]]) -> bytes:
    records: list[dict[str, Any]] = [dict(zip(header, row, strict=False)) for row in rows]
    if records and draw(st.booleans()):
        records[0]["melder"] = {"naam": who.name, "telefoon": [who.phone]}
    content = draw(st.sampled_from([records, {"results": records, "count": len(records)}, {"a": {"b": records}}]))
    return json.dumps(content, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")


def by_hand(people: Iterator[Person]) -> Iterator[tuple[str, str, bytes]]:
    """The odd ones that a generator does not think of."""
    person = next(people)
    yield "klantcontacten", "leeg.csv", b""
    yield "klantcontacten", "wit.csv", b" \n\r\n;;;\n"
    yield "klantcontacten", "alleen-kop.csv", ";".join(HEADERS["klantcontacten"]).encode()
    yield "klantcontacten", "binair.csv", bytes(range(256)) * 40
    yield "klantcontacten", "diep.json", b"[" * 100_000
    yield "klantcontacten", "getal.json", b"{1}"
    yield "klantcontacten", "tekst.json", json.dumps(person.text).encode()
    yield "klantcontacten", "mail.csv", f"Beste {person.name},\nhierbij de gegevens van {person.text}\nGroet".encode()
    yield "klantcontacten", "een-kolom.csv", f"bsn\n{person.bsn}\n".encode()
    yield "klantcontacten", "kopie.xlsx", b"PK\x03\x04" + person.text.encode()
    yield "klantcontacten", "oud.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + person.text.encode() * 10
    unclosed = f'datum;gemeente;kanaal;onderwerp;in_een_keer\n2024-01-01;"Eersel;{person.text};\n2024-01-02;Eersel;Chat;Overig;ja\n'
    yield "klantcontacten", "aanhalingsteken.csv", unclosed.encode()
    wide = ";".join(HEADERS["klantcontacten"]) + "\n" + ";".join([person.bsn] * 5000)
    yield "klantcontacten", "breed.csv", wide.encode()
    yield "klantcontacten", "lang.csv", (";".join(HEADERS["klantcontacten"]) + "\n" + person.name * 50_000).encode()
    amount = "Zaaknummer;Activiteit;Datum besluit;Besluit;Gemeente;Legesbedrag;doorlooptijd_dagen\n"
    rows = "".join(f"{n};Bouwen;01-02-2024;Verleend;Eersel;100,50;{30 if n else person.bsn}\n" for n in range(30))
    yield "vth_vergunningen", "bsn-als-getal.csv", (amount + rows).encode()
    born = "client_pseudo;jaar;geboortejaar;buurtcode;gemeentecode;wet\n"
    born += "".join(f"{next(people).bsn};2024;{next(people).born};BU07700001;770;WMO\n" for _ in range(30))
    yield "wmo_jeugd_clienten", "geboortedatums.csv", born.encode()
    yield (
        "wmo_jeugd_clienten",
        f"{person.bsn} {person.name} {person.email}.csv",
        born.replace("WMO", "Jeugdwet").encode(),
    )
    yield "huishoudelijk_afval", "afval.csv", f"Fractie;kg\n{person.name};{person.phone}\n".encode()
    yield "meldingen_signalen", "sig.json", json.dumps({"results": [{"reporter": {"email": person.email}}]}).encode()
    nested: dict[str, object] = {"id": person.bsn, "created_at": "2024-02-02T10:00:00", "category": {"main": "Afval"}}
    nested |= {"status": {"state": "o", "user": person.email}, "text": person.text, "source": "online"}
    nested |= {
        "location": {"address_text": person.street, "buurt_code": "BU07700001"},
        "reporter": {"phone": person.phone},
    }
    yield "meldingen_signalen", "sig2.json", json.dumps([nested] * 12).encode()


class Home:
    """One data folder for all files of this module, and everything that was planted in it."""

    def __init__(self, work: Workspace) -> None:
        self.work = work
        self.geography = Geography.load(work.store, work.settings.boundaries)
        self.planted: set[str] = set()
        self.judged: dict[tuple[str, bytes], Delivery] = {}

    def deliver(self, contract_id: str, name: str, content: bytes, planted: list[str]) -> Delivery:
        contract = self.work.registry.contracts[contract_id]
        put(self.work, contract_id, f"{len(self.judged):03d} {name}"[:200].replace("/", "_"), content)
        layer = Layer(self.work.settings.municipal, contract.id)
        found = source.judge_delivery(self.work, contract, layer, self.geography, name, content, "drop")
        self.planted.update(planted)
        self.judged[contract_id, content] = found
        return found

    def written(self, contract_id: str, delivery: Delivery) -> list[Path]:
        """What was written of a delivery; that there is nothing else, the search through all shows."""
        layer = Layer(self.work.settings.municipal, self.work.registry.contracts[contract_id].id)
        return [layer.log.file, *layer.folder.glob(f"*/{delivery.delivery_id}*")]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RDC_PSEUDONYM_KEY", "a secret for tests, and for nothing else")
        yield Home(Workspace.open(Settings(tmp_path_factory.mktemp("hostile"))))


def assert_sound(home: Home, contract: str, name: str, content: bytes, planted: list[str]) -> None:
    found = home.deliver(contract, name, content, planted)
    assert found.received == found.accepted + found.quarantined + sum(found.dropped.values())
    assert found.state == "accepted" or found.accepted == 0
    # A fault of ours stops a file too; none of these may be that.
    assert not any("kon niet worden beoordeeld" in reason for reason in found.reasons), found
    assert found_in(home.work.settings.home, planted, home.written(contract, found)) == []


@settings(
    max_examples=GENERATED,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(delivery=deliveries())
def test_whatever_is_delivered_the_books_balance_and_nobody_is_in_them(home: Home, delivery) -> None:
    assert_sound(home, *delivery)


def test_the_odd_ones_too(home: Home) -> None:
    planted: list[str] = []

    def people() -> Iterator[Person]:
        for n in itertools.count():
            planted.extend((who := Person(n)).pieces)
            yield who

    for contract, name, content in by_hand(people()):
        assert_sound(home, contract, name, content, planted)


def test_all_of_them_together_are_published_and_nobody_is_found(home: Home) -> None:
    """After the files above: two hundred of them at least, of both kinds, or they would say little."""
    taken = sum(d.state == "accepted" for d in home.judged.values())
    assert len(home.judged) >= 200
    assert 15 < taken < len(home.judged) - 50
    assert len(home.planted) > 2000
    work = home.work
    for contract in sorted({contract for contract, _ in home.judged}):
        outcome = source.land(work, work.registry.tables[contract])
        assert "intake failed" not in outcome.reason, outcome.reason
        work.outcomes.append(outcome)
        shas = {d.sha256 for d in Layer(work.settings.municipal, work.registry.contracts[contract].id).deliveries()}
        assert shas == {source._sha(content) for c, content in home.judged if c == contract}
    assert found_in(work.settings.home, home.planted) == []
    assert [f for f in work.settings.municipal.rglob("*") if f.stat().st_mode & 0o077] == []


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a.log").write_text("bsn 123456782")
    assert found_in(tmp_path, ["123456782", "123456780"]) == [("logs/a.log", "123456782")]
