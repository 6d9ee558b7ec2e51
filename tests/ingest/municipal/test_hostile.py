"""Hostile files: whatever is delivered, nothing crashes, the books balance, and no personal value is written anywhere."""

from __future__ import annotations

import io
import json
import random
import string
from collections.abc import Iterator
from pathlib import Path

import xlsxwriter
from stdnum import iban
from stdnum.nl import bsn

from orchestration import municipal
from orchestration.pipeline import Workspace
from tests.ingest.municipal.conftest import found_in, put

#: Generated files; the hand-made ones come on top.
GENERATED = 200

HEADERS = {
    "meldingen_fixi": ["Meldingnummer", "Datum", "Hoofdcategorie", "Straat", "Gemeente", "Status", "Omschrijving"],
    "wmo_jeugd_clienten": ["client_pseudo", "jaar", "geboortejaar", "buurtcode", "gemeentecode", "wet", "naam"],
    "vth_vergunningen": [
        "Zaaknummer",
        "Activiteit",
        "Datum besluit",
        "Besluit",
        "Adres",
        "Gemeente",
        "Legesbedrag",
        "doorlooptijd_dagen",
    ],
    "klantcontacten": ["datum", "gemeente", "kanaal", "onderwerp", "in_een_keer", "notitie", "bsn"],
}
GOOD = {
    "meldingen_fixi": ["M{n}", "03-0{m}-2024", "Afval", "{name}", "Eersel", "Open", "{text}"],
    "wmo_jeugd_clienten": ["{bsn}", "2024", "19{y}", "BU07700001", "770", "WMO", "{name}"],
    "vth_vergunningen": ["Z{n}", "Bouwen", "03-0{m}-2024", "Verleend", "{name} {n}", "GM0770", "1.2{y},50", "3{m}"],
    "klantcontacten": ["2024-0{m}-11", "Eersel", "Telefoon", "Overig", "ja", "{text}", "{bsn}"],
}


class Person:
    """Someone who does not exist, with data of which each piece is looked for afterwards."""

    def __init__(self, rng: random.Random) -> None:
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


