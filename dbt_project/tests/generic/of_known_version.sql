{#- Each figure is of a version of an indicator that core.indicator has. -#}
{% test of_known_version(model) %}
select distinct figure.indicator_id, figure.definition_version
from {{ model }} as figure
anti join {{ ref('indicator') }} as indicator
    on indicator.indicator_id = figure.indicator_id and indicator.version = figure.definition_version
{% endtest %}
