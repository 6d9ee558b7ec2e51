{#-
    One row per combination of these columns, of which none is empty but those in `may_be_empty`. Two empty ones count as the
    same, so that a first day that nobody knows is there once.
-#}
{% test grain(model, columns, may_be_empty=[]) %}
select {{ columns | join(", ") }}, count(*) as rows_found
from {{ model }}
group by {{ columns | join(", ") }}
having count(*) > 1{% for column in columns if column not in may_be_empty %} or {{ column }} is null{% endfor %}
{% endtest %}
