-- Written by `python -m warehouse.registry.codebook` from dbt_project/indicators/economie.yml; edit that, not this.
{{ theme_mart() }}
