"""Makes the example files anew, always the same."""

from __future__ import annotations

import csv
import io
import json
import random
from datetime import date, timedelta
from pathlib import Path

import xlsxwriter

from ingest.municipal.examples import FOLDER

NOTE = "VERZONNEN VOORBEELD: niets in dit bestand is echt"
#: Buurten that there really are, per municipality; who lives or reports there is made up.
BUURTEN = {
    "GM0770": ["BU07700000", "BU07700001", "BU07700002", "BU07700100", "BU07700200", "BU07700300"],
    "GM1728": ["BU17280000", "BU17280001", "BU17280002", "BU17280100", "BU17280200"],
}
NAMES = {"GM0770": "Eersel", "GM1728": "Bladel"}


def main(folder: Path = FOLDER) -> None:
    rng = random.Random(5521)
    for contract, make in (
        ("meldingen_fixi", fixi),
        ("meldingen_signalen", signalen),
        ("wmo_jeugd_clienten", wmo),
        ("huishoudelijk_afval", waste),
        ("vth_vergunningen", permits),
        ("klantcontacten", contacts),
    ):
        (folder / contract).mkdir(parents=True, exist_ok=True)
        name, content = make(rng)
        (folder / contract / name).write_bytes(content)


def sheet(header: list[str], rows: list[list[object]], encoding: str, delimiter: str = ";") -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow([NOTE])
    writer.writerow([])
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode(encoding)


def day(rng: random.Random, year: int) -> date:
    return date(year, 1, 1) + timedelta(rng.randrange(365))


def fixi(rng: random.Random) -> tuple[str, bytes]:
    """Windows-1252, semicolons, dates dd-mm-yyyy, names of municipalities as people write them."""
    header = ["Meldingnummer", "Datum", "Hoofdcategorie", "Subcategorie", "Straat", "Huisnr", "Gemeente", "Status"]
    header += ["Datum gereed", "Behandelaar", "Kanaal", "Omschrijving"]
    rows: list[list[object]] = []
    kinds = ["Afval", "Groen", "Wegen en verlichting", "Overlast", "Overig"]
    for n in range(240):
        when = day(rng, 2024)
        done = rng.random() < 0.8
        rows.append(
            [
                *(f"V{n:05d}", f"{when:%d-%m-%Y}", rng.choices(kinds, [5, 4, 3, 2, 1])[0], "verzonnen"),
                *(
                    "Verzonnenstraat",
                    rng.randint(1, 99),
                    rng.choice(["Eersel", "gemeente Bladel", "Reusel-de Mierden"]),
                ),
                *("Gereed" if done else "Open", f"{when + timedelta(5):%d-%m-%Y}" if done else ""),
                *("J. Verzonnen", rng.choice(["App", "Web", "Telefoon"]), "Verzonnen café-melding"),
            ]
        )
    return "voorbeeld-fixi-2024.csv", sheet(header, rows, "cp1252")


def signalen(rng: random.Random) -> tuple[str, bytes]:
    """The JSON of Signalen's API: nested, with more than is taken in."""
    results = []
    for n in range(160):
        gemeente = rng.choice(["GM0770", "GM0770", "GM1728"])
        results.append(
            {
                "_links": {"self": {"href": "https://voorbeeld.invalid/signals"}},
                "id": 1000 + n,
                "created_at": f"{day(rng, 2024)}T09:00:00+01:00",
                "category": {
                    "main": rng.choices(["Afval", "Openbaar groen en water", "Overig"], [4, 3, 1])[0],
                    "sub": "verzonnen",
                },
                "status": {"state": rng.choices(["o", "m", "b"], [7, 2, 1])[0], "text": "verzonnen", "user": None},
                "location": {"buurt_code": rng.choice(BUURTEN[gemeente]), "address_text": "Verzonnenstraat 1"},
                "source": rng.choice(["online", "Telefoon"]),
                "reporter": {"email": None, "phone": None},
                "text": "Verzonnen melding",
            }
        )
    content = {"toelichting": NOTE, "results": results}
    return "voorbeeld-signalen-2024.json", json.dumps(content, ensure_ascii=False, indent=0).encode()


