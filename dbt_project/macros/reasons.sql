{#- The missing reason that stands for several: confidential outweighs all, impossible yields to all. -#}
{% macro worst_reason(expression) -%}
    arg_min({{ expression }}, case {{ expression }}
        when 'confidential' then 1 when 'suppressed' then 2 when 'not_yet_published' then 3 when 'not_available' then 4
        when 'unknown' then 5 when 'impossible' then 6 end)
{%- endmacro %}

{#- The period status that stands for several, as CBS writes it: provisional outweighs definitive. -#}
{% macro weakest_status(expression) -%}
    arg_min({{ expression }}, case {{ expression }}
        when 'Voorlopig' then 1 when 'NaderVoorlopig' then 2 when 'Definitief' then 4 else 3 end)
{%- endmacro %}
