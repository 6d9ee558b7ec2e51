{#-
    Whether one figure is higher than another. Where there are margins (95%), only a difference of which the intervals do not
    overlap is one that can be shown; a figure without margins is taken as it is.
-#}
{% macro verdict(value, lower, upper, other, other_lower, other_upper) -%}
    case
        when {{ value }} is null or {{ other }} is null then null
        when ({{ lower }} is not null or {{ other_lower }} is not null)
            and coalesce({{ lower }}, {{ value }}) <= coalesce({{ other_upper }}, {{ other }})
            and coalesce({{ other_lower }}, {{ other }}) <= coalesce({{ upper }}, {{ value }})
            then 'geen aantoonbaar verschil'
        when {{ value }} > {{ other }} then 'hoger'
        when {{ value }} < {{ other }} then 'lager'
        else 'gelijk'
    end
{%- endmacro %}

{% macro difference_word(one, other) -%}
    {{ verdict(one ~ '.value', one ~ '.lower_bound', one ~ '.upper_bound', other ~ '.value', other ~ '.lower_bound', other ~ '.upper_bound') }}
{%- endmacro %}

{#- The version of a definition (rows of `definition`) that holds on a day; before the first one, the first. -#}
{% macro version_on(day) -%}
    coalesce(max(definition.version) filter ({{ day }} >= definition.valid_from), min(definition.version))
{%- endmacro %}
