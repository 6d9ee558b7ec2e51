-- Written by `python -m warehouse.registry.codebook` from dbt_project/indicators/ruimte.yml; edit that, not this.
{{ theme_mart() }}
