{#- How many cells each indicator is made from: the memory that core.indicator_value needs goes with them. -#}
{% macro cells_of_indicators() -%}
    select indicator_id as part, sum(cells) as weight
    from {{ ref('indicator_term') }}
    inner join (
        select snapshot_no, dimensions_key, count(*) as cells from {{ ref('source_row') }} group by all
    ) using (snapshot_no, dimensions_key)
    where measure_id is not null
    group by indicator_id
{%- endmacro %}
