{#-
    The cells of one snapshot, every measure of every row.

    A text value `.` is CBS's sign for "unknown, not reliable enough or secret"; blank means "cannot occur". A missing
    number is null in v3, which does not say why (hence `unknown`), and has its reason in v4's ValueAttribute.
-#}
{% macro load_cell(snapshot) %}
    {% if snapshot.layout == 'wide' %}
    {% set numbers = [] %}{% set texts = [] %}
    {% for m in measures_of(snapshot.snapshot_no) %}
        {% do (texts if m.datatype == 'String' else numbers).append(m) %}
    {% endfor %}
    {% if numbers %}
    select row_id, measure_id::integer as measure_id, value, null::varchar as text_value,
        case when value is null then 'unknown' end as missing_reason
    from (
        select {{ snapshot.first_row_id }} + row_no as row_id,
            {% for m in numbers %}{{ ident(m.code) }}::double as "{{ m.measure_id }}"{{ ", " if not loop.last }}{% endfor %}
        from raw.rows_{{ snapshot.snapshot_no }}
    ) unpivot include nulls (
        value for measure_id in ({% for m in numbers %}"{{ m.measure_id }}"{{ ", " if not loop.last }}{% endfor %})
    )
    {% endif %}
    {% if numbers and texts %}union all by name{% endif %}
    {% if texts %}
    select row_id, measure_id::integer as measure_id, null::double as value,
        case when text_value not in ('', '.') then text_value end as text_value,
        case when text_value is null or text_value = '.' then 'unknown' when text_value = '' then 'impossible' end
            as missing_reason
    from (
        select {{ snapshot.first_row_id }} + row_no as row_id,
            {% for m in texts %}{{ ident(m.code) }} as "{{ m.measure_id }}"{{ ", " if not loop.last }}{% endfor %}
        from raw.rows_{{ snapshot.snapshot_no }}
    ) unpivot include nulls (
        text_value for measure_id in ({% for m in texts %}"{{ m.measure_id }}"{{ ", " if not loop.last }}{% endfor %})
    )
    {% endif %}
    order by measure_id, row_id
    {% else %}
    select
        source_row.row_id,
        measure.measure_id::integer as measure_id,
        r."Value" as value,
        nullif(r."StringValue", '') as text_value,
        {{ missing_reason_v4('r."ValueAttribute"', 'r."Value" is null and nullif(r."StringValue", \'\') is null') }}
            as missing_reason
    from (
        select
            "Measure", "Value", "StringValue", "ValueAttribute",
            {{ region_expression(snapshot) }} as region_code,
            {{ period_expression(snapshot) }} as period_code,
            {{ dimensions_key(snapshot) }} as dimensions_key
        from raw.rows_{{ snapshot.snapshot_no }}
    ) as r
    inner join raw.measure as measure
        on measure.snapshot_no = {{ snapshot.snapshot_no }} and measure.code = r."Measure"
    inner join {{ ref('source_row') }} as source_row
        on source_row.snapshot_no = {{ snapshot.snapshot_no }}
        and source_row.region_code is not distinct from r.region_code
        and source_row.period_code = r.period_code
        and source_row.dimensions_key = r.dimensions_key
    order by measure_id, row_id
    {% endif %}
{% endmacro %}

{#- v4's ValueAttribute in the words of the warehouse; `None` with a value means that nothing is missing.
    `Suppressed` (hidden by disclosure control) and `NotYetPublished` are ours (ingest/municipal/publication.py). -#}
{% macro missing_reason_v4(attribute, is_missing) -%}
    case
        when not ({{ is_missing }}) then null
        when {{ attribute }} = 'Impossible' then 'impossible'
        when {{ attribute }} in ('Confidential', 'Secret') then 'confidential'
        when {{ attribute }} in ('NotAvailable', 'Missing') then 'not_available'
        when {{ attribute }} = 'Suppressed' then 'suppressed'
        when {{ attribute }} = 'NotYetPublished' then 'not_yet_published'
        else 'unknown'
    end
{%- endmacro %}
