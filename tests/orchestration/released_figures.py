"""Every figure of a release and how it is written, by DuckDB: in another way than the portal does."""

from __future__ import annotations

from tests.orchestration.conftest import Rdc

Key = tuple[str, str, str]
#: By indicator, area and period the number and how a page writes it; of a figure that is missing None and False.
Truth = dict[Key, tuple[float | None, str | bool]]


def figures_of(released: Rdc) -> Truth:
    values = "from core.indicator_value v join core.indicator i on i.indicator_id = v.indicator_id and i.version = v.definition_version"
    found: Truth = {}
    for (decimals,) in released.sql(f"select distinct i.decimals {values}"):
        rounded = f"round(v.value::decimal(38, 12), {decimals})::decimal(38, {decimals})::varchar"
        rows = released.sql(
            f"select v.indicator_id, v.region_code, v.period_code, v.value, {rounded} {values} where i.decimals = {decimals}"
        )
        found |= {(i, r, p): (value, value is not None and _as_dutch(text)) for i, r, p, value, text in rows}
    return found


def _as_dutch(text: str) -> str:
    whole, _, part = text.removeprefix("-").partition(".")
    grouped = f"{int(whole):,}".replace(",", ".") + (f",{part}" if part else "")
    return ("−" if text.startswith("-") and grouped.strip("0.,") else "") + grouped
