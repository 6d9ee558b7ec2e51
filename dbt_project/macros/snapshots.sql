{#- The snapshots with figures of this candidate that it does not have already, in order: what the loads per snapshot loop over. Empty while dbt only parses. -#}
{% macro snapshots() %}
    {% if not execute %}{{ return([]) }}{% endif %}
    {% set found = run_query(
        "select snapshot_no, first_row_id, layout, region_dimension, time_dimension, period, "
        ~ "to_json(other_dimensions)::varchar as other_dimensions from raw.snapshot where layout <> 'areas' and not is_taken_over order by snapshot_no"
    ) %}
    {% set rows = [] %}
    {% for row in found.rows %}
        {% set snapshot = row.dict() %}
        {% do snapshot.update({'other_dimensions': fromjson(snapshot.other_dimensions)}) %}
        {% do rows.append(snapshot) %}
    {% endfor %}
    {{ return(rows) }}
{% endmacro %}

{% macro measures_of(snapshot_no) %}
    {% set found = run_query("select measure_id, code, datatype from raw.measure where snapshot_no = " ~ snapshot_no ~ " order by position") %}
    {% set rows = [] %}
    {% for row in found.rows %}{% do rows.append(row.dict()) %}{% endfor %}
    {{ return(rows) }}
{% endmacro %}

{% macro ident(name) %}"{{ name | replace('"', '""') }}"{% endmacro %}
{% macro quoted(text) %}'{{ text | replace("'", "''") }}'{% endmacro %}

{#- The further dimensions of a row as one text, in alphabetical order, as warehouse/making/binding.py writes it for terms. -#}
{% macro dimensions_key(snapshot) -%}
    {%- set names = snapshot.other_dimensions | sort -%}
    {%- if not names -%}''{%- else -%}
    {%- for name in names -%}
        {{ quoted((";" if not loop.first else "") ~ name ~ "=") }} || {{ ident(name) }}{{ " || " if not loop.last }}
    {%- endfor -%}
    {%- endif -%}
{%- endmacro %}

{% macro dimensions_map(snapshot) -%}
    {%- if not snapshot.other_dimensions -%}map([]::varchar[], []::varchar[]){%- else -%}
    map([{% for name in snapshot.other_dimensions %}{{ quoted(name) }}{{ ", " if not loop.last }}{% endfor %}],
        [{% for name in snapshot.other_dimensions %}{{ ident(name) }}{{ ", " if not loop.last }}{% endfor %}])
    {%- endif -%}
{%- endmacro %}

{% macro region_expression(snapshot) -%}
    {{ ident(snapshot.region_dimension) if snapshot.region_dimension else "null::varchar" }}
{%- endmacro %}

{% macro period_expression(snapshot) -%}
    {{ ident(snapshot.time_dimension) if snapshot.time_dimension else quoted(snapshot.period) }}
{%- endmacro %}
