-- Written by `python -m warehouse.registry.codebook` from dbt_project/indicators/bestuur.yml; edit that, not this.
{{ theme_mart() }}
