{#-
    The wide table of a theme. Its columns are those that the model's own YAML documents: the YAML is generated from the
    registry (`python -m warehouse.registry.codebook`), so that a column, its definition and its contract can't drift apart.
    Rows in which every figure is impossible (an abolished municipality, say) are left out. A day in the past is made by the same
    macro, with the indicators of that day (warehouse/reading/as_of.py).
-#}
{% macro theme_mart(indicators=none) %}
    {% if indicators is none %}
        {{ config(materialized='whole_part', kind='mart') }}
        -- depends_on: {{ ref('build_part') }}
        {% set indicators = [] %}
        {% for column in model.columns.values() %}
            {% if column.meta.get('indicator_id') or (column.config or {}).get('meta', {}).get('indicator_id') %}
                {% do indicators.append(column.name) %}
            {% endif %}
        {% endfor %}
    {% endif %}
with figures as (
    select *
    from {{ ref('indicator_value') }}
    where indicator_id in ({% for name in indicators %}'{{ name }}'{{ ", " if not loop.last }}{% endfor %})
),

wide as (
    select
        region_code,
        period_code,
        {% for name in indicators %}
        max(value) filter (indicator_id = '{{ name }}') as {{ name }},
        {% endfor %}
        bool_or(value is not null or missing_reason <> 'impossible') as has_something
    from figures
    group by region_code, period_code
),

final as (
    select
        wide.region_code,
        region.name as region_name,
        region.region_type,
        region.parent_code,
        parent.name as parent_name,
        wide.period_code,
        period.start_date,
        period.end_date
        {%- for name in indicators %},
        wide.{{ name }}
        {%- endfor %}
    from wide
    inner join {{ ref('period') }} as period using (period_code)
    left join {{ ref('region') }} as region using (region_code)
    left join {{ ref('region') }} as parent on parent.region_code = region.parent_code
    where wide.has_something
)

select * from final
order by region_code, period_code
{% endmacro %}