def wmo(rng: random.Random) -> tuple[str, bytes]:
    """A row per client and provision; a client may have several."""
    header = ["client_pseudo", "geboortejaar", "geslacht", "buurtcode", "gemeentecode", "wet", "productcategorie"]
    rows: list[list[object]] = []
    for n in range(260):
        gemeente = rng.choice(list(BUURTEN))
        buurt = rng.choices(BUURTEN[gemeente], [8, 6, 4, 3, 2, 2][: len(BUURTEN[gemeente])])[0]
        law = rng.choices(["WMO", "JW"], [3, 2])[0]
        born = rng.randint(2007, 2023) if law == "JW" else rng.randint(1932, 2004)
        for _ in range(rng.choice([1, 1, 1, 2])):
            # Leading zeros and letters get lost in spreadsheets.
            rows.append(
                [f"V-{n:04d}", born, rng.choice("MV"), buurt, gemeente.removeprefix("GM").lstrip("0"), law, "x"]
            )
    return "voorbeeld-wmo-jeugd-2024.csv", sheet(header, rows, "utf-8-sig")


def waste(rng: random.Random) -> tuple[str, bytes]:
    """Notes above, years side by side under merged headers, a block per municipality, totals."""
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True}) as book:
        page = book.add_worksheet("Afval")
        page.write(0, 0, NOTE)
        page.write(1, 0, "Kilogrammen zoals gewogen")
        page.merge_range(3, 0, 4, 0, "Fractie")
        for n, year in enumerate((2023, 2024)):
            page.merge_range(3, 1 + 2 * n, 3, 2 + 2 * n, year)
            page.write_row(4, 1 + 2 * n, ["kg", "kg/inw"])
        line = 5
        for name, people in (("Eersel", 20_100), ("Bladel", 20_600)):
            page.write(line, 0, f"Gemeente {name}")
            line += 1
            start = line
            for fraction, each in (("Restafval", 60), ("Gft", 95), ("Pmd", 25), ("Glas", 22), ("Papier", 48)):
                page.write(line, 0, fraction)
                for n in range(2):
                    kilograms = round(people * each * rng.uniform(0.9, 1.1))
                    page.write_row(line, 1 + 2 * n, [kilograms, round(kilograms / people, 1)])
                line += 1
            page.write(line, 0, "Totaal")
            for n in range(2):
                page.write_formula(line, 1 + 2 * n, f"=SUM({'BD'[n]}{start + 1}:{'BD'[n]}{line})", None, 0)
            line += 1
        page.write(line + 1, 0, "Voorlopige cijfers")
        book.set_properties({"created": __import__("datetime").datetime(2025, 1, 1)})
    return "voorbeeld-afval.xlsx", target.getvalue()


def permits(rng: random.Random) -> tuple[str, bytes]:
    header = [
        "Zaaknummer",
        "Activiteit",
        "Datum besluit",
        "Besluit",
        "Adres",
        "Gemeente",
        "Legesbedrag",
        "Doorlooptijd (dagen)",
    ]
    header[-1] = "doorlooptijd_dagen"
    rows: list[list[object]] = []
    for n in range(180):
        fee = f"{rng.uniform(150, 9000):,.2f}".replace(",", "_").replace(".", ",").replace("_", ".")
        rows.append(
            [
                *(f"V-Z{n:04d}", rng.choices(["Bouwen", "Kappen", "Uitrit", "Sloop"], [6, 3, 2, 1])[0]),
                *(f"{day(rng, 2024):%d-%m-%Y}", rng.choices(["Verleend", "Geweigerd"], [6, 1])[0], "Verzonnenstraat 1"),
                *(rng.choice(["770", "GM1728", "Oirschot"]), fee, rng.randint(10, 120)),
            ]
        )
    return "voorbeeld-vth-2024.csv", sheet(header, rows, "utf-8")


def contacts(rng: random.Random) -> tuple[str, bytes]:
    header = ["datum", "gemeente", "kanaal", "onderwerp", "in_een_keer", "notitie"]
    rows: list[list[object]] = [
        [
            f"{date(2024, 1 + n % 2, 1) + timedelta(rng.randrange(28)):%Y-%m-%d}",
            rng.choice(["Eersel", "Bergeijk"]),
            rng.choices(["Telefoon", "Balie", "E-mail"], [5, 3, 2])[0],
            rng.choices(["Burgerzaken", "Belastingen", "Openbare ruimte"], [5, 2, 2])[0],
            rng.choices(["ja", "nee"], [4, 1])[0],
            "verzonnen",
        ]
        for n in range(300)
    ]
    return "voorbeeld-klantcontacten-2024.csv", sheet(header, rows, "utf-8", ",")


if __name__ == "__main__":
    main()
