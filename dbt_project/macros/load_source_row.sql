{#- The rows of one snapshot: region, period and further dimensions, each combination once. -#}
{% macro load_source_row(snapshot) %}
    {% if snapshot.layout == 'wide' %}
    select
        {{ snapshot.first_row_id }} + row_no as row_id,
        {{ snapshot.snapshot_no }} as snapshot_no,
        {{ region_expression(snapshot) }} as region_code,
        {{ period_expression(snapshot) }} as period_code,
        {{ dimensions_map(snapshot) }} as dimensions,
        {{ dimensions_key(snapshot) }} as dimensions_key
    from raw.rows_{{ snapshot.snapshot_no }}
    order by row_id
    {% else %}
    select
        {{ snapshot.first_row_id }} + row_number() over (order by dimensions_key, region_code, period_code) - 1 as row_id,
        {{ snapshot.snapshot_no }} as snapshot_no,
        region_code, period_code, dimensions, dimensions_key
    from (
        select distinct
            {{ region_expression(snapshot) }} as region_code,
            {{ period_expression(snapshot) }} as period_code,
            {{ dimensions_map(snapshot) }} as dimensions,
            {{ dimensions_key(snapshot) }} as dimensions_key
        from raw.rows_{{ snapshot.snapshot_no }}
    )
    order by row_id
    {% endif %}
{% endmacro %}
