"""The lines of a delivery, one by one: accepted with its place as a code and its key as a hash, or in quarantine with a reason."""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from ingest.files.periods import far_years
from ingest.files.sheet import Faulty
from ingest.municipal.boundaries import OutsideError
from ingest.municipal.contract import UNKNOWN, Column, Contract
from ingest.municipal.counting import why_missing
from ingest.municipal.lines import Line
from ingest.municipal.personal import value_class
from ingest.municipal.reading import Decided
from ingest.municipal.record import Intake, Rejected
from ingest.municipal.region import Geography, NoRegionError, gemeente_of
from ingest.municipal.values import BadValueError, Missing, parse, period_code


@dataclass(frozen=True)
class Judge:
    """Judges the lines of one delivery.

    :param decided: how its columns are to be read.
    :param secret: for the keyed hash of a key.
    :param intake: where the verdict on each line is written down.
    """

    contract: Contract
    decided: Decided
    geography: Geography
    secret: bytes
    intake: Intake

    def rows(self, lines: list[Line]) -> Iterator[dict[str, Any]]:
        """The rows that are accepted."""
        taken = [(line, row) for line in lines if (row := self._row(line)) is not None]
        yield from self._without_slips(taken)

    def _row(self, line: Line) -> dict[str, Any] | None:
        """The row as it is taken in; None where it goes to quarantine."""
        problems = [
            Rejected(line.sheet, line.number, letter, value_class(value), "staat buiten de kolommen van de kopregel")
            for letter, value in line.outside
        ]
        problems += [
            Rejected(line.sheet, line.number, name, "geen waarde", "heeft geen waarde (fout of formule)")
            for name, value in line.cells.items()
            if isinstance(value, Faulty)
        ]
        accepted = {} if problems else self._judged(line, problems)
        if not problems and not self._once(accepted):
            problems.append(
                Rejected(
                    line.sheet,
                    line.number,
                    self.contract.observation.period,
                    "dubbel",
                    "dezelfde regel komt vaker voor",
                )
            )
        if problems:
            self.intake.bad += 1
            self.intake.rejected += problems
            return None
        return accepted

    def _without_slips(self, taken: list[tuple[Line, dict[str, Any]]]) -> Iterator[dict[str, Any]]:
        """The rows but those of a year far outside the others, unless the contract says how far it may be."""
        column = self.contract.by_name[self.contract.observation.period]
        years = Counter(int(row["period"][:4]) for _, row in taken)
        far = far_years(years.elements())
        middle = max(years, key=lambda year: years[year], default=0)
        for line, row in taken:
            year = int(row["period"][:4])
            if year in far and (column.maximum if year > middle else column.minimum) is None:
                self.intake.bad += 1
                self.intake.rejected.append(
                    Rejected(
                        *(line.sheet, line.number, column.name, value_class(line.cells.get(column.name))),
                        "het jaar ligt ver buiten de andere jaren van het bestand (een tikfout?); klopt het, laat dan `minimum` of "
                        "`maximum` van de kolom in het contract zetten",
                    )
                )
            else:
                yield row

    def _once(self, row: dict[str, Any]) -> bool:
        """Whether figures that are taken as delivered stand there once for their region, period and members."""
        if not any(m.value for m in self.contract.observation.measures):
            return True
        place = (row["region"], row["period"], *(row[d] for d in self.contract.observation.dimensions))
        if place in self.intake.places:
            return False
        self.intake.places.add(place)
        return True

    def _judged(self, line: Line, problems: list[Rejected]) -> dict[str, Any]:
        """The accepted row, or what is wrong with it in ``problems``."""
        cells = line.cells
        values: dict[str, Any] = {}
        reasons: dict[str, str] = {}
        for column in self.contract.columns:
            if column.type == "drop":
                continue
            if column.name not in cells and not column.required:
                values[column.name] = None
                continue
            raw = cells.get(column.name)
            try:
                found = parse(raw, column, self.decided.of(column))
                if isinstance(found, Missing):
                    reasons[column.name], found = found.reason, None
                values[column.name] = found
            except BadValueError as error:
                problems.append(Rejected(line.sheet, line.number, column.name, value_class(raw), str(error)))
        if problems:
            return {}
        o = self.contract.observation
        try:
            period = period_code(values[o.period], o.period_type) if values[o.period] is not None else None
            if period is None:
                raise BadValueError("is leeg, maar moet gevuld zijn")
        except BadValueError as error:
            problems.append(Rejected(line.sheet, line.number, o.period, value_class(cells.get(o.period)), str(error)))
            return {}
        region = self._region(values, line, int(period[:4]), problems)
        if region is None:
            return {}
        accepted: dict[str, Any] = {"region": region, "gemeente": gemeente_of(region), "period": period}
        for column in self.contract.columns:
            value = values.get(column.name)
            if column.age_classes:
                accepted[column.name] = _age_class(value, column, period)
            elif column.type == "key":
                accepted["key"] = (
                    hmac.new(self.secret, str(value).encode(), hashlib.sha256).hexdigest() if value else None
                )
            elif column.type in ("category", "text"):
                accepted[column.name] = UNKNOWN if value is None and column.allowed else value
            elif column.type in ("integer", "decimal"):
                accepted[column.name] = value
                if column.name in reasons:
                    accepted[why_missing(column.name)] = reasons[column.name]
        return accepted

    def _region(self, values: Mapping[str, Any], line: Line, year: int, problems: list[Rejected]) -> str | None:
        """The smallest region that is certain: from a code, else the point, else the postcode, else the municipality."""
        columns = {kind: self.contract.of_type(kind) for kind in ("gemeente", "region", "postcode", "x", "y")}

        def value(kind: str) -> Any:
            column = columns[kind]
            return values.get(column.name) if column else None

        def wrong(kind: str, reason: str) -> None:
            column = columns[kind]
            raw = line.cells.get(column.name) if column else None
            problems.append(
                Rejected(line.sheet, line.number, column.name if column else "(gebied)", value_class(raw), reason)
            )

        found: dict[str, str] = {}
        at = ""
        finer = len(self.contract.observation.levels) > 1 or columns["gemeente"] is None
        try:
            if value("gemeente") is not None:
                at = "gemeente"
                column = columns["gemeente"]
                found[at] = self.geography.gemeente(value(at), column.synonyms if column else None)
            if value("region") is not None:
                at = "region"
                found[at] = self.geography.region(value(at), year)
            if finer and value("x") is not None and value("y") is not None:
                at = "x"
                if place := self.geography.locate(value("x"), value("y"), year):
                    found[at] = place
            if finer and value("postcode") is not None and "region" not in found and "x" not in found:
                at = "postcode"
                if place := self.geography.postcode(value(at), year):
                    found[at] = place
        except (NoRegionError, OutsideError) as error:
            wrong(at, str(error))
            return None
        if not found and len(self.contract.municipalities) == 1:
            return self.contract.municipalities[0]
        if not found:
            wrong(
                next((k for k in ("gemeente", "region", "x", "postcode") if columns[k]), "gemeente"),
                "het gebied is niet te bepalen" + (f" (grenzen van {year} ontbreken)" if self.geography.missed else ""),
            )
            return None
        if len({gemeente_of(code) for code in found.values()}) > 1:
            wrong(at, "de gemeente en de plaats spreken elkaar tegen")
            return None
        best = max(found.values(), key=len)
        if gemeente_of(best) not in self.contract.municipalities:
            wrong(at, "ligt in een gemeente waarvoor deze levering niet is afgesproken")
            return None
        return best


def _age_class(value: Any, column: Column, period: str) -> str:
    """The age on the first day of the period's year, in its class."""
    if value is None:
        return UNKNOWN
    year = int(period[:4])
    age = year - value.year - ((value.month, value.day) > (1, 1)) if isinstance(value, date) else year - int(value)
    classes = [c for c in column.members if c != UNKNOWN]
    below = [n for n, start in enumerate(column.age_classes or ()) if age >= start]
    return classes[below[-1]] if below else classes[0]
