"""The tables on policy choices as they go out: of which choice and indicator something may be told, and in which shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.sql import identifier
from warehouse.sharing.access import texts

if TYPE_CHECKING:
    from warehouse.effects.asked import Asked
    from warehouse.reading.published import Published

#: The schema that each is in.
TABLES = {"intervention": "core", "policy_effect": "mart", "policy_effect_path": "mart"}
#: Columns that are for working out the same again, and tell a reader nothing that the others don't.
LEFT_OUT = {"intervention": ("declaration",), "policy_effect": ("details", "question", "made_from")}


def _list(column: str, text: str = "one", items: str = "") -> str:
    return f"nullif(array_to_string(list_transform({items or column}, lambda one: {text}), '; '), '') as {column}"


def _map(column: str) -> str:
    return _list(column, "one.key || '=' || one.value", f"map_entries({column})")


#: What is a list or a map in the warehouse is a text in a file, as everywhere: name=value, with semicolons between.
_TEXTS = {
    "intervention": [
        _list("indicators", "concat_ws(' ', one.indicator, one.direction, one.relevant::varchar)"),
        _list("disturbances"),
        _list("excluded", "one.region || ': ' || one.why"),
        _list("also_treated"),
        _list("compare_with"),
    ],
    "policy_effect": [
        _map("weights"),
        _list("caveats"),
        _list("snapshots"),
    ],
    "policy_effect_path": [_map("placebo_gaps")],
}


def seen(published: Published, table: str) -> str:
    """SQL for the rows that may be seen.

    An answer has the figures of other areas in it beside its own, so that one on an indicator of which some figure may not be seen is
    left out; and a choice is left out with any answer of it: its title tells what the answer is about.
    """
    schema = TABLES[table]
    if published.whole and not published.hidden:
        return f"select * from {schema}.{table}"
    told = f"v.indicator_id in ({texts(published.hidden)})" if published.hidden else "false"
    closed = (
        f"select v.indicator_id from core.indicator_value as v where not coalesce({published.visible}, false) or {told}"
    )
    if table == "intervention":
        of = "(select intervention_id, unnest(indicators).indicator as indicator_id from core.intervention)"
        return (
            "select choice.* from core.intervention as choice where intervention_id not in "
            f"(select intervention_id from {of} where indicator_id in ({closed}))"
        )
    return f"select effect.* from {schema}.{table} as effect where indicator_id not in ({closed})"


def relation(published: Published, table: str) -> str:
    """SQL for the table as it is published: the rows that may be seen, lists and maps as texts."""
    left_out = LEFT_OUT.get(table, ())
    exclude = f" exclude ({', '.join(map(identifier, left_out))})" if left_out else ""
    return f"select *{exclude} replace ({', '.join(_TEXTS[table])}) from ({seen(published, table)})"


def answers(published: Published, name: str | None = None) -> list[Asked]:
    """The questions and answers that may be seen; none of a release from before there were any.

    :param name: only about this choice.
    """
    if ("mart", "policy_effect") not in published.tables:
        return []
    from warehouse.effects.kept import read

    return read(published.con, seen(published, "policy_effect"), seen(published, "policy_effect_path"), name)
