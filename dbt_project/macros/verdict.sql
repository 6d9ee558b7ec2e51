{#-
    Whether one figure is higher than another. Where both have margins (95%), only a difference of which the intervals do
    not overlap is one that can be shown; without margins the figures are taken as they are.
-#}
{% macro verdict(value, lower, upper, other, other_lower, other_upper) -%}
    case
        when {{ value }} is null or {{ other }} is null then null
        when {{ lower }} is not null and {{ other_lower }} is not null
            and {{ lower }} <= {{ other_upper }} and {{ other_lower }} <= {{ upper }} then 'geen aantoonbaar verschil'
        when {{ value }} > {{ other }} then 'hoger'
        when {{ value }} < {{ other }} then 'lager'
        else 'gelijk'
    end
{%- endmacro %}

{% macro difference_word(one, other) -%}
    {{ verdict(one ~ '.value', one ~ '.lower_bound', one ~ '.upper_bound', other ~ '.value', other ~ '.lower_bound', other ~ '.upper_bound') }}
{%- endmacro %}