class Maker:
    """Makes files out of rows that were good, each spoiled in one way or another."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.planted: list[str] = []

    def person(self) -> Person:
        person = Person(self.rng)
        self.planted += person.pieces
        return person

    def row(self, contract: str, n: int) -> list[str]:
        person = self.person()
        known = {"n": n, "m": self.rng.randint(1, 9), "y": self.rng.randint(30, 79)}
        return [c.format(bsn=person.bsn, name=person.name, text=person.text, **known) for c in GOOD[contract]]

    def file(self, number: int) -> tuple[str, str, bytes]:
        rng = self.rng
        contract = rng.choice(list(HEADERS))
        header, rows = list(HEADERS[contract]), [self.row(contract, n) for n in range(rng.randint(0, 12))]
        for _ in range(rng.randint(0, 6)):
            self.spoil(header, rows)
        name = rng.choice([f"levering {number}", f"{self.person().name} {number}", self.person().bsn, f"2024_{number}"])
        kind = rng.choice(["csv", "csv", "xlsx", "json"])
        return contract, f"{name}.{kind}", getattr(self, kind)(header, rows)

    def spoil(self, header: list[str], rows: list[list[str]]) -> None:
        rng, person = self.rng, self.person()
        piece = rng.choice([*person.pieces, person.text, person.born, f"BSN: {person.bsn}", f"'{person.bsn}"])
        match rng.randint(0, 12):
            case 0 if rows:  # personal data where it does not belong
                row = rng.choice(rows)
                row[rng.randrange(len(row))] = piece
            case 1:  # a column that nobody declared
                header.append(rng.choice(["Opmerkingen", person.name, "x", ""]))
                for row in rows:
                    row.append(piece)
            case 2 if rows:  # no header at all: the first row of data stands there
                header[:] = rows.pop(0)
            case 3 if rows:
                rng.choice(rows).append(piece)
            case 4 if rows:
                row = rng.choice(rows)
                del row[rng.randrange(len(row)) :]
            case 5:
                rows.append(["Totaal", *[str(len(rows))] * (len(header) - 1)])
            case 6:
                rows.insert(rng.randint(0, len(rows)), list(header))
            case 7:
                rows.insert(rng.randint(0, len(rows)), [piece])
            case 8 if rows:
                rng.choice(rows)[0] = rng.choice(["\x00", "=cmd|'/C calc'!A0", "😀", '"', "\n", "NaN", "1e999", "-"])
            case 9 if rows:
                rows.append(rng.choice(rows))
            case 10 if len(header) > 1:
                header.pop(rng.randrange(len(header)))
            case 11:
                rng.shuffle(header)
            case 12 if rows:
                row = rng.choice(rows)
                row[rng.randrange(len(row))] = rng.choice(
                    ["31-02-2024", "2024-13-01", "GM9999", "-5", "1.2.3,4,5", "∞"]
                )

    def csv(self, header: list[str], rows: list[list[str]]) -> bytes:
        separator = self.rng.choice([";", ",", "\t"])
        encoding = self.rng.choice(["utf-8", "utf-8-sig", "cp1252", "utf-16"])
        quote = self.rng.choice([True, False])
        lines = [[f'"{c}"' if quote or separator in c or "\n" in c else c for c in row] for row in [header, *rows]]
        text = self.rng.choice(["\n", "\r\n"]).join(separator.join(line) for line in lines)
        notes = f"Overzicht van {self.person().name}\n\n" if self.rng.random() < 0.3 else ""
        data = (notes + text).encode(encoding, "replace")
        return data[: self.rng.randint(0, len(data))] if self.rng.random() < 0.1 else data

    def xlsx(self, header: list[str], rows: list[list[str]]) -> bytes:
        target = io.BytesIO()
        with xlsxwriter.Workbook(target, {"in_memory": True, "strings_to_numbers": self.rng.random() < 0.5}) as book:
            page = book.add_worksheet()
            start = self.rng.choice([0, 0, 3])
            if start:
                page.merge_range(0, 0, 0, 3, self.person().text)
            for n, row in enumerate([header, *rows]):
                for c, cell in enumerate(row):
                    page.write(start + n, c, cell)
            if self.rng.random() < 0.2:
                book.add_worksheet().write(0, 0, self.person().text)
        data = target.getvalue()
        return data[: self.rng.randint(10, len(data))] if self.rng.random() < 0.1 else data

    def json(self, header: list[str], rows: list[list[str]]) -> bytes:
        records = [dict(zip(header, row, strict=False)) for row in rows]
        for record in records:
            if self.rng.random() < 0.1:
                record["melder"] = {"naam": self.person().name, "telefoon": [self.person().phone]}
        content = self.rng.choice([records, {"results": records, "count": len(records)}, {"a": {"b": records}}])
        return json.dumps(content, ensure_ascii=self.rng.random() < 0.5).encode()


def by_hand(maker: Maker) -> Iterator[tuple[str, str, bytes]]:
    """The odd ones that a generator does not think of."""
    person = maker.person()
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
    born += "".join(f"{maker.person().bsn};2024;{maker.person().born};BU07700001;770;WMO\n" for _ in range(30))
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


def test_nothing_personal_is_written_and_the_books_balance(work: Workspace) -> None:
    maker = Maker(5521)
    files = [*by_hand(maker), *(maker.file(n) for n in range(GENERATED))]
    assert len(files) >= 200
    delivered: dict[str, set[bytes]] = {}
    for number, (contract, name, content) in enumerate(files):
        put(work, contract, f"{number:03d} {name}"[:200].replace("/", "_"), content)
        delivered.setdefault(contract, set()).add(content)
    judged = taken = 0
    for contract, contents in delivered.items():
        outcome = municipal.land(work, work.registry.tables[contract])
        assert "intake failed" not in outcome.reason, outcome.reason
        work.outcomes.append(outcome)
        history = municipal.layer_of(work, work.registry.contracts[contract]).deliveries()
        assert {d.sha256 for d in history} == {municipal._sha(c) for c in contents}
        for delivery in history:
            assert delivery.received == delivery.accepted + delivery.quarantined + sum(delivery.dropped.values())
            assert delivery.state == "accepted" or delivery.accepted == 0
            # A fault of ours stops a file too; none of these may be that.
            assert not any("kon niet worden beoordeeld" in reason for reason in delivery.reasons), delivery
            judged, taken = judged + 1, taken + (delivery.state == "accepted")
    # Both kinds must be in it, or this test would say little.
    assert judged > 190
    assert 15 < taken < judged - 50
    assert len(maker.planted) > 5000
    assert found_in(work.settings.home, maker.planted) == []
    private = [f for f in (work.settings.municipal).rglob("*") if f.stat().st_mode & 0o077]
    assert private == []


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a.log").write_text("bsn 123456782")
    assert found_in(tmp_path, ["123456782", "123456780"]) == [("logs/a.log", "123456782")]
